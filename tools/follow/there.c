#include "follow/scan.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libknot/libknot.h>

#include "control.h"

#define APEX       "@"
/*! Filters of zone-status are called otherwise in later releases. */
#define IDX_FILTER (KNOT_CTL_IDX_DATA + 1)

static const char *const types[KANAME_FAMILIES] = { "A", "AAAA" };

/*! The addresses of one owner and family while they come. */
typedef struct {
	kaname_control_t control;
	kaname_scan_there_f there;
	void *ctx;
	kaname_family_t family;
	char zone[KNOT_DNAME_TXT_MAXLEN + 1], owner[KNOT_DNAME_TXT_MAXLEN + 1];
	uint32_t ttl;
	uint8_t *at;
	size_t count, room;
	bool loaded, failed;
} reading_t;

/*! Tells what has come of an owner. */
static void tell(reading_t *reading)
{
	knot_dname_storage_t zone, owner;
	if (reading->count > 0 && !reading->failed &&
	    knot_dname_from_str(zone, reading->zone, sizeof(zone)) != NULL &&
	    knot_dname_from_str(owner, reading->owner, sizeof(owner)) != NULL) {
		knot_dname_to_lower(zone);
		knot_dname_to_lower(owner);
		reading->there(reading->ctx, zone, owner, reading->family, reading->ttl,
		               reading->count, reading->at);
	}
	reading->count = 0;
}

static bool make_room(reading_t *reading)
{
	if (reading->count < reading->room) {
		return true;
	}
	size_t room = 2 * reading->room + 16;
	uint8_t *at = realloc(reading->at, room * kaname_family_len(KANAME_AAAA));
	if (at == NULL) {
		reading->failed = true;
		return false;
	}
	reading->at = at;
	reading->room = room;
	return true;
}

static void take_address(void *ctx, knot_ctl_data_t *data)
{
	reading_t *reading = ctx;
	const char *zone = (*data)[KNOT_CTL_IDX_ZONE], *owner = (*data)[KNOT_CTL_IDX_OWNER];
	const char *ttl = (*data)[KNOT_CTL_IDX_TTL], *text = (*data)[KNOT_CTL_IDX_DATA];
	size_t len = kaname_family_len(reading->family);
	if (zone == NULL || owner == NULL || ttl == NULL || text == NULL || reading->failed) {
		return;
	}
	if (strcmp(owner, reading->owner) != 0 || strcmp(zone, reading->zone) != 0) {
		tell(reading);
		(void)snprintf(reading->zone, sizeof(reading->zone), "%s", zone);
		(void)snprintf(reading->owner, sizeof(reading->owner), "%s", owner);
	}
	if (make_room(reading) && inet_pton(reading->family == KANAME_A ? AF_INET : AF_INET6, text,
	                                    reading->at + reading->count * len) == 1) {
		reading->ttl = strtoul(ttl, NULL, 10);
		reading->count++;
	}
}

/*! Reads both families. That there are none, or that zones are not loaded, is no error. */
static kaname_exit_t read_addresses(reading_t *reading, const char *zone, const char *owner)
{
	kaname_exit_t ret = KANAME_OK;
	for (unsigned i = 0; i < KANAME_FAMILIES && ret != KANAME_IO; i++) {
		knot_ctl_data_t ask = { [KNOT_CTL_IDX_CMD] = "zone-read",
			                [KNOT_CTL_IDX_ZONE] = zone,
			                [KNOT_CTL_IDX_OWNER] = owner,
			                [KNOT_CTL_IDX_TYPE] = types[i] };
		reading->family = i;
		ret = kaname_control_ask(&reading->control, &ask, take_address, reading);
		if (ret != KANAME_IO) {
			tell(reading);
		}
	}
	return ret == KANAME_IO ? ret : KANAME_OK;
}

static void take_status(void *ctx, knot_ctl_data_t *data)
{
	reading_t *reading = ctx;
	const char *value = (*data)[KNOT_CTL_IDX_DATA], *type = (*data)[KNOT_CTL_IDX_TYPE];
	/* What has contents has a serial. */
	if (value != NULL && type != NULL && strcmp(type, "serial") == 0) {
		reading->loaded = isdigit((unsigned char)value[0]);
	}
}

/*! Connects; what fails is reported unless that is not wanted. */
static kaname_exit_t begin(reading_t *reading, const kaname_args_t *args)
{
	int ret = kaname_control_try(&reading->control, args);
	if (ret != KNOT_EOK) {
		return args->quiet ? KANAME_IO : kaname_control_unreachable(args, ret);
	}
	reading->control.quiet = args->quiet;
	return KANAME_OK;
}

static kaname_exit_t end(reading_t *reading, kaname_exit_t ret)
{
	kaname_control_close(&reading->control);
	free(reading->at);
	if (reading->failed && !reading->control.quiet) {
		kaname_error("out of memory");
	}
	return reading->failed ? KANAME_IO : ret;
}

kaname_exit_t kaname_scan_there(const kaname_args_t *args, const knot_dname_t *zone,
                                const knot_dname_t *owner, bool *loaded, kaname_scan_there_f there,
                                void *ctx)
{
	reading_t reading = { .there = there, .ctx = ctx };
	knot_dname_txt_storage_t zone_text, owner_text;
	knot_ctl_data_t status = { [KNOT_CTL_IDX_CMD] = "zone-status",
		                   [KNOT_CTL_IDX_ZONE] = zone_text,
		                   [IDX_FILTER] = "s" };
	*loaded = false;
	if (knot_dname_to_str(zone_text, zone, sizeof(zone_text)) == NULL ||
	    knot_dname_to_str(owner_text, owner, sizeof(owner_text)) == NULL) {
		return KANAME_OK;
	}
	kaname_exit_t ret = begin(&reading, args);
	if (ret != KANAME_OK) {
		return ret;
	}
	ret = kaname_control_ask(&reading.control, &status, take_status, &reading);
	*loaded = reading.loaded;
	if (ret == KANAME_OK && reading.loaded) {
		ret = read_addresses(&reading, zone_text, owner_text);
	}
	return end(&reading, ret == KANAME_IO ? ret : KANAME_OK);
}

kaname_exit_t kaname_scan_there_all(const kaname_args_t *args, kaname_scan_there_f there, void *ctx)
{
	reading_t reading = { .there = there, .ctx = ctx };
	kaname_exit_t ret = begin(&reading, args);
	return ret == KANAME_OK ? end(&reading, read_addresses(&reading, NULL, APEX)) : ret;
}
