#include "query/prove.h"

#include "conf/knotd.h"
#include "path.h"
#include "query/denial.h"
#include "query/find.h"
#include "query/https.h"
#include "query/node.h"
#include "query/nodes.h"
#include "query/packet.h"
#include "query/records.h"
#include "query/reply.h"
#include "query/respond.h"
#include "query/sign.h"
#include "query/wait.h"

knotd_in_state_t aname_prove_await_keys(aname_query_t *query, knotd_in_state_t state)
{
	if (query->sign.state == ANAME_SIGN_PENDING && aname_wait_allowed(query)) {
		aname_wait(query, 0);
	}
	return query->sign.state == ANAME_SIGN_PENDING ? aname_respond_put_off(query) : state;
}

/*!
 * Turns to the node whose denial stands at `index`; to none if it is not known whose it is: then
 * nobody has got from here that a family of it is missing. False if it is right as it is.
 */
static bool turn_to_denied(aname_query_t *query, int index)
{
	const knot_rrset_t *denial = &query->pkt->rr[index];
	if (aname_denial_is_apex(denial)) {
		return aname_node_turn_to_apex(query);
	}
	const knot_dname_t *owner = denial->type == KNOT_RRTYPE_NSEC
	                                    ? denial->owner
	                                    : aname_nodes_find_nsec3(query, denial->owner);
	aname_found_t found;
	if (owner != NULL && aname_find_at(query->qdata, query->instance, owner, &found)) {
		aname_node_turn(query, &found);
	} else {
		aname_node_turn_away(query);
	}
	return true;
}

/*!
 * Is a denial to list HTTPS (Q1)? Where it is not known whose it is, it may be that of a node that
 * has such a record; but not of the one that this reply says of that it has none, if it is only that
 * one that is not known by its NSEC3 record, for want of memory.
 */
static bool lists_https(const aname_query_t *query, const aname_node_saved_t *saved)
{
	if (!aname_https_is_on(query) || query->node != NULL) {
		return aname_https_exists(query);
	}
	bool denied = knot_pkt_qtype(query->pkt) == KNOT_RRTYPE_HTTPS && saved->node != NULL &&
	              !saved->apex && !aname_nodes_has_nsec3(saved->node);
	return !denied;
}

/*! Puts one right. */
static int correct_one(aname_query_t *query, int index, const aname_node_saved_t *saved)
{
	if (!turn_to_denied(query, index)) {
		return KNOT_EOK;
	}
	if (query->node != NULL) {
		if (query->node == saved->node) {
			aname_node_take_decided(query, saved);
		}
		(void)aname_records_missing(query);
	}
	return aname_denial_correct(query, index, lists_https(query, saved));
}

/*! Puts all right, of whatever nodes they are. */
static ANAME_ASIDE int correct_each(aname_query_t *query, int first)
{
	aname_node_saved_t saved;
	aname_node_save(query, &saved);
	const aname_options_t *options = query->instance->options;
	int ret = KNOT_EOK;
	for (int i = first; i >= 0 && ret == KNOT_EOK;
	     i = aname_denial_find(query->pkt, options, i + 1)) {
		ret = correct_one(query, i, &saved);
	}
	aname_node_restore(query, &saved);
	return ret;
}

/*! Puts those of the apex right, where there are no others. */
static int correct_apex(aname_query_t *query, int first)
{
	(void)aname_records_missing(query);
	bool https = aname_https_exists(query);
	int ret = KNOT_EOK;
	for (int i = first; i >= 0 && ret == KNOT_EOK;
	     i = aname_denial_find(query->pkt, query->instance->options, i + 1)) {
		ret = aname_denial_correct(query, i, https);
	}
	return ret;
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
	int ret = aname_instance_any(query->instance) ? correct_each(query, first)
	                                              : correct_apex(query, first);
	return ret == KNOT_EOK ? state : aname_respond_error(query, ret);
}

knotd_in_state_t aname_prove_correct(aname_query_t *query, knotd_in_state_t state)
{
	return correct(query, state, aname_denial_find(query->pkt, query->instance->options, 0));
}

