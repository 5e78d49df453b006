#include "service/recovery.h"

#include "service/schedule.h"
#include "table/policy.h"

/*! Puts a line into the order of what is asked for most. */
static void sort(aname_line_t *line, uint32_t now_s)
{
	for (unsigned shift = 0; shift < 16; shift += 8) {
		aname_line_t by[256] = { { NULL, NULL } };
		while (line->first != NULL) {
			aname_entry_t *entry = aname_line_take(line);
			aname_line_append(&by[aname_entry_demand(entry, now_s) >> shift & 0xff],
			                  entry);
		}
		for (unsigned i = 256; i-- > 0;) {
			aname_entry_t **end =
			        line->last != NULL ? &line->last->ready_next : &line->first;
			if (by[i].first != NULL) {
				*end = by[i].first;
				line->last = by[i].last;
			}
		}
	}
}

bool aname_recovery_concerns(const aname_entry_t *entry)
{
	const aname_upstream_work_t *work = aname_work_of(entry);
	const aname_snapshot_t *known = atomic_load(&entry->snapshot);
	const aname_failing_t *failing = known != NULL ? aname_snapshot_failing(known) : NULL;
	return entry->plan.failures > 0 && failing != NULL &&
	       (!work->succeeded || failing->since_ms >= work->failing.since_ms);
}

/*! Takes out of the heap what has failed in the outage, and waits there. */
static void take_planned(aname_refresh_t *refresh, const aname_upstream_work_t *work,
                         aname_line_t *line)
{
	aname_heaps_t *heaps = &refresh->heaps;
	for (size_t i = 0; i < heaps->count[ANAME_HEAP_PLANNED]; i++) {
		aname_entry_t *entry = aname_heaps_nth(heaps, ANAME_HEAP_PLANNED, i)->entry;
		if (aname_work_of(entry) == work && entry->run == NULL &&
		    entry->plan.state == ANAME_PLAN_WAITING && aname_recovery_concerns(entry)) {
			/* Those that it passes by have been seen already. */
			aname_heaps_hasten(heaps, ANAME_HEAP_PLANNED, entry, INT64_MIN);
		}
	}
	const aname_moment_t *first;
	while ((first = aname_heaps_first(heaps, ANAME_HEAP_PLANNED)) != NULL &&
	       first->at_ms == INT64_MIN) {
		aname_entry_t *entry = first->entry;
		aname_heaps_remove(heaps, ANAME_HEAP_PLANNED, entry);
		aname_line_append(line, entry);
	}
}

void aname_recovery_end(aname_refresh_t *refresh, const aname_upstream_work_t *work,
                        aname_line_t due, int64_t now_ms)
{
	take_planned(refresh, work, &due);
	sort(&due, now_ms / 1000);
	while (due.first != NULL) {
		aname_entry_t *entry = aname_line_take(&due);
		entry->plan.failures = 1;
		aname_schedule_ready(
		        refresh, entry,
		        entry->for_subnet ? ANAME_PRIORITY_SUBNET : ANAME_PRIORITY_RETURN, now_ms);
	}
}

void aname_recovery_hasten(aname_refresh_t *refresh, const aname_upstream_work_t *work,
                           int64_t now_ms)
{
	for (size_t i = 0; i < refresh->heaps.count[ANAME_HEAP_PLANNED]; i++) {
		const aname_moment_t planned =
		        *aname_heaps_nth(&refresh->heaps, ANAME_HEAP_PLANNED, i);
		aname_entry_t *entry = planned.entry;
		if (aname_work_of(entry) != work || entry->plan.state != ANAME_PLAN_WAITING ||
		    entry->run != NULL || entry->plan.failures <= 1 ||
		    !aname_recovery_concerns(entry)) {
			continue;
		}
		entry->plan.failures = 1;
		int64_t next_ms = aname_policy_next_retry(aname_schedule_of(entry), 1,
		                                          aname_refresh_chance(refresh), now_ms);
		if (next_ms < planned.at_ms) {
			/* Those that it passes by have been seen already. */
			aname_heaps_hasten(&refresh->heaps, ANAME_HEAP_PLANNED, entry, next_ms);
			atomic_store(&entry->next_ms, next_ms);
		}
	}
}
