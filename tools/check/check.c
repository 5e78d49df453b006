#include "check/check.h"
#include "check/primary.h"
#include "check/secondaries.h"
#include "follow/left.h"
#include "check/whole.h"

#include <stdarg.h>
#include <stdio.h>

#include <libknot/descriptor.h>

const uint16_t kaname_families[2] = { KNOT_RRTYPE_A, KNOT_RRTYPE_AAAA };

/* The report. */

__attribute__((format(printf, 2, 0))) static void report(const char *verdict, const char *format,
                                                         va_list args)
{
	(void)printf("%-6s", verdict);
	(void)vprintf(format, args);
	(void)putchar('\n');
}

void kaname_good(const char *format, ...)
{
	va_list args;
	va_start(args, format);
	report("ok", format, args);
	va_end(args);
}

void kaname_note(const char *format, ...)
{
	va_list args;
	va_start(args, format);
	report("note", format, args);
	va_end(args);
}

void kaname_bad(kaname_check_t *check, const char *next, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	report("BAD", format, args);
	va_end(args);
	(void)printf("%-6snext: %s\n", "", next);
	check->bad++;
}

/* The whole. */

/*! Who serves what, and since when that is old. */
static void report_secondaries(kaname_check_t *check, kaname_secondaries_t *secondaries)
{
	knot_dname_storage_t zone;
	kaname_left_t *left = NULL;
	if (knot_dname_from_str(zone, check->zone, sizeof(zone)) != NULL) {
		knot_dname_to_lower(zone);
		left = kaname_left_open(check->args, zone);
	}
	secondaries->left = left != NULL ? kaname_left_since : NULL;
	secondaries->left_ctx = left;
	kaname_check_secondaries(check, secondaries);
	kaname_left_close(left);
}

kaname_exit_t kaname_check(const kaname_args_t *args)
{
	static kaname_check_t check;
	aname_subnet_t network;
	check.args = args;
	if (args->count == 0 && args->client != NULL) {
		kaname_error("--client goes with a zone");
		return KANAME_USAGE;
	}
	if (args->count == 0) {
		return kaname_check_whole(args);
	}
	if (args->client != NULL && !kaname_check_network(args->client, &network)) {
		kaname_error("--client %s: expected an address", args->client);
		return KANAME_USAGE;
	}
	if (!kaname_zone_name(check.zone, args->arguments[0])) {
		return KANAME_NO;
	}
	kaname_exit_t ret = kaname_control_open(&check.control, args);
	if (ret != KANAME_OK) {
		return ret;
	}
	static kaname_primaries_t primaries;
	static kaname_secondaries_t secondaries;
	ret = kaname_check_server(&check);
	if (ret == KANAME_OK) {
		ret = kaname_primaries_read(&check.control, check.zone, &primaries);
	}
	if (ret == KANAME_OK) {
		ret = kaname_check_secondaries_read(&check, &secondaries);
	}
	/* Others may want it while clients wait. */
	kaname_control_close(&check.control);
	if (ret == KANAME_OK) {
		kaname_check_primaries(&check, &primaries);
		kaname_check_client(&check);
	}
	if (ret == KANAME_OK && check.is_loaded) {
		kaname_check_targets(&check);
		kaname_check_others(&check);
	}
	if (ret == KANAME_OK) {
		report_secondaries(&check, &secondaries);
	}
	kaname_records_free(&check.records);
	kaname_records_free(&check.others);
	if (ret == KANAME_IO || (ret == KANAME_NO && check.bad == 0)) {
		/* It is reported, and nothing is known of the rest. */
		return ret;
	}
	if (check.bad == 0) {
		(void)printf("%s is as it should be\n", check.zone);
	} else {
		(void)printf("%s: %u thing%s to look at\n", check.zone, check.bad,
		             check.bad == 1 ? "" : "s");
	}
	return check.bad == 0 ? KANAME_OK : KANAME_NO;
}
