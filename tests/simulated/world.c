#include "world.h"

#include <stdlib.h>

#include <libknot/errcode.h>

#include "check.h"

/*! How long a DNS resolver does so at most: the service's own limit is as long, or shorter. */
#define DNS_GIVES_UP_MS 5000

/*! TTLs, and how many of a thousand targets have them. */
static const struct {
	uint32_t ttl, of_1000;
} ttls[] = {
	{ 0, 2 },     { 1, 2 },      { 5, 6 },      { 30, 30 },     { 60, 100 },
	{ 300, 300 }, { 1800, 100 }, { 3600, 260 }, { 86400, 150 }, { 604800, 50 },
};

world_t world;

int64_t world_between(int64_t least, int64_t most)
{
	return least + (int64_t)(random_next(&world.random) % (uint64_t)(most - least + 1));
}

static bool by_chance(unsigned of_1000)
{
	return random_below(&world.random, 1000) < of_1000;
}

/* Targets. */

static uint32_t draw_ttl(void)
{
	int number = (int)random_below(&world.random, 1000);
	unsigned i = 0;
	while ((number -= (int)ttls[i].of_1000) >= 0) {
		i++;
	}
	return ttls[i].ttl;
}

static kind_t draw_kind(void)
{
	static const struct {
		unsigned of_1000;
		kind_t kind;
	} kinds[] = { { 100, TARGET_CLEAN },
		      { 30, TARGET_DEAD },
		      { 70, TARGET_NEGATIVE },
		      { 100, TARGET_ROTATING },
		      { 1000, TARGET_USUAL } };
	int number = (int)random_below(&world.random, 1000);
	unsigned i = 0;
	while ((number -= (int)kinds[i].of_1000) >= 0) {
		i++;
	}
	return kinds[i].kind;
}

static behaviour_t normal(const target_t *target)
{
	switch (target->kind) {
	case TARGET_DEAD: return target->number % 3 == 0 ? FAILS : IS_SILENT;
	case TARGET_NEGATIVE: return target->number % 5 == 0 ? IS_BARE : HAS_NONE;
	default: return ANSWERS;
	}
}

static bool is_good(behaviour_t behaviour)
{
	return behaviour != FAILS && behaviour != IS_SILENT && behaviour != IS_TOO_SLOW;
}

/*! What comes next in a target's life. */
static void change(target_t *target)
{
	int64_t now_ms = target->until_ms;
	bool was_good = is_good(target->behaviour);
	bool was_normal = target->behaviour == normal(target);
	target->behaviour = normal(target);
	if (target->kind == TARGET_CLEAN) {
		target->until_ms += world_between(HOUR_MS, 5 * DAY_MS);
	} else if (target->kind == TARGET_ROTATING) {
		target->until_ms += world_between(10 * SECOND_MS, 2 * (int64_t)HOUR_MS);
	} else if (was_normal) {
		target->behaviour = random_below(&world.random, BEHAVIOURS);
		target->until_ms += by_chance(800) ? world_between(10 * SECOND_MS, HOUR_MS)
		                                   : world_between(HOUR_MS, 2 * DAY_MS);
	} else {
		target->until_ms += world_between(2 * (int64_t)HOUR_MS, 10 * DAY_MS);
	}
	if (target->kind != TARGET_CLEAN && by_chance(200)) {
		target->ttl = draw_ttl();
	}
	target->version++;
	if (!was_good && is_good(target->behaviour)) {
		target->good_ms = now_ms;
	}
}

static void look_at(target_t *target)
{
	while (target->until_ms <= loop_now()) {
		change(target);
	}
}

uint8_t world_addresses(const target_t *target, uint32_t version, uint32_t *first)
{
	uint32_t number = target->number * 2654435761u + version * 40503u;
	*first = number >> 8 & 0xfffff0;
	return 1 + number % 4;
}

/* Recursors. */

static void plan_recursor(recursor_t *recursor)
{
	int64_t pause_ms = world_between(4 * (int64_t)HOUR_MS, 30 * (int64_t)HOUR_MS);
	if (recursor->out && by_chance(700)) {
		pause_ms = world_between(MINUTE_MS, 20 * MINUTE_MS);
	} else if (recursor->out && by_chance(850)) {
		pause_ms = world_between(20 * MINUTE_MS, 6 * (int64_t)HOUR_MS);
	} else if (recursor->out) {
		pause_ms = world_between(DAY_MS, 2 * DAY_MS);
	}
	loop_at(&recursor->event, loop_now() + pause_ms);
}

static void turn(loop_event_t *event)
{
	recursor_t *recursor = (recursor_t *)((char *)event - offsetof(recursor_t, event));
	check_turn((upstream_t)(recursor - world.recursors));
	recursor->out = !recursor->out;
	recursor->was_silent = recursor->silent;
	recursor->silent = recursor->out && by_chance(600);
	recursor->changed_ms = loop_now();
	recursor->out_ms = recursor->out ? loop_now() : recursor->out_ms;
	world.outages += recursor->out;
	plan_recursor(recursor);
	check_turned((upstream_t)(recursor - world.recursors));
}

