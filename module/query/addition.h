/*!
 * \brief What stands in the additional section: addresses beside a query for the ANAME itself (A4), and
 *        none of the siblings' (A3).  [K]
 *
 * Thread: worker, inside the epoch unless it says otherwise.
 */

#pragma once

#include "query/query.h"

/*! Is there anything in the section, or may there have to be? Outside the epoch. */
bool aname_addition_is_due(knotd_in_state_t state, const knot_pkt_t *pkt, knotd_qdata_t *qdata,
                           const aname_instance_t *instance);

/*! Puts right what Knot has put, and adds what is ours; returns what the hook is to return. */
knotd_in_state_t aname_addition_change(aname_query_t *query, knotd_in_state_t state);
