#include "query/addition.h"

#include "conf/knotd.h"
#include "path.h"
#include "query/bitmap.h"
#include "query/find.h"
#include "query/node.h"
#include "query/packet.h"
#include "query/prove.h"
#include "query/records.h"
#include "query/reply.h"
#include "query/respond.h"

static const uint16_t families[] = { KNOT_RRTYPE_A, KNOT_RRTYPE_AAAA };

static bool is_aname_asked(knotd_in_state_t state, const knot_pkt_t *pkt, knotd_qdata_t *qdata,
                           const aname_instance_t *instance)
{
	return state == KNOTD_IN_STATE_HIT &&
	       aname_options_is_rrtype(instance->options, knot_pkt_qtype(pkt)) &&
	       (aname_instance_any(instance) || aname_reply_at_apex(qdata, instance));
}

bool aname_addition_is_due(knotd_in_state_t state, const knot_pkt_t *pkt, knotd_qdata_t *qdata,
                           const aname_instance_t *instance)
{
	return instance != NULL && (knot_pkt_section(pkt, KNOT_ADDITIONAL)->count > 0 ||
	                            is_aname_asked(state, pkt, qdata, instance));
}

/*! Turns to the node whose siblings stand beside, if it has ANAME records and is not below a
 *  delegation. */
static bool turn_to_addition(aname_query_t *query, uint16_t index)
{
	const knot_rrset_t *rrset = &query->pkt->rr[index];
	aname_found_t found;
	if (aname_family_of(rrset->type) == 0 ||
	    knot_dname_in_bailiwick(rrset->owner, knotd_qdata_zone_name(query->qdata)) <= 0) {
		return false;
	}
	/* What is the zone's own has its name from there, in lower case; and its RDATA: what
	 * this module has put has not. */
	const knot_rrset_t sibling = aname_find_rrset_of(query->qdata, rrset->owner, rrset->type);
	if (sibling.rrs.rdata != rrset->rrs.rdata ||
	    !aname_find_at(query->qdata, query->instance, rrset->owner, &found) ||
	    aname_find_is_delegated(query->qdata, query->instance, rrset->owner)) {
		return false;
	}
	aname_node_turn(query, &found);
	return true;
}

/*! Reads the owner's name as it is in the packet: a wildcard's is what was asked for. */
static bool read_owner(const knot_pkt_t *pkt, uint16_t index, knot_dname_storage_t owner)
{
	return knot_dname_unpack(owner, pkt->wire + pkt->rr_info[index].pos, KNOT_DNAME_MAXLEN,
	                         pkt->wire) > 0;
}

/*! Replaces the siblings of the node that the query is about. */
static int replace(aname_query_t *query, bool *room)
{
	int ret = KNOT_EOK;
	for (unsigned i = 0; i < 2 && ret == KNOT_EOK; i++) {
		ret = aname_reply_replace(query, families[i], room);
	}
	return ret;
}

/*! Replaces the siblings of all nodes besides the apex. */
static ANAME_ASIDE int replace_elsewhere(aname_query_t *query, bool *room)
{
	aname_node_saved_t saved;
	aname_node_save(query, &saved);
	const knot_pktsection_t *section = knot_pkt_section(query->pkt, query->pkt->current);
	/* What is replaced goes to the end: what was behind it stands in its place. */
	uint16_t left = section->count, index = section->pos;
	int ret = KNOT_EOK;
	for (; left > 0 && index < section->pos + section->count && ret == KNOT_EOK; left--) {
		knot_dname_storage_t owner;
		if (turn_to_addition(query, index) && read_owner(query->pkt, index, owner)) {
			query->covered = owner;
			ret = replace(query, room);
		} else {
			index++;
		}
	}
	aname_node_restore(query, &saved);
	return ret;
}

knotd_in_state_t aname_addition_change(aname_query_t *query, knotd_in_state_t state)
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
	bool room = with;
	int ret = KNOT_EOK;
	if (aname_instance_any(query->instance)) {
		ret = replace_elsewhere(query, &room);
	}
	bool add = with && query->node != NULL &&
	           is_aname_asked(state, query->pkt, query->qdata, query->instance);
	for (unsigned i = 0; i < 2 && ret == KNOT_EOK && add; i++) {
		ret = aname_reply_add(query, families[i], &room);
	}
	if (ret == KNOT_EOK && !add && (query->apex || aname_node_turn_to_apex(query))) {
		ret = replace(query, &room);
	}
	return ret == KNOT_EOK ? aname_prove_correct(query, state)
	                       : aname_respond_error(query, ret);
}

bool aname_addition_is_left(const knot_pkt_t *pkt)
{
	const knot_pktsection_t *section = knot_pkt_section(pkt, KNOT_ADDITIONAL);
	for (uint16_t i = section->pos; i < section->pos + section->count; i++) {
		if (aname_family_of(pkt->rr[i].type) != 0) {
			return pkt->current == KNOT_ADDITIONAL;
		}
	}
	return false;
}

/*! Takes the OPT record out, if there is one, and keeps its place; octets of that. */
static uint16_t take_opt(knot_pkt_t *pkt)
{
	uint16_t last = pkt->rrset_count - 1;
	if (pkt->rr[last].type != KNOT_RRTYPE_OPT) {
		return 0;
	}
	uint16_t size = pkt->size - pkt->rr_info[last].pos;
	aname_packet_drop_last(pkt);
	(void)knot_pkt_reserve(pkt, size); /* It was there. */
	return size;
}

void aname_addition_leave_out(aname_query_t *query)
{
	knot_pkt_t *pkt = query->pkt;
	uint16_t opt = take_opt(pkt);
	bool room = false;
	int ret = KNOT_EOK;
	if (aname_instance_any(query->instance)) {
		ret = replace_elsewhere(query, &room);
	}
	if (ret == KNOT_EOK && (query->apex || aname_node_turn_to_apex(query))) {
		ret = replace(query, &room);
	}
	if (opt > 0) {
		(void)knot_pkt_reclaim(pkt, opt);
		/* Nobody has it but the reply, and it is where it was or before that. */
		int put = aname_packet_append(pkt, KNOT_COMPR_HINT_NONE, &query->qdata->opt_rr, 0,
		                              KNOT_PF_NULL);
		ret = ret == KNOT_EOK ? put : ret;
	}
	if (ret != KNOT_EOK && query->qdata->params->proto == KNOTD_QUERY_PROTO_UDP) {
		knot_wire_set_tc(pkt->wire);
	}
}

void aname_addition_prevent(knotd_in_state_t state, knot_pkt_t *pkt, knotd_qdata_t *qdata,
                            const aname_instance_t *instance)
{
	bool siblings = aname_instance_any(instance);
	for (unsigned i = 0; i < 2 && !siblings; i++) {
		siblings = knotd_qdata_zone_apex_rrset(qdata, families[i]).rrs.count > 0;
	}
	/* A referral is nothing without its glue. */
	for (uint16_t i = 0; siblings && state != KNOTD_IN_STATE_DELEG && i < pkt->rrset_count;
	     i++) {
		pkt->rr[i].additional = NULL;
	}
}
