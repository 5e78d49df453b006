#include "query/ecs.h"

#include "path.h"
#include "query/targets.h"

void aname_ecs_take(aname_query_t *query)
{
	const aname_schedule_t *schedule = &query->instance->options->schedule;
	const knot_edns_client_subnet_t *ecs = query->qdata->ecs;
	query->for_subnet = ecs != NULL && ecs->source_len > 0;
	query->by_subnet = query->for_subnet;
	if (query->for_subnet) {
		query->client_max = ecs->family == ANAME_SUBNET_IPV4 ? schedule->ecs_prefix_ipv4
		                                                     : schedule->ecs_prefix_ipv6;
		query->client = aname_subnet_of_option(ecs, query->client_max);
	}
}

void aname_ecs_return_scope(const aname_query_t *query, uint8_t scope)
{
	knot_edns_client_subnet_t *ecs = query->qdata->ecs;
	ecs->scope_len = scope > ecs->scope_len ? scope : ecs->scope_len;
}

/*! Is it no use to look up what a target says to one more client? */
static bool is_hopeless(const aname_query_t *query, aname_entry_t *target,
                        const aname_part_t *general)
{
	const aname_subnets_t *subnets = target != NULL ? atomic_load(&target->subnets) : NULL;
	unsigned family = query->client.family == ANAME_SUBNET_IPV6;
	return general->failure != ANAME_FAILURE_NONE ||
	       (subnets != NULL && atomic_load(&subnets->state[family]) == ANAME_SUBNETS_FAILING &&
	        atomic_load(&subnets->count) >= ANAME_SUBNETS_TRIES);
}

void aname_ecs_answer_client(const aname_query_t *query, const aname_key_t *key,
                             aname_entry_t *target, uint32_t ttl, aname_part_t *part)
{
	aname_part_t client;
	aname_entry_t *entry = target != NULL
	                               ? aname_table_find_client(query->instance->shared->table,
	                                                         target, &query->client)
	                               : NULL;
	if (entry != NULL) {
		aname_target_judge(query, key, entry, ttl, &client);
		aname_entry_note_return(entry, client.snapshot, query->now_ms);
	} else {
		aname_part_fail(&client, ANAME_FAILURE_NONE);
		if (!is_hopeless(query, target, part)) {
			client.judgement.worth = ANAME_COLD;
			aname_target_ask(query, key, ttl, true);
		}
	}
	if (client.snapshot != NULL) {
		uint8_t scope = client.snapshot->scope;
		client.scope = scope < query->client_max ? scope : query->client_max;
	}
	bool all_have = (part->judgement.worth == ANAME_FRESH) & !(part->down | part->gone);
	aname_decisions_of(query)[aname_decision_place(key->type, true)].all_have = all_have;
	aname_answer_take_client(&client, query->client.len, part);
}
