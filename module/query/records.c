#include "query/records.h"

#include "conf/knotd.h"
#include "path.h"
#include "query/bitmap.h"
#include "query/judge.h"
#include "query/policy.h"
#include "query/pool.h"
#include "query/targets.h"
#include "table/policy.h"

uint32_t aname_records_full_ttl(const aname_query_t *query)
{
	const aname_schedule_t *schedule = &query->instance->options->schedule;
	uint32_t full = 0;
	for (unsigned i = 0; i < query->rrsets_count; i++) {
		uint32_t ttl = aname_policy_ttl(query->rrsets[i].ttl);
		uint32_t life = aname_policy_life(schedule, ttl, ANAME_TTL_UNKNOWN);
		ttl = ttl < life ? ttl : life;
		full = ttl > full ? ttl : full;
	}
	return full;
}

bool aname_records_find(const aname_query_t *query, const knot_rdata_t *rdata, aname_key_t *key,
                        knot_dname_storage_t lower, aname_entry_t **entry)
{
	const char *why;
	return aname_target_find(query, rdata, key, lower, entry) &&
	       aname_policy_check(query, key, &why) == ANAME_FAILURE_NONE;
}

/*! All targets of a zone that has several records. */
static ANAME_ASIDE void gather(const aname_query_t *query, uint16_t type, aname_pool_t *pool)
{
	for (unsigned i = 0; i < query->rrsets_count; i++) {
		const knot_rrset_t *rrset = &query->rrsets[i];
		knot_rdata_t *rdata = rrset->rrs.rdata;
		for (unsigned k = 0; k < rrset->rrs.count; k++, rdata = knot_rdataset_next(rdata)) {
			if (pool->count == ANAME_POOL_MAX) {
				aname_pool_log_limit(query);
				return;
			}
			aname_judge_record(query, rdata, rrset->ttl, type,
			                   &pool->parts[pool->count++]);
		}
	}
}

/*! Decides on a family by what is known of it alone. */
static ANAME_WARM void decide_alone(const aname_query_t *query, uint16_t type, bool accept_fallback,
                                    aname_answer_t *answer)
{
	aname_pool_t pool;
	if (query->positions != NULL) {
		const knot_rrset_t *rrset = &query->rrsets[0];
		pool.count = 1;
		aname_judge_record(query, rrset->rrs.rdata, rrset->ttl, type, &pool.parts[0]);
	} else if (aname_pool_decide(query, type, accept_fallback, answer)) {
		return;
	} else {
		pool.count = 0;
		gather(query, type, &pool);
	}
	pool.choice = NULL;
	pool.all_down = query->instance->options->all_down;
	aname_answer_decide(&pool, accept_fallback, answer);
}

static bool has_sibling(const aname_query_t *query, uint16_t type)
{
	return knotd_qdata_zone_apex_rrset(query->qdata, type).rrs.count > 0;
}

/*! A family that fails does not take the other one with it (A10). */
static ANAME_ASIDE void spare_other(const aname_query_t *query, uint16_t type, bool accept_fallback,
                                    aname_answer_t *answer)
{
	uint16_t other = aname_target_other_type(type);
	bool sibling = has_sibling(query, other);
	if ((has_sibling(query, type) && !answer->no_sibling) || (!sibling && !answer->emptied)) {
		return; /* Whatever is known of the other one does not matter. */
	}
	aname_answer_t others;
	decide_alone(query, other, accept_fallback, &others);
	answer->scope = others.scope > answer->scope ? others.scope : answer->scope;
	aname_answer_spare(others.worth, sibling && !others.no_sibling, answer);
}

/*! Is what this module makes signed, be it by mod-onlinesign? */
static bool is_signed(const aname_query_t *query)
{
	return query->sign.state != ANAME_SIGN_NEEDLESS ||
	       query->instance->onlinesign == ANAME_ONLINESIGN_AFTER;
}

/*!
 * Decides on a family for a client of a signed zone. There is one denial for all clients (D2):
 * where everybody gets none, nobody gets any, and who would get none alone gets what everybody
 * gets.
 */
static ANAME_ASIDE void decide_for_subnet(const aname_query_t *query, uint16_t type,
                                          bool accept_fallback, aname_answer_t *answer)
{
	aname_query_t everybody = *query;
	everybody.for_subnet = false;
	aname_records_decide(&everybody, type, accept_fallback, answer);
	if (aname_worth_is_negative(answer->worth)) {
		return;
	}
	aname_answer_t clients;
	decide_alone(query, type, accept_fallback, &clients);
	if (clients.worth == ANAME_FAILED) {
		spare_other(query, type, accept_fallback, &clients);
	}
	if (aname_worth_is_negative(clients.worth)) {
		answer->scope = clients.scope;
	} else {
		*answer = clients;
	}
}

ANAME_WARM void aname_records_decide(const aname_query_t *query, uint16_t type,
                                     bool accept_fallback, aname_answer_t *answer)
{
	if (query->for_subnet && is_signed(query)) {
		decide_for_subnet(query, type, accept_fallback, answer);
		return;
	}
	decide_alone(query, type, accept_fallback, answer);
	if (answer->worth == ANAME_FAILED) {
		spare_other(query, type, accept_fallback, answer);
	}
}

void aname_records_note(aname_query_t *query, uint16_t type, const aname_answer_t *answer)
{
	uint8_t family = aname_family_of(type);
	if (query->decided == 0) {
		query->missing_ttl = UINT32_MAX;
	}
	query->decided |= family;
	if (aname_worth_is_negative(answer->worth)) {
		query->missing |= family;
		query->missing_ttl =
		        answer->ttl < query->missing_ttl ? answer->ttl : query->missing_ttl;
	}
}

uint8_t aname_records_missing(aname_query_t *query)
{
	static const uint16_t types[] = { KNOT_RRTYPE_A, KNOT_RRTYPE_AAAA };
	bool for_subnet = query->for_subnet;
	query->for_subnet = false;
	for (unsigned i = 0; i < 2; i++) {
		if (!(query->decided & aname_family_of(types[i]))) {
			/* What is cold is not known, and not denied. */
			aname_answer_t answer;
			aname_records_decide(query, types[i], false, &answer);
			aname_records_note(query, types[i], &answer);
		}
	}
	query->for_subnet = for_subnet;
	return query->missing;
}
