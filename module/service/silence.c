#include "service/silence.h"

#include "service/health.h"
#include "service/schedule.h"
#include "table/policy.h"

/*! Entries that fail at once in one step, so that nothing else is held up by very many. */
#define FAIL_AT_ONCE 2000
/*! Entries that are looked at in one step for whether they are still asked for. */
#define LOOK_AT      64
/*! While others than the one that is silent are known, they are asked at most this often. */
#define CHECK_MS     10000

/* What was answered last. */

static uint64_t hash_of(const aname_refresh_t *refresh, const aname_entry_t *entry)
{
	const knot_dname_t *name = aname_entry_name(entry);
	return aname_shared_hash(refresh->shared->seed, name, knot_dname_size(name));
}

/*! Is a name known that was answered when it was asked last? */
static bool any_good(const aname_refresh_t *refresh, aname_upstream_work_t *work)
{
	return aname_good_any(&work->good, refresh->shared->table, work->upstream);
}

/*! Has one of those looked up, and of another name than the one that failed if there is any. */
static void check(aname_refresh_t *refresh, aname_upstream_work_t *work, uint64_t failed,
                  int64_t now_ms)
{
	aname_entry_t *entry = now_ms >= work->check_ms
	                               ? aname_good_choose(&work->good, refresh->shared->table,
	                                                   work->upstream, failed)
	                               : NULL;
	if (entry != NULL) {
		work->check_ms = now_ms + CHECK_MS;
		aname_schedule_unplan(refresh, entry);
		aname_schedule_ready(refresh, entry, ANAME_PRIORITY_REFRESH, now_ms);
	}
}

/* Those that wait. */

static void wait_in_line(aname_upstream_work_t *work, aname_entry_t *entry, bool first,
                         int64_t now_ms)
{
	aname_line_t *line = &work->waiting;
	entry->plan.state = ANAME_PLAN_READY;
	atomic_store(&entry->next_ms, now_ms);
	if (first && line->first != NULL) {
		entry->ready_next = line->first;
		line->first = entry;
	} else {
		aname_line_append(line, entry);
	}
	work->waiting_count++;
}

static aname_entry_t *take_waiting(aname_upstream_work_t *work)
{
	work->waiting_count--;
	return aname_line_take(&work->waiting);
}

/* It is out. */

static void begin(aname_refresh_t *refresh, aname_upstream_work_t *work, int64_t now_ms)
{
	work->out = true;
	work->try_ms = now_ms + ANAME_OUTAGE_TRY_MS;
	work->next_out = refresh->out_first;
	refresh->out_first = work;
	work->logged_out =
	        aname_events_out(&refresh->events, work->upstream,
	                         !atomic_load(&work->upstream->silent), &work->logged_ms, now_ms);
}

static void unlist(aname_refresh_t *refresh, aname_upstream_work_t *work)
{
	if (!work->out) {
		return;
	}
	work->out = false;
	aname_upstream_work_t **at = &refresh->out_first;
	while (*at != work) {
		at = &(*at)->next_out;
	}
	*at = work->next_out;
}

/*! Is nothing heard any more, as far as can be seen? If it cannot be told, one more is asked. */
static bool is_silent(aname_refresh_t *refresh, aname_upstream_work_t *work, int64_t now_ms)
{
	const aname_streak_t *unheard = &work->unheard;
	bool lasts = aname_streak_lasts(unheard, now_ms);
	if (unheard->several && unheard->witness) {
		return lasts;
	}
	if (any_good(refresh, work)) {
		check(refresh, work, unheard->name, now_ms);
		return false;
	}
	/* Either there is no other name, or no other has an answer, either. */
	return lasts && (unheard->several || !work->failing.several);
}

/*! Does everything fail, of more names than one? */
static bool fails_as_a_whole(aname_refresh_t *refresh, aname_upstream_work_t *work, int64_t now_ms)
{
	const aname_streak_t *failing = &work->failing;
	if (!failing->several || !aname_streak_lasts(failing, now_ms)) {
		return false;
	}
	if (failing->witness || !any_good(refresh, work)) {
		return true;
	}
	check(refresh, work, failing->name, now_ms);
	return false;
}

static void note_heard(aname_upstream_work_t *work, int64_t now_ms)
{
	work->unheard = (aname_streak_t){ 0 };
	atomic_store_explicit(&work->upstream->silent, false, memory_order_relaxed);
	atomic_store_explicit(&work->upstream->heard_ms, now_ms, memory_order_relaxed);
}

