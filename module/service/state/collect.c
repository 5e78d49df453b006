#include "service/state/collect.h"

#include <string.h>

#include "service/state/moment.h"
#include "table/policy.h"

/*! Slots of the table that are looked at in one step. */
#define SLOTS 64

/*! In this order: verdicts and targets refer to definitions, targets to upstreams. */
enum {
	PHASE_KEYS = 0,
	PHASE_VERDICTS,
	PHASE_TARGETS,
	PHASE_END,
};

static void add_upstreams(aname_collect_t *collect)
{
	aname_upstream_t *upstream = NULL;
	uint16_t position = 0;
	while ((upstream = aname_shared_upstream_after(collect->refresh->shared, upstream)) !=
	               NULL &&
	       position < ANAME_STATE_UPSTREAMS_MAX) {
		const aname_state_upstream_t record = { .source = upstream->source,
			                                .ttl_min = upstream->terms.ttl_min,
			                                .ttl_max =
			                                        upstream->terms.schedule.ttl_max };
		aname_state_add_upstream(&collect->out, &record);
		upstream->saved = collect->number;
		upstream->position = position++;
	}
}

static void add_definitions(aname_collect_t *collect)
{
	aname_definition_t *definition = NULL;
	uint16_t position = 0;
	while ((definition = aname_shared_definition_after(collect->refresh->shared, definition)) !=
	               NULL &&
	       position < ANAME_STATE_DEFINITIONS_MAX) {
		aname_state_add_definition(&collect->out, &definition->probe);
		definition->saved = collect->number;
		definition->position = position++;
	}
}

static void add_key(const aname_secret_t *secret, void *ctx)
{
	aname_collect_t *collect = ctx;
	const aname_state_key_t record = { .directories = secret->directories,
		                           .rdata_len = secret->rdata_len,
		                           .rdata = secret->rdata };
	aname_state_add_key(&collect->out, &record);
}

/*! There are few, and none may be missed. */
static void add_forces(aname_collect_t *collect)
{
	const aname_force_t *force;
	size_t position = 0;
	while ((force = aname_forces_step(collect->refresh->forces, &position)) != NULL) {
		bool ends = force->until_ms != ANAME_FORCED_EVER;
		const aname_state_force_t record = {
			.state = force->state,
			.age_ms = collect->now_ms - force->since_ms,
			.left_ms = ends ? force->until_ms - collect->now_ms : ANAME_FORCED_EVER,
			.subject = force->subject,
		};
		aname_state_add_force(&collect->out, &record);
	}
}

static void add_verdict(const aname_probed_t *probed, const knot_dname_t *name, void *ctx)
{
	aname_collect_t *collect = ctx;
	const aname_definition_t *definition = probed->definition;
	if (definition->saved != collect->number ||
	    probed->verdict.health == ANAME_HEALTH_UNKNOWN) {
		return;
	}
	aname_state_verdict_t record = { .definition = definition->position,
		                         .len = probed->len,
		                         .name = name,
		                         .health = probed->verdict.health,
		                         .age_ms = collect->now_ms - probed->verdict.since_ms };
	memcpy(record.address, probed->address, probed->len);
	aname_state_add_verdict(&collect->out, &record);
}

/* Targets. */

/*! Notes through which definitions a target is seen. */
static void take_views(const aname_collect_t *collect, const aname_snapshot_t *known,
                       aname_state_target_t *record)
{
	const aname_view_t *views = known != NULL ? aname_snapshot_views(known) : NULL;
	for (unsigned i = 0; views != NULL && i < known->views; i++) {
		const aname_definition_t *definition =
		        aname_shared_definition(collect->refresh->shared, views[i].definition);
		if (definition != NULL && definition->saved == collect->number &&
		    record->views < ANAME_VIEWS_DEFINITIONS) {
			record->definitions[record->views++] = definition->position;
		}
	}
}

