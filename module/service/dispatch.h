/*!
 * \brief Which entry is looked up next.  [U]
 *
 * Thread: service.
 */

#pragma once

#include "service/work.h"

/*! Starts what may start; returns in how many milliseconds more may, or -1. */
int64_t aname_dispatch_start_ready(aname_refresh_t *refresh, int64_t now_ms);
