#include "support/test.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		PROVES("neither clock goes back", never_back),
		PROVES("the coarse clock is not ahead", coarse_is_not_ahead),
		PROVES("the coarse clock is only ticks behind", coarse_is_not_far_behind),
	};
	return RUN_TESTS("clock", tests);
}
