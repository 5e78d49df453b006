#include "service/message.h"

#include <stdlib.h>
#include <string.h>

#include <libknot/descriptor.h>
#include <libknot/errcode.h>
#include <libknot/packet/pkt.h>
#include <libknot/rrtype/rdname.h>
#include <libknot/rrtype/soa.h>

#include "table/policy.h"
#include "table/rdata.h"

/* Building. */

static int add_subnet(knot_rrset_t *opt, const knot_edns_client_subnet_t *subnet)
{
	uint8_t option[32];
	uint16_t size = knot_edns_client_subnet_size(subnet);
	if (size == 0 || size > sizeof(option)) {
		return KNOT_EINVAL;
	}
	int ret = knot_edns_client_subnet_write(option, size, subnet);
	return ret == KNOT_EOK ? knot_edns_add_option(opt, KNOT_EDNS_OPTION_CLIENT_SUBNET, size,
	                                              option, NULL)
	                       : ret;
}

static int put_opt(knot_pkt_t *pkt, const knot_edns_client_subnet_t *subnet)
{
	knot_rrset_t opt;
	int ret = knot_edns_init(&opt, ANAME_MESSAGE_UDP, 0, KNOT_EDNS_VERSION, NULL);
	if (ret != KNOT_EOK) {
		return ret;
	}
	if (subnet != NULL) {
		ret = add_subnet(&opt, subnet);
	}
	if (ret == KNOT_EOK) {
		ret = knot_pkt_begin(pkt, KNOT_ADDITIONAL);
	}
	if (ret == KNOT_EOK) {
		ret = knot_pkt_put(pkt, KNOT_COMPR_HINT_NOCOMP, &opt, KNOT_PF_NULL);
	}
	knot_rrset_clear(&opt, NULL);
	return ret;
}

int aname_message_build(const aname_message_query_t *query, uint8_t *wire)
{
	knot_pkt_t *pkt = knot_pkt_new(wire, ANAME_MESSAGE_QUERY_MAX, NULL);
	if (pkt == NULL) {
		return KNOT_ENOMEM;
	}
	knot_pkt_clear(pkt);
	knot_wire_set_id(pkt->wire, query->id);
	knot_wire_set_rd(pkt->wire);
	if (query->authentic) {
		knot_wire_set_ad(pkt->wire);
	}
	int ret = knot_pkt_put_question(pkt, query->name, KNOT_CLASS_IN, query->type);
	if (ret == KNOT_EOK && query->edns) {
		ret = put_opt(pkt, query->subnet);
	}
	if (ret == KNOT_EOK) {
		ret = pkt->size;
	}
	knot_pkt_free(pkt);
	return ret;
}

/* Reading. */

static void fail(aname_message_reply_t *reply, const char *detail)
{
	reply->known = ANAME_KNOWN_NOTHING;
	reply->failure = ANAME_FAILURE_SERVER;
	reply->detail = detail;
}

static bool echoes(const knot_pkt_t *pkt, const aname_message_query_t *query)
{
	return knot_wire_get_qr(pkt->wire) && knot_wire_get_id(pkt->wire) == query->id &&
	       knot_wire_get_opcode(pkt->wire) == KNOT_OPCODE_QUERY &&
	       knot_wire_get_qdcount(pkt->wire) == 1 && knot_pkt_qtype(pkt) == query->type &&
	       knot_pkt_qclass(pkt) == KNOT_CLASS_IN &&
	       knot_dname_is_equal(knot_pkt_qname(pkt), query->name);
}

/*! Does the record belong to this owner and type? libknot leaves the owner's case as it came. */
static bool is_of(const knot_rrset_t *rr, const knot_dname_t *owner, uint16_t type)
{
	return rr->type == type && rr->rclass == KNOT_CLASS_IN &&
	       knot_dname_is_case_equal(rr->owner, owner);
}

static void lower_ttl(aname_message_reply_t *reply, uint32_t ttl)
{
	ttl = aname_policy_ttl(ttl);
	reply->ttl = ttl < reply->ttl ? ttl : reply->ttl;
}

