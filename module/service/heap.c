#include "service/heap.h"

#include <stdlib.h>
#include <string.h>

#include <libknot/errcode.h>

void aname_heaps_deinit(aname_heaps_t *heaps)
{
	free(heaps->at);
	*heaps = (aname_heaps_t){ 0 };
}

static aname_moment_t *nth(const aname_heaps_t *heaps, aname_heap_t heap, size_t n)
{
	return &heaps->at[heap == ANAME_HEAP_PLANNED ? n : heaps->size - 1 - n];
}

int aname_heaps_reserve(aname_heaps_t *heaps, size_t count)
{
	if (count <= heaps->size) {
		return KNOT_EOK;
	}
	/* What is moved for each entry that is added stays bounded, and little is left over. */
	size_t size = count + count / 8 + 32;
	aname_moment_t *at = realloc(heaps->at, size * sizeof(*at));
	if (at == NULL) {
		return KNOT_ENOMEM;
	}
	size_t dormant = heaps->count[ANAME_HEAP_DORMANT];
	memmove(at + size - dormant, at + heaps->size - dormant, dormant * sizeof(*at));
	heaps->at = at;
	heaps->size = size;
	return KNOT_EOK;
}

static void put(aname_heaps_t *heaps, aname_heap_t heap, size_t index, aname_moment_t moment)
{
	*nth(heaps, heap, index) = moment;
	moment.entry->plan.heap_index = index;
}

static void sift_up(aname_heaps_t *heaps, aname_heap_t heap, size_t index, aname_moment_t moment)
{
	while (index > 0) {
		size_t parent = (index - 1) / 2;
		const aname_moment_t *above = nth(heaps, heap, parent);
		if (above->at_ms <= moment.at_ms) {
			break;
		}
		put(heaps, heap, index, *above);
		index = parent;
	}
	put(heaps, heap, index, moment);
}

static void sift_down(aname_heaps_t *heaps, aname_heap_t heap, size_t index, aname_moment_t moment)
{
	size_t count = heaps->count[heap];
	while (2 * index + 1 < count) {
		size_t child = 2 * index + 1;
		if (child + 1 < count &&
		    nth(heaps, heap, child + 1)->at_ms < nth(heaps, heap, child)->at_ms) {
			child++;
		}
		const aname_moment_t *below = nth(heaps, heap, child);
		if (moment.at_ms <= below->at_ms) {
			break;
		}
		put(heaps, heap, index, *below);
		index = child;
	}
	put(heaps, heap, index, moment);
}

void aname_heaps_push(aname_heaps_t *heaps, aname_heap_t heap, aname_entry_t *entry, int64_t at_ms)
{
	const aname_moment_t moment = { .at_ms = at_ms, .entry = entry };
	sift_up(heaps, heap, heaps->count[heap]++, moment);
}

const aname_moment_t *aname_heaps_nth(const aname_heaps_t *heaps, aname_heap_t heap, size_t n)
{
	return nth(heaps, heap, n);
}

const aname_moment_t *aname_heaps_first(const aname_heaps_t *heaps, aname_heap_t heap)
{
	return heaps->count[heap] > 0 ? nth(heaps, heap, 0) : NULL;
}

void aname_heaps_hasten(aname_heaps_t *heaps, aname_heap_t heap, aname_entry_t *entry,
                        int64_t at_ms)
{
	const aname_moment_t moment = { .at_ms = at_ms, .entry = entry };
	sift_up(heaps, heap, entry->plan.heap_index, moment);
}

void aname_heaps_remove(aname_heaps_t *heaps, aname_heap_t heap, aname_entry_t *entry)
{
	size_t index = entry->plan.heap_index;
	const aname_moment_t last = *nth(heaps, heap, --heaps->count[heap]);
	if (last.entry == entry) {
		return;
	}
	sift_up(heaps, heap, index, last);
	sift_down(heaps, heap, last.entry->plan.heap_index, last);
}
