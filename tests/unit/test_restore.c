#include "support/test.h"

#include <libknot/errcode.h>

#include "service/health.h"
#include "service/state/collect.h"
#include "service/state/moment.h"
#include "service/state/restore.h"
#include "support/alloc.h"
#include "support/clock.h"
#include "support/random.h"
#include "support/script.h"
#include "table/clock.h"
#include "table/policy.h"

#define A    KNOT_RRTYPE_A
#define AAAA KNOT_RRTYPE_AAAA

/*! Where the stopped clock begins: long after the boot, and after 1970. */
#define BEGIN_MS 100000000

/*! A server's file, and when it was saved by the clocks that go on. */
typedef struct {
	aname_state_out_t out;
	aname_state_moment_t moment;
} saved_t;

static void begin(scripted_t *scripted)
{
	clock_stop_at(BEGIN_MS);
	scripted_init(scripted, NULL, NULL);
}

static saved_t save(scripted_t *scripted)
{
	static uint32_t number;
	aname_collect_t collect;
	aname_collect_begin(&collect, scripted->refresh, ++number, aname_clock_ms());
	while (!aname_collect_step(&collect)) {
	}
	assert_true(aname_state_end(&collect.out));
	return (saved_t){ .out = collect.out, .moment = aname_state_now() };
}

static aname_restored_t restore_at(scripted_t *scripted, const saved_t *saved,
                                   const aname_state_moment_t *moment)
{
	aname_state_in_t in;
	assert_int_equal(aname_state_open(&in, saved->out.data, saved->out.len), ANAME_STATE_GOOD);
	aname_restored_t restored = aname_restore(scripted->refresh, &in, moment, aname_clock_ms());
	aname_refresh_wake(scripted->refresh);
	return restored;
}

/*! The server ends, and another one begins after so long, on a machine that was started anew. */
static void reboot(scripted_t *scripted, int64_t down_ms)
{
	saved_t saved = save(scripted);
	scripted_deinit(scripted);
	aname_state_moment_t now = saved.moment;
	now.wall_ms += down_ms;
	now.boot_id[0] ^= 1;
	now.boot_ms = 60000;
	clock_stop_at(60000); /* The clock of what is known begins anew, too. */
	scripted_init(scripted, &scripted->schedule, NULL);
	aname_restored_t restored = restore_at(scripted, &saved, &now);
	assert_int_equal(restored.set_back, down_ms < 0);
	assert_int_equal(restored.no_room, 0);
	free(saved.out.data);
}

static const aname_snapshot_t *known_of(scripted_t *scripted, const name_t *name, uint16_t type)
{
	aname_entry_t *entry = scripted_find(scripted, name, type);
	return entry != NULL ? aname_entry_snapshot(entry) : NULL;
}

/*! What a worker makes of a target. */
static aname_judgement_t judge(scripted_t *scripted, const name_t *name, uint16_t type)
{
	aname_entry_t *entry = scripted_find(scripted, name, type);
	assert_non_null(entry);
	const aname_snapshot_t *known = aname_entry_snapshot(entry);
	const aname_schedule_t *schedule = &scripted->schedule;
	int64_t now_ms = aname_clock_ms();
	return aname_policy_judge(known, atomic_load(&entry->cold), schedule,
	                          aname_policy_left(known, schedule, 3600, now_ms),
	                          atomic_load(&entry->next_ms), now_ms);
}

/*! Has a target looked up: with so many addresses from `first` on. */
static void learn(scripted_t *scripted, const name_t *name, uint16_t type, uint32_t first,
                  uint32_t count, uint32_t ttl)
{
	if (scripted_pending(scripted, name, type) == NULL) {
		scripted_ask(scripted, name, type, 3600);
	}
	scripted_resolve(scripted, scripted_pending(scripted, name, type), first, count, ttl);
}

/* What comes back. */

