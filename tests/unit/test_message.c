#include "support/test.h"

#include <arpa/inet.h>

#include <libknot/errcode.h>
#include <libknot/packet/pkt.h>

#include "service/message.h"
#include "support/alloc.h"
#include "support/make.h"
#include "support/random.h"

#define A     KNOT_RRTYPE_A
#define AAAA  KNOT_RRTYPE_AAAA
#define CNAME KNOT_RRTYPE_CNAME
#define SOA   KNOT_RRTYPE_SOA
#define NS_   KNOT_RRTYPE_NS
#define OPT   KNOT_RRTYPE_OPT

#define ID       0x4a4e
#define REPLY    0x8180 /* QR, RD, RA */
#define TC       0x0200
#define AD       0x0020
#define AA       0x0400
#define NO_RA    0x0080 /* A change of REPLY. */
#define TTL_MOST 0x7fffffff

/* Writing replies, octet by octet: libknot would not write most of what is to be read here. */

/*! One record; `data` as in zone files, that of a SOA its minimum, that of an OPT its octets. */
typedef struct {
	knot_section_t section;
	const char *owner; /*!< NULL ends a list. */
	uint16_t type;
	uint32_t ttl;
	const char *data;
	uint16_t rclass; /*!< 0: IN. */
	uint16_t size;   /*!< Octets of an OPT's data. */
} record_t;

#define IN(in, at, rrtype, lives, holds)                                                          \
	{                                                                                         \
		.section = (in), .owner = (at), .type = (rrtype), .ttl = (lives), .data = (holds) \
	}
#define AN(...) IN(KNOT_ANSWER, __VA_ARGS__)
#define NS(...) IN(KNOT_AUTHORITY, __VA_ARGS__)
#define AR(...) IN(KNOT_ADDITIONAL, __VA_ARGS__)
/*! A record of class CH. */
#define CH(in, at, rrtype, lives, holds)                                                           \
	{                                                                                          \
		.section = (in), .owner = (at), .type = (rrtype), .ttl = (lives), .data = (holds), \
		.rclass = KNOT_CLASS_CH                                                            \
	}
/*! An OPT record with these options; extended rcode and version as in the TTL. */
#define OPTIONS_OF(lives, octets, len)                                                 \
	{                                                                              \
		.section = KNOT_ADDITIONAL, .owner = ".", .type = OPT, .ttl = (lives), \
		.data = (octets), .rclass = 1232, .size = (len)                        \
	}
#define OPTIONS(ttl, octets) OPTIONS_OF(ttl, octets, sizeof(octets) - 1)

static uint8_t wire[UINT16_MAX + 16];
static size_t wire_len;
static aname_message_reply_t reply;

static void put_u16(uint16_t value)
{
	assert_true(wire_len + 2 <= sizeof(wire));
	knot_wire_write_u16(wire + wire_len, value);
	wire_len += 2;
}

static void put_u32(uint32_t value)
{
	put_u16(value >> 16);
	put_u16(value);
}

static void put_octets(const void *octets, size_t len)
{
	assert_true(wire_len + len <= sizeof(wire));
	memcpy(wire + wire_len, octets, len);
	wire_len += len;
}

static void put_name(const char *text)
{
	name_t name = make_name(text);
	put_octets(name.at, name.len);
}

static void begin(uint16_t header, const knot_dname_t *name, uint16_t type)
{
	wire_len = 0;
	put_u16(ID);
	put_u16(header);
	put_u16(1);
	put_u16(0);
	put_u32(0);
	put_octets(name, knot_dname_size(name));
	put_u16(type);
	put_u16(KNOT_CLASS_IN);
}

static void put_data(const record_t *record)
{
	switch (record->type) {
	case A:
	case AAAA: {
		uint8_t address[16];
		int family = record->type == A ? AF_INET : AF_INET6;
		assert_int_equal(inet_pton(family, record->data, address), 1);
		put_octets(address, record->type == A ? 4 : 16);
		break;
	}
	case NS_:
	case CNAME: put_name(record->data); break;
	case SOA:
		put_name("ns.example.");
		put_name("hostmaster.example.");
		for (uint32_t i = 1; i <= 4; i++) {
			put_u32(i);
		}
		put_u32(strtoul(record->data, NULL, 10));
		break;
	default: put_octets(record->data, record->size);
	}
}

static void count_one(knot_section_t section)
{
	uint8_t *at = wire + 6 + 2 * section;
	knot_wire_write_u16(at, knot_wire_read_u16(at) + 1);
}

static void put_record(const record_t *record)
{
	count_one(record->section);
	put_name(record->owner);
	put_u16(record->type);
	put_u16(record->rclass != 0 ? record->rclass : KNOT_CLASS_IN);
	put_u32(record->ttl);
	size_t size_at = wire_len;
	put_u16(0);
	put_data(record);
	knot_wire_write_u16(wire + size_at, wire_len - size_at - 2);
}

static void put_records(const record_t *records)
{
	for (; records->owner != NULL; records++) {
		put_record(records);
	}
}

/*! Many addresses at the question's name, by a compression pointer. */
static void put_addresses(uint16_t type, uint32_t count, uint32_t ttl)
{
	for (uint32_t i = 0; i < count; i++) {
		uint8_t address[16];
		uint16_t len = type == A ? 4 : 16;
		make_address(address, len, i);
		count_one(KNOT_ANSWER);
		put_u16(0xc00c);
		put_u16(type);
		put_u16(KNOT_CLASS_IN);
		put_u32(ttl);
		put_u16(len);
		put_octets(address, len);
	}
}

/*! The reply, from a block of exactly its size. What it says is in `reply`. */
static void read_exact(const aname_message_query_t *query, const uint8_t *from, size_t len)
{
	uint8_t *copy = malloc(len > 0 ? len : 1);
	assert_non_null(copy);
	memcpy(copy, from, len);
	memset(&reply, 0xa5, sizeof(reply));
	aname_message_read(query, copy, len, &reply);
	assert_memory_equal(copy, from, len);
	free(copy);

	/* What holds for every reply. */
	bool failed = reply.failure != ANAME_FAILURE_NONE;
	assert_int_equal(reply.known == ANAME_KNOWN_NOTHING, failed || reply.unfinished);
	assert_false(failed && reply.unfinished);
	assert_true(!reply.unfinished || (reply.aliases > 0 && reply.count == 0));
	assert_true(reply.aliases <= query->max_aliases);
	assert_true(!reply.bare || reply.known == ANAME_KNOWN_NODATA);
	assert_int_equal(reply.detail != NULL, failed);
	assert_true(reply.count <= ANAME_ADDRESSES_MAX);
	assert_int_equal(reply.address_len, query->type == A ? 4 : 16);
	assert_true(reply.known != ANAME_KNOWN_ADDRESSES || reply.count > 0);
	assert_true(reply.known != ANAME_KNOWN_NODATA || reply.count == 0);
	assert_true(failed || reply.ttl <= TTL_MOST);
	assert_true(failed || (!reply.truncated && !reply.no_edns));
	assert_true(!reply.no_edns || query->edns);
	assert_true(query->subnet != NULL || (reply.scope == 0 && !reply.no_subnet));
	assert_true(!reply.no_subnet || !reply.no_edns);
}

static aname_message_query_t make_query(const knot_dname_t *name, uint16_t type)
{
	return (aname_message_query_t){
		.name = name, .type = type, .id = ID, .edns = true, .max_aliases = 16
	};
}

/*! Does it hold exactly these addresses, in this order? The list ends at NULL. */
static void assert_addresses(const char *const *addresses)
{
	uint32_t count = 0;
	for (; addresses[count] != NULL; count++) {
		uint8_t address[16];
		int family = reply.address_len == 4 ? AF_INET : AF_INET6;
		assert_int_equal(inet_pton(family, addresses[count], address), 1);
		assert_true(count < reply.count);
		assert_memory_equal(reply.addresses + (size_t)count * reply.address_len, address,
		                    reply.address_len);
	}
	assert_int_equal(reply.count, count);
}

static void assert_failure(aname_failure_t failure)
{
	assert_int_equal(reply.known, ANAME_KNOWN_NOTHING);
	assert_int_equal(reply.failure, failure);
}

/* What good replies say. */

#define MOST_RECORDS 6

