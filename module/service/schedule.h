/*!
 * \brief Where each entry stands; each function leaves it in exactly one of these.  [U]
 *
 * Thread: service.
 */

#pragma once

#include "service/work.h"

/*! To be looked up at `at_ms`. */
void aname_schedule_plan(aname_refresh_t *refresh, aname_entry_t *entry, int64_t at_ms);

/*! Its lookup has started. The time that workers see stays the one when that was due. */
void aname_schedule_run(aname_refresh_t *refresh, aname_entry_t *entry, int64_t now_ms);

/*! Takes it out of its heap: it is WAITING, RUNNING or DORMANT. */
void aname_schedule_unplan(aname_refresh_t *refresh, aname_entry_t *entry);

/*! To be looked up as soon as its priority allows. It is in no heap. */
void aname_schedule_ready(aname_refresh_t *refresh, aname_entry_t *entry, aname_priority_t priority,
                          int64_t due_ms);

/*! Takes the next of those that are ready, of which there is one. */
aname_entry_t *aname_schedule_take(aname_upstream_work_t *work, aname_priority_t priority);

/*! Not to be looked up until it is asked for, and forgotten when nothing of it is of use. It is in
 *  no heap. */
void aname_schedule_dormant(aname_refresh_t *refresh, aname_entry_t *entry, int64_t now_ms);

/*! Somebody has asked for it: it is looked up now, unless it is about to be anyway. */
void aname_schedule_now(aname_refresh_t *refresh, aname_entry_t *entry, aname_interest_t interest,
                        int64_t now_ms);

/*! Is it still to be kept fresh? */
bool aname_schedule_is_wanted(const aname_entry_t *entry, int64_t now_ms);

/*! Makes room in the heaps for so many more entries than there are, so that moving between them
 *  cannot fail; false if out of memory. */
bool aname_schedule_reserve(aname_refresh_t *refresh, size_t more);

/*! A target that is READY is to go; the next function takes it out. */
void aname_schedule_cross_off(aname_entry_t *entry);

/*! Was it crossed off? In the form that aname_fair_queue_sift() calls. */
bool aname_schedule_is_crossed_off(void *ctx, const aname_entry_t *entry);

/*! Takes out what was crossed off, and appends it to a line. */
void aname_schedule_take_crossed_off(aname_refresh_t *refresh, aname_line_t *gone);

/*! Puts an upstream behind all others that have something ready. It is not among them yet. */
void aname_schedule_append(aname_refresh_t *refresh, aname_upstream_work_t *work);
