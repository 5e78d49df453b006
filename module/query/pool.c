#include "query/pool.h"

#include <stdlib.h>

#include "path.h"
#include "query/circle.h"
#include "query/judge.h"
#include "query/policy.h"
#include "query/pool_plan.h"
#include "query/targets.h"

static const uint16_t types[] = { KNOT_RRTYPE_A, KNOT_RRTYPE_AAAA };

void aname_pool_deinit(aname_instance_t *instance)
{
	free(atomic_exchange(&instance->plan, NULL));
}

static bool is_allowed(void *ctx, const knot_dname_t *name, uint8_t name_len)
{
	const char *why;
	const aname_key_t key = { .name = name, .name_len = name_len };
	return aname_policy_check(ctx, &key, &why) == ANAME_FAILURE_NONE;
}

/*! Makes the plan that the records call for now, and publishes it; NULL if out of memory. */
static ANAME_ASIDE aname_pool_plan_t *renew(const aname_query_t *query)
{
	aname_shared_t *shared = query->instance->shared;
	pthread_mutex_lock(&shared->sign_lock);
	aname_pool_plan_t *plan = atomic_load(&query->instance->plan);
	if (!aname_pool_plan_is_current(plan, query->rrsets, query->rrsets_count)) {
		plan = aname_pool_plan_new(query->instance->options, query->rrsets,
		                           query->rrsets_count, is_allowed, (void *)query);
		if (plan != NULL) {
			aname_bin_retire(shared->sign_bin,
			                 atomic_exchange(&query->instance->plan, plan), free);
			(void)aname_bin_reclaim(shared->sign_bin);
		}
	}
	pthread_mutex_unlock(&shared->sign_lock);
	return plan;
}

/*! The plan for the records of a query; NULL if there is none. */
static ANAME_WARM aname_pool_plan_t *plan_of(const aname_query_t *query)
{
	if (query->positions != NULL || !aname_pool_plan_is_wanted(query->instance->options)) {
		return NULL;
	}
	aname_pool_plan_t *plan = atomic_load(&query->instance->plan);
	return aname_pool_plan_is_current(plan, query->rrsets, query->rrsets_count) ? plan
	                                                                            : renew(query);
}

/*! Finds a target, where it was last, most likely; NULL if it is not in the table. */
static ANAME_WARM aname_entry_t *find(const aname_query_t *query, aname_planned_t *target,
                                      uint16_t type, aname_key_t *key)
{
	const aname_table_t *table = query->instance->shared->table;
	_Atomic uint32_t *position = &target->positions[type == KNOT_RRTYPE_AAAA];
	key->upstream = query->instance->upstream;
	key->type = type;
	key->name = target->name;
	key->name_len = target->name_len;
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

void aname_pool_log_limit(const aname_query_t *query)
{
	if (aname_query_log_once(query, "pool", NULL, 0)) {
		knotd_mod_log(query->mod, LOG_WARNING,
		              "limit reached, only %u ANAME records are used", ANAME_POOL_MAX);
	}
}

/*! Judges all targets, and weighs them. */
static ANAME_ASIDE void weigh_all(const aname_query_t *query, const aname_pool_plan_t *plan,
                                  uint16_t type, bool accept_fallback, uint64_t network,
                                  aname_answer_t *answer)
{
	aname_pool_t pool;
	pool.choice = plan->choice;
	pool.network = network;
	pool.all_down = query->instance->options->all_down;
	pool.count = 0;
	for (unsigned i = 0; i < plan->choice->count; i++) {
		aname_planned_t *target = &plan->targets[i];
		aname_key_t key;
		aname_entry_t *entry = find(query, target, type, &key);
		aname_judge_target(query, &key, entry, target->ttl, &pool.parts[pool.count++]);
	}
	for (unsigned i = 0; i < plan->refused_count; i++) {
		aname_judge_record(query, plan->refused[i].rdata, plan->refused[i].ttl, type,
		                   &pool.parts[pool.count++]);
	}
	if (plan->cut) {
		aname_pool_log_limit(query);
	}
	aname_answer_weigh(&pool, accept_fallback, answer);
}

/*! Takes the target that comes first, if nothing else has to be looked at for that. */
static ANAME_WARM bool take_first(const aname_query_t *query, const aname_pool_plan_t *plan,
                                  uint16_t type, uint64_t network, aname_answer_t *answer)
{
	aname_planned_t *target =
	        &plan->targets[aname_choice_first(plan->choice, plan->choice->first, network)];
	aname_key_t key;
	aname_part_t part;
	aname_entry_t *entry = find(query, target, type, &key);
	if (entry == NULL) {
		return false;
	}
	aname_judge_target(query, &key, entry, target->ttl, &part);
	if (part.judgement.worth != ANAME_FRESH || part.down) {
		return false;
	}
	aname_answer_take(&part, answer);
	return true;
}

ANAME_WARM bool aname_pool_decide(const aname_query_t *query, uint16_t type, bool accept_fallback,
                                  aname_answer_t *answer)
{
	aname_pool_plan_t *plan = plan_of(query);
	if (plan == NULL) {
		return false;
	}
	uint64_t network = network_of(query);
	if (!plan->short_cut || !take_first(query, plan, type, network, answer)) {
		weigh_all(query, plan, type, accept_fallback, network, answer);
	}
	/* Who stands in another network may get another answer. */
	if (query->by_subnet && plan->choice->answer_targets > 0 && answer->used > 0 &&
	    query->client.len > answer->scope) {
		answer->scope = query->client.len;
	}
	return true;
}

void aname_pool_keep_fresh(const aname_query_t *query)
{
	aname_pool_plan_t *plan = plan_of(query);
	for (unsigned i = 0; plan != NULL && i < 2 * plan->choice->count; i++) {
		aname_planned_t *target = &plan->targets[i / 2];
		aname_key_t key;
		aname_part_t part = { .scope = 0 };
		aname_entry_t *entry = find(query, target, types[i % 2], &key);
		if (aname_circle_is_possible(query)) {
			aname_circle_enter(query, &key, entry);
		}
		if (entry != NULL) {
			aname_target_judge(query, &key, entry, target->ttl, &part);
		} else {
			aname_target_ask(query, &key, target->ttl, false);
		}
		if (query->slot->way != ANAME_WAY_OUT) {
			aname_circle_leave(query, &key, &part);
		}
	}
}
