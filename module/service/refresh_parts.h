/*!
 * \brief What the parts of refresh share: its state, and what they call of each other.  [U]
 *
 * | part       | what it does                                                             |
 * |------------|--------------------------------------------------------------------------|
 * | refresh.c  | one step: takes requests, does what is due, starts what may; the limits  |
 * | schedule.c | where each entry stands: planned, ready, running, dormant                |
 * | dispatch.c | which entry is looked up next: priorities, limits, pace                  |
 * | result.c   | what a lookup taught, or that it failed, and when the next one is        |
 * | subnets.c  | entries for clients' subnets                                             |
 * | upstreams.c| upstreams that come, change, and are released                            |
 *
 * Everything here runs on the service thread.
 */

#pragma once

#include "service/admission.h"
#include "service/heap.h"
#include "log/events.h"
#include "service/outage.h"
#include "service/refresh.h"

/*! A lookup under way, and what has to be known when it ends. */
typedef struct aname_run {
	aname_entry_t *entry;
	aname_lookup_t *lookup;
	int64_t due_ms; /*!< When it ought to have started. */
	int64_t started_ms;
	aname_priority_t priority;
} aname_run_t;

/*! Entries of one priority that are ready, in order. */
typedef struct {
	aname_entry_t *first, *last;
} aname_line_t;

/*! An upstream's lookups: those that are ready or under way. Made with its first entry. */
typedef struct aname_upstream_work {
	aname_upstream_t *upstream;
	aname_resolver_t *resolver; /*!< NULL: none is needed now. */
	aname_line_t ready[ANAME_PRIORITIES];
	unsigned running[ANAME_PRIORITIES], running_all;
	unsigned started; /*!< Lookups, in all. */
	aname_outage_t outage;
	uint32_t unscoped; /*!< Servers of which it was told that they do not say for whom. */
	struct aname_upstream_work *next_ready; /*!< Next in turn that has something ready. */
	bool listed;                            /*!< It is among those. */
} aname_upstream_work_t;

struct aname_refresh {
	aname_shared_t *shared;
	aname_make_resolver_f make;
	uv_loop_t *loop;
	uv_timer_t timer;
	aname_heaps_t heaps; /*!< WAITING and RUNNING are planned; DORMANT. */
	aname_upstream_work_t *ready_first, *ready_last;
	unsigned running;
	aname_upstream_t *released; /*!< Upstreams that were taken out, and are not gone yet. */
	uint32_t options_s;         /*!< When options came or went last. */
	int64_t release_ms;         /*!< When the next one is to be taken out. */
	int64_t tell_terms_ms;      /*!< When to tell of terms that differ; INT64_MAX: no need. */
	int64_t pace_us;            /*!< When the next lookup is due at an even pace. */
	int64_t lag_window_ms;
	uint32_t lag_now, lag_before; /*!< Largest lag of this and the last window. */
	uint64_t random;
	bool paused;
	aname_events_t events;
	_Atomic uint32_t max_targets, max_lookups, lookup_rate;
	_Atomic uint32_t max_subnets, max_target_subnets;
	aname_admission_t admission;
};

/*! What counts for an entry's lookups. */
static inline const aname_schedule_t *aname_schedule_of(const aname_entry_t *entry)
{
	return &entry->upstream->terms.schedule;
}

static inline aname_upstream_work_t *aname_work_of(const aname_entry_t *entry)
{
	return entry->upstream->work;
}

/* refresh.c */

/*! A random number that spreads work in time; nothing secret hangs on it. */
uint32_t aname_refresh_chance(aname_refresh_t *refresh);

/*! One step; then sets the timer for the next. */
void aname_refresh_advance(aname_refresh_t *refresh);

/*! Counts a lookup in the sums of all targets and its own. */
void aname_refresh_count(_Atomic uint64_t *total, _Atomic uint32_t *own);

/* schedule.c: each of these leaves an entry in exactly one place. */

/*! To be looked up at `at_ms`. */
void aname_schedule_plan(aname_refresh_t *refresh, aname_entry_t *entry, int64_t at_ms);

/*! Its lookup has started. The time that workers see stays the one when that was due. */
void aname_schedule_run(aname_refresh_t *refresh, aname_entry_t *entry, int64_t now_ms);

