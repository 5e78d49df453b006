#include "query/https.h"

#include <string.h>

#include "path.h"
#include "query/find.h"
#include "query/node.h"
#include "query/packet.h"
#include "query/policy.h"
#include "query/records.h"
#include "query/sign.h"
#include "table/rdata.h"

/*! Octets of the priority, which is 0 in AliasMode; there are no parameters (RFC 9460, 2.2). */
#define PRIORITY_SIZE 2

/*! Reads the target of the only record; returns its length, or 0 if the zone may not have it. */
static size_t read_target(const aname_query_t *query, knot_dname_storage_t target)
{
	const knot_rdata_t *rdata = query->rrsets[0].rrs.rdata;
	int len = aname_rdata_read(rdata->data, rdata->len, target);
	if (len <= 0) {
		return 0;
	}
	const aname_key_t key = { .name = target, .name_len = len };
	const char *why;
	return aname_policy_check(query, &key, &why) == ANAME_FAILURE_NONE ? (size_t)len : 0;
}

ANAME_ASIDE bool aname_https_look(const aname_query_t *query)
{
	knot_dname_storage_t target;
	return query->rrsets_count == 1 && !query->several &&
	       aname_find_rrset(query, KNOT_RRTYPE_HTTPS).rrs.count == 0 &&
	       read_target(query, target) > 0;
}

ANAME_ASIDE int aname_https_put(const aname_query_t *query)
{
	/* In lower case: what a record of this type is signed as keeps its case (RFC 3597, 7), and so
	 * those who do not know that find the signature good, too. */
	knot_dname_storage_t target;
	size_t len = read_target(query, target);
	uint8_t rdata[PRIORITY_SIZE + KNOT_DNAME_MAXLEN] = { 0 };
	memcpy(rdata + PRIORITY_SIZE, target, len);

	knot_pkt_t *pkt = query->pkt;
	const knot_dname_t *owner =
	        aname_node_is_wildcard(query) ? query->covered : query->rrsets[0].owner;
	uint32_t ttl = aname_records_full_ttl(query);
	uint16_t hint = pkt->rrset_count == 0 ? KNOT_COMPR_HINT_QNAME : KNOT_COMPR_HINT_NONE;
	bool udp = query->qdata->params->proto == KNOTD_QUERY_PROTO_UDP;
	uint16_t flags = udp ? KNOT_PF_NULL : KNOT_PF_NOTRUNC;
	knot_rrset_t https;
	knot_rrset_init(&https, knot_dname_copy(owner, &pkt->mm), KNOT_RRTYPE_HTTPS, KNOT_CLASS_IN,
	                ttl);
	int ret = knot_rrset_add_rdata(&https, rdata, PRIORITY_SIZE + len, &pkt->mm);
	if (ret != KNOT_EOK) {
		knot_rrset_clear(&https, &pkt->mm);
		return ret;
	}
	ret = aname_packet_put(pkt, hint, &https, flags);
	return ret != KNOT_EOK || !query->sign.wanted ? ret : aname_sign_put(query, ttl, flags);
}
