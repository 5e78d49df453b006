#include "support/test.h"

#include <limits.h>

#include "support/alloc.h"
#include "support/make.h"
#include "support/random.h"
#include "table/snapshot.h"

/*! Is it sorted, unique, and laid out as libknot walks it? */
static void check_layout(const aname_snapshot_t *snapshot, uint16_t len)
{
	knot_rdataset_t set = aname_snapshot_rdataset(snapshot);
	assert_int_equal(set.count, snapshot->count);
	assert_int_equal(set.size, snapshot->count * knot_rdata_size(len));
	knot_rdata_t *rdata = set.rdata, *before = NULL;
	for (unsigned i = 0; i < set.count; i++) {
		assert_int_equal(rdata->len, len);
		if (before != NULL) {
			assert_true(memcmp(before->data, rdata->data, len) < 0);
		}
		before = rdata;
		rdata = knot_rdataset_next(rdata);
	}
	assert_ptr_equal(rdata, (uint8_t *)set.rdata + set.size);
}

static bool holds(const aname_snapshot_t *snapshot, const uint8_t *address, uint16_t len)
{
	knot_rdata_t *rdata = aname_snapshot_rdataset(snapshot).rdata;
	for (unsigned i = 0; i < snapshot->count; i++, rdata = knot_rdataset_next(rdata)) {
		if (memcmp(rdata->data, address, len) == 0) {
			return true;
		}
	}
	return false;
}

typedef struct {
	const char *proves;
	uint16_t len;
	uint32_t given;  /*!< Addresses given, */
	uint32_t differ; /*!< of which so many differ. */
	uint32_t kept;
} count_row_t;

static const count_row_t count_rows[] = {
	{ "no address", 4, 0, 1, 0 },
	{ "one IPv4 address", 4, 1, 1, 1 },
	{ "one IPv6 address", 16, 1, 1, 1 },
	{ "two addresses", 4, 2, 2, 2 },
	{ "the same address twice is one", 4, 2, 1, 1 },
	{ "the same IPv6 address 1000 times is one", 16, 1000, 1, 1 },
	{ "1000 addresses of which 10 differ are ten", 4, 1000, 10, 10 },
	{ "1000 IPv4 addresses", 4, 1000, 1000, 1000 },
	{ "1000 IPv6 addresses", 16, 1000, 1000, 1000 },
	{ "1024 addresses are all kept", 4, 1024, 1024, 1024 },
	{ "L1: of 1025 addresses 1024 are kept", 4, 1025, 1025, 1024 },
	{ "L1: of 70000 IPv6 addresses 1024 are kept", 16, 70000, 70000, 1024 },
	{ "2000 addresses of which 1024 differ are all kept", 4, 2000, 1024, 1024 },
};

static void check_count(void **state)
{
	const count_row_t *row = *state;
	uint8_t *addresses = malloc((size_t)row->given * row->len + 1);
	assert_non_null(addresses);
	for (uint32_t i = 0; i < row->given; i++) {
		/* Falling, so that sorting has to do something. */
		uint32_t n = row->differ - 1 - i % row->differ;
		make_address(addresses + (size_t)i * row->len, row->len, n);
	}
	const aname_result_t result = { .known = ANAME_KNOWN_ADDRESSES,
		                        .ttl = 60,
		                        .address_len = row->len,
		                        .count = row->given,
		                        .addresses = addresses };
	aname_snapshot_t *snapshot = aname_snapshot_new(&result, 1234, 99);
	assert_non_null(snapshot);
	assert_int_equal(snapshot->count, row->kept);
	assert_int_equal(snapshot->known,
	                 row->kept > 0 ? ANAME_KNOWN_ADDRESSES : ANAME_KNOWN_NODATA);
	check_layout(snapshot, row->len);

	/* The lowest are kept. */
	for (uint32_t i = 0; i < row->kept; i++) {
		uint8_t address[16];
		make_address(address, row->len, i);
		assert_true(holds(snapshot, address, row->len));
	}
	free(snapshot);
	free(addresses);
}

