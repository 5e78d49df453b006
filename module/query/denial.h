/*!
 * \brief Denial that tells the truth about the apex (D2, D3).  [K]
 *
 * Knot's NSEC or NSEC3 of the apex does not know of the addresses that this module makes; a
 * resolver that draws conclusions from it (RFC 8198) would take the apex for one without. So every
 * one that leaves the server is replaced by one that lists A and AAAA, with signatures of its own.
 *
 * Thread: worker.
 */

#pragma once

#include "query/targets.h"

/*! Is there an NSEC or NSEC3 record of an apex in the section being written? */
bool aname_denial_found(const knot_pkt_t *pkt);

/*! How a denial is to be put right. */
typedef struct {
	uint16_t without; /*!< At a NODATA of the owner, the family asked for; 0 otherwise. */
	uint32_t ttl;     /*!< Highest TTL of it then. */
} aname_denial_t;

/*!
 * \brief Puts right what aname_denial_found() found. Inside the epoch, with the keys READY.
 *
 * \return KNOT_EOK, KNOT_ESPACE, or another error: then the reply must not leave.
 */
__attribute__((warn_unused_result)) int aname_denial_correct(const aname_query_t *query,
                                                             const aname_denial_t *denial);

/*!
 * \brief Puts the apex NSEC of a NODATA answer for mod-onlinesign to sign: the apex and its
 *        immediate successor, with all types that are there but the one asked for.
 *
 * \param ttl  Highest TTL of it.
 */
__attribute__((warn_unused_result)) int aname_denial_put_online(const aname_query_t *query,
                                                                uint32_t ttl);
