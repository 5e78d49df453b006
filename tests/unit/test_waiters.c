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

/*! Asks to wait for long, as one of at most so many. */
static aname_wait_t enter(aname_waiters_t *waiters, unsigned most)
{
	int64_t deadline_ms;
	return aname_waiters_enter(waiters, most, LONG_MS, aname_clock_ms(), &deadline_ms);
}

static void leave(aname_waiters_t *waiters)
{
	aname_waiters_leave(waiters, aname_clock_ms());
}

/*! Asks at a moment; returns until when it may wait, relative to that. */
static int64_t enter_at(aname_waiters_t *waiters, uint32_t wait_ms, int64_t now_ms)
{
	int64_t deadline_ms;
	assert_int_equal(aname_waiters_enter(waiters, 16, wait_ms, now_ms, &deadline_ms),
	                 ANAME_WAIT_ADMITTED);
	return deadline_ms - now_ms;
}

static void refused_at(aname_waiters_t *waiters, int64_t now_ms)
{
	int64_t deadline_ms;
	assert_int_equal(aname_waiters_enter(waiters, 16, 500, now_ms, &deadline_ms),
	                 ANAME_WAIT_NOT_NOW);
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
	assert_int_equal(enter(waiters, 1), ANAME_WAIT_ADMITTED);
	uint64_t generation = aname_waiters_generation(waiters);
	aname_waiters_wake(waiters);
	/* Neither the deadline nor another wake-up is needed. */
	assert_true(aname_waiters_wait(waiters, generation, 0));
	assert_true(aname_waiters_wait(waiters, generation, INT64_MAX / 2));
	uint64_t later = aname_waiters_generation(waiters);
	assert_true(later != generation);
	assert_false(aname_waiters_wait(waiters, later, 0));
	leave(waiters);
	aname_waiters_free(waiters);
}

