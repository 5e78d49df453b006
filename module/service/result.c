#include "service/result.h"

#include <stdlib.h>

#include <libknot/descriptor.h>

#include "service/confirm.h"
#include "service/far_owners.h"
#include "service/health.h"
#include "service/outage.h"
#include "service/schedule.h"
#include "service/subnets.h"
#include "table/policy.h"

/*! How long the largest lag is remembered, at least. */
#define LAG_WINDOW_MS 60000

static void note_lag(aname_refresh_t *refresh, aname_entry_t *entry, const aname_run_t *run,
                     int64_t now_ms)
{
	if (run->priority != ANAME_PRIORITY_REFRESH) {
		return;
	}
	int64_t due_ms = run->due_ms > refresh->resumed_ms ? run->due_ms : refresh->resumed_ms;
	int64_t late_ms = now_ms - due_ms;
	uint32_t lag = late_ms > 0 ? late_ms : 0;
	atomic_store_explicit(&entry->lag_ms, lag, memory_order_relaxed);

	if (now_ms - refresh->lag_window_ms > LAG_WINDOW_MS) {
		refresh->lag_before = refresh->lag_now;
		refresh->lag_now = 0;
		refresh->lag_window_ms = now_ms;
	}
	refresh->lag_now = lag > refresh->lag_now ? lag : refresh->lag_now;
	uint32_t largest =
	        refresh->lag_now > refresh->lag_before ? refresh->lag_now : refresh->lag_before;
	atomic_store_explicit(&refresh->shared->totals.lag_ms, largest, memory_order_relaxed);
}

/* Failure. */

static void fail(aname_refresh_t *refresh, aname_entry_t *entry, aname_failure_t failure,
                 aname_evidence_t evidence, const char *why, int64_t now_ms)
{
	const aname_snapshot_t *before = aname_entry_snapshot(entry);
	bool was_good = before != NULL && entry->plan.failures == 0;
	/* A failure names no end: if there was no other one, that is the target itself. */
	bool aliased = atomic_load(&entry->end) != 0;
	aname_refresh_count(&refresh->shared->totals.failed, &entry->failed);
	aname_snapshot_t *snapshot = aname_snapshot_failed(before, failure, why, now_ms);
	if (snapshot != NULL) {
		aname_health_publish(refresh, entry, snapshot, now_ms);
	}
	atomic_store(&entry->cold, false);

	if (entry->plan.failures < UINT8_MAX) {
		entry->plan.failures++;
	}
	if (entry->for_subnet) {
		aname_subnets_note(entry, false);
		if (entry->plan.failures == 1) {
			aname_events_subnet(&refresh->events, entry, why, now_ms);
		}
	}
	if (failure == ANAME_FAILURE_SERVER && !aliased) {
		aname_confirm_ask(refresh, entry, NULL, now_ms);
		if (before != NULL) {
			aname_far_owners_ask(refresh, entry, NULL,
			                     aname_schedule_of(entry)->retry_max, now_ms);
		}
	}
	aname_outage_failed(refresh, entry, evidence, was_good, now_ms);
	aname_outage_rest(refresh, entry, was_good, now_ms);
}

/*! What a lookup says that has failed for this reason. */
static aname_evidence_t evidence_of(const aname_entry_t *entry, aname_failure_t failure)
{
	if (failure == ANAME_FAILURE_TIMEOUT || failure == ANAME_FAILURE_NETWORK) {
		return ANAME_EVIDENCE_SILENCE;
	}
	/* getaddrinfo does not tell a SERVFAIL from no answer at all. */
	bool tells = entry->upstream->source.servers_count > 0;
	return failure == ANAME_FAILURE_SERVER && !tells ? ANAME_EVIDENCE_UNSURE
	                                                 : ANAME_EVIDENCE_ANSWER;
}

void aname_result_failed(aname_refresh_t *refresh, aname_entry_t *entry, aname_failure_t failure,
                         const char *why, int64_t now_ms)
{
	fail(refresh, entry, failure, evidence_of(entry, failure), why, now_ms);
}

void aname_result_refused(aname_refresh_t *refresh, aname_entry_t *entry, bool for_name,
                          const char *why, int64_t now_ms)
{
	if (for_name) {
		fail(refresh, entry, ANAME_FAILURE_SERVER, ANAME_EVIDENCE_NONE, why, now_ms);
	} else {
		fail(refresh, entry, ANAME_FAILURE_NETWORK, ANAME_EVIDENCE_LOCAL, why, now_ms);
	}
}

