#include "query/pool.h"

#include <stdlib.h>

#include "path.h"
#include "query/circle.h"
#include "query/judge.h"
#include "query/policy.h"
#include "query/pool_plan.h"
#include "query/targets.h"
#include "stats.h"

void aname_pool_deinit(aname_node_t *node)
{
	free(atomic_exchange(&node->plan, NULL));
}

static aname_failure_t check(void *ctx, const knot_dname_t *name, uint8_t name_len)
{
	const char *why;
	const aname_key_t key = { .name = name, .name_len = name_len };
	return aname_policy_check(ctx, &key, &why);
}

/*! Makes the plan that the records call for now, and publishes it; NULL if out of memory. */
static ANAME_ASIDE aname_pool_plan_t *renew(const aname_query_t *query)
{
	aname_shared_t *shared = query->instance->shared;
	pthread_mutex_lock(&shared->sign_lock);
	aname_pool_plan_t *plan = atomic_load(&query->node->plan);
	if (!aname_pool_plan_is_current(plan, query->rrsets, query->rrsets_count)) {
		plan = aname_pool_plan_new(query->instance->options,
		                           query->instance->zone.named.upstream, query->rrsets,
		                           query->rrsets_count, check, (void *)query);
		if (plan != NULL) {
			aname_bin_retire(shared->sign_bin,
			                 atomic_exchange(&query->node->plan, plan), free);
			(void)aname_bin_reclaim(shared->sign_bin);
			aname_query_show_soon(query); /* What is refused is logged. */
		}
	}
	pthread_mutex_unlock(&shared->sign_lock);
	return plan;
}

/*! The plan for the records of a query, which are several; NULL if out of memory. */
static ANAME_WARM aname_pool_plan_t *plan_of(const aname_query_t *query)
{
	aname_pool_plan_t *plan = atomic_load(&query->node->plan);
	return aname_pool_plan_is_current(plan, query->rrsets, query->rrsets_count) ? plan
	                                                                            : renew(query);
}

/*! Finds a target, where it was last, most likely; NULL if it is not in the table. */
static ANAME_WARM aname_entry_t *find(const aname_query_t *query, aname_planned_t *target,
                                      unsigned family)
{
	const aname_table_t *table = query->instance->shared->table;
	const aname_key_t *key = &target->keys[family];
	_Atomic uint32_t *position = &target->positions[family];
	aname_entry_t *entry =
	        aname_table_look(table, key, atomic_load_explicit(position, memory_order_relaxed));
	if (entry == NULL) {
		entry = aname_table_find(table, key, aname_table_hash(table, key));
		if (entry != NULL) {
			atomic_store_explicit(position, aname_table_slot(table, entry),
			                      memory_order_relaxed);
		}
	}
	return entry;
}

/*! The client's network, as it counts for the choice (P3). */
static ANAME_WARM uint64_t network_of(const aname_query_t *query)
{
	if (query->by_subnet) {
		return aname_choice_network(&query->client);
	}
	const aname_subnet_t network =
	        aname_choice_network_of(knotd_qdata_remote_addr(query->qdata));
	return aname_choice_network(&network);
}

/*! Logs what of the records does not count. */
static ANAME_ASIDE void log_odd(const aname_query_t *query, const aname_pool_plan_t *plan)
{
	for (unsigned i = 0; i < plan->rrsets_count; i++) {
		knot_rdata_t *rdata = query->rrsets[i].rrs.rdata;
		for (unsigned k = 0; k < plan->rrsets[i].copied; k++) {
			aname_policy_log_refused(query, rdata);
			rdata = knot_rdataset_next(rdata);
		}
	}
	if (plan->cut && aname_query_log_once(query, "pool", NULL, 0)) {
		knotd_mod_log(query->mod, LOG_WARNING,
		              "limit reached, only %u ANAME records are used", ANAME_POOL_MAX);
	}
}

/*! Adds records that are no targets. */
static void add_refused(const aname_query_t *query, unsigned count, aname_failure_t failure,
                        aname_pool_t *pool)
{
	for (unsigned i = 0; i < count; i++) {
		aname_part_fail(&pool->parts[pool->count++], failure);
	}
	if (count > 0 && failure == ANAME_FAILURE_MALFORMED) {
		aname_stats_malformed(query->mod, query->worker, count);
	}
}

