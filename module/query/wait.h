/*!
 * \brief Waiting for what is not known yet, over TCP (C2).  [K]
 *
 * Thread: worker, inside the epoch; it is left while waiting.
 */

#pragma once

#include "table/answer.h"
#include "query/query.h"

/*! May this query wait? Over TCP and TLS through the kernel only (C1, C2). */
bool aname_wait_allowed(const aname_query_t *query);

/*! Waits for the keys and, unless `type` is 0, for all lookups at hand of that family. What was decided
 *  before is to be decided anew. */
void aname_wait(aname_query_t *query, uint16_t type);
