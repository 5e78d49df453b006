#include "service/dispatch.h"

#include <stdlib.h>

#include <libknot/errcode.h>
#include <libknot/error.h>

#include "service/pace.h"
#include "service/result.h"
#include "service/schedule.h"
#include "service/subnets.h"

static bool has_ready(const aname_upstream_work_t *work)
{
	for (int priority = 0; priority < ANAME_PRIORITIES; priority++) {
		if (!aname_fair_queue_is_empty(&work->ready[priority])) {
			return true;
		}
	}
	return false;
}

/*! Puts the first upstream behind all others that have something ready, if it has, too. */
static void end_turn(aname_refresh_t *refresh)
{
	aname_upstream_work_t *work = refresh->ready_first;
	refresh->ready_first = work->next_ready;
	if (refresh->ready_first == NULL) {
		refresh->ready_last = NULL;
	}
	work->listed = has_ready(work);
	if (work->listed) {
		aname_schedule_append(refresh, work);
	}
}

/* Limits. */

/*! How many lookups may run by an upstream's resolver, which is made if there is none. */
static unsigned most_running(aname_refresh_t *refresh, aname_upstream_work_t *work)
{
	if (work->resolver == NULL) {
		work->resolver =
		        refresh->make(refresh->loop, &work->upstream->source,
		                      &work->upstream->terms.schedule, refresh->done, refresh);
	}
	if (work->resolver == NULL) {
		return 1; /* So that one lookup starts, and fails because of that. */
	}
	return aname_work_most(refresh, work);
}

/*! No kind of work may take all the lookups: cold floods and dead targets leave some. */
static unsigned share(aname_priority_t priority, unsigned most)
{
	unsigned part = most;
	if (priority == ANAME_PRIORITY_COLD) {
		part = most - most / 4;
	} else if (priority == ANAME_PRIORITY_RETRY || priority == ANAME_PRIORITY_SUBNET) {
		part = most / 4;
	}
	return part > 0 ? part : 1;
}

/*! Whether zones may have one more lookup. */
typedef struct {
	const aname_upstream_work_t *work;
	unsigned free; /*!< Places. */
} places_t;

/*!
 * May a zone have one more of the places? It always may have one, and more only as long as it leaves
 * more than it has: n zones with any number of slow targets have 1/(n+1) of the places each, and as
 * many are left for whoever comes next (L4; A. Choudhury and E. Hahne, Dynamic queue length
 * thresholds for shared-memory packet switches, 1998). What is charged to nobody yet is not known to
 * be one zone's.
 */
static bool may_have_one(void *ctx, uint32_t zone)
{
	const places_t *places = ctx;
	uint32_t held = zone != 0 ? aname_places_of(&places->work->places, zone) : 0;
	return held == 0 || held < places->free;
}

/*! May a lookup of this kind start? Then the turn is that of a zone that may have one more. */
static bool may_start(aname_upstream_work_t *work, aname_priority_t priority, unsigned most)
{
	unsigned part = share(priority, most), running = work->running[priority];
	if (running >= part) {
		return false;
	}
	unsigned free = most - work->running_all;
	places_t places = { .work = work, .free = part - running < free ? part - running : free };
	return aname_fair_queue_turn(&work->ready[priority], may_have_one, &places);
}

/*!
 * What is looked up next by an upstream; ANAME_PRIORITIES: nothing. What is cold comes first, what
 * fails last; but when there is more to do than the pace allows, some lookups in eight are for
 * each.
 */
static aname_priority_t next_priority(aname_refresh_t *refresh, aname_upstream_work_t *work)
{
	static const aname_priority_t reserved[8] = {
		[1] = ANAME_PRIORITY_SUBNET,  [2] = ANAME_PRIORITY_REFRESH,
		[3] = ANAME_PRIORITY_RETURN,  [5] = ANAME_PRIORITY_RETRY,
		[7] = ANAME_PRIORITY_REFRESH,
	};
	unsigned most = most_running(refresh, work);
	if (work->running_all >= most) {
		return ANAME_PRIORITIES;
	}
	if (!aname_fair_queue_is_empty(&work->ready[ANAME_PRIORITY_TRY])) {
		return ANAME_PRIORITY_TRY; /* Whosever it is: it tells about all. */
	}
	if (atomic_load(&work->upstream->silent)) {
		return ANAME_PRIORITIES; /* The rest fails without being asked. */
	}
	aname_priority_t first = reserved[work->started % 8];
	if (may_start(work, first, most)) {
		return first;
	}
	for (aname_priority_t priority = 0; priority < ANAME_PRIORITIES; priority++) {
		if (may_start(work, priority, most)) {
			return priority;
		}
	}
	return ANAME_PRIORITIES;
}

