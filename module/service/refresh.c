#include "service/refresh.h"

#include <stdlib.h>
#include <sys/random.h>

#include <libknot/errcode.h>

#include "service/dispatch.h"
#include "service/due.h"
#include "service/enquiry.h"
#include "service/far_owners.h"
#include "service/health.h"
#include "service/outage.h"
#include "service/result.h"
#include "service/room.h"
#include "service/schedule.h"
#include "service/subnets.h"
#include "service/upstreams.h"
#include "service/urgent.h"
#include "service/verdicts.h"
#include "table/clock.h"

/*! Requests taken in one go, so that results are not held up by a flood of requests. */
#define REQUESTS_AT_ONCE 256

/* Requests. */

static aname_entry_t *add(aname_refresh_t *refresh, const aname_key_t *key, uint64_t hash,
                          int64_t now_ms)
{
	aname_shared_t *shared = refresh->shared;
	if (!aname_room_has(refresh)) {
		aname_upstreams_settle(refresh,
		                       now_ms); /* What nobody needs any more goes first. */
	}
	if (!aname_room_make(refresh, now_ms)) {
		atomic_fetch_add(&shared->reached.table_full, 1);
		atomic_store(&shared->reached.no_room, true);
		return NULL;
	}
	if (aname_upstreams_work(key->upstream) == NULL || !aname_schedule_reserve(refresh, 1)) {
		return NULL;
	}
	aname_entry_t *entry = aname_table_add(shared->table, key, hash);
	if (entry != NULL) {
		entry->plan.window_s = now_ms / 1000;
	}
	return entry;
}

/*! Somebody asks for a target, which is in the table or NULL; returns it if there is room for it. */
static aname_entry_t *ask(aname_refresh_t *refresh, const aname_key_t *key, uint64_t hash,
                          aname_entry_t *entry, aname_interest_t interest, int64_t now_ms)
{
	if (entry == NULL) {
		entry = add(refresh, key, hash, now_ms);
	}
	if (entry != NULL) {
		aname_entry_touch(aname_table_charges(refresh->shared->table), entry, interest,
		                  now_ms / 1000);
		aname_schedule_now(refresh, entry, interest, now_ms);
		if (interest.definition != 0) {
			aname_health_ask(refresh, entry, interest.definition, now_ms);
		}
	}
	return entry;
}

static void handle_request(aname_refresh_t *refresh, const aname_request_t *request, int64_t now_ms)
{
	const aname_table_t *table = refresh->shared->table;
	const aname_key_t key = { .upstream = request->upstream,
		                  .name = request->name,
		                  .name_len = request->name_len,
		                  .type = request->type };
	if (!key.upstream->held) {
		return; /* Whoever has asked is gone, perhaps before it was noted what counts. */
	}
	uint64_t hash = request->for_subnet ? aname_table_hash(table, &key) : request->hash;
	aname_entry_t *entry = aname_table_find(table, &key, hash);
	if (request->for_subnet) {
		/* The target's own request came before; if it was refused, so is this. */
		if (entry != NULL) {
			aname_subnets_request(refresh, entry, request, now_ms);
		}
		return;
	}
	(void)ask(refresh, &key, hash, entry, request->interest, now_ms);
}

void aname_refresh_ask(aname_refresh_t *refresh, const aname_key_t *key, aname_interest_t interest,
                       int64_t now_ms)
{
	aname_upstreams_note(refresh, now_ms);
	if (key->upstream->held) {
		const aname_table_t *table = refresh->shared->table;
		uint64_t hash = aname_table_hash(table, key);
		aname_entry_t *entry = aname_table_find(table, key, hash);
		entry = ask(refresh, key, hash, entry, interest, now_ms);
		if (entry != NULL) {
			entry->plan.followed = true;
		}
	}
}

