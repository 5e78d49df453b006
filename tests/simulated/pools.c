#include "pools.h"

#include <inttypes.h>
#include <stdlib.h>

#include "client.h"
#include "prober.h"
#include "table/part.h"

/*! Targets of an owner at most, and networks of clients. */
#define TARGETS  4
#define NETWORKS 8

typedef struct {
	loop_event_t event;
	section_t section;
	client_t *clients[TARGETS][2]; /*!< Of its targets in canonical order, by family. */
	/*! Which target each network got, and one more, when these were the ones to choose from. */
	uint8_t chosen[NETWORKS][1 << TARGETS];
	union {
		aname_choice_t choice;
		uint8_t room[sizeof(aname_choice_t) + TARGETS * sizeof(aname_contender_t)];
	};
} pool_t;

/*! What is said of a pool, and by which rules. */
typedef struct {
	aname_pool_t parts;
	aname_answer_t answer;
	unsigned family, network;
	uint32_t used;         /*!< Targets whose addresses are in the answer. */
	uint32_t usable, live; /*!< Those that may be, and those with live addresses, up or down. */
	uint32_t up, down;     /*!< Those that are so for long enough, and live. */
} said_t;

static struct {
	pool_t *at;
	unsigned count;
	uint64_t told, best, others, all_down, sticky;
} pools;

/* What has to hold. */

static bool has_live(const aname_part_t *part)
{
	uint8_t worth = part->judgement.worth;
	return worth == ANAME_FRESH || worth == ANAME_LATE;
}

static bool is_of(const aname_use_t *use, const aname_part_t *part)
{
	return part->snapshot != NULL && part->snapshot->count > 0 &&
	       (use->set.rdata == aname_part_rdataset(part).rdata ||
	        use->set.rdata == aname_snapshot_rdataset(part->snapshot).rdata);
}

static void sort_out(const pool_t *pool, said_t *said)
{
	for (unsigned i = 0; i < said->parts.count; i++) {
		const aname_part_t *part = &said->parts.parts[i];
		const target_t *target = pool->clients[i][said->family]->target;
		uint32_t bit = 1u << i;
		for (unsigned k = 0; k < said->answer.used; k++) {
			said->used |= is_of(&said->answer.use[k], part) ? bit : 0;
		}
		uint8_t worth = part->judgement.worth;
		bool live = has_live(part) || (worth == ANAME_STALE && part->lives);
		bool seen = live && (part->view == NULL || part->view->count > 0);
		prober_truth_t truth = prober_truth(target);
		said->live |= live ? bit : 0;
		said->usable |= seen ? bit : 0;
		said->up |= has_live(part) && truth == PROBER_UP ? bit : 0;
		said->down |= truth == PROBER_DOWN ? bit : 0;
	}
}

/*! Those of the best rank in a set, and those of weight 0 only if there are no others. */
static uint32_t best_of(const pool_t *pool, uint32_t set)
{
	uint32_t rank = UINT32_MAX, best = 0, light = 0;
	for (unsigned i = 0; i < pool->choice.count; i++) {
		const aname_contender_t *at = &pool->choice.at[i];
		if (!(set >> i & 1) || at->rank > rank) {
			continue;
		}
		if (at->rank < rank) {
			rank = at->rank;
			best = light = 0;
		}
		*(at->weight > 0 ? &best : &light) |= 1u << i;
	}
	return best != 0 ? best : light;
}

static uint32_t rank_of(const pool_t *pool, uint32_t set)
{
	return pool->choice.at[__builtin_ctz(set)].rank;
}

/*! By what is true, and not by what is known of it: within the times of H2 what is dead is not in the
 *  answer while something lives, and the best rank that lives answers (P1, H3). */
