/*!
 * \brief How often each of many numbers was put in: a set of hashes that counts.  [P]
 *
 * Thread: one at a time.
 */

#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*! A number, and how often it is there; 0: the slot is free. */
typedef struct {
	uint64_t number;
	uint32_t count;
} aname_tally_slot_t;

typedef struct {
	aname_tally_slot_t *slots;
	size_t size; /*!< A power of two; 0: nothing was ever put in. */
	size_t used; /*!< Numbers that are there. */
} aname_tally_t;

/*! Frees what it holds. All zeros is an empty one. */
void aname_tally_deinit(aname_tally_t *tally);

/*! Makes room for so many numbers more, so that putting them in cannot fail; false if out of
 *  memory. */
bool aname_tally_reserve(aname_tally_t *tally, size_t more);

/*! Puts a number in, which is a hash, once more; there is room. */
void aname_tally_add(aname_tally_t *tally, uint64_t number);

/*! Takes it out once; one that is not there is let be. */
void aname_tally_remove(aname_tally_t *tally, uint64_t number);

/*! How often it is there. */
uint32_t aname_tally_count(const aname_tally_t *tally, uint64_t number);
