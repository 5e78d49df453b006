#include "service/state/state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "log/log.h"
#include "service/state/collect.h"
#include "service/state/file.h"
#include "service/threadpool.h"
#include "table/clock.h"

/*! The service thread collects for so long in one go. */
#define STEP_NS 1000000

typedef enum {
	STAGE_IDLE = 0,
	STAGE_COLLECTING,
	STAGE_WRITING,
} stage_t;

struct aname_state {
	aname_refresh_t *refresh;
	uv_timer_t timer;
	uv_idle_t idle; /*!< Collects. */
	uv_work_t work;
	unsigned handles; /*!< Not closed yet. */
	stage_t stage;
	char *path;    /*!< That is wanted; NULL: none. */
	bool replaces; /*!< That one takes the place of the one before, which is of no use then. */
	char *left; /*!< A file that is left for that one, and goes when that is written; or NULL. */
	uint32_t interval_s;
	aname_state_file_t file;
	aname_collect_t collect;
	uint32_t number;     /*!< Of the save that was begun last. */
	uint64_t changes;    /*!< What was known when it was; */
	uint64_t saved;      /*!< and what is in the file. */
	const char *why_not; /*!< Reading or writing fails; NULL: it does not. */
	aname_state_sync_t *syncs;
	aname_state_numbers_t numbers;
	/* Set by the pool. */
	const char *failed;
	uint32_t took_ms;
};

static void begin(aname_state_t *state);

/*! Other than before if what is known may be. */
static uint64_t changes(const aname_state_t *state)
{
	const aname_shared_t *shared = state->refresh->shared;
	return aname_table_changes(shared->table) + aname_forces_changes(state->refresh->forces) +
	       aname_secrets_changes(shared->secrets);
}

static bool is_anything_known(const aname_state_t *state)
{
	const aname_shared_t *shared = state->refresh->shared;
	return aname_table_targets(shared->table) > 0 || aname_forces_any(state->refresh->forces) ||
	       aname_secrets_count(shared->secrets) > 0;
}

/*! Holds the file, and loads what is in it. */
static void load(aname_state_t *state, aname_state_report_t *report)
{
	int64_t began_ms = aname_clock_ms();
	bool known = is_anything_known(state);
	const aname_loaded_t loaded =
	        aname_state_load(state->refresh, &state->file, state->path, report);
	state->why_not = loaded.why_not;
	state->numbers = (aname_state_numbers_t){ .saved_ms = INT64_MIN };
	state->numbers.octets = loaded.octets;
	state->numbers.targets = loaded.targets;
	state->numbers.loaded_ms = aname_clock_ms() - began_ms;
	/* If something was known beside what is in it, that is not in it. */
	state->saved = changes(state) - known;
}

/* Saving. */

static void log_report(const aname_state_t *state, const aname_state_report_t *report)
{
	if (report->text[0] != '\0') {
		const aname_log_t log = aname_logbook_log(state->refresh->shared->logbook);
		aname_log(&log, report->priority, "%s", report->text);
	}
}

/*! Writing has failed, or not: logs it when that is new. */
static void note_written(aname_state_t *state, const char *why)
{
	aname_state_report_t report = { .priority = why != NULL ? LOG_WARNING : LOG_NOTICE };
	if (why != NULL && state->why_not == NULL) {
		(void)snprintf(report.text, sizeof(report.text),
		               "state file '%s' cannot be written (%s): what became known since it "
		               "was does not survive a restart",
		               state->path, why);
	} else if (why == NULL && state->why_not != NULL) {
		(void)snprintf(report.text, sizeof(report.text), "state file '%s' is written again",
		               state->path);
	}
	log_report(state, &report);
	state->why_not = why;
}

/*! Tells those who wait for this save, or an earlier one. */
static void tell(aname_state_t *state, uint32_t number, const char *why)
{
	aname_state_sync_t **at = &state->syncs;
	while (*at != NULL) {
		aname_state_sync_t *sync = *at;
		if (sync->number > number) {
			at = &sync->next;
			continue;
		}
		*at = sync->next;
		sync->number = 0;
		sync->done(sync->ctx, why);
		at = &state->syncs; /* Others may have gone with it. */
	}
}

/*! Is another file wanted than that which was written? */
static bool has_moved(const aname_state_t *state)
{
	return state->path == NULL || strcmp(state->path, state->file.path) != 0;
}

/*! Those who wait do so for the next save. */
static void postpone(aname_state_t *state)
{
	for (aname_state_sync_t *sync = state->syncs; sync != NULL; sync = sync->next) {
		sync->number = state->number + 1;
	}
}

