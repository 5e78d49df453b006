/*!
 * \brief An answer of Knot's that is changed: what is cold or failing, ANY, aliases to the apex.  [K]
 *
 * Thread: worker, inside the epoch.
 */

#pragma once

#include "query/query.h"

/*! Changes the answer to a query that has come to the apex. */
knotd_in_state_t aname_change_answer(aname_query_t *query, knotd_in_state_t state);

/*! Addresses beside a query for the ANAME itself (A4), and none of the siblings' (A3). */
knotd_in_state_t aname_change_additional(const aname_query_t *query, knotd_in_state_t state,
                                         bool asked);
