/*!
 * \brief The keys that sign a zone, as the zone itself tells (D1).  [K]
 *
 * The zone's own data at the time of the query says which keys sign: those of the apex DNSKEY
 * records that have made a signature over the apex SOA. So a roll-over is followed with the very
 * zone that it comes in.
 *
 * That a key has made one is verified once for each signer, and not again for each SOA: who has
 * signed one SOA record of this zone holds the key, whatever comes after it. A stranger who could
 * write what names the same keys into the zone later could as well write that SOA record with its
 * signature. Where a signature has failed, what the zone says next is looked at, but no more often
 * than ANAME_SIGNER_CREDIT times at once, and once a second.
 *
 * Thread: worker.
 */

#pragma once

#include "query/query.h"
#include "query/verify.h"

/*! So many signers are made for a zone at once, and then one a second. */
#define ANAME_SIGNER_CREDIT 8

/*! The keys that sign a zone. Never changed once published. */
typedef struct aname_signer {
	uint64_t id;              /*!< Other for other keys. */
	aname_secrets_t *secrets; /*!< Where the keys are let go. */
	unsigned count;           /*!< Keys that sign. */
	aname_secret_t *keys[ANAME_RRSIG_KEYS_MAX];
	unsigned ahead_count; /*!< Keys that may sign next: held, so that they are there then. */
	aname_secret_t *ahead[ANAME_VERIFY_KEYS_MAX];
	aname_verified_t verified; /*!< What it is made by. */
	uint64_t seen;             /*!< Hash of the SOA and the signatures over it. */
	unsigned credit;           /*!< Signers that may still be made after it. */
	int64_t made_ms;
	/* What it was last found to be right for, see aname_signer_is_known(). */
	_Atomic uint64_t validity, known;
	unsigned tags_count; /*!< Signatures over the SOA; impossible if one has failed. */
	uint32_t tags[ANAME_RRSIG_KEYS_MAX];
	uint32_t dnskey_size;
	uint8_t dnskey[] __attribute__((aligned(2))); /*!< The DNSKEY RRset that it is made from. */
} aname_signer_t;

/*! The signatures over the apex SOA, as the query's zone has them. */
typedef struct {
	unsigned count;
	uint32_t tags[ANAME_RRSIG_KEYS_MAX]; /*!< Algorithm, then key tag. */
	uint32_t inception, expiration;      /*!< Of the first one. */
} aname_soa_signatures_t;

void aname_signer_find_soa(knotd_qdata_t *qdata, aname_soa_signatures_t *soa);

/*! What a signer is made of. */
typedef struct {
	aname_apex_t apex;
	uint64_t seen; /*!< Hash of the SOA record and the signatures over it. */
	const aname_soa_signatures_t *soa;
	aname_verified_t verified;
} aname_signer_basis_t;

/*! Gathers what a signer is to be made of; nothing is verified yet. */
void aname_signer_gather(const aname_query_t *query, const knot_rrset_t *dnskey,
                         const aname_soa_signatures_t *soa, aname_signer_basis_t *basis);

/*! Was the signer made of the same? NULL was not. */
bool aname_signer_has_seen(const aname_signer_t *signer, const aname_signer_basis_t *basis);

/*! How many signers may be made now, after this one or none. */
unsigned aname_signer_credit(const aname_signer_t *former, int64_t now_ms);

/*!
 * \brief Makes a signer; its keys are asked for. Under the shared state's sign_lock.
 *
 * \param basis  Verified.
 *
 * \return The signer, NULL if out of memory. Ownership: the caller's, aname_signer_free().
 */
aname_signer_t *aname_signer_new(aname_shared_t *shared, const aname_signing_t *signing,
                                 const aname_signer_basis_t *basis, int64_t now_ms);

/*! Lets the keys go, and frees it; NULL is nothing. In the form that a bin calls. Thread: any. */
void aname_signer_free(void *signer);

/*! Is this what the zone calls for now? NULL is not, nor is one with a signature that has failed:
 *  then it has to be compared whole, with aname_signer_has_seen(). */
bool aname_signer_is_current(const aname_signer_t *signer, const knot_rrset_t *dnskey,
                             const aname_soa_signatures_t *soa);

/*!
 * \brief Is it known that this is what the zone calls for in this version? NULL is not.
 *
 * \param version  aname_version() of the zone; 0: none.
 * \param sign     The validity of the signatures over its SOA is set, if so.
 */
bool aname_signer_is_known(const aname_signer_t *signer, uint64_t version, aname_sign_t *sign);

/*! Notes that it is. */
void aname_signer_note_known(aname_signer_t *signer, uint64_t version,
                             const aname_soa_signatures_t *soa);

/*!
 * \brief Judges the keys that sign: all are there, or some are still being read, or one is missing
 *        for which there is no other of the same algorithm (RFC 4035, 2.2: each algorithm signs).
 *
 * \param missing  Set if one is.
 */
aname_sign_state_t aname_signer_judge(aname_shared_t *shared, const aname_signer_t *signer,
                                      int64_t now_ms, const aname_secret_t **missing);

/*! Are all keys there that sign? */
bool aname_signer_is_ready(const aname_signer_t *signer);

/*! Are all keys that sign in the DNSKEY set? */
bool aname_signer_is_published(const aname_signer_t *signer, const knot_rrset_t *dnskey);

/*! Keys that may sign next are tried again, too, so that they are there then. */
void aname_signer_retry_ahead(aname_shared_t *shared, const aname_signer_t *signer, int64_t now_ms);