/* Success. */

/*! The shortest lifetime asked for in this and the last window of `idle` seconds. */
static uint32_t shortest_ttl(const aname_refresh_t *refresh, aname_entry_t *entry, int64_t now_ms)
{
	aname_plan_t *plan = &entry->plan;
	int64_t now_s = now_ms / 1000;
	if (plan->window_s < refresh->options_s) {
		/* What was asked for under other options counts until queries had the time to note
		 * it anew: whoever keeps a name warm may not have come by since. */
		uint32_t before = atomic_exchange(&entry->min_ttl, UINT32_MAX);
		plan->min_ttl_prev = before < plan->min_ttl_prev ? before : plan->min_ttl_prev;
		plan->window_s = now_s;
	} else if (now_s - plan->window_s > aname_schedule_of(entry)->idle) {
		plan->min_ttl_prev = atomic_exchange(&entry->min_ttl, UINT32_MAX);
		plan->window_s = now_s;
	}
	uint32_t ttl = atomic_load(&entry->min_ttl);
	ttl = ttl < plan->min_ttl_prev ? ttl : plan->min_ttl_prev;
	return ttl == UINT32_MAX ? INT32_MAX : ttl;
}

/*! When to look up again what a lookup taught; the snapshot is not published yet. */
static int64_t next_after(aname_refresh_t *refresh, aname_entry_t *entry,
                          const aname_snapshot_t *snapshot, int64_t now_ms)
{
	const aname_upstream_terms_t *terms = &entry->upstream->terms;
	uint32_t life = aname_policy_life(&terms->schedule, shortest_ttl(refresh, entry, now_ms),
	                                  snapshot->ttl);
	return aname_policy_await_expiry(!terms->no_grace, aname_entry_snapshot(entry),
	                                 snapshot->ttl, life, now_ms)
	               ? aname_policy_next_expiry(life, aname_refresh_chance(refresh), now_ms)
	               : aname_policy_next_refresh(life, snapshot->usual_ms,
	                                           aname_refresh_chance(refresh), now_ms);
}

/*! One family of a target is lost: has the other one looked up, if it has addresses of before and
 *  is kept fresh. */
static void hasten_other(aname_refresh_t *refresh, const aname_entry_t *entry, int64_t now_ms)
{
	aname_entry_t *other = aname_table_find_other(refresh->shared->table, entry);
	const aname_snapshot_t *known = other != NULL ? aname_entry_snapshot(other) : NULL;
	if (known != NULL && known->count > 0 && other->plan.state == ANAME_PLAN_WAITING &&
	    other->plan.failures == 0 && other->run == NULL &&
	    aname_schedule_is_wanted(other, now_ms)) {
		aname_schedule_unplan(refresh, other);
		aname_schedule_ready(refresh, other, ANAME_PRIORITY_REFRESH, now_ms);
	}
}

/*! Where the aliases of a target end, as its owner is known (F5); 0: nowhere else. */
static uint64_t end_of(const aname_refresh_t *refresh, const aname_entry_t *entry,
                       const knot_dname_t *last)
{
	size_t len = last != NULL ? knot_dname_size(last) : 0;
	if (len == 0 || knot_dname_is_equal(last, aname_entry_name(entry))) {
		return 0;
	}
	return aname_owners_hash(refresh->shared->owners, last, len);
}

/*! Publishes a success and plans the next lookup. The entry is in no heap and no line. */
static void learned(aname_refresh_t *refresh, aname_entry_t *entry, const aname_run_t *run,
                    const aname_result_t *result, int64_t now_ms)
{
	const aname_snapshot_t *before = aname_entry_snapshot(entry);
	aname_result_t kept = *result;
	aname_policy_bare(before, &kept);
	/* A subnet without addresses is nothing remarkable. */
	aname_snapshot_t *snapshot = aname_snapshot_after(entry->for_subnet ? NULL : before, &kept,
	                                                  now_ms, aname_refresh_chance(refresh));
	if (snapshot == NULL) {
		aname_result_failed(refresh, entry, ANAME_FAILURE_NETWORK, "out of memory", now_ms);
		return;
	}

	snapshot->usual_ms = aname_policy_usual(before, now_ms - run->started_ms);
	uint64_t end = end_of(refresh, entry, result->last);
	if (end != atomic_exchange(&entry->end, end)) {
		/* It may lead back to other owners than before (F5). */
		aname_followers_tell(&refresh->followers, entry);
	}
	aname_refresh_count(&refresh->shared->totals.succeeded, &entry->succeeded);
	note_lag(refresh, entry, run, now_ms);
	if (entry->for_subnet) {
		aname_subnets_note(entry, true);
	} else {
		aname_events_change(&refresh->events, entry, before, snapshot, now_ms);
	}
	entry->plan.failures = 0;
	int64_t next_ms = next_after(refresh, entry, snapshot, now_ms);
	bool lost = snapshot->lost && !before->lost;
	bool aliased = end != 0;
	aname_health_publish(refresh, entry, snapshot, now_ms);
	atomic_store(&entry->cold, false);
	aname_schedule_plan(refresh, entry, next_ms);
	const knot_dname_t *last = aliased ? result->last : NULL;
	aname_confirm_ask(refresh, entry, last, now_ms);
	if (before != NULL) {
		/* Who asks for a new name waits for nothing but its addresses. */
		aname_far_owners_ask(refresh, entry, last, (next_ms - now_ms) / 1000, now_ms);
	}
	if (lost) {
		hasten_other(refresh, entry, now_ms);
	}
}

