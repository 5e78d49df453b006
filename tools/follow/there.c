#include "follow/scan.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libknot/libknot.h>

#include "control.h"
#include "rrtype.h"

#define APEX     "@"
/*! How often it is read until nothing has changed meanwhile. */
#define ATTEMPTS 3

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
	bool failed;
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

/* One owner: what is read of it in several commands has to be of one moment. */

typedef struct {
	bool is_configured;
	char serial[16]; /*!< Of the zone; empty: it is not loaded. */
	bool has_aname;
	struct {
		uint32_t ttl;
		size_t count;
		uint8_t at[KANAME_SET_MAX * 16];
	} family[KANAME_FAMILIES];
} one_t;

static void take_serial(void *ctx, knot_ctl_data_t *data)
{
	const char *value = (*data)[KNOT_CTL_IDX_DATA], *type = (*data)[KNOT_CTL_IDX_TYPE];
	one_t *one = ctx;
	one->is_configured |= type != NULL;
	/* What has contents has a serial. */
	if (value != NULL && type != NULL && strcmp(type, "serial") == 0 &&
	    isdigit((unsigned char)value[0])) {
		(void)snprintf(one->serial, sizeof(one->serial), "%s", value);
	}
}

static void take_aname(void *ctx, knot_ctl_data_t *data)
{
	*(bool *)ctx |= (*data)[KNOT_CTL_IDX_DATA] != NULL;
}

static void take_family(void *ctx, const knot_dname_t *zone, const knot_dname_t *owner,
                        kaname_family_t family, uint32_t ttl, size_t count, const uint8_t *at)
{
	one_t *one = ctx;
	one->family[family].ttl = ttl;
	one->family[family].count = count < KANAME_SET_MAX ? count : KANAME_SET_MAX;
	memcpy(one->family[family].at, at, one->family[family].count * kaname_family_len(family));
}

static kaname_exit_t read_serial(reading_t *reading, const char *zone, one_t *one)
{
	knot_ctl_data_t ask = { [KNOT_CTL_IDX_CMD] = "zone-status",
		                [KNOT_CTL_IDX_ZONE] = zone,
		                [KANAME_CTL_IDX_FILTER] = "s" };
	one->serial[0] = '\0';
	return kaname_control_ask(&reading->control, &ask, take_serial, one);
}

static kaname_exit_t read_aname(reading_t *reading, const char *zone, const char *owner, one_t *one)
{
	kaname_exit_t ret = KANAME_OK;
	for (size_t i = 0; i < ANAME_RRTYPES && ret != KANAME_IO; i++) {
		knot_ctl_data_t ask = { [KNOT_CTL_IDX_CMD] = "zone-read",
			                [KNOT_CTL_IDX_ZONE] = zone,
			                [KNOT_CTL_IDX_OWNER] = owner,
			                [KNOT_CTL_IDX_TYPE] = aname_rrtypes[i].generic };
		ret = kaname_control_ask(&reading->control, &ask, take_aname, &one->has_aname);
	}
	return ret;
}

/*! Reads it once; `same` is set to whether nothing has changed meanwhile. */
static kaname_exit_t read_one(reading_t *reading, const char *zone, const char *owner, one_t *one,
                              bool *same)
{
	*one = (one_t){ .has_aname = false };
	reading->there = take_family;
	reading->ctx = one;
	kaname_exit_t ret = read_serial(reading, zone, one);
	char serial[sizeof(one->serial)];
	memcpy(serial, one->serial, sizeof(serial));
	if (ret != KANAME_IO && serial[0] != '\0') {
		ret = read_addresses(reading, zone, owner);
	}
	if (ret != KANAME_IO && serial[0] != '\0') {
		ret = read_aname(reading, zone, owner, one);
	}
	if (ret != KANAME_IO && serial[0] != '\0') {
		ret = read_serial(reading, zone, one);
	}
	*same = strcmp(one->serial, serial) == 0;
	return ret == KANAME_IO ? ret : KANAME_OK;
}

kaname_exit_t kaname_scan_there(const kaname_args_t *args, const knot_dname_t *zone,
                                const knot_dname_t *owner, kaname_scan_state_t *state,
                                kaname_scan_there_f there, void *ctx)
{
	reading_t reading = { .at = NULL };
	knot_dname_txt_storage_t zone_text, owner_text;
	one_t one;
	bool same = false;
	*state = (kaname_scan_state_t){ .is_configured = true };
	if (knot_dname_to_str(zone_text, zone, sizeof(zone_text)) == NULL ||
	    knot_dname_to_str(owner_text, owner, sizeof(owner_text)) == NULL) {
		return KANAME_OK;
	}
	kaname_exit_t ret = begin(&reading, args);
	if (ret != KANAME_OK) {
		return ret;
	}
	for (unsigned i = 0; i < ATTEMPTS && ret == KANAME_OK && !same; i++) {
		ret = read_one(&reading, zone_text, owner_text, &one, &same);
	}
	ret = end(&reading, ret);
	state->is_configured = ret != KANAME_OK || one.is_configured;
	state->is_loaded = ret == KANAME_OK && same && one.serial[0] != '\0';
	state->has_aname = state->is_loaded && one.has_aname;
	for (unsigned i = 0; i < KANAME_FAMILIES && state->is_loaded; i++) {
		if (one.family[i].count > 0) {
			there(ctx, zone, owner, i, one.family[i].ttl, one.family[i].count,
			      one.family[i].at);
		}
	}
	return ret;
}

kaname_exit_t kaname_scan_there_all(const kaname_args_t *args, kaname_scan_there_f there, void *ctx)
{
	reading_t reading = { .there = there, .ctx = ctx };
	kaname_exit_t ret = begin(&reading, args);
	return ret == KANAME_OK ? end(&reading, read_addresses(&reading, NULL, APEX)) : ret;
}
