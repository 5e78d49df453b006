#include "support/test.h"

#include "support/alloc.h"
#include "support/make.h"
#include "support/random.h"
#include "table/policy.h"
#include "table/table.h"

typedef struct {
	aname_epoch_t *epoch;
	aname_table_t *table;
	aname_upstream_t *upstream; /*!< The one that is meant by default. */
	aname_upstream_t upstreams[2];
} fixture_t;

static int set_up(void **state)
{
	fixture_t *fixture = calloc(1, sizeof(*fixture));
	assert_non_null(fixture);
	fixture->epoch = aname_epoch_new();
	assert_non_null(fixture->epoch);
	fixture->table = aname_table_new(fixture->epoch);
	assert_non_null(fixture->table);
	fixture->upstream = &fixture->upstreams[0];
	*state = fixture;
	return 0;
}

static int tear_down(void **state)
{
	fixture_t *fixture = *state;
	aname_table_free(fixture->table);
	aname_epoch_free(fixture->epoch);
	free(fixture);
	return 0;
}

static aname_entry_t *find(fixture_t *fixture, const name_t *name, uint16_t type)
{
	const aname_key_t key = make_key(fixture->upstream, name, type);
	return aname_table_find(fixture->table, &key, aname_table_hash(fixture->table, &key));
}

static aname_entry_t *add(fixture_t *fixture, const name_t *name, uint16_t type)
{
	const aname_key_t key = make_key(fixture->upstream, name, type);
	return aname_table_add(fixture->table, &key, aname_table_hash(fixture->table, &key));
}

/* Finding. */

static void new_entry(void **state)
{
	fixture_t *fixture = *state;
	name_t name = make_name("a.example.");
	assert_null(find(fixture, &name, KNOT_RRTYPE_A));
	aname_entry_t *entry = add(fixture, &name, KNOT_RRTYPE_A);
	assert_non_null(entry);
	assert_ptr_equal(find(fixture, &name, KNOT_RRTYPE_A), entry);
	assert_true(knot_dname_is_equal(entry->name, name.at));
	assert_int_equal(entry->name_len, name.len);
	assert_int_equal(entry->type, KNOT_RRTYPE_A);
	assert_ptr_equal(entry->upstream, fixture->upstream);
	assert_null(aname_entry_snapshot(entry));
	assert_true(atomic_load(&entry->cold));
	assert_true(atomic_load(&entry->next_ms) == ANAME_NEXT_NEVER);
	assert_true(atomic_load(&entry->min_ttl) == UINT32_MAX);
	assert_int_equal(entry->plan.state, ANAME_PLAN_NONE);
	assert_int_equal(aname_table_targets(fixture->table), 1);
}

static void keys_differ(void **state)
{
	fixture_t *fixture = *state;
	name_t name = make_name("a.example."), other = make_name("b.example.");
	aname_entry_t *a = add(fixture, &name, KNOT_RRTYPE_A);
	assert_null(find(fixture, &name, KNOT_RRTYPE_AAAA));
	assert_null(find(fixture, &other, KNOT_RRTYPE_A));
	aname_entry_t *aaaa = add(fixture, &name, KNOT_RRTYPE_AAAA);
	const aname_key_t key = make_key(&fixture->upstreams[1], &name, KNOT_RRTYPE_A);
	uint64_t hash = aname_table_hash(fixture->table, &key);
	assert_null(aname_table_find(fixture->table, &key, hash));
	aname_entry_t *foreign = aname_table_add(fixture->table, &key, hash);

	assert_ptr_equal(find(fixture, &name, KNOT_RRTYPE_A), a);
	assert_ptr_equal(find(fixture, &name, KNOT_RRTYPE_AAAA), aaaa);
	assert_ptr_equal(aname_table_find(fixture->table, &key, hash), foreign);
	assert_int_equal(aname_table_targets(fixture->table), 3);
}

