/*!
 * \brief Signatures: when they are good, and how one is made.  [P]
 *
 * Thread: any.
 */

#pragma once

#include <stdint.h>

#include <libknot/rrset.h>

#include "table/secrets.h"

/*! Most keys that sign one RRset. */
#define ANAME_RRSIG_KEYS_MAX 8

/*! From when to when a signature is good, in seconds of the wall clock. */
typedef struct {
	int64_t inception;
	int64_t expiration;
	int64_t refresh; /*!< From then on a new one is to be made. */
} aname_validity_t;

/*!
 * \brief When a signature made now is good: as long as those that Knot makes in this zone.
 *
 * The zone's own signature over its SOA tells how long that is. So a policy's `rrsig-lifetime` is
 * followed as it comes into force, and nothing of the policy need be known. Like Knot's, our
 * signatures begin 90 minutes in the past. They are made anew when a tenth of the lifetime is
 * left, or the TTL and an hour if that is more; but when half of it is left at the latest.
 *
 * \param soa_inception, soa_expiration  Of the signature over the SOA.
 * \param ttl                            Original TTL of what is signed.
 * \param now_s                          Seconds of the wall clock.
 */
aname_validity_t aname_rrsig_validity(uint32_t soa_inception, uint32_t soa_expiration, uint32_t ttl,
                                      int64_t now_s);

/*! Who signs. */
typedef struct {
	const knot_dname_t *zone; /*!< Lower case. */
	unsigned count;
	aname_secret_t *const *keys; /*!< READY. */
} aname_rrsig_signers_t;

/*!
 * \brief Signs an RRset with each key.
 *
 * \param rrset     Lower-case owner, RDATA sorted, the original TTL.
 * \param signers   Who signs.
 * \param validity  When the signatures are good.
 * \param rrsigs    RDATA of RRSIG records, in memory from malloc(); emptied first.
 *
 * \return KNOT_EOK, KNOT_ENOMEM, or KNOT_ERROR if a key cannot sign. Nothing is left on error.
 */
__attribute__((warn_unused_result)) int aname_rrsig_make(const knot_rrset_t *rrset,
                                                         const aname_rrsig_signers_t *signers,
                                                         const aname_validity_t *validity,
                                                         knot_rdataset_t *rrsigs);