/*! The alias at a name, or NULL. */
static const knot_dname_t *alias_at(const knot_pktsection_t *answer, const knot_dname_t *name,
                                    aname_message_reply_t *reply)
{
	for (uint16_t i = 0; i < answer->count; i++) {
		const knot_rrset_t *rr = knot_pkt_rr(answer, i);
		if (is_of(rr, name, KNOT_RRTYPE_CNAME)) {
			lower_ttl(reply, rr->ttl);
			return knot_cname_name(rr->rrs.rdata);
		}
	}
	return NULL;
}

/*! Where the chain ends; NULL if it is too long, or never does. */
static const knot_dname_t *follow(const knot_pktsection_t *answer,
                                  const aname_message_query_t *query, aname_message_reply_t *reply)
{
	const knot_dname_t *name = query->name;
	const knot_dname_t *next;
	while ((next = alias_at(answer, name, reply)) != NULL) {
		if (reply->aliases == query->max_aliases) {
			return NULL;
		}
		reply->aliases++;
		name = next;
	}
	return name;
}

static void take_addresses(const knot_pktsection_t *answer, const knot_dname_t *name, uint16_t type,
                           aname_message_reply_t *reply)
{
	for (uint16_t i = 0; i < answer->count; i++) {
		const knot_rrset_t *rr = knot_pkt_rr(answer, i);
		if (!is_of(rr, name, type) || rr->rrs.rdata->len != reply->address_len ||
		    reply->count == ANAME_ADDRESSES_MAX) {
			continue;
		}
		lower_ttl(reply, rr->ttl);
		memcpy(reply->addresses + reply->size, rr->rrs.rdata->data, reply->address_len);
		reply->size += reply->address_len;
		reply->count++;
	}
}

/*! Takes the names that records hold, in lower case. */
static void take_names(const knot_pktsection_t *answer, const knot_dname_t *name, uint16_t type,
                       aname_message_reply_t *reply)
{
	for (uint16_t i = 0; i < answer->count; i++) {
		const knot_rrset_t *rr = knot_pkt_rr(answer, i);
		knot_dname_storage_t lower;
		int len = is_of(rr, name, type)
		                  ? aname_rdata_read(rr->rrs.rdata->data, rr->rrs.rdata->len, lower)
		                  : -1;
		if (len > 0 && reply->size + len <= sizeof(reply->addresses)) {
			memcpy(reply->addresses + reply->size, lower, len);
			reply->size += len;
			reply->count++;
			lower_ttl(reply, rr->ttl);
		}
	}
}

/*! The SOA of the zone in which a name is; NULL if there is none in Authority. */
static const knot_rrset_t *soa_of(const knot_pktsection_t *authority, const knot_dname_t *name)
{
	knot_dname_storage_t lower;
	for (uint16_t i = 0; i < authority->count; i++) {
		const knot_rrset_t *rr = knot_pkt_rr(authority, i);
		if (rr->type != KNOT_RRTYPE_SOA || rr->rclass != KNOT_CLASS_IN ||
		    knot_dname_store(lower, rr->owner) == 0) {
			continue;
		}
		knot_dname_to_lower(lower);
		if (knot_dname_in_bailiwick(name, lower) >= 0) {
			return rr;
		}
	}
	return NULL;
}

static bool has_ns(const knot_pktsection_t *authority)
{
	for (uint16_t i = 0; i < authority->count; i++) {
		const knot_rrset_t *rr = knot_pkt_rr(authority, i);
		if (rr->type == KNOT_RRTYPE_NS && rr->rclass == KNOT_CLASS_IN) {
			return true;
		}
	}
	return false;
}

/*! Is there anything in Answer, and nothing of it belongs to the name that was asked for? */
static bool is_about_others(const knot_pktsection_t *answer, const knot_dname_t *name)
{
	for (uint16_t i = 0; i < answer->count; i++) {
		if (knot_dname_is_case_equal(knot_pkt_rr(answer, i)->owner, name)) {
			return false;
		}
	}
	return answer->count > 0;
}

