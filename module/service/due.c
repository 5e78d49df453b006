#include "service/due.h"

#include "service/result.h"
#include "service/room.h"
#include "service/schedule.h"
#include "service/subnets.h"
#include "table/policy.h"

/*! The time of a lookup is up. It goes on, if it cannot be stopped, and may still succeed. */
static void on_deadline(aname_refresh_t *refresh, aname_entry_t *entry, int64_t now_ms)
{
	aname_result_failed(refresh, entry, ANAME_FAILURE_TIMEOUT, "no answer in time", now_ms);
	aname_work_of(entry)->resolver->api->cancel(entry->run->lookup);
	aname_waiters_wake(refresh->shared->waiters);
}

static void on_due(aname_refresh_t *refresh, aname_entry_t *entry, int64_t due_ms, int64_t now_ms)
{
	if (entry->run != NULL) {
		/* The last lookup has not even ended: that is this interval's failure. */
		aname_schedule_plan(refresh, entry,
		                    aname_policy_next_retry(aname_schedule_of(entry),
		                                            entry->plan.failures,
		                                            aname_refresh_chance(refresh), now_ms));
	} else if (!aname_schedule_is_wanted(entry, now_ms) ||
	           (entry->for_subnet && !aname_subnets_may_ask(entry))) {
		aname_schedule_dormant(refresh, entry, now_ms);
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

void aname_due_handle(aname_refresh_t *refresh, int64_t now_ms)
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
		(void)aname_room_forget_first(refresh, now_ms);
	}
}
