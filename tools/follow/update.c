#include "follow/update.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include <libknot/consts.h>
#include <libknot/errcode.h>
#include <libknot/packet/pkt.h>
#include <libknot/packet/wire.h>
#include <libknot/rrset.h>
#include <libknot/rrtype/tsig.h>

#include "rrtype.h"

/* Writing. */

static uint16_t type_of(kaname_family_t family)
{
	return family == KANAME_A ? KNOT_RRTYPE_A : KNOT_RRTYPE_AAAA;
}

/*! Writes an RRset into the current section. It is not needed any more then. */
static int put(knot_pkt_t *pkt, knot_rrset_t *rrset)
{
	int ret = knot_pkt_put(pkt, KNOT_COMPR_HINT_NONE, rrset, KNOT_PF_NOTRUNC);
	knot_rdataset_clear(&rrset->rrs, NULL);
	return ret;
}

/*! Writes a record without RDATA, which stands for all that there is, or is not, of its type. */
static int put_empty(knot_pkt_t *pkt, const kaname_update_t *update, uint16_t type, uint16_t rclass)
{
	knot_rrset_t rrset;
	knot_rrset_init(&rrset, (knot_dname_t *)update->owner, type, rclass, 0);
	int ret = knot_rrset_add_rdata(&rrset, (const uint8_t *)"", 0, NULL);
	return ret == KNOT_EOK ? put(pkt, &rrset) : ret;
}

/*! Writes the addresses of a set that are not in another one. */
static int put_addresses(knot_pkt_t *pkt, const kaname_update_t *update, const kaname_set_t *set,
                         const kaname_set_t *without, uint16_t rclass, uint32_t ttl)
{
	size_t len = kaname_family_len(set->family);
	knot_rrset_t rrset;
	knot_rrset_init(&rrset, (knot_dname_t *)update->owner, type_of(set->family), rclass, ttl);
	for (size_t i = 0; i < set->count; i++) {
		const uint8_t *address = set->at + i * len;
		if (kaname_set_has(without, address)) {
			continue;
		}
		int ret = knot_rrset_add_rdata(&rrset, address, len, NULL);
		if (ret != KNOT_EOK) {
			knot_rdataset_clear(&rrset.rrs, NULL);
			return ret;
		}
	}
	return put(pkt, &rrset);
}

static int put_expected(knot_pkt_t *pkt, const kaname_update_t *update,
                        const kaname_expected_t *expected)
{
	if (expected->count == 0) {
		return put_empty(pkt, update, expected->type, KNOT_CLASS_ANY);
	}
	knot_rrset_t rrset;
	knot_rrset_init(&rrset, (knot_dname_t *)update->owner, expected->type, KNOT_CLASS_IN, 0);
	for (size_t i = 0; i < expected->count; i++) {
		const knot_dname_t *target = expected->targets[i];
		int ret = knot_rrset_add_rdata(&rrset, target, knot_dname_size(target), NULL);
		if (ret != KNOT_EOK) {
			knot_rdataset_clear(&rrset.rrs, NULL);
			return ret;
		}
	}
	return put(pkt, &rrset);
}

static int put_prerequisites(knot_pkt_t *pkt, const kaname_update_t *update)
{
	static const uint16_t types[] = { ANAME_RRTYPE_ANAME, ANAME_RRTYPE_ALIAS };
	int ret = KNOT_EOK;
	for (unsigned i = 0; i < 2 && update->is_gone && ret == KNOT_EOK; i++) {
		ret = put_empty(pkt, update, types[i], KNOT_CLASS_NONE);
	}
	for (unsigned i = 0; i < update->expected_count && ret == KNOT_EOK; i++) {
		ret = put_expected(pkt, update, &update->expected[i]);
	}
	for (kaname_family_t family = 0; family < KANAME_FAMILIES && ret == KNOT_EOK; family++) {
		const kaname_set_t *from = update->swap[family].from;
		ret = from == NULL ? put_empty(pkt, update, type_of(family), KNOT_CLASS_NONE)
		                   : put_addresses(pkt, update, from, NULL, KNOT_CLASS_IN, 0);
	}
	return ret;
}

/*!
 * Writes what changes. Single records go where others of their set stay, so that the difference
 * that secondaries fetch (IXFR) is no larger than it has to be; else the whole set goes.
 */
