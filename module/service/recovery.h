/*!
 * \brief What has failed because its upstream was out is tried again once that is back (F4).  [U]
 *
 * Thread: service.
 */

#pragma once

#include "service/work.h"

/*! Does an entry fail since lookups of its upstream do, and not from before? While none has succeeded
 *  since the start, those may have begun to fail before it. */
bool aname_recovery_concerns(const aname_entry_t *entry);

/*!
 * \brief An outage has ended: what has failed in it is due now, what is asked for most first.
 *
 * \param due  Those that have waited in a line; those that are planned are found here.
 */
void aname_recovery_end(aname_refresh_t *refresh, const aname_upstream_work_t *work,
                        aname_line_t due, int64_t now_ms);

/*! It was not out as far as could be seen, but some things failed: they are tried soon, as if they
 *  had failed once. */
void aname_recovery_hasten(aname_refresh_t *refresh, const aname_upstream_work_t *work,
                           int64_t now_ms);
