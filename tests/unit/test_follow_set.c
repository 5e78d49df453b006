#include "support/test.h"

#include <arpa/inet.h>

#include "follow/set.h"
#include "support/alloc.h"
#include "support/make.h"
#include "support/random.h"

/*! Takes the set of IPv4 addresses that end in these octets. */
static kaname_set_t *take(kaname_sets_t *sets, const char *last)
{
	uint8_t at[16][4] = { 0 };
	size_t count = strlen(last);
	for (size_t i = 0; i < count; i++) {
		memcpy(at[i], (uint8_t[]){ 192, 0, 2, last[i] }, 4);
	}
	kaname_set_t *set = NULL;
	assert_true(kaname_set_take(sets, KANAME_A, at[0], count, &set));
	return set;
}

/*! What is in one set and not in another one. */
static void difference(void **state)
{
	kaname_sets_t sets = { 0 };
	kaname_set_t *one = take(&sets, "abcd"), *other = take(&sets, "bdx");
	kaname_set_t *minus, *rest = take(&sets, "ac");
	assert_true(kaname_set_minus(&sets, one, other, &minus));
	assert_ptr_equal(minus, rest);
	kaname_set_release(&sets, minus);
	assert_true(kaname_set_minus(&sets, one, NULL, &minus));
	assert_ptr_equal(minus, one);
	kaname_set_release(&sets, minus);
	assert_true(kaname_set_minus(&sets, rest, one, &minus));
	assert_null(minus);
	assert_true(kaname_set_minus(&sets, NULL, one, &minus));
	assert_null(minus);
	kaname_set_release(&sets, one);
	kaname_set_release(&sets, other);
	kaname_set_release(&sets, rest);
	kaname_sets_deinit(&sets);
	assert_int_equal(alloc_live(), 0);
}

/* What a set is. */

static void one_set(void **state)
{
	kaname_sets_t sets = { 0 };
	kaname_set_t *set = take(&sets, "bca");
	assert_int_equal(set->count, 3);
	assert_memory_equal(set->at, "\300\0\2a\300\0\2b\300\0\2c", 12);
	assert_ptr_equal(take(&sets, "abc"), set);
	assert_ptr_equal(take(&sets, "abcabcaab"), set);
	assert_int_equal(set->holders, 3);
	assert_int_equal(sets.chains.count, 1);
	kaname_set_t *other = take(&sets, "abcd");
	assert_ptr_not_equal(other, set);
	assert_int_equal(sets.chains.count, 2);
	kaname_set_release(&sets, other);
	assert_int_equal(sets.chains.count, 1);
	for (unsigned i = 0; i < 3; i++) {
		kaname_set_release(&sets, set);
	}
	assert_int_equal(sets.chains.count, 0);
	kaname_sets_deinit(&sets);
	assert_int_equal(alloc_live(), 0);
}

static void empty(void **state)
{
	kaname_sets_t sets = { 0 };
	kaname_set_t *set = (kaname_set_t *)&sets;
	assert_true(kaname_set_take(&sets, KANAME_AAAA, NULL, 0, &set));
	assert_null(set);
	assert_null(kaname_set_hold(NULL));
	kaname_set_release(&sets, NULL);
	assert_false(kaname_set_has(NULL, (const uint8_t *)"\0\0\0\0"));
	kaname_sets_deinit(&sets);
	assert_int_equal(alloc_live(), 0);
}

static void families(void **state)
{
	/* The same octets are four addresses, or one. */
	const uint8_t at[16] = { 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4 };
	kaname_sets_t sets = { 0 };
	kaname_set_t *four, *one;
	assert_true(kaname_set_take(&sets, KANAME_A, at, 4, &four));
	assert_true(kaname_set_take(&sets, KANAME_AAAA, at, 1, &one));
	assert_ptr_not_equal(four, one);
	assert_int_equal(four->count, 4);
	assert_int_equal(one->count, 1);
	assert_false(kaname_set_overlap(four, one));
	assert_true(kaname_set_has(four, at + 8));
	assert_true(kaname_set_has(one, at));
	kaname_set_release(&sets, four);
	kaname_set_release(&sets, one);
	kaname_sets_deinit(&sets);
	assert_int_equal(alloc_live(), 0);
}

