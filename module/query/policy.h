/*!
 * \brief Which targets a zone may have, and which of their addresses (BEHAVIOUR L2, R2).  [K]
 *
 * Thread: worker, inside the epoch.
 */

#pragma once

#include "query/answer.h"
#include "query/query.h"

/*! Why a name can never be looked up; NULL if it can. */
const char *aname_policy_unusable(const aname_query_t *query, const aname_key_t *key);

/*! Which option denies a target; NULL if none. */
const char *aname_policy_denied_by(const aname_options_t *options, const knot_dname_t *target);

/*! Has policy left nothing of a target's addresses? Then it counts as denied (L2). */
bool aname_policy_is_emptied(const aname_query_t *query, const aname_part_t *part);

/*! Fails a part that policy has emptied; the answer is for as many clients as before. */
void aname_policy_fail_emptied(const aname_query_t *query, const aname_key_t *key,
                               aname_part_t *part);

/*! Logs, once per content, that a record is malformed, or its target denied; counts the former. */
void aname_policy_log_malformed(const aname_query_t *query, const knot_rdata_t *rdata,
                                const char *why);
void aname_policy_log_denied(const aname_query_t *query, const aname_key_t *key, const char *why);
