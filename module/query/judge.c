#include "query/judge.h"

#include "path.h"
#include "query/circle.h"
#include "query/ecs.h"
#include "query/policy.h"
#include "query/targets.h"
#include "stats.h"
#include "table/policy.h"

/*! Judges a target that is not in the table, and has it looked up. */
static ANAME_ASIDE void judge_absent(const aname_query_t *query, const aname_key_t *key,
                                     uint32_t ttl, aname_part_t *part)
{
	aname_target_ask(query, key, ttl, false);
	aname_target_judge_unknown(query, part);
	if (part->judgement.worth == ANAME_COLD) {
		/* That the zone names it is noted before it is there. */
		aname_query_show_soon(query);
	}
}

/*! What few zones ask for, of a target that is judged already. */
static ANAME_ASIDE void judge_further(const aname_query_t *query, const aname_key_t *key,
                                      aname_entry_t *entry, uint32_t ttl, aname_part_t *part)
{
	if (query->for_subnet) {
		aname_ecs_answer_client(query, key, entry, ttl, part);
	}
	if (query->instance->options->deny_address.count > 0) {
		aname_policy_filter(query, key, part);
	}
	if (query->slot->way != ANAME_WAY_OUT) {
		aname_circle_leave(query, key, part);
	}
}

ANAME_WARM void aname_judge_target(const aname_query_t *query, const aname_key_t *key,
                                   aname_entry_t *entry, uint32_t ttl, aname_part_t *part)
{
	bool circle = aname_circle_is_possible(query);
	if (circle) {
		aname_circle_enter(query, key, entry);
	}
	if (entry != NULL) {
		aname_target_judge(query, key, entry, ttl, part);
	} else {
		judge_absent(query, key, ttl, part);
	}
	if (circle || query->for_subnet || query->instance->options->deny_address.count > 0) {
		judge_further(query, key, entry, ttl, part);
	}
}

/*! Fails the only record of a zone. */
static ANAME_ASIDE void refuse(const aname_query_t *query, const knot_rdata_t *rdata,
                               aname_failure_t failure, aname_part_t *part)
{
	aname_part_fail(part, failure);
	if (failure == ANAME_FAILURE_MALFORMED) {
		aname_stats_malformed(query->mod, query->worker, 1);
	}
	aname_policy_log_refused(query, rdata);
}

ANAME_WARM void aname_judge_record(const aname_query_t *query, const knot_rdata_t *rdata,
                                   uint32_t record_ttl, uint16_t type, aname_part_t *part)
{
	aname_key_t key;
	key.upstream = query->instance->zone.named.upstream;
	key.type = type;
	key.name = rdata->data;
	key.name_len = rdata->len;
	aname_entry_t *entry = NULL;
	if (!query->several && rdata->len > 0 && rdata->len <= KNOT_DNAME_MAXLEN) {
		/* Where it was last, most likely. */
		const _Atomic uint32_t *position =
		        &query->node->positions[type == KNOT_RRTYPE_AAAA];
		entry = aname_table_look(query->instance->shared->table, &key,
		                         atomic_load_explicit(position, memory_order_relaxed));
	}
	knot_dname_storage_t lower;
	const char *why;
	aname_failure_t failure = ANAME_FAILURE_MALFORMED;
	if (entry != NULL || aname_target_find(query, rdata, &key, lower, &entry)) {
		failure = aname_policy_check(query, &key, &why);
	}
	if (failure != ANAME_FAILURE_NONE) {
		refuse(query, rdata, failure, part);
		return;
	}
	aname_judge_target(query, &key, entry, aname_policy_ttl(record_ttl), part);
}
