#include "service/heap.h"

#include <stdlib.h>

#include <libknot/errcode.h>

void aname_heap_deinit(aname_heap_t *heap)
{
	free(heap->at);
	*heap = (aname_heap_t){ 0 };
}

int aname_heap_reserve(aname_heap_t *heap, size_t count)
{
	if (count <= heap->size) {
		return KNOT_EOK;
	}
	size_t size = heap->size == 0 ? 64 : heap->size;
	while (size < count) {
		size *= 2;
	}
	aname_entry_t **at = realloc(heap->at, size * sizeof(*at));
	if (at == NULL) {
		return KNOT_ENOMEM;
	}
	heap->at = at;
	heap->size = size;
	return KNOT_EOK;
}

static void place(aname_heap_t *heap, size_t index, aname_entry_t *entry)
{
	heap->at[index] = entry;
	entry->plan.heap_index = index;
}

static void sift_up(aname_heap_t *heap, size_t index, aname_entry_t *entry)
{
	while (index > 0) {
		size_t parent = (index - 1) / 2;
		if (heap->at[parent]->plan.at_ms <= entry->plan.at_ms) {
			break;
		}
		place(heap, index, heap->at[parent]);
		index = parent;
	}
	place(heap, index, entry);
}

static void sift_down(aname_heap_t *heap, size_t index, aname_entry_t *entry)
{
	while (2 * index + 1 < heap->count) {
		size_t child = 2 * index + 1;
		if (child + 1 < heap->count &&
		    heap->at[child + 1]->plan.at_ms < heap->at[child]->plan.at_ms) {
			child++;
		}
		if (entry->plan.at_ms <= heap->at[child]->plan.at_ms) {
			break;
		}
		place(heap, index, heap->at[child]);
		index = child;
	}
	place(heap, index, entry);
}

void aname_heap_push(aname_heap_t *heap, aname_entry_t *entry, int64_t at_ms)
{
	entry->plan.at_ms = at_ms;
	heap->count++;
	sift_up(heap, heap->count - 1, entry);
}

aname_entry_t *aname_heap_first(const aname_heap_t *heap)
{
	return heap->count > 0 ? heap->at[0] : NULL;
}

void aname_heap_remove(aname_heap_t *heap, aname_entry_t *entry)
{
	size_t index = entry->plan.heap_index;
	aname_entry_t *last = heap->at[--heap->count];
	if (last == entry) {
		return;
	}
	place(heap, index, last);
	sift_up(heap, index, last);
	sift_down(heap, last->plan.heap_index, last);
}
