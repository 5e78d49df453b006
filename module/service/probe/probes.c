#include "service/probe/probes.h"

#include <stddef.h>
#include <stdlib.h>
#include <sys/random.h>

#include <libknot/errcode.h>

#include "service/probe/addresses.h"
#include "service/probe/attempt.h"
#include "service/probe/doubt.h"
#include "service/probe/plan.h"
#include "table/clock.h"

struct aname_probes {
	uv_timer_t timer;
	aname_attempts_t attempts;
	aname_addresses_t addresses;
	aname_probe_plan_t plan;
	aname_doubt_t doubt;
	aname_probes_changed_f changed;
	void *ctx;
	uint64_t with[3]; /*!< Addresses held, by aname_health_t. */
	uint64_t started, failed, refused, late;
	int64_t resumed_ms; /*!< When it went on last. */
	size_t held;
	uint32_t max;
	uint64_t random;
	bool paused;
};

/* When. */

/*! A random number that spreads work in time; nothing secret hangs on it. */
static uint32_t chance(aname_probes_t *probes)
{
	/* splitmix64 */
	uint64_t z = (probes->random += 0x9e3779b97f4a7c15);
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return (z ^ (z >> 31)) >> 32;
}

static aname_probe_class_t class_of(const aname_verdict_t *verdict)
{
	if (verdict->health == ANAME_HEALTH_DOWN || verdict->run > 0) {
		return ANAME_CLASS_FAILING;
	}
	return verdict->health == ANAME_HEALTH_UP ? ANAME_CLASS_UP : ANAME_CLASS_NEW;
}

static void plan_next(aname_probes_t *probes, aname_address_t *address, int64_t now_ms)
{
	const aname_probed_t *probed = &address->probed;
	int64_t next_ms = aname_verdict_next(&probed->verdict, &probed->definition->probe,
	                                     address->started_ms, chance(probes), now_ms);
	aname_probe_plan_set(&probes->plan, &address->planned, class_of(&probed->verdict), next_ms);
}

static void on_timer(uv_timer_t *timer);

/*! Sets the timer for what comes next. */
static void set_timer(aname_probes_t *probes, int64_t now_ms)
{
	int64_t wait_ms = probes->paused ? -1 : aname_probe_plan_wait(&probes->plan, now_ms);
	const aname_address_t *kept = probes->addresses.kept_first;
	if (kept != NULL) {
		int64_t keep_ms = kept->kept_ms + ANAME_PROBES_KEEP_MS - now_ms;
		keep_ms = keep_ms > 0 ? keep_ms : 0;
		wait_ms = wait_ms < 0 || keep_ms < wait_ms ? keep_ms : wait_ms;
	}
	if (wait_ms < 0) {
		(void)uv_timer_stop(&probes->timer);
	} else {
		uv_update_time(probes->timer.loop);
		(void)uv_timer_start(&probes->timer, on_timer, wait_ms, 0);
	}
}

/* Probes. */

static void on_done(void *ctx, aname_end_t end);

static void start(aname_probes_t *probes, aname_address_t *address, int64_t now_ms)
{
	const aname_probed_t *probed = &address->probed;
	const aname_subject_t subject = { .probe = &probed->definition->probe,
		                          .address = probed->address,
		                          .len = probed->len,
		                          .name = address->name };
	int64_t due_ms = address->planned.at_ms;
	due_ms = due_ms > probes->resumed_ms ? due_ms : probes->resumed_ms;
	probes->late += now_ms - due_ms > probed->definition->probe.interval_ms;
	address->started_ms = now_ms;
	address->attempt = aname_attempt_start(&probes->attempts, &subject, on_done, address);
	if (address->attempt == NULL) {
		plan_next(probes, address, now_ms);
		return;
	}
	address->probed.started++;
	probes->started++;
}

/*! Starts what may, forgets what nobody has asked for again. */
static void advance(aname_probes_t *probes)
{
	int64_t now_ms = aname_clock_ms();
	aname_probe_planned_t *planned;
	while (!probes->paused &&
	       (planned = aname_probe_plan_start(&probes->plan, now_ms)) != NULL) {
		start(probes,
		      (aname_address_t *)((char *)planned - offsetof(aname_address_t, planned)),
		      now_ms);
	}
	aname_address_t *kept;
	while ((kept = probes->addresses.kept_first) != NULL &&
	       now_ms - kept->kept_ms >= ANAME_PROBES_KEEP_MS) {
		aname_addresses_remove(&probes->addresses, kept);
	}
	set_timer(probes, now_ms);
}

static void on_timer(uv_timer_t *timer)
{
	advance(timer->data);
}

