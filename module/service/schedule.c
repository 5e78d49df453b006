#include "service/schedule.h"

#include <libknot/errcode.h>

#include "service/health.h"
#include "table/policy.h"

/* Upstreams that have something ready, in turn. */

void aname_schedule_append(aname_refresh_t *refresh, aname_upstream_work_t *work)
{
	work->next_ready = NULL;
	if (refresh->ready_last != NULL) {
		refresh->ready_last->next_ready = work;
	} else {
		refresh->ready_first = work;
	}
	refresh->ready_last = work;
}

static void list(aname_refresh_t *refresh, aname_upstream_work_t *work)
{
	if (!work->listed) {
		work->listed = true;
		aname_schedule_append(refresh, work);
	}
}

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
	entry->plan.overdue = false;
	atomic_store(&entry->next_ms, due_ms);
	aname_upstream_work_t *work = aname_work_of(entry);
	aname_fair_queue_push(&work->ready[priority], entry);
	list(refresh, work);
}

aname_entry_t *aname_schedule_take(aname_upstream_work_t *work, aname_priority_t priority)
{
	return aname_fair_queue_take(&work->ready[priority]);
}

void aname_schedule_cross_off(aname_entry_t *entry)
{
	entry->plan.state = ANAME_PLAN_NONE; /* Nothing that is ready is in that state. */
}

bool aname_schedule_is_crossed_off(void *ctx, const aname_entry_t *entry)
{
	return entry->plan.state == ANAME_PLAN_NONE;
}

void aname_schedule_take_crossed_off(aname_refresh_t *refresh, aname_line_t *gone)
{
	for (aname_upstream_work_t *work = refresh->ready_first; work != NULL;
	     work = work->next_ready) {
		for (aname_priority_t priority = 0; priority < ANAME_PRIORITIES; priority++) {
			aname_fair_queue_sift(&work->ready[priority], aname_schedule_is_crossed_off,
			                      NULL, gone);
		}
	}
}

void aname_schedule_dormant(aname_refresh_t *refresh, aname_entry_t *entry, int64_t now_ms)
{
	aname_health_end(refresh, entry, now_ms);
	entry->plan.state = ANAME_PLAN_DORMANT;
	entry->plan.followed = false;
	int64_t forget_at = aname_policy_forget_at(aname_entry_snapshot(entry),
	                                           aname_schedule_of(entry), now_ms);
	aname_heaps_push(&refresh->heaps, ANAME_HEAP_DORMANT, entry, forget_at);
	atomic_store(&entry->cold, true);
	atomic_store(&entry->next_ms, ANAME_NEXT_NEVER);
}

bool aname_schedule_is_wanted(const aname_entry_t *entry, int64_t now_ms)
{
	return entry->upstream->unheld_ms == 0 && now_ms / 1000 <= atomic_load(&entry->until_s);
}

bool aname_schedule_reserve(aname_refresh_t *refresh, size_t more)
{
	const aname_table_t *table = refresh->shared->table;
	size_t entries = aname_table_targets(table) + aname_table_subnets(table) + more;
	return aname_heaps_reserve(&refresh->heaps, entries) == KNOT_EOK;
}

/* What is asked for. */

/*!
 * Does the plan for what is known come too late for whoever asks? A request that stood in the queue
 * while its answer came needs no other lookup.
 */
static bool is_planned_late(aname_entry_t *entry, uint32_t ttl, int64_t now_ms)
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
	bool early = is_planned_late(entry, interest.ttl, now_ms);
	if (dormant || early) {
		aname_schedule_unplan(refresh, entry);
	} else if (entry->plan.state != ANAME_PLAN_NONE) {
		return;
	}
	aname_priority_t cold = entry->for_subnet ? ANAME_PRIORITY_SUBNET : ANAME_PRIORITY_COLD;
	aname_priority_t priority = early ? ANAME_PRIORITY_REFRESH : cold;
	aname_schedule_ready(refresh, entry,
	                     entry->plan.failures > 0 ? ANAME_PRIORITY_RETRY : priority, now_ms);
}
