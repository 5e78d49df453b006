/*!
 * \brief A table of chains, by hash, that grows with what stands in it: what owners, targets and sets of
 *        addresses are found in.  [P]
 *
 * *Ownership:* what stands in it is the caller's, and begins with a kaname_chained_t.
 *
 * Thread: that of the loop.
 */

#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct kaname_chained {
	struct kaname_chained *next;
} kaname_chained_t;

/*! All zeros at first. */
typedef struct {
	kaname_chained_t **at;
	size_t size; /*!< Chains: a power of two. */
	size_t count;
} kaname_chains_t;

/*! The hash of what stands there; the same for as long as it does. */
typedef uint64_t (*kaname_chains_hash_f)(const void *ctx, const kaname_chained_t *one);

/*! Makes room for one more: without memory chains become longer. False if there is no room at all. */
__attribute__((warn_unused_result)) bool kaname_chains_reserve(kaname_chains_t *chains,
                                                               kaname_chains_hash_f hash,
                                                               const void *ctx);

/*! Where the chain of a hash begins; NULL while there is no room. */
static inline kaname_chained_t **kaname_chains_find(const kaname_chains_t *chains, uint64_t hash)
{
	return chains->size > 0 ? &chains->at[hash & (chains->size - 1)] : NULL;
}

/*! Adds one, for which there has to be room (kaname_chains_reserve()). */
void kaname_chains_add(kaname_chains_t *chains, kaname_chained_t *one, uint64_t hash);

/*! Takes one out, which has to be there. */
void kaname_chains_remove(kaname_chains_t *chains, const kaname_chained_t *one, uint64_t hash);

/*! Where somebody goes through all of it. All zeros at first. */
typedef struct {
	size_t chain;
	kaname_chained_t *next;
} kaname_chains_cursor_t;

/*! The next one, NULL behind the last. The one that was returned may be taken out; none may be added, and
 *  no other one go. */
kaname_chained_t *kaname_chains_step(const kaname_chains_t *chains, kaname_chains_cursor_t *cursor);

/*! Frees the table, and not what stands in it. */
void kaname_chains_deinit(kaname_chains_t *chains);
