#include "support/test.h"

#include "support/alloc.h"
#include "support/make.h"
#include "table/rest.h"

#define WORKER 3

/*! Whoever may hold what is retired. */
typedef struct {
	aname_epoch_t *epoch;
	aname_bin_t *bin;
} readers_t;

static readers_t new_readers(void)
{
	readers_t readers = { .epoch = aname_epoch_new() };
	assert_non_null(readers.epoch);
	readers.bin = aname_bin_new(readers.epoch);
	assert_non_null(readers.bin);
	return readers;
}

static void free_readers(readers_t *readers)
{
	aname_bin_free(readers->bin);
	aname_epoch_free(readers->epoch);
}

/*! Denies one address, or those from it on. */
static void deny(aname_options_t *options, unsigned first, unsigned last)
{
	char low[20], high[20];
	(void)snprintf(low, sizeof(low), "10.0.%u.%u", first / 256, first % 256);
	(void)snprintf(high, sizeof(high), "10.0.%u.%u", last / 256, last % 256);
	make_add_net(&options->deny_address, low, high);
}

/*! Does a set hold these, of those that make_address() makes? */
static void expect(knot_rdataset_t set, const unsigned *numbers, unsigned count)
{
	assert_int_equal(set.count, count);
	knot_rdata_t *rdata = set.rdata;
	for (unsigned i = 0; i < count; i++, rdata = knot_rdataset_next(rdata)) {
		uint8_t address[4];
		make_address(address, 4, numbers[i]);
		assert_int_equal(rdata->len, 4);
		assert_memory_equal(rdata->data, address, 4);
	}
}

static const aname_rest_t *work_out(const aname_snapshot_t *snapshot,
                                    const aname_options_t *options, const readers_t *readers)
{
	const aname_rest_t *rest =
	        aname_rest_work_out(snapshot, &options->deny_address, readers->bin);
	assert_non_null(rest);
	assert_ptr_equal(aname_rest_of(snapshot, &options->deny_address), rest);
	return rest;
}

static void once(void **state)
{
	/* A thousand networks of one address each, all of which are hit. */
	readers_t readers = new_readers();
	aname_options_t *options = make_options(), *equal = make_options();
	unsigned left[ANAME_ADDRESSES_MAX], count = 0;
	for (unsigned i = 0; i < ANAME_ADDRESSES_MAX; i++) {
		if (i % 50 == 7) {
			left[count++] = i;
		} else {
			deny(options, i, i);
		}
	}
	for (unsigned i = ANAME_ADDRESSES_MAX; i-- > 0;) {
		if (i % 50 != 7) {
			deny(equal, i, i);
		}
	}
	assert_true(options->deny_address.count > 1000);
	aname_snapshot_t *snapshot = make_snapshot(4, 0, ANAME_ADDRESSES_MAX, 42);
	assert_null(aname_rest_of(snapshot, &options->deny_address));
	const aname_rest_t *rest = work_out(snapshot, options, &readers);
	expect(aname_snapshot_rdataset(rest->snapshot), left, count);
	assert_int_equal(rest->snapshot->pick, 42);

	/* Whoever asks again, of whatever section with such a list, gets the same. */
	long live = alloc_live();
	for (unsigned i = 0; i < 100; i++) {
		assert_ptr_equal(work_out(snapshot, options, &readers), rest);
		assert_ptr_equal(work_out(snapshot, equal, &readers), rest);
	}
	assert_int_equal(alloc_live(), live);
	aname_rest_destroy(snapshot);
	aname_options_free(options);
	aname_options_free(equal);
	free_readers(&readers);
}

static void all_and_nothing(void **state)
{
	readers_t readers = new_readers();
	aname_snapshot_t *snapshot = make_snapshot(4, 10, 5, 0), *v6 = make_snapshot(16, 0, 9, 0);
	aname_options_t *beside = make_options(), *whole = make_options(), *ends = make_options();
	deny(beside, 0, 9);
	deny(beside, 15, 300);
	deny(whole, 10, 14);
	deny(ends, 0, 10);
	deny(ends, 14, 15);
	assert_null(work_out(snapshot, beside, &readers)->snapshot);
	assert_int_equal(work_out(snapshot, whole, &readers)->snapshot->count, 0);
	static const unsigned left[] = { 11, 12, 13 };
	expect(aname_snapshot_rdataset(work_out(snapshot, ends, &readers)->snapshot), left, 3);
	/* Networks of one family leave all of the other. */
	assert_null(work_out(v6, whole, &readers)->snapshot);
	/* What one list leaves says nothing of another one. */
	assert_null(aname_rest_of(snapshot, &beside->deny_address)->snapshot);
	aname_rest_destroy(snapshot);
	aname_rest_destroy(v6);
	aname_rest_destroy(NULL);
	aname_options_free(beside);
	aname_options_free(whole);
	aname_options_free(ends);
	free_readers(&readers);
}

/*! Down are multiples of the definition. */
static aname_sight_t see(void *ctx, uint32_t definition, const uint8_t *address, uint8_t len)
{
	return (aname_sight_t){ .down = address[3] % definition == 0, .alive = true };
}

