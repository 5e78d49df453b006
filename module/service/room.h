/*!
 * \brief Space for one more target: those that are not kept fresh give way.  [U]
 *
 * Thread: service.
 */

#pragma once

#include "service/work.h"

/*! Is there space for one more target, be it that of a dormant one? */
bool aname_room_has(const aname_refresh_t *refresh);

/*! Makes space for one more target, if need be; false if that cannot be. */
bool aname_room_make(aname_refresh_t *refresh, int64_t now_ms);

/*! Forgets the entry that may be forgotten first; false if that has to wait. */
bool aname_room_forget_first(aname_refresh_t *refresh, int64_t now_ms);
