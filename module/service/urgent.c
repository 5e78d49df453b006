#include "service/urgent.h"

#include <libknot/descriptor.h>

#include "service/outage.h"
#include "service/schedule.h"
#include "service/subnets.h"
#include "service/upstreams.h"

static const uint16_t types[] = { KNOT_RRTYPE_A, KNOT_RRTYPE_AAAA };

/*! Has an entry looked up; false if a lookup of it has to end before. */
static bool hasten(aname_refresh_t *refresh, aname_entry_t *entry, int64_t now_ms)
{
	aname_upstream_work_t *work = aname_upstreams_work(entry->upstream);
	bool waiting = entry->plan.state == ANAME_PLAN_READY && work != NULL && work->out &&
	               aname_outage_take_waiting(work, entry);
	bool planned =
	        entry->plan.state == ANAME_PLAN_WAITING || entry->plan.state == ANAME_PLAN_DORMANT;
	if (work == NULL || (!waiting && !planned)) {
		return entry->plan.state == ANAME_PLAN_READY;
	}
	if (planned && entry->run != NULL) {
		return false;
	}
	if (planned) {
		aname_schedule_unplan(refresh, entry);
	}
	aname_priority_t priority =
	        entry->for_subnet ? ANAME_PRIORITY_SUBNET : ANAME_PRIORITY_REFRESH;
	/* All else fails unasked while the upstream is silent. */
	aname_schedule_ready(refresh, entry, work->out ? ANAME_PRIORITY_TRY : priority, now_ms);
	return true;
}

/*! Has the answers for clients' subnets looked up; returns how many. */
static size_t hasten_subnets(aname_refresh_t *refresh, aname_entry_t *target, int64_t now_ms)
{
	const aname_subnets_t *subnets = atomic_load(&target->subnets);
	size_t count = 0;
	/* Those nobody has asked for lately are looked up when somebody does. */
	for (aname_entry_t *entry = subnets != NULL ? subnets->first : NULL; entry != NULL;
	     entry = entry->subnet_entry->next) {
		if (entry->plan.state == ANAME_PLAN_WAITING && !aname_work_of(target)->out &&
		    aname_subnets_may_ask(entry)) {
			count += hasten(refresh, entry, now_ms);
		}
	}
	return count;
}

static aname_entry_t *find(const aname_refresh_t *refresh, const aname_upstream_t *upstream,
                           const knot_dname_t *name, uint16_t type)
{
	const aname_key_t key = {
		.upstream = upstream, .name = name, .type = type, .name_len = knot_dname_size(name)
	};
	const aname_table_t *table = refresh->shared->table;
	return aname_table_find(table, &key, aname_table_hash(table, &key));
}

static void add(aname_urgent_t *urgent, const aname_entry_t *entry, size_t name)
{
	if (urgent->count == ANAME_URGENT_MAX) {
		urgent->left_out++;
		return;
	}
	urgent->at[urgent->count++] = (aname_urgent_one_t){
		.upstream = entry->upstream,
		.name = name,
		.type = entry->type,
		.started = atomic_load(&entry->started),
	};
}

void aname_urgent_find(aname_refresh_t *refresh, aname_urgent_t *urgent)
{
	const aname_upstream_t *upstream = NULL;
	urgent->count = urgent->left_out = urgent->subnets = 0;
	while ((upstream = aname_shared_upstream_after(refresh->shared, upstream)) != NULL) {
		for (size_t i = 0; upstream->held && i < 2 * urgent->names_count; i++) {
			const aname_entry_t *entry =
			        find(refresh, upstream, urgent->names[i / 2], types[i % 2]);
			if (entry != NULL) {
				add(urgent, entry, i / 2);
			}
		}
	}
}

aname_entry_t *aname_urgent_entry(aname_refresh_t *refresh, const aname_urgent_t *urgent,
                                  size_t number)
{
	const aname_urgent_one_t *one = &urgent->at[number];
	const aname_upstream_t *upstream = NULL;
	while ((upstream = aname_shared_upstream_after(refresh->shared, upstream)) != NULL) {
		if (upstream == one->upstream && upstream->held) {
			return find(refresh, upstream, urgent->names[one->name], one->type);
		}
	}
	return NULL;
}

size_t aname_urgent_look(aname_refresh_t *refresh, aname_urgent_t *urgent, int64_t now_ms)
{
	size_t left = 0;
	for (size_t i = 0; i < urgent->count; i++) {
		aname_urgent_one_t *one = &urgent->at[i];
		aname_entry_t *entry = one->done ? NULL : aname_urgent_entry(refresh, urgent, i);
		if (entry == NULL) {
			one->done = true;
		} else if (atomic_load(&entry->started) != one->started) {
			one->done = entry->plan.state != ANAME_PLAN_RUNNING;
		} else if (!one->ready) {
			urgent->subnets += one->seen ? 0 : hasten_subnets(refresh, entry, now_ms);
			one->ready = hasten(refresh, entry, now_ms);
			one->seen = true;
		}
		left += !one->done;
	}
	return left;
}
