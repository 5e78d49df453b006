#include "table/epoch.h"

#include <stdlib.h>

#define OUTSIDE   0
#define TWO_LINES 128 /* Two cache lines: the prefetcher pulls lines in pairs. */

typedef struct {
	_Atomic uint64_t entered; /*!< Epoch at enter, or OUTSIDE. */
} __attribute__((aligned(TWO_LINES))) slot_t;

typedef struct {
	void *memory;
	void (*destroy)(void *);
	uint64_t epoch;
} retired_t;

/* A ring of what is retired, oldest first. */
struct aname_bin {
	aname_epoch_t *owner;
	retired_t *retired;
	unsigned head, count, size;
};

struct aname_epoch {
	slot_t slots[ANAME_WORKERS_MAX];
	_Atomic uint64_t now;
	_Atomic unsigned slots_used;
	aname_bin_t bin; /*!< The service thread's own. */
};

static void destroy_oldest(aname_bin_t *bin)
{
	retired_t *oldest = &bin->retired[bin->head];
	oldest->destroy(oldest->memory);
	bin->head = (bin->head + 1) % bin->size;
	bin->count--;
}

static void empty(aname_bin_t *bin)
{
	while (bin->count > 0) {
		destroy_oldest(bin);
	}
	free(bin->retired);
}

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
	epoch->bin = (aname_bin_t){ .owner = epoch };
	return epoch;
}

void aname_epoch_free(aname_epoch_t *epoch)
{
	if (epoch != NULL) {
		empty(&epoch->bin);
		free(epoch);
	}
}

aname_bin_t *aname_bin_new(aname_epoch_t *epoch)
{
	aname_bin_t *bin = malloc(sizeof(*bin));
	if (bin != NULL) {
		*bin = (aname_bin_t){ .owner = epoch };
	}
	return bin;
}

void aname_bin_free(aname_bin_t *bin)
{
	if (bin != NULL) {
		empty(bin);
		free(bin);
	}
}

uint64_t aname_epoch_enter(aname_epoch_t *epoch, unsigned worker)
{
	unsigned used = atomic_load_explicit(&epoch->slots_used, memory_order_acquire);
	while (worker >= used &&
	       !atomic_compare_exchange_weak(&epoch->slots_used, &used, worker + 1)) {
	}

	/* Sequentially consistent, like the loads of what is published: either the writer sees
	 * this slot entered, or this worker sees what the writer has already taken out. */
	uint64_t now = atomic_load_explicit(&epoch->now, memory_order_acquire);
	atomic_store(&epoch->slots[worker].entered, now);
	return now;
}

bool aname_epoch_enter_again(aname_epoch_t *epoch, unsigned worker, uint64_t *entered)
{
	uint64_t before = *entered;
	*entered = aname_epoch_enter(epoch, worker);
	/* Whoever retires from here on sees this slot entered. */
	return atomic_load(&epoch->now) == before;
}

void aname_epoch_leave(aname_epoch_t *epoch, unsigned worker)
{
	atomic_store_explicit(&epoch->slots[worker].entered, OUTSIDE, memory_order_release);
}

static int grow(aname_bin_t *bin)
{
	unsigned size = bin->size == 0 ? 64 : bin->size * 2;
	retired_t *ring = malloc(size * sizeof(*ring));
	if (ring == NULL) {
		return -1;
	}
	for (unsigned i = 0; i < bin->count; i++) {
		ring[i] = bin->retired[(bin->head + i) % bin->size];
	}
	free(bin->retired);
	bin->retired = ring;
	bin->head = 0;
	bin->size = size;
	return 0;
}

void aname_bin_retire(aname_bin_t *bin, void *memory, void (*destroy)(void *))
{
	if (memory == NULL) {
		return;
	}
	if (bin->count == bin->size && grow(bin) != 0) {
		return;
	}
	/* Who enters from the next epoch on cannot reach the memory. */
	uint64_t last = atomic_fetch_add(&bin->owner->now, 1);
	unsigned tail = (bin->head + bin->count) % bin->size;
	bin->retired[tail] = (retired_t){ .memory = memory, .destroy = destroy, .epoch = last };
	bin->count++;
}

void aname_epoch_retire(aname_epoch_t *epoch, void *memory)
{
	aname_bin_retire(&epoch->bin, memory, free);
}

void aname_epoch_destroy(aname_epoch_t *epoch, void *memory, void (*destroy)(void *))
{
	aname_bin_retire(&epoch->bin, memory, destroy);
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

unsigned aname_bin_reclaim(aname_bin_t *bin)
{
	if (bin->count == 0) {
		return 0;
	}

	uint64_t oldest = oldest_reader(bin->owner);
	while (bin->count > 0 && bin->retired[bin->head].epoch < oldest) {
		destroy_oldest(bin);
	}
	return bin->count;
}

unsigned aname_epoch_reclaim(aname_epoch_t *epoch)
{
	return aname_bin_reclaim(&epoch->bin);
}
