#include "follow/scan.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libknot/libknot.h>

#include "control.h"
#include "follow/grouped.h"
#include "follow/hidden.h"
#include "follow/lenient.h"
#include "follow/members.h"
#include "follow/refuse.h"
#include "follow/settings.h"
#include "follow/zones.h"

#define APEX "@"

/*! What is known of a scan. */
typedef struct {
	const kaname_args_t *args;
	const kaname_scan_choice_t *choice;
	const kaname_scan_calls_t *calls;
	kaname_control_t control;
	kaname_zones_t zones;
	kaname_layouts_t layouts;
	kaname_catalogs_t catalogs;
	kaname_hidden_t hidden;
	kaname_grouped_t grouped;
	uint32_t any_count; /*!< Zones with `owners: any` that are wanted. */
	size_t left_out;    /*!< Zones. */
	/* While records are read. */
	unsigned type; /*!< Index into aname_rrtypes. */
	bool others_only; /*!< Without those of zones with `owners: any`, which are read by themselves. */
	uint32_t last; /*!< The zone that came last, and its name. */
	knot_dname_txt_storage_t last_name;
} scan_t;

/*! Is every zone with records wanted? */
static bool wants_all(const scan_t *scan)
{
	return scan->choice->zones_count == 0 && scan->choice->catalogs_count == 0;
}

static bool is_wanted(const scan_t *scan, const kaname_zone_t *zone)
{
	return wants_all(scan) || zone->is_named || zone->is_member;
}

/*! The zone that a unit is of, if it is wanted, which is added to those that there are if all are. */
static uint32_t zone_of(scan_t *scan, const char *name)
{
	if (name == NULL) {
		return KANAME_NAMES_NONE;
	}
	if (strcmp(name, scan->last_name) != 0) {
		scan->last = kaname_zones_find(&scan->zones, name, wants_all(scan));
		(void)snprintf(scan->last_name, sizeof(scan->last_name), "%s", name);
	}
	bool is = scan->last != KANAME_NAMES_NONE && is_wanted(scan, &scan->zones.at[scan->last]);
	return is ? scan->last : KANAME_NAMES_NONE;
}

/*! Is it no error, but the way in which knotd says that there is nothing of the kind, or that a zone is
 *  not there or not loaded? */
static bool is_none(const kaname_control_t *control)
{
	static const int reasons[] = { KNOT_CTL_EZONE, KNOT_ENOENT, KNOT_ENORECORD, KNOT_ENONODE,
		                       KNOT_ENOZONE };
	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
		if (kaname_control_refused(control, reasons[i])) {
			return true;
		}
	}
	return false;
}

/*! Asks something of zones. That some do not have it, or are not loaded, is no error. */
static kaname_exit_t ask_all(scan_t *scan, knot_ctl_data_t *ask, kaname_unit_f unit)
{
	kaname_control_t *control = &scan->control;
	kaname_exit_t ret = kaname_control_ask(control, ask, unit, scan);
	if (ret != KANAME_NO || is_none(control)) {
		return ret == KANAME_IO ? ret : KANAME_OK;
	}
	if (!control->quiet) {
		kaname_control_error(control, "all zones");
	}
	return KANAME_IO;
}

/* Which zones. */

static void add_named(scan_t *scan)
{
	for (size_t i = 0; i < scan->choice->zones_count; i++) {
		uint32_t zone = kaname_zones_add(&scan->zones, scan->choice->zones[i]);
		if (zone != KANAME_NAMES_NONE) {
			scan->zones.at[zone].is_named = true;
		}
	}
}

static void take_any(void *ctx, knot_ctl_data_t *data)
{
	scan_t *scan = ctx;
	uint32_t zone = zone_of(scan, (*data)[KNOT_CTL_IDX_ZONE]);
	if (zone != KANAME_NAMES_NONE && !scan->zones.at[zone].is_any) {
		scan->zones.at[zone].is_any = true;
		scan->any_count++;
	}
}

/*! Reads for which zones `owners: any` is in effect: they have a counter of that name. */
static kaname_exit_t read_any(scan_t *scan)
{
	knot_ctl_data_t ask = { [KNOT_CTL_IDX_CMD] = "zone-stats",
		                [KNOT_CTL_IDX_FLAGS] = "F",
		                [KNOT_CTL_IDX_SECTION] = "mod-aname",
		                [KNOT_CTL_IDX_ITEM] = "owners" };
	if (!scan->layouts.has_any) {
		return KANAME_OK;
	}
	kaname_exit_t ret = kaname_control_ask(&scan->control, &ask, take_any, scan);
	return ret == KANAME_IO ? ret : KANAME_OK;
}