static void most(void **state)
{
	/* Beyond the most the last ones given are left out, and nothing behind them is read. */
	kaname_sets_t sets = { 0 };
	uint8_t at[(KANAME_SET_MAX + 9) * 16];
	for (size_t i = 0; i < KANAME_SET_MAX + 9; i++) {
		make_address(at + i * 16, 16, 1000 - i);
	}
	kaname_set_t *set, *same;
	assert_true(kaname_set_take(&sets, KANAME_AAAA, at, KANAME_SET_MAX + 9, &set));
	assert_int_equal(set->count, KANAME_SET_MAX);
	assert_true(kaname_set_take(&sets, KANAME_AAAA, at, KANAME_SET_MAX, &same));
	assert_ptr_equal(same, set);
	for (size_t i = 0; i < KANAME_SET_MAX + 9; i++) {
		assert_int_equal(kaname_set_has(set, at + i * 16), i < KANAME_SET_MAX);
	}
	kaname_set_release(&sets, same);
	kaname_set_release(&sets, set);
	kaname_sets_deinit(&sets);
	assert_int_equal(alloc_live(), 0);
}

/* What sets have in common. */

typedef struct {
	const char *proves;
	const char *one, *other;
	bool overlap;
} pair_t;

static const pair_t pairs[] = {
	{ "the same", "ab", "ab", true },
	{ "one of many", "acegik", "bdfhk", true },
	{ "the first alone", "am", "az", true },
	{ "the last alone", "az", "mz", true },
	{ "in turn, and none in common", "aceg", "bdfh", false },
	{ "one behind the other", "abc", "xyz", false },
	{ "none and some", "", "a", false },
	{ "none and none", "", "", false },
};

static void check_pair(void **state)
{
	const pair_t *row = *state;
	kaname_sets_t sets = { 0 };
	kaname_set_t *one = take(&sets, row->one), *other = take(&sets, row->other);
	assert_int_equal(kaname_set_overlap(one, other), row->overlap);
	assert_int_equal(kaname_set_overlap(other, one), row->overlap);
	for (int last = 'a'; last <= 'z'; last++) {
		assert_int_equal(kaname_set_has(one, (uint8_t[]){ 192, 0, 2, (uint8_t)last }),
		                 strchr(row->one, last) != NULL);
	}
	kaname_set_release(&sets, one);
	kaname_set_release(&sets, other);
	kaname_sets_deinit(&sets);
}

/* As text. */

typedef struct {
	const char *proves;
	kaname_family_t family;
	const char *addresses; /*!< Blanks between. */
	size_t size;
	const char *text;
} text_row_t;

static const text_row_t texts[] = {
	{ "none", KANAME_A, "", 99, "none" },
	{ "one", KANAME_A, "192.0.2.1", 99, "192.0.2.1" },
	{ "one that just fits", KANAME_A, "192.0.2.1", 10, "192.0.2.1" },
	{ "one that does not", KANAME_A, "192.0.2.1", 9, "..." },
	{ "in order", KANAME_A, "192.0.2.9 192.0.2.10 10.0.0.1", 99,
	  "10.0.0.1, 192.0.2.9, 192.0.2.10" },
	{ "IPv6", KANAME_AAAA, "2001:db8::2 2001:db8::1", 99, "2001:db8::1, 2001:db8::2" },
	{ "all that just fit", KANAME_A, "192.0.2.1 192.0.2.2", 21, "192.0.2.1, 192.0.2.2" },
	{ "the last does not fit", KANAME_A, "192.0.2.1 192.0.2.2", 20, "192.0.2.1, ..." },
	{ "room for no more than dots behind the first", KANAME_A, "192.0.2.1 192.0.2.2", 15,
	  "192.0.2.1, ..." },
	{ "not even for these", KANAME_A, "192.0.2.1 192.0.2.2", 14, "..." },
	{ "a third, where the second takes its room", KANAME_A, "192.0.2.1 192.0.2.2 192.0.2.3", 25,
	  "192.0.2.1, ..." },
	{ "no room for words", KANAME_A, "", 3, "no" },
	{ "nor for dots", KANAME_A, "192.0.2.1", 3, ".." },
};

