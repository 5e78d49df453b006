#include "support/test.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "support/alloc.h"
#include "support/clock.h"
#include "table/clock.h"
#include "table/waiters.h"

/*! Longer than any machine should take, for what is to happen at once. */
#define LONG_MS 60000

static aname_waiters_t *new_waiters(void)
{
	aname_waiters_t *waiters = aname_waiters_new();
	assert_non_null(waiters);
	return waiters;
}

/* Simulated: no time passes but in waits, and they end at their deadline, or are woken before. */

typedef struct {
	aname_waiters_t *waiters; /*!< NULL: time is real. */
	int64_t wake_ms;          /*!< When something is published. */
} simulated_t;

static simulated_t simulated;

int __real_pthread_cond_timedwait(pthread_cond_t *cond, pthread_mutex_t *mutex,
                                  const struct timespec *until);
int __wrap_pthread_cond_timedwait(pthread_cond_t *cond, pthread_mutex_t *mutex,
                                  const struct timespec *until);

int __wrap_pthread_cond_timedwait(pthread_cond_t *cond, pthread_mutex_t *mutex,
                                  const struct timespec *until)
{
	if (simulated.waiters == NULL) {
		return __real_pthread_cond_timedwait(cond, mutex, until);
	}
	int64_t until_ms = until->tv_sec * 1000 + until->tv_nsec / 1000000;
	if (until_ms >= simulated.wake_ms) {
		clock_stop_at(simulated.wake_ms);
		pthread_mutex_unlock(mutex);
		aname_waiters_wake(simulated.waiters);
		pthread_mutex_lock(mutex);
		return 0;
	}
	if (until_ms > aname_clock_ms()) {
		clock_stop_at(until_ms);
	}
	return ETIMEDOUT;
}

/*! Asks to wait for long, as one of at most so many. */
static aname_wait_t enter(aname_waiters_t *waiters, unsigned most)
{
	aname_waiter_t waiter;
	return aname_waiters_enter(waiters, most, 0, LONG_MS, aname_clock_ms(), &waiter);
}

static void leave(aname_waiters_t *waiters)
{
	const aname_waiter_t waiter = { .in_round = false };
	aname_waiters_leave(waiters, &waiter, aname_clock_ms());
}

/*! Any moment, from which tests count. */
#define BEGIN_MS 1000000

static aname_waiters_t *simulate(void)
{
	simulated.waiters = new_waiters();
	clock_stop_at(BEGIN_MS);
	return simulated.waiters;
}

static void end_simulation(void)
{
	aname_waiters_free(simulated.waiters);
	simulated.waiters = NULL;
	clock_stop_at(-1);
}

static int64_t elapsed_ms(void)
{
	return aname_clock_ms() - BEGIN_MS;
}

static aname_waiter_t begin(uint32_t wait_ms)
{
	aname_waiter_t waiter;
	assert_int_equal(
	        aname_waiters_enter(simulated.waiters, 16, 0, wait_ms, aname_clock_ms(), &waiter),
	        ANAME_WAIT_ADMITTED);
	return waiter;
}

/*! Waits on until this time since the beginning, or for as long as may be; true if it may. */
static bool wait_until(aname_waiter_t *waiter, int64_t at_ms)
{
	simulated.wake_ms = BEGIN_MS + at_ms;
	return aname_waiters_wait(simulated.waiters, waiter,
	                          aname_waiters_generation(simulated.waiters));
}

static void finish(const aname_waiter_t *waiter)
{
	aname_waiters_leave(simulated.waiters, waiter, aname_clock_ms());
}

/*! Waits for as long as may be; returns for how long that was. */
static int64_t wait_alone(uint32_t wait_ms)
{
	int64_t before_ms = aname_clock_ms();
	aname_waiter_t waiter = begin(wait_ms);
	assert_false(wait_until(&waiter, INT32_MAX));
	finish(&waiter);
	return aname_clock_ms() - before_ms;
}

