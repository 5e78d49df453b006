#include "support/test.h"

#include <poll.h>

#include <libknot/errcode.h>

#include "service/health.h"
#include "support/alloc.h"
#include "support/clock.h"
#include "support/random.h"
#include "support/script.h"
#include "table/clock.h"
#include "table/policy.h"

#define A    KNOT_RRTYPE_A
#define AAAA KNOT_RRTYPE_AAAA

/*! Where the stopped clock begins. */
#define BEGIN_MS 1000000

static void begin(scripted_t *scripted, const aname_schedule_t *schedule,
                  const aname_limits_t *limits)
{
	clock_stop_at(BEGIN_MS);
	scripted_init(scripted, schedule, limits);
}

static const aname_snapshot_t *known_of(scripted_t *scripted, const name_t *name, uint16_t type)
{
	aname_entry_t *entry = scripted_find(scripted, name, type);
	return entry != NULL ? aname_entry_snapshot(entry) : NULL;
}

static int64_t next_of(scripted_t *scripted, const name_t *name, uint16_t type)
{
	aname_entry_t *entry = scripted_find(scripted, name, type);
	assert_non_null(entry);
	return atomic_load(&entry->next_ms);
}

static bool is_cold(scripted_t *scripted, const name_t *name, uint16_t type)
{
	aname_entry_t *entry = scripted_find(scripted, name, type);
	assert_non_null(entry);
	return atomic_load(&entry->cold);
}

static unsigned ask_many(scripted_t *scripted, uint32_t first, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		name_t name = make_name_nth(first + i);
		scripted_ask(scripted, &name, A, 300);
	}
	return scripted->script.pending_count;
}

/*! What a worker makes of it, asked through a record of that TTL. */
static aname_judgement_t judge(aname_entry_t *entry, uint32_t record_ttl)
{
	const aname_snapshot_t *known = aname_entry_snapshot(entry);
	const aname_schedule_t *schedule = &entry->upstream->terms.schedule;
	int64_t now_ms = aname_clock_ms();
	return aname_policy_judge(known, atomic_load(&entry->cold), schedule,
	                          aname_policy_left(known, schedule, record_ttl, now_ms),
	                          atomic_load(&entry->next_ms), now_ms);
}

/* The life of a target. */

static void first_lookup(void **state)
{
	scripted_t scripted;
	begin(&scripted, NULL, NULL);
	name_t name = make_name("a.example.");
	scripted_ask(&scripted, &name, A, 300);
	assert_int_equal(scripted.script.pending_count, 1);
	assert_int_equal(aname_refresh_running(scripted.refresh), 1);
	assert_true(is_cold(&scripted, &name, A));
	assert_true(next_of(&scripted, &name, A) == BEGIN_MS);
	assert_null(known_of(&scripted, &name, A));

	clock_skip(40);
	scripted_resolve(&scripted, scripted_pending(&scripted, &name, A), 1, 3, 60);
	const aname_snapshot_t *known = known_of(&scripted, &name, A);
	assert_non_null(known);
	assert_int_equal(known->count, 3);
	assert_int_equal(known->ttl, 60);
	assert_true(known->learned_ms == BEGIN_MS + 40);
	assert_false(is_cold(&scripted, &name, A));
	assert_int_equal(aname_refresh_running(scripted.refresh), 0);
	assert_int_equal(aname_table_addresses(scripted.shared->table), 3);
	int64_t next = next_of(&scripted, &name, A) - known->learned_ms;
	assert_in_range(next, 45000, 54000);
	scripted_deinit(&scripted);
}

static void families_apart(void **state)
{
	scripted_t scripted;
	begin(&scripted, NULL, NULL);
	name_t name = make_name("a.example.");
	scripted_ask(&scripted, &name, A, 300);
	scripted_ask(&scripted, &name, AAAA, 300);
	assert_int_equal(scripted.script.pending_count, 2);
	scripted_resolve(&scripted, scripted_pending(&scripted, &name, A), 1, 1, 60);
	scripted_fail(&scripted, scripted_pending(&scripted, &name, AAAA), ANAME_FAILURE_SERVER);
	assert_int_equal(known_of(&scripted, &name, A)->known, ANAME_KNOWN_ADDRESSES);
	assert_int_equal(known_of(&scripted, &name, AAAA)->known, ANAME_KNOWN_NOTHING);
	assert_int_equal(known_of(&scripted, &name, AAAA)->failure, ANAME_FAILURE_SERVER);
	scripted_deinit(&scripted);
}

static void coalesced(void **state)
{
	scripted_t scripted;
	begin(&scripted, NULL, NULL);
	name_t name = make_name("a.example.");
	for (unsigned i = 0; i < 1000; i++) {
		scripted_ask(&scripted, &name, A, 300);
	}
	assert_int_equal(scripted.script.started, 1);
	scripted_resolve(&scripted, scripted_pending(&scripted, &name, A), 1, 1, 60);
	/* Those that stood in the queue while the answer came need no other lookup. */
	for (unsigned i = 0; i < 1000; i++) {
		scripted_ask(&scripted, &name, A, 300);
	}
	assert_int_equal(scripted.script.started, 1);
	/* A record with a TTL that the plan is too late for does. */
	scripted_skip(&scripted, 10000);
	for (unsigned i = 0; i < 1000; i++) {
		scripted_ask(&scripted, &name, A, 5);
	}
	assert_int_equal(scripted.script.started, 2);
	scripted_deinit(&scripted);
}

static void refreshed(void **state)
{
	/* A day in the life of a target with 60 s that is asked for all the time. */
	scripted_t scripted;
	begin(&scripted, NULL, NULL);
	name_t name = make_name("a.example.");
	scripted_ask(&scripted, &name, A, 300);
	scripted_resolve(&scripted, scripted_pending(&scripted, &name, A), 1, 2, 60);
	unsigned least = UINT32_MAX;
	for (unsigned step = 0; step < 86400 * 2; step++) {
		scripted_skip(&scripted, 500);
		script_lookup_t *lookup = scripted_pending(&scripted, &name, A);
		if (lookup != NULL && aname_clock_ms() - lookup->started_ms >= 1000) {
			scripted_resolve(&scripted, lookup, 1, 2, 60);
		}
		aname_entry_t *entry = scripted_find(&scripted, &name, A);
		const aname_snapshot_t *known = aname_entry_snapshot(entry);
		aname_judgement_t judgement = judge(entry, 300);
		assert_int_equal(judgement.worth, ANAME_FRESH);
		assert_false(aname_policy_ask(
		        known, aname_policy_left(known, &scripted.schedule, 300, aname_clock_ms()),
		        atomic_load(&entry->next_ms), aname_clock_ms()));
		least = judgement.ttl < least ? judgement.ttl : least;
		scripted_touch(&scripted, entry, 300);
	}
	assert_in_range(least, 4, 15);
	assert_in_range(scripted.script.started, 86400 / 60, 86400 / 44);
	scripted_deinit(&scripted);
}

static void real_time(void **state)
{
	/* T5: with ttl-max 1 a change shows within 2 s, and no query waits. */
	aname_schedule_t schedule = make_schedule;
	schedule.ttl_max = 1;
	scripted_t scripted;
	begin(&scripted, &schedule, NULL);
	name_t name = make_name("a.example.");
	scripted_ask(&scripted, &name, A, 300);
	scripted_resolve(&scripted, scripted_pending(&scripted, &name, A), 0, 1, 300);
	for (uint32_t ms = 0; ms < 100000; ms += 50) {
		scripted_skip(&scripted, 50);
		script_lookup_t *lookup = scripted_pending(&scripted, &name, A);
		if (lookup != NULL && aname_clock_ms() - lookup->started_ms >= 100) {
			scripted_resolve(&scripted, lookup, aname_clock_ms() - BEGIN_MS, 1, 300);
		}
		aname_entry_t *entry = scripted_find(&scripted, &name, A);
		const aname_snapshot_t *known = aname_entry_snapshot(entry);
		assert_true(aname_clock_ms() - known->learned_ms < 2000);
		assert_int_equal(judge(entry, 300).worth, ANAME_FRESH);
		scripted_touch(&scripted, entry, 300);
	}
	scripted_deinit(&scripted);
}

/*! A recursor that caches for 30 s, by whole seconds; answers with what is left. */
static void resolve_from_cache(scripted_t *scripted, script_lookup_t *lookup, int64_t *expires_s)
{
	int64_t now_s = aname_clock_ms() / 1000;
	if (now_s > *expires_s) {
		*expires_s = now_s + 30;
	}
	scripted_resolve(scripted, lookup, 1, 2, *expires_s - now_s);
}

static void behind_cache(void **state)
{
	/* An hour behind such a recursor, asked for all the time: about three lookups for each TTL,
	 * none by a worker, and never stale. */
	scripted_t scripted;
	begin(&scripted, NULL, NULL);
	name_t name = make_name("a.example.");
	int64_t expires_s = 0;
	unsigned late = 0;
	scripted_ask(&scripted, &name, A, 300);
	resolve_from_cache(&scripted, scripted_pending(&scripted, &name, A), &expires_s);
	for (unsigned step = 0; step < 3600 * 50; step++) {
		scripted_skip(&scripted, 20);
		aname_entry_t *entry = scripted_find(&scripted, &name, A);
		script_lookup_t *lookup = scripted_pending(&scripted, &name, A);
		if (lookup != NULL && aname_clock_ms() - lookup->started_ms >= 100) {
			resolve_from_cache(&scripted, lookup, &expires_s);
		}
		const aname_snapshot_t *known = aname_entry_snapshot(entry);
		int64_t now_ms = aname_clock_ms();
		aname_judgement_t judgement = judge(entry, 300);
		late += judgement.worth == ANAME_LATE;
		assert_true(judgement.worth == ANAME_FRESH || judgement.worth == ANAME_LATE);
		assert_in_range(judgement.ttl, aname_entry_snapshot(entry)->ttl > 1, 30);
		assert_false(aname_policy_ask(
		        known, aname_policy_left(known, &scripted.schedule, 300, now_ms),
		        atomic_load(&entry->next_ms), now_ms));
		scripted_touch(&scripted, entry, 300);
	}
	assert_in_range(scripted.script.started, 3600 / 32, 3600 * 3 / 30);
	/* At the end of each TTL, for up to the spread and the lookup. */
	assert_in_range(late, 1, 3600 / 30 * (ANAME_EXPIRY_SPREAD_MS + 140) / 20);
	scripted_deinit(&scripted);
}

static void behind_slow_cache(void **state)
{
	/* The same, where what the recursor has to pass on takes 3 s. */
	scripted_t scripted;
	begin(&scripted, NULL, NULL);
	name_t name = make_name("a.example.");
	int64_t expires_s = 0;
	unsigned late = 0;
	scripted_ask(&scripted, &name, A, 300);
	scripted_skip(&scripted, 3000);
	resolve_from_cache(&scripted, scripted_pending(&scripted, &name, A), &expires_s);
	for (unsigned step = 0; step < 3600 * 50; step++) {
		scripted_skip(&scripted, 20);
		script_lookup_t *lookup = scripted_pending(&scripted, &name, A);
		bool hit = aname_clock_ms() / 1000 <= expires_s;
		if (lookup != NULL && (hit || aname_clock_ms() - lookup->started_ms >= 3000)) {
			resolve_from_cache(&scripted, lookup, &expires_s);
		}
		aname_entry_t *entry = scripted_find(&scripted, &name, A);
		aname_judgement_t judgement = judge(entry, 300);
		late += judgement.worth == ANAME_LATE;
		assert_true(judgement.worth == ANAME_FRESH || judgement.worth == ANAME_LATE);
		assert_in_range(judgement.ttl, aname_entry_snapshot(entry)->ttl > 1, 30);
		scripted_touch(&scripted, entry, 300);
	}
	assert_true(late > 100 * 2000 / 20);
	scripted_deinit(&scripted);
}

static void slower_than_usual(void **state)
{
	/* F1: what takes much longer than before is stale before it fails; then it is usual. */
	scripted_t scripted;
	begin(&scripted, NULL, NULL);
	name_t name = make_name("a.example.");
	scripted_ask(&scripted, &name, A, 300);
	scripted_skip(&scripted, 200);
	scripted_resolve(&scripted, scripted_pending(&scripted, &name, A), 1, 1, 5);
	aname_entry_t *entry = scripted_find(&scripted, &name, A);
	assert_int_equal(known_of(&scripted, &name, A)->usual_ms, 200);
	scripted_skip(&scripted, next_of(&scripted, &name, A) - aname_clock_ms());
	assert_non_null(scripted_pending(&scripted, &name, A));
	scripted_skip(&scripted,
	              known_of(&scripted, &name, A)->learned_ms + 5000 - aname_clock_ms());
	assert_int_equal(judge(entry, 300).worth, ANAME_LATE);
	scripted_skip(&scripted, ANAME_GRACE_MS + 299);
	assert_int_equal(judge(entry, 300).worth, ANAME_LATE);
	assert_int_equal(judge(entry, 300).ttl, 1);
	scripted_skip(&scripted, 1);
	assert_int_equal(judge(entry, 300).worth, ANAME_STALE);
	scripted_resolve(&scripted, scripted_pending(&scripted, &name, A), 1, 1, 5);
	assert_int_equal(judge(entry, 300).worth, ANAME_FRESH);
	uint16_t usual_ms = known_of(&scripted, &name, A)->usual_ms;
	assert_in_range(usual_ms, ANAME_GRACE_MS + 800, ANAME_GRACE_MS + 2000);

	/* A failure says nothing of it. */
	scripted_skip(&scripted, next_of(&scripted, &name, A) - aname_clock_ms());
	scripted_fail(&scripted, scripted_pending(&scripted, &name, A), ANAME_FAILURE_SERVER);
	assert_int_equal(known_of(&scripted, &name, A)->usual_ms, usual_ms);
	scripted_deinit(&scripted);
}

static void lowered_ttl(void **state)
{
	/* T2: a record of 300 s is lowered to 30 s, 45 s after the last lookup, which takes 1 s. */
	scripted_t scripted;
	begin(&scripted, NULL, NULL);
	name_t name = make_name("a.example.");
	scripted_ask(&scripted, &name, A, 300);
	scripted_resolve(&scripted, scripted_pending(&scripted, &name, A), 1, 1, 300);
	scripted_skip(&scripted, 45000);
	aname_entry_t *entry = scripted_find(&scripted, &name, A);
	aname_judgement_t judgement = judge(entry, 30);
	assert_int_equal(judgement.worth, ANAME_LATE);
	assert_int_equal(judgement.ttl, 1);
	assert_true(aname_policy_ask(aname_entry_snapshot(entry),
	                             aname_policy_left(aname_entry_snapshot(entry),
	                                               &scripted.schedule, 30, aname_clock_ms()),
	                             next_of(&scripted, &name, A), aname_clock_ms()));
	scripted_ask(&scripted, &name, A, 30);
	assert_true(next_of(&scripted, &name, A) == aname_clock_ms());
	scripted_skip(&scripted, ANAME_GRACE_MS - 1);
	assert_int_equal(judge(entry, 30).worth, ANAME_LATE);
	scripted_resolve(&scripted, scripted_pending(&scripted, &name, A), 1, 1, 300);
	judgement = judge(entry, 30);
	assert_int_equal(judgement.worth, ANAME_FRESH);
	assert_int_equal(judgement.ttl, 30);
	assert_in_range(next_of(&scripted, &name, A) - aname_clock_ms(), 22500, 27000);
	scripted_deinit(&scripted);
}

