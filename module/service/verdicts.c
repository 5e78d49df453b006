#include "service/verdicts.h"

#include "log/tell.h"
#include "service/users.h"
#include "service/views.h"
#include "table/clock.h"

/*! Changes of one address are logged so often at most. */
#define LOG_AGAIN_MS 10000
/*! Targets of one address of which those who watch are told. */
#define TELL_MAX     1000

/*! Changes are published so long after the first one, and with what has changed until then. */
#define PAUSE_MIN_MS 50
/*! And after a pause so many times as long as the last round took: others have to go on. */
#define PAUSES       10
/*! What workers may still be reading is looked at again after this. */
#define RECLAIM_MS   1000

typedef struct {
	aname_refresh_t *refresh;
	int64_t now_ms;
} note_t;

/* What is counted and logged. */

/*! Writes only what changes: workers read what stands beside it. */
static void set(_Atomic uint64_t *number, uint64_t value)
{
	if (atomic_load_explicit(number, memory_order_relaxed) != value) {
		atomic_store_explicit(number, value, memory_order_relaxed);
	}
}

/*! Brings the numbers up to date, and logs when this server's own connection is in doubt. */
static void count(aname_refresh_t *refresh, int64_t now_ms)
{
	const aname_probes_numbers_t numbers = aname_probes_numbers(refresh->probes);
	aname_totals_t *totals = &refresh->shared->totals;
	set(&totals->up, numbers.up);
	set(&totals->down, numbers.down);
	set(&totals->unknown, numbers.unknown);
	set(&totals->probes_started, numbers.started);
	set(&totals->probes_failed, numbers.failed);
	set(&refresh->shared->reached.probes_full, numbers.refused);
	set(&refresh->shared->reached.probes_late, numbers.late);
	if (numbers.in_doubt != atomic_load(&totals->in_doubt)) {
		atomic_store(&totals->in_doubt, numbers.in_doubt);
		aname_events_doubt(&refresh->events, numbers.in_doubt, now_ms);
	}
}

/*! Logs where an address stands, if that is another place than when it was logged last. */
static void log_health(aname_refresh_t *refresh, const aname_probed_t *probed, int64_t now_ms)
{
	aname_users_t *users = aname_users_of(probed);
	bool down = probed->verdict.health == ANAME_HEALTH_DOWN;
	users->unlogged = false;
	if (users->count > 0 && down != users->logged_down) {
		users->logged_down = down;
		users->logged_ms = now_ms;
		aname_events_health(&refresh->events, users->entries[0], users->count - 1,
		                    &probed->definition->probe, probed->address, probed->len,
		                    down ? probed->why : NULL, now_ms);
	}
}

static void log_unlogged(const aname_probed_t *probed, void *ctx)
{
	const note_t *note = ctx;
	const aname_users_t *users = aname_users_of(probed);
	if (users != NULL && users->unlogged) {
		log_health(note->refresh, probed, note->now_ms);
	}
}

/*! Logs a change, at once or, if there was one just now, when it is time again. */
static void note_change(aname_refresh_t *refresh, const aname_probed_t *probed, int64_t now_ms)
{
	aname_users_t *users = aname_users_of(probed);
	if (users->logged_ms == INT64_MIN || now_ms - users->logged_ms >= LOG_AGAIN_MS) {
		log_health(refresh, probed, now_ms);
	} else {
		users->unlogged = true;
		if (refresh->log_health_ms == INT64_MAX) {
			refresh->log_health_ms = now_ms + LOG_AGAIN_MS;
		}
	}
}

