#include "service/good.h"

#include <string.h>

void aname_good_add(aname_good_t *good, const aname_entry_t *entry, uint64_t hash)
{
	unsigned at = ANAME_GOOD_NAMES;
	for (unsigned i = 0; i < ANAME_GOOD_NAMES; i++) {
		if (good->names[i].name_len == 0) {
			at = i;
		} else if (good->names[i].hash == hash && good->names[i].type == entry->type) {
			return;
		}
	}
	if (at == ANAME_GOOD_NAMES) {
		at = good->next;
		good->next = (at + 1) % ANAME_GOOD_NAMES;
	}
	good->names[at].hash = hash;
	good->names[at].type = entry->type;
	good->names[at].name_len = entry->name_len;
	memcpy(good->names[at].name, entry->name, entry->name_len);
}

/*! The entry of the n-th, if it is still good; else it is forgotten. */
static aname_entry_t *find(aname_good_t *good, unsigned n, const aname_table_t *table,
                           const aname_upstream_t *upstream)
{
	if (good->names[n].name_len == 0) {
		return NULL;
	}
	const aname_key_t key = { .upstream = upstream,
		                  .name = good->names[n].name,
		                  .name_len = good->names[n].name_len,
		                  .type = good->names[n].type };
	aname_entry_t *entry = aname_table_find(table, &key, aname_table_hash(table, &key));
	if (entry == NULL || entry->plan.failures > 0 || entry->plan.state == ANAME_PLAN_DORMANT) {
		good->names[n].name_len = 0;
		return NULL;
	}
	return entry;
}

bool aname_good_any(aname_good_t *good, const aname_table_t *table,
                    const aname_upstream_t *upstream)
{
	bool any = false;
	for (unsigned i = 0; i < ANAME_GOOD_NAMES; i++) {
		any |= find(good, i, table, upstream) != NULL;
	}
	return any;
}

aname_entry_t *aname_good_choose(aname_good_t *good, const aname_table_t *table,
                                 const aname_upstream_t *upstream, uint64_t other_than)
{
	aname_entry_t *chosen = NULL;
	for (unsigned i = 0; i < ANAME_GOOD_NAMES; i++) {
		aname_entry_t *entry = find(good, i, table, upstream);
		if (entry == NULL || entry->plan.state != ANAME_PLAN_WAITING ||
		    entry->run != NULL) {
			continue;
		}
		if (good->names[i].hash != other_than) {
			return entry;
		}
		chosen = entry;
	}
	return chosen;
}