/*! Takes some requests; true if there may be more. */
static bool take_requests(aname_refresh_t *refresh, int64_t now_ms)
{
	aname_request_t request;
	unsigned taken = 0;
	while (taken < REQUESTS_AT_ONCE && aname_queue_pop(refresh->shared->queue, &request)) {
		aname_upstreams_note(refresh, now_ms); /* Of who has asked, if it is new. */
		handle_request(refresh, &request, now_ms);
		taken++;
	}
	return taken == REQUESTS_AT_ONCE;
}

/* What operators have forced. */

static void log_force(aname_refresh_t *refresh, const aname_force_t *force, bool ended,
                      int64_t now_ms)
{
	char subject[ANAME_SUBJECT_TEXT_MAX];
	aname_subject_text(&force->subject, subject);
	const aname_events_force_t event = {
		.subject = subject,
		.target = force->subject.len > 0 ? NULL : force->subject.name,
		.up = force->state == ANAME_FORCED_UP,
		.ended = ended,
		.seconds = force->until_ms != ANAME_FORCED_EVER
		                   ? (force->until_ms - now_ms + 999) / 1000
		                   : -1,
	};
	aname_events_force(&refresh->events, &event, now_ms);
}

/*! Ends what is over; in how many milliseconds the next one is, or -1. */
static int64_t end_forces(aname_refresh_t *refresh, int64_t now_ms)
{
	aname_force_t ended;
	while (aname_forces_expire(refresh->forces, now_ms, &ended)) {
		log_force(refresh, &ended, true, now_ms);
		aname_health_note_forced(refresh, &ended.subject);
	}
	int64_t next_ms = aname_forces_next(refresh->forces);
	return next_ms != INT64_MAX ? next_ms - now_ms : -1;
}

/* What drives it. */

/*! The sooner of two waits; -1 is none. */
static int64_t sooner(int64_t wait_ms, int64_t other_ms)
{
	return wait_ms < 0 || (other_ms >= 0 && other_ms < wait_ms) ? other_ms : wait_ms;
}

static int64_t until(const aname_refresh_t *refresh, aname_heap_t heap, int64_t now_ms)
{
	const aname_moment_t *first = aname_heaps_first(&refresh->heaps, heap);
	if (first == NULL) {
		return -1;
	}
	return first->at_ms > now_ms ? first->at_ms - now_ms : 0;
}

/*! Starts what may be looked up; in how many milliseconds there is more, or -1. */
static int64_t look_up(aname_refresh_t *refresh, int64_t now_ms)
{
	if (refresh->paused) {
		return -1;
	}
	int64_t wait_ms = aname_outage_advance(refresh, now_ms);
	const aname_upstream_work_t *out = refresh->out_first;
	wait_ms = sooner(wait_ms, aname_dispatch_start_ready(refresh, now_ms));
	return refresh->out_first != out ? 0 : wait_ms;
}

/*! One step; returns in how many milliseconds the next one is due, or -1. */
static int64_t step(aname_refresh_t *refresh, int64_t now_ms)
{
	aname_shared_t *shared = refresh->shared;
	aname_upstreams_note(refresh, now_ms);
	bool more = take_requests(refresh, now_ms);
	aname_due_handle(refresh, now_ms);
	int64_t wait_ms = look_up(refresh, now_ms);
	wait_ms = sooner(wait_ms, end_forces(refresh, now_ms));
	aname_events_limits(&refresh->events, &shared->reached, now_ms);
	if (atomic_load(&shared->reached.no_room) && aname_room_may_be_made(refresh)) {
		atomic_store(&shared->reached.no_room, false);
	}
	if (!refresh->paused) {
		wait_ms = sooner(wait_ms, until(refresh, ANAME_HEAP_PLANNED, now_ms));
	}
	wait_ms = sooner(wait_ms, until(refresh, ANAME_HEAP_DORMANT, now_ms));
	wait_ms = sooner(wait_ms, aname_health_advance(refresh, now_ms));
	if (refresh->log_terms_ms != INT64_MAX) {
		wait_ms = sooner(wait_ms, refresh->log_terms_ms - now_ms);
	}
	if (refresh->settle_ms != INT64_MAX) {
		wait_ms = sooner(wait_ms, refresh->settle_ms - now_ms);
	}
	if (aname_epoch_reclaim(shared->epoch) > 0) {
		wait_ms = sooner(wait_ms, 1000);
	}
	return more ? 0 : wait_ms;
}

