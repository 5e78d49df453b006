#include "service/outage.h"

#include "service/health.h"
#include "service/recovery.h"
#include "service/schedule.h"
#include "table/policy.h"

/*! Entries that fail at once in one step, so that nothing else is held up by very many. */
#define FAIL_AT_ONCE 2000
/*! How often those that wait are looked at for whether they are still asked for. */
#define LOOK_MS      10000
/*! While others than the one that is silent are known, they are asked at most this often. */
#define CHECK_MS     10000

/* What was answered last. */

/*! Is a name known that was answered when it was asked last, and one of another zone than the first
 *  that has failed? */
static aname_answered_of_t any_answered(const aname_refresh_t *refresh, aname_upstream_work_t *work,
                                        const aname_streak_t *streak, int64_t now_ms)
{
	return aname_answered_any(&work->answered, refresh->shared->table, work->upstream,
	                          streak->zone, now_ms / 1000);
}

/*! One of those, and of another zone or name than the one that failed if there is any; or NULL. */
static aname_entry_t *choose_answered(const aname_refresh_t *refresh, aname_upstream_work_t *work,
                                      const aname_streak_t *streak, int64_t now_ms)
{
	return aname_answered_choose(&work->answered, refresh->shared->table, work->upstream,
	                             streak->name, streak->zone, now_ms / 1000);
}

/*! Has one of those looked up. */
static void check(aname_refresh_t *refresh, aname_upstream_work_t *work,
                  const aname_streak_t *streak, int64_t now_ms)
{
	aname_entry_t *entry =
	        now_ms >= work->check_ms ? choose_answered(refresh, work, streak, now_ms) : NULL;
	if (entry != NULL) {
		work->check_ms = now_ms + CHECK_MS;
		aname_schedule_unplan(refresh, entry);
		aname_schedule_ready(refresh, entry, ANAME_PRIORITY_REFRESH, now_ms);
	}
}

/*! Do failures tell of the resolver, and not of a name? Not if all are of one zone, whose doing it may
 *  be (L4), while others can be asked for. */
static bool tells(const aname_streak_t *streak, aname_answered_of_t answered)
{
	return streak->several && streak->witness &&
	       (streak->zones || answered != ANAME_ANSWERED_OTHERS);
}

/* Those that wait. */

static void wait_in_line(aname_upstream_work_t *work, aname_entry_t *entry, bool first,
                         int64_t now_ms)
{
	entry->plan.state = ANAME_PLAN_READY;
	atomic_store(&entry->next_ms, now_ms);
	(first ? aname_fair_queue_push_first : aname_fair_queue_push)(&work->waiting, entry);
	work->waiting_count++;
}

static aname_entry_t *take_waiting(aname_upstream_work_t *work)
{
	work->waiting_count--;
	return aname_fair_queue_take(&work->waiting);
}

static bool is_same(void *ctx, const aname_entry_t *entry)
{
	return entry == ctx;
}

bool aname_outage_take_waiting(aname_upstream_work_t *work, aname_entry_t *entry)
{
	aname_line_t gone = { NULL, NULL };
	size_t count = aname_fair_queue_sift(&work->waiting, is_same, entry, &gone);
	work->waiting_count -= count;
	if (count > 0) {
		(void)aname_line_take(&gone);
	}
	return count > 0;
}

/* It is out. */

static void begin(aname_refresh_t *refresh, aname_upstream_work_t *work, int64_t now_ms)
{
	work->out = true;
	/* Where there is a name that can tell that it is not, that one is asked at once. */
	bool asks = choose_answered(refresh, work, &work->failing, now_ms) != NULL;
	work->try_ms = asks ? now_ms : now_ms + ANAME_OUTAGE_TRY_MS;
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
	aname_upstream_work_t **at;
	for (at = &refresh->out_first; *at != work; at = &(*at)->next_out) {
	}
	*at = work->next_out;
}

