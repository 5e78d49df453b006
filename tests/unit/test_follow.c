/* What an owner has as a whole, and who is told when that changes, on simulated time. */

#include "support/test.h"

#include <arpa/inet.h>

#include "service/owner_set.h"
#include "service/status/question.h"
#include "support/alloc.h"
#include "support/clock.h"
#include "support/script.h"
#include "table/clock.h"

#define A    KNOT_RRTYPE_A
#define AAAA KNOT_RRTYPE_AAAA
#define TTL  3600

/*! A server that has one zone, and one who follows. */
typedef struct {
	scripted_t scripted;
	aname_zone_t zone;
	const aname_options_t *options; /*!< Of the zone. */
	name_t name;
	aname_follower_t follower;
	unsigned changed, all_changed;
	name_t last; /*!< That was told. */
	aname_owner_set_t set;
} world_t;

static void on_changed(void *ctx, const knot_dname_t *target)
{
	world_t *world = ctx;
	world->changed++;
	world->last.len = knot_dname_size(target);
	memcpy(world->last.at, target, world->last.len);
}

static void on_all_changed(void *ctx)
{
	((world_t *)ctx)->all_changed++;
}

/*! Has the zone follow these options; who follows them is the same upstream. */
static void load(world_t *world, aname_options_t *options)
{
	aname_shared_t *shared = world->scripted.shared;
	options->source = world->scripted.upstream->source;
	world->options = aname_shared_hold(shared, options, &world->zone.named.upstream);
	assert_non_null(world->options);
	assert_ptr_equal(world->zone.named.upstream, world->scripted.upstream);
	world->zone.options = world->options->id;
	aname_zones_add(shared->zones, &world->zone,
	                aname_owners_hash(shared->owners, world->name.at, world->name.len));
}

static void unload(world_t *world)
{
	aname_zones_drop(world->scripted.shared->zones, &world->zone);
	aname_shared_unhold(world->scripted.shared, world->options);
}

static void init_limited(world_t *world, aname_options_t *options, const aname_limits_t *limits)
{
	memset(world, 0, sizeof(*world));
	clock_stop_at(1000000);
	world->scripted.server = 0;
	scripted_init(&world->scripted, &options->schedule, limits);
	world->name = make_name("zone.example.");
	load(world, options);
	world->follower = (aname_follower_t){ .changed = on_changed,
		                              .all_changed = on_all_changed,
		                              .ctx = world };
	aname_followers_add(aname_refresh_followers(world->scripted.refresh), &world->follower);
}

static void init(world_t *world, aname_options_t *options)
{
	init_limited(world, options, NULL);
}

static void deinit(world_t *world)
{
	aname_followers_remove(aname_refresh_followers(world->scripted.refresh), &world->follower);
	unload(world);
	scripted_deinit(&world->scripted);
}

static const aname_owner_set_t *ask_of(world_t *world, const name_t *owner, uint32_t ttl,
                                       const name_t *targets, unsigned count)
{
	const knot_dname_t *names[ANAME_POOL_MAX];
	for (unsigned i = 0; i < count; i++) {
		names[i] = targets[i].at;
	}
	const aname_owner_question_t question = { .zone = world->name.at,
		                                  .owner = owner->at,
		                                  .ttl = ttl,
		                                  .count = count,
		                                  .targets = names };
	memset(&world->set, 0xa5, sizeof(world->set));
	aname_owner_set(world->scripted.refresh, &question, aname_clock_ms(), &world->set);
	aname_refresh_wake(world->scripted.refresh);
	return &world->set;
}

static const aname_owner_set_t *ask(world_t *world, const name_t *targets, unsigned count)
{
	return ask_of(world, &world->name, TTL, targets, count);
}

/*! The states, and the last octets of the addresses: "1,2/nodata". */
static const char *text_of(const aname_owner_set_t *set)
{
	static const char *const states[] = { "failed", "pending", "nodata", "nxdomain", "" };
	static char text[2000];
	size_t len = 0;
	if (set->unknown != NULL) {
		return "unknown";
	}
	for (unsigned i = 0; i < 2; i++) {
		const aname_owner_family_t *family = &set->families[i];
		assert_int_equal(family->len, i == 0 ? 4 : 16);
		assert_true(family->state <= ANAME_OWNER_ADDRESSES);
		assert_true((family->state == ANAME_OWNER_FAILED) == (family->why[0] != '\0'));
		assert_true((family->state == ANAME_OWNER_ADDRESSES) == (family->count > 0));
		len += snprintf(text + len, sizeof(text) - len, "%s%s", i > 0 ? "/" : "",
		                states[family->state]);
		for (unsigned k = 0; k < family->count; k++) {
			len += snprintf(text + len, sizeof(text) - len, "%s%u", k > 0 ? "," : "",
			                family->at[(k + 1) * family->len - 1]);
		}
	}
	return text;
}

#define assert_set(set, expected) assert_string_equal(text_of(set), (expected))

static script_lookup_t *lookup_of(world_t *world, const name_t *name, uint16_t type)
{
	script_lookup_t *lookup = scripted_pending(&world->scripted, name, type);
	assert_non_null(lookup);
	return lookup;
}

