/*!
 * \brief The signatures over what this module makes (D1).  [K]
 *
 * They are made once and kept in the store of the instance; see signing.h.
 *
 * Thread: worker.
 */

#pragma once

#include "query/query.h"

/*!
 * \brief The signatures over a content, made now if they are not stored.
 *
 * \param content  Without its signer.
 * \param made     What is served in its place; may be empty.
 * \param found    What is stored, good until the epoch is left.
 *
 * \return KNOT_EOK; KNOT_ELIMIT if signing has had its share of the worker's time, which is logged;
 *         or another error.
 */
__attribute__((warn_unused_result)) int aname_sign_content(const aname_query_t *query,
                                                           aname_content_t *content,
                                                           const knot_rdataset_t *made,
                                                           const aname_signed_t **found);

/*! The same if it is stored and need not be made anew; else NULL. */
const aname_signed_t *aname_sign_find(const aname_query_t *query, aname_content_t *content);

/*!
 * \brief Signs the RRset that was put last.
 *
 * \param original_ttl  The highest TTL that the RRset may ever have.
 * \param flags         KNOT_PF_*, not KNOT_PF_FREE.
 *
 * \return KNOT_EOK; an error with the RRset taken out again: KNOT_ESPACE as knot_pkt_put(),
 *         KNOT_ELIMIT as aname_sign_content(), or another one.
 */
__attribute__((warn_unused_result)) int aname_sign_put(const aname_query_t *query,
                                                       uint32_t original_ttl, uint16_t flags);

/*!
 * \brief Puts the zone's own signatures over an RRset of the zone, which was put last.
 *
 * \param rrsigs  All that its node has.
 * \param flags   KNOT_PF_*, not KNOT_PF_FREE.
 *
 * \return KNOT_EOK, or an error of knot_pkt_put().
 */
__attribute__((warn_unused_result)) int aname_sign_put_zones(const aname_query_t *query,
                                                             const knot_rrset_t *rrsigs,
                                                             const knot_rrset_t *rrset,
                                                             uint16_t flags);

/*! Puts signatures over an RRset into the reply; errors of knot_pkt_put(). */
__attribute__((warn_unused_result)) int aname_sign_copy(const aname_query_t *query,
                                                        const knot_rdataset_t *rrsigs,
                                                        const knot_dname_t *owner, uint32_t ttl,
                                                        knot_rrset_t *copy);

/*! Seconds that signatures are still good for. */
static inline uint32_t aname_sign_left(const aname_sign_t *sign, const aname_signed_t *stored)
{
	int64_t expiration = stored->validity.expiration;
	return expiration > sign->now_s ? expiration - sign->now_s : 0;
}
