#include "query/reply.h"

#include "octets.h"
#include "path.h"
#include "query/find.h"
#include "query/node.h"
#include "query/packet.h"
#include "query/put.h"
#include "query/records.h"
#include "query/sign.h"

bool aname_reply_at_apex(knotd_qdata_t *qdata, const aname_instance_t *instance)
{
	const knot_dname_t *name = qdata->name;
	size_t end = 0;
	while (name[end] != 0 && end < instance->zone_len) {
		end += name[end] + 1;
	}
	const knot_dname_t *zone = knotd_qdata_zone_name(qdata);
	return end + 1 == instance->zone_len &&
	       (aname_octets_equal(name, zone, instance->zone_len) ||
	        knot_dname_is_case_equal(name, zone));
}

/*! Whose the addresses are, in the section being written: of a wildcard who was asked for, or is
 *  an alias's target (RFC 4592, 4.1). The first name of the packet is as good as that. */
static const knot_dname_t *owner_of(const aname_query_t *query, bool first)
{
	const knot_dname_t *owner = query->rrsets[0].owner;
	return first || !aname_node_is_wildcard(query)
	               ? owner
	               : knot_dname_copy(query->covered, &query->pkt->mm);
}

/*! Where the name that an alias of the zone has led to stands in the packet, or KNOT_COMPR_HINT_NONE:
 *  nothing has to be searched for then. */
static uint16_t hint_of_alias(const knot_pkt_t *pkt, const knotd_qdata_t *qdata)
{
	for (uint16_t i = pkt->rrset_count; i > 0; i--) {
		const knot_rrset_t *rrset = &pkt->rr[i - 1];
		if (rrset->type != KNOT_RRTYPE_CNAME || rrset->rrs.rdata->data != qdata->name) {
			continue;
		}
		uint16_t hint = knot_compr_hint(&pkt->rr_info[i - 1], KNOT_COMPR_HINT_RDATA);
		/* Mostly a pointer stands there. */
		const uint8_t *name = pkt->wire + hint;
		return hint != KNOT_COMPR_HINT_NONE && knot_wire_is_pointer(name)
		               ? knot_wire_get_pointer(name)
		               : hint;
	}
	return KNOT_COMPR_HINT_NONE;
}

ANAME_WARM int aname_reply_put(const aname_query_t *query, const aname_answer_t *answer,
                               uint16_t type, bool asked)
{
	bool udp = query->qdata->params->proto == KNOTD_QUERY_PROTO_UDP;
	bool first = query->pkt->rrset_count == 0;
	const aname_form_t form = {
		.owner = owner_of(query, first),
		.type = type,
		.compr_hint = first   ? KNOT_COMPR_HINT_QNAME
		              : asked ? hint_of_alias(query->pkt, query->qdata)
		                      : KNOT_COMPR_HINT_NONE,
		.rotate = query->instance->options->rotate
		                  ? knot_wire_get_id(query->qdata->query->wire)
		                  : 0,
		.flags = asked && udp ? KNOT_PF_NULL : KNOT_PF_NOTRUNC,
	};
	if (form.owner == NULL) {
		return KNOT_ENOMEM;
	}
	int ret = aname_answer_put(answer, query->instance->options, query->pkt, &form);
	return ret != KNOT_EOK || !query->sign.wanted
	               ? ret
	               : aname_sign_put(query, aname_records_full_ttl(query), form.flags);
}

/*! Puts the ANAME records of one type with the zone's signatures over them, or nothing. */
static int put_records(const aname_query_t *query, const knot_rrset_t *records)
{
	knot_rrset_t shown = *records;
	shown.owner = (knot_dname_t *)owner_of(query, false); /* Nobody writes there. */
	int ret = shown.owner == NULL ? KNOT_ENOMEM
	                              : aname_packet_append(query->pkt, KNOT_COMPR_HINT_NONE,
	                                                    &shown, 0, KNOT_PF_NOTRUNC);
	if (ret == KNOT_EOK && query->sign.wanted) {
		const knot_rrset_t rrsigs = aname_find_rrset(query, KNOT_RRTYPE_RRSIG);
		ret = aname_sign_put_zones(query, &rrsigs, &shown, KNOT_PF_NOTRUNC);
		if (ret != KNOT_EOK) {
			aname_packet_drop_last(query->pkt);
		}
	}
	return ret;
}

void aname_reply_put_records(const aname_query_t *query)
{
	int ret = KNOT_EOK;
	for (unsigned i = 0; i < query->rrsets_count && ret == KNOT_EOK; i++) {
		ret = put_records(query, &query->rrsets[i]);
	}
}

int aname_reply_put_soa(const aname_query_t *query, uint32_t ttl)
{
	knot_rrset_t soa = knotd_qdata_zone_apex_rrset(query->qdata, KNOT_RRTYPE_SOA);
	if (soa.ttl > ttl) {
		soa.ttl = ttl;
	}
	/* Who asks for the apex has named the SOA's owner. */
	uint16_t compr_hint = query->apex ? KNOT_COMPR_HINT_QNAME : KNOT_COMPR_HINT_NONE;
	return aname_packet_append(query->pkt, compr_hint, &soa, 0,
	                           KNOT_PF_NOTRUNC | KNOT_PF_SOAMINTTL);
}

/*!
 * Where the signatures over the RRset at `index`, in the section being written, stand, or -1. Knot
 * puts them behind it, in an RRset for each that is covered.
 */