/*! A lookup ends with addresses `first` and on; none: negative. */
static void resolve(world_t *world, const name_t *name, uint16_t type, uint32_t first,
                    uint32_t count, uint32_t ttl)
{
	scripted_resolve(&world->scripted, lookup_of(world, name, type), first, count, ttl);
}

/*! Asks for a target and has it known: A of one address, no AAAA. */
static void learn(world_t *world, const name_t *name, uint32_t address, uint32_t ttl)
{
	(void)ask(world, name, 1);
	resolve(world, name, A, address, 1, ttl);
	resolve(world, name, AAAA, 0, 0, TTL);
}

/*! Has the lookup of a target due that is known for so long, and fail. */
static void expire(world_t *world, const name_t *name, uint32_t ttl)
{
	scripted_skip(&world->scripted, 1000 * (int64_t)ttl);
	scripted_fail(&world->scripted, lookup_of(world, name, A), ANAME_FAILURE_SERVER);
}

/*! Ends what else is looked up, to find out whose fault a failure is: as it was before. */
static void answer_others(world_t *world, const name_t *failing)
{
	script_lookup_t *lookup = world->scripted.script.pending;
	while (lookup != NULL) {
		bool same = knot_dname_is_equal(lookup->name.at, failing->at);
		if (lookup->type == A && same) {
			scripted_fail(&world->scripted, lookup, ANAME_FAILURE_SERVER);
		} else {
			scripted_resolve(&world->scripted, lookup, 2, lookup->type == A, 10);
		}
		lookup = world->scripted.script.pending;
	}
}

/* One target. */

static void pending_until_both_are_known(void **state)
{
	static world_t world;
	const name_t name = make_name("a.example.");
	init(&world, make_options());
	assert_set(ask(&world, &name, 1), "pending/pending");
	assert_int_equal(world.set.ttl, 0);
	assert_in_range(world.set.next_s, 1, 60);
	assert_int_equal(world.scripted.script.pending_count, 2);
	resolve(&world, &name, AAAA, 7, 2, 100);
	assert_int_equal(world.changed, 1);
	assert_true(knot_dname_is_equal(world.last.at, name.at));
	assert_set(ask(&world, &name, 1), "pending/7,8");
	assert_int_equal(world.set.ttl, 100);
	resolve(&world, &name, A, 1, 3, 50);
	assert_int_equal(world.changed, 2);
	assert_set(ask(&world, &name, 1), "1,2,3/7,8");
	assert_int_equal(world.set.ttl, 50);
	/* Half of `idle`, and not for all at once. */
	assert_in_range(world.set.next_s, 1800 - 1800 / 8, 1800);
	assert_int_equal(world.scripted.script.pending_count, 0);
	deinit(&world);
}

static void ttl_is_not_counted_down(void **state)
{
	static world_t world;
	const name_t name = make_name("a.example.");
	aname_options_t *options = make_options();
	options->schedule.ttl_min = 20;
	options->schedule.ttl_max = 200;
	init(&world, options);
	learn(&world, &name, 1, 100);
	scripted_skip(&world.scripted, 40000);
	assert_int_equal(ask(&world, &name, 1)->ttl, 100);
	assert_int_equal(ask_of(&world, &world.name, 60, &name, 1)->ttl, 60);
	assert_int_equal(ask_of(&world, &world.name, 10, &name, 1)->ttl, 20);
	/* The top bit set means zero (RFC 2181, 8). */
	assert_int_equal(ask_of(&world, &world.name, UINT32_MAX, &name, 1)->ttl, 20);
	deinit(&world);
}

static void refreshes_that_change_nothing_are_not_told(void **state)
{
	static world_t world;
	const name_t name = make_name("a.example.");
	init(&world, make_options());
	learn(&world, &name, 1, 60);
	assert_int_equal(world.changed, 2);
	for (unsigned i = 0; i < 5; i++) {
		scripted_skip(&world.scripted, 60000);
		(void)ask(&world, &name, 1);
		resolve(&world, &name, A, 1, 1, 60 + i);
		assert_int_equal(world.changed, 2);
	}
	scripted_skip(&world.scripted, 60000);
	resolve(&world, &name, A, 2, 1, 60);
	assert_int_equal(world.changed, 3);
	assert_set(ask(&world, &name, 1), "2/nodata");
	deinit(&world);
}

static void asking_keeps_warm(void **state)
{
	static world_t world;
	const name_t name = make_name("a.example.");
	aname_options_t *options = make_options();
	options->schedule.idle = 100;
	init(&world, options);
	learn(&world, &name, 1, 10);
	aname_entry_t *entry = scripted_find(&world.scripted, &name, A);
	assert_int_equal(entry->plan.state, ANAME_PLAN_WAITING);
	assert_int_equal(atomic_load(&entry->until_s), 1100);
	assert_int_equal(aname_entry_zone(entry),
	                 aname_shared_zone(world.scripted.shared, world.name.at));
	assert_int_equal(atomic_load(&entry->min_ttl), TTL);
	assert_true(entry->plan.followed);
	for (unsigned i = 0; i < 20; i++) {
		uint32_t next_s = ask(&world, &name, 1)->next_s;
		assert_in_range(next_s, 43, 50);
		while (scripted_pending(&world.scripted, &name, A) == NULL) {
			scripted_skip(&world.scripted, 1000);
		}
		resolve(&world, &name, A, 1, 1, 10);
	}
	assert_int_equal(entry->plan.state, ANAME_PLAN_WAITING);
	/* And what nobody asks for goes. */
	scripted_skip(&world.scripted, 200000);
	assert_int_equal(entry->plan.state, ANAME_PLAN_DORMANT);
	assert_false(entry->plan.followed);
	assert_set(ask(&world, &name, 1), "pending/nodata");
	/* The same as before: but nobody could know. */
	world.changed = 0;
	resolve(&world, &name, A, 1, 1, 10);
	assert_int_equal(world.changed, 1);
	assert_set(ask(&world, &name, 1), "1/nodata");
	deinit(&world);
}