typedef struct {
	const char *proves;
	uint16_t type;   /*!< Asked for at www.example. */
	uint16_t header; /*!< Changes of REPLY. */
	record_t records[MOST_RECORDS + 1];
	aname_known_t known;
	uint32_t ttl;
	const char *addresses[4];
	bool bare;
} row_t;

#define WWW   "www.example."
#define A1    "192.0.2.1"
#define A2    "192.0.2.2"
#define AAAA1 "2001:db8::1"
#define AAAA2 "2001:db8::2"

#define ADDRESSES(ttl, ...) ANAME_KNOWN_ADDRESSES, (ttl), { __VA_ARGS__ }, false
#define NODATA(ttl)         ANAME_KNOWN_NODATA, (ttl), { NULL }, false
/*! NODATA, and nothing says for how long; TTL of the chain. */
#define BARE(ttl)           ANAME_KNOWN_NODATA, (ttl), { NULL }, true
#define NXDOMAIN            KNOT_RCODE_NXDOMAIN

static const row_t rows[] = {
	{ "N1: an address with its TTL", A, 0, { AN(WWW, A, 300, A1) }, ADDRESSES(300, A1) },
	{ "N1: an IPv6 address", AAAA, 0, { AN(WWW, AAAA, 7, AAAA1) }, ADDRESSES(7, AAAA1) },
	{ "N1: two addresses",
	  A,
	  0,
	  { AN(WWW, A, 300, A1), AN(WWW, A, 300, A2) },
	  ADDRESSES(300, A1, A2) },
	{ "N1: the least TTL of a set counts",
	  A,
	  0,
	  { AN(WWW, A, 300, A1), AN(WWW, A, 20, A2) },
	  ADDRESSES(20, A1, A2) },
	{ "N1: the owner's case does not matter",
	  A,
	  0,
	  { AN("WwW.eXAMPLE.", A, 300, A1) },
	  ADDRESSES(300, A1) },
	{ "N1: the case of an alias and of its target does not matter",
	  A,
	  0,
	  { AN("WWW.example.", CNAME, 300, "CDN.Example."), AN("cdn.EXAMPLE.", A, 300, A1) },
	  ADDRESSES(300, A1) },
	{ "N1: TTL 0 is 0", A, 0, { AN(WWW, A, 0, A1) }, ADDRESSES(0, A1) },
	{ "N1: TTL 2^31 - 1 is the longest",
	  A,
	  0,
	  { AN(WWW, A, TTL_MOST, A1) },
	  ADDRESSES(TTL_MOST, A1) },
	{ "N1: TTL 2^31 counts as 0", A, 0, { AN(WWW, A, 0x80000000, A1) }, ADDRESSES(0, A1) },
	{ "N1: TTL 2^32 - 1 counts as 0", A, 0, { AN(WWW, A, 0xffffffff, A1) }, ADDRESSES(0, A1) },
	{ "N1: a TTL of 2^31 in the chain counts as 0",
	  A,
	  0,
	  { AN(WWW, CNAME, 0x80000000, "b."), AN("b.", A, 300, A1) },
	  ADDRESSES(0, A1) },
	{ "N1: the least TTL of the chain counts: the alias",
	  A,
	  0,
	  { AN(WWW, CNAME, 30, "b."), AN("b.", A, 300, A1) },
	  ADDRESSES(30, A1) },
	{ "N1: the least TTL of the chain counts: the address",
	  A,
	  0,
	  { AN(WWW, CNAME, 300, "b."), AN("b.", A, 30, A1) },
	  ADDRESSES(30, A1) },
	{ "N1: the least TTL of the chain counts: the one in the middle",
	  AAAA,
	  0,
	  { AN(WWW, CNAME, 300, "b."), AN("b.", CNAME, 5, "c."), AN("c.", AAAA, 30, AAAA2) },
	  ADDRESSES(5, AAAA2) },
	{ "N1: TTLs off the chain do not count",
	  A,
	  0,
	  { AN(WWW, CNAME, 300, "b."), AN("c.", CNAME, 1, "b."), AN("d.", A, 1, A2),
	    AN("b.", A, 300, A1), AR("b.", A, 1, A2), NS("b.", A, 1, A2) },
	  ADDRESSES(300, A1) },
	{ "N1: addresses at an alias of the chain are not taken",
	  A,
	  0,
	  { AN(WWW, A, 300, A2), AN(WWW, CNAME, 300, "b."), AN("b.", A, 300, A1) },
	  ADDRESSES(300, A1) },
	{ "N1: addresses with another owner are not taken",
	  A,
	  0,
	  { AN("ww.example.", A, 1, A2), AN(WWW, A, 300, A1), AN("x.www.example.", A, 1, A2),
	    AN("example.", A, 1, A2), AN(".", A, 1, A2) },
	  ADDRESSES(300, A1) },
	{ "N1: addresses in other sections are none",
	  A,
	  0,
	  { NS(WWW, A, 300, A1), AR(WWW, A, 300, A2) },
	  BARE(TTL_MOST) },
	{ "N1: the other family is not taken",
	  A,
	  0,
	  { AN(WWW, AAAA, 1, AAAA1), AN(WWW, A, 300, A1) },
	  ADDRESSES(300, A1) },
	{ "N1: only the other family is none",
	  A,
	  0,
	  { AN(WWW, AAAA, 300, AAAA1) },
	  BARE(TTL_MOST) },
	{ "N1: another class is not taken",
	  A,
	  0,
	  { CH(KNOT_ANSWER, WWW, A, 1, A2), CH(KNOT_ANSWER, WWW, CNAME, 1, "b."),
	    AN(WWW, A, 300, A1) },
	  ADDRESSES(300, A1) },
	{ "N1: an alias that another alias leads to, from the end to the start",
	  A,
	  0,
	  { AN("d.", A, 9, A1), AN("c.", CNAME, 8, "d."), AN("b.", CNAME, 7, "c."),
	    AN(WWW, CNAME, 6, "b.") },
	  ADDRESSES(6, A1) },
	{ "A7: NODATA lives by the SOA's minimum",
	  A,
	  0,
	  { NS("example.", SOA, 3600, "60") },
	  NODATA(60) },
	{ "A7: NODATA lives by the SOA's TTL, if that is less",
	  AAAA,
	  0,
	  { NS("example.", SOA, 30, "60") },
	  NODATA(30) },
	{ "A7: NODATA without a SOA does not say for how long", A, 0, { { 0 } }, BARE(TTL_MOST) },
	{ "A7: a minimum of 2^31 counts as 0",
	  A,
	  0,
	  { NS("example.", SOA, 300, "2147483648") },
	  NODATA(0) },
	{ "A7: a SOA's TTL of 2^31 counts as 0",
	  A,
	  0,
	  { NS("example.", SOA, 0x80000000, "60") },
	  NODATA(0) },
	{ "A7: a SOA of another class is none",
	  A,
	  0,
	  { CH(KNOT_AUTHORITY, "example.", SOA, 300, "60") },
	  BARE(TTL_MOST) },
	{ "A7: a SOA elsewhere than in Authority is none",
	  A,
	  0,
	  { AN(WWW, SOA, 300, "60"), AR("example.", SOA, 300, "60") },
	  BARE(TTL_MOST) },
	{ "A7: the SOA may stand behind other records",
	  A,
	  0,
	  { NS("example.", A, 1, A1), NS("example.", SOA, 300, "60") },
	  NODATA(60) },
	{ "A7: NXDOMAIN of the target is no address, by the SOA",
	  A,
	  NXDOMAIN,
	  { NS("example.", SOA, 300, "60") },
	  NODATA(60) },
	{ "A7: NXDOMAIN without a SOA neither", AAAA, NXDOMAIN, { { 0 } }, BARE(TTL_MOST) },
	{ "A7: NODATA at the end of a chain: the chain's TTL counts, too",
	  A,
	  0,
	  { AN(WWW, CNAME, 20, "b."), NS(".", SOA, 300, "60") },
	  NODATA(20) },
	{ "A7: NODATA at the end of a chain: the SOA counts, too",
	  A,
	  0,
	  { AN(WWW, CNAME, 200, "b."), NS(".", SOA, 300, "60") },
	  NODATA(60) },
	{ "A7: NXDOMAIN at the end of a chain",
	  A,
	  NXDOMAIN,
	  { AN(WWW, CNAME, 20, "b."), AN("b.", CNAME, 10, "c."), NS(".", SOA, 300, "60") },
	  NODATA(10) },
	{ "A7: a SOA of another zone is none",
	  A,
	  0,
	  { NS("x.www.example.", SOA, 300, "60"), NS("xample.", SOA, 300, "60") },
	  BARE(TTL_MOST) },
	{ "A7: the case of a SOA's owner does not matter",
	  A,
	  0,
	  { NS("EXample.", SOA, 300, "60") },
	  NODATA(60) },
	{ "A7: a SOA of another zone may stand before the one that counts",
	  A,
	  0,
	  { NS("b.", SOA, 300, "1"), NS("example.", SOA, 300, "60") },
	  NODATA(60) },
	{ "A7: with a SOA, NS in Authority is no referral",
	  A,
	  0,
	  { NS("example.", NS_, 300, "ns.example."), NS("example.", SOA, 300, "60") },
	  NODATA(60) },
	{ "A7: a SOA of the last name's zone ends the chain",
	  A,
	  0,
	  { AN(WWW, CNAME, 200, "b.Other."), NS("OTHER.", SOA, 300, "60") },
	  NODATA(60) },
	{ "A7: NXDOMAIN at the end of a chain, without a SOA of that zone",
	  A,
	  NXDOMAIN,
	  { AN(WWW, CNAME, 20, "b."), NS("example.", SOA, 300, "5") },
	  BARE(20) },
	{ "N1: an authority that answers does not recurse, and need not",
	  A,
	  NO_RA | AA,
	  { AN(WWW, A, 300, A1), NS("example.", NS_, 300, "ns.example.") },
	  ADDRESSES(300, A1) },
	{ "N1: an authority's NODATA counts",
	  A,
	  NO_RA | AA,
	  { NS("example.", SOA, 300, "60") },
	  NODATA(60) },
	{ "N1: an authority's NXDOMAIN counts, without a SOA, too",
	  A,
	  NO_RA | AA | NXDOMAIN,
	  { { 0 } },
	  BARE(TTL_MOST) },
	{ "N1: an answer counts, with neither RA nor AA",
	  A,
	  NO_RA,
	  { AN(WWW, A, 9, A1) },
	  ADDRESSES(9, A1) },
	{ "A9: EDNS may be in the reply",
	  A,
	  0,
	  { AN(WWW, A, 300, A1), OPTIONS(0, "") },
	  ADDRESSES(300, A1) },
	{ "A9: an extended error may come with an answer",
	  A,
	  0,
	  { AN(WWW, A, 300, A1), OPTIONS(0, "\0\x0f\0\2\0\3") },
	  ADDRESSES(300, A1) },
	{ "A9: an unknown option is ignored",
	  A,
	  0,
	  { AN(WWW, A, 300, A1), OPTIONS(0, "\xff\xf0\0\3abc") },
	  ADDRESSES(300, A1) },
};

