/*!
 * \brief The hash of what others choose: names, addresses, networks.  [P]
 *
 * A polynomial over the integers modulo 2^61 - 1, whose point is a secret: whoever does not know it
 * cannot choose inputs that collide. For any two inputs of n words there are at most n points of
 * 2^61 at which they have the same hash (L. Carter and M. Wegman, Universal classes of hash
 * functions, 1979). A word costs one multiplication.
 *
 * Thread: any.
 */

#pragma once

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define ANAME_HASH_PRIME ((UINT64_C(1) << 61) - 1)

/*! Octets of a word: it has to be smaller than the prime. */
#define ANAME_HASH_WORD 7

/*! The secret. */
typedef struct {
	uint64_t point; /*!< Where the polynomial is evaluated, from 1 to the prime. */
	uint64_t begin; /*!< What it begins with, below 2^61. */
} aname_hash_key_t;

/*! A random key. */
void aname_hash_new_key(aname_hash_key_t *key);

/*! Goes on with a word, below 2^56. */
static inline uint64_t aname_hash_word(uint64_t hash, uint64_t word, const aname_hash_key_t *key)
{
	/* Below 2^62 times below 2^61. */
	unsigned __int128 product = (unsigned __int128)(hash + word) * key->point;
	uint64_t sum = ((uint64_t)product & ANAME_HASH_PRIME) + (uint64_t)(product >> 61);
	return (sum & ANAME_HASH_PRIME) + (sum >> 61);
}

/*! Goes on with octets, whose number was or will be hashed as a word. */
static inline uint64_t aname_hash_octets(uint64_t hash, const uint8_t *at, size_t len,
                                         const aname_hash_key_t *key)
{
	const uint64_t mask = (UINT64_C(1) << (8 * ANAME_HASH_WORD)) - 1;
	uint64_t word;
	for (; len > ANAME_HASH_WORD; at += ANAME_HASH_WORD, len -= ANAME_HASH_WORD) {
		memcpy(&word, at, sizeof(word)); /* There is at least one octet more. */
		hash = aname_hash_word(hash, word & mask, key);
	}
	word = 0;
	memcpy(&word, at, len);
	return aname_hash_word(hash, word, key);
}

/*! Spreads what there is over all bits; never zero. */
static inline uint64_t aname_hash_end(uint64_t hash)
{
	hash *= 0x9fb21c651e98df25;
	hash ^= hash >> 32;
	return hash | (hash == 0);
}