static void failures_are_told_when_they_begin_and_end(void **state)
{
	static world_t world;
	const name_t name = make_name("a.example.");
	aname_options_t *options = make_options();
	options->schedule.stale_max = 100;
	init(&world, options);
	learn(&world, &name, 1, 20);
	world.changed = 0;
	expire(&world, &name, 20);
	assert_int_equal(world.changed, 1);
	assert_set(ask(&world, &name, 1), "1/nodata");
	/* The next thing that time does to it: 15 s after the failure began. */
	assert_in_range(world.set.next_s, 15, 16);
	/* Again and again: that is nothing new. */
	while (aname_clock_ms() < 1000000 + 119000) {
		scripted_skip(&world.scripted, 1000);
		answer_others(&world, &name);
	}
	assert_int_equal(world.changed, 1);
	assert_set(ask(&world, &name, 1), "1/nodata");
	assert_in_range(world.set.next_s, 1, 2);
	scripted_skip(&world.scripted, 1000);
	assert_string_equal(strchr(text_of(ask(&world, &name, 1)), '/'), "/nodata");
	assert_int_equal(world.set.families[0].state, ANAME_OWNER_FAILED);
	assert_non_null(strstr(world.set.families[0].why, ", target a.example."));
	while (scripted_pending(&world.scripted, &name, A) == NULL) {
		scripted_skip(&world.scripted, 1000);
	}
	world.changed = 0;
	resolve(&world, &name, A, 1, 1, 20);
	assert_int_equal(world.changed, 1);
	deinit(&world);
}

static void what_is_gone_is_kept_for_a_while(void **state)
{
	static world_t world;
	const name_t name = make_name("a.example.");
	aname_options_t *options = make_options();
	options->negative_delay = 100;
	init(&world, options);
	learn(&world, &name, 1, 20);
	world.changed = 0;
	scripted_skip(&world.scripted, 20000);
	resolve(&world, &name, A, 0, 0, TTL);
	assert_int_equal(world.changed, 1);
	assert_set(ask(&world, &name, 1), "1/nodata");
	assert_int_equal(world.set.ttl, 20);
	assert_in_range(world.set.next_s, 100, 101);
	scripted_skip(&world.scripted, 101000);
	assert_set(ask(&world, &name, 1), "nodata/nodata");
	deinit(&world);
}

/* Several targets. */

typedef struct {
	const char *proves;
	const char *expected;
	const char *prefer[2];  /*!< Suffixes. */
	const char *weightless; /*!< A suffix of weight 0. */
	unsigned answer_targets;
	unsigned targets;    /*!< The first of a1, a2, b1, and c1. */
	unsigned negative;   /*!< A bit for each that has no addresses. */
	unsigned failed;     /*!< And for each that fails. */
	unsigned unknown;    /*!< Or is still being looked up. */
	const char *allow;   /*!< `allow-target`. */
	const char *deny[2]; /*!< `deny-address`. */
} pool_row_t;

static const pool_row_t pool_rows[] = {
	{ "R4: all of them", "1,2,3,4/nodata", .targets = 4 },
	{ "R4: whatever a client would get", "1,2,3,4/nodata", .answer_targets = 1, .targets = 4 },
	{ "P1: the best rank alone", "3/nodata", { "b.example.", "a.example." }, .targets = 4 },
	{ "P1: the next one where that has failed",
	  "1,2/nodata",
	  { "b.example.", "a.example." },
	  .targets = 4,
	  .failed = 4 },
	{ "P1: or has no addresses",
	  "1,2/nodata",
	  { "b.example.", "a.example." },
	  .targets = 4,
	  .negative = 4 },
	{ "P1: nothing is said while it is looked up",
	  "pending/nodata",
	  { "b.example.", "a.example." },
	  .targets = 4,
	  .unknown = 4 },
	{ "P1: a worse one that is looked up does not matter",
	  "3/nodata",
	  { "b.example.", "a.example." },
	  .targets = 4,
	  .unknown = 1 },
	{ "P2: weights do not matter", "1,2,3,4/nodata", .weightless = "d.example.", .targets = 4 },
	{ "P2: but that of 0", "1,2,3/nodata", .weightless = "c.example.", .targets = 4 },
	{ "P2: where all else fails it is used", "4/nodata", .weightless = "c.example.",
	  .targets = 4, .failed = 7 },
	{ "R4: while one is looked up nothing is said", "pending/nodata", .targets = 4,
	  .unknown = 8 },
	{ "R4: all negative", "nodata/nodata", .targets = 3, .negative = 7 },
	{ "R4: some negative, the others fail", "failed/nodata", .targets = 3, .negative = 3,
	  .failed = 4 },
	{ "L2: one that is denied is left out", "1,2/failed", .targets = 3, .allow = "a.example." },
	{ "L2: one that is denied, and the others are negative", "failed/failed", .targets = 3,
	  .negative = 7, .allow = "a.example." },
	{ "L2: all are denied", "failed/failed", .targets = 3, .allow = "nobody.example." },
	{ "L2: addresses that are denied", "1,4/nodata", .targets = 4,
	  .deny = { "10.0.0.2", "10.0.0.3" } },
	{ "L2: all addresses are denied", "failed/nodata", .targets = 3,
	  .deny = { "10.0.0.0", "10.0.0.255" } },
};