/* Lookups. */

typedef struct {
	aname_resolver_t base;
	upstream_t upstream;
} resolver_t;

static recursor_t *recursor_of(const aname_resolver_t *resolver)
{
	return &world.recursors[((const resolver_t *)resolver)->upstream];
}

static bool may_be_stopped(const lookup_t *lookup)
{
	return lookup->target->upstream != UPSTREAM_SYSTEM;
}

static void end(lookup_t *lookup)
{
	loop_never(&lookup->event);
	lookup->ends = true;
	aname_resolver_defer(&lookup->base);
}

static void end_with(lookup_t *lookup, aname_failure_t failure)
{
	lookup->base.result = (aname_result_t){ .failure = failure, .ttl = ANAME_TTL_UNKNOWN };
	end(lookup);
}

/*! Without an answer: when whoever asks gives up. */
static void wait_in_vain(lookup_t *lookup)
{
	int64_t gives_up_ms = may_be_stopped(lookup) ? DNS_GIVES_UP_MS : SYSTEM_GIVES_UP_MS;
	int64_t at_ms = lookup->started_ms + gives_up_ms;
	if (at_ms > loop_now()) {
		loop_at(&lookup->event, at_ms);
	} else if (may_be_stopped(lookup)) {
		end_with(lookup, ANAME_FAILURE_TIMEOUT);
	} else {
		end_with(lookup, ANAME_FAILURE_SERVER); /* As getaddrinfo says it. */
	}
}

/*! The answer of a recursor that has one in its cache by now. */
static void answer(lookup_t *lookup)
{
	target_t *target = lookup->target;
	static uint8_t addresses[4 * 16];
	uint16_t len = target->type == KNOT_RRTYPE_A ? 4 : 16;
	/* One that was a hit may come when it is none any more. */
	int64_t left_ms = target->cached_ms > loop_now() ? target->cached_ms - loop_now() : 0;
	aname_result_t result = { .known = ANAME_KNOWN_NODATA, .ttl = (uint32_t)(left_ms / 1000) };
	if (target->upstream == UPSTREAM_SYSTEM) {
		result.ttl = ANAME_TTL_UNKNOWN;
	}
	if (target->cached == ANSWERS) {
		uint32_t first;
		result.known = ANAME_KNOWN_ADDRESSES;
		result.count = world_addresses(target, target->cached_first, &first);
		result.address_len = len;
		result.addresses = addresses;
		for (uint32_t i = 0; i < result.count; i++) {
			make_address(addresses + (size_t)i * len, len, first + i);
		}
	}
	result.nxdomain = target->cached == EXISTS_NOT;
	result.bare = target->cached == IS_BARE && target->upstream != UPSTREAM_SYSTEM;
	result.ttl = result.bare ? ANAME_TTL_UNKNOWN : result.ttl;
	lookup->base.result = result;
	end(lookup);
}

static void on_answer(loop_event_t *event)
{
	lookup_t *lookup = (lookup_t *)((char *)event - offsetof(lookup_t, event));
	target_t *target = lookup->target;
	const recursor_t *recursor = &world.recursors[target->upstream];
	look_at(target);
	if (recursor->silent) {
		wait_in_vain(lookup);
		return;
	}
	bool held = target->upstream == UPSTREAM_CACHE && target->cached_ms > loop_now();
	if (held || (lookup->hit && !recursor->out)) {
		answer(lookup);
	} else if (recursor->out || target->behaviour == FAILS) {
		end_with(lookup, ANAME_FAILURE_SERVER);
	} else if (target->behaviour == IS_SILENT) {
		wait_in_vain(lookup);
	} else {
		target->cached = target->behaviour < FAILS ? target->behaviour : ANSWERS;
		target->cached_first = target->version;
		target->cached_ms = loop_now() + 1000 * (int64_t)target->ttl;
		answer(lookup);
	}
}

static int64_t latency(const target_t *target)
{
	switch (target->behaviour) {
	case IS_SLOW: return world_between(1000, 2900);
	case IS_TOO_SLOW: return world_between(5000, 9000);
	default: return world_between(5, 80);
	}
}

static target_t *find(const aname_question_t *question)
{
	/* As make_name_nth() has it: a letter, and the number. */
	unsigned number = 0;
	for (unsigned i = 0; i + 1 < question->name[0]; i++) {
		number = 10 * number + question->name[2 + i] - '0';
	}
	return &world.targets[2 * number + (question->type == KNOT_RRTYPE_AAAA)];
}

