#include "records.h"

#include <stdlib.h>
#include <string.h>

#include <libknot/libknot.h>

#include "text.h"

typedef struct {
	kaname_records_t *records;
	const char *zone;  /*!< NULL: all of them. */
	const char *owner; /*!< NULL: all of them. */
	const aname_rrtype_t *type;
} reading_t;

static const char *next_piece(void *ctx, size_t *len)
{
	const char **left = ctx;
	const char *piece = *left + strspn(*left, " ");
	*len = strcspn(piece, " ");
	*left = piece + *len;
	return *len > 0 ? piece : NULL;
}

/*! Reads the target: a name where Knot knows the type (ALIAS from 3.5.4 on), generic elsewhere. */
static bool read_target(kaname_text_t *text, kaname_record_t *record)
{
	const knot_dname_t *target;
	const char *left = record->data;
	const char *expected =
	        strncmp(record->data, "\\#", 2) == 0
	                ? kaname_text_generic(text, next_piece, &left, &target)
	                : kaname_text_target(text, record->data, strlen(record->data), &target);
	if (expected != NULL) {
		return false;
	}
	memcpy(record->target, target, knot_dname_size(target));
	return true;
}

static kaname_record_t *add(kaname_records_t *records)
{
	if (records->count == records->size) {
		size_t size = records->size > 0 ? 2 * records->size : 8;
		kaname_record_t *at = realloc(records->at, size * sizeof(*at));
		if (at == NULL) {
			return NULL;
		}
		records->at = at;
		records->size = size;
	}
	return &records->at[records->count];
}

/*! A copy of a text; NULL also where there is none. */
static char *copy(const char *text)
{
	return text != NULL ? strdup(text) : NULL;
}

static void take_unit(void *ctx, knot_ctl_data_t *data)
{
	reading_t *reading = ctx;
	const char *ttl = (*data)[KNOT_CTL_IDX_TTL], *text = (*data)[KNOT_CTL_IDX_DATA];
	const char *owner = (*data)[KNOT_CTL_IDX_OWNER], *zone = (*data)[KNOT_CTL_IDX_ZONE];
	if (ttl == NULL || text == NULL || owner == NULL) {
		return;
	}
	bool is_below = zone != NULL && strcmp(zone, owner) != 0;
	kaname_record_t *record = add(reading->records);
	kaname_record_t its = {
		.owner = copy(owner),
		.zone = is_below ? copy(zone) : NULL,
		.ttl = strtoul(ttl, NULL, 10),
		.type = reading->type->generic,
		.data = copy(text),
		.place = reading->records->count,
	};
	if (record == NULL || its.owner == NULL || its.data == NULL ||
	    (is_below && its.zone == NULL)) {
		free(its.owner);
		free(its.zone);
		free(its.data);
		reading->records->failed = true;
		return;
	}
	*record = its;
	reading->records->count++;
}

/*! Reads the targets of what was collected; without memory for that it has failed. */
static void read_targets(kaname_records_t *records)
{
	kaname_text_t *text = kaname_text_new();
	records->failed |= text == NULL;
	for (size_t i = 0; i < records->count && text != NULL; i++) {
		records->at[i].good = read_target(text, &records->at[i]);
	}
	kaname_text_free(text);
}

/*! Is it no error, but the way in which the server says that there is no record? Of the apex that
 *  there is no such name means that the zone is not loaded. */
static bool is_none(const kaname_control_t *control, const reading_t *reading)
{
	return kaname_control_refused(control, KNOT_ENORECORD) ||
	       kaname_control_refused(control, KNOT_ENOENT) ||
	       (reading->owner != NULL && strcmp(reading->owner, KANAME_APEX) != 0 &&
	        kaname_control_refused(control, KNOT_ENONODE));
}

/*! The same of all zones: those without the record, or not loaded, do not keep the others from
 *  being read. */
static bool is_none_of_all(const kaname_control_t *control)
{
	return kaname_control_refused(control, KNOT_CTL_EZONE) ||
	       kaname_control_refused(control, KNOT_ENOZONE);
}

static kaname_exit_t read_type(kaname_control_t *control, const char *command, reading_t *reading)
{
	knot_ctl_data_t ask = {
		[KNOT_CTL_IDX_CMD] = command,
		[KNOT_CTL_IDX_ZONE] = reading->zone,
		[KNOT_CTL_IDX_OWNER] = reading->owner,
		[KNOT_CTL_IDX_TYPE] = reading->type->generic,
	};
	kaname_exit_t ret = kaname_control_ask(control, &ask, take_unit, reading);
	bool all = reading->zone == NULL;
	if (ret == KANAME_NO && (is_none(control, reading) || (all && is_none_of_all(control)))) {
		ret = KANAME_OK;
	} else if (ret == KANAME_NO) {
		kaname_control_error(control, all ? "all zones" : reading->zone);
	}
	return ret;
}