static void on_timer(uv_timer_t *timer);

static void set_timer(aname_refresh_t *refresh, int64_t wait_ms)
{
	if (wait_ms < 0) {
		uv_timer_stop(&refresh->timer);
	} else {
		uv_update_time(refresh->loop);
		uv_timer_start(&refresh->timer, on_timer, wait_ms, 0);
	}
}

/*! One step from the loop itself, not from within a resolver: upstreams may be released. */
static void advance_all(aname_refresh_t *refresh)
{
	int64_t now_ms = aname_clock_ms();
	int64_t wait_ms = step(refresh, now_ms);
	set_timer(refresh, sooner(wait_ms, aname_upstreams_release(refresh, now_ms)));
}

static void on_timer(uv_timer_t *timer)
{
	advance_all(timer->data);
}

/*! One step from within a resolver's call: releasing waits for the timer. */
static void advance(aname_refresh_t *refresh)
{
	int64_t now_ms = aname_clock_ms();
	int64_t wait_ms = step(refresh, now_ms);
	int64_t release_ms = refresh->release_ms > now_ms ? refresh->release_ms - now_ms : 0;
	if (refresh->release_ms != INT64_MAX) {
		wait_ms = sooner(wait_ms, release_ms);
	}
	set_timer(refresh, wait_ms);
}

static void on_resolved(void *owner, void *run, const aname_result_t *result)
{
	aname_refresh_t *refresh = owner;
	if (aname_enquiry_is(run)) {
		aname_enquiry_end(refresh, run, result, aname_clock_ms());
	} else {
		aname_result_take(refresh, run, result, aname_clock_ms());
	}
	aname_waiters_wake(refresh->shared->waiters);
	advance(refresh);
}

void aname_refresh_wake(aname_refresh_t *refresh)
{
	advance_all(refresh);
}

void aname_refresh_resume(aname_refresh_t *refresh)
{
	refresh->paused = false;
	refresh->resumed_ms = aname_clock_ms();
	aname_probes_resume(refresh->probes);
	aname_verdicts_resume(refresh);
	advance_all(refresh);
}

/*! Nobody could ask meanwhile: that counts for no target as not having been asked for. */
static void keep_interest(aname_table_t *table, uint32_t slept_s)
{
	aname_cursor_t cursor = aname_table_begin(table);
	while (!cursor.end && !cursor.rebuilt) {
		aname_entry_t *entry = aname_table_step(table, &cursor);
		if (entry != NULL) {
			atomic_fetch_add(&entry->asked_s, slept_s);
			atomic_fetch_add(&entry->until_s, slept_s);
			entry->plan.window_s += slept_s;
		}
	}
}

void aname_refresh_slept(aname_refresh_t *refresh, int64_t slept_ms)
{
	keep_interest(refresh->shared->table, slept_ms / 1000);
	if (!refresh->paused) {
		aname_refresh_resume(refresh);
	}
}

void aname_refresh_pause(aname_refresh_t *refresh)
{
	refresh->paused = true;
	aname_probes_pause(refresh->probes);
	aname_verdicts_pause(refresh);
	uv_timer_stop(&refresh->timer);
	for (size_t i = 0; i < refresh->heaps.count[ANAME_HEAP_PLANNED]; i++) {
		aname_entry_t *entry =
		        aname_heaps_nth(&refresh->heaps, ANAME_HEAP_PLANNED, i)->entry;
		if (entry->run != NULL) {
			aname_work_of(entry)->resolver->api->cancel(entry->run->lookup);
		}
	}
}

