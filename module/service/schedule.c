#include "service/refresh_parts.h"

#include <libknot/errcode.h>

#include "table/policy.h"

/*! A target that cannot be forgotten yet is looked at again after this. */
#define FORGET_AGAIN_MS 1000

/* Where an entry stands. */

void aname_schedule_plan(aname_refresh_t *refresh, aname_entry_t *entry, int64_t at_ms)
{
	entry->plan.state = ANAME_PLAN_WAITING;
	aname_heaps_push(&refresh->heaps, ANAME_HEAP_PLANNED, entry, at_ms);
	atomic_store(&entry->next_ms, at_ms);
}

void aname_schedule_run(aname_refresh_t *refresh, aname_entry_t *entry, int64_t now_ms)
{
	entry->plan.state = ANAME_PLAN_RUNNING;
	aname_heaps_push(&refresh->heaps, ANAME_HEAP_PLANNED, entry,
	                 now_ms + aname_schedule_of(entry)->timeout_ms);
}

void aname_schedule_unplan(aname_refresh_t *refresh, aname_entry_t *entry)
{
	bool dormant = entry->plan.state == ANAME_PLAN_DORMANT;
	aname_heaps_remove(&refresh->heaps, dormant ? ANAME_HEAP_DORMANT : ANAME_HEAP_PLANNED,
	                   entry);
}

void aname_schedule_ready(aname_refresh_t *refresh, aname_entry_t *entry, aname_priority_t priority,
                          int64_t due_ms)
{
	entry->plan.state = ANAME_PLAN_READY;
	entry->ready_next = NULL;
	atomic_store(&entry->next_ms, due_ms);

	aname_upstream_work_t *work = aname_work_of(entry);
	aname_line_t *line = &work->ready[priority];
	if (line->last != NULL) {
		line->last->ready_next = entry;
	} else {
		line->first = entry;
	}
	line->last = entry;
	aname_dispatch_list(refresh, work);
}

aname_entry_t *aname_schedule_take(aname_upstream_work_t *work, aname_priority_t priority)
{
	aname_line_t *line = &work->ready[priority];
	aname_entry_t *entry = line->first;
	line->first = entry->ready_next;
	if (line->first == NULL) {
		line->last = NULL;
	}
	entry->run = NULL;
	return entry;
}

void aname_schedule_let_sleep(aname_refresh_t *refresh, aname_entry_t *entry, int64_t now_ms)
{
	entry->plan.state = ANAME_PLAN_DORMANT;
	int64_t forget_at = aname_policy_forget_at(aname_entry_snapshot(entry),
	                                           aname_schedule_of(entry), now_ms);
	aname_heaps_push(&refresh->heaps, ANAME_HEAP_DORMANT, entry, forget_at);
	atomic_store(&entry->cold, true);
	atomic_store(&entry->next_ms, ANAME_NEXT_NEVER);
}

bool aname_schedule_reserve(aname_refresh_t *refresh, size_t more)
{
	const aname_table_t *table = refresh->shared->table;
	size_t entries = aname_table_targets(table) + aname_table_subnets(table) + more;
	return aname_heaps_reserve(&refresh->heaps, entries) == KNOT_EOK;
}

bool aname_schedule_forget_first(aname_refresh_t *refresh, int64_t now_ms)
{
	aname_entry_t *entry = aname_heaps_first(&refresh->heaps, ANAME_HEAP_DORMANT)->entry;
	aname_schedule_unplan(refresh, entry);
	if (entry->tailored) {
		aname_subnets_remove(refresh, entry);
	} else if (aname_subnets_remove_all(refresh, entry)) {
		aname_table_remove(refresh->shared->table, entry);
	} else {
		aname_heaps_push(&refresh->heaps, ANAME_HEAP_DORMANT, entry,
		                 now_ms + FORGET_AGAIN_MS);
		return false;
	}
	return true;
}

/* What is asked for. */