static aname_options_t *options_of(const pool_row_t *row)
{
	aname_options_t *options = make_options();
	for (unsigned i = 0; i < 2 && row->prefer[i] != NULL; i++) {
		make_add_name(&options->prefer, row->prefer[i]);
	}
	if (row->weightless != NULL) {
		make_add_weight(&options->weights, row->weightless, 0);
		make_add_weight(&options->weights, "a.example.", 1000);
	}
	if (row->allow != NULL) {
		make_add_name(&options->allow_target, row->allow);
	}
	if (row->deny[0] != NULL) {
		make_add_net(&options->deny_address, row->deny[0], row->deny[1]);
	}
	options->answer_targets = row->answer_targets;
	return options;
}

static void check_pool(void **state)
{
	static world_t world;
	const pool_row_t *row = *state;
	const name_t targets[] = { make_name("1.a.example."), make_name("2.a.example."),
		                   make_name("1.b.example."), make_name("1.c.example.") };
	long live = alloc_live();
	init(&world, options_of(row));
	(void)ask(&world, targets, row->targets);
	for (unsigned i = 0; i < row->targets; i++) {
		script_lookup_t *lookup = scripted_pending(&world.scripted, &targets[i], A);
		if (lookup == NULL) {
			continue; /* It is denied. */
		}
		if (row->failed & 1u << i) {
			scripted_fail(&world.scripted, lookup, ANAME_FAILURE_SERVER);
		} else if (!(row->unknown & 1u << i)) {
			bool negative = row->negative & 1u << i;
			scripted_resolve(&world.scripted, lookup, 1 + i, !negative, TTL);
		}
		resolve(&world, &targets[i], AAAA, 0, 0, TTL);
	}
	assert_set(ask(&world, targets, row->targets), row->expected);
	/* Another order, and each of them twice, is no other question. */
	name_t twice[2 * COUNT_OF(targets)];
	for (unsigned i = 0; i < 2 * row->targets; i++) {
		twice[i] = targets[(2 * row->targets - 1 - i) % row->targets];
	}
	assert_set(ask(&world, twice, 2 * row->targets), row->expected);
	deinit(&world);
	assert_int_equal(alloc_live(), live);
}

static void families_of_which_policy_leaves_nothing(void **state)
{
	static world_t world;
	const name_t name = make_name("a.example.");
	aname_options_t *options = make_options();
	options->schedule.stale_max = 100;
	make_add_net(&options->deny_address, "10.0.0.0", "10.0.0.255");
	init(&world, options);
	(void)ask(&world, &name, 1);
	resolve(&world, &name, A, 1, 2, TTL);
	assert_set(ask(&world, &name, 1), "pending/pending");
	resolve(&world, &name, AAAA, 7, 1, TTL);
	assert_set(ask(&world, &name, 1), "nodata/7");
	scripted_skip(&world.scripted, 1000 * (int64_t)TTL);
	resolve(&world, &name, A, 1, 2, TTL);
	scripted_fail(&world.scripted, lookup_of(&world, &name, AAAA), ANAME_FAILURE_SERVER);
	assert_set(ask(&world, &name, 1), "nodata/7");
	scripted_skip(&world.scripted, 101000);
	assert_int_equal(ask(&world, &name, 1)->families[1].state, ANAME_OWNER_FAILED);
	assert_int_equal(world.set.families[0].state, ANAME_OWNER_FAILED);
	deinit(&world);
}

static void more_than_max_addresses(void **state)
{
	static world_t world;
	const name_t targets[] = { make_name("a.example."), make_name("b.example.") };
	aname_options_t *options = make_options();
	options->max_addresses = 4;
	init(&world, options);
	(void)ask(&world, targets, 2);
	for (unsigned round = 0; round < 20; round++) {
		resolve(&world, &targets[0], A, 3, 100, 10);
		resolve(&world, &targets[1], A, 1, 3, 10);
		/* The same, at whatever address a worker begins now. */
		assert_string_equal(strtok(strdupa(text_of(ask(&world, targets, 2))), "/"),
		                    "3,4,5,6");
		scripted_skip(&world.scripted, 10000);
	}
	deinit(&world);
}