static void lost_family(void **state)
{
	/* W1: when one family is lost the other one is looked up at once, but not if it is
	 * dormant. */
	scripted_t scripted;
	begin(&scripted, NULL, NULL);
	name_t name = make_name("a.example.");
	scripted_ask(&scripted, &name, A, 300);
	scripted_ask(&scripted, &name, AAAA, 3600);
	scripted_resolve(&scripted, scripted_pending(&scripted, &name, A), 1, 2, 300);
	scripted_resolve(&scripted, scripted_pending(&scripted, &name, AAAA), 1, 1, 3600);
	scripted_skip(&scripted, next_of(&scripted, &name, A) - aname_clock_ms());
	assert_null(scripted_pending(&scripted, &name, AAAA));
	scripted_resolve(&scripted, scripted_pending(&scripted, &name, A), 1, 0, 60);
	assert_int_equal(known_of(&scripted, &name, A)->known, ANAME_KNOWN_NODATA);
	assert_true(aname_snapshot_lost(known_of(&scripted, &name, A))->since_ms ==
	            aname_clock_ms());
	assert_int_equal(aname_snapshot_last(known_of(&scripted, &name, A))->count, 2);
	assert_int_equal(aname_table_addresses(scripted.shared->table), 1);
	assert_non_null(scripted_pending(&scripted, &name, AAAA));
	assert_false(aname_policy_gone_surely(known_of(&scripted, &name, A),
	                                      known_of(&scripted, &name, AAAA)));
	scripted_resolve(&scripted, scripted_pending(&scripted, &name, AAAA), 1, 0, 60);
	assert_true(aname_policy_gone_surely(known_of(&scripted, &name, A),
	                                     known_of(&scripted, &name, AAAA)));

	assert_null(scripted_pending(&scripted, &name, A)); /* It has been, just now. */

	/* What repeats is no loss. */
	int64_t since_ms = aname_snapshot_lost(known_of(&scripted, &name, A))->since_ms;
	scripted_skip(&scripted, 60000 + ANAME_EXPIRY_SPREAD_MS);
	unsigned started = scripted.script.started;
	scripted_resolve(&scripted, scripted_pending(&scripted, &name, A), 1, 0, 60);
	assert_true(aname_snapshot_lost(known_of(&scripted, &name, A))->since_ms == since_ms);
	scripted_resolve(&scripted, scripted_pending(&scripted, &name, AAAA), 1, 0, 60);
	assert_int_equal(scripted.script.started, started);
	scripted_deinit(&scripted);
}

static void lost_family_unasked(void **state)
{
	/* T3: nor if nobody has asked for it within `idle`, though it is planned for later. */
	scripted_t scripted;
	begin(&scripted, NULL, NULL);
	name_t name = make_name("a.example.");
	scripted_ask(&scripted, &name, A, 60);
	scripted_ask(&scripted, &name, AAAA, 86400);
	scripted_resolve(&scripted, scripted_pending(&scripted, &name, A), 1, 2, 86400);
	scripted_resolve(&scripted, scripted_pending(&scripted, &name, AAAA), 1, 1, 86400);
	scripted_skip(&scripted, 1000 * (int64_t)make_schedule.idle + 1000);
	scripted_ask(&scripted, &name, A, 60);
	scripted_resolve(&scripted, scripted_pending(&scripted, &name, A), 1, 0, 60);
	assert_non_null(aname_snapshot_lost(known_of(&scripted, &name, A)));
	assert_null(scripted_pending(&scripted, &name, AAAA));
	scripted_deinit(&scripted);
}

static void shorter_record_slept(void **state)
{
	/* T1: the machine sleeps, for longer than `idle`. That nobody has asked through the shorter
	 * record meanwhile is no reason to forget it. */
	scripted_t scripted;
	begin(&scripted, NULL, NULL);
	name_t name = make_name("a.example.");
	scripted_ask(&scripted, &name, A, 60);
	scripted_resolve(&scripted, scripted_pending(&scripted, &name, A), 1, 1, 3600);
	aname_entry_t *entry = scripted_find(&scripted, &name, A);
	/* Until a window has just begun, in which nobody has asked yet. */
	while (atomic_load(&entry->min_ttl) != UINT32_MAX) {
		scripted_touch(&scripted, entry, 60);
		scripted_skip(&scripted, next_of(&scripted, &name, A) - aname_clock_ms());
		scripted_resolve(&scripted, scripted_pending(&scripted, &name, A), 1, 1, 3600);
	}
	int64_t slept_ms = 2000 * (int64_t)make_schedule.idle;
	clock_skip(slept_ms);
	aname_refresh_slept(scripted.refresh, slept_ms);
	scripted_resolve(&scripted, scripted_pending(&scripted, &name, A), 1, 1, 3600);
	assert_in_range(next_of(&scripted, &name, A) - aname_clock_ms(), 1, 60000);
	scripted_deinit(&scripted);
}

static void shorter_record(void **state)
{
	/* Asked through a record of 10 s, a target planned for 300 s is refreshed earlier. */
	scripted_t scripted;
	begin(&scripted, NULL, NULL);
	name_t name = make_name("a.example.");
	scripted_ask(&scripted, &name, A, 300);
	scripted_resolve(&scripted, scripted_pending(&scripted, &name, A), 1, 1, 300);
	assert_true(next_of(&scripted, &name, A) >= BEGIN_MS + 225000);

	scripted_skip(&scripted, 9500);
	aname_entry_t *entry = scripted_find(&scripted, &name, A);
	assert_true(aname_policy_ask(aname_entry_snapshot(entry),
	                             aname_policy_left(aname_entry_snapshot(entry),
	                                               &scripted.schedule, 10, aname_clock_ms()),
	                             atomic_load(&entry->next_ms), aname_clock_ms()));
	scripted_ask(&scripted, &name, A, 10);
	scripted_resolve(&scripted, scripted_pending(&scripted, &name, A), 1, 1, 300);
	assert_in_range(next_of(&scripted, &name, A) - aname_clock_ms(), 7500, 9000);

	/* And no longer when nobody asked through it for two spans of `idle`; for one it does. */
	for (unsigned i = 0; i < 3 * 3600; i++) {
		scripted_skip(&scripted, 1000);
		scripted_touch(&scripted, entry, 300);
		if (scripted.script.pending != NULL) {
			scripted_resolve(&scripted, scripted.script.pending, 1, 1, 300);
			int64_t pause_ms = next_of(&scripted, &name, A) - aname_clock_ms();
			assert_true(i > 6000 || pause_ms <= 9000);
		}
	}
	scripted_skip(&scripted, 300000);
	scripted_resolve(&scripted, scripted.script.pending, 1, 1, 300);
	assert_in_range(next_of(&scripted, &name, A) - aname_clock_ms(), 225000, 270000);
	scripted_deinit(&scripted);
}

static void dormant_and_forgotten(void **state)
{
	aname_schedule_t schedule = make_schedule;
	schedule.idle = 100;
	schedule.ttl_max = 60;
	schedule.stale_max = 500;
	scripted_t scripted;
	begin(&scripted, &schedule, NULL);
	name_t name = make_name("a.example.");
	scripted_ask(&scripted, &name, A, 300);
	scripted_resolve(&scripted, scripted_pending(&scripted, &name, A), 1, 2, 60);
	int64_t learned = BEGIN_MS;
	while (!is_cold(&scripted, &name, A)) {
		scripted_skip(&scripted, 1000);
		if (scripted.script.pending != NULL) {
			scripted_resolve(&scripted, scripted.script.pending, 1, 2, 60);
			learned = aname_clock_ms();
		}
	}
	assert_in_range(aname_clock_ms() - BEGIN_MS, 101000, 160000);
	assert_true(next_of(&scripted, &name, A) == ANAME_NEXT_NEVER);
	assert_int_equal(known_of(&scripted, &name, A)->count, 2);
	unsigned started = scripted.script.started;

	/* Asked for again: looked up at once, its last addresses still there. */
	scripted_ask(&scripted, &name, A, 300);
	assert_int_equal(scripted.script.started, started + 1);
	assert_true(is_cold(&scripted, &name, A));
	assert_int_equal(known_of(&scripted, &name, A)->count, 2);
	scripted_resolve(&scripted, scripted_pending(&scripted, &name, A), 1, 2, 60);
	assert_false(is_cold(&scripted, &name, A));
	learned = aname_clock_ms();
	while (scripted_find(&scripted, &name, A) != NULL) {
		scripted_skip(&scripted, 1000);
		if (scripted.script.pending != NULL) {
			scripted_resolve(&scripted, scripted.script.pending, 1, 2, 60);
			learned = aname_clock_ms();
		}
		assert_true(aname_clock_ms() - learned < 1000 * 1000);
	}
	assert_true(aname_clock_ms() - learned >= 560000);
	assert_int_equal(aname_table_targets(scripted.shared->table), 0);
	assert_int_equal(aname_table_addresses(scripted.shared->table), 0);
	scripted_deinit(&scripted);
}

static void absurd_results(void **state)
{
	static const uint32_t ttls[] = { 0, 1u << 31, UINT32_MAX - 1, ANAME_TTL_UNKNOWN };
	for (size_t i = 0; i < COUNT_OF(ttls); i++) {
		scripted_t scripted;
		begin(&scripted, NULL, NULL);
		name_t name = make_name_longest('n');
		scripted_ask(&scripted, &name, AAAA, UINT32_MAX);
		scripted_resolve(&scripted, scripted_pending(&scripted, &name, AAAA), 1, 3000,
		                 ttls[i]);
		assert_int_equal(known_of(&scripted, &name, AAAA)->count, ANAME_ADDRESSES_MAX);
		assert_true(next_of(&scripted, &name, AAAA) > BEGIN_MS);
		scripted_skip(&scripted, 1000LL * 86400 * 30);
		scripted_deinit(&scripted);
	}
}

static void negative(void **state)
{
	scripted_t scripted;
	begin(&scripted, NULL, NULL);
	name_t name = make_name("a.example.");
	scripted_ask(&scripted, &name, A, 300);
	scripted_resolve(&scripted, scripted_pending(&scripted, &name, A), 0, 0, 120);
	const aname_snapshot_t *known = known_of(&scripted, &name, A);
	assert_int_equal(known->known, ANAME_KNOWN_NODATA);
	assert_int_equal(known->failure, ANAME_FAILURE_NONE);
	assert_in_range(next_of(&scripted, &name, A) - BEGIN_MS, 90000, 108000);
	scripted_deinit(&scripted);
}

/* Failures. */

static void failure_keeps(void **state)
{
	scripted_t scripted;
	begin(&scripted, NULL, NULL);
	name_t name = make_name("a.example.");
	scripted_ask(&scripted, &name, A, 60);
	scripted_resolve(&scripted, scripted_pending(&scripted, &name, A), 1, 2, 60);
	scripted_skip(&scripted, 60000);
	scripted_fail(&scripted, scripted_pending(&scripted, &name, A), ANAME_FAILURE_SERVER);
	const aname_snapshot_t *known = known_of(&scripted, &name, A);
	assert_int_equal(known->count, 2);
	assert_int_equal(known->failure, ANAME_FAILURE_SERVER);
	assert_false(is_cold(&scripted, &name, A));
	assert_in_range(next_of(&scripted, &name, A) - aname_clock_ms(), 5000, 6250);
	assert_string_equal(aname_snapshot_failing(known)->why, "no answer");
	scripted_deinit(&scripted);
}

static void backs_off(void **state)
{
	/* A dead target for a day, asked for five times a second, beside one that lives long: that
	 * one is looked up now and then, which tells that the resolver is there. */
	scripted_t scripted;
	begin(&scripted, NULL, NULL);
	name_t name = make_name("dead.example."), good = make_name("good.example.");
	scripted_ask(&scripted, &good, A, 86400);
	scripted_resolve(&scripted, scripted.script.pending, 1, 1, 86400);
	int64_t before = 0, pause = 0;
	unsigned tries = 0, checks = 0;
	for (unsigned step = 0; step < 86400 * 5; step++) {
		scripted_ask(&scripted, &name, A, 300);
		scripted_ask(&scripted, &good, A, 86400);
		script_lookup_t *lookup = scripted_pending(&scripted, &name, A);
		if (lookup != NULL) {
			pause = aname_clock_ms() - before;
			assert_true(before == 0 || pause >= 5000);
			assert_true(before == 0 || pause <= 900000 + 200);
			before = aname_clock_ms();
			scripted_fail(&scripted, lookup, ANAME_FAILURE_TIMEOUT);
			tries++;
		}
		lookup = scripted_pending(&scripted, &good, A);
		if (lookup != NULL) {
			scripted_resolve(&scripted, lookup, 1, 1, 86400);
			checks++;
		}
		assert_false(scripted.upstream->silent);
		scripted_skip(&scripted, 200);
	}
	/* 5, 10, ... 640 s, then up to 15 minutes each. */
	assert_in_range(tries, 96, 140);
	assert_in_range(checks, tries - 2, tries + 2);
	assert_int_equal(scripted_heard(&scripted, ""), 0);
	assert_int_equal(scripted_find(&scripted, &name, A)->plan.failures, tries);
	assert_int_equal(atomic_load(&scripted.shared->totals.failed), tries);
	scripted_deinit(&scripted);
}

static void recovers(void **state)
{
	scripted_t scripted;
	begin(&scripted, NULL, NULL);
	name_t name = make_name("a.example.");
	for (unsigned round = 0; round < 3; round++) {
		scripted_ask(&scripted, &name, A, 300);
		for (unsigned i = 0; i < 4; i++) {
			scripted_fail(&scripted, scripted.script.pending, ANAME_FAILURE_NETWORK);
			while (scripted.script.pending == NULL) {
				scripted_skip(&scripted, 1000);
			}
		}
		scripted_resolve(&scripted, scripted.script.pending, 1, 1, 300);
		assert_int_equal(known_of(&scripted, &name, A)->failure, ANAME_FAILURE_NONE);
		assert_int_equal(scripted_find(&scripted, &name, A)->plan.failures, 0);
		scripted_skip(&scripted, 300000);
	}
	assert_int_equal(atomic_load(&scripted_find(&scripted, &name, A)->failed), 12);
	assert_int_equal(atomic_load(&scripted_find(&scripted, &name, A)->succeeded), 3);
	scripted_deinit(&scripted);
}

/*! The clock goes on, lookups fail at once. */
static void fail_for(scripted_t *scripted, int64_t ms)
{
	for (int64_t passed = 0; passed < ms; passed += 100) {
		while (scripted->script.pending != NULL) {
			scripted_fail(scripted, scripted->script.pending, ANAME_FAILURE_NETWORK);
		}
		scripted_skip(scripted, 100);
	}
}

/*! The clock goes on. What is looked up succeeds, or fails like this; one name fails always. */
static void go_on(scripted_t *scripted, int64_t ms, aname_failure_t failure, const name_t *dead)
{
	for (int64_t passed = 0; passed < ms; passed += 100) {
		script_lookup_t *lookup;
		while ((lookup = scripted->script.pending) != NULL) {
			if (failure != ANAME_FAILURE_NONE) {
				scripted_fail(scripted, lookup, failure);
			} else if (dead != NULL && knot_dname_is_equal(lookup->name.at, dead->at)) {
				scripted_fail(scripted, lookup, ANAME_FAILURE_TIMEOUT);
			} else {
				scripted_resolve(scripted, lookup, 1, 1, 3600);
			}
		}
		scripted_skip(scripted, 100);
	}
}

/*! A server is asked, which tells a failure from silence; the system's resolver does not. */
static void begin_server(scripted_t *scripted, const aname_schedule_t *schedule,
                         const aname_limits_t *limits)
{
	begin(scripted, schedule, limits);
	scripted->server = 53;
	scripted_change(scripted, schedule != NULL ? schedule : &make_schedule);
}

