/* L4: what is everybody's is shared out by zone. */

#include "support/test.h"

#include "service/fair_queue.h"
#include "service/places.h"
#include "service/shares.h"
#include "support/alloc.h"
#include "support/clock.h"
#include "support/random.h"
#include "support/script.h"

#define A KNOT_RRTYPE_A

#define NOW_S 100000

/* Who gives way. */

typedef struct {
	aname_share_t *shares;
	size_t count;
} holdings_t;

/*! `zones[i]` targets of zone i + 1, each asked for a second after the one before. */
static holdings_t hold_many(const unsigned *zones, size_t count)
{
	holdings_t holdings = { .shares = calloc(10000, sizeof(aname_share_t)) };
	assert_non_null(holdings.shares);
	for (size_t i = 0; i < count; i++) {
		for (unsigned k = 0; k < zones[i]; k++) {
			holdings.shares[holdings.count++] = (aname_share_t){
				.zone = i + 1,
				.asked_s = NOW_S - zones[i] + k,
			};
		}
	}
	return holdings;
}

static unsigned held_by(const holdings_t *holdings, size_t chosen, uint32_t zone)
{
	unsigned held = 0;
	for (size_t i = chosen; i < holdings->count; i++) {
		held += holdings->shares[i].zone == zone;
	}
	return held;
}

static void heaviest_first(void **state)
{
	/* Down to a level: who holds less than that loses nothing. */
	static const unsigned zones[] = { 2, 40, 10, 2, 60 };
	holdings_t holdings = hold_many(zones, 5);
	aname_heaviest_t heaviest;
	assert_int_equal(aname_shares_choose(holdings.shares, holdings.count, 60, NOW_S, &heaviest),
	                 54);
	assert_int_equal(heaviest.zone, 5);
	assert_int_equal(heaviest.held, 60);
	free(holdings.shares);

	holdings = hold_many(zones, 5);
	assert_int_equal(aname_shares_choose(holdings.shares, holdings.count, 40, NOW_S, &heaviest),
	                 40);
	static const unsigned left[] = { 2, 30, 10, 2, 30 };
	for (uint32_t zone = 1; zone <= 5; zone++) {
		assert_int_equal(held_by(&holdings, 40, zone), left[zone - 1]);
	}
	for (size_t i = 0; i < 40; i++) {
		/* Of each, what was asked for least recently. */
		uint32_t held = zones[holdings.shares[i].zone - 1];
		assert_true(holdings.shares[i].asked_s < NOW_S - held + (held - 30));
	}
	free(holdings.shares);
}

static void even(void **state)
{
	/* Where all hold the same, only what nobody has asked for lately goes. */
	holdings_t holdings = { .shares = calloc(100, sizeof(aname_share_t)) };
	for (; holdings.count < 100; holdings.count++) {
		holdings.shares[holdings.count] = (aname_share_t){
			.zone = 1 + holdings.count / 2,
			.asked_s = NOW_S - holdings.count,
			.dormant = holdings.count == 5,
		};
	}
	aname_heaviest_t heaviest;
	assert_int_equal(aname_shares_choose(holdings.shares, 100, 3, NOW_S, &heaviest), 3);
	assert_int_equal(heaviest.zone, 0);
	assert_int_equal(holdings.shares[0].asked_s, NOW_S - 5); /* It is dormant. */
	assert_int_equal(holdings.shares[1].asked_s, NOW_S - 99);
	assert_int_equal(holdings.shares[2].asked_s, NOW_S - 98);
	assert_int_equal(aname_shares_choose(holdings.shares, 100, 100, NOW_S, &heaviest),
	                 1 + 100 - 1 - ANAME_SHARES_RECENT_S);
	free(holdings.shares);
}

static void nothing(void **state)
{
	aname_heaviest_t heaviest;
	aname_share_t share = { .zone = 7, .asked_s = NOW_S };
	assert_int_equal(aname_shares_choose(&share, 0, 1, NOW_S, &heaviest), 0);
	assert_int_equal(aname_shares_choose(&share, 1, 1, NOW_S, &heaviest), 0);
	share.asked_s = NOW_S - ANAME_SHARES_RECENT_S - 1;
	assert_int_equal(aname_shares_choose(&share, 1, 1, NOW_S, &heaviest), 1);
	alloc_fail_at(1);
	assert_int_equal(aname_shares_choose(&share, 1, 1, NOW_S, &heaviest), 0);
	assert_true(alloc_failed());
}