/*!
 * The next upstream by which something may be looked up; NULL if there is none. It keeps its turn
 * until something is: the pace may not allow that yet. One that has something ready stays in the
 * list, also while its limits hold it back.
 */
static aname_upstream_work_t *next_work(aname_refresh_t *refresh, aname_priority_t *priority)
{
	const aname_upstream_work_t *last = refresh->ready_last;
	for (bool more = refresh->ready_first != NULL; more;) {
		aname_upstream_work_t *work = refresh->ready_first;
		*priority = has_ready(work) ? next_priority(refresh, work) : ANAME_PRIORITIES;
		if (*priority != ANAME_PRIORITIES) {
			return work;
		}
		more = work != last;
		end_turn(refresh);
	}
	return NULL;
}

/* Starting. */

/*! Has the resolver start a lookup; the entry's run is set if it does. */
static int run_lookup(aname_refresh_t *refresh, aname_upstream_work_t *work,
                      aname_priority_t priority, aname_entry_t *entry, int64_t now_ms)
{
	aname_run_t *run = work->resolver != NULL ? malloc(sizeof(*run)) : NULL;
	if (run == NULL) {
		return KNOT_ENOMEM;
	}
	*run = (aname_run_t){ .entry = entry,
		              .due_ms = atomic_load(&entry->next_ms),
		              .started_ms = now_ms,
		              .priority = priority,
		              .place = ANAME_PLACE_NONE };
	const aname_question_t question = {
		.name = aname_entry_name(entry),
		.type = entry->type,
		.client = entry->for_subnet ? &entry->subnet_entry->asked_for : NULL,
	};
	int ret = work->resolver->api->start(work->resolver, &question, run, &run->lookup);
	if (ret != KNOT_EOK) {
		free(run);
		return ret;
	}
	entry->run = run;
	aname_places_take(&work->places, aname_entry_zone(entry), &run->place);
	work->running[priority]++;
	work->running_all++;
	refresh->running++;
	return KNOT_EOK;
}

static const char *why_not_started(int ret)
{
	switch (ret) {
	case KNOT_EINVAL: return "not a host name that the resolver takes";
	case KNOT_EAGAIN: return "no thread to look it up: the limit on threads or memory";
	default: return knot_strerror(ret);
	}
}

static void start(aname_refresh_t *refresh, aname_upstream_work_t *work, aname_priority_t priority,
                  int64_t now_ms)
{
	aname_entry_t *entry = aname_schedule_take(work, priority);
	if (entry->for_subnet && !aname_subnets_may_ask(entry)) {
		aname_schedule_dormant(refresh, entry, now_ms);
		return;
	}
	aname_refresh_count(&refresh->shared->totals.started, &entry->started);
	work->started++;
	int ret = run_lookup(refresh, work, priority, entry, now_ms);
	if (ret != KNOT_EOK) {
		aname_result_refused(refresh, entry, ret == KNOT_EINVAL, why_not_started(ret),
		                     now_ms);
		aname_waiters_wake(refresh->shared->waiters);
		return;
	}
	aname_schedule_run(refresh, entry, now_ms);
}

int64_t aname_dispatch_start_ready(aname_refresh_t *refresh, int64_t now_ms)
{
	aname_priority_t priority;
	aname_upstream_work_t *work;
	while ((work = next_work(refresh, &priority)) != NULL) {
		int64_t wait_ms = aname_pace_take(refresh, now_ms);
		if (wait_ms > 0) {
			return wait_ms;
		}
		end_turn(refresh);
		start(refresh, work, priority, now_ms);
	}
	return -1;
}
