#include "print.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COLUMNS_MAX 16

/* For people. */

const char *kaname_field_or(const kaname_line_t *line, const char *key, const char *otherwise)
{
	const char *value = kaname_live_field(line, key);
	return value != NULL && value[0] != '\0' ? value : otherwise;
}

void kaname_put_field(char cell[KANAME_CELL_MAX], const kaname_line_t *line, const char *key)
{
	(void)snprintf(cell, KANAME_CELL_MAX, "%s", kaname_field_or(line, key, "-"));
}

void kaname_put_time(char cell[KANAME_CELL_MAX], const kaname_line_t *line, const char *key)
{
	const char *text = kaname_live_field(line, key);
	static const struct {
		long seconds;
		char unit;
	} units[] = { { 172800, 'd' }, { 7200, 'h' }, { 120, 'm' } };
	static const long lengths[] = { 86400, 3600, 60 };
	if (text == NULL) {
		(void)snprintf(cell, KANAME_CELL_MAX, "-");
		return;
	}
	long seconds = strtol(text, NULL, 10);
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (seconds >= units[i].seconds) {
			(void)snprintf(cell, KANAME_CELL_MAX, "%ld%c", seconds / lengths[i],
			               units[i].unit);
			return;
		}
	}
	(void)snprintf(cell, KANAME_CELL_MAX, "%lds", seconds);
}

void kaname_print_table(const kaname_column_t *columns, size_t columns_count,
                        const kaname_line_t *lines, size_t count)
{
	int widths[COLUMNS_MAX];
	char cell[KANAME_CELL_MAX];
	for (size_t c = 0; c < columns_count; c++) {
		widths[c] = (int)strlen(columns[c].title);
		for (size_t i = 0; i < count; i++) {
			columns[c].put(cell, &lines[i]);
			int width = (int)strlen(cell);
			widths[c] = width > widths[c] ? width : widths[c];
		}
	}
	for (size_t i = 0; i <= count; i++) {
		for (size_t c = 0; c < columns_count; c++) {
			if (i > 0) {
				columns[c].put(cell, &lines[i - 1]);
			}
			bool last = c == columns_count - 1;
			(void)printf("%-*s%s", last ? 0 : widths[c],
			             i > 0 ? cell : columns[c].title, last ? "\n" : "  ");
		}
	}
}

/* For machines. */

void kaname_print_text(const char *text, size_t len)
{
	(void)putchar('"');
	for (size_t i = 0; i < len; i++) {
		unsigned char c = text[i];
		if (c == '"' || c == '\\') {
			(void)printf("\\%c", c);
		} else if (c < ' ' || c > '~') {
			(void)printf("\\u%04x", c);
		} else {
			(void)putchar(c);
		}
	}
	(void)putchar('"');
}

static void print_list(const char *text)
{
	(void)putchar('[');
	while (text[0] != '\0') {
		size_t len = strcspn(text, ",");
		kaname_print_text(text, len);
		text += len;
		if (*text == ',') {
			(void)fputs(", ", stdout);
			text++;
		}
	}
	(void)putchar(']');
}

/*! Is it a number, so that what comes out is JSON whatever came from the socket? */
static bool is_number(const char *text)
{
	size_t len = strspn(text, "0123456789");
	return len > 0 && len < 20 && text[len] == '\0' && (len == 1 || text[0] != '0');
}

void kaname_print_members(const kaname_line_t *line, const kaname_json_field_t *fields,
                          size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const char *value = kaname_live_field(line, fields[i].key);
		(void)printf("%s\"%s\": ", i > 0 ? ", " : "", fields[i].name);
		if (fields[i].form == KANAME_AS_FLAG) {
			(void)fputs(value != NULL ? "true" : "false", stdout);
		} else if (value == NULL ||
		           (fields[i].form == KANAME_AS_NUMBER && !is_number(value))) {
			(void)fputs("null", stdout);
		} else if (fields[i].form == KANAME_AS_NUMBER) {
			(void)fputs(value, stdout);
		} else if (fields[i].form == KANAME_AS_LIST) {
			print_list(value);
		} else {
			kaname_print_text(value, strlen(value));
		}
	}
}

void kaname_print_objects(const kaname_line_t *lines, size_t lines_count,
                          const kaname_json_field_t *fields, size_t count)
{
	(void)putchar('[');
	for (size_t i = 0; i < lines_count; i++) {
		(void)fputs(i > 0 ? ",\n  {" : "\n  {", stdout);
		kaname_print_members(&lines[i], fields, count);
		(void)putchar('}');
	}
	(void)putchar(']');
}
