#include "support/test.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "support/alloc.h"
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

static void limit(void **state)
{
	static const unsigned mosts[] = { 0, 1, 2, 128 };
	for (size_t i = 0; i < COUNT_OF(mosts); i++) {
		aname_waiters_t *waiters = new_waiters();
		for (unsigned n = 0; n < mosts[i]; n++) {
			assert_true(aname_waiters_enter(waiters, mosts[i]));
		}
		for (unsigned n = 0; n < 10; n++) {
			assert_false(aname_waiters_enter(waiters, mosts[i]));
		}
		for (unsigned n = 0; n < mosts[i]; n++) {
			aname_waiters_leave(waiters);
			assert_true(aname_waiters_enter(waiters, mosts[i]));
			assert_false(aname_waiters_enter(waiters, mosts[i]));
		}
		aname_waiters_free(waiters);
	}
}

static void limits_of_others(void **state)
{
	/* Instances may differ in how many they let wait. */
	aname_waiters_t *waiters = new_waiters();
	assert_true(aname_waiters_enter(waiters, 2));
	assert_false(aname_waiters_enter(waiters, 1));
	assert_true(aname_waiters_enter(waiters, 2));
	aname_waiters_leave(waiters);
	aname_waiters_leave(waiters);
	assert_true(aname_waiters_enter(waiters, 1));
	aname_waiters_free(waiters);
}

static void woken_before(void **state)
{
	aname_waiters_t *waiters = new_waiters();
	assert_true(aname_waiters_enter(waiters, 1));
	uint64_t generation = aname_waiters_generation(waiters);
	aname_waiters_wake(waiters);
	/* Neither the deadline nor another wake-up is needed. */
	assert_true(aname_waiters_wait(waiters, generation, 0));
	assert_true(aname_waiters_wait(waiters, generation, INT64_MAX / 2));
	uint64_t later = aname_waiters_generation(waiters);
	assert_true(later != generation);
	assert_false(aname_waiters_wait(waiters, later, 0));
	aname_waiters_leave(waiters);
	aname_waiters_free(waiters);
}

static void deadlines(void **state)
{
	aname_waiters_t *waiters = new_waiters();
	assert_true(aname_waiters_enter(waiters, 1));
	uint64_t generation = aname_waiters_generation(waiters);
	static const int64_t pauses[] = { -100000, -1, 0, 1, 30, 100 };
	for (size_t i = 0; i < COUNT_OF(pauses); i++) {
		int64_t deadline = aname_clock_ms() + pauses[i];
		assert_false(aname_waiters_wait(waiters, generation, deadline));
		assert_true(aname_clock_ms() >= deadline);
	}
	assert_false(aname_waiters_wait(waiters, generation, -1));
	assert_false(aname_waiters_wait(waiters, generation, INT64_MIN));
	aname_waiters_leave(waiters);
	aname_waiters_free(waiters);
}

static void unnoticed(void **state)
{
	aname_waiters_t *waiters = new_waiters();
	uint64_t generation = aname_waiters_generation(waiters);
	aname_waiters_wake(waiters);
	assert_true(aname_waiters_generation(waiters) == generation);
	assert_true(aname_waiters_enter(waiters, 1));
	aname_waiters_wake(waiters);
	assert_true(aname_waiters_generation(waiters) != generation);
	aname_waiters_leave(waiters);
	generation = aname_waiters_generation(waiters);
	aname_waiters_wake(waiters);
	assert_true(aname_waiters_generation(waiters) == generation);
	aname_waiters_free(waiters);
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
	if (!aname_waiters_enter(waiting->waiters, 64)) {
		return NULL;
	}
	uint64_t generation = aname_waiters_generation(waiting->waiters);
	atomic_fetch_add(&waiting->ready, 1);
	if (aname_waiters_wait(waiting->waiters, generation, aname_clock_ms() + LONG_MS)) {
		atomic_fetch_add(&waiting->woken, 1);
	}
	aname_waiters_leave(waiting->waiters);
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
		(void)aname_waiters_enter(relay->waiters, 1);
		bool woken = true;
		while (atomic_load(&relay->value) < value && woken) {
			uint64_t generation = aname_waiters_generation(relay->waiters);
			if (atomic_load(&relay->value) < value) {
				woken = aname_waiters_wait(relay->waiters, generation,
				                           aname_clock_ms() + LONG_MS);
			}
		}
		relay->late = !woken;
		aname_waiters_leave(relay->waiters);
		atomic_store(&relay->seen, value);
	}
	return NULL;
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		PROVES("C2: so many may wait and no more", limit),
		PROVES("C2: each asks with a limit of its own", limits_of_others),
		PROVES("what is published after the generation is not waited for", woken_before),
		PROVES("C2: a deadline passes, and not too early", deadlines),
		PROVES("nothing is touched while nobody waits", unnoticed),
		PROVES("one publication wakes all", all_wake),
		PROVES("no publication is missed between generation and wait", none_missed),
		PROVES("out of memory: nothing made, nothing leaked", out_of_memory),
	};
	return RUN_TESTS("waiters", tests);
}
