#include "table/waiters.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

struct aname_waiters {
	pthread_mutex_t lock;
	pthread_cond_t woken;
	uint64_t generation; /*!< Under the lock. */
	_Atomic unsigned waiting;
};

aname_waiters_t *aname_waiters_new(void)
{
	aname_waiters_t *waiters = calloc(1, sizeof(*waiters));
	if (waiters == NULL) {
		return NULL;
	}

	pthread_condattr_t attr;
	if (pthread_condattr_init(&attr) != 0) {
		free(waiters);
		return NULL;
	}
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_mutex_init(&waiters->lock, NULL);
	pthread_cond_init(&waiters->woken, &attr);
	pthread_condattr_destroy(&attr);
	return waiters;
}

void aname_waiters_free(aname_waiters_t *waiters)
{
	if (waiters == NULL) {
		return;
	}
	pthread_cond_destroy(&waiters->woken);
	pthread_mutex_destroy(&waiters->lock);
	free(waiters);
}

bool aname_waiters_enter(aname_waiters_t *waiters, unsigned most)
{
	if (atomic_fetch_add(&waiters->waiting, 1) >= most) {
		atomic_fetch_sub(&waiters->waiting, 1);
		return false;
	}
	return true;
}

void aname_waiters_leave(aname_waiters_t *waiters)
{
	atomic_fetch_sub(&waiters->waiting, 1);
}

uint64_t aname_waiters_generation(aname_waiters_t *waiters)
{
	pthread_mutex_lock(&waiters->lock);
	uint64_t generation = waiters->generation;
	pthread_mutex_unlock(&waiters->lock);
	return generation;
}

bool aname_waiters_wait(aname_waiters_t *waiters, uint64_t generation, int64_t deadline_ms)
{
	struct timespec deadline = { .tv_sec = deadline_ms / 1000,
		                     .tv_nsec = deadline_ms % 1000 * 1000000 };

	pthread_mutex_lock(&waiters->lock);
	int ret = 0;
	while (waiters->generation == generation && ret == 0) {
		ret = pthread_cond_timedwait(&waiters->woken, &waiters->lock, &deadline);
	}
	bool woken = waiters->generation != generation;
	pthread_mutex_unlock(&waiters->lock);
	return woken;
}

void aname_waiters_wake(aname_waiters_t *waiters)
{
	if (atomic_load(&waiters->waiting) == 0) {
		return;
	}
	pthread_mutex_lock(&waiters->lock);
	waiters->generation++;
	pthread_cond_broadcast(&waiters->woken);
	pthread_mutex_unlock(&waiters->lock);
}
