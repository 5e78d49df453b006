#include "support/test.h"

#include "support/alloc.h"
#include "support/make.h"
#include "table/logged.h"
#include "table/shared.h"

static aname_shared_t *new_shared(void)
{
	aname_shared_t *shared = aname_shared_new(NULL, NULL);
	assert_non_null(shared);
	return shared;
}

static void empty(void **state)
{
	aname_shared_t *shared = new_shared();
	aname_request_t request;
	const aname_allowance_t unspent = { 0 };
	assert_int_equal(aname_table_targets(shared->table), 0);
	assert_int_equal(aname_table_addresses(shared->table), 0);
	assert_false(aname_queue_pop(shared->queue, &request));
	assert_int_equal(atomic_load(&shared->reached.queue_full), 0);
	assert_int_equal(atomic_load(&shared->reached.table_full), 0);
	assert_int_equal(atomic_load(&shared->reached.waiters_full), 0);
	assert_int_equal(atomic_load(&shared->totals.started), 0);
	for (unsigned i = 0; i < ANAME_WORKERS_MAX; i++) {
		assert_int_equal((uintptr_t)&shared->workers[i] % 128, 0);
		assert_memory_equal(shared->workers[i].signing, &unspent, sizeof(unspent));
		for (unsigned k = 0; k < ANAME_ANSWER_KINDS_MAX; k++) {
			assert_int_equal(atomic_load(&shared->workers[i].answers[k]), 0);
		}
		for (unsigned k = 0; k < ANAME_WORKER_QUERY_SIZE; k++) {
			assert_int_equal(shared->workers[i].query[k], 0);
		}
	}
	aname_shared_free(shared);
	aname_shared_free(NULL);
}

static void on_wake(void *ctx)
{
	(*(unsigned *)ctx)++;
}

static void wakes(void **state)
{
	unsigned woken = 0;
	aname_shared_t *shared = aname_shared_new(on_wake, &woken);
	assert_non_null(shared);
	name_t name = make_name("a.");
	const aname_key_t key = make_key(NULL, &name, KNOT_RRTYPE_A);
	assert_true(aname_queue_push(shared->queue, &key, NULL, 1, (aname_interest_t){ 0 }));
	assert_int_equal(woken, 1);
	aname_shared_free(shared);
}

/* Holding options. */

static void hold_equal(void **state)
{
	aname_shared_t *shared = new_shared();
	const aname_upstream_t *one = NULL, *other = NULL;
	aname_options_t *given = make_options();
	const aname_options_t *held = aname_shared_hold(shared, given, &one);
	assert_ptr_equal(held, given);
	assert_non_null(one);

	/* As 10,000 zones with one template do: each holder's own copy is freed at once. */
	long live = alloc_live();
	for (unsigned i = 0; i < 1000; i++) {
		assert_ptr_equal(aname_shared_hold(shared, make_options(), &other), held);
		assert_ptr_equal(other, one);
	}
	assert_int_equal(alloc_live(), live);

	alloc_watch(held);
	for (unsigned i = 0; i < 1000; i++) {
		aname_shared_unhold(shared, held);
		assert_int_equal(alloc_watched(), 0);
	}
	aname_shared_unhold(shared, held);
	assert_int_equal(alloc_watched(), 1);
	aname_shared_free(shared);
}

static void hold_different(void **state)
{
	aname_shared_t *shared = new_shared();
	const aname_upstream_t *upstreams[3];
	aname_options_t *options[3] = { make_options(), make_options(), make_options() };
	options[1]->max_addresses = 5; /* Changes the answer only. */
	options[2]->source.secure = 1; /* Changes what is found. */
	const aname_options_t *held[3];
	for (unsigned i = 0; i < 3; i++) {
		held[i] = aname_shared_hold(shared, options[i], &upstreams[i]);
		assert_ptr_equal(held[i], options[i]);
	}
	assert_ptr_equal(upstreams[0], upstreams[1]);
	assert_ptr_not_equal(upstreams[0], upstreams[2]);
	assert_int_equal(upstreams[2]->source.secure, 1);

	/* Let go in an order of its own: the others stay. */
	alloc_watch(held[1]);
	aname_shared_unhold(shared, held[1]);
	assert_int_equal(alloc_watched(), 1);
	assert_int_equal(held[0]->max_addresses, 32);
	aname_shared_unhold(shared, held[0]);
	assert_int_equal(held[2]->source.secure, 1);
	aname_shared_unhold(shared, held[2]);
	aname_shared_free(shared);
}

