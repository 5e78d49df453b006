#include "support/test.h"

#include "support/alloc.h"
#include "support/random.h"
#include "table/epoch.h"

static void *block(void)
{
	void *memory = malloc(16);
	assert_non_null(memory);
	return memory;
}

static aname_epoch_t *new_epoch(void)
{
	aname_epoch_t *epoch = aname_epoch_new();
	assert_non_null(epoch);
	return epoch;
}

static void freed_without_readers(void **state)
{
	aname_epoch_t *epoch = new_epoch();
	void *memory = block();
	alloc_watch(memory);
	aname_epoch_retire(epoch, memory);
	assert_int_equal(alloc_watched(), 0);
	assert_int_equal(aname_epoch_reclaim(epoch), 0);
	assert_int_equal(alloc_watched(), 1);
	assert_int_equal(aname_epoch_reclaim(epoch), 0);
	assert_int_equal(alloc_watched(), 1);
	aname_epoch_free(epoch);
}

static void held_by_reader(unsigned worker)
{
	aname_epoch_t *epoch = new_epoch();
	void *memory = block();
	alloc_watch(memory);
	aname_epoch_enter(epoch, worker);
	aname_epoch_retire(epoch, memory);
	for (int i = 0; i < 5; i++) {
		assert_int_equal(aname_epoch_reclaim(epoch), 1);
	}
	assert_int_equal(alloc_watched(), 0);
	aname_epoch_leave(epoch, worker);
	assert_int_equal(aname_epoch_reclaim(epoch), 0);
	assert_int_equal(alloc_watched(), 1);
	aname_epoch_free(epoch);
}

static void held_by_any_reader(void **state)
{
	static const unsigned workers[] = { 0, 1, 255, ANAME_WORKERS_MAX - 1 };
	for (size_t i = 0; i < COUNT_OF(workers); i++) {
		held_by_reader(workers[i]);
	}
}

static void not_held_by_later(void **state)
{
	aname_epoch_t *epoch = new_epoch();
	void *memory = block();
	alloc_watch(memory);
	aname_epoch_retire(epoch, memory);
	aname_epoch_enter(epoch, 3);
	assert_int_equal(aname_epoch_reclaim(epoch), 0);
	assert_int_equal(alloc_watched(), 1);
	aname_epoch_leave(epoch, 3);
	aname_epoch_free(epoch);
}

static void entering_anew_lets_go(void **state)
{
	aname_epoch_t *epoch = new_epoch();
	aname_epoch_enter(epoch, 0);
	aname_epoch_retire(epoch, block());
	aname_epoch_leave(epoch, 0);
	aname_epoch_enter(epoch, 0);
	assert_int_equal(aname_epoch_reclaim(epoch), 0);
	aname_epoch_leave(epoch, 0);
	aname_epoch_free(epoch);
}

static void entering_again(void **state)
{
	/* What was read before is good for as long as nobody has retired anything. */
	aname_epoch_t *epoch = new_epoch();
	aname_bin_t *bin = aname_bin_new(epoch);
	assert_non_null(bin);
	uint64_t entered = aname_epoch_enter(epoch, 0);
	aname_epoch_leave(epoch, 0);
	assert_true(aname_epoch_enter_again(epoch, 0, &entered));
	aname_epoch_leave(epoch, 0);
	aname_bin_retire(bin, block(), free);
	assert_false(aname_epoch_enter_again(epoch, 0, &entered));
	aname_epoch_leave(epoch, 0);
	assert_true(aname_epoch_enter_again(epoch, 0, &entered));
	aname_epoch_retire(epoch, block());
	aname_epoch_leave(epoch, 0);
	assert_false(aname_epoch_enter_again(epoch, 0, &entered));
	aname_epoch_leave(epoch, 0);
	aname_bin_free(bin);
	aname_epoch_free(epoch);
}

