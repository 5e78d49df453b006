/*!
 * \brief What goes with a negative answer, and denials that tell the truth (D2, D3).  [K]
 *
 * Thread: worker, inside the epoch.
 */

#pragma once

#include "query/query.h"

/*! Has the keys at hand for what has to be signed: waits for them, or else ends the reply. Returns
 *  the state as it was if the keys are there, and if they turned out not to be readable. */
knotd_in_state_t aname_prove_await_keys(aname_query_t *query, knotd_in_state_t state);

/*! Puts denials in the section being written right (D2). */
knotd_in_state_t aname_prove_correct(aname_query_t *query, knotd_in_state_t state);

/*! What a negative answer that this module has decided on, if so, needs besides its proof. Outside
 *  the epoch. */
knotd_in_state_t aname_prove_finish_nodata(const aname_query_t *query, knotd_in_state_t state);

/*! Puts the SOA and the denial of the apex that was taken: then the answer is complete. Outside the
 *  epoch. */
knotd_in_state_t aname_prove_put(aname_query_t *query, knotd_in_state_t state);

/*!
 * \brief May this reply have to prove something? Outside the epoch.
 *
 * \param first  For aname_prove(): where the first denial stands.
 */
bool aname_prove_is_due(const knot_pkt_t *pkt, const knotd_qdata_t *qdata,
                        const aname_instance_t *instance, int *first);

/*! The proof of a negative answer, and every other one that speaks of the apex. */
knotd_in_state_t aname_prove(aname_query_t *query, knotd_in_state_t state, int first);

/*! If Knot was to prove what an answer has not: it is an answer all the same (A4). Outside the
 *  epoch. */
knotd_in_state_t aname_prove_drop_soa(const aname_query_t *query, knotd_in_state_t state);