static aname_origin_t make_origin(const char *section)
{
	aname_origin_t origin = {
		.known = true, .id_len = strlen(section), .reader = pthread_self(), .checks = 7
	};
	memcpy(origin.id, section, origin.id_len);
	return origin;
}

static void recall(void **state)
{
	aname_shared_t *shared = new_shared();
	const aname_origin_t origin = make_origin("one");
	const aname_upstream_t *upstream = NULL, *again = NULL;
	assert_null(aname_shared_recall(shared, &origin, &again));
	aname_options_t *options = make_options();
	options->origin = make_origin("before");
	const aname_options_t *held = aname_shared_hold(shared, options, &upstream);
	options = make_options();
	options->origin = origin;
	assert_ptr_equal(aname_shared_hold(shared, options, &upstream), held);

	/* The origin that counts is that of who has read last. */
	assert_ptr_equal(aname_shared_recall(shared, &origin, &again), held);
	assert_ptr_equal(again, upstream);
	aname_origin_t others[] = { make_origin("before"), make_origin("two"), make_origin("on"),
		                    make_origin(""),       make_origin("one"), make_origin("one"),
		                    make_origin("one"),    make_origin("one"), make_origin("one") };
	others[4].checks++;
	others[5].known = false;
	others[6].reader++;
	others[7].at_ms += ANAME_ORIGIN_MS;
	others[8].at_ms--;
	for (size_t i = 0; i < COUNT_OF(others); i++) {
		assert_null(aname_shared_recall(shared, &others[i], &again));
	}

	alloc_watch(held);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(alloc_watched(), 0);
		aname_shared_unhold(shared, held);
	}
	assert_int_equal(alloc_watched(), 1);
	assert_null(aname_shared_recall(shared, &origin, &again));
	aname_shared_free(shared);
}

/* Upstreams. */

/*! What the service has noted of upstreams. */
typedef struct {
	unsigned count, unheld;
	const aname_upstream_t *last;
} noted_t;

static void on_note(void *ctx, aname_upstream_t *upstream)
{
	noted_t *noted = ctx;
	noted->count++;
	noted->unheld += upstream->unheld_ms != 0;
	noted->last = upstream;
}

static noted_t note(aname_shared_t *shared, int64_t now_ms, int64_t *release_ms)
{
	noted_t noted = { 0 };
	*release_ms = aname_shared_note_upstreams(shared, true, now_ms, on_note, &noted);
	return noted;
}

static aname_options_t *make_options_for(uint16_t port)
{
	aname_options_t *options = make_options();
	options->source.servers_count = 1;
	options->source.servers[0] = (aname_server_t){ .len = 4, .port = port };
	return options;
}

static void upstream_shared(void **state)
{
	/* T4: whatever else options say, they share what is known from the same servers. */
	aname_shared_t *shared = new_shared();
	const aname_upstream_t *one = NULL, *other = NULL, *foreign = NULL;
	aname_options_t *options = make_options_for(53);
	memset(&options->schedule, 7, sizeof(options->schedule));
	options->max_addresses = 7;
	const aname_options_t *first = aname_shared_hold(shared, make_options_for(53), &one);
	const aname_options_t *second = aname_shared_hold(shared, options, &other);
	(void)aname_shared_hold(shared, make_options_for(54), &foreign);
	assert_ptr_not_equal(first, second);
	assert_ptr_equal(one, other);
	assert_ptr_not_equal(one, foreign);
	assert_int_equal(one->holders, 2);
	aname_shared_unhold(shared, first);
	assert_int_equal(one->holders, 1);
	aname_shared_unhold(shared, second);
	assert_int_equal(one->holders, 0);
	assert_int_equal(foreign->holders, 1);
	aname_shared_free(shared);
}

