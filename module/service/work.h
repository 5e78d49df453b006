/*!
 * \brief What the parts that keep the table true share: their state.  [U]
 *
 * | part       | what it does                                                              |
 * |------------|---------------------------------------------------------------------------|
 * | refresh    | one step: takes requests, does what is due, starts what may; the limits   |
 * | upstreams  | upstreams that come, change, and are released                             |
 * | arrivals   | targets of before a restart, whose upstream comes                         |
 * | urgent     | lookups that an operator asks for                                         |
 * | due        | what the time has come for: refreshes, time limits, forgetting            |
 * | dispatch   | which entry is looked up next: priorities, limits                         |
 * | result     | what a lookup taught, or that it failed, and when the next one is         |
 * | outage     | upstreams that are out: what waits for them, and how they are tried       |
 * | recovery   | what failed while an upstream was out, once that is back                  |
 * | room       | space for one more target: who gives way                                  |
 * | confirm    | whether an owner of this server is the one that the world knows           |
 * | far_owners | owners of other servers, through which targets may lead back here         |
 * | enquiry    | questions for ANAME records, which these two ask                          |
 * | pace       | how many queries are started a second                                     |
 * | subnets    | entries for clients' subnets                                              |
 * | schedule   | where each entry stands: planned, ready, running, dormant                 |
 * | health     | which addresses are probed for whom                                       |
 * | verdicts   | verdicts that change: published in rounds, logged, counted                |
 * | views      | what workers see of addresses                                             |
 *
 * Beside them stands state/, which saves all that, and restores it.
 *
 * Each of them calls only those below it. Everything runs on the service thread.
 */

#pragma once

#include <uv.h>

#include "log/events.h"
#include "service/admission.h"
#include "service/answered.h"
#include "service/fair_queue.h"
#include "service/followers.h"
#include "service/forced.h"
#include "service/heap.h"
#include "service/places.h"
#include "service/probe/probes.h"
#include "service/resolver.h"
#include "service/streak.h"
#include "table/shared.h"

/*! A lookup under way, and what has to be known when it ends. */
typedef struct aname_run {
	aname_entry_t *entry;
	aname_lookup_t *lookup;
	int64_t due_ms; /*!< When it ought to have started. */
	int64_t started_ms;
	aname_priority_t priority;
	uint32_t place; /*!< In the upstream's places. */
} aname_run_t;

/*! An upstream's lookups: those that are ready or under way. Made with its first entry. */
typedef struct aname_upstream_work {
	aname_upstream_t *upstream;
	aname_resolver_t *resolver; /*!< NULL: none is needed now. */
	aname_fair_queue_t ready[ANAME_PRIORITIES];
	unsigned running[ANAME_PRIORITIES], running_all;
	aname_places_t places; /*!< For whom they run. */
	unsigned enquiries;    /*!< Questions about owners, which run as well; see enquiry.h. */
	unsigned walks;        /*!< Those of them about owners of other servers. */
	unsigned started;      /*!< Lookups, in all. */
	uint32_t unscoped;     /*!< Servers of which it was logged that they do not say for whom. */
	aname_answered_t answered;  /*!< What was answered of late. */
	aname_streak_t failing;     /*!< Lookups that failed since one succeeded. */
	aname_streak_t unheard;     /*!< Those without any answer since there was one. */
	bool out;                   /*!< Nothing succeeds any more, see outage.h. */
	bool logged_out;            /*!< And that was logged. */
	bool succeeded;             /*!< A lookup has, since the start. */
	aname_fair_queue_t waiting; /*!< Out: what has failed. READY, but not to be looked up. */
	size_t waiting_count;
	int64_t look_ms;    /*!< When these are looked at for whether anybody wants them. */
	bool tried_new;     /*!< Out: the last one tried had not failed before. */
	int64_t try_ms;     /*!< Out: when one of those is looked up next. */
	int64_t check_ms;   /*!< Not before this one is looked up that was answered. */
	int64_t answers_ms; /*!< Since when there are answers, but failures only; 0: else. */
	int64_t back_ms;    /*!< When it was back last. */
	int64_t logged_ms;  /*!< When it was last logged that it is out. */
	struct aname_upstream_work *next_out;   /*!< The next that is out. */
	struct aname_upstream_work *next_ready; /*!< The next that has something ready. */
	bool listed;                            /*!< It is among those. */
	struct aname_upstream_work
	        *next_unheld; /*!< The next that nobody holds, while those are noted. */
} aname_upstream_work_t;

/*! Owners on other servers, see far_owners.h. */
typedef struct aname_far_owners aname_far_owners_t;