/*! Tells those who watch, of each target that has the address, if there are not too many. */
static void tell(aname_refresh_t *refresh, const aname_probed_t *probed)
{
	const aname_users_t *users = aname_users_of(probed);
	const char *why = probed->verdict.health == ANAME_HEALTH_DOWN ? probed->why : NULL;
	const knot_dname_t *told = NULL;
	for (size_t i = 0;
	     i < users->count && i < TELL_MAX && aname_watch_any(&refresh->shared->watch); i++) {
		const knot_dname_t *target = aname_entry_name(users->entries[i]);
		if (told == NULL || !knot_dname_is_equal(told, target)) {
			aname_tell_health(&refresh->shared->watch, target, users->count - 1,
			                  i == 0 ? ANAME_WATCH_ALL : ANAME_WATCH_NAMED,
			                  &probed->definition->probe, probed->address, probed->len,
			                  why);
		}
		told = target;
	}
}

/* Rounds in which changes are published. */

/*! Publishes anew who has an address whose health has changed, each target once in a round. */
static void show_users(const aname_probed_t *probed, void *ctx)
{
	aname_refresh_t *refresh = ctx;
	aname_users_t *users = aname_users_of(probed);
	if (users == NULL || !users->changed) {
		return;
	}
	users->changed = false;
	for (size_t i = 0; i < users->count; i++) {
		aname_entry_t *entry = users->entries[i];
		const aname_definition_t *definitions[ANAME_VIEWS_MAX];
		if (!aname_views_is_of_round(refresh, entry)) {
			unsigned held = aname_views_definitions(refresh, entry, definitions);
			(void)aname_views_show_all(refresh, entry, definitions, held);
		}
	}
}

static void on_timer(uv_timer_t *timer);

static void start_timer(aname_refresh_t *refresh, int64_t wait_ms)
{
	uv_update_time(refresh->loop);
	(void)uv_timer_start(&refresh->show, on_timer, wait_ms, 0);
}

static void on_timer(uv_timer_t *timer)
{
	aname_refresh_t *refresh = timer->data;
	int64_t began_ms = aname_clock_ms();
	refresh->round++;
	aname_probes_foreach(refresh->probes, show_users, refresh);
	int64_t pause_ms = PAUSES * (aname_clock_ms() - began_ms);
	refresh->show_pause_ms = pause_ms > PAUSE_MIN_MS ? pause_ms : PAUSE_MIN_MS;
	if (aname_epoch_reclaim(refresh->shared->epoch) > 0) {
		start_timer(refresh, RECLAIM_MS);
	}
}

void aname_verdicts_changed(void *ctx, aname_probed_t *probed, int64_t now_ms)
{
	aname_refresh_t *refresh = ctx;
	aname_users_t *users = aname_users_of(probed);
	if (users == NULL) {
		return;
	}
	bool down = probed->verdict.health == ANAME_HEALTH_DOWN;
	if (down || users->was_down) {
		users->changed_ms = now_ms;
		tell(refresh, probed);
		note_change(refresh, probed, now_ms);
	}
	users->was_down = down;
	users->changed = true;
	if (!uv_is_active((uv_handle_t *)&refresh->show)) {
		start_timer(refresh, refresh->show_pause_ms);
	}
	count(refresh, now_ms);
}

int64_t aname_verdicts_advance(aname_refresh_t *refresh, int64_t now_ms)
{
	note_t note = { .refresh = refresh, .now_ms = now_ms };
	if (now_ms >= refresh->log_health_ms) {
		refresh->log_health_ms = INT64_MAX;
		aname_probes_foreach(refresh->probes, log_unlogged, &note);
	}
	count(refresh, now_ms);
	return refresh->log_health_ms;
}

void aname_verdicts_pause(aname_refresh_t *refresh)
{
	(void)uv_timer_stop(&refresh->show);
}

void aname_verdicts_resume(aname_refresh_t *refresh)
{
	start_timer(refresh, refresh->show_pause_ms);
}

void aname_verdicts_init(aname_refresh_t *refresh)
{
	refresh->log_health_ms = INT64_MAX;
	refresh->show_pause_ms = PAUSE_MIN_MS;
	(void)uv_timer_init(refresh->loop, &refresh->show); /* Never fails. */
	refresh->show.data = refresh;
}