/*! What three sections say. */
static const aname_schedule_t schedules[3] = {
	{ .ttl_min = 5,
	  .ttl_max = 100,
	  .idle = 60,
	  .stale_max = 10,
	  .retry_min = 2,
	  .retry_max = 50,
	  .timeout_ms = 1000,
	  .retries = 3,
	  .max_aliases = 8 },
	{ .ttl_min = 1,
	  .ttl_max = 50,
	  .idle = 90,
	  .stale_max = 0,
	  .retry_min = 1,
	  .retry_max = 60,
	  .timeout_ms = 3000,
	  .retries = 2,
	  .max_aliases = 9 },
	{ .ttl_min = 9,
	  .ttl_max = 60,
	  .idle = 10,
	  .stale_max = 20,
	  .retry_min = 3,
	  .retry_max = 40,
	  .timeout_ms = 2000,
	  .retries = 1,
	  .max_aliases = 7 },
};

static void terms_added_up(void **state)
{
	aname_shared_t *shared = new_shared();
	assert_false(atomic_load(&shared->options_changed));
	const aname_upstream_t *upstream = NULL;
	const aname_options_t *held[3];
	for (size_t i = 0; i < 3; i++) {
		aname_options_t *options = make_options();
		options->schedule = schedules[i];
		held[i] = aname_shared_hold(shared, options, &upstream);
	}
	assert_true(atomic_load(&shared->options_changed));
	int64_t release_ms;
	assert_int_equal(note(shared, 1000, &release_ms).count, 1);
	assert_true(release_ms == INT64_MAX);
	const aname_schedule_t *sum = &upstream->terms.schedule;
	assert_int_equal(sum->timeout_ms, 3000);
	assert_int_equal(sum->retries, 3);
	assert_int_equal(sum->max_aliases, 9);
	assert_int_equal(sum->retry_min, 1);
	assert_int_equal(sum->retry_max, 40);
	assert_int_equal(sum->ttl_min, 1);
	assert_int_equal(sum->ttl_max, 100);
	assert_int_equal(sum->idle, 90);
	assert_int_equal(sum->stale_max, 20);
	assert_true(upstream->terms.differ);
	assert_true(upstream->terms.no_grace);

	/* What is let go counts no more. */
	aname_shared_unhold(shared, held[1]);
	aname_shared_unhold(shared, held[0]);
	(void)note(shared, 1000, &release_ms);
	assert_memory_equal(sum, &schedules[2], sizeof(*sum));
	assert_false(upstream->terms.differ);
	assert_false(upstream->terms.no_grace);
	aname_shared_free(shared);
}

static void upstream_released(void **state)
{
	/* Kept for ten minutes after the last holder, and found again until then. */
	aname_shared_t *shared = new_shared();
	const aname_upstream_t *before = NULL, *after = NULL;
	int64_t release_ms;
	aname_shared_unhold(shared, aname_shared_hold(shared, make_options(), &before));
	assert_int_equal(note(shared, 1000, &release_ms).unheld, 1);
	assert_true(release_ms == 1000 + ANAME_UPSTREAM_KEEP_MS);
	assert_null(aname_shared_release_upstream(shared, release_ms - 1));
	const aname_options_t *held = aname_shared_hold(shared, make_options(), &after);
	assert_ptr_equal(before, after);
	assert_int_equal(note(shared, 1001, &release_ms).unheld, 0);
	assert_null(aname_shared_release_upstream(shared, INT64_MAX));
	aname_shared_unhold(shared, held);
	(void)note(shared, 2000, &release_ms);
	aname_upstream_t *released = aname_shared_release_upstream(shared, release_ms);
	assert_ptr_equal(released, before);
	assert_int_equal(note(shared, 2000, &release_ms).count, 0);
	free(released);
	aname_shared_free(shared);
}

