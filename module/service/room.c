#include "service/room.h"

#include <stdlib.h>

#include "service/health.h"
#include "service/outage.h"
#include "service/schedule.h"
#include "service/shares.h"
#include "service/subnets.h"

/*! A target that cannot be forgotten yet is looked at again after this. */
#define FORGET_AGAIN_MS   1000
/*! So many give way at once: this part of all. */
#define GIVE_WAY_PART     32
/*! If that makes no room, it is not tried again before this. */
#define GIVE_WAY_AGAIN_MS 1000

bool aname_room_forget_first(aname_refresh_t *refresh, int64_t now_ms)
{
	aname_entry_t *entry = aname_heaps_first(&refresh->heaps, ANAME_HEAP_DORMANT)->entry;
	aname_schedule_unplan(refresh, entry);
	if (entry->for_subnet) {
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

bool aname_room_has(const aname_refresh_t *refresh)
{
	return aname_table_targets(refresh->shared->table) < atomic_load(&refresh->max_targets);
}

bool aname_room_may_be_made(const aname_refresh_t *refresh)
{
	return aname_room_has(refresh) || refresh->heaps.count[ANAME_HEAP_DORMANT] > 0;
}

static void forget(aname_refresh_t *refresh, aname_entry_t *target, int64_t now_ms)
{
	aname_health_end(refresh, target, now_ms);
	aname_table_remove(refresh->shared->table, target);
}

bool aname_room_remove(aname_refresh_t *refresh, aname_entry_t *target, int64_t now_ms)
{
	if (!aname_subnets_remove_all(refresh, target) || !aname_admission_can_go(target)) {
		return false;
	}
	aname_schedule_unplan(refresh, target);
	forget(refresh, target, now_ms);
	return true;
}

/* Who gives way. */

/*! All targets, as they count for that. */
typedef struct {
	aname_share_t *at;
	size_t count;
} shares_t;

static void note_share(aname_entry_t *entry, void *ctx)
{
	shares_t *shares = ctx;
	if (!entry->for_subnet) {
		shares->at[shares->count++] = (aname_share_t){
			.entry = entry,
			.zone = aname_entry_zone(entry),
			.asked_s = atomic_load(&entry->asked_s),
			.dormant = entry->plan.state == ANAME_PLAN_DORMANT,
		};
	}
}

/*! Removes those that give way, as far as they can go; returns how many. */
static size_t remove_shares(aname_refresh_t *refresh, const shares_t *shares, size_t chosen,
                            int64_t now_ms)
{
	size_t removed = 0;
	bool ready = false;
	for (size_t i = 0; i < chosen; i++) {
		aname_entry_t *entry = shares->at[i].entry;
		if (entry->plan.state != ANAME_PLAN_READY) {
			removed += aname_room_remove(refresh, entry, now_ms);
		} else if (aname_subnets_remove_all(refresh, entry)) {
			ready = true;
			aname_schedule_cross_off(entry);
		}
	}
	aname_line_t gone = { NULL, NULL };
	if (ready) {
		aname_outage_take_crossed_off(refresh, &gone);
		aname_schedule_take_crossed_off(refresh, &gone);
	}
	for (; gone.first != NULL; removed++) {
		forget(refresh, aname_line_take(&gone), now_ms);
	}
	return removed;
}

/*! Has those give way that hold the most, so many at once that it need not be done each time. */
static void give_way(aname_refresh_t *refresh, int64_t now_ms)
{
	const aname_table_t *table = refresh->shared->table;
	size_t held = aname_table_targets(table), most = atomic_load(&refresh->max_targets);
	shares_t shares = { .at = calloc(held, sizeof(aname_share_t)) };
	if (shares.at == NULL) {
		return;
	}
	aname_table_foreach(refresh->shared->table, note_share, &shares);
	size_t need = held - most + 1 + most / GIVE_WAY_PART;
	aname_heaviest_t heaviest;
	size_t chosen =
	        aname_shares_choose(shares.at, shares.count, need, now_ms / 1000, &heaviest);
	size_t removed = remove_shares(refresh, &shares, chosen, now_ms);
	atomic_fetch_add(&refresh->shared->reached.gave_way, removed);
	atomic_store(&refresh->shared->reached.heaviest,
	             (uint64_t)heaviest.zone << 32 | heaviest.held);
	free(shares.at);
}

bool aname_room_make(aname_refresh_t *refresh, int64_t now_ms)
{
	if (!aname_room_has(refresh) && now_ms >= refresh->room_again_ms) {
		give_way(refresh, now_ms);
		if (!aname_room_has(refresh)) {
			refresh->room_again_ms = now_ms + GIVE_WAY_AGAIN_MS;
		}
	}
	return aname_room_has(refresh);
}

/* More than there is room for. */

/*! Targets, in order of when they were asked for. */
typedef struct {
	aname_entry_t **at;
	size_t count;
} targets_t;

static void note_target(aname_entry_t *entry, void *ctx)
{
	targets_t *targets = ctx;
	if (!entry->for_subnet) {
		targets->at[targets->count++] = entry;
	}
}

static int compare_asked(const void *one, const void *other)
{
	uint32_t a = atomic_load(&(*(aname_entry_t *const *)one)->asked_s);
	uint32_t b = atomic_load(&(*(aname_entry_t *const *)other)->asked_s);
	return (a > b) - (a < b);
}

void aname_room_trim(aname_refresh_t *refresh, int64_t now_ms)
{
	const aname_table_t *table = refresh->shared->table;
	size_t held = aname_table_targets(table), most = atomic_load(&refresh->max_targets);
	targets_t targets = { .at = held > most ? calloc(held, sizeof(aname_entry_t *)) : NULL };
	if (targets.at == NULL) {
		return; /* Without memory they go when they are not asked for any more. */
	}
	aname_table_foreach(refresh->shared->table, note_target, &targets);
	qsort(targets.at, targets.count, sizeof(aname_entry_t *), compare_asked);
	for (size_t i = 0; i < targets.count && aname_table_targets(table) > most; i++) {
		if (aname_room_remove(refresh, targets.at[i], now_ms)) {
			atomic_fetch_add(&refresh->shared->reached.table_full, 1);
		}
	}
	free(targets.at);
}