static void notes(void **state)
{
	static const uint32_t ttls[] = { 0, 1, INT32_MAX, 1u << 31, ANAME_TTL_UNKNOWN };
	static const int64_t times[] = { 0, -1, INT64_MAX, INT64_MIN };
	for (size_t i = 0; i < COUNT_OF(ttls); i++) {
		for (size_t k = 0; k < COUNT_OF(times); k++) {
			const aname_result_t result = { .known = ANAME_KNOWN_NODATA,
				                        .ttl = ttls[i],
				                        .address_len = 4 };
			aname_snapshot_t *s = aname_snapshot_new(&result, times[k], UINT16_MAX);
			assert_non_null(s);
			assert_int_equal(s->ttl, ttls[i]);
			assert_int_equal(s->learned_ms, times[k]);
			assert_int_equal(s->pick, UINT16_MAX);
			assert_int_equal(s->known, ANAME_KNOWN_NODATA);
			assert_int_equal(s->failure, ANAME_FAILURE_NONE);
			assert_int_equal(s->count + aname_snapshot_size(s), 0);
			assert_null(aname_snapshot_failing(s));
			free(s);
		}
	}
}

static void negative_has_none(void **state)
{
	uint8_t address[4] = { 192, 0, 2, 1 };
	const aname_result_t result = {
		.known = ANAME_KNOWN_NODATA, .address_len = 4, .count = 1, .addresses = address
	};
	aname_snapshot_t *snapshot = aname_snapshot_new(&result, 0, 0);
	assert_non_null(snapshot);
	assert_int_equal(snapshot->known, ANAME_KNOWN_NODATA);
	assert_int_equal(snapshot->count, 0);
	free(snapshot);
}

static void fails_from_nothing(void **state)
{
	aname_snapshot_t *snapshot =
	        aname_snapshot_failed(NULL, ANAME_FAILURE_TIMEOUT, "silent", 777);
	assert_non_null(snapshot);
	assert_int_equal(snapshot->known, ANAME_KNOWN_NOTHING);
	assert_int_equal(snapshot->failure, ANAME_FAILURE_TIMEOUT);
	assert_int_equal(aname_snapshot_failing(snapshot)->since_ms, 777);
	assert_string_equal(aname_snapshot_failing(snapshot)->why, "silent");
	assert_int_equal(snapshot->count, 0);
	free(snapshot);
}

static void fails_and_keeps(void **state)
{
	aname_snapshot_t *good = make_snapshot(4, 1, 1000, 5);
	aname_snapshot_t *bad = aname_snapshot_failed(good, ANAME_FAILURE_SERVER, "first", 1000);
	aname_snapshot_t *worse = aname_snapshot_failed(bad, ANAME_FAILURE_NETWORK, "then", 2000);
	assert_non_null(bad);
	assert_non_null(worse);

	assert_true(aname_snapshot_same(good, bad));
	assert_true(aname_snapshot_same(good, worse));
	check_layout(worse, 4);
	assert_int_equal(worse->known, ANAME_KNOWN_ADDRESSES);
	assert_int_equal(worse->learned_ms, good->learned_ms);
	assert_int_equal(worse->ttl, good->ttl);
	assert_int_equal(worse->pick, good->pick);
	assert_int_equal(bad->failure, ANAME_FAILURE_SERVER);
	assert_int_equal(worse->failure, ANAME_FAILURE_NETWORK);
	assert_int_equal(aname_snapshot_failing(bad)->since_ms, 1000);
	assert_string_equal(aname_snapshot_failing(bad)->why, "first");
	/* The failures began there. */
	assert_int_equal(aname_snapshot_failing(worse)->since_ms, 1000);
	assert_string_equal(aname_snapshot_failing(worse)->why, "then");
	assert_null(aname_snapshot_failing(good));
	assert_int_equal(good->failure, ANAME_FAILURE_NONE);
	free(worse);
	free(bad);
	free(good);
}