/*! One after the other, of whoever holds the most: what the level stands for. */
static void count_by_hand(unsigned *held, size_t zones, size_t need, unsigned lowest)
{
	for (; need > 0; need--) {
		size_t most = 0;
		for (size_t i = 1; i < zones; i++) {
			most = held[i] > held[most] ? i : most;
		}
		if (held[most] <= lowest) {
			return;
		}
		held[most]--;
	}
}

static void by_hand(void **state)
{
	random_t random = { 20261126 };
	for (unsigned round = 0; round < 500; round++) {
		unsigned zones[20];
		size_t count = 1 + random_below(&random, 20);
		for (size_t i = 0; i < count; i++) {
			zones[i] = 1 + random_below(&random, i % 4 == 0 ? 200 : 4);
		}
		holdings_t holdings = hold_many(zones, count);
		size_t need = 1 + random_below(&random, holdings.count);
		unsigned lowest = (holdings.count + count - 1) / count;
		aname_heaviest_t heaviest;
		size_t chosen = aname_shares_choose(holdings.shares, holdings.count, need,
		                                    NOW_S - 300, &heaviest);
		count_by_hand(zones, count, need, lowest);
		unsigned expected[200] = { 0 }, got[200] = { 0 };
		for (size_t i = 0; i < count; i++) {
			/* Which of those that hold the same gives the last one does not matter. */
			expected[zones[i]]++;
			got[held_by(&holdings, chosen, i + 1)]++;
		}
		assert_memory_equal(expected, got, sizeof(got));
		free(holdings.shares);
	}
}

/* Whose turn it is. */

static aname_entry_t *make_entries(size_t count)
{
	aname_entry_t *entries = calloc(count, sizeof(*entries));
	assert_non_null(entries);
	return entries;
}

static void push(aname_fair_queue_t *queue, aname_entry_t *entry, uint32_t zone)
{
	atomic_store(&entry->charged, zone);
	aname_fair_queue_push(queue, entry);
}

static void turns(void **state)
{
	/* 100 of one zone are ready: another one's only entry is the second. */
	aname_fair_queue_t queue = { 0 };
	aname_entry_t *entries = make_entries(103);
	for (unsigned i = 0; i < 100; i++) {
		push(&queue, &entries[i], 1);
	}
	push(&queue, &entries[100], 2);
	push(&queue, &entries[101], 0);
	push(&queue, &entries[102], 3);
	static const unsigned order[] = { 0, 100, 101, 102, 1, 2, 3 };
	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
		assert_ptr_equal(aname_fair_queue_take(&queue), &entries[order[i]]);
	}
	for (unsigned i = 4; i < 100; i++) {
		assert_false(aname_fair_queue_is_empty(&queue));
		assert_ptr_equal(aname_fair_queue_take(&queue), &entries[i]);
	}
	assert_true(aname_fair_queue_is_empty(&queue));
	assert_int_equal(queue.flows, 0);
	aname_fair_queue_deinit(&queue);
	free(entries);
}

static void first_of_all(void **state)
{
	aname_fair_queue_t queue = { 0 };
	aname_entry_t *entries = make_entries(5);
	for (unsigned i = 0; i < 5; i++) {
		atomic_store(&entries[i].charged, i % 2 + 1);
	}
	aname_fair_queue_push_first(&queue, &entries[0]);
	aname_fair_queue_push(&queue, &entries[2]);
	aname_fair_queue_push_first(&queue, &entries[1]); /* A zone with nothing has the turn, */
	aname_fair_queue_push_first(&queue, &entries[4]); /* else it is the zone's next. */
	aname_fair_queue_push(&queue, &entries[3]);
	static const unsigned order[] = { 1, 4, 3, 0, 2 };
	for (size_t i = 0; i < COUNT_OF(order); i++) {
		assert_ptr_equal(aname_fair_queue_take(&queue), &entries[order[i]]);
	}
	assert_true(aname_fair_queue_is_empty(&queue));
	aname_fair_queue_deinit(&queue);
	free(entries);
}

