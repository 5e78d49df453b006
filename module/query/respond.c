#include "query/respond.h"

#include "conf/knotd.h"
#include "path.h"
#include "query/denial.h"
#include "query/ecs.h"
#include "query/https.h"
#include "query/packet.h"
#include "query/records.h"
#include "query/reply.h"
#include "query/show.h"

static const uint16_t families[] = { KNOT_RRTYPE_A, KNOT_RRTYPE_AAAA };

ANAME_ASIDE knotd_in_state_t aname_respond_put_off(const aname_query_t *query)
{
	if (!aname_respond_truncates(query)) {
		return aname_respond_servfail(query, ANAME_KIND_COLD, KNOT_EDNS_EDE_NOT_READY);
	}
	/* What is in this section may deny what there is. */
	while (knot_pkt_section(query->pkt, query->pkt->current)->count > 0) {
		aname_packet_drop_last(query->pkt);
	}
	knot_wire_set_tc(query->pkt->wire);
	aname_stats_answer(query->mod, query->slot, query->worker, ANAME_KIND_TRUNCATED);
	return KNOTD_IN_STATE_TRUNC;
}

knotd_in_state_t aname_respond_error(const aname_query_t *query, int ret)
{
	if (ret == KNOT_ELIMIT) {
		return aname_respond_put_off(query);
	}
	return ret == KNOT_ESPACE ? KNOTD_IN_STATE_TRUNC : KNOTD_IN_STATE_ERROR;
}

ANAME_WARM knotd_in_state_t aname_respond_addresses(const aname_query_t *query,
                                                    const aname_answer_t *answer, uint16_t type)
{
	int ret = aname_reply_put(query, answer, type, true);
	if (ret != KNOT_EOK) {
		return aname_respond_error(query, ret);
	}
	if (query->instance->options->answer_aname) {
		aname_reply_put_records(query);
	}
	aname_kind_t kind = answer->worth == ANAME_LATE ? ANAME_KIND_LATE : ANAME_KIND_FRESH;
	if (answer->worth == ANAME_STALE) {
		query->qdata->rcode_ede = KNOT_EDNS_EDE_STALE;
		kind = ANAME_KIND_STALE;
	}
	kind = answer->all_down ? ANAME_KIND_ALL_DOWN : kind;
	if (query->for_subnet) {
		aname_ecs_return_scope(query, answer->scope);
	}
	aname_stats_answer(query->mod, query->slot, query->worker, kind);
	return KNOTD_IN_STATE_HIT;
}

knotd_in_state_t aname_respond_instead(const aname_query_t *query, knotd_in_state_t state,
                                       const aname_answer_t *answer, uint16_t type)
{
	int ret =
	        state == KNOTD_IN_STATE_NODATA ? KNOT_EOK : aname_reply_remove_sibling(query, type);
	return ret == KNOT_EOK ? aname_respond_addresses(query, answer, type)
	                       : aname_respond_error(query, ret);
}

/*! Notes a negative answer, which is complete only with its SOA and its proof. */
static void note_nodata(aname_query_t *query, const aname_answer_t *answer)
{
	query->nodata_stale = answer->worth == ANAME_STALE_NODATA;
	query->nodata_gone = answer->gone;
	query->nodata_all_down = answer->all_down;
	query->nodata_scope = answer->scope;
	query->nodata_ttl = answer->ttl;
}

/*! Answers with the negative answer that was noted; what is pending is for on_authority(). */
static void put_nodata(aname_query_t *query, aname_pending_t pending)
{
	if (query->nodata_stale) {
		query->qdata->rcode_ede = KNOT_EDNS_EDE_STALE;
	}
	if (query->for_subnet) {
		aname_ecs_return_scope(query, query->nodata_scope);
	}
	query->pending = pending;
	aname_kind_t kind = query->nodata_gone ? ANAME_KIND_GONE : ANAME_KIND_NODATA;
	aname_stats_answer(query->mod, query->slot, query->worker,
	                   query->nodata_all_down ? ANAME_KIND_ALL_DOWN : kind);
}

knotd_in_state_t aname_respond_noted_nodata(aname_query_t *query, knotd_in_state_t state,
                                            uint16_t type)
{
	int ret =
	        state == KNOTD_IN_STATE_NODATA ? KNOT_EOK : aname_reply_remove_sibling(query, type);
	if (ret != KNOT_EOK) {
		return aname_respond_error(query, ret);
	}
	put_nodata(query, ANAME_PENDING_LOWER_SOA);
	return KNOTD_IN_STATE_NODATA;
}

knotd_in_state_t aname_respond_nodata(aname_query_t *query, knotd_in_state_t state,
                                      const aname_answer_t *answer, uint16_t type)
{
	note_nodata(query, answer);
	return aname_respond_noted_nodata(query, state, type);
}

/*! Takes the proof of a negative answer for the apex, if it is known already. */
static bool take_proof(aname_query_t *query)
{
	if (!query->apex || query->sign.state != ANAME_SIGN_READY) {
		return false;
	}
	(void)aname_records_missing(query);
	return aname_denial_take(query, aname_https_exists(query));
}

/*! A negative answer before Knot looks: its SOA and its proof are put where they belong. */
static knotd_in_state_t respond_early_nodata(aname_query_t *query, const aname_answer_t *answer,
                                             knotd_in_state_t state, uint16_t type)
{
	note_nodata(query, answer);
	aname_pending_t pending = ANAME_PENDING_PUT_SOA;
	if (query->sign.wanted || query->instance->onlinesign != ANAME_ONLINESIGN_NONE) {
		aname_records_note(query, type, answer);
		pending = take_proof(query) ? ANAME_PENDING_PUT_PROOF : ANAME_PENDING_NODATA;
	}
	if (pending == ANAME_PENDING_NODATA) {
		query->pending = pending;
		return state;
	}
	knot_wire_set_aa(query->pkt->wire);
	put_nodata(query, pending);
	return KNOTD_IN_STATE_HIT;
}

