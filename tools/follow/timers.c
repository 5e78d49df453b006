#include "follow/timers.h"

#include <stdlib.h>

/*! Places of the heap at first. */
#define SIZE_LEAST 64

static void put(kaname_timers_t *timers, size_t place, kaname_timer_t timer)
{
	timers->at[place] = timer;
	timer.owner->timer = place + 1;
}

/*! Moves one up from a free place, as far as it has to. */
static size_t rise(kaname_timers_t *timers, size_t place, int64_t at_ms)
{
	while (place > 0 && timers->at[(place - 1) / 2].at_ms > at_ms) {
		put(timers, place, timers->at[(place - 1) / 2]);
		place = (place - 1) / 2;
	}
	return place;
}

/*! And down. */
static size_t sink(kaname_timers_t *timers, size_t place, int64_t at_ms)
{
	for (size_t child; (child = 2 * place + 1) < timers->count; place = child) {
		if (child + 1 < timers->count &&
		    timers->at[child + 1].at_ms < timers->at[child].at_ms) {
			child++;
		}
		if (timers->at[child].at_ms >= at_ms) {
			break;
		}
		put(timers, place, timers->at[child]);
	}
	return place;
}

static void settle(kaname_timers_t *timers, size_t place, kaname_timer_t timer)
{
	place = rise(timers, place, timer.at_ms);
	put(timers, sink(timers, place, timer.at_ms), timer);
}

static void take_out(kaname_timers_t *timers, size_t place)
{
	timers->at[place].owner->timer = 0;
	timers->count--;
	if (place < timers->count) {
		settle(timers, place, timers->at[timers->count]);
	}
}

bool kaname_timers_set(kaname_timers_t *timers, kaname_follow_owner_t *owner, int64_t at_ms)
{
	const kaname_timer_t timer = { at_ms, owner };
	if (at_ms == 0) {
		if (owner->timer > 0) {
			take_out(timers, owner->timer - 1);
		}
		return true;
	}
	if (owner->timer > 0) {
		settle(timers, owner->timer - 1, timer);
		return true;
	}
	if (timers->count == timers->size) {
		size_t size = timers->size > 0 ? timers->size + timers->size / 2 : SIZE_LEAST;
		kaname_timer_t *at = realloc(timers->at, size * sizeof(*at));
		if (at == NULL) {
			return false;
		}
		timers->at = at;
		timers->size = size;
	}
	settle(timers, timers->count++, timer);
	return true;
}

void kaname_timers_moved(kaname_timers_t *timers, kaname_follow_owner_t *owner)
{
	if (owner->timer > 0) {
		timers->at[owner->timer - 1].owner = owner;
	}
}

const kaname_timer_t *kaname_timers_first(const kaname_timers_t *timers)
{
	return timers->count > 0 ? &timers->at[0] : NULL;
}

void kaname_timers_deinit(kaname_timers_t *timers)
{
	free(timers->at);
	*timers = (kaname_timers_t){ 0 };
}
