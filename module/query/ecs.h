/*!
 * \brief Answers for the client's network (RFC 7871, BEHAVIOUR N4).  [K]
 *
 * Thread: worker.
 */

#pragma once

#include "table/answer.h"
#include "query/query.h"

/*! Takes the client's subnet from the query, if there is one: answers depend on it then. Only with
 *  option `ecs`. */
void aname_ecs_take(aname_query_t *query);

/*! Tells the client for how large a network of clients an answer is (RFC 7871, 7.2.1). Of an
 *  answer for its subnet. */
void aname_ecs_return_scope(const aname_query_t *query, uint8_t scope);

/*!
 * \brief Replaces what is known for everybody by what is known for the client.
 *
 * \param target  The target's entry, or NULL if it is not in the table yet.
 * \param part    What is known for everybody; then what the client gets.
 */
void aname_ecs_answer_client(const aname_query_t *query, const aname_key_t *key,
                             aname_entry_t *target, uint32_t ttl, aname_part_t *part);
