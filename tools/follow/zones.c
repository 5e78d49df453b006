#include "follow/zones.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "table/rdata.h"

/*! What stands before the labels of the owner and the target. */
typedef struct {
	uint32_t zone, ttl;
	uint8_t prefix_len;
	uint8_t target_len; /*!< 0: it is malformed. */
	uint8_t is_exact;
} head_t;

/* Zones. */

uint32_t kaname_zones_add(kaname_zones_t *zones, const knot_dname_t *name)
{
	uint32_t before = zones->names.count;
	uint32_t zone = kaname_names_add(&zones->names, name, knot_dname_size(name));
	if (zone == KANAME_NAMES_NONE) {
		zones->failed = true;
		return zone;
	}
	if (zone < before) {
		return zone;
	}
	if (zone >= zones->room) {
		uint32_t room = zones->room + zones->room / 4 + 16;
		kaname_zone_t *at = realloc(zones->at, room * sizeof(*at));
		if (at == NULL) {
			zones->failed = true;
			return KANAME_NAMES_NONE;
		}
		zones->at = at;
		zones->room = room;
	}
	zones->at[zone] = (kaname_zone_t){ .template = 0 };
	return zone;
}

uint32_t kaname_zones_find(kaname_zones_t *zones, const char *text, bool add)
{
	knot_dname_storage_t name;
	if (zones->failed || knot_dname_from_str(name, text, sizeof(name)) == NULL) {
		return KANAME_NAMES_NONE;
	}
	knot_dname_to_lower(name);
	return add ? kaname_zones_add(zones, name)
	           : kaname_names_find(&zones->names, name, knot_dname_size(name));
}

/* Records. */

/*! Reads digits of RDATA in the generic form (RFC 3597, 5); false if it cannot be a name. */
static bool read_digits(const char *text, uint8_t rdata[KNOT_DNAME_MAXLEN], size_t *len)
{
	size_t digits = 0;
	text += strcspn(text, " ");
	text += strspn(text, " ");
	text += strcspn(text, " ");
	for (; *text != '\0'; text++) {
		if (*text == ' ') {
			continue;
		}
		if (!isxdigit((unsigned char)*text) || digits == 2 * sizeof(knot_dname_storage_t)) {
			return false;
		}
		unsigned value = *text <= '9' ? *text - '0' : (*text | 0x20) - 'a' + 10;
		rdata[digits / 2] =
		        (uint8_t)((digits % 2 == 0 ? 0 : rdata[digits / 2] << 4) | value);
		digits++;
	}
	*len = digits / 2;
	return digits % 2 == 0;
}

/*!
 * Reads RDATA: generic, or a name where Knot knows the type (ALIAS from 3.5.4 on).
 *
 * \return Octets of the target; 0: it is none.
 */
static size_t read_target(const char *text, knot_dname_storage_t target, bool *is_exact)
{
	uint8_t rdata[KNOT_DNAME_MAXLEN];
	size_t len = 0;
	if (strncmp(text, "\\#", 2) == 0) {
		if (!read_digits(text, rdata, &len)) {
			return 0;
		}
	} else {
		if (knot_dname_from_str(rdata, text, sizeof(rdata)) == NULL) {
			return 0;
		}
		len = knot_dname_size(rdata);
	}
	int target_len = aname_rdata_read(rdata, len, target);
	*is_exact = target_len > 0 && memcmp(target, rdata, target_len) == 0;
	return target_len > 0 ? target_len : 0;
}

/*! Room for so many octets at the end. */
static uint8_t *make_room(kaname_zones_t *zones, size_t len)
{
	if (zones->used + len > zones->size) {
		size_t size = zones->used + len + zones->size / 4 + 1024;
		uint8_t *records = size < UINT32_MAX ? realloc(zones->records, size) : NULL;
		if (records == NULL) {
			zones->failed = true;
			return NULL;
		}
		zones->records = records;
		zones->size = size;
	}
	return zones->records + zones->used;
}

