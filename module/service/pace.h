/*!
 * \brief The even pace at which resolvers are asked: within `lookup-rate`, whatever for.  [U]
 *
 * Thread: service.
 */

#pragma once

#include "service/work.h"

/*! Milliseconds until one more may start; zero: it may now, and counts as started. */
int64_t aname_pace_take(aname_refresh_t *refresh, int64_t now_ms);
