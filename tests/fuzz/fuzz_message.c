/*!
 * Any octets as a reply. The first octet of the input chooses the question, the others are the
 * reply; what it says must hold together.
 *
 * Files: module/service/message.c
 */

#include "fuzz.h"

#include <libknot/descriptor.h>
#include <libknot/libknot.h>

#include "service/message.h"

/*! Bits of the first octet. */
#define ASK_AAAA   0x01
#define ASK_EDNS   0x02
#define ASK_SUBNET 0x04
#define OTHER_ID   0x08
#define ASK_ANAME  0x10
#define AUTHENTIC  0x20

/*! Addresses, or names, are as many as there are octets for. */
static void check_set(const aname_message_reply_t *reply)
{
	require(reply->size <= sizeof(reply->addresses));
	if (reply->address_len > 0) {
		require(reply->size == reply->count * reply->address_len);
		return;
	}
	const uint8_t *at = reply->addresses, *end = at + reply->size;
	for (uint32_t i = 0; i < reply->count; i++) {
		knot_dname_storage_t lower;
		int len = knot_dname_wire_check(at, end, NULL);
		require(len > 0);
		memcpy(lower, at, len);
		knot_dname_to_lower(lower);
		require(memcmp(lower, at, len) == 0);
		at += len;
	}
	require(at == end);
}

/*! What is asked is understood as it was meant, by libknot. */
static void check_query(const aname_message_query_t *query)
{
	uint8_t wire[ANAME_MESSAGE_QUERY_MAX];
	int len = aname_message_build(query, wire);
	require(len > 0 && len <= ANAME_MESSAGE_QUERY_MAX);
	knot_pkt_t *pkt = knot_pkt_new(wire, len, NULL);
	require(pkt != NULL && knot_pkt_parse(pkt, 0) == KNOT_EOK);
	require(knot_wire_get_id(pkt->wire) == query->id && !knot_wire_get_qr(pkt->wire));
	require(knot_dname_is_equal(knot_pkt_qname(pkt), query->name) &&
	        knot_pkt_qtype(pkt) == query->type && knot_pkt_qclass(pkt) == KNOT_CLASS_IN);
	require((pkt->opt_rr != NULL) == query->edns);
	require(!!knot_wire_get_ad(pkt->wire) == query->authentic);
	uint8_t *option =
	        pkt->opt_rr != NULL
	                ? knot_edns_get_option(pkt->opt_rr, KNOT_EDNS_OPTION_CLIENT_SUBNET, NULL)
	                : NULL;
	require((option != NULL) == (query->subnet != NULL));
	knot_pkt_free(pkt);
}

static void check(const aname_message_query_t *query, const aname_message_reply_t *reply)
{
	bool failed = reply->failure != ANAME_FAILURE_NONE;
	require((reply->known == ANAME_KNOWN_NOTHING) == (failed || reply->unfinished));
	require(!(failed && reply->unfinished));
	require(!reply->unfinished || (reply->aliases > 0 && reply->count == 0));
	require(!reply->unfinished || knot_dname_size(reply->last) <= KNOT_DNAME_MAXLEN);
	require(reply->aliases <= query->max_aliases);
	require(!reply->bare || reply->known == ANAME_KNOWN_NODATA);
	require((reply->detail != NULL) == failed);
	require(reply->count <= ANAME_ADDRESSES_MAX);
	require(failed || (reply->known == ANAME_KNOWN_ADDRESSES) == (reply->count > 0));
	require(failed || reply->ttl <= INT32_MAX);
	require(failed || (!reply->truncated && !reply->no_edns));
	require(reply->address_len == (query->type == KNOT_RRTYPE_A      ? 4
	                               : query->type == KNOT_RRTYPE_AAAA ? 16
	                                                                 : 0));
	check_set(reply);
	require(query->edns || !reply->no_edns);
	require(query->subnet != NULL || (!reply->no_subnet && reply->scope == 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t name[] = "\3www\7example";
	static const knot_edns_client_subnet_t subnet = { .family = 1,
		                                          .source_len = 24,
		                                          .address = { 192, 0, 2 } };
	/* Large, and on the heap so that reading what was not written is found out. */
	aname_message_reply_t *reply = malloc(sizeof(*reply));
	if (size < 1 || reply == NULL) {
		free(reply);
		return 0;
	}
	uint8_t ask = data[0];
	const uint8_t *wire = data + 1;
	size_t len = size - 1;
	uint16_t id = len >= 2 ? knot_wire_get_id(wire) : 0;
	const aname_message_query_t query = {
		.name = name,
		.type = ask & ASK_ANAME  ? 65305
		        : ask & ASK_AAAA ? KNOT_RRTYPE_AAAA
		                         : KNOT_RRTYPE_A,
		.authentic = ask & AUTHENTIC,
		.id = ask & OTHER_ID ? id + 1 : id,
		.max_aliases = 16,
		.edns = ask & (ASK_EDNS | ASK_SUBNET),
		.subnet = ask & ASK_SUBNET ? &subnet : NULL,
	};
	check_query(&query);
	aname_message_read(&query, wire, len, reply);
	check(&query, reply);
	free(reply);
	return 0;
}
