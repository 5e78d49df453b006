/*!
 * \brief Whose keys are a zone's: those that have signed its SOA record (D1).  [P]
 *
 * Anybody can write anybody's DNSKEY record into a zone, and a signature that names its tag. Only
 * who holds the private key makes one over this zone's SOA record that verifies. So nothing is
 * signed for a zone with a key that has not been verified to be its own.
 *
 * When a signature is good does not matter: one that has expired was made by the same holder. Its
 * expiration is for who validates.
 *
 * What verifying costs is bounded whatever stands in a zone: so many keys, signatures, and tries in
 * all, and no key that is larger than any that this module signs with. No signature is tried with
 * every key of its tag.
 *
 * Thread: worker, outside all locks: it takes up to a millisecond or so.
 */

#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <libknot/descriptor.h>
#include <libknot/rrset.h>
#include <libknot/rrtype/rrsig.h>

/*! Most DNSKEY records of a zone that are looked at; of them, too, there are bits in a word. */
#define ANAME_VERIFY_KEYS_MAX 16

/*! Most signatures over the SOA record that are looked at. */
#define ANAME_VERIFY_SIGNATURES_MAX 8

/*! Most signatures, over whatever type, among which those over the SOA record are looked for: what
 *  stands before them in the order of types is over A and NS. */
#define ANAME_VERIFY_RRSIGS_MAX 64

/*! Most octets of a zone's DNSKEY records: each query compares them with those that are known. */
#define ANAME_VERIFY_DNSKEY_MAX 32768

/*! Most times that a signature is verified with a key, for one zone at one moment. */
#define ANAME_VERIFY_TRIES_MAX 8

/*! What a zone has at its apex, in one version of it. */
typedef struct {
	const knot_dname_t *zone; /*!< Lower case. */
	knot_rdataset_t soa;
	knot_rdataset_t dnskey;
	knot_rdataset_t rrsigs; /*!< Over whatever type, sorted. */
} aname_apex_t;

/*! Why a signature over the SOA record that names a key was not made with it. */
typedef enum {
	ANAME_VERIFY_UNSIGNED = 0, /*!< No signature names any of the keys. */
	ANAME_VERIFY_UNREADABLE,   /*!< The DNSKEY record cannot be read. */
	ANAME_VERIFY_BOGUS,        /*!< The signature does not verify. */
	ANAME_VERIFY_TOO_MANY,     /*!< It was not tried any more. */
} aname_verify_failure_t;

typedef struct {
	uint32_t keys;     /*!< Those that have signed: a bit for each DNSKEY record, in order. */
	bool whole;        /*!< No signature that names a key has failed. */
	uint8_t failure;   /*!< Of the first that has: aname_verify_failure_t. */
	uint8_t algorithm; /*!< Of its key. */
	uint16_t key_tag;
	int error; /*!< If UNREADABLE: libdnssec's. */
} aname_verified_t;

/*! Goes through the signatures over the SOA record. */
typedef struct {
	knot_rdata_t *next;
	unsigned left; /*!< Signatures over whatever type. */
	unsigned most; /*!< Signatures over the SOA record. */
} aname_verify_iter_t;

static inline void aname_verify_begin(aname_verify_iter_t *iter, const knot_rdataset_t *rrsigs)
{
	iter->next = rrsigs->rdata;
	iter->left =
	        rrsigs->count < ANAME_VERIFY_RRSIGS_MAX ? rrsigs->count : ANAME_VERIFY_RRSIGS_MAX;
	iter->most = ANAME_VERIFY_SIGNATURES_MAX;
}

/*! The next one, or NULL. */
static inline const knot_rdata_t *aname_verify_next(aname_verify_iter_t *iter)
{
	while (iter->left > 0 && iter->most > 0) {
		const knot_rdata_t *rrsig = iter->next;
		uint16_t covered = knot_rrsig_type_covered(rrsig);
		if (covered > KNOT_RRTYPE_SOA) {
			break; /* They are sorted. */
		}
		iter->next = knot_rdataset_next(iter->next);
		iter->left--;
		if (covered == KNOT_RRTYPE_SOA) {
			iter->most--;
			return rrsig;
		}
	}
	return NULL;
}

/*! Finds the keys that have signed the SOA record. */
void aname_verify_apex(const aname_apex_t *apex, aname_verified_t *verified);