int aname_refresh_force(aname_refresh_t *refresh, const aname_subject_t *subject,
                        aname_forced_t state, int64_t until_ms)
{
	int64_t now_ms = aname_clock_ms();
	refresh->forces_said = true;
	const aname_force_t *said = aname_forces_find(refresh->forces, subject);
	const aname_force_t before = said != NULL ? *said : (aname_force_t){ .until_ms = 0 };
	int ret = aname_forces_set(refresh->forces, subject, state, until_ms, now_ms);
	if (ret != KNOT_EOK) {
		return ret;
	}
	if (state == ANAME_FORCED_AUTO) {
		log_force(refresh, &before, true, now_ms);
	} else if (before.state != state || before.until_ms != until_ms) {
		log_force(refresh, aname_forces_find(refresh->forces, subject), false, now_ms);
	}
	aname_health_note_forced(refresh, subject);
	advance_all(refresh);
	return KNOT_EOK;
}

size_t aname_refresh_urge(aname_refresh_t *refresh, aname_urgent_t *urgent)
{
	size_t left = aname_urgent_look(refresh, urgent, aname_clock_ms());
	advance_all(refresh);
	return left;
}

const aname_forces_t *aname_refresh_forces(const aname_refresh_t *refresh)
{
	return refresh->forces;
}

aname_followers_t *aname_refresh_followers(aname_refresh_t *refresh)
{
	return &refresh->followers;
}

const aname_probed_t *aname_refresh_probed(aname_refresh_t *refresh, uint32_t definition,
                                           const knot_dname_t *name, const uint8_t *address,
                                           uint8_t len)
{
	return aname_health_probed(refresh, definition, name, address, len);
}

aname_probes_numbers_t aname_refresh_probes(const aname_refresh_t *refresh)
{
	return aname_probes_numbers(refresh->probes);
}

/* The whole. */

unsigned aname_refresh_running(const aname_refresh_t *refresh)
{
	return refresh->running;
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
		{ &refresh->max_probes, limits->max_probes },
	};
	bool differ[sizeof(raise) / sizeof(raise[0])];
	for (size_t i = 0; i < sizeof(raise) / sizeof(raise[0]); i++) {
		uint32_t before = atomic_load(raise[i].limit);
		differ[i] = before != 0 && before != raise[i].value;
		if (raise[i].value > before) {
			atomic_store(raise[i].limit, raise[i].value);
		}
	}
	return (aname_limits_differ_t){ differ[0], differ[1], differ[2],
		                        differ[3], differ[4], differ[5] };
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
	refresh->events.budget = &shared->budget;
	refresh->events.watch = &shared->watch;
	refresh->loop = loop;
	refresh->paused = true;
	refresh->make = make;
	refresh->done = on_resolved;
	refresh->release_ms = INT64_MAX;
	refresh->settle_ms = INT64_MAX;
	refresh->log_terms_ms = INT64_MAX;
	refresh->forces = aname_forces_new();
	refresh->far_owners = aname_far_owners_new(shared);
	bool parts = refresh->forces != NULL && refresh->far_owners != NULL &&
	             aname_health_init(refresh);
	if (!parts || uv_timer_init(loop, &refresh->timer) != 0) {
		if (parts) {
			aname_health_deinit(refresh);
		}
		aname_far_owners_free(refresh->far_owners);
		aname_forces_free(refresh->forces);
		free(refresh);
		return NULL;
	}
	refresh->timer.data = refresh;
	aname_verdicts_init(refresh);
	if (getrandom(&refresh->random, sizeof(refresh->random), GRND_NONBLOCK) < 0) {
		refresh->random = aname_clock_ms();
	}
	return refresh;
}

static void on_closed(uv_handle_t *timer)
{
	aname_refresh_t *refresh = timer->data;
	if (--refresh->handles == 0) {
		free(refresh);
	}
}

void aname_refresh_free(aname_refresh_t *refresh)
{
	aname_heaps_deinit(&refresh->heaps);
	aname_health_deinit(refresh);
	aname_upstreams_free(refresh);
	aname_forces_free(refresh->forces);
	aname_far_owners_free(refresh->far_owners);
	refresh->handles = 2;
	uv_close((uv_handle_t *)&refresh->timer, on_closed);
	uv_close((uv_handle_t *)&refresh->show, on_closed);
}