/*! How many of the first targets have an answer now. */
static unsigned count_good(scripted_t *scripted, unsigned count)
{
	unsigned good = 0;
	for (unsigned i = 0; i < count; i++) {
		name_t name = make_name_nth(i);
		const aname_snapshot_t *known = known_of(scripted, &name, A);
		good += known != NULL && known->failure == ANAME_FAILURE_NONE;
	}
	return good;
}

static void good_one_asked(void **state)
{
	/* F4: two names get SERVFAIL, and of the others nothing is due for long: one of them is asked,
	 * and tells whether all fails. */
	scripted_t scripted;
	begin_server(&scripted, NULL, NULL);
	name_t good = make_name("good.example.");
	scripted_ask(&scripted, &good, A, 86400);
	scripted_resolve(&scripted, scripted_pending(&scripted, &good, A), 1, 1, 86400);
	ask_many(&scripted, 0, 2);
	go_on(&scripted, 20000, ANAME_FAILURE_SERVER, NULL);
	assert_int_equal(known_of(&scripted, &good, A)->failure, ANAME_FAILURE_SERVER);
	/* So it is the resolver, and what failed is tried once a second. */
	unsigned before = scripted.script.started;
	go_on(&scripted, 20000, ANAME_FAILURE_SERVER, NULL);
	assert_in_range(scripted.script.started - before, 18, 22);
	scripted_deinit(&scripted);
}

static void two_die(void **state)
{
	/* F4: two targets of two zones die within a second, while others live for an hour yet, and none
	 * is due. It looks like the resolver, and one of those that were answered tells that it is
	 * not: what is new is looked up, and the two keep their pauses. */
	enum { MANY = 20 };
	scripted_t scripted;
	begin_server(&scripted, NULL, NULL);
	for (unsigned i = 0; i < MANY; i++) {
		scripted.zone = 1 + i;
		name_t name = make_name_nth(i);
		scripted_ask(&scripted, &name, A, 3600);
	}
	name_t dead[] = { make_name("dead.example."), make_name("gone.example.") };
	for (unsigned i = 0; i < COUNT_OF(dead); i++) {
		scripted.zone = 100 + i;
		scripted_ask(&scripted, &dead[i], A, 60);
	}
	go_on(&scripted, 100, ANAME_FAILURE_NONE, NULL);
	unsigned silent = 0, tries = 0;
	for (unsigned step = 0; step < 18000; step++) {
		for (unsigned i = 0; i < COUNT_OF(dead); i++) {
			script_lookup_t *lookup = scripted_pending(&scripted, &dead[i], A);
			if (lookup != NULL) {
				scripted_fail(&scripted, lookup, ANAME_FAILURE_TIMEOUT);
				tries++;
			}
		}
		go_on(&scripted, 100, ANAME_FAILURE_NONE, NULL);
		silent += scripted.upstream->silent;
	}
	assert_in_range(silent, 0, 20);
	assert_in_range(tries, 2 * 8, 2 * 14);
	scripted_deinit(&scripted);
}

static void due_in_short_outage(void **state)
{
	/* F4: one target has failed for a minute, and its time comes while two others die, which looks
	 * like the resolver for a moment. It is looked up then, and not put off by another pause: who
	 * dies is tried again and again, and it would be put off each time. */
	enum { GOOD = 6 };
	scripted_t scripted;
	begin_server(&scripted, NULL, NULL);
	for (unsigned i = 0; i < GOOD; i++) {
		scripted.zone = 1 + i;
		name_t name = make_name_nth(i);
		scripted_ask(&scripted, &name, A, 86400);
	}
	name_t late = make_name("late.example.");
	scripted.zone = 50;
	scripted_ask(&scripted, &late, A, 300);
	const aname_entry_t *entry = scripted_find(&scripted, &late, A);
	int64_t due_ms;
	do {
		go_on(&scripted, 100, ANAME_FAILURE_NONE, &late);
		due_ms = next_of(&scripted, &late, A);
	} while (entry->plan.failures < 4 || due_ms < aname_clock_ms() + 9000);
	uint32_t started = atomic_load(&entry->started);
	scripted_skip(&scripted, due_ms - aname_clock_ms() - 8000);
	for (unsigned i = 0; i < 2; i++) {
		name_t name = make_name_nth(100 + i);
		scripted.zone = 100 + i;
		scripted_ask(&scripted, &name, A, 60);
	}
	go_on(&scripted, due_ms - aname_clock_ms() + 500, ANAME_FAILURE_TIMEOUT, NULL);
	assert_true(scripted.upstream->silent);
	assert_int_equal(atomic_load(&entry->started), started);
	while (scripted.script.pending == NULL) {
		scripted_skip(&scripted, 100);
	}
	scripted_resolve(&scripted, scripted.script.pending, 1, 1, 3600);
	assert_false(scripted.upstream->silent);
	unsigned failures = entry->plan.failures;
	assert_non_null(scripted_pending(&scripted, &late, A));
	/* Its pauses are those of one that has failed for long. */
	scripted_fail(&scripted, scripted_pending(&scripted, &late, A), ANAME_FAILURE_SERVER);
	assert_int_equal(entry->plan.failures, failures + 1);
	assert_true(next_of(&scripted, &late, A) > aname_clock_ms() + 20000);
	scripted_deinit(&scripted);
}

static void unasked_tells_nothing(void **state)
{
	/* T3: one target was answered, and nobody asks for it any more; another one is dead. The first
	 * is not looked up again to tell whether it is the resolver, though it is planned for later. */
	aname_schedule_t schedule = make_schedule;
	schedule.idle = 100;
	scripted_t scripted;
	begin_server(&scripted, &schedule, NULL);
	name_t good = make_name("good.example."), dead = make_name("dead.example.");
	scripted_ask(&scripted, &good, A, 3600);
	go_on(&scripted, 101000, ANAME_FAILURE_NONE, &dead);
	assert_non_null(scripted_find(&scripted, &good, A));
	for (unsigned second = 0; second < 7200; second++) {
		scripted_ask(&scripted, &dead, A, 300);
		go_on(&scripted, 1000, ANAME_FAILURE_NONE, &dead);
	}
	assert_int_equal(atomic_load(&scripted_find(&scripted, &good, A)->started), 1);
	assert_true(is_cold(&scripted, &good, A));
	scripted_deinit(&scripted);
}

static void outage(void **state)
{
	/* 200 targets, a dead one beside them, and a resolver that is out for ten minutes. */
	enum { MANY = 200 };
	scripted_t scripted;
	begin(&scripted, NULL, NULL);
	name_t dead = make_name("dead.example.");
	ask_many(&scripted, 0, MANY);
	go_on(&scripted, 1000, ANAME_FAILURE_NONE, &dead);
	scripted_ask(&scripted, &dead, A, 300);
	go_on(&scripted, 60000, ANAME_FAILURE_NONE, &dead);
	unsigned deads = scripted_find(&scripted, &dead, A)->plan.failures;
	assert_in_range(deads, 3, 6);
	assert_false(scripted.upstream->silent); /* One name may fail by itself. */
	go_on(&scripted, 600000, ANAME_FAILURE_NETWORK, NULL);
	assert_true(scripted.upstream->silent);
	assert_int_equal(scripted_heard(&scripted, "nothing is heard any more from the system's "
	                                           "resolver"),
	                 1);

	/* Whichever is tried first shows that it is over, and the others come at once, but the dead
	 * one, which has failed before. */
	while (scripted.script.pending == NULL || scripted_pending(&scripted, &dead, A) != NULL) {
		go_on(&scripted, 100, ANAME_FAILURE_NETWORK, NULL);
	}
	int64_t first_ms = aname_clock_ms();
	unsigned failed = MANY - count_good(&scripted, MANY);
	assert_true(failed > MANY / 2);
	scripted_resolve(&scripted, scripted.script.pending, 1, 1, 3600);
	assert_false(scripted.upstream->silent);
	assert_int_equal(scripted.upstream->heard_ms, first_ms);
	assert_int_equal(scripted.script.pending_count, failed - 1);
	assert_null(scripted_pending(&scripted, &dead, A));
	go_on(&scripted, 100, ANAME_FAILURE_NONE, &dead);
	assert_int_equal(count_good(&scripted, MANY), MANY);
	assert_true(scripted_find(&scripted, &dead, A)->plan.failures > deads);
	assert_int_equal(scripted_heard(&scripted, "succeed again"), 1);
	scripted_deinit(&scripted);
}

static void outage_of_new_names(void **state)
{
	/* L4: the resolver is silent, and one zone asks for ever new names: another one's target that
	 * has failed is tried all the same, with every fourth try at least. */
	scripted_t scripted;
	begin(&scripted, NULL, NULL);
	name_t good = make_name("good.example.");
	scripted.zone = 100;
	scripted_ask(&scripted, &good, A, 300);
	scripted.zone = 7;
	ask_many(&scripted, 0, 32);
	go_on(&scripted, 30000, ANAME_FAILURE_NETWORK, NULL);
	assert_true(scripted.upstream->silent);
	const aname_entry_t *entry = scripted_find(&scripted, &good, A);
	uint32_t before = atomic_load(&entry->started);
	for (unsigned i = 0; i < 400; i++) {
		name_t name = make_name_nth(1000 + i);
		scripted_ask(&scripted, &name, A, 300);
		go_on(&scripted, 100, ANAME_FAILURE_NETWORK, NULL);
	}
	assert_in_range(atomic_load(&entry->started) - before, 9, 40);
	scripted_deinit(&scripted);
}

typedef struct {
	const char *proves;
	unsigned count;
	aname_failure_t failure; /*!< At first, */
	aname_failure_t then;    /*!< and after that, for as long. */
	bool server;
} dead_row_t;

static const dead_row_t dead_rows[] = {
	{ "F4: dead at start, one target", 1, ANAME_FAILURE_TIMEOUT, ANAME_FAILURE_TIMEOUT, true },
	{ "F4: two", 2, ANAME_FAILURE_TIMEOUT, ANAME_FAILURE_TIMEOUT, true },
	{ "F4: 100", 100, ANAME_FAILURE_NETWORK, ANAME_FAILURE_NETWORK, true },
	{ "F4: 10,000", 10000, ANAME_FAILURE_TIMEOUT, ANAME_FAILURE_TIMEOUT, true },
	{ "F4: up without a network, one target", 1, ANAME_FAILURE_NETWORK, ANAME_FAILURE_SERVER,
	  true },
	{ "F4: up without a network, 100", 100, ANAME_FAILURE_TIMEOUT, ANAME_FAILURE_SERVER, true },
	{ "F4: SERVFAIL from the start, two", 2, ANAME_FAILURE_SERVER, ANAME_FAILURE_SERVER, true },
	{ "F4: the system's resolver, which does not tell, one target", 1, ANAME_FAILURE_SERVER,
	  ANAME_FAILURE_SERVER, false },
	{ "F4: the system's resolver, 100", 100, ANAME_FAILURE_SERVER, ANAME_FAILURE_SERVER,
	  false },
};

static void check_dead(void **state)
{
	const dead_row_t *row = *state;
	scripted_t scripted;
	begin_server(&scripted, NULL, NULL);
	if (!row->server) {
		scripted.server = 0;
		scripted_change(&scripted, &make_schedule);
	}
	ask_many(&scripted, 0, row->count);
	go_on(&scripted, 60000, row->failure, NULL);
	if (row->failure != ANAME_FAILURE_SERVER) {
		assert_true(scripted.upstream->silent);
	}
	/* Lookups that are not made are not counted. */
	assert_int_equal(atomic_load(&scripted.shared->totals.started), scripted.script.started);

	unsigned started = scripted.script.started;
	go_on(&scripted, 60000, row->then, NULL);
	assert_in_range(scripted.script.started - started, 20, 61 + 2 * row->count);
	/* Nobody waits for what does not come, nor does a new one. */
	for (unsigned i = 0; i < row->count; i++) {
		name_t name = make_name_nth(i);
		assert_false(is_cold(&scripted, &name, A));
	}

	int64_t back_ms = aname_clock_ms();
	while (count_good(&scripted, row->count) < row->count) {
		go_on(&scripted, 100, ANAME_FAILURE_NONE, NULL);
		assert_true(aname_clock_ms() <= back_ms + 2500);
	}
	scripted_deinit(&scripted);
}

static void fails_unasked(void **state)
{
	/* While nothing is heard a new target fails at once, but one a second. */
	scripted_t scripted;
	begin_server(&scripted, NULL, NULL);
	ask_many(&scripted, 0, 2);
	go_on(&scripted, 20000, ANAME_FAILURE_TIMEOUT, NULL);
	assert_true(scripted.upstream->silent);
	aname_waiter_t waiter;
	assert_int_equal(aname_waiters_enter(scripted.shared->waiters, 1, 0, 1000, aname_clock_ms(),
	                                     &waiter),
	                 ANAME_WAIT_ADMITTED);
	uint64_t generation = aname_waiters_generation(scripted.shared->waiters);
	unsigned started = scripted.script.started;
	ask_many(&scripted, 2, 100);
	assert_true(scripted.script.started <= started + 1);
	assert_true(aname_waiters_generation(scripted.shared->waiters) != generation);
	aname_waiters_leave(scripted.shared->waiters, &waiter, aname_clock_ms());
	unsigned cold = 0;
	for (unsigned i = 2; i < 102; i++) {
		name_t name = make_name_nth(i);
		cold += is_cold(&scripted, &name, A);
		const aname_snapshot_t *known = known_of(&scripted, &name, A);
		assert_true(known == NULL || aname_snapshot_failing(known) != NULL);
	}
	assert_true(cold <= 1);
	/* Heard again, be it of failures: they are asked for as ever. */
	while (scripted.script.pending == NULL) {
		scripted_skip(&scripted, 100);
	}
	scripted_fail(&scripted, scripted.script.pending, ANAME_FAILURE_SERVER);
	assert_false(scripted.upstream->silent);
	name_t name = make_name("new.example.");
	scripted_ask(&scripted, &name, A, 300);
	assert_non_null(scripted_pending(&scripted, &name, A));
	scripted_deinit(&scripted);
}

static void by_demand(void **state)
{
	/* With one lookup at a time: first what is asked for most. */
	enum { MANY = 20 };
	const aname_limits_t limits = { 4, 10000, 1, 1000000, 1000, 100, 1000 };
	scripted_t scripted;
	begin_server(&scripted, NULL, &limits);
	ask_many(&scripted, 0, MANY);
	for (unsigned second = 0; second < 200; second++) {
		go_on(&scripted, 1000, ANAME_FAILURE_TIMEOUT, NULL);
		for (unsigned i = 0; i < MANY; i++) {
			name_t name = make_name_nth(i);
			/* The order is not that of the names. */
			if (second % (1 + (i * 7) % MANY) == 0) {
				scripted_touch(&scripted, scripted_find(&scripted, &name, A), 300);
			}
		}
	}
	while (scripted.script.pending == NULL) {
		scripted_skip(&scripted, 100);
	}
	scripted_resolve(&scripted, scripted.script.pending, 1, 1, 3600);
	uint32_t before = UINT32_MAX;
	for (unsigned n = 1; n < MANY; n++) {
		script_lookup_t *lookup = scripted.script.pending;
		assert_int_equal(scripted.script.pending_count, 1);
		uint32_t demand = aname_entry_demand(scripted_find(&scripted, &lookup->name, A),
		                                     aname_clock_ms() / 1000);
		assert_true(demand <= before);
		before = demand;
		scripted_resolve(&scripted, lookup, 1, 1, 3600);
	}
	assert_int_equal(count_good(&scripted, MANY), MANY);
	scripted_deinit(&scripted);
}