static void check_row(void **state)
{
	const row_t *row = *state;
	name_t name = make_name(WWW);
	const aname_message_query_t query = make_query(name.at, row->type);
	begin(REPLY ^ row->header, name.at, row->type);
	put_records(row->records);
	read_exact(&query, wire, wire_len);
	assert_int_equal(reply.failure, ANAME_FAILURE_NONE);
	assert_int_equal(reply.known, row->known);
	assert_int_equal(reply.ttl, row->ttl);
	assert_int_equal(reply.nxdomain,
	                 (row->header & 0xf) == NXDOMAIN && row->known == ANAME_KNOWN_NODATA);
	assert_int_equal(reply.bare, row->bare);
	assert_false(reply.unfinished);
	assert_addresses(row->addresses);
	assert_false(reply.authentic);
	assert_int_equal(reply.scope, 0);

	/* AD changes nothing but that it is noted. */
	knot_wire_write_u16(wire + 2, (REPLY ^ row->header) | AD);
	read_exact(&query, wire, wire_len);
	assert_true(reply.authentic);
	assert_int_equal(reply.known, row->known);
	assert_int_equal(reply.ttl, row->ttl);
	assert_addresses(row->addresses);
}

/* What is a failure. */

typedef struct {
	const char *proves;
	uint16_t header; /*!< Changes of REPLY. */
	record_t records[MOST_RECORDS + 1];
	aname_failure_t failure;
	bool no_edns, truncated;
} failure_row_t;

#define SERVER ANAME_FAILURE_SERVER
#define BOGUS  ANAME_FAILURE_BOGUS
#define EDE(n) OPTIONS(0, "\0\x0f\0\2\0" n)

static const failure_row_t failure_rows[] = {
	{ "F1: SERVFAIL", KNOT_RCODE_SERVFAIL, { { 0 } }, .failure = SERVER },
	{ "F1: SERVFAIL with addresses is still one",
	  2,
	  { AN(WWW, A, 300, A1) },
	  .failure = SERVER },
	{ "F1: REFUSED", KNOT_RCODE_REFUSED, { { 0 } }, .failure = SERVER },
	{ "F1: NOTAUTH", KNOT_RCODE_NOTAUTH, { { 0 } }, .failure = SERVER },
	{ "F1: YXDOMAIN", KNOT_RCODE_YXDOMAIN, { { 0 } }, .failure = SERVER },
	{ "F1: an unknown rcode", 15, { { 0 } }, .failure = SERVER },
	{ "F1: an unknown extended rcode", 0, { OPTIONS(0x45000000, "") }, .failure = SERVER },
	{ "F1: an alias of its own name is a loop",
	  0,
	  { AN(WWW, CNAME, 300, WWW) },
	  .failure = SERVER },
	{ "F1: an alias of its own name in another case is a loop",
	  0,
	  { AN(WWW, CNAME, 300, "WWW.Example.") },
	  .failure = SERVER },
	{ "F1: two aliases of each other are a loop",
	  0,
	  { AN(WWW, CNAME, 300, "b."), AN("b.", CNAME, 300, WWW), AN(WWW, A, 300, A1) },
	  .failure = SERVER },
	{ "F1: a loop behind the first alias",
	  0,
	  { AN(WWW, CNAME, 300, "a."), AN("a.", CNAME, 300, "b."), AN("b.", CNAME, 300, "a.") },
	  .failure = SERVER },
	{ "N1: an answer about other names is none",
	  0,
	  { AN("ww.example.", A, 300, A2), AN("example.", A, 300, A2) },
	  .failure = SERVER },
	{ "N1: nor is one with a SOA",
	  0,
	  { AN("example.", A, 300, A2), NS("example.", SOA, 300, "60") },
	  .failure = SERVER },
	{ "N1: nor an alias of another name",
	  NO_RA | AA,
	  { AN("ww.example.", CNAME, 300, "b."), AN("b.", A, 300, A2) },
	  .failure = SERVER },
	{ "N1: nor NXDOMAIN with such an answer",
	  NXDOMAIN,
	  { AN("example.", A, 300, A2) },
	  .failure = SERVER },
	{ "N1: a referral is no answer",
	  0,
	  { NS("example.", NS_, 300, "ns.example."), AR("ns.example.", A, 300, A1) },
	  .failure = SERVER },
	{ "N1: a referral to the root is no answer",
	  0,
	  { NS(".", NS_, 300, "a.root-servers.net.") },
	  .failure = SERVER },
	{ "N1: a referral is no answer, whatever the flags",
	  NO_RA | AA,
	  { NS("example.", NS_, 300, "ns.example.") },
	  .failure = SERVER },
	{ "N1: a referral with a SOA of another zone is no answer",
	  0,
	  { NS("example.", NS_, 300, "ns.example."), NS("b.", SOA, 300, "60") },
	  .failure = SERVER },
	{ "N1: nothing, and neither RA nor AA: it does not recurse",
	  NO_RA,
	  { { 0 } },
	  .failure = SERVER },
	{ "N1: NXDOMAIN, and neither RA nor AA: it does not recurse",
	  NO_RA | NXDOMAIN,
	  { { 0 } },
	  .failure = SERVER },
	{ "N1: a SOA, and neither RA nor AA: it does not recurse",
	  NO_RA,
	  { NS("example.", SOA, 300, "60") },
	  .failure = SERVER },
	{ "N1: FORMERR to EDNS",
	  KNOT_RCODE_FORMERR,
	  { { 0 } },
	  .failure = SERVER,
	  .no_edns = true },
	{ "N1: NOTIMP to EDNS", KNOT_RCODE_NOTIMPL, { { 0 } }, .failure = SERVER, .no_edns = true },
	{ "N1: BADVERS", 0, { OPTIONS(0x01000000, "") }, .failure = SERVER, .no_edns = true },
	{ "N3: SERVFAIL with EDE 6, DNSSEC Bogus", 2, { EDE("\6") }, .failure = BOGUS },
	{ "N3: SERVFAIL with EDE 5, DNSSEC Indeterminate", 2, { EDE("\5") }, .failure = BOGUS },
	{ "N3: SERVFAIL with EDE 7, Signature Expired", 2, { EDE("\7") }, .failure = BOGUS },
	{ "N3: SERVFAIL with EDE 9, DNSKEY Missing", 2, { EDE("\x09") }, .failure = BOGUS },
	{ "N3: SERVFAIL with EDE 10, RRSIGs Missing", 2, { EDE("\x0a") }, .failure = BOGUS },
	{ "N3: SERVFAIL with EDE 12, NSEC Missing", 2, { EDE("\x0c") }, .failure = BOGUS },
	{ "N3: SERVFAIL with EDE 4 is about something else", 2, { EDE("\4") }, .failure = SERVER },
	{ "N3: SERVFAIL with EDE 13 is about something else",
	  2,
	  { EDE("\x0d") },
	  .failure = SERVER },
	{ "N3: SERVFAIL with EDE 22 is about something else",
	  2,
	  { EDE("\x16") },
	  .failure = SERVER },
	{ "N3: EDE 6 with a text", 2, { OPTIONS(0, "\0\x0f\0\7\0\6bogus") }, .failure = BOGUS },
	{ "N3: EDE 6 behind another option",
	  2,
	  { OPTIONS(0, "\0\3\0\1x\0\x0f\0\2\0\6") },
	  .failure = BOGUS },
	{ "N3: an EDE without a code says nothing",
	  2,
	  { OPTIONS(0, "\0\x0f\0\0") },
	  .failure = SERVER },
	{ "N3: half a code says nothing", 2, { OPTIONS(0, "\0\x0f\0\1\6") }, .failure = SERVER },
	{ "N1: TC", TC, { { 0 } }, .failure = SERVER, .truncated = true },
	{ "N1: TC with some addresses: none of them counts",
	  TC,
	  { AN(WWW, A, 300, A1), OPTIONS(0, "") },
	  .failure = SERVER,
	  .truncated = true },
	{ "N1: two OPT records are malformed",
	  0,
	  { OPTIONS(0, ""), OPTIONS(0, "") },
	  .failure = SERVER },
	{ "N1: an OPT record whose options end early is malformed",
	  0,
	  { AN(WWW, A, 300, A1), OPTIONS(0, "\0\x0f\0\7\0\6") },
	  .failure = SERVER },
};

