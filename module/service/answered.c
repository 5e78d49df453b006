#include "service/answered.h"

#include <string.h>

void aname_answered_add(aname_answered_t *answered, const aname_entry_t *entry, uint64_t hash)
{
	unsigned at = ANAME_ANSWERED_NAMES;
	for (unsigned i = 0; i < ANAME_ANSWERED_NAMES; i++) {
		if (answered->names[i].name_len == 0) {
			at = i;
		} else if (answered->names[i].hash == hash &&
		           answered->names[i].type == entry->type) {
			return;
		}
	}
	if (at == ANAME_ANSWERED_NAMES) {
		at = answered->next;
		answered->next = (at + 1) % ANAME_ANSWERED_NAMES;
	}
	answered->names[at].hash = hash;
	answered->names[at].type = entry->type;
	answered->names[at].name_len = entry->name_len;
	memcpy(answered->names[at].name, entry->name, entry->name_len);
}

/*! The entry of the n-th, if it is still good; else it is forgotten. */
static aname_entry_t *find(aname_answered_t *answered, unsigned n, const aname_table_t *table,
                           const aname_upstream_t *upstream)
{
	if (answered->names[n].name_len == 0) {
		return NULL;
	}
	const aname_key_t key = { .upstream = upstream,
		                  .name = answered->names[n].name,
		                  .name_len = answered->names[n].name_len,
		                  .type = answered->names[n].type };
	aname_entry_t *entry = aname_table_find(table, &key, aname_table_hash(table, &key));
	if (entry == NULL || entry->plan.failures > 0 || entry->plan.state == ANAME_PLAN_DORMANT) {
		answered->names[n].name_len = 0;
		return NULL;
	}
	return entry;
}

bool aname_answered_any(aname_answered_t *answered, const aname_table_t *table,
                        const aname_upstream_t *upstream)
{
	bool any = false;
	for (unsigned i = 0; i < ANAME_ANSWERED_NAMES; i++) {
		any |= find(answered, i, table, upstream) != NULL;
	}
	return any;
}

aname_entry_t *aname_answered_choose(aname_answered_t *answered, const aname_table_t *table,
                                     const aname_upstream_t *upstream, uint64_t other_than)
{
	aname_entry_t *chosen = NULL;
	for (unsigned i = 0; i < ANAME_ANSWERED_NAMES; i++) {
		aname_entry_t *entry = find(answered, i, table, upstream);
		if (entry == NULL || entry->plan.state != ANAME_PLAN_WAITING ||
		    entry->run != NULL) {
			continue;
		}
		if (answered->names[i].hash != other_than) {
			return entry;
		}
		chosen = entry;
	}
	return chosen;
}
