#include "support/test.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include "query/pool_plan.h"
#include "support/alloc.h"
#include "support/make.h"

#define NETWORKS 100000

/*! A choice with room for all contenders that there may be. */
typedef union {
	aname_choice_t choice;
	uint8_t room[sizeof(aname_choice_t) + ANAME_POOL_MAX * sizeof(aname_contender_t)];
} room_t;

static void add(room_t *room, const char *target, uint32_t weight, uint32_t rank)
{
	name_t owner = make_name("example.com."), name = make_name(target);
	room->choice.at[room->choice.count++] = (aname_contender_t){
		.seed = aname_choice_seed(owner.at, name.at), .weight = weight, .rank = rank
	};
}

/*! As many targets as there are weights, all of one rank. */
static room_t make_choice(const uint32_t *weights, unsigned count, uint16_t answer_targets)
{
	room_t room = { 0 };
	room.choice.answer_targets = answer_targets;
	for (unsigned i = 0; i < count; i++) {
		char target[32];
		(void)snprintf(target, sizeof(target), "cdn%u.example.net.", i);
		add(&room, target, weights[i], 0);
	}
	return room;
}

static uint32_t all_of(const room_t *room)
{
	return UINT32_MAX >> (32 - room->choice.count);
}

/*! The n-th of many networks: /24 of IPv4, or /56 of IPv6. */
static uint64_t network_nth(uint32_t n, bool ipv6)
{
	aname_subnet_t network = { .family = ipv6 ? ANAME_SUBNET_IPV6 : ANAME_SUBNET_IPV4,
		                   .len = ipv6 ? ANAME_CHOICE_IPV6 : ANAME_CHOICE_IPV4 };
	if (ipv6) {
		network.address[0] = 0x20;
		network.address[4] = n >> 16;
		network.address[5] = n >> 8;
		network.address[6] = n;
	} else {
		network.address[0] = 1 + (n >> 16);
		network.address[1] = n >> 8;
		network.address[2] = n;
	}
	return aname_choice_network(&network);
}

/* What never changes. */

static void golden_hashes(void **state)
{
	name_t owner = make_name("example.com."), target = make_name("www.cdn.example.net.");
	name_t upper = make_name("EXAMPLE.Com."), other = make_name("WWW.cdn.exaMPLE.NET.");
	uint64_t seed = aname_choice_seed(owner.at, target.at);
	assert_int_equal(seed, UINT64_C(0xcc56c7955a7b1383));
	assert_int_equal(aname_choice_seed(upper.at, other.at), seed);
	const aname_subnet_t four = make_subnet("198.51.100.0", 24),
	                     six = make_subnet("2001:db8::", 56);
	assert_int_equal(aname_choice_network(&four), UINT64_C(0x93794830be58cf7f));
	assert_int_equal(aname_choice_network(&six), UINT64_C(0xe39db253bbed1c1f));
}

static void golden_order(void **state)
{
	/* Of five targets, each digit is one. */
	static const uint32_t weights[] = { 1, 10, 100, 1000000, 0 };
	static const char *const expected[] = { "32104", "32104", "32104", "32104", "32104",
		                                "32104", "32104", "32014", "31204", "32104",
		                                "32104", "31204", "31024", "32104", "32104",
		                                "32104", "32104", "32104", "32014", "32104",
		                                "31204", "31024", "32104", "32014" };
	for (unsigned n = 0; n < COUNT_OF(expected); n++) {
		room_t room = make_choice(weights, COUNT_OF(weights), 1);
		char order[8] = "";
		uint32_t left = all_of(&room);
		for (unsigned i = 0; left != 0; i++) {
			uint32_t bit = aname_choice_pick(&room.choice, left, network_nth(n, n % 2));
			order[i] = '0' + __builtin_ctz(bit);
			left &= ~bit;
		}
		assert_string_equal(order, expected[n]);
	}
}

/* Shares. */

typedef struct {
	const char *proves;
	uint32_t weights[8];
	unsigned count;
	bool ipv6;
} shares_t;