/*! Judges all targets, and weighs them. */
static void weigh_all(const aname_query_t *query, const aname_pool_plan_t *plan, unsigned family,
                      bool accept_fallback, const uint64_t *network, aname_answer_t *answer)
{
	aname_pool_t pool;
	pool.choice = network != NULL ? plan->choice : NULL;
	pool.network = network != NULL ? *network : 0;
	pool.all_down = query->instance->options->all_down;
	pool.count = 0;
	for (unsigned i = 0; i < plan->choice->count; i++) {
		aname_planned_t *target = &plan->targets[i];
		aname_judge_target(query, &target->keys[family], find(query, target, family),
		                   target->ttl, &pool.parts[pool.count++]);
	}
	add_refused(query, plan->malformed, ANAME_FAILURE_MALFORMED, &pool);
	add_refused(query, plan->denied, ANAME_FAILURE_DENIED, &pool);
	aname_answer_weigh(&pool, accept_fallback, answer);
}

/*! Takes the target that comes first, if nothing else has to be looked at for that. */
static ANAME_WARM bool take_first(const aname_query_t *query, const aname_pool_plan_t *plan,
                                  unsigned family, uint64_t network, aname_answer_t *answer)
{
	aname_planned_t *target =
	        &plan->targets[aname_choice_first(plan->choice, plan->choice->first, network)];
	aname_part_t part;
	aname_entry_t *entry = find(query, target, family);
	if (entry == NULL) {
		return false;
	}
	aname_judge_target(query, &target->keys[family], entry, target->ttl, &part);
	if (part.judgement.worth != ANAME_FRESH || part.down) {
		return false;
	}
	aname_answer_take(&part, answer);
	return true;
}

/*! Decides where options choose between the targets. */
static ANAME_WARM void choose(const aname_query_t *query, const aname_pool_plan_t *plan,
                              unsigned family, bool accept_fallback, aname_answer_t *answer)
{
	uint64_t network = network_of(query);
	if (!plan->short_cut || !take_first(query, plan, family, network, answer)) {
		weigh_all(query, plan, family, accept_fallback, &network, answer);
	}
	/* Who stands in another network may get another answer. */
	if (query->by_subnet && plan->choice->answer_targets > 0 && answer->used > 0 &&
	    query->client.len > answer->scope) {
		answer->scope = query->client.len;
	}
}

ANAME_WARM void aname_pool_decide(const aname_query_t *query, uint16_t type, bool accept_fallback,
                                  aname_answer_t *answer)
{
	const aname_pool_plan_t *plan = plan_of(query);
	unsigned family = type == KNOT_RRTYPE_AAAA;
	if (plan != NULL && plan->odd && aname_query_shows(query)) {
		log_odd(query, plan);
	}
	if (plan == NULL) {
		const aname_pool_t nothing = { .count = 0 };
		aname_answer_weigh(&nothing, accept_fallback, answer);
	} else if (aname_pool_plan_is_wanted(query->instance->options)) {
		choose(query, plan, family, accept_fallback, answer);
	} else {
		weigh_all(query, plan, family, accept_fallback, NULL, answer);
	}
}

void aname_pool_keep_fresh(const aname_query_t *query)
{
	if (!query->several || !aname_pool_plan_is_wanted(query->instance->options)) {
		return;
	}
	aname_pool_plan_t *plan = plan_of(query);
	for (unsigned i = 0; plan != NULL && i < 2 * plan->choice->count; i++) {
		aname_planned_t *target = &plan->targets[i / 2];
		const aname_key_t *key = &target->keys[i % 2];
		aname_part_t part = { .scope = 0 };
		aname_entry_t *entry = find(query, target, i % 2);
		if (aname_circle_is_possible(query)) {
			aname_circle_enter(query, key, entry);
		}
		if (entry != NULL) {
			aname_target_judge(query, key, entry, target->ttl, &part);
		} else {
			aname_target_ask(query, key, target->ttl, false);
		}
		if (query->slot->way != ANAME_WAY_OUT) {
			aname_circle_leave(query, key, &part);
		}
	}
}