static void same_hash(void **state)
{
	/* Keys that only share their hash are told apart. */
	fixture_t *fixture = *state;
	name_t names[8];
	aname_entry_t *entries[8];
	for (unsigned i = 0; i < COUNT_OF(names); i++) {
		names[i] = make_name_nth(i);
		const aname_key_t key = make_key(fixture->upstream, &names[i], KNOT_RRTYPE_A);
		entries[i] = aname_table_add(fixture->table, &key, 0x123456789abcdef1);
		assert_non_null(entries[i]);
	}
	aname_table_remove(fixture->table, entries[3]);
	for (unsigned i = 0; i < COUNT_OF(names); i++) {
		const aname_key_t key = make_key(fixture->upstream, &names[i], KNOT_RRTYPE_A);
		assert_ptr_equal(aname_table_find(fixture->table, &key, 0x123456789abcdef1),
		                 i == 3 ? NULL : entries[i]);
	}
}

static void boundary_names(void **state)
{
	fixture_t *fixture = *state;
	name_t names[] = { make_name("."),        make_name("a."),   make_name("aaaaaa."),
		           make_name("aaaaa."),   make_name("a.a."), make_name_longest('a'),
		           make_name_longest('b') };
	aname_entry_t *entries[COUNT_OF(names)];
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		assert_null(find(fixture, &names[i], KNOT_RRTYPE_AAAA));
		entries[i] = add(fixture, &names[i], KNOT_RRTYPE_AAAA);
		assert_non_null(entries[i]);
	}
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		assert_ptr_equal(find(fixture, &names[i], KNOT_RRTYPE_AAAA), entries[i]);
	}
}

static void hashes(void **state)
{
	fixture_t *fixture = *state;
	random_t random = { 1 };
	for (unsigned i = 0; i < 100000; i++) {
		name_t name = { .len = 1 + random_below(&random, 255) };
		random_fill(&random, name.at, name.len);
		const aname_key_t key = make_key(fixture->upstream, &name, KNOT_RRTYPE_A);
		uint64_t hash = aname_table_hash(fixture->table, &key);
		assert_true(hash != 0);
		name_t copy = name;
		const aname_key_t same = make_key(fixture->upstream, &copy, KNOT_RRTYPE_A);
		assert_true(hash == aname_table_hash(fixture->table, &same));
		const aname_key_t other = make_key(fixture->upstream, &copy, KNOT_RRTYPE_AAAA);
		assert_true(hash != aname_table_hash(fixture->table, &other));
	}
}

/* Growing and shrinking. */

static void count_visit(aname_entry_t *entry, void *ctx)
{
	entry->lag_ms++;
	(*(unsigned *)ctx)++;
}

static void growth(void **state)
{
	fixture_t *fixture = *state;
	enum { MANY = 20000 };
	aname_entry_t **entries = calloc(MANY, sizeof(aname_entry_t *));
	assert_non_null(entries);
	for (unsigned i = 0; i < MANY; i++) {
		name_t name = make_name_nth(i);
		entries[i] = add(fixture, &name, i % 2 ? KNOT_RRTYPE_A : KNOT_RRTYPE_AAAA);
		assert_non_null(entries[i]);
		(void)aname_epoch_reclaim(fixture->epoch);
	}
	for (unsigned i = 0; i < MANY; i++) {
		name_t name = make_name_nth(i);
		assert_ptr_equal(find(fixture, &name, i % 2 ? KNOT_RRTYPE_A : KNOT_RRTYPE_AAAA),
		                 entries[i]);
		assert_null(find(fixture, &name, i % 2 ? KNOT_RRTYPE_AAAA : KNOT_RRTYPE_A));
	}
	unsigned visited = 0;
	aname_table_foreach(fixture->table, count_visit, &visited);
	assert_int_equal(visited, MANY);
	for (unsigned i = 0; i < MANY; i++) {
		assert_int_equal(entries[i]->lag_ms, 1);
	}
	free(entries);
}

static void tombstones(void **state)
{
	/* Few at a time, but many in all: searching neither loops for ever nor misses any. */
	fixture_t *fixture = *state;
	enum { LIVE = 20 };
	for (unsigned i = 0; i < 100000; i++) {
		name_t name = make_name_nth(i);
		assert_null(find(fixture, &name, KNOT_RRTYPE_A));
		aname_entry_t *entry = add(fixture, &name, KNOT_RRTYPE_A);
		assert_ptr_equal(find(fixture, &name, KNOT_RRTYPE_A), entry);
		if (i >= LIVE) {
			name_t old = make_name_nth(i - LIVE);
			aname_entry_t *gone = find(fixture, &old, KNOT_RRTYPE_A);
			assert_non_null(gone);
			aname_table_remove(fixture->table, gone);
			assert_null(find(fixture, &old, KNOT_RRTYPE_A));
		}
		(void)aname_epoch_reclaim(fixture->epoch);
	}
	assert_int_equal(aname_table_targets(fixture->table), LIVE);
}