static void few_kept(void **state)
{
	/* Of many that are given up one after another only the last few stay. */
	aname_shared_t *shared = new_shared();
	const aname_upstream_t *upstreams[20];
	int64_t release_ms;
	unsigned released_count = 0;
	for (unsigned i = 0; i < COUNT_OF(upstreams); i++) {
		aname_shared_unhold(shared, aname_shared_hold(shared, make_options_for(1000 + i),
		                                              &upstreams[i]));
		(void)note(shared, 1000 + i / 3, &release_ms);
		aname_upstream_t *released = aname_shared_release_upstream(shared, 1000 + i / 3);
		if (released != NULL) {
			assert_ptr_equal(released, upstreams[i - ANAME_UPSTREAMS_KEPT]);
			released_count++;
			free(released);
		}
		assert_null(aname_shared_release_upstream(shared, 1000 + i / 3));
	}
	assert_int_equal(released_count, COUNT_OF(upstreams) - ANAME_UPSTREAMS_KEPT);
	aname_shared_free(shared);
}

static void definition_shared(void **state)
{
	/* H1: equal definitions are one, whatever else the sections say. */
	aname_shared_t *shared = new_shared();
	const aname_upstream_t *upstream = NULL;
	aname_options_t *options = make_probing(443);
	options->max_addresses = 7;
	const aname_options_t *one = aname_shared_hold(shared, make_probing(443), &upstream);
	const aname_options_t *other = aname_shared_hold(shared, options, &upstream);
	const aname_options_t *foreign = aname_shared_hold(shared, make_probing(80), &upstream);
	const aname_options_t *none = aname_shared_hold(shared, make_options(), &upstream);
	assert_ptr_not_equal(one, other);
	assert_int_not_equal(one->definition, 0);
	assert_int_equal(one->definition, other->definition);
	assert_int_not_equal(one->definition, foreign->definition);
	assert_int_equal(none->definition, 0);
	/* Those that ask the same, and others. */
	options = make_probing(443);
	options->probe.interval_ms = 5000;
	options->probe.fall = 9;
	const aname_options_t *alike = aname_shared_hold(shared, options, &upstream);
	assert_int_not_equal(alike->definition, one->definition);
	assert_true(aname_definition_alike(alike->definition, one->definition));
	assert_false(aname_definition_alike(foreign->definition, one->definition));
	assert_false(aname_definition_alike(0, one->definition));
	assert_int_equal(aname_shared_definition(shared, one->definition)->holders, 2);
	assert_int_equal(aname_shared_definition(shared, one->definition)->probe.port, 443);
	assert_null(aname_shared_definition(shared, 0));

	/* H9: probed is what some section lets into its answers. */
	const uint8_t address[] = { 10, 0, 0, 1 };
	assert_true(aname_shared_may_probe(shared, upstream, one->definition, address, 4));
	options = make_probing(8080);
	make_add_net(&options->deny_address, "10.0.0.0", "10.255.255.255");
	const aname_options_t *denies = aname_shared_hold(shared, options, &upstream);
	assert_false(aname_shared_may_probe(shared, upstream, denies->definition, address, 4));
	const aname_options_t *admits = aname_shared_hold(shared, make_probing(8080), &upstream);
	assert_int_equal(admits->definition, denies->definition);
	assert_true(aname_shared_may_probe(shared, upstream, denies->definition, address, 4));
	assert_false(aname_shared_may_probe(shared, NULL, denies->definition, address, 4));
	aname_shared_free(shared);
}

