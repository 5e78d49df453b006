/*!
 * \brief The table's own array: slots for entries, found by hash, with open addressing.  [P]
 *
 * At most two thirds of them are ever in use, so that a search ends. Pointers in them are written by
 * the service thread and read by workers; the array itself never changes its size.
 */

#pragma once

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

struct aname_entry;

/*! Fewest slots. */
#define ANAME_SLOTS_MIN 64

typedef struct {
	size_t count;
	_Atomic(struct aname_entry *) at[];
} aname_slots_t;

/*! Empty slots; NULL if out of memory. Freed with free(), or retired. */
static inline aname_slots_t *aname_slots_new(size_t count)
{
	aname_slots_t *slots = malloc(sizeof(*slots) + count * sizeof(slots->at[0]));
	if (slots == NULL) {
		return NULL;
	}
	slots->count = count;
	for (size_t i = 0; i < count; i++) {
		atomic_init(&slots->at[i], NULL);
	}
	return slots;
}

/*! Where a search for a hash begins: any number of slots has its even share of all hashes. */
static inline size_t aname_slots_first(const aname_slots_t *slots, uint32_t hash)
{
	return (uint64_t)hash * slots->count >> 32;
}

static inline size_t aname_slots_after(const aname_slots_t *slots, size_t slot)
{
	return slot + 1 < slots->count ? slot + 1 : 0;
}

/*! First slot for this hash with nothing in it. */
static inline size_t aname_slots_free_for(const aname_slots_t *slots, uint32_t hash)
{
	size_t i = aname_slots_first(slots, hash);
	while (atomic_load_explicit(&slots->at[i], memory_order_relaxed) != NULL) {
		i = aname_slots_after(slots, i);
	}
	return i;
}
