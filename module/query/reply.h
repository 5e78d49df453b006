/*!
 * \brief What is written into, and taken out of, the reply to a query in hand.  [K]
 *
 * Thread: worker; with an answer at hand, inside the epoch it was decided in.
 */

#pragma once

#include "table/answer.h"
#include "query/query.h"

/*! Has Knot, following aliases in the zone, come to the apex? */
bool aname_reply_at_apex(knotd_qdata_t *qdata, const aname_instance_t *instance);

/*! Is the zone's own set of a type, of a node, in the section being written? `owner` NULL: the
 *  apex. */
bool aname_reply_has_sibling(const knot_pkt_t *pkt, knotd_qdata_t *qdata, const knot_dname_t *owner,
                             uint16_t type);

/*!
 * \brief Puts an answer's addresses into the section being written.
 *
 * \param asked  They are what the client asked for: over UDP they may truncate the reply.
 *
 * \return Errors of aname_answer_put().
 */
__attribute__((warn_unused_result)) int aname_reply_put(const aname_query_t *query,
                                                        const aname_answer_t *answer, uint16_t type,
                                                        bool asked);

/*! Puts the ANAME records themselves, as far as there is room. */
void aname_reply_put_records(const aname_query_t *query);

/*! Puts the zone's SOA for a negative answer that lives for `ttl` seconds (RFC 2308, 3). */
__attribute__((warn_unused_result)) int aname_reply_put_soa(const aname_query_t *query,
                                                            uint32_t ttl);

/*! Lowers the TTL of the SOA that Knot has put. */
void aname_reply_lower_soa(const aname_query_t *query, uint32_t ttl);

/*! Takes the SOA that Knot has put out of the section being written, with its signatures. */
__attribute__((warn_unused_result)) int aname_reply_remove_soa(const aname_query_t *query);

/*! Takes the zone's own set of a type out of the section being written, if it is there. */
__attribute__((warn_unused_result)) int aname_reply_remove_sibling(const aname_query_t *query,
                                                                   uint16_t type);

/*! Gives the zone's own set a short life (F2), and a shorter one if it stands in for what is not
 *  known yet (C2); false if it is not in the reply. */
bool aname_reply_use_sibling(const aname_query_t *query, uint16_t type, bool partial);

/*!
 * \brief Puts what is known now in the place of the zone's own set, if that is in the section
 *        being written (A3), as far as there is room.
 *
 * \param room  false: nothing is put. Becomes false if something does not fit.
 */
__attribute__((warn_unused_result)) int aname_reply_replace(aname_query_t *query, uint16_t type,
                                                            bool *room);

/*! Puts what is known now. Likewise. */
__attribute__((warn_unused_result)) int aname_reply_add(aname_query_t *query, uint16_t type,
                                                        bool *room);
