#include "follow/grouped.h"

#include <stdlib.h>
#include <string.h>

static bool make_room(kaname_grouped_t *grouped)
{
	if (grouped->count < grouped->room) {
		return true;
	}
	size_t room = 2 * grouped->room + 32;
	kaname_zone_record_t *at = realloc(grouped->at, room * sizeof(*at));
	grouped->at = at != NULL ? at : grouped->at;
	const knot_dname_t **targets = realloc(grouped->targets, room * sizeof(*targets));
	grouped->targets = targets != NULL ? targets : grouped->targets;
	if (at == NULL || targets == NULL) {
		return false;
	}
	grouped->room = room;
	return true;
}

/*! By owner, type, and the order in which knotd has them. */
static int compare(const void *one, const void *other)
{
	const kaname_zone_record_t *a = one, *b = other;
	if (a->prefix_len != b->prefix_len) {
		return a->prefix_len < b->prefix_len ? -1 : 1;
	}
	int order = memcmp(a->prefix, b->prefix, a->prefix_len);
	if (order == 0) {
		order = (a->type > b->type) - (a->type < b->type);
	}
	return order != 0 ? order : (a->prefix > b->prefix) - (a->prefix < b->prefix);
}

static bool collect(kaname_grouped_t *grouped, const kaname_zones_t *zones, uint32_t zone,
                    const kaname_layouts_t *layouts, uint16_t section)
{
	grouped->count = 0;
	for (unsigned type = 0; type < ANAME_RRTYPES; type++) {
		kaname_zone_record_t record;
		for (bool is = kaname_layouts_takes(layouts, section, type) &&
		               kaname_zones_first(zones, zone, type, &record);
		     is; is = kaname_zones_next(zones, zone, &record)) {
			if (!make_room(grouped)) {
				return false;
			}
			grouped->at[grouped->count++] = record;
		}
	}
	if (grouped->count > 1) {
		qsort(grouped->at, grouped->count, sizeof(*grouped->at), compare);
	}
	return true;
}

/*! Tells one owner by its records. */
static void tell(kaname_grouped_t *grouped, const kaname_zone_record_t *records, size_t count,
                 kaname_scan_owner_t *owner, const kaname_scan_calls_t *calls)
{
	owner->ttl = records[0].ttl;
	owner->rrsets_count = 0;
	owner->targets_count = 0;
	for (size_t i = 0; i < count; i++) {
		const kaname_zone_record_t *record = &records[i];
		if (i == 0 || record->type != records[i - 1].type) {
			/* Behind one that names no target it is not known whose the targets are. */
			bool good = owner->targets_count == i;
			owner->rrsets[owner->rrsets_count].type =
			        aname_rrtypes[record->type].number;
			owner->rrsets[owner->rrsets_count].count = 0;
			owner->rrsets[owner->rrsets_count++].good = good;
		}
		unsigned last = owner->rrsets_count - 1;
		owner->rrsets[last].count++;
		owner->rrsets[last].good &= record->is_exact;
		owner->ttl = record->ttl < owner->ttl ? record->ttl : owner->ttl;
		if (record->target != NULL) {
			grouped->targets[owner->targets_count++] = record->target;
		}
	}
	owner->targets = grouped->targets;
	calls->owner(calls->ctx, owner);
}

static bool is_same(const kaname_zone_record_t *one, const kaname_zone_record_t *other)
{
	return one->prefix_len == other->prefix_len &&
	       memcmp(one->prefix, other->prefix, one->prefix_len) == 0;
}

bool kaname_grouped_tell(kaname_grouped_t *grouped, const kaname_zones_t *zones, uint32_t zone,
                         const kaname_hidden_t *hidden, const kaname_layouts_t *layouts,
                         uint16_t section, const kaname_scan_calls_t *calls)
{
	knot_dname_storage_t name;
	kaname_scan_owner_t owner = { .zone = kaname_zones_name(zones, zone), .owner = name };
	grouped->seen = 0;
	if (!collect(grouped, zones, zone, layouts, section)) {
		return false;
	}
	for (size_t i = 0, end; i < grouped->count; i = end) {
		const kaname_zone_record_t *first = &grouped->at[i];
		for (end = i + 1; end < grouped->count && is_same(&grouped->at[end], first);
		     end++) {
		}
		kaname_zones_owner(zones, zone, first, name);
		if (!kaname_hidden_is(hidden, zones, zone, name)) {
			tell(grouped, first, end - i, &owner, calls);
			grouped->seen++;
		}
	}
	return true;
}

void kaname_grouped_deinit(kaname_grouped_t *grouped)
{
	free(grouped->at);
	free(grouped->targets);
	*grouped = (kaname_grouped_t){ .at = NULL };
}