static void comes_back(void **state)
{
	/* S1: addresses, families without, failures, what was lost; with the age that each has. */
	scripted_t scripted;
	begin(&scripted);
	name_t name = make_name("a.example."), dead = make_name("b.example.");
	name_t lost = make_name("c.example."), unknown = make_name("d.example.");
	learn(&scripted, &name, A, 1, 3, 300);
	learn(&scripted, &name, AAAA, 0, 0, 300);
	learn(&scripted, &dead, A, 7, 2, 20);
	learn(&scripted, &lost, A, 9, 1, 20);
	scripted_ask(&scripted, &unknown, A, 3600);
	scripted_fail(&scripted, scripted_pending(&scripted, &unknown, A), ANAME_FAILURE_SERVER);
	scripted_skip(&scripted, 21000);
	learn(&scripted, &lost, A, 0, 0, 300);
	scripted_fail(&scripted, scripted_pending(&scripted, &dead, A), ANAME_FAILURE_SERVER);
	scripted_skip(&scripted, 1000);

	reboot(&scripted, 50000);
	assert_int_equal(aname_table_targets(scripted.shared->table), 5);
	aname_judgement_t seen = judge(&scripted, &name, A);
	assert_int_equal(seen.worth, ANAME_FRESH);
	assert_int_equal(seen.ttl, 300 - 22 - 50);
	assert_int_equal(known_of(&scripted, &name, A)->count, 3);
	assert_int_equal(judge(&scripted, &name, AAAA).worth, ANAME_NODATA);
	assert_int_equal(judge(&scripted, &dead, A).worth, ANAME_STALE);
	assert_int_equal(judge(&scripted, &unknown, A).worth, ANAME_FAILED);
	assert_int_equal(judge(&scripted, &lost, A).worth, ANAME_NODATA);
	const aname_snapshot_t *known = known_of(&scripted, &lost, A);
	assert_non_null(aname_snapshot_lost(known));
	assert_int_equal(aname_snapshot_last(known)->count, 1);
	known = known_of(&scripted, &dead, A);
	assert_int_equal(known->failure, ANAME_FAILURE_SERVER);
	assert_true(aname_clock_ms() - aname_snapshot_failing(known)->since_ms == 51000);
	/* They go on where they were: what is due is looked up, and nothing else. */
	assert_non_null(scripted_pending(&scripted, &dead, A));
	assert_non_null(scripted_pending(&scripted, &unknown, A));
	assert_null(scripted_pending(&scripted, &name, A));
	assert_null(scripted_pending(&scripted, &name, AAAA));
	scripted_deinit(&scripted);
}

static void long_lifetime(void **state)
{
	/* T3: what is looked up long after the restart keeps its own time, too. */
	scripted_t scripted;
	begin(&scripted);
	name_t name = make_name("a.example.");
	learn(&scripted, &name, A, 1, 1, 3600);
	reboot(&scripted, 1000);
	for (unsigned second = 0; second < 2600; second++) {
		scripted_skip(&scripted, 1000);
		assert_int_equal(scripted.script.started, 0);
	}
	scripted_skip(&scripted, 1000000);
	assert_non_null(scripted_pending(&scripted, &name, A));
	scripted_deinit(&scripted);
}

static void past_lifetime(void **state)
{
	/* S2: past its lifetime it is served at once, stale, and looked up before all else. */
	scripted_t scripted;
	begin(&scripted);
	name_t fresh[50], past = make_name("past.example.");
	for (unsigned i = 0; i < COUNT_OF(fresh); i++) {
		fresh[i] = make_name_nth(i);
		learn(&scripted, &fresh[i], A, 1, 1, 3600);
	}
	learn(&scripted, &past, A, 1, 1, 300);
	reboot(&scripted, 3590000);
	aname_judgement_t seen = judge(&scripted, &past, A);
	assert_int_equal(seen.worth, ANAME_STALE);
	assert_in_range(seen.ttl, 1, ANAME_STALE_TTL);
	for (unsigned i = 0; i < COUNT_OF(fresh); i++) {
		assert_int_equal(judge(&scripted, &fresh[i], A).worth, ANAME_FRESH);
	}
	/* All are due. The one that started first is the last in the script's list. */
	assert_int_equal(scripted.script.pending_count, COUNT_OF(fresh) + 1);
	script_lookup_t *first = scripted.script.pending;
	while (first->next != NULL) {
		first = first->next;
	}
	assert_true(knot_dname_is_equal(first->name.at, past.at));
	scripted_deinit(&scripted);
}

static void too_old(void **state)
{
	/* S2: what is older than stale-max allows is of no use: cold, and looked up. */
	scripted_t scripted;
	begin(&scripted);
	name_t name = make_name("a.example.");
	learn(&scripted, &name, A, 1, 1, 60);
	reboot(&scripted, 1000 * (int64_t)make_schedule.stale_max + 61000);
	assert_int_equal(judge(&scripted, &name, A).worth, ANAME_COLD);
	assert_int_equal(judge(&scripted, &name, A).fallback, ANAME_FAILED);
	assert_non_null(scripted_pending(&scripted, &name, A));
	learn(&scripted, &name, A, 1, 1, 60);
	assert_int_equal(judge(&scripted, &name, A).worth, ANAME_FRESH);
	scripted_deinit(&scripted);
}