knotd_in_state_t aname_prove_finish_nodata(const aname_query_t *query, knotd_in_state_t state)
{
	if (query->pending == ANAME_PENDING_PUT_SOA && state == KNOTD_IN_STATE_HIT) {
		int ret = aname_reply_put_soa(query, query->nodata_ttl);
		return ret == KNOT_EOK ? KNOTD_IN_STATE_NODATA : aname_respond_error(query, ret);
	}
	if (query->pending == ANAME_PENDING_LOWER_SOA && state == KNOTD_IN_STATE_NODATA) {
		aname_reply_lower_soa(query, query->nodata_ttl);
	}
	return state;
}

/*! Puts the SOA with the zone's signatures over it. */
static int put_soa(const aname_query_t *query)
{
	knot_rrset_t soa = knotd_qdata_zone_apex_rrset(query->qdata, KNOT_RRTYPE_SOA);
	const knot_rrset_t rrsigs = knotd_qdata_zone_apex_rrset(query->qdata, KNOT_RRTYPE_RRSIG);
	int ret = aname_reply_put_soa(query, query->nodata_ttl);
	if (ret != KNOT_EOK) {
		return ret;
	}
	uint32_t minimum = knot_soa_minimum(soa.rrs.rdata);
	soa.ttl = soa.ttl < minimum ? soa.ttl : minimum;
	soa.ttl = soa.ttl < query->nodata_ttl ? soa.ttl : query->nodata_ttl;
	return aname_sign_put_zones(query, &rrsigs, &soa, KNOT_PF_NOTRUNC);
}

knotd_in_state_t aname_prove_put(aname_query_t *query, knotd_in_state_t state)
{
	query->pending = ANAME_PENDING_NOTHING;
	if (state != KNOTD_IN_STATE_HIT) {
		return state; /* Another module has thought better of it. */
	}
	int ret = put_soa(query);
	ret = ret == KNOT_EOK ? aname_denial_put(query) : ret;
	return ret == KNOT_EOK ? KNOTD_IN_STATE_NODATA : aname_respond_error(query, ret);
}

bool aname_prove_is_due(const knot_pkt_t *pkt, const knotd_qdata_t *qdata,
                        const aname_instance_t *instance, int *first)
{
	*first = -1;
	if (instance == NULL || !knot_pkt_has_dnssec(qdata->query)) {
		return false;
	}
	*first = aname_denial_find(pkt, instance->options, 0);
	return *first >= 0 || instance->onlinesign == ANAME_ONLINESIGN_AFTER;
}

/*! Turns to the node that Knot has come to; false if that has no ANAME records. */
static bool turn_to_last(aname_query_t *query)
{
	if (aname_reply_at_apex(query->qdata, query->instance)) {
		return aname_node_turn_to_apex(query);
	}
	aname_found_t found;
	if (!aname_instance_any(query->instance) || query->qdata->rcode != KNOT_RCODE_NOERROR ||
	    !aname_find_records(query->qdata, query->instance, query->qdata->name, &found)) {
		return false;
	}
	aname_node_turn(query, &found);
	return true;
}

knotd_in_state_t aname_prove(aname_query_t *query, knotd_in_state_t state, int first)
{
	if (query->instance->onlinesign != ANAME_ONLINESIGN_AFTER) {
		return correct(query, state, first);
	}
	if (state != KNOTD_IN_STATE_NODATA || !turn_to_last(query)) {
		return state;
	}
	/* After a HIT mod-onlinesign signs what is there, and makes no proof of its own. */
	(void)aname_records_missing(query);
	int ret = aname_denial_put_online(query);
	return ret == KNOT_EOK ? KNOTD_IN_STATE_HIT : aname_respond_error(query, ret);
}

knotd_in_state_t aname_prove_drop_soa(const aname_query_t *query, knotd_in_state_t state)
{
	if (query->pending != ANAME_PENDING_DROP_SOA ||
	    (state != KNOTD_IN_STATE_NODATA && state != KNOTD_IN_STATE_HIT)) {
		return state;
	}
	int ret = aname_reply_remove_soa(query);
	return ret == KNOT_EOK ? KNOTD_IN_STATE_HIT : aname_respond_error(query, ret);
}
