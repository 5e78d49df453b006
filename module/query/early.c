#include "query/early.h"

#include "conf/knotd.h"
#include "conf/lookup.h"
#include "query/bitmap.h"
#include "query/ecs.h"
#include "query/find.h"
#include "query/memo.h"
#include "query/node.h"
#include "query/packet.h"
#include "query/records.h"
#include "query/respond.h"
#include "query/show.h"
#include "query/sign.h"
#include "query/signing.h"

/*! Begins a query inside the epoch; false outside, and the query let go. */
static bool begin(aname_query_t *query, aname_instance_t *instance, knot_pkt_t *pkt,
                  knotd_qdata_t *qdata, knotd_mod_t *mod, bool at_apex)
{
	if (!aname_query_begin(query, instance, pkt, qdata, mod, at_apex)) {
		return false;
	}
	if (instance->options->ecs) {
		aname_ecs_take(query);
	}
	if (!aname_signing_take(query)) {
		query->instance = NULL;
		return false;
	}
	return true;
}

/* Nodes. */

knotd_in_state_t aname_early_node(aname_query_t *query, knotd_in_state_t state,
                                  aname_instance_t *instance, knot_pkt_t *pkt, knotd_qdata_t *qdata,
                                  knotd_mod_t *mod)
{
	uint64_t version = aname_memo_version(qdata, instance);
	if (version == 0 || !begin(query, instance, pkt, qdata, mod, false)) {
		return state;
	}
	if (!aname_node_turn_to_known(query, version)) {
		query->instance = NULL;
	} else {
		state = aname_respond_early(query, state, knot_pkt_qtype(pkt));
		aname_show(query);
		if (query->pending != ANAME_PENDING_NOTHING) {
			/* What later hooks are to go on with are the zone's records. */
			aname_node_keep_known(query);
		}
	}
	aname_epoch_leave(query->epoch, query->worker);
	return state;
}

/* Aliases. */

/*! Finds the alias by the name that is asked for; false if there is none, or it leads elsewhere. */
static bool find_alias(knotd_qdata_t *qdata, knot_rrset_t *alias)
{
	return knotd_qdata_zone_rrset(qdata, NULL, qdata->query->lower_qname, KNOT_RRTYPE_CNAME,
	                              alias) == KNOT_EOK &&
	       alias->rrs.count == 1 &&
	       knot_dname_is_equal(knot_cname_name(alias->rrs.rdata), knotd_qdata_zone_name(qdata));
}

/*! Puts the alias as Knot would, with the zone's signatures over it. */
static int put_alias(const aname_query_t *query, const knot_rrset_t *alias)
{
	int ret = aname_packet_append(query->pkt, KNOT_COMPR_HINT_QNAME, alias, 0, KNOT_PF_NULL);
	if (ret != KNOT_EOK || !query->sign.wanted) {
		return ret;
	}
	const knot_rrset_t rrsigs =
	        aname_find_rrset_of(query->qdata, alias->owner, KNOT_RRTYPE_RRSIG);
	return aname_sign_put_zones(query, &rrsigs, alias, KNOT_PF_NULL);
}

/*! Answers, if there are addresses. */
static knotd_in_state_t answer(aname_query_t *query, knotd_in_state_t state,
                               const knot_rrset_t *alias)
{
	uint16_t type = knot_pkt_qtype(query->pkt);
	const aname_answer_t *decided = aname_records_decide(query, type, false);
	if (query->sign.state == ANAME_SIGN_PENDING || !aname_worth_has_addresses(decided->worth)) {
		query->instance = NULL;
		return state;
	}
	query->pending = ANAME_PENDING_NOTHING;
	knot_wire_set_aa(query->pkt->wire);
	int ret = put_alias(query, alias);
	if (ret != KNOT_EOK) {
		return aname_respond_error(query, ret);
	}
	query->qdata->name = knot_cname_name(alias->rrs.rdata);
	return aname_respond_addresses(query, decided, type);
}

knotd_in_state_t aname_early_alias(aname_query_t *query, knotd_in_state_t state,
                                   aname_instance_t *instance, knot_pkt_t *pkt,
                                   knotd_qdata_t *qdata, knotd_mod_t *mod)
{
	uint64_t version = aname_memo_version(qdata, instance);
	knot_rrset_t alias;
	if (version == 0 || !aname_memo_is_alias(version, qdata, instance) ||
	    !find_alias(qdata, &alias) || !begin(query, instance, pkt, qdata, mod, true)) {
		return state;
	}
	state = answer(query, state, &alias);
	if (query->instance != NULL) {
		aname_show(query);
	}
	aname_epoch_leave(query->epoch, query->worker);
	return state;
}

/*! Does all that Knot has put come of one alias, by the very name that is asked for, which needs no
 *  signatures but those that this module would put? */
static bool is_alias(const aname_query_t *query)
{
	knotd_qdata_t *qdata = query->qdata;
	const knot_pkt_t *pkt = query->pkt;
	knot_rrset_t alias;
	return pkt->rrset_count > 0 && pkt->rr[0].type == KNOT_RRTYPE_CNAME &&
	       pkt->rr[0].rrs.rdata->data == qdata->name &&
	       (query->sign.state == ANAME_SIGN_READY ||
	        knotd_qdata_zone_apex_rrset(qdata, KNOT_RRTYPE_RRSIG).rrs.count == 0) &&
	       find_alias(qdata, &alias) && alias.rrs.rdata == pkt->rr[0].rrs.rdata &&
	       knot_dname_is_equal(alias.owner, qdata->query->lower_qname);
}

void aname_early_note_alias(const aname_query_t *query)
{
	const aname_instance_t *instance = query->instance;
	knotd_qdata_t *qdata = query->qdata;
	if (!query->apex || qdata->name == qdata->query->lower_qname || instance->yields ||
	    aname_instance_any(instance) || instance->onlinesign != ANAME_ONLINESIGN_NONE ||
	    !aname_zone_lookup_exists() || aname_family_of(knot_pkt_qtype(query->pkt)) == 0) {
		return;
	}
	uint64_t version = aname_memo_version(qdata, instance);
	if (version != 0 && !aname_memo_is_alias(version, qdata, instance) && is_alias(query)) {
		aname_memo_note_alias(version, qdata, instance);
	}
}