/*!
 * Does the plan for what is known come too late for whoever asks? A request that stood in the queue
 * while its answer came wants nothing any more.
 */
static bool is_wanted_earlier(aname_entry_t *entry, uint32_t ttl, int64_t now_ms)
{
	const aname_snapshot_t *known = aname_entry_snapshot(entry);
	return entry->plan.state == ANAME_PLAN_WAITING && entry->plan.failures == 0 &&
	       entry->run == NULL &&
	       aname_policy_ask(known,
	                        aname_policy_left(known, aname_schedule_of(entry), ttl, now_ms),
	                        atomic_load(&entry->next_ms), now_ms);
}

void aname_schedule_now(aname_refresh_t *refresh, aname_entry_t *entry, aname_interest_t interest,
                        int64_t now_ms)
{
	bool dormant = entry->plan.state == ANAME_PLAN_DORMANT;
	bool early = is_wanted_earlier(entry, interest.ttl, now_ms);
	if (dormant || early) {
		aname_schedule_unplan(refresh, entry);
	} else if (entry->plan.state != ANAME_PLAN_NONE) {
		return;
	}
	aname_priority_t cold = entry->tailored ? ANAME_PRIORITY_SUBNET : ANAME_PRIORITY_COLD;
	aname_priority_t priority = early ? ANAME_PRIORITY_REFRESH : cold;
	aname_schedule_ready(refresh, entry,
	                     entry->plan.failures > 0 ? ANAME_PRIORITY_RETRY : priority, now_ms);
}

/* What is due. */

/*! The time of a lookup is up. It goes on, if it cannot be stopped, and may still succeed. */
static void on_deadline(aname_refresh_t *refresh, aname_entry_t *entry, int64_t now_ms)
{
	aname_result_failed(refresh, entry, ANAME_FAILURE_TIMEOUT, "no answer in time", now_ms);
	aname_work_of(entry)->resolver->api->cancel(entry->run->lookup);
	aname_gate_open(refresh->shared->gate);
}

static void on_due(aname_refresh_t *refresh, aname_entry_t *entry, int64_t due_ms, int64_t now_ms)
{
	if (entry->run != NULL) {
		/* The last lookup has not even ended: that is this interval's failure. */
		aname_schedule_plan(refresh, entry,
		                    aname_policy_next_retry(aname_schedule_of(entry),
		                                            entry->plan.failures,
		                                            aname_refresh_chance(refresh), now_ms));
	} else if (entry->upstream->unheld_ms != 0 ||
	           now_ms / 1000 > atomic_load(&entry->until_s) ||
	           (entry->tailored && !aname_subnets_may_ask(entry))) {
		aname_schedule_let_sleep(refresh, entry, now_ms);
	} else {
		aname_schedule_ready(refresh, entry,
		                     entry->plan.failures > 0 ? ANAME_PRIORITY_RETRY
		                                              : ANAME_PRIORITY_REFRESH,
		                     due_ms);
	}
}

/*! Is there something in a heap whose time has come? */
static bool is_due(const aname_refresh_t *refresh, aname_heap_t heap, int64_t now_ms)
{
	const aname_moment_t *first = aname_heaps_first(&refresh->heaps, heap);
	return first != NULL && first->at_ms <= now_ms;
}

void aname_schedule_handle_due(aname_refresh_t *refresh, int64_t now_ms)
{
	while (!refresh->paused && is_due(refresh, ANAME_HEAP_PLANNED, now_ms)) {
		const aname_moment_t due = *aname_heaps_first(&refresh->heaps, ANAME_HEAP_PLANNED);
		aname_schedule_unplan(refresh, due.entry);
		if (due.entry->plan.state == ANAME_PLAN_RUNNING) {
			on_deadline(refresh, due.entry, now_ms);
		} else {
			on_due(refresh, due.entry, due.at_ms, now_ms);
		}
	}
	while (is_due(refresh, ANAME_HEAP_DORMANT, now_ms)) {
		(void)aname_schedule_forget_first(refresh, now_ms);
	}
}