static void same(void **state)
{
	aname_snapshot_t *one = make_snapshot(4, 1, 3, 1);
	aname_snapshot_t *again = make_snapshot(4, 1, 3, 2);
	aname_snapshot_t *other = make_snapshot(4, 2, 3, 1);
	aname_snapshot_t *fewer = make_snapshot(4, 1, 2, 1);
	aname_snapshot_t *none = make_snapshot(4, 1, 0, 1);
	aname_snapshot_t *v6 = make_snapshot(16, 1, 1, 1); /* Of the same size as `one`. */
	assert_int_equal(aname_snapshot_size(one), aname_snapshot_size(v6));

	assert_true(aname_snapshot_same(one, one));
	assert_true(aname_snapshot_same(one, again));
	assert_false(aname_snapshot_same(one, other));
	assert_false(aname_snapshot_same(one, fewer));
	assert_false(aname_snapshot_same(one, none));
	assert_false(aname_snapshot_same(one, NULL));
	assert_false(aname_snapshot_same(NULL, one));
	assert_false(aname_snapshot_same(one, v6));
	assert_true(aname_snapshot_same(NULL, none));
	assert_true(aname_snapshot_same(NULL, NULL));
	aname_snapshot_t *all[] = { one, again, other, fewer, none, v6 };
	for (size_t i = 0; i < COUNT_OF(all); i++) {
		free(all[i]);
	}
}

static void copies(void **state)
{
	static const uint32_t counts[] = { 0, 1, 1000 };
	for (size_t i = 0; i < COUNT_OF(counts); i++) {
		aname_snapshot_t *one = make_snapshot(16, 5, counts[i], 3);
		aname_snapshot_t *copy = aname_snapshot_copy(one);
		assert_non_null(copy);
		assert_true(aname_snapshot_same(copy, one));
		assert_memory_equal(copy, one, offsetof(aname_snapshot_t, rdata));
		aname_snapshot_t *failed =
		        aname_snapshot_failed(one, ANAME_FAILURE_BOGUS, "bogus", 99);
		free(one);
		check_layout(copy, 16);
		free(copy);
		copy = aname_snapshot_copy(failed);
		assert_non_null(copy);
		free(failed);
		check_layout(copy, 16);
		assert_int_equal(copy->failure, ANAME_FAILURE_BOGUS);
		assert_int_equal(aname_snapshot_failing(copy)->since_ms, 99);
		assert_string_equal(aname_snapshot_failing(copy)->why, "bogus");
		free(copy);
	}
}

static aname_snapshot_t *negative_after(const aname_snapshot_t *previous, int64_t now_ms,
                                        bool nxdomain)
{
	const aname_result_t result = {
		.known = ANAME_KNOWN_NODATA, .address_len = 16, .ttl = 60, .nxdomain = nxdomain
	};
	return aname_snapshot_after(previous, &result, now_ms, 7);
}

static void remembers(void **state)
{
	static const uint32_t counts[] = { 1, 2, 1000 };
	for (size_t i = 0; i < COUNT_OF(counts); i++) {
		aname_snapshot_t *good = make_snapshot(16, 5, counts[i], 3);
		aname_snapshot_t *bad =
		        aname_snapshot_failed(good, ANAME_FAILURE_SERVER, "bad", 99);
		aname_snapshot_t *first = negative_after(bad, 1000, false);
		free(bad);
		assert_int_equal(first->known, ANAME_KNOWN_NODATA);
		assert_int_equal(first->count, 0);
		assert_int_equal(first->failure, ANAME_FAILURE_NONE);
		assert_int_equal(aname_snapshot_lost(first)->since_ms, 1000);
		assert_false(aname_snapshot_lost(first)->nxdomain);
		assert_true(aname_snapshot_same(aname_snapshot_last(first), good));
		assert_int_equal(aname_snapshot_last(first)->failure, ANAME_FAILURE_NONE);
		assert_null(aname_snapshot_failing(first));
		check_layout(aname_snapshot_last(first), 16);

		/* It is carried on: by failures, copies and what repeats. */
		aname_snapshot_t *failed =
		        aname_snapshot_failed(first, ANAME_FAILURE_SERVER, "why", 2000);
		free(first);
		assert_int_equal(aname_snapshot_failing(failed)->since_ms, 2000);
		aname_snapshot_t *copy = aname_snapshot_copy(failed);
		free(failed);
		assert_string_equal(aname_snapshot_failing(copy)->why, "why");
		assert_true(aname_snapshot_same(aname_snapshot_last(copy), good));
		int64_t end_ms = 1000 + 1000 * (int64_t)ANAME_LOST_MAX_S;
		aname_snapshot_t *again = negative_after(copy, end_ms - 1, true);
		free(copy);
		assert_int_equal(aname_snapshot_lost(again)->since_ms, 1000);
		assert_true(aname_snapshot_lost(again)->nxdomain);
		assert_true(aname_snapshot_same(aname_snapshot_last(again), good));
		free(good);

		/* Not for ever. */
		aname_snapshot_t *forgets = negative_after(again, end_ms, true);
		free(again);
		assert_null(aname_snapshot_lost(forgets));
		assert_null(aname_snapshot_last(forgets));
		free(forgets);
	}
}

