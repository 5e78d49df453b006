#include "service/arrivals.h"

#include <stdlib.h>

#include "service/answered.h"
#include "service/schedule.h"
#include "table/policy.h"

/*! Restored targets that are to be looked up at once. */
typedef struct {
	aname_refresh_t *refresh;
	int64_t now_ms;
	aname_entry_t **due;
	size_t count, room;
} arrival_t;

static bool is_here(const aname_upstream_t *upstream)
{
	return upstream->awaited && upstream->held;
}

static aname_life_t life_of(aname_entry_t *entry, int64_t now_ms)
{
	return aname_policy_left(aname_entry_snapshot(entry), aname_schedule_of(entry),
	                         entry->plan.min_ttl_prev, now_ms);
}

/*! Is nothing known of it, or too old for any use (F1)? Then it is as if it had not been asked for. */
static bool is_past_use(aname_entry_t *entry, int64_t now_ms)
{
	int64_t stale_ms = 1000 * (int64_t)aname_schedule_of(entry)->stale_max;
	return aname_entry_snapshot(entry) == NULL ||
	       life_of(entry, now_ms).left_ms + stale_ms <= 0;
}

/*! When the service means to do something about what is planned. */
static int64_t planned_at(const aname_refresh_t *refresh, const aname_entry_t *entry)
{
	return aname_heaps_nth(&refresh->heaps, ANAME_HEAP_PLANNED, entry->plan.heap_index)->at_ms;
}

/*! Notes a target that is due; if there is no room, its own time comes soon enough. */
static void note_due(arrival_t *arrival, aname_entry_t *entry, int64_t next_ms)
{
	if (arrival->count < arrival->room) {
		arrival->due[arrival->count++] = entry;
	} else {
		aname_heaps_hasten(&arrival->refresh->heaps, ANAME_HEAP_PLANNED, entry, next_ms);
	}
}

/*! A target whose last lookup had succeeded is one of those that can tell whether its upstream is out. */
static void note_answered(const aname_refresh_t *refresh, aname_entry_t *entry)
{
	const aname_snapshot_t *known = aname_entry_snapshot(entry);
	if (!entry->for_subnet && known != NULL && known->failure == ANAME_FAILURE_NONE) {
		aname_answered_add(&aname_work_of(entry)->answered, entry,
		                   aname_work_name_hash(refresh, entry));
	}
}

static void arrive(aname_entry_t *entry, void *ctx)
{
	arrival_t *arrival = ctx;
	aname_refresh_t *refresh = arrival->refresh;
	if (!is_here(entry->upstream)) {
		return;
	}
	if (entry->plan.state == ANAME_PLAN_DORMANT) {
		/* How long it is of any use can be told now. */
		aname_schedule_unplan(refresh, entry);
		aname_schedule_dormant(refresh, entry, arrival->now_ms);
		return;
	}
	int64_t next_ms = atomic_load(&entry->next_ms);
	if (entry->plan.state == ANAME_PLAN_WAITING && planned_at(refresh, entry) != next_ms) {
		atomic_store(&entry->cold, is_past_use(entry, arrival->now_ms));
		if (next_ms <= arrival->now_ms &&
		    aname_schedule_is_wanted(entry, arrival->now_ms)) {
			note_due(arrival, entry, next_ms);
		} else {
			/* Sooner than it waited for its section, or later. */
			aname_schedule_unplan(refresh, entry);
			aname_schedule_plan(refresh, entry, next_ms);
			note_answered(refresh, entry);
		}
	}
}

static aname_priority_t priority_of(aname_entry_t *entry)
{
	if (entry->plan.failures > 0) {
		return ANAME_PRIORITY_RETRY;
	}
	return aname_entry_snapshot(entry) != NULL ? ANAME_PRIORITY_REFRESH : ANAME_PRIORITY_COLD;
}

/*! Has those looked up that are past their lifetime, or those that are not. */
static void start_due(const arrival_t *arrival, bool past)
{
	for (size_t i = 0; i < arrival->count; i++) {
		aname_entry_t *entry = arrival->due[i];
		if ((life_of(entry, arrival->now_ms).left_ms <= 0) != past) {
			continue;
		}
		int64_t due_ms = atomic_load(&entry->next_ms);
		aname_schedule_unplan(arrival->refresh, entry);
		aname_schedule_ready(arrival->refresh, entry, priority_of(entry), due_ms);
	}
}

void aname_arrivals_note(aname_refresh_t *refresh, int64_t now_ms)
{
	aname_shared_t *shared = refresh->shared;
	refresh->resumed_ms = now_ms;
	arrival_t arrival = { .refresh = refresh,
		              .now_ms = now_ms,
		              .room = aname_table_targets(shared->table) };
	arrival.due = calloc(arrival.room + 1, sizeof(aname_entry_t *));
	arrival.room = arrival.due != NULL ? arrival.room : 0;
	aname_table_foreach(shared->table, arrive, &arrival);
	/* What is ready first is looked up first. */
	start_due(&arrival, true);
	start_due(&arrival, false);
	free(arrival.due);
	for (aname_upstream_t *upstream = NULL;
	     (upstream = aname_shared_upstream_after(shared, upstream)) != NULL;) {
		upstream->awaited &= !is_here(upstream);
	}
}
