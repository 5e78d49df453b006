/*!
 * \brief An answer of Knot's that is changed: what is cold or failing, ANY, HTTPS, aliases to the
 *        apex.  [K]
 *
 * What returns a state returns the one that the hook is to return.
 *
 * Thread: worker, inside the epoch unless it says otherwise.
 */

#pragma once

#include "query/query.h"

/*! May Knot's answer to a query for this type have to be changed? Outside the epoch. */
bool aname_change_is_about(const aname_instance_t *instance, uint16_t type);

/*!
 * \brief Has Knot come to a node with ANAME records, with something that may have to be changed?
 *        Outside the epoch.
 *
 * \param found  The records; none if it is the apex, where they are still to be looked for.
 */
bool aname_change_is_due(knotd_in_state_t state, const knot_pkt_t *pkt, knotd_qdata_t *qdata,
                         const aname_instance_t *instance, aname_found_t *found);

/*! Changes the answer to a query for which that is so. */
knotd_in_state_t aname_change_answer(aname_query_t *query, knotd_in_state_t state);

/*! Puts the addresses if they are warm, and Knot has put nothing; else false, and nothing is
 *  changed. */
bool aname_change_answer_warm(aname_query_t *query, knotd_in_state_t *state);

/*! Makes the answer the negative one that was decided on before Knot looked. Outside the epoch. */
knotd_in_state_t aname_change_to_nodata(aname_query_t *query, knotd_in_state_t state);