static void clock_set_back(void **state)
{
	/* S2: how old anything is cannot be told: all of it is past its lifetime, and none of it is
	 * taken for younger than it was. */
	scripted_t scripted;
	begin(&scripted);
	name_t name = make_name("a.example."), old = make_name("b.example.");
	name_t system = make_name("c.example.");
	learn(&scripted, &old, A, 1, 1, 60);
	scripted_skip(&scripted, 1);
	scripted_fail(&scripted,
	              (scripted_skip(&scripted, 59000), scripted_pending(&scripted, &old, A)),
	              ANAME_FAILURE_SERVER);
	scripted_skip(&scripted, 40000000);
	learn(&scripted, &name, A, 1, 1, 300);
	learn(&scripted, &system, A, 1, 1, ANAME_TTL_UNKNOWN);
	reboot(&scripted, -86400000);
	assert_int_equal(judge(&scripted, &name, A).worth, ANAME_STALE);
	assert_int_equal(judge(&scripted, &system, A).worth, ANAME_STALE);
	int64_t age_ms = aname_clock_ms() - known_of(&scripted, &old, A)->learned_ms;
	assert_true(age_ms >= 40000000);
	assert_non_null(scripted_pending(&scripted, &name, A));
	scripted_deinit(&scripted);
}

static void dormant_stays(void **state)
{
	/* What was not kept fresh is not after a restart either; its addresses stay. */
	scripted_t scripted;
	begin(&scripted);
	name_t name = make_name("a.example.");
	learn(&scripted, &name, A, 1, 1, 300);
	scripted_skip(&scripted, 1000 * (int64_t)make_schedule.idle + 1000);
	assert_int_equal(judge(&scripted, &name, A).worth, ANAME_COLD);
	assert_int_equal(judge(&scripted, &name, A).fallback, ANAME_STALE);
	reboot(&scripted, 1000);
	assert_int_equal(judge(&scripted, &name, A).worth, ANAME_COLD);
	assert_int_equal(judge(&scripted, &name, A).fallback, ANAME_STALE);
	assert_int_equal(scripted.script.pending_count, 0);
	/* It is forgotten when it would have been. */
	scripted_skip(&scripted, 1000 * ((int64_t)make_schedule.ttl_max + make_schedule.stale_max));
	assert_null(scripted_find(&scripted, &name, A));
	scripted_deinit(&scripted);
}

static void unasked_while_planned(void **state)
{
	/* T3: what nobody had asked for within `idle` is not looked up after a restart, be it that its
	 * next lookup was planned for later than that, and for a time that has passed by now. */
	aname_schedule_t schedule = make_schedule;
	schedule.idle = 600;
	clock_stop_at(BEGIN_MS);
	scripted_t scripted;
	scripted_init(&scripted, &schedule, NULL);
	name_t name = make_name("a.example.");
	learn(&scripted, &name, A, 1, 1, 3000);
	scripted_skip(&scripted, 602000);
	assert_int_equal(judge(&scripted, &name, A).worth, ANAME_FRESH);
	assert_false(atomic_load(&scripted_find(&scripted, &name, A)->cold));
	reboot(&scripted, 2300000);
	assert_int_equal(scripted.script.started, 0);
	assert_int_equal(judge(&scripted, &name, A).worth, ANAME_FRESH);
	assert_true(atomic_load(&scripted_find(&scripted, &name, A)->cold));
	scripted_skip(&scripted, 200000);
	assert_int_equal(judge(&scripted, &name, A).worth, ANAME_COLD);
	assert_int_equal(judge(&scripted, &name, A).fallback, ANAME_STALE);
	assert_int_equal(scripted.script.started, 0);
	scripted_deinit(&scripted);
}