static void the_most_addresses(void **state)
{
	static world_t world;
	const name_t name = make_name("a.example.");
	aname_options_t *options = make_options();
	options->max_addresses = ANAME_OWNER_SET_MAX;
	init(&world, options);
	(void)ask(&world, &name, 1);
	resolve(&world, &name, A, 0, 1000, TTL);
	resolve(&world, &name, AAAA, 0, 1000, TTL);
	(void)ask(&world, &name, 1);
	for (unsigned i = 0; i < 2; i++) {
		const aname_owner_family_t *family = &world.set.families[i];
		assert_int_equal(family->count, ANAME_OWNER_SET_MAX);
		for (unsigned k = 0; k < family->count; k++) {
			assert_int_equal(family->at[(k + 1) * family->len - 1], k);
		}
	}
	deinit(&world);
}

/* Failures that are everybody's. */

static void a_failing_target_of_a_pool_is_left_out_after_a_while(void **state)
{
	static world_t world;
	const name_t targets[] = { make_name("a.example."), make_name("b.example.") };
	init(&world, make_options());
	learn(&world, &targets[0], 1, 20);
	learn(&world, &targets[1], 2, TTL);
	expire(&world, &targets[0], 20);
	assert_set(ask(&world, targets, 2), "1,2/nodata");
	uint32_t next_s = world.set.next_s;
	assert_in_range(next_s, 15, 16);
	for (unsigned i = 0; i < 14; i++) {
		scripted_skip(&world.scripted, 1000);
		answer_others(&world, &targets[0]);
	}
	assert_set(ask(&world, targets, 2), "1,2/nodata");
	scripted_skip(&world.scripted, 1000 * (int64_t)(next_s - 14));
	answer_others(&world, &targets[0]);
	assert_set(ask(&world, targets, 2), "2/nodata");
	deinit(&world);
}

static void while_the_upstream_is_silent_nothing_changes(void **state)
{
	static world_t world;
	const name_t targets[] = { make_name("a.example."), make_name("b.example."),
		                   make_name("c.example.") };
	init(&world, make_options());
	learn(&world, &targets[0], 1, 10);
	learn(&world, &targets[1], 2, 10);
	learn(&world, &targets[2], 3, TTL);
	scripted_skip(&world.scripted, 10000);
	for (unsigned i = 0; i < 40; i++) {
		while (world.scripted.script.pending != NULL) {
			scripted_fail(&world.scripted, world.scripted.script.pending,
			              ANAME_FAILURE_TIMEOUT);
		}
		assert_set(ask(&world, targets, 3), "1,2,3/nodata");
		scripted_skip(&world.scripted, 1000);
	}
	assert_true(atomic_load(&world.scripted.upstream->silent));
	assert_int_equal(world.all_changed, 1);
	/* It is back: one is looked up after the other, and none is missed meanwhile. */
	while (scripted_pending(&world.scripted, &targets[0], A) == NULL &&
	       scripted_pending(&world.scripted, &targets[1], A) == NULL) {
		while (world.scripted.script.pending != NULL) {
			scripted_fail(&world.scripted, world.scripted.script.pending,
			              ANAME_FAILURE_TIMEOUT);
		}
		scripted_skip(&world.scripted, 1000);
	}
	bool first = scripted_pending(&world.scripted, &targets[0], A) != NULL;
	resolve(&world, &targets[first ? 0 : 1], A, first ? 1 : 2, 1, 10);
	assert_int_equal(world.all_changed, 2);
	assert_set(ask(&world, targets, 3), "1,2,3/nodata");
	assert_in_range(world.set.next_s, 1, 5);
	resolve(&world, &targets[first ? 1 : 0], A, first ? 2 : 1, 1, 10);
	assert_set(ask(&world, targets, 3), "1,2,3/nodata");
	deinit(&world);
}

static void what_fails_unasked_is_told(void **state)
{
	static world_t world;
	const name_t failing = make_name("d.example.");
	const name_t others[] = { make_name("a.example."), make_name("b.example.") };
	aname_options_t *options = make_options();
	options->schedule.idle = 10;
	init(&world, options);
	learn(&world, &failing, 4, 5);
	learn(&world, &others[0], 1, 10);
	learn(&world, &others[1], 2, 10);
	expire(&world, &failing, 5);
	/* Nobody asks for it any more, and the resolver falls silent. */
	aname_entry_t *entry = scripted_find(&world.scripted, &failing, A);
	while (entry->plan.state != ANAME_PLAN_DORMANT) {
		(void)ask(&world, others, 2);
		scripted_skip(&world.scripted, 1000);
		answer_others(&world, &failing);
		assert_true(aname_clock_ms() < 2000000);
	}
	while (!atomic_load(&world.scripted.upstream->silent)) {
		(void)ask(&world, others, 2);
		scripted_skip(&world.scripted, 1000);
		while (world.scripted.script.pending != NULL) {
			scripted_fail(&world.scripted, world.scripted.script.pending,
			              ANAME_FAILURE_TIMEOUT);
		}
		assert_true(aname_clock_ms() < 2000000);
	}
	world.changed = 0;
	assert_set(ask(&world, &failing, 1), "pending/nodata");
	assert_true(world.changed >= 1);
	assert_true(knot_dname_is_equal(world.last.at, failing.at));
	assert_set(ask(&world, &failing, 1), "4/nodata");
	deinit(&world);
}

