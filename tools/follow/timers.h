/*!
 * \brief Owners by when there is something to do about them: a binary heap.  [P]
 *
 * Thread: that of the loop.
 */

#pragma once

#include "follow/owners.h"

typedef struct {
	int64_t at_ms;
	kaname_follow_owner_t *owner;
} kaname_timer_t;

/*! All zeros at first. */
typedef struct {
	kaname_timer_t *at;
	size_t count, size;
} kaname_timers_t;

/*! Sets an owner's time, in place of the one it has; 0: it has none any more. Without memory it is left
 *  out, false. */
bool kaname_timers_set(kaname_timers_t *timers, kaname_follow_owner_t *owner, int64_t at_ms);

/*! Tells where an owner is that has moved. */
void kaname_timers_moved(kaname_timers_t *timers, kaname_follow_owner_t *owner);

/*! The earliest; NULL if there is none. Good until the next change. */
const kaname_timer_t *kaname_timers_first(const kaname_timers_t *timers);

void kaname_timers_deinit(kaname_timers_t *timers);
