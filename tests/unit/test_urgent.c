/* Lookups that an operator asks for, on simulated time. */

#include "support/test.h"

#include "protocol.h"
#include "service/urgent.h"
#include "support/alloc.h"
#include "support/clock.h"
#include "support/script.h"
#include "table/clock.h"

#define A    KNOT_RRTYPE_A
#define AAAA KNOT_RRTYPE_AAAA

typedef struct {
	scripted_t scripted;
	knot_dname_storage_t names[ANAME_STATUS_NAMES];
	aname_urgent_t urgent;
} world_t;

static void init_retry(world_t *world, const aname_limits_t *limits, uint32_t retry)
{
	aname_schedule_t schedule = make_schedule;
	schedule.retry_min = schedule.retry_max = retry;
	clock_stop_at(1000000);
	memset(&world->urgent, 0, sizeof(world->urgent));
	world->urgent.names = world->names;
	scripted_init(&world->scripted, &schedule, limits);
}

static void init(world_t *world, const aname_limits_t *limits)
{
	init_retry(world, limits, 300);
}

static void deinit(world_t *world)
{
	scripted_deinit(&world->scripted);
}

/*! Has a name known, by one address. */
static void learn(world_t *world, const name_t *name, uint16_t type)
{
	scripted_ask(&world->scripted, name, type, 3600);
	scripted_resolve(&world->scripted, scripted_pending(&world->scripted, name, type), 1, 1,
	                 3600);
	assert_int_equal(world->scripted.script.pending_count, 0);
}

static void find(world_t *world, const name_t *name)
{
	memcpy(world->names[0], name->at, name->len);
	world->urgent.names_count = 1;
	aname_urgent_find(world->scripted.refresh, &world->urgent);
}

static size_t look(world_t *world)
{
	return aname_refresh_urge(world->scripted.refresh, &world->urgent);
}

static bool is_looked_up(world_t *world, const name_t *name, uint16_t type)
{
	return scripted_pending(&world->scripted, name, type) != NULL;
}

static uint32_t first_address(world_t *world, const name_t *name)
{
	const aname_snapshot_t *known =
	        aname_entry_snapshot(scripted_find(&world->scripted, name, A));
	return known->rdata[sizeof(uint16_t) + 3];
}

static void both_families(void **state)
{
	static world_t world;
	const name_t name = make_name("a.example."), other = make_name("b.example.");
	init(&world, NULL);
	learn(&world, &name, A);
	learn(&world, &name, AAAA);
	learn(&world, &other, A);
	find(&world, &name);
	assert_int_equal(world.urgent.count, 2);
	assert_int_equal(world.scripted.script.pending_count, 0); /* Nothing is looked up yet. */
	assert_int_equal(look(&world), 2);
	assert_int_equal(world.scripted.script.pending_count, 2);
	assert_null(scripted_pending(&world.scripted, &other, A));
	scripted_resolve(&world.scripted, scripted_pending(&world.scripted, &name, A), 7, 1, 60);
	assert_int_equal(look(&world), 1);
	assert_int_equal(first_address(&world, &name), 7);
	scripted_fail(&world.scripted, scripted_pending(&world.scripted, &name, AAAA),
	              ANAME_FAILURE_SERVER);
	assert_int_equal(look(&world), 0);
	assert_int_equal(look(&world), 0);
	assert_false(is_looked_up(&world, &name, A) || is_looked_up(&world, &name, AAAA));
	deinit(&world);
}

static void nothing_known(void **state)
{
	static world_t world;
	const name_t name = make_name("a.example.");
	init(&world, NULL);
	find(&world, &name);
	assert_int_equal(world.urgent.count, 0);
	assert_int_equal(look(&world), 0);
	assert_int_equal(world.scripted.script.started, 0);
	deinit(&world);
}

/*! Who asks for what is asked for already has the same lookup. */
static void one_lookup_for_all(void **state)
{
	static world_t world;
	static aname_urgent_t others[1000];
	const name_t name = make_name("a.example.");
	init(&world, NULL);
	learn(&world, &name, A);
	for (size_t i = 0; i < COUNT_OF(others); i++) {
		find(&world, &name);
		others[i] = world.urgent;
	}
	unsigned before = world.scripted.script.started;
	for (size_t i = 0; i < COUNT_OF(others); i++) {
		assert_int_equal(aname_refresh_urge(world.scripted.refresh, &others[i]), 1);
	}
	assert_int_equal(world.scripted.script.started, before + 1);
	scripted_resolve(&world.scripted, world.scripted.script.pending, 7, 1, 60);
	for (size_t i = 0; i < COUNT_OF(others); i++) {
		assert_int_equal(aname_refresh_urge(world.scripted.refresh, &others[i]), 0);
	}
	assert_int_equal(world.scripted.script.started, before + 1);
	deinit(&world);
}

/*! One that was under way may bring what was there before. */
static void one_under_way_does_not_count(void **state)
{
	static world_t world;
	const name_t name = make_name("a.example.");
	init(&world, NULL);
	learn(&world, &name, A);
	find(&world, &name);
	assert_int_equal(look(&world), 1);
	unsigned before = world.scripted.script.started;
	find(&world, &name);
	assert_int_equal(look(&world), 1);
	assert_int_equal(world.scripted.script.started, before);
	scripted_resolve(&world.scripted, world.scripted.script.pending, 6, 1, 60);
	assert_int_equal(look(&world), 1);
	assert_int_equal(world.scripted.script.started, before + 1);
	scripted_resolve(&world.scripted, world.scripted.script.pending, 7, 1, 60);
	assert_int_equal(look(&world), 0);
	assert_int_equal(first_address(&world, &name), 7);
	deinit(&world);
}