static int world_start(aname_resolver_t *resolver, const aname_question_t *question, void *ctx,
                       aname_lookup_t **out)
{
	recursor_t *recursor = recursor_of(resolver);
	target_t *target = find(question);
	lookup_t *lookup = calloc(1, sizeof(*lookup));
	if (lookup == NULL) {
		return KNOT_ENOMEM;
	}
	look_at(target);
	lookup->base.resolver = resolver;
	lookup->base.ctx = ctx;
	lookup->target = target;
	lookup->event.run = on_answer;
	lookup->started_ms = loop_now();
	lookup->hit = target->upstream == UPSTREAM_CACHE && target->cached_ms > loop_now();
	check_start(target);
	target->lookup = lookup;
	target->started++;
	target->started_ms = loop_now();
	recursor->pending++;
	world.started++;
	if (++world.pending > world.most_pending) {
		world.most_pending = world.pending;
	}
	loop_at(&lookup->event, loop_now() + (lookup->hit ? 1 : latency(target)));
	*out = &lookup->base;
	return KNOT_EOK;
}

static void world_cancel(aname_lookup_t *base)
{
	lookup_t *lookup = (lookup_t *)base;
	if (!lookup->ends && may_be_stopped(lookup)) {
		end_with(lookup, ANAME_FAILURE_TIMEOUT);
	}
}

static void world_release(aname_lookup_t *lookup)
{
	free(lookup);
}

static unsigned world_capacity(const aname_resolver_t *resolver)
{
	return ((const resolver_t *)resolver)->upstream == UPSTREAM_SYSTEM ? SYSTEM_CAPACITY
	                                                                   : DNS_CAPACITY;
}

static void world_free(aname_resolver_t *resolver)
{
	aname_resolver_free(resolver, NULL);
}

/* What is delivered. */

static aname_resolved_f service_done;
static void *service;

static void on_done(void *owner, void *ctx, const aname_result_t *result)
{
	const aname_run_t *run = ctx;
	lookup_t *lookup = (lookup_t *)run->lookup;
	target_t *target = lookup->target;
	world.recursors[target->upstream].pending--;
	world.pending--;
	world.succeeded += result->failure == ANAME_FAILURE_NONE;
	world.failed += result->failure != ANAME_FAILURE_NONE;
	check_before(target, result);
	target->lookup = NULL;
	service_done(service, ctx, result);
	check_after(target, result, loop_now() - lookup->started_ms);
}

static const aname_resolver_api_t api = {
	.name = "world",
	.start = world_start,
	.cancel = world_cancel,
	.release = world_release,
	.capacity = world_capacity,
	.free = world_free,
};

void world_source(upstream_t upstream, aname_source_t *source)
{
	*source = (aname_source_t){ .servers_count = upstream != UPSTREAM_SYSTEM };
	if (upstream != UPSTREAM_SYSTEM) {
		source->servers[0] = (aname_server_t){ .len = 4, .port = 53 + upstream };
	}
}

aname_resolver_t *world_make(uv_loop_t *loop, const aname_source_t *source,
                             const aname_schedule_t *schedule, aname_resolved_f done, void *owner)
{
	resolver_t *resolver = calloc(1, sizeof(*resolver));
	if (resolver == NULL) {
		return NULL;
	}
	resolver->upstream =
	        source->servers_count > 0 ? source->servers[0].port - 53 : UPSTREAM_SYSTEM;
	service_done = done;
	service = owner;
	aname_resolver_init(&resolver->base, &api, loop, on_done, NULL);
	return &resolver->base;
}

void world_hang_up(void)
{
	for (unsigned i = 0; i < world.count; i++) {
		lookup_t *lookup = world.targets[i].lookup;
		if (lookup != NULL && !lookup->ends) {
			end_with(lookup, ANAME_FAILURE_TIMEOUT);
		}
	}
}

/* The whole. */

static void make_target(unsigned i)
{
	target_t *target = &world.targets[i];
	*target = (target_t){ .number = i,
		              .type = i % 2 == 0 ? KNOT_RRTYPE_A : KNOT_RRTYPE_AAAA,
		              .upstream = i / 2 % UPSTREAMS,
		              .kind = draw_kind(),
		              .name = make_name_nth(i / 2),
		              .ttl = draw_ttl() };
	target->behaviour = normal(target);
	target->until_ms = loop_now() + world_between(1, 2 * DAY_MS);
	if (target->kind == TARGET_CLEAN && target->ttl < 30) {
		target->ttl =
		        30; /* What is asked for all the time would be all that is looked up. */
	}
}

void world_begin(unsigned count)
{
	world.count = count;
	world.targets = calloc(count, sizeof(*world.targets));
	REQUIRE(world.targets != NULL, "out of memory");
	for (unsigned i = 0; i < count; i++) {
		make_target(i);
	}
	for (unsigned i = 0; i < UPSTREAMS; i++) {
		world.recursors[i].event.run = turn;
		if (i != UPSTREAM_STEADY) {
			plan_recursor(&world.recursors[i]);
		}
	}
}

void world_end(void)
{
	for (unsigned i = 0; i < UPSTREAMS; i++) {
		loop_never(&world.recursors[i].event);
		loop_never(&world.recursors[i].recovered);
	}
	free(world.targets);
}
