/*!
 * \brief What a lookup taught, or that it failed, and when the next one is.  [U]
 *
 * Thread: service.
 */

#pragma once

#include "service/work.h"

/*! Takes the result of a lookup, which has ended with it; frees the run. */
void aname_result_take(aname_refresh_t *refresh, aname_run_t *run, const aname_result_t *result,
                       int64_t now_ms);

/*! Publishes a failure and plans the next try. The entry is in no heap and no line. */
void aname_result_failed(aname_refresh_t *refresh, aname_entry_t *entry, aname_failure_t failure,
                         const char *why, int64_t now_ms);

/*! The same for a lookup that could not be started: because of the name, or of what is lacking
 *  here. */
void aname_result_refused(aname_refresh_t *refresh, aname_entry_t *entry, bool for_name,
                          const char *why, int64_t now_ms);