/* Records. */

/*! Tells of a zone that is not wanted. */
static void tell_aside(const scan_t *scan, const char *name)
{
	knot_dname_storage_t zone;
	if (knot_dname_from_str(zone, name, sizeof(zone)) != NULL) {
		knot_dname_to_lower(zone);
		scan->calls->aside(scan->calls->ctx, zone);
	}
}

static void take_record(void *ctx, knot_ctl_data_t *data)
{
	scan_t *scan = ctx;
	const char *name = (*data)[KNOT_CTL_IDX_ZONE], *owner = (*data)[KNOT_CTL_IDX_OWNER];
	uint32_t number = zone_of(scan, name);
	bool is_below = owner != NULL && name != NULL && strcmp(owner, name) != 0;
	if (number == KANAME_NAMES_NONE) {
		if (scan->calls->aside != NULL && name != NULL && !is_below) {
			tell_aside(scan, name);
		}
		return;
	}
	const kaname_zone_t *zone = &scan->zones.at[number];
	if (zone->is_any ? !scan->others_only : !is_below) {
		kaname_zones_record(&scan->zones, number, scan->type, data);
	}
}

/*! Connects, at first or again. If that fails it is reported unless that is not wanted. */
static kaname_exit_t connect_scan(scan_t *scan)
{
	int ret = kaname_control_try(&scan->control, scan->args);
	if (ret != KNOT_EOK) {
		return scan->args->quiet ? KANAME_IO : kaname_control_unreachable(scan->args, ret);
	}
	scan->control.quiet = scan->args->quiet;
	return KANAME_OK;
}

/*! Asks for records. Where libknot cannot read the reply, and knotd is there all the same, it is read
 *  once more: some record may be too long. */
static kaname_exit_t ask_records(scan_t *scan, knot_ctl_data_t *ask)
{
	kaname_zones_mark_t mark = kaname_zones_mark(&scan->zones);
	scan->control.quiet = true;
	kaname_exit_t ret = ask_all(scan, ask, take_record);
	scan->control.quiet = scan->args->quiet;
	if (ret == KANAME_OK) {
		return ret;
	}
	kaname_zones_reset(&scan->zones, scan->type, mark);
	kaname_control_close(&scan->control);
	/* There may be room for one connection at a time. */
	ret = connect_scan(scan);
	if (ret == KANAME_OK) {
		kaname_control_close(&scan->control);
		ret = kaname_lenient_ask(scan->args, ask, take_record, scan);
		if (ret != KANAME_OK && !scan->args->quiet) {
			kaname_error("what knotd says of %s records cannot be read",
			             aname_rrtypes[scan->type].word);
		}
	}
	return ret == KANAME_OK ? connect_scan(scan) : ret;
}

/*!
 * Reads the records of a zone or of all, of the apex or of all owners.
 *
 * \param zone, owner  NULL: all.
 */
static kaname_exit_t read_records(scan_t *scan, const char *zone, const char *owner)
{
	kaname_exit_t ret = KANAME_OK;
	for (scan->type = 0; scan->type < ANAME_RRTYPES && ret == KANAME_OK; scan->type++) {
		knot_ctl_data_t ask = { [KNOT_CTL_IDX_CMD] = "zone-read",
			                [KNOT_CTL_IDX_ZONE] = zone,
			                [KNOT_CTL_IDX_OWNER] = owner,
			                [KNOT_CTL_IDX_TYPE] = aname_rrtypes[scan->type].generic };
		ret = ask_records(scan, &ask);
	}
	return ret;
}

static kaname_exit_t read_all(scan_t *scan)
{
	if (scan->any_count > KANAME_SCAN_EACH) {
		return read_records(scan, NULL, NULL);
	}
	scan->others_only = true;
	kaname_exit_t ret = read_records(scan, NULL, APEX);
	scan->others_only = false;
	uint32_t count = scan->any_count > 0 ? scan->zones.names.count : 0;
	for (uint32_t i = 0; i < count && ret == KANAME_OK; i++) {
		knot_dname_txt_storage_t zone;
		if (scan->zones.at[i].is_any &&
		    knot_dname_to_str(zone, kaname_zones_name(&scan->zones, i), sizeof(zone)) !=
		            NULL) {
			ret = read_records(scan, zone, NULL);
		}
	}
	return ret;
}

/* What else counts. */

static bool has_records(const kaname_zone_t *zone)
{
	return zone->first[0] != 0 || zone->first[1] != 0 || zone->is_cut;
}