static int put_changes(knot_pkt_t *pkt, const kaname_update_t *update, kaname_family_t family)
{
	const kaname_swap_t *swap = &update->swap[family];
	if (swap->from == swap->to && (!swap->replace || swap->to == NULL)) {
		return KNOT_EOK;
	}
	bool all = swap->replace || !kaname_set_overlap(swap->from, swap->to);
	int ret = KNOT_EOK;
	if (swap->from != NULL) {
		ret = all ? put_empty(pkt, update, type_of(family), KNOT_CLASS_ANY)
		          : put_addresses(pkt, update, swap->from, swap->to, KNOT_CLASS_NONE, 0);
	}
	if (ret == KNOT_EOK && swap->to != NULL) {
		ret = put_addresses(pkt, update, swap->to, all ? NULL : swap->from, KNOT_CLASS_IN,
		                    update->ttl);
	}
	return ret;
}

static int put_message(knot_pkt_t *pkt, const kaname_update_t *update, uint16_t id)
{
	knot_pkt_clear(pkt);
	knot_wire_set_id(pkt->wire, id);
	knot_wire_set_opcode(pkt->wire, KNOT_OPCODE_UPDATE);
	int ret = knot_pkt_put_question(pkt, update->zone, KNOT_CLASS_IN, KNOT_RRTYPE_SOA);
	if (ret == KNOT_EOK) {
		ret = knot_pkt_begin(pkt, KNOT_ANSWER);
	}
	if (ret == KNOT_EOK) {
		ret = put_prerequisites(pkt, update);
	}
	if (ret == KNOT_EOK) {
		ret = knot_pkt_begin(pkt, KNOT_AUTHORITY);
	}
	for (kaname_family_t family = 0; family < KANAME_FAMILIES && ret == KNOT_EOK; family++) {
		ret = put_changes(pkt, update, family);
	}
	return ret;
}

int kaname_update_write(const kaname_update_t *update, uint16_t id, const knot_tsig_key_t *key,
                        uint8_t *wire, uint8_t *digest, size_t *digest_len)
{
	*digest_len = 0;
	knot_pkt_t *pkt = knot_pkt_new(wire, KANAME_UPDATE_MAX, NULL);
	if (pkt == NULL) {
		return KNOT_ENOMEM;
	}
	int ret = put_message(pkt, update, id);
	size_t len = pkt->size;
	knot_pkt_free(pkt);
	if (ret == KNOT_EOK && key != NULL) {
		*digest_len = KANAME_UPDATE_DIGEST_MAX;
		ret = knot_tsig_sign(wire, &len, KANAME_UPDATE_MAX, NULL, 0, digest, digest_len,
		                     key, KNOT_RCODE_NOERROR, 0);
	}
	return ret == KNOT_EOK ? (int)len : ret;
}

/* Reading. */

#define ALLOW                                                                                     \
	"in Knot by the acl that `kaname follow --setup` prints, named in the `acl` of the zone " \
	"or its template, with the address that it is sent from; in BIND by `update-policy` or "  \
	"`allow-update`; in PowerDNS by "                                                         \
	"`dnsupdate=yes`, "                                                                       \
	"`allow-dnsupdate-from`, and TSIG-ALLOW-DNSUPDATE and ALLOW-DNSUPDATE-FROM of the zone"
#define NEXT_ALLOW                                                                               \
	"let the key change A and AAAA there: " ALLOW "; PowerDNS says so of a wrong key, too, " \
	"and Knot 3.2 of a zone that is frozen (knotc zone-thaw)"
#define NEXT_KEY                                                                                  \
	"compare name, algorithm and secret of the key with those at the primary; this reads it " \
	"when it starts: after another one, `systemctl restart kaname-follow`; Knot 3.2 says so," \
	" too, where no acl lets the key change A and AAAA there: see `kaname follow --setup`"
#define NEXT_AUTHORITY                                                                       \
	"see that the zone is there, and the key, by the same name, or name its primary by " \
	"--primary; and let the key change A and AAAA there: " ALLOW
