#include "support/test.h"

#include "table/subset.h"
#include "support/make.h"
#include "support/random.h"
#include "support/union.h"
#include "table/snapshot.h"

#define SETS      ANAME_POOL_MAX
#define ADDRESSES ANAME_ADDRESSES_MAX
#define MOST      32

typedef struct {
	unsigned count;
	uint8_t at[SETS * ADDRESSES][16];
} list_t;

/*! Sets, and what is denied of them. */
typedef struct {
	uint16_t len;
	unsigned used;
	aname_snapshot_t *snapshots[SETS];
	aname_use_t use[SETS];
	aname_options_t *options;
} sets_t;

/*! A set of the addresses first, first + step, and so on. */
static void add_set(sets_t *sets, uint32_t first, unsigned count, unsigned step, uint16_t pick)
{
	uint8_t *addresses = malloc((size_t)count * sets->len + 1);
	assert_non_null(addresses);
	for (unsigned i = 0; i < count; i++) {
		make_address(addresses + (size_t)i * sets->len, sets->len, first + i * step);
	}
	const aname_result_t result = { .known = ANAME_KNOWN_ADDRESSES,
		                        .address_len = sets->len,
		                        .count = count,
		                        .addresses = addresses };
	aname_snapshot_t *snapshot = aname_snapshot_new(&result, 0, pick);
	assert_non_null(snapshot);
	free(addresses);
	sets->use[sets->used] =
	        (aname_use_t){ .set = aname_snapshot_rdataset(snapshot), .pick = pick };
	sets->snapshots[sets->used++] = snapshot;
}

static sets_t new_sets(uint16_t len)
{
	return (sets_t){ .len = len, .options = make_options() };
}

static void free_sets(sets_t *sets)
{
	for (unsigned i = 0; i < sets->used; i++) {
		free(sets->snapshots[i]);
	}
	aname_options_free(sets->options);
}

/*! Takes addresses, the least first; returns how many were looked at. */
static unsigned take(const sets_t *sets, unsigned most, list_t *list)
{
	aname_taken_t *room = calloc(2 * (size_t)most, sizeof(*room));
	assert_non_null(room);
	aname_snapshot_t *rests[SETS];
	aname_use_t use[SETS];
	for (unsigned i = 0; i < sets->used; i++) {
		rests[i] = aname_snapshot_without(sets->snapshots[i], &sets->options->deny_address);
		assert_non_null(rests[i]);
		use[i] = (aname_use_t){ .set = aname_snapshot_rdataset(rests[i]),
			                .pick = rests[i]->pick };
	}
	const aname_subset_t subset = aname_subset_take(use, sets->used, most, room);
	list->count = subset.count;
	assert_true(subset.count <= most);
	for (unsigned i = 0; i < subset.count; i++) {
		const knot_rdata_t *rdata = subset.at[(subset.first + i) % subset.count].rdata;
		assert_int_equal(rdata->len, sets->len);
		memset(list->at[i], 0, 16);
		memcpy(list->at[i], rdata->data, rdata->len);
		assert_true(i == 0 || union_compare(list->at[i - 1], list->at[i]) < 0);
	}
	for (unsigned i = 0; i < sets->used; i++) {
		free(rests[i]);
	}
	free(room);
	return subset.looked;
}

static unsigned find(const list_t *list, const uint8_t *address)
{
	const uint8_t(*found)[16] =
	        bsearch(address, list->at, list->count, sizeof(list->at[0]), union_compare);
	assert_non_null(found);
	return found - (const uint8_t(*)[16])list->at;
}

/*! As many as there may be, of the union; and of more those that follow each other. */
static void check(const sets_t *sets, unsigned most)
{
	static list_t all, got;
	all.count = union_of(sets->use, sets->used, &sets->options->deny_address, all.at);
	(void)take(sets, most, &got);
	assert_int_equal(got.count, all.count < most ? all.count : most);
	unsigned gaps = 0;
	for (unsigned i = 0; i < got.count; i++) {
		unsigned next = find(&all, got.at[(i + 1) % got.count]);
		gaps += next != (find(&all, got.at[i]) + 1) % all.count;
	}
	assert_true(gaps <= 1);
}

