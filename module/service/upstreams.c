#include "service/upstreams.h"

#include <stdlib.h>
#include <string.h>

#include "service/arrivals.h"
#include "service/health.h"
#include "service/outage.h"
#include "service/room.h"
#include "service/schedule.h"
#include "service/subnets.h"

/*! While sections come and go, what differs is not logged: a reload has old and new ones. */
#define LOG_TERMS_MS     3000
/*! A released upstream with lookups that cannot be stopped is looked at again after this. */
#define RELEASE_AGAIN_MS 1000
/*! And so is a queue that still holds requests of who has gone. */
#define QUEUE_AGAIN_MS   50

/* Coming and changing. */

aname_upstream_work_t *aname_upstreams_work(const aname_upstream_t *upstream)
{
	/* What is the service's own of it may be changed here. */
	aname_upstream_t *writable = (aname_upstream_t *)upstream;
	if (writable->work == NULL) {
		writable->work = calloc(1, sizeof(*writable->work));
		if (writable->work != NULL) {
			writable->work->upstream = writable;
		}
	}
	return writable->work;
}

/*! Nobody holds it any more: what was to be looked up becomes dormant. */
static void empty_lines(aname_refresh_t *refresh, aname_upstream_work_t *work, int64_t now_ms)
{
	for (aname_priority_t priority = 0; priority < ANAME_PRIORITIES; priority++) {
		while (!aname_fair_queue_is_empty(&work->ready[priority])) {
			aname_entry_t *entry = aname_schedule_take(work, priority);
			aname_schedule_dormant(refresh, entry, now_ms);
		}
	}
	aname_outage_empty(refresh, work, now_ms);
}

typedef struct {
	aname_refresh_t *refresh;
	int64_t now_ms;
	bool given_up;                 /*!< Some upstream is held by nobody since now. */
	bool arrived;                  /*!< Some that was awaited is held since now. */
	aname_upstream_work_t *unheld; /*!< Those that nobody holds. */
} note_t;

/*! What is known from an upstream that nobody holds takes no place from what is needed: it is
 *  dormant, as what is not asked for. */
static void give_way(aname_entry_t *entry, void *ctx)
{
	const note_t *note = ctx;
	if (!aname_upstream_is_given_up(entry->upstream) ||
	    entry->plan.state != ANAME_PLAN_WAITING || entry->run != NULL) {
		return;
	}
	aname_schedule_unplan(note->refresh, entry);
	aname_schedule_dormant(note->refresh, entry, note->now_ms);
}

/*! Called for each upstream, under the lock of shared, which whatever ends lookups and probes takes
 *  itself: those come after. */
static void on_note(void *ctx, aname_upstream_t *upstream)
{
	note_t *note = ctx;
	aname_upstream_work_t *work = upstream->work;
	if (work == NULL) {
		return;
	}
	note->given_up |= upstream->unheld_ms == note->now_ms;
	note->arrived |= upstream->awaited && upstream->held;
	if (upstream->unheld_ms != 0) {
		work->next_unheld = note->unheld;
		note->unheld = work;
	} else if (work->resolver != NULL && work->resolver->api->retune != NULL) {
		work->resolver->api->retune(work->resolver, &upstream->terms.schedule);
	}
}

static void log_terms(void *ctx, aname_upstream_t *upstream)
{
	const note_t *note = ctx;
	const aname_schedule_t *schedule = &upstream->terms.schedule;
	if (upstream->terms.differ && memcmp(&upstream->logged, schedule, sizeof(*schedule)) != 0) {
		upstream->logged = *schedule;
		aname_events_terms(&note->refresh->events, upstream, note->now_ms);
	}
}

/*! Takes note of who holds upstreams and definitions, and of who does not, if `settled`. */
static void note_holders(aname_refresh_t *refresh, bool settled, int64_t now_ms)
{
	note_t note = { .refresh = refresh, .now_ms = now_ms };
	aname_shared_t *shared = refresh->shared;
	(void)aname_shared_note_upstreams(shared, settled, now_ms, on_note, &note);
	for (; note.unheld != NULL; note.unheld = note.unheld->next_unheld) {
		empty_lines(refresh, note.unheld, now_ms);
	}
	if (note.given_up) {
		aname_table_foreach(shared->table, give_way, &note);
	}
	if (note.arrived) {
		aname_arrivals_note(refresh, now_ms);
	}
	aname_health_note_definitions(refresh, settled, now_ms);
	if (settled && refresh->trim) {
		refresh->trim = false;
		aname_room_trim(refresh, now_ms);
	}
	refresh->settle_ms = settled ? INT64_MAX : now_ms + ANAME_SETTLED_MS;
	refresh->release_ms = now_ms;
	refresh->release_mark = aname_queue_mark(shared->queue);
}

void aname_upstreams_note(aname_refresh_t *refresh, int64_t now_ms)
{
	aname_shared_t *shared = refresh->shared;
	bool changed = atomic_load(&shared->options_changed);
	if (changed) {
		atomic_store(&shared->options_changed, false);
		refresh->options_s = now_ms / 1000;
		refresh->log_terms_ms = now_ms + LOG_TERMS_MS;
	}
	if (changed || now_ms >= refresh->settle_ms) {
		note_holders(refresh, aname_shared_is_settled(shared, now_ms), now_ms);
	}
	if (now_ms >= refresh->log_terms_ms) {
		note_t note = { .refresh = refresh, .now_ms = now_ms };
		refresh->log_terms_ms = INT64_MAX;
		(void)aname_shared_note_upstreams(shared, false, now_ms, log_terms, &note);
	}
}