static void back_at_a_pace(void **state)
{
	/* `lookup-rate` holds, and takes all of it: 1000 targets, 100 a second. */
	enum { MANY = 1000, RATE = 100 };
	const aname_limits_t limits = { 4, 10000, 1000, RATE, 1000, 100, 1000 };
	scripted_t scripted;
	begin_server(&scripted, NULL, &limits);
	ask_many(&scripted, 0, MANY);
	go_on(&scripted, 60000, ANAME_FAILURE_NETWORK, NULL);
	int64_t back_ms = aname_clock_ms();
	unsigned started = scripted.script.started;
	while (count_good(&scripted, MANY) < MANY) {
		go_on(&scripted, 100, ANAME_FAILURE_NONE, NULL);
		int64_t passed_ms = aname_clock_ms() - back_ms;
		assert_true(passed_ms < 1500 + 1000 * MANY / RATE);
		assert_true(scripted.script.started - started <= passed_ms * RATE / 1000 + 20);
	}
	scripted_deinit(&scripted);
}

static void many_out(void **state)
{
	/* 100 upstreams with 20 targets each, all out: each is tried once a second, and each comes
	 * back by itself. */
	enum { UPSTREAMS = 100, EACH = 20 };
	scripted_t scripted;
	begin_server(&scripted, NULL, NULL);
	const aname_options_t *options[UPSTREAMS];
	const aname_upstream_t *upstreams[UPSTREAMS];
	for (unsigned i = 0; i < UPSTREAMS; i++) {
		aname_options_t *more = make_options();
		more->schedule = make_schedule;
		more->source.servers_count = 1;
		more->source.servers[0] = (aname_server_t){ .len = 4, .port = 1000 + i };
		options[i] = aname_shared_hold(scripted.shared, more, &upstreams[i]);
		assert_non_null(options[i]);
		scripted.upstream = upstreams[i];
		ask_many(&scripted, 0, EACH);
	}
	go_on(&scripted, 60000, ANAME_FAILURE_TIMEOUT, NULL);
	unsigned started = scripted.script.started;
	go_on(&scripted, 10000, ANAME_FAILURE_TIMEOUT, NULL);
	assert_in_range(scripted.script.started - started, 9 * UPSTREAMS, 11 * UPSTREAMS);
	go_on(&scripted, 2000, ANAME_FAILURE_NONE, NULL);
	for (unsigned i = 0; i < UPSTREAMS; i++) {
		scripted.upstream = upstreams[i];
		assert_false(upstreams[i]->silent);
		assert_int_equal(count_good(&scripted, EACH), EACH);
		aname_shared_unhold(scripted.shared, options[i]);
	}
	scripted_deinit(&scripted);
}

static void good_one_tells(void **state)
{
	/* Two targets that live for an hour, and one that is unanswered: is it the resolver? One of
	 * the others is looked up, and tells. */
	scripted_t scripted;
	begin_server(&scripted, NULL, NULL);
	ask_many(&scripted, 0, 2);
	go_on(&scripted, 100, ANAME_FAILURE_NONE, NULL);
	name_t name = make_name("new.example.");
	scripted_ask(&scripted, &name, A, 300);
	assert_int_equal(scripted.script.pending_count, 1);
	scripted_fail(&scripted, scripted.script.pending, ANAME_FAILURE_TIMEOUT);
	scripted_skip(&scripted, 100);
	assert_int_equal(scripted.script.pending_count, 1);
	assert_null(scripted_pending(&scripted, &name, A));
	assert_false(scripted.upstream->silent);
	scripted_skip(&scripted, 2000);
	scripted_fail(&scripted, scripted.script.pending, ANAME_FAILURE_TIMEOUT);
	assert_true(scripted.upstream->silent);
	scripted_deinit(&scripted);
}

static void asked_no_more(void **state)
{
	/* What nobody asks for any more does not wait for ever: it is forgotten, out or not. */
	aname_schedule_t schedule = make_schedule;
	schedule.idle = 100;
	scripted_t scripted;
	begin_server(&scripted, &schedule, NULL);
	ask_many(&scripted, 0, 500);
	go_on(&scripted, 90000, ANAME_FAILURE_TIMEOUT, NULL);
	assert_int_equal(aname_table_targets(scripted.shared->table), 500);
	go_on(&scripted, 60000, ANAME_FAILURE_TIMEOUT, NULL);
	assert_int_equal(aname_table_targets(scripted.shared->table), 0);
	/* And one that is new is looked up. */
	unsigned started = scripted.script.started;
	ask_many(&scripted, 0, 1);
	assert_int_equal(scripted.script.started, started + 1);
	scripted_deinit(&scripted);
}

static void out_and_given_up(void **state)
{
	/* Nobody holds an upstream that is out: nothing waits, and it can be released. */
	scripted_t scripted;
	begin_server(&scripted, NULL, NULL);
	ask_many(&scripted, 0, 300);
	go_on(&scripted, 60000, ANAME_FAILURE_TIMEOUT, NULL);
	scripted.server = 54;
	scripted_change(&scripted, &make_schedule);
	go_on(&scripted, 5000, ANAME_FAILURE_TIMEOUT, NULL);
	unsigned started = scripted.script.started;
	go_on(&scripted, 5000, ANAME_FAILURE_TIMEOUT, NULL);
	assert_int_equal(scripted.script.started, started);
	go_on(&scripted, 700000, ANAME_FAILURE_NONE, NULL);
	assert_int_equal(aname_table_targets(scripted.shared->table), 0);
	scripted_deinit(&scripted);
}

static void hangs_while_out(void **state)
{
	/* Lookups that cannot be stopped, as those of the system's resolver: those that end when it
	 * is back, and failed because it was not, are looked up at once. */
	scripted_t scripted;
	begin(&scripted, NULL, NULL);
	ask_many(&scripted, 0, 3);
	scripted_skip(&scripted, 5000);
	scripted_skip(&scripted, 20000);
	assert_int_equal(scripted.script.pending_count, 3);
	scripted_fail(&scripted, scripted.script.pending, ANAME_FAILURE_SERVER);
	name_t other = make_name("other.example.");
	scripted_ask(&scripted, &other, A, 300);
	script_lookup_t *lookup = scripted_pending(&scripted, &other, A);
	assert_non_null(lookup);
	scripted_skip(&scripted, 5000);
	assert_true(scripted.upstream->silent);
	scripted_resolve(&scripted, lookup, 1, 1, 3600);
	assert_false(scripted.upstream->silent);
	go_on(&scripted, 300, ANAME_FAILURE_NONE, NULL);
	assert_int_equal(count_good(&scripted, 3), 3);
	scripted_deinit(&scripted);
}

static void no_silence(void **state)
{
	/* Three names fail one after the other, as the resolver says: it is alive. */
	scripted_t scripted;
	begin_server(&scripted, NULL, NULL);
	for (unsigned i = 0; i < 30; i++) {
		name_t name = make_name_nth(i % 3);
		scripted_ask(&scripted, &name, A, 300);
		while (scripted.script.pending != NULL) {
			scripted_fail(&scripted, scripted.script.pending, ANAME_FAILURE_SERVER);
		}
		scripted_skip(&scripted, 5000);
		assert_false(scripted.upstream->silent);
	}
	assert_true(scripted.upstream->heard_ms > BEGIN_MS);
	/* And then not. */
	while (!scripted.upstream->silent) {
		scripted_skip(&scripted, 1000);
		while (scripted.script.pending != NULL) {
			scripted_fail(&scripted, scripted.script.pending, ANAME_FAILURE_TIMEOUT);
		}
		assert_true(aname_clock_ms() < BEGIN_MS + 3600000);
	}
	scripted_deinit(&scripted);
}

static void short_outage(void **state)
{
	/* Shorter than two seconds, and yet long enough for some to have failed twice. */
	enum { MANY = 200 };
	aname_schedule_t schedule = make_schedule;
	schedule.retry_min = 1;
	scripted_t scripted;
	begin(&scripted, &schedule, NULL);
	for (unsigned i = 0; i < MANY; i++) {
		name_t name = make_name_nth(i);
		scripted_ask(&scripted, &name, A, 300);
		scripted_resolve(&scripted, scripted_pending(&scripted, &name, A), 1, 1, 2);
	}
	scripted_skip(&scripted, 1400);
	fail_for(&scripted, 1500);
	while (scripted.script.pending == NULL) {
		scripted_skip(&scripted, 50);
	}
	int64_t first_ms = aname_clock_ms();
	while (aname_clock_ms() < first_ms + 1350) {
		while (scripted.script.pending != NULL) {
			scripted_resolve(&scripted, scripted.script.pending, 1, 1, 3600);
		}
		scripted_skip(&scripted, 50);
	}
	for (unsigned i = 0; i < MANY; i++) {
		name_t name = make_name_nth(i);
		assert_int_equal(known_of(&scripted, &name, A)->failure, ANAME_FAILURE_NONE);
	}
	scripted_deinit(&scripted);
}

static void fails_after_return(void **state)
{
	/* F4: a target is tried, and before that ends another one shows that the resolver is back. That
	 * the first has no answer then says nothing of it: it is looked up at once, too. */
	scripted_t scripted;
	begin_server(&scripted, NULL, NULL);
	ask_many(&scripted, 0, 3);
	go_on(&scripted, 200000, ANAME_FAILURE_TIMEOUT, NULL);
	while (scripted.script.pending_count < 2) {
		scripted_skip(&scripted, 100);
	}
	/* The one that started last is the first in the list. */
	script_lookup_t *later = scripted.script.pending, *earlier = later->next;
	name_t name = earlier->name;
	scripted_resolve(&scripted, later, 1, 1, 3600);
	assert_false(scripted.upstream->silent);
	assert_true(scripted_find(&scripted, &name, A)->plan.failures > 3);
	scripted_fail(&scripted, earlier, ANAME_FAILURE_TIMEOUT);
	assert_non_null(scripted_pending(&scripted, &name, A));
	/* From here on it fails by itself. */
	scripted_fail(&scripted, scripted_pending(&scripted, &name, A), ANAME_FAILURE_TIMEOUT);
	assert_null(scripted_pending(&scripted, &name, A));
	scripted_deinit(&scripted);
}

static void no_outage(void **state)
{
	/* Among lookups that succeed, one target that fails backs off as ever. */
	scripted_t scripted;
	begin(&scripted, NULL, NULL);
	name_t dead = make_name("dead.example."), good = make_name("good.example.");
	unsigned tries = 0;
	for (unsigned step = 0; step < 36000; step++) {
		scripted_ask(&scripted, &dead, A, 300);
		scripted_ask(&scripted, &good, A, 1);
		script_lookup_t *lookup = scripted_pending(&scripted, &good, A);
		if (lookup != NULL) {
			scripted_resolve(&scripted, lookup, 1, 1, 1);
		}
		lookup = scripted_pending(&scripted, &dead, A);
		if (lookup != NULL) {
			scripted_fail(&scripted, lookup, ANAME_FAILURE_TIMEOUT);
			tries++;
		}
		scripted_skip(&scripted, 100);
	}
	assert_false(scripted_find(&scripted, &dead, A)->upstream->silent);
	/* 5, 10, ... 640 s, then up to 15 minutes each, for an hour. */
	assert_in_range(tries, 8, 14);
	scripted_deinit(&scripted);
}

static void logs_changes(void **state)
{
	scripted_t scripted;
	begin(&scripted, NULL, NULL);
	name_t name = make_name("a.example.");
	scripted_ask(&scripted, &name, A, 60);
	/* Failure and recovery are seen in what is published, and logged by whoever answers. */
	scripted_fail(&scripted, scripted.script.pending, ANAME_FAILURE_NETWORK);
	scripted_skip(&scripted, 20000);
	scripted_resolve(&scripted, scripted.script.pending, 1, 1, 60);
	assert_int_equal(scripted_heard(&scripted, ""), 0);

	/* A change is logged, and another one within a minute is not. */
	scripted_skip(&scripted, 58000);
	scripted_resolve(&scripted, scripted.script.pending, 1, 6, 20);
	assert_int_equal(scripted_heard(&scripted,
	                                "addresses changed, now 10.0.0.1 10.0.0.2 10.0.0.3 "
	                                "10.0.0.4 and 2 more"),
	                 1);
	scripted_skip(&scripted, 19000);
	scripted_resolve(&scripted, scripted.script.pending, 1, 5, 20);
	assert_int_equal(scripted_heard(&scripted, ""), 0);
	scripted_skip(&scripted, 58000);
	scripted_resolve(&scripted, scripted.script.pending, 0, 0, 20);
	assert_int_equal(scripted_heard(&scripted, "addresses changed, now none"), 1);
	scripted_deinit(&scripted);
}

static void force(scripted_t *scripted, const aname_subject_t *subject, aname_forced_t state,
                  int64_t ms)
{
	int64_t until_ms = ms > 0 ? aname_clock_ms() + ms : ANAME_FORCED_EVER;
	assert_int_equal(aname_refresh_force(scripted->refresh, subject, state, until_ms),
	                 KNOT_EOK);
}

/*! The view of those who probe nothing; NULL if there is none. */
static const aname_view_t *plain_view(scripted_t *scripted, const name_t *name)
{
	return aname_snapshot_view(known_of(scripted, name, A), 0);
}

/*! Has a target looked up: addresses 1 to `count`. */
static void learn(scripted_t *scripted, const name_t *name, uint32_t count)
{
	scripted_ask(scripted, name, A, 300);
	scripted_resolve(scripted, scripted_pending(scripted, name, A), 1, count, 300);
}

static void sees_forces(void **state)
{
	scripted_t scripted;
	begin(&scripted, NULL, NULL);
	name_t name = make_name("a."), other = make_name("b.");
	learn(&scripted, &name, 3);
	learn(&scripted, &other, 2);
	assert_int_equal(known_of(&scripted, &name, A)->views, 0);

	/* A target: all of its addresses, and nobody else's. */
	aname_subject_t target = { 0 };
	memcpy(target.name, name.at, name.len);
	force(&scripted, &target, ANAME_FORCED_DOWN, 60000);
	assert_int_equal(plain_view(&scripted, &name)->count, 0);
	assert_null(plain_view(&scripted, &other));

	/* An address: wherever it stands, and before its target. */
	aname_subject_t address = { .len = 4 };
	make_address(address.address, 4, 1);
	force(&scripted, &address, ANAME_FORCED_UP, 0);
	assert_int_equal(plain_view(&scripted, &name)->count, 1);
	assert_int_equal(plain_view(&scripted, &name)->unknown, 0);
	assert_int_equal(plain_view(&scripted, &other)->count, 2);
	assert_int_equal(plain_view(&scripted, &other)->unknown, 1);

	/* What a lookup teaches is seen the same way. */
	scripted_ask(&scripted, &name, A, 1);
	scripted_skip(&scripted, 2000);
	scripted_ask(&scripted, &name, A, 1);
	scripted_resolve(&scripted, scripted_pending(&scripted, &name, A), 1, 2, 300);
	assert_int_equal(known_of(&scripted, &name, A)->count, 2);
	assert_int_equal(plain_view(&scripted, &name)->count, 1);

	/* Until the time is over. */
	scripted_skip(&scripted, 61000);
	assert_int_equal(plain_view(&scripted, &name)->count, 2);
	force(&scripted, &address, ANAME_FORCED_AUTO, 0);
	assert_null(plain_view(&scripted, &name));
	assert_null(plain_view(&scripted, &other));
	scripted_deinit(&scripted);
}

/* What is probed: no loop runs here, so nothing is ever up or down. */

