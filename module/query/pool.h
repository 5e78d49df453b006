/*!
 * \brief The pool of an owner that has several records (R4), among which options may choose (P1 to
 *        P4).  [K]
 *
 * What is known beforehand stands in a plan (query/pool_plan.h), which the instance has for as long as
 * its records are the same. Workers make and replace it under the shared state's sign_lock, as
 * they do signers, and read it inside the epoch without any lock.
 *
 * Thread: worker, inside the epoch, unless it says otherwise.
 */

#pragma once

#include "table/answer.h"
#include "query/query.h"

/*! Decides on a family of an owner with several records; as aname_records_decide(), by what is known
 *  of this family alone. Logs, once per content, which records are no targets of the zone. */
void aname_pool_decide(const aname_query_t *query, uint16_t type, bool accept_fallback,
                       aname_answer_t *answer);

/*! Where options choose, has targets kept fresh that are not chosen now, and looked up if they are cold: a spare that is
 *  not known is none. Once a second is enough. */
void aname_pool_keep_fresh(const aname_query_t *query);

/*! Frees what a node has; no hook may use it any more. Thread: any. */
void aname_pool_deinit(aname_node_t *node);