/*! Takes it out of its heap: it is WAITING, RUNNING or DORMANT. */
void aname_schedule_unplan(aname_refresh_t *refresh, aname_entry_t *entry);

/*! To be looked up as soon as its priority allows. It is in no heap. */
void aname_schedule_ready(aname_refresh_t *refresh, aname_entry_t *entry, aname_priority_t priority,
                          int64_t due_ms);

/*! Takes the first of a line that is not empty. */
aname_entry_t *aname_schedule_take(aname_upstream_work_t *work, aname_priority_t priority);

/*! Not to be looked up until it is asked for, and forgotten when nothing of it is of use. It is in
 *  no heap. */
void aname_schedule_let_sleep(aname_refresh_t *refresh, aname_entry_t *entry, int64_t now_ms);

/*! Somebody has asked for it: it is looked up now, unless it is about to be anyway. */
void aname_schedule_now(aname_refresh_t *refresh, aname_entry_t *entry, aname_interest_t interest,
                        int64_t now_ms);

/*! Makes room in the heaps for so many more entries than there are, so that moving between them
 *  cannot fail; false if out of memory. */
bool aname_schedule_reserve(aname_refresh_t *refresh, size_t more);

/*! Forgets the entry that may be forgotten first; false if that has to wait. */
bool aname_schedule_forget_first(aname_refresh_t *refresh, int64_t now_ms);

/*! Does what the time has come for. */
void aname_schedule_handle_due(aname_refresh_t *refresh, int64_t now_ms);

/* dispatch.c */

/*! There is something ready for this upstream: it takes its turn among the others. */
void aname_dispatch_list(aname_refresh_t *refresh, aname_upstream_work_t *work);

/*! Starts what may start; returns in how many milliseconds more may, or -1. */
int64_t aname_dispatch_start_ready(aname_refresh_t *refresh, int64_t now_ms);

/* result.c */

/*! Takes the result of a lookup; for the resolvers. */
void aname_result_resolved(void *refresh, void *run, const aname_result_t *result);

/*! Publishes a failure and plans the next try. The entry is in no heap and no line. */
void aname_result_failed(aname_refresh_t *refresh, aname_entry_t *entry, aname_failure_t failure,
                         const char *why, int64_t now_ms);

/* subnets.c */

/*! Takes a request for a client's subnet of a target that is in the table. */
void aname_subnets_request(aname_refresh_t *refresh, aname_entry_t *target,
                           const aname_request_t *request, int64_t now_ms);

/*! Sees to it that no more of a client is told than options allow by now; false if nothing is to be
 *  told. */
bool aname_subnets_may_ask(aname_entry_t *entry);

/*! Notes how the lookup for a subnet has ended. */
void aname_subnets_note(const aname_entry_t *entry, bool good);

/*!
 * \brief Finds where the answer for a subnet belongs: the network of its scope around the one it was
 *        asked for, but no smaller than that (RFC 7871, 7.3.1).
 *
 * \return The entry for it. If that is another one, `entry` is gone. NULL if out of memory.
 */
aname_entry_t *aname_subnets_settle(aname_refresh_t *refresh, aname_entry_t *entry, uint8_t scope,
                                    int64_t now_ms);

/*! Removes a subnet's entry that is in no heap and no line. */
void aname_subnets_remove(aname_refresh_t *refresh, aname_entry_t *entry);

/*! Removes all subnets of a target; false if some are being looked up, and stay. */
bool aname_subnets_remove_all(aname_refresh_t *refresh, aname_entry_t *target);

/* upstreams.c */

/*! Takes note of options that came or went. Before requests are taken. */
void aname_upstreams_note(aname_refresh_t *refresh, int64_t now_ms);

/*! The work of an upstream, made when it is first asked; NULL if out of memory. */
aname_upstream_work_t *aname_upstreams_work(const aname_upstream_t *upstream);

/*!
 * \brief Releases what nobody holds: resolvers at once, upstreams with what is known after a while.
 *
 * Not from within a resolver's call, and with nothing left in the queue.
 *
 * \return In how many milliseconds there is more to do; -1: nothing.
 */
int64_t aname_upstreams_release(aname_refresh_t *refresh, int64_t now_ms);

/*! Frees the work of all upstreams, and their resolvers. Nothing may be under way. */
void aname_upstreams_free(aname_refresh_t *refresh);
