/*!
 * \brief Targets by time: two binary heaps in one array.  [P]
 *
 * A target is in one of them at most. They grow towards each other from the array's ends, so that
 * with room for every target nothing can go wrong when one moves from heap to heap.
 *
 * Thread: service.
 */

#pragma once

#include <stddef.h>
#include <stdint.h>

#include "table/table.h"

typedef enum {
	ANAME_HEAP_PLANNED = 0, /*!< By when there is something to do. */
	ANAME_HEAP_DORMANT,     /*!< By when they may be forgotten. */
	ANAME_HEAPS,
} aname_heap_t;

/*! A target and its time. */
typedef struct {
	int64_t at_ms;
	aname_entry_t *entry;
} aname_moment_t;

typedef struct {
	aname_moment_t *at;
	size_t size;
	size_t count[ANAME_HEAPS];
} aname_heaps_t;

void aname_heaps_deinit(aname_heaps_t *heaps);

/*! Makes sure that `count` entries fit into both together; KNOT_ENOMEM if not. */
__attribute__((warn_unused_result)) int aname_heaps_reserve(aname_heaps_t *heaps, size_t count);

/*! Puts an entry into a heap, at `at_ms`. There must be room for it (aname_heaps_reserve()). */
void aname_heaps_push(aname_heaps_t *heaps, aname_heap_t heap, aname_entry_t *entry, int64_t at_ms);

/*! A heap's n-th position, below its count, in no order; good until the next change. */
const aname_moment_t *aname_heaps_nth(const aname_heaps_t *heaps, aname_heap_t heap, size_t n);

/*! The earliest, or NULL. It stays in; good until the next change. */
const aname_moment_t *aname_heaps_first(const aname_heaps_t *heaps, aname_heap_t heap);

/*! Sets the time of an entry in this heap to an earlier one. None that stands behind it in the
 *  order of aname_heaps_nth() comes to stand before it. */
void aname_heaps_hasten(aname_heaps_t *heaps, aname_heap_t heap, aname_entry_t *entry,
                        int64_t at_ms);

/*! Takes an entry out. It must be in this heap. */
void aname_heaps_remove(aname_heaps_t *heaps, aname_heap_t heap, aname_entry_t *entry);