static bool is_even(void *ctx, uint32_t zone)
{
	return zone % 2 == 0;
}

static bool is_nobody(void *ctx, uint32_t zone)
{
	return false;
}

static void only_some(void **state)
{
	aname_fair_queue_t queue = { 0 };
	aname_entry_t *entries = make_entries(4);
	assert_false(aname_fair_queue_turn(&queue, is_even, NULL));
	for (unsigned i = 0; i < 4; i++) {
		push(&queue, &entries[i], i + 1);
	}
	assert_false(aname_fair_queue_turn(&queue, is_nobody, NULL));
	static const unsigned order[] = { 1, 3 };
	for (unsigned i = 0; i < 2; i++) {
		assert_true(aname_fair_queue_turn(&queue, is_even, NULL));
		assert_ptr_equal(aname_fair_queue_take(&queue), &entries[order[i]]);
	}
	assert_false(aname_fair_queue_turn(&queue, is_even, NULL));
	assert_false(aname_fair_queue_is_empty(&queue));
	aname_fair_queue_deinit(&queue); /* With two in it. */
	free(entries);
}

static bool is_marked(void *ctx, const aname_entry_t *entry)
{
	return entry->plan.state == ANAME_PLAN_NONE;
}

#define ZONES 60

/*! What is known of each zone's turns. */
typedef struct {
	unsigned step;
	unsigned waiting[ZONES]; /*!< Entries. */
	unsigned since[ZONES];   /*!< When it had its last turn, or has begun to wait. */
	uint32_t last[ZONES];    /*!< Its last entry. */
} turns_t;

static void note_push(turns_t *turns, uint32_t zone)
{
	turns->step++;
	if (turns->waiting[zone]++ == 0) {
		turns->since[zone] = turns->step;
	}
}

/*! Nobody has waited for longer, and it is the first of its zone. */
static void check_take(turns_t *turns, const aname_entry_t *entry)
{
	uint32_t zone = aname_entry_zone(entry);
	for (unsigned i = 0; i < ZONES; i++) {
		assert_true(turns->waiting[i] == 0 || turns->since[i] >= turns->since[zone]);
	}
	assert_true(entry->plan.window_s > turns->last[zone]);
	turns->last[zone] = entry->plan.window_s;
	turns->since[zone] = ++turns->step;
	turns->waiting[zone]--;
}

static void random_turns(void **state)
{
	enum { MANY = 2000 };
	aname_entry_t *entries = make_entries(MANY);
	random_t random = { 15 };
	for (unsigned round = 0; round < 20; round++) {
		aname_fair_queue_t queue = { 0 };
		turns_t turns = { 0 };
		unsigned in = 0, out = 0;
		while (out < MANY) {
			if (in < MANY && random_below(&random, 5) < 3) {
				uint32_t zone = random_below(&random, ZONES);
				entries[in].plan.window_s = in + 1; /* Which it is. */
				note_push(&turns, zone);
				push(&queue, &entries[in++], zone);
			} else if (!aname_fair_queue_is_empty(&queue)) {
				check_take(&turns, aname_fair_queue_take(&queue));
				out++;
			}
		}
		assert_true(aname_fair_queue_is_empty(&queue));
		assert_int_equal(queue.flows, 0);
		aname_fair_queue_deinit(&queue);
	}
	free(entries);
}

static void without_memory(void **state)
{
	/* Each comes out once, whatever memory there was. */
	enum { MANY = 200 };
	for (unsigned fail = 1; fail <= MANY + 10; fail++) {
		aname_fair_queue_t queue = { 0 };
		aname_entry_t *entries = make_entries(MANY);
		alloc_fail_at(fail);
		for (unsigned i = 0; i < MANY; i++) {
			push(&queue, &entries[i], 1 + i % 100);
		}
		assert_int_equal(alloc_failed(), fail <= 100 + 5);
		for (unsigned i = 0; i < MANY; i++) {
			aname_entry_t *entry = aname_fair_queue_take(&queue);
			assert_int_equal(entry->plan.window_s, 0);
			entry->plan.window_s = 1;
		}
		assert_true(aname_fair_queue_is_empty(&queue));
		aname_fair_queue_deinit(&queue);
		free(entries);
	}
}

