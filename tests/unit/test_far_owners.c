#include "support/test.h"

#include "service/confirm.h"
#include "service/far_owners.h"
#include "support/alloc.h"
#include "support/clock.h"
#include "support/script.h"
#include "table/clock.h"

#define ANAME 65305
#define ALIAS 65401

/*! Zones, as aname_shared_zone() tells them apart. */
enum { HOSTILE = 1, VICTIM, OTHER, MANY = 100 };

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

static void init_with(world_t *world, const aname_limits_t *limits)
{
	/* Who lives longer than `idle` is asked about at once. */
	aname_schedule_t schedule = make_schedule;
	schedule.idle = 10;
	clock_stop_at(1000000);
	scripted_init(&world->scripted, &schedule, limits);
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

static void init(world_t *world)
{
	init_with(world, NULL);
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

/*! The entry of `two.`, as that of a target of this zone. */
static aname_entry_t *entry_of(world_t *world, uint32_t zone)
{
	aname_entry_t *entry = scripted_find(&world->scripted, &world->two, KNOT_RRTYPE_A);
	atomic_store(&entry->charged, zone);
	return entry;
}

/*! A target of this zone is found to end here. */
static void ask_from(world_t *world, uint32_t zone, const name_t *end)
{
	aname_far_owners_ask(world->scripted.refresh, entry_of(world, zone), end->at, 60,
	                     aname_clock_ms());
}

/*! Answers a question, if it is asked. */
static void answer_if(world_t *world, const name_t *name, const name_t *names, uint32_t names_count)
{
	if (asked(world, name) != NULL) {
		answer(world, name, NULL, names, names_count);
	}
}

/*! And there are records, which lead to addresses. */
static void find_from(world_t *world, uint32_t zone, const name_t *end)
{
	ask_from(world, zone, end);
	answer_if(world, end, &world->target, 1);
	answer_if(world, &world->target, NULL, 0);
}

/*! `two.` is looked up, and no questions are left. */
static void begin(world_t *world)
{
	look_up(world);
	answer_if(world, &world->two, NULL, 0);
}

static unsigned pending(const world_t *world)
{
	return world->scripted.script.pending_count;
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
	bool target_first = asked(&world, &world.target) != NULL;
	if (target_first) {
		answer(&world, &world.target, NULL, NULL, 0);
	}
	/* `www.one.` is an alias, which the reply tells; and what is here has to be there. */
	assert_int_equal(way(&world, &world.two), ANAME_WAY_OUT);
	answer(&world, &world.www, &world.one, &world.two, 1);
	assert_int_equal(count(&world), 2);
	/* It has another target, and so a way out. */
	assert_int_equal(way(&world, &world.two), ANAME_WAY_NEARER);
	if (!target_first) {
		answer(&world, &world.target, NULL, NULL, 0);
	}
	assert_int_equal(count(&world), 2);
	assert_int_equal(world.scripted.script.pending_count, 0);
	deinit(&world);
}

static void a_zone_here_by_its_name(void **state)
{
	/* Somebody adds `two.` here, which leads elsewhere, before the circle is found. */
	world_t world;
	init(&world);
	aname_owner_word_t word = ANAME_OWNER_NEW;
	aname_owner_t pretender = { .owner = hash_of(&world, &world.two),
		                    .records = hash_of(&world, &world.three),
		                    .type = ANAME };
	aname_owner_add(&pretender, hash_of(&world, &world.three));
	assert_true(aname_owners_register(world.owners, &word, &pretender));
	scripted_ask(&world.scripted, &world.two, KNOT_RRTYPE_A, 300);
	scripted_resolve(&world.scripted, world.scripted.script.pending, 1, 1, 1);
	answer(&world, &world.two, NULL, &world.one, 1);
	scripted_skip(&world.scripted, 1000);
	look_up(&world);
	while (asked(&world, &world.two) != NULL) {
		answer(&world, &world.two, NULL, &world.one, 1);
	}
	answer(&world, &world.one, NULL, &world.two, 1);
	assert_int_equal(way(&world, &world.two), ANAME_WAY_BACK);
	aname_owners_drop(world.owners, &word);
	assert_int_equal(way(&world, &world.two), ANAME_WAY_BACK);
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
	assert_true(scripted_heard(&world.scripted, "512 names of other servers") > 0);
	/* They give way to those of later, */
	clock_skip(600000);
	find_circle(&world);
	assert_int_equal(count(&world), ANAME_FAR_OWNERS_MAX);
	/* and are taken out with all else. */
	size_t owners = aname_owners_count(world.owners);
	assert_int_equal(owners, ANAME_FAR_OWNERS_MAX + 1);
	deinit(&world);
}

/* One zone does not hide others' circles. */

/*! The hostile zone has found as many as there may be. */
static void fill(world_t *world)
{
	for (uint32_t i = 0; i < ANAME_FAR_OWNERS_MAX; i++) {
		name_t name = make_name_nth(i);
		find_from(world, HOSTILE, &name);
	}
	assert_int_equal(count(world), ANAME_FAR_OWNERS_MAX);
}

/*! It is found by a target of this zone. */
static void find_circle_from(world_t *world, uint32_t zone)
{
	unsigned before = pending(world);
	ask_from(world, zone, &world->two);
	answer_if(world, &world->two, &world->one, 1);
	answer_if(world, &world->one, &world->two, 1);
	assert_int_equal(pending(world), before);
}

static void one_zone_takes_all(void **state)
{
	world_t world;
	init(&world);
	begin(&world);
	fill(&world);
	find_circle_from(&world, VICTIM);
	assert_int_equal(way(&world, &world.two), ANAME_WAY_BACK);
	/* The hostile zone asks for its own again, and for more, all the time. */
	for (uint32_t i = 0; i < 3 * ANAME_FAR_OWNERS_MAX; i++) {
		name_t name = make_name_nth(i);
		find_from(&world, HOSTILE, &name);
		clock_skip(i % 8 == 0 ? 1000 : 0);
		assert_int_equal(way(&world, &world.two), ANAME_WAY_BACK);
	}
	assert_int_equal(count(&world), ANAME_FAR_OWNERS_MAX);
	deinit(&world);
}

static void what_several_zones_lead_to(void **state)
{
	world_t world;
	init(&world);
	/* The hostile zone has found the circle first, and others after it. */
	begin(&world);
	find_circle_from(&world, HOSTILE);
	clock_skip(1);
	fill(&world);
	find_circle_from(&world, VICTIM);
	/* A third zone has some of the hostile one's place, which begins with the oldest. */
	for (uint32_t i = 0; i < 16; i++) {
		name_t name = make_name_nth(ANAME_FAR_OWNERS_MAX + i);
		find_from(&world, OTHER, &name);
		assert_int_equal(way(&world, &world.two), ANAME_WAY_BACK);
		find_circle_from(&world, HOSTILE);
	}
	assert_int_equal(way(&world, &world.two), ANAME_WAY_BACK);
	/* It is not asked about again and again by either. */
	ask_from(&world, VICTIM, &world.two);
	ask_from(&world, HOSTILE, &world.two);
	assert_int_equal(pending(&world), 0);
	deinit(&world);
}

static void places_are_shared_evenly(void **state)
{
	world_t world;
	init(&world);
	begin(&world);
	fill(&world);
	/* The second zone has half of them, and no more. */
	for (uint32_t i = 0; i < 2 * ANAME_FAR_OWNERS_MAX; i++) {
		name_t name = make_name_nth(ANAME_FAR_OWNERS_MAX + i);
		find_from(&world, VICTIM, &name);
	}
	size_t left = 0;
	for (uint32_t i = 0; i < ANAME_FAR_OWNERS_MAX; i++) {
		name_t name = make_name_nth(i);
		ask_from(&world, HOSTILE, &name);
		/* What is known well enough is not asked for. */
		left += asked(&world, &name) == NULL;
		answer_if(&world, &name, NULL, 0);
	}
	assert_int_equal(left, ANAME_FAR_OWNERS_MAX / 2);
	deinit(&world);
}

static void one_walk_of_a_zone_at_a_time(void **state)
{
	world_t world;
	init(&world);
	begin(&world);
	/* Nothing of this is answered. */
	for (uint32_t i = 0; i < 64; i++) {
		name_t name = make_name_nth(i);
		ask_from(&world, HOSTILE, &name);
	}
	assert_int_equal(pending(&world), 1);
	find_circle_from(&world, VICTIM);
	assert_int_equal(way(&world, &world.two), ANAME_WAY_BACK);
	assert_int_equal(pending(&world), 1);
	deinit(&world);
}

static void so_many_walks_at_a_time(void **state)
{
	world_t world;
	init(&world);
	begin(&world);
	for (uint32_t i = 0; i < 64; i++) {
		name_t name = make_name_nth(i);
		ask_from(&world, MANY + i, &name);
	}
	assert_int_equal(pending(&world), ANAME_FAR_OWNERS_WALKS);
	/* What is here is asked about nevertheless. */
	aname_confirm_ask(world.scripted.refresh, entry_of(&world, VICTIM), world.one.at,
	                  aname_clock_ms());
	answer(&world, &world.one, NULL, &world.two, 1);
	assert_int_equal(pending(&world), ANAME_FAR_OWNERS_WALKS);
	/* Who has ended leaves a place. */
	name_t first = make_name_nth(0);
	scripted_fail(&world.scripted, asked(&world, &first), ANAME_FAILURE_TIMEOUT);
	find_circle_from(&world, VICTIM);
	assert_int_equal(way(&world, &world.two), ANAME_WAY_BACK);
	deinit(&world);
}

static void silence_ends_a_walk(void **state)
{
	static const aname_failure_t failures[] = { ANAME_FAILURE_TIMEOUT, ANAME_FAILURE_SERVER,
		                                    ANAME_FAILURE_NETWORK };
	world_t world;
	init(&world);
	begin(&world);
	/* `www.` never answers: that hides `three.` now and then only. */
	bool ended = false, answered = false;
	for (unsigned i = 0; i < 200 && !(ended && answered); i++) {
		ask_from(&world, VICTIM, &world.two);
		const name_t both[] = { world.www, world.three };
		answer(&world, &world.two, NULL, both, 2);
		if (asked(&world, &world.three) != NULL) {
			answer(&world, &world.three, NULL, NULL, 0);
			answered = true;
		} else {
			ended = true;
		}
		scripted_fail(&world.scripted, asked(&world, &world.www), failures[i % 3]);
		assert_int_equal(pending(&world), 0);
		clock_skip(30000);
	}
	assert_true(ended);
	assert_true(answered);
	deinit(&world);
}

static void few_lookups_at_once(void **state)
{
	/* Where few lookups may run a question about others does not hold them up. */
	static const struct {
		unsigned capacity, max_lookups, walks;
	} cases[] = { { 1, 1000, 0 }, { 3, 1000, 0 }, { 1000, 3, 0 },  { 4, 1000, 1 },
		      { 8, 1000, 1 }, { 1000, 4, 1 }, { 48, 1000, 3 }, { 256, 1000, 8 } };
	for (size_t n = 0; n < sizeof(cases) / sizeof(cases[0]); n++) {
		world_t world;
		const aname_limits_t limits = { 4,   10000, cases[n].max_lookups, 1000000, 1000,
			                        100, 1000 };
		init_with(&world, &limits);
		begin(&world);
		world.scripted.script.capacity = cases[n].capacity;
		for (uint32_t i = 0; i < 20; i++) {
			name_t name = make_name_nth(i);
			ask_from(&world, MANY + i, &name);
		}
		assert_int_equal(pending(&world), cases[n].walks);
		/* One about what is here may be asked always. */
		aname_confirm_ask(world.scripted.refresh, entry_of(&world, VICTIM), world.one.at,
		                  aname_clock_ms());
		assert_int_equal(pending(&world), cases[n].walks + 1);
		deinit(&world);
	}
}

static void questions_keep_the_pace(void **state)
{
	enum { RATE = 10, SECONDS = 10, MORE = 2 };
	world_t world;
	const aname_limits_t limits = { 4, 10000, 1000, RATE, 1000, 100, 1000 };
	init_with(&world, &limits);
	begin(&world);
	clock_skip(1000);
	unsigned before = world.scripted.script.started;
	uint32_t n = 0;
	for (unsigned ms = 0; ms < SECONDS * 1000; ms += 10) {
		name_t name = make_name_nth(n++);
		find_from(&world, HOSTILE, &name);
		clock_skip(10);
	}
	unsigned started = world.scripted.script.started - before;
	assert_in_range(started, RATE * SECONDS / 2, RATE * SECONDS + MORE);
	/* What questions have used up, lookups have no more, and the reverse. */
	clock_skip(1000);
	before = world.scripted.script.started;
	for (unsigned i = 0; i < RATE; i++) {
		name_t name = make_name_nth(n++);
		ask_from(&world, MANY + i, &name);
	}
	assert_in_range(world.scripted.script.started - before, 1, MORE);
	before = world.scripted.script.started;
	scripted_ask(&world.scripted, &world.three, KNOT_RRTYPE_A, 300);
	assert_int_equal(world.scripted.script.started, before);
	scripted_skip(&world.scripted, 1000);
	assert_int_equal(world.scripted.script.started, before + 1);
	deinit(&world);
}

static void owners_of_several_types(void **state)
{
	world_t world;
	init(&world);
	begin(&world);
	/* Another owner here has records of another type, and is the last one that is registered. */
	aname_owner_word_t word;
	atomic_init(&word, ANAME_OWNER_NEW);
	aname_owner_t other = { .owner = hash_of(&world, &world.three), .type = ALIAS };
	aname_owner_add(&other, hash_of(&world, &world.target));
	assert_true(aname_owners_register(world.owners, &word, &other));
	assert_int_equal(aname_owners_type(world.owners), ALIAS);
	bool found = false;
	unsigned of_other = 0;
	for (unsigned i = 0; i < 200 && !(found && of_other > 50); i++) {
		ask_from(&world, VICTIM, &world.two);
		/* `two.` has records of one type, `one.`, which is here, too. */
		answer_if(&world, &world.two, &world.one, 1);
		script_lookup_t *lookup = scripted_pending(&world.scripted, &world.two, ALIAS);
		if (lookup != NULL) {
			of_other++;
			scripted_resolve_names(&world.scripted, lookup, NULL, NULL, 0);
		}
		answer_if(&world, &world.one, &world.two, 1);
		assert_int_equal(pending(&world), 0);
		bool back = way(&world, &world.two) == ANAME_WAY_BACK;
		assert_true(back || !found);
		found = back;
		clock_skip(30000);
	}
	assert_true(found);
	assert_in_range(of_other, 50, 200);
	/* An owner of this server is asked about by its own type, also beside one of the other type. */
	ask_from(&world, VICTIM, &world.www);
	script_lookup_t *lookup = world.scripted.script.pending;
	const name_t both[] = { world.one, world.three };
	scripted_resolve_names(&world.scripted, lookup, NULL, both, 2);
	lookup = scripted_pending(&world.scripted, &world.three, ALIAS);
	assert_non_null(lookup);
	scripted_resolve_names(&world.scripted, lookup, NULL, &world.target, 1);
	assert_int_equal(way(&world, &world.two), ANAME_WAY_BACK);
	aname_owners_drop(world.owners, &word);
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
		PROVES("F5: whatever zone is added here by the other one's name",
		       a_zone_here_by_its_name),
		PROVES("F5: not if the world knows other records than ours",
		       records_that_are_not_ours_there),
		PROVES("F5: it is asked again, and found when it opens", a_circle_that_opens),
		PROVES("F5: few names are asked from one target on", nothing_is_asked_for_ever),
		PROVES("F5: few are noted, the latest ones", there_are_so_many_at_most),
		PROVES("L4: one zone that takes all of them hides nothing of another one's",
		       one_zone_takes_all),
		PROVES("L4: what several zones lead to is charged to who holds the fewest",
		       what_several_zones_lead_to),
		PROVES("L4: no zone has more of them than another one that wants as many",
		       places_are_shared_evenly),
		PROVES("L4: names are asked for one target of a zone at a time",
		       one_walk_of_a_zone_at_a_time),
		PROVES("L4: and for some zones, beside what is asked about this server's owners",
		       so_many_walks_at_a_time),
		PROVES("F5: a name that does not answer ends a walk, and not always the same one",
		       silence_ends_a_walk),
		PROVES("F5: where few lookups run nobody is asked about other servers",
		       few_lookups_at_once),
		PROVES("L1: questions are within lookup-rate, too", questions_keep_the_pace),
		PROVES("F5: owners of one type say nothing about those of another",
		       owners_of_several_types),
		PROVES("it can do without memory", without_memory),
	};
	return RUN_TESTS("far_owners", tests);
}