/*! What a worker and then the service do for a query through a section that probes. */
static void ask_probing(scripted_t *scripted, const name_t *name, uint32_t definition)
{
	const aname_table_t *table = scripted->shared->table;
	const aname_key_t key = {
		.upstream = scripted->upstream, .name = name->at, .name_len = name->len, .type = A
	};
	aname_interest_t interest =
	        aname_interest(&scripted->schedule, 300, aname_clock_ms() / 1000);
	interest.definition = definition;
	assert_true(aname_queue_push(scripted->shared->queue, &key, NULL,
	                             aname_table_hash(table, &key), interest));
	aname_refresh_wake(scripted->refresh);
}

static bool has_view(scripted_t *scripted, const name_t *name, uint32_t definition)
{
	return aname_snapshot_view(known_of(scripted, name, A), definition) != NULL;
}

static uint64_t probed(scripted_t *scripted)
{
	return aname_refresh_probes(scripted->refresh).unknown;
}

static void definition_given_up_meanwhile(void **state)
{
	/* A section goes in the middle of a step in which another definition is released. */
	scripted_t scripted;
	begin(&scripted, NULL, NULL);
	const aname_upstream_t *upstream;
	const aname_options_t *one = aname_shared_hold(scripted.shared, make_probing(1), &upstream);
	const aname_options_t *two = aname_shared_hold(scripted.shared, make_probing(2), &upstream);
	assert_ptr_equal(upstream, scripted.upstream);
	uint32_t id = two->definition;
	name_t name = make_name("a.example.");
	scripted_ask(&scripted, &name, A, 86400);
	scripted_resolve(&scripted, scripted_pending(&scripted, &name, A), 1, 3, 86400);
	ask_probing(&scripted, &name, id);
	assert_true(has_view(&scripted, &name, id));
	assert_int_equal(probed(&scripted), 3);

	aname_shared_unhold(scripted.shared, one);
	aname_refresh_wake(scripted.refresh);
	clock_skip(ANAME_DEFINITION_KEEP_MS);
	aname_shared_unhold(scripted.shared, two);
	clock_skip(ANAME_SETTLED_MS);
	(void)aname_health_advance(scripted.refresh, aname_clock_ms());
	aname_refresh_wake(scripted.refresh);
	assert_false(has_view(&scripted, &name, id));
	assert_int_equal(probed(&scripted), 0);
	clock_skip(ANAME_DEFINITION_KEEP_MS);
	aname_refresh_wake(scripted.refresh);
	assert_null(aname_shared_definition(scripted.shared, id));
	scripted_deinit(&scripted);
}

static void asked_after_given_up(void **state)
{
	/* A request stood in the queue while the section was unloaded; then that is undone. */
	scripted_t scripted;
	begin(&scripted, NULL, NULL);
	const aname_upstream_t *upstream;
	const aname_options_t *options =
	        aname_shared_hold(scripted.shared, make_probing(2), &upstream);
	uint32_t id = options->definition;
	name_t name = make_name("a.example.");
	scripted_ask(&scripted, &name, A, 300);
	scripted_resolve(&scripted, scripted_pending(&scripted, &name, A), 1, 3, 300);
	aname_shared_unhold(scripted.shared, options);
	scripted_skip(&scripted, ANAME_SETTLED_MS);
	ask_probing(&scripted, &name, id);
	assert_false(has_view(&scripted, &name, id));
	options = aname_shared_hold(scripted.shared, make_probing(2), &upstream);
	assert_int_equal(options->definition, id);
	ask_probing(&scripted, &name, id);
	assert_true(has_view(&scripted, &name, id));
	assert_int_equal(probed(&scripted), 3);
	aname_shared_unhold(scripted.shared, options);
	scripted_deinit(&scripted);
}

static void upstream_given_up_while_ready(void **state)
{
	/* A target that is probed is ready to be looked up when nobody names its resolver any
	 * more. */
	scripted_t scripted;
	begin(&scripted, NULL, NULL);
	const aname_upstream_t *upstream;
	const aname_options_t *options =
	        aname_shared_hold(scripted.shared, make_probing(2), &upstream);
	name_t name = make_name("a.example.");
	scripted_ask(&scripted, &name, A, 60);
	scripted_resolve(&scripted, scripted_pending(&scripted, &name, A), 1, 3, 60);
	ask_probing(&scripted, &name, options->definition);
	assert_int_equal(probed(&scripted), 3);
	scripted.script.capacity = 0;
	scripted_skip(&scripted, 59000);
	aname_entry_t *entry = scripted_find(&scripted, &name, A);
	assert_int_equal(entry->plan.state, ANAME_PLAN_READY);
	aname_shared_unhold(scripted.shared, options);
	aname_shared_unhold(scripted.shared, scripted.options);
	scripted_skip(&scripted, ANAME_SETTLED_MS);
	assert_int_equal(entry->plan.state, ANAME_PLAN_DORMANT);
	assert_int_equal(probed(&scripted), 0);
	scripted.options = aname_shared_hold(scripted.shared, make_options(), &upstream);
	scripted_deinit(&scripted);
}

static void logs_forces(void **state)
{
	scripted_t scripted;
	begin(&scripted, NULL, NULL);
	const aname_forces_t *forces = aname_refresh_forces(scripted.refresh);
	const name_t name = make_name("a.example.");
	aname_subject_t target = { .len = 0 }, address = { .len = 4, .address = { 192, 0, 2, 1 } };
	memcpy(target.name, name.at, name.len);

	assert_int_equal(aname_refresh_force(scripted.refresh, &target, ANAME_FORCED_AUTO, 0),
	                 KNOT_ENOENT);
	assert_int_equal(scripted_heard(&scripted, ""), 0);
	force(&scripted, &target, ANAME_FORCED_DOWN, 3600000);
	assert_int_equal(scripted_heard(&scripted, "target a.example. is forced down, for 3600 s"),
	                 1);
	force(&scripted, &address, ANAME_FORCED_UP, 0);
	assert_int_equal(scripted_heard(&scripted, "address 192.0.2.1 is forced up, until that is "
	                                           "taken back"),
	                 1);
	/* Nothing new is said by saying the same. */
	force(&scripted, &address, ANAME_FORCED_UP, 0);
	assert_int_equal(scripted_heard(&scripted, ""), 0);

	/* It ends by itself, though nothing else is due. */
	scripted_skip(&scripted, 3599999);
	assert_int_equal(scripted_heard(&scripted, ""), 0);
	assert_non_null(aname_forces_find(forces, &target));
	scripted_skip(&scripted, 1);
	assert_int_equal(scripted_heard(&scripted, "target a.example. is no longer forced down"),
	                 1);
	assert_null(aname_forces_find(forces, &target));
	force(&scripted, &address, ANAME_FORCED_AUTO, 0);
	assert_int_equal(scripted_heard(&scripted, "address 192.0.2.1 is no longer forced up"), 1);
	assert_false(aname_forces_any(forces));
	scripted_deinit(&scripted);
}

static void refused(void **state)
{
	scripted_t scripted;
	begin(&scripted, NULL, NULL);
	name_t name = make_name("a.example.");
	aname_waiter_t waiter;
	assert_int_equal(aname_waiters_enter(scripted.shared->waiters, 1, 0, 5000, 0, &waiter),
	                 ANAME_WAIT_ADMITTED);
	uint64_t generation = aname_waiters_generation(scripted.shared->waiters);
	scripted.script.refuse = KNOT_ENOMEM;
	scripted_ask(&scripted, &name, A, 300);
	assert_int_equal(known_of(&scripted, &name, A)->failure, ANAME_FAILURE_NETWORK);
	assert_int_equal(aname_refresh_running(scripted.refresh), 0);
	assert_in_range(next_of(&scripted, &name, A) - BEGIN_MS, 5000, 6250);
	assert_true(aname_waiters_generation(scripted.shared->waiters) != generation);
	aname_waiters_leave(scripted.shared->waiters, &waiter, 0);

	scripted.script.refuse = KNOT_EOK;
	scripted_skip(&scripted, 7000);
	scripted_resolve(&scripted, scripted_pending(&scripted, &name, A), 1, 1, 60);
	assert_int_equal(known_of(&scripted, &name, A)->failure, ANAME_FAILURE_NONE);
	scripted_deinit(&scripted);
}

/* Lookups that take too long. */

static void times_out(void **state)
{
	scripted_t scripted;
	begin(&scripted, NULL, NULL);
	name_t name = make_name("a.example.");
	scripted_ask(&scripted, &name, A, 300);
	scripted_skip(&scripted, 4999);
	assert_null(known_of(&scripted, &name, A));
	scripted_skip(&scripted, 1);
	script_lookup_t *lookup = scripted_pending(&scripted, &name, A);
	assert_true(lookup->cancelled);
	assert_int_equal(known_of(&scripted, &name, A)->failure, ANAME_FAILURE_TIMEOUT);
	assert_int_equal(aname_refresh_running(scripted.refresh), 1);
	assert_int_equal(atomic_load(&scripted.shared->totals.failed), 1);

	/* However long it goes on, there is no second one beside it. */
	for (unsigned i = 0; i < 3600; i++) {
		scripted_ask(&scripted, &name, A, 300);
		scripted_skip(&scripted, 1000);
		assert_int_equal(scripted.script.started, 1);
	}
	/* Its failure was counted already. */
	scripted_fail(&scripted, lookup, ANAME_FAILURE_SERVER);
	assert_int_equal(atomic_load(&scripted.shared->totals.failed), 1);
	assert_int_equal(known_of(&scripted, &name, A)->failure, ANAME_FAILURE_TIMEOUT);
	scripted_skip(&scripted, 1000000);
	assert_int_equal(scripted.script.started, 2);
	scripted_deinit(&scripted);
}

static void late_success(void **state)
{
	scripted_t scripted;
	begin(&scripted, NULL, NULL);
	name_t name = make_name("a.example.");
	scripted_ask(&scripted, &name, A, 300);
	scripted_skip(&scripted, 8000);
	assert_int_equal(known_of(&scripted, &name, A)->failure, ANAME_FAILURE_TIMEOUT);
	scripted_resolve(&scripted, scripted_pending(&scripted, &name, A), 1, 4, 300);
	assert_int_equal(known_of(&scripted, &name, A)->count, 4);
	assert_int_equal(known_of(&scripted, &name, A)->failure, ANAME_FAILURE_NONE);
	assert_in_range(next_of(&scripted, &name, A) - aname_clock_ms(), 225000, 270000);
	scripted_deinit(&scripted);
}

/* Limits. */

typedef struct {
	const char *proves;
	uint32_t max_lookups;
	unsigned capacity;
	unsigned cold;  /*!< Running at once, of cold targets only, */
	unsigned retry; /*!< of failing ones only, */
	unsigned both;  /*!< of both. */
} share_row_t;

static const share_row_t share_rows[] = {
	{ "L1: one lookup at once", 1, 1000, 1, 1, 1 },
	{ "L1: two lookups at once", 2, 1000, 2, 1, 2 },
	{ "L1: of four, three for cold targets and one for failing ones", 4, 1000, 3, 1, 4 },
	{ "L1: of 40, 30 for cold targets and 10 for failing ones", 40, 1000, 30, 10, 40 },
	{ "L1: the resolver's capacity counts too", 1000, 8, 6, 2, 8 },
	{ "L1: a capacity of one", 1000, 1, 1, 1, 1 },
};

static void check_share(void **state)
{
	const share_row_t *row = *state;
	const aname_limits_t limits = { 4, 10000, row->max_lookups, 1000000, 1000, 100, 1000 };
	scripted_t scripted;
	begin(&scripted, NULL, &limits);
	scripted.script.capacity = row->capacity;
	enum { MANY = 100 };
	assert_int_equal(ask_many(&scripted, 0, MANY), row->cold);
	for (unsigned i = 0; i < MANY; i++) {
		scripted_fail(&scripted, scripted.script.pending, ANAME_FAILURE_SERVER);
		unsigned left = MANY - 1 - i;
		assert_int_equal(scripted.script.pending_count,
		                 left < row->cold ? left : row->cold);
	}
	scripted_skip(&scripted, 7000);
	assert_int_equal(scripted.script.pending_count, row->retry);
	assert_int_equal(ask_many(&scripted, 1000, MANY), row->both);
	scripted_deinit(&scripted);
}

static void rate(void **state)
{
	const aname_limits_t limits = { 4, 10000, 1000, 10, 1000, 100, 1000 };
	scripted_t scripted;
	begin(&scripted, NULL, &limits);
	(void)ask_many(&scripted, 0, 100);
	/* An even pace of ten a second, at most a tenth of a second ahead. */
	assert_int_equal(scripted.script.started, 2);
	for (unsigned ms = 0; ms < 9000; ms += 10) {
		scripted_skip(&scripted, 10);
		if (scripted.script.pending != NULL) {
			scripted_resolve(&scripted, scripted.script.pending, 1, 1, 3600);
		}
		assert_in_range(scripted.script.started, ms / 100, 2 + (ms + 10) / 100);
	}
	scripted_deinit(&scripted);
}

/*! Ends whatever runs: what is called `bad` fails, the rest has an address for so long. */
static void end_all(scripted_t *scripted, const name_t *bad, uint32_t ttl)
{
	while (scripted->script.pending != NULL) {
		script_lookup_t *lookup = scripted->script.pending;
		if (lookup->name.len == bad->len &&
		    memcmp(lookup->name.at, bad->at, bad->len) == 0) {
			scripted_fail(scripted, lookup, ANAME_FAILURE_SERVER);
		} else {
			scripted_resolve(scripted, lookup, 1, 1, ttl);
		}
	}
}

static void nobody_starves(void **state)
{
	/* More to do than the pace allows, all of it cold or, then, all of it due for a refresh:
	 * a single target that is due and one that fails are looked up all the same. */
	static const struct {
		uint32_t rate, ttl;
	} loads[] = { { 10, 86400 }, { 1000, 1 } };
	for (size_t i = 0; i < COUNT_OF(loads); i++) {
		const aname_limits_t limits = { 4, 10000, 1000, loads[i].rate, 1000, 100, 1000 };
		scripted_t scripted;
		begin(&scripted, NULL, &limits);
		name_t good = make_name("good.example."), bad = make_name("bad.example.");
		scripted_ask(&scripted, &good, A, 20);
		end_all(&scripted, &bad, 20);
		scripted_ask(&scripted, &bad, A, 300);
		end_all(&scripted, &bad, 300);
		(void)ask_many(&scripted, 0, 2000);
		unsigned fails = 0;
		for (unsigned ms = 0; ms < 60000; ms += 10) {
			script_lookup_t *lookup = scripted_pending(&scripted, &bad, A);
			fails += lookup != NULL;
			end_all(&scripted, &bad, loads[i].ttl);
			scripted_skip(&scripted, 10);
			const aname_snapshot_t *known = known_of(&scripted, &good, A);
			assert_true(aname_clock_ms() - known->learned_ms <= 20000);
		}
		assert_true(fails >= 3);
		scripted_deinit(&scripted);
	}
}

static void upstreams_in_turn(void **state)
{
	/* Two upstreams have more to do than the pace allows: each has every second lookup, however
	 * often it is looked in vain whether the time for the next one has come. */
	static const unsigned looks_ms[] = { 100, 50, 30, 10 };
	const aname_limits_t limits = { 4, 10000, 1000, 10, 1000, 100, 1000 };
	for (size_t i = 0; i < COUNT_OF(looks_ms); i++) {
		scripted_t scripted;
		begin(&scripted, NULL, &limits);
		const aname_upstream_t *one = scripted.upstream;
		aname_options_t *options = make_options();
		options->source.servers_count = 1;
		const aname_options_t *more =
		        aname_shared_hold(scripted.shared, options, &scripted.upstream);
		(void)ask_many(&scripted, 0, 50);
		const aname_upstream_t *other = scripted.upstream;
		scripted.upstream = one;
		(void)ask_many(&scripted, 0, 50);
		for (unsigned ms = 0; ms < 2400; ms += looks_ms[i]) {
			scripted_skip(&scripted, looks_ms[i]);
		}
		assert_in_range(one->work->started, 11, 14);
		assert_in_range(other->work->started, 11, 14);
		aname_shared_unhold(scripted.shared, more);
		scripted_deinit(&scripted);
	}
}

