#include "follow/ring.h"

#include <stdlib.h>

#define SIZE_LEAST 64

bool kaname_ring_add(kaname_ring_t *ring, kaname_follow_owner_t *owner)
{
	if (ring->count == ring->size) {
		size_t size = ring->size > 0 ? 2 * ring->size : SIZE_LEAST;
		kaname_follow_owner_t **at = malloc(size * sizeof(*at));
		if (at == NULL) {
			return false;
		}
		for (size_t i = 0; i < ring->count; i++) {
			at[i] = ring->at[(ring->first + i) % ring->size];
		}
		free(ring->at);
		ring->at = at;
		ring->size = size;
		ring->first = 0;
	}
	ring->at[(ring->first + ring->count++) % ring->size] = owner;
	return true;
}

kaname_follow_owner_t *kaname_ring_take(kaname_ring_t *ring)
{
	if (ring->count == 0) {
		return NULL;
	}
	kaname_follow_owner_t *owner = ring->at[ring->first];
	ring->first = (ring->first + 1) % ring->size;
	if (--ring->count == 0) {
		/* What was needed at the start is not needed again soon. */
		kaname_ring_deinit(ring);
	}
	return owner;
}

void kaname_ring_deinit(kaname_ring_t *ring)
{
	free(ring->at);
	*ring = (kaname_ring_t){ 0 };
}
