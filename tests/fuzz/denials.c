#include "denials.h"

#include <libdnssec/nsec.h>
#include <libknot/libknot.h>

#include "pool.h"

#define RDATA_MAX 1200

/*! RDATA of a denial, whose list is good. */
static size_t take_denial(input_t *input, uint16_t type, uint8_t *rdata)
{
	static const uint8_t nsec3[] = "\1\0\0\5\2\xaa\xbb\24"
	                               "01234567890123456789";
	size_t len = sizeof(nsec3) - 1;
	uint8_t kind = take_octet(input);
	dnssec_nsec_bitmap_t *bitmap = dnssec_nsec_bitmap_new();
	if (type == KNOT_RRTYPE_NSEC) {
		len = take_name(input, rdata);
	} else {
		memcpy(rdata, nsec3, len);
	}
	static const uint16_t some[] = {
		KNOT_RRTYPE_SOA, 65305, 65401, KNOT_RRTYPE_A, KNOT_RRTYPE_AAAA, KNOT_RRTYPE_HTTPS
	};
	for (unsigned i = 0; i < 6; i++) {
		if (kind >> i & 1) {
			dnssec_nsec_bitmap_add(bitmap, some[i]);
		}
	}
	if (kind & 0x40) {
		dnssec_nsec_bitmap_add(bitmap, take_number(input, 2));
	}
	dnssec_nsec_bitmap_add(bitmap, kind & 0x80 ? KNOT_RRTYPE_CAA : KNOT_RRTYPE_RRSIG);
	dnssec_nsec_bitmap_write(bitmap, rdata + len);
	len += dnssec_nsec_bitmap_size(bitmap);
	dnssec_nsec_bitmap_free(bitmap);
	return len;
}

/*! A signature of whatever length, of the zone's. */
static size_t take_rrsig(input_t *input, const knot_dname_t *zone, uint16_t covered, uint8_t *rdata)
{
	size_t zone_len = knot_dname_size(zone);
	uint8_t kind = take_octet(input);
	take_octets(input, rdata, 18);
	knot_wire_write_u16(rdata, covered);
	memcpy(rdata + 18, zone, zone_len);
	/* Mostly of the length that the new one has: then it is overwritten where it stands. */
	size_t signature = kind & 1 ? 64 : kind / 2;
	memset(rdata + 18 + zone_len, kind, signature);
	return 18 + zone_len + signature;
}

/*! An owner of its own for each denial, in the zone. */
static void write_owner(const knot_dname_t *zone, unsigned number, uint16_t type,
                        knot_dname_storage_t owner)
{
	size_t len = 0, zone_len = knot_dname_size(zone);
	if (type == KNOT_RRTYPE_NSEC3) {
		owner[len++] = 32;
		memset(owner + len, '0' + number % 10, 32);
		owner[len] = 'a' + number;
		len += 32;
	} else if (number > 0) {
		owner[len++] = 1;
		owner[len++] = 'a' + number;
	}
	memcpy(owner + len, zone, zone_len);
}

static denials_set_t set_of(const knot_dname_t *owner, uint16_t type, uint32_t ttl, bool owned)
{
	denials_set_t set = { .flags = owned ? KNOT_PF_FREE : 0, .of = -1 };
	knot_rrset_init(&set.rrset, knot_dname_copy(owner, &pool_mm), type, KNOT_CLASS_IN, ttl);
	return set;
}

/*! Gives a set its RDATA, and puts it into the reply, if it fits. */
static void put(denials_t *is, knot_pkt_t *pkt, input_t *input, denials_set_t set)
{
	uint8_t rdata[RDATA_MAX];
	size_t len;
	if (set.rrset.type == KNOT_RRTYPE_RRSIG) {
		uint16_t covered = is->sets[set.of].rrset.type;
		len = take_rrsig(input, is->zone, covered, rdata);
	} else if (set.rrset.type == KNOT_RRTYPE_TXT) {
		len = 1 + take_octet(input);
		memset(rdata, 'x', len);
	} else {
		len = take_denial(input, set.rrset.type, rdata);
	}
	require(knot_rrset_add_rdata(&set.rrset, rdata, len, &pool_mm) == KNOT_EOK);
	is->sets[is->count] = set;
	if (knot_pkt_put(pkt, KNOT_COMPR_HINT_NONE, &set.rrset, set.flags) == KNOT_EOK) {
		is->count++;
	}
}

void denials_take(denials_t *is, knot_pkt_t *pkt, input_t *input)
{
	knot_dname_storage_t owner;
	for (unsigned i = 0; input->left > 0 && is->count + 2 < DENIALS_SETS_MAX; i++) {
		uint8_t kind = take_octet(input);
		uint32_t ttl = take_number(input, 2);
		uint16_t type = kind & 1 ? KNOT_RRTYPE_NSEC : KNOT_RRTYPE_NSEC3;
		type = kind & 2 ? KNOT_RRTYPE_TXT : type;
		write_owner(is->zone, i, type, owner);
		unsigned before = is->count;
		put(is, pkt, input, set_of(owner, type, ttl, kind & 4 && type != KNOT_RRTYPE_TXT));
		if (is->count > before && kind & 8) {
			denials_set_t rrsig = set_of(owner, KNOT_RRTYPE_RRSIG, ttl, kind & 16);
			rrsig.of = (int)before;
			put(is, pkt, input, rrsig);
		}
	}
}
