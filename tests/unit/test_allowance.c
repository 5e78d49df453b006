/* L4: signing has a part of a worker's time, and who takes most of it gives way. */

#include "support/test.h"

#include "table/allowance.h"

#define LONG_US 10000 /*!< A signature of RSA. */

static aname_allowance_t allowance;
static int64_t now_us;

static int begin(void **state)
{
	memset(&allowance, 0, sizeof(allowance));
	now_us = INT64_C(86400000000);
	return 0;
}

/*! Signs something, if that may be. */
static bool sign(uint32_t zone, int64_t takes_us)
{
	if (aname_allowance_look(&allowance, zone, now_us) != ANAME_ALLOWANCE_LEFT) {
		return false;
	}
	now_us += takes_us;
	aname_allowance_spend(&allowance, zone, now_us - takes_us, now_us);
	return true;
}

/*! Answers for so long, and signs whenever that may be; returns how long it did. */
static int64_t keep_busy(uint32_t zone, int64_t takes_us, int64_t other_us, int64_t for_us)
{
	int64_t signing_us = 0;
	for (int64_t end_us = now_us + for_us; now_us < end_us;) {
		signing_us += sign(zone, takes_us) ? takes_us : 0;
		now_us += other_us;
	}
	return signing_us;
}

static void test_seven_eighths_of_the_time(void **state)
{
	(void)keep_busy(1, LONG_US, 10, 5000000);
	int64_t signing_us = keep_busy(1, LONG_US, 10, 60000000);
	assert_in_range(signing_us, 60000000 * 7L / 8 - LONG_US, 60000000 * 7L / 8 + LONG_US);
}

/* With ECDSA an answer that has to be signed costs three times another one. */
static void test_who_takes_less_is_never_refused(void **state)
{
	for (unsigned i = 0; i < 1000000; i++) {
		assert_true(sign(1, 60));
		now_us += 30;
	}
}

static void test_as_much_as_was_not_used_at_once(void **state)
{
	unsigned signs = 0;
	while (sign(1, LONG_US)) {
		signs++;
		assert_in_range(signs, 1, 1000);
	}
	/* Of each one an eighth is missing. */
	assert_in_range(signs, ANAME_ALLOWANCE_US * 8 / LONG_US - 1,
	                ANAME_ALLOWANCE_US * 8 / LONG_US + 1);
	now_us += LONG_US;
	assert_true(sign(1, LONG_US));
	now_us += INT64_C(86400000000);
	for (unsigned i = 0; i < signs - 1; i++) {
		assert_true(sign(1, LONG_US));
	}
}

static void test_another_zone_signs_on(void **state)
{
	(void)keep_busy(1, LONG_US, 10, 5000000);
	while (sign(1, LONG_US)) {
	}
	assert_true(sign(2, LONG_US));
	assert_false(sign(1, LONG_US));
	/* Now and then, for as long as the first one takes what it can. */
	unsigned refused = 0;
	for (unsigned i = 0; i < 600; i++) {
		(void)keep_busy(1, LONG_US, 10, 100000);
		refused += !sign(2, 2000);
	}
	assert_int_equal(refused, 0);
}

static void test_many_zones_that_take_little_are_bounded_too(void **state)
{
	(void)keep_busy(1, LONG_US, 10, 5000000);
	int64_t signing_us = 0, began_us = now_us;
	for (uint32_t zone = 2; now_us < began_us + 30000000; zone++) {
		signing_us += sign(zone, LONG_US) ? LONG_US : 0;
		now_us += 10;
	}
	int64_t expected_us = 30000000 * 7L / 8;
	assert_in_range(signing_us, expected_us - ANAME_ALLOWANCE_US,
	                expected_us + ANAME_ALLOWANCE_US + LONG_US);
}

/* As many zones as somebody may have, which sign whenever they may, and one that takes at most
 * a third of what each of them takes: that one is not refused. */
static void test_many_zones_do_not_push_out_another(void **state)
{
	static const unsigned counts[] = { 1, 2, 4, 7, 8, 9, 16, 100 };
	static const int64_t times_us[] = { 1500, 6000, 10000 };
	for (unsigned i = 0; i < sizeof(counts) / sizeof(counts[0]) * 3; i++) {
		begin(NULL);
		unsigned count = counts[i / 3], refused = 0;
		int64_t takes_us = times_us[i % 3], end_us = now_us + 60000000;
		int64_t next_us = now_us + 5000000, each_us = 3 * takes_us * count;
		each_us = each_us > 500000 ? each_us : 500000;
		for (uint32_t n = 0; now_us < end_us; n++) {
			/* Spread as names' hashes are. */
			(void)sign((1 + n % count) * 2654435761U, takes_us);
			now_us += 30;
			if (now_us >= next_us) {
				refused += !sign(12345, takes_us);
				next_us += each_us;
			}
		}
		if (refused > 0) {
			fail_msg("of %u zones with %d us: expected none refused, got %u", count,
			         (int)takes_us, refused);
		}
	}
}

/* Stopped amid a signature, or by a machine that has other things to do. */
static void test_a_signature_that_takes_very_long(void **state)
{
	assert_true(sign(1, INT64_C(3600000000)));
	assert_true(sign(2, LONG_US));
	assert_true(sign(1, LONG_US) || sign(3, LONG_US));
	now_us += ANAME_ALLOWANCE_US;
	assert_true(sign(1, LONG_US));
}

static void test_who_is_refused_is_told_why(void **state)
{
	(void)keep_busy(1, LONG_US, 10, 5000000);
	while (sign(1, LONG_US)) {
	}
	assert_int_equal(aname_allowance_look(&allowance, 1, now_us), ANAME_ALLOWANCE_GIVES_WAY);
	for (uint32_t zone = 2; sign(zone << 16 | zone, LONG_US); zone++) {
		assert_in_range(zone, 2, 1000);
	}
	assert_int_equal(aname_allowance_look(&allowance, 1, now_us), ANAME_ALLOWANCE_GIVES_WAY);
	assert_int_equal(aname_allowance_look(&allowance, 9999 << 16 | 500, now_us),
	                 ANAME_ALLOWANCE_SPENT);
}

/*! What took most is so for some seconds only. */
static void test_shares_are_forgotten(void **state)
{
	(void)keep_busy(1, LONG_US, 10, 5000000);
	now_us += 40000000;
	(void)keep_busy(2, LONG_US, 10, 5000000);
	while (sign(2, LONG_US)) {
	}
	assert_true(sign(1, LONG_US));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_seven_eighths_of_the_time, begin),
		cmocka_unit_test_setup(test_who_takes_less_is_never_refused, begin),
		cmocka_unit_test_setup(test_as_much_as_was_not_used_at_once, begin),
		cmocka_unit_test_setup(test_another_zone_signs_on, begin),
		cmocka_unit_test_setup(test_many_zones_that_take_little_are_bounded_too, begin),
		cmocka_unit_test_setup(test_many_zones_do_not_push_out_another, begin),
		cmocka_unit_test_setup(test_a_signature_that_takes_very_long, begin),
		cmocka_unit_test_setup(test_who_is_refused_is_told_why, begin),
		cmocka_unit_test_setup(test_shares_are_forgotten, begin),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
