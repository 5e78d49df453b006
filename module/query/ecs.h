/*!
 * \brief Answers for the client's network (RFC 7871, BEHAVIOUR N4).  [K]
 *
 * Thread: worker.
 */

#pragma once

#include "query/answer.h"
#include "query/query.h"

/*! Takes the client's subnet from the query, if answers may depend on it. */
void aname_ecs_take(aname_query_t *query);

/*! Tells the client for how large a network of clients an answer is (RFC 7871, 7.2.1). */
void aname_ecs_tell_scope(const aname_query_t *query, const aname_answer_t *answer);

/*!
 * \brief Puts what a target says to the client in the place of what it says to everybody.
 *
 * \param target  The target's entry, or NULL if it is not in the table yet.
 * \param part    What it says to everybody; then what the client is told.
 */
void aname_ecs_tailor(const aname_query_t *query, const aname_key_t *key, aname_entry_t *target,
                      uint32_t ttl, aname_part_t *part);