static void not_known_yet(void **state)
{
	/* T3: what was asked for and had no answer yet is looked up by the next server, too, and before
	 * all that can be served without. */
	scripted_t scripted;
	begin(&scripted);
	name_t fresh[50], new = make_name("new.example."), old = make_name("old.example.");
	for (unsigned i = 0; i < COUNT_OF(fresh); i++) {
		fresh[i] = make_name_nth(i);
		learn(&scripted, &fresh[i], A, 1, 1, 3600);
	}
	scripted_skip(&scripted, 2400000);
	scripted_ask(&scripted, &new, A, 3600);
	assert_non_null(scripted_pending(&scripted, &new, A));
	reboot(&scripted, 600000);
	assert_int_equal(judge(&scripted, &new, A).worth, ANAME_COLD);
	assert_non_null(scripted_pending(&scripted, &new, A));
	script_lookup_t *first = scripted.script.pending;
	while (first->next != NULL) {
		first = first->next;
	}
	assert_true(knot_dname_is_equal(first->name.at, new.at));
	/* Whoever asks meanwhile waits for that lookup, and has no other one started. */
	unsigned started = scripted.script.started;
	scripted_ask(&scripted, &new, A, 3600);
	assert_int_equal(scripted.script.started, started);
	learn(&scripted, &new, A, 1, 1, 60);
	assert_int_equal(judge(&scripted, &new, A).worth, ANAME_FRESH);

	/* But not if nobody had asked for it within `idle`. */
	scripted_ask(&scripted, &old, A, 3600);
	atomic_store(&scripted_find(&scripted, &old, A)->until_s, 1);
	reboot(&scripted, 1000);
	assert_null(scripted_find(&scripted, &old, A));
	scripted_deinit(&scripted);
}

static void down_for_long(void **state)
{
	/* Nobody could ask while the server was down: that does not count for `idle`. */
	scripted_t scripted;
	begin(&scripted);
	name_t name = make_name("a.example.");
	learn(&scripted, &name, A, 1, 1, 60);
	reboot(&scripted, 1000 * (int64_t)make_schedule.idle + 60000);
	assert_int_equal(judge(&scripted, &name, A).worth, ANAME_STALE);
	assert_non_null(scripted_pending(&scripted, &name, A));
	scripted_deinit(&scripted);
}

/*! All that is looked up fails for so long. */
static void fail_all(scripted_t *scripted, int64_t for_ms)
{
	for (int64_t until_ms = aname_clock_ms() + for_ms; aname_clock_ms() < until_ms;) {
		while (scripted->script.pending != NULL) {
			scripted_fail(scripted, scripted->script.pending, ANAME_FAILURE_SERVER);
		}
		scripted_skip(scripted, 100);
	}
}

static void outage_goes_on(void **state)
{
	/* F4: the server begins anew while its resolver is out, which that is for minutes more. What
	 * has failed since before the restart has failed in the outage, too, as far as can be told:
	 * it is due at once when that is over. */
	enum { MANY = 20 };
	scripted_t scripted;
	begin(&scripted);
	for (unsigned i = 0; i < MANY; i++) {
		name_t name = make_name_nth(i);
		learn(&scripted, &name, A, 1, 1, 60);
	}
	fail_all(&scripted, 120000);
	reboot(&scripted, 5000);
	fail_all(&scripted, 300000);
	while (scripted.script.pending == NULL) {
		scripted_skip(&scripted, 100);
	}
	scripted_resolve(&scripted, scripted.script.pending, 1, 1, 3600);
	assert_int_equal(scripted.script.pending_count, MANY - 1);
	scripted_deinit(&scripted);
}

/*! Time passes, and all is looked up: two names fail, and all others have an address. Returns how
 *  often those were looked up. */
static unsigned all_but(scripted_t *scripted, const name_t dead[2], int64_t for_ms)
{
	unsigned told = 0;
	for (int64_t until_ms = aname_clock_ms() + for_ms; aname_clock_ms() < until_ms;) {
		scripted_skip(scripted, 100);
		while (scripted->script.pending != NULL) {
			script_lookup_t *lookup = scripted->script.pending;
			if (lookup == scripted_pending(scripted, &dead[0], A) ||
			    lookup == scripted_pending(scripted, &dead[1], A)) {
				scripted_fail(scripted, lookup, ANAME_FAILURE_SERVER);
			} else {
				scripted_resolve(scripted, lookup, 1, 1, 3600);
				told++;
			}
		}
		assert_false(scripted->upstream->silent);
	}
	return told;
}