static const shares_t shares[] = {
	{ "P3: one and one", { 1, 1 }, 2, false },
	{ "P3: one and one, IPv6", { 1, 1 }, 2, true },
	{ "P3: 80 and 20", { 80, 20 }, 2, false },
	{ "P3: 99 and 1", { 99, 1 }, 2, true },
	{ "P3: a million and one", { 1000000, 1 }, 2, false },
	{ "P3: three", { 5, 3, 2 }, 3, false },
	{ "P3: eight", { 1, 2, 3, 4, 5, 6, 7, 8 }, 8, true },
	{ "P2: weight 0 gets nothing beside another", { 7, 0 }, 2, false },
	{ "P2: all of weight 0 are equal", { 0, 0, 0, 0 }, 4, false },
};

static void check_shares(void **state)
{
	const shares_t *row = *state;
	room_t room = make_choice(row->weights, row->count, 1);
	uint64_t sum = 0;
	for (unsigned i = 0; i < row->count; i++) {
		sum += row->weights[i];
	}
	uint32_t got[8] = { 0 };
	for (uint32_t n = 0; n < NETWORKS; n++) {
		uint32_t set =
		        aname_choice_pick(&room.choice, all_of(&room), network_nth(n, row->ipv6));
		assert_int_equal(set & (set - 1), 0);
		got[__builtin_ctz(set)]++;
	}
	for (unsigned i = 0; i < row->count; i++) {
		int64_t wanted = sum > 0 ? (int64_t)((uint64_t)row->weights[i] * NETWORKS / sum)
		                         : NETWORKS / row->count;
		assert_in_range(got[i] + NETWORKS / 100, wanted, wanted + NETWORKS / 50);
		assert_true(sum == 0 || row->weights[i] > 0 || got[i] == 0);
	}
}

/* What moves whom. */

static void one_down_moves_nobody_else(void **state)
{
	static const uint32_t weights[] = { 5, 3, 1, 1 };
	room_t room = make_choice(weights, COUNT_OF(weights), 1);
	for (unsigned down = 0; down < COUNT_OF(weights); down++) {
		unsigned moved = 0;
		for (uint32_t n = 0; n < NETWORKS / 4; n++) {
			uint64_t network = network_nth(n, n % 2);
			uint32_t before = aname_choice_pick(&room.choice, all_of(&room), network);
			uint32_t after = aname_choice_pick(&room.choice,
			                                   all_of(&room) & ~(1u << down), network);
			assert_true(before == after || before == 1u << down);
			assert_int_equal(after & 1u << down, 0);
			moved += before != after;
		}
		assert_true(moved > 0);
	}
}

static void only_answers_that_held_it_change(void **state)
{
	static const uint32_t weights[] = { 5, 3, 1, 1, 2, 8, 0 };
	for (unsigned targets = 1; targets <= COUNT_OF(weights); targets++) {
		room_t room = make_choice(weights, COUNT_OF(weights), targets);
		for (uint32_t n = 0; n < 2000; n++) {
			uint64_t network = network_nth(n, n % 2);
			uint32_t before = aname_choice_pick(&room.choice, all_of(&room), network);
			for (unsigned down = 0; down < COUNT_OF(weights); down++) {
				uint32_t usable = all_of(&room) & ~(1u << down);
				uint32_t after = aname_choice_pick(&room.choice, usable, network);
				assert_true(after == before || (before & 1u << down) != 0);
			}
		}
	}
}

static void at_most_as_many_sets_as_targets(void **state)
{
	uint32_t weights[ANAME_POOL_MAX];
	for (unsigned i = 0; i < ANAME_POOL_MAX; i++) {
		weights[i] = 1 + i % 5;
	}
	for (unsigned count = 1; count <= ANAME_POOL_MAX; count += 3) {
		for (uint16_t targets = 1; targets <= 8; targets++) {
			room_t room = make_choice(weights, count, targets);
			uint32_t sets[ANAME_POOL_MAX];
			unsigned found = 0;
			for (uint32_t n = 0; n < 2000; n++) {
				uint32_t set = aname_choice_pick(&room.choice, all_of(&room),
				                                 network_nth(n, n % 2));
				unsigned size = targets < count ? targets : count;
				assert_int_equal(__builtin_popcount(set), size);
				unsigned i = 0;
				while (i < found && sets[i] != set) {
					i++;
				}
				assert_true(i < count);
				sets[i] = set;
				found += i == found;
			}
		}
	}
}