/*! When it is looked up next, from now. */
static int64_t wait_for(aname_entry_t *entry, int64_t now_ms)
{
	int64_t next_ms = atomic_load(&entry->next_ms);
	return next_ms != ANAME_NEXT_NEVER ? next_ms - now_ms : 0;
}

/*! Was it not kept fresh since nobody asked for it? Not only since its upstream was given up: a
 *  server that stops gives up all of them. */
static bool is_dormant(const aname_collect_t *collect, aname_entry_t *entry)
{
	return entry->plan.state == ANAME_PLAN_DORMANT &&
	       (!aname_upstream_is_given_up(entry->upstream) ||
	        atomic_load(&entry->until_s) <= collect->now_ms / 1000);
}

static void add_target(aname_collect_t *collect, aname_entry_t *entry)
{
	const aname_upstream_t *upstream = entry->upstream;
	if (entry->for_subnet || upstream->saved != collect->number) {
		return;
	}
	uint32_t now_s = collect->now_ms / 1000;
	uint32_t asked_s = atomic_load(&entry->asked_s), until_s = atomic_load(&entry->until_s);
	uint32_t ttl = atomic_load(&entry->min_ttl);
	const aname_snapshot_t *known = aname_entry_snapshot(entry);
	aname_state_target_t record = {
		.upstream = upstream->position,
		.type = entry->type,
		.name = entry->name,
		.dormant = is_dormant(collect, entry),
		.failures = entry->plan.failures,
		.demand = aname_entry_demand(entry, now_s),
		.asked_s = asked_s < now_s ? now_s - asked_s : 0,
		.until_s = until_s > now_s ? until_s - now_s : 0,
		.min_ttl = ttl < entry->plan.min_ttl_prev ? ttl : entry->plan.min_ttl_prev,
		.next_ms = wait_for(entry, collect->now_ms),
	};
	take_views(collect, known, &record);
	aname_state_add_target(&collect->out, &record, known, collect->now_ms);
	collect->targets++;
}

/*! Looks at a few slots; false at the end. What was collected is dropped if the table is laid out
 *  anew. */
static bool step_targets(aname_collect_t *collect)
{
	const aname_table_t *table = collect->refresh->shared->table;
	for (unsigned i = 0; i < SLOTS; i++) {
		aname_entry_t *entry = aname_table_step(table, &collect->entries);
		if (entry != NULL) {
			add_target(collect, entry);
		} else if (collect->entries.rebuilt) {
			collect->out.len = collect->begin;
			collect->targets = 0;
			collect->entries = aname_table_begin(table);
			return true;
		} else if (collect->entries.end) {
			return false;
		}
	}
	return true;
}

static bool step_verdicts(aname_collect_t *collect)
{
	bool more = aname_probes_walk(collect->refresh->probes, &collect->addresses, add_verdict,
	                              collect);
	if (collect->addresses.rebuilt) {
		collect->out.len = collect->begin;
		collect->addresses = (aname_probes_cursor_t){ 0 };
		return true;
	}
	return more;
}

/* The whole. */

static bool step_phase(aname_collect_t *collect)
{
	switch (collect->phase) {
	case PHASE_KEYS:
		return aname_secrets_walk(collect->refresh->shared->secrets, collect->bucket++,
		                          add_key, collect);
	case PHASE_VERDICTS: return step_verdicts(collect);
	default: return step_targets(collect);
	}
}

void aname_collect_begin(aname_collect_t *collect, aname_refresh_t *refresh, uint32_t number,
                         int64_t now_ms)
{
	*collect = (aname_collect_t){ .refresh = refresh, .number = number, .now_ms = now_ms };
	const aname_state_moment_t moment = aname_state_now();
	aname_state_begin(&collect->out, &moment);
	add_upstreams(collect);
	add_definitions(collect);
	add_forces(collect);
}

bool aname_collect_step(aname_collect_t *collect)
{
	if (!step_phase(collect)) {
		collect->phase++;
		collect->begin = collect->out.len;
		collect->entries = aname_table_begin(collect->refresh->shared->table);
	}
	return collect->phase == PHASE_END || collect->out.failed;
}