static void on_done(void *ctx, aname_end_t end)
{
	aname_address_t *address = ctx;
	aname_probes_t *probes = address->probes;
	aname_probed_t *probed = &address->probed;
	int64_t now_ms = aname_clock_ms();
	address->attempt = NULL;
	probed->probed_ms = now_ms;
	if (end.why != NULL) {
		probed->why = end.why;
	}
	bool failed = end.outcome == ANAME_OUTCOME_DOWN;
	probed->failed += failed;
	probes->failed += failed;
	uint8_t before = probed->verdict.health;
	aname_doubt_take(&probes->doubt, address->target, before == ANAME_HEALTH_UP, end.outcome);
	bool changed = aname_verdict_take(&probed->verdict, &probed->definition->probe, end.outcome,
	                                  now_ms);
	plan_next(probes, address, now_ms);
	if (changed) {
		probes->with[before]--;
		probes->with[probed->verdict.health]++;
		probes->changed(probes->ctx, probed, now_ms); /* It may be let go here. */
	}
	advance(probes);
}

/*! Ends what is under way, as if it had never begun. */
static void cut_off(aname_address_t *address)
{
	if (address->attempt != NULL) {
		aname_attempt_cancel(address->attempt);
		address->attempt = NULL;
		address->started_ms = 0;
	}
}

/* Holding. */

/*! Has it probed from now on; false if there is no room. */
static bool take_in(aname_probes_t *probes, aname_address_t *address, int64_t now_ms)
{
	if (aname_probe_plan_reserve(&probes->plan, probes->held + 1) != KNOT_EOK) {
		return false;
	}
	if (address->kept_ms != 0) {
		aname_addresses_unkeep(&probes->addresses, address);
	}
	probes->held++;
	probes->with[address->probed.verdict.health]++;
	plan_next(probes, address, now_ms);
	set_timer(probes, now_ms);
	return true;
}

aname_probed_t *aname_probes_hold(aname_probes_t *probes, const aname_definition_t *definition,
                                  const uint8_t *address, uint8_t len, const knot_dname_t *name,
                                  aname_health_t believed, int64_t now_ms)
{
	const aname_address_key_t key = {
		.definition = definition, .address = address, .len = len, .name = name
	};
	aname_address_t *found = aname_addresses_find(&probes->addresses, &key);
	bool held = found != NULL && found->probed.holders > 0;
	if (!held && probes->held >= probes->max) {
		probes->refused++;
		return NULL;
	}
	if (found == NULL) {
		found = aname_addresses_add(&probes->addresses, &key);
		if (found == NULL) {
			return NULL;
		}
		found->probes = probes;
	}
	if (!held && found->probed.verdict.health == ANAME_HEALTH_UNKNOWN) {
		found->probed.verdict.health = believed;
	}
	if (!held && !take_in(probes, found, now_ms)) {
		if (found->kept_ms == 0) {
			aname_addresses_remove(&probes->addresses, found);
		}
		return NULL;
	}
	found->probed.holders++;
	return &found->probed;
}

void aname_probes_unhold(aname_probes_t *probes, aname_probed_t *probed, int64_t now_ms)
{
	if (--probed->holders > 0) {
		return;
	}
	aname_address_t *address = (aname_address_t *)probed;
	cut_off(address);
	aname_probe_plan_remove(&probes->plan, &address->planned);
	probes->held--;
	probes->with[probed->verdict.health]--;
	aname_addresses_keep(&probes->addresses, address, now_ms);
	if (probes->addresses.kept > probes->max) {
		aname_addresses_remove(&probes->addresses, probes->addresses.kept_first);
	}
	set_timer(probes, now_ms);
}

const aname_probed_t *aname_probes_find(const aname_probes_t *probes,
                                        const aname_definition_t *definition,
                                        const uint8_t *address, uint8_t len,
                                        const knot_dname_t *name)
{
	const aname_address_key_t key = {
		.definition = definition, .address = address, .len = len, .name = name
	};
	const aname_address_t *found = aname_addresses_find(&probes->addresses, &key);
	return found != NULL ? &found->probed : NULL;
}

void aname_probes_restore(aname_probes_t *probes, const aname_definition_t *definition,
                          const uint8_t *address, uint8_t len, const knot_dname_t *name,
                          aname_health_t health, int64_t since_ms, int64_t now_ms)
{
	const aname_address_key_t key = {
		.definition = definition, .address = address, .len = len, .name = name
	};
	if (aname_addresses_find(&probes->addresses, &key) != NULL) {
		return;
	}
	aname_address_t *restored = aname_addresses_add(&probes->addresses, &key);
	if (restored != NULL) {
		restored->probes = probes;
		restored->probed.verdict =
		        (aname_verdict_t){ .health = health, .since_ms = since_ms };
		aname_addresses_keep(&probes->addresses, restored, now_ms);
		set_timer(probes, now_ms);
	}
}