static void definition_released(void **state)
{
	aname_shared_t *shared = new_shared();
	const aname_upstream_t *upstream = NULL;
	bool given_up;
	const aname_options_t *held = aname_shared_hold(shared, make_probing(443), &upstream);
	uint32_t id = held->definition;
	assert_true(aname_shared_note_definitions(shared, true, 1000, &given_up) == INT64_MAX);
	assert_false(given_up);
	aname_shared_unhold(shared, held);
	(void)aname_shared_note_definitions(shared, false, 1000, &given_up);
	assert_false(given_up); /* Others may still come. */
	int64_t release_ms = aname_shared_note_definitions(shared, true, 1000, &given_up);
	assert_true(given_up);
	assert_true(release_ms == 1000 + ANAME_DEFINITION_KEEP_MS);
	(void)aname_shared_note_definitions(shared, true, 1500, &given_up);
	assert_false(given_up); /* It was before. */
	assert_null(aname_shared_release_definition(shared, release_ms - 1));

	/* Found again until then, and a new one after. */
	held = aname_shared_hold(shared, make_probing(443), &upstream);
	assert_int_equal(held->definition, id);
	assert_true(aname_shared_note_definitions(shared, true, 2000, &given_up) == INT64_MAX);
	assert_null(aname_shared_release_definition(shared, INT64_MAX));
	aname_shared_unhold(shared, held);
	release_ms = aname_shared_note_definitions(shared, true, 3000, &given_up);
	aname_definition_t *released = aname_shared_release_definition(shared, release_ms);
	assert_int_equal(released->id, id);
	assert_null(aname_shared_definition(shared, id));
	free(released);
	held = aname_shared_hold(shared, make_probing(443), &upstream);
	assert_int_not_equal(held->definition, id);
	aname_shared_free(shared);
}

static void unhold_foreign(void **state)
{
	aname_shared_t *shared = new_shared();
	const aname_upstream_t *upstream = NULL;
	const aname_options_t *held = aname_shared_hold(shared, make_options(), &upstream);
	aname_options_t *foreign = make_options();
	aname_shared_unhold(shared, foreign);
	aname_shared_unhold(shared, NULL);
	assert_ptr_equal(shared->options->options, held);
	assert_int_equal(shared->options->holders, 1);
	aname_options_free(foreign);
	aname_shared_free(shared); /* Frees what is still held. */
}

static void borrowed_options_stay(void **state)
{
	aname_shared_t *shared = new_shared();
	const aname_upstream_t *upstream = NULL, *borrowed_from = NULL;
	aname_options_t *given = make_options();
	given->max_addresses = 5;
	const aname_options_t *held = aname_shared_hold(shared, given, &upstream);
	const aname_options_t *other = aname_shared_hold(shared, make_options(), &upstream);
	assert_true(held->id != 0 && other->id != 0 && held->id != other->id);
	uint32_t id = held->id;
	int64_t moved_ms = atomic_load(&shared->moved_ms);
	atomic_store(&shared->moved_ms, moved_ms - 5000);
	assert_ptr_equal(aname_shared_borrow(shared, id, &borrowed_from), held);
	assert_ptr_equal(borrowed_from, upstream);
	/* That is no instance that comes, or goes. */
	aname_shared_give_back(shared, held);
	assert_ptr_equal(aname_shared_borrow(shared, id, &borrowed_from), held);
	assert_int_equal(atomic_load(&shared->moved_ms), moved_ms - 5000);

	/* The section goes while it is looked at. */
	alloc_watch(held);
	aname_shared_unhold(shared, held);
	assert_int_equal(alloc_watched(), 0);
	assert_int_equal(held->max_addresses, 5);
	aname_shared_give_back(shared, held);
	assert_int_equal(alloc_watched(), 1);
	assert_null(aname_shared_borrow(shared, id, &borrowed_from));
	assert_null(aname_shared_borrow(shared, 0, &borrowed_from));
	aname_shared_free(shared);
}

/* Saying things once. */

static void logged_once(void **state)
{
	enum { NOW_MS = 5000000, MINUTE_MS = 60000 };
	aname_shared_t *shared = new_shared();
	for (uint64_t n = 1; n < 200; n++) {
		/* Far fewer than there is room for, so that hardly any is pushed out. */
		uint64_t hash = aname_shared_content(shared, 0, &n, sizeof(n));
		int64_t now_ms = NOW_MS + (int64_t)n * MINUTE_MS;
		assert_true(aname_shared_log_once(shared, hash, (uint32_t)hash, now_ms));
		assert_false(aname_shared_log_once(shared, hash, (uint32_t)hash, now_ms + 500));
	}
	assert_true(aname_shared_log_once(shared, UINT64_MAX, (uint32_t)UINT64_MAX, NOW_MS));
	assert_false(aname_shared_log_once(shared, UINT64_MAX, (uint32_t)UINT64_MAX, NOW_MS));
	aname_shared_free(shared);
}

