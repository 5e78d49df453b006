#include "tables.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "print.h"
#include "running.h"

/*! Addresses shown to people; the others are counted. */
#define ADDRESSES_SHOWN 4

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* The targets. */

static void put_name(char cell[KANAME_CELL_MAX], const kaname_line_t *line)
{
	kaname_put_field(cell, line, ANAME_KEY_NAME);
}

static void put_family(char cell[KANAME_CELL_MAX], const kaname_line_t *line)
{
	kaname_put_field(cell, line, ANAME_KEY_FAMILY);
}

static void put_state(char cell[KANAME_CELL_MAX], const kaname_line_t *line)
{
	kaname_put_field(cell, line, ANAME_KEY_STATE);
}

static void put_subnet(char cell[KANAME_CELL_MAX], const kaname_line_t *line)
{
	(void)snprintf(cell, KANAME_CELL_MAX, "%s", kaname_field_or(line, ANAME_KEY_SUBNET, "all"));
}

static void put_ttl(char cell[KANAME_CELL_MAX], const kaname_line_t *line)
{
	kaname_put_time(cell, line, ANAME_KEY_TTL);
}

static void put_next(char cell[KANAME_CELL_MAX], const kaname_line_t *line)
{
	kaname_put_time(cell, line, ANAME_KEY_NEXT);
}

static void put_asked(char cell[KANAME_CELL_MAX], const kaname_line_t *line)
{
	kaname_put_time(cell, line, ANAME_KEY_ASKED);
}

static void put_lookups(char cell[KANAME_CELL_MAX], const kaname_line_t *line)
{
	(void)snprintf(cell, KANAME_CELL_MAX, "%s/%s",
	               kaname_field_or(line, ANAME_KEY_SUCCEEDED, "0"),
	               kaname_field_or(line, ANAME_KEY_STARTED, "0"));
}

static void put_lag(char cell[KANAME_CELL_MAX], const kaname_line_t *line)
{
	(void)snprintf(cell, KANAME_CELL_MAX, "%sms", kaname_field_or(line, ANAME_KEY_LAG, "0"));
}

static void put_resolver(char cell[KANAME_CELL_MAX], const kaname_line_t *line)
{
	kaname_put_field(cell, line, ANAME_KEY_RESOLVER);
}

static void put_via(char cell[KANAME_CELL_MAX], const kaname_line_t *line)
{
	kaname_put_field(cell, line, ANAME_KEY_VIA);
}

static void put_dnssec(char cell[KANAME_CELL_MAX], const kaname_line_t *line)
{
	bool secure = kaname_live_field(line, ANAME_KEY_SECURE) != NULL;
	(void)snprintf(cell, KANAME_CELL_MAX, "%s", secure ? "secure" : "any");
}

static void put_addresses(char cell[KANAME_CELL_MAX], const kaname_line_t *line)
{
	const char *at = kaname_field_or(line, ANAME_KEY_ADDRESSES, "-");
	size_t used = 0;
	unsigned shown = 0, more = 0;
	while (at != NULL) {
		size_t len = strcspn(at, ",");
		if (shown < ADDRESSES_SHOWN && used + len + 2 < KANAME_CELL_MAX) {
			used += snprintf(cell + used, KANAME_CELL_MAX - used, "%s%.*s",
			                 shown > 0 ? " " : "", (int)len, at);
			shown++;
		} else {
			more++;
		}
		at = at[len] == ',' ? at + len + 1 : NULL;
	}
	if (more > 0) {
		(void)snprintf(cell + used, KANAME_CELL_MAX - used, " +%u", more);
	}
}

