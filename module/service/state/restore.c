#include "service/state/restore.h"

#include <stdlib.h>
#include <string.h>

#include "service/health.h"
#include "service/schedule.h"
#include "service/state/moment.h"
#include "service/upstreams.h"
#include "service/views.h"

/*! What has been due for so long is not late, but stale: longer than any lookup usually takes. */
#define LONG_DUE_MS (INT64_C(2) * UINT16_MAX)

/*! A file that is being restored. */
typedef struct {
	aname_refresh_t *refresh;
	int64_t now_ms;
	aname_restored_t done;
	aname_state_record_t record;
	unsigned upstreams_count, definitions_count;
	aname_upstream_t *upstreams[ANAME_STATE_UPSTREAMS_MAX]; /*!< NULL: out of memory. */
	uint32_t ttl_min[ANAME_STATE_UPSTREAMS_MAX];            /*!< The largest of sections, and */
	uint32_t ttl_max[ANAME_STATE_UPSTREAMS_MAX];            /*!< likewise. */
	const aname_definition_t *definitions[ANAME_STATE_DEFINITIONS_MAX]; /*!< Likewise. */
} restore_t;

/*! A moment of `age_ms` before the file was saved, on our clock. */
static int64_t before_saving(const restore_t *restore, int64_t age_ms)
{
	return restore->now_ms - restore->done.elapsed_ms - age_ms;
}

static uint32_t seconds_ago(const restore_t *restore, uint32_t seconds)
{
	uint32_t now_s = restore->now_ms / 1000;
	return seconds < now_s ? now_s - seconds : 0;
}

/* Whom and what targets refer to. */

static void restore_upstream(restore_t *restore)
{
	const aname_state_upstream_t *said = &restore->record.upstream;
	aname_upstream_t *upstream = aname_shared_await_upstream(restore->refresh->shared,
	                                                         &said->source, restore->now_ms);
	if (upstream != NULL && aname_upstreams_work(upstream) != NULL) {
		upstream->awaited = true;
		if (upstream->unheld_ms != 0) {
			/* If it is saved again before a section comes, that is to be in it. */
			upstream->terms.ttl_min = said->ttl_min;
			upstream->terms.schedule.ttl_max = said->ttl_max;
		}
	} else {
		upstream = NULL;
	}
	restore->ttl_min[restore->upstreams_count] = said->ttl_min;
	restore->ttl_max[restore->upstreams_count] = said->ttl_max;
	restore->upstreams[restore->upstreams_count++] = upstream;
}

static void restore_verdict(restore_t *restore)
{
	const aname_state_verdict_t *said = &restore->record.verdict;
	const aname_definition_t *definition = restore->definitions[said->definition];
	if (definition != NULL) {
		aname_probes_restore(restore->refresh->probes, definition, said->address, said->len,
		                     said->name, said->health, before_saving(restore, said->age_ms),
		                     restore->now_ms);
	}
}

static void restore_force(restore_t *restore)
{
	const aname_state_force_t *said = &restore->record.force;
	const aname_force_t force = {
		.state = said->state,
		.since_ms = before_saving(restore, said->age_ms),
		.until_ms = said->left_ms == ANAME_FORCED_EVER
		                    ? ANAME_FORCED_EVER
		                    : restore->now_ms + said->left_ms - restore->done.elapsed_ms,
		.subject = said->subject,
	};
	/* In another file may be what was taken back since. */
	if (!restore->refresh->forces_said &&
	    aname_forces_restore(restore->refresh->forces, &force)) {
		restore->done.forces++;
		aname_health_note_forced(restore->refresh, &force.subject);
	}
}

/*! Has a key read, which then stays for a while, until its zone asks for it. */
static void restore_key(restore_t *restore)
{
	const aname_state_key_t *said = &restore->record.key;
	aname_secrets_t *secrets = restore->refresh->shared->secrets;
	const char *directories = aname_secrets_directories(secrets, said->directories);
	aname_secret_t *secret =
	        directories != NULL
	                ? aname_secrets_hold(secrets, directories, said->rdata, said->rdata_len)
	                : NULL;
	if (secret != NULL) {
		aname_secrets_release(secrets, secret, restore->now_ms);
	}
}

/* Targets. */

/*! It is not known how old anything is: makes it older than the longest lifetime that any section
 *  may give it, so that it is stale and not fresh. */
static void make_past(const restore_t *restore, aname_snapshot_t *snapshot)
{
	const aname_state_target_t *said = &restore->record.target;
	uint32_t most = restore->ttl_max[said->upstream];
	most = said->min_ttl < most ? said->min_ttl : most;
	snapshot->ttl = snapshot->ttl < most ? snapshot->ttl : most;
	uint32_t least = restore->ttl_min[said->upstream];
	int64_t life_s = snapshot->ttl > least ? snapshot->ttl : least;
	int64_t past_ms = restore->now_ms - 1000 * life_s - LONG_DUE_MS;
	snapshot->learned_ms = snapshot->learned_ms < past_ms ? snapshot->learned_ms : past_ms;
}