static void take_signed(void *ctx, knot_ctl_data_t *data)
{
	scan_t *scan = ctx;
	const char *name = (*data)[KNOT_CTL_IDX_ZONE];
	uint32_t zone =
	        name != NULL ? kaname_zones_find(&scan->zones, name, false) : KANAME_NAMES_NONE;
	if (zone != KANAME_NAMES_NONE) {
		scan->zones.at[zone].is_signed = true;
	}
}

/*! Reads which zones are signed, if there are some with records that knotd does not sign. */
static kaname_exit_t read_signed(scan_t *scan)
{
	knot_ctl_data_t ask = { [KNOT_CTL_IDX_CMD] = "zone-read",
		                [KNOT_CTL_IDX_OWNER] = APEX,
		                [KNOT_CTL_IDX_TYPE] = "DNSKEY" };
	bool matters = false;
	for (uint32_t i = 0; i < scan->zones.names.count && !matters; i++) {
		kaname_effective_t signing;
		kaname_layouts_effective(&scan->layouts, &scan->zones.at[i], KANAME_SETTING_SIGNING,
		                         &signing);
		matters = has_records(&scan->zones.at[i]) && signing.value != KANAME_SIGNING_ON;
	}
	return matters ? ask_all(scan, &ask, take_signed) : KANAME_OK;
}

/*! Tells of a zone that there is. */
static void tell_loaded(const scan_t *scan, const char *name, bool is_loaded, const char *serial)
{
	knot_dname_storage_t zone;
	if (knot_dname_from_str(zone, name, sizeof(zone)) != NULL) {
		knot_dname_to_lower(zone);
		scan->calls->loaded(scan->calls->ctx, zone, is_loaded,
		                    is_loaded ? strtoul(serial, NULL, 10) : 0);
	}
}

/*! A zone that has contents has a serial. */
static void take_status(void *ctx, knot_ctl_data_t *data)
{
	scan_t *scan = ctx;
	const char *name = (*data)[KNOT_CTL_IDX_ZONE], *value = (*data)[KNOT_CTL_IDX_DATA];
	const char *type = (*data)[KNOT_CTL_IDX_TYPE];
	if (name == NULL || value == NULL || type == NULL || strcmp(type, "serial") != 0) {
		return;
	}
	uint32_t zone = kaname_zones_find(&scan->zones, name, false);
	bool is_loaded = isdigit((unsigned char)value[0]);
	if (zone != KANAME_NAMES_NONE) {
		scan->zones.at[zone].is_configured = true;
		scan->zones.at[zone].is_loaded = is_loaded;
	}
	if (scan->calls->loaded != NULL) {
		tell_loaded(scan, name, is_loaded, value);
	}
}

/*! Reads why zones that were named have no records, if there are such; and which zones there are, if
 *  somebody wants to know. */
static kaname_exit_t read_status(scan_t *scan)
{
	knot_ctl_data_t ask = { [KNOT_CTL_IDX_CMD] = "zone-status", [KANAME_CTL_IDX_FILTER] = "s" };
	bool matters = scan->calls->loaded != NULL;
	for (uint32_t i = 0; i < scan->zones.names.count && !matters; i++) {
		matters = scan->zones.at[i].is_named && !has_records(&scan->zones.at[i]);
	}
	return matters ? ask_all(scan, &ask, take_status) : KANAME_OK;
}

/*! Are zones without `master` left out? */
static bool is_far(const scan_t *scan)
{
	return scan->choice->is_far && wants_all(scan);
}

/*! Reads all there is to read. */
static kaname_exit_t read_scan(scan_t *scan)
{
	bool elsewhere = scan->choice->elsewhere;
	bool all = !elsewhere || is_far(scan);
	kaname_exit_t ret = kaname_layouts_sections(&scan->control, &scan->layouts);
	add_named(scan);
	if (ret == KANAME_OK) {
		ret = kaname_members_read(&scan->control, &scan->layouts, &scan->zones,
		                          &scan->catalogs);
	}
	ret = ret == KANAME_OK ? read_any(scan) : ret;
	ret = ret == KANAME_OK ? read_all(scan) : ret;
	if (ret == KANAME_OK) {
		ret = kaname_layouts_read(&scan->control, &scan->layouts, &scan->zones, all);
	}
	if (ret == KANAME_OK && !elsewhere) {
		ret = read_signed(scan);
	}
	if (ret == KANAME_OK) {
		ret = kaname_hidden_read(&scan->control, &scan->zones, &scan->hidden);
	}
	return ret == KANAME_OK ? read_status(scan) : ret;
}