/*! The file that was left is of no use any more, and is not to be taken for newer than it is. */
static void remove_left(aname_state_t *state)
{
	if (state->left != NULL && strcmp(state->left, state->file.path) != 0) {
		aname_state_file_remove(state->left);
	}
	free(state->left);
	state->left = NULL;
}

/*! In the pool. */
static void write_file(uv_work_t *work)
{
	aname_state_t *state = work->data;
	aname_state_out_t *out = &state->collect.out;
	uint64_t began_ns = uv_hrtime();
	aname_state_file_error_t error = ANAME_STATE_FILE_OK;
	state->failed = "out of memory, or too much for a file";
	if (aname_state_end(out)) {
		error = aname_state_file_write(&state->file, out->data, out->len);
		state->failed = aname_state_file_text(error);
	}
	state->took_ms = (uv_hrtime() - began_ns) / 1000000;
}

/*! Takes note of what came of a write. */
static void record_written(aname_state_t *state)
{
	state->stage = STAGE_IDLE;
	if (state->failed == NULL) {
		state->saved = state->changes;
		state->numbers.saved_ms = aname_clock_ms();
		state->numbers.took_ms = state->took_ms;
		state->numbers.octets = state->collect.out.len;
		state->numbers.targets = state->collect.targets;
		remove_left(state);
	}
	free(state->collect.out.data);
	state->collect.out = (aname_state_out_t){ 0 };
}

/*! Begins to collect; there is a file, and nothing is under way. */
static void collect(aname_state_t *state)
{
	state->number++;
	state->changes = changes(state);
	aname_collect_begin(&state->collect, state->refresh, state->number, aname_clock_ms());
}

/*! Saves, and waits for the disk. */
static void save_now(aname_state_t *state)
{
	if (state->file.fd >= 0 && state->saved != changes(state)) {
		collect(state);
		while (!aname_collect_step(&state->collect)) {
		}
		write_file(&state->work);
		record_written(state);
	}
}

/*! Goes over to the file that is wanted now. */
static void move(aname_state_t *state, aname_state_report_t *report)
{
	free(state->left);
	state->left = NULL;
	if (!state->replaces) {
		save_now(state); /* Whoever is loaded first at the next start may name this one. */
	} else if (state->path != NULL && state->file.fd >= 0) {
		state->left = state->file.path;
		state->file.path = NULL;
	}
	aname_state_file_release(&state->file);
	if (state->path != NULL) {
		load(state, report);
	}
}

static void written(aname_state_t *state)
{
	record_written(state);
	if (has_moved(state)) {
		postpone(state);
		return;
	}
	note_written(state, state->failed);
	tell(state, state->number, state->failed);
}

static void on_written(uv_work_t *work, int status)
{
	aname_state_t *state = work->data;
	written(state);
	bool moved = has_moved(state);
	if (moved) {
		aname_state_report_t report = { .text = "" };
		move(state, &report);
		log_report(state, &report);
	}
	if (moved || state->syncs != NULL) {
		begin(state);
	}
}

/*! What is to be written is collected. */
static void submit(aname_state_t *state)
{
	uv_loop_t *loop = state->timer.loop;
	state->stage = STAGE_WRITING;
	if (!aname_threadpool_start(loop, false) ||
	    uv_queue_work(loop, &state->work, write_file, on_written) != 0) {
		/* Without a pool the loop waits for the disk. */
		write_file(&state->work);
		on_written(&state->work, 0);
	}
}

static void on_idle(uv_idle_t *idle)
{
	aname_state_t *state = idle->data;
	uint64_t began_ns = uv_hrtime(), took_ns = 0;
	bool done = false;
	while (!done && took_ns < STEP_NS) {
		done = aname_collect_step(&state->collect);
		took_ns = uv_hrtime() - began_ns;
	}
	if (took_ns / 1000 > state->numbers.held_us) {
		state->numbers.held_us = took_ns / 1000;
	}
	if (done) {
		(void)uv_idle_stop(idle);
		submit(state);
	}
}

/*! Begins a save if there is a file. What cannot be held is tried again each time. */
static void begin(aname_state_t *state)
{
	if (state->path == NULL) {
		tell(state, ++state->number, "'state-file' is off");
		return;
	}
	if (state->file.fd < 0) {
		aname_state_report_t report = { .text = "" };
		const char *before = state->why_not;
		load(state, &report);
		if (state->why_not == NULL || before == NULL) {
			log_report(state, &report);
		}
	}
	if (state->file.fd < 0) {
		tell(state, ++state->number, state->why_not);
		return;
	}
	collect(state);
	state->numbers.held_us = 0;
	state->stage = STAGE_COLLECTING;
	(void)uv_idle_start(&state->idle, on_idle);
}