static void check_text(void **state)
{
	const text_row_t *row = *state;
	uint8_t at[4 * 16] = { 0 };
	size_t count = 0;
	char list[100], *rest = list;
	(void)snprintf(list, sizeof(list), "%s", row->addresses);
	for (char *word; (word = strsep(&rest, " ")) != NULL && word[0] != '\0'; count++) {
		assert_int_equal(inet_pton(row->family == KANAME_A ? AF_INET : AF_INET6, word,
		                           at + count * kaname_family_len(row->family)),
		                 1);
	}
	kaname_sets_t sets = { 0 };
	kaname_set_t *set;
	assert_true(kaname_set_take(&sets, row->family, at, count, &set));
	char *text = malloc(row->size); /* What would be written behind it is noticed. */
	assert_non_null(text);
	assert_ptr_equal(kaname_set_text(set, text, row->size), text);
	assert_string_equal(text, row->text);
	free(text);
	kaname_set_release(&sets, set);
	kaname_sets_deinit(&sets);
}

/* Many. */

enum { OWNERS = 100000, TARGETS = 1000 };

static void shared(void **state)
{
	static kaname_set_t *held[OWNERS];
	kaname_sets_t sets = { 0 };
	for (uint32_t i = 0; i < OWNERS; i++) {
		uint8_t at[2][4];
		make_address(at[i % 2], 4, 2 * (i % TARGETS));
		make_address(at[1 - i % 2], 4, 2 * (i % TARGETS) + 1);
		assert_true(kaname_set_take(&sets, KANAME_A, at[0], 2, &held[i]));
	}
	assert_int_equal(sets.chains.count, TARGETS);
	assert_int_equal(alloc_live(), TARGETS + 1);
	for (uint32_t i = 0; i < OWNERS; i++) {
		assert_ptr_equal(held[i], held[i % TARGETS]);
		assert_int_equal(held[i]->holders, OWNERS / TARGETS);
	}
	for (uint32_t i = 0; i < OWNERS; i++) {
		kaname_set_release(&sets, held[i]);
	}
	assert_int_equal(sets.chains.count, 0);
	kaname_sets_deinit(&sets);
	assert_int_equal(alloc_live(), 0);
}

/*! The most sets in one bucket. */
static size_t longest(const kaname_sets_t *sets)
{
	size_t most = 0;
	for (size_t i = 0; i < sets->chains.size; i++) {
		size_t count = 0;
		for (const kaname_set_t *set = (const kaname_set_t *)sets->chains.at[i];
		     set != NULL; set = (const kaname_set_t *)set->chained.next) {
			count++;
		}
		most = count > most ? count : most;
	}
	return most;
}

static void all_differ(void **state)
{
	static kaname_set_t *held[OWNERS];
	kaname_sets_t sets = { 0 };
	for (uint32_t i = 0; i < OWNERS; i++) {
		uint8_t at[16];
		make_address(at, 16, i);
		assert_true(kaname_set_take(&sets, KANAME_AAAA, at, 1, &held[i]));
	}
	assert_int_equal(sets.chains.count, OWNERS);
	assert_in_range(sets.chains.size, OWNERS, 2 * OWNERS);
	/* By chance alone 15 would be seen once in a million runs. */
	assert_in_range(longest(&sets), 1, 15);
	for (uint32_t i = 0; i < OWNERS; i++) {
		uint8_t at[16];
		kaname_set_t *again;
		make_address(at, 16, i);
		assert_true(kaname_set_take(&sets, KANAME_AAAA, at, 1, &again));
		assert_ptr_equal(again, held[i]);
		kaname_set_release(&sets, again);
		kaname_set_release(&sets, held[i]);
	}
	assert_int_equal(sets.chains.count, 0);
	kaname_sets_deinit(&sets);
	assert_int_equal(alloc_live(), 0);
}