static void has_nothing_to_remember(void **state)
{
	aname_snapshot_t *none = make_snapshot(4, 1, 0, 1);
	aname_snapshot_t *failed = aname_snapshot_failed(NULL, ANAME_FAILURE_SERVER, "why", 0);
	const aname_snapshot_t *before[] = { NULL, none, failed };
	for (size_t i = 0; i < COUNT_OF(before); i++) {
		aname_snapshot_t *after = negative_after(before[i], 5, true);
		assert_int_equal(after->known, ANAME_KNOWN_NODATA);
		assert_null(aname_snapshot_lost(after));
		free(after);
	}
	free(failed);
	free(none);

	/* Addresses again. */
	uint8_t address[4] = { 192, 0, 2, 1 };
	const aname_result_t result = {
		.known = ANAME_KNOWN_ADDRESSES, .address_len = 4, .count = 1, .addresses = address
	};
	aname_snapshot_t *good = make_snapshot(4, 1, 3, 1);
	aname_snapshot_t *lost = negative_after(good, 5, true);
	aname_snapshot_t *back = aname_snapshot_after(lost, &result, 6, 1);
	assert_non_null(aname_snapshot_lost(lost));
	assert_null(aname_snapshot_lost(back));
	assert_int_equal(back->count, 1);
	free(back);
	free(lost);
	free(good);
}

static void fuzz(void **state)
{
	random_t random = { 8767 };
	for (unsigned i = 0; i < 3000; i++) {
		uint16_t len = random_below(&random, 2) == 0 ? 4 : 16;
		uint32_t given = random_below(&random, 60);
		uint8_t *addresses = malloc((size_t)given * len + 1);
		assert_non_null(addresses);
		random_fill(&random, addresses, (size_t)given * len);
		for (uint32_t k = 1; k < given; k++) {
			if (random_below(&random, 3) == 0) {
				memcpy(addresses + (size_t)k * len, addresses, len);
			}
		}
		const aname_result_t result = { .known = ANAME_KNOWN_ADDRESSES,
			                        .address_len = len,
			                        .count = given,
			                        .addresses = addresses };
		aname_snapshot_t *snapshot = aname_snapshot_new(&result, i, i);
		assert_non_null(snapshot);
		check_layout(snapshot, len);
		assert_true(snapshot->count <= given);
		for (uint32_t k = 0; k < given; k++) {
			assert_true(holds(snapshot, addresses + (size_t)k * len, len));
		}
		free(snapshot);
		free(addresses);
	}
}

/* Failing allocations. */

static bool attempt_new(void *ctx)
{
	uint8_t addresses[16] = { 1 };
	const aname_result_t result = {
		.known = ANAME_KNOWN_ADDRESSES, .address_len = 4, .count = 4, .addresses = addresses
	};
	aname_snapshot_t *snapshot = aname_snapshot_new(&result, 0, 0);
	free(snapshot);
	return snapshot != NULL;
}

