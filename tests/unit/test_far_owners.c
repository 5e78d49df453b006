#include "support/test.h"

#include "service/far_owners.h"
#include "support/alloc.h"
#include "support/clock.h"
#include "support/script.h"
#include "table/clock.h"

#define ANAME 65305

/*! Two servers: here is `one.`, and whatever the resolver tells of is elsewhere. */
typedef struct {
	scripted_t scripted;
	aname_owners_t *owners;
	name_t one, two, www, three, target;
	aname_owner_word_t word; /*!< Of `one.`, which leads to `two.`. */
} world_t;

static uint64_t hash_of(const world_t *world, const name_t *name)
{
	return aname_owners_hash(world->owners, name->at, name->len);
}

static void init(world_t *world)
{
	/* Who lives longer than `idle` is asked about at once. */
	aname_schedule_t schedule = make_schedule;
	schedule.idle = 10;
	clock_stop_at(1000000);
	scripted_init(&world->scripted, &schedule, NULL);
	world->owners = world->scripted.shared->owners;
	world->one = make_name("one.example.");
	world->two = make_name("two.example.");
	world->www = make_name("www.one.example.");
	world->three = make_name("three.example.");
	world->target = make_name("cdn.example.net.");
	atomic_init(&world->word, ANAME_OWNER_NEW);
	aname_owner_t owner = { .owner = hash_of(world, &world->one),
		                .records = hash_of(world, &world->two),
		                .type = ANAME };
	aname_owner_add(&owner, hash_of(world, &world->two));
	assert_true(aname_owners_register(world->owners, &world->word, &owner));
}

static void deinit(world_t *world)
{
	aname_owners_drop(world->owners, &world->word);
	scripted_deinit(&world->scripted);
}

static size_t count(const world_t *world)
{
	return aname_far_owners_count(world->scripted.refresh->far_owners);
}

static aname_way_t way(world_t *world, const name_t *end)
{
	return aname_owners_way(world->owners, &world->word, hash_of(world, end));
}

/*! A lookup of `two.` ends, now; the first one asks nothing else. */
static void look_up(world_t *world)
{
	scripted_ask(&world->scripted, &world->two, KNOT_RRTYPE_A, 300);
	if (aname_entry_snapshot(scripted_find(&world->scripted, &world->two, KNOT_RRTYPE_A)) ==
	    NULL) {
		scripted_resolve(&world->scripted, world->scripted.script.pending, 1, 1, 1);
		assert_int_equal(world->scripted.script.pending_count, 0);
		scripted_skip(&world->scripted, 1000);
	}
	script_lookup_t *lookup = scripted_pending(&world->scripted, &world->two, KNOT_RRTYPE_A);
	scripted_resolve(&world->scripted, lookup, 1, 1, 60);
}

/*! The question for the records at a name, or NULL. */
static script_lookup_t *asked(world_t *world, const name_t *name)
{
	return scripted_pending(&world->scripted, name, ANAME);
}

static void answer(world_t *world, const name_t *name, const name_t *last, const name_t *names,
                   uint32_t names_count)
{
	scripted_resolve_names(&world->scripted, asked(world, name), last, names, names_count);
}

static void no_records_no_owner(void **state)
{
	world_t world;
	init(&world);
	look_up(&world);
	answer(&world, &world.two, NULL, NULL, 0);
	assert_int_equal(count(&world), 0);
	assert_int_equal(world.scripted.script.pending_count, 0);
	assert_int_equal(way(&world, &world.two), ANAME_WAY_OUT);
	deinit(&world);
}

static void a_circle_over_two_servers(void **state)
{
	world_t world;
	init(&world);
	look_up(&world);
	const name_t both[] = { world.www, world.target };
	answer(&world, &world.two, NULL, both, 2);
	assert_int_equal(count(&world), 1);
	/* `www.one.` is an alias, which the reply tells; and what is here has to be there. */
	assert_int_equal(way(&world, &world.two), ANAME_WAY_OUT);
	answer(&world, &world.www, &world.one, &world.two, 1);
	assert_int_equal(count(&world), 2);
	/* It has another target, and so a way out. */
	assert_int_equal(way(&world, &world.two), ANAME_WAY_NEARER);
	answer(&world, &world.target, NULL, NULL, 0);
	assert_int_equal(count(&world), 2);
	assert_int_equal(world.scripted.script.pending_count, 0);
	deinit(&world);
}

static void records_that_are_not_ours_there(void **state)
{
	world_t world;
	init(&world);
	look_up(&world);
	answer(&world, &world.two, NULL, &world.one, 1);
	answer(&world, &world.one, NULL, &world.three, 1);
	assert_int_equal(way(&world, &world.two), ANAME_WAY_OUT);
	answer(&world, &world.three, NULL, NULL, 0);
	deinit(&world);
}