static void good_before_tells(void **state)
{
	/* F4: the server begins anew with some targets that were answered before, and are not due for
	 * long, and two that are dead by themselves. One of the others is looked up, and tells. */
	scripted_t scripted;
	begin(&scripted);
	const name_t dead[] = { make_name("dead.example."), make_name("gone.example.") };
	for (unsigned i = 0; i < 3; i++) {
		name_t name = make_name_nth(i);
		learn(&scripted, &name, A, 1, 1, 3600);
	}
	scripted_ask(&scripted, &dead[0], A, 3600);
	scripted_ask(&scripted, &dead[1], A, 3600);
	(void)all_but(&scripted, dead, 10000);
	reboot(&scripted, 5000);
	assert_in_range(all_but(&scripted, dead, 60000), 1, 6);
	scripted_deinit(&scripted);
}

static void known_stays(void **state)
{
	/* What is known already counts before what a file says. */
	scripted_t scripted;
	begin(&scripted);
	name_t name = make_name("a.example."), other = make_name("b.example.");
	learn(&scripted, &name, A, 1, 1, 300);
	learn(&scripted, &other, A, 1, 1, 300);
	saved_t saved = save(&scripted);
	scripted_deinit(&scripted);
	clock_skip(1000);
	scripted_init(&scripted, NULL, NULL);
	learn(&scripted, &name, A, 5, 2, 300);
	saved.moment.boot_ms += 1000;
	aname_restored_t restored = restore_at(&scripted, &saved, &saved.moment);
	assert_int_equal(restored.targets, 1);
	assert_int_equal(known_of(&scripted, &name, A)->count, 2);
	assert_int_equal(judge(&scripted, &other, A).ttl, 299);
	assert_int_equal(scripted.script.pending_count, 0);
	free(saved.out.data);
	scripted_deinit(&scripted);
}

static void no_room(void **state)
{
	/* max-targets holds for what comes back, too. */
	scripted_t scripted;
	begin(&scripted);
	for (unsigned i = 0; i < 10; i++) {
		name_t name = make_name_nth(i);
		learn(&scripted, &name, A, 1, 1, 300);
		scripted_skip(&scripted, 1000);
	}
	saved_t saved = save(&scripted);
	scripted_deinit(&scripted);
	const aname_limits_t limits = { 4, 4, 1000, 1000000, 1000, 100, 1000 };
	scripted_init(&scripted, NULL, &limits);
	aname_restored_t restored = restore_at(&scripted, &saved, &saved.moment);
	assert_int_equal(restored.no_room, 0);
	/* Another section may still come that lets more be held. */
	assert_int_equal(aname_table_targets(scripted.shared->table), 10);
	scripted_skip(&scripted, ANAME_SETTLED_MS);
	assert_int_equal(aname_table_targets(scripted.shared->table), 4);
	for (unsigned i = 0; i < 10; i++) {
		name_t name = make_name_nth(i);
		assert_int_equal(scripted_find(&scripted, &name, A) != NULL, i >= 6);
	}
	free(saved.out.data);
	scripted_deinit(&scripted);
}

/* Upstreams that nobody names yet. */

/*! Options that ask another server, which nobody holds yet. */
static aname_options_t *elsewhere(void)
{
	aname_options_t *options = make_options();
	options->source.servers_count = 1;
	options->source.servers[0] = (aname_server_t){ .len = 4, .port = 5353 };
	return options;
}

/*! A server knows a target of an upstream; the next one has no section for that. */
static void restart_without_section(scripted_t *scripted, const name_t *name, uint32_t ttl)
{
	begin(scripted);
	const aname_options_t *before = scripted->options;
	scripted->options = aname_shared_hold(scripted->shared, elsewhere(), &scripted->upstream);
	learn(scripted, name, A, 1, 2, ttl);
	saved_t saved = save(scripted);
	scripted->options = before;
	scripted_deinit(scripted);
	scripted_init(scripted, NULL, NULL);
	assert_int_equal(restore_at(scripted, &saved, &saved.moment).targets, 1);
	free(saved.out.data);
}

static void awaited(void **state)
{
	/* S1: entries wait ten minutes for a section that names their upstream. */
	scripted_t scripted;
	name_t name = make_name("a.example.");
	restart_without_section(&scripted, &name, 60);
	scripted_skip(&scripted, ANAME_UPSTREAM_KEEP_MS - 1000);
	assert_int_equal(scripted.script.pending_count, 0);
	scripted.options = aname_shared_hold(scripted.shared, elsewhere(), &scripted.upstream);
	/* At once, before the service has taken note. */
	assert_int_equal(judge(&scripted, &name, A).worth, ANAME_STALE);
	aname_refresh_wake(scripted.refresh);
	assert_non_null(scripted_pending(&scripted, &name, A));
	learn(&scripted, &name, A, 1, 2, 60);
	assert_int_equal(judge(&scripted, &name, A).worth, ANAME_FRESH);
	/* And that was all of the waiting. */
	scripted_skip(&scripted, 30000);
	assert_int_equal(aname_table_targets(scripted.shared->table), 1);
	scripted_deinit(&scripted);
}

