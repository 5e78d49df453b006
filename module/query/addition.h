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

/*! Are there addresses in the section of a reply that is done? Outside the epoch. */
bool aname_addition_is_left(const knot_pkt_t *pkt);

/*!
 * \brief Leaves siblings out of a reply that is done, but for a signature by TSIG: where not all of the
 *        section fits, Knot ends there, and calls no hook for it (A3).
 *
 * Where more gets lost with them the reply is truncated, over UDP.
 */
void aname_addition_leave_out(aname_query_t *query);

/*! Keeps Knot from putting anything into the section, where there may be siblings and it is no referral:
 *  of a reply that is signed by TSIG nothing can be taken out when it is done. Outside the epoch. */
void aname_addition_prevent(knotd_in_state_t state, knot_pkt_t *pkt, knotd_qdata_t *qdata,
                            const aname_instance_t *instance);
