#include "support/test.h"

#include <libknot/errcode.h>

#include "service/heap.h"
#include "support/alloc.h"
#include "support/random.h"

static void check_heap(const aname_heap_t *heap)
{
	for (size_t i = 0; i < heap->count; i++) {
		assert_int_equal(heap->at[i]->plan.heap_index, i);
		if (i > 0) {
			assert_true(heap->at[(i - 1) / 2]->plan.at_ms <= heap->at[i]->plan.at_ms);
		}
	}
	assert_true(heap->count <= heap->size);
}

static aname_entry_t *make_entries(size_t count)
{
	aname_entry_t *entries = calloc(count, sizeof(*entries));
	assert_non_null(entries);
	return entries;
}

static void put(aname_heap_t *heap, aname_entry_t *entry, int64_t at_ms)
{
	assert_int_equal(aname_heap_reserve(heap, heap->count + 1), KNOT_EOK);
	aname_heap_push(heap, entry, at_ms);
	assert_true(entry->plan.at_ms == at_ms);
}

static void empty(void **state)
{
	aname_heap_t heap = { 0 };
	assert_null(aname_heap_first(&heap));
	assert_int_equal(aname_heap_reserve(&heap, 0), KNOT_EOK);
	assert_null(heap.at);
	aname_heap_deinit(&heap);
	aname_heap_deinit(&heap);
}

static void single(void **state)
{
	static const int64_t times[] = { 0, -5, INT64_MIN, INT64_MAX };
	aname_heap_t heap = { 0 };
	aname_entry_t *entry = make_entries(1);
	for (size_t i = 0; i < COUNT_OF(times); i++) {
		put(&heap, entry, times[i]);
		assert_ptr_equal(aname_heap_first(&heap), entry);
		aname_heap_remove(&heap, entry);
		assert_null(aname_heap_first(&heap));
	}
	free(entry);
	aname_heap_deinit(&heap);
}

static void drain_sorted(aname_heap_t *heap, size_t count)
{
	int64_t before = INT64_MIN;
	for (size_t i = 0; i < count; i++) {
		aname_entry_t *first = aname_heap_first(heap);
		assert_non_null(first);
		assert_true(first->plan.at_ms >= before);
		before = first->plan.at_ms;
		aname_heap_remove(heap, first);
		check_heap(heap);
	}
	assert_null(aname_heap_first(heap));
}

static void sorted(void **state)
{
	enum { MANY = 700 };
	random_t random = { 3 };
	for (unsigned order = 0; order < 5; order++) {
		aname_heap_t heap = { 0 };
		aname_entry_t *entries = make_entries(MANY);
		for (int64_t i = 0; i < MANY; i++) {
			const int64_t orders[] = { i, -i, 7, i % 3, random_next(&random) };
			put(&heap, &entries[i], orders[order]);
			check_heap(&heap);
		}
		drain_sorted(&heap, MANY);
		free(entries);
		aname_heap_deinit(&heap);
	}
}

static void removed_anywhere(void **state)
{
	/* Removing from the middle may have to move the replacement up as well as down. */
	enum { MANY = 60 };
	random_t random = { 4 };
	for (size_t victim = 0; victim < MANY; victim++) {
		aname_heap_t heap = { 0 };
		aname_entry_t *entries = make_entries(MANY);
		for (size_t i = 0; i < MANY; i++) {
			put(&heap, &entries[i], random_below(&random, 100));
		}
		aname_heap_remove(&heap, heap.at[victim]);
		check_heap(&heap);
		drain_sorted(&heap, MANY - 1);
		free(entries);
		aname_heap_deinit(&heap);
	}
}

static void random_steps(void **state)
{
	enum { MANY = 300 };
	random_t random = { 5 };
	aname_heap_t heap = { 0 };
	aname_entry_t *entries = make_entries(MANY);
	bool in[MANY] = { false };
	size_t count = 0;
	for (unsigned step = 0; step < 20000; step++) {
		unsigned n = random_below(&random, MANY);
		if (in[n]) {
			aname_heap_remove(&heap, &entries[n]);
			count--;
		} else {
			put(&heap, &entries[n], random_below(&random, 1000));
			count++;
		}
		in[n] = !in[n];
		assert_int_equal(heap.count, count);
		check_heap(&heap);
	}
	drain_sorted(&heap, count);
	free(entries);
	aname_heap_deinit(&heap);
}

static void out_of_memory(void **state)
{
	aname_heap_t heap = { 0 };
	alloc_fail_at(1);
	assert_int_equal(aname_heap_reserve(&heap, 1), KNOT_ENOMEM);
	assert_true(alloc_failed());
	assert_null(heap.at);

	enum { MANY = 64 };
	aname_entry_t *entries = make_entries(MANY);
	for (size_t i = 0; i < MANY; i++) {
		put(&heap, &entries[i], MANY - (int64_t)i);
	}
	alloc_fail_at(1);
	assert_int_equal(aname_heap_reserve(&heap, 100000), KNOT_ENOMEM);
	assert_true(alloc_failed());
	assert_int_equal(heap.count, MANY);
	assert_int_equal(heap.size, MANY);
	check_heap(&heap);

	assert_int_equal(aname_heap_reserve(&heap, 100000), KNOT_EOK);
	check_heap(&heap);
	drain_sorted(&heap, MANY);
	free(entries);
	aname_heap_deinit(&heap);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PROVES("an empty heap has no first, and may be given back twice", empty),
		PROVES("a heap of one, at any time there is", single),
		PROVES("entries come out by time, whatever order they went in", sorted),
		PROVES("an entry is taken out from any place", removed_anywhere),
		PROVES("20,000 random steps: the order holds", random_steps),
		PROVES("out of memory: the heap stays as it was", out_of_memory),
	};
	return RUN_TESTS("heap", tests);
}
