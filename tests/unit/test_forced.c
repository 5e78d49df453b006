#include "support/test.h"

#include <arpa/inet.h>

#include <libknot/errcode.h>

#include "service/forced.h"
#include "support/alloc.h"
#include "support/make.h"

#define NOW_MS 1000000

/*! Reads a subject: a name, or an address. */
static aname_subject_t subject_of(const char *text)
{
	aname_subject_t subject = { 0 };
	if (inet_pton(AF_INET, text, subject.address) == 1) {
		subject.len = 4;
	} else if (inet_pton(AF_INET6, text, subject.address) == 1) {
		subject.len = 16;
	} else {
		assert_non_null(knot_dname_from_str(subject.name, text, sizeof(subject.name)));
	}
	return subject;
}

static int set(aname_forces_t *forces, const char *text, aname_forced_t state, int64_t until_ms)
{
	aname_subject_t subject = subject_of(text);
	return aname_forces_set(forces, &subject, state, until_ms, NOW_MS);
}

static aname_forces_t *make_forces(void)
{
	aname_forces_t *forces = aname_forces_new();
	assert_non_null(forces);
	return forces;
}

/* What counts. */

typedef struct {
	const char *proves;
	const char *name, *address; /*!< What is asked about. */
	aname_forced_t state;
	int64_t since_ms;
} row_t;

static const row_t rows[] = {
	{ "of others nothing is said", "other.example.", "192.0.2.9", ANAME_FORCED_AUTO, 0 },
	{ "H8: all addresses of a target", "down.example.", "192.0.2.9", ANAME_FORCED_DOWN, 1 },
	{ "H8: an address, whatever its target", "other.example.", "192.0.2.1", ANAME_FORCED_DOWN,
	  2 },
	{ "H8: an address's own word goes before its target's", "down.example.", "192.0.2.2",
	  ANAME_FORCED_UP, 3 },
	{ "the same, the other way round", "up.example.", "192.0.2.1", ANAME_FORCED_DOWN, 2 },
	{ "an IPv6 address", "other.example.", "2001:db8::1", ANAME_FORCED_UP, 4 },
	{ "a target by itself", "up.example.", NULL, ANAME_FORCED_UP, 5 },
	{ "an address by itself", NULL, "192.0.2.1", ANAME_FORCED_DOWN, 2 },
	{ "neither of them", NULL, NULL, ANAME_FORCED_AUTO, 0 },
	{ "what is below a target is another one", "a.down.example.", NULL, ANAME_FORCED_AUTO, 0 },
	{ "the first octets of an IPv6 address are not an IPv4 address", NULL,
	  "c000:201::", ANAME_FORCED_AUTO, 0 },
};

static void check_row(void **state)
{
	static const struct {
		const char *subject;
		aname_forced_t state;
	} said[] = {
		{ "down.example.", ANAME_FORCED_DOWN }, { "192.0.2.1", ANAME_FORCED_DOWN },
		{ "192.0.2.2", ANAME_FORCED_UP },       { "2001:db8::1", ANAME_FORCED_UP },
		{ "up.example.", ANAME_FORCED_UP },
	};
	const row_t *row = *state;
	aname_forces_t *forces = make_forces();
	for (size_t i = 0; i < COUNT_OF(said); i++) {
		aname_subject_t subject = subject_of(said[i].subject);
		assert_int_equal(aname_forces_set(forces, &subject, said[i].state,
		                                  ANAME_FORCED_EVER, (int64_t)i + 1),
		                 KNOT_EOK);
	}
	aname_subject_t name = { 0 }, address = { 0 };
	if (row->name != NULL) {
		name = subject_of(row->name);
	}
	if (row->address != NULL) {
		address = subject_of(row->address);
	}
	int64_t since_ms = 0;
	assert_int_equal(aname_forces_of(forces, row->name != NULL ? name.name : NULL,
	                                 row->address != NULL ? address.address : NULL, address.len,
	                                 &since_ms),
	                 row->state);
	assert_int_equal(since_ms, row->since_ms);
	aname_forces_free(forces);
}

/* What comes and goes. */

static void taken_back(void **state)
{
	aname_forces_t *forces = make_forces();
	assert_false(aname_forces_any(forces));
	assert_int_equal(set(forces, "a.example.", ANAME_FORCED_AUTO, 0), KNOT_ENOENT);
	assert_int_equal(set(forces, "a.example.", ANAME_FORCED_DOWN, ANAME_FORCED_EVER), KNOT_EOK);
	assert_true(aname_forces_any(forces));
	assert_int_equal(set(forces, "b.example.", ANAME_FORCED_AUTO, 0), KNOT_ENOENT);
	assert_int_equal(set(forces, "a.example.", ANAME_FORCED_AUTO, 0), KNOT_EOK);
	assert_false(aname_forces_any(forces));
	assert_int_equal(set(forces, "a.example.", ANAME_FORCED_AUTO, 0), KNOT_ENOENT);
	aname_forces_free(forces);
}

static void said_again(void **state)
{
	aname_forces_t *forces = make_forces();
	const aname_subject_t subject = subject_of("192.0.2.1");
	assert_int_equal(aname_forces_set(forces, &subject, ANAME_FORCED_DOWN, 50, 10), KNOT_EOK);
	assert_int_equal(aname_forces_set(forces, &subject, ANAME_FORCED_DOWN, 90, 20), KNOT_EOK);
	const aname_force_t *force = aname_forces_find(forces, &subject);
	assert_non_null(force);
	assert_int_equal(force->since_ms, 10);
	assert_int_equal(force->until_ms, 90);
	assert_int_equal(aname_forces_set(forces, &subject, ANAME_FORCED_UP, ANAME_FORCED_EVER, 30),
	                 KNOT_EOK);
	force = aname_forces_find(forces, &subject);
	assert_int_equal(force->state, ANAME_FORCED_UP);
	assert_int_equal(force->since_ms, 30);
	assert_int_equal(force->until_ms, ANAME_FORCED_EVER);
	size_t position = 0;
	assert_non_null(aname_forces_step(forces, &position));
	assert_null(aname_forces_step(forces, &position));
	aname_forces_free(forces);
}

