#include "support/test.h"

#include "support/alloc.h"
#include "support/make.h"
#include "support/random.h"
#include "table/policy.h"
#include "table/table.h"

typedef struct {
	aname_epoch_t *epoch;
	aname_table_t *table;
	const aname_profile_t *profile;
} house_t;

static int set_up(void **state)
{
	house_t *house = calloc(1, sizeof(*house));
	assert_non_null(house);
	house->epoch = aname_epoch_new();
	assert_non_null(house->epoch);
	house->table = aname_table_new(house->epoch);
	assert_non_null(house->table);
	house->profile = aname_table_profile(house->table, &make_schedule, &make_source);
	assert_non_null(house->profile);
	*state = house;
	return 0;
}

static int tear_down(void **state)
{
	house_t *house = *state;
	aname_table_free(house->table);
	aname_epoch_free(house->epoch);
	free(house);
	return 0;
}

static aname_entry_t *find(house_t *house, const name_t *name, uint16_t type)
{
	const aname_key_t key = make_key(house->profile, name, type);
	return aname_table_find(house->table, &key, aname_table_hash(house->table, &key));
}

static aname_entry_t *add(house_t *house, const name_t *name, uint16_t type)
{
	const aname_key_t key = make_key(house->profile, name, type);
	return aname_table_add(house->table, &key, aname_table_hash(house->table, &key));
}

/* Finding. */

static void new_entry(void **state)
{
	house_t *house = *state;
	name_t name = make_name("a.example.");
	assert_null(find(house, &name, KNOT_RRTYPE_A));
	aname_entry_t *entry = add(house, &name, KNOT_RRTYPE_A);
	assert_non_null(entry);
	assert_ptr_equal(find(house, &name, KNOT_RRTYPE_A), entry);
	assert_true(knot_dname_is_equal(entry->name, name.at));
	assert_int_equal(entry->name_len, name.len);
	assert_int_equal(entry->type, KNOT_RRTYPE_A);
	assert_ptr_equal(entry->profile, house->profile);
	assert_null(aname_entry_snapshot(entry));
	assert_true(atomic_load(&entry->cold));
	assert_true(atomic_load(&entry->next_ms) == ANAME_NEXT_NEVER);
	assert_true(atomic_load(&entry->want) == UINT32_MAX);
	assert_int_equal(entry->plan.state, ANAME_PLAN_NONE);
	assert_int_equal(aname_table_targets(house->table), 1);
}

static void keys_differ(void **state)
{
	house_t *house = *state;
	name_t name = make_name("a.example."), other = make_name("b.example.");
	aname_schedule_t schedule = make_schedule;
	schedule.ttl_max--;
	const aname_profile_t *profile = aname_table_profile(house->table, &schedule, &make_source);

	aname_entry_t *a = add(house, &name, KNOT_RRTYPE_A);
	assert_null(find(house, &name, KNOT_RRTYPE_AAAA));
	assert_null(find(house, &other, KNOT_RRTYPE_A));
	aname_entry_t *aaaa = add(house, &name, KNOT_RRTYPE_AAAA);
	const aname_key_t key = make_key(profile, &name, KNOT_RRTYPE_A);
	uint64_t hash = aname_table_hash(house->table, &key);
	assert_null(aname_table_find(house->table, &key, hash));
	aname_entry_t *foreign = aname_table_add(house->table, &key, hash);

	assert_ptr_equal(find(house, &name, KNOT_RRTYPE_A), a);
	assert_ptr_equal(find(house, &name, KNOT_RRTYPE_AAAA), aaaa);
	assert_ptr_equal(aname_table_find(house->table, &key, hash), foreign);
	assert_int_equal(aname_table_targets(house->table), 3);
}

static void same_hash(void **state)
{
	/* Keys that only share their hash are told apart. */
	house_t *house = *state;
	name_t names[8];
	aname_entry_t *entries[8];
	for (unsigned i = 0; i < COUNT_OF(names); i++) {
		names[i] = make_name_nth(i);
		const aname_key_t key = make_key(house->profile, &names[i], KNOT_RRTYPE_A);
		entries[i] = aname_table_add(house->table, &key, 0x123456789abcdef1);
		assert_non_null(entries[i]);
	}
	aname_table_remove(house->table, entries[3]);
	for (unsigned i = 0; i < COUNT_OF(names); i++) {
		const aname_key_t key = make_key(house->profile, &names[i], KNOT_RRTYPE_A);
		assert_ptr_equal(aname_table_find(house->table, &key, 0x123456789abcdef1),
		                 i == 3 ? NULL : entries[i]);
	}
}