aname_word_t aname_silence_word(const aname_entry_t *entry, aname_failure_t failure)
{
	if (failure == ANAME_FAILURE_TIMEOUT || failure == ANAME_FAILURE_NETWORK) {
		return ANAME_WORD_UNHEARD;
	}
	/* getaddrinfo does not tell a SERVFAIL from no answer at all. */
	bool tells = entry->upstream->source.servers_count > 0;
	return failure == ANAME_FAILURE_SERVER && !tells ? ANAME_WORD_UNSURE : ANAME_WORD_HEARD;
}

void aname_silence_failed(aname_refresh_t *refresh, const aname_entry_t *entry, aname_word_t word,
                          bool good, int64_t now_ms)
{
	if (word == ANAME_WORD_NOTHING) {
		return;
	}
	aname_upstream_work_t *work = aname_work_of(entry);
	uint64_t name = hash_of(refresh, entry);
	aname_streak_add(&work->failing, name, good, now_ms);
	if (word == ANAME_WORD_UNHEARD) {
		work->answers_ms = 0;
	} else if (work->answers_ms == 0) {
		work->answers_ms = now_ms;
	}
	if (word == ANAME_WORD_HEARD) {
		note_heard(work, now_ms);
	} else if (word != ANAME_WORD_UNASKED) {
		aname_streak_add(&work->unheard, name, good, now_ms);
		if (!atomic_load(&work->upstream->silent) && is_silent(refresh, work, now_ms)) {
			/* Workers are told (P1). */
			atomic_store_explicit(&work->upstream->silent, true, memory_order_relaxed);
		}
	}
	if (!work->out &&
	    (atomic_load(&work->upstream->silent) || fails_as_a_whole(refresh, work, now_ms))) {
		begin(refresh, work, now_ms);
	}
}

void aname_silence_rest(aname_refresh_t *refresh, aname_entry_t *entry, bool first, int64_t now_ms)
{
	aname_upstream_work_t *work = aname_work_of(entry);
	if (work->out && !entry->for_subnet && entry->run == NULL) {
		wait_in_line(work, entry, first, now_ms);
		return;
	}
	aname_schedule_plan(refresh, entry,
	                    aname_policy_next_retry(aname_schedule_of(entry), entry->plan.failures,
	                                            aname_refresh_chance(refresh), now_ms));
}

/*! What is due, or cold, fails without being asked, which counts as no lookup. */
static void fail_unasked(aname_refresh_t *refresh, aname_entry_t *entry, int64_t now_ms)
{
	const aname_snapshot_t *known = aname_entry_snapshot(entry);
	bool fresh = entry->plan.failures == 0; /* It tells more than what was tried in vain. */
	if (known == NULL || known->failure == ANAME_FAILURE_NONE) {
		aname_snapshot_t *failed = aname_snapshot_failed(known, ANAME_FAILURE_NETWORK,
		                                                 "the resolver is silent", now_ms);
		if (failed != NULL) {
			aname_health_publish(refresh, entry, failed, now_ms);
		}
	}
	atomic_store(&entry->cold, false);
	if (fresh || (entry->for_subnet && entry->plan.failures < UINT8_MAX)) {
		entry->plan.failures++;
	}
	aname_silence_rest(refresh, entry, fresh, now_ms);
}

/*! Has what is ready fail at once; returns whether there is more. */
static bool fail_ready(aname_refresh_t *refresh, aname_upstream_work_t *work, int64_t now_ms)
{
	unsigned failed = 0;
	for (aname_priority_t priority = 0; priority < ANAME_PRIORITIES; priority++) {
		while (priority != ANAME_PRIORITY_PROBE && work->ready[priority].first != NULL &&
		       failed < FAIL_AT_ONCE) {
			fail_unasked(refresh, aname_schedule_take(work, priority), now_ms);
			failed++;
		}
	}
	if (failed > 0) {
		aname_waiters_wake(refresh->shared->waiters);
	}
	return failed == FAIL_AT_ONCE;
}

/*! What is ready and would fail at once; NULL if nothing is. */
static aname_entry_t *take_ready(aname_upstream_work_t *work)
{
	static const aname_priority_t order[] = { ANAME_PRIORITY_COLD, ANAME_PRIORITY_REFRESH,
		                                  ANAME_PRIORITY_RETURN, ANAME_PRIORITY_RETRY };
	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
		if (work->ready[order[i]].first != NULL) {
			return aname_schedule_take(work, order[i]);
		}
	}
	return NULL;
}

/*! The next of those that wait which is still asked for, or NULL. Some of the others are looked at
 *  as well, so that what nobody asks for does not wait for ever. */