/*! A lookup for a subnet has succeeded. The entry is in no heap and no line. */
static void learned_subnet(aname_refresh_t *refresh, const aname_run_t *run,
                           const aname_result_t *result, int64_t now_ms)
{
	aname_entry_t *entry = run->entry;
	aname_entry_t *settled = aname_subnets_settle(refresh, entry, result->scope, now_ms);
	if (settled == NULL || settled->plan.state == ANAME_PLAN_READY) {
		/* Out of memory, or about to be looked up itself. */
		return;
	}
	if (settled != entry && settled->plan.state != ANAME_PLAN_NONE) {
		aname_schedule_unplan(refresh, settled);
	}
	learned(refresh, settled, run, result, now_ms);
}

/*! Tells, once for each server, that answers are kept for subnets that it does not name (N4). */
static void note_unscoped(aname_refresh_t *refresh, aname_upstream_work_t *work, unsigned number,
                          int64_t now_ms)
{
	if (number > 0 && !(work->unscoped & 1u << (number - 1))) {
		work->unscoped |= 1u << (number - 1);
		aname_events_unscoped(&refresh->events, &work->upstream->source.servers[number - 1],
		                      now_ms);
	}
}

static void succeeded(aname_refresh_t *refresh, const aname_run_t *run,
                      const aname_result_t *result, int64_t now_ms)
{
	aname_entry_t *entry = run->entry;
	aname_upstream_work_t *work = aname_work_of(entry);
	/* A late answer is as good as any. */
	aname_schedule_unplan(refresh, entry);
	aname_outage_succeeded(refresh, entry, now_ms);
	note_unscoped(refresh, work, result->unscoped, now_ms);
	if (entry->for_subnet) {
		learned_subnet(refresh, run, result, now_ms);
	} else {
		learned(refresh, entry, run, result, now_ms);
	}
}

/*! The run of a lookup has ended; returns what it was. */
static aname_run_t end_run(aname_refresh_t *refresh, aname_run_t *ended, int64_t now_ms)
{
	const aname_run_t run = *ended;
	aname_upstream_work_t *work = aname_work_of(run.entry);
	aname_places_give_back(&work->places, ended->place);
	free(ended);
	run.entry->run = NULL;
	work->running[run.priority]--;
	aname_refresh_end_run(refresh, work, now_ms);
	return run;
}

void aname_result_take(aname_refresh_t *refresh, aname_run_t *ended, const aname_result_t *result,
                       int64_t now_ms)
{
	const aname_run_t run = end_run(refresh, ended, now_ms);
	aname_entry_t *entry = run.entry;
	bool in_time = entry->plan.state == ANAME_PLAN_RUNNING;

	if (result->failure == ANAME_FAILURE_NONE) {
		succeeded(refresh, &run, result, now_ms);
	} else if (in_time && refresh->paused) {
		aname_schedule_unplan(refresh, entry);
		aname_schedule_plan(refresh, entry, now_ms);
	} else if (in_time) {
		aname_schedule_unplan(refresh, entry);
		aname_result_failed(refresh, entry, result->failure,
		                    result->detail != NULL ? result->detail : "no answer", now_ms);
		aname_outage_ended(refresh, entry, run.started_ms, now_ms);
	} else {
		/* It was counted when the time was up. */
		aname_outage_ended(refresh, entry, run.started_ms, now_ms);
	}
}
