/*!
 * \brief Owners that wait for something, first come, first served.  [P]
 *
 * An owner that waits must neither move nor go; it has a flag for each ring that it stands in.
 *
 * Thread: that of the loop.
 */

#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "follow/owners.h"

/*! All zeros at first. */
typedef struct {
	kaname_follow_owner_t **at;
	size_t first, count, size;
} kaname_ring_t;

/*! Adds one; false if out of memory. */
__attribute__((warn_unused_result)) bool kaname_ring_add(kaname_ring_t *ring,
                                                         kaname_follow_owner_t *owner);

/*! Takes the first one; NULL if there is none. */
kaname_follow_owner_t *kaname_ring_take(kaname_ring_t *ring);

void kaname_ring_deinit(kaname_ring_t *ring);
