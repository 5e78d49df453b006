#include "prometheus/exposition.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static bool is_counter(const char *name)
{
	size_t len = strlen(name);
	return len > 6 && strcmp(name + len - 6, "_total") == 0;
}

void kaname_metric_begin(FILE *out, const char *name, const char *unit, const char *help)
{
	if (!is_counter(name)) {
		(void)fprintf(out, "# TYPE %s gauge\n", name);
	}
	if (unit != NULL) {
		(void)fprintf(out, "# UNIT %s %s\n", name, unit);
	}
	(void)fprintf(out, "# HELP %s %s\n", name, help);
}

void kaname_metric_sample(FILE *out, const char *name, const char *labels, const char *value)
{
	bool some = labels != NULL && labels[0] != '\0';
	(void)fprintf(out, "%s%s%s%s %s\n", name, some ? "{" : "", some ? labels : "",
	              some ? "}" : "", value);
}

/*! Is it a number, so that what comes out can be read whatever came from the socket? */
static bool is_number(const char *text)
{
	size_t len = strspn(text, "0123456789");
	if (len == 0 || len > 19) {
		return false;
	}
	if (text[len] == '.') {
		size_t decimals = strspn(text + len + 1, "0123456789");
		len += decimals > 0 && decimals < 10 ? 1 + decimals : 0;
	}
	return text[len] == '\0';
}

static unsigned count_list(const char *text)
{
	unsigned count = text[0] != '\0';
	for (; *text != '\0'; text++) {
		count += *text == ',';
	}
	return count;
}

void kaname_metric_of_line(FILE *out, const kaname_metric_t *metric, const char *labels,
                           const kaname_line_t *line)
{
	const char *field = kaname_live_field(line, metric->key);
	const char *value = field != NULL ? field : metric->otherwise;
	char text[40];
	if (metric->value == KANAME_VALUE_FLAG) {
		value = field != NULL ? "1" : metric->otherwise;
	} else if (metric->value == KANAME_VALUE_COUNT && field != NULL) {
		(void)snprintf(text, sizeof(text), "%u", count_list(field));
		value = text;
	} else if (value != NULL && !is_number(value)) {
		return;
	} else if (metric->value == KANAME_VALUE_MS && field != NULL) {
		/* With a point, if it had one. */
		double ms = strtod(field, NULL);
		(void)snprintf(text, sizeof(text), "%.6f", ms / 1000);
		value = text;
	}
	if (value != NULL) {
		kaname_metric_sample(out, metric->name, labels, value);
	}
}

void kaname_label_add(FILE *labels, const char *name, const char *value)
{
	if (value == NULL || value[0] == '\0') {
		return;
	}
	(void)fprintf(labels, "%s%s=\"", ftell(labels) > 0 ? "," : "", name);
	for (; *value != '\0'; value++) {
		unsigned char c = *value;
		if (c == '"' || c == '\\') {
			(void)fprintf(labels, "\\%c", c);
		} else if (c == '\n') {
			(void)fputs("\\n", labels);
		} else if (c < ' ' || c > '~') {
			/* It has to be UTF-8, and a path need not be. */
			(void)fprintf(labels, "\\\\x%02x", c);
		} else {
			(void)fputc(c, labels);
		}
	}
	(void)fputc('"', labels);
}