static void model(void **state)
{
	fixture_t *fixture = *state;
	random_t random = { 882 };
	enum { NAMES = 500 };
	static aname_entry_t *known[NAMES];
	size_t targets = 0;
	memset(known, 0, sizeof(known));
	for (unsigned i = 0; i < 50000; i++) {
		unsigned n = random_below(&random, NAMES);
		name_t name = make_name_nth(n);
		assert_ptr_equal(find(fixture, &name, KNOT_RRTYPE_A), known[n]);
		if (known[n] == NULL) {
			known[n] = add(fixture, &name, KNOT_RRTYPE_A);
			assert_non_null(known[n]);
			targets++;
		} else {
			aname_table_remove(fixture->table, known[n]);
			known[n] = NULL;
			targets--;
		}
		assert_int_equal(aname_table_targets(fixture->table), targets);
		(void)aname_epoch_reclaim(fixture->epoch);
	}
	unsigned visited = 0;
	aname_table_foreach(fixture->table, count_visit, &visited);
	assert_int_equal(visited, targets);
}

static aname_entry_t *look(fixture_t *fixture, const name_t *name, uint32_t slot)
{
	const aname_key_t key = make_key(fixture->upstream, name, KNOT_RRTYPE_A);
	return aname_table_look(fixture->table, &key, slot);
}

static void slots(void **state)
{
	/* Where a target was, it is, or nothing is that could be taken for it. */
	fixture_t *fixture = *state;
	random_t random = { 883 };
	enum { NAMES = 300 };
	uint32_t slot[NAMES] = { 0 };
	unsigned same_slot = 0, elsewhere = 0;
	for (unsigned i = 0; i < 30000; i++) {
		unsigned n = random_below(&random, NAMES);
		name_t name = make_name_nth(n);
		aname_entry_t *entry = find(fixture, &name, KNOT_RRTYPE_A);
		aname_entry_t *seen = look(fixture, &name, slot[n]);
		assert_true(seen == NULL || seen == entry);
		same_slot += seen != NULL;
		elsewhere += entry != NULL && seen == NULL;
		assert_true(look(fixture, &name, UINT32_MAX - i) == NULL ||
		            look(fixture, &name, UINT32_MAX - i) == entry);
		if (entry == NULL) {
			entry = add(fixture, &name, KNOT_RRTYPE_A);
		} else if (random_below(&random, 3) == 0) {
			aname_table_remove(fixture->table, entry);
			assert_null(look(fixture, &name, slot[n]));
			entry = NULL;
		}
		if (entry != NULL) {
			slot[n] = aname_table_slot(fixture->table, entry);
			assert_ptr_equal(look(fixture, &name, slot[n]), entry);
		}
		(void)aname_epoch_reclaim(fixture->epoch);
	}
	assert_true(same_slot > 0 && elsewhere > 0);
}

/* Publishing. */

static void publish(void **state)
{
	fixture_t *fixture = *state;
	name_t name = make_name("a.example."), other = make_name("b.example.");
	aname_entry_t *entry = add(fixture, &name, KNOT_RRTYPE_A);
	aname_entry_t *second = add(fixture, &other, KNOT_RRTYPE_A);

	aname_snapshot_t *first = make_snapshot(4, 1, 3, 0);
	aname_table_publish(fixture->table, entry, first);
	assert_ptr_equal(aname_entry_snapshot(entry), first);
	assert_int_equal(aname_table_addresses(fixture->table), 3);
	aname_table_publish(fixture->table, second, make_snapshot(4, 1, 1000, 0));
	assert_int_equal(aname_table_addresses(fixture->table), 1003);
	aname_table_publish(fixture->table, entry, make_snapshot(4, 1, 0, 0));
	assert_int_equal(aname_table_addresses(fixture->table), 1000);
	aname_table_publish(fixture->table, entry, NULL);
	assert_null(aname_entry_snapshot(entry));
	assert_int_equal(aname_table_addresses(fixture->table), 1000);
	aname_table_remove(fixture->table, second);
	assert_int_equal(aname_table_addresses(fixture->table), 0);
	aname_table_remove(fixture->table, entry);
	assert_int_equal(aname_table_targets(fixture->table), 0);
}