static void ranks(void **state)
{
	room_t room = { 0 };
	room.choice.answer_targets = 1;
	add(&room, "a.example.", 1, 2);
	add(&room, "b.example.", 0, 0);
	add(&room, "c.example.", 5, 1);
	add(&room, "d.example.", 1, 0);
	add(&room, "e.example.", 0, 2);
	static const char order[] = "dbcae";
	for (uint32_t n = 0; n < 100; n++) {
		uint32_t left = all_of(&room);
		for (const char *at = order; *at != '\0'; at++) {
			uint32_t bit = 1u << (*at - 'a');
			assert_int_equal(
			        aname_choice_pick(&room.choice, left, network_nth(n, n % 2)), bit);
			left &= ~bit;
		}
		assert_int_equal(aname_choice_pick(&room.choice, 0, network_nth(n, false)), 0);
	}
	/* All of the best rank, and no more than there are. */
	room.choice.answer_targets = 0;
	assert_int_equal(aname_choice_pick(&room.choice, all_of(&room), 1), 1u << 3);
	assert_int_equal(aname_choice_pick(&room.choice, 1 << 0 | 1 << 1 | 1 << 4, 1), 1u << 1);
	assert_int_equal(aname_choice_pick(&room.choice, 1 << 0 | 1 << 4, 1), 1u << 0);
	room.choice.answer_targets = 5;
	assert_int_equal(aname_choice_pick(&room.choice, all_of(&room), 1), 1u << 3);
}

/* Clients. */

static uint64_t network_of(const char *text)
{
	struct sockaddr_storage ss = { 0 };
	struct sockaddr_in6 *ipv6 = (struct sockaddr_in6 *)&ss;
	struct sockaddr_in *ipv4 = (struct sockaddr_in *)&ss;
	if (inet_pton(AF_INET6, text, &ipv6->sin6_addr) == 1) {
		ss.ss_family = AF_INET6;
	} else {
		assert_int_equal(inet_pton(AF_INET, text, &ipv4->sin_addr), 1);
		ss.ss_family = AF_INET;
	}
	const aname_subnet_t network = aname_choice_network_of(&ss);
	return aname_choice_network(&network);
}

static void networks_of_clients(void **state)
{
	const aname_subnet_t four = make_subnet("198.51.100.0", 24);
	const aname_subnet_t six = make_subnet("2001:db8:0:ff00::", 56);
	assert_int_equal(network_of("198.51.100.7"), aname_choice_network(&four));
	assert_int_equal(network_of("::ffff:198.51.100.255"), aname_choice_network(&four));
	assert_int_equal(network_of("2001:db8:0:ff12:3::4"), aname_choice_network(&six));
	assert_int_not_equal(network_of("198.51.101.7"), aname_choice_network(&four));
	assert_int_not_equal(network_of("2001:db8:0:fe12:3::4"), aname_choice_network(&six));
	const struct sockaddr_storage local = { .ss_family = AF_UNIX };
	assert_int_equal(aname_choice_network_of(&local).len, 0);
}

/* Suffixes. */

static void longest_suffixes(void **state)
{
	aname_options_t *options = make_options();
	static const char *const prefer[] = { "net.", "cdn.example.net.", "example.net." };
	static const char *const weights[] = { ".", "b.example.", "example." };
	for (unsigned i = 0; i < 3; i++) {
		make_add_name(&options->prefer, prefer[i]);
		make_add_weight(&options->weights, weights[i], 10 * i);
	}
	static const struct {
		const char *name;
		uint32_t rank, weight;
	} rows[] = {
		{ "www.cdn.example.net.", 1, 0 }, { "cdn.example.net.", 1, 0 },
		{ "xcdn.example.net.", 2, 0 },    { "a.net.", 0, 0 },
		{ "a.b.example.", 3, 10 },        { "b.b.example.", 3, 10 },
		{ "a.example.", 3, 20 },          { "example.", 3, 20 },
	};
	for (unsigned i = 0; i < COUNT_OF(rows); i++) {
		name_t name = make_name(rows[i].name);
		assert_int_equal(aname_choice_rank(&options->prefer, name.at), rows[i].rank);
		assert_int_equal(aname_choice_weight(&options->weights, name.at), rows[i].weight);
	}
	name_t name = make_name("a.example.");
	assert_int_equal(aname_choice_weight(&(aname_weights_t){ 0 }, name.at), 1);
	aname_options_free(options);
}

