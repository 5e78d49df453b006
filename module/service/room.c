#include "service/room.h"

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