static void kept_for_readers(void **state)
{
	fixture_t *fixture = *state;
	name_t name = make_name("a.example.");
	aname_entry_t *entry = add(fixture, &name, KNOT_RRTYPE_A);
	aname_snapshot_t *before = make_snapshot(4, 7, 1, 0);
	aname_table_publish(fixture->table, entry, before);

	aname_epoch_enter(fixture->epoch, 0);
	alloc_watch(before);
	aname_table_publish(fixture->table, entry, make_snapshot(4, 9, 1, 0));
	assert_int_equal(aname_epoch_reclaim(fixture->epoch), 1);
	assert_int_equal(alloc_watched(), 0);
	assert_int_equal(before->count, 1);
	aname_table_remove(fixture->table, entry);
	assert_int_equal(aname_epoch_reclaim(fixture->epoch), 3);
	assert_int_equal(entry->name_len, name.len);
	aname_epoch_leave(fixture->epoch, 0);
	assert_int_equal(aname_epoch_reclaim(fixture->epoch), 0);
	assert_int_equal(alloc_watched(), 1);
}

/* Notes. */

static void touch(void **state)
{
	fixture_t *fixture = *state;
	name_t name = make_name("a.example.");
	aname_entry_t *entry = add(fixture, &name, KNOT_RRTYPE_A);
	aname_charges_t *charges = aname_table_charges(fixture->table);
	static const struct {
		uint32_t ttl, ttl_max, idle;
		int64_t now_ms;
		uint32_t min_ttl, until_s, asked_s;
	} rows[] = {
		{ INT32_MAX, INT32_MAX, 100, 5999, INT32_MAX, 105, 5 },
		{ 300, 86400, 100, 6000, 300, 106, 6 },
		{ 600, 86400, 100, 6001, 300, 106, 6 },
		{ 600, 200, 3600, 6001, 200, 3606, 6 }, /* Another section asks for more. */
		{ 600, 400, 100, 7000, 200, 3606, 7 },
		{ 0, 86400, 100, 7000, 0, 3606, 7 },
		{ 5, 86400, 3600, 8000, 0, 3608, 8 },
		{ 5, 86400, 3600, 3000, 0, 3608, 3 }, /* Clock set back. */
		{ UINT32_MAX, UINT32_MAX, 3600, 9000, 0, 3609, 9 },
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		const aname_schedule_t schedule = { .ttl_max = rows[i].ttl_max,
			                            .idle = rows[i].idle };
		uint32_t now_s = rows[i].now_ms / 1000;
		aname_entry_touch(charges, entry, aname_interest(&schedule, rows[i].ttl, now_s),
		                  now_s);
		assert_int_equal(atomic_load(&entry->min_ttl), rows[i].min_ttl);
		assert_int_equal(atomic_load(&entry->until_s), rows[i].until_s);
		assert_int_equal(atomic_load(&entry->asked_s), rows[i].asked_s);
	}
}