static void boundary_names(void **state)
{
	house_t *house = *state;
	name_t names[] = { make_name("."),        make_name("a."),   make_name("aaaaaa."),
		           make_name("aaaaa."),   make_name("a.a."), make_name_longest('a'),
		           make_name_longest('b') };
	aname_entry_t *entries[COUNT_OF(names)];
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		assert_null(find(house, &names[i], KNOT_RRTYPE_AAAA));
		entries[i] = add(house, &names[i], KNOT_RRTYPE_AAAA);
		assert_non_null(entries[i]);
	}
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		assert_ptr_equal(find(house, &names[i], KNOT_RRTYPE_AAAA), entries[i]);
	}
}

static void hashes(void **state)
{
	house_t *house = *state;
	random_t random = { 1 };
	for (unsigned i = 0; i < 100000; i++) {
		name_t name = { .len = 1 + random_below(&random, 255) };
		random_fill(&random, name.at, name.len);
		const aname_key_t key = make_key(house->profile, &name, KNOT_RRTYPE_A);
		uint64_t hash = aname_table_hash(house->table, &key);
		assert_true(hash != 0);
		name_t copy = name;
		const aname_key_t same = make_key(house->profile, &copy, KNOT_RRTYPE_A);
		assert_true(hash == aname_table_hash(house->table, &same));
		const aname_key_t other = make_key(house->profile, &copy, KNOT_RRTYPE_AAAA);
		assert_true(hash != aname_table_hash(house->table, &other));
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
	house_t *house = *state;
	enum { MANY = 20000 };
	aname_entry_t **entries = calloc(MANY, sizeof(aname_entry_t *));
	assert_non_null(entries);
	for (unsigned i = 0; i < MANY; i++) {
		name_t name = make_name_nth(i);
		entries[i] = add(house, &name, i % 2 ? KNOT_RRTYPE_A : KNOT_RRTYPE_AAAA);
		assert_non_null(entries[i]);
		(void)aname_epoch_reclaim(house->epoch);
	}
	for (unsigned i = 0; i < MANY; i++) {
		name_t name = make_name_nth(i);
		assert_ptr_equal(find(house, &name, i % 2 ? KNOT_RRTYPE_A : KNOT_RRTYPE_AAAA),
		                 entries[i]);
		assert_null(find(house, &name, i % 2 ? KNOT_RRTYPE_AAAA : KNOT_RRTYPE_A));
	}
	unsigned visited = 0;
	aname_table_foreach(house->table, count_visit, &visited);
	assert_int_equal(visited, MANY);
	for (unsigned i = 0; i < MANY; i++) {
		assert_int_equal(entries[i]->lag_ms, 1);
	}
	free(entries);
}

static void tombstones(void **state)
{
	/* Few at a time, but many in all: searching neither loops for ever nor misses any. */
	house_t *house = *state;
	enum { LIVE = 20 };
	for (unsigned i = 0; i < 100000; i++) {
		name_t name = make_name_nth(i);
		assert_null(find(house, &name, KNOT_RRTYPE_A));
		aname_entry_t *entry = add(house, &name, KNOT_RRTYPE_A);
		assert_ptr_equal(find(house, &name, KNOT_RRTYPE_A), entry);
		if (i >= LIVE) {
			name_t old = make_name_nth(i - LIVE);
			aname_entry_t *gone = find(house, &old, KNOT_RRTYPE_A);
			assert_non_null(gone);
			aname_table_remove(house->table, gone);
			assert_null(find(house, &old, KNOT_RRTYPE_A));
		}
		(void)aname_epoch_reclaim(house->epoch);
	}
	assert_int_equal(aname_table_targets(house->table), LIVE);
}

static void model(void **state)
{
	house_t *house = *state;
	random_t random = { 882 };
	enum { NAMES = 500 };
	static aname_entry_t *known[NAMES];
	size_t targets = 0;
	memset(known, 0, sizeof(known));
	for (unsigned i = 0; i < 50000; i++) {
		unsigned n = random_below(&random, NAMES);
		name_t name = make_name_nth(n);
		assert_ptr_equal(find(house, &name, KNOT_RRTYPE_A), known[n]);
		if (known[n] == NULL) {
			known[n] = add(house, &name, KNOT_RRTYPE_A);
			assert_non_null(known[n]);
			targets++;
		} else {
			aname_table_remove(house->table, known[n]);
			known[n] = NULL;
			targets--;
		}
		assert_int_equal(aname_table_targets(house->table), targets);
		(void)aname_epoch_reclaim(house->epoch);
	}
	unsigned visited = 0;
	aname_table_foreach(house->table, count_visit, &visited);
	assert_int_equal(visited, targets);
}

static aname_entry_t *look(house_t *house, const name_t *name, uint32_t place)
{
	const aname_key_t key = make_key(house->profile, name, KNOT_RRTYPE_A);
	return aname_table_look(house->table, &key, place);
}

static void places(void **state)
{
	/* Where a target was, it is, or nothing is that could be taken for it. */
	house_t *house = *state;
	random_t random = { 883 };
	enum { NAMES = 300 };
	uint32_t place[NAMES] = { 0 };
	unsigned there = 0, elsewhere = 0;
	for (unsigned i = 0; i < 30000; i++) {
		unsigned n = random_below(&random, NAMES);
		name_t name = make_name_nth(n);
		aname_entry_t *entry = find(house, &name, KNOT_RRTYPE_A);
		aname_entry_t *seen = look(house, &name, place[n]);
		assert_true(seen == NULL || seen == entry);
		there += seen != NULL;
		elsewhere += entry != NULL && seen == NULL;
		assert_true(look(house, &name, UINT32_MAX - i) == NULL ||
		            look(house, &name, UINT32_MAX - i) == entry);
		if (entry == NULL) {
			entry = add(house, &name, KNOT_RRTYPE_A);
		} else if (random_below(&random, 3) == 0) {
			aname_table_remove(house->table, entry);
			assert_null(look(house, &name, place[n]));
			entry = NULL;
		}
		if (entry != NULL) {
			place[n] = aname_table_place(house->table, entry);
			assert_ptr_equal(look(house, &name, place[n]), entry);
		}
		(void)aname_epoch_reclaim(house->epoch);
	}
	assert_true(there > 0 && elsewhere > 0);
}

/* Publishing. */

static void publish(void **state)
{
	house_t *house = *state;
	name_t name = make_name("a.example."), other = make_name("b.example.");
	aname_entry_t *entry = add(house, &name, KNOT_RRTYPE_A);
	aname_entry_t *second = add(house, &other, KNOT_RRTYPE_A);

	aname_snapshot_t *first = make_snapshot(4, 1, 3, 0);
	aname_table_publish(house->table, entry, first);
	assert_ptr_equal(aname_entry_snapshot(entry), first);
	assert_int_equal(aname_table_addresses(house->table), 3);
	aname_table_publish(house->table, second, make_snapshot(4, 1, 1000, 0));
	assert_int_equal(aname_table_addresses(house->table), 1003);
	aname_table_publish(house->table, entry, make_snapshot(4, 1, 0, 0));
	assert_int_equal(aname_table_addresses(house->table), 1000);
	aname_table_publish(house->table, entry, NULL);
	assert_null(aname_entry_snapshot(entry));
	assert_int_equal(aname_table_addresses(house->table), 1000);
	aname_table_remove(house->table, second);
	assert_int_equal(aname_table_addresses(house->table), 0);
	aname_table_remove(house->table, entry);
	assert_int_equal(aname_table_targets(house->table), 0);
}

static void kept_for_readers(void **state)
{
	house_t *house = *state;
	name_t name = make_name("a.example.");
	aname_entry_t *entry = add(house, &name, KNOT_RRTYPE_A);
	aname_snapshot_t *before = make_snapshot(4, 7, 1, 0);
	aname_table_publish(house->table, entry, before);

	aname_epoch_enter(house->epoch, 0);
	alloc_watch(before);
	aname_table_publish(house->table, entry, make_snapshot(4, 9, 1, 0));
	assert_int_equal(aname_epoch_reclaim(house->epoch), 1);
	assert_int_equal(alloc_watched(), 0);
	assert_int_equal(before->count, 1);
	aname_table_remove(house->table, entry);
	assert_int_equal(aname_epoch_reclaim(house->epoch), 3);
	assert_int_equal(entry->name_len, name.len);
	aname_epoch_leave(house->epoch, 0);
	assert_int_equal(aname_epoch_reclaim(house->epoch), 0);
	assert_int_equal(alloc_watched(), 1);
}

/* Notes. */

static void touch(void **state)
{
	house_t *house = *state;
	name_t name = make_name("a.example.");
	aname_entry_t *entry = add(house, &name, KNOT_RRTYPE_A);
	static const struct {
		uint32_t ttl;
		int64_t now_ms;
		uint32_t want, asked_s;
	} rows[] = {
		{ INT32_MAX, 5999, INT32_MAX, 5 },
		{ 300, 6000, 300, 6 },
		{ 600, 6001, 300, 6 },
		{ 0, 7000, 0, 7 },
		{ 5, 8000, 0, 8 },
		{ 5, 3000, 0, 3 }, /* Clock set back. */
		{ UINT32_MAX, 9000, 0, 9 },
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		aname_entry_touch(entry, rows[i].ttl, rows[i].now_ms / 1000);
		assert_int_equal(atomic_load(&entry->want), rows[i].want);
		assert_int_equal(atomic_load(&entry->asked_s), rows[i].asked_s);
	}
}

/* Profiles. */

static void profiles(void **state)
{
	house_t *house = *state;
	assert_ptr_equal(aname_table_profile(house->table, &make_schedule, &make_source),
	                 house->profile);
	const aname_profile_t *made[100];
	for (unsigned i = 0; i < COUNT_OF(made); i++) {
		aname_schedule_t schedule = make_schedule;
		schedule.timeout_ms = i + 1;
		made[i] = aname_table_profile(house->table, &schedule, &make_source);
		assert_non_null(made[i]);
		assert_ptr_not_equal(made[i], house->profile);
	}
	for (unsigned i = 0; i < COUNT_OF(made); i++) {
		aname_schedule_t schedule = make_schedule;
		schedule.timeout_ms = i + 1;
		assert_ptr_equal(aname_table_profile(house->table, &schedule, &make_source),
		                 made[i]);
		assert_int_equal(made[i]->schedule.timeout_ms, i + 1);
	}
}

/* Kin: the same target under other options. */

/*! Adds a target under a profile of its own; NULL: nothing published. */
static aname_entry_t *add_kin(house_t *house, const name_t *name, uint32_t ttl_max,
                              aname_known_t known, int64_t learned_ms)
{
	aname_schedule_t schedule = make_schedule;
	schedule.ttl_max = ttl_max;
	const aname_profile_t *profile = aname_table_profile(house->table, &schedule, &make_source);
	assert_non_null(profile);
	const aname_key_t key = make_key(profile, name, KNOT_RRTYPE_A);
	aname_entry_t *entry =
	        aname_table_add(house->table, &key, aname_table_hash(house->table, &key));
	assert_non_null(entry);
	aname_snapshot_t *snapshot = make_snapshot(4, 1, known == ANAME_KNOWN_ADDRESSES, 0);
	snapshot->known = known;
	snapshot->learned_ms = learned_ms;
	aname_table_publish(house->table, entry, snapshot);
	return entry;
}

static void kin(void **state)
{
	house_t *house = *state;
	name_t name = make_name("a.example."), other = make_name("b.example.");
	const aname_key_t key = make_key(house->profile, &name, KNOT_RRTYPE_A);
	assert_null(aname_table_find_kin(house->table, &key));
	(void)add_kin(house, &other, 1, ANAME_KNOWN_ADDRESSES, 900);
	(void)add_kin(house, &name, 2, ANAME_KNOWN_NOTHING, 900);
	assert_null(aname_table_find_kin(house->table, &key));

	/* Its own entry is no kin; of several the one that was learnt last counts. */
	aname_entry_t *own = add(house, &name, KNOT_RRTYPE_A);
	aname_table_publish(house->table, own, make_snapshot(4, 1, 1, 0));
	assert_null(aname_table_find_kin(house->table, &key));
	aname_entry_t *first = add_kin(house, &name, 3, ANAME_KNOWN_ADDRESSES, 100);
	assert_ptr_equal(aname_table_find_kin(house->table, &key), first);
	aname_entry_t *later = add_kin(house, &name, 4, ANAME_KNOWN_NODATA, 200);
	(void)add_kin(house, &name, 5, ANAME_KNOWN_ADDRESSES, 150);
	assert_ptr_equal(aname_table_find_kin(house->table, &key), later);
	aname_table_remove(house->table, later);
	assert_ptr_not_equal(aname_table_find_kin(house->table, &key), later);

	const aname_key_t v6 = make_key(house->profile, &name, KNOT_RRTYPE_AAAA);
	assert_null(aname_table_find_kin(house->table, &v6));
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
	house_t *house = *state;
	assert_int_equal(alloc_fail_each(attempt_new, house->epoch), 2);
}

static void no_memory_to_add(void **state)
{
	/* The 43rd target needs new slots: each allocation of each addition fails once. */
	house_t *house = *state;
	/* Room to note down what is retired: without it that would be lost, as epoch.h says. */
	aname_epoch_retire(house->epoch, malloc(1));
	assert_int_equal(aname_epoch_reclaim(house->epoch), 0);

	unsigned most = 0;
	for (unsigned i = 0; i < 200; i++) {
		name_t name = make_name_nth(i);
		aname_entry_t *entry = NULL;
		unsigned n = 0;
		while (entry == NULL) {
			alloc_fail_at(++n);
			entry = add(house, &name, KNOT_RRTYPE_A);
			bool hit = alloc_failed();
			assert_ptr_equal(find(house, &name, KNOT_RRTYPE_A), entry);
			assert_int_equal(aname_table_targets(house->table), i + (entry != NULL));
			assert_int_equal(entry == NULL, hit);
		}
		most = n > most ? n : most;
	}
	assert_int_equal(most, 3);
	unsigned visited = 0;
	aname_table_foreach(house->table, count_visit, &visited);
	assert_int_equal(visited, 200);
}

static bool attempt_profile(void *ctx)
{
	house_t *house = ctx;
	aname_schedule_t schedule = make_schedule;
	schedule.idle = 1;
	const aname_profile_t *profile = aname_table_profile(house->table, &schedule, &make_source);
	return profile != NULL;
}

static void no_memory_for_profile(void **state)
{
	house_t *house = *state;
	alloc_fail_at(1);
	assert_false(attempt_profile(house));
	assert_true(alloc_failed());
	assert_ptr_equal(aname_table_profile(house->table, &make_schedule, &make_source),
	                 house->profile);
	assert_true(attempt_profile(house));
}

#define IN_HOUSE(sentence, function)                                               \
	{                                                                          \
		.name = (sentence), .test_func = (function), .setup_func = set_up, \
		.teardown_func = tear_down                                         \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_HOUSE("a new target is cold, unplanned and known by its key", new_entry),
		IN_HOUSE("name, family and profile are the key", keys_differ),
		IN_HOUSE("targets that share a hash are told apart", same_hash),
		IN_HOUSE("names of 0 labels, 1 label and 255 octets are found", boundary_names),
		IN_HOUSE("a hash is never zero, and depends on the key only", hashes),
		IN_HOUSE("20,000 targets: none is lost while the table grows", growth),
		IN_HOUSE("100,000 come and go: none is lost, and no search is endless", tombstones),
		IN_HOUSE("50,000 random steps: the table says what a plain list says", model),
		IN_HOUSE("30,000 random steps: no target is taken for another where it was",
		         places),
		IN_HOUSE("W1: targets and addresses are counted", publish),
		IN_HOUSE("what is replaced or removed stays while a worker reads",
		         kept_for_readers),
		IN_HOUSE("T1, T3: the least TTL and the last second asked are noted", touch),
		IN_HOUSE("equal schedules are one profile, others never", profiles),
		IN_HOUSE("T4: a target is found under other options, the latest first", kin),
		IN_HOUSE("out of memory: no table, nothing leaked", no_memory_for_table),
		IN_HOUSE("out of memory: a target is added whole or not at all", no_memory_to_add),
		IN_HOUSE("out of memory: no profile, the others stay", no_memory_for_profile),
	};
	return RUN_TESTS("table", tests);
}