static void sifted(void **state)
{
	enum { MANY = 300 };
	aname_entry_t *entries = make_entries(MANY);
	aname_fair_queue_t queue = { 0 };
	for (unsigned i = 0; i < MANY; i++) {
		entries[i].plan.state =
		        i % 3 == 0 || i % 10 == 1 ? ANAME_PLAN_NONE : ANAME_PLAN_READY;
		push(&queue, &entries[i], i % 10);
	}
	aname_line_t gone = { NULL, NULL };
	aname_fair_queue_sift(&queue, is_marked, NULL, &gone);
	unsigned count = 0;
	for (; gone.first != NULL; count++) {
		assert_true(is_marked(NULL, aname_line_take(&gone)));
	}
	assert_int_equal(count, 120);
	for (unsigned i = 0; i < MANY; i++) {
		if (!is_marked(NULL, &entries[i])) {
			assert_false(is_marked(NULL, aname_fair_queue_take(&queue)));
		}
	}
	assert_true(aname_fair_queue_is_empty(&queue));
	assert_int_equal(queue.flows, 0);
	aname_fair_queue_deinit(&queue);
	free(entries);
}

static void places(void **state)
{
	aname_places_t held = { 0 };
	uint32_t at[100];
	for (unsigned i = 0; i < 100; i++) {
		aname_places_take(&held, i % 3, &at[i]);
	}
	assert_int_equal(aname_places_of(&held, 0), 34);
	for (unsigned i = 0; i < 100; i += 3) {
		aname_places_give_back(&held, at[i]);
	}
	assert_int_equal(aname_places_of(&held, 0), 0);
	assert_int_equal(aname_places_of(&held, 1), 33);
	for (unsigned i = 1; i < 100; i += 3) {
		aname_places_give_back(&held, at[i]);
	}
	assert_int_equal(held.count, 33);
	aname_places_deinit(&held);

	alloc_fail_at(1);
	aname_places_take(&held, 1, &at[0]);
	assert_true(alloc_failed());
	assert_int_equal(at[0], ANAME_PLACE_NONE);
	aname_places_give_back(&held, at[0]);
	assert_int_equal(aname_places_of(&held, 1), 0);
	aname_places_deinit(&held);
}

/* All of it together. */

static const aname_limits_t limits = { 4, 1000, 64, 1000000, 1000, 100, 1000 };

static void begin(scripted_t *scripted)
{
	clock_stop_at(1000000000);
	scripted_init(scripted, NULL, &limits);
}

static void ask(scripted_t *scripted, uint32_t zone, uint32_t n)
{
	name_t name = make_name_nth(n);
	scripted->zone = zone;
	scripted_ask(scripted, &name, A, 300);
}

static void resolve_all(scripted_t *scripted)
{
	while (scripted->script.pending != NULL) {
		scripted_resolve(scripted, scripted->script.pending, 1, 1, 300);
	}
}

static bool is_held(scripted_t *scripted, uint32_t n)
{
	name_t name = make_name_nth(n);
	return scripted_find(scripted, &name, A) != NULL;
}

static script_lookup_t *pending_of(scripted_t *scripted, uint32_t n)
{
	name_t name = make_name_nth(n);
	return scripted_pending(scripted, &name, A);
}

static void flood_of_targets(void **state)
{
	/* 40 zones with a target each, asked for once; then one zone brings 100 times as many as
	 * may be held, 32 at a time, and is looked up at once. Then new zones come. */
	scripted_t scripted;
	begin(&scripted);
	for (uint32_t i = 0; i < 40; i++) {
		ask(&scripted, 100 + i, i);
	}
	resolve_all(&scripted);
	for (uint32_t i = 0; i < 100000; i++) {
		ask(&scripted, 7, 1000 + i);
		if (i % 32 == 31) {
			resolve_all(&scripted);
			scripted_skip(&scripted, 14);
		}
	}
	resolve_all(&scripted);
	for (uint32_t i = 0; i < 40; i++) {
		assert_true(is_held(&scripted, i));
	}
	assert_int_equal(atomic_load(&scripted.shared->reached.table_full), 0);
	for (uint32_t i = 40; i < 80; i++) {
		ask(&scripted, 100 + i, i);
		name_t name = make_name_nth(i);
		assert_non_null(scripted_pending(&scripted, &name, A));
		resolve_all(&scripted);
	}
	assert_int_equal(atomic_load(&scripted.shared->reached.heaviest) >> 32, 7);
	assert_true(aname_table_targets(scripted.shared->table) <= 1000);
	scripted_deinit(&scripted);
}