static void check_truth(const pool_t *pool, const said_t *said)
{
	unsigned number = pool->clients[0][said->family]->target->number;
	if (said->up == 0) {
		return;
	}
	REQUIRE(said->used != 0 && !said->answer.all_down,
	        "H4: of the pool of target %u all is called down, and %x are up", number, said->up);
	REQUIRE((said->used & said->down) == 0,
	        "H3: the pool of target %u answers with %x, of which %x are down, and %x are up",
	        number, said->used, said->down, said->up);
	REQUIRE(rank_of(pool, said->used) <= rank_of(pool, best_of(pool, said->up)),
	        "P1: the pool of target %u answers with %x, and %x are up", number, said->used,
	        said->up);
}

/*! A function of the network and of those to choose from: who is not concerned by what comes or goes
 *  keeps its target, in both families, and after a restart (P3). */
static void check_sticky(pool_t *pool, const said_t *said, uint32_t from)
{
	uint8_t *chosen = pool->chosen[said->network];
	uint8_t now = 1 + __builtin_ctz(said->used);
	for (uint32_t set = 1; set < 1u << TARGETS; set++) {
		uint8_t then = chosen[set];
		bool more = (set & from) == from, fewer = (set & from) == set;
		bool moved =
		        then != 0 && then != now &&
		        ((more && (from >> (then - 1) & 1)) || (fewer && (set >> (now - 1) & 1)));
		pools.sticky += then != 0 && (more || fewer);
		REQUIRE(!moved,
		        "P3: network %u of the pool of target %u has target %u of %x, and had %u "
		        "of %x",
		        said->network, pool->clients[0][0]->target->number, now - 1, from, then - 1,
		        set);
	}
	chosen[from] = now;
}

/*! The least TTL of those used, and a short one for a while after any of the pool went down or came
 *  up. */
static void check_times(const said_t *said)
{
	const aname_answer_t *answer = &said->answer;
	for (unsigned i = 0; i < said->parts.count; i++) {
		const aname_part_t *part = &said->parts.parts[i];
		bool changed = part->view != NULL &&
		               part->view->changed_ms > loop_now() - 10 * (int64_t)MINUTE_MS;
		REQUIRE(answer->ttl <= part->judgement.ttl || !(said->used >> i & 1),
		        "R4: a pool has a TTL of %u, of %u", answer->ttl, part->judgement.ttl);
		REQUIRE(!changed || answer->ttl <= 30,
		        "H6: a pool has a TTL of %u, with a verdict that is new", answer->ttl);
	}
}

static void check(pool_t *pool, said_t *said)
{
	const aname_answer_t *answer = &said->answer;
	unsigned number = pool->clients[0][said->family]->target->number;
	sort_out(pool, said);
	check_truth(pool, said);
	pools.told++;
	if (said->usable == 0) {
		bool cold = answer->worth == ANAME_COLD || answer->cold;
		REQUIRE(said->live == 0 || cold || (answer->all_down && said->used != 0),
		        "H4: all of the pool of target %u is down, and not served", number);
		pools.all_down += answer->all_down;
		return;
	}
	uint32_t from = best_of(pool, said->usable);
	bool one = pool->choice.answer_targets == 1;
	REQUIRE(!answer->all_down && said->used != 0 && (said->used & ~from) == 0 &&
	                (one ? answer->used == 1 : said->used == from),
	        "P1: the pool of target %u answers with %x, and may with %x", number, said->used,
	        from);
	pools.best += rank_of(pool, from) == 0;
	pools.others += rank_of(pool, from) > 0;
	if (one) {
		check_sticky(pool, said, from);
	}
	check_times(said);
}

/* Who asks. */

static void judge(const pool_t *pool, said_t *said)
{
	uint32_t definition = server.sections[pool->section].options->definition;
	for (unsigned i = 0; i < pool->choice.count; i++) {
		client_t *client = pool->clients[i][said->family];
		aname_part_t *part = &said->parts.parts[said->parts.count++];
		*part = client_ask(client);
		aname_entry_t *entry = server_find(client->target, pool->section);
		if (part->snapshot == NULL || entry == NULL) {
			continue;
		}
		if (part->judgement.worth != ANAME_FRESH) {
			part->lives = aname_part_fails_with_all(
			        server.sections[pool->section].named, part->snapshot,
			        atomic_load(&entry->next_ms));
		}
		(void)aname_answer_look(part, definition, loop_now());
	}
}

