/*!
 * \brief Short cuts for names besides the apex: what is known is answered before Knot looks.  [K]
 *
 * They begin the query; if they do not answer it, it is let go, and later hooks begin it anew.
 * With other modules in the zone's list that may answer for such names before Knot looks there are
 * none.
 *
 * Thread: worker, outside the epoch.
 */

#pragma once

#include "query/query.h"

/*! A node with ANAME records, if it is known that Knot would come to it (`owners: any`). */
knotd_in_state_t aname_early_node(aname_query_t *query, knotd_in_state_t state,
                                  aname_instance_t *instance, knot_pkt_t *pkt, knotd_qdata_t *qdata,
                                  knotd_mod_t *mod);

/*! An alias of the zone, if it is known that it leads to the apex right away, as `www CNAME @`. */
knotd_in_state_t aname_early_alias(aname_query_t *query, knotd_in_state_t state,
                                   aname_instance_t *instance, knot_pkt_t *pkt,
                                   knotd_qdata_t *qdata, knotd_mod_t *mod);

/*! Notes that the name that is asked for is such an alias, if Knot has come to the apex by it, and
 *  nothing has to be proven. Inside the epoch. */
void aname_early_note_alias(const aname_query_t *query);