static void awaited_fresh(void **state)
{
	/* Its own plan goes on when its section comes within its lifetime. */
	scripted_t scripted;
	name_t name = make_name("a.example.");
	restart_without_section(&scripted, &name, 300);
	scripted_skip(&scripted, 10000);
	scripted.options = aname_shared_hold(scripted.shared, elsewhere(), &scripted.upstream);
	aname_refresh_wake(scripted.refresh);
	assert_int_equal(judge(&scripted, &name, A).ttl, 290);
	assert_int_equal(scripted.script.pending_count, 0);
	scripted_skip(&scripted, 265000);
	assert_non_null(scripted_pending(&scripted, &name, A));
	scripted_deinit(&scripted);
}

static void awaited_in_vain(void **state)
{
	scripted_t scripted;
	name_t name = make_name("a.example.");
	restart_without_section(&scripted, &name, 60);
	scripted_skip(&scripted, ANAME_UPSTREAM_KEEP_MS);
	scripted_skip(&scripted, 1000);
	assert_int_equal(aname_table_targets(scripted.shared->table), 0);
	assert_int_equal(aname_table_addresses(scripted.shared->table), 0);
	assert_int_equal(scripted.script.started, 0);
	scripted_deinit(&scripted);
}

static void awaited_many(void **state)
{
	/* Others that come and go meanwhile do not push it out. */
	scripted_t scripted;
	name_t name = make_name("a.example.");
	restart_without_section(&scripted, &name, 300);
	for (unsigned i = 0; i < 3 * ANAME_UPSTREAMS_KEPT; i++) {
		aname_options_t *options = elsewhere();
		options->source.servers[0].port = 1000 + i;
		const aname_upstream_t *upstream = NULL;
		aname_shared_unhold(scripted.shared,
		                    aname_shared_hold(scripted.shared, options, &upstream));
		scripted_skip(&scripted, 2000);
	}
	assert_int_equal(aname_table_targets(scripted.shared->table), 1);
	scripted.options = aname_shared_hold(scripted.shared, elsewhere(), &scripted.upstream);
	assert_int_equal(judge(&scripted, &name, A).worth, ANAME_FRESH);
	scripted_deinit(&scripted);
}

/* While a server stops. */

static void unloaded_one_by_one(void **state)
{
	/* A server that stops lets sections go one by one: what is known from each is in the file
	 * that is saved with the last. */
	enum { SECTIONS = 20 };
	scripted_t scripted;
	begin(&scripted);
	const aname_options_t *held[SECTIONS];
	name_t name = make_name("a.example.");
	for (unsigned i = 0; i < SECTIONS; i++) {
		aname_options_t *options = elsewhere();
		options->source.servers[0].port = 1000 + i;
		held[i] = aname_shared_hold(scripted.shared, options, &scripted.upstream);
		learn(&scripted, &name, A, 1, 1, 300);
	}
	for (unsigned i = 0; i < SECTIONS; i++) {
		aname_shared_unhold(scripted.shared, held[i]);
		scripted_skip(&scripted, 500);
	}
	saved_t saved = save(&scripted);
	aname_state_in_t in;
	assert_int_equal(aname_state_open(&in, saved.out.data, saved.out.len), ANAME_STATE_GOOD);
	assert_int_equal(in.targets, SECTIONS);
	aname_state_record_t record;
	aname_state_kind_t kind;
	while ((kind = aname_state_next(&in, &record)) != ANAME_STATE_END) {
		assert_false(kind == ANAME_STATE_TARGET && record.target.dormant);
	}
	free(saved.out.data);
	scripted_deinit(&scripted);
}