static void check_failure(void **state)
{
	const failure_row_t *row = *state;
	name_t name = make_name(WWW);
	aname_message_query_t query = make_query(name.at, A);
	begin(REPLY ^ row->header, name.at, A);
	put_records(row->records);
	read_exact(&query, wire, wire_len);
	assert_failure(row->failure);
	assert_int_equal(reply.no_edns, row->no_edns);
	assert_int_equal(reply.truncated, row->truncated);

	/* Without EDNS in the query there is nothing to leave out of the next. */
	query.edns = false;
	read_exact(&query, wire, wire_len);
	assert_failure(row->failure);
	assert_false(reply.no_edns);
	assert_int_equal(reply.truncated, row->truncated);
}

/* Whose reply it is. */

/*! A change of a good reply at an offset; offsets from the question's end are negative. */
typedef struct {
	const char *proves;
	int at;
	uint8_t octet;
	bool good;
} echo_row_t;

static const echo_row_t echo_rows[] = {
	{ "N1: an unchanged reply is good", 0, ID >> 8, true },
	{ "N1: another identifier", 1, 0, false },
	{ "N1: another identifier, upper octet", 0, 0, false },
	{ "N1: QR is not set", 2, 0x01, false },
	{ "N1: opcode NOTIFY", 2, 0xa1, false },
	{ "N1: opcode STATUS", 2, 0x91, false },
	{ "N1: no RD is good", 2, 0x80, true },
	{ "N1: AA is good", 2, 0x85, true },
	{ "N1: no RA is good", 3, 0x00, true },
	{ "N1: another name", 14, 'x', false },
	{ "N1: the name in another case", 14, 'W', true },
	{ "N1: another type", -3, KNOT_RRTYPE_NS, false },
	{ "N1: type ANY", -3, 255, false },
	{ "N1: another class", -1, KNOT_CLASS_CH, false },
	{ "N1: class ANY", -1, 255, false },
	{ "N1: no question", 5, 0, false },
	{ "N1: two questions", 5, 2, false },
};

static void check_echo(void **state)
{
	const echo_row_t *row = *state;
	name_t name = make_name(WWW);
	const aname_message_query_t query = make_query(name.at, A);
	begin(REPLY, name.at, A);
	size_t end = wire_len;
	put_record(&(record_t)AN(WWW, A, 300, A1));
	wire[row->at >= 0 ? (size_t)row->at : end + row->at] = row->octet;
	read_exact(&query, wire, wire_len);
	if (row->good) {
		assert_int_equal(reply.known, ANAME_KNOWN_ADDRESSES);
		assert_int_equal(reply.count, 1);
	} else {
		assert_failure(SERVER);
		assert_false(reply.truncated);
		assert_false(reply.no_edns);
	}
}

static void whole_name_in_upper_case(void **state)
{
	name_t name = make_name_longest('a'), upper = make_name_longest('A');
	const aname_message_query_t query = make_query(name.at, A);
	begin(REPLY, upper.at, A);
	put_addresses(A, 1, 300);
	read_exact(&query, wire, wire_len);
	assert_int_equal(reply.known, ANAME_KNOWN_ADDRESSES);
}

/* Chains. */

static void check_chain(unsigned length, bool backwards, bool good)
{
	name_t name = make_name("n0.");
	const aname_message_query_t query = make_query(name.at, A);
	begin(REPLY, name.at, A);
	for (unsigned i = 0; i < length; i++) {
		unsigned k = backwards ? length - 1 - i : i;
		char owner[16], target[16];
		(void)snprintf(owner, sizeof(owner), "n%u.", k);
		(void)snprintf(target, sizeof(target), "n%u.", k + 1);
		put_record(&(record_t)AN(owner, CNAME, 100 + k, target));
	}
	char end[16];
	(void)snprintf(end, sizeof(end), "n%u.", length);
	put_record(&(record_t)AN(end, A, 300, A1));
	read_exact(&query, wire, wire_len);
	if (good) {
		assert_int_equal(reply.known, ANAME_KNOWN_ADDRESSES);
		assert_int_equal(reply.count, 1);
		assert_int_equal(reply.ttl, length > 0 ? 100 : 300);
	} else {
		assert_failure(SERVER);
	}
}

static void chain_lengths(void **state)
{
	for (unsigned length = 0; length < 20; length++) {
		check_chain(length, false, length <= 16);
		check_chain(length, true, length <= 16);
	}
	check_chain(1000, false, false);
}

typedef struct {
	const char *proves;
	unsigned max_aliases;
	uint16_t header; /*!< Changes of REPLY. */
	record_t records[MOST_RECORDS + 1];
	const char *last; /*!< NULL: too long. */
	unsigned aliases;
	uint32_t ttl;
} end_row_t;

