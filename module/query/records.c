#include "query/records.h"

#include "conf/knotd.h"
#include "path.h"
#include "query/bitmap.h"
#include "query/circle.h"
#include "query/find.h"
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

/* Decisions. */

/*! Where the decision on a family stands, as the query sees it now. */
static inline unsigned place_of(const aname_query_t *query, uint16_t type)
{
	return aname_decision_place(type, query->for_subnet);
}

/*! Decides on a family by what is known of it alone. */
static ANAME_WARM void weigh(const aname_query_t *query, uint16_t type, bool accept_fallback,
                             aname_answer_t *answer)
{
	if (query->several) {
		aname_pool_decide(query, type, accept_fallback, answer);
		return;
	}
	aname_pool_t pool;
	const knot_rrset_t *rrset = &query->rrsets[0];
	pool.count = 1;
	aname_judge_record(query, rrset->rrs.rdata, rrset->ttl, type, &pool.parts[0]);
	pool.choice = NULL;
	pool.all_down = query->instance->options->all_down;
	aname_answer_decide(&pool, accept_fallback, answer);
}

/*! The same, if it was not decided yet. Whether fallbacks are accepted matters to what is cold only. */
static ANAME_WARM aname_decision_t *decide_alone(aname_query_t *query, uint16_t type,
                                                 bool accept_fallback)
{
	unsigned place = place_of(query, type);
	uint8_t *settled = &query->settled[place];
	aname_decision_t *decision = &aname_decisions_of(query)[place];
	uint8_t accepted = accept_fallback ? ANAME_SETTLED_ACCEPTED : 0;
	if (*settled == 0 ||
	    (decision->answer.cold && (*settled & ANAME_SETTLED_ACCEPTED) != accepted)) {
		weigh(query, type, accept_fallback, &decision->answer);
		*settled = ANAME_SETTLED | accepted;
	}
	return decision;
}

ANAME_ASIDE void aname_records_forget(aname_query_t *query, bool all)
{
	const aname_decision_t *decisions = aname_decisions_of(query);
	for (unsigned i = 0; i < ANAME_DECISIONS; i++) {
		if (all || decisions[i].answer.used > 0) {
			query->settled[i] = 0;
		}
	}
}

static bool has_sibling(const aname_query_t *query, uint16_t type)
{
	return aname_find_rrset(query, type).rrs.count > 0;
}

/*! A family that fails does not take the other one with it (A10). */
static ANAME_ASIDE void spare_other(aname_query_t *query, uint16_t type, bool accept_fallback,
                                    aname_decision_t *decision)
{
	aname_answer_t *answer = &decision->answer;
	uint8_t *settled = &query->settled[place_of(query, type)];
	if (*settled & ANAME_SETTLED_SPARED) {
		return;
	}
	*settled |= ANAME_SETTLED_SPARED;
	decision->alone = answer->worth;
	decision->scope = answer->scope;
	uint16_t other = aname_target_other_type(type);
	bool sibling = has_sibling(query, other);
	if ((has_sibling(query, type) && !answer->no_sibling) || (!sibling && !answer->emptied)) {
		return; /* Whatever is known of the other one does not matter. */
	}
	const aname_decision_t *others = decide_alone(query, other, accept_fallback);
	bool spared = query->settled[place_of(query, other)] & ANAME_SETTLED_SPARED;
	uint8_t scope = spared ? others->scope : others->answer.scope;
	answer->scope = scope > answer->scope ? scope : answer->scope;
	aname_answer_spare(spared ? others->alone : others->answer.worth,
	                   sibling && !others->answer.no_sibling, answer);
}

static ANAME_WARM aname_answer_t *decide(aname_query_t *query, uint16_t type, bool accept_fallback)
{
	aname_decision_t *decision = decide_alone(query, type, accept_fallback);
	if (decision->answer.worth == ANAME_FAILED) {
		spare_other(query, type, accept_fallback, decision);
	}
	return &decision->answer;
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
static ANAME_ASIDE const aname_answer_t *decide_for_subnet(aname_query_t *query, uint16_t type,
                                                           bool accept_fallback)
{
	/* Policy and circles may leave everybody less than what the target has. */
	if (!query->several && query->instance->options->deny_address.count == 0 &&
	    !aname_circle_is_possible(query)) {
		const aname_decision_t *own = decide_alone(query, type, accept_fallback);
		if (own->all_have && aname_worth_has_addresses(own->answer.worth)) {
			return &own->answer; /* As usual. */
		}
	}
	query->for_subnet = false;
	const aname_answer_t *everybodys = decide(query, type, accept_fallback);
	query->for_subnet = true;
	if (aname_worth_is_negative(everybodys->worth)) {
		return everybodys;
	}
	aname_answer_t *clients = decide(query, type, accept_fallback);
	if (aname_worth_is_negative(clients->worth)) {
		unsigned place = place_of(query, type);
		aname_decision_t *decision = &aname_decisions_of(query)[place];
		if (!(query->settled[place] & ANAME_SETTLED_SPARED)) {
			query->settled[place] |= ANAME_SETTLED_SPARED;
			decision->alone = clients->worth;
			decision->scope = clients->scope;
		}
		uint8_t scope = clients->scope;
		*clients = *everybodys;
		clients->scope = scope;
	}
	return clients;
}

ANAME_WARM const aname_answer_t *aname_records_decide(aname_query_t *query, uint16_t type,
                                                      bool accept_fallback)
{
	return query->for_subnet && is_signed(query)
	               ? decide_for_subnet(query, type, accept_fallback)
	               : decide(query, type, accept_fallback);
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
			aname_records_note(query, types[i],
			                   aname_records_decide(query, types[i], false));
		}
	}
	query->for_subnet = for_subnet;
	return query->missing;
}