static void no_saving_up(void **state)
{
	const aname_limits_t limits = { 4, 10000, 1000, 10, 1000, 100, 1000 };
	scripted_t scripted;
	begin(&scripted, NULL, &limits);
	scripted_skip(&scripted, 3600000);
	(void)ask_many(&scripted, 0, 100);
	assert_int_equal(scripted.script.started, 2);
	scripted_deinit(&scripted);
}

static void slowest_rate(void **state)
{
	const aname_limits_t limits = { 4, 10000, 1000, 1, 1000, 100, 1000 };
	scripted_t scripted;
	begin(&scripted, NULL, &limits);
	(void)ask_many(&scripted, 0, 10);
	assert_int_equal(scripted.script.started, 1);
	for (unsigned s = 1; s < 10; s++) {
		scripted_resolve(&scripted, scripted.script.pending, 1, 1, 3600);
		scripted_skip(&scripted, 1000);
		assert_int_equal(scripted.script.started, s + 1);
	}
	scripted_deinit(&scripted);
}

static void most_targets(void **state)
{
	const aname_limits_t limits = { 4, 10, 1000, 1000000, 1000, 100, 1000 };
	aname_schedule_t schedule = make_schedule;
	schedule.idle = 10;
	scripted_t scripted;
	begin(&scripted, &schedule, &limits);
	assert_int_equal(ask_many(&scripted, 0, 25), 10);
	assert_int_equal(aname_table_targets(scripted.shared->table), 10);
	assert_int_equal(atomic_load(&scripted.shared->reached.table_full), 15);
	assert_true(atomic_load(&scripted.shared->reached.no_room));
	assert_int_equal(scripted_heard(&scripted, "raise 'max-targets' (1 times since last told)"),
	                 1);
	while (scripted.script.pending != NULL) {
		scripted_resolve(&scripted, scripted.script.pending, 1, 1, 60);
	}
	/* Dormant, they make room. */
	scripted_skip(&scripted, 60000);
	assert_false(atomic_load(&scripted.shared->reached.no_room));
	(void)ask_many(&scripted, 100, 10);
	assert_int_equal(aname_table_targets(scripted.shared->table), 10);
	assert_int_equal(aname_table_addresses(scripted.shared->table), 0);
	assert_int_equal(scripted_heard(&scripted, "no room for a new target"),
	                 1); /* The 14 from before. */
	scripted_deinit(&scripted);
}

static void limits_raised(void **state)
{
	scripted_t scripted;
	const aname_limits_t first = { 4, 100, 200, 300, 1000, 100, 1000 };
	begin(&scripted, NULL, &first);
	static const struct {
		aname_limits_t limits;
		bool targets, lookups, rate;
	} rows[] = {
		{ { 4, 100, 200, 300, 1000, 100, 1000 }, false, false, false },
		{ { 9, 100, 200, 300, 1000, 100, 1000 }, false, false, false },
		{ { 4, 50, 200, 300, 1000, 100, 1000 }, true, false, false },
		{ { 4, 100, 250, 300, 1000, 100, 1000 }, false, true, false },
		{ { 4, 100, 200, 1, 1000, 100, 1000 }, false, true, true },
		{ { 4, 100, 250, 300, 1000, 100, 1000 }, false, false, false },
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		aname_limits_differ_t differ =
		        aname_refresh_limit(scripted.refresh, &rows[i].limits);
		assert_int_equal(differ.max_targets, rows[i].targets);
		assert_int_equal(differ.max_lookups, rows[i].lookups);
		assert_int_equal(differ.lookup_rate, rows[i].rate);
	}
	scripted_deinit(&scripted);
}

static void flood(void **state)
{
	/* More requests than are taken in one go: the rest is taken by the timer, at once. */
	scripted_t scripted;
	clock_stop_at(-1);
	scripted_init(&scripted, NULL, NULL);
	for (uint32_t n = 0; n < 1000; n++) {
		name_t name = make_name_nth(n);
		const aname_key_t key = make_key(scripted.upstream, &name, A);
		uint64_t hash = aname_table_hash(scripted.shared->table, &key);
		const aname_interest_t interest =
		        aname_interest(&make_schedule, 300, aname_clock_ms() / 1000);
		assert_true(aname_queue_push(scripted.shared->queue, &key, NULL, hash, interest));
	}
	aname_refresh_wake(scripted.refresh);
	assert_int_equal(aname_table_targets(scripted.shared->table), 256);
	for (unsigned i = 0; i < 3; i++) {
		(void)uv_run(&scripted.loop, UV_RUN_NOWAIT);
	}
	assert_int_equal(aname_table_targets(scripted.shared->table), 1000);
	scripted_deinit(&scripted);
}

/* Pausing. */

static void pause_and_resume(void **state)
{
	scripted_t scripted;
	begin(&scripted, NULL, NULL);
	name_t name = make_name("a.example."), other = make_name("b.example.");
	scripted_ask(&scripted, &name, A, 300);
	scripted_resolve(&scripted, scripted.script.pending, 1, 2, 60);
	scripted_skip(&scripted, 60000);
	scripted_ask(&scripted, &other, A, 300);
	assert_int_equal(scripted.script.pending_count, 2);

	aname_refresh_pause(scripted.refresh);
	assert_true(scripted.script.pending->cancelled);
	assert_true(scripted.script.pending->next->cancelled);
	while (scripted.script.pending != NULL) {
		scripted_fail(&scripted, scripted.script.pending, ANAME_FAILURE_TIMEOUT);
	}
	assert_int_equal(atomic_load(&scripted.shared->totals.failed), 0);
	assert_int_equal(known_of(&scripted, &name, A)->failure, ANAME_FAILURE_NONE);
	assert_null(known_of(&scripted, &other, A));

	/* Nothing starts meanwhile, what is known stays, and it all goes on afterwards. */
	name_t third = make_name("c.example.");
	scripted_ask(&scripted, &third, A, 300);
	scripted_skip(&scripted, 5000);
	assert_int_equal(scripted.script.pending_count, 0);
	assert_int_equal(known_of(&scripted, &name, A)->count, 2);
	aname_refresh_resume(scripted.refresh);
	assert_int_equal(scripted.script.pending_count, 3);
	assert_int_equal(scripted_heard(&scripted, ""), 0);
	scripted_deinit(&scripted);
}

static void fails_at_once(void **state)
{
	/* 300 targets, and whatever is asked of the resolver makes all that is pending fail within
	 * that very call: what comes of it is delivered afterwards, by the loop (asserted in
	 * support/script.c), and each is retried, paused and resumed like any other. */
	enum { MANY = 300 };
	aname_schedule_t schedule = make_schedule;
	schedule.retry_max = schedule.retry_min;
	const int64_t pause_ms = 1000 * (int64_t)schedule.retry_min;
	scripted_t scripted;
	begin(&scripted, &schedule, NULL);
	scripted.script.at_once = true;
	assert_int_equal(ask_many(&scripted, 0, MANY), 0);
	unsigned started = scripted.script.started;
	assert_true(started > 0);
	scripted_settle(&scripted);
	assert_int_equal(scripted.script.started, MANY);
	assert_int_equal(scripted.script.delivered, MANY);
	assert_int_equal(atomic_load(&scripted.shared->totals.failed), MANY);
	for (unsigned i = 0; i < 10; i++) {
		/* The resolver is out before all of them are tried again, and tried itself. */
		unsigned before = scripted.script.started;
		scripted_skip(&scripted, pause_ms);
		assert_true(aname_refresh_running(scripted.refresh) > 0);
		scripted_settle(&scripted);
		assert_int_equal(aname_refresh_running(scripted.refresh), 0);
		assert_true(i == 0 || scripted.script.started == before + 1);
		assert_int_equal(scripted.script.delivered, scripted.script.started);
	}
	assert_true(scripted.upstream->silent);

	/* Those that take longer than they may fail where they are cancelled: counted once. */
	scripted.script.at_once = false;
	scripted_skip(&scripted, pause_ms);
	assert_true(scripted.script.pending_count > 0);
	unsigned failed = atomic_load(&scripted.shared->totals.failed);
	unsigned late = scripted.script.pending_count;
	scripted.script.at_once = true;
	scripted_skip(&scripted, schedule.timeout_ms);
	scripted_settle(&scripted);
	assert_int_equal(scripted.script.pending_count, 0);
	assert_true(atomic_load(&scripted.shared->totals.failed) >= failed + late);
	assert_int_equal(scripted.script.delivered, scripted.script.started);

	/* The same in a pause: running until delivered, and no failure of the target. */
	scripted.script.at_once = false;
	scripted_skip(&scripted, pause_ms);
	assert_true(scripted.script.pending_count > 0);
	failed = atomic_load(&scripted.shared->totals.failed);
	unsigned running = aname_refresh_running(scripted.refresh);
	scripted.script.at_once = true;
	aname_refresh_pause(scripted.refresh);
	assert_int_equal(scripted.script.pending_count, 0);
	assert_int_equal(aname_refresh_running(scripted.refresh), running);
	scripted_settle(&scripted);
	assert_int_equal(aname_refresh_running(scripted.refresh), 0);
	assert_int_equal(atomic_load(&scripted.shared->totals.failed), failed);
	aname_refresh_resume(scripted.refresh);
	scripted_settle(&scripted);
	assert_int_equal(scripted.script.delivered, scripted.script.started);
	scripted_deinit(&scripted);
}

static void success_while_paused(void **state)
{
	scripted_t scripted;
	begin(&scripted, NULL, NULL);
	name_t name = make_name("a.example.");
	scripted_ask(&scripted, &name, A, 300);
	aname_refresh_pause(scripted.refresh);
	scripted_resolve(&scripted, scripted.script.pending, 1, 2, 60);
	assert_int_equal(known_of(&scripted, &name, A)->count, 2);
	assert_false(is_cold(&scripted, &name, A));
	aname_refresh_resume(scripted.refresh);
	assert_int_equal(scripted.script.pending_count, 0);
	scripted_deinit(&scripted);
}

static void never_reported(void **state)
{
	/* A lookup that outlasts pause and resume is still the only one of its target. */
	scripted_t scripted;
	begin(&scripted, NULL, NULL);
	name_t name = make_name("a.example.");
	scripted_ask(&scripted, &name, A, 300);
	for (unsigned i = 0; i < 10; i++) {
		aname_refresh_pause(scripted.refresh);
		scripted_skip(&scripted, 1000);
		aname_refresh_resume(scripted.refresh);
		scripted_ask(&scripted, &name, A, 300);
		assert_int_equal(scripted.script.started, 1);
	}
	assert_int_equal(known_of(&scripted, &name, A)->failure, ANAME_FAILURE_TIMEOUT);
	scripted_deinit(&scripted);
}

/* Options that change (T4). */

static void other_schedule(void **state)
{
	/* Every option but those that name another upstream: nothing is looked up for it. */
	static const aname_schedule_t schedules[] = {
		{ 1, 1000, 3600, 86400, 5, 900, 5000, 1, 16, 32, 128 }, /* ttl-max lowered */
		{ 9, 86400, 3600, 86400, 5, 900, 5000, 1, 16, 32, 128 },
		{ 1, 86400, 9, 86400, 5, 900, 5000, 1, 16, 32, 128 },
		{ 1, 86400, 3600, 0, 5, 900, 5000, 1, 16, 32, 128 },
		{ 1, 86400, 3600, 86400, 9, 900, 5000, 1, 16, 32, 128 },
		{ 1, 86400, 3600, 86400, 5, 9, 5000, 1, 16, 32, 128 },
		{ 1, 86400, 3600, 86400, 5, 900, 900, 1, 16, 32, 128 },
		{ 1, 86400, 3600, 86400, 5, 900, 5000, 9, 16, 32, 128 },
		{ 1, 86400, 3600, 86400, 5, 900, 5000, 1, 9, 32, 128 },
	};
	for (size_t i = 0; i < COUNT_OF(schedules); i++) {
		scripted_t scripted;
		begin(&scripted, NULL, NULL);
		name_t name = make_name("a.example.");
		scripted_ask(&scripted, &name, A, 3600);
		scripted_resolve(&scripted, scripted.script.pending, 1, 3, 3600);
		scripted_skip(&scripted, 20000);
		scripted_change(&scripted, &schedules[i]);
		scripted_ask(&scripted, &name, A, 3600);
		assert_int_equal(scripted.script.started, 1);
		assert_int_equal(known_of(&scripted, &name, A)->count, 3);
		assert_true(known_of(&scripted, &name, A)->learned_ms == BEGIN_MS);
		assert_false(is_cold(&scripted, &name, A));
		assert_int_equal(aname_table_targets(scripted.shared->table), 1);
		assert_int_equal(scripted.script.made, 1);
		assert_memory_equal(&scripted.script.schedule, &schedules[i], sizeof(schedules[i]));
		scripted_deinit(&scripted);
	}
}

static void shorter_life(void **state)
{
	/* Past its time under the new options it is looked up at once, which is no lag. */
	scripted_t scripted;
	begin(&scripted, NULL, NULL);
	name_t name = make_name("a.example.");
	scripted_ask(&scripted, &name, A, 3600);
	scripted_resolve(&scripted, scripted.script.pending, 1, 3, 3600);
	scripted_skip(&scripted, 1000000);
	aname_schedule_t schedule = make_schedule;
	schedule.ttl_max = 10;
	scripted_change(&scripted, &schedule);
	scripted_ask(&scripted, &name, A, 3600);
	assert_int_equal(scripted.script.started, 2);
	assert_int_equal(known_of(&scripted, &name, A)->count, 3);
	scripted_resolve(&scripted, scripted_pending(&scripted, &name, A), 1, 3, 3600);
	assert_int_equal(atomic_load(&scripted_find(&scripted, &name, A)->lag_ms), 0);
	assert_int_equal(atomic_load(&scripted.shared->totals.lag_ms), 0);
	assert_in_range(next_of(&scripted, &name, A) - aname_clock_ms(), 7500, 9000);

	/* And put back, what was asked for before counts for a window more, since nobody may have
	 * come by to ask for anything else; then the long life counts again. */
	scripted_change(&scripted, &make_schedule);
	int64_t changed_ms = aname_clock_ms();
	unsigned lookups = 0;
	while (aname_clock_ms() < changed_ms + 1000 * (int64_t)make_schedule.idle + 20000) {
		scripted_skip(&scripted, 1000);
		scripted_ask(&scripted, &name, A, 3600);
		script_lookup_t *lookup = scripted_pending(&scripted, &name, A);
		if (lookup != NULL) {
			scripted_resolve(&scripted, lookup, 1, 3, 3600);
			lookups++;
		}
	}
	assert_in_range(lookups, make_schedule.idle / 10, make_schedule.idle / 7);
	assert_in_range(next_of(&scripted, &name, A) - aname_clock_ms(), 2600000, 3240000);
	scripted_deinit(&scripted);
}