static const end_row_t end_rows[] = {
	{ "N1: an alias alone: its target is to be asked for",
	  16,
	  0,
	  { AN(WWW, CNAME, 200, "Target.Other.") },
	  "target.other.",
	  1,
	  200 },
	{ "N1: so it is whatever the server says of itself",
	  16,
	  NO_RA,
	  { AN(WWW, CNAME, 200, "b.") },
	  "b.",
	  1,
	  200 },
	{ "N1: a SOA of another zone does not end a chain",
	  16,
	  NO_RA | AA,
	  { AN(WWW, CNAME, 200, "b."), NS("example.", SOA, 5, "5") },
	  "b.",
	  1,
	  200 },
	{ "N1: an alias and a referral: the last name is to be asked for",
	  16,
	  NO_RA | AA,
	  { AN(WWW, CNAME, 200, "b.example."), NS("b.example.", NS_, 300, "ns.b.example.") },
	  "b.example.",
	  1,
	  200 },
	{ "N1: the end of several aliases, with the least TTL",
	  16,
	  0,
	  { AN("b.", CNAME, 5, "c."), AN("c.", CNAME, 300, "d."), AN(WWW, CNAME, 200, "b.") },
	  "d.",
	  3,
	  5 },
	{ "N1: addresses elsewhere on the chain do not end it",
	  16,
	  0,
	  { AN(WWW, CNAME, 200, "b."), AN(WWW, A, 300, A1) },
	  "b.",
	  1,
	  200 },
	{ "N1: an alias to the root", 16, 0, { AN(WWW, CNAME, 200, ".") }, ".", 1, 200 },
	{ "L1: as many aliases as there may be",
	  2,
	  0,
	  { AN(WWW, CNAME, 200, "b."), AN("b.", CNAME, 100, "c.") },
	  "c.",
	  2,
	  100 },
	{ "L1: one alias more than there may be",
	  1,
	  0,
	  { AN(WWW, CNAME, 200, "b."), AN("b.", CNAME, 100, "c.") },
	  NULL,
	  0,
	  0 },
	{ "L1: no more alias, where none may be any more",
	  0,
	  0,
	  { AN(WWW, CNAME, 200, "b."), AN("b.", A, 100, A1) },
	  NULL,
	  0,
	  0 },
};

static void check_end(void **state)
{
	const end_row_t *row = *state;
	name_t name = make_name(WWW);
	aname_message_query_t query = make_query(name.at, A);
	query.max_aliases = row->max_aliases;
	begin(REPLY ^ row->header, name.at, A);
	put_records(row->records);
	read_exact(&query, wire, wire_len);
	assert_int_equal(reply.unfinished, row->last != NULL);
	if (row->last == NULL) {
		assert_failure(SERVER);
		return;
	}
	name_t last = make_name(row->last);
	assert_memory_equal(reply.last, last.at, last.len);
	assert_int_equal(reply.aliases, row->aliases);
	assert_int_equal(reply.ttl, row->ttl);
}

static const record_t shuffled[] = {
	AN(WWW, CNAME, 50, "b."), AN("b.", CNAME, 40, "c."), AN("c.", CNAME, 30, "d."),
	AN("d.", A, 60, A1),      AN("e.", A, 1, A2),
};

/*! Writes the records in every order, and reads each. */
static unsigned permute(uint8_t *order, unsigned fixed)
{
	if (fixed < COUNT_OF(shuffled)) {
		unsigned sum = 0;
		for (unsigned i = fixed; i < COUNT_OF(shuffled); i++) {
			uint8_t swapped = order[i];
			order[i] = order[fixed];
			order[fixed] = swapped;
			sum += permute(order, fixed + 1);
			order[fixed] = order[i];
			order[i] = swapped;
		}
		return sum;
	}
	name_t name = make_name(WWW);
	const aname_message_query_t query = make_query(name.at, A);
	begin(REPLY, name.at, A);
	for (unsigned i = 0; i < COUNT_OF(shuffled); i++) {
		put_record(&shuffled[order[i]]);
	}
	read_exact(&query, wire, wire_len);
	assert_int_equal(reply.known, ANAME_KNOWN_ADDRESSES);
	assert_int_equal(reply.ttl, 30);
	assert_addresses((const char *const[]){ A1, NULL });
	return 1;
}

static void every_order(void **state)
{
	uint8_t order[] = { 0, 1, 2, 3, 4 };
	assert_int_equal(permute(order, 0), 120);
}

/* Sizes. */

static void check_many(uint16_t type, uint32_t count)
{
	name_t name = make_name(WWW);
	const aname_message_query_t query = make_query(name.at, type);
	begin(REPLY, name.at, type);
	put_addresses(type, count, 300);
	read_exact(&query, wire, wire_len);
	uint32_t expected = count < ANAME_ADDRESSES_MAX ? count : ANAME_ADDRESSES_MAX;
	assert_int_equal(reply.known, ANAME_KNOWN_ADDRESSES);
	assert_int_equal(reply.count, expected);
	assert_int_equal(reply.ttl, 300);
	for (uint32_t i = 0; i < expected; i++) {
		uint8_t address[16];
		make_address(address, reply.address_len, i);
		assert_memory_equal(reply.addresses + (size_t)i * reply.address_len, address,
		                    reply.address_len);
	}
}

static void many_addresses(void **state)
{
	const uint32_t counts[] = { 1000, 1023, 1024, 1025, 2000 };
	for (size_t i = 0; i < COUNT_OF(counts); i++) {
		check_many(A, counts[i]);
		check_many(AAAA, counts[i]);
	}
}

/*! Fills the reply up to `size` with one TXT-like record of a type that libknot does not know. */
static void pad(size_t size)
{
	count_one(KNOT_ADDITIONAL);
	put_u16(0xc00c);
	put_u16(65400);
	put_u16(KNOT_CLASS_IN);
	put_u32(0);
	put_u16(size - wire_len - 2);
	memset(wire + wire_len, 'x', size - wire_len);
	wire_len = size;
}

static void largest_reply(void **state)
{
	name_t name = make_name(WWW);
	const aname_message_query_t query = make_query(name.at, A);
	begin(REPLY, name.at, A);
	put_addresses(A, 1000, 300);
	size_t filled = wire_len;
	pad(65535);
	read_exact(&query, wire, wire_len);
	assert_int_equal(reply.known, ANAME_KNOWN_ADDRESSES);
	assert_int_equal(reply.count, 1000);

	begin(REPLY, name.at, A);
	put_addresses(A, 1000, 300);
	assert_int_equal(wire_len, filled);
	pad(65536);
	read_exact(&query, wire, wire_len);
	assert_failure(SERVER);
	read_exact(&query, wire, 65535);
	assert_failure(SERVER);
}

static void most_records(void **state)
{
	/* As many records as fit: 5,957 of the root without RDATA's need of a name. */
	name_t name = make_name(WWW);
	const aname_message_query_t query = make_query(name.at, A);
	begin(REPLY, name.at, A);
	put_addresses(A, 1, 300);
	while (wire_len + 11 <= 65535) {
		count_one(KNOT_ADDITIONAL);
		put_octets("", 1);
		put_u16(65400);
		put_u16(KNOT_CLASS_IN);
		put_u32(0);
		put_u16(0);
	}
	read_exact(&query, wire, wire_len);
	assert_int_equal(reply.known, ANAME_KNOWN_ADDRESSES);
	assert_int_equal(reply.count, 1);
}

static void small_and_empty(void **state)
{
	name_t name = make_name(WWW);
	const aname_message_query_t query = make_query(name.at, A);
	begin(REPLY, name.at, A);
	for (size_t len = 0; len <= KNOT_WIRE_HEADER_SIZE; len++) {
		read_exact(&query, wire, len);
		assert_failure(SERVER);
		assert_false(reply.truncated);
	}
}

static void cut_anywhere(void **state)
{
	name_t name = make_name(WWW);
	const aname_message_query_t query = make_query(name.at, A);
	begin(REPLY, name.at, A);
	put_records((const record_t[]){ AN(WWW, CNAME, 300, "b."),
	                                AN("b.", A, 300, A1),
	                                NS("example.", SOA, 300, "60"),
	                                AR("b.", AAAA, 300, AAAA1),
	                                EDE("\3"),
	                                { 0 } });
	for (size_t len = 0; len < wire_len; len++) {
		read_exact(&query, wire, len);
		assert_failure(SERVER);
	}
	read_exact(&query, wire, wire_len);
	assert_int_equal(reply.known, ANAME_KNOWN_ADDRESSES);
}

static void octets_behind(void **state)
{
	name_t name = make_name(WWW);
	const aname_message_query_t query = make_query(name.at, A);
	begin(REPLY, name.at, A);
	put_record(&(record_t)AN(WWW, A, 300, A1));
	size_t end = wire_len;
	for (size_t more = 1; more < 40; more++) {
		memset(wire + end, more, more);
		read_exact(&query, wire, end + more);
		assert_failure(SERVER);
	}
}

