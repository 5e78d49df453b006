#include "support/test.h"

#include "support/alloc.h"
#include "unstarted.h"

enum { T0 = 1000000 };

static int instances[200];
static unsigned tried;
static bool succeeds;

static bool start(void *instance)
{
	tried++;
	return succeeds;
}

/*! How often it was tried by that. */
static unsigned try(int instance, bool success, int64_t now_ms)
{
	tried = 0;
	succeeds = success;
	aname_unstarted_try(&instances[instance], start, now_ms);
	return tried;
}

static void once_a_second(void **state)
{
	assert_int_equal(try(0, true, T0), 0);
	assert_true(aname_unstarted_note(&instances[0], T0));
	assert_true(aname_unstarted_note(&instances[1], T0));
	assert_int_equal(try(0, false, T0), 1);
	assert_int_equal(try(1, false, T0 + 999), 0); /* One for all. */
	assert_int_equal(try(1, true, T0 + 1000), 1);
	assert_int_equal(try(0, true, T0 + 1000), 1); /* Who succeeds is followed at once, */
	assert_int_equal(try(0, true, T0 + 5000), 0); /* and is not started twice. */
}

static void not_between_unload_and_load(void **state)
{
	assert_int_equal(try(2, true, T0), 0);
	assert_true(aname_unstarted_note(&instances[2], T0));
	assert_true(aname_unstarted_note(&instances[3], T0));
	aname_unstarted_forget(&instances[2]);
	assert_int_equal(try(2, true, T0), 0);
	assert_int_equal(try(3, true, T0), 1);
	aname_unstarted_forget(&instances[3]);
	aname_unstarted_forget(&instances[3]);
}

static void many(void **state)
{
	for (unsigned i = 0; i < COUNT_OF(instances); i++) {
		assert_true(aname_unstarted_note(&instances[i], T0));
	}
	for (unsigned i = 0; i < COUNT_OF(instances); i++) {
		assert_int_equal(try(i, true, T0), 1);
	}
}

static void without_memory(void **state)
{
	unsigned noted = 0;
	while (true) {
		alloc_fail_at(1);
		bool room = aname_unstarted_note(&instances[0], T0);
		alloc_fail_at(0);
		if (!room) {
			break;
		}
		noted++;
	}
	for (unsigned i = 0; i < noted; i++) {
		aname_unstarted_forget(&instances[0]);
	}
	assert_int_equal(try(0, true, T0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PROVES("what could not be started is tried once a second", once_a_second),
		PROVES("nothing is started between an unload and a load",
		       not_between_unload_and_load),
		PROVES("200 that could not be started", many),
		PROVES("no memory even to note one: it is not tried", without_memory),
	};
	return RUN_TESTS("unstarted", tests);
}
