#include "query/change.h"

#include "conf/knotd.h"
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

static bool is_rrtype(const aname_options_t *options, uint16_t type)
{
	for (unsigned i = 0; i < options->rrtypes_count; i++) {
		if (options->rrtypes[i] == type) {
			return true;
		}
	}
	return false;
}

bool aname_change_is_due(knotd_in_state_t state, const knot_pkt_t *pkt, knotd_qdata_t *qdata,
                         const aname_instance_t *instance)
{
	if (instance == NULL || (state != KNOTD_IN_STATE_HIT && state != KNOTD_IN_STATE_NODATA)) {
		return false;
	}
	uint16_t type = knot_pkt_qtype(pkt);
	if (is_family(type)) {
		/* Has Knot answered from the zone, or not at all? */
		return aname_reply_at_apex(qdata, instance) &&
		       (state == KNOTD_IN_STATE_NODATA ||
		        aname_reply_has_sibling(pkt, qdata, type));
	}
	bool other = type == KNOT_RRTYPE_ANY || type == KNOT_RRTYPE_NSEC ||
	             (state == KNOTD_IN_STATE_HIT && is_rrtype(instance->options, type));
	return other && aname_reply_at_apex(qdata, instance);
}

/*! Is this not known yet: a target, or the keys? */
static bool is_cold(const aname_query_t *query, const aname_answer_t *answer)
{
	return query->sign.state == ANAME_SIGN_PENDING || answer->worth == ANAME_COLD;
}

static knotd_in_state_t answer_family(aname_query_t *query, knotd_in_state_t state, uint16_t type)
{
	const aname_answer_t *answer = aname_records_decide(query, type, false);
	if (is_cold(query, answer) && aname_wait_allowed(query)) {
		aname_wait(query, type);
		answer = aname_records_decide(query, type, false);
	}
	if (query->sign.state == ANAME_SIGN_UNABLE) {
		return state; /* That is how the wait for the keys ended. */
	}
	if (is_cold(query, answer)) {
		if (aname_respond_truncates(query)) {
			return aname_respond_truncated(query, type);
		}
		if (query->sign.state == ANAME_SIGN_PENDING) {
			return aname_respond_servfail(query, ANAME_KIND_COLD,
			                              KNOT_EDNS_EDE_NOT_READY);
		}
		answer = aname_records_decide(query, type, true);
	}

	aname_records_note(query, type, answer);
	if (aname_worth_has_addresses(answer->worth)) {
		/* The way here may have to be proven, but only to who asks for that. */
		bool proven = knot_pkt_has_dnssec(query->qdata->query);
		query->pending = proven ? ANAME_PENDING_ALL : ANAME_PENDING_NOTHING;
		return aname_respond_instead(query, state, answer, type);
	}
	return aname_worth_is_negative(answer->worth)
	               ? aname_respond_nodata(query, state, answer, type)
	               : aname_respond_failure(query, answer, type);
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
	if (!able || !knot_pkt_has_dnssec(query->qdata->query) ||
	    aname_records_missing(query) == 0) {
		return state;
	}
	query->pending = ANAME_PENDING_DROP_SOA;
	return KNOTD_IN_STATE_NODATA;
}

knotd_in_state_t aname_change_answer(aname_query_t *query, knotd_in_state_t state)
{
	uint16_t type = knot_pkt_qtype(query->pkt);
	if (is_family(type)) {
		return answer_family(query, state, type);
	}
	return type == KNOT_RRTYPE_ANY || type == KNOT_RRTYPE_NSEC
	               ? answer_other(query, state, type)
	               : have_proven(query, state);
}

knotd_in_state_t aname_change_to_nodata(aname_query_t *query, knotd_in_state_t state)
{
	uint16_t type = knot_pkt_qtype(query->pkt);
	query->pending = ANAME_PENDING_ALL;
	if (state == KNOTD_IN_STATE_NODATA ||
	    aname_reply_has_sibling(query->pkt, query->qdata, type)) {
		state = aname_respond_noted_nodata(query, state, type);
	}
	return state;
}

static bool is_aname_asked(knotd_in_state_t state, const knot_pkt_t *pkt, knotd_qdata_t *qdata,
                           const aname_instance_t *instance)
{
	return state == KNOTD_IN_STATE_HIT && is_rrtype(instance->options, knot_pkt_qtype(pkt)) &&
	       aname_reply_at_apex(qdata, instance);
}

bool aname_change_is_addition_due(knotd_in_state_t state, const knot_pkt_t *pkt,
                                  knotd_qdata_t *qdata, const aname_instance_t *instance)
{
	return instance != NULL && (knot_pkt_section(pkt, KNOT_ADDITIONAL)->count > 0 ||
	                            is_aname_asked(state, pkt, qdata, instance));
}

knotd_in_state_t aname_change_additional(aname_query_t *query, knotd_in_state_t state)
{
	/* Additions are the same for every client: the scope is the answer's. */
	if (query->by_subnet) {
		aname_records_forget(query, true); /* Others may be chosen now. */
	}
	query->for_subnet = query->by_subnet = false;
	/* mod-onlinesign cannot sign an addition that Knot did not make. */
	bool with = query->sign.state != ANAME_SIGN_PENDING &&
	            !(query->instance->onlinesign == ANAME_ONLINESIGN_AFTER &&
	              knot_pkt_has_dnssec(query->qdata->query));
	bool add = with && is_aname_asked(state, query->pkt, query->qdata, query->instance);
	bool room = with;
	int ret = KNOT_EOK;
	for (unsigned i = 0; i < 2 && ret == KNOT_EOK; i++) {
		ret = add ? aname_reply_add(query, families[i], &room)
		          : aname_reply_replace(query, families[i], &room);
	}
	return ret == KNOT_EOK ? aname_prove_correct(query, state) : aname_respond_error(ret);
}