/*! The count says more, or fewer, records than there are. */
static void wrong_counts(void **state)
{
	name_t name = make_name(WWW);
	const aname_message_query_t query = make_query(name.at, A);
	for (size_t at = 7; at <= 11; at += 2) {
		for (unsigned count = 0; count < 4; count++) {
			begin(REPLY, name.at, A);
			put_records((const record_t[]){ AN(WWW, A, 300, A1),
			                                NS("example.", SOA, 300, "60"),
			                                AR("b.", A, 300, A2),
			                                { 0 } });
			wire[at] = count;
			read_exact(&query, wire, wire_len);
			assert_int_equal(reply.failure == ANAME_FAILURE_NONE, count == 1);
		}
	}
}

/* Compression. */

static void put_pointer_record(uint16_t pointer, uint16_t type, const void *data, uint16_t size)
{
	count_one(KNOT_ANSWER);
	put_u16(pointer);
	put_u16(type);
	put_u16(KNOT_CLASS_IN);
	put_u32(300);
	put_u16(size);
	put_octets(data, size);
}

static void pointers(void **state)
{
	name_t name = make_name(WWW);
	const aname_message_query_t query = make_query(name.at, A);
	begin(REPLY, name.at, A);
	/* www CNAME b.example, whose last label is a pointer to the question. */
	size_t alias = wire_len;
	put_pointer_record(0xc00c, CNAME, "\1b\xc0\x10", 4);
	put_pointer_record(0xc000 | (alias + 12), A, "\xc0\0\2\1", 4);
	read_exact(&query, wire, wire_len);
	assert_int_equal(reply.known, ANAME_KNOWN_ADDRESSES);
	assert_addresses((const char *const[]){ A1, NULL });

	/* Pointers to themselves, forward, into the header, past the end. */
	const uint16_t bad[] = { 0xc000 | alias, 0xc000 | (alias + 2), 0xc0ff, 0xffff };
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		begin(REPLY, name.at, A);
		put_pointer_record(bad[i], A, "\xc0\0\2\1", 4);
		read_exact(&query, wire, wire_len);
		assert_failure(SERVER);
	}
}

/* Records whose RDATA is not what the type says. */

typedef struct {
	const char *proves;
	uint16_t type, rclass, size;
	const char *data;
	bool good; /*!< Ignored as a record; otherwise the reply is malformed. */
} rdata_row_t;

static const rdata_row_t rdata_rows[] = {
	{ "N1: an A record of 3 octets", A, KNOT_CLASS_IN, 3, "abc", false },
	{ "N1: an A record of 5 octets", A, KNOT_CLASS_IN, 5, "abcde", false },
	{ "N1: an A record without RDATA", A, KNOT_CLASS_IN, 0, "", false },
	{ "N1: an AAAA record of 15 octets", AAAA, KNOT_CLASS_IN, 15, "0123456789abcde", false },
	{ "N1: a CNAME record without RDATA", CNAME, KNOT_CLASS_IN, 0, "", false },
	{ "N1: a CNAME record with half a name", CNAME, KNOT_CLASS_IN, 2, "\3c", false },
	{ "N1: a SOA record without RDATA", SOA, KNOT_CLASS_IN, 0, "", false },
	{ "N1: a SOA record of two names only", SOA, KNOT_CLASS_IN, 2, "\0\0", false },
	{ "N1: a SOA record of 21 octets", SOA, KNOT_CLASS_IN, 21, "\0\0abcdefghijklmnopqrs",
	  false },
	/* libknot takes records of other classes without RDATA; from 3.5 on, of NONE and ANY. */
	{ "N1: an A record of another class without RDATA", A, KNOT_CLASS_CH, 0, "", true },
	{ "N1: a CNAME record of another class without RDATA", CNAME, KNOT_CLASS_CH, 0, "", true },
	{ "N1: a SOA record of another class without RDATA", SOA, KNOT_CLASS_CH, 0, "", true },
	{ "N1: a SOA record of class NONE without RDATA", SOA, KNOT_CLASS_NONE, 0, "", true },
	{ "N1: a SOA record of class ANY without RDATA", SOA, KNOT_CLASS_ANY, 0, "", true },
};

static void check_rdata(void **state)
{
	const rdata_row_t *row = *state;
	name_t name = make_name(WWW);
	const uint16_t types[] = { A, AAAA };
	for (knot_section_t section = KNOT_ANSWER; section <= KNOT_ADDITIONAL; section++) {
		for (size_t i = 0; i < COUNT_OF(types); i++) {
			const aname_message_query_t query = make_query(name.at, types[i]);
			begin(REPLY, name.at, types[i]);
			count_one(section);
			put_u16(0xc00c);
			put_u16(row->type);
			put_u16(row->rclass);
			put_u32(300);
			put_u16(row->size);
			put_octets(row->data, row->size);
			read_exact(&query, wire, wire_len);
			if (row->good && reply.failure == ANAME_FAILURE_NONE) {
				assert_int_equal(reply.known, ANAME_KNOWN_NODATA);
				assert_true(reply.bare);
			} else {
				assert_failure(SERVER);
			}
		}
	}
}

/* Replies to EDNS of servers that never heard of it. */

static void bare_formerr(void **state)
{
	name_t name = make_name(WWW);
	aname_message_query_t query = make_query(name.at, A);
	begin(REPLY | KNOT_RCODE_FORMERR, name.at, A);
	wire[5] = 0;
	read_exact(&query, wire, KNOT_WIRE_HEADER_SIZE);
	assert_failure(SERVER);
	assert_true(reply.no_edns);

	/* Not if the query was without, nor if the header is of another reply or rcode. */
	query.edns = false;
	read_exact(&query, wire, KNOT_WIRE_HEADER_SIZE);
	assert_failure(SERVER);
	assert_false(reply.no_edns);
	query.edns = true;
	query.id = ID + 1;
	read_exact(&query, wire, KNOT_WIRE_HEADER_SIZE);
	assert_failure(SERVER);
	assert_false(reply.no_edns);
	query.id = ID;
	wire[3] = KNOT_RCODE_NOERROR;
	read_exact(&query, wire, KNOT_WIRE_HEADER_SIZE);
	assert_failure(SERVER);
	assert_false(reply.no_edns);
}

static void edns_or_not(void **state)
{
	name_t name = make_name(WWW);
	for (unsigned asked = 0; asked < 2; asked++) {
		for (unsigned answered = 0; answered < 2; answered++) {
			aname_message_query_t query = make_query(name.at, A);
			query.edns = asked;
			begin(REPLY, name.at, A);
			put_record(&(record_t)AN(WWW, A, 300, A1));
			if (answered) {
				put_record(&(record_t)OPTIONS(0, ""));
			}
			read_exact(&query, wire, wire_len);
			assert_int_equal(reply.known, ANAME_KNOWN_ADDRESSES);
		}
	}
}

/* Client subnets. */

typedef struct {
	const char *proves;
	const char *option;
	uint16_t size;
	bool used; /*!< The reply is for whom it was asked. */
	uint8_t scope;
} subnet_row_t;

#define ECS(octets) (octets), sizeof(octets) - 1

/* The query's is 192.0.2.0/24. */
static const subnet_row_t subnet_rows[] = {
	{ "N4: no subnet in the reply: it is for everybody", ECS(""), true, 0 },
	{ "N4: scope 24", ECS("\0\x08\0\7\0\1\x18\x18\xc0\0\2"), true, 24 },
	{ "N4: scope 0", ECS("\0\x08\0\7\0\1\x18\0\xc0\0\2"), true, 0 },
	{ "N4: scope 16", ECS("\0\x08\0\7\0\1\x18\x10\xc0\0\2"), true, 16 },
	{ "N4: scope 32", ECS("\0\x08\0\7\0\1\x18\x20\xc0\0\2"), true, 32 },
	{ "N4: another subnet is none", ECS("\0\x08\0\7\0\1\x18\x18\xc0\0\3"), false, 0 },
	{ "N4: a shorter prefix is another", ECS("\0\x08\0\6\0\1\x10\x10\xc0\0"), false, 0 },
	{ "N4: a longer prefix is another", ECS("\0\x08\0\x08\0\1\x20\x20\xc0\0\2\0"), false, 0 },
	{ "N4: another family is none", ECS("\0\x08\0\7\0\2\x18\x18\xc0\0\2"), false, 0 },
	{ "N4: prefix 0 is another", ECS("\0\x08\0\4\0\1\0\0"), false, 0 },
	{ "N4: an unknown family is none", ECS("\0\x08\0\7\0\3\x18\x18\xc0\0\2"), false, 0 },
	{ "N4: a scope of 33 is none", ECS("\0\x08\0\7\0\1\x18\x21\xc0\0\2"), false, 0 },
	{ "N4: a subnet cut short is none", ECS("\0\x08\0\6\0\1\x18\x18\xc0\0"), false, 0 },
	{ "N4: an empty option is none", ECS("\0\x08\0\0"), false, 0 },
	{ "N4: bits behind the prefix are none", ECS("\0\x08\0\7\0\1\x17\x17\xc0\0\3"), false, 0 },
};