/*! Last, since it is a sentence. */
static void put_failing(char cell[KANAME_CELL_MAX], const kaname_line_t *line)
{
	const char *failing = kaname_live_field(line, ANAME_KEY_FAILING);
	const char *gone = kaname_live_field(line, ANAME_KEY_GONE);
	char time[KANAME_CELL_MAX];
	int used = 0;
	(void)snprintf(cell, KANAME_CELL_MAX, "-");
	if (kaname_live_field(line, ANAME_KEY_UNUSED) != NULL) {
		(void)snprintf(cell, KANAME_CELL_MAX, "unused: no zone uses it any more");
		return;
	}
	if (failing != NULL) {
		kaname_put_time(time, line, ANAME_KEY_FAILING);
		used = snprintf(cell, KANAME_CELL_MAX, "for %.20s: %.400s%s", time,
		                kaname_field_or(line, ANAME_KEY_WHY, "not known"),
		                gone != NULL ? "; " : "");
	}
	if (gone != NULL) {
		kaname_put_time(time, line, ANAME_KEY_GONE);
		used += snprintf(cell + used, KANAME_CELL_MAX - used, "gone for %.20s: %.40s", time,
		                 kaname_field_or(line, ANAME_KEY_DENIAL, "not known"));
	}
	if (kaname_live_field(line, ANAME_KEY_CIRCLE) != NULL) {
		(void)snprintf(cell + used, KANAME_CELL_MAX - used,
		               "%sends at an owner that leads back to itself",
		               used > 0 ? "; " : "");
	}
}

static const kaname_column_t target_columns[] = {
	{ "TARGET", put_name },         { "TYPE", put_family },     { "CLIENTS", put_subnet },
	{ "STATE", put_state },         { "TTL", put_ttl },         { "NEXT", put_next },
	{ "ASKED", put_asked },         { "LOOKUPS", put_lookups }, { "LAG", put_lag },
	{ "RESOLVER", put_resolver },   { "VIA", put_via },         { "DNSSEC", put_dnssec },
	{ "ADDRESSES", put_addresses }, { "FAILING", put_failing },
};

/* The addresses that are probed or forced. */

static void put_address(char cell[KANAME_CELL_MAX], const kaname_line_t *line)
{
	kaname_put_field(cell, line, ANAME_KEY_ADDRESS);
}

/*! How it is probed, and where. */
static void put_probe(char cell[KANAME_CELL_MAX], const kaname_line_t *line)
{
	const char *host = kaname_live_field(line, ANAME_KEY_HOST);
	if (kaname_live_field(line, ANAME_KEY_PROBE) == NULL) {
		(void)snprintf(cell, KANAME_CELL_MAX, "-");
		return;
	}
	(void)snprintf(cell, KANAME_CELL_MAX, "%.10s:%.10s%s%.250s%.250s",
	               kaname_field_or(line, ANAME_KEY_PROBE, ""),
	               kaname_field_or(line, ANAME_KEY_PORT, ""), host != NULL ? "," : "",
	               host != NULL ? host : "", kaname_field_or(line, ANAME_KEY_PATH, ""));
}

static void put_health(char cell[KANAME_CELL_MAX], const kaname_line_t *line)
{
	kaname_put_field(cell, line, ANAME_KEY_HEALTH);
}

static void put_since(char cell[KANAME_CELL_MAX], const kaname_line_t *line)
{
	kaname_put_time(cell, line, ANAME_KEY_SINCE);
}

static void put_probed(char cell[KANAME_CELL_MAX], const kaname_line_t *line)
{
	kaname_put_time(cell, line, ANAME_KEY_PROBED);
}

/*! What an operator says, and for how long. */
static void put_word(char cell[KANAME_CELL_MAX], const kaname_line_t *line)
{
	char time[KANAME_CELL_MAX];
	kaname_put_field(cell, line, ANAME_KEY_FORCED);
	if (kaname_live_field(line, ANAME_KEY_UNTIL) != NULL) {
		kaname_put_time(time, line, ANAME_KEY_UNTIL);
		(void)snprintf(cell, KANAME_CELL_MAX, "%.20s %.20s",
		               kaname_field_or(line, ANAME_KEY_FORCED, "-"), time);
	}
}

static void put_why(char cell[KANAME_CELL_MAX], const kaname_line_t *line)
{
	kaname_put_field(cell, line, ANAME_KEY_WHY);
}