static void logged_by_others(void **state)
{
	/* All of it falls on the same few slots, as if one could know which these are. */
	enum { NOW_MS = 5000000, VICTIM = 7, HOSTILE = 8 };
	aname_shared_t *shared = new_shared();
	const uint64_t step = UINT64_C(1) << 40;
	uint64_t hostile = 100;
	int64_t now_ms = NOW_MS;
	for (; now_ms < NOW_MS + 20000; now_ms += 500) {
		(void)aname_shared_log_once(shared, hostile++ * step, HOSTILE, now_ms);
	}
	assert_true(aname_shared_log_once(shared, step, VICTIM, now_ms));
	/* It is not logged again as long as it comes up at least as often as the hostile ones. */
	for (unsigned i = 0; i < 200; i++, now_ms += 1000) {
		(void)aname_shared_log_once(shared, hostile++ * step, HOSTILE, now_ms);
		assert_false(aname_shared_log_once(shared, step, VICTIM, now_ms));
	}
	/* Pushed out it may be. */
	for (unsigned i = 0; i < 100; i++, now_ms += 1000) {
		(void)aname_shared_log_once(shared, hostile++ * step, HOSTILE, now_ms);
	}
	assert_true(aname_shared_log_once(shared, step, VICTIM, now_ms));
	aname_shared_free(shared);
}

static void content_of_another_process(void **state)
{
	/* Two contents that share a slot in one process seldom do so in others. Those that are as far
	 * from each other share it together: in one other process that comes about by chance. */
	enum { CONTENTS = 256, SLOTS = 256, PROCESSES = 4 };
	static uint64_t hashes[PROCESSES][CONTENTS];
	for (unsigned i = 0; i < PROCESSES; i++) {
		aname_shared_t *shared = new_shared();
		for (uint64_t n = 0; n < CONTENTS; n++) {
			uint64_t content = aname_shared_hash(0, &n, sizeof(n));
			hashes[i][n] = aname_shared_content(shared, 0, &content, sizeof(content));
		}
		aname_shared_free(shared);
	}
	unsigned pairs = 0, again = 0;
	for (unsigned n = 0; n < CONTENTS; n++) {
		assert_true(hashes[0][n] != hashes[1][n]);
		for (unsigned m = 0; m < n; m++) {
			bool share = (hashes[0][n] - hashes[0][m]) % SLOTS == 0;
			pairs += share;
			for (unsigned i = 1; i < PROCESSES; i++) {
				share = share && (hashes[i][n] - hashes[i][m]) % SLOTS == 0;
			}
			again += share;
		}
	}
	assert_in_range(pairs, 32, 512);
	assert_true(8 * again < pairs);
}

static void content_in_parts(void **state)
{
	aname_shared_t *shared = new_shared();
	uint64_t one = aname_shared_content(shared, 0, "malformed", 9);
	assert_true(one == aname_shared_content(shared, 0, "malformed", 9));
	assert_true(one != aname_shared_content(shared, 0, "malformee", 9));
	assert_true(one != aname_shared_content(shared, 0, "malformed", 8));
	assert_true(one != aname_shared_content(shared, 1, "malformed", 9));
	assert_true(aname_shared_content(shared, one, "a", 1) !=
	            aname_shared_content(shared, one, "b", 1));
	assert_true(aname_shared_content(shared, one, NULL, 0) ==
	            aname_shared_content(shared, one, "", 0));
	assert_true(aname_shared_content(shared, one, NULL, 0) != one);
	aname_shared_free(shared);
}