static void check_subnet(void **state)
{
	const subnet_row_t *row = *state;
	name_t name = make_name(WWW);
	const knot_edns_client_subnet_t subnet = { .family = 1,
		                                   .source_len = 24,
		                                   .address = { 192, 0, 2 } };
	aname_message_query_t query = make_query(name.at, A);
	query.subnet = &subnet;
	begin(REPLY, name.at, A);
	put_records((const record_t[]){
	        AN(WWW, A, 300, A1), OPTIONS_OF(0, row->option, row->size), { 0 } });
	read_exact(&query, wire, wire_len);
	assert_int_equal(reply.known, row->used ? ANAME_KNOWN_ADDRESSES : ANAME_KNOWN_NOTHING);
	assert_int_equal(reply.scope, row->scope);

	/* Unasked for it says nothing. */
	query.subnet = NULL;
	read_exact(&query, wire, wire_len);
	assert_int_equal(reply.scope, 0);
	assert_int_equal(reply.known, ANAME_KNOWN_ADDRESSES);
}

/*! N4: a server that does not take the subnet, but knows EDNS, is asked without it. */
static void subnet_refused(void **state)
{
	static const uint16_t rcodes[] = { KNOT_RCODE_REFUSED, KNOT_RCODE_FORMERR,
		                           KNOT_RCODE_NOTIMPL };
	name_t name = make_name(WWW);
	const knot_edns_client_subnet_t subnet = { .family = 1, .source_len = 24 };
	for (size_t i = 0; i < sizeof(rcodes) / sizeof(rcodes[0]); i++) {
		aname_message_query_t query = make_query(name.at, A);
		query.subnet = &subnet;
		begin(REPLY | rcodes[i], name.at, A);
		put_record(&(record_t)OPTIONS(0, ""));
		read_exact(&query, wire, wire_len);
		assert_int_equal(reply.failure, ANAME_FAILURE_SERVER);
		assert_true(reply.no_subnet);
		assert_false(reply.no_edns);

		query.subnet = NULL;
		read_exact(&query, wire, wire_len);
		assert_false(reply.no_subnet);
		assert_int_equal(reply.no_edns, rcodes[i] != KNOT_RCODE_REFUSED);
	}
}

static void odd_prefix(void **state)
{
	/* 2001:db8:8000::/33: the last octet of the address counts by its first bit only. */
	name_t name = make_name(WWW);
	const knot_edns_client_subnet_t subnet = { .family = 2,
		                                   .source_len = 33,
		                                   .address = { 0x20, 1, 0xd, 0xb8, 0x80 } };
	aname_message_query_t query = make_query(name.at, AAAA);
	query.subnet = &subnet;
	begin(REPLY, name.at, AAAA);
	put_record(&(record_t)OPTIONS(0, "\0\x08\0\x09\0\2\x21\x38\x20\1\x0d\xb8\x80"));
	read_exact(&query, wire, wire_len);
	assert_int_equal(reply.known, ANAME_KNOWN_NODATA);
	assert_int_equal(reply.scope, 56);
}

/* Queries. */

typedef struct {
	const char *proves;
	uint16_t type;
	bool edns, authentic, longest;
	knot_edns_client_subnet_t subnet; /*!< Family 0: none. */
} build_row_t;

static const build_row_t build_rows[] = {
	{ "N1: a question without EDNS", A, false, false, false, { 0 } },
	{ "N1: a question with EDNS", A, true, false, false, { 0 } },
	{ "N1: a question for AAAA", AAAA, true, false, false, { 0 } },
	{ "N3: a question that wants AD", A, true, true, false, { 0 } },
	{ "N3: a question that wants AD, without EDNS", AAAA, false, true, false, { 0 } },
	{ "N1: the longest name", A, true, true, true, { 0 } },
	{ "N4: an IPv4 subnet", A, true, false, false, { 1, 24, 0, { 192, 0, 2 } } },
	{ "N4: an IPv4 host", A, true, false, false, { 1, 32, 0, { 192, 0, 2, 1 } } },
	{ "N4: prefix 0", A, true, false, false, { 1, 0, 0, { 0 } } },
	{ "N4: a prefix within an octet", A, true, false, false, { 1, 9, 0, { 10, 128 } } },
	{ "N4: an IPv6 subnet", AAAA, true, true, false, { 2, 56, 0, { 0x20, 1, 0xd, 0xb8 } } },
	{ "N4: the longest name with an IPv6 host",
	  AAAA,
	  true,
	  true,
	  true,
	  { 2, 128, 0, { 0x20, 1, 0xd, 0xb8, [15] = 1 } } },
};

static void assert_edns(const knot_pkt_t *pkt, const build_row_t *row)
{
	if (!row->edns) {
		assert_null(pkt->opt_rr);
		assert_int_equal(knot_wire_get_arcount(pkt->wire), 0);
		return;
	}
	assert_non_null(pkt->opt_rr);
	assert_int_equal(knot_edns_get_payload(pkt->opt_rr), 1232);
	assert_int_equal(knot_edns_get_version(pkt->opt_rr), 0);
	assert_int_equal(knot_wire_get_arcount(pkt->wire), 1);
	assert_false(knot_edns_do(pkt->opt_rr));
	uint8_t *option = knot_pkt_edns_option(pkt, KNOT_EDNS_OPTION_CLIENT_SUBNET);
	assert_int_equal(option != NULL, row->subnet.family != 0);
	if (option == NULL) {
		assert_int_equal(pkt->opt_rr->rrs.rdata->len, 0);
		return;
	}
	knot_edns_client_subnet_t subnet;
	assert_int_equal(knot_edns_client_subnet_parse(&subnet, knot_edns_opt_get_data(option),
	                                               knot_edns_opt_get_length(option)),
	                 KNOT_EOK);
	assert_int_equal(subnet.family, row->subnet.family);
	assert_int_equal(subnet.source_len, row->subnet.source_len);
	assert_int_equal(subnet.scope_len, 0);
	assert_memory_equal(subnet.address, row->subnet.address, (subnet.source_len + 7) / 8);
}

static int build(const build_row_t *row, const name_t *name, uint8_t *to)
{
	const aname_message_query_t query = { .name = name->at,
		                              .type = row->type,
		                              .id = 0xabcd,
		                              .edns = row->edns,
		                              .authentic = row->authentic,
		                              .subnet = row->subnet.family != 0 ? &row->subnet
		                                                                : NULL };
	return aname_message_build(&query, to);
}

static void check_build(void **state)
{
	const build_row_t *row = *state;
	name_t name = row->longest ? make_name_longest('a') : make_name("www.example.");
	uint8_t *built = malloc(ANAME_MESSAGE_QUERY_MAX);
	assert_non_null(built);
	int len = build(row, &name, built);
	assert_in_range(len, KNOT_WIRE_HEADER_SIZE + name.len + 4, ANAME_MESSAGE_QUERY_MAX);

	uint8_t *copy = malloc(len);
	assert_non_null(copy);
	memcpy(copy, built, len);
	free(built);
	knot_pkt_t *pkt = knot_pkt_new(copy, len, NULL);
	assert_non_null(pkt);
	assert_int_equal(knot_pkt_parse(pkt, 0), KNOT_EOK);
	assert_int_equal(knot_wire_get_id(pkt->wire), 0xabcd);
	assert_int_equal(knot_wire_get_flags1(pkt->wire), KNOT_WIRE_RD_MASK);
	assert_int_equal(knot_wire_get_flags2(pkt->wire), row->authentic ? KNOT_WIRE_AD_MASK : 0);
	assert_int_equal(knot_wire_get_qdcount(pkt->wire), 1);
	assert_int_equal(knot_wire_get_ancount(pkt->wire), 0);
	assert_int_equal(knot_wire_get_nscount(pkt->wire), 0);
	assert_true(knot_dname_is_equal(knot_pkt_qname(pkt), name.at));
	assert_int_equal(knot_pkt_qtype(pkt), row->type);
	assert_int_equal(knot_pkt_qclass(pkt), KNOT_CLASS_IN);
	assert_edns(pkt, row);
	knot_pkt_free(pkt);
	free(copy);
}

