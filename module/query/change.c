#include "query/change.h"

#include "conf.h"
#include "query/prove.h"
#include "query/records.h"
#include "query/reply.h"
#include "query/respond.h"
#include "query/wait.h"

static const uint16_t families[] = { KNOT_RRTYPE_A, KNOT_RRTYPE_AAAA };

static bool is_family(uint16_t type)
{
	return type == KNOT_RRTYPE_A || type == KNOT_RRTYPE_AAAA;
}

/*! Is this not known yet: a target, or the keys? */
static bool is_cold(const aname_query_t *query, const aname_answer_t *answer)
{
	return query->sign.state == ANAME_SIGN_PENDING ||
	       (answer != NULL && answer->say == ANAME_SAY_COLD);
}

static knotd_in_state_t answer_family(aname_query_t *query, knotd_in_state_t state, uint16_t type)
{
	aname_answer_t answer;
	aname_query_decide(query, type, false, &answer);
	if (is_cold(query, &answer) && aname_wait_allowed(query)) {
		aname_wait(query, type, &answer);
	}
	if (query->sign.state == ANAME_SIGN_UNABLE) {
		return state; /* That is how the wait for the keys ended. */
	}
	if (is_cold(query, &answer)) {
		if (aname_respond_truncates(query)) {
			return aname_respond_truncated(query, type);
		}
		if (query->sign.state == ANAME_SIGN_PENDING) {
			return aname_respond_servfail(query, ANAME_KIND_COLD,
			                              KNOT_EDNS_EDE_NOT_READY);
		}
		aname_query_decide(query, type, true, &answer);
	}

	aname_query_note(query, type, &answer);
	switch (answer.say) {
	case ANAME_SAY_ADDRESSES: return aname_respond_instead(query, &answer, type);
	case ANAME_SAY_NODATA: return aname_respond_nodata(query, &answer, type);
	default: return aname_respond_failure(query, &answer, type);
	}
}

/*! Has Knot answered from the zone, or not at all? Then the answer may be changed. */
static bool is_knots(const aname_query_t *query, knotd_in_state_t state, uint16_t type)
{
	return state == KNOTD_IN_STATE_NODATA || aname_reply_has_sibling(query, type);
}

/*! ANY, and a query for the NSEC record itself. */
static knotd_in_state_t answer_other(aname_query_t *query, knotd_in_state_t state, uint16_t type)
{
	knotd_in_state_t awaited = aname_prove_await_keys(query, state);
	if (awaited != state || query->sign.state == ANAME_SIGN_UNABLE) {
		return awaited;
	}
	if (type == KNOT_RRTYPE_ANY) {
		state = aname_respond_any(query);
	}
	return state == KNOTD_IN_STATE_HIT ? aname_prove_correct(query, state) : state;
}

/*!
 * A query for the ANAME record itself is to tell, too, which family the target has not (A4): as if
 * there were no answer, Knot makes the proof, and on_authority() takes the SOA out again.
 */
static knotd_in_state_t have_proven(aname_query_t *query, knotd_in_state_t state)
{
	bool online = query->instance->onlinesign == ANAME_ONLINESIGN_AFTER;
	bool able = online || query->sign.state == ANAME_SIGN_READY;
	if (state != KNOTD_IN_STATE_HIT || !able || !knot_pkt_has_dnssec(query->qdata->query) ||
	    aname_query_missing(query).families == 0) {
		return state;
	}
	aname_query_leave_memo(query, MEMO_PROVE);
	return KNOTD_IN_STATE_NODATA;
}

knotd_in_state_t aname_change_answer(aname_query_t *query, knotd_in_state_t state)
{
	uint16_t type = knot_pkt_qtype(query->pkt);
	if (type == KNOT_RRTYPE_ANY || type == KNOT_RRTYPE_NSEC) {
		return answer_other(query, state, type);
	}
	if (!is_family(type)) {
		return have_proven(query, state);
	}
	return is_knots(query, state, type) ? answer_family(query, state, type) : state;
}

knotd_in_state_t aname_change_additional(const aname_query_t *query, knotd_in_state_t state,
                                         bool asked)
{
	/* mod-onlinesign cannot sign an addition that Knot did not make. */
	bool with = query->sign.state != ANAME_SIGN_PENDING &&
	            !(query->instance->onlinesign == ANAME_ONLINESIGN_AFTER &&
	              knot_pkt_has_dnssec(query->qdata->query));
	int ret = KNOT_EOK;
	for (unsigned i = 0; i < 2 && ret == KNOT_EOK; i++) {
		ret = asked && with ? aname_reply_add(query, families[i])
		                    : aname_reply_replace(query, families[i], with);
	}
	return ret == KNOT_EOK ? state : aname_respond_error(ret);
}