/*! A pause after failures is passed over once, and goes on. */
static void a_pause_is_passed_over(void **state)
{
	static world_t world;
	const name_t name = make_name("a.example."), other = make_name("b.example.");
	init(&world, NULL);
	learn(&world, &other, A);
	scripted_ask(&world.scripted, &name, A, 3600);
	scripted_fail(&world.scripted, world.scripted.script.pending, ANAME_FAILURE_SERVER);
	scripted_skip(&world.scripted, 1000);
	assert_false(is_looked_up(&world, &name, A));
	find(&world, &name);
	assert_int_equal(look(&world), 1);
	scripted_fail(&world.scripted, scripted_pending(&world.scripted, &name, A),
	              ANAME_FAILURE_SERVER);
	assert_int_equal(look(&world), 0);
	scripted_skip(&world.scripted, 100000);
	assert_false(is_looked_up(&world, &name, A));
	assert_int_equal(scripted_find(&world.scripted, &name, A)->plan.failures, 2);
	deinit(&world);
}

/*! While the upstream is out it does not wait in the line. */
static void the_line_is_passed(void **state)
{
	static world_t world;
	name_t names[20];
	init_retry(&world, NULL, 1);
	for (uint32_t i = 0; i < COUNT_OF(names); i++) {
		names[i] = make_name_nth(i);
		scripted_ask(&world.scripted, &names[i], A, 3600);
	}
	for (unsigned i = 0; i < 100; i++) {
		while (world.scripted.script.pending_count > 0) {
			scripted_fail(&world.scripted, world.scripted.script.pending,
			              ANAME_FAILURE_NETWORK);
		}
		scripted_skip(&world.scripted, 100);
	}
	while (world.scripted.script.pending_count > 0) {
		scripted_fail(&world.scripted, world.scripted.script.pending,
		              ANAME_FAILURE_NETWORK);
	}
	assert_true(atomic_load(&world.scripted.upstream->silent));
	size_t waiting = world.scripted.upstream->work->waiting_count;
	assert_true(waiting > 10);
	for (unsigned i = 10; i < 13; i++) {
		find(&world, &names[i]);
		assert_int_equal(look(&world), 1);
		assert_non_null(scripted_pending(&world.scripted, &names[i], A));
		scripted_fail(&world.scripted, scripted_pending(&world.scripted, &names[i], A),
		              ANAME_FAILURE_NETWORK);
		assert_int_equal(look(&world), 0);
		assert_int_equal(world.scripted.upstream->work->waiting_count, waiting);
	}
	find(&world, &names[13]);
	assert_int_equal(look(&world), 1);
	scripted_resolve(&world.scripted, scripted_pending(&world.scripted, &names[13], A), 7, 1,
	                 60);
	assert_int_equal(look(&world), 0);
	assert_false(atomic_load(&world.scripted.upstream->silent));
	assert_int_equal(world.scripted.upstream->work->waiting_count, 0);
	deinit(&world);
}

/*! At the pace of all others. */
static void the_pace_is_kept(void **state)
{
	static world_t world;
	aname_limits_t limits = {
		.threads = 4, .max_targets = 1000, .max_lookups = 1000, .lookup_rate = 1
	};
	const name_t name = make_name("a.example.");
	init(&world, &limits);
	scripted_ask(&world.scripted, &name, A, 3600);
	for (unsigned i = 0; i < 10 && world.scripted.script.pending_count == 0; i++) {
		scripted_skip(&world.scripted, 1000);
	}
	scripted_resolve(&world.scripted, world.scripted.script.pending, 1, 1, 3600);
	unsigned started = world.scripted.script.started;
	for (unsigned i = 0; i < 100; i++) {
		find(&world, &name);
		(void)look(&world);
		if (world.scripted.script.pending_count > 0) {
			scripted_resolve(&world.scripted, world.scripted.script.pending, 2, 1,
			                 3600);
		}
		scripted_skip(&world.scripted, 100);
	}
	/* Ten seconds. */
	assert_in_range(world.scripted.script.started - started, 5, 12);
	deinit(&world);
}

/*! What is known may go while it is waited for. */
static void what_goes_is_done(void **state)
{
	static world_t world;
	const name_t name = make_name("a.example.");
	init(&world, NULL);
	learn(&world, &name, A);
	find(&world, &name);
	/* Nobody asks for it, and it is of no use any more. */
	for (unsigned i = 0; i < 100 && scripted_find(&world.scripted, &name, A) != NULL; i++) {
		scripted_skip(&world.scripted, 86400 * (int64_t)1000);
		while (world.scripted.script.pending_count > 0) {
			scripted_resolve(&world.scripted, world.scripted.script.pending, 1, 1, 60);
		}
	}
	assert_null(scripted_find(&world.scripted, &name, A));
	assert_int_equal(look(&world), 0);
	assert_null(aname_urgent_entry(world.scripted.refresh, &world.urgent, 0));
	deinit(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PROVES("both families are looked up, and how it was is told before", both_families),
		PROVES("what is not known is not looked up", nothing_known),
		PROVES("a thousand who ask at once share a lookup", one_lookup_for_all),
		PROVES("a lookup that was under way is not the answer",
		       one_under_way_does_not_count),
		PROVES("F4: a pause is passed over once", a_pause_is_passed_over),
		PROVES("F4: so is the line of those that wait while the upstream is silent",
		       the_line_is_passed),
		PROVES("L1: lookups keep the pace", the_pace_is_kept),
		PROVES("what is known may go meanwhile", what_goes_is_done),
	};
	return RUN_TESTS("urgent", tests);
}