bool aname_probes_walk(const aname_probes_t *probes, aname_probes_cursor_t *cursor,
                       void (*visit)(const aname_probed_t *probed, const knot_dname_t *name,
                                     void *ctx),
                       void *ctx)
{
	const aname_addresses_t *addresses = &probes->addresses;
	if (cursor->bucket == 0) {
		cursor->size = addresses->size;
	}
	cursor->rebuilt = cursor->size != addresses->size;
	if (cursor->rebuilt || cursor->bucket >= cursor->size) {
		return false;
	}
	for (const aname_address_t *at = aname_addresses_in(addresses, cursor->bucket++);
	     at != NULL; at = at->next_same) {
		visit(&at->probed, at->name, ctx);
	}
	return true;
}

typedef struct {
	aname_probes_t *probes;
	const aname_definition_t *definition;
	bool held;
} forget_t;

static void forget(aname_address_t *address, void *ctx)
{
	forget_t *what = ctx;
	if (address->probed.definition != what->definition) {
		return;
	}
	if (address->probed.holders > 0) {
		what->held = true;
	} else {
		aname_addresses_remove(&what->probes->addresses, address);
	}
}

bool aname_probes_forget(aname_probes_t *probes, const aname_definition_t *definition)
{
	forget_t what = { .probes = probes, .definition = definition };
	aname_addresses_foreach(&probes->addresses, forget, &what);
	return !what.held;
}

/* What is shown. */

typedef struct {
	void (*visit)(const aname_probed_t *probed, void *ctx);
	void *ctx;
} visit_t;

static void visit_held(aname_address_t *address, void *ctx)
{
	const visit_t *what = ctx;
	if (address->probed.holders > 0) {
		what->visit(&address->probed, what->ctx);
	}
}

void aname_probes_foreach(const aname_probes_t *probes,
                          void (*visit)(const aname_probed_t *probed, void *ctx), void *ctx)
{
	visit_t what = { .visit = visit, .ctx = ctx };
	aname_addresses_foreach(&probes->addresses, visit_held, &what);
}

aname_probes_numbers_t aname_probes_numbers(const aname_probes_t *probes)
{
	return (aname_probes_numbers_t){
		.up = probes->with[ANAME_HEALTH_UP],
		.down = probes->with[ANAME_HEALTH_DOWN],
		.unknown = probes->with[ANAME_HEALTH_UNKNOWN],
		.started = probes->started,
		.failed = probes->failed,
		.refused = probes->refused,
		.late = probes->late,
		.in_doubt = probes->held > 0 && aname_doubt_is(&probes->doubt),
	};
}

/* The whole. */

void aname_probes_limit(aname_probes_t *probes, uint32_t max)
{
	probes->max = max;
}

static void put_off(aname_address_t *address, void *ctx)
{
	aname_probes_t *probes = ctx;
	if (address->attempt != NULL) {
		cut_off(address);
		plan_next(probes, address, aname_clock_ms());
	}
}

void aname_probes_pause(aname_probes_t *probes)
{
	probes->paused = true;
	probes->doubt = (aname_doubt_t){ 0 };
	aname_addresses_foreach(&probes->addresses, put_off, probes);
	set_timer(probes, aname_clock_ms());
}

void aname_probes_resume(aname_probes_t *probes)
{
	probes->paused = false;
	probes->resumed_ms = aname_clock_ms();
	set_timer(probes, aname_clock_ms());
}

aname_probes_t *aname_probes_new(uv_loop_t *loop, aname_probes_changed_f changed, void *ctx)
{
	aname_probes_t *probes = calloc(1, sizeof(*probes));
	if (probes == NULL) {
		return NULL;
	}
	(void)uv_timer_init(loop, &probes->timer); /* Never fails. */
	probes->timer.data = probes;
	probes->changed = changed;
	probes->ctx = ctx;
	probes->max = UINT32_MAX;
	probes->paused = true;
	if (getrandom(&probes->random, sizeof(probes->random), GRND_NONBLOCK) < 0) {
		probes->random = aname_clock_ms();
	}
	aname_attempts_init(&probes->attempts, loop);
	aname_addresses_init(&probes->addresses);
	return probes;
}

static void cut_off_each(aname_address_t *address, void *ctx)
{
	cut_off(address);
}

static void on_closed(uv_handle_t *timer)
{
	free(timer->data);
}

void aname_probes_free(aname_probes_t *probes)
{
	aname_addresses_foreach(&probes->addresses, cut_off_each, NULL);
	aname_attempts_deinit(&probes->attempts);
	aname_addresses_deinit(&probes->addresses);
	aname_probe_plan_deinit(&probes->plan);
	uv_close((uv_handle_t *)&probes->timer, on_closed);
}