static void idle_stays_fresh(void **state)
{
	/* A reload that has nothing to do with a name: it is kept fresh as before, though nobody
	 * asks for it meanwhile. */
	aname_schedule_t schedule = make_schedule, other = make_schedule;
	other.retry_max++;
	scripted_t scripted;
	begin(&scripted, &schedule, NULL);
	name_t name = make_name("a.example.");
	scripted_ask(&scripted, &name, A, 10);
	scripted_resolve(&scripted, scripted.script.pending, 1, 3, ANAME_TTL_UNKNOWN);
	scripted_change(&scripted, &other);
	for (unsigned i = 0; i < 20; i++) {
		assert_in_range(next_of(&scripted, &name, A) - aname_clock_ms(), 0, 10000);
		scripted_skip(&scripted, 10000);
		scripted_resolve(&scripted, scripted_pending(&scripted, &name, A), 1, 3,
		                 ANAME_TTL_UNKNOWN);
	}
	scripted_deinit(&scripted);
}

static void failing_goes_on(void **state)
{
	aname_schedule_t schedule = make_schedule;
	schedule.ttl_max = 60;
	scripted_t scripted;
	begin(&scripted, &schedule, NULL);
	name_t name = make_name("a.example.");
	scripted_ask(&scripted, &name, A, 3600);
	scripted_resolve(&scripted, scripted.script.pending, 1, 3, 3600);
	scripted_skip(&scripted, 60000);
	scripted_fail(&scripted, scripted.script.pending, ANAME_FAILURE_SERVER);
	schedule.retry_max = 100;
	scripted_change(&scripted, &schedule);
	scripted_ask(&scripted, &name, A, 3600);
	assert_int_equal(known_of(&scripted, &name, A)->count, 3);
	assert_int_equal(known_of(&scripted, &name, A)->failure, ANAME_FAILURE_SERVER);
	assert_false(is_cold(&scripted, &name, A));
	assert_int_equal(scripted.script.started, 2);
	scripted_deinit(&scripted);
}

/*! The upstream that is asked: another port, another upstream. */
static const aname_options_t *hold_for(scripted_t *scripted, uint16_t port)
{
	aname_options_t *options = make_options();
	options->source.servers_count = 1;
	options->source.servers[0] = (aname_server_t){ .len = 4, .port = port };
	const aname_options_t *held =
	        aname_shared_hold(scripted->shared, options, &scripted->upstream);
	assert_non_null(held);
	return held;
}

static void upstream_given_up(void **state)
{
	/* Nobody holds it: nothing is looked up, its resolver goes at once, what is known after ten
	 * minutes; who holds it again before finds all there. */
	scripted_t scripted;
	begin(&scripted, NULL, NULL);
	name_t name = make_name("a.example."), other = make_name("b.example.");
	scripted_ask(&scripted, &name, A, 300);
	scripted_resolve(&scripted, scripted.script.pending, 1, 3, 60);
	scripted_ask(&scripted, &other, A, 300);
	aname_shared_unhold(scripted.shared, scripted.options);
	scripted_skip(&scripted, ANAME_SETTLED_MS);
	assert_int_equal(scripted.script.freed, 0); /* A lookup is under way. */
	scripted_resolve(&scripted, scripted.script.pending, 1, 1, 60);
	(void)uv_run(&scripted.loop, UV_RUN_NOWAIT);
	assert_int_equal(scripted.script.freed, 1);
	scripted_skip(&scripted, 300000);
	assert_int_equal(scripted.script.pending_count, 0);
	assert_int_equal(aname_table_targets(scripted.shared->table), 2);
	scripted_ask(&scripted, &other, A, 300);
	assert_int_equal(scripted.script.pending_count, 0);

	scripted.options = aname_shared_hold(scripted.shared, make_options(), &scripted.upstream);
	assert_int_equal(known_of(&scripted, &name, A)->count, 3);
	scripted_ask(&scripted, &name, A, 300);
	assert_int_equal(scripted.script.made, 2);
	scripted_resolve(&scripted, scripted.script.pending, 1, 3, 60);

	aname_shared_unhold(scripted.shared, scripted.options);
	scripted_skip(&scripted, 1000);
	scripted_skip(&scripted, ANAME_UPSTREAM_KEEP_MS - 1);
	assert_int_equal(aname_table_targets(scripted.shared->table), 2);
	scripted_skip(&scripted, 1);
	assert_int_equal(aname_table_targets(scripted.shared->table), 0);
	assert_int_equal(aname_table_addresses(scripted.shared->table), 0);
	scripted_deinit(&scripted);
}

static void gives_way(void **state)
{
	/* L4: what is known from an upstream that nobody holds makes room at once. */
	const aname_limits_t limits = { 4, 10, 1000, 1000000, 1000, 100, 1000 };
	scripted_t scripted;
	begin(&scripted, NULL, &limits);
	for (unsigned i = 0; i < 10; i++) {
		name_t name = make_name_nth(i);
		scripted_ask(&scripted, &name, A, 3600);
		scripted_resolve(&scripted, scripted_pending(&scripted, &name, A), 1, 1, 3600);
	}
	const aname_options_t *before = scripted.options;
	(void)hold_for(&scripted, 1000);
	aname_shared_unhold(scripted.shared, before);
	for (unsigned i = 0; i < 10; i++) {
		name_t name = make_name_nth(i);
		scripted_ask(&scripted, &name, A, 3600);
		assert_non_null(scripted_pending(&scripted, &name, A));
	}
	assert_int_equal(aname_table_targets(scripted.shared->table), 10);
	assert_int_equal(atomic_load(&scripted.shared->reached.table_full), 0);
	scripted_deinit(&scripted);
}

static void released_while_running(void **state)
{
	/* An upstream that is released waits for a lookup that cannot be stopped. */
	scripted_t scripted;
	begin(&scripted, NULL, NULL);
	name_t name = make_name("a.example.");
	scripted_ask(&scripted, &name, A, 300);
	aname_shared_unhold(scripted.shared, scripted.options);
	scripted_skip(&scripted, 1000);
	scripted_skip(&scripted, ANAME_UPSTREAM_KEEP_MS);
	assert_int_equal(aname_table_targets(scripted.shared->table), 1);
	assert_int_equal(scripted.script.freed, 0);
	scripted_skip(&scripted, 5000);
	scripted_resolve(&scripted, scripted.script.pending, 1, 1, 60);
	scripted_skip(&scripted, 5000);
	assert_int_equal(scripted.script.freed, 1);
	assert_int_equal(aname_table_targets(scripted.shared->table), 0);
	assert_int_equal(aname_refresh_running(scripted.refresh), 0);
	scripted_deinit(&scripted);
}

static void many_upstreams(void **state)
{
	/* 200 reloads with another resolver each: only the last few are kept, and those that wait
	 * for a lookup that does not end. */
	scripted_t scripted;
	begin(&scripted, NULL, NULL);
	const aname_options_t *held = scripted.options;
	long live = 0;
	for (unsigned i = 0; i < 200; i++) {
		name_t name = make_name_nth(i);
		const aname_options_t *before = held;
		held = hold_for(&scripted, 1000 + i);
		aname_shared_unhold(scripted.shared, before);
		scripted_ask(&scripted, &name, A, 300);
		scripted_resolve(&scripted, scripted_pending(&scripted, &name, A), 1, 1, 60);
		scripted_skip(&scripted, 2000);
		assert_true(aname_table_targets(scripted.shared->table) <=
		            ANAME_UPSTREAMS_KEPT + 1);
		if (i == 10) {
			live = alloc_live();
		}
		assert_true(i <= 10 || alloc_live() <= live + 4);
	}
	scripted_deinit(&scripted);
}

static void released_behind_queue(void **state)
{
	/* Requests of who has gone are in the queue, more than are taken at once: the upstream
	 * waits. */
	scripted_t scripted;
	begin(&scripted, NULL, NULL);
	const aname_upstream_t *gone = scripted.upstream;
	for (unsigned n = 0; n < 1000; n++) {
		name_t name = make_name_nth(n);
		const aname_key_t key = make_key(gone, &name, A);
		const aname_interest_t interest = { .ttl = 60 };
		assert_true(aname_queue_push(scripted.shared->queue, &key, NULL,
		                             aname_table_hash(scripted.shared->table, &key),
		                             interest));
	}
	aname_shared_unhold(scripted.shared, scripted.options);
	for (unsigned i = 0; i <= ANAME_UPSTREAMS_KEPT; i++) {
		aname_shared_unhold(scripted.shared, hold_for(&scripted, 1000 + i));
	}
	clock_skip(ANAME_SETTLED_MS);
	unsigned waited = 0;
	aname_request_t request;
	for (bool more = true; more; waited++) {
		assert_non_null(gone->source.servers); /* It is still there. */
		scripted_skip(&scripted, 1);
		more = !aname_queue_passed(scripted.shared->queue,
		                           aname_queue_mark(scripted.shared->queue));
	}
	assert_int_equal(waited, 4);
	scripted_skip(&scripted, 100);
	assert_false(aname_queue_pop(scripted.shared->queue, &request));
	assert_int_equal(aname_table_targets(scripted.shared->table), 0);
	scripted_deinit(&scripted);
}

static void differing_logged(void **state)
{
	/* Sections that share an upstream and differ: logged once, when no reload is under way. */
	scripted_t scripted;
	begin(&scripted, NULL, NULL);
	aname_options_t *options = make_options();
	options->schedule.timeout_ms = 9000;
	const aname_upstream_t *upstream = NULL;
	const aname_options_t *held = aname_shared_hold(scripted.shared, options, &upstream);
	assert_ptr_equal(upstream, scripted.upstream);
	scripted_skip(&scripted, 1);
	assert_int_equal(scripted_heard(&scripted, "share"), 0);
	scripted_skip(&scripted, 4000);
	assert_int_equal(scripted_heard(&scripted, "the larger 'timeout' (9000)"), 1);
	/* Not again for the same. */
	options = make_options();
	options->max_addresses = 3;
	const aname_options_t *more = aname_shared_hold(scripted.shared, options, &upstream);
	scripted_skip(&scripted, 1);
	scripted_skip(&scripted, 4000);
	assert_int_equal(scripted_heard(&scripted, "share"), 0);
	aname_shared_unhold(scripted.shared, more);
	aname_shared_unhold(scripted.shared, held);
	scripted_skip(&scripted, 1);
	scripted_skip(&scripted, 4000);
	assert_int_equal(scripted_heard(&scripted, "share"), 0);
	scripted_deinit(&scripted);
}

static void gone_before_noted(void **state)
{
	/* A section comes, asks, and goes before the service has taken note of it: what counts for its
	 * lookups was never worked out. */
	scripted_t scripted;
	begin(&scripted, NULL, NULL);
	const aname_options_t *before = scripted.options;
	const aname_options_t *options = hold_for(&scripted, 1000);
	name_t name = make_name("a.example.");
	const aname_key_t key = make_key(scripted.upstream, &name, A);
	const aname_interest_t interest = { .ttl = 60, .until_s = UINT32_MAX };
	assert_true(aname_queue_push(scripted.shared->queue, &key, NULL,
	                             aname_table_hash(scripted.shared->table, &key), interest));
	aname_shared_unhold(scripted.shared, options);
	scripted_skip(&scripted, 1);
	assert_int_equal(scripted.script.started, 0);
	assert_null(scripted_find(&scripted, &name, A));
	scripted.options = before;
	scripted_deinit(&scripted);
}

static void given_up_when_settled(void **state)
{
	/* While sections go and none comes nothing is given up: neither sockets, nor what is known. */
	scripted_t scripted;
	begin(&scripted, NULL, NULL);
	name_t name = make_name("a.example.");
	scripted_ask(&scripted, &name, A, 300);
	scripted_resolve(&scripted, scripted.script.pending, 1, 3, 60);
	const aname_options_t *others[10];
	const aname_upstream_t *upstream = NULL;
	for (unsigned i = 0; i < COUNT_OF(others); i++) {
		aname_options_t *options = make_options();
		options->wait_ms = 1000 + i;
		others[i] = aname_shared_hold(scripted.shared, options, &upstream);
	}
	const aname_options_t *last = others[9];
	aname_options_t *elsewhere = make_options();
	elsewhere->source.servers_count = 1;
	const aname_options_t *gone = aname_shared_hold(scripted.shared, elsewhere, &upstream);
	aname_refresh_wake(scripted.refresh);
	aname_shared_unhold(scripted.shared, scripted.options);
	for (unsigned i = 0; i < COUNT_OF(others) - 1; i++) {
		scripted_skip(&scripted, ANAME_SETTLED_MS - 1);
		aname_shared_unhold(scripted.shared, others[i]);
	}
	aname_shared_unhold(scripted.shared, last);
	scripted_skip(&scripted, ANAME_SETTLED_MS - 1);
	assert_false(is_cold(&scripted, &name, A));
	assert_int_equal(scripted.script.freed, 0);
	aname_shared_unhold(scripted.shared, gone);
	scripted_skip(&scripted, ANAME_SETTLED_MS - 1);
	assert_false(is_cold(&scripted, &name, A));
	scripted_skip(&scripted, ANAME_SETTLED_MS);
	assert_true(is_cold(&scripted, &name, A));
	assert_int_equal(scripted.script.freed, 1);
	scripted_deinit(&scripted);
}

/* Those who wait, and the numbers. */

static void wakes_waiters(void **state)
{
	scripted_t scripted;
	begin(&scripted, NULL, NULL);
	name_t names[] = { make_name("a."), make_name("b."), make_name("c.") };
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		scripted_ask(&scripted, &names[i], A, 300);
	}
	aname_waiter_t waiter;
	assert_int_equal(aname_waiters_enter(scripted.shared->waiters, 1, 0, 5000, 0, &waiter),
	                 ANAME_WAIT_ADMITTED);
	uint64_t generation = aname_waiters_generation(scripted.shared->waiters);
	scripted_resolve(&scripted, scripted_pending(&scripted, &names[0], A), 1, 1, 60);
	assert_true(aname_waiters_wait(scripted.shared->waiters, &waiter, generation));
	generation = aname_waiters_generation(scripted.shared->waiters);
	scripted_fail(&scripted, scripted_pending(&scripted, &names[1], A), ANAME_FAILURE_SERVER);
	assert_true(aname_waiters_wait(scripted.shared->waiters, &waiter, generation));
	generation = aname_waiters_generation(scripted.shared->waiters);
	scripted_skip(&scripted, 5000);
	assert_true(aname_waiters_wait(scripted.shared->waiters, &waiter, generation));
	aname_waiters_leave(scripted.shared->waiters, &waiter, 0);
	scripted_deinit(&scripted);
}

static void numbers(void **state)
{
	scripted_t scripted;
	begin(&scripted, NULL, NULL);
	name_t name = make_name("a.example.");
	scripted_ask(&scripted, &name, A, 60);
	scripted_resolve(&scripted, scripted.script.pending, 1, 1, 60);
	int64_t due = next_of(&scripted, &name, A);
	scripted_skip(&scripted, due + 700 - aname_clock_ms());
	clock_skip(300);
	scripted_resolve(&scripted, scripted.script.pending, 1, 1, 60);
	aname_entry_t *entry = scripted_find(&scripted, &name, A);
	assert_int_equal(atomic_load(&entry->lag_ms), 1000);
	assert_int_equal(atomic_load(&scripted.shared->totals.lag_ms), 1000);
	assert_int_equal(atomic_load(&entry->started), 2);
	assert_int_equal(atomic_load(&entry->succeeded), 2);
	assert_int_equal(atomic_load(&scripted.shared->totals.started), 2);
	assert_int_equal(atomic_load(&scripted.shared->totals.succeeded), 2);
	scripted_deinit(&scripted);
}