static void limit(void **state)
{
	static const unsigned mosts[] = { 0, 1, 2, 128 };
	for (size_t i = 0; i < COUNT_OF(mosts); i++) {
		aname_waiters_t *waiters = new_waiters();
		for (unsigned n = 0; n < mosts[i]; n++) {
			assert_int_equal(enter(waiters, mosts[i]), ANAME_WAIT_ADMITTED);
		}
		for (unsigned n = 0; n < 10; n++) {
			assert_int_equal(enter(waiters, mosts[i]), ANAME_WAIT_FULL);
		}
		for (unsigned n = 0; n < mosts[i]; n++) {
			leave(waiters);
			assert_int_equal(enter(waiters, mosts[i]), ANAME_WAIT_ADMITTED);
			assert_int_equal(enter(waiters, mosts[i]), ANAME_WAIT_FULL);
		}
		aname_waiters_free(waiters);
	}
}

static void limits_of_others(void **state)
{
	/* Instances may differ in how many they let wait. */
	aname_waiters_t *waiters = new_waiters();
	assert_int_equal(enter(waiters, 2), ANAME_WAIT_ADMITTED);
	assert_int_equal(enter(waiters, 1), ANAME_WAIT_FULL);
	assert_int_equal(enter(waiters, 2), ANAME_WAIT_ADMITTED);
	leave(waiters);
	leave(waiters);
	assert_int_equal(enter(waiters, 1), ANAME_WAIT_ADMITTED);
	aname_waiters_free(waiters);
}

static void woken_before(void **state)
{
	aname_waiters_t *waiters = new_waiters();
	aname_waiter_t waiter;
	assert_int_equal(aname_waiters_enter(waiters, 1, 0, 1, aname_clock_ms(), &waiter),
	                 ANAME_WAIT_ADMITTED);
	uint64_t generation = aname_waiters_generation(waiters);
	aname_waiters_wake(waiters);
	/* Neither the deadline nor another wake-up is needed. */
	assert_true(aname_waiters_wait(waiters, &waiter, generation));
	uint64_t later = aname_waiters_generation(waiters);
	assert_true(later != generation);
	assert_false(aname_waiters_wait(waiters, &waiter, later));
	assert_true(aname_waiters_wait(waiters, &waiter, generation));
	aname_waiters_leave(waiters, &waiter, aname_clock_ms());
	aname_waiters_free(waiters);
}

static void deadlines(void **state)
{
	static const uint32_t waits[] = { 0, 1, 30, 100 };
	for (size_t i = 0; i < COUNT_OF(waits); i++) {
		aname_waiters_t *waiters = new_waiters();
		aname_waiter_t waiter;
		int64_t before_ms = aname_clock_ms();
		assert_int_equal(aname_waiters_enter(waiters, 1, 0, waits[i], before_ms, &waiter),
		                 ANAME_WAIT_ADMITTED);
		uint64_t generation = aname_waiters_generation(waiters);
		assert_false(aname_waiters_wait(waiters, &waiter, generation));
		assert_true(aname_clock_ms() >= before_ms + waits[i]);
		assert_false(aname_waiters_wait(waiters, &waiter, generation));
		aname_waiters_leave(waiters, &waiter, aname_clock_ms());
		aname_waiters_free(waiters);
	}
}

static void unnoticed(void **state)
{
	aname_waiters_t *waiters = new_waiters();
	uint64_t generation = aname_waiters_generation(waiters);
	aname_waiters_wake(waiters);
	assert_true(aname_waiters_generation(waiters) == generation);
	assert_int_equal(enter(waiters, 1), ANAME_WAIT_ADMITTED);
	aname_waiters_wake(waiters);
	assert_true(aname_waiters_generation(waiters) != generation);
	leave(waiters);
	generation = aname_waiters_generation(waiters);
	aname_waiters_wake(waiters);
	assert_true(aname_waiters_generation(waiters) == generation);
	aname_waiters_free(waiters);
}

/* Rounds. */

enum { SHORT = ANAME_WAITERS_SHORT_MS, GAP = ANAME_WAITERS_GAP_MS, PAUSE = ANAME_WAITERS_PAUSE_MS };

