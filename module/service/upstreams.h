/*!
 * \brief Upstreams that come, change, and are released.  [U]
 *
 * Thread: service.
 */

#pragma once

#include "service/work.h"

/*! Takes note of options that came or went. Before requests are taken. */
void aname_upstreams_note(aname_refresh_t *refresh, int64_t now_ms);

/*! Gives up what nobody holds, without waiting whether somebody comes who does: its targets are in
 *  the way of others. */
void aname_upstreams_settle(aname_refresh_t *refresh, int64_t now_ms);

/*! The work of an upstream, made when it is first asked; NULL if out of memory. */
aname_upstream_work_t *aname_upstreams_work(const aname_upstream_t *upstream);

/*!
 * \brief Releases what nobody holds: resolvers at once, upstreams with what is known after a while.
 *
 * Not from within a resolver's call. Waits until what is in the queue from before has been taken:
 * requests point to upstreams.
 *
 * \return In how many milliseconds there is more to do; -1: nothing.
 */
int64_t aname_upstreams_release(aname_refresh_t *refresh, int64_t now_ms);

/*! Frees the work of all upstreams, and their resolvers. Nothing may be under way. */
void aname_upstreams_free(aname_refresh_t *refresh);