static void collected_in_steps(void **state)
{
	/* The table grows while it is walked over: each target is in the file once. */
	enum { TARGETS = 3000 };
	scripted_t scripted;
	begin(&scripted);
	for (unsigned i = 0; i < TARGETS; i++) {
		name_t name = make_name_nth(i);
		learn(&scripted, &name, A, i, 1, 3000);
	}
	aname_collect_t collect;
	aname_collect_begin(&collect, scripted.refresh, 77, aname_clock_ms());
	unsigned more = TARGETS, steps = 0;
	while (!aname_collect_step(&collect)) {
		if (more < 2 * TARGETS && ++steps % 2 == 0) {
			name_t name = make_name_nth(more++);
			learn(&scripted, &name, A, 1, 1, 3000);
		}
	}
	assert_true(steps > TARGETS / 64);
	assert_true(aname_state_end(&collect.out));
	aname_state_in_t in;
	assert_int_equal(aname_state_open(&in, collect.out.data, collect.out.len),
	                 ANAME_STATE_GOOD);
	assert_int_equal(in.targets, collect.targets);
	assert_in_range(in.targets, TARGETS, more);
	saved_t saved = { .out = collect.out, .moment = aname_state_now() };
	scripted_deinit(&scripted);
	scripted_init(&scripted, NULL, NULL);
	assert_int_equal(restore_at(&scripted, &saved, &saved.moment).targets, in.targets);
	free(saved.out.data);
	scripted_deinit(&scripted);
}

/* Health. */

static void forced_stays(void **state)
{
	/* H8: an operator's word lasts a restart, and its time goes on. */
	scripted_t scripted;
	begin(&scripted);
	name_t name = make_name("a.example.");
	learn(&scripted, &name, A, 1, 2, 300);
	aname_subject_t target = { .len = 0 }, address = { .len = 4 };
	memcpy(target.name, name.at, name.len);
	make_address(address.address, 4, 2);
	assert_int_equal(
	        aname_refresh_force(scripted.refresh, &target, ANAME_FORCED_UP, ANAME_FORCED_EVER),
	        KNOT_EOK);
	assert_int_equal(aname_refresh_force(scripted.refresh, &address, ANAME_FORCED_DOWN,
	                                     aname_clock_ms() + 90000),
	                 KNOT_EOK);
	reboot(&scripted, 60000);
	const aname_view_t *view = aname_snapshot_view(known_of(&scripted, &name, A), 0);
	assert_non_null(view);
	assert_int_equal(view->count, 1);
	scripted_skip(&scripted, 30000);
	view = aname_snapshot_view(known_of(&scripted, &name, A), 0);
	assert_non_null(view);
	assert_int_equal(view->count, 2);
	assert_false(view->forced_down);
	scripted_deinit(&scripted);
}

/*! Holds options that probe, and has the target seen through them. */
static uint32_t probe(scripted_t *scripted, const name_t *name)
{
	const aname_options_t *options =
	        aname_shared_hold(scripted->shared, make_probing(1), &scripted->upstream);
	aname_refresh_wake(scripted->refresh);
	const aname_key_t key = make_key(scripted->upstream, name, A);
	const aname_interest_t interest = { .ttl = 300,
		                            .until_s = UINT32_MAX,
		                            .definition = options->definition };
	assert_true(aname_queue_push(scripted->shared->queue, &key, NULL,
	                             aname_table_hash(scripted->shared->table, &key), interest));
	aname_refresh_wake(scripted->refresh);
	return options->definition;
}

/*! Sets what the prober knows of an address. */
static void set_health(scripted_t *scripted, uint32_t definition, const name_t *name, uint32_t n,
                       aname_health_t health)
{
	uint8_t address[4];
	make_address(address, 4, n);
	aname_probed_t *probed = (aname_probed_t *)aname_health_probed(
	        scripted->refresh, definition, name->at, address, 4);
	assert_non_null(probed);
	probed->verdict = (aname_verdict_t){ .health = health, .since_ms = aname_clock_ms() };
}

static void verdicts_stay(void **state)
{
	/* What was down is not served after a restart, not even before anybody has asked, nor when
	 * sections come one after the other. */
	scripted_t scripted;
	begin(&scripted);
	name_t name = make_name("a.example.");
	learn(&scripted, &name, A, 1, 3, 300);
	uint32_t id = probe(&scripted, &name);
	set_health(&scripted, id, &name, 2, ANAME_HEALTH_DOWN);
	set_health(&scripted, id, &name, 3, ANAME_HEALTH_UP);
	reboot(&scripted, 1000);
	const aname_snapshot_t *known = known_of(&scripted, &name, A);
	assert_int_equal(known->views, 1);
	assert_int_equal(aname_snapshot_views(known)->count, 2);
	/* Another section comes before the one that probes. */
	aname_options_t *other = make_options();
	other->wait_ms = 1;
	const aname_upstream_t *upstream = NULL;
	(void)aname_shared_hold(scripted.shared, other, &upstream);
	scripted_skip(&scripted, 2000);
	assert_int_equal(known_of(&scripted, &name, A)->views, 1);
	id = probe(&scripted, &name);
	known = known_of(&scripted, &name, A);
	const aname_view_t *view = aname_snapshot_view(known, id);
	assert_non_null(view);
	assert_int_equal(view->count, 2);
	assert_int_equal(view->unknown, 1);
	assert_true(view->changed_ms == aname_clock_ms() - 3000);
	assert_int_equal(aname_refresh_probes(scripted.refresh).down, 1);
	assert_int_equal(aname_refresh_probes(scripted.refresh).up, 1);
	scripted_deinit(&scripted);
}