static void rounds(void **state)
{
	(void)simulate();
	aname_waiter_t first = begin(500), second, third;
	assert_true(wait_until(&first, 300));
	second = begin(500);
	assert_true(wait_until(&second, 400));
	assert_true(wait_until(&first, 480));
	third = begin(500);
	/* It ends when the first one has waited, whoever came since. */
	assert_false(wait_until(&first, 1000));
	assert_int_equal(elapsed_ms(), 500);
	finish(&first);
	assert_false(wait_until(&second, 1000));
	assert_int_equal(elapsed_ms(), 500);
	/* Who still waits for a short time may do so, and not go on. */
	assert_false(wait_until(&third, 1000));
	assert_int_equal(elapsed_ms(), 480 + SHORT);
	finish(&third);
	finish(&second);
	end_simulation();
}

static void gaps(void **state)
{
	(void)simulate();
	assert_int_equal(wait_alone(500), 500);
	while (elapsed_ms() + SHORT < 500 + GAP) {
		assert_int_equal(wait_alone(500), SHORT);
	}
	clock_stop_at(BEGIN_MS + 500 + GAP);
	assert_int_equal(wait_alone(500), 500);
	/* Who would not wait for longer has nothing to do with that. */
	assert_int_equal(wait_alone(SHORT), SHORT);
	assert_int_equal(wait_alone(SHORT / 2), SHORT / 2);
	end_simulation();
}

static void no_gaps(void **state)
{
	(void)simulate();
	/* Somebody waits at any time, and everybody gets an answer. */
	aname_waiter_t waiter = begin(500);
	for (int64_t at_ms = 0; at_ms < 10000; at_ms += SHORT / 2) {
		aname_waiter_t next = begin(500);
		assert_true(wait_until(&waiter, at_ms + SHORT / 2));
		finish(&waiter);
		waiter = next;
	}
	finish(&waiter);
	/* Nor is there one after long waits that end with an answer. */
	for (unsigned i = 0; i < 10; i++) {
		waiter = begin(500);
		assert_true(wait_until(&waiter, elapsed_ms() + 499));
		finish(&waiter);
	}
	end_simulation();
}

static void rounds_of_several_lengths(void **state)
{
	(void)simulate();
	aname_waiter_t brief = begin(500), patient = begin(2000);
	assert_true(wait_until(&brief, 100));
	assert_true(wait_until(&patient, 200));
	assert_false(wait_until(&brief, 9000));
	assert_int_equal(elapsed_ms(), 500);
	finish(&brief);
	/* The longest counts, from when the round began. */
	assert_false(wait_until(&patient, 9000));
	assert_int_equal(elapsed_ms(), 2000);
	finish(&patient);
	assert_int_equal(wait_alone(2000), SHORT);
	end_simulation();
}

static bool held;

static bool is_held(const void *ctx)
{
	return held;
}

static void rounds_that_hold_nobody_up(void **state)
{
	(void)simulate();
	held = false;
	/* Long waits overlap for minutes. */
	aname_waiter_t waiter = begin(500);
	for (int64_t at_ms = 0; at_ms < 100000; at_ms += 200) {
		waiter.held = is_held;
		assert_true(wait_until(&waiter, at_ms + 200));
		aname_waiter_t next = begin(500);
		next.held = is_held;
		assert_true(wait_until(&next, at_ms + 200 + SHORT + 1));
		assert_true(next.in_round);
		finish(&waiter);
		waiter = next;
	}
	/* Then somebody is held up, and that lasts for one wait at most. */
	int64_t since_ms = elapsed_ms();
	held = true;
	for (unsigned i = 0; i < 10 && wait_until(&waiter, elapsed_ms() + 200); i++) {
		aname_waiter_t next = begin(500);
		next.held = is_held;
		(void)wait_until(&next, elapsed_ms() + 50);
		finish(&waiter);
		waiter = next;
	}
	finish(&waiter);
	assert_in_range(elapsed_ms() - since_ms, 0, 500);
	assert_int_equal(wait_alone(500), SHORT);
	end_simulation();
}

