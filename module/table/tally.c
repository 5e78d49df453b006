#include "table/tally.h"

#include <stdlib.h>

/*! Slots at first. */
#define SIZE_MIN 64

typedef aname_tally_slot_t slot_t;

void aname_tally_deinit(aname_tally_t *tally)
{
	free(tally->slots);
	*tally = (aname_tally_t){ .slots = NULL };
}

/*! Where a number begins to be looked for: it is a hash. */
static size_t begin_of(const aname_tally_t *tally, uint64_t number)
{
	return (number ^ number >> 32) & (tally->size - 1);
}

/*! Where a number is, or where it would be put. There is a free slot. */
static slot_t *find(const aname_tally_t *tally, uint64_t number)
{
	size_t at = begin_of(tally, number);
	while (tally->slots[at].count > 0 && tally->slots[at].number != number) {
		at = (at + 1) & (tally->size - 1);
	}
	return &tally->slots[at];
}

/*! A third of the slots stays free. */
bool aname_tally_reserve(aname_tally_t *tally, size_t more)
{
	const aname_tally_t before = *tally;
	size_t size = before.size > 0 ? before.size : SIZE_MIN;
	while (3 * (before.used + more) > 2 * size) {
		size *= 2;
	}
	if (size == before.size) {
		return true;
	}
	slot_t *slots = calloc(size, sizeof(*slots));
	if (slots == NULL) {
		return false;
	}
	tally->slots = slots;
	tally->size = size;
	for (size_t i = 0; i < before.size; i++) {
		if (before.slots[i].count > 0) {
			*find(tally, before.slots[i].number) = before.slots[i];
		}
	}
	free(before.slots);
	return true;
}

void aname_tally_add(aname_tally_t *tally, uint64_t number)
{
	slot_t *slot = find(tally, number);
	tally->used += slot->count == 0;
	slot->number = number;
	slot->count++;
}

/*! Has whatever would not be found any more move into a slot that became free. */
static void close_gap(aname_tally_t *tally, size_t gap)
{
	const size_t mask = tally->size - 1;
	for (size_t at = (gap + 1) & mask; tally->slots[at].count > 0; at = (at + 1) & mask) {
		size_t begin = begin_of(tally, tally->slots[at].number);
		if (((at - begin) & mask) >= ((at - gap) & mask)) {
			tally->slots[gap] = tally->slots[at];
			tally->slots[at].count = 0;
			gap = at;
		}
	}
}

void aname_tally_remove(aname_tally_t *tally, uint64_t number)
{
	slot_t *slot = tally->size > 0 ? find(tally, number) : NULL;
	if (slot == NULL || slot->count == 0) {
		return;
	}
	slot->count--;
	if (slot->count == 0) {
		tally->used--;
		close_gap(tally, slot - tally->slots);
	}
}

uint32_t aname_tally_count(const aname_tally_t *tally, uint64_t number)
{
	return tally->size > 0 ? find(tally, number)->count : 0;
}
