#include "table/waiters.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "table/clock.h"

struct aname_waiters {
	pthread_mutex_t lock;
	pthread_cond_t woken;
	_Atomic unsigned waiting; /*!< Written under the lock, which guards what follows. */
	uint64_t generation;
	uint64_t pauses;
	int64_t opens_ms;                    /*!< Before that nobody waits. */
	unsigned in_round;                   /*!< How many of those who wait. */
	int64_t began_ms;                    /*!< When the round began. */
	int64_t closes_ms;                   /*!< When it ends. */
	bool ended;                          /*!< It has ended by time. */
	int64_t gap_end_ms;                  /*!< Before that there is no round. */
	bool used;                           /*!< Somebody has asked to wait. */
	uint16_t zones[ANAME_WAITERS_ZONES]; /*!< How many wait for each. */
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

/*! How many wait for a zone. Under the lock. */
static uint16_t *held_by(aname_waiters_t *waiters, uint32_t zone)
{
	return &waiters->zones[zone % ANAME_WAITERS_ZONES];
}

/*! Under the lock. */
static aname_wait_t admit(aname_waiters_t *waiters, unsigned most, uint32_t zone, int64_t now_ms)
{
	if (!waiters->used) {
		waiters->used = true;
		waiters->opens_ms = now_ms;
	}
	if (now_ms < waiters->opens_ms) {
		return ANAME_WAIT_NOT_NOW;
	}
	unsigned waiting = atomic_load(&waiters->waiting);
	uint16_t *held = held_by(waiters, zone);
	if (waiting >= most || (zone != 0 && *held > 0 && *held >= 2 * (most - waiting))) {
		return ANAME_WAIT_FULL;
	}
	atomic_store(&waiters->waiting, waiting + 1);
	++*held;
	return ANAME_WAIT_ADMITTED;
}

aname_wait_t aname_waiters_enter(aname_waiters_t *waiters, unsigned most, uint32_t zone,
                                 uint32_t wait_ms, int64_t now_ms, aname_waiter_t *waiter)
{
	pthread_mutex_lock(&waiters->lock);
	aname_wait_t ret = admit(waiters, most, zone, now_ms);
	*waiter = (aname_waiter_t){
		.since_ms = now_ms,
		.wait_ms = wait_ms,
		.zone = zone,
		.pauses = waiters->pauses,
	};
	pthread_mutex_unlock(&waiters->lock);
	return ret;
}

static bool may_be_held(const aname_waiter_t *waiter)
{
	return waiter->held == NULL || waiter->held(waiter->held_ctx);
}

/*! For all who are in it. Under the lock. */
static void end_round(aname_waiters_t *waiters)
{
	waiters->ended = true;
	pthread_cond_broadcast(&waiters->woken);
}

void aname_waiters_leave(aname_waiters_t *waiters, const aname_waiter_t *waiter, int64_t now_ms)
{
	pthread_mutex_lock(&waiters->lock);
	atomic_fetch_sub(&waiters->waiting, 1);
	--*held_by(waiters, waiter->zone);
	if (waiter->in_round && now_ms >= waiters->closes_ms && may_be_held(waiter)) {
		end_round(waiters);
	}
	if (waiter->in_round && --waiters->in_round == 0 && waiters->ended) {
		waiters->gap_end_ms = now_ms + ANAME_WAITERS_GAP_MS;
	}
	pthread_mutex_unlock(&waiters->lock);
}

void aname_waiters_pause(aname_waiters_t *waiters, int64_t now_ms)
{
	pthread_mutex_lock(&waiters->lock);
	waiters->opens_ms = later(waiters->opens_ms, now_ms + ANAME_WAITERS_PAUSE_MS);
	waiters->pauses++;
	if (atomic_load(&waiters->waiting) > 0) {
		pthread_cond_broadcast(&waiters->woken);
	}
	pthread_mutex_unlock(&waiters->lock);
}

/*! May the round go on past its end? That is found out by each who is in it, for himself. Under the
 *  lock. */
static bool extend_round(aname_waiters_t *waiters, const aname_waiter_t *waiter, int64_t now_ms)
{
	if (waiters->ended || may_be_held(waiter)) {
		end_round(waiters);
		return false;
	}
	if (now_ms >= waiters->closes_ms) {
		waiters->began_ms = now_ms;
		waiters->closes_ms = now_ms + waiter->wait_ms;
	}
	return true;
}

/*! Who has waited for a short time joins the round, or begins one. Under the lock. */
static bool join_round(aname_waiters_t *waiters, aname_waiter_t *waiter, int64_t now_ms)
{
	bool over = waiters->in_round > 0 && (waiters->ended || now_ms >= waiters->closes_ms);
	if (now_ms < waiters->gap_end_ms || (over && !extend_round(waiters, waiter, now_ms))) {
		return false;
	}
	if (waiters->in_round++ == 0) {
		waiters->ended = false;
		waiters->began_ms = waiter->since_ms;
		waiters->closes_ms = now_ms;
	}
	/* Sections may differ in how long they wait. */
	waiters->closes_ms = later(waiters->closes_ms, waiters->began_ms + waiter->wait_ms);
	waiter->in_round = true;
	return true;
}

/*! Until when one may wait, as things are. Under the lock. */
static int64_t deadline(const aname_waiters_t *waiters, const aname_waiter_t *waiter)
{
	bool in_short = !waiter->in_round && waiter->wait_ms > ANAME_WAITERS_SHORT_MS;
	int64_t own_ms =
	        waiter->since_ms + (in_short ? ANAME_WAITERS_SHORT_MS : (int64_t)waiter->wait_ms);
	return waiter->in_round && waiters->closes_ms < own_ms ? waiters->closes_ms : own_ms;
}

uint64_t aname_waiters_generation(aname_waiters_t *waiters)
{
	pthread_mutex_lock(&waiters->lock);
	uint64_t generation = waiters->generation;
	pthread_mutex_unlock(&waiters->lock);
	return generation;
}

/*! Under the lock. */
static bool may_stay(const aname_waiters_t *waiters, const aname_waiter_t *waiter)
{
	return waiters->pauses == waiter->pauses && !(waiter->in_round && waiters->ended);
}

/*! The time is over for which somebody waits: may he go on? Under the lock. */
static bool go_on(aname_waiters_t *waiters, aname_waiter_t *waiter, int64_t now_ms)
{
	if (now_ms >= waiter->since_ms + waiter->wait_ms) {
		return false;
	}
	return waiter->in_round ? extend_round(waiters, waiter, now_ms)
	                        : join_round(waiters, waiter, now_ms);
}

bool aname_waiters_wait(aname_waiters_t *waiters, aname_waiter_t *waiter, uint64_t generation)
{
	pthread_mutex_lock(&waiters->lock);
	bool more = true;
	while (waiters->generation == generation && may_stay(waiters, waiter) && more) {
		struct timespec until = aname_clock_until(deadline(waiters, waiter));
		if (pthread_cond_timedwait(&waiters->woken, &waiters->lock, &until) != 0) {
			more = go_on(waiters, waiter, aname_clock_ms());
		}
	}
	bool woken = waiters->generation != generation && may_stay(waiters, waiter);
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
