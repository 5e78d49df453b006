/*!
 * \brief Upstreams that were awaited, and come: what is known from them goes on (BEHAVIOUR S1, S2).
 *        [U]
 *
 * Targets that were read from the state file wait until a section names their upstream. Until then
 * they are planned for a time that never comes, beside the one that workers see.
 *
 * Thread: service.
 */

#pragma once

#include "service/work.h"

/*! Some upstream that was awaited is held: its targets go on as they were planned. What is past its
 *  lifetime is looked up at once, and before all else that is due. */
void aname_arrivals_note(aname_refresh_t *refresh, int64_t now_ms);
