/*!
 * \brief What the time has come for.  [U]
 *
 * Thread: service.
 */

#pragma once

#include "service/work.h"

/*! Does what the time has come for. */
void aname_due_handle(aname_refresh_t *refresh, int64_t now_ms);