static void flood_that_waits(void **state)
{
	/* The same, where nothing of the flood is ever answered: what is ready can go as well. */
	scripted_t scripted;
	begin(&scripted);
	ask(&scripted, 100, 0);
	resolve_all(&scripted);
	for (uint32_t i = 0; i < 5000; i++) {
		ask(&scripted, 7, 1000 + i);
	}
	ask(&scripted, 101, 1);
	assert_true(is_held(&scripted, 0));
	assert_true(is_held(&scripted, 1));
	name_t name = make_name_nth(1);
	assert_non_null(scripted_pending(&scripted, &name, A));
	assert_true(aname_table_targets(scripted.shared->table) <= 1000);
	scripted_deinit(&scripted);
}

static void shared_target(void **state)
{
	/* A target that a flood has brought in is charged to the zone that asks for it later. */
	scripted_t scripted;
	begin(&scripted);
	for (uint32_t i = 0; i < 3; i++) {
		ask(&scripted, 7, i);
	}
	resolve_all(&scripted);
	scripted_skip(&scripted, 1000);
	name_t name = make_name_nth(0);
	aname_entry_t *entry = scripted_find(&scripted, &name, A);
	assert_int_equal(aname_entry_zone(entry), 7);
	scripted.zone = 100;
	scripted_touch(&scripted, entry, 300);
	assert_int_equal(aname_entry_zone(entry), 100);
	scripted_skip(&scripted, 1000);
	for (uint32_t i = 0; i < 5000; i++) {
		ask(&scripted, 7, 1000 + i);
		resolve_all(&scripted);
	}
	assert_true(is_held(&scripted, 0));
	scripted_deinit(&scripted);
}

static void anothers_target(void **state)
{
	/* A zone that asks for another one's target among many of its own has it charged to none but
	 * that one, so it waits and gives way with that one's. */
	scripted_t scripted;
	begin(&scripted);
	ask(&scripted, 100, 0);
	name_t name = make_name_nth(0);
	aname_entry_t *entry = scripted_find(&scripted, &name, A);
	for (uint32_t i = 0; i < 32; i++) {
		ask(&scripted, 7, i);
		scripted_skip(&scripted, 1000);
		scripted.zone = 7;
		scripted_touch(&scripted, entry, 300);
		assert_int_equal(aname_entry_zone(entry), 100);
	}
	resolve_all(&scripted);
	for (uint32_t i = 0; i < 5000; i++) {
		ask(&scripted, 7, 1000 + i);
		resolve_all(&scripted);
	}
	assert_true(is_held(&scripted, 0));
	scripted_deinit(&scripted);
}

/*! Targets of zone 7 that were answered once are not any more, while one of zone 100 is known. */
static void fail_one_zone(scripted_t *scripted)
{
	begin(scripted);
	scripted->server = 1;
	scripted_change(scripted, &make_schedule);
	ask(scripted, 100, 0);
	for (uint32_t i = 1; i < 9; i++) {
		ask(scripted, 7, i);
	}
	scripted_resolve(scripted, pending_of(scripted, 0), 1, 1, 300);
	while (scripted->script.pending != NULL) {
		scripted_resolve(scripted, scripted->script.pending, 1, 1, 5);
	}
	scripted_skip(scripted, 5000);
	for (uint32_t i = 1; i < 9; i++) {
		assert_false(scripted->upstream->silent);
		scripted_fail(scripted, pending_of(scripted, i), ANAME_FAILURE_TIMEOUT);
		scripted_skip(scripted, 100);
	}
	/* That one is asked for, long before it is due. */
	assert_false(scripted->upstream->silent);
	assert_non_null(pending_of(scripted, 0));
}