static void without_room(void **state)
{
	static world_t world;
	const aname_limits_t limits = { 4, 2, 1000, 1000000, 1000, 100, 1000 };
	const name_t targets[] = { make_name("a.example."), make_name("b.example.") };
	init_limited(&world, make_options(), &limits);
	learn(&world, &targets[0], 1, TTL);
	aname_entry_t *entry = scripted_find(&world.scripted, &targets[0], A);
	assert_non_null(entry);
	(void)ask(&world, targets, 2);
	/* Whichever of them there is room for, there is an answer. */
	assert_true(aname_table_targets(world.scripted.shared->table) <= 2);
	assert_null(world.set.unknown);
	assert_in_range(world.set.next_s, 1, 60);
	deinit(&world);
}

/* Operators, and health. */

static aname_subject_t subject_of(const name_t *name)
{
	aname_subject_t subject = { .len = 0 };
	memcpy(subject.name, name->at, name->len);
	return subject;
}

static void force(world_t *world, const aname_subject_t *subject, aname_forced_t state)
{
	assert_int_equal(
	        aname_refresh_force(world->scripted.refresh, subject, state, ANAME_FORCED_EVER), 0);
}

static void what_operators_force(void **state)
{
	static const char *const expected[] = {
		[ANAME_ALL_DOWN_SERVE] = "1,2/nodata",
		[ANAME_ALL_DOWN_SIBLING] = "failed/nodata",
		[ANAME_ALL_DOWN_SERVFAIL] = "failed/nodata",
	};
	static world_t world;
	const name_t targets[] = { make_name("a.example."), make_name("b.example.") };
	const aname_subject_t one = subject_of(&targets[0]), other = subject_of(&targets[1]);
	for (aname_all_down_t all_down = 0; all_down < COUNT_OF(expected); all_down++) {
		aname_options_t *options = make_options();
		options->all_down = all_down;
		init(&world, options);
		learn(&world, &targets[0], 1, TTL);
		learn(&world, &targets[1], 2, TTL);
		world.changed = 0;
		force(&world, &one, ANAME_FORCED_DOWN);
		assert_true(world.changed >= 1);
		assert_set(ask(&world, targets, 2), "2/nodata");
		assert_int_equal(world.set.ttl, TTL);
		force(&world, &other, ANAME_FORCED_DOWN);
		assert_set(ask(&world, targets, 2), expected[all_down]);
		world.changed = 0;
		force(&world, &one, ANAME_FORCED_AUTO);
		assert_true(world.changed >= 1);
		assert_set(ask(&world, targets, 2), "1/nodata");
		deinit(&world);
	}
}

/* Owners. */

static void owners_that_are_not_followed(void **state)
{
	static world_t world;
	const name_t target = make_name("a.example."), below = make_name("www.zone.example."),
	             outside = make_name("example."), root = make_name(".");
	init(&world, make_options());
	assert_set(ask_of(&world, &below, TTL, &target, 1), "unknown");
	assert_non_null(strstr(world.set.unknown, "owners: any"));
	assert_set(ask_of(&world, &outside, TTL, &target, 1), "unknown");
	assert_int_equal(world.scripted.script.started, 0);
	assert_set(ask(&world, &world.name, 1), "failed/failed");
	assert_string_equal(world.set.families[0].why, "the target is the owner itself");
	assert_set(ask(&world, &root, 1), "failed/failed");
	assert_int_equal(world.scripted.script.started, 0);
	unload(&world);

	assert_set(ask(&world, &target, 1), "unknown");
	assert_in_range(world.set.next_s, 1, 60);
	aname_options_t *options = make_options();
	options->any_owner = true;
	load(&world, options);
	assert_set(ask_of(&world, &below, TTL, &target, 1), "pending/pending");
	deinit(&world);
}

static void options_that_replace_others(void **state)
{
	static world_t world;
	init(&world, make_options());
	aname_zones_t *zones = world.scripted.shared->zones;
	assert_int_equal(aname_zones_replaced(zones), 0);
	/* As a reload does: the new one comes before the old one goes. */
	for (unsigned changes = 0; changes < 3; changes++) {
		const aname_zone_t before = world.zone;
		aname_zone_t old = before;
		const aname_options_t *old_options = world.options;
		aname_zones_drop(zones, &world.zone);
		aname_zones_add(zones, &old, before.name);
		aname_options_t *options = make_options();
		options->max_addresses = 3 + (changes == 2);
		world.zone = (aname_zone_t){ .named = { .upstream = NULL } };
		load(&world, options);
		aname_zones_drop(zones, &old);
		aname_shared_unhold(world.scripted.shared, old_options);
		/* The second time nothing is different. */
		assert_int_equal(aname_zones_replaced(zones), changes == 2 ? 2 : 1);
	}
	deinit(&world);
}

