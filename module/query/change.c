#include "query/change.h"

#include "conf/knotd.h"
#include "path.h"
#include "query/bitmap.h"
#include "query/find.h"
#include "query/https.h"
#include "query/memo.h"
#include "query/node.h"
#include "query/prove.h"
#include "query/records.h"
#include "query/reply.h"
#include "query/respond.h"
#include "query/wait.h"

/*! Has Knot answered from the zone, or not at all? */
static bool is_knots(knotd_in_state_t state, const knot_pkt_t *pkt, knotd_qdata_t *qdata,
                     const knot_dname_t *owner, uint16_t type)
{
	return state == KNOTD_IN_STATE_NODATA || aname_reply_has_sibling(pkt, qdata, owner, type);
}

ANAME_WARM bool aname_change_is_about(const aname_instance_t *instance, uint16_t type)
{
	switch (type) {
	case KNOT_RRTYPE_A:
	case KNOT_RRTYPE_AAAA:
	case KNOT_RRTYPE_ANY:
	case KNOT_RRTYPE_NSEC: return true;
	case KNOT_RRTYPE_HTTPS: return instance->options->https_alias;
	default: return aname_options_is_rrtype(instance->options, type);
	}
}

/*! Is this what Knot has to have come to, if the type is one that is answered (Q1, A4)? */
static bool is_state_due(knotd_in_state_t state, const aname_options_t *options, uint16_t type)
{
	switch (type) {
	case KNOT_RRTYPE_HTTPS: return state == KNOTD_IN_STATE_NODATA;
	default: return state == KNOTD_IN_STATE_HIT || !aname_options_is_rrtype(options, type);
	}
}

/*! Has Knot come to another node with ANAME records? */
static ANAME_ASIDE bool is_due_elsewhere(knotd_in_state_t state, const knot_pkt_t *pkt,
                                         knotd_qdata_t *qdata, const aname_instance_t *instance,
                                         aname_found_t *found)
{
	uint16_t type = knot_pkt_qtype(pkt);
	if (qdata->rcode != KNOT_RCODE_NOERROR) {
		return false;
	}
	if (aname_family_of(type) == 0) {
		return aname_find_records(qdata, instance, qdata->name, found);
	}
	if (aname_find_records(qdata, instance, qdata->name, found)) {
		return is_knots(state, pkt, qdata, found->rrsets[0].owner, type);
	}
	aname_memo_note_plain(state, pkt, qdata, instance);
	return false;
}

bool aname_change_is_due(knotd_in_state_t state, const knot_pkt_t *pkt, knotd_qdata_t *qdata,
                         const aname_instance_t *instance, aname_found_t *found)
{
	found->count = 0;
	if (instance == NULL || (state != KNOTD_IN_STATE_HIT && state != KNOTD_IN_STATE_NODATA)) {
		return false;
	}
	uint16_t type = knot_pkt_qtype(pkt);
	bool family = aname_family_of(type) != 0;
	if (!family && (!aname_change_is_about(instance, type) ||
	                !is_state_due(state, instance->options, type))) {
		return false;
	}
	if (aname_reply_at_apex(qdata, instance)) {
		return !family || is_knots(state, pkt, qdata, NULL, type);
	}
	return aname_instance_any(instance) && is_due_elsewhere(state, pkt, qdata, instance, found);
}

/*! Is this not known yet: a target, or the keys? */
static bool is_cold(const aname_query_t *query, const aname_answer_t *answer)
{
	return query->sign.state == ANAME_SIGN_PENDING || answer->worth == ANAME_COLD;
}

/*! The answer is there. The way to it may have to be proven, but only to who asks for that. */
static void note_way(aname_query_t *query)
{
	bool proven = knot_pkt_has_dnssec(query->qdata->query);
	query->pending = proven ? ANAME_PENDING_ALL : ANAME_PENDING_NOTHING;
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
		note_way(query);
		return aname_respond_instead(query, state, answer, type);
	}
	return aname_worth_is_negative(answer->worth)
	               ? aname_respond_nodata(query, state, answer, type)
	               : aname_respond_failure(query, answer, type);
}

bool aname_change_answer_warm(aname_query_t *query, knotd_in_state_t *state)
{
	uint16_t type = knot_pkt_qtype(query->pkt);
	const aname_answer_t *answer = aname_records_decide(query, type, false);
	if (!aname_worth_has_addresses(answer->worth)) {
		return false;
	}
	query->pending = ANAME_PENDING_NOTHING;
	*state = aname_respond_addresses(query, answer, type);
	return true;
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

/*! HTTPS, of which the zone has none. */
static knotd_in_state_t answer_https(aname_query_t *query, knotd_in_state_t state)
{
	if (!aname_https_exists(query)) {
		return state;
	}
	knotd_in_state_t awaited = aname_prove_await_keys(query, state);
	if (awaited != state || query->sign.state == ANAME_SIGN_UNABLE) {
		return awaited;
	}
	int ret = aname_https_put(query);
	if (ret != KNOT_EOK) {
		return aname_respond_error(query, ret);
	}
	note_way(query);
	aname_stats_answer(query->mod, query->slot, query->worker, ANAME_KIND_HTTPS);
	return KNOTD_IN_STATE_HIT;
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
	if (aname_family_of(type) != 0) {
		return answer_family(query, state, type);
	}
	if (type == KNOT_RRTYPE_HTTPS) {
		return answer_https(query, state);
	}
	return type == KNOT_RRTYPE_ANY || type == KNOT_RRTYPE_NSEC
	               ? answer_other(query, state, type)
	               : have_proven(query, state);
}

knotd_in_state_t aname_change_to_nodata(aname_query_t *query, knotd_in_state_t state)
{
	uint16_t type = knot_pkt_qtype(query->pkt);
	query->pending = ANAME_PENDING_ALL;
	const knot_dname_t *owner = query->apex ? NULL : query->rrsets[0].owner;
	if (is_knots(state, query->pkt, query->qdata, owner, type)) {
		state = aname_respond_noted_nodata(query, state, type);
	}
	return state;
}