static void weights_as_text(void **state)
{
	static const struct {
		const char *text, *suffix;
		uint32_t weight;
	} rows[] = {
		{ "Example.NET@0", "example.net.", 0 },
		{ "example.net.@1000000", "example.net.", 1000000 },
		{ ".@7", ".", 7 },
		{ "example.net@1000001", NULL, 0 },
		{ "example.net@-1", NULL, 0 },
		{ "example.net@ 1", NULL, 0 },
		{ "example.net@1x", NULL, 0 },
		{ "example.net@", NULL, 0 },
		{ "example.net", NULL, 0 },
		{ "@1", NULL, 0 },
		{ "a..b@1", NULL, 0 },
		{ "example.net@99999999999999999999", NULL, 0 },
	};
	for (unsigned i = 0; i < COUNT_OF(rows); i++) {
		knot_dname_storage_t suffix;
		uint32_t weight;
		bool good = aname_weight_read(rows[i].text, suffix, &weight);
		assert_int_equal(good, rows[i].suffix != NULL);
		if (good) {
			name_t expected = make_name(rows[i].suffix);
			assert_true(knot_dname_is_equal(suffix, expected.at));
			assert_int_equal(weight, rows[i].weight);
		}
	}
}

/* Plans. */

/*! ANAME records of an owner. */
typedef struct {
	name_t owner;
	knot_rrset_t rrset;
} records_t;

static records_t make_records(uint32_t ttl, const char *const *targets, unsigned count)
{
	records_t records = { .owner = make_name("example.com.") };
	knot_rrset_init(&records.rrset, NULL, 65305, KNOT_CLASS_IN, ttl);
	for (unsigned i = 0; i < count; i++) {
		name_t name = make_name(targets[i]);
		assert_int_equal(knot_rrset_add_rdata(&records.rrset, name.at, name.len, NULL),
		                 KNOT_EOK);
	}
	return records;
}

static aname_failure_t check(void *ctx, const knot_dname_t *name, uint8_t name_len)
{
	name_t denied = make_name("denied.example.");
	return knot_dname_is_equal(name, denied.at) ? ANAME_FAILURE_DENIED : ANAME_FAILURE_NONE;
}

static aname_pool_plan_t *plan(const aname_options_t *options, records_t *records)
{
	records->rrset.owner = records->owner.at;
	return aname_pool_plan_new(options, NULL, &records->rrset, 1, check, NULL);
}

static const char *const targets[] = { "C.example.", "a.example.",   "denied.example.",
	                               "b.example.", "z.a.example.", "B.example." };