static void content_hash(void **state)
{
	uint64_t one = aname_shared_hash(0, "malformed", 9);
	assert_true(one == aname_shared_hash(0, "malformed", 9));
	assert_true(one != aname_shared_hash(0, "malformee", 9));
	assert_true(one != aname_shared_hash(0, "malformed", 8));
	assert_true(one != aname_shared_hash(1, "malformed", 9));
	assert_true(aname_shared_hash(one, "a", 1) != aname_shared_hash(one, "b", 1));
	assert_true(aname_shared_hash(0, NULL, 0) == aname_shared_hash(0, "", 0));
	assert_true(aname_shared_hash(0, NULL, 0) != 0);
}

/* Failing allocations. */

static bool attempt_new(void *ctx)
{
	aname_shared_t *shared = aname_shared_new(NULL, NULL);
	aname_shared_free(shared);
	return shared != NULL;
}

static void no_memory_for_shared(void **state)
{
	/* Itself, epoch, table, slots and charges, queue, waiters, logbook, workers, decisions,
	 * allowances, owners, bin, secrets. */
	assert_int_equal(alloc_fail_each(attempt_new, NULL), 18);
}

static void no_memory_to_hold(void **state)
{
	aname_shared_t *shared = new_shared();
	const aname_upstream_t *upstream = NULL;
	const aname_options_t *held = NULL;
	unsigned n = 0;
	while (held == NULL) {
		aname_options_t *options = make_options();
		make_add_name(&options->deny_target, "a.");
		make_add_net(&options->deny_address, "::", "::1");
		long before = alloc_live();
		alloc_fail_at(++n);
		held = aname_shared_hold(shared, options, &upstream);
		assert_int_equal(alloc_failed(), held == NULL);
		if (held == NULL) {
			assert_null(shared->options);
			/* Options, list and networks; the name itself is libknot's. */
			assert_int_equal(alloc_live(), before - 3);
		}
	}
	assert_int_equal(n, 3);
	aname_shared_unhold(shared, held);
	aname_shared_free(shared);
}

static void no_memory_beside_others(void **state)
{
	aname_shared_t *shared = new_shared();
	const aname_upstream_t *upstream = NULL, *none = NULL;
	const aname_options_t *held = aname_shared_hold(shared, make_options(), &upstream);
	aname_options_t *options = make_options();
	options->source.secure = 1;
	alloc_fail_at(2);
	assert_null(aname_shared_hold(shared, options, &none));
	assert_true(alloc_failed());
	assert_ptr_equal(shared->options->options, held);
	assert_null(shared->options->next);
	aname_shared_unhold(shared, held);
	assert_null(shared->options);
	aname_shared_free(shared);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PROVES("new shared state holds nothing and has counted nothing", empty),
		PROVES("a request wakes the service", wakes),
		PROVES("equal options are held once, until the last holder lets go", hold_equal),
		PROVES("options are found by where they were read, as long as somebody has them",
		       recall),
		PROVES("options that differ are kept apart, targets shared where they may be",
		       hold_different),
		PROVES("T4: options that ask the same servers share what is known",
		       upstream_shared),
		PROVES("what counts for shared lookups is added up from all options",
		       terms_added_up),
		PROVES("an upstream is kept for a while after its last holder", upstream_released),
		PROVES("of upstreams given up only the latest are kept", few_kept),
		PROVES("H1: sections that have the same probed share it", definition_shared),
		PROVES("H1: a definition is kept for a while after its last holder",
		       definition_released),
		PROVES("options that are borrowed stay when their section goes",
		       borrowed_options_stay),
		PROVES("what nobody holds is not let go", unhold_foreign),
		PROVES("W2: a content is logged once", logged_once),
		PROVES("L4: others' contents do not keep it out", logged_by_others),
		PROVES("L4: nobody knows which ones share a slot", content_of_another_process),
		PROVES("W2: contents are told apart", content_in_parts),
		PROVES("W2: states are told apart", content_hash),
		PROVES("out of memory: no shared state, nothing leaked", no_memory_for_shared),
		PROVES("out of memory: options are not held, and freed", no_memory_to_hold),
		PROVES("out of memory: those who hold already are not touched",
		       no_memory_beside_others),
	};
	return RUN_TESTS("shared", tests);
}
