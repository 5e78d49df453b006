#include "support/test.h"

#include <libknot/errcode.h>

#include "service/heap.h"
#include "support/alloc.h"
#include "support/random.h"

static void check_heap(const aname_heaps_t *heaps, aname_heap_t heap)
{
	for (size_t i = 0; i < heaps->count[heap]; i++) {
		const aname_moment_t *moment = aname_heaps_nth(heaps, heap, i);
		assert_int_equal(moment->entry->plan.heap_index, i);
		if (i > 0) {
			assert_true(aname_heaps_nth(heaps, heap, (i - 1) / 2)->at_ms <=
			            moment->at_ms);
		}
	}
}

static void check(const aname_heaps_t *heaps)
{
	check_heap(heaps, ANAME_HEAP_PLANNED);
	check_heap(heaps, ANAME_HEAP_DORMANT);
	assert_true(heaps->count[ANAME_HEAP_PLANNED] + heaps->count[ANAME_HEAP_DORMANT] <=
	            heaps->size);
}

static aname_entry_t *make_entries(size_t count)
{
	aname_entry_t *entries = calloc(count, sizeof(*entries));
	assert_non_null(entries);
	return entries;
}

static void put(aname_heaps_t *heaps, aname_heap_t heap, aname_entry_t *entry, int64_t at_ms)
{
	size_t count = heaps->count[ANAME_HEAP_PLANNED] + heaps->count[ANAME_HEAP_DORMANT];
	assert_int_equal(aname_heaps_reserve(heaps, count + 1), KNOT_EOK);
	aname_heaps_push(heaps, heap, entry, at_ms);
	const aname_moment_t *moment = aname_heaps_nth(heaps, heap, entry->plan.heap_index);
	assert_ptr_equal(moment->entry, entry);
	assert_true(moment->at_ms == at_ms);
}

static void empty(void **state)
{
	aname_heaps_t heaps = { 0 };
	assert_null(aname_heaps_first(&heaps, ANAME_HEAP_PLANNED));
	assert_null(aname_heaps_first(&heaps, ANAME_HEAP_DORMANT));
	assert_int_equal(aname_heaps_reserve(&heaps, 0), KNOT_EOK);
	assert_null(heaps.at);
	aname_heaps_deinit(&heaps);
	aname_heaps_deinit(&heaps);
}

static void single(void **state)
{
	static const int64_t times[] = { 0, -5, INT64_MIN, INT64_MAX };
	aname_heaps_t heaps = { 0 };
	aname_entry_t *entry = make_entries(1);
	for (size_t i = 0; i < COUNT_OF(times); i++) {
		for (aname_heap_t heap = 0; heap < ANAME_HEAPS; heap++) {
			put(&heaps, heap, entry, times[i]);
			assert_ptr_equal(aname_heaps_first(&heaps, heap)->entry, entry);
			assert_null(aname_heaps_first(&heaps, !heap));
			aname_heaps_remove(&heaps, heap, entry);
			assert_null(aname_heaps_first(&heaps, heap));
		}
	}
	free(entry);
	aname_heaps_deinit(&heaps);
}

static void drain_sorted(aname_heaps_t *heaps, aname_heap_t heap, size_t count)
{
	int64_t before = INT64_MIN;
	for (size_t i = 0; i < count; i++) {
		const aname_moment_t *first = aname_heaps_first(heaps, heap);
		assert_non_null(first);
		assert_true(first->at_ms >= before);
		before = first->at_ms;
		aname_heaps_remove(heaps, heap, first->entry);
		check(heaps);
	}
	assert_null(aname_heaps_first(heaps, heap));
}

static void sorted(void **state)
{
	enum { MANY = 700 };
	random_t random = { 3 };
	for (unsigned order = 0; order < 5; order++) {
		aname_heaps_t heaps = { 0 };
		aname_entry_t *entries = make_entries(MANY);
		for (int64_t i = 0; i < MANY; i++) {
			const int64_t orders[] = { i, -i, 7, i % 3, random_next(&random) };
			put(&heaps, order % 2, &entries[i], orders[order]);
			check(&heaps);
		}
		drain_sorted(&heaps, order % 2, MANY);
		free(entries);
		aname_heaps_deinit(&heaps);
	}
}