static void one_zone_is_no_outage(void **state)
{
	scripted_t scripted;
	fail_one_zone(&scripted);
	scripted_resolve(&scripted, pending_of(&scripted, 0), 1, 1, 300);
	assert_false(scripted.upstream->silent);
	scripted_deinit(&scripted);
	/* It is one if that one fails as well. */
	fail_one_zone(&scripted);
	scripted_fail(&scripted, pending_of(&scripted, 0), ANAME_FAILURE_TIMEOUT);
	assert_true(scripted.upstream->silent);
	scripted_deinit(&scripted);
}

static unsigned pending_below(const scripted_t *scripted, uint32_t n)
{
	unsigned count = 0;
	for (uint32_t i = 0; i < n; i++) {
		name_t name = make_name_nth(i);
		count += scripted_pending((scripted_t *)scripted, &name, A) != NULL;
	}
	return count;
}

static void slow_zones(void **state)
{
	/* Four zones with 32 targets each that are never answered, 64 places: each new name of
	 * another zone is looked up at once, and no zone has more than a quarter then. */
	scripted_t scripted;
	begin(&scripted);
	for (uint32_t i = 0; i < 128; i++) {
		ask(&scripted, 1 + i % 4, 1000 + i);
	}
	/* Of the 48 that what is cold may have, a fifth is left. */
	assert_int_equal(scripted.script.pending_count, 39);
	for (uint32_t i = 0; i < 9; i++) {
		ask(&scripted, 100 + i, i);
	}
	assert_int_equal(pending_below(&scripted, 9), 9);
	/* All are taken. Of two that are free now, one is for each who waits. */
	ask(&scripted, 200, 9);
	ask(&scripted, 201, 10);
	assert_int_equal(pending_below(&scripted, 11), 9);
	for (unsigned i = 0; i < 2; i++) {
		name_t slow = make_name_nth(1000 + i);
		scripted_resolve(&scripted, scripted_pending(&scripted, &slow, A), 1, 1, 300);
	}
	assert_int_equal(pending_below(&scripted, 11), 11);
	scripted_deinit(&scripted);
}

static void one_zone(void **state)
{
	/* A zone that is alone has half of the places; the other half is for others. */
	scripted_t scripted;
	begin(&scripted);
	for (uint32_t i = 0; i < 128; i++) {
		ask(&scripted, 1, 1000 + i);
	}
	assert_int_equal(scripted.script.pending_count, 24);
	for (uint32_t i = 0; i < 100; i++) {
		ask(&scripted, 2, i);
	}
	assert_int_equal(pending_below(&scripted, 100), 12);
	resolve_all(&scripted);
	assert_int_equal(aname_table_addresses(scripted.shared->table), 228);
	scripted_deinit(&scripted);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PROVES("L4: zones that hold the most come down to a level", heaviest_first),
		PROVES("L4: of zones that hold the same, what nobody asks for goes", even),
		PROVES("L4: nothing held, nothing old, no memory: nobody goes", nothing),
		PROVES("L4: 500 random holdings, as counted by hand", by_hand),
		PROVES("L4: zones take turns, however much one has ready", turns),
		PROVES("L4: an entry may be the next of its zone", first_of_all),
		PROVES("L4: a turn may be passed on", only_some),
		PROVES("L4: 20 times 2,000 random entries: nobody is passed over", random_turns),
		PROVES("L4: without memory zones share a turn, and nothing is lost",
		       without_memory),
		PROVES("L4: what gives way is taken out of every line", sifted),
		PROVES("L4: places are counted by zone", places),
		PROVES("L4: a flood of one zone's targets takes nobody's place", flood_of_targets),
		PROVES("L4: nor does one that waits to be looked up", flood_that_waits),
		PROVES("L4: a shared target is charged to who asks", shared_target),
		PROVES("L4: targets of one zone that fail are no outage while another one's are "
		       "answered",
		       one_zone_is_no_outage),
		PROVES("L4: nobody has another one's target charged to its many", anothers_target),
		PROVES("L4: four slow zones leave places for others", slow_zones),
		PROVES("L4: one zone leaves half of the places", one_zone),
	};
	return RUN_TESTS("fair", tests);
}