static void plans(void **state)
{
	aname_options_t *options = make_options();
	options->answer_targets = 1;
	make_add_name(&options->prefer, "b.example.");
	records_t records = make_records(300, targets, COUNT_OF(targets));
	aname_pool_plan_t *made = plan(options, &records);
	assert_non_null(made);
	/* In canonical order, in lower case, each once; what is not allowed stands apart. */
	static const char *const expected[] = { "a.example.", "z.a.example.", "b.example.",
		                                "c.example." };
	assert_int_equal(made->choice->count, COUNT_OF(expected));
	for (unsigned i = 0; i < COUNT_OF(expected); i++) {
		name_t name = make_name(expected[i]);
		assert_true(knot_dname_is_equal(made->targets[i].keys[0].name, name.at));
		assert_int_equal(made->targets[i].keys[0].name_len, name.len);
		assert_int_equal(made->targets[i].ttl, 300);
		assert_int_equal(made->choice->at[i].seed,
		                 aname_choice_seed(records.owner.at, name.at));
		assert_int_equal(made->choice->at[i].rank, i == 2 ? 0 : 1);
		assert_int_equal(made->choice->at[i].weight, 1);
	}
	assert_int_equal(made->denied, 1);
	assert_int_equal(made->malformed, 0);
	assert_int_equal(made->choice->first, 1u << 2);
	assert_true(made->short_cut && !made->cut);

	/* It is of these records, and of no others. */
	assert_true(aname_pool_plan_is_current(made, &records.rrset, 1));
	assert_false(aname_pool_plan_is_current(NULL, &records.rrset, 1));
	assert_false(aname_pool_plan_is_current(made, &records.rrset, 0));
	records.rrset.ttl++;
	assert_false(aname_pool_plan_is_current(made, &records.rrset, 1));
	records.rrset.ttl--;
	records.rrset.type++;
	assert_false(aname_pool_plan_is_current(made, &records.rrset, 1));
	records.rrset.type--;
	records.rrset.rrs.rdata->data[1] ^= 1;
	assert_false(aname_pool_plan_is_current(made, &records.rrset, 1));
	records.rrset.rrs.rdata->data[1] ^= 1;
	free(made);
	knot_rdataset_clear(&records.rrset.rrs, NULL);
	aname_options_free(options);
}

static void plans_of_many(void **state)
{
	aname_options_t *options = make_options();
	records_t records = make_records(UINT32_MAX, NULL, 0);
	for (uint32_t n = 0; n <= ANAME_POOL_MAX; n++) {
		name_t name = make_name_nth(n);
		assert_int_equal(knot_rrset_add_rdata(&records.rrset, name.at, name.len, NULL),
		                 KNOT_EOK);
		aname_pool_plan_t *made = plan(options, &records);
		assert_non_null(made);
		unsigned count = n < ANAME_POOL_MAX ? n + 1 : ANAME_POOL_MAX;
		assert_int_equal(made->choice->count, count);
		assert_int_equal(made->cut, n == ANAME_POOL_MAX);
		assert_int_equal(made->choice->first, UINT32_MAX >> (32 - count));
		assert_int_equal(made->short_cut, n == 0);
		assert_int_equal(made->targets[0].ttl, 0); /* Its highest bit is set. */
		free(made);
	}
	knot_rdataset_clear(&records.rrset.rrs, NULL);
	aname_options_free(options);
}

static void plans_of_nothing_good(void **state)
{
	aname_options_t *options = make_options();
	options->answer_targets = 1;
	static const char *const denied[] = { "denied.example.", "Denied.example." };
	records_t records = make_records(300, denied, COUNT_OF(denied));
	assert_int_equal(knot_rrset_add_rdata(&records.rrset, (const uint8_t *)"\x09x", 2, NULL),
	                 KNOT_EOK);
	aname_pool_plan_t *made = plan(options, &records);
	assert_non_null(made);
	assert_int_equal(made->choice->count, 0);
	assert_int_equal(made->denied, 2);
	assert_int_equal(made->malformed, 1);
	assert_false(made->short_cut);
	free(made);
	knot_rdataset_clear(&records.rrset.rrs, NULL);
	aname_options_free(options);
}

/*! Adds RDATA of some length. */
static void add_octets(records_t *records, uint16_t len, uint8_t fill)
{
	uint8_t *octets = malloc(len);
	assert_non_null(octets);
	memset(octets, fill, len);
	assert_int_equal(knot_rrset_add_rdata(&records->rrset, octets, len, NULL), KNOT_EOK);
	free(octets);
}