/* Clocks. */

static void elapsed(void **state)
{
	static const uint8_t boot[16] = { 1 };
	aname_state_moment_t saved = { .boot_ms = 5000, .wall_ms = 1000000 }, now = saved;
	memcpy(saved.boot_id, boot, sizeof(boot));
	memcpy(now.boot_id, boot, sizeof(boot));
	int64_t elapsed_ms;
	/* In one boot what the wall's clock does is of no account. */
	now.boot_ms = 7000;
	now.wall_ms = 0;
	assert_true(aname_state_elapsed(&saved, &now, &elapsed_ms));
	assert_true(elapsed_ms == 2000);
	/* Another boot, another time namespace, or no identity: only that is left. */
	now.wall_ms = 1600000;
	now.boot_ms = 4000;
	assert_true(aname_state_elapsed(&saved, &now, &elapsed_ms));
	assert_true(elapsed_ms == 600000);
	now.boot_ms = 7000;
	now.boot_id[1] = 1;
	assert_true(aname_state_elapsed(&saved, &now, &elapsed_ms));
	assert_true(elapsed_ms == 600000);
	memset(now.boot_id, 0, sizeof(now.boot_id));
	memset(saved.boot_id, 0, sizeof(saved.boot_id));
	assert_true(aname_state_elapsed(&saved, &now, &elapsed_ms));
	assert_true(elapsed_ms == 600000);
	now.wall_ms = 999999;
	assert_false(aname_state_elapsed(&saved, &now, &elapsed_ms));
	assert_true(elapsed_ms == 0);
}

static void clocks(void **state)
{
	clock_stop_at(-1);
	static const uint8_t unknown[16];
	aname_state_moment_t one = aname_state_now(), other = aname_state_now();
	assert_memory_equal(one.boot_id, other.boot_id, sizeof(one.boot_id));
	assert_memory_not_equal(one.boot_id, unknown, sizeof(unknown));
	assert_true(one.boot_ms > 0 && other.boot_ms >= one.boot_ms);
	assert_true(one.wall_ms > INT64_C(1700000000000));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PROVES("what was known comes back, with its age", comes_back),
		PROVES("T3: long lifetimes are looked up in their own time", long_lifetime),
		PROVES("past its lifetime it is stale, and looked up first", past_lifetime),
		PROVES("what is too old for any use is cold", too_old),
		PROVES("where the clock was set back, nothing is fresh", clock_set_back),
		PROVES("what was not kept fresh stays so", dormant_stays),
		PROVES("T3: nor is it looked up because of the restart", unasked_while_planned),
		PROVES("T3: what was asked for and not known yet is looked up", not_known_yet),
		PROVES("the time that a server was down does not count for idle", down_for_long),
		PROVES("F4: an outage that goes on concerns what failed before it", outage_goes_on),
		PROVES("F4: and one that does not is told from dead targets", good_before_tells),
		PROVES("what is known already counts before a file", known_stays),
		PROVES("max-targets holds", no_room),
		PROVES("targets wait for a section that names their upstream", awaited),
		PROVES("and go on as planned when it comes in time", awaited_fresh),
		PROVES("but not for ever", awaited_in_vain),
		PROVES("and are not pushed out by others", awaited_many),
		PROVES("sections that go one by one are all in the file", unloaded_one_by_one),
		PROVES("a table that grows meanwhile is in the file once", collected_in_steps),
		PROVES("what is forced stays forced", forced_stays),
		PROVES("what was down is not served", verdicts_stay),
		PROVES("time between two moments", elapsed),
		PROVES("the clocks are read", clocks),
	};
	return RUN_TESTS("restore", tests);
}