static void pauses(void **state)
{
	aname_waiters_t *waiters = simulate();
	/* As when knotd starts. */
	aname_waiters_pause(waiters, BEGIN_MS);
	aname_waiter_t waiter = begin(500);
	assert_true(wait_until(&waiter, 100));
	aname_waiters_pause(waiters, BEGIN_MS + 100);
	aname_waiters_pause(waiters, BEGIN_MS + 120);
	assert_false(wait_until(&waiter, 9000));
	assert_int_equal(elapsed_ms(), 100);
	finish(&waiter);
	aname_waiter_t other;
	assert_int_equal(
	        aname_waiters_enter(waiters, 16, 0, 500, BEGIN_MS + 120 + PAUSE - 1, &other),
	        ANAME_WAIT_NOT_NOW);
	clock_stop_at(BEGIN_MS + 120 + PAUSE);
	assert_int_equal(wait_alone(500), 500);
	end_simulation();
}

/* With threads. */

typedef struct {
	aname_waiters_t *waiters;
	_Atomic unsigned ready;
	_Atomic unsigned woken;
} waiting_t;

static void *wait_once(void *arg)
{
	waiting_t *waiting = arg;
	aname_waiter_t waiter;
	if (aname_waiters_enter(waiting->waiters, 64, 0, LONG_MS, aname_clock_ms(), &waiter) !=
	    ANAME_WAIT_ADMITTED) {
		return NULL;
	}
	uint64_t generation = aname_waiters_generation(waiting->waiters);
	atomic_fetch_add(&waiting->ready, 1);
	if (aname_waiters_wait(waiting->waiters, &waiter, generation)) {
		atomic_fetch_add(&waiting->woken, 1);
	}
	aname_waiters_leave(waiting->waiters, &waiter, aname_clock_ms());
	return NULL;
}

static void all_wake(void **state)
{
	waiting_t waiting = { .waiters = new_waiters() };
	pthread_t threads[8];
	for (size_t i = 0; i < COUNT_OF(threads); i++) {
		assert_int_equal(pthread_create(&threads[i], NULL, wait_once, &waiting), 0);
	}
	while (atomic_load(&waiting.ready) < COUNT_OF(threads)) {
		sched_yield();
	}
	/* Once: each has its generation, so each has to see this one, waiting already or not. */
	aname_waiters_wake(waiting.waiters);
	for (size_t i = 0; i < COUNT_OF(threads); i++) {
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	}
	assert_int_equal(atomic_load(&waiting.woken), COUNT_OF(threads));
	aname_waiters_free(waiting.waiters);
}

/*! A value published as the service does it, and a worker that waits for each new one. */
typedef struct {
	aname_waiters_t *waiters;
	_Atomic unsigned value, seen;
	bool late;
} relay_t;

enum { RELAYS = 2000 };

static void *follow(void *arg)
{
	relay_t *relay = arg;
	for (unsigned value = 1; value <= RELAYS && !relay->late; value++) {
		aname_waiter_t waiter;
		(void)!aname_waiters_enter(relay->waiters, 1, 0, LONG_MS, aname_clock_ms(),
		                           &waiter);
		bool woken = true;
		while (atomic_load(&relay->value) < value && woken) {
			uint64_t generation = aname_waiters_generation(relay->waiters);
			if (atomic_load(&relay->value) < value) {
				woken = aname_waiters_wait(relay->waiters, &waiter, generation);
			}
		}
		relay->late = !woken;
		aname_waiters_leave(relay->waiters, &waiter, aname_clock_ms());
		atomic_store(&relay->seen, value);
	}
	return NULL;
}