static void plans_of_long_records(void **state)
{
	/* Their octets are not read, be it to make the plan or to compare it. */
	aname_options_t *options = make_options();
	records_t records = make_records(300, NULL, 0);
	for (unsigned n = 0; n < 60; n++) {
		add_octets(&records, 60000, n);
	}
	aname_pool_plan_t *made = plan(options, &records);
	assert_non_null(made);
	assert_int_equal(made->malformed, ANAME_POOL_MAX);
	assert_true(made->cut && made->odd);
	assert_int_equal(made->rrsets[0].copied, ANAME_POOL_MAX);
	knot_rdata_t *first = records.rrset.rrs.rdata, *last = first;
	for (unsigned n = 1; n < 60; n++) {
		last = knot_rdataset_next(last);
	}
	memset(first->data, 0xff, first->len);
	memset(last->data, 0xff, last->len);
	assert_true(aname_pool_plan_is_current(made, &records.rrset, 1));
	add_octets(&records, 60000, 0xfe);
	assert_false(aname_pool_plan_is_current(made, &records.rrset, 1));
	free(made);
	knot_rdataset_clear(&records.rrset.rrs, NULL);
	aname_options_free(options);
}

static void plans_of_two_types(void **state)
{
	/* The first 32 records count, of whatever type. */
	aname_options_t *options = make_options();
	records_t both[2];
	knot_rrset_t rrsets[2];
	for (unsigned i = 0; i < 2; i++) {
		both[i] = make_records(300, NULL, 0);
		for (uint32_t n = 0; n < 20; n++) {
			name_t name = make_name_nth(20 * i + n);
			assert_int_equal(
			        knot_rrset_add_rdata(&both[i].rrset, name.at, name.len, NULL),
			        KNOT_EOK);
		}
		rrsets[i] = both[i].rrset;
		rrsets[i].owner = both[0].owner.at;
	}
	aname_pool_plan_t *made = aname_pool_plan_new(options, NULL, rrsets, 2, check, NULL);
	assert_non_null(made);
	assert_int_equal(made->choice->count, ANAME_POOL_MAX);
	assert_int_equal(made->rrsets[0].copied, 20);
	assert_int_equal(made->rrsets[1].copied, 12);
	assert_true(made->cut && aname_pool_plan_is_current(made, rrsets, 2));
	rrsets[1].rrs.rdata->data[1] ^= 1;
	assert_false(aname_pool_plan_is_current(made, rrsets, 2));
	free(made);
	knot_rdataset_clear(&both[0].rrset.rrs, NULL);
	knot_rdataset_clear(&both[1].rrset.rrs, NULL);
	aname_options_free(options);
}

static bool attempt(void *ctx)
{
	aname_options_t *options = ctx;
	records_t records = make_records(300, NULL, 0);
	knot_rdata_t rdata = { 0 };
	records.rrset.rrs = (knot_rdataset_t){ .count = 1, .size = sizeof(rdata), .rdata = &rdata };
	aname_pool_plan_t *made = plan(options, &records);
	free(made);
	return made != NULL;
}

static void no_memory(void **state)
{
	aname_options_t *options = make_options();
	assert_int_equal(alloc_fail_each(attempt, options), 1);
	aname_options_free(options);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PROVES("P3: the hashes are those of every release", golden_hashes),
		PROVES("P3: the order is that of every release", golden_order),
		PROVES("P3: one target down moves no client of the others",
		       one_down_moves_nobody_else),
		PROVES("P4: one target down changes only answers that held it",
		       only_answers_that_held_it_change),
		PROVES("P4: a pool has at most as many sets as targets",
		       at_most_as_many_sets_as_targets),
		PROVES("P1, P2: ranks, and weight 0 within them", ranks),
		PROVES("P3: the network of a client", networks_of_clients),
		PROVES("P1, P2: the longest suffix counts", longest_suffixes),
		PROVES("P2: weights as text", weights_as_text),
		PROVES("P4: a plan has the targets in canonical order", plans),
		PROVES("R4: a plan has 32 targets at most", plans_of_many),
		PROVES("a plan without a target", plans_of_nothing_good),
		PROVES("L4: what is too long for a name is not read", plans_of_long_records),
		PROVES("L4: of records of two types 32 are looked at", plans_of_two_types),
		PROVES("out of memory: no plan, nothing leaked", no_memory),
	};
	return RUN_ROWS("choice: shares", shares, check_shares) + RUN_TESTS("choice", tests);
}
