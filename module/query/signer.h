/*!
 * \brief Which keys sign a zone (D1).  [K]
 *
 * The zone's own data at the time of the query says which keys sign: those of the apex DNSKEY
 * records whose tags stand in the signatures over the apex SOA. So a roll-over is followed with
 * the very zone that it comes in.
 *
 * Keys that sign from now on may still have to be read. Until they are there the signer before goes
 * on, as long as its keys stand in the DNSKEY set (D6): nobody waits for a roll-over.
 *
 * Who owns what: the signing belongs to an instance, from load to unload. In it stand a signer
 * (the keys, held), the one before it while that is needed, and a store (the signatures made), all
 * replaced or filled by workers under the ground floor's sign_lock, and read by workers inside the
 * epoch without any lock. The lock is
 * taken when keys change and when a new content has been signed; it is never held while a
 * signature is computed or a file is read.
 *
 * Thread: worker, unless it says otherwise.
 */

#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <knot/module.h>

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

/*! Sets up the signing of an instance. Thread: load. */
void aname_signing_init(aname_signing_t *signing, bool off);

/*! Frees what an instance has; no hook of it may run any more. Thread: unload. */
void aname_signing_deinit(aname_signing_t *signing, aname_shared_t *shared);

/*!
 * \brief Finds out who signs. Inside the epoch; to be repeated when the epoch is entered anew.
 *
 * Tells in the log, once, why a zone cannot be signed.
 */
void aname_signer_choose(aname_query_t *query);