static bool attempt_failed(void *previous)
{
	aname_snapshot_t *snapshot = aname_snapshot_failed(previous, ANAME_FAILURE_SERVER, "", 0);
	free(snapshot);
	return snapshot != NULL;
}

static bool attempt_copy(void *snapshot)
{
	aname_snapshot_t *copy = aname_snapshot_copy(snapshot);
	free(copy);
	return copy != NULL;
}

/* Views. */

/*! What is said of addresses: by definition, which of them are down and which are known to be up. */
typedef struct {
	uint32_t down[3], alive[3]; /*!< A bit for each address, by its last octet. */
	int64_t changed_ms[3];
} said_t;

static aname_sight_t say(void *ctx, uint32_t definition, const uint8_t *address, uint8_t len)
{
	const said_t *said = ctx;
	assert_true(definition < 3);
	uint32_t bit = UINT32_C(1) << address[len - 1];
	return (aname_sight_t){ .down = said->down[definition] & bit,
		                .alive = said->alive[definition] & bit,
		                .changed_ms = said->changed_ms[definition] };
}

/*! Checks which addresses stand in a view, in order. */
static void check_view(const aname_snapshot_t *snapshot, const aname_view_t *view, uint32_t down,
                       uint32_t alive)
{
	knot_rdata_t *all = aname_snapshot_rdataset(snapshot).rdata;
	const knot_rdataset_t set = aname_view_rdataset(snapshot, view);
	knot_rdata_t *rdata = set.rdata;
	unsigned count = 0, unknown = 0;
	for (unsigned i = 0; i < snapshot->count; i++, all = knot_rdataset_next(all)) {
		uint32_t bit = UINT32_C(1) << all->data[all->len - 1];
		if (!(down & bit)) {
			assert_int_equal(knot_rdata_cmp(all, rdata), 0);
			rdata = knot_rdataset_next(rdata);
			unknown += !(alive & bit);
			count++;
		}
	}
	assert_int_equal(view->count, count);
	assert_int_equal(view->unknown, unknown);
	assert_int_equal(set.count, count);
	assert_ptr_equal(rdata, (uint8_t *)set.rdata + set.size);
	assert_int_equal(aname_view_alive(view), count > unknown);
}

static void views(void **state)
{
	static const uint16_t lens[] = { 4, 16 };
	static const uint32_t definitions[] = { 2, 0, 1 };
	random_t random = { 8768 };
	for (unsigned round = 0; round < 500; round++) {
		unsigned count = random_below(&random, 20);
		aname_snapshot_t *bare = make_snapshot(lens[round % 2], 10, count, 0);
		if (random_below(&random, 2) == 0) {
			aname_snapshot_t *failed =
			        aname_snapshot_failed(bare, ANAME_FAILURE_SERVER, "why", 5);
			free(bare);
			bare = failed;
		}
		said_t said = { .changed_ms = { INT64_MIN, 77, 99 } };
		for (unsigned i = 0; i < 3; i++) {
			said.down[i] = random_below(&random, UINT32_MAX);
			said.alive[i] = random_below(&random, UINT32_MAX);
		}
		unsigned wanted = random_below(&random, 4);
		aname_snapshot_t *seen =
		        aname_snapshot_with_views(bare, definitions, wanted, false, say, &said);
		assert_non_null(seen);
		assert_int_equal(seen->views, wanted);
		assert_true(aname_snapshot_same(bare, seen));
		for (unsigned i = 0; i < wanted; i++) {
			uint32_t id = definitions[i];
			const aname_view_t *view = aname_snapshot_view(seen, id);
			assert_non_null(view);
			check_view(seen, view, said.down[id], said.alive[id]);
			assert_int_equal(view->changed_ms,
			                 seen->count > 0 ? said.changed_ms[id] : INT64_MIN);
		}
		assert_null(aname_snapshot_view(seen, 3));
		assert_null(aname_snapshot_view(bare, 2));

		/* What is made of it has none, and is the same otherwise. */
		aname_snapshot_t *copy = aname_snapshot_copy(seen);
		assert_int_equal(copy->views, 0);
		assert_true(aname_snapshot_same(bare, copy));
		aname_snapshot_t *again =
		        aname_snapshot_failed(seen, ANAME_FAILURE_TIMEOUT, "later", 9);
		assert_int_equal(again->views, 0);
		assert_string_equal(aname_snapshot_failing(again)->why, "later");
		const aname_failing_t *failing = aname_snapshot_failing(seen);
		assert_int_equal(failing != NULL, seen->failure != ANAME_FAILURE_NONE);
		if (failing != NULL) {
			assert_string_equal(failing->why, "why");
		}
		free(again);
		free(copy);
		free(seen);
		free(bare);
	}
}