static void unions(void **state)
{
	random_t random = { 20 };
	for (unsigned i = 0; i < 4000; i++) {
		sets_t sets = new_sets(random_below(&random, 3) == 0 ? 16 : 4);
		unsigned used = 1 + random_below(&random, random_below(&random, 3) == 0 ? SETS : 4);
		for (unsigned k = 0; k < used; k++) {
			add_set(&sets, random_below(&random, 90), random_below(&random, 40),
			        1 + random_below(&random, 3), random_next(&random));
		}
		unsigned nets = sets.len == 4 ? random_below(&random, 5) : 0;
		for (unsigned k = 0; k < nets; k++) {
			char low[20], high[20];
			unsigned from = random_below(&random, 150);
			(void)snprintf(low, sizeof(low), "10.0.0.%u", from);
			(void)snprintf(high, sizeof(high), "10.0.0.%u",
			               from + random_below(&random, 20));
			make_add_net(&sets.options->deny_address, low, high);
		}
		check(&sets, 1 + random_below(&random, 60));
		free_sets(&sets);
	}
}

static void ends_of_the_space(void **state)
{
	/* The first and the last address there are, with a network at either end. */
	for (unsigned denied = 0; denied < 4; denied++) {
		static const uint8_t addresses[][4] = { { 0, 0, 0, 0 },
			                                { 0, 0, 0, 1 },
			                                { 255, 255, 255, 254 },
			                                { 255, 255, 255, 255 } };
		sets_t sets = new_sets(4);
		const aname_result_t result = { .known = ANAME_KNOWN_ADDRESSES,
			                        .address_len = 4,
			                        .count = 4,
			                        .addresses = addresses[0] };
		sets.snapshots[0] = aname_snapshot_new(&result, 0, 3);
		sets.use[sets.used++] =
		        (aname_use_t){ .set = aname_snapshot_rdataset(sets.snapshots[0]),
			               .pick = 3 };
		if (denied & 1) {
			make_add_net(&sets.options->deny_address, "0.0.0.0", "0.0.0.0");
		}
		if (denied & 2) {
			make_add_net(&sets.options->deny_address, "255.255.255.255",
			             "255.255.255.255");
		}
		for (unsigned most = 1; most <= 4; most++) {
			check(&sets, most);
		}
		free_sets(&sets);
	}
}

/* What it costs. */

/*! Addresses looked at to answer from 32 sets of 1,024 each. */
static unsigned cost(uint16_t len, unsigned shift, unsigned step, unsigned nets)
{
	sets_t sets = new_sets(len);
	for (unsigned i = 0; i < SETS; i++) {
		add_set(&sets, i * shift, ADDRESSES, step, 977 * i);
	}
	for (unsigned i = 0; i < nets; i++) {
		char net[20];
		(void)snprintf(net, sizeof(net), "10.0.%u.%u", i / 64, i % 64 * 4);
		make_add_net(&sets.options->deny_address, net, net);
	}
	static list_t got;
	unsigned looked = take(&sets, MOST, &got);
	assert_int_equal(got.count, MOST);
	check(&sets, MOST);
	free_sets(&sets);
	return looked;
}

/*! A search in each set, and each address of the answer once in each. */
#define BOUND (SETS * (12 + MOST + 1))

static void cost_is_bounded(void **state)
{
	static const uint16_t lens[] = { 4, 16 };
	for (unsigned i = 0; i < 2; i++) {
		assert_true(cost(lens[i], ADDRESSES, 1, 0) < BOUND); /* One behind the other. */
		assert_true(cost(lens[i], 0, 1, 0) < BOUND);         /* All the same. */
		assert_true(cost(lens[i], 1, 1, 0) < BOUND);         /* The same but for one. */
		assert_true(cost(lens[i], 1, SETS, 0) < BOUND);      /* In turns. */
	}
	/* What is denied is not there. */
	assert_true(cost(4, 1, 1, 16) < BOUND);
}

static void does_not_grow(void **state)
{
	/* With the size of the sets only a search grows. */
	unsigned looked[2];
	for (unsigned i = 0; i < 2; i++) {
		sets_t sets = new_sets(4);
		add_set(&sets, 0, i == 0 ? 64 : ADDRESSES, 1, 5);
		static list_t got;
		looked[i] = take(&sets, MOST, &got);
		free_sets(&sets);
	}
	assert_true(looked[1] <= looked[0] + 6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PROVES("R4, A8, L2: what is taken is the union, or as much of it as an answer may "
		       "hold, one behind the other",
		       unions),
		PROVES("L2: networks at the ends of all addresses", ends_of_the_space),
		PROVES("L4: an answer from 32 sets of 1,024 looks at what it takes",
		       cost_is_bounded),
		PROVES("L4: large sets cost as much as small ones", does_not_grow),
	};
	return RUN_TESTS("subset", tests);
}