static aname_entry_t *choose_waiting(aname_refresh_t *refresh, aname_upstream_work_t *work,
                                     int64_t now_ms)
{
	aname_entry_t *chosen = NULL;
	size_t most = work->waiting_count < LOOK_AT ? work->waiting_count : LOOK_AT;
	for (size_t i = 0; i < most && work->waiting.first != NULL; i++) {
		aname_entry_t *entry = take_waiting(work);
		if (!aname_schedule_is_wanted(entry, now_ms)) {
			aname_schedule_dormant(refresh, entry, now_ms);
		} else if (chosen == NULL) {
			chosen = entry;
		} else {
			wait_in_line(work, entry, false, atomic_load(&entry->next_ms));
		}
	}
	return chosen;
}

static int64_t pause_of(const aname_upstream_work_t *work, int64_t now_ms)
{
	int64_t longest_ms = 1000 * (int64_t)work->upstream->terms.schedule.retry_max;
	return aname_outage_pause(work->answers_ms, longest_ms, now_ms);
}

/*! Is it time to try whether it is back? */
static bool may_try(const aname_upstream_work_t *work, int64_t now_ms)
{
	bool set_back = work->try_ms - now_ms > pause_of(work, now_ms);
	return (now_ms >= work->try_ms || set_back) &&
	       work->ready[ANAME_PRIORITY_PROBE].first == NULL;
}

/*! Tries whether it is back. */
static void try_again(aname_refresh_t *refresh, aname_upstream_work_t *work, int64_t now_ms)
{
	/* What has not failed yet tells more, and is new to whoever asks. */
	bool silent = atomic_load(&work->upstream->silent);
	aname_entry_t *entry = silent ? take_ready(work) : NULL;
	entry = entry != NULL ? entry : choose_waiting(refresh, work, now_ms);
	if (entry != NULL) {
		work->try_ms = now_ms + pause_of(work, now_ms);
		aname_schedule_ready(refresh, entry, ANAME_PRIORITY_PROBE,
		                     atomic_load(&entry->next_ms));
	}
}

int64_t aname_silence_advance(aname_refresh_t *refresh, int64_t now_ms)
{
	int64_t next_ms = INT64_MAX;
	for (aname_upstream_work_t *work = refresh->out_first; work != NULL;
	     work = work->next_out) {
		if (may_try(work, now_ms)) {
			try_again(refresh, work, now_ms);
		}
		if (atomic_load(&work->upstream->silent) && fail_ready(refresh, work, now_ms)) {
			next_ms = now_ms;
		}
		/* A lookup that limits hold back is started when they allow. */
		if (work->waiting_count > 0 && work->try_ms < next_ms &&
		    work->ready[ANAME_PRIORITY_PROBE].first == NULL) {
			next_ms = work->try_ms;
		}
	}
	if (next_ms == INT64_MAX) {
		return -1;
	}
	return next_ms > now_ms ? next_ms - now_ms : 0;
}

/* It is back. */

/*! Puts a line into the order of what is asked for most. */
static void sort(aname_line_t *line, uint32_t now_s)
{
	for (unsigned shift = 0; shift < 16; shift += 8) {
		aname_line_t by[256] = { { NULL, NULL } };
		while (line->first != NULL) {
			aname_entry_t *entry = aname_line_take(line);
			aname_line_append(&by[aname_entry_demand(entry, now_s) >> shift & 0xff],
			                  entry);
		}
		for (unsigned i = 256; i-- > 0;) {
			aname_entry_t **end =
			        line->last != NULL ? &line->last->ready_next : &line->first;
			if (by[i].first != NULL) {
				*end = by[i].first;
				line->last = by[i].last;
			}
		}
	}
}

/*! Has an entry failed since then? */
static bool fails_since(const aname_entry_t *entry, int64_t since_ms)
{
	const aname_snapshot_t *known = atomic_load(&entry->snapshot);
	const aname_failing_t *failing = known != NULL ? aname_snapshot_failing(known) : NULL;
	return entry->plan.failures > 0 && failing != NULL && failing->since_ms >= since_ms;
}

/*! Takes out of the heap what has failed in the outage, and waits there. */
static void take_planned(aname_refresh_t *refresh, const aname_upstream_work_t *work,
                         aname_line_t *line)
{
	aname_heaps_t *heaps = &refresh->heaps;
	for (size_t i = 0; i < heaps->count[ANAME_HEAP_PLANNED]; i++) {
		aname_entry_t *entry = aname_heaps_nth(heaps, ANAME_HEAP_PLANNED, i)->entry;
		if (aname_work_of(entry) == work && entry->run == NULL &&
		    entry->plan.state == ANAME_PLAN_WAITING &&
		    fails_since(entry, work->failing.since_ms)) {
			/* Those that it passes by have been seen already. */
			aname_heaps_hasten(heaps, ANAME_HEAP_PLANNED, entry, INT64_MIN);
		}
	}
	const aname_moment_t *first;
	while ((first = aname_heaps_first(heaps, ANAME_HEAP_PLANNED)) != NULL &&
	       first->at_ms == INT64_MIN) {
		aname_entry_t *entry = first->entry;
		aname_heaps_remove(heaps, ANAME_HEAP_PLANNED, entry);
		aname_line_append(line, entry);
	}
}