/*! Is nothing heard any more, as far as can be seen? If it cannot be told, one more is asked. */
static bool is_silent(aname_refresh_t *refresh, aname_upstream_work_t *work, int64_t now_ms)
{
	const aname_streak_t *unheard = &work->unheard;
	bool lasts = aname_streak_lasts(unheard, now_ms);
	aname_answered_of_t answered = any_answered(refresh, work, unheard, now_ms);
	if (tells(unheard, answered)) {
		return lasts;
	}
	if (answered != ANAME_ANSWERED_NONE) {
		check(refresh, work, unheard, now_ms);
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
	aname_answered_of_t answered = any_answered(refresh, work, failing, now_ms);
	if (tells(failing, answered) || answered == ANAME_ANSWERED_NONE) {
		return true;
	}
	check(refresh, work, failing, now_ms);
	return false;
}

/*! Notes whether anything is heard. What is stale counts for as much as what is not only while nothing
 *  is (P1), so that all who follow have to look anew when that changes. */
static void set_silent(aname_refresh_t *refresh, aname_upstream_work_t *work, bool silent)
{
	if (atomic_load(&work->upstream->silent) != silent) {
		/* Workers are told. */
		atomic_store_explicit(&work->upstream->silent, silent, memory_order_relaxed);
		aname_followers_tell_all(&refresh->followers);
	}
}

static void note_heard(aname_refresh_t *refresh, aname_upstream_work_t *work, int64_t now_ms)
{
	work->unheard = (aname_streak_t){ 0 };
	set_silent(refresh, work, false);
	atomic_store_explicit(&work->upstream->heard_ms, now_ms, memory_order_relaxed);
}

void aname_outage_failed(aname_refresh_t *refresh, const aname_entry_t *entry,
                         aname_evidence_t evidence, bool was_good, int64_t now_ms)
{
	if (evidence == ANAME_EVIDENCE_NONE) {
		return;
	}
	aname_upstream_work_t *work = aname_work_of(entry);
	uint64_t name = aname_work_name_hash(refresh, entry);
	uint32_t zone = aname_entry_zone(entry);
	aname_streak_add(&work->failing, name, zone, was_good, now_ms);
	if (evidence == ANAME_EVIDENCE_SILENCE) {
		work->answers_ms = 0;
	} else if (work->answers_ms == 0) {
		work->answers_ms = now_ms;
	}
	if (evidence == ANAME_EVIDENCE_ANSWER) {
		note_heard(refresh, work, now_ms);
	} else if (evidence != ANAME_EVIDENCE_LOCAL) {
		aname_streak_add(&work->unheard, name, zone, was_good, now_ms);
		if (!atomic_load(&work->upstream->silent) && is_silent(refresh, work, now_ms)) {
			set_silent(refresh, work, true);
		}
	}
	if (!work->out &&
	    (atomic_load(&work->upstream->silent) || fails_as_a_whole(refresh, work, now_ms))) {
		begin(refresh, work, now_ms);
	}
}

void aname_outage_rest(aname_refresh_t *refresh, aname_entry_t *entry, bool first, int64_t now_ms)
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
	} else if (atomic_load(&entry->cold)) {
		aname_followers_tell(&refresh->followers, entry);
	}
	atomic_store(&entry->cold, false);
	if (fresh || (entry->for_subnet && entry->plan.failures < UINT8_MAX)) {
		entry->plan.failures++;
	}
	entry->plan.overdue = !fresh && !entry->for_subnet;
	aname_outage_rest(refresh, entry, fresh, now_ms);
}

/*! Has what is ready fail at once; returns whether there is more. */
static bool fail_ready(aname_refresh_t *refresh, aname_upstream_work_t *work, int64_t now_ms)
{
	unsigned failed = 0;
	for (aname_priority_t priority = 0; priority < ANAME_PRIORITIES; priority++) {
		while (priority != ANAME_PRIORITY_TRY &&
		       !aname_fair_queue_is_empty(&work->ready[priority]) &&
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
		if (!aname_fair_queue_is_empty(&work->ready[order[i]])) {
			return aname_schedule_take(work, order[i]);
		}
	}
	return NULL;
}

static bool is_unwanted(void *ctx, const aname_entry_t *entry)
{
	const int64_t *now_ms = ctx;
	return !aname_schedule_is_wanted(entry, *now_ms);
}

/*! What nobody asks for does not wait for ever. */
static void drop_unwanted(aname_refresh_t *refresh, aname_upstream_work_t *work, int64_t now_ms)
{
	if (now_ms < work->look_ms && work->look_ms - now_ms <= LOOK_MS) {
		return;
	}
	work->look_ms = now_ms + LOOK_MS;
	aname_line_t gone = { NULL, NULL };
	work->waiting_count -= aname_fair_queue_sift(&work->waiting, is_unwanted, &now_ms, &gone);
	while (gone.first != NULL) {
		aname_schedule_dormant(refresh, aname_line_take(&gone), now_ms);
	}
}

/*! The next of those that wait which is still asked for, or NULL. */
static aname_entry_t *choose_waiting(aname_refresh_t *refresh, aname_upstream_work_t *work,
                                     int64_t now_ms)
{
	drop_unwanted(refresh, work, now_ms);
	while (work->waiting_count > 0) {
		aname_entry_t *entry = take_waiting(work);
		if (aname_schedule_is_wanted(entry, now_ms)) {
			return entry;
		}
		aname_schedule_dormant(refresh, entry, now_ms);
	}
	return NULL;
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
	       aname_fair_queue_is_empty(&work->ready[ANAME_PRIORITY_TRY]);
}

/*! What is tried next, which tells whether it is back; NULL: there is nothing. */
static aname_entry_t *choose_try(aname_refresh_t *refresh, aname_upstream_work_t *work,
                                 int64_t now_ms)
{
	/* What was answered last tells the most: others may die by themselves. */
	aname_entry_t *entry = choose_answered(refresh, work, &work->failing, now_ms);
	if (entry != NULL) {
		aname_schedule_unplan(refresh, entry);
		return entry;
	}
	/* What has not failed yet tells more, and is new to whoever asks; but there may be ever new
	 * names of one zone (L4), so what waits has every other try. */
	bool silent = atomic_load(&work->upstream->silent);
	entry = silent && !work->tried_new ? take_ready(work) : NULL;
	work->tried_new = entry != NULL;
	entry = entry != NULL ? entry : choose_waiting(refresh, work, now_ms);
	return entry == NULL && silent ? take_ready(work) : entry;
}

static void try_again(aname_refresh_t *refresh, aname_upstream_work_t *work, int64_t now_ms)
{
	aname_entry_t *entry = choose_try(refresh, work, now_ms);
	if (entry != NULL) {
		work->try_ms = now_ms + pause_of(work, now_ms);
		aname_schedule_ready(refresh, entry, ANAME_PRIORITY_TRY,
		                     atomic_load(&entry->next_ms));
	}
}

int64_t aname_outage_advance(aname_refresh_t *refresh, int64_t now_ms)
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
		    aname_fair_queue_is_empty(&work->ready[ANAME_PRIORITY_TRY])) {
			next_ms = work->try_ms;
		}
	}
	if (next_ms == INT64_MAX) {
		return -1;
	}
	return next_ms > now_ms ? next_ms - now_ms : 0;
}