static void deadlines(void **state)
{
	aname_waiters_t *waiters = new_waiters();
	assert_int_equal(enter(waiters, 1), ANAME_WAIT_ADMITTED);
	uint64_t generation = aname_waiters_generation(waiters);
	static const int64_t pauses[] = { -100000, -1, 0, 1, 30, 100 };
	for (size_t i = 0; i < COUNT_OF(pauses); i++) {
		int64_t deadline = aname_clock_ms() + pauses[i];
		assert_false(aname_waiters_wait(waiters, generation, deadline));
		assert_true(aname_clock_ms() >= deadline);
	}
	assert_false(aname_waiters_wait(waiters, generation, -1));
	assert_false(aname_waiters_wait(waiters, generation, INT64_MIN));
	leave(waiters);
	aname_waiters_free(waiters);
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

/* Rounds. In these T is any moment. */

enum { T = 1000000, GAP = ANAME_WAITERS_GAP_MS, PAUSE = ANAME_WAITERS_PAUSE_MS };

static void rounds(void **state)
{
	aname_waiters_t *waiters = new_waiters();
	assert_int_equal(enter_at(waiters, 500, T), 500);
	(void)enter_at(waiters, 500, T + 400);
	aname_waiters_leave(waiters, T + 450);
	(void)enter_at(waiters, 500, T + 499);
	/* It ends when the first one has waited, whoever came since; who is still there leaves. */
	refused_at(waiters, T + 500);
	aname_waiters_leave(waiters, T + 500);
	refused_at(waiters, T + 501);
	aname_waiters_leave(waiters, T + 503);
	/* Then nobody waits for a moment; the next round is a whole one. */
	refused_at(waiters, T + 503);
	refused_at(waiters, T + 503 + GAP - 1);
	assert_int_equal(enter_at(waiters, 500, T + 503 + GAP), 500);
	(void)enter_at(waiters, 500, T + 503 + GAP + 499);
	refused_at(waiters, T + 503 + GAP + 500);
	aname_waiters_leave(waiters, T + 503 + GAP + 500);
	aname_waiters_leave(waiters, T + 503 + GAP + 500);
	aname_waiters_free(waiters);
}

static void rounds_without_gap(void **state)
{
	aname_waiters_t *waiters = new_waiters();
	for (int64_t now_ms = T; now_ms < T + 5000; now_ms += 40) {
		(void)enter_at(waiters, 500, now_ms);
		(void)enter_at(waiters, 500, now_ms + 10);
		aname_waiters_leave(waiters, now_ms + 30);
		aname_waiters_leave(waiters, now_ms + 39);
	}
	aname_waiters_free(waiters);
}

static void rounds_of_several_lengths(void **state)
{
	aname_waiters_t *waiters = new_waiters();
	(void)enter_at(waiters, 500, T);
	assert_int_equal(enter_at(waiters, 2000, T + 100), 2000);
	/* The longest counts, from when the round began. */
	(void)enter_at(waiters, 100, T + 1999);
	refused_at(waiters, T + 2000);
	for (unsigned i = 0; i < 3; i++) {
		aname_waiters_leave(waiters, T + 2000);
	}
	refused_at(waiters, T + 2000 + GAP - 1);
	aname_waiters_free(waiters);
}

static void pauses(void **state)
{
	aname_waiters_t *waiters = new_waiters();
	/* As when knotd starts. */
	aname_waiters_pause(waiters, T);
	(void)enter_at(waiters, 500, T + 1);
	aname_waiters_leave(waiters, T + 2);
	aname_waiters_pause(waiters, T + 10);
	aname_waiters_pause(waiters, T + 20);
	refused_at(waiters, T + 20);
	refused_at(waiters, T + 20 + PAUSE - 1);
	(void)enter_at(waiters, 500, T + 20 + PAUSE);
	aname_waiters_leave(waiters, T + 20 + PAUSE);
	aname_waiters_free(waiters);
}

static void woken_by_pause(void **state)
{
	aname_waiters_t *waiters = new_waiters();
	assert_int_equal(enter(waiters, 1), ANAME_WAIT_ADMITTED);
	uint64_t generation = aname_waiters_generation(waiters);
	aname_waiters_pause(waiters, aname_clock_ms());
	/* Or else this takes a minute. */
	int64_t before_ms = aname_clock_ms();
	assert_false(aname_waiters_wait(waiters, generation, before_ms + LONG_MS));
	assert_true(aname_clock_ms() - before_ms < LONG_MS);
	leave(waiters);
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
	if (enter(waiting->waiters, 64) != ANAME_WAIT_ADMITTED) {
		return NULL;
	}
	uint64_t generation = aname_waiters_generation(waiting->waiters);
	atomic_fetch_add(&waiting->ready, 1);
	if (aname_waiters_wait(waiting->waiters, generation, aname_clock_ms() + LONG_MS)) {
		atomic_fetch_add(&waiting->woken, 1);
	}
	leave(waiting->waiters);
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
		(void)enter(relay->waiters, 1);
		bool woken = true;
		while (atomic_load(&relay->value) < value && woken) {
			uint64_t generation = aname_waiters_generation(relay->waiters);
			if (atomic_load(&relay->value) < value) {
				woken = aname_waiters_wait(relay->waiters, generation,
				                           aname_clock_ms() + LONG_MS);
			}
		}
		relay->late = !woken;
		leave(relay->waiters);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		PROVES("C2: so many may wait and no more", limit),
		PROVES("C2: each asks with a limit of its own", limits_of_others),
		PROVES("what is published after the generation is not waited for", woken_before),
		PROVES("C2: a deadline passes, and not too early", deadlines),
		PROVES("nothing is touched while nobody waits", unnoticed),
		PROVES("C2: waits that overlap end together, and leave a gap", rounds),
		PROVES("C2: there is no gap where everybody gets an answer", rounds_without_gap),
		PROVES("C2: a round is as long as the longest wait", rounds_of_several_lengths),
		PROVES("C2: nobody waits while zones are loaded, but for a start", pauses),
		PROVES("C2: who waits goes when a zone is loaded", woken_by_pause),
		PROVES("C2: all who wait go when a zone is loaded", all_end),
		PROVES("one publication wakes all", all_wake),
		PROVES("no publication is missed between generation and wait", none_missed),
		PROVES("out of memory: nothing made, nothing leaked", out_of_memory),
	};
	return RUN_TESTS("waiters", tests);
}
