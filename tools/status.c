/*!
 * \brief The command status: what the module knows, for people and for machines.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "live.h"
#include "records.h"
#include "tool.h"

/*! Addresses shown to people; the others are counted. */
#define ADDRESSES_SHOWN 4
#define CELL_MAX        600

/* For people. */

/*! Writes a cell of the table. */
typedef void (*cell_f)(char cell[CELL_MAX], const kaname_line_t *line);

static const char *field_or(const kaname_line_t *line, const char *key, const char *otherwise)
{
	const char *value = kaname_live_field(line, key);
	return value != NULL && value[0] != '\0' ? value : otherwise;
}

static void put_field(char cell[CELL_MAX], const kaname_line_t *line, const char *key)
{
	(void)snprintf(cell, CELL_MAX, "%s", field_or(line, key, "-"));
}

static void put_name(char cell[CELL_MAX], const kaname_line_t *line)
{
	put_field(cell, line, ANAME_KEY_NAME);
}

static void put_family(char cell[CELL_MAX], const kaname_line_t *line)
{
	put_field(cell, line, ANAME_KEY_FAMILY);
}

static void put_state(char cell[CELL_MAX], const kaname_line_t *line)
{
	put_field(cell, line, ANAME_KEY_STATE);
}

/*! Writes a time in seconds with units. */
static void put_seconds(char cell[CELL_MAX], const char *text)
{
	static const struct {
		long seconds;
		char unit;
	} units[] = { { 172800, 'd' }, { 7200, 'h' }, { 120, 'm' } };
	static const long lengths[] = { 86400, 3600, 60 };
	if (text == NULL) {
		(void)snprintf(cell, CELL_MAX, "-");
		return;
	}
	long seconds = strtol(text, NULL, 10);
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (seconds >= units[i].seconds) {
			(void)snprintf(cell, CELL_MAX, "%ld%c", seconds / lengths[i],
			               units[i].unit);
			return;
		}
	}
	(void)snprintf(cell, CELL_MAX, "%lds", seconds);
}

static void put_subnet(char cell[CELL_MAX], const kaname_line_t *line)
{
	(void)snprintf(cell, CELL_MAX, "%s", field_or(line, ANAME_KEY_SUBNET, "all"));
}

static void put_ttl(char cell[CELL_MAX], const kaname_line_t *line)
{
	put_seconds(cell, kaname_live_field(line, ANAME_KEY_TTL));
}

static void put_next(char cell[CELL_MAX], const kaname_line_t *line)
{
	put_seconds(cell, kaname_live_field(line, ANAME_KEY_NEXT));
}

static void put_asked(char cell[CELL_MAX], const kaname_line_t *line)
{
	put_seconds(cell, kaname_live_field(line, ANAME_KEY_ASKED));
}

static void put_lookups(char cell[CELL_MAX], const kaname_line_t *line)
{
	(void)snprintf(cell, CELL_MAX, "%s/%s", field_or(line, ANAME_KEY_SUCCEEDED, "0"),
	               field_or(line, ANAME_KEY_STARTED, "0"));
}

static void put_lag(char cell[CELL_MAX], const kaname_line_t *line)
{
	(void)snprintf(cell, CELL_MAX, "%sms", field_or(line, ANAME_KEY_LAG, "0"));
}

static void put_resolver(char cell[CELL_MAX], const kaname_line_t *line)
{
	put_field(cell, line, ANAME_KEY_RESOLVER);
}

static void put_addresses(char cell[CELL_MAX], const kaname_line_t *line)
{
	const char *at = field_or(line, ANAME_KEY_ADDRESSES, "-");
	size_t used = 0;
	unsigned shown = 0, more = 0;
	while (at != NULL) {
		size_t len = strcspn(at, ",");
		if (shown < ADDRESSES_SHOWN && used + len + 2 < CELL_MAX) {
			used += snprintf(cell + used, CELL_MAX - used, "%s%.*s",
			                 shown > 0 ? " " : "", (int)len, at);
			shown++;
		} else {
			more++;
		}
		at = at[len] == ',' ? at + len + 1 : NULL;
	}
	if (more > 0) {
		(void)snprintf(cell + used, CELL_MAX - used, " +%u", more);
	}
}

