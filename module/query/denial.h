/*!
 * \brief Denial that tells the truth about the apex (D2, D3).  [K]
 *
 * Knot's NSEC or NSEC3 of the apex does not know of the addresses that this module makes; a
 * resolver that draws conclusions from it (RFC 8198) would take the apex for one without. So every
 * one that leaves the server is replaced by one that lists A and AAAA, but for a family that is
 * NODATA at this moment, and HTTPS where this module makes that (Q1), with signatures of its own. It is the same whatever was asked: there is
 * one RRset at a name (RFC 2181, 5), and resolvers throw away what they know when it changes.
 *
 * Thread: worker.
 */

#pragma once

#include "query/query.h"

/*! Is an NSEC or NSEC3 record that of an apex? */
bool aname_denial_is_apex(const knot_rrset_t *rrset);

/*! Where the next NSEC or NSEC3 record of an apex, or of whatever nodes count, stands in the
 *  section being written, from an index on; -1 if there is none. */
int aname_denial_find(const knot_pkt_t *pkt, const aname_options_t *options, int from);

/*!
 * \brief Puts one right. Inside the epoch, with the keys READY; what is missing of the node stands
 *        in the query (aname_records_missing()).
 *
 * \param index  Where it stands.
 * \param https  It is to list HTTPS (Q1).
 *
 * \return KNOT_EOK, KNOT_ESPACE, or another error: then the reply must not leave.
 */
__attribute__((warn_unused_result)) int aname_denial_correct(const aname_query_t *query, int index,
                                                             bool https);

/*!
 * \brief Takes the denial of the apex as the zone stands, right and signed, to be put later, if it is
 *        known from a negative answer about the apex. Inside the epoch, with the keys READY.
 *
 * \param https  It is to list HTTPS (Q1).
 */
bool aname_denial_take(aname_query_t *query, bool https);

/*! Puts what was taken; outside the epoch, too. An error of knot_pkt_put(). */
__attribute__((warn_unused_result)) int aname_denial_put(const aname_query_t *query);

/*! Puts the NSEC of a NODATA answer for mod-onlinesign to sign: the name that Knot has come to
 *  and its immediate successor, with all types that are there. Likewise. */
__attribute__((warn_unused_result)) int aname_denial_put_online(const aname_query_t *query);
