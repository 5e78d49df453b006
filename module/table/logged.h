/*!
 * \brief What is logged once, however often it comes up.  [P]
 *
 * Thread: any.
 */

#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "table/shared.h"

/*!
 * \brief Is this to be logged: is it not remembered as logged, and may the zone log it now?
 *
 * Remembers about a thousand contents, and which of them came up last. A new one takes the place of
 * one that did not come up for longer, never the reverse: nobody keeps another zone's out. What was
 * pushed out may be logged again.
 *
 * \param content_hash  Of aname_shared_content(), whose zone is a part of it.
 */
bool aname_shared_log_once(aname_shared_t *shared, uint64_t content_hash, uint32_t zone,
                           int64_t now_ms);