/*! What was known of the target, as queries are to see it; NULL: nothing. */
static aname_snapshot_t *make_snapshot(const restore_t *restore, aname_entry_t *entry)
{
	const aname_state_target_t *said = &restore->record.target;
	if (restore->record.known == NULL) {
		return NULL;
	}
	aname_snapshot_t *snapshot =
	        aname_state_snapshot(&restore->record, restore->done.elapsed_ms, restore->now_ms);
	if (snapshot != NULL && restore->done.set_back) {
		make_past(restore, snapshot);
	}
	const aname_definition_t *definitions[ANAME_VIEWS_MAX];
	unsigned count = 0;
	for (unsigned i = 0; i < said->views; i++) {
		const aname_definition_t *definition = restore->definitions[said->definitions[i]];
		if (definition != NULL) {
			definitions[count++] = definition;
		}
	}
	if (snapshot == NULL || (count == 0 && !aname_forces_any(restore->refresh->forces))) {
		return snapshot;
	}
	aname_snapshot_t *seen =
	        aname_views_make(restore->refresh, entry, snapshot, definitions, count);
	free(snapshot);
	return seen;
}

/*! Adds the target that a record speaks of; NULL if it is there, or has no room. */
static aname_entry_t *add(restore_t *restore)
{
	aname_refresh_t *refresh = restore->refresh;
	aname_table_t *table = refresh->shared->table;
	const aname_state_target_t *said = &restore->record.target;
	const aname_key_t key = { .upstream = restore->upstreams[said->upstream],
		                  .name = said->name,
		                  .name_len = knot_dname_size(said->name),
		                  .type = said->type };
	uint64_t hash = aname_table_hash(table, &key);
	if (aname_table_find(table, &key, hash) != NULL) {
		return NULL;
	}
	aname_entry_t *entry = NULL;
	if (aname_schedule_reserve(refresh, 1)) {
		entry = aname_table_add(table, &key, hash);
	}
	restore->done.no_room += entry == NULL;
	return entry;
}

/*! Restores a target: its upstream is awaited, so it is not looked up yet. */
static void restore_target(restore_t *restore)
{
	const aname_state_target_t *said = &restore->record.target;
	aname_entry_t *entry = restore->upstreams[said->upstream] != NULL ? add(restore) : NULL;
	if (entry == NULL) {
		return;
	}
	aname_refresh_t *refresh = restore->refresh;
	entry->plan.window_s = restore->now_ms / 1000;
	entry->plan.min_ttl_prev = said->min_ttl;
	/* How often it had failed is over with the restart, that it fails is not. */
	entry->plan.failures = said->failures > 0;
	/* Nobody could ask while the server was down. */
	atomic_store(&entry->asked_s, seconds_ago(restore, said->asked_s));
	atomic_store(&entry->demand, said->demand);
	/* Nor is it asked for again by that. */
	atomic_store(&entry->until_s,
	             said->until_s > 0 ? restore->now_ms / 1000 + said->until_s : 0);
	aname_snapshot_t *snapshot = make_snapshot(restore, entry);
	if (snapshot != NULL) {
		aname_table_publish(refresh->shared->table, entry, snapshot);
	}
	restore->done.targets++;

	int64_t wait_ms = restore->now_ms + ANAME_UPSTREAM_KEEP_MS;
	if (said->dormant) {
		entry->plan.state = ANAME_PLAN_DORMANT;
		aname_heaps_push(&refresh->heaps, ANAME_HEAP_DORMANT, entry, wait_ms);
		return;
	}
	aname_schedule_plan(refresh, entry, wait_ms);
	atomic_store(&entry->next_ms, restore->done.set_back
	                                      ? restore->now_ms - LONG_DUE_MS
	                                      : before_saving(restore, -said->next_ms));
	/* What was asked for and had no answer yet is still cold, and looked up. */
	atomic_store(&entry->cold, snapshot == NULL);
}

static void restore_record(restore_t *restore, aname_state_kind_t kind)
{
	switch (kind) {
	case ANAME_STATE_UPSTREAM: restore_upstream(restore); break;
	case ANAME_STATE_DEFINITION:
		restore->definitions[restore->definitions_count++] = aname_shared_await_definition(
		        restore->refresh->shared, &restore->record.definition, restore->now_ms);
		break;
	case ANAME_STATE_VERDICT: restore_verdict(restore); break;
	case ANAME_STATE_TARGET: restore_target(restore); break;
	case ANAME_STATE_FORCE: restore_force(restore); break;
	case ANAME_STATE_KEY: restore_key(restore); break;
	case ANAME_STATE_END: break;
	}
}

/*! Makes room for all targets at once; without memory for that, as they come. How many there may be
 *  is known when all sections are there: those that are too many go then. */
static void make_room(aname_refresh_t *refresh, size_t targets)
{
	refresh->trim = true;
	(void)(aname_table_reserve(refresh->shared->table, targets) &&
	       aname_schedule_reserve(refresh, targets));
}

aname_restored_t aname_restore(aname_refresh_t *refresh, aname_state_in_t *in,
                               const aname_state_moment_t *moment, int64_t now_ms)
{
	restore_t *restore = calloc(1, sizeof(*restore));
	if (restore == NULL) {
		return (aname_restored_t){ .no_room = in->targets };
	}
	restore->refresh = refresh;
	restore->now_ms = now_ms;
	restore->done.set_back =
	        !aname_state_elapsed(&in->moment, moment, &restore->done.elapsed_ms);
	make_room(refresh, in->targets);
	aname_state_kind_t kind;
	while ((kind = aname_state_next(in, &restore->record)) != ANAME_STATE_END) {
		restore_record(restore, kind);
	}
	aname_restored_t done = restore->done;
	refresh->forces_said = true;
	free(restore);
	/* Upstreams that are held already are noted with the next step. */
	atomic_store(&refresh->shared->options_changed, true);
	return done;
}
