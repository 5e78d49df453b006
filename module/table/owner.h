/*!
 * \brief An owner of ANAME records, as far as it matters where it leads.  [P]
 *
 * Data only; what is made of it is in table/owners.h.
 */

#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/*! Most ends of one owner: of each target in both families. More are not looked at. */
#define ANAME_OWNERS_ENDS_MAX 64

/*! What an instance has of its owner's place: a number, and the mark. Written by
 *  table/owners.c only. */
typedef _Atomic uint32_t aname_owner_word_t;

/*! The mark: some target may be in a circle, or the owner is not registered yet. */
#define ANAME_OWNER_MARK UINT32_C(1)
/*! What the word is at first. */
#define ANAME_OWNER_NEW  ANAME_OWNER_MARK

/*! What an owner has. */
typedef struct {
	uint64_t owner;   /*!< Its hash. */
	uint64_t records; /*!< Sum of the hashes of its records' targets, of the first type. */
	uint16_t type;    /*!< That type. */
	bool sibling;     /*!< It has addresses of its own, too. */
	unsigned count;
	uint64_t ends[ANAME_OWNERS_ENDS_MAX]; /*!< Hashes of names, each once. */
} aname_owner_t;

/*! Adds an end that is not there yet, if there is room. Thread: any. */
static inline void aname_owner_add(aname_owner_t *owner, uint64_t end)
{
	unsigned i = 0;
	while (i < owner->count && owner->ends[i] != end) {
		i++;
	}
	if (i == owner->count && i < ANAME_OWNERS_ENDS_MAX) {
		owner->ends[owner->count++] = end;
	}
}