knotd_in_state_t aname_respond_absent(aname_query_t *query, knotd_in_state_t state)
{
	if (!query->sign.wanted || !take_proof(query)) {
		return state;
	}
	query->nodata_ttl = UINT32_MAX;
	query->pending = ANAME_PENDING_PUT_PROOF;
	return KNOTD_IN_STATE_HIT;
}

ANAME_WARM knotd_in_state_t aname_respond_early(aname_query_t *query, knotd_in_state_t state,
                                                uint16_t type)
{
	const aname_answer_t *answer = aname_records_decide(query, type, false);
	if (query->sign.state == ANAME_SIGN_PENDING) {
		return state; /* on_answer() waits for the keys. */
	}
	switch (answer->worth) {
	case ANAME_FRESH:
	case ANAME_LATE:
	case ANAME_STALE:
		knot_wire_set_aa(query->pkt->wire);
		query->pending = ANAME_PENDING_NOTHING;
		return aname_respond_addresses(query, answer, type);
	case ANAME_COLD:
	case ANAME_FAILED: return state;
	default: return respond_early_nodata(query, answer, state, type);
	}
}

knotd_in_state_t aname_respond_servfail(const aname_query_t *query, aname_kind_t kind, int ede)
{
	aname_stats_answer(query->mod, query->slot, query->worker, kind);
	query->qdata->rcode = KNOT_RCODE_SERVFAIL;
	query->qdata->rcode_ede = ede;
	return KNOTD_IN_STATE_ERROR;
}

knotd_in_state_t aname_respond_failure(const aname_query_t *query, const aname_answer_t *answer,
                                       uint16_t type)
{
	if (answer->failure != ANAME_FAILURE_NONE && answer->failure < ANAME_FAILURE_MALFORMED) {
		aname_show_expect_failure(query);
	}
	if (!answer->no_sibling && aname_reply_use_sibling(query, type, answer->partial)) {
		if (query->for_subnet) {
			aname_ecs_return_scope(query, answer->scope);
		}
		aname_stats_answer(query->mod, query->slot, query->worker,
		                   answer->all_down ? ANAME_KIND_ALL_DOWN : ANAME_KIND_SIBLING);
		return KNOTD_IN_STATE_HIT;
	}
	switch (answer->failure) {
	case ANAME_FAILURE_DOWN:
		return aname_respond_servfail(query, ANAME_KIND_ALL_DOWN,
		                              KNOT_EDNS_EDE_NREACH_AUTH);
	case ANAME_FAILURE_NONE:
		return aname_respond_servfail(query, ANAME_KIND_COLD, KNOT_EDNS_EDE_NOT_READY);
	case ANAME_FAILURE_EMPTIED:
	case ANAME_FAILURE_DENIED:
		return aname_respond_servfail(query, ANAME_KIND_DENIED, KNOT_EDNS_EDE_BLOCKED);
	case ANAME_FAILURE_INSECURE:
		return aname_respond_servfail(query, ANAME_KIND_FAILED, KNOT_EDNS_EDE_RRSIG_MISS);
	case ANAME_FAILURE_BOGUS:
		return aname_respond_servfail(query, ANAME_KIND_FAILED, KNOT_EDNS_EDE_BOGUS);
	case ANAME_FAILURE_NETWORK:
		return aname_respond_servfail(query, ANAME_KIND_FAILED, KNOT_EDNS_EDE_NETWORK);
	default: return aname_respond_servfail(query, ANAME_KIND_FAILED, KNOT_EDNS_EDE_NREACH_AUTH);
	}
}

bool aname_respond_truncates(const aname_query_t *query)
{
	return query->qdata->params->proto == KNOTD_QUERY_PROTO_UDP &&
	       query->instance->options->cold == ANAME_COLD_TRUNCATE;
}

knotd_in_state_t aname_respond_truncated(const aname_query_t *query, uint16_t type)
{
	if (aname_reply_remove_sibling(query, type) != KNOT_EOK) {
		return KNOTD_IN_STATE_ERROR;
	}
	knot_wire_set_tc(query->pkt->wire);
	aname_stats_answer(query->mod, query->slot, query->worker, ANAME_KIND_TRUNCATED);
	return KNOTD_IN_STATE_TRUNC;
}

/*! As aname_respond_any(), of one family. */
static int put_family(aname_query_t *query, uint16_t type)
{
	const aname_answer_t *answer = aname_records_decide(query, type, true);
	if (query->for_subnet) {
		aname_ecs_return_scope(query, answer->scope);
	}
	if (answer->worth == ANAME_FAILED && !answer->no_sibling) {
		(void)aname_reply_use_sibling(query, type, answer->partial);
		return KNOT_EOK;
	}
	int ret = aname_reply_remove_sibling(query, type);
	if (ret != KNOT_EOK || !aname_worth_has_addresses(answer->worth)) {
		return ret;
	}
	aname_records_note(query, type, answer);
	return aname_reply_put(query, answer, type, true);
}

knotd_in_state_t aname_respond_any(aname_query_t *query)
{
	for (unsigned i = 0; i < 2; i++) {
		int ret = put_family(query, families[i]);
		if (ret != KNOT_EOK) {
			return aname_respond_error(query, ret);
		}
	}
	int ret = aname_https_exists(query) ? aname_https_put(query) : KNOT_EOK;
	if (ret != KNOT_EOK) {
		return aname_respond_error(query, ret);
	}
	if (query->pkt->rrset_count == 0) {
		aname_reply_put_records(query);
	}
	return KNOTD_IN_STATE_HIT;
}
