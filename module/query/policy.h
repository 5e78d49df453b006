/*!
 * \brief Which targets a zone may have, and which of their addresses (BEHAVIOUR L2, R2).  [K]
 *
 * Thread: worker, inside the epoch.
 */

#pragma once

#include "table/answer.h"
#include "query/query.h"

/*!
 * \brief May a zone have a target?
 *
 * \param why  What is wrong with it, in words.
 *
 * \return NONE; MALFORMED if the name can never be looked up; DENIED by an option.
 */
aname_failure_t aname_policy_check(const aname_query_t *query, const aname_key_t *key,
                                   const char **why);

/*! Logs, once per content, that the zone may not have the target of a record, if so. */
void aname_policy_log_refused(const aname_query_t *query, const knot_rdata_t *rdata);

/*! Fails a target if `deny-address` leaves nothing of its addresses: then it counts as denied (L2).
 *  The answer is for as many clients as before. */
void aname_policy_filter(const aname_query_t *query, const aname_key_t *key, aname_part_t *part);
