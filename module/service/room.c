#include "service/room.h"

#include <stdlib.h>

#include "service/health.h"
#include "service/schedule.h"
#include "service/subnets.h"

/*! A target that cannot be forgotten yet is looked at again after this. */
#define FORGET_AGAIN_MS 1000

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
	return aname_table_targets(refresh->shared->table) < atomic_load(&refresh->max_targets) ||
	       refresh->heaps.count[ANAME_HEAP_DORMANT] > 0;
}

bool aname_room_make(aname_refresh_t *refresh, int64_t now_ms)
{
	const aname_table_t *table = refresh->shared->table;
	uint32_t max_targets = atomic_load(&refresh->max_targets);
	while (aname_table_targets(table) >= max_targets) {
		if (refresh->heaps.count[ANAME_HEAP_DORMANT] == 0 ||
		    !aname_room_forget_first(refresh, now_ms)) {
			return false;
		}
	}
	return true;
}

bool aname_room_remove(aname_refresh_t *refresh, aname_entry_t *target, int64_t now_ms)
{
	if (!aname_subnets_remove_all(refresh, target) || !aname_admission_can_go(target)) {
		return false;
	}
	aname_schedule_unplan(refresh, target);
	aname_health_end(refresh, target, now_ms);
	aname_table_remove(refresh->shared->table, target);
	return true;
}

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