static void all_end(void **state)
{
	waiting_t waiting = { .waiters = new_waiters() };
	pthread_t threads[8];
	for (size_t i = 0; i < COUNT_OF(threads); i++) {
		assert_int_equal(pthread_create(&threads[i], NULL, wait_once, &waiting), 0);
	}
	while (atomic_load(&waiting.ready) < COUNT_OF(threads)) {
		sched_yield();
	}
	int64_t before_ms = aname_clock_ms();
	aname_waiters_pause(waiting.waiters, before_ms);
	for (size_t i = 0; i < COUNT_OF(threads); i++) {
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	}
	assert_true(aname_clock_ms() - before_ms < LONG_MS);
	assert_int_equal(atomic_load(&waiting.woken), 0);
	aname_waiters_free(waiting.waiters);
}

static void none_missed(void **state)
{
	relay_t relay = { .waiters = new_waiters() };
	pthread_t thread;
	assert_int_equal(pthread_create(&thread, NULL, follow, &relay), 0);
	for (unsigned i = 1; i <= RELAYS; i++) {
		atomic_store(&relay.value, i);
		aname_waiters_wake(relay.waiters);
		while (atomic_load(&relay.seen) < i) {
			sched_yield();
		}
	}
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_false(relay.late);
	aname_waiters_free(relay.waiters);
}

static bool attempt_new(void *ctx)
{
	aname_waiters_t *waiters = aname_waiters_new();
	aname_waiters_free(waiters);
	return waiters != NULL;
}

static void out_of_memory(void **state)
{
	assert_int_equal(alloc_fail_each(attempt_new, NULL), 1);
}

static aname_wait_t enter_for(aname_waiters_t *waiters, uint32_t zone, aname_waiter_t *waiter)
{
	return aname_waiters_enter(waiters, 5, zone, LONG_MS, aname_clock_ms(), waiter);
}

static void by_zone(void **state)
{
	/* Of five places a zone has four at most, and the last one is for others. */
	aname_waiters_t *waiters = new_waiters();
	aname_waiter_t waiter[4], other, refused;
	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(enter_for(waiters, 7, &waiter[i]), ANAME_WAIT_ADMITTED);
	}
	assert_int_equal(enter_for(waiters, 7, &refused), ANAME_WAIT_FULL);
	assert_int_equal(enter_for(waiters, 8, &other), ANAME_WAIT_ADMITTED);
	assert_int_equal(enter_for(waiters, 9, &refused), ANAME_WAIT_FULL);
	for (unsigned i = 0; i < 2; i++) {
		aname_waiters_leave(waiters, &waiter[i], aname_clock_ms());
	}
	/* Two for this one, one for that: one more for either leaves one. */
	assert_int_equal(enter_for(waiters, 8, &waiter[0]), ANAME_WAIT_ADMITTED);
	assert_int_equal(enter_for(waiters, 7, &refused), ANAME_WAIT_FULL);
	assert_int_equal(enter_for(waiters, 8, &refused), ANAME_WAIT_FULL);
	assert_int_equal(enter_for(waiters, 9, &waiter[1]), ANAME_WAIT_ADMITTED);
	aname_waiters_free(waiters);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PROVES("C2: so many may wait and no more", limit),
		PROVES("C2: each asks with a limit of its own", limits_of_others),
		PROVES("what is published after the generation is not waited for", woken_before),
		PROVES("C2: a deadline passes, and not too early", deadlines),
		PROVES("nothing is touched while nobody waits", unnoticed),
		PROVES("C2: long waits that overlap end together", rounds),
		PROVES("C2: after such a round nobody waits for long for a while", gaps),
		PROVES("C2: that is not so where everybody gets an answer", no_gaps),
		PROVES("C2: a round is as long as the longest wait", rounds_of_several_lengths),
		PROVES("C2: a round goes on that holds nobody up", rounds_that_hold_nobody_up),
		PROVES("C2: nobody waits while zones are loaded, but for a start", pauses),
		PROVES("C2: all who wait go when a zone is loaded", all_end),
		PROVES("one publication wakes all", all_wake),
		PROVES("no publication is missed between generation and wait", none_missed),
		PROVES("out of memory: nothing made, nothing leaked", out_of_memory),
		PROVES("L4: a zone leaves half as many places as it has", by_zone),
	};
	return RUN_TESTS("waiters", tests);
}
