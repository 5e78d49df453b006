#include "follow/noted.h"

#include <string.h>

typedef struct {
	uint8_t pending_count, is_adopted, writes, is_gone;
	uint32_t ttl, adopted_ttl, former_ttl, pending_ttl, record, nodata_boot, left_ttl;
	int64_t written_s, nodata_s[KANAME_FAMILIES];
} head_t;

_Static_assert(sizeof(head_t) == 4 * sizeof(uint8_t) + 7 * sizeof(uint32_t) + 3 * sizeof(int64_t),
               "what is written has no padding, which would be whatever was in memory");

/*! The sets of a value, in order: behind them stand those that are pending. */
static kaname_noted_set_t *sets_of(kaname_noted_t *noted, unsigned number)
{
	kaname_noted_set_t *const sets[KANAME_NOTED_SETS] = { noted->written, noted->adopted,
		                                              noted->former };
	return number < KANAME_NOTED_SETS ? sets[number]
	                                  : noted->pending[number - KANAME_NOTED_SETS];
}

static bool read_set(const MDB_val *value, size_t *at, kaname_family_t family,
                     kaname_noted_set_t *set)
{
	uint16_t count;
	if (value->mv_size - *at < sizeof(count)) {
		return false;
	}
	memcpy(&count, (const uint8_t *)value->mv_data + *at, sizeof(count));
	*at += sizeof(count);
	size_t len = count * kaname_family_len(family);
	if (count > KANAME_SET_MAX || value->mv_size - *at < len) {
		return false;
	}
	*set = (kaname_noted_set_t){ count, (const uint8_t *)value->mv_data + *at };
	*at += len;
	return true;
}

bool kaname_noted_read(const MDB_val *value, kaname_noted_t *noted)
{
	head_t head;
	if (value->mv_size < sizeof(head)) {
		return false;
	}
	memcpy(&head, value->mv_data, sizeof(head));
	*noted = (kaname_noted_t){
		.pending_count = head.pending_count,
		.is_adopted = head.is_adopted != 0,
		.is_gone = head.is_gone != 0,
		.writes = head.writes,
		.ttl = head.ttl,
		.adopted_ttl = head.adopted_ttl,
		.former_ttl = head.former_ttl,
		.pending_ttl = head.pending_ttl,
		.left_ttl = head.left_ttl,
		.record = head.record,
		.written_s = head.written_s,
		.nodata_boot = head.nodata_boot,
	};
	memcpy(noted->nodata_s, head.nodata_s, sizeof(head.nodata_s));
	size_t at = sizeof(head);
	if (noted->pending_count > KANAME_PENDING_MOST) {
		return false;
	}
	for (int i = 0; i < (KANAME_NOTED_SETS + noted->pending_count) * KANAME_FAMILIES; i++) {
		kaname_family_t family = i % KANAME_FAMILIES;
		kaname_noted_set_t *sets = sets_of(noted, i / KANAME_FAMILIES);
		if (!read_set(value, &at, family, &sets[family])) {
			return false;
		}
	}
	return at == value->mv_size;
}

size_t kaname_noted_write(const kaname_noted_t *noted, uint8_t to[KANAME_NOTED_MAX])
{
	kaname_noted_t copy = *noted;
	head_t head = {
		.pending_count = noted->pending_count,
		.is_adopted = noted->is_adopted,
		.writes = noted->writes,
		.is_gone = noted->is_gone,
		.ttl = noted->ttl,
		.adopted_ttl = noted->adopted_ttl,
		.former_ttl = noted->former_ttl,
		.pending_ttl = noted->pending_ttl,
		.left_ttl = noted->left_ttl,
		.record = noted->record,
		.written_s = noted->written_s,
		.nodata_boot = noted->nodata_boot,
	};
	memcpy(head.nodata_s, noted->nodata_s, sizeof(head.nodata_s));
	memcpy(to, &head, sizeof(head));
	size_t len = sizeof(head);
	for (int i = 0; i < (KANAME_NOTED_SETS + noted->pending_count) * KANAME_FAMILIES; i++) {
		kaname_family_t family = i % KANAME_FAMILIES;
		const kaname_noted_set_t *set = &sets_of(&copy, i / KANAME_FAMILIES)[family];
		size_t set_len = set->count * kaname_family_len(family);
		memcpy(to + len, &set->count, sizeof(set->count));
		len += sizeof(set->count);
		if (set_len > 0) {
			memcpy(to + len, set->at, set_len);
			len += set_len;
		}
	}
	return len;
}

/* Keys: where the zone begins in the owner's name, and that name. */

size_t kaname_noted_key(uint8_t key[KANAME_NOTED_KEY_MAX], const knot_dname_t *zone,
                        const knot_dname_t *owner)
{
	size_t owner_len = knot_dname_size(owner), zone_len = knot_dname_size(zone);
	key[0] = zone_len <= owner_len ? owner_len - zone_len : 0;
	memcpy(key + 1, owner, owner_len);
	return 1 + owner_len;
}

/*! Does a label begin there? */
static bool is_label(const knot_dname_t *name, size_t at)
{
	size_t begin = 0;
	while (begin < at && name[begin] != 0) {
		begin += name[begin] + 1;
	}
	return begin == at;
}

bool kaname_noted_pair(const MDB_val *key, const MDB_val *value, const knot_dname_t **zone,
                       const knot_dname_t **owner, kaname_noted_t *noted)
{
	const uint8_t *at = key->mv_data;
	size_t len = key->mv_size;
	if (len < 2 || len > KANAME_NOTED_KEY_MAX || at[0] >= len - 1 ||
	    knot_dname_wire_check(at + 1, at + len, NULL) != (int)len - 1 ||
	    !is_label(at + 1, at[0])) {
		return false;
	}
	*owner = at + 1;
	*zone = at + 1 + at[0];
	return kaname_noted_read(value, noted);
}
