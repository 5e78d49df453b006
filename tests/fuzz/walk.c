#include "walk.h"

#include <libknot/descriptor.h>

static uint16_t read_u16(walk_t *walk)
{
	require(walk->at + 2 <= walk->len);
	walk->at += 2;
	return walk->wire[walk->at - 2] << 8 | walk->wire[walk->at - 1];
}

static uint32_t read_u32(walk_t *walk)
{
	uint32_t high = read_u16(walk);
	return high << 16 | read_u16(walk);
}

static void note_label(walk_t *walk, size_t at)
{
	walk->labels[at / 8] |= 1 << at % 8;
}

/*! Reads a name, pointers of which lead to where a name before it has a label, and nowhere else. Returns
 *  its length. */
static size_t read_name(walk_t *walk, uint8_t *name)
{
	size_t begin = walk->at, at = begin, len = 0, own_end = 0;
	for (;;) {
		require(at < walk->len);
		uint8_t octet = walk->wire[at];
		if (octet >= 0xC0) {
			require(at + 2 <= walk->len);
			size_t to = (octet & 0x3F) << 8 | walk->wire[at + 1];
			own_end = own_end == 0 ? at + 2 : own_end;
			require(to < begin && (walk->labels[to / 8] >> to % 8 & 1));
			at = to;
			continue;
		}
		require(octet < 64 && len + octet + 1 <= KNOT_DNAME_MAXLEN);
		if (own_end == 0 && at <= KNOT_WIRE_PTR_MAX) {
			note_label(walk, at);
		}
		require(at + 1 + octet <= walk->len);
		memcpy(name + len, walk->wire + at, octet + 1);
		len += octet + 1;
		at += octet + 1;
		if (octet == 0) {
			break;
		}
	}
	knot_dname_to_lower(name);
	walk->at = own_end != 0 ? own_end : at;
	return len;
}

void walk_begin(walk_t *walk, const uint8_t *wire, size_t len)
{
	knot_dname_storage_t qname;
	require(len >= KNOT_WIRE_HEADER_SIZE);
	memset(walk, 0, sizeof(*walk));
	walk->wire = wire;
	walk->len = len;
	walk->at = KNOT_WIRE_HEADER_SIZE;
	require(knot_wire_get_qdcount(wire) == 1);
	(void)read_name(walk, qname);
	(void)read_u32(walk);
}

static unsigned count_of(const walk_t *walk)
{
	switch (walk->section) {
	case 1: return knot_wire_get_ancount(walk->wire);
	case 2: return knot_wire_get_nscount(walk->wire);
	default: return knot_wire_get_arcount(walk->wire);
	}
}

/*! Octets of RDATA before its names, and how many of these there are. */
static unsigned names_in(uint16_t type, unsigned *before)
{
	*before = 0;
	switch (type) {
	case KNOT_RRTYPE_SOA: return 2;
	case KNOT_RRTYPE_MX: *before = 2; return 1;
	case KNOT_RRTYPE_SRV: *before = 6; return 1;
	case KNOT_RRTYPE_CNAME:
	case KNOT_RRTYPE_DNAME:
	case KNOT_RRTYPE_NS: return 1;
	default: return 0;
	}
}

static void read_octets(walk_t *walk, walk_record_t *record, size_t len)
{
	memcpy(record->rdata + record->len, walk->wire + walk->at, len);
	record->len += len;
	walk->at += len;
}

bool walk_next(walk_t *walk, walk_record_t *record)
{
	while (walk->left == 0) {
		if (walk->section == 3) {
			require(walk->at == walk->len);
			return false;
		}
		walk->section++;
		walk->left = count_of(walk);
	}
	walk->left--;
	record->section = walk->section;
	(void)read_name(walk, record->owner);
	record->type = read_u16(walk);
	record->rclass = read_u16(walk);
	record->ttl = read_u32(walk);
	size_t len = read_u16(walk), end = walk->at + len;
	require(end <= walk->len);
	unsigned before, names = names_in(record->type, &before);
	record->len = 0;
	require(len >= before);
	read_octets(walk, record, before);
	for (; names > 0; names--) {
		record->len += read_name(walk, record->rdata + record->len);
		require(walk->at <= end);
	}
	read_octets(walk, record, end - walk->at);
	return true;
}