static void targets_that_lead_back(void **state)
{
	static world_t world;
	const name_t target = make_name("a.example."), out = make_name("b.example.");
	init(&world, make_options());
	aname_owners_t *owners = world.scripted.shared->owners;
	learn(&world, &out, 2, TTL);
	(void)ask(&world, &target, 1);
	script_lookup_t *lookup = lookup_of(&world, &target, A);
	uint8_t address[4] = { 0, 0, 0, 1 };
	const aname_result_t result = { .known = ANAME_KNOWN_ADDRESSES,
		                        .ttl = TTL,
		                        .address_len = 4,
		                        .count = 1,
		                        .addresses = address,
		                        .last = world.name.at };
	scripted_end(&world.scripted, lookup, &result);
	resolve(&world, &target, AAAA, 0, 0, TTL);
	assert_set(ask(&world, &target, 1), "failed/failed");
	assert_string_equal(world.set.families[0].why,
	                    "it leads back to the owner, target a.example.");
	const name_t both[] = { target, out };
	assert_set(ask(&world, both, 2), "2/failed");
	/* Nothing is kept fresh by that. */
	aname_entry_t *entry = scripted_find(&world.scripted, &target, A);
	uint32_t until_s = atomic_load(&entry->until_s);
	scripted_skip(&world.scripted, 100000);
	(void)ask(&world, both, 2);
	assert_int_equal(atomic_load(&entry->until_s), until_s);
	entry = scripted_find(&world.scripted, &out, A);
	assert_int_equal(atomic_load(&entry->until_s), aname_clock_ms() / 1000 + 3600);

	/* Through another owner of this server, which the world knows. */
	aname_owner_word_t word = ANAME_OWNER_NEW, other_word = ANAME_OWNER_NEW;
	const name_t other = make_name("b.example.");
	aname_owner_t one = { .owner = aname_owners_hash(owners, world.name.at, world.name.len),
		              .type = 65305,
		              .records = 1,
		              .count = 1 },
	              two = { .owner = aname_owners_hash(owners, other.at, other.len),
		              .type = 65305,
		              .records = 1,
		              .count = 1 };
	one.ends[0] = two.owner;
	two.ends[0] = one.owner;
	assert_set(ask(&world, &out, 1), "2/nodata");
	assert_true(aname_owners_register(owners, &word, &one));
	assert_true(aname_owners_register(owners, &other_word, &two));
	aname_owners_confirm(owners, two.owner, 1);
	aname_owners_confirm(owners, one.owner, 1);
	assert_set(ask(&world, &out, 1), "failed/failed");
	assert_in_range(world.set.next_s, 1, 60);
	aname_owners_drop(owners, &word);
	aname_owners_drop(owners, &other_word);
	deinit(&world);
}

/* What makes a difference. */

static aname_snapshot_t *known(uint32_t first, uint32_t count)
{
	return make_snapshot(4, first, count, first);
}

static aname_sight_t see(void *ctx, uint32_t definition, const uint8_t *address, uint8_t len)
{
	unsigned how = *(const unsigned *)ctx;
	return (aname_sight_t){ .down = how == 1 && address[len - 1] == 1,
		                .alive = how == 2,
		                .changed_ms = how };
}

/*! A copy, seen through a definition: 0: all that is not known, 1: the first one down, 2: all up. */
static aname_snapshot_t *seen(const aname_snapshot_t *snapshot, unsigned how)
{
	const uint32_t definition = 7;
	aname_snapshot_t *copy =
	        aname_snapshot_with_views(snapshot, &definition, 1, false, see, &how);
	assert_non_null(copy);
	return copy;
}

static void differ(bool expected, aname_snapshot_t *before, aname_snapshot_t *after)
{
	assert_int_equal(aname_followers_differ(before, after), expected);
	if (before != NULL) {
		assert_int_equal(aname_followers_differ(after, before), expected);
	}
	free(before);
	free(after);
}

static void what_makes_a_difference(void **state)
{
	aname_snapshot_t *two = known(1, 2);
	aname_snapshot_t *failing = aname_snapshot_failed(two, ANAME_FAILURE_SERVER, "why", 1);
	differ(true, NULL, known(1, 2));
	differ(false, known(1, 2), known(1, 2));
	differ(true, known(1, 2), known(1, 3));
	differ(true, known(1, 2), known(2, 2));
	differ(true, known(1, 2), aname_snapshot_copy(failing));
	differ(false, aname_snapshot_failed(failing, ANAME_FAILURE_TIMEOUT, "other", 9),
	       aname_snapshot_copy(failing));
	differ(true, known(1, 0), aname_snapshot_failed(NULL, ANAME_FAILURE_SERVER, "why", 1));
	/* That it is probed from now on is none. */
	differ(false, known(1, 2), seen(two, 0));
	differ(false, known(1, 2), seen(two, 2));
	differ(true, known(1, 2), seen(two, 1));
	differ(true, seen(two, 2), seen(two, 1));
	/* That it is known to be up is one while it fails. */
	differ(true, seen(failing, 0), seen(failing, 2));
	/* What it had before makes one: it may be kept. */
	const aname_result_t none = { .known = ANAME_KNOWN_NODATA, .ttl = 60, .address_len = 4 };
	aname_result_t gone = none;
	gone.nxdomain = true;
	aname_snapshot_t *lost = aname_snapshot_after(two, &none, 5, 0);
	differ(true, aname_snapshot_copy(lost), aname_snapshot_new(&none, 5, 0));
	differ(false, aname_snapshot_copy(lost), aname_snapshot_after(lost, &none, 6, 1));
	differ(true, aname_snapshot_copy(lost), aname_snapshot_after(lost, &gone, 6, 1));
	free(lost);
	free(failing);
	free(two);
}

/* Questions. */