/*! A bit for each address of a small world: what a set is, in other words. */
static kaname_set_t *take_bits(kaname_sets_t *sets, uint32_t bits)
{
	uint8_t at[10][4];
	size_t count = 0;
	for (uint32_t i = 0; i < 10; i++) {
		if (bits & 1u << i) {
			make_address(at[count++], 4, i);
		}
	}
	kaname_set_t *set;
	assert_true(kaname_set_take(sets, KANAME_A, at[0], count, &set));
	return set;
}

static void come_and_go(void **state)
{
	/* Owners change their sets at random; at any time there are exactly those that somebody has. */
	enum { FEW = 500, KINDS = 1 << 10, CHANGES = 20000 };
	static kaname_set_t *held[FEW];
	static uint32_t kind[FEW], holders[KINDS];
	kaname_sets_t sets = { 0 };
	random_t random = { 18 };
	size_t kinds = 0;
	holders[0] = FEW;
	for (unsigned i = 0; i < CHANGES; i++) {
		uint32_t owner = random_below(&random, FEW), next = random_below(&random, KINDS);
		kaname_set_t *set = take_bits(&sets, next);
		kaname_set_release(&sets, held[owner]);
		kinds -= --holders[kind[owner]] == 0 && kind[owner] != 0;
		kinds += holders[next]++ == 0 && next != 0;
		held[owner] = set;
		kind[owner] = next;
		assert_int_equal(sets.chains.count, kinds);
		assert_int_equal(set != NULL ? set->holders : holders[0], holders[next]);
	}
	for (uint32_t i = 0; i < FEW; i++) {
		kaname_set_release(&sets, held[i]);
	}
	assert_int_equal(sets.chains.count, 0);
	kaname_sets_deinit(&sets);
	assert_int_equal(alloc_live(), 0);
}

/* No memory. */

static bool take_one(void *ctx)
{
	kaname_sets_t sets = { 0 };
	kaname_set_t *set;
	bool taken = kaname_set_take(&sets, KANAME_A, (const uint8_t *)"\1\2\3\4", 1, &set);
	assert_int_equal(set != NULL, taken);
	kaname_set_release(&sets, set);
	kaname_sets_deinit(&sets);
	return taken;
}

static void no_memory(void **state)
{
	assert_int_equal(alloc_fail_each(take_one, NULL), 2);
}

static void cannot_grow(void **state)
{
	/* Where there is memory for sets, and none for more buckets, nothing is lost. */
	static kaname_set_t *held[200];
	kaname_sets_t sets = { 0 };
	for (uint32_t i = 0; i < COUNT_OF(held); i++) {
		bool full = sets.chains.size > 0 && sets.chains.count >= sets.chains.size;
		uint8_t at[4];
		make_address(at, 4, i);
		alloc_fail_at(full);
		assert_true(kaname_set_take(&sets, KANAME_A, at, 1, &held[i]));
		assert_int_equal(alloc_failed(), full);
	}
	assert_int_equal(sets.chains.size, 64);
	for (uint32_t i = 0; i < COUNT_OF(held); i++) {
		assert_int_equal(held[i]->holders, 1);
		kaname_set_release(&sets, held[i]);
	}
	kaname_sets_deinit(&sets);
	assert_int_equal(alloc_live(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PROVES("a set is kept once, sorted, without repetitions", one_set),
		PROVES("an empty set is NULL", empty),
		PROVES("families are kept apart", families),
		PROVES("what is in one and not in another one", difference),
		PROVES("no more than the most addresses are kept", most),
		PROVES("100,000 owners share what is the same", shared),
		PROVES("100,000 sets that differ are found at once", all_differ),
		PROVES("sets are there as long as somebody has them", come_and_go),
		PROVES("no memory is no set", no_memory),
		PROVES("without memory for more buckets it goes on", cannot_grow),
	};
	int failed = RUN_TESTS("sets", tests);
	failed += RUN_ROWS("what two sets have in common", pairs, check_pair);
	return failed + RUN_ROWS("text of a set", texts, check_text);
}
