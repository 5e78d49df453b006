#include "service/refresh.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include <libknot/descriptor.h>
#include <libknot/errcode.h>
#include <libknot/error.h>

#include "log/events.h"
#include "service/admission.h"
#include "service/heap.h"
#include "service/outage.h"
#include "table/clock.h"
#include "table/policy.h"

/*! Requests taken in one go, so that results are not held up by a flood of requests. */
#define REQUESTS_AT_ONCE 256
/*! Lookups may start this much ahead of an even pace. */
#define BURST_US         100000
/*! A target that cannot be forgotten yet is looked at again after this. */
#define FORGET_AGAIN_MS  1000
/*! How long the largest lag is remembered, at least. */
#define LAG_WINDOW_MS    60000

/*! A lookup under way, and what has to be known when it ends. */
typedef struct aname_run {
	aname_entry_t *entry;
	aname_lookup_t *lookup;
	int64_t due_ms; /*!< When it ought to have started. */
	int64_t started_ms;
	aname_turn_t turn;
} run_t;

typedef struct {
	aname_entry_t *first, *last;
} line_t;

/*! One resolver, and those that wait for it or are being looked up by it. */
typedef struct {
	aname_source_t source;
	aname_resolver_t *resolver;
	line_t ready[ANAME_TURNS];
	unsigned running[ANAME_TURNS];
	unsigned started; /*!< Lookups, in all. */
	aname_outage_t outage;
	uint32_t unscoped; /*!< Servers of which it was told that they do not say for whom. */
} lane_t;

struct aname_refresh {
	aname_shared_t *shared;
	aname_make_resolver_f make;
	uv_loop_t *loop;
	uv_timer_t timer;
	aname_heaps_t heaps; /*!< WAITING and RUNNING are planned; DORMANT. */
	lane_t lanes[ANAME_LANES_MAX];
	unsigned lanes_count, next_lane;
	int64_t pace_us; /*!< When the next lookup is due at an even pace. */
	int64_t lag_window_ms;
	uint32_t lag_now, lag_before; /*!< Largest lag of this and the last window. */
	uint64_t random;
	bool paused;
	aname_events_t events;
	_Atomic uint32_t max_targets, max_lookups, lookup_rate;
	_Atomic uint32_t max_subnets, max_target_subnets;
	aname_admission_t admission;
};

static void advance(aname_refresh_t *refresh);
static void on_resolved(void *owner, void *ctx, const aname_result_t *result);

/*! splitmix64: spreads work in time; nothing secret hangs on it. */
static uint32_t chance(aname_refresh_t *refresh)
{
	uint64_t z = (refresh->random += 0x9e3779b97f4a7c15);
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return (z ^ (z >> 31)) >> 32;
}

static lane_t *lane_of(aname_refresh_t *refresh, const aname_entry_t *entry)
{
	return &refresh->lanes[entry->plan.lane];
}

/*! The lane for a source, made when it is first met; -1 if it cannot be had. */
static int find_lane(aname_refresh_t *refresh, const aname_source_t *source)
{
	for (unsigned i = 0; i < refresh->lanes_count; i++) {
		if (memcmp(&refresh->lanes[i].source, source, sizeof(*source)) == 0) {
			return i;
		}
	}
	if (refresh->lanes_count == ANAME_LANES_MAX) {
		return -1;
	}
	lane_t *lane = &refresh->lanes[refresh->lanes_count];
	lane->source = *source;
	lane->resolver = refresh->make(refresh->loop, source, on_resolved, refresh);
	return lane->resolver != NULL ? (int)refresh->lanes_count++ : -1;
}

/* Where a target stands. Each of these leaves it in exactly one place. */

static void plan(aname_refresh_t *refresh, aname_entry_t *entry, int64_t at_ms)
{
	entry->plan.state = ANAME_PLAN_WAITING;
	aname_heaps_push(&refresh->heaps, ANAME_HEAP_PLANNED, entry, at_ms);
	atomic_store(&entry->next_ms, at_ms);
}

/*! Its lookup has started. The time that workers see stays the one when that was due. */
static void plan_deadline(aname_refresh_t *refresh, aname_entry_t *entry, int64_t now_ms)
{
	entry->plan.state = ANAME_PLAN_RUNNING;
	aname_heaps_push(&refresh->heaps, ANAME_HEAP_PLANNED, entry,
	                 now_ms + entry->profile->schedule.timeout_ms);
}

static void unplan(aname_refresh_t *refresh, aname_entry_t *entry)
{
	bool sleeps = entry->plan.state == ANAME_PLAN_DORMANT;
	aname_heaps_remove(&refresh->heaps, sleeps ? ANAME_HEAP_DORMANT : ANAME_HEAP_PLANNED,
	                   entry);
}

static void make_ready(aname_refresh_t *refresh, aname_entry_t *entry, aname_turn_t turn,
                       int64_t due_ms)
{
	entry->plan.state = ANAME_PLAN_READY;
	entry->ready_next = NULL;
	atomic_store(&entry->next_ms, due_ms);

	line_t *line = &lane_of(refresh, entry)->ready[turn];
	if (line->last != NULL) {
		line->last->ready_next = entry;
	} else {
		line->first = entry;
	}
	line->last = entry;
}

static aname_entry_t *take_ready(lane_t *lane, aname_turn_t turn)
{
	line_t *line = &lane->ready[turn];
	aname_entry_t *entry = line->first;
	line->first = entry->ready_next;
	if (line->first == NULL) {
		line->last = NULL;
	}
	entry->run = NULL;
	return entry;
}