#define NEXT_CLOCK    "set the clocks of both hosts, by NTP"
#define NEXT_PRIMARY  "name the zone's primary by --primary"
#define NEXT_LOG      "see the primary's log"
#define NEXT_UNSIGNED "send updates right to the primary, by --primary"

/*! What the codes of a reply say. */
static const struct {
	uint16_t rcode;
	kaname_outcome_t outcome;
	const char *why, *next;
} sayings[] = {
	{ KNOT_RCODE_NOERROR, KANAME_UPDATE_DONE, "done", NULL },
	{ KNOT_RCODE_NXRRSET, KANAME_UPDATE_OTHERWISE,
	  "its ANAME records or addresses are others than a moment ago (NXRRSET)", NULL },
	{ KNOT_RCODE_YXRRSET, KANAME_UPDATE_OTHERWISE,
	  "there are addresses where there were to be none (YXRRSET)", NULL },
	{ KNOT_RCODE_NXDOMAIN, KANAME_UPDATE_OTHERWISE, "the owner is not there (NXDOMAIN)", NULL },
	{ KNOT_RCODE_YXDOMAIN, KANAME_UPDATE_OTHERWISE, "the owner is there (YXDOMAIN)", NULL },
	{ KNOT_RCODE_SERVFAIL, KANAME_UPDATE_FAILED, "the primary failed (SERVFAIL)", NEXT_LOG },
	{ KNOT_RCODE_FORMERR, KANAME_UPDATE_REFUSED,
	  "the primary does not understand the update (FORMERR)", NEXT_LOG },
	{ KNOT_RCODE_NOTIMPL, KANAME_UPDATE_REFUSED, "the primary takes no updates (NOTIMP)",
	  NEXT_PRIMARY },
	{ KNOT_RCODE_REFUSED, KANAME_UPDATE_REFUSED, "the primary refuses it (REFUSED)",
	  NEXT_ALLOW },
	{ KNOT_RCODE_NOTAUTH, KANAME_UPDATE_REFUSED,
	  "the primary does not have the zone, or does not let the key update it (NOTAUTH)",
	  NEXT_AUTHORITY },
	{ KNOT_RCODE_NOTZONE, KANAME_UPDATE_REFUSED, "the owner is not within the zone (NOTZONE)",
	  NEXT_LOG },
	{ KNOT_RCODE_BADSIG, KANAME_UPDATE_REFUSED,
	  "the primary finds the signature wrong: its key has another secret (BADSIG)", NEXT_KEY },
	{ KNOT_RCODE_BADKEY, KANAME_UPDATE_REFUSED,
	  "the primary does not know the key, or does not let it update the zone (BADKEY)",
	  NEXT_KEY },
	{ KNOT_RCODE_BADTIME, KANAME_UPDATE_REFUSED,
	  "the clocks of this host and of the primary differ (BADTIME)", NEXT_CLOCK },
	{ KNOT_RCODE_BADTRUNC, KANAME_UPDATE_REFUSED,
	  "the primary asks for a longer signature (BADTRUNC)", NEXT_KEY },
};

bool kaname_update_may_not(const kaname_updated_t *updated)
{
	for (size_t i = 0; i < sizeof(sayings) / sizeof(sayings[0]); i++) {
		if (sayings[i].why == updated->why) {
			return sayings[i].rcode == KNOT_RCODE_REFUSED ||
			       sayings[i].rcode == KNOT_RCODE_NOTAUTH ||
			       sayings[i].rcode == KNOT_RCODE_BADKEY;
		}
	}
	return false;
}

static void conclude(kaname_updated_t *updated, kaname_outcome_t outcome, const char *why,
                     const char *next)
{
	updated->outcome = outcome;
	updated->why = why;
	updated->next = next;
}

static void conclude_rcode(kaname_updated_t *updated, uint16_t rcode)
{
	for (size_t i = 0; i < sizeof(sayings) / sizeof(sayings[0]); i++) {
		if (sayings[i].rcode == rcode) {
			conclude(updated, sayings[i].outcome, sayings[i].why, sayings[i].next);
			return;
		}
	}
	(void)snprintf(updated->text, sizeof(updated->text), "the primary answered with rcode %u",
	               rcode);
	conclude(updated, KANAME_UPDATE_FAILED, updated->text, NEXT_LOG);
}

