/*!
 * \brief Denial that tells the truth about the apex (D2, D3).  [K]
 *
 * Knot's NSEC or NSEC3 of the apex does not know of the addresses that this module makes; a
 * resolver that draws conclusions from it (RFC 8198) would take the apex for one without. So every
 * one that leaves the server is replaced by one that lists A and AAAA, but for a family that is
 * NODATA at this moment, with signatures of its own. It is the same whatever was asked: there is
 * one RRset at a name (RFC 2181, 5), and resolvers throw away what they know when it changes.
 *
 * Thread: worker.
 */

#pragma once

#include "query/query.h"

/*! Where the next NSEC or NSEC3 record of an apex stands in the section being written, from an
 *  index on; -1 if there is none. */
int aname_denial_find(const knot_pkt_t *pkt, int from);

/*!
 * \brief Puts all of them right. Inside the epoch, with the keys READY; what is missing stands in
 *        the query (aname_records_missing()).
 *
 * \param first  Where the first one stands.
 *
 * \return KNOT_EOK, KNOT_ESPACE, or another error: then the reply must not leave.
 */
__attribute__((warn_unused_result)) int aname_denial_correct(const aname_query_t *query, int first);

/*! Puts the apex NSEC of a NODATA answer for mod-onlinesign to sign: the apex and its immediate
 *  successor, with all types that are there. Likewise. */
__attribute__((warn_unused_result)) int aname_denial_put_online(const aname_query_t *query);