static void views(void **state)
{
	readers_t readers = new_readers();
	static const uint32_t definitions[] = { 2, 3 };
	aname_snapshot_t *plain = make_snapshot(4, 1, 9, 0);
	aname_snapshot_t *seen = aname_snapshot_with_views(plain, definitions, 2, false, see, NULL);
	assert_non_null(seen);
	aname_options_t *options = make_options();
	deny(options, 3, 5);
	deny(options, 9, 9);
	const aname_snapshot_t *rest = work_out(seen, options, &readers)->snapshot;
	static const unsigned all[] = { 1, 2, 6, 7, 8 }, odd[] = { 1, 7 },
	                      others[] = { 1, 2, 7, 8 };
	expect(aname_snapshot_rdataset(rest), all, COUNT_OF(all));
	assert_int_equal(rest->views, 2);
	const aname_view_t *view = aname_snapshot_views(rest);
	assert_int_equal(view[0].definition, 2);
	expect(aname_view_rdataset(rest, &view[0]), odd, COUNT_OF(odd));
	assert_int_equal(view[1].definition, 3);
	expect(aname_view_rdataset(rest, &view[1]), others, COUNT_OF(others));
	free(plain);
	aname_rest_destroy(seen);
	aname_options_free(options);
	free_readers(&readers);
}

static void copies_have_none(void **state)
{
	/* Each copy has other owners; what stands in another snapshot is freed with that one. */
	long live = alloc_live();
	readers_t readers = new_readers();
	aname_options_t *options = make_options();
	deny(options, 0, 3);
	const aname_result_t negative = { .known = ANAME_KNOWN_NODATA,
		                          .ttl = 60,
		                          .address_len = 4 };
	aname_snapshot_t *first = make_snapshot(4, 0, 8, 0);
	(void)work_out(first, options, &readers);
	aname_snapshot_t *gone = aname_snapshot_after(first, &negative, 1, 0);
	assert_non_null(gone);
	const aname_snapshot_t *last = aname_snapshot_last(gone);
	assert_null(atomic_load(&last->rests));
	static const unsigned left[] = { 4, 5, 6, 7 };
	expect(aname_snapshot_rdataset(work_out(last, options, &readers)->snapshot), left, 4);
	assert_null(atomic_load(&gone->rests));
	(void)work_out(gone, options, &readers);

	aname_snapshot_t *copies[] = {
		aname_snapshot_failed(gone, ANAME_FAILURE_TIMEOUT, "late", 2),
		aname_snapshot_copy(gone),
		aname_snapshot_with_views(gone, NULL, 0, false, NULL, NULL),
	};
	for (unsigned i = 0; i < COUNT_OF(copies); i++) {
		assert_non_null(copies[i]);
		assert_null(atomic_load(&copies[i]->rests));
		const aname_snapshot_t *its_last = aname_snapshot_last(copies[i]);
		assert_null(atomic_load(&its_last->rests));
		static const unsigned whole[] = { 0, 1, 2, 3, 4, 5, 6, 7 };
		expect(aname_snapshot_rdataset(its_last), whole, 8);
		aname_rest_destroy(copies[i]);
	}
	aname_rest_destroy(first);
	aname_rest_destroy(gone);
	aname_options_free(options);
	free_readers(&readers);
	assert_int_equal(alloc_live(), live);
}

static void so_many(void **state)
{
	/* A list that is changed over and over does not fill the memory, nor is anything freed
	 * that is read. */
	readers_t readers = new_readers();
	aname_snapshot_t *snapshot = make_snapshot(4, 0, 200, 0);
	long live = 0;
	for (unsigned i = 0; i < 10 * ANAME_RESTS_MAX; i++) {
		aname_options_t *options = make_options();
		deny(options, i, i);
		aname_epoch_enter(readers.epoch, WORKER);
		const aname_rest_t *rest = work_out(snapshot, options, &readers);
		assert_int_equal(rest->snapshot->count, 199);
		assert_true(rest->before < ANAME_RESTS_MAX);
		if (i % ANAME_RESTS_MAX == 1) {
			alloc_watch(rest);
		}
		assert_int_equal(alloc_watched(), 0);
		aname_epoch_leave(readers.epoch, WORKER);
		aname_options_free(options);
		(void)aname_bin_reclaim(readers.bin);
		live = i == 2 * ANAME_RESTS_MAX - 1 ? alloc_live() : live;
		assert_true(live == 0 || alloc_live() <= live);
	}
	aname_rest_destroy(snapshot);
	free_readers(&readers);
}

typedef struct {
	readers_t readers;
	aname_snapshot_t *snapshot;
	aname_options_t *options;
} attempt_t;

static bool attempt_to_work_out(void *ctx)
{
	const attempt_t *attempt = ctx;
	const aname_nets_t *nets = &attempt->options->deny_address;
	const aname_rest_t *rest =
	        aname_rest_work_out(attempt->snapshot, nets, attempt->readers.bin);
	assert_ptr_equal(aname_rest_of(attempt->snapshot, nets), rest);
	if (rest != NULL) {
		free(rest->snapshot);
		free((aname_rest_t *)rest);
		atomic_store(&attempt->snapshot->rests, NULL);
	}
	return rest != NULL;
}

static void out_of_memory(void **state)
{
	attempt_t attempt = { new_readers(), make_snapshot(4, 0, 20, 0), make_options() };
	deny(attempt.options, 0, 3);
	assert_int_equal(alloc_fail_each(attempt_to_work_out, &attempt), 2);
	aname_rest_destroy(attempt.snapshot);
	aname_options_free(attempt.options);
	free_readers(&attempt.readers);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PROVES("L4: what a thousand networks leave of 1,024 addresses is worked out once",
		       once),
		PROVES("L2: networks leave all, nothing, or what is between them", all_and_nothing),
		PROVES("L2, H3: and of views likewise", views),
		PROVES("a copy of a snapshot does not have what is left of it", copies_have_none),
		PROVES("L4: only so many lists are remembered, and none is freed that is read",
		       so_many),
		PROVES("without memory nothing is known, and nothing is lost", out_of_memory),
	};
	return RUN_TESTS("rest", tests);
}
