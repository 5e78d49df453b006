#include "followed.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cuts.h"
#include "items.h"

/*! Of so many zones the records are read one by one; of more those of all zones, and what does not
 *  count is left out. */
#define ZONES_EACH 64
/*! What hides a record. */
#define HIDDEN_MAX (sizeof("at or below the delegation of ") + KNOT_DNAME_TXT_MAXLEN)

/* Which zones. */

/*! Has any section `owners: any`? */
static kaname_exit_t has_section(kaname_control_t *control, bool *has)
{
	kaname_items_t owners = { 0 };
	kaname_exit_t ret = kaname_items_read(control, "mod-aname", "owners", &owners);
	*has = false;
	for (size_t i = 0; i < owners.count; i++) {
		*has |= strcmp(owners.at[i].value, "any") == 0;
	}
	kaname_items_free(&owners);
	return ret;
}

static void take_zone(void *ctx, knot_ctl_data_t *data)
{
	const char *zone = (*data)[KNOT_CTL_IDX_ZONE];
	if (zone != NULL) {
		(void)kaname_items_add(ctx, zone, "");
	}
}

/*!
 * Reads for which zones the option counts.
 *
 * \param zone  NULL: of all zones.
 */
static kaname_exit_t read_zones(kaname_control_t *control, const char *zone, kaname_items_t *zones)
{
	bool has;
	kaname_exit_t ret = has_section(control, &has);
	if (ret == KANAME_IO || !has) {
		return ret == KANAME_IO ? ret : KANAME_OK;
	}
	knot_ctl_data_t ask = {
		[KNOT_CTL_IDX_CMD] = "zone-stats", [KNOT_CTL_IDX_FLAGS] = "F",
		[KNOT_CTL_IDX_ZONE] = zone,        [KNOT_CTL_IDX_SECTION] = "mod-aname",
		[KNOT_CTL_IDX_ITEM] = "owners",
	};
	/* That others do not have it is no error. */
	ret = kaname_control_ask(control, &ask, take_zone, zones);
	if (zones->failed) {
		kaname_error("out of memory");
		return KANAME_IO;
	}
	kaname_items_sort(zones);
	return ret == KANAME_IO ? ret : KANAME_OK;
}

/* What no client sees. */

/*! Reads where these zones are cut, if one of them has records below its apex. */
static kaname_exit_t read_cuts(kaname_control_t *control, const kaname_items_t *zones,
                               const kaname_records_t *records, kaname_items_t *cuts)
{
	kaname_exit_t ret = KANAME_OK;
	bool below = false;
	for (size_t i = 0; i < records->count && !below; i++) {
		below = records->at[i].zone != NULL;
	}
	if (!below || zones->count > ZONES_EACH) {
		return below ? kaname_cuts_read(control, NULL, cuts) : ret;
	}
	for (size_t i = 0; i < zones->count && ret == KANAME_OK; i++) {
		ret = kaname_cuts_read(control, zones->at[i].id, cuts);
	}
	return ret;
}

/*! Marks the records that no client sees. */
static kaname_exit_t mark_hidden(const kaname_items_t *cuts, kaname_records_t *records)
{
	char text[HIDDEN_MAX];
	for (size_t i = 0; i < records->count; i++) {
		kaname_record_t *record = &records->at[i];
		kaname_cut_t by;
		if (record->zone == NULL ||
		    !kaname_cuts_hide(cuts, record->zone, record->owner, &by)) {
			continue;
		}
		(void)snprintf(text, sizeof(text), "%s of %s",
		               by.is_dname ? "below the DNAME record"
		                           : "at or below the delegation",
		               by.name);
		record->hidden = strdup(text);
		if (record->hidden == NULL) {
			kaname_error("out of memory");
			return KANAME_IO;
		}
	}
	return KANAME_OK;
}

/* One zone. */

kaname_exit_t kaname_followed_read(kaname_control_t *control, const char *zone,
                                   kaname_records_t *records)
{
	kaname_items_t cuts = { 0 };
	kaname_items_t zones = { 0 };
	kaname_exit_t ret = read_zones(control, zone, &zones);
	if (ret == KANAME_OK) {
		ret = kaname_records_read(control, "zone-read", zone,
		                          zones.count > 0 ? NULL : KANAME_APEX, records);
	}
	if (ret == KANAME_OK) {
		ret = read_cuts(control, &zones, records, &cuts);
	}
	if (ret == KANAME_OK) {
		ret = mark_hidden(&cuts, records);
	}
	kaname_items_free(&cuts);
	kaname_items_free(&zones);
	return ret;
}

/* All zones. */

/*! Leaves out records: those of these zones, or those of others that are not of the apex. */
static void leave_out(kaname_records_t *records, const kaname_items_t *zones, bool others)
{
	size_t kept = 0;
	for (size_t i = 0; i < records->count; i++) {
		kaname_record_t record = records->at[i];
		size_t found;
		bool its = kaname_items_find(zones, kaname_zone_of(&record), &found) != NULL;
		if (others ? its || record.zone == NULL : !its) {
			/* What is left out moves to the end. */
			records->at[i] = records->at[kept];
			records->at[kept++] = record;
		}
	}
	kaname_records_t left = { .at = records->at + kept, .count = records->count - kept };
	kaname_records_clear(&left);
	records->count = kept;
}

static kaname_exit_t read_all(kaname_control_t *control, const kaname_items_t *zones,
                              kaname_records_t *records)
{
	if (zones->count > ZONES_EACH) {
		kaname_exit_t ret = kaname_records_add(control, NULL, NULL, records);
		leave_out(records, zones, true);
		return ret;
	}
	kaname_exit_t ret = kaname_records_add(control, NULL, KANAME_APEX, records);
	leave_out(records, zones, false);
	for (size_t i = 0; i < zones->count && ret == KANAME_OK; i++) {
		ret = kaname_records_add(control, zones->at[i].id, NULL, records);
	}
	return ret;
}

kaname_exit_t kaname_followed_all(kaname_control_t *control, kaname_records_t *records)
{
	kaname_items_t cuts = { 0 };
	kaname_items_t zones = { 0 };
	kaname_exit_t ret = read_zones(control, NULL, &zones);
	if (ret == KANAME_OK) {
		ret = read_all(control, &zones, records);
	}
	if (ret == KANAME_OK) {
		ret = read_cuts(control, &zones, records, &cuts);
	}
	kaname_control_close(control);
	kaname_items_free(&zones);
	ret = kaname_records_finish(records, ret);
	if (ret == KANAME_OK) {
		ret = mark_hidden(&cuts, records);
	}
	kaname_items_free(&cuts);
	return ret;
}
