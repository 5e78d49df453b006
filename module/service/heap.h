/*!
 * \brief Targets by time: a binary heap over the plan's `at_ms`.  [P]
 *
 * Thread: service.
 */

#pragma once

#include <stddef.h>
#include <stdint.h>

#include "table/table.h"

typedef struct {
	aname_entry_t **at;
	size_t count, size;
} aname_heap_t;

void aname_heap_deinit(aname_heap_t *heap);

/*! Makes sure that `count` entries fit; KNOT_ENOMEM if not. */
__attribute__((warn_unused_result)) int aname_heap_reserve(aname_heap_t *heap, size_t count);

/*! Puts an entry in, at `at_ms`. There must be room for it (aname_heap_reserve()). */
void aname_heap_push(aname_heap_t *heap, aname_entry_t *entry, int64_t at_ms);

/*! The earliest entry, or NULL. It stays in. */
aname_entry_t *aname_heap_first(const aname_heap_t *heap);

/*! Takes an entry out. It must be in this heap. */
void aname_heap_remove(aname_heap_t *heap, aname_entry_t *entry);