/*! A code that nobody signed. Errors are told, since no more follows from them than that somebody
 *  has to look: the update may be done all the same. That something was done, or that something else
 *  is there, is not believed. */
static void conclude_unsigned(kaname_updated_t *updated, uint16_t rcode)
{
	conclude_rcode(updated, rcode);
	updated->is_unsigned = true;
	if (updated->outcome == KANAME_UPDATE_DONE || updated->outcome == KANAME_UPDATE_OTHERWISE) {
		conclude(updated, KANAME_UPDATE_UNKNOWN, "the reply is not signed", NEXT_UNSIGNED);
	}
}

/*! An error that the TSIG record holds, most of which nobody signs (RFC 8945, 5.3.2). */
static void conclude_tsig(kaname_updated_t *updated, const knot_rrset_t *tsig)
{
	uint16_t error = knot_tsig_rdata_error(tsig);
	conclude_unsigned(updated, error);
	if (error == KNOT_RCODE_BADTIME && knot_tsig_rdata_other_data_length(tsig) == 6) {
		/* The primary's own time (RFC 8945, 5.2.3). */
		int64_t ahead = (int64_t)knot_wire_read_u48(knot_tsig_rdata_other_data(tsig)) -
		                (int64_t)time(NULL);
		(void)snprintf(updated->text, sizeof(updated->text),
		               "this host's clock is %lld s %s the primary's (BADTIME)",
		               (long long)(ahead < 0 ? -ahead : ahead),
		               ahead < 0 ? "ahead of" : "behind");
		updated->why = updated->text;
	}
}

static void conclude_wrong_signature(kaname_updated_t *updated, int reason)
{
	if (reason == KNOT_ENOMEM) {
		conclude(updated, KANAME_UPDATE_UNKNOWN, "out of memory", NULL);
	} else if (reason == KNOT_TSIG_EBADTIME) {
		conclude(updated, KANAME_UPDATE_UNKNOWN,
		         "the reply's signature is out of its time: clocks differ", NEXT_CLOCK);
	} else {
		conclude(updated, KANAME_UPDATE_UNKNOWN, "the reply's signature is wrong",
		         NEXT_UNSIGNED);
	}
}

/*! Has this packet, whose header was looked at, anything to say? */
static void read_packet(knot_pkt_t *pkt, const knot_tsig_key_t *key, const uint8_t *digest,
                        size_t digest_len, kaname_updated_t *updated)
{
	uint16_t rcode = knot_wire_get_rcode(pkt->wire);
	if (pkt->tsig_rr != NULL && knot_tsig_rdata_error(pkt->tsig_rr) != KNOT_RCODE_NOERROR) {
		conclude_tsig(updated, pkt->tsig_rr);
	} else if (key == NULL) {
		conclude_rcode(updated, rcode);
	} else if (pkt->tsig_rr == NULL) {
		conclude_unsigned(updated, rcode);
	} else {
		int ret = knot_tsig_client_check(pkt->tsig_rr, pkt->wire, pkt->size, digest,
		                                 digest_len, key, 0);
		if (ret == KNOT_EOK) {
			conclude_rcode(updated, rcode);
		} else {
			conclude_wrong_signature(updated, ret);
		}
	}
}

bool kaname_update_read(uint8_t *wire, size_t len, uint16_t id, const knot_tsig_key_t *key,
                        const uint8_t *digest, size_t digest_len, kaname_updated_t *updated)
{
	if (len < KNOT_WIRE_HEADER_SIZE || len > KANAME_UPDATE_MAX ||
	    knot_wire_get_id(wire) != id || knot_wire_get_qr(wire) == 0 ||
	    knot_wire_get_opcode(wire) != KNOT_OPCODE_UPDATE) {
		return false;
	}
	updated->text[0] = '\0';
	updated->is_unsigned = false;
	knot_pkt_t *pkt = knot_pkt_new(wire, len, NULL);
	if (pkt == NULL) {
		conclude(updated, KANAME_UPDATE_UNKNOWN, "out of memory", NULL);
		return true;
	}
	bool parsed = knot_pkt_parse(pkt, 0) == KNOT_EOK;
	if (parsed) {
		read_packet(pkt, key, digest, digest_len, updated);
	}
	knot_pkt_free(pkt);
	return parsed;
}
