#include "support/test.h"

#include "support/clock.h"
#include "table/clock.h"

static void never_back(void **state)
{
	int64_t before = aname_clock_ms(), coarse = aname_clock_coarse_ms();
	for (unsigned i = 0; i < 100000; i++) {
		int64_t now = aname_clock_ms(), now_coarse = aname_clock_coarse_ms();
		assert_true(now >= before);
		assert_true(now_coarse >= coarse);
		before = now;
		coarse = now_coarse;
	}
}

static void coarse_is_not_ahead(void **state)
{
	for (unsigned i = 0; i < 100000; i++) {
		int64_t coarse = aname_clock_coarse_ms();
		assert_true(coarse <= aname_clock_ms());
	}
}

static void coarse_is_not_far_behind(void **state)
{
	/* Once is enough: a slow machine may stop between any two lines. */
	bool near = false;
	for (unsigned i = 0; i < 1000 && !near; i++) {
		int64_t now = aname_clock_ms();
		near = now - aname_clock_coarse_ms() <= 20;
	}
	assert_true(near);
}

static void sleep_counts(void **state)
{
	clock_stop_at(100000);
	clock_sleep(7000);
	assert_false(aname_clock_look());
	assert_int_equal(aname_clock_ms(), 100000);
	/* What was slept before does not count. */
	aname_clock_begin();
	assert_false(aname_clock_look());
	assert_int_equal(aname_clock_ms(), 100000);

	clock_sleep(3600000);
	assert_int_equal(aname_clock_ms(), 100000);
	assert_true(aname_clock_look());
	assert_false(aname_clock_look());
	assert_int_equal(aname_clock_ms(), 3700000);
	assert_int_equal(aname_clock_coarse_ms(), 3700000);
	clock_skip(10);
	assert_false(aname_clock_look());
	assert_int_equal(aname_clock_ms(), 3700010);
	/* Who waits does so by the monotonic clock. */
	struct timespec until = aname_clock_until(3700510);
	assert_int_equal(until.tv_sec, 100);
	assert_int_equal(until.tv_nsec, 510000000);
	until = aname_clock_until(0);
	assert_int_equal(until.tv_sec, 0);
	assert_int_equal(until.tv_nsec, 0);

	/* It adds up, and what is too short waits until there is more. */
	clock_sleep(600);
	assert_false(aname_clock_look());
	clock_sleep(600);
	assert_true(aname_clock_look());
	assert_int_equal(aname_clock_ms(), 3701210);
	clock_stop_at(-1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PROVES("neither clock goes back", never_back),
		PROVES("the coarse clock is not ahead", coarse_is_not_ahead),
		PROVES("the coarse clock is only ticks behind", coarse_is_not_far_behind),
		PROVES("T1: what was slept counts", sleep_counts),
	};
	return RUN_TESTS("clock", tests);
}
