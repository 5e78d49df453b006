/*!
 * \brief The commands list and get: the ANAME and ALIAS records of all zones of the server, or of
 *        one.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libknot/libknot.h>

#include "control.h"
#include "owner.h"
#include "print.h"
#include "records.h"
#include "text.h"
#include "tool.h"

/*! What the records are chosen by: zone, owner or target. None: all of them. */
typedef struct {
	size_t count;
	struct {
		knot_dname_storage_t name;
		bool found;
	} * at;
} choice_t;

/*! Reads the arguments; everything but KANAME_OK is reported. */
static kaname_exit_t read_choice(const kaname_args_t *args, choice_t *choice)
{
	choice->at = calloc(args->count + 1, sizeof(*choice->at));
	if (choice->at == NULL) {
		kaname_error("out of memory");
		return KANAME_IO;
	}
	for (int i = 0; i < args->count; i++) {
		knot_dname_t *name = choice->at[i].name;
		if (!kaname_name_take(name, args->arguments[i], KANAME_NAME_ANY)) {
			return KANAME_NO;
		}
		choice->count++;
	}
	return KANAME_OK;
}

/*! Is it one of those that were asked for? */
static bool is_chosen(choice_t *choice, const kaname_record_t *record)
{
	knot_dname_storage_t owner, zone;
	if (choice->count == 0) {
		return true;
	}
	bool chosen = false, has_owner = kaname_name_read(owner, record->owner) != NULL;
	bool has_zone = record->zone != NULL && kaname_name_read(zone, record->zone) != NULL;
	for (size_t i = 0; i < choice->count; i++) {
		const knot_dname_t *name = choice->at[i].name;
		if ((has_owner && knot_dname_is_case_equal(name, owner)) ||
		    (has_zone && knot_dname_is_case_equal(name, zone)) ||
		    (record->good && knot_dname_is_case_equal(name, record->target))) {
			chosen = choice->at[i].found = true;
		}
	}
	return chosen;
}

/*! Prints a member that is a text, or null. */
static void print_member(const char *key, const char *text)
{
	(void)printf(", \"%s\": ", key);
	if (text != NULL) {
		kaname_print_text(text, strlen(text));
	} else {
		(void)fputs("null", stdout);
	}
}

static void print_object(const kaname_record_t *record)
{
	knot_dname_txt_storage_t target;
	bool good =
	        record->good && knot_dname_to_str(target, record->target, sizeof(target)) != NULL;
	(void)fputs("{\"owner\": ", stdout);
	kaname_print_text(record->owner, strlen(record->owner));
	(void)printf(", \"ttl\": %u, \"type\": \"%s\"", record->ttl, kaname_record_word(record));
	print_member("target", good ? target : NULL);
	print_member("malformed", good ? NULL : record->data);
	print_member("zone", record->zone != NULL ? record->zone : record->owner);
	(void)putchar('}');
}

static void print_all(const kaname_records_t *records, choice_t *choice, bool json)
{
	size_t printed = 0;
	if (json) {
		(void)fputs("{\"records\": [", stdout);
	}
	for (size_t i = 0; i < records->count; i++) {
		const kaname_record_t *record = &records->at[i];
		if (!is_chosen(choice, record)) {
			continue;
		}
		if (json) {
			(void)fputs(printed > 0 ? ",\n  " : "\n  ", stdout);
			print_object(record);
		} else {
			kaname_record_print(record, true);
		}
		printed++;
	}
	if (json) {
		(void)fputs("\n]}\n", stdout);
	}
}

/*! Tells what was asked for and is not there. */
static kaname_exit_t report_missing(const kaname_args_t *args, const kaname_records_t *records,
                                    const choice_t *choice)
{
	kaname_exit_t ret = KANAME_OK;
	/* In this order, wherever they go. */
	(void)fflush(stdout);
	for (size_t i = 0; i < choice->count; i++) {
		if (!choice->at[i].found) {
			kaname_error("no ANAME or ALIAS record of the server has the zone, "
			             "the owner or the target %s",
			             args->arguments[i]);
			ret = KANAME_NO;
		}
	}
	if (ret != KANAME_OK) {
		(void)fprintf(stderr, "next: 'kaname list' has all of them, 'kaname check ZONE' "
		                      "looks at one zone\n");
	} else if (records->count == 0) {
		(void)fprintf(stderr, "note: no zone that is loaded has an ANAME or ALIAS "
		                      "record; 'kaname set ZONE TARGET' declares one\n");
	}
	return ret;
}

kaname_exit_t kaname_list(const kaname_args_t *args)
{
	kaname_records_t records = { 0 };
	kaname_control_t control;
	choice_t choice = { 0 };
	kaname_exit_t ret = read_choice(args, &choice);
	if (ret == KANAME_OK) {
		ret = kaname_control_open(&control, args);
	}
	if (ret == KANAME_OK) {
		ret = kaname_records_all(&control, NULL, &records);
	}
	if (ret == KANAME_OK) {
		print_all(&records, &choice, args->json);
		ret = report_missing(args, &records, &choice);
	}
	kaname_records_free(&records);
	free(choice.at);
	return ret;
}

/* Of one zone. */

static kaname_exit_t print_records(const kaname_records_t *records)
{
	kaname_exit_t ret = KANAME_OK;
	for (size_t i = 0; i < records->count; i++) {
		kaname_record_print(&records->at[i], false);
		if (!records->at[i].good) {
			kaname_error("%s: the RDATA of a %s record is no domain name; 'kaname set' "
			             "replaces it",
			             records->at[i].owner, records->at[i].type);
			ret = KANAME_NO;
		}
	}
	return ret;
}

/*!
 * Reads those that are wanted.
 *
 * \param owner  NULL: of all owners.
 */
static kaname_exit_t read_zone(kaname_control_t *control, const char *zone,
                               const kaname_owner_t *owner, kaname_records_t *records)
{
	/* That a zone is not loaded is told of its apex alone. */
	kaname_exit_t ret = kaname_records_read(control, "zone-read", zone, KANAME_APEX, records);
	if (ret == KANAME_OK && (owner == NULL || !owner->is_apex)) {
		kaname_records_free(records);
		*records = (kaname_records_t){ 0 };
		ret = kaname_records_read(control, "zone-read", zone,
		                          owner != NULL ? owner->text : NULL, records);
	}
	return ret;
}

kaname_exit_t kaname_get(const kaname_args_t *args)
{
	knot_dname_txt_storage_t zone;
	kaname_control_t control;
	kaname_owner_t owner;
	if (!kaname_zone_name(zone, args->arguments[0]) ||
	    !kaname_owner_take(&owner, zone, args->owner)) {
		return KANAME_NO;
	}
	kaname_exit_t ret = kaname_control_open(&control, args);
	if (ret != KANAME_OK) {
		return ret;
	}
	kaname_records_t records = { 0 };
	ret = read_zone(&control, zone, args->owner != NULL ? &owner : NULL, &records);
	kaname_control_close(&control);
	if (ret == KANAME_OK && records.count == 0) {
		kaname_error("%s has no ANAME or ALIAS record", owner.text);
		(void)fprintf(stderr, "next: 'kaname set %s TARGET%s%s' declares one\n", zone,
		              owner.is_apex ? "" : " --owner ", owner.is_apex ? "" : owner.text);
		ret = KANAME_NO;
	} else if (ret == KANAME_OK) {
		ret = print_records(&records);
	}
	kaname_records_free(&records);
	return ret;
}