/* It is back. */

/*! What has failed in the outage is due now, as if it had failed once. What failed before, and
 *  again, is not: or else a name that always succeeds would have all others tried each time. But what
 *  was due meanwhile and not asked for has its turn: or else, where several names are dead and it
 *  looks like an outage each time they are tried, one that is back would be put off each time. */
static void end(aname_refresh_t *refresh, aname_upstream_work_t *work, int64_t now_ms)
{
	aname_line_t due = { NULL, NULL };
	unlist(refresh, work);
	while (work->waiting_count > 0) {
		aname_entry_t *entry = take_waiting(work);
		if (entry->plan.failures <= 1 || aname_recovery_concerns(entry)) {
			aname_line_append(&due, entry);
		} else if (entry->plan.overdue) {
			aname_schedule_ready(refresh, entry, ANAME_PRIORITY_RETRY, now_ms);
		} else {
			aname_outage_rest(refresh, entry, false, now_ms);
		}
	}
	aname_recovery_end(refresh, work, due, now_ms);
	work->back_ms = now_ms;
	aname_events_back(&refresh->events, work->upstream,
	                  (now_ms - work->failing.since_ms) / 1000, work->logged_out, now_ms);
}

void aname_outage_succeeded(aname_refresh_t *refresh, const aname_entry_t *entry, int64_t now_ms)
{
	aname_upstream_work_t *work = aname_work_of(entry);
	note_heard(refresh, work, now_ms);
	work->answers_ms = 0;
	if (work->out) {
		end(refresh, work, now_ms);
	} else if (aname_streak_lasts(&work->failing, now_ms)) {
		aname_recovery_hasten(refresh, work, now_ms);
	}
	work->failing = (aname_streak_t){ 0 };
	work->succeeded = true;
	if (!entry->for_subnet) {
		aname_answered_add(&work->answered, entry, aname_work_name_hash(refresh, entry));
	}
}

void aname_outage_ended(aname_refresh_t *refresh, aname_entry_t *entry, int64_t started_ms,
                        int64_t now_ms)
{
	aname_upstream_work_t *work = aname_work_of(entry);
	bool back = started_ms < work->back_ms;
	if (entry->plan.state != ANAME_PLAN_WAITING || entry->for_subnet || (!work->out && !back)) {
		return;
	}
	aname_schedule_unplan(refresh, entry);
	if (work->out) {
		const aname_snapshot_t *known = aname_entry_snapshot(entry);
		bool was_good = entry->plan.failures == 1 && known != NULL &&
		                known->known != ANAME_KNOWN_NOTHING;
		wait_in_line(work, entry, was_good, now_ms);
	} else {
		entry->plan.failures = 1;
		aname_schedule_ready(refresh, entry, ANAME_PRIORITY_RETURN, now_ms);
	}
}

/* It goes. */

void aname_outage_take_crossed_off(aname_refresh_t *refresh, aname_line_t *gone)
{
	for (aname_upstream_work_t *work = refresh->out_first; work != NULL;
	     work = work->next_out) {
		work->waiting_count -= aname_fair_queue_sift(
		        &work->waiting, aname_schedule_is_crossed_off, NULL, gone);
	}
}

void aname_outage_empty(aname_refresh_t *refresh, aname_upstream_work_t *work, int64_t now_ms)
{
	while (work->waiting_count > 0) {
		aname_schedule_dormant(refresh, take_waiting(work), now_ms);
	}
}

void aname_outage_forget(aname_refresh_t *refresh, aname_upstream_work_t *work)
{
	unlist(refresh, work);
}
