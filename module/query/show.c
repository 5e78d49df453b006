#include "query/show.h"

#include <stdio.h>
#include <string.h>

#include "path.h"
#include "query/circle.h"
#include "query/count.h"
#include "query/nodes.h"
#include "query/numbers.h"
#include "query/pool.h"
#include "rrtype.h"
#include "stats.h"
#include "table/clock.h"
#include "table/policy.h"

static const uint16_t types[] = { KNOT_RRTYPE_A, KNOT_RRTYPE_AAAA };

/* States of targets. */

/*! Is it to be logged now, under this zone, that a target is in a state, or no longer? */
static bool is_change(const aname_query_t *query, const aname_target_t *target, const char *state,
                      bool in_state)
{
	aname_shared_t *shared = query->instance->shared;
	if (!in_state && !aname_reported_any(&shared->reported)) {
		return false;
	}
	uint64_t key = aname_shared_hash(shared->seed, state, strlen(state));
	const knot_dname_t *owner = query->rrsets[0].owner;
	key = aname_shared_hash(key, owner, knot_dname_size(owner));
	key = aname_shared_hash(key, target->name, target->name_len);
	return aname_reported_change(&shared->reported, key | (key == 0), in_state, &shared->budget,
	                             aname_query_zone(query), query->now_ms);
}

static ANAME_ASIDE void log_failure(const aname_query_t *query, const char *name,
                                    const char *family, const aname_snapshot_t *known)
{
	const char *why = aname_snapshot_failing(known)->why;
	if (known->count > 0) {
		knotd_mod_log(query->mod, LOG_WARNING,
		              "target %s %s fails (%s), its last addresses (%u) stay in use", name,
		              family, why, known->count);
	} else {
		knotd_mod_log(query->mod, LOG_WARNING, "target %s %s fails (%s)", name, family,
		              why);
	}
}

/*! Logs that a family of a target begins to fail, or recovers. Returns whether it fails. */
static bool check_failure(const aname_query_t *query, const aname_target_t *target, unsigned i)
{
	const aname_snapshot_t *known = target->known[i];
	const char *family = aname_family_text(types[i]);
	bool fails = known != NULL && known->failure != ANAME_FAILURE_NONE;
	if (known == NULL || !is_change(query, target, family, fails)) {
		return fails;
	}
	knot_dname_txt_storage_t name = "";
	(void)knot_dname_to_str(name, target->name, sizeof(name));
	if (fails) {
		log_failure(query, name, family, known);
	} else {
		knotd_mod_log(query->mod, LOG_NOTICE, "target %s %s recovered", name, family);
	}
	return fails;
}

/*! How long `negative-delay` keeps last addresses in use from now on, in seconds. */
static uint32_t kept_for(const aname_query_t *query, const aname_lost_t *lost)
{
	int64_t delay_ms = 1000 * (int64_t)query->instance->options->negative_delay;
	int64_t left_ms = lost->since_ms + delay_ms - query->now_ms;
	left_ms = left_ms < delay_ms ? left_ms : delay_ms; /* This clock is the coarser one. */
	return left_ms > 0 ? (left_ms + 999) / 1000 : 0;
}

static ANAME_ASIDE void log_gone(const aname_query_t *query, const char *name,
                                 const aname_target_t *target)
{
	unsigned count = 0;
	uint32_t kept_s = 0;
	bool nxdomain = false;
	for (unsigned i = 0; i < 2; i++) {
		const aname_snapshot_t *known = target->known[i];
		const aname_lost_t *lost = known != NULL ? aname_snapshot_lost(known) : NULL;
		const aname_snapshot_t *last = lost != NULL ? aname_snapshot_last(known) : known;
		uint32_t left_s = lost != NULL ? kept_for(query, lost) : 0;
		kept_s = left_s > kept_s ? left_s : kept_s;
		nxdomain |= lost != NULL && lost->nxdomain;
		count += last != NULL ? last->count : 0;
	}
	char kept[64] = "";
	if (kept_s > 0) {
		(void)snprintf(kept, sizeof(kept), ", in use for up to %u s more (negative-delay)",
		               kept_s);
	}
	knotd_mod_log(query->mod, LOG_WARNING, "target %s is gone (%s), it had %u address%s%s",
	              name, nxdomain ? "NXDOMAIN" : "no address of either family", count,
	              count == 1 ? "" : "es", kept);
}

/*! Logs that a target is gone as a whole, or has addresses again. */
static void check_gone(const aname_query_t *query, const aname_target_t *target)
{
	const aname_snapshot_t *const *known = target->known;
	bool gone = false, unsure = false, addresses = false;
	for (unsigned i = 0; i < 2; i++) {
		unsure |= aname_policy_gone(known[i], known[1 - i]);
		gone |= aname_policy_gone_surely(known[i], known[1 - i]);
		addresses |= known[i] != NULL && known[i]->count > 0;
	}
	if ((!gone && (unsure || !addresses)) || !is_change(query, target, "gone", gone)) {
		return;
	}
	knot_dname_txt_storage_t name = "";
	(void)knot_dname_to_str(name, target->name, sizeof(name));
	if (gone) {
		log_gone(query, name, target);
	} else {
		knotd_mod_log(query->mod, LOG_NOTICE, "target %s has addresses again", name);
	}
}

/* All targets. */