static void ask(loop_event_t *event)
{
	pool_t *pool = (pool_t *)event;
	unsigned network = world_between(0, NETWORKS - 1);
	server_enter();
	for (unsigned family = 0; family < 2; family++) {
		said_t said = { .family = family, .network = network };
		said.parts.choice = &pool->choice;
		said.parts.network = (network + 1) * 0x9e3779b97f4a7c15;
		said.parts.all_down = ANAME_ALL_DOWN_SERVE;
		judge(pool, &said);
		aname_answer_weigh(&said.parts, false, &said.answer);
		check(pool, &said);
	}
	server_leave();
	int64_t most_ms = world_between(0, 99) > 0 ? 3 * (int64_t)MINUTE_MS : 8 * (int64_t)HOUR_MS;
	loop_at(event, loop_now() + world_between(1, most_ms));
}

/* The whole. */

static client_t *client_of(unsigned number, section_t section)
{
	for (client_t *client = world.targets[number].clients; client != NULL;
	     client = client->next) {
		if (client->section == section) {
			return client;
		}
	}
	REQUIRE(false, "target %u has no client in section %d", number, section);
	return NULL;
}

static int compare(const void *one, const void *other)
{
	client_t *const *a = one, *const *b = other;
	return knot_dname_cmp((*a)->target->name.at, (*b)->target->name.at);
}

/*! Some of one rank, with weights; some of several, with all that are of the best; some with both. */
static void fill(pool_t *pool, unsigned number, upstream_t upstream)
{
	static const uint32_t weights[] = { 1, 5, 2, 0 };
	unsigned count = 2 + number % (TARGETS - 1), kind = (number + upstream) % 3;
	pool->event.run = ask;
	pool->section = upstream == UPSTREAM_STEADY ? SECTION_STEADY : SECTION_CACHE;
	for (unsigned i = 0; i < count; i++) {
		unsigned first = prober_nth(upstream, TARGETS * number + i);
		pool->clients[i][0] = client_of(first, pool->section);
		pool->clients[i][1] = client_of(first + 1, pool->section);
	}
	qsort(pool->clients, count, sizeof(pool->clients[0]), compare);
	const knot_dname_t *owner = pool->clients[0][0]->target->name.at;
	pool->choice.count = count;
	pool->choice.answer_targets = kind != 1;
	for (unsigned i = 0; i < count; i++) {
		pool->choice.at[i] = (aname_contender_t){
			.seed = aname_choice_seed(owner, pool->clients[i][0]->target->name.at),
			.weight = kind != 1 ? weights[world_between(0, 3)] : 1,
			.rank = kind != 0 ? world_between(0, 2) : 0,
		};
	}
	loop_at(&pool->event, loop_now() + world_between(1, HOUR_MS));
}

void pools_begin(void)
{
	static const upstream_t upstreams[] = { UPSTREAM_STEADY, UPSTREAM_CACHE };
	pools.at = calloc(world.count, sizeof(*pools.at));
	REQUIRE(pools.at != NULL, "out of memory");
	for (unsigned i = 0; i < 2; i++) {
		unsigned last = TARGETS - 1;
		for (unsigned k = 0; prober_nth(upstreams[i], last) + 1 < world.count;
		     k++, last += TARGETS) {
			fill(&pools.at[pools.count++], k, upstreams[i]);
		}
	}
}

void pools_stop(void)
{
	for (unsigned i = 0; i < pools.count; i++) {
		loop_never(&pools.at[i].event);
	}
}

void pools_end(void)
{
	free(pools.at);
}

void pools_print(void)
{
	printf("%u pools were asked %" PRIu64 " times: the best rank answered %" PRIu64
	       " times, another %" PRIu64 " times, and %" PRIu64
	       " times all was down; a choice was compared with %" PRIu64 " before\n",
	       pools.count, pools.told, pools.best, pools.others, pools.all_down, pools.sticky);
}