/*! It is found, with nothing but itself on both sides. */
static void find_circle(world_t *world)
{
	look_up(world);
	answer(world, &world->two, NULL, &world->one, 1);
	answer(world, &world->one, NULL, &world->two, 1);
	assert_int_equal(way(world, &world->two), ANAME_WAY_BACK);
}

static void a_circle_that_opens(void **state)
{
	world_t world;
	init(&world);
	find_circle(&world);
	/* Not with every lookup. */
	clock_skip(20000);
	aname_far_owners_ask(world.scripted.refresh,
	                     scripted_find(&world.scripted, &world.two, KNOT_RRTYPE_A), NULL, 60,
	                     aname_clock_ms());
	assert_null(asked(&world, &world.two));
	clock_skip(10000);
	aname_far_owners_ask(world.scripted.refresh,
	                     scripted_find(&world.scripted, &world.two, KNOT_RRTYPE_A), NULL, 0,
	                     aname_clock_ms());
	/* A failure says nothing. */
	scripted_fail(&world.scripted, asked(&world, &world.two), ANAME_FAILURE_SERVER);
	assert_int_equal(way(&world, &world.two), ANAME_WAY_BACK);
	aname_far_owners_ask(world.scripted.refresh,
	                     scripted_find(&world.scripted, &world.two, KNOT_RRTYPE_A), NULL, 0,
	                     aname_clock_ms());
	answer(&world, &world.two, NULL, NULL, 0);
	assert_int_equal(way(&world, &world.two), ANAME_WAY_OUT);
	assert_int_equal(count(&world), 0);
	deinit(&world);
}

static void nothing_is_asked_for_ever(void **state)
{
	/* Each name leads to two more. */
	world_t world;
	init(&world);
	look_up(&world);
	unsigned answered = 0;
	script_lookup_t *lookup = asked(&world, &world.two);
	while (lookup != NULL) {
		const name_t names[] = { make_name_nth(2 * answered),
			                 make_name_nth(2 * answered + 1) };
		scripted_resolve_names(&world.scripted, lookup, NULL, names, 2);
		answered++;
		assert_true(answered <= 16);
		lookup = world.scripted.script.pending;
	}
	assert_int_equal(answered, 16);
	assert_int_equal(count(&world), 16);
	deinit(&world);
}

static void there_are_so_many_at_most(void **state)
{
	world_t world;
	init(&world);
	look_up(&world);
	answer(&world, &world.two, NULL, NULL, 0);
	/* Each of a thousand targets ends at an owner of another server. */
	for (uint32_t i = 0; i < 2 * ANAME_FAR_OWNERS_MAX; i++) {
		name_t name = make_name_nth(i);
		aname_far_owners_ask(world.scripted.refresh,
		                     scripted_find(&world.scripted, &world.two, KNOT_RRTYPE_A),
		                     name.at, 60, aname_clock_ms());
		answer(&world, &name, NULL, &world.target, 1);
		answer(&world, &world.target, NULL, NULL, 0);
	}
	assert_int_equal(count(&world), ANAME_FAR_OWNERS_MAX);
	/* They give way to those of later, */
	clock_skip(600000);
	find_circle(&world);
	assert_int_equal(count(&world), ANAME_FAR_OWNERS_MAX);
	/* and are taken out with all else. */
	size_t owners = aname_owners_count(world.owners);
	assert_int_equal(owners, ANAME_FAR_OWNERS_MAX + 1);
	deinit(&world);
}

static void without_memory(void **state)
{
	unsigned n = 0;
	bool failed_one;
	do {
		world_t world;
		init(&world);
		look_up(&world);
		alloc_fail_at(++n);
		answer(&world, &world.two, NULL, &world.one, 1);
		failed_one = alloc_failed();
		alloc_fail_at(0);
		assert_true(count(&world) <= 1);
		deinit(&world);
	} while (failed_one);
	assert_true(n > 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PROVES("F5: where there are no ANAME records there is no owner",
		       no_records_no_owner),
		PROVES("F5: who leads back here by another server is in a circle",
		       a_circle_over_two_servers),
		PROVES("F5: not if the world knows other records than ours",
		       records_that_are_not_ours_there),
		PROVES("F5: it is asked again, and found when it opens", a_circle_that_opens),
		PROVES("F5: few names are asked from one target on", nothing_is_asked_for_ever),
		PROVES("F5: few are noted, the latest ones", there_are_so_many_at_most),
		PROVES("it can do without memory", without_memory),
	};
	return RUN_TESTS("far_owners", tests);
}