/*! Last, since it is a sentence. */
static void put_failing(char cell[CELL_MAX], const kaname_line_t *line)
{
	const char *failing = kaname_live_field(line, ANAME_KEY_FAILING);
	const char *gone = kaname_live_field(line, ANAME_KEY_GONE);
	char time[CELL_MAX];
	int used = 0;
	(void)snprintf(cell, CELL_MAX, "-");
	if (failing != NULL) {
		put_seconds(time, failing);
		used = snprintf(cell, CELL_MAX, "for %.20s: %.400s%s", time,
		                field_or(line, ANAME_KEY_WHY, "not known"),
		                gone != NULL ? "; " : "");
	}
	if (gone != NULL) {
		put_seconds(time, gone);
		(void)snprintf(cell + used, CELL_MAX - used, "gone for %.20s: %.40s", time,
		               field_or(line, ANAME_KEY_DENIAL, "not known"));
	}
}

static const struct {
	const char *title;
	cell_f put;
} columns[] = {
	{ "TARGET", put_name },
	{ "TYPE", put_family },
	{ "CLIENTS", put_subnet },
	{ "STATE", put_state },
	{ "TTL", put_ttl },
	{ "NEXT", put_next },
	{ "ASKED", put_asked },
	{ "LOOKUPS", put_lookups },
	{ "LAG", put_lag },
	{ "RESOLVER", put_resolver },
	{ "ADDRESSES", put_addresses },
	{ "FAILING", put_failing },
};
#define COLUMNS (sizeof(columns) / sizeof(columns[0]))

static void print_table(const kaname_live_t *live)
{
	int widths[COLUMNS];
	char cell[CELL_MAX];
	for (size_t c = 0; c < COLUMNS; c++) {
		widths[c] = (int)strlen(columns[c].title);
		for (size_t i = 0; i < live->count; i++) {
			columns[c].put(cell, &live->targets[i]);
			int width = (int)strlen(cell);
			widths[c] = width > widths[c] ? width : widths[c];
		}
	}
	for (size_t i = 0; i <= live->count; i++) {
		for (size_t c = 0; c < COLUMNS; c++) {
			if (i > 0) {
				columns[c].put(cell, &live->targets[i - 1]);
			}
			bool last = c == COLUMNS - 1;
			(void)printf("%-*s%s", last ? 0 : widths[c],
			             i > 0 ? cell : columns[c].title, last ? "\n" : "  ");
		}
	}
}

/* For machines. */

/*! How a field is written in JSON. */
typedef enum {
	AS_TEXT,
	AS_NUMBER,
	AS_LIST, /*!< Texts with commas between them. */
	AS_FLAG, /*!< Whether it is there. */
} form_t;

typedef struct {
	const char *key, *name;
	form_t form;
} json_field_t;

static const json_field_t server_fields[] = {
	{ ANAME_KEY_PID, "pid", AS_NUMBER },
	{ ANAME_KEY_TARGETS, "targets", AS_NUMBER },
	{ ANAME_KEY_ADDRESSES, "addresses", AS_NUMBER },
	{ ANAME_KEY_STARTED, "lookups_started", AS_NUMBER },
	{ ANAME_KEY_SUCCEEDED, "lookups_succeeded", AS_NUMBER },
	{ ANAME_KEY_FAILED, "lookups_failed", AS_NUMBER },
	{ ANAME_KEY_LAG, "refresh_lag_ms", AS_NUMBER },
	{ ANAME_KEY_FULL, "full", AS_FLAG },
};

static const json_field_t target_fields[] = {
	{ ANAME_KEY_NAME, "target", AS_TEXT },
	{ ANAME_KEY_FAMILY, "type", AS_TEXT },
	{ ANAME_KEY_SUBNET, "client_subnet", AS_TEXT },
	{ ANAME_KEY_STATE, "state", AS_TEXT },
	{ ANAME_KEY_TTL, "ttl", AS_NUMBER },
	{ ANAME_KEY_AGE, "learned_seconds_ago", AS_NUMBER },
	{ ANAME_KEY_ADDRESSES, "addresses", AS_LIST },
	{ ANAME_KEY_FAILING, "failing_seconds", AS_NUMBER },
	{ ANAME_KEY_WHY, "failing_why", AS_TEXT },
	{ ANAME_KEY_GONE, "gone_seconds", AS_NUMBER },
	{ ANAME_KEY_DENIAL, "gone_denial", AS_TEXT },
	{ ANAME_KEY_NEXT, "next_lookup_in", AS_NUMBER },
	{ ANAME_KEY_ASKED, "asked_seconds_ago", AS_NUMBER },
	{ ANAME_KEY_STARTED, "lookups_started", AS_NUMBER },
	{ ANAME_KEY_SUCCEEDED, "lookups_succeeded", AS_NUMBER },
	{ ANAME_KEY_FAILED, "lookups_failed", AS_NUMBER },
	{ ANAME_KEY_LAG, "refresh_lag_ms", AS_NUMBER },
	{ ANAME_KEY_RESOLVER, "resolver", AS_LIST },
	{ ANAME_KEY_VIA, "via", AS_LIST },
};