static void show_targets(const aname_query_t *query)
{
	aname_numbers_t numbers = { 0 };
	bool failing = false;
	aname_query_walk_t walk = { 0 };
	const knot_rdata_t *rdata;
	while ((rdata = aname_query_next_record(query, &walk)) != NULL) {
		knot_dname_storage_t lower;
		aname_target_t target;
		if (aname_numbers_find(query, rdata, lower, &target)) {
			aname_numbers_add(query, &target, &numbers);
			failing |= check_failure(query, &target, 0);
			failing |= check_failure(query, &target, 1);
			check_gone(query, &target);
		}
	}
	if (aname_instance_any(query->instance)) {
		aname_count(query);
	} else {
		aname_stats_show(query->mod, &numbers);
	}
	atomic_store_explicit(&query->instance->failing, failing, memory_order_relaxed);
}

/* What the service has to say. */

/*! Does the zone follow a target? The case of what stands in its records does not matter. */
static bool follows(const void *ctx, const knot_dname_t *target)
{
	const aname_query_t *query = ctx;
	size_t len = knot_dname_size(target);
	aname_query_walk_t walk = { 0 };
	const knot_rdata_t *rdata;
	while ((rdata = aname_query_next_record(query, &walk)) != NULL) {
		/* What is as long and begins in the same way has the same labels. */
		if (rdata->len == len && knot_dname_is_case_equal(rdata->data, target)) {
			return true;
		}
	}
	return false;
}

/*! True once a second, for one worker. */
static bool is_time_to_show(aname_node_t *node, uint32_t now_s)
{
	return atomic_load_explicit(&node->shown_s, memory_order_relaxed) != now_s &&
	       atomic_exchange_explicit(&node->shown_s, now_s, memory_order_relaxed) != now_s;
}

/*! Tells under the zone that holds the most targets that some of them gave way. */
static void check_heaviest(const aname_query_t *query)
{
	aname_shared_t *shared = query->instance->shared;
	uint64_t heaviest = atomic_load_explicit(&shared->reached.heaviest, memory_order_relaxed);
	if (heaviest >> 32 == 0 || heaviest >> 32 != aname_query_zone(query) ||
	    !atomic_compare_exchange_strong(&shared->reached.heaviest, &heaviest, 0) ||
	    !aname_query_log_once(query, "heaviest", NULL, 0)) {
		return;
	}
	knotd_mod_log(query->mod, LOG_WARNING,
	              "limit reached, this zone holds %u of %u targets, more than any other; what "
	              "it asked for least recently gives way ('max-targets')",
	              (unsigned)(uint32_t)heaviest, query->instance->options->limits.max_targets);
}

static void show(const aname_query_t *query)
{
	aname_circle_register(query);
	show_targets(query);
	check_heaviest(query);
	const aname_logbook_reader_t reader = { follows, query };
	const aname_log_t log = { aname_query_log, query->mod };
	aname_logbook_read_for(query->instance->shared->logbook, &reader, &log, query->now_ms);
}

/*! Has the machine slept? Then much may be due, for which the service's timers are too late. */
static void look_at_clock(aname_shared_t *shared)
{
	if (aname_clock_look() && shared->wake != NULL) {
		shared->wake(shared->wake_ctx);
	}
}

/*! As aname_show(), when it may be time to. */
static ANAME_ASIDE void show_now(const aname_query_t *query)
{
	if (is_time_to_show(query->node, query->now_s) || query->waited) {
		look_at_clock(query->instance->shared);
		aname_pool_keep_fresh(query);
		aname_nodes_sweep(query);
		show(query);
	}
}

ANAME_WARM void aname_show(const aname_query_t *query)
{
	if (query->node == NULL) {
		return;
	}
	const _Atomic uint32_t *shown_s = &query->node->shown_s;
	if (atomic_load_explicit(shown_s, memory_order_relaxed) != query->now_s || query->waited) {
		show_now(query);
	}
}

/*! Nobody asks for keys: nothing is answered. */
static ANAME_ASIDE void show_aside(knot_pkt_t *pkt, knotd_qdata_t *qdata, knotd_mod_t *mod,
                                   aname_instance_t *instance)
{
	aname_query_t aside;
	bool any = aname_instance_any(instance);
	bool apex = aname_query_begin(&aside, instance, pkt, qdata, mod, true);
	if (!apex && !any) {
		const aname_numbers_t none = { 0 };
		aname_stats_show(mod, &none);
		return;
	}
	if (!apex && !aname_query_begin(&aside, instance, pkt, qdata, mod, false)) {
		return;
	}
	if (any) {
		aname_nodes_sweep(&aside);
	}
	if (apex) {
		show(&aside);
	} else {
		aname_count(&aside);
	}
	aname_epoch_leave(aside.epoch, aside.worker);
}

ANAME_WARM void aname_show_aside(knot_pkt_t *pkt, knotd_qdata_t *qdata, knotd_mod_t *mod,
                                 aname_instance_t *instance)
{
	if (is_time_to_show(&instance->apex, aname_clock_coarse_ms() / 1000)) {
		show_aside(pkt, qdata, mod, instance);
	}
}

void aname_show_expect_failure(const aname_query_t *query)
{
	aname_instance_t *instance = query->instance;
	if (!atomic_load_explicit(&instance->failing, memory_order_relaxed)) {
		aname_query_show_soon(query);
	}
}

void aname_show_totals(aname_instance_t *instance, knotd_mod_t *mod)
{
	int64_t now_ms = aname_clock_coarse_ms();
	if (is_time_to_show(&instance->apex, now_ms / 1000)) {
		const aname_log_t log = { aname_query_log, mod };
		aname_logbook_read(instance->shared->logbook, &log, now_ms);
		aname_stats_show_totals(mod, instance->shared);
	}
}