static const kaname_column_t address_columns[] = {
	{ "ADDRESS", put_address }, { "TARGET", put_name }, { "PROBE", put_probe },
	{ "HEALTH", put_health },   { "SINCE", put_since }, { "PROBED", put_probed },
	{ "FORCED", put_word },     { "WHY", put_why },
};

/* What is forced, be it known or not. */

static void put_subject(char cell[KANAME_CELL_MAX], const kaname_line_t *line)
{
	kaname_put_field(cell, line,
	                 kaname_live_field(line, ANAME_KEY_NAME) != NULL ? ANAME_KEY_NAME
	                                                                 : ANAME_KEY_ADDRESS);
}

static void put_until(char cell[KANAME_CELL_MAX], const kaname_line_t *line)
{
	kaname_put_time(cell, line, ANAME_KEY_UNTIL);
}

static const kaname_column_t forced_columns[] = {
	{ "FORCED", put_subject },
	{ "STATE", put_state },
	{ "SINCE", put_since },
	{ "ENDS IN", put_until },
};

/*! The addresses in the order of their targets. */
static void print_addresses(const kaname_live_t *live)
{
	kaname_line_t *sorted = calloc(live->addresses_count + 1, sizeof(*sorted));
	if (sorted == NULL) {
		kaname_error("out of memory");
		return;
	}
	size_t count = 0;
	for (size_t i = 0; i < live->count; i++) {
		const kaname_line_t *target = &live->targets[i];
		memcpy(sorted + count, target->addresses,
		       target->addresses_count * sizeof(*sorted));
		count += target->addresses_count;
	}
	kaname_print_table(address_columns, COUNT_OF(address_columns), sorted, count);
	free(sorted);
}

/*! Does any target have this field? */
static bool has_any(const kaname_live_t *live, const char *key)
{
	size_t i = 0;
	while (i < live->count && kaname_live_field(&live->targets[i], key) == NULL) {
		i++;
	}
	return i < live->count;
}

/*! The targets; what few configurations have is a column only where it is there. */
static void print_targets(const kaname_live_t *live)
{
	kaname_column_t columns[COUNT_OF(target_columns)];
	size_t count = 0;
	for (size_t i = 0; i < COUNT_OF(target_columns); i++) {
		const kaname_column_t *column = &target_columns[i];
		if ((column->put != put_via || has_any(live, ANAME_KEY_VIA)) &&
		    (column->put != put_dnssec || has_any(live, ANAME_KEY_SECURE))) {
			columns[count++] = *column;
		}
	}
	kaname_print_table(columns, count, live->targets, live->count);
}

void kaname_print_people(const kaname_live_t *live)
{
	if (live->count > 0) {
		print_targets(live);
	}
	if (live->addresses_count > 0) {
		(void)putchar('\n');
		print_addresses(live);
	}
	if (live->forced_count > 0) {
		(void)fputs(live->count > 0 ? "\n" : "", stdout);
		kaname_print_table(forced_columns, COUNT_OF(forced_columns), live->forced,
		                   live->forced_count);
	}
	if (live->count == 0) {
		kaname_error("no target is known: none was asked for lately");
		(void)fprintf(stderr,
		              "next: a query makes it known, 'kaname check ZONE' for one\n");
	}
	const char *next, *why = kaname_live_file_fault(live, &next);
	if (why != NULL) {
		kaname_error("state file %s: %s; what is known does not survive a restart",
		             kaname_field_or(&live->file, ANAME_KEY_FILE, "?"), why);
		(void)fprintf(stderr, "next: %s\n", next);
	}
	char text[KANAME_CELL_MAX];
	if (kaname_running_compare(live, text, sizeof(text), &next) != KANAME_RUNNING_SAME) {
		kaname_error("%s", text);
		(void)fprintf(stderr, "next: %s\n", next);
	}
	if (kaname_live_field(&live->server, ANAME_KEY_DOUBT) != NULL) {
		kaname_error("no probe of several targets succeeds any more: this server's own "
		             "connection is in doubt");
		(void)fprintf(stderr, "next: does this host reach the internet? If so, 'kaname "
		                      "force' tells what is up\n");
	}
}