/*! With room for every entry in the heaps, moving between them cannot fail. */
static bool reserve(aname_refresh_t *refresh, size_t more)
{
	const aname_table_t *table = refresh->shared->table;
	size_t entries = aname_table_targets(table) + aname_table_subnets(table) + more;
	return aname_heaps_reserve(&refresh->heaps, entries) == KNOT_EOK;
}

static void put_to_sleep(aname_refresh_t *refresh, aname_entry_t *entry, int64_t now_ms)
{
	entry->plan.state = ANAME_PLAN_DORMANT;
	int64_t forget_at = aname_policy_forget_at(aname_entry_snapshot(entry),
	                                           &entry->profile->schedule, now_ms);
	aname_heaps_push(&refresh->heaps, ANAME_HEAP_DORMANT, entry, forget_at);
	atomic_store(&entry->cold, true);
	atomic_store(&entry->next_ms, ANAME_NEXT_NEVER);
}

/* Subnets. */

static aname_subnets_t *subnets_of(const aname_entry_t *entry)
{
	const aname_entry_t *target = entry->tailored ? entry->member->target : entry;
	return atomic_load(&target->subnets);
}

static bool has_subnets(const aname_subnets_t *subnets, unsigned family)
{
	return atomic_load(&subnets->lengths[family][0]) != 0 ||
	       atomic_load(&subnets->lengths[family][1]) != 0;
}

/*! Removes a subnet's entry that is in no heap and no line. */
static void remove_subnet(aname_refresh_t *refresh, aname_entry_t *entry)
{
	aname_subnets_t *subnets = subnets_of(entry);
	uint32_t before = atomic_load(&subnets->count);
	unsigned family = entry->member->network.family == ANAME_SUBNET_IPV6;
	aname_table_remove(refresh->shared->table, entry);
	aname_admission_note(&refresh->admission, subnets, before);
	if (!has_subnets(subnets, family)) {
		atomic_store(&subnets->state[family], ANAME_SUBNETS_UNKNOWN);
	}
}

/*! Adds an entry for a subnet; NULL if out of memory. */
static aname_entry_t *add_subnet(aname_refresh_t *refresh, aname_entry_t *target,
                                 const aname_subnet_t *network, const aname_subnet_t *probe,
                                 int64_t now_ms)
{
	aname_table_t *table = refresh->shared->table;
	if (!reserve(refresh, 1)) {
		return NULL;
	}
	const aname_subnets_t *subnets = subnets_of(target);
	uint32_t before = subnets != NULL ? atomic_load(&subnets->count) : 0;
	aname_entry_t *entry = aname_table_add_subnet(table, target, network, probe);
	if (entry != NULL) {
		entry->plan.window_s = now_ms / 1000;
		aname_admission_note(&refresh->admission, subnets_of(target), before);
	}
	return entry;
}

/*! Removes all subnets of a target; false if some are being looked up, and stay. */
static bool remove_subnets(aname_refresh_t *refresh, aname_entry_t *target)
{
	aname_subnets_t *subnets = subnets_of(target);
	aname_entry_t *entry = subnets != NULL ? subnets->first : NULL;
	while (entry != NULL) {
		aname_entry_t *next = entry->member->next;
		if (aname_admission_can_go(entry)) {
			unplan(refresh, entry);
			remove_subnet(refresh, entry);
		}
		entry = next;
	}
	return subnets == NULL || subnets->first == NULL;
}

/*! Forgets the entry that may be forgotten first; false if that has to wait. */
static bool forget_first(aname_refresh_t *refresh, int64_t now_ms)
{
	aname_entry_t *entry = aname_heaps_first(&refresh->heaps, ANAME_HEAP_DORMANT)->entry;
	unplan(refresh, entry);
	if (entry->tailored) {
		remove_subnet(refresh, entry);
	} else if (remove_subnets(refresh, entry)) {
		aname_table_remove(refresh->shared->table, entry);
	} else {
		aname_heaps_push(&refresh->heaps, ANAME_HEAP_DORMANT, entry,
		                 now_ms + FORGET_AGAIN_MS);
		return false;
	}
	return true;
}

/* What is learnt. */

/*! The smallest ANAME TTL asked with in this and the last window of `idle` seconds. */
static uint32_t wanted_ttl(aname_entry_t *entry, int64_t now_ms)
{
	aname_plan_t *plan_ = &entry->plan;
	int64_t now_s = now_ms / 1000;
	if (now_s - plan_->window_s > entry->profile->schedule.idle) {
		plan_->want_before = atomic_exchange(&entry->want, UINT32_MAX);
		plan_->window_s = now_s;
	}
	uint32_t want = atomic_load(&entry->want);
	want = want < plan_->want_before ? want : plan_->want_before;
	return want == UINT32_MAX ? INT32_MAX : want;
}

