#include "records.h"

#include <stdlib.h>
#include <string.h>

#include <libknot/libknot.h>

#include "text.h"

typedef struct {
	kaname_records_t *records;
	kaname_text_t *text;
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
static bool read_target(reading_t *reading, kaname_record_t *record)
{
	const knot_dname_t *target;
	const char *left = record->data;
	const char *expected =
	        strncmp(record->data, "\\#", 2) == 0
	                ? kaname_text_generic(reading->text, next_piece, &left, &target)
	                : kaname_text_target(reading->text, record->data, strlen(record->data),
	                                     &target);
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

static void take_unit(void *ctx, knot_ctl_data_t *data)
{
	reading_t *reading = ctx;
	const char *ttl = (*data)[KNOT_CTL_IDX_TTL], *text = (*data)[KNOT_CTL_IDX_DATA];
	if (ttl == NULL || text == NULL) {
		return;
	}
	kaname_record_t *record = add(reading->records);
	char *copy = strdup(text);
	if (record == NULL || copy == NULL) {
		free(copy);
		reading->records->failed = true;
		return;
	}
	*record = (kaname_record_t){ .ttl = strtoul(ttl, NULL, 10),
		                     .type = reading->type->generic,
		                     .data = copy };
	record->good = read_target(reading, record);
	reading->records->count++;
}

static kaname_exit_t read_type(kaname_control_t *control, const char *command, const char *zone,
                               reading_t *reading)
{
	knot_ctl_data_t ask = {
		[KNOT_CTL_IDX_CMD] = command,
		[KNOT_CTL_IDX_ZONE] = zone,
		[KNOT_CTL_IDX_OWNER] = "@",
		[KNOT_CTL_IDX_TYPE] = reading->type->generic,
	};
	kaname_exit_t ret = kaname_control_ask(control, &ask, take_unit, reading);
	if (ret == KANAME_NO && (kaname_control_refused(control, KNOT_ENORECORD) ||
	                         kaname_control_refused(control, KNOT_ENOENT))) {
		ret = KANAME_OK;
	} else if (ret == KANAME_NO) {
		kaname_control_error(control, zone);
	}
	return ret;
}

kaname_exit_t kaname_records_read(kaname_control_t *control, const char *command, const char *zone,
                                  kaname_records_t *records)
{
	reading_t reading = { .records = records, .text = kaname_text_new() };
	records->failed = reading.text == NULL;
	kaname_exit_t ret = KANAME_OK;
	for (size_t i = 0; i < ANAME_RRTYPES && ret == KANAME_OK && !records->failed; i++) {
		reading.type = &aname_rrtypes[i];
		ret = read_type(control, command, zone, &reading);
	}
	kaname_text_free(reading.text);
	if (records->failed) {
		kaname_error("out of memory");
		return KANAME_IO;
	}
	return ret;
}

void kaname_records_free(kaname_records_t *records)
{
	for (size_t i = 0; i < records->count; i++) {
		free(records->at[i].data);
	}
	free(records->at);
}

void kaname_record_print(const kaname_record_t *record, const char *zone)
{
	knot_dname_txt_storage_t target;
	if (record->good && knot_dname_to_str(target, record->target, sizeof(target)) != NULL) {
		const aname_rrtype_t *type = aname_rrtypes;
		type += strcmp(record->type, type->generic) != 0;
		(void)printf("%s %u %s %s\n", zone, record->ttl, type->word, target);
	} else {
		(void)printf("%s %u %s %s\n", zone, record->ttl, record->type, record->data);
	}
}

bool kaname_zone_name(knot_dname_txt_storage_t zone, const char *text)
{
	knot_dname_storage_t name;
	if (kaname_name_read(name, text) == NULL) {
		kaname_error("%s: expected the name of a zone", text);
		return false;
	}
	knot_dname_to_lower(name);
	return knot_dname_to_str(zone, name, sizeof(knot_dname_txt_storage_t)) != NULL;
}
