#include "query/numbers.h"

#include "query/records.h"

static const uint16_t types[] = { KNOT_RRTYPE_A, KNOT_RRTYPE_AAAA };

bool aname_numbers_find(const aname_query_t *query, const knot_rdata_t *rdata,
                        knot_dname_storage_t lower, aname_target_t *target)
{
	bool found = false;
	for (unsigned i = 0; i < 2; i++) {
		aname_key_t key = { .upstream = query->instance->zone.named.upstream,
			            .type = types[i] };
		aname_entry_t *entry = NULL;
		if (!aname_records_find(query, rdata, &key, lower, &entry)) {
			return false;
		}
		target->name = key.name;
		target->name_len = key.name_len;
		target->entries[i] = entry;
		target->known[i] = entry != NULL ? aname_entry_snapshot(entry) : NULL;
		found |= entry != NULL;
	}
	return found;
}

void aname_numbers_add(const aname_query_t *query, const aname_target_t *target,
                       aname_numbers_t *numbers)
{
	uint32_t definition = query->instance->options->definition;
	for (unsigned i = 0; i < 2; i++) {
		aname_entry_t *entry = target->entries[i];
		if (entry == NULL) {
			continue;
		}
		const aname_snapshot_t *known = target->known[i];
		uint32_t lag_ms = atomic_load_explicit(&entry->lag_ms, memory_order_relaxed);
		const aname_subnets_t *subnets = atomic_load(&entry->subnets);
		numbers->targets++;
		numbers->subnets += subnets != NULL ? atomic_load(&subnets->count) : 0;
		numbers->addresses += known != NULL ? known->count : 0;
		numbers->started += atomic_load_explicit(&entry->started, memory_order_relaxed);
		numbers->succeeded += atomic_load_explicit(&entry->succeeded, memory_order_relaxed);
		numbers->failed += atomic_load_explicit(&entry->failed, memory_order_relaxed);
		numbers->lag_ms = lag_ms > numbers->lag_ms ? lag_ms : numbers->lag_ms;
		const aname_view_t *view =
		        known != NULL ? aname_snapshot_view(known, definition) : NULL;
		if (view != NULL && definition != 0) {
			numbers->up += view->count - view->unknown;
			numbers->down += known->count - view->count;
			numbers->unknown += view->unknown;
		}
	}
}
