#include "query/prove.h"

#include "conf/knotd.h"
#include "query/denial.h"
#include "query/packet.h"
#include "query/records.h"
#include "query/reply.h"
#include "query/respond.h"
#include "query/wait.h"

knotd_in_state_t aname_prove_await_keys(aname_query_t *query, knotd_in_state_t state)
{
	if (query->sign.state == ANAME_SIGN_PENDING && aname_wait_allowed(query)) {
		aname_wait(query, 0);
	}
	if (query->sign.state != ANAME_SIGN_PENDING) {
		return state;
	}
	if (!aname_respond_truncates(query)) {
		return aname_respond_servfail(query, ANAME_KIND_COLD, KNOT_EDNS_EDE_NOT_READY);
	}
	/* What is in this section may deny the apex. */
	while (knot_pkt_section(query->pkt, query->pkt->current)->count > 0) {
		aname_packet_drop_last(query->pkt);
	}
	knot_wire_set_tc(query->pkt->wire);
	aname_stats_answer(query->mod, query->slot, query->worker, ANAME_KIND_TRUNCATED);
	return KNOTD_IN_STATE_TRUNC;
}

/*! Puts denials right, the first of which stands at `first`; -1: there is none. */
static knotd_in_state_t correct(aname_query_t *query, knotd_in_state_t state, int first)
{
	if (first < 0) {
		return state;
	}
	knotd_in_state_t awaited = aname_prove_await_keys(query, state);
	if (awaited != state || query->sign.state == ANAME_SIGN_UNABLE) {
		return awaited;
	}
	(void)aname_records_missing(query);
	int ret = aname_denial_correct(query, first);
	return ret == KNOT_EOK ? state : aname_respond_error(ret);
}

knotd_in_state_t aname_prove_correct(aname_query_t *query, knotd_in_state_t state)
{
	return correct(query, state, aname_denial_find(query->pkt, 0));
}

knotd_in_state_t aname_prove_finish_nodata(const aname_query_t *query, knotd_in_state_t state)
{
	if (query->pending == ANAME_PENDING_PUT_SOA && state == KNOTD_IN_STATE_HIT) {
		int ret = aname_reply_put_soa(query, query->nodata_ttl);
		return ret == KNOT_EOK ? KNOTD_IN_STATE_NODATA : aname_respond_error(ret);
	}
	if (query->pending == ANAME_PENDING_LOWER_SOA && state == KNOTD_IN_STATE_NODATA) {
		aname_reply_lower_soa(query, query->nodata_ttl);
	}
	return state;
}

bool aname_prove_is_due(const knot_pkt_t *pkt, const knotd_qdata_t *qdata,
                        const aname_instance_t *instance, int *first)
{
	*first = -1;
	if (instance == NULL || !knot_pkt_has_dnssec(qdata->query)) {
		return false;
	}
	*first = aname_denial_find(pkt, 0);
	return *first >= 0 || instance->onlinesign == ANAME_ONLINESIGN_AFTER;
}

knotd_in_state_t aname_prove(aname_query_t *query, knotd_in_state_t state, int first)
{
	if (query->instance->onlinesign != ANAME_ONLINESIGN_AFTER) {
		return correct(query, state, first);
	}
	if (state != KNOTD_IN_STATE_NODATA || !aname_reply_at_apex(query->qdata, query->instance)) {
		return state;
	}
	/* After a HIT mod-onlinesign signs what is there, and makes no proof of its own. */
	(void)aname_records_missing(query);
	int ret = aname_denial_put_online(query);
	return ret == KNOT_EOK ? KNOTD_IN_STATE_HIT : aname_respond_error(ret);
}

knotd_in_state_t aname_prove_drop_soa(const aname_query_t *query, knotd_in_state_t state)
{
	if (query->pending != ANAME_PENDING_DROP_SOA ||
	    (state != KNOTD_IN_STATE_NODATA && state != KNOTD_IN_STATE_HIT)) {
		return state;
	}
	int ret = aname_reply_remove_soa(query);
	return ret == KNOT_EOK ? KNOTD_IN_STATE_HIT : aname_respond_error(ret);
}
