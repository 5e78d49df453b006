/*!
 * \brief Space for one more target: who gives way.  [U]
 *
 * Thread: service.
 */

#pragma once

#include "service/work.h"

/*! Is there space for one more target? */
bool aname_room_has(const aname_refresh_t *refresh);

/*! Is there, or would something give way that is not kept fresh? */
bool aname_room_may_be_made(const aname_refresh_t *refresh);

/*! Makes space for one more target, if need be: those give way that hold the most (shares.h). False
 *  if that cannot be. */
bool aname_room_make(aname_refresh_t *refresh, int64_t now_ms);

/*! Removes a target with its subnets; false if it is being looked up, or about to be. */
bool aname_room_remove(aname_refresh_t *refresh, aname_entry_t *target, int64_t now_ms);

/*! Removes what was asked for least recently of what is more than `max-targets`: more were restored
 *  than the sections, which are there by now, let be held. */
void aname_room_trim(aname_refresh_t *refresh, int64_t now_ms);

/*! Forgets the entry that may be forgotten first; false if that has to wait. */
bool aname_room_forget_first(aname_refresh_t *refresh, int64_t now_ms);