void aname_upstreams_settle(aname_refresh_t *refresh, int64_t now_ms)
{
	if (refresh->settle_ms != INT64_MAX) {
		note_holders(refresh, true, now_ms);
	}
}

/* Going. */

/*! Which entries of an upstream go in this pass over the table. */
typedef struct {
	aname_refresh_t *refresh;
	const aname_upstream_t *upstream;
	int64_t now_ms;
	size_t left; /*!< Entries that cannot go yet. */
} removal_t;

static void remove_target(aname_entry_t *entry, void *ctx)
{
	removal_t *removal = ctx;
	/* Subnets go with their target. */
	if (entry->upstream == removal->upstream && !entry->for_subnet) {
		removal->left += !aname_room_remove(removal->refresh, entry, removal->now_ms);
	}
}

static void free_resolver(aname_upstream_work_t *work)
{
	if (work->resolver != NULL) {
		work->resolver->api->free(work->resolver);
		work->resolver = NULL;
	}
}

static void free_work(aname_upstream_work_t *work)
{
	free_resolver(work);
	for (aname_priority_t priority = 0; priority < ANAME_PRIORITIES; priority++) {
		aname_fair_queue_deinit(&work->ready[priority]);
	}
	aname_fair_queue_deinit(&work->waiting);
	aname_places_deinit(&work->places);
	free(work);
}

/*! Takes an upstream's work out of the list of those that have something ready. */
static void unlist(aname_refresh_t *refresh, aname_upstream_work_t *work)
{
	aname_upstream_work_t *first = refresh->ready_first;
	refresh->ready_first = refresh->ready_last = NULL;
	while (first != NULL) {
		aname_upstream_work_t *next = first->next_ready;
		first->listed = false;
		if (first != work) {
			first->listed = true;
			aname_schedule_append(refresh, first);
		}
		first = next;
	}
}

/*! Removes what is known from an upstream; false if some of it is still being looked up. */
static bool remove_known(aname_refresh_t *refresh, aname_upstream_t *upstream, int64_t now_ms)
{
	removal_t removal = { .refresh = refresh, .upstream = upstream, .now_ms = now_ms };
	aname_table_foreach(refresh->shared->table, remove_target, &removal);
	return removal.left == 0 && upstream->work->running_all == 0;
}

/*! Frees an upstream that is in no list any more; false if that has to wait. */
static bool free_upstream(aname_refresh_t *refresh, aname_upstream_t *upstream, int64_t now_ms)
{
	aname_upstream_work_t *work = upstream->work;
	if (work != NULL) {
		empty_lines(refresh, work, now_ms);
		if (!remove_known(refresh, upstream, now_ms)) {
			return false;
		}
		unlist(refresh, work);
		aname_outage_forget(refresh, work);
		free_work(work);
	}
	/* Not at once: an entry that a worker has in hand must not seem to be one of another
	 * upstream in its place. */
	aname_epoch_retire(refresh->shared->epoch, upstream);
	return true;
}

/*! Called for each upstream, under the lock of shared: sockets go at once. */
static void give_back_resolver(void *ctx, aname_upstream_t *upstream)
{
	aname_upstream_work_t *work = upstream->work;
	if (upstream->unheld_ms != 0 && work != NULL && work->running_all == 0) {
		free_resolver(work);
	}
}

int64_t aname_upstreams_release(aname_refresh_t *refresh, int64_t now_ms)
{
	if (now_ms < refresh->release_ms) {
		return refresh->release_ms == INT64_MAX ? -1 : refresh->release_ms - now_ms;
	}
	if (!aname_queue_passed(refresh->shared->queue, refresh->release_mark)) {
		refresh->release_ms = now_ms + QUEUE_AGAIN_MS;
		return QUEUE_AGAIN_MS;
	}
	aname_upstream_t *upstream;
	while ((upstream = aname_shared_release_upstream(refresh->shared, now_ms)) != NULL) {
		upstream->next = refresh->released;
		refresh->released = upstream;
	}
	aname_upstream_t **at = &refresh->released;
	while ((upstream = *at) != NULL) {
		aname_upstream_t *next = upstream->next;
		if (free_upstream(refresh, upstream, now_ms)) {
			*at = next;
		} else {
			at = &upstream->next;
		}
	}
	refresh->release_ms = aname_shared_note_upstreams(refresh->shared, false, now_ms,
	                                                  give_back_resolver, NULL);
	if (refresh->released != NULL) {
		refresh->release_ms = now_ms + RELEASE_AGAIN_MS;
	}
	return refresh->release_ms == INT64_MAX ? -1 : refresh->release_ms - now_ms;
}

static void free_work_of(void *ctx, aname_upstream_t *upstream)
{
	if (upstream->work != NULL) {
		free_work(upstream->work);
		upstream->work = NULL;
	}
}

void aname_upstreams_free(aname_refresh_t *refresh)
{
	(void)aname_shared_note_upstreams(refresh->shared, false, 1, free_work_of, NULL);
	while (refresh->released != NULL) {
		aname_upstream_t *upstream = refresh->released;
		refresh->released = upstream->next;
		free_work_of(NULL, upstream);
		free(upstream);
	}
}
