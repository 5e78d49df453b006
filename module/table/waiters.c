#include "table/waiters.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

struct aname_waiters {
	pthread_mutex_t lock;
	pthread_cond_t woken;
	_Atomic unsigned waiting; /*!< Written under the lock, which guards what follows. */
	uint64_t generation;
	int64_t opened_ms; /*!< When this round began. */
	int64_t closes_ms; /*!< When it ends. */
	int64_t opens_ms;  /*!< Before that nobody waits. */
	bool used;         /*!< Somebody has asked to wait. */
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

static int64_t later(int64_t one_ms, int64_t other_ms)
{
	return one_ms > other_ms ? one_ms : other_ms;
}

/*! Under the lock. */
static aname_wait_t admit(aname_waiters_t *waiters, unsigned most, uint32_t wait_ms, int64_t now_ms)
{
	if (!waiters->used) {
		waiters->used = true;
		waiters->opens_ms = now_ms;
	}
	unsigned waiting = atomic_load(&waiters->waiting);
	if (now_ms < waiters->opens_ms || (waiting > 0 && now_ms >= waiters->closes_ms)) {
		return ANAME_WAIT_NOT_NOW;
	}
	if (waiting >= most) {
		return ANAME_WAIT_FULL;
	}
	if (waiting == 0) {
		waiters->opened_ms = now_ms;
		waiters->closes_ms = now_ms;
	}
	/* Sections may differ in how long they wait. */
	waiters->closes_ms = later(waiters->closes_ms, waiters->opened_ms + wait_ms);
	atomic_store(&waiters->waiting, waiting + 1);
	return ANAME_WAIT_ADMITTED;
}

aname_wait_t aname_waiters_enter(aname_waiters_t *waiters, unsigned most, uint32_t wait_ms,
                                 int64_t now_ms, int64_t *deadline_ms)
{
	pthread_mutex_lock(&waiters->lock);
	aname_wait_t ret = admit(waiters, most, wait_ms, now_ms);
	pthread_mutex_unlock(&waiters->lock);
	*deadline_ms = now_ms + wait_ms;
	return ret;
}

void aname_waiters_leave(aname_waiters_t *waiters, int64_t now_ms)
{
	pthread_mutex_lock(&waiters->lock);
	if (atomic_fetch_sub(&waiters->waiting, 1) == 1 && now_ms >= waiters->closes_ms) {
		waiters->opens_ms = later(waiters->opens_ms, now_ms + ANAME_WAITERS_GAP_MS);
	}
	pthread_mutex_unlock(&waiters->lock);
}

void aname_waiters_pause(aname_waiters_t *waiters, int64_t now_ms)
{
	pthread_mutex_lock(&waiters->lock);
	waiters->opens_ms = later(waiters->opens_ms, now_ms + ANAME_WAITERS_PAUSE_MS);
	if (atomic_load(&waiters->waiting) > 0 && waiters->closes_ms > now_ms) {
		waiters->closes_ms = now_ms;
		pthread_cond_broadcast(&waiters->woken);
	}
	pthread_mutex_unlock(&waiters->lock);
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
	pthread_mutex_lock(&waiters->lock);
	int ret = 0;
	while (waiters->generation == generation && ret == 0) {
		/* The round's end may have moved since. */
		int64_t until_ms =
		        deadline_ms < waiters->closes_ms ? deadline_ms : waiters->closes_ms;
		struct timespec until = { .tv_sec = until_ms / 1000,
			                  .tv_nsec = until_ms % 1000 * 1000000 };
		ret = pthread_cond_timedwait(&waiters->woken, &waiters->lock, &until);
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