/*! Reads a reply without addresses at the end of its chain, which is `reply->last`. */
static void read_negative(const knot_pkt_t *pkt, aname_message_reply_t *reply)
{
	const knot_pktsection_t *authority = knot_pkt_section(pkt, KNOT_AUTHORITY);
	const knot_rrset_t *soa = soa_of(authority, reply->last);
	bool nxdomain = knot_pkt_ext_rcode(pkt) == KNOT_RCODE_NXDOMAIN;
	bool empty = knot_pkt_section(pkt, KNOT_ANSWER)->count == 0;

	if (empty && !nxdomain && soa == NULL && has_ns(authority)) {
		fail(reply, "the resolver answers with a referral, it does not recurse");
	} else if (reply->aliases == 0 &&
	           is_about_others(knot_pkt_section(pkt, KNOT_ANSWER), reply->last)) {
		/* What it says of this name cannot be known, least of all that there is nothing. */
		fail(reply, "the reply is about other names");
	} else if (reply->aliases == 0 && !knot_wire_get_ra(pkt->wire) &&
	           !knot_wire_get_aa(pkt->wire)) {
		fail(reply, "the resolver does not recurse");
	} else if (soa != NULL) {
		/* A negative answer lives as long as the SOA says (RFC 2308, 5). */
		reply->known = ANAME_KNOWN_NODATA;
		lower_ttl(reply, soa->ttl);
		lower_ttl(reply, knot_soa_minimum(soa->rrs.rdata));
	} else if (nxdomain || reply->aliases == 0) {
		reply->known = ANAME_KNOWN_NODATA;
		reply->bare = true;
	} else {
		reply->unfinished = true;
	}
}

/*!
 * Reads for whom the answer is; for everybody where the reply does not say (RFC 7871, 7.3).
 *
 * Returns false if it is for somebody else than asked, and not to be used.
 */
static bool take_subnet(const knot_pkt_t *pkt, const aname_message_query_t *query,
                        aname_message_reply_t *reply)
{
	uint8_t *option = knot_pkt_edns_option(pkt, KNOT_EDNS_OPTION_CLIENT_SUBNET);
	if (option == NULL || query->subnet == NULL) {
		return true;
	}
	knot_edns_client_subnet_t subnet;
	if (knot_edns_client_subnet_parse(&subnet, knot_edns_opt_get_data(option),
	                                  knot_edns_opt_get_length(option)) != KNOT_EOK ||
	    subnet.family != query->subnet->family ||
	    subnet.source_len != query->subnet->source_len ||
	    memcmp(subnet.address, query->subnet->address, sizeof(subnet.address)) != 0) {
		return false;
	}
	reply->echoed = true;
	reply->scope = subnet.scope_len;
	return true;
}

static void read_answer(const knot_pkt_t *pkt, const aname_message_query_t *query,
                        aname_message_reply_t *reply)
{
	const knot_pktsection_t *answer = knot_pkt_section(pkt, KNOT_ANSWER);
	reply->ttl = INT32_MAX;
	const knot_dname_t *end = follow(answer, query, reply);
	if (end == NULL || knot_dname_store(reply->last, end) == 0) {
		fail(reply, "too long a chain of aliases (max-aliases), or a loop");
		return;
	}
	knot_dname_to_lower(reply->last);
	if (reply->address_len > 0) {
		take_addresses(answer, end, query->type, reply);
	} else {
		take_names(answer, end, query->type, reply);
	}
	if (reply->count > 0) {
		reply->known = ANAME_KNOWN_ADDRESSES;
	} else {
		read_negative(pkt, reply);
	}
}

/*! Does the resolver say, by an extended error, that validation failed? (RFC 8914, 4) */
static bool is_bogus(const knot_pkt_t *pkt)
{
	const uint8_t *option =
	        pkt->opt_rr != NULL ? knot_edns_get_option(pkt->opt_rr, KNOT_EDNS_OPTION_EDE, NULL)
	                            : NULL;
	if (option == NULL || knot_edns_opt_get_length(option) < sizeof(uint16_t)) {
		return false;
	}
	uint16_t code = knot_wire_read_u16(option + KNOT_EDNS_OPTION_HDRLEN);
	return code >= KNOT_EDNS_EDE_INDETERMINATE && code <= KNOT_EDNS_EDE_NSEC_MISS;
}