static void removed_anywhere(void **state)
{
	/* Removing from the middle may have to move the replacement up as well as down. */
	enum { MANY = 60 };
	random_t random = { 4 };
	for (size_t victim = 0; victim < MANY; victim++) {
		aname_heaps_t heaps = { 0 };
		aname_entry_t *entries = make_entries(MANY);
		aname_heap_t heap = victim % ANAME_HEAPS;
		for (size_t i = 0; i < MANY; i++) {
			put(&heaps, heap, &entries[i], random_below(&random, 100));
		}
		aname_heaps_remove(&heaps, heap, aname_heaps_nth(&heaps, heap, victim)->entry);
		check(&heaps);
		drain_sorted(&heaps, heap, MANY - 1);
		free(entries);
		aname_heaps_deinit(&heaps);
	}
}

static void random_steps(void **state)
{
	enum { MANY = 300, OUT = ANAME_HEAPS };
	random_t random = { 5 };
	aname_heaps_t heaps = { 0 };
	aname_entry_t *entries = make_entries(MANY);
	unsigned in[MANY];
	size_t count[ANAME_HEAPS] = { 0 };
	for (size_t i = 0; i < MANY; i++) {
		in[i] = OUT;
	}
	for (unsigned step = 0; step < 20000; step++) {
		unsigned n = random_below(&random, MANY);
		if (in[n] != OUT) {
			aname_heaps_remove(&heaps, in[n], &entries[n]);
			count[in[n]]--;
		}
		/* Into the other heap, or out, or in. */
		in[n] = (in[n] + 1 + random_below(&random, 2)) % (ANAME_HEAPS + 1);
		if (in[n] != OUT) {
			put(&heaps, in[n], &entries[n], random_below(&random, 1000));
			count[in[n]]++;
		}
		assert_memory_equal(heaps.count, count, sizeof(count));
		check(&heaps);
	}
	drain_sorted(&heaps, ANAME_HEAP_PLANNED, count[ANAME_HEAP_PLANNED]);
	drain_sorted(&heaps, ANAME_HEAP_DORMANT, count[ANAME_HEAP_DORMANT]);
	free(entries);
	aname_heaps_deinit(&heaps);
}

static void moved_without_memory(void **state)
{
	/* Reserved once for all, each goes from heap to heap and back, whatever memory there is. */
	enum { MANY = 500 };
	aname_heaps_t heaps = { 0 };
	aname_entry_t *entries = make_entries(MANY);
	assert_int_equal(aname_heaps_reserve(&heaps, MANY), KNOT_EOK);
	for (size_t i = 0; i < MANY; i++) {
		aname_heaps_push(&heaps, ANAME_HEAP_PLANNED, &entries[i], (int64_t)i);
	}
	for (aname_heap_t from = 0; from < ANAME_HEAPS; from++) {
		for (size_t i = 0; i < MANY; i++) {
			aname_heaps_remove(&heaps, from, &entries[i]);
			aname_heaps_push(&heaps, !from, &entries[i], -(int64_t)i);
			check(&heaps);
		}
		assert_int_equal(heaps.count[!from], MANY);
	}
	drain_sorted(&heaps, ANAME_HEAP_PLANNED, MANY);
	free(entries);
	aname_heaps_deinit(&heaps);
}

static void out_of_memory(void **state)
{
	aname_heaps_t heaps = { 0 };
	alloc_fail_at(1);
	assert_int_equal(aname_heaps_reserve(&heaps, 1), KNOT_ENOMEM);
	assert_true(alloc_failed());
	assert_null(heaps.at);

	enum { MANY = 64 };
	aname_entry_t *entries = make_entries(MANY);
	for (size_t i = 0; i < MANY; i++) {
		put(&heaps, i % ANAME_HEAPS, &entries[i], MANY - (int64_t)i);
	}
	size_t size = heaps.size;
	alloc_fail_at(1);
	assert_int_equal(aname_heaps_reserve(&heaps, 100000), KNOT_ENOMEM);
	assert_true(alloc_failed());
	assert_int_equal(heaps.size, size);
	check(&heaps);

	assert_int_equal(aname_heaps_reserve(&heaps, 100000), KNOT_EOK);
	check(&heaps);
	drain_sorted(&heaps, ANAME_HEAP_PLANNED, MANY / 2);
	drain_sorted(&heaps, ANAME_HEAP_DORMANT, MANY / 2);
	free(entries);
	aname_heaps_deinit(&heaps);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PROVES("an empty heap has no first, and may be given back twice", empty),
		PROVES("a heap of one, at any time there is", single),
		PROVES("entries come out by time, whatever order they went in", sorted),
		PROVES("an entry is taken out from any position", removed_anywhere),
		PROVES("20,000 random steps: the order holds in both heaps", random_steps),
		PROVES("with room for each, each can be in either heap", moved_without_memory),
		PROVES("out of memory: the heaps stay as they were", out_of_memory),
	};
	return RUN_TESTS("heap", tests);
}
