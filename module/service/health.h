/*!
 * \brief Who is alive, as answers see it: what is probed for which targets, and what workers see of
 *        that.  [U]
 *
 * A worker whose section has a definition asks for it when it meets a target that is not seen
 * through it yet. From then on every address of the target is held at the prober, and what is
 * published of the target carries a view of the definition, which is made anew when a verdict
 * changes; see aname_view_t. That ends when the target becomes dormant, or nobody holds the
 * definition any more.
 *
 * Targets that nobody probes cost nothing here. Entries for clients' subnets are seen through the
 * definitions of their target, and nothing is held for them.
 *
 * Thread: service, all of it.
 */

#pragma once

#include "service/work.h"

/*! Makes the prober; false if out of memory. */
bool aname_health_init(aname_refresh_t *refresh);

/*! Frees it. The loop must run until it is empty after that. */
void aname_health_deinit(aname_refresh_t *refresh);

/*!
 * \brief Publishes what is known of an entry, as all who have asked are to see it.
 *
 * Takes over `snapshot`.
 */
void aname_health_publish(aname_refresh_t *refresh, aname_entry_t *entry,
                          aname_snapshot_t *snapshot, int64_t now_ms);

/*! Has a target's addresses probed by one more definition, if it holds any and is kept fresh. */
void aname_health_ask(aname_refresh_t *refresh, aname_entry_t *entry, uint32_t definition,
                      int64_t now_ms);

/*! Nothing is probed for an entry any more: it becomes dormant, or goes. */
void aname_health_end(aname_refresh_t *refresh, aname_entry_t *entry, int64_t now_ms);

/*! What the prober knows of an address of a target, as aname_status_backend_t has it. */
const aname_probed_t *aname_health_probed(aname_refresh_t *refresh, uint32_t definition,
                                          const knot_dname_t *name, const uint8_t *address,
                                          uint8_t len);

/*! Does what the time has come for; returns in how many milliseconds to come back, or -1. */
int64_t aname_health_advance(aname_refresh_t *refresh, int64_t now_ms);

/*! Takes note of definitions that nobody holds, when options have changed; `settled`: they are given
 *  up. */
void aname_health_note_definitions(aname_refresh_t *refresh, bool settled, int64_t now_ms);

/*! An operator's word on a target or an address has changed: publishes what it is about anew. */
void aname_health_note_forced(aname_refresh_t *refresh, const aname_subject_t *subject);