static void note_lag(aname_refresh_t *refresh, aname_entry_t *entry, const run_t *run,
                     int64_t now_ms)
{
	if (run->turn != ANAME_TURN_REFRESH) {
		return;
	}
	int64_t late_ms = now_ms - run->due_ms;
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

static void count(_Atomic uint64_t *total, _Atomic uint32_t *own)
{
	atomic_fetch_add_explicit(total, 1, memory_order_relaxed);
	atomic_fetch_add_explicit(own, 1, memory_order_relaxed);
}

/*! Notes how the lookups for a target's subnets fare. */
static void note_subnet(const aname_entry_t *entry, bool good)
{
	unsigned family = entry->member->network.family == ANAME_SUBNET_IPV6;
	aname_subnets_t *subnets = subnets_of(entry);
	_Atomic uint8_t *state = &subnets->state[family];
	if (good) {
		subnets->failures[family] = 0;
		atomic_store(state, ANAME_SUBNETS_LEARNED);
	} else if (++subnets->failures[family] >= ANAME_SUBNETS_PROBES ||
	           atomic_load(state) == ANAME_SUBNETS_UNKNOWN) {
		atomic_store(state, ANAME_SUBNETS_FAILING);
	}
}

/*! Publishes a failure and plans the next try. The entry is in no heap and no line. */
static void failed(aname_refresh_t *refresh, aname_entry_t *entry, aname_failure_t failure,
                   const char *why, int64_t now_ms)
{
	count(&refresh->shared->totals.failed, &entry->failed);
	aname_snapshot_t *snapshot =
	        aname_snapshot_failed(aname_entry_snapshot(entry), failure, why, now_ms);
	if (snapshot != NULL) {
		aname_table_publish(refresh->shared->table, entry, snapshot);
	}
	atomic_store(&entry->cold, false);

	if (entry->plan.failures < UINT16_MAX) {
		entry->plan.failures++;
	}
	aname_outage_failed(&lane_of(refresh, entry)->outage, now_ms);
	if (entry->tailored) {
		note_subnet(entry, false);
		if (entry->plan.failures == 1) {
			aname_events_subnet(&refresh->events, entry, why, now_ms);
		}
	}
	plan(refresh, entry,
	     aname_policy_next_retry(&entry->profile->schedule, entry->plan.failures,
	                             chance(refresh), now_ms));
}

/*! When to look up again what a lookup taught; the snapshot is not published yet. */
static int64_t next_after(aname_refresh_t *refresh, aname_entry_t *entry,
                          const aname_snapshot_t *snapshot, int64_t now_ms)
{
	const aname_schedule_t *schedule = &entry->profile->schedule;
	uint32_t life = aname_policy_life(schedule, wanted_ttl(entry, now_ms), snapshot->ttl);
	return aname_policy_await_expiry(schedule, aname_entry_snapshot(entry), snapshot->ttl, life,
	                                 now_ms)
	               ? aname_policy_next_expiry(life, chance(refresh), now_ms)
	               : aname_policy_next_refresh(life, snapshot->usual_ms, chance(refresh),
	                                           now_ms);
}

/*! One family of a target is lost: has the other one looked up, if it has addresses of before and
 *  is kept fresh. */
static void hasten_other(aname_refresh_t *refresh, const aname_entry_t *entry, int64_t now_ms)
{
	const aname_table_t *table = refresh->shared->table;
	const aname_key_t key = {
		.profile = entry->profile,
		.name = entry->name,
		.name_len = entry->name_len,
		.type = entry->type == KNOT_RRTYPE_A ? KNOT_RRTYPE_AAAA : KNOT_RRTYPE_A,
	};
	aname_entry_t *other = aname_table_find(table, &key, aname_table_hash(table, &key));
	const aname_snapshot_t *known = other != NULL ? aname_entry_snapshot(other) : NULL;
	if (known != NULL && known->count > 0 && other->plan.state == ANAME_PLAN_WAITING &&
	    other->plan.failures == 0 && other->run == NULL) {
		unplan(refresh, other);
		make_ready(refresh, other, ANAME_TURN_REFRESH, now_ms);
	}
}

/*! Publishes a success and plans the next lookup. The entry is in no heap and no line. */
static void learned(aname_refresh_t *refresh, aname_entry_t *entry, const run_t *run,
                    const aname_result_t *result, int64_t now_ms)
{
	const aname_snapshot_t *before = aname_entry_snapshot(entry);
	aname_result_t kept = *result;
	aname_policy_bare(before, &kept);
	/* A subnet without addresses is nothing remarkable. */
	aname_snapshot_t *snapshot = aname_snapshot_after(entry->tailored ? NULL : before, &kept,
	                                                  now_ms, chance(refresh));
	if (snapshot == NULL) {
		failed(refresh, entry, ANAME_FAILURE_NETWORK, "out of memory", now_ms);
		return;
	}

	snapshot->usual_ms = aname_policy_usual(before, now_ms - run->started_ms);
	count(&refresh->shared->totals.succeeded, &entry->succeeded);
	note_lag(refresh, entry, run, now_ms);
	if (entry->tailored) {
		note_subnet(entry, true);
	} else {
		aname_events_change(&refresh->events, entry, before, snapshot, now_ms);
	}
	entry->plan.failures = 0;
	int64_t next_ms = next_after(refresh, entry, snapshot, now_ms);
	bool lost = snapshot->lost && !before->lost;
	aname_table_publish(refresh->shared->table, entry, snapshot);
	atomic_store(&entry->cold, false);
	plan(refresh, entry, next_ms);
	if (lost) {
		hasten_other(refresh, entry, now_ms);
	}
}

/*!
 * Where the answer for a subnet belongs: the network of its scope around the one it was asked for,
 * but no smaller than that (RFC 7871, 7.3.1).
 *
 * Returns the entry for it, which is another one if the scope is not what it was; then `entry` is
 * gone. NULL if out of memory.
 */
static aname_entry_t *settle(aname_refresh_t *refresh, aname_entry_t *entry, uint8_t scope,
                             int64_t now_ms)
{
	const aname_subnet_t probe = entry->member->probe;
	const aname_subnet_t network = aname_subnet_cut(&probe, scope);
	if (aname_subnet_equal(&network, &entry->member->network)) {
		return entry;
	}
	aname_entry_t *target = entry->member->target;
	uint32_t want_before = entry->plan.want_before;
	uint32_t asked_s = atomic_load(&entry->asked_s);
	uint32_t want = atomic_load(&entry->want);
	bool returned = atomic_load(&entry->member->returned);
	remove_subnet(refresh, entry);

	aname_entry_t *home = aname_table_find_subnet(refresh->shared->table, target, &network);
	if (home == NULL) {
		home = add_subnet(refresh, target, &network, &probe, now_ms);
		if (home == NULL) {
			return NULL;
		}
		atomic_store(&home->member->returned, returned);
		home->plan.want_before = want_before;
	}
	uint32_t homes_s = atomic_load(&home->asked_s);
	aname_entry_touch(home, want, asked_s > homes_s ? asked_s : homes_s);
	return home;
}

/*! A lookup for a subnet has succeeded. The entry is in no heap and no line. */
static void learned_subnet(aname_refresh_t *refresh, const run_t *run, const aname_result_t *result,
                           int64_t now_ms)
{
	aname_entry_t *entry = run->entry;
	aname_entry_t *home = settle(refresh, entry, result->scope, now_ms);
	if (home == NULL || home->plan.state == ANAME_PLAN_READY) {
		/* Out of memory, or about to be looked up itself. */
		return;
	}
	if (home != entry && home->plan.state != ANAME_PLAN_NONE) {
		unplan(refresh, home);
	}
	learned(refresh, home, run, result, now_ms);
}

/*! Is it waiting for another try, and failing since that time or later? */
static bool fails_since(const aname_entry_t *entry, int64_t since_ms)
{
	const aname_snapshot_t *known = atomic_load(&entry->snapshot);
	const aname_failing_t *failing = known != NULL ? aname_snapshot_failing(known) : NULL;
	return entry->plan.state == ANAME_PLAN_WAITING && entry->run == NULL &&
	       entry->plan.failures > 1 && failing != NULL && failing->since_ms >= since_ms;
}

/*! What has failed with everything else is tried soon, as if it had failed once (F4). */
static void retry_after_outage(aname_refresh_t *refresh, const lane_t *lane, int64_t now_ms)
{
	for (size_t i = 0; i < refresh->heaps.count[ANAME_HEAP_PLANNED]; i++) {
		const aname_moment_t planned =
		        *aname_heaps_nth(&refresh->heaps, ANAME_HEAP_PLANNED, i);
		aname_entry_t *entry = planned.entry;
		if (lane_of(refresh, entry) != lane || !fails_since(entry, lane->outage.since_ms)) {
			continue;
		}
		entry->plan.failures = 1;
		int64_t next_ms = aname_policy_next_retry(&entry->profile->schedule, 1,
		                                          chance(refresh), now_ms);
		if (next_ms < planned.at_ms) {
			/* Those that it passes by have been seen already. */
			aname_heaps_hasten(&refresh->heaps, ANAME_HEAP_PLANNED, entry, next_ms);
			atomic_store(&entry->next_ms, next_ms);
		}
	}
}

static const char *why_of(const aname_result_t *result)
{
	return result->detail != NULL ? result->detail : "no answer";
}

/*! Tells, once for each server, that answers are kept for subnets that it does not name (N4). */
static void note_unscoped(aname_refresh_t *refresh, lane_t *lane, unsigned number, int64_t now_ms)
{
	if (number > 0 && !(lane->unscoped & 1u << (number - 1))) {
		lane->unscoped |= 1u << (number - 1);
		aname_events_unscoped(&refresh->events, &lane->source.servers[number - 1], now_ms);
	}
}

static void on_resolved(void *owner, void *ctx, const aname_result_t *result)
{
	aname_refresh_t *refresh = owner;
	const run_t run = *(run_t *)ctx;
	aname_entry_t *entry = run.entry;
	int64_t now_ms = aname_clock_ms();
	bool in_time = entry->plan.state == ANAME_PLAN_RUNNING;

	lane_t *lane = lane_of(refresh, entry);
	free(ctx);
	entry->run = NULL;
	lane->running[run.turn]--;

	if (result->failure == ANAME_FAILURE_NONE) {
		if (aname_outage_succeeded(&lane->outage, now_ms)) {
			retry_after_outage(refresh, lane, now_ms);
		}
		note_unscoped(refresh, lane, result->unscoped, now_ms);
		/* A late answer is as good as any. */
		unplan(refresh, entry);
		if (entry->tailored) {
			learned_subnet(refresh, &run, result, now_ms);
		} else {
			learned(refresh, entry, &run, result, now_ms);
		}
	} else if (in_time && refresh->paused) {
		unplan(refresh, entry);
		plan(refresh, entry, now_ms);
	} else if (in_time) {
		unplan(refresh, entry);
		failed(refresh, entry, result->failure, why_of(result), now_ms);
	}
	/* A late failure was counted when the time was up. */

	aname_gate_open(refresh->shared->gate);
	advance(refresh);
}

/* What is started. */

static unsigned most_running(const aname_refresh_t *refresh, const lane_t *lane)
{
	unsigned limit = atomic_load_explicit(&refresh->max_lookups, memory_order_relaxed);
	unsigned capacity = lane->resolver->api->capacity(lane->resolver);
	return limit < capacity ? limit : capacity;
}

/*! No kind of work may take all the places: cold floods and dead targets leave some. */
static unsigned share(aname_turn_t turn, unsigned most)
{
	unsigned part = most;
	if (turn == ANAME_TURN_COLD) {
		part = most - most / 4;
	} else if (turn == ANAME_TURN_RETRY || turn == ANAME_TURN_SUBNET) {
		part = most / 4;
	}
	return part > 0 ? part : 1;
}

static unsigned running_in(const lane_t *lane)
{
	unsigned sum = 0;
	for (int turn = 0; turn < ANAME_TURNS; turn++) {
		sum += lane->running[turn];
	}
	return sum;
}

unsigned aname_refresh_running(const aname_refresh_t *refresh)
{
	unsigned sum = 0;
	for (unsigned i = 0; i < refresh->lanes_count; i++) {
		sum += running_in(&refresh->lanes[i]);
	}
	return sum;
}

/*! May a lookup of this kind start in a lane? */
static bool is_turn(const lane_t *lane, aname_turn_t turn, unsigned most)
{
	return lane->ready[turn].first != NULL && lane->running[turn] < share(turn, most);
}

/*!
 * Whose turn is it in a lane? ANAME_TURNS if nobody's. Cold targets come first, those that fail
 * last; but when there is more to do than the pace allows, some places in eight are for each.
 */
static aname_turn_t next_turn(const aname_refresh_t *refresh, const lane_t *lane)
{
	static const aname_turn_t reserved[8] = {
		[1] = ANAME_TURN_SUBNET,
		[2] = ANAME_TURN_REFRESH,
		[5] = ANAME_TURN_RETRY,
		[7] = ANAME_TURN_REFRESH,
	};
	unsigned most = most_running(refresh, lane);
	if (running_in(lane) >= most) {
		return ANAME_TURNS;
	}
	aname_turn_t first = reserved[lane->started % 8];
	if (is_turn(lane, first, most)) {
		return first;
	}
	for (aname_turn_t turn = 0; turn < ANAME_TURNS; turn++) {
		if (is_turn(lane, turn, most)) {
			return turn;
		}
	}
	return ANAME_TURNS;
}

/*! The next lane, in turn, in which something may start; NULL if there is none. */
static lane_t *next_lane(aname_refresh_t *refresh, aname_turn_t *turn)
{
	for (unsigned i = 0; i < refresh->lanes_count; i++) {
		lane_t *lane = &refresh->lanes[refresh->next_lane++ % refresh->lanes_count];
		*turn = next_turn(refresh, lane);
		if (*turn != ANAME_TURNS) {
			return lane;
		}
	}
	return NULL;
}

/*! Milliseconds until the pace allows one more lookup; zero: take it. */
static int64_t pace(aname_refresh_t *refresh, int64_t now_ms)
{
	int64_t now_us = now_ms * 1000;
	int64_t step_us =
	        1000000 / atomic_load_explicit(&refresh->lookup_rate, memory_order_relaxed);
	bool set_back = refresh->pace_us - now_us > BURST_US + step_us;
	if (refresh->pace_us < now_us || set_back) {
		refresh->pace_us = now_us;
	}
	if (refresh->pace_us - now_us > BURST_US) {
		return (refresh->pace_us - now_us - BURST_US) / 1000 + 1;
	}
	refresh->pace_us += step_us;
	return 0;
}

/*! Has the resolver start a lookup; the entry's run is set if it does. */
static int run_lookup(lane_t *lane, aname_turn_t turn, aname_entry_t *entry, int64_t now_ms)
{
	run_t *run = malloc(sizeof(*run));
	if (run == NULL) {
		return KNOT_ENOMEM;
	}
	*run = (run_t){ .entry = entry,
		        .due_ms = atomic_load(&entry->next_ms),
		        .started_ms = now_ms,
		        .turn = turn };
	const aname_question_t question = {
		.name = aname_entry_name(entry),
		.type = entry->type,
		.client = entry->tailored ? &entry->member->probe : NULL,
	};
	int ret = lane->resolver->api->start(lane->resolver, &question, run, &run->lookup);
	if (ret != KNOT_EOK) {
		free(run);
		return ret;
	}
	entry->run = run;
	lane->running[turn]++;
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

static void start(aname_refresh_t *refresh, lane_t *lane, aname_turn_t turn, int64_t now_ms)
{
	aname_entry_t *entry = take_ready(lane, turn);
	count(&refresh->shared->totals.started, &entry->started);
	lane->started++;
	int ret = run_lookup(lane, turn, entry, now_ms);
	if (ret != KNOT_EOK) {
		failed(refresh, entry,
		       ret == KNOT_EINVAL ? ANAME_FAILURE_SERVER : ANAME_FAILURE_NETWORK,
		       why_not_started(ret), now_ms);
		aname_gate_open(refresh->shared->gate);
		return;
	}
	plan_deadline(refresh, entry, now_ms);
}

/*! Starts what may start; returns in how many milliseconds more may, or -1. */
static int64_t start_ready(aname_refresh_t *refresh, int64_t now_ms)
{
	if (refresh->paused) {
		return -1;
	}
	aname_turn_t turn;
	lane_t *lane;
	while ((lane = next_lane(refresh, &turn)) != NULL) {
		int64_t wait_ms = pace(refresh, now_ms);
		if (wait_ms > 0) {
			return wait_ms;
		}
		start(refresh, lane, turn, now_ms);
	}
	return -1;
}

/*! The time of a lookup is up. It goes on, if it cannot be stopped, and may still succeed. */
static void on_deadline(aname_refresh_t *refresh, aname_entry_t *entry, int64_t now_ms)
{
	failed(refresh, entry, ANAME_FAILURE_TIMEOUT, "no answer in time", now_ms);
	lane_of(refresh, entry)->resolver->api->cancel(entry->run->lookup);
	aname_gate_open(refresh->shared->gate);
}

static void on_due(aname_refresh_t *refresh, aname_entry_t *entry, int64_t due_ms, int64_t now_ms)
{
	const aname_schedule_t *schedule = &entry->profile->schedule;
	if (entry->run != NULL) {
		/* The last lookup has not even ended: that is this interval's failure. */
		plan(refresh, entry,
		     aname_policy_next_retry(schedule, entry->plan.failures, chance(refresh),
		                             now_ms));
	} else if (atomic_load(&entry->profile->abandoned) ||
	           aname_policy_idle(schedule, atomic_load(&entry->asked_s), now_ms)) {
		put_to_sleep(refresh, entry, now_ms);
	} else {
		make_ready(refresh, entry,
		           entry->plan.failures > 0 ? ANAME_TURN_RETRY : ANAME_TURN_REFRESH,
		           due_ms);
	}
}

/*! Is there something in a heap whose time has come? */
static bool is_due(const aname_refresh_t *refresh, aname_heap_t heap, int64_t now_ms)
{
	const aname_moment_t *first = aname_heaps_first(&refresh->heaps, heap);
	return first != NULL && first->at_ms <= now_ms;
}

static void handle_due(aname_refresh_t *refresh, int64_t now_ms)
{
	while (!refresh->paused && is_due(refresh, ANAME_HEAP_PLANNED, now_ms)) {
		const aname_moment_t due = *aname_heaps_first(&refresh->heaps, ANAME_HEAP_PLANNED);
		unplan(refresh, due.entry);
		if (due.entry->plan.state == ANAME_PLAN_RUNNING) {
			on_deadline(refresh, due.entry, now_ms);
		} else {
			on_due(refresh, due.entry, due.at_ms, now_ms);
		}
	}
	while (is_due(refresh, ANAME_HEAP_DORMANT, now_ms)) {
		(void)forget_first(refresh, now_ms);
	}
}

/* What is asked for. */

/*! Is there a place for one more target, be it that of one that sleeps? */
static bool has_room(const aname_refresh_t *refresh)
{
	return aname_table_targets(refresh->shared->table) < atomic_load(&refresh->max_targets) ||
	       refresh->heaps.count[ANAME_HEAP_DORMANT] > 0;
}

/*! Makes a place for one more target; those that sleep go, with their subnets. */
static bool make_room(aname_refresh_t *refresh, int64_t now_ms)
{
	const aname_table_t *table = refresh->shared->table;
	uint32_t max_targets = atomic_load(&refresh->max_targets);
	while (aname_table_targets(table) >= max_targets) {
		if (refresh->heaps.count[ANAME_HEAP_DORMANT] == 0 ||
		    !forget_first(refresh, now_ms)) {
			return false;
		}
	}
	return true;
}

static aname_entry_t *add(aname_refresh_t *refresh, const aname_key_t *key, uint64_t hash,
                          int64_t now_ms)
{
	aname_table_t *table = refresh->shared->table;
	if (!make_room(refresh, now_ms)) {
		atomic_fetch_add(&refresh->shared->met.table_full, 1);
		atomic_store(&refresh->shared->met.no_room, !has_room(refresh));
		return NULL;
	}
	if (!reserve(refresh, 1)) {
		return NULL;
	}
	int lane = find_lane(refresh, &key->profile->source);
	if (lane < 0) {
		atomic_fetch_add(&refresh->shared->met.lanes_full, 1);
	}
	aname_entry_t *entry = lane >= 0 ? aname_table_add(table, key, hash) : NULL;
	if (entry != NULL) {
		entry->plan.lane = lane;
		entry->plan.window_s = now_ms / 1000;
	}
	return entry;
}

/*!
 * Starts a new entry with what is known of the target under other options, if anything, and with
 * the time of its next lookup as if it had been its own.
 */
static bool inherit(aname_refresh_t *refresh, aname_entry_t *entry, aname_entry_t *kin,
                    uint32_t record_ttl, int64_t now_ms)
{
	const aname_snapshot_t *kins = aname_entry_snapshot(kin);
	aname_snapshot_t *known = kins != NULL ? aname_snapshot_copy(kins) : NULL;
	if (known == NULL) {
		return false;
	}
	bool cold = atomic_load(&kin->cold);
	int64_t learned_ms = known->learned_ms;
	uint16_t usual_ms = known->usual_ms;
	uint32_t life = aname_policy_life(&entry->profile->schedule, record_ttl, known->ttl);
	entry->plan.failures = kin->plan.failures;
	if (entry->tailored && known->known != ANAME_KNOWN_NOTHING) {
		note_subnet(entry, true);
	}
	aname_table_publish(refresh->shared->table, entry, known);
	atomic_store(&entry->cold, cold);
	if (cold || entry->plan.failures > 0) {
		return false;
	}
	int64_t next_ms = aname_policy_next_refresh(life, usual_ms, chance(refresh), learned_ms);
	plan(refresh, entry, next_ms > now_ms ? next_ms : now_ms);
	return true;
}

/*!
 * Does the plan for what is known come too late for a record of this TTL? A request that stood in
 * the queue while its answer came wants nothing any more.
 */
static bool is_wanted_earlier(aname_entry_t *entry, uint32_t record_ttl, int64_t now_ms)
{
	const aname_snapshot_t *known = aname_entry_snapshot(entry);
	return entry->plan.state == ANAME_PLAN_WAITING && entry->plan.failures == 0 &&
	       entry->run == NULL &&
	       aname_policy_ask(
	               known,
	               aname_policy_left(known, &entry->profile->schedule, record_ttl, now_ms),
	               atomic_load(&entry->next_ms), now_ms);
}

/*! Somebody has asked for it: it is looked up now, unless it is about to be anyway. */
static void hurry(aname_refresh_t *refresh, aname_entry_t *entry, uint32_t record_ttl,
                  int64_t now_ms)
{
	bool asleep = entry->plan.state == ANAME_PLAN_DORMANT;
	bool early = is_wanted_earlier(entry, record_ttl, now_ms);
	if (asleep || early) {
		unplan(refresh, entry);
	} else if (entry->plan.state != ANAME_PLAN_NONE) {
		return;
	}
	aname_turn_t cold = entry->tailored ? ANAME_TURN_SUBNET : ANAME_TURN_COLD;
	aname_turn_t turn = early ? ANAME_TURN_REFRESH : cold;
	make_ready(refresh, entry, entry->plan.failures > 0 ? ANAME_TURN_RETRY : turn, now_ms);
}

/*!
 * Until it is known for how large a network an answer is, one is asked for at a time: the others
 * may be in it. If that fails, a few others are tried, but not all.
 */
static bool is_probing(const aname_entry_t *target, const aname_subnet_t *client)
{
	const aname_subnets_t *subnets = subnets_of(target);
	unsigned family = client->family == ANAME_SUBNET_IPV6;
	if (subnets == NULL || !has_subnets(subnets, family)) {
		return false;
	}
	switch (atomic_load(&subnets->state[family])) {
	case ANAME_SUBNETS_UNKNOWN: return true;
	case ANAME_SUBNETS_FAILING: return atomic_load(&subnets->count) >= ANAME_SUBNETS_PROBES;
	default: return false;
	}
}

/*! Adds a client's subnet within the bounds, with what is known of it under other options. */
static aname_entry_t *admit(aname_refresh_t *refresh, aname_entry_t *target,
                            const aname_request_t *request, aname_entry_t *kin, int64_t now_ms)
{
	aname_table_t *table = refresh->shared->table;
	bool full = aname_table_subnets(table) >= atomic_load(&refresh->max_subnets);
	aname_entry_t *victim;
	if (!aname_admission_ask(&refresh->admission, target,
	                         atomic_load(&refresh->max_target_subnets), full, &victim)) {
		return NULL;
	}
	if (victim != NULL) {
		unplan(refresh, victim);
		remove_subnet(refresh, victim);
	}
	const aname_subnet_t *network = &request->client;
	if (kin != NULL && aname_table_find_subnet(table, target, &kin->member->network) == NULL) {
		network = &kin->member->network;
	}
	return add_subnet(refresh, target, network, &request->client, now_ms);
}

static void handle_subnet(aname_refresh_t *refresh, aname_entry_t *target, const aname_key_t *key,
                          const aname_request_t *request, int64_t now_ms)
{
	aname_table_t *table = refresh->shared->table;
	bool inherited = false;
	aname_entry_t *entry = aname_table_find_client(table, target, &request->client);
	if (entry == NULL) {
		aname_entry_t *kin = aname_table_find_kin(table, key);
		kin = kin != NULL ? aname_table_find_client(table, kin, &request->client) : NULL;
		if (kin == NULL && is_probing(target, &request->client)) {
			return;
		}
		entry = admit(refresh, target, request, kin, now_ms);
		inherited = entry != NULL && kin != NULL &&
		            inherit(refresh, entry, kin, request->record_ttl, now_ms);
	}
	if (entry == NULL) {
		return;
	}
	aname_entry_touch(entry, request->record_ttl, now_ms / 1000);
	if (!inherited) {
		hurry(refresh, entry, request->record_ttl, now_ms);
	}
}

static void handle_request(aname_refresh_t *refresh, const aname_request_t *request, int64_t now_ms)
{
	aname_table_t *table = refresh->shared->table;
	const aname_key_t key = { .profile = request->profile,
		                  .name = request->name,
		                  .name_len = request->name_len,
		                  .type = request->type };
	uint64_t hash = request->tailored ? aname_table_hash(table, &key) : request->hash;
	aname_entry_t *entry = aname_table_find(table, &key, hash);
	if (request->tailored) {
		/* The target's own request came before; if it was refused, so is this. */
		if (entry != NULL) {
			handle_subnet(refresh, entry, &key, request, now_ms);
		}
		return;
	}

	bool inherited = false;
	if (entry == NULL) {
		entry = add(refresh, &key, request->hash, now_ms);
		aname_entry_t *kin = aname_table_find_kin(table, &key);
		inherited = entry != NULL && kin != NULL &&
		            inherit(refresh, entry, kin, request->record_ttl, now_ms);
	}
	if (entry == NULL) {
		return;
	}
	aname_entry_touch(entry, request->record_ttl, now_ms / 1000);
	if (!inherited) {
		hurry(refresh, entry, request->record_ttl, now_ms);
	}
}

/*! Takes some requests; true if there may be more. */
static bool take_requests(aname_refresh_t *refresh, int64_t now_ms)
{
	aname_request_t request;
	unsigned taken = 0;
	while (taken < REQUESTS_AT_ONCE && aname_queue_pop(refresh->shared->queue, &request)) {
		handle_request(refresh, &request, now_ms);
		taken++;
	}
	return taken == REQUESTS_AT_ONCE;
}

/* What drives it. */

static void on_timer(uv_timer_t *timer)
{
	advance(timer->data);
}

static int64_t sooner(int64_t wait_ms, const aname_moment_t *first, int64_t now_ms)
{
	if (first == NULL) {
		return wait_ms;
	}
	int64_t until_ms = first->at_ms > now_ms ? first->at_ms - now_ms : 0;
	return wait_ms < 0 || until_ms < wait_ms ? until_ms : wait_ms;
}

/*! One step: requests, what is due, what may start; then sets the timer for the next. */
static void advance(aname_refresh_t *refresh)
{
	int64_t now_ms = aname_clock_ms();
	bool more = take_requests(refresh, now_ms);
	handle_due(refresh, now_ms);
	int64_t wait_ms = start_ready(refresh, now_ms);
	aname_events_limits(&refresh->events, &refresh->shared->met, now_ms);
	if (atomic_load(&refresh->shared->met.no_room) && has_room(refresh)) {
		atomic_store(&refresh->shared->met.no_room, false);
	}

	if (!refresh->paused) {
		wait_ms = sooner(wait_ms, aname_heaps_first(&refresh->heaps, ANAME_HEAP_PLANNED),
		                 now_ms);
	}
	wait_ms = sooner(wait_ms, aname_heaps_first(&refresh->heaps, ANAME_HEAP_DORMANT), now_ms);
	if (aname_epoch_reclaim(refresh->shared->epoch) > 0 && (wait_ms < 0 || wait_ms > 1000)) {
		wait_ms = 1000;
	}
	if (more) {
		wait_ms = 0;
	}

	if (wait_ms < 0) {
		uv_timer_stop(&refresh->timer);
	} else {
		uv_update_time(refresh->loop);
		uv_timer_start(&refresh->timer, on_timer, wait_ms, 0);
	}
}

void aname_refresh_wake(aname_refresh_t *refresh)
{
	advance(refresh);
}

void aname_refresh_resume(aname_refresh_t *refresh)
{
	refresh->paused = false;
	advance(refresh);
}

void aname_refresh_pause(aname_refresh_t *refresh)
{
	refresh->paused = true;
	uv_timer_stop(&refresh->timer);
	for (size_t i = 0; i < refresh->heaps.count[ANAME_HEAP_PLANNED]; i++) {
		aname_entry_t *entry =
		        aname_heaps_nth(&refresh->heaps, ANAME_HEAP_PLANNED, i)->entry;
		if (entry->run != NULL) {
			lane_of(refresh, entry)->resolver->api->cancel(entry->run->lookup);
		}
	}
}

aname_limits_differ_t aname_refresh_limit(aname_refresh_t *refresh, const aname_limits_t *limits)
{
	const struct {
		_Atomic uint32_t *limit;
		uint32_t value;
	} raise[] = {
		{ &refresh->max_targets, limits->max_targets },
		{ &refresh->max_lookups, limits->max_lookups },
		{ &refresh->lookup_rate, limits->lookup_rate },
		{ &refresh->max_subnets, limits->max_subnets },
		{ &refresh->max_target_subnets, limits->max_target_subnets },
	};
	bool differ[sizeof(raise) / sizeof(raise[0])];
	for (size_t i = 0; i < sizeof(raise) / sizeof(raise[0]); i++) {
		uint32_t before = atomic_load(raise[i].limit);
		differ[i] = before != 0 && before != raise[i].value;
		if (raise[i].value > before) {
			atomic_store(raise[i].limit, raise[i].value);
		}
	}
	return (aname_limits_differ_t){ differ[0], differ[1], differ[2], differ[3], differ[4] };
}

aname_refresh_t *aname_refresh_new(aname_shared_t *shared, uv_loop_t *loop,
                                   aname_make_resolver_f make)
{
	aname_refresh_t *refresh = calloc(1, sizeof(*refresh));
	if (refresh == NULL) {
		return NULL;
	}
	refresh->shared = shared;
	refresh->events.logbook = shared->logbook;
	refresh->loop = loop;
	refresh->paused = true;
	refresh->make = make;
	if (uv_timer_init(loop, &refresh->timer) != 0) {
		free(refresh);
		return NULL;
	}
	refresh->timer.data = refresh;
	if (getrandom(&refresh->random, sizeof(refresh->random), GRND_NONBLOCK) < 0) {
		refresh->random = aname_clock_ms();
	}
	return refresh;
}

static void on_closed(uv_handle_t *timer)
{
	free(timer->data);
}

void aname_refresh_free(aname_refresh_t *refresh)
{
	aname_heaps_deinit(&refresh->heaps);
	for (unsigned i = 0; i < refresh->lanes_count; i++) {
		refresh->lanes[i].resolver->api->free(refresh->lanes[i].resolver);
	}
	uv_close((uv_handle_t *)&refresh->timer, on_closed);
}