/*! What has failed in the outage is due now, as if it had failed once. What failed before, and
 *  again, is not: or else a name that always succeeds would have all others tried each time. */
static void end(aname_refresh_t *refresh, aname_upstream_work_t *work, int64_t now_ms)
{
	aname_line_t due = { NULL, NULL };
	unlist(refresh, work);
	while (work->waiting.first != NULL) {
		aname_entry_t *entry = take_waiting(work);
		if (entry->plan.failures <= 1 || fails_since(entry, work->failing.since_ms)) {
			aname_line_append(&due, entry);
		} else {
			aname_silence_rest(refresh, entry, false, now_ms);
		}
	}
	take_planned(refresh, work, &due);
	sort(&due, now_ms / 1000);
	while (due.first != NULL) {
		aname_entry_t *entry = aname_line_take(&due);
		entry->plan.failures = 1;
		aname_schedule_ready(
		        refresh, entry,
		        entry->for_subnet ? ANAME_PRIORITY_SUBNET : ANAME_PRIORITY_RETURN, now_ms);
	}
	work->back_ms = now_ms;
	if (work->logged_out) {
		aname_events_back(&refresh->events, work->upstream,
		                  (now_ms - work->failing.since_ms) / 1000, now_ms);
	}
}

/*! It was not out as far as could be seen, but some things failed: they are tried soon, as if they
 *  had failed once. */
static void hasten(aname_refresh_t *refresh, const aname_upstream_work_t *work, int64_t now_ms)
{
	for (size_t i = 0; i < refresh->heaps.count[ANAME_HEAP_PLANNED]; i++) {
		const aname_moment_t planned =
		        *aname_heaps_nth(&refresh->heaps, ANAME_HEAP_PLANNED, i);
		aname_entry_t *entry = planned.entry;
		if (aname_work_of(entry) != work || entry->plan.state != ANAME_PLAN_WAITING ||
		    entry->run != NULL || entry->plan.failures <= 1 ||
		    !fails_since(entry, work->failing.since_ms)) {
			continue;
		}
		entry->plan.failures = 1;
		int64_t next_ms = aname_policy_next_retry(aname_schedule_of(entry), 1,
		                                          aname_refresh_chance(refresh), now_ms);
		if (next_ms < planned.at_ms) {
			/* Those that it passes by have been seen already. */
			aname_heaps_hasten(&refresh->heaps, ANAME_HEAP_PLANNED, entry, next_ms);
			atomic_store(&entry->next_ms, next_ms);
		}
	}
}

void aname_silence_succeeded(aname_refresh_t *refresh, const aname_entry_t *entry, int64_t now_ms)
{
	aname_upstream_work_t *work = aname_work_of(entry);
	note_heard(work, now_ms);
	work->answers_ms = 0;
	if (work->out) {
		end(refresh, work, now_ms);
	} else if (aname_streak_lasts(&work->failing, now_ms)) {
		hasten(refresh, work, now_ms);
	}
	work->failing = (aname_streak_t){ 0 };
	if (!entry->for_subnet) {
		aname_good_add(&work->good, entry, hash_of(refresh, entry));
	}
}

void aname_silence_ended_late(aname_refresh_t *refresh, aname_entry_t *entry, int64_t started_ms,
                              int64_t now_ms)
{
	aname_upstream_work_t *work = aname_work_of(entry);
	bool back = started_ms <= work->back_ms;
	if (entry->plan.state != ANAME_PLAN_WAITING || entry->for_subnet || (!work->out && !back)) {
		return;
	}
	aname_schedule_unplan(refresh, entry);
	if (work->out) {
		const aname_snapshot_t *known = aname_entry_snapshot(entry);
		bool good = entry->plan.failures == 1 && known != NULL &&
		            known->known != ANAME_KNOWN_NOTHING;
		wait_in_line(work, entry, good, now_ms);
	} else {
		entry->plan.failures = 1;
		aname_schedule_ready(refresh, entry, ANAME_PRIORITY_RETURN, now_ms);
	}
}

/* It goes. */

void aname_silence_empty(aname_refresh_t *refresh, aname_upstream_work_t *work, int64_t now_ms)
{
	while (work->waiting.first != NULL) {
		aname_schedule_dormant(refresh, take_waiting(work), now_ms);
	}
}

void aname_silence_forget(aname_refresh_t *refresh, aname_upstream_work_t *work)
{
	unlist(refresh, work);
}