static void oldest_reader_counts(void **state)
{
	aname_epoch_t *epoch = new_epoch();
	aname_epoch_retire(epoch, block());
	aname_epoch_enter(epoch, 7);
	aname_epoch_retire(epoch, block());
	aname_epoch_enter(epoch, 2);
	aname_epoch_retire(epoch, block());
	assert_int_equal(aname_epoch_reclaim(epoch), 2);
	aname_epoch_leave(epoch, 7);
	assert_int_equal(aname_epoch_reclaim(epoch), 1);
	aname_epoch_leave(epoch, 2);
	assert_int_equal(aname_epoch_reclaim(epoch), 0);
	aname_epoch_free(epoch);
}

static void more_than_the_ring(void **state)
{
	aname_epoch_t *epoch = new_epoch();
	long before = alloc_live();
	aname_epoch_enter(epoch, 1);
	for (unsigned i = 1; i <= 5000; i++) {
		aname_epoch_retire(epoch, block());
		assert_int_equal(aname_epoch_reclaim(epoch), i);
	}
	aname_epoch_leave(epoch, 1);
	assert_int_equal(aname_epoch_reclaim(epoch), 0);
	assert_int_equal(alloc_live(), before + 1); /* The ring itself. */
	aname_epoch_free(epoch);
}

static void nothing_to_retire(void **state)
{
	aname_epoch_t *epoch = new_epoch();
	aname_epoch_retire(epoch, NULL);
	assert_int_equal(aname_epoch_reclaim(epoch), 0);
	aname_epoch_free(epoch);
	aname_epoch_free(NULL);
}

static void end_frees_all(void **state)
{
	long before = alloc_live();
	aname_epoch_t *epoch = new_epoch();
	for (unsigned i = 0; i < 100; i++) {
		/* So that the ring does not begin at its first slot. */
		aname_epoch_retire(epoch, block());
		if (i == 40) {
			(void)aname_epoch_reclaim(epoch);
		}
	}
	aname_epoch_free(epoch);
	assert_int_equal(alloc_live(), before);
}

/*! What a plain list would do: blocks in order, each with the readers that may hold it. */
typedef struct {
	uint64_t holders[600];
	unsigned first, count;
	uint64_t inside;
} model_t;

static void model_leave(model_t *model, unsigned worker)
{
	model->inside &= ~(1ull << worker);
	for (unsigned i = model->first; i < model->count; i++) {
		model->holders[i] &= ~(1ull << worker);
	}
}

static unsigned model_waiting(model_t *model)
{
	while (model->first < model->count && model->holders[model->first] == 0) {
		model->first++;
	}
	return model->count - model->first;
}

static void fuzz_once(random_t *random)
{
	aname_epoch_t *epoch = new_epoch();
	model_t model = { 0 };
	while (model.count < COUNT_OF(model.holders)) {
		unsigned worker = random_below(random, 40);
		switch (random_below(random, 8)) {
		case 0:
		case 1:
			if (!(model.inside & (1ull << worker))) {
				aname_epoch_enter(epoch, worker);
				model.inside |= 1ull << worker;
			}
			break;
		case 2:
		case 3:
		case 4:
			if (model.inside & (1ull << worker)) {
				aname_epoch_leave(epoch, worker);
				model_leave(&model, worker);
			}
			break;
		case 5: assert_int_equal(aname_epoch_reclaim(epoch), model_waiting(&model)); break;
		default:
			aname_epoch_retire(epoch, block());
			model.holders[model.count++] = model.inside;
			break;
		}
	}
	aname_epoch_free(epoch);
}

static void fuzz(void **state)
{
	random_t random = { 1035 };
	long before = alloc_live();
	for (unsigned i = 0; i < 100; i++) {
		fuzz_once(&random);
	}
	assert_int_equal(alloc_live(), before);
}

/* Failing allocations. */

static bool attempt_new(void *ctx)
{
	aname_epoch_t *epoch = aname_epoch_new();
	aname_epoch_free(epoch);
	return epoch != NULL;
}

static void no_memory_for_slots(void **state)
{
	assert_int_equal(alloc_fail_each(attempt_new, NULL), 1);
}

