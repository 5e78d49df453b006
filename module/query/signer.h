/*!
 * \brief The keys that sign a zone, as the zone itself tells (D1).  [K]
 *
 * The zone's own data at the time of the query says which keys sign: those of the apex DNSKEY
 * records whose tags stand in the signatures over the apex SOA. So a roll-over is followed with
 * the very zone that it comes in.
 *
 * Thread: worker.
 */

#pragma once

#include "query/query.h"

/*! Most DNSKEY records of a zone that are looked at. */
#define ANAME_SIGNER_KEYS_MAX 16

/*! The keys that sign a zone. Never changed once published. */
typedef struct aname_signer {
	uint64_t id;              /*!< Other for other keys. */
	aname_secrets_t *secrets; /*!< Where the keys are let go. */
	unsigned count;           /*!< Keys that sign. */
	aname_secret_t *keys[ANAME_RRSIG_KEYS_MAX];
	unsigned ahead_count; /*!< Keys that may sign next: held, so that they are there then. */
	aname_secret_t *ahead[ANAME_SIGNER_KEYS_MAX];
	unsigned tags_count; /*!< Signatures over the SOA. */
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

/*!
 * \brief Makes a signer; its keys are asked for. Under the shared state's sign_lock.
 *
 * \return The signer, NULL if out of memory. Ownership: the caller's, aname_signer_free().
 */
aname_signer_t *aname_signer_new(aname_shared_t *shared, const aname_signing_t *signing,
                                 const knot_rrset_t *dnskey, const aname_soa_signatures_t *soa);

/*! Lets the keys go, and frees it; NULL is nothing. In the form that a bin calls. Thread: any. */
void aname_signer_free(void *signer);

/*! Is this what the zone calls for now? NULL is not. */
bool aname_signer_is_current(const aname_signer_t *signer, const knot_rrset_t *dnskey,
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