static void read_rcode(const knot_pkt_t *pkt, const aname_message_query_t *query,
                       aname_message_reply_t *reply)
{
	switch (knot_pkt_ext_rcode(pkt)) {
	case KNOT_RCODE_NOERROR:
	case KNOT_RCODE_NXDOMAIN:
		if (take_subnet(pkt, query, reply)) {
			read_answer(pkt, query, reply);
			reply->nxdomain = reply->known == ANAME_KNOWN_NODATA &&
			                  knot_pkt_ext_rcode(pkt) == KNOT_RCODE_NXDOMAIN;
		} else {
			fail(reply, "the reply is for another client subnet");
		}
		break;
	case KNOT_RCODE_FORMERR:
	case KNOT_RCODE_NOTIMPL:
	case KNOT_RCODE_BADVERS:
		reply->no_subnet = query->subnet != NULL && pkt->opt_rr != NULL;
		reply->no_edns = query->edns && !reply->no_subnet;
		fail(reply, "the resolver does not understand the query");
		break;
	case KNOT_RCODE_REFUSED:
		reply->no_subnet = query->subnet != NULL;
		fail(reply, "the resolver refuses");
		break;
	case KNOT_RCODE_SERVFAIL:
		fail(reply, "the resolver answers SERVFAIL");
		if (is_bogus(pkt)) {
			reply->failure = ANAME_FAILURE_BOGUS;
			reply->detail = "the resolver says that DNSSEC validation failed";
		}
		break;
	default: fail(reply, "the resolver answers an error"); break;
	}
}

static void read_packet(knot_pkt_t *pkt, const aname_message_query_t *query,
                        aname_message_reply_t *reply)
{
	int ret = knot_pkt_parse(pkt, KNOT_PF_KEEPWIRE);
	bool headed = pkt->size >= KNOT_WIRE_HEADER_SIZE && knot_wire_get_qr(pkt->wire) &&
	              knot_wire_get_id(pkt->wire) == query->id;
	if (headed && knot_wire_get_tc(pkt->wire)) {
		reply->truncated = true;
		fail(reply, "the reply is truncated");
	} else if (headed && knot_wire_get_qdcount(pkt->wire) == 0 && query->edns &&
	           knot_wire_get_rcode(pkt->wire) == KNOT_RCODE_FORMERR) {
		/* Old servers send the bare header back. */
		reply->no_edns = true;
		fail(reply, "the resolver does not understand EDNS");
	} else if (ret != KNOT_EOK) {
		fail(reply, "the reply is malformed");
	} else if (!echoes(pkt, query)) {
		fail(reply, "the reply is to another question");
	} else {
		reply->authentic = knot_wire_get_ad(pkt->wire);
		reply->has_opt = pkt->opt_rr != NULL;
		read_rcode(pkt, query, reply);
	}
}

void aname_message_read(const aname_message_query_t *query, const uint8_t *wire, size_t len,
                        aname_message_reply_t *reply)
{
	memset(reply, 0, offsetof(aname_message_reply_t, addresses));
	reply->address_len = query->type == KNOT_RRTYPE_A      ? 4
	                     : query->type == KNOT_RRTYPE_AAAA ? 16
	                                                       : 0;
	if (len > UINT16_MAX) {
		fail(reply, "the reply is too large");
		return;
	}

	/* libknot parses in place, and takes the TSIG off while it does. */
	uint8_t *copy = malloc(len > 0 ? len : 1);
	knot_pkt_t *pkt = copy != NULL ? knot_pkt_new(copy, len, NULL) : NULL;
	if (pkt == NULL) {
		free(copy);
		fail(reply, "out of memory");
		return;
	}
	memcpy(copy, wire, len);
	read_packet(pkt, query, reply);
	knot_pkt_free(pkt);
	free(copy);
}