/* What is told. */

static bool tell_zone(scan_t *scan, uint32_t number)
{
	kaname_zone_t *zone = &scan->zones.at[number];
	kaname_refusal_t refusal;
	kaname_effective_t modules, master;
	if (!has_records(zone)) {
		return true;
	}
	kaname_layouts_effective(&scan->layouts, zone, KANAME_SETTING_MASTER, &master);
	if (is_far(scan) && master.value != KANAME_MASTER_SET) {
		scan->left_out++;
		return true;
	}
	if (kaname_refuse(&scan->layouts, zone, scan->choice->elsewhere, &refusal)) {
		zone->is_told = true;
		scan->calls->refused(scan->calls->ctx, kaname_zones_name(&scan->zones, number),
		                     refusal.why, refusal.next);
		return true;
	}
	kaname_layouts_effective(&scan->layouts, zone, KANAME_SETTING_MODULE, &modules);
	bool ret = kaname_grouped_tell(&scan->grouped, &scan->zones, number, &scan->hidden,
	                               &scan->layouts, modules.section, scan->calls);
	zone->is_told = scan->grouped.seen > 0;
	return ret;
}

static void tell_missing(scan_t *scan, uint32_t number)
{
	const kaname_zone_t *zone = &scan->zones.at[number];
	const char *why = "it has no ANAME or ALIAS record at its apex";
	const char *next =
	        "'kaname set ZONE TARGET' declares one; with 'owners: any' those of other "
	        "owners are followed, too";
	if (has_records(zone)) {
		why = "none of its ANAME or ALIAS records counts: they are below a delegation or a "
		      "DNAME record, or of a type that 'rrtype' does not list";
		next = "'kaname check ZONE' names them";
	} else if (!zone->is_configured) {
		why = "it is not in this server's configuration";
		next = "'knotc zone-status' lists all zones; -s SOCKET asks another server";
	} else if (!zone->is_loaded) {
		why = "it is not loaded";
		next = "the server's log says why";
	} else if (zone->is_any) {
		why = "it has no ANAME or ALIAS record";
		next = "'kaname set ZONE TARGET' declares one";
	}
	scan->calls->missing(scan->calls->ctx, kaname_zones_name(&scan->zones, number), why, next);
}

static kaname_exit_t tell_all(scan_t *scan, bool quiet)
{
	for (uint32_t i = 0; i < scan->zones.names.count; i++) {
		if (!tell_zone(scan, i)) {
			if (!quiet) {
				kaname_error("out of memory");
			}
			return KANAME_IO;
		}
		if (scan->calls->missing != NULL && scan->zones.at[i].is_named &&
		    !scan->zones.at[i].is_told) {
			tell_missing(scan, i);
		}
	}
	for (size_t i = 0; i < scan->catalogs.count && scan->calls->missing != NULL; i++) {
		if (!scan->catalogs.found[i]) {
			scan->calls->missing(scan->calls->ctx, scan->catalogs.at[i],
			                     "no zone of this server is a member of this catalog",
			                     "'knotc zone-status +catalog' lists catalogs and "
			                     "members");
		}
	}
	if (scan->calls->left_out != NULL) {
		scan->calls->left_out(scan->calls->ctx, scan->left_out);
	}
	return KANAME_OK;
}

static void deinit(scan_t *scan)
{
	kaname_zones_deinit(&scan->zones);
	kaname_layouts_deinit(&scan->layouts);
	kaname_hidden_deinit(&scan->hidden);
	kaname_grouped_deinit(&scan->grouped);
	free(scan->catalogs.found);
}

kaname_exit_t kaname_scan(const kaname_args_t *args, const kaname_scan_choice_t *choice,
                          const kaname_scan_calls_t *calls)
{
	scan_t scan = { .args = args, .choice = choice, .calls = calls, .last = KANAME_NAMES_NONE };
	kaname_exit_t ret = connect_scan(&scan);
	if (ret != KANAME_OK) {
		return ret;
	}
	scan.catalogs = (kaname_catalogs_t){ .count = choice->catalogs_count,
		                             .at = choice->catalogs,
		                             .all = wants_all(&scan) };
	ret = read_scan(&scan);
	/* Others may want it while it is told. */
	kaname_control_close(&scan.control);
	if (ret == KANAME_OK && scan.zones.failed) {
		if (!args->quiet) {
			kaname_error("out of memory");
		}
		ret = KANAME_IO;
	}
	ret = ret == KANAME_OK ? tell_all(&scan, args->quiet) : ret;
	deinit(&scan);
	return ret;
}