static void on_timer(uv_timer_t *timer)
{
	aname_state_t *state = timer->data;
	if (state->stage == STAGE_IDLE && state->path != NULL &&
	    (state->file.fd < 0 || state->saved != changes(state) || state->why_not != NULL)) {
		begin(state);
	}
}

/* Waiting for the disk. */

/*! From the loop, for one that waits. */
static void on_sync(uv_timer_t *timer)
{
	aname_state_t *state = timer->data;
	uv_timer_start(timer, on_timer, 1000 * (uint64_t)state->interval_s,
	               1000 * (uint64_t)state->interval_s);
	if (state->stage == STAGE_IDLE) {
		begin(state);
	}
}

void aname_state_sync(aname_state_t *state, aname_state_sync_t *sync, aname_state_synced_f done,
                      void *ctx)
{
	/* What is being saved may have been collected before. */
	*sync = (aname_state_sync_t){
		.next = state->syncs, .number = state->number + 1, .done = done, .ctx = ctx
	};
	state->syncs = sync;
	if (state->stage == STAGE_IDLE) {
		(void)uv_timer_start(&state->timer, on_sync, 0, 0);
	}
}

void aname_state_unsync(aname_state_t *state, aname_state_sync_t *sync)
{
	aname_state_sync_t **at = &state->syncs;
	while (*at != NULL && *at != sync) {
		at = &(*at)->next;
	}
	if (*at != NULL) {
		*at = sync->next;
		sync->number = 0;
	}
}

/* The whole. */

void aname_state_keep(aname_state_t *state, const char *path, uint32_t interval_s, bool replaces,
                      aname_state_report_t *report)
{
	report->text[0] = '\0';
	state->interval_s = interval_s;
	/* Who waits does not wait for the new interval. */
	bool waits = state->syncs != NULL && state->stage == STAGE_IDLE;
	uint64_t interval_ms = 1000 * (uint64_t)interval_s;
	(void)uv_timer_start(&state->timer, waits ? on_sync : on_timer, waits ? 0 : interval_ms,
	                     interval_ms);
	bool same = state->path != NULL && strcmp(state->path, path) == 0;
	if (same && (state->file.fd >= 0 || state->why_not != NULL)) {
		return; /* What cannot be used is tried again in its time. */
	}
	state->replaces = replaces;
	free(state->path);
	state->path = path[0] != '\0' ? strdup(path) : NULL;
	if (state->stage != STAGE_IDLE) {
		return; /* When that is done. */
	}
	move(state, report);
	if (is_anything_known(state)) {
		/* What is forced is to be in this one, too, and soon. */
		(void)uv_timer_start(&state->timer, on_sync, 0, 0);
	}
}

void aname_state_let_go(aname_state_t *state)
{
	(void)uv_timer_stop(&state->timer);
	if (state->stage == STAGE_COLLECTING) {
		(void)uv_idle_stop(&state->idle);
		free(state->collect.out.data);
		state->stage = STAGE_IDLE;
	}
	if (state->stage == STAGE_WRITING) {
		return; /* The disk does not answer. */
	}
	save_now(state);
	aname_state_file_release(&state->file);
	state->why_not = NULL;
}

bool aname_state_is_busy(const aname_state_t *state)
{
	return state->stage == STAGE_WRITING;
}

aname_state_numbers_t aname_state_numbers(const aname_state_t *state)
{
	aname_state_numbers_t numbers = state->numbers;
	numbers.path = state->path;
	numbers.why_not = state->why_not;
	return numbers;
}

aname_state_t *aname_state_new(aname_refresh_t *refresh, uv_loop_t *loop)
{
	aname_state_t *state = calloc(1, sizeof(*state));
	if (state == NULL) {
		return NULL;
	}
	state->refresh = refresh;
	state->file.fd = -1;
	state->interval_s = 1;
	state->numbers.saved_ms = INT64_MIN;
	/* Neither of them can fail. */
	(void)uv_timer_init(loop, &state->timer);
	(void)uv_idle_init(loop, &state->idle);
	state->timer.data = state->idle.data = state->work.data = state;
	state->handles = 2;
	return state;
}

static void on_closed(uv_handle_t *handle)
{
	aname_state_t *state = handle->data;
	if (--state->handles == 0) {
		free(state->path);
		free(state->left);
		free(state);
	}
}

void aname_state_free(aname_state_t *state)
{
	if (state != NULL) {
		uv_close((uv_handle_t *)&state->timer, on_closed);
		uv_close((uv_handle_t *)&state->idle, on_closed);
	}
}