static void slow_lookup(void **state)
{
	/* Of 10 s 1 to 2.5 would be left; after one of 4 s it begins with half of them left. */
	scripted_t scripted;
	begin(&scripted, NULL, NULL);
	name_t name = make_name("a.example.");
	scripted_ask(&scripted, &name, A, 10);
	scripted_skip(&scripted, 4000);
	scripted_resolve(&scripted, scripted.script.pending, 1, 1, 10);
	assert_int_equal(next_of(&scripted, &name, A) - aname_clock_ms(), 5000);
	scripted_deinit(&scripted);
}

static void clock_back(void **state)
{
	/* It is monotonic; even so nothing may break. */
	scripted_t scripted;
	begin_server(&scripted, NULL, NULL);
	name_t name = make_name("a.example."), other = make_name("b.example.");
	scripted_ask(&scripted, &name, A, 300);
	scripted_skip(&scripted, -BEGIN_MS / 2);
	scripted_resolve(&scripted, scripted_pending(&scripted, &name, A), 1, 1, 60);
	scripted_ask(&scripted, &other, A, 300);
	scripted_skip(&scripted, -1000);
	scripted_fail(&scripted, scripted_pending(&scripted, &other, A), ANAME_FAILURE_SERVER);
	scripted_skip(&scripted, 100000);
	assert_int_equal(scripted.script.pending_count, 2);
	scripted_deinit(&scripted);
}

static void refused_name(void **state)
{
	scripted_t scripted;
	begin(&scripted, NULL, NULL);
	name_t name = make_name("a.example.");
	scripted.script.refuse = KNOT_EINVAL;
	scripted_ask(&scripted, &name, A, 300);
	assert_int_equal(known_of(&scripted, &name, A)->failure, ANAME_FAILURE_SERVER);
	assert_non_null(strstr(aname_snapshot_failing(known_of(&scripted, &name, A))->why,
	                       "not a host name"));
	scripted_deinit(&scripted);
}

/* The timer, by the real clock. */

static void driven_by_timer(void **state)
{
	aname_schedule_t schedule = make_schedule;
	schedule.ttl_max = 1;
	schedule.retry_min = 1;
	schedule.timeout_ms = 30;
	scripted_t scripted;
	clock_stop_at(-1);
	scripted_init(&scripted, &schedule, NULL);
	name_t name = make_name("a.example.");
	scripted_ask(&scripted, &name, A, 300);
	scripted_resolve(&scripted, scripted.script.pending, 1, 1, 300);
	while (scripted.script.pending == NULL) {
		(void)uv_run(&scripted.loop, UV_RUN_ONCE); /* The refresh, */
	}
	while (!scripted.script.pending->cancelled) {
		(void)uv_run(&scripted.loop, UV_RUN_ONCE); /* its time limit, */
	}
	scripted_fail(&scripted, scripted.script.pending, ANAME_FAILURE_TIMEOUT);
	while (scripted.script.pending == NULL) {
		(void)uv_run(&scripted.loop, UV_RUN_ONCE); /* and the next try. */
	}
	scripted_deinit(&scripted);
}

/* At random. */

static void check_invariants(scripted_t *scripted)
{
	assert_int_equal(aname_refresh_running(scripted->refresh), scripted->script.pending_count);
	assert_true(scripted->script.pending_count <= scripted->limits.max_lookups);
	assert_true(aname_table_targets(scripted->shared->table) <= scripted->limits.max_targets);
	for (script_lookup_t *one = scripted->script.pending; one != NULL; one = one->next) {
		for (script_lookup_t *other = one->next; other != NULL; other = other->next) {
			assert_true(one->type != other->type ||
			            !knot_dname_is_equal(one->name.at, other->name.at));
		}
	}
}

static void random_end(scripted_t *scripted, random_t *random)
{
	if (scripted->script.pending == NULL) {
		return;
	}
	script_lookup_t *lookup = scripted->script.pending;
	unsigned skip = random_below(random, scripted->script.pending_count);
	for (; skip > 0; skip--) {
		lookup = lookup->next;
	}
	if (random_below(random, 3) == 0) {
		scripted_fail(scripted, lookup, 1 + random_below(random, 3));
	} else {
		scripted_resolve(scripted, lookup, random_below(random, 5), random_below(random, 4),
		                 random_below(random, 100));
	}
}

static void random_life(uint64_t seed)
{
	random_t random = { seed };
	const aname_limits_t limits = {
		4, 30, 1 + random_below(&random, 12), 200, 1000, 100, 1000
	};
	const aname_schedule_t schedule = { 1, 30, 60, 100, 1, 20, 3000, 1, 16, 24, 56 };
	scripted_t scripted;
	begin(&scripted, &schedule, &limits);
	bool paused = false;
	for (unsigned step = 0; step < 5000; step++) {
		name_t name = make_name_nth(random_below(&random, 45));
		switch (random_below(&random, 8)) {
		case 0:
		case 1:
		case 2: scripted_ask(&scripted, &name, A, random_below(&random, 60)); break;
		case 3:
		case 4: random_end(&scripted, &random); break;
		case 5:
			scripted_skip(&scripted,
			              random_below(&random, step % 100 == 0 ? 300000 : 2000));
			break;
		case 6:
			if (random_below(&random, 20) == 0) {
				paused = !paused;
				(paused ? aname_refresh_pause
				        : aname_refresh_resume)(scripted.refresh);
			}
			break;
		default: scripted_skip(&scripted, random_below(&random, 100)); break;
		}
		check_invariants(&scripted);
	}
	scripted_deinit(&scripted);
}

static void fuzz(void **state)
{
	for (uint64_t seed = 1; seed <= 20; seed++) {
		random_life(seed);
	}
}

/* Failing allocations. */

static void no_memory_to_begin(void **state)
{
	clock_stop_at(BEGIN_MS);
	scripted_t scripted;
	bool done = false;
	unsigned n = 0;
	while (!done) {
		long live = alloc_live();
		alloc_fail_at(++n);
		done = scripted_try_init(&scripted, NULL, NULL);
		assert_int_equal(alloc_failed(), !done);
		if (done) {
			scripted_deinit(&scripted);
		}
		assert_int_equal(alloc_live(), live);
	}
	/* Eighteen of what is shared, options, who holds them, their upstream, itself, what is
	 * forced, what is probed, and owners of other servers. */
	assert_int_equal(n, 26);
}

/*! A short life of two targets; returns how many allocations failed (0 or 1). */
static bool short_life(unsigned fail_at)
{
	aname_schedule_t schedule = make_schedule;
	schedule.idle = 10;
	scripted_t scripted;
	begin(&scripted, &schedule, NULL);
	/* Room to note down what is retired: without it that would be lost, as epoch.h says. */
	aname_epoch_retire(scripted.shared->epoch, malloc(1));
	name_t names[] = { make_name("a.example."), make_name("b.example.") };
	alloc_fail_at(fail_at);
	for (unsigned round = 0; round < 2; round++) {
		for (size_t i = 0; i < COUNT_OF(names); i++) {
			scripted_ask(&scripted, &names[i], A, 60);
		}
		script_lookup_t *lookup = scripted_pending(&scripted, &names[0], A);
		if (lookup != NULL) {
			scripted_resolve(&scripted, lookup, 1, 1, 60);
		}
		lookup = scripted_pending(&scripted, &names[1], A);
		if (lookup != NULL) {
			scripted_fail(&scripted, lookup, ANAME_FAILURE_SERVER);
		}
		check_invariants(&scripted);
		scripted_skip(&scripted, 5 * 60000);
	}
	bool failed = alloc_failed();

	/* Whatever failed, it works again. */
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		while (scripted_pending(&scripted, &names[i], A) == NULL) {
			scripted_ask(&scripted, &names[i], A, 60);
			scripted_skip(&scripted, 1000);
		}
		scripted_resolve(&scripted, scripted_pending(&scripted, &names[i], A), 1, 3, 60);
		assert_int_equal(known_of(&scripted, &names[i], A)->count, 3);
		assert_false(is_cold(&scripted, &names[i], A));
	}
	scripted_deinit(&scripted);
	return failed;
}

static void no_memory_to_refresh(void **state)
{
	unsigned n = 1;
	long live = alloc_live();
	while (short_life(n)) {
		assert_int_equal(alloc_live(), live);
		n++;
	}
	assert_true(n > 8);
}

static void out_of_memory_is_failure(void **state)
{
	scripted_t scripted;
	begin(&scripted, NULL, NULL);
	name_t name = make_name("a.example.");
	scripted_ask(&scripted, &name, A, 300);
	alloc_fail_at(1);
	scripted_resolve(&scripted, scripted.script.pending, 1, 2, 60);
	assert_true(alloc_failed());
	assert_int_equal(known_of(&scripted, &name, A)->failure, ANAME_FAILURE_NETWORK);
	assert_string_equal(aname_snapshot_failing(known_of(&scripted, &name, A))->why,
	                    "out of memory");
	assert_in_range(next_of(&scripted, &name, A) - BEGIN_MS, 5000, 6250);
	scripted_deinit(&scripted);
}

static const struct CMUnitTest life[] = {
	PROVES("C1: a request starts a lookup, its result is published", first_lookup),
	PROVES("A1: A and AAAA are resolved independently", families_apart),
	PROVES("T3: one lookup for a thousand requests", coalesced),
	PROVES("T2: asked for all day, a target is always fresh and nobody has to wait", refreshed),
	PROVES("T3: behind a recursor that caches it waits for that to expire", behind_cache),
	PROVES("T2: nor is it stale where what it passes on takes 3 s", behind_slow_cache),
	PROVES("W1: what is lost is remembered, and the other family looked up", lost_family),
	PROVES("T3, W1: but not one that nobody asks for", lost_family_unasked),
	PROVES("F1: a lookup that takes longer than usual", slower_than_usual),
	PROVES("T2: a lowered TTL makes nothing stale", lowered_ttl),
	PROVES("T5: with ttl-max 1 what is served is never 2 s old", real_time),
	PROVES("T1: the shortest ANAME TTL counts, while it is asked through", shorter_record),
	PROVES("T1: nor is it forgotten while the machine sleeps", shorter_record_slept),
	PROVES("T3: unasked it is dormant, asked it is looked up, at last it is forgotten",
	       dormant_and_forgotten),
	PROVES("L1: absurd TTLs and 3000 addresses", absurd_results),
	PROVES("A7: a negative answer is kept for its TTL", negative),
};

static const struct CMUnitTest failures[] = {
	PROVES("F1: a failure keeps the addresses", failure_keeps),
	PROVES("F4: a dead target costs few lookups, however often it is asked for", backs_off),
	PROVES("F4: success ends the pauses", recovers),
	PROVES("after an outage what failed in it is tried soon, what failed before is not",
	       outage),
	PROVES("L4: ever new names take no other one's try", outage_of_new_names),
	PROVES("P1: a resolver that says of failures is not silent", no_silence),
	PROVES("F4: after a short outage, too", short_outage),
	PROVES("F4: while nothing is heard what is new fails at once", fails_unasked),
	PROVES("F4: back again, what is asked for most comes first", by_demand),
	PROVES("F4: back again, within lookup-rate, and all of it", back_at_a_pace),
	PROVES("F4: 100 upstreams out at once", many_out),
	PROVES("F4: one that is unanswered, and a good one tells why", good_one_tells),
	PROVES("T3: what nobody asks for goes, out or not", asked_no_more),
	PROVES("T4: an upstream that is out and given up", out_and_given_up),
	PROVES("F4: lookups that hang, and end when it is back", hangs_while_out),
	PROVES("F4: nor is one lost that fails when it is back already", fails_after_return),
	PROVES("F4: one that was answered is asked if others fail", good_one_asked),
	PROVES("F4: what fails beside others that succeed is no outage", no_outage),
	PROVES("F4: nor is it where nothing else is due", two_die),
	PROVES("F4: nor is what was due meanwhile put off", due_in_short_outage),
	PROVES("T3: what nobody asks for tells nothing", unasked_tells_nothing),
	PROVES("W2: failing, recovering and changing are logged, each once", logs_changes),
	PROVES("F3: a lookup that cannot be started is a failure", refused),
	PROVES("F5: a lookup that does not end is a failure, and never doubled", times_out),
	PROVES("a late answer is as good as any", late_success),
};

static const struct CMUnitTest limits[] = {
	PROVES("L1: lookups start at an even pace", rate),
	PROVES("T3: whatever there is to do, nobody waits for ever", nobody_starves),
	PROVES("L1: at that pace upstreams are asked in turn", upstreams_in_turn),
	PROVES("L1: a quiet hour saves nothing up", no_saving_up),
	PROVES("L1: one lookup a second", slowest_rate),
	PROVES("L1: so many targets and no more, the dormant ones go first", most_targets),
	PROVES("the largest limit of all instances counts", limits_raised),
	PROVES("a flood of requests is taken bit by bit", flood),
};

static const struct CMUnitTest rest[] = {
	PROVES("T4: paused, nothing starts and nothing is lost", pause_and_resume),
	PROVES("T4: an answer while paused is kept", success_while_paused),
	PROVES("F4: a resolver that fails within each call: 300 targets, retried, paused",
	       fails_at_once),
	PROVES("T4: a lookup that outlasts the pause is not doubled", never_reported),
	PROVES("T4: with other options everything is still known", other_schedule),
	PROVES("T3, T4: what nobody asks for is kept fresh over a reload", idle_stays_fresh),
	PROVES("T4, W1: what is too old for the new options is looked up, without lag",
	       shorter_life),
	PROVES("T4: a failing target goes on failing", failing_goes_on),
	PROVES("T4: an upstream that nobody holds is kept for a while", upstream_given_up),
	PROVES("L1: and makes room for what is needed", gives_way),
	PROVES("and released only when its lookups have ended", released_while_running),
	PROVES("T4: 200 upstreams in a row leave nothing behind", many_upstreams),
	PROVES("and not before the requests of who has gone are taken", released_behind_queue),
	PROVES("H3, H8: what is forced is seen at once, and until it is over", sees_forces),
	PROVES("H1: a definition may be given up at any moment", definition_given_up_meanwhile),
	PROVES("H1: and asked for after that", asked_after_given_up),
	PROVES("H7: a resolver may go while its targets are probed", upstream_given_up_while_ready),
	PROVES("H8, W2: that something is forced is logged when it begins, and when it "
	       "ends",
	       logs_forces),
	PROVES("a section that is gone at once is not asked for", gone_before_noted),
	PROVES("S1: and is not given up while others go", given_up_when_settled),
	PROVES("that sections differ is logged, once", differing_logged),
	PROVES("C2: whatever ends, those who wait are woken", wakes_waiters),
	PROVES("W1: lookups and lag are counted", numbers),
	PROVES("T2: after a slow lookup the next one starts earlier", slow_lookup),
	PROVES("F3: a name that the resolver does not take is a failure", refused_name),
	PROVES("a clock set back breaks nothing", clock_back),
	PROVES("refresh, time limit and retry are driven by the timer", driven_by_timer),
	PROVES("100,000 random steps: no lookup doubled, no limit passed", fuzz),
	PROVES("out of memory: nothing begins, nothing leaked", no_memory_to_begin),
	PROVES("out of memory at any point: it recovers, nothing leaked", no_memory_to_refresh),
	PROVES("out of memory for a result is a failure", out_of_memory_is_failure),
};

int main(void)
{
	return RUN_TESTS("refresh: the life of a target", life) +
	       RUN_TESTS("refresh: failures", failures) +
	       RUN_ROWS("refresh: dead at start", dead_rows, check_dead) +
	       RUN_ROWS("refresh: who gets the lookups", share_rows, check_share) +
	       RUN_TESTS("refresh: limits", limits) + RUN_TESTS("refresh: the rest", rest);
}