typedef struct {
	const char *proves;
	const char *line;
	const char *why; /*!< A part of it; NULL: it is understood. */
	bool answer;
} question_row_t;

static const question_row_t question_rows[] = {
	{ "one target", "ask 1 a.example a.example 60 B.example", NULL, true },
	{ "the largest token and TTL", "ask 18446744073709551615 a a 4294967295 b", NULL, true },
	{ "blanks, and a line that ends as others end it", "  ask  1  a a 0  b \r", NULL, true },
	{ "the root as a name", "ask 1 . . 0 .", NULL, true },
	{ "a larger token", "ask 18446744073709551616 a a 1 b", "token", false },
	{ "one that does not fit by far", "ask 99999999999999999999999999 a a 1 b", "token",
	  false },
	{ "no token", "ask", "token", false },
	{ "a negative one", "ask -1 a a 1 b", "token", false },
	{ "a larger TTL", "ask 1 a a 4294967296 b", "TTL", true },
	{ "a TTL with a unit", "ask 1 a a 1h b", "TTL", true },
	{ "no TTL", "ask 1 a a", "TTL", true },
	{ "no owner", "ask 1 a", "owner", true },
	{ "an owner that is none", "ask 1 a a..b 1 b", "owner", true },
	{ "no target", "ask 1 a a 1", "no targets", true },
	{ "a target that is none", "ask 1 a a 1 b c..d", "targets", true },
	{ "another word", "asks 1 a a 1 b", "question", false },
	{ "an empty line", "", "question", false },
};

static void check_question(void **state)
{
	const question_row_t *row = *state;
	static aname_status_question_t question;
	char line[200];
	bool answer;
	size_t len = snprintf(line, sizeof(line), "%s", row->line);
	const char *why = aname_status_question_read(&question, line, len, &answer);
	assert_int_equal(answer, row->answer);
	if (row->why == NULL) {
		assert_null(why);
		assert_int_equal(question.count, 1);
	} else {
		assert_non_null(why);
		assert_non_null(strstr(why, row->why));
	}
}

static void targets_of_a_question(void **state)
{
	static aname_status_question_t question;
	static char line[ANAME_FOLLOW_LINE_MAX];
	knot_dname_txt_storage_t text;
	const name_t longest = make_name_longest('\x01');
	assert_non_null(knot_dname_to_str(text, longest.at, sizeof(text)));
	bool answer;
	for (unsigned count = 1; count <= ANAME_FOLLOW_TARGETS + 1; count++) {
		size_t len = snprintf(line, sizeof(line), "ask %" PRIu64 " %s %s 4294967295",
		                      UINT64_MAX, text, text);
		for (unsigned i = 0; i < count; i++) {
			len += snprintf(line + len, sizeof(line) - len, " %s", text);
		}
		assert_true(len < sizeof(line) - 1);
		const char *why = aname_status_question_read(&question, line, len, &answer);
		assert_true(answer);
		if (count > ANAME_FOLLOW_TARGETS) {
			assert_string_equal(why, "there are too many targets");
			return;
		}
		assert_null(why);
		assert_int_equal(question.count, count);
		assert_true(question.token == UINT64_MAX && question.ttl == UINT32_MAX);
		assert_true(knot_dname_is_equal(question.targets[count - 1], longest.at));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PROVES("an owner is pending until its target is known, which is told",
		       pending_until_both_are_known),
		PROVES("T1: the TTL is what the source has, within bounds",
		       ttl_is_not_counted_down),
		PROVES("what changes nothing is not told",
		       refreshes_that_change_nothing_are_not_told),
		PROVES("T3: who asks in time keeps targets warm, and is charged",
		       asking_keeps_warm),
		PROVES("F1: failures are told when they begin and end",
		       failures_are_told_when_they_begin_and_end),
		PROVES("W1: what is gone is kept for a while", what_is_gone_is_kept_for_a_while),
		PROVES("A10: a family of which policy leaves nothing does not exist while the "
		       "other stands",
		       families_of_which_policy_leaves_nothing),
		PROVES("A8: of more than max-addresses they are always the same",
		       more_than_max_addresses),
		PROVES("A8: the most addresses that there may be, in order", the_most_addresses),
		PROVES("R4: a failing target is left out, but not at once",
		       a_failing_target_of_a_pool_is_left_out_after_a_while),
		PROVES("P1: a silent upstream, and one that is back, changes nothing",
		       while_the_upstream_is_silent_nothing_changes),
		PROVES("what fails unasked is told where it was cold", what_fails_unasked_is_told),
		PROVES("L1: without room there is an answer", without_room),
		PROVES("H4, H8: what operators force", what_operators_force),
		PROVES("owners that are not followed, and why", owners_that_are_not_followed),
		PROVES("that a zone has other options is seen", options_that_replace_others),
		PROVES("F5: targets that lead back to the owner", targets_that_lead_back),
		PROVES("what makes a difference to whoever follows", what_makes_a_difference),
		PROVES("a question names up to 32 targets, however long", targets_of_a_question),
	};
	return RUN_ROWS("follow: several targets", pool_rows, check_pool) +
	       RUN_ROWS("follow: questions", question_rows, check_question) +
	       RUN_TESTS("follow", tests);
}