/*! Octets of an owner's labels before its zone; false if it is not within it. */
static bool read_prefix(const kaname_zones_t *zones, uint32_t zone, const char *text,
                        knot_dname_storage_t owner, uint8_t *len)
{
	const knot_dname_t *name = kaname_zones_name(zones, zone);
	if (knot_dname_from_str(owner, text, sizeof(knot_dname_storage_t)) == NULL) {
		return false;
	}
	knot_dname_to_lower(owner);
	*len = (uint8_t)(knot_dname_size(owner) - knot_dname_size(name));
	return knot_dname_in_bailiwick(owner, name) >= 0;
}

void kaname_zones_record(kaname_zones_t *zones, uint32_t zone, unsigned type, knot_ctl_data_t *data)
{
	const char *text = (*data)[KNOT_CTL_IDX_OWNER], *ttl = (*data)[KNOT_CTL_IDX_TTL];
	const char *rdata = (*data)[KNOT_CTL_IDX_DATA];
	knot_dname_storage_t owner, target;
	head_t head = { .zone = zone };
	bool is_exact = false;
	if (zones->failed) {
		return;
	}
	if (text == NULL || ttl == NULL || rdata == NULL ||
	    !read_prefix(zones, zone, text, owner, &head.prefix_len)) {
		zones->at[zone].is_cut = true;
		return;
	}
	head.ttl = strtoul(ttl, NULL, 10);
	head.target_len = read_target(rdata, target, &is_exact);
	head.is_exact = is_exact;
	uint8_t *at = make_room(zones, sizeof(head) + head.prefix_len + head.target_len);
	if (at == NULL) {
		return;
	}
	if (zones->at[zone].first[type] == 0) {
		zones->at[zone].first[type] = zones->used + 1;
	}
	memcpy(at, &head, sizeof(head));
	memcpy(at + sizeof(head), owner, head.prefix_len);
	memcpy(at + sizeof(head) + head.prefix_len, target, head.target_len);
	zones->used += sizeof(head) + head.prefix_len + head.target_len;
	zones->below |= head.prefix_len > 0;
}

void kaname_zones_reset(kaname_zones_t *zones, unsigned type, kaname_zones_mark_t mark)
{
	for (uint32_t i = 0; i < zones->names.count; i++) {
		if (zones->at[i].first[type] > mark.used) {
			zones->at[i].first[type] = 0;
		}
	}
	zones->used = mark.used;
	zones->below = mark.below;
}

/*! Reads the record that stands there, if it is one of the zone. */
static bool read_record(const kaname_zones_t *zones, uint32_t zone, const uint8_t *at,
                        kaname_zone_record_t *record)
{
	head_t head;
	if (at == zones->records + zones->used) {
		return false;
	}
	memcpy(&head, at, sizeof(head));
	record->ttl = head.ttl;
	record->prefix_len = head.prefix_len;
	record->prefix = at + sizeof(head);
	record->target = head.target_len > 0 ? record->prefix + head.prefix_len : NULL;
	record->is_exact = head.is_exact;
	record->next = record->prefix + head.prefix_len + head.target_len;
	return head.zone == zone;
}

bool kaname_zones_first(const kaname_zones_t *zones, uint32_t zone, unsigned type,
                        kaname_zone_record_t *record)
{
	uint32_t first = zones->at[zone].first[type];
	record->type = type;
	return first != 0 && read_record(zones, zone, zones->records + first - 1, record);
}

bool kaname_zones_next(const kaname_zones_t *zones, uint32_t zone, kaname_zone_record_t *record)
{
	/* Where those of the other type begin these end. */
	for (unsigned i = 0; i < ANAME_RRTYPES; i++) {
		uint32_t first = zones->at[zone].first[i];
		if (first != 0 && record->next == zones->records + first - 1) {
			return false;
		}
	}
	return read_record(zones, zone, record->next, record);
}

void kaname_zones_owner(const kaname_zones_t *zones, uint32_t zone,
                        const kaname_zone_record_t *record, knot_dname_storage_t owner)
{
	size_t len;
	const uint8_t *name = kaname_names_at(&zones->names, zone, &len);
	memcpy(owner, record->prefix, record->prefix_len);
	memcpy(owner + record->prefix_len, name, len);
}

void kaname_zones_deinit(kaname_zones_t *zones)
{
	kaname_names_deinit(&zones->names);
	free(zones->at);
	free(zones->records);
	*zones = (kaname_zones_t){ .at = NULL };
}
