/*!
 * \brief The pool of an owner whose options choose between its targets (P1 to P4).  [K]
 *
 * What is known beforehand stands in a plan (query/pool_plan.h), which the instance has for as long as
 * its records are the same. Workers make and replace it under the shared state's sign_lock, as
 * they do signers, and read it inside the epoch without any lock.
 *
 * Thread: worker, inside the epoch, unless it says otherwise.
 */

#pragma once

#include "query/answer.h"
#include "query/query.h"

/*!
 * \brief Decides on a family, if the options choose and there are several records; as
 *        aname_records_decide(), by what is known of this family alone.
 *
 * \return false if it is not so: the answer is the union of all targets.
 */
bool aname_pool_decide(const aname_query_t *query, uint16_t type, bool accept_fallback,
                       aname_answer_t *answer);

/*! Has targets kept fresh that are not chosen now, and looked up if they are cold: a spare that is
 *  not known is none. Once a second is enough. */
void aname_pool_keep_fresh(const aname_query_t *query);

/*! Logs, once, that there are more records than are used. */
void aname_pool_log_limit(const aname_query_t *query);

/*! Frees what an instance has; no hook of it may run any more. Thread: unload. */
void aname_pool_deinit(aname_instance_t *instance);