static kaname_exit_t read_types(kaname_control_t *control, const char *command, reading_t *reading)
{
	kaname_exit_t ret = KANAME_OK;
	for (size_t i = 0; i < ANAME_RRTYPES && ret == KANAME_OK && !reading->records->failed;
	     i++) {
		reading->type = &aname_rrtypes[i];
		ret = read_type(control, command, reading);
	}
	return ret;
}

/*! What came of it all. */
static kaname_exit_t finish(const kaname_records_t *records, kaname_exit_t ret)
{
	if (records->failed) {
		kaname_error("out of memory");
		return KANAME_IO;
	}
	return ret;
}

/*! Compares two texts of names in their canonical order: label by label, from the root on. */
static int compare_names(const char *one, const char *other)
{
	knot_dname_storage_t a, b;
	if (knot_dname_from_str(a, one, sizeof(a)) == NULL ||
	    knot_dname_from_str(b, other, sizeof(b)) == NULL) {
		return strcmp(one, other);
	}
	return knot_dname_cmp(a, b);
}

static int compare_records(const void *one, const void *other)
{
	const kaname_record_t *a = one, *b = other;
	int order = compare_names(a->owner, b->owner);
	if (order == 0) {
		/* What is the apex of a zone may be a delegation of another. */
		order = (a->zone != NULL) - (b->zone != NULL);
	}
	if (order == 0) {
		order = (strcmp(a->type, aname_rrtypes[0].generic) != 0) -
		        (strcmp(b->type, aname_rrtypes[0].generic) != 0);
	}
	/* The server's own order is kept. */
	return order != 0 ? order : (a->place > b->place) - (a->place < b->place);
}

static void sort(kaname_records_t *records)
{
	if (records->count > 1) {
		qsort(records->at, records->count, sizeof(*records->at), compare_records);
	}
}

static int compare_zones(const void *one, const void *other)
{
	int order = compare_names(kaname_zone_of(one), kaname_zone_of(other));
	return order != 0 ? order : compare_records(one, other);
}

void kaname_records_sort_by_zone(kaname_records_t *records)
{
	if (records->count > 1) {
		qsort(records->at, records->count, sizeof(*records->at), compare_zones);
	}
}

kaname_exit_t kaname_records_read(kaname_control_t *control, const char *command, const char *zone,
                                  const char *owner, kaname_records_t *records)
{
	reading_t reading = { .records = records, .zone = zone, .owner = owner };
	kaname_exit_t ret = read_types(control, command, &reading);
	read_targets(records);
	if (owner == NULL) {
		sort(records);
	}
	return finish(records, ret);
}

kaname_exit_t kaname_records_add(kaname_control_t *control, const char *zone, const char *owner,
                                 kaname_records_t *records)
{
	reading_t reading = { .records = records, .zone = zone, .owner = owner };
	return read_types(control, "zone-read", &reading);
}

kaname_exit_t kaname_records_finish(kaname_records_t *records, kaname_exit_t ret)
{
	read_targets(records);
	sort(records);
	return finish(records, ret);
}

kaname_exit_t kaname_records_all(kaname_control_t *control, const char *owner,
                                 kaname_records_t *records)
{
	kaname_exit_t ret = kaname_records_add(control, NULL, owner, records);
	kaname_control_close(control);
	return kaname_records_finish(records, ret);
}

void kaname_records_clear(kaname_records_t *records)
{
	for (size_t i = 0; i < records->count; i++) {
		free(records->at[i].owner);
		free(records->at[i].zone);
		free(records->at[i].data);
		free(records->at[i].hidden);
	}
}

void kaname_records_free(kaname_records_t *records)
{
	kaname_records_clear(records);
	free(records->at);
}

const char *kaname_record_word(const kaname_record_t *record)
{
	const aname_rrtype_t *type = aname_rrtypes;
	type += strcmp(record->type, type->generic) != 0;
	return type->word;
}

void kaname_record_print(const kaname_record_t *record, bool with_zone)
{
	knot_dname_txt_storage_t target;
	if (record->good && knot_dname_to_str(target, record->target, sizeof(target)) != NULL) {
		(void)printf("%s %u %s %s", record->owner, record->ttl, kaname_record_word(record),
		             target);
	} else {
		(void)printf("%s %u %s %s", record->owner, record->ttl, record->type, record->data);
	}
	if (with_zone && record->zone != NULL) {
		(void)printf(" ; %s", record->zone);
	}
	(void)putchar('\n');
}

bool kaname_name_take(knot_dname_storage_t name, const char *text, kaname_name_kind_t kind)
{
	const char *note, *refused = kaname_name_understand(name, text, kind, &note);
	if (refused != NULL) {
		kaname_error("'%s' %s", text, refused);
	} else if (note != NULL) {
		(void)fprintf(stderr, "note: %s is %s in the DNS\n", text, note);
	}
	return refused == NULL;
}

bool kaname_zone_name(knot_dname_txt_storage_t zone, const char *text)
{
	knot_dname_storage_t name;
	if (!kaname_name_take(name, text, KANAME_NAME_ZONE)) {
		return false;
	}
	knot_dname_to_lower(name);
	return knot_dname_to_str(zone, name, sizeof(knot_dname_txt_storage_t)) != NULL;
}