static void lost_views(void **state)
{
	/* Addresses of before are remembered without what was said of them. */
	said_t said = { .down = { 1 } };
	static const uint32_t definition = 0;
	aname_snapshot_t *bare = make_snapshot(4, 10, 3, 0);
	aname_snapshot_t *seen = aname_snapshot_with_views(bare, &definition, 1, false, say, &said);
	aname_snapshot_t *lost = negative_after(seen, 20, true);
	assert_int_equal(lost->views, 0);
	const aname_snapshot_t *last = aname_snapshot_last(lost);
	assert_int_equal(last->views, 0);
	assert_int_equal(last->count, 3);
	aname_snapshot_t *looked =
	        aname_snapshot_with_views(lost, &definition, 1, false, say, &said);
	assert_int_equal(aname_snapshot_view(looked, 0)->count, 0);
	assert_int_equal(aname_snapshot_last(looked)->count, 3);
	assert_true(aname_snapshot_lost(looked)->nxdomain);
	free(looked);
	free(lost);
	free(seen);
	free(bare);
}

static bool attempt_views(void *snapshot)
{
	static const uint32_t definition = 1;
	said_t said = { 0 };
	aname_snapshot_t *seen =
	        aname_snapshot_with_views(snapshot, &definition, 1, false, say, &said);
	free(seen);
	return seen != NULL;
}

static bool attempt_after(void *previous)
{
	aname_snapshot_t *snapshot = negative_after(previous, 0, false);
	bool whole = snapshot != NULL && snapshot->lost;
	assert_true(snapshot == NULL || snapshot->known == ANAME_KNOWN_NODATA);
	free(snapshot);
	return whole;
}

static void out_of_memory(void **state)
{
	assert_int_equal(alloc_fail_each(attempt_new, NULL), 2);
	assert_int_equal(alloc_fail_each(attempt_failed, NULL), 1);

	aname_snapshot_t *good = make_snapshot(4, 1, 10, 0);
	assert_int_equal(alloc_fail_each(attempt_failed, good), 1);
	assert_int_equal(alloc_fail_each(attempt_copy, good), 1);
	assert_int_equal(alloc_fail_each(attempt_after, good), 2);
	assert_int_equal(alloc_fail_each(attempt_views, good), 1);
	assert_int_equal(good->failure, ANAME_FAILURE_NONE);
	free(good);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PROVES("TTL, time and random number are kept as given, absurd ones too", notes),
		PROVES("a negative answer has no addresses", negative_has_none),
		PROVES("F1: a first lookup that fails leaves nothing known", fails_from_nothing),
		PROVES("F1: a failure keeps what was known and when failing began",
		       fails_and_keeps),
		PROVES("W2: the same addresses are known as the same", same),
		PROVES("T4: a copy is the same, and its own", copies),
		PROVES("W1: a negative answer remembers addresses, for a week", remembers),
		PROVES("W1: if there were any", has_nothing_to_remember),
		PROVES("H3: 500 random sets are seen as each definition has them", views),
		PROVES("W1: addresses remembered are all of them", lost_views),
		PROVES("3000 random sets are sorted, unique and complete", fuzz),
		PROVES("out of memory: no snapshot, nothing leaked", out_of_memory),
	};
	return RUN_ROWS("snapshot: how many addresses", count_rows, check_count) +
	       RUN_TESTS("snapshot: the rest", tests);
}
