/*!
 * \brief The command status: what the module knows, for people and for machines.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "followed.h"
#include "live.h"
#include "print.h"
#include "prometheus/prometheus.h"
#include "tables.h"
#include "tool.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* For machines. */

static const kaname_json_field_t server_fields[] = {
	{ ANAME_KEY_PID, "pid", KANAME_AS_NUMBER },
	{ ANAME_KEY_VERSION, "version", KANAME_AS_TEXT },
	{ ANAME_KEY_MODULE, "module", KANAME_AS_TEXT },
	{ ANAME_KEY_ZONES, "zones", KANAME_AS_NUMBER },
	{ ANAME_KEY_UNSIGNED, "zones_unsigned", KANAME_AS_NUMBER },
	{ ANAME_KEY_FOLLOWERS, "followers", KANAME_AS_NUMBER },
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
	{ ANAME_KEY_NXDOMAIN, "nxdomain", KANAME_AS_FLAG },
	{ ANAME_KEY_UNUSED, "unused", KANAME_AS_FLAG },
	{ ANAME_KEY_CIRCLE, "circle", KANAME_AS_TEXT },
	{ ANAME_KEY_NEXT, "next_lookup_in", KANAME_AS_NUMBER },
	{ ANAME_KEY_ASKED, "asked_seconds_ago", KANAME_AS_NUMBER },
	{ ANAME_KEY_STARTED, "lookups_started", KANAME_AS_NUMBER },
	{ ANAME_KEY_SUCCEEDED, "lookups_succeeded", KANAME_AS_NUMBER },
	{ ANAME_KEY_FAILED, "lookups_failed", KANAME_AS_NUMBER },
	{ ANAME_KEY_LAG, "refresh_lag_ms", KANAME_AS_NUMBER },
	{ ANAME_KEY_RESOLVER, "resolver", KANAME_AS_LIST },
	{ ANAME_KEY_VIA, "via", KANAME_AS_LIST },
	{ ANAME_KEY_SECURE, "secure", KANAME_AS_FLAG },
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

/*! The records of the zone that was named, and its name. */
static kaname_exit_t read_records(const kaname_args_t *args, knot_dname_txt_storage_t zone,
                                  kaname_records_t *records)
{
	kaname_control_t control;
	if (!kaname_zone_name(zone, args->arguments[0])) {
		return KANAME_NO;
	}
	kaname_exit_t ret = kaname_control_open(&control, args);
	if (ret != KANAME_OK) {
		return ret;
	}
	ret = kaname_followed_read(&control, zone, records);
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

/*! Options that stand alone, or that another one needs. */
static bool are_options_good(const kaname_args_t *args)
{
	if (args->json && args->prometheus) {
		kaname_error("--json or --prometheus: one of them");
		return false;
	}
	if ((args->output != NULL || args->summary) && !args->prometheus) {
		kaname_error("%s: with --prometheus only",
		             args->output != NULL ? "--output" : "--summary");
		return false;
	}
	return true;
}

kaname_exit_t kaname_status(const kaname_args_t *args)
{
	kaname_records_t records = { 0 };
	kaname_exit_t ret = KANAME_OK;
	knot_dname_txt_storage_t zone;
	bool one = args->count > 0;
	if (!are_options_good(args)) {
		return KANAME_USAGE;
	}
	if (one) {
		ret = read_records(args, zone, &records);
	}
	kaname_live_t live = { 0 };
	if (ret == KANAME_OK) {
		ret = kaname_live_read(args, one ? zone : NULL, one ? &records : NULL, &live);
	}
	kaname_records_free(&records);
	if (args->prometheus) {
		ret = kaname_prometheus(args, ret, &live);
	} else if (ret == KANAME_OK && args->json) {
		print_json(&live);
	} else if (ret == KANAME_OK) {
		kaname_print_people(&live);
	}
	kaname_live_free(&live);
	return ret;
}
