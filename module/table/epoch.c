#include "table/epoch.h"

#include <stdlib.h>

#define OUTSIDE   0
#define TWO_LINES 128 /* Two cache lines: the prefetcher pulls lines in pairs. */

typedef struct {
	_Atomic uint64_t entered; /*!< Epoch at enter, or OUTSIDE. */
} __attribute__((aligned(TWO_LINES))) slot_t;

typedef struct {
	void *memory;
	uint64_t epoch;
} retired_t;

struct aname_epoch {
	slot_t slots[ANAME_WORKERS_MAX];
	_Atomic uint64_t now;
	_Atomic unsigned slots_used;
	/* Below: the writer's own. A ring of what is retired, oldest first. */
	retired_t *retired;
	unsigned head, count, size;
};

aname_epoch_t *aname_epoch_new(void)
{
	aname_epoch_t *epoch = aligned_alloc(TWO_LINES, sizeof(*epoch));
	if (epoch == NULL) {
		return NULL;
	}
	for (unsigned i = 0; i < ANAME_WORKERS_MAX; i++) {
		atomic_init(&epoch->slots[i].entered, OUTSIDE);
	}
	atomic_init(&epoch->now, OUTSIDE + 1);
	atomic_init(&epoch->slots_used, 0);
	epoch->retired = NULL;
	epoch->head = epoch->count = epoch->size = 0;
	return epoch;
}

void aname_epoch_free(aname_epoch_t *epoch)
{
	if (epoch == NULL) {
		return;
	}
	for (; epoch->count > 0; epoch->count--) {
		free(epoch->retired[epoch->head].memory);
		epoch->head = (epoch->head + 1) % epoch->size;
	}
	free(epoch->retired);
	free(epoch);
}

void aname_epoch_enter(aname_epoch_t *epoch, unsigned worker)
{
	unsigned used = atomic_load_explicit(&epoch->slots_used, memory_order_acquire);
	while (worker >= used &&
	       !atomic_compare_exchange_weak(&epoch->slots_used, &used, worker + 1)) {
	}

	/* Sequentially consistent, like the loads of what is published: either the writer sees
	 * this slot entered, or this worker sees what the writer has already taken out. */
	uint64_t now = atomic_load_explicit(&epoch->now, memory_order_acquire);
	atomic_store(&epoch->slots[worker].entered, now);
}

void aname_epoch_leave(aname_epoch_t *epoch, unsigned worker)
{
	atomic_store_explicit(&epoch->slots[worker].entered, OUTSIDE, memory_order_release);
}

static int grow(aname_epoch_t *epoch)
{
	unsigned size = epoch->size == 0 ? 64 : epoch->size * 2;
	retired_t *ring = malloc(size * sizeof(*ring));
	if (ring == NULL) {
		return -1;
	}
	for (unsigned i = 0; i < epoch->count; i++) {
		ring[i] = epoch->retired[(epoch->head + i) % epoch->size];
	}
	free(epoch->retired);
	epoch->retired = ring;
	epoch->head = 0;
	epoch->size = size;
	return 0;
}

void aname_epoch_retire(aname_epoch_t *epoch, void *memory)
{
	if (memory == NULL) {
		return;
	}
	if (epoch->count == epoch->size && grow(epoch) != 0) {
		return;
	}
	/* Who enters from the next epoch on cannot reach the memory. */
	uint64_t last = atomic_fetch_add(&epoch->now, 1);
	unsigned tail = (epoch->head + epoch->count) % epoch->size;
	epoch->retired[tail] = (retired_t){ .memory = memory, .epoch = last };
	epoch->count++;
}

static uint64_t oldest_reader(aname_epoch_t *epoch)
{
	uint64_t oldest = UINT64_MAX;
	unsigned used = atomic_load(&epoch->slots_used);
	for (unsigned i = 0; i < used; i++) {
		uint64_t entered = atomic_load(&epoch->slots[i].entered);
		if (entered != OUTSIDE && entered < oldest) {
			oldest = entered;
		}
	}
	return oldest;
}

unsigned aname_epoch_reclaim(aname_epoch_t *epoch)
{
	if (epoch->count == 0) {
		return 0;
	}

	uint64_t oldest = oldest_reader(epoch);
	while (epoch->count > 0 && epoch->retired[epoch->head].epoch < oldest) {
		free(epoch->retired[epoch->head].memory);
		epoch->head = (epoch->head + 1) % epoch->size;
		epoch->count--;
	}
	return epoch->count;
}