static void no_memory_to_note(void **state)
{
	aname_epoch_t *epoch = new_epoch();
	void *memory = block();
	alloc_watch(memory);
	alloc_fail_at(1);
	aname_epoch_retire(epoch, memory);
	assert_true(alloc_failed());
	assert_int_equal(aname_epoch_reclaim(epoch), 0);

	/* It works again, and what could not be noted stays unfreed even at the end. */
	aname_epoch_retire(epoch, block());
	assert_int_equal(aname_epoch_reclaim(epoch), 0);
	aname_epoch_free(epoch);
	assert_int_equal(alloc_watched(), 0);
	free(memory);
}

static void no_memory_to_grow(void **state)
{
	aname_epoch_t *epoch = new_epoch();
	void *blocks[64];
	aname_epoch_enter(epoch, 0);
	for (unsigned i = 0; i < COUNT_OF(blocks); i++) {
		aname_epoch_retire(epoch, block());
	}
	void *memory = block();
	alloc_watch(memory);
	alloc_fail_at(1);
	aname_epoch_retire(epoch, memory);
	assert_true(alloc_failed());
	assert_int_equal(aname_epoch_reclaim(epoch), COUNT_OF(blocks));
	aname_epoch_leave(epoch, 0);
	assert_int_equal(aname_epoch_reclaim(epoch), 0);
	assert_int_equal(alloc_watched(), 0);
	aname_epoch_free(epoch);
	free(memory);
}

/* Bins of other writers. */

static unsigned destroyed;

static void destroy(void *memory)
{
	destroyed++;
	free(memory);
}

static void bins_are_apart(void **state)
{
	aname_epoch_t *epoch = new_epoch();
	aname_bin_t *bin = aname_bin_new(epoch);
	assert_non_null(bin);
	destroyed = 0;
	aname_epoch_enter(epoch, 4);
	aname_epoch_retire(epoch, block());
	aname_bin_retire(bin, block(), destroy);
	aname_bin_retire(bin, NULL, destroy);
	assert_int_equal(aname_epoch_reclaim(epoch), 1);
	assert_int_equal(aname_bin_reclaim(bin), 1);
	aname_epoch_leave(epoch, 4);
	assert_int_equal(aname_epoch_reclaim(epoch), 0);
	assert_int_equal(destroyed, 0);
	assert_int_equal(aname_bin_reclaim(bin), 0);
	assert_int_equal(destroyed, 1);

	aname_epoch_enter(epoch, 4);
	aname_bin_retire(bin, block(), destroy);
	aname_epoch_leave(epoch, 4);
	aname_bin_free(bin);
	assert_int_equal(destroyed, 2);
	aname_bin_free(NULL);
	aname_epoch_free(epoch);
}

static void no_memory_for_bin(void **state)
{
	aname_epoch_t *epoch = new_epoch();
	alloc_fail_at(1);
	assert_null(aname_bin_new(epoch));
	assert_true(alloc_failed());
	aname_epoch_free(epoch);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PROVES("without readers all is freed, once", freed_without_readers),
		PROVES("nothing is freed under a reader, whichever it is", held_by_any_reader),
		PROVES("a reader that enters later holds nothing from before", not_held_by_later),
		PROVES("entering anew lets go of what was held", entering_anew_lets_go),
		PROVES("L4: what was read is good in a later epoch if nothing was retired since",
		       entering_again),
		PROVES("the reader that entered first decides", oldest_reader_counts),
		PROVES("thousands may wait, and all are freed in the end", more_than_the_ring),
		PROVES("nothing may be retired, nothing may be freed", nothing_to_retire),
		PROVES("the end frees what still waits", end_frees_all),
		PROVES("60,000 random retirements are freed exactly when a plain list says", fuzz),
		PROVES("other writers' bins keep to the same readers", bins_are_apart),
		PROVES("out of memory: no bin", no_memory_for_bin),
		PROVES("out of memory: no epoch", no_memory_for_slots),
		PROVES("out of memory: not freed under a reader, not freed at all",
		       no_memory_to_note),
		PROVES("out of memory: what is noted already is freed as ever", no_memory_to_grow),
	};
	return RUN_TESTS("epoch", tests);
}
