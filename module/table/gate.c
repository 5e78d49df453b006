#include "table/gate.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

struct aname_gate {
	pthread_mutex_t lock;
	pthread_cond_t opened;
	uint64_t published; /*!< Under the lock. */
	_Atomic unsigned waiting;
};

aname_gate_t *aname_gate_new(void)
{
	aname_gate_t *gate = calloc(1, sizeof(*gate));
	if (gate == NULL) {
		return NULL;
	}

	pthread_condattr_t attr;
	if (pthread_condattr_init(&attr) != 0) {
		free(gate);
		return NULL;
	}
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_mutex_init(&gate->lock, NULL);
	pthread_cond_init(&gate->opened, &attr);
	pthread_condattr_destroy(&attr);
	return gate;
}

void aname_gate_free(aname_gate_t *gate)
{
	if (gate == NULL) {
		return;
	}
	pthread_cond_destroy(&gate->opened);
	pthread_mutex_destroy(&gate->lock);
	free(gate);
}

bool aname_gate_enter(aname_gate_t *gate, unsigned most)
{
	if (atomic_fetch_add(&gate->waiting, 1) >= most) {
		atomic_fetch_sub(&gate->waiting, 1);
		return false;
	}
	return true;
}

void aname_gate_leave(aname_gate_t *gate)
{
	atomic_fetch_sub(&gate->waiting, 1);
}

uint64_t aname_gate_ticket(aname_gate_t *gate)
{
	pthread_mutex_lock(&gate->lock);
	uint64_t published = gate->published;
	pthread_mutex_unlock(&gate->lock);
	return published;
}

bool aname_gate_wait(aname_gate_t *gate, uint64_t ticket, int64_t deadline_ms)
{
	struct timespec deadline = { .tv_sec = deadline_ms / 1000,
		                     .tv_nsec = deadline_ms % 1000 * 1000000 };

	pthread_mutex_lock(&gate->lock);
	int ret = 0;
	while (gate->published == ticket && ret == 0) {
		ret = pthread_cond_timedwait(&gate->opened, &gate->lock, &deadline);
	}
	bool opened = gate->published != ticket;
	pthread_mutex_unlock(&gate->lock);
	return opened;
}

void aname_gate_open(aname_gate_t *gate)
{
	if (atomic_load(&gate->waiting) == 0) {
		return;
	}
	pthread_mutex_lock(&gate->lock);
	gate->published++;
	pthread_cond_broadcast(&gate->opened);
	pthread_mutex_unlock(&gate->lock);
}
