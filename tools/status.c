/*!
 * \brief The command status: what the module knows, for people and for machines.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "live.h"
#include "print.h"
#include "records.h"
#include "tool.h"

/*! Addresses shown to people; the others are counted. */
#define ADDRESSES_SHOWN 4

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* For people: the targets. */

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

static void print_people(const kaname_live_t *live)
{
	if (live->count > 0) {
		kaname_print_table(target_columns, COUNT_OF(target_columns), live->targets,
		                   live->count);
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
	if (kaname_live_field(&live->server, ANAME_KEY_DOUBT) != NULL) {
		kaname_error("no probe of several targets succeeds any more: this server's own "
		             "connection is in doubt");
		(void)fprintf(stderr, "next: does this host reach the internet? If so, 'kaname "
		                      "force' tells what is up\n");
	}
}

/* For machines. */

static const kaname_json_field_t server_fields[] = {
	{ ANAME_KEY_PID, "pid", KANAME_AS_NUMBER },
	{ ANAME_KEY_TARGETS, "targets", KANAME_AS_NUMBER },
	{ ANAME_KEY_ADDRESSES, "addresses", KANAME_AS_NUMBER },
	{ ANAME_KEY_STARTED, "lookups_started", KANAME_AS_NUMBER },
	{ ANAME_KEY_SUCCEEDED, "lookups_succeeded", KANAME_AS_NUMBER },
	{ ANAME_KEY_FAILED, "lookups_failed", KANAME_AS_NUMBER },
	{ ANAME_KEY_LAG, "refresh_lag_ms", KANAME_AS_NUMBER },
	{ ANAME_KEY_FULL, "full", KANAME_AS_FLAG },
	{ ANAME_KEY_UP, "addresses_up", KANAME_AS_NUMBER },
	{ ANAME_KEY_DOWN, "addresses_down", KANAME_AS_NUMBER },
	{ ANAME_KEY_UNKNOWN, "addresses_unknown", KANAME_AS_NUMBER },
	{ ANAME_KEY_PROBES, "probes_started", KANAME_AS_NUMBER },
	{ ANAME_KEY_PROBES_FAILED, "probes_failed", KANAME_AS_NUMBER },
	{ ANAME_KEY_PROBES_REFUSED, "probes_refused", KANAME_AS_NUMBER },
	{ ANAME_KEY_PROBES_LATE, "probes_late", KANAME_AS_NUMBER },
	{ ANAME_KEY_PROBES_WAYS, "probes_ways_refused", KANAME_AS_NUMBER },
	{ ANAME_KEY_DOUBT, "in_doubt", KANAME_AS_FLAG },
};

static const kaname_json_field_t file_fields[] = {
	{ ANAME_KEY_FILE, "file", KANAME_AS_TEXT },
	{ ANAME_KEY_SAVED, "saved_seconds_ago", KANAME_AS_NUMBER },
	{ ANAME_KEY_TOOK, "saved_ms", KANAME_AS_NUMBER },
	{ ANAME_KEY_HELD, "held_ms", KANAME_AS_NUMBER },
	{ ANAME_KEY_LOADED, "loaded_ms", KANAME_AS_NUMBER },
	{ ANAME_KEY_OCTETS, "octets", KANAME_AS_NUMBER },
	{ ANAME_KEY_TARGETS, "targets", KANAME_AS_NUMBER },
	{ ANAME_KEY_WHY, "why", KANAME_AS_TEXT },
};

static const kaname_json_field_t target_fields[] = {
	{ ANAME_KEY_NAME, "target", KANAME_AS_TEXT },
	{ ANAME_KEY_FAMILY, "type", KANAME_AS_TEXT },
	{ ANAME_KEY_SUBNET, "client_subnet", KANAME_AS_TEXT },
	{ ANAME_KEY_STATE, "state", KANAME_AS_TEXT },
	{ ANAME_KEY_TTL, "ttl", KANAME_AS_NUMBER },
	{ ANAME_KEY_AGE, "learned_seconds_ago", KANAME_AS_NUMBER },
	{ ANAME_KEY_ADDRESSES, "addresses", KANAME_AS_LIST },
	{ ANAME_KEY_FAILING, "failing_seconds", KANAME_AS_NUMBER },
	{ ANAME_KEY_WHY, "failing_why", KANAME_AS_TEXT },
	{ ANAME_KEY_GONE, "gone_seconds", KANAME_AS_NUMBER },
	{ ANAME_KEY_DENIAL, "gone_denial", KANAME_AS_TEXT },
	{ ANAME_KEY_CIRCLE, "circle", KANAME_AS_TEXT },
	{ ANAME_KEY_NEXT, "next_lookup_in", KANAME_AS_NUMBER },
	{ ANAME_KEY_ASKED, "asked_seconds_ago", KANAME_AS_NUMBER },
	{ ANAME_KEY_STARTED, "lookups_started", KANAME_AS_NUMBER },
	{ ANAME_KEY_SUCCEEDED, "lookups_succeeded", KANAME_AS_NUMBER },
	{ ANAME_KEY_FAILED, "lookups_failed", KANAME_AS_NUMBER },
	{ ANAME_KEY_LAG, "refresh_lag_ms", KANAME_AS_NUMBER },
	{ ANAME_KEY_RESOLVER, "resolver", KANAME_AS_LIST },
	{ ANAME_KEY_VIA, "via", KANAME_AS_LIST },
	{ ANAME_KEY_FORCED, "forced", KANAME_AS_TEXT },
	{ ANAME_KEY_UNTIL, "forced_ends_in", KANAME_AS_NUMBER },
};

static const kaname_json_field_t address_fields[] = {
	{ ANAME_KEY_ADDRESS, "address", KANAME_AS_TEXT },
	{ ANAME_KEY_PROBE, "probe", KANAME_AS_TEXT },
	{ ANAME_KEY_PORT, "port", KANAME_AS_NUMBER },
	{ ANAME_KEY_HOST, "host", KANAME_AS_TEXT },
	{ ANAME_KEY_PATH, "path", KANAME_AS_TEXT },
	{ ANAME_KEY_HEALTH, "health", KANAME_AS_TEXT },
	{ ANAME_KEY_SINCE, "health_seconds", KANAME_AS_NUMBER },
	{ ANAME_KEY_PROBED, "probed_seconds_ago", KANAME_AS_NUMBER },
	{ ANAME_KEY_WHY, "why", KANAME_AS_TEXT },
	{ ANAME_KEY_FORCED, "forced", KANAME_AS_TEXT },
	{ ANAME_KEY_UNTIL, "forced_ends_in", KANAME_AS_NUMBER },
};

static const kaname_json_field_t forced_fields[] = {
	{ ANAME_KEY_NAME, "target", KANAME_AS_TEXT },
	{ ANAME_KEY_ADDRESS, "address", KANAME_AS_TEXT },
	{ ANAME_KEY_STATE, "forced", KANAME_AS_TEXT },
	{ ANAME_KEY_SINCE, "forced_seconds", KANAME_AS_NUMBER },
	{ ANAME_KEY_UNTIL, "forced_ends_in", KANAME_AS_NUMBER },
};

static void print_json(const kaname_live_t *live)
{
	(void)fputs("{\"server\": {", stdout);
	kaname_print_members(&live->server, server_fields, COUNT_OF(server_fields));
	(void)fputs("}, \"state\": {", stdout);
	kaname_print_members(&live->file, file_fields, COUNT_OF(file_fields));
	(void)fputs("}, \"forced\": ", stdout);
	kaname_print_objects(live->forced, live->forced_count, forced_fields,
	                     COUNT_OF(forced_fields));
	(void)fputs(", \"targets\": [", stdout);
	for (size_t i = 0; i < live->count; i++) {
		const kaname_line_t *target = &live->targets[i];
		(void)fputs(i > 0 ? ",\n {" : "\n {", stdout);
		kaname_print_members(target, target_fields, COUNT_OF(target_fields));
		(void)fputs(", \"health\": ", stdout);
		kaname_print_objects(target->addresses, target->addresses_count, address_fields,
		                     COUNT_OF(address_fields));
		(void)putchar('}');
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
		ret = kaname_live_read(args, NULL, args->count > 0 ? &records : NULL, &live);
	}
	kaname_records_free(&records);
	if (ret != KANAME_OK) {
		return ret;
	}
	if (args->json) {
		print_json(&live);
	} else {
		print_people(&live);
	}
	kaname_live_free(&live);
	return KANAME_OK;
}
