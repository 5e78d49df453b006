#include "support/test.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "support/alloc.h"
#include "table/clock.h"
#include "table/gate.h"

/*! Longer than any machine should take, for what is to happen at once. */
#define LONG_MS 60000

static aname_gate_t *new_gate(void)
{
	aname_gate_t *gate = aname_gate_new();
	assert_non_null(gate);
	return gate;
}

static void limit(void **state)
{
	static const unsigned mosts[] = { 0, 1, 2, 128 };
	for (size_t i = 0; i < COUNT_OF(mosts); i++) {
		aname_gate_t *gate = new_gate();
		for (unsigned n = 0; n < mosts[i]; n++) {
			assert_true(aname_gate_enter(gate, mosts[i]));
		}
		for (unsigned n = 0; n < 10; n++) {
			assert_false(aname_gate_enter(gate, mosts[i]));
		}
		for (unsigned n = 0; n < mosts[i]; n++) {
			aname_gate_leave(gate);
			assert_true(aname_gate_enter(gate, mosts[i]));
			assert_false(aname_gate_enter(gate, mosts[i]));
		}
		aname_gate_free(gate);
	}
}

static void limits_of_others(void **state)
{
	/* Instances may differ in how many they let wait. */
	aname_gate_t *gate = new_gate();
	assert_true(aname_gate_enter(gate, 2));
	assert_false(aname_gate_enter(gate, 1));
	assert_true(aname_gate_enter(gate, 2));
	aname_gate_leave(gate);
	aname_gate_leave(gate);
	assert_true(aname_gate_enter(gate, 1));
	aname_gate_free(gate);
}

static void opened_before(void **state)
{
	aname_gate_t *gate = new_gate();
	assert_true(aname_gate_enter(gate, 1));
	uint64_t ticket = aname_gate_ticket(gate);
	aname_gate_open(gate);
	/* Neither the deadline nor another opening is needed. */
	assert_true(aname_gate_wait(gate, ticket, 0));
	assert_true(aname_gate_wait(gate, ticket, INT64_MAX / 2));
	uint64_t later = aname_gate_ticket(gate);
	assert_true(later != ticket);
	assert_false(aname_gate_wait(gate, later, 0));
	aname_gate_leave(gate);
	aname_gate_free(gate);
}

static void deadlines(void **state)
{
	aname_gate_t *gate = new_gate();
	assert_true(aname_gate_enter(gate, 1));
	uint64_t ticket = aname_gate_ticket(gate);
	static const int64_t pauses[] = { -100000, -1, 0, 1, 30, 100 };
	for (size_t i = 0; i < COUNT_OF(pauses); i++) {
		int64_t deadline = aname_clock_ms() + pauses[i];
		assert_false(aname_gate_wait(gate, ticket, deadline));
		assert_true(aname_clock_ms() >= deadline);
	}
	assert_false(aname_gate_wait(gate, ticket, -1));
	assert_false(aname_gate_wait(gate, ticket, INT64_MIN));
	aname_gate_leave(gate);
	aname_gate_free(gate);
}

static void unnoticed(void **state)
{
	aname_gate_t *gate = new_gate();
	uint64_t ticket = aname_gate_ticket(gate);
	aname_gate_open(gate);
	assert_true(aname_gate_ticket(gate) == ticket);
	assert_true(aname_gate_enter(gate, 1));
	aname_gate_open(gate);
	assert_true(aname_gate_ticket(gate) != ticket);
	aname_gate_leave(gate);
	ticket = aname_gate_ticket(gate);
	aname_gate_open(gate);
	assert_true(aname_gate_ticket(gate) == ticket);
	aname_gate_free(gate);
}

/* With threads. */

typedef struct {
	aname_gate_t *gate;
	_Atomic unsigned ready;
	_Atomic unsigned opened;
} waiting_t;

static void *wait_once(void *arg)
{
	waiting_t *waiting = arg;
	if (!aname_gate_enter(waiting->gate, 64)) {
		return NULL;
	}
	uint64_t ticket = aname_gate_ticket(waiting->gate);
	atomic_fetch_add(&waiting->ready, 1);
	if (aname_gate_wait(waiting->gate, ticket, aname_clock_ms() + LONG_MS)) {
		atomic_fetch_add(&waiting->opened, 1);
	}
	aname_gate_leave(waiting->gate);
	return NULL;
}

static void all_wake(void **state)
{
	waiting_t waiting = { .gate = new_gate() };
	pthread_t threads[8];
	for (size_t i = 0; i < COUNT_OF(threads); i++) {
		assert_int_equal(pthread_create(&threads[i], NULL, wait_once, &waiting), 0);
	}
	while (atomic_load(&waiting.ready) < COUNT_OF(threads)) {
		sched_yield();
	}
	/* Once: each has its ticket, so each has to see this one, waiting already or not. */
	aname_gate_open(waiting.gate);
	for (size_t i = 0; i < COUNT_OF(threads); i++) {
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	}
	assert_int_equal(atomic_load(&waiting.opened), COUNT_OF(threads));
	aname_gate_free(waiting.gate);
}

/*! A value published as the service does it, and a worker that waits for each new one. */
typedef struct {
	aname_gate_t *gate;
	_Atomic unsigned value, seen;
	bool late;
} relay_t;

enum { RELAYS = 2000 };

static void *follow(void *arg)
{
	relay_t *relay = arg;
	for (unsigned value = 1; value <= RELAYS && !relay->late; value++) {
		(void)aname_gate_enter(relay->gate, 1);
		bool opened = true;
		while (atomic_load(&relay->value) < value && opened) {
			uint64_t ticket = aname_gate_ticket(relay->gate);
			if (atomic_load(&relay->value) < value) {
				opened = aname_gate_wait(relay->gate, ticket,
				                         aname_clock_ms() + LONG_MS);
			}
		}
		relay->late = !opened;
		aname_gate_leave(relay->gate);
		atomic_store(&relay->seen, value);
	}
	return NULL;
}

static void none_missed(void **state)
{
	relay_t relay = { .gate = new_gate() };
	pthread_t thread;
	assert_int_equal(pthread_create(&thread, NULL, follow, &relay), 0);
	for (unsigned i = 1; i <= RELAYS; i++) {
		atomic_store(&relay.value, i);
		aname_gate_open(relay.gate);
		while (atomic_load(&relay.seen) < i) {
			sched_yield();
		}
	}
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_false(relay.late);
	aname_gate_free(relay.gate);
}

static bool attempt_new(void *ctx)
{
	aname_gate_t *gate = aname_gate_new();
	aname_gate_free(gate);
	return gate != NULL;
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
		PROVES("what is published after the ticket is not waited for", opened_before),
		PROVES("C2: a deadline passes, and not too early", deadlines),
		PROVES("the gate is not touched while nobody waits", unnoticed),
		PROVES("one opening wakes all", all_wake),
		PROVES("no opening is missed between ticket and wait", none_missed),
		PROVES("out of memory: no gate, nothing leaked", out_of_memory),
	};
	return RUN_TESTS("gate", tests);
}
