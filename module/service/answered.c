#include "service/answered.h"

#include <string.h>

/*! Of one zone at most so many. */
#define OWN (ANAME_ANSWERED_NAMES / 2)

/*! Where the next one of a zone goes: one of its own gives way if it has as many as it may. */
static unsigned place_for(aname_answered_t *answered, uint32_t zone)
{
	unsigned free = ANAME_ANSWERED_NAMES, own = ANAME_ANSWERED_NAMES, count = 0;
	for (unsigned k = 0; k < ANAME_ANSWERED_NAMES; k++) {
		unsigned i = (answered->next + k) % ANAME_ANSWERED_NAMES;
		if (answered->names[i].name_len == 0) {
			free = i;
		} else if (answered->names[i].zone == zone) {
			own = count++ == 0 ? i : own;
		}
	}
	unsigned at = answered->next;
	if (count >= OWN) {
		at = own;
	} else if (free != ANAME_ANSWERED_NAMES) {
		return free;
	}
	answered->next = (at + 1) % ANAME_ANSWERED_NAMES;
	return at;
}

void aname_answered_add(aname_answered_t *answered, const aname_entry_t *entry, uint64_t hash)
{
	for (unsigned i = 0; i < ANAME_ANSWERED_NAMES; i++) {
		if (answered->names[i].name_len != 0 && answered->names[i].hash == hash &&
		    answered->names[i].type == entry->type) {
			answered->names[i].zone = aname_entry_zone(entry);
			return;
		}
	}
	unsigned at = place_for(answered, aname_entry_zone(entry));
	answered->names[at].hash = hash;
	answered->names[at].zone = aname_entry_zone(entry);
	answered->names[at].type = entry->type;
	answered->names[at].name_len = entry->name_len;
	memcpy(answered->names[at].name, entry->name, entry->name_len);
}

/*! The entry of the n-th, if it is still good; else it is forgotten. */
static aname_entry_t *find(aname_answered_t *answered, unsigned n, const aname_table_t *table,
                           const aname_upstream_t *upstream, uint32_t now_s)
{
	if (answered->names[n].name_len == 0) {
		return NULL;
	}
	const aname_key_t key = { .upstream = upstream,
		                  .name = answered->names[n].name,
		                  .name_len = answered->names[n].name_len,
		                  .type = answered->names[n].type };
	aname_entry_t *entry = aname_table_find(table, &key, aname_table_hash(table, &key));
	if (entry == NULL || entry->plan.failures > 0 || entry->plan.state == ANAME_PLAN_DORMANT ||
	    now_s > atomic_load(&entry->until_s)) {
		answered->names[n].name_len = 0;
		return NULL;
	}
	return entry;
}

aname_answered_of_t aname_answered_any(aname_answered_t *answered, const aname_table_t *table,
                                       const aname_upstream_t *upstream, uint32_t zone,
                                       uint32_t now_s)
{
	aname_answered_of_t any = ANAME_ANSWERED_NONE;
	for (unsigned i = 0; i < ANAME_ANSWERED_NAMES; i++) {
		if (find(answered, i, table, upstream, now_s) == NULL) {
			continue;
		}
		if (answered->names[i].zone != zone) {
			any = ANAME_ANSWERED_OTHERS;
		} else if (any == ANAME_ANSWERED_NONE) {
			any = ANAME_ANSWERED_OWN;
		}
	}
	return any;
}

aname_entry_t *aname_answered_choose(aname_answered_t *answered, const aname_table_t *table,
                                     const aname_upstream_t *upstream, uint64_t other_than,
                                     uint32_t zone, uint32_t now_s)
{
	aname_entry_t *chosen = NULL;
	bool other_name = false;
	for (unsigned i = 0; i < ANAME_ANSWERED_NAMES; i++) {
		aname_entry_t *entry = find(answered, i, table, upstream, now_s);
		if (entry == NULL || entry->plan.state != ANAME_PLAN_WAITING ||
		    entry->run != NULL) {
			continue;
		}
		if (answered->names[i].zone != zone) {
			return entry;
		}
		if (chosen == NULL || (!other_name && answered->names[i].hash != other_than)) {
			chosen = entry;
			other_name = answered->names[i].hash != other_than;
		}
	}
	return chosen;
}
