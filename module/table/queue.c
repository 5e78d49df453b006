#include "table/queue.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define MARKS ((size_t)2 * ANAME_QUEUE_SIZE)

/*
 * A ring of cells, each with a sequence number: a cell is free for position p when its number is p,
 * and full when it is p + 1. A worker claims a position, fills the cell and raises the number.
 */
typedef struct {
	_Atomic uint64_t sequence;
	aname_request_t request;
} cell_t;

struct aname_queue {
	cell_t cells[ANAME_QUEUE_SIZE];
	/* Hashes of what is queued. A collision costs a request queued twice, nothing else. */
	_Atomic uint64_t marks[MARKS];
	_Atomic uint64_t tail;
	uint64_t head; /*!< The service's own. */
	aname_queue_wake_f wake;
	void *wake_ctx;
};

aname_queue_t *aname_queue_new(aname_queue_wake_f wake, void *ctx)
{
	aname_queue_t *queue = calloc(1, sizeof(*queue));
	if (queue == NULL) {
		return NULL;
	}
	for (uint64_t i = 0; i < ANAME_QUEUE_SIZE; i++) {
		atomic_init(&queue->cells[i].sequence, i);
	}
	queue->wake = wake;
	queue->wake_ctx = ctx;
	return queue;
}

void aname_queue_free(aname_queue_t *queue)
{
	free(queue);
}

/*! Claims a cell to fill; NULL if the ring is full. */
static cell_t *claim(aname_queue_t *queue, uint64_t *position)
{
	uint64_t tail = atomic_load_explicit(&queue->tail, memory_order_relaxed);
	while (true) {
		cell_t *cell = &queue->cells[tail % ANAME_QUEUE_SIZE];
		uint64_t sequence = atomic_load_explicit(&cell->sequence, memory_order_acquire);
		if (sequence < tail) {
			return NULL;
		}
		if (sequence > tail) {
			tail = atomic_load_explicit(&queue->tail, memory_order_relaxed);
		} else if (atomic_compare_exchange_weak_explicit(&queue->tail, &tail, tail + 1,
		                                                 memory_order_relaxed,
		                                                 memory_order_relaxed)) {
			*position = tail;
			return cell;
		}
	}
}

bool aname_queue_push(aname_queue_t *queue, const aname_key_t *key, const aname_subnet_t *client,
                      uint64_t hash, aname_interest_t interest)
{
	_Atomic uint64_t *mark = &queue->marks[hash % MARKS];
	if (atomic_load_explicit(mark, memory_order_relaxed) == hash) {
		return true;
	}

	uint64_t position;
	cell_t *cell = claim(queue, &position);
	if (cell == NULL) {
		return false;
	}
	atomic_store_explicit(mark, hash, memory_order_relaxed);
	cell->request.upstream = key->upstream;
	cell->request.hash = hash;
	cell->request.interest = interest;
	cell->request.type = key->type;
	cell->request.name_len = key->name_len;
	memcpy(cell->request.name, key->name, key->name_len);
	cell->request.for_subnet = client != NULL;
	if (client != NULL) {
		cell->request.client = *client;
	}
	atomic_store_explicit(&cell->sequence, position + 1, memory_order_release);

	if (queue->wake != NULL) {
		queue->wake(queue->wake_ctx);
	}
	return true;
}

bool aname_queue_pop(aname_queue_t *queue, aname_request_t *request)
{
	cell_t *cell = &queue->cells[queue->head % ANAME_QUEUE_SIZE];
	if (atomic_load_explicit(&cell->sequence, memory_order_acquire) != queue->head + 1) {
		return false;
	}
	*request = cell->request;
	atomic_store_explicit(&cell->sequence, queue->head + ANAME_QUEUE_SIZE,
	                      memory_order_release);
	queue->head++;

	uint64_t hash = request->hash;
	atomic_compare_exchange_strong(&queue->marks[hash % MARKS], &hash, 0);
	return true;
}

uint64_t aname_queue_mark(const aname_queue_t *queue)
{
	return atomic_load(&queue->tail);
}

bool aname_queue_passed(const aname_queue_t *queue, uint64_t mark)
{
	return queue->head >= mark;
}