static int find_signatures(const knot_pkt_t *pkt, uint16_t index)
{
	uint16_t type = pkt->rr[index].type;
	const knot_pktsection_t *section = knot_pkt_section(pkt, pkt->current);
	for (int i = section->pos; i < section->pos + section->count; i++) {
		const knot_rrset_t *rrset = &pkt->rr[i];
		if (rrset->type == KNOT_RRTYPE_RRSIG &&
		    knot_rrsig_type_covered(rrset->rrs.rdata) == type &&
		    aname_packet_same_owner(pkt, index, i)) {
			return i;
		}
	}
	return -1;
}

/*! Lowers the TTL of an RRset and of the signatures over it. */
static void lower_with_signatures(knot_pkt_t *pkt, uint16_t index, uint32_t ttl)
{
	aname_packet_lower_ttl(pkt, index, ttl);
	int signatures = find_signatures(pkt, index);
	if (signatures >= 0) {
		aname_packet_lower_ttl(pkt, signatures, ttl);
	}
}

/*! Where the SOA stands in the section being written, or -1. */
static int find_soa(const knot_pkt_t *pkt)
{
	const knot_pktsection_t *section = knot_pkt_section(pkt, pkt->current);
	for (int i = section->pos; i < section->pos + section->count; i++) {
		if (pkt->rr[i].type == KNOT_RRTYPE_SOA) {
			return i;
		}
	}
	return -1;
}

void aname_reply_lower_soa(const aname_query_t *query, uint32_t ttl)
{
	int soa = find_soa(query->pkt);
	if (soa >= 0) {
		lower_with_signatures(query->pkt, soa, ttl);
	}
}

/*!
 * Where the zone's own set of this type stands in the section being written, or -1. It is known
 * by its RDATA, which Knot does not copy: what another module made is left alone.
 */
static int find_sibling(const knot_pkt_t *pkt, knotd_qdata_t *qdata, const knot_dname_t *owner,
                        uint16_t type)
{
	const knot_pktsection_t *section = knot_pkt_section(pkt, pkt->current);
	if (section->count == 0) {
		return -1;
	}
	knot_rrset_t sibling = aname_find_rrset_of(qdata, owner, type);
	if (sibling.rrs.count == 0) {
		return -1;
	}
	bool wildcard = owner != NULL && knot_dname_is_wildcard(owner);
	for (int i = section->pos; i < section->pos + section->count; i++) {
		const knot_rrset_t *rrset = &pkt->rr[i];
		/* But for a wildcard's at the end of an alias. */
		if (rrset->type == type &&
		    (rrset->rrs.rdata == sibling.rrs.rdata ||
		     (wildcard && knot_rdataset_eq(&rrset->rrs, &sibling.rrs)))) {
			return i;
		}
	}
	return -1;
}

/*! The same, of the node that the query is about. */
static int find_nodes_sibling(const aname_query_t *query, uint16_t type)
{
	const knot_dname_t *owner = query->apex ? NULL : query->rrsets[0].owner;
	return find_sibling(query->pkt, query->qdata, owner, type);
}

bool aname_reply_has_sibling(const knot_pkt_t *pkt, knotd_qdata_t *qdata, const knot_dname_t *owner,
                             uint16_t type)
{
	return find_sibling(pkt, qdata, owner, type) >= 0;
}

bool aname_reply_use_sibling(const aname_query_t *query, uint16_t type, bool partial)
{
	int index = find_nodes_sibling(query, type);
	if (index < 0) {
		return false;
	}
	lower_with_signatures(query->pkt, index, partial ? ANAME_PARTIAL_TTL : ANAME_STALE_TTL);
	return true;
}

/*! Takes the RRset at `index` out, if that is not negative. */
static int remove_at(const aname_query_t *query, int index)
{
	if (index < 0) {
		return KNOT_EOK;
	}
	aname_rest_t rest;
	int ret = aname_packet_cut(query->pkt, index, &rest);
	return ret != KNOT_EOK ? ret : aname_packet_paste(query->pkt, &rest);
}

/*! Takes the signatures over the RRset at `index` out, if they are there. */
static int remove_signatures(const aname_query_t *query, int index)
{
	return index < 0 ? KNOT_EOK : remove_at(query, find_signatures(query->pkt, index));
}

int aname_reply_remove_soa(const aname_query_t *query)
{
	int ret = remove_signatures(query, find_soa(query->pkt));
	return ret == KNOT_EOK ? remove_at(query, find_soa(query->pkt)) : ret;
}

int aname_reply_remove_sibling(const aname_query_t *query, uint16_t type)
{
	int ret = remove_signatures(query, find_nodes_sibling(query, type));
	return ret == KNOT_EOK ? remove_at(query, find_nodes_sibling(query, type)) : ret;
}

int aname_reply_replace(aname_query_t *query, uint16_t type, bool *room)
{
	if (find_nodes_sibling(query, type) < 0) {
		return KNOT_EOK;
	}
	/* What else is there goes back first: that it fits is known. Knot puts a set once for each
	 * record that leads to it. */
	int ret = KNOT_EOK;
	while (ret == KNOT_EOK && find_nodes_sibling(query, type) >= 0) {
		ret = aname_reply_remove_sibling(query, type);
	}
	return ret == KNOT_EOK ? aname_reply_add(query, type, room) : ret;
}

int aname_reply_add(aname_query_t *query, uint16_t type, bool *room)
{
	if (!*room) {
		return KNOT_EOK;
	}
	const aname_answer_t *answer = aname_records_decide(query, type, true);
	if (!aname_worth_has_addresses(answer->worth)) {
		return KNOT_EOK;
	}
	int ret = aname_reply_put(query, answer, type, false);
	*room = ret != KNOT_ESPACE;
	return *room && ret != KNOT_ELIMIT ? ret : KNOT_EOK;
}