static void time_is_over(void **state)
{
	aname_forces_t *forces = make_forces();
	aname_force_t ended;
	assert_int_equal(aname_forces_next(forces), INT64_MAX);
	assert_int_equal(set(forces, "ever.example.", ANAME_FORCED_DOWN, ANAME_FORCED_EVER),
	                 KNOT_EOK);
	assert_int_equal(aname_forces_next(forces), INT64_MAX);
	assert_int_equal(set(forces, "192.0.2.1", ANAME_FORCED_UP, NOW_MS + 20), KNOT_EOK);
	assert_int_equal(set(forces, "late.example.", ANAME_FORCED_DOWN, NOW_MS + 10), KNOT_EOK);
	assert_int_equal(aname_forces_next(forces), NOW_MS + 10);

	assert_false(aname_forces_expire(forces, NOW_MS + 9, &ended));
	assert_true(aname_forces_expire(forces, NOW_MS + 10, &ended));
	const aname_subject_t late = subject_of("late.example.");
	assert_true(knot_dname_is_equal(ended.subject.name, late.name));
	assert_int_equal(ended.state, ANAME_FORCED_DOWN);
	assert_int_equal(aname_forces_next(forces), NOW_MS + 20);
	assert_false(aname_forces_expire(forces, NOW_MS + 10, &ended));

	assert_true(aname_forces_expire(forces, INT64_MAX, &ended));
	assert_int_equal(ended.subject.len, 4);
	assert_false(aname_forces_expire(forces, INT64_MAX, &ended));
	assert_true(aname_forces_any(forces));
	aname_forces_free(forces);
}

static void bounded(void **state)
{
	aname_forces_t *forces = make_forces();
	for (uint32_t i = 0; i < ANAME_FORCES_MAX; i++) {
		/* In an order that is not that of the list. */
		aname_subject_t subject = { .len = i % 2 == 0 ? 4 : 16 };
		make_address(subject.address, subject.len, i * 7919 % ANAME_FORCES_MAX);
		assert_int_equal(
		        aname_forces_set(forces, &subject, ANAME_FORCED_DOWN, NOW_MS + i, NOW_MS),
		        KNOT_EOK);
	}
	assert_int_equal(set(forces, "one.more.example.", ANAME_FORCED_UP, NOW_MS), KNOT_ELIMIT);
	size_t position = 0;
	aname_subject_t first = aname_forces_step(forces, &position)->subject;
	assert_int_equal(aname_forces_set(forces, &first, ANAME_FORCED_UP, NOW_MS, NOW_MS),
	                 KNOT_EOK);
	while (aname_forces_step(forces, &position) != NULL) {
	}
	assert_int_equal(position, ANAME_FORCES_MAX);

	aname_force_t ended;
	for (uint32_t i = 0; i < ANAME_FORCES_MAX; i++) {
		assert_true(aname_forces_expire(forces, INT64_MAX, &ended));
		assert_null(aname_forces_find(forces, &ended.subject));
	}
	assert_false(aname_forces_any(forces));
	assert_int_equal(set(forces, "one.more.example.", ANAME_FORCED_UP, NOW_MS), KNOT_EOK);
	aname_forces_free(forces);
}

/*! As texts, in the order of the list. */
static void in_order(void **state)
{
	static const char *const said[] = { "b.example.", "2001:db8::1", "192.0.2.9",
		                            "a.example.", "192.0.2.1",   "long.example." };
	static const char *const sorted[] = { "192.0.2.1",  "192.0.2.9",  "2001:db8::1",
		                              "a.example.", "b.example.", "long.example." };
	aname_forces_t *forces = make_forces();
	for (size_t i = 0; i < COUNT_OF(said); i++) {
		assert_int_equal(set(forces, said[i], ANAME_FORCED_DOWN, NOW_MS), KNOT_EOK);
	}
	size_t position = 0;
	for (size_t i = 0; i < COUNT_OF(sorted); i++) {
		char text[ANAME_SUBJECT_TEXT_MAX];
		const aname_force_t *force = aname_forces_step(forces, &position);
		assert_non_null(force);
		aname_subject_text(&force->subject, text);
		assert_string_equal(text, sorted[i]);
	}
	assert_null(aname_forces_step(forces, &position));
	aname_forces_free(forces);
}

static bool force_two(void *ctx)
{
	aname_forces_t *forces = aname_forces_new();
	bool good = forces != NULL &&
	            set(forces, "a.example.", ANAME_FORCED_DOWN, NOW_MS) == KNOT_EOK &&
	            set(forces, "192.0.2.1", ANAME_FORCED_UP, NOW_MS) == KNOT_EOK;
	aname_forces_free(forces);
	return good;
}

static void out_of_memory(void **state)
{
	assert_int_equal(alloc_fail_each(force_two, NULL), 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PROVES("H8: what was forced is taken back", taken_back),
		PROVES("said again it keeps its beginning, and gets another end", said_again),
		PROVES("H8: it ends when its time is over", time_is_over),
		PROVES("1,000 subjects are forced at once and no more", bounded),
		PROVES("addresses come first, then targets, each once", in_order),
		PROVES("without memory nothing is forced", out_of_memory),
	};
	return RUN_ROWS("forced: what counts", rows, check_row) + RUN_TESTS("forced: all", tests);
}