typedef struct aname_refresh {
	aname_shared_t *shared;
	aname_make_resolver_f make;
	aname_resolved_f done; /*!< What resolvers call. */
	uv_loop_t *loop;
	uv_timer_t timer;
	aname_heaps_t heaps; /*!< WAITING and RUNNING are planned; DORMANT. */
	aname_upstream_work_t *ready_first, *ready_last;
	aname_upstream_work_t *out_first; /*!< Those that are out. */
	unsigned running;
	aname_upstream_t *released; /*!< Upstreams that were taken out, and are not gone yet. */
	uint32_t options_s;         /*!< When options came or went last. */
	int64_t settle_ms;     /*!< When to look whether any are given up; INT64_MAX: no need. */
	uint64_t release_mark; /*!< In the queue: requests of who was there then. */
	int64_t release_ms;    /*!< When the next one is to be taken out. */
	int64_t log_terms_ms;  /*!< When to log that terms differ; INT64_MAX: no need. */
	int64_t pace_us;       /*!< When the next query is due at an even pace; see pace.h. */
	bool forces_said;      /*!< Operators have, or a state file: another one's do not count. */
	bool trim;             /*!< There may be more targets than `max-targets`. */
	int64_t room_again_ms; /*!< Before that nobody is asked to give way again. */
	int64_t resumed_ms;    /*!< What was due before is not late by that: nothing ran. */
	int64_t lag_window_ms;
	uint32_t lag_now, lag_before; /*!< Largest lag of this and the last window. */
	uint64_t random;
	bool paused;
	aname_events_t events;
	_Atomic uint32_t max_targets, max_lookups, lookup_rate;
	_Atomic uint32_t max_subnets, max_target_subnets;
	_Atomic uint32_t max_probes;
	aname_admission_t admission;
	aname_probes_t *probes;
	aname_forces_t *forces; /*!< What operators have forced. */
	aname_far_owners_t *far_owners;
	int64_t definitions_ms;      /*!< When a definition is to be released; INT64_MAX: none. */
	int64_t log_health_ms;       /*!< When to log what was not logged of addresses; likewise. */
	uv_timer_t show;             /*!< When verdicts that have changed are published. */
	int64_t show_pause_ms;       /*!< Before the next such round. */
	uint32_t round;              /*!< How many there were. */
	aname_followers_t followers; /*!< Who follows what is published. */
	unsigned handles;            /*!< Timers that are not closed yet. */
} aname_refresh_t;

/*! What counts for an entry's lookups. */
static inline const aname_schedule_t *aname_schedule_of(const aname_entry_t *entry)
{
	return &entry->upstream->terms.schedule;
}

static inline aname_upstream_work_t *aname_work_of(const aname_entry_t *entry)
{
	return entry->upstream->work;
}

/*! What tells a target's name from others, in the lists that an upstream has of them. */
static inline uint64_t aname_work_name_hash(const aname_refresh_t *refresh,
                                            const aname_entry_t *entry)
{
	const knot_dname_t *name = aname_entry_name(entry);
	return aname_shared_hash(refresh->shared->seed, name, knot_dname_size(name));
}

/*! How many lookups may run by an upstream, which has a resolver. */
static inline unsigned aname_work_most(const aname_refresh_t *refresh,
                                       const aname_upstream_work_t *work)
{
	unsigned limit = atomic_load_explicit(&refresh->max_lookups, memory_order_relaxed);
	unsigned capacity = work->resolver->api->capacity(work->resolver);
	return limit < capacity ? limit : capacity;
}

/*! A lookup of an upstream has ended. */
static inline void aname_refresh_end_run(aname_refresh_t *refresh, aname_upstream_work_t *work,
                                         int64_t now_ms)
{
	work->running_all--;
	refresh->running--;
	if (work->running_all == 0 && work->upstream->unheld_ms != 0) {
		refresh->release_ms = now_ms; /* That was what it waited for. */
	}
}

/*! A random number that spreads work in time; nothing secret hangs on it. */
static inline uint32_t aname_refresh_chance(aname_refresh_t *refresh)
{
	/* splitmix64 */
	uint64_t z = (refresh->random += 0x9e3779b97f4a7c15);
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return (z ^ (z >> 31)) >> 32;
}

/*! Counts a lookup in the sum of all targets and in the count of its own. */
static inline void aname_refresh_count(_Atomic uint64_t *total, _Atomic uint32_t *count)
{
	atomic_fetch_add_explicit(total, 1, memory_order_relaxed);
	atomic_fetch_add_explicit(count, 1, memory_order_relaxed);
}
