/*!
 * \brief Who signs for an instance (D1, D6).  [K]
 *
 * Keys that sign from now on may still have to be read. Until they are there the signer before goes
 * on, as long as its keys stand in the DNSKEY set (D6): nobody waits for a roll-over.
 *
 * Who owns what: the signing belongs to an instance, from load to unload. In it stand a signer
 * (the keys, held), the one before it while that is needed, and a store (the signatures made), all
 * replaced or filled by workers under the shared state's sign_lock, and read by workers inside the
 * epoch without any lock. The lock is taken when keys change and when a new content has been
 * signed; it is never held while a signature is computed or a file is read.
 *
 * Thread: worker, unless it says otherwise.
 */

#pragma once

#include "query/query.h"

/*! Sets up the signing of an instance. Thread: load. */
void aname_signing_init(aname_signing_t *signing);

/*! Frees what an instance has; no hook of it may run any more. Thread: unload. */
void aname_signing_deinit(aname_signing_t *signing, aname_shared_t *shared);

/*!
 * \brief Finds out who signs. Inside the epoch; to be repeated when the epoch is entered anew.
 *
 * Tells in the log, once, why a zone cannot be signed.
 */
void aname_signing_choose(aname_query_t *query);

/*! What a query has to know before anything is decided for it. False outside the epoch, if what
 *  this module makes would be bogus (D4). */
static inline bool aname_signing_take(aname_query_t *query)
{
	aname_signing_choose(query);
	if (query->sign.state == ANAME_SIGN_UNABLE) {
		aname_epoch_leave(query->epoch, query->worker);
		return false;
	}
	return true;
}