static void demand(void **state)
{
	/* Of targets that are asked for at other intervals the more frequent one has more, for
	 * days, and one that is not asked for any more has none soon. */
	static const uint32_t every_s[] = { 1, 2, 5, 10, 30, 60, 1000 };
	enum { ROWS = sizeof(every_s) / sizeof(every_s[0]), DAY = 86400 };
	aname_charges_t *charges = aname_charges_new();
	aname_entry_t *entries[ROWS];
	for (unsigned i = 0; i < ROWS; i++) {
		entries[i] = calloc(1, sizeof(aname_entry_t));
		assert_non_null(entries[i]);
	}
	for (uint32_t now_s = 1000; now_s < 1000 + DAY; now_s++) {
		for (unsigned i = 0; i < ROWS; i++) {
			/* However often within the second, and by a worker whose clock is behind. */
			for (unsigned n = 0; now_s % every_s[i] == 0 && n < 3; n++) {
				aname_entry_touch(charges, entries[i],
				                  (aname_interest_t){ .ttl = 60 }, now_s);
			}
		}
		for (unsigned i = 1; i < ROWS && now_s > 2000; i++) {
			assert_true(aname_entry_demand(entries[i], now_s) <=
			            aname_entry_demand(entries[i - 1], now_s));
		}
	}
	assert_in_range(aname_entry_demand(entries[0], 1000 + DAY), 32000, 32768);
	for (unsigned i = 0; i < ROWS; i++) {
		assert_int_equal(aname_entry_demand(entries[i], 1000 + DAY + 1000), 0);
		atomic_store(&entries[i]->demand, UINT16_MAX);
		aname_entry_touch(charges, entries[i], (aname_interest_t){ .ttl = 60 },
		                  atomic_load(&entries[i]->asked_s) + 1);
		assert_true(aname_entry_demand(entries[i], 0) > 60000);
		free(entries[i]);
	}
	aname_charges_free(charges);
}

/* Failing allocations. */

static bool attempt_new(void *epoch)
{
	aname_table_t *table = aname_table_new(epoch);
	aname_table_free(table);
	return table != NULL;
}

static void no_memory_for_table(void **state)
{
	fixture_t *fixture = *state;
	assert_int_equal(alloc_fail_each(attempt_new, fixture->epoch), 3);
}

static void no_memory_to_add(void **state)
{
	/* The 43rd target needs new slots: each allocation of each addition fails once. */
	fixture_t *fixture = *state;
	/* Room to note down what is retired: without it that would be lost, as epoch.h says. */
	aname_epoch_retire(fixture->epoch, malloc(1));
	assert_int_equal(aname_epoch_reclaim(fixture->epoch), 0);

	unsigned most = 0;
	for (unsigned i = 0; i < 200; i++) {
		name_t name = make_name_nth(i);
		aname_entry_t *entry = NULL;
		unsigned n = 0;
		while (entry == NULL) {
			alloc_fail_at(++n);
			entry = add(fixture, &name, KNOT_RRTYPE_A);
			bool hit = alloc_failed();
			assert_ptr_equal(find(fixture, &name, KNOT_RRTYPE_A), entry);
			assert_int_equal(aname_table_targets(fixture->table), i + (entry != NULL));
			assert_int_equal(entry == NULL, hit);
		}
		most = n > most ? n : most;
	}
	assert_int_equal(most, 3);
	unsigned visited = 0;
	aname_table_foreach(fixture->table, count_visit, &visited);
	assert_int_equal(visited, 200);
}

#define IN_FIXTURE(sentence, function)                                             \
	{                                                                          \
		.name = (sentence), .test_func = (function), .setup_func = set_up, \
		.teardown_func = tear_down                                         \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_FIXTURE("a new target is cold, unplanned and known by its key", new_entry),
		IN_FIXTURE("name, family and upstream are the key", keys_differ),
		IN_FIXTURE("targets that share a hash are told apart", same_hash),
		IN_FIXTURE("names of 0 labels, 1 label and 255 octets are found", boundary_names),
		IN_FIXTURE("a hash is never zero, and depends on the key only", hashes),
		IN_FIXTURE("20,000 targets: none is lost while the table grows", growth),
		IN_FIXTURE("100,000 come and go: none is lost, and no search is endless",
		           tombstones),
		IN_FIXTURE("50,000 random steps: the table says what a plain list says", model),
		IN_FIXTURE("30,000 random steps: no target is taken for another where it was",
		           slots),
		IN_FIXTURE("W1: targets and addresses are counted", publish),
		IN_FIXTURE("what is replaced or removed stays while a worker reads",
		           kept_for_readers),
		IN_FIXTURE("T1, T3: the least TTL, the longest interest and the last second asked "
		           "are noted",
		           touch),
		PROVES("F4: how much a target is asked for is told from how often", demand),
		IN_FIXTURE("out of memory: no table, nothing leaked", no_memory_for_table),
		IN_FIXTURE("out of memory: a target is added whole or not at all",
		           no_memory_to_add),
	};
	return RUN_TESTS("table", tests);
}
