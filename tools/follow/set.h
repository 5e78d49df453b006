/*!
 * \brief Sets of addresses of one family, each of which is kept once, however many owners have it.  [P]
 *
 * Many zones follow one target, so that they share what they have. An empty set is NULL.
 *
 * *Ownership:* whoever takes a set releases it; it is freed with the last one. A set never changes.
 *
 * Thread: that of the loop.
 */

#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "follow/chains.h"
#include "table/hash.h"

/*! Most addresses of one family: the most that `max-addresses` allows. */
#define KANAME_SET_MAX 256

/*! The families, as indices. */
typedef enum {
	KANAME_A = 0,
	KANAME_AAAA,
	KANAME_FAMILIES,
} kaname_family_t;

/*! Octets of an address. */
static inline size_t kaname_family_len(kaname_family_t family)
{
	return family == KANAME_A ? 4 : 16;
}

typedef struct kaname_set {
	kaname_chained_t chained;
	uint32_t holders;
	uint16_t count;
	uint8_t family; /*!< kaname_family_t */
	uint8_t at[];   /*!< Addresses in network order, sorted, each once. */
} kaname_set_t;

/*! All sets there are. All zeros at first. */
typedef struct {
	kaname_chains_t chains;
	aname_hash_key_t key; /*!< Random: whoever has a target chooses what is in its sets. */
} kaname_sets_t;

/*!
 * \brief Takes the set of these addresses.
 *
 * \param at     `count` addresses of the family, one behind the other, in any order.
 * \param count  At most KANAME_SET_MAX; what is more is left out.
 * \param set    Gets it; NULL if there is none.
 *
 * \return false if out of memory.
 */
__attribute__((warn_unused_result)) bool kaname_set_take(kaname_sets_t *sets,
                                                         kaname_family_t family, const uint8_t *at,
                                                         size_t count, kaname_set_t **set);

/*! Holds a set once more; NULL is allowed. Returns it. */
kaname_set_t *kaname_set_hold(kaname_set_t *set);

/*! Releases it; NULL is allowed. */
void kaname_set_release(kaname_sets_t *sets, kaname_set_t *set);

/*! Have they an address in common? NULL is allowed. */
bool kaname_set_overlap(const kaname_set_t *one, const kaname_set_t *other);

/*! Takes the set of what is in one and not in another one, as kaname_set_take(); NULL is allowed. */
__attribute__((warn_unused_result)) bool kaname_set_minus(kaname_sets_t *sets, kaname_set_t *set,
                                                          const kaname_set_t *other,
                                                          kaname_set_t **minus);

/*! Is an address in it? NULL is allowed. */
bool kaname_set_has(const kaname_set_t *set, const uint8_t *address);

/*! Writes it as text, commas between, "none" for an empty one; what does not fit is cut off behind
 *  a whole address, and dots stand there. Returns `text`. */
char *kaname_set_text(const kaname_set_t *set, char *text, size_t size);

/*! Frees what is kept of all; no set may be held. */
void kaname_sets_deinit(kaname_sets_t *sets);