static void root_is_asked_for(void **state)
{
	name_t root = make_name(".");
	uint8_t built[ANAME_MESSAGE_QUERY_MAX];
	assert_int_equal(build(&build_rows[0], &root, built), KNOT_WIRE_HEADER_SIZE + 1 + 4);
}

static void bad_subnet(void **state)
{
	name_t name = make_name(WWW);
	const build_row_t row = { .type = A, .edns = true, .subnet = { .family = 77 } };
	uint8_t built[ANAME_MESSAGE_QUERY_MAX];
	assert_true(build(&row, &name, built) < 0);
}

/*! A query is no reply to itself. */
static void reflected(void **state)
{
	name_t name = make_name(WWW);
	uint8_t built[ANAME_MESSAGE_QUERY_MAX];
	int len = build(&build_rows[1], &name, built);
	assert_true(len > 0);
	aname_message_query_t query = make_query(name.at, A);
	query.id = 0xabcd;
	read_exact(&query, built, len);
	assert_failure(SERVER);
}

/* Out of memory. */

static bool try_read(void *ctx)
{
	name_t name = make_name(WWW);
	const aname_message_query_t query = make_query(name.at, A);
	aname_message_read(&query, wire, wire_len, &reply);
	assert_int_equal(reply.known == ANAME_KNOWN_NOTHING, reply.detail != NULL);
	assert_int_equal(reply.known == ANAME_KNOWN_NOTHING, reply.failure != ANAME_FAILURE_NONE);
	return reply.failure == ANAME_FAILURE_NONE;
}

static void no_memory_to_read(void **state)
{
	name_t name = make_name(WWW);
	begin(REPLY, name.at, A);
	put_record(&(record_t)AN(WWW, A, 300, A1));
	assert_true(alloc_fail_each(try_read, NULL) > 0);
}

static bool try_build(void *ctx)
{
	name_t name = make_name(WWW);
	uint8_t built[ANAME_MESSAGE_QUERY_MAX];
	return build(ctx, &name, built) > 0;
}

static void no_memory_to_build(void **state)
{
	for (size_t i = 0; i < COUNT_OF(build_rows); i++) {
		(void)alloc_fail_each(try_build, (void *)&build_rows[i]);
	}
}

/* Mutations. */

/*! Writes one of some replies of all kinds. */
static void put_seed(uint32_t number)
{
	name_t name = make_name(WWW);
	if (number % 8 == 0) {
		begin(REPLY, name.at, A);
		put_addresses(A, number % 40, 300);
	} else if (number % 8 == 1) {
		const failure_row_t *row = &failure_rows[number / 8 % COUNT_OF(failure_rows)];
		begin(REPLY ^ row->header, name.at, A);
		put_records(row->records);
	} else {
		const row_t *row = &rows[number / 8 % COUNT_OF(rows)];
		begin(REPLY ^ row->header, name.at, row->type);
		put_records(row->records);
		if (number % 8 == 2) {
			put_record(&(record_t)OPTIONS(0, "\0\x08\0\7\0\1\x18\x10\xc0\0\2"));
		}
	}
}

static void mutate(random_t *random)
{
	unsigned changes = 1 + random_below(random, 4);
	for (unsigned i = 0; i < changes; i++) {
		/* Mostly behind the identifier: replies to others end at once. */
		size_t at = 2 + random_below(random, wire_len - 2);
		switch (random_below(random, 5)) {
		case 0: wire[at] ^= 1 << random_below(random, 8); break;
		case 1: wire[at] = random_next(random); break;
		case 2: wire[at] = random_below(random, 2) ? 0 : 0xff; break;
		case 3: wire[at] = 0xc0; break;
		default:
			if (wire_len > 13) {
				memmove(wire + at, wire + at + 1, wire_len - at - 1);
				wire_len--;
			}
		}
	}
	if (random_below(random, 8) == 0) {
		wire_len = 1 + random_below(random, wire_len);
	}
}

static void mutations(void **state)
{
	random_t random = { 1035 };
	name_t name = make_name(WWW);
	const knot_edns_client_subnet_t subnet = { .family = 1,
		                                   .source_len = 24,
		                                   .address = { 192, 0, 2 } };
	unsigned good = 0, bad = 0;
	for (unsigned i = 0; i < 100000; i++) {
		put_seed(random_next(&random));
		mutate(&random);
		aname_message_query_t query = make_query(name.at, i % 2 ? A : AAAA);
		query.edns = i % 3 != 0;
		query.subnet = query.edns && i % 5 == 0 ? &subnet : NULL;
		read_exact(&query, wire, wire_len);
		good += reply.failure == ANAME_FAILURE_NONE;
		bad += reply.failure != ANAME_FAILURE_NONE;
	}
	/* Both kinds occurred. */
	assert_true(good > 5000);
	assert_true(bad > 5000);
}

static void noise(void **state)
{
	random_t random = { 2181 };
	name_t name = make_name(WWW);
	const aname_message_query_t query = make_query(name.at, A);
	for (unsigned i = 0; i < 50000; i++) {
		size_t len = random_below(&random, 200);
		random_fill(&random, wire, len);
		if (i % 2 && len > 4) {
			knot_wire_write_u16(wire, ID);
			wire[2] = 0x81;
		}
		read_exact(&query, wire, len);
		assert_int_equal(reply.known, ANAME_KNOWN_NOTHING);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PROVES("N1: the longest name in the other case is the same",
		       whole_name_in_upper_case),
		PROVES("L1: chains of 0 to 16 aliases are followed, longer ones fail",
		       chain_lengths),
		PROVES("N1: a chain of three aliases in all 120 orders", every_order),
		PROVES("L1: 1,000 addresses are taken, 1,024 of 2,000", many_addresses),
		PROVES("L1: a reply of 65,535 octets is read, one more is a failure",
		       largest_reply),
		PROVES("L1: a reply of as many records as fit is read", most_records),
		PROVES("N1: a reply of at most a header is a failure", small_and_empty),
		PROVES("N1: a reply cut anywhere is a failure", cut_anywhere),
		PROVES("N1: octets behind the reply are a failure", octets_behind),
		PROVES("N1: more or fewer records than counted are a failure", wrong_counts),
		PROVES("N1: names are decompressed, bad pointers are a failure", pointers),
		PROVES("N4: a server that does not take the subnet is asked without",
		       subnet_refused),
		PROVES("N1: a bare header with FORMERR is a no to EDNS", bare_formerr),
		PROVES("N1: EDNS in the query and in the reply do not hang together", edns_or_not),
		PROVES("N4: a prefix that ends within an octet is compared whole", odd_prefix),
		PROVES("N1: the root is asked for in 17 octets", root_is_asked_for),
		PROVES("N4: a subnet of no known family builds no query", bad_subnet),
		PROVES("N1: the query itself is no reply", reflected),
		PROVES("N1: out of memory: a failure, nothing leaked", no_memory_to_read),
		PROVES("N1: out of memory: no query, nothing leaked", no_memory_to_build),
		PROVES("N1: 100,000 mutated replies are read or fail", mutations),
		PROVES("N1: 50,000 pieces of noise fail", noise),
	};
	return RUN_ROWS("message: queries", build_rows, check_build) +
	       RUN_ROWS("message: whose reply it is", echo_rows, check_echo) +
	       RUN_ROWS("message: answers", rows, check_row) +
	       RUN_ROWS("message: failures", failure_rows, check_failure) +
	       RUN_ROWS("message: chains without an end", end_rows, check_end) +
	       RUN_ROWS("message: RDATA", rdata_rows, check_rdata) +
	       RUN_ROWS("message: client subnets", subnet_rows, check_subnet) +
	       RUN_TESTS("message: the rest", tests);
}
