#include "support/test.h"

#include <pthread.h>

#include "log/reported.h"

enum { T0 = 1000000 };

static aname_reported_t reported;

static aname_budget_t budget;

static void begin(void)
{
	memset(&reported, 0, sizeof(reported));
	memset(&budget, 0, sizeof(budget));
}

/*! Each state is another zone's. */
static bool change(uint64_t key, bool in_state, int64_t now_ms)
{
	return aname_reported_change(&reported, key, in_state, &budget, key, now_ms);
}

static void both_once(void **state)
{
	begin();
	assert_false(aname_reported_any(&reported));
	assert_false(change(5, false, T0));
	assert_true(change(5, true, T0));
	assert_true(aname_reported_any(&reported));
	assert_false(change(5, true, T0));
	assert_false(change(6, false, T0));
	assert_true(change(5, false, T0));
	assert_false(change(5, false, T0));
	assert_false(aname_reported_any(&reported));
	assert_true(change(5, true, T0));
}

static void held_back(void **state)
{
	/* What the limit holds back is logged later: both lines of each state, whatever comes
	 * between. */
	enum { STATES = 100 };
	begin();
	unsigned begun = 0, over = 0;
	for (unsigned second = 0; second < 20; second++) {
		unsigned lines = 0;
		for (uint64_t i = 1; i <= STATES; i++) {
			bool in_state = second < 10;
			bool logged = change(i * 7919, in_state, T0 + 1000 * (int64_t)second + i);
			lines += logged;
			begun += logged && in_state;
			over += logged && !in_state;
		}
		assert_in_range(lines, 0, ANAME_BUDGET_PER_SECOND);
	}
	assert_int_equal(begun, STATES);
	assert_int_equal(over, STATES);
	assert_false(aname_reported_any(&reported));
}

static void neither(void **state)
{
	/* A state whose begin was not logged is not logged when it is over. */
	begin();
	for (uint64_t i = 1; i <= ANAME_BUDGET_PER_SECOND; i++) {
		assert_true(change(i, true, T0));
	}
	assert_false(change(99, true, T0 + 999));
	assert_false(change(99, false, T0 + 1000));
}

static void bounded(void **state)
{
	begin();
	unsigned logged = 0;
	int64_t now_ms = T0;
	for (uint64_t i = 1; i <= ANAME_REPORTED_SIZE * 5 / 4; i++, now_ms += 50) {
		logged += change(i * UINT64_C(0x9e3779b97f4a7c15), true, now_ms);
	}
	assert_in_range(logged, ANAME_REPORTED_SIZE / 2, ANAME_REPORTED_SIZE);
	assert_int_equal(atomic_load(&reported.count), logged);

	/* What nobody has confirmed for long makes room, without a word. */
	now_ms += 1000 * (int64_t)ANAME_REPORTED_OLD_S;
	for (uint64_t i = 1; i <= 100; i++, now_ms += 100) {
		assert_true(change(i * 77, true, now_ms));
	}
	assert_in_range(atomic_load(&reported.count), logged, ANAME_REPORTED_SIZE);
}

static void hidden(void **state)
{
	/* L4: one zone has 2,000 states in a minute to log, others one in ten seconds: these are
	 * logged, each at once. Alone, the one logs more than its own. */
	enum { LOUD = 7, CALM = 100 };
	begin();
	unsigned loud = 0;
	for (unsigned i = 0; i < 2000; i++) {
		int64_t now_ms = T0 + 30 * (int64_t)i;
		loud += aname_reported_change(&reported, i + 1, true, &budget, LOUD, now_ms);
		if (i % 333 == 332) {
			assert_true(aname_reported_change(&reported, 100000 + i, true, &budget,
			                                  CALM, now_ms));
		}
	}
	assert_in_range(loud, 600, 660);
}

static void all_loud(void **state)
{
	/* Ten zones with very much to log leave lines for one that has little. */
	begin();
	unsigned lines = 0;
	for (unsigned i = 0; i < 60000; i++) {
		int64_t now_ms = T0 + i;
		lines += aname_budget_take(&budget, 1 + i % 10, now_ms);
		if (i > 30000 && i % 5000 == 4999) {
			assert_true(aname_budget_take(&budget, 500, now_ms));
		}
	}
	assert_in_range(lines, 600, 60 * ANAME_BUDGET_PER_SECOND);
}

/* With threads: each state is logged once each way, whoever sees it. */

static _Atomic unsigned begun, over;

static void *see_all(void *arg)
{
	for (unsigned round = 0; round < 2000; round++) {
		for (uint64_t i = 1; i <= 8; i++) {
			bool in_state = round / 10 % 2 == 0;
			if (change(i * 7919, in_state, T0 + 1000 * (int64_t)round)) {
				atomic_fetch_add(in_state ? &begun : &over, 1);
			}
		}
	}
	return NULL;
}

static void crowd(void **state)
{
	begin();
	pthread_t threads[4];
	for (size_t i = 0; i < COUNT_OF(threads); i++) {
		assert_int_equal(pthread_create(&threads[i], NULL, see_all, NULL), 0);
	}
	for (size_t i = 0; i < COUNT_OF(threads); i++) {
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	}
	/* Never a second line for a state that was logged already: they alternate. */
	assert_int_equal(atomic_load(&begun) - atomic_load(&over), atomic_load(&reported.count));
	assert_in_range(atomic_load(&reported.count), 0, 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PROVES("W2: a state is logged once when it begins and once when it is over",
		       both_once),
		PROVES("W2: what the limit of lines holds back is logged later", held_back),
		PROVES("W2: both are logged or neither", neither),
		PROVES("W2: what is remembered is bounded, and old states make room", bounded),
		PROVES("L4: what one zone logs hides nothing of others", hidden),
		PROVES("L4: nor what ten zones log", all_loud),
		PROVES("W2: four workers at once", crowd),
	};
	return RUN_TESTS("reported", tests);
}