static void print_json_text(const char *text, size_t len)
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

static void print_json_list(const char *text)
{
	(void)putchar('[');
	while (text[0] != '\0') {
		size_t len = strcspn(text, ",");
		print_json_text(text, len);
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

/*! Prints the fields of a line as an object; what it does not have is null. */
static void print_object(const kaname_line_t *line, const json_field_t *fields, size_t count)
{
	(void)putchar('{');
	for (size_t i = 0; i < count; i++) {
		const char *value = kaname_live_field(line, fields[i].key);
		(void)printf("%s\"%s\": ", i > 0 ? ", " : "", fields[i].name);
		if (fields[i].form == AS_FLAG) {
			(void)fputs(value != NULL ? "true" : "false", stdout);
		} else if (value == NULL || (fields[i].form == AS_NUMBER && !is_number(value))) {
			(void)fputs("null", stdout);
		} else if (fields[i].form == AS_NUMBER) {
			(void)fputs(value, stdout);
		} else if (fields[i].form == AS_LIST) {
			print_json_list(value);
		} else {
			print_json_text(value, strlen(value));
		}
	}
	(void)putchar('}');
}

static void print_json(const kaname_live_t *live)
{
	(void)fputs("{\"server\": ", stdout);
	print_object(&live->server, server_fields, sizeof(server_fields) / sizeof(json_field_t));
	(void)fputs(", \"targets\": [", stdout);
	for (size_t i = 0; i < live->count; i++) {
		(void)fputs(i > 0 ? ",\n " : "\n ", stdout);
		print_object(&live->targets[i], target_fields,
		             sizeof(target_fields) / sizeof(json_field_t));
	}
	(void)fputs("\n]}\n", stdout);
}

/* Either. */

/*! The records of the zone that was named. */
static kaname_exit_t read_records(const kaname_args_t *args, kaname_records_t *records)
{
	knot_dname_txt_storage_t zone;
	kaname_control_t control;
	if (!kaname_zone_name(zone, args->arguments[0])) {
		return KANAME_NO;
	}
	kaname_exit_t ret = kaname_control_open(&control, args);
	if (ret != KANAME_OK) {
		return ret;
	}
	ret = kaname_records_read(&control, "zone-read", zone, records);
	kaname_control_close(&control);
	size_t good = 0;
	for (size_t i = 0; i < records->count; i++) {
		good += records->at[i].good;
	}
	if (ret == KANAME_OK && good == 0) {
		kaname_error("%s has no ANAME or ALIAS record with a target", zone);
		(void)fprintf(stderr, "next: 'kaname set %s TARGET' declares one\n", zone);
		ret = KANAME_NO;
	}
	return ret;
}

kaname_exit_t kaname_status(const kaname_args_t *args)
{
	kaname_records_t records = { 0 };
	kaname_exit_t ret = KANAME_OK;
	if (args->count > 0) {
		ret = read_records(args, &records);
	}
	kaname_live_t live = { 0 };
	if (ret == KANAME_OK) {
		ret = kaname_live_read(args, args->count > 0 ? &records : NULL, &live);
	}
	kaname_records_free(&records);
	if (ret != KANAME_OK) {
		return ret;
	}
	if (args->json) {
		print_json(&live);
	} else if (live.count > 0) {
		print_table(&live);
	} else {
		kaname_error("no target is known: none was asked for lately");
		(void)fprintf(stderr,
		              "next: a query makes it known, 'kaname check ZONE' for one\n");
	}
	kaname_live_free(&live);
	return KANAME_OK;
}
