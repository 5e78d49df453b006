#include "support/packets.h"

#include <arpa/inet.h>
#include <arpa/nameser.h>

#include <libknot/libknot.h>

#include "support/make.h"
#include "support/test.h"

void reply_init_in(reply_t *reply, const char *qname, uint16_t qtype, uint16_t max, knot_mm_t *mm)
{
	*reply = (reply_t){ .pkt = knot_pkt_new(NULL, max, mm) };
	assert_non_null(reply->pkt);
	name_t name = make_name(qname);
	assert_int_equal(knot_pkt_put_question(reply->pkt, name.at, KNOT_CLASS_IN, qtype),
	                 KNOT_EOK);
	knot_wire_set_qr(reply->pkt->wire);
	assert_int_equal(knot_pkt_begin(reply->pkt, KNOT_ANSWER), KNOT_EOK);
}

void reply_deinit(reply_t *reply)
{
	knot_pkt_free(reply->pkt);
	for (unsigned i = 0; i < reply->kept_count; i++) {
		knot_rrset_free(reply->kept[i], NULL);
	}
}

void reply_init(reply_t *reply, const char *qname, uint16_t qtype, uint16_t max)
{
	reply_init_in(reply, qname, qtype, max, NULL);
}

static size_t write_name(uint8_t *at, const char *text)
{
	name_t name = make_name(text);
	memcpy(at, name.at, name.len);
	return name.len;
}

static size_t write_soa(uint8_t *at, const char *text)
{
	char mname[128], rname[128];
	unsigned minimum;
	assert_int_equal(sscanf(text, "%127s %127s %u", mname, rname, &minimum), 3);
	size_t len = write_name(at, mname);
	len += write_name(at + len, rname);
	const uint32_t numbers[] = { 1, 3600, 900, 86400, minimum };
	for (size_t i = 0; i < COUNT_OF(numbers); i++, len += 4) {
		knot_wire_write_u32(at + len, numbers[i]);
	}
	return len;
}

/*! Numbers of 16 bits, then a name. */
static size_t write_numbers_name(uint8_t *at, const char *text, unsigned numbers)
{
	size_t len = 0;
	for (unsigned i = 0; i < numbers; i++, len += 2) {
		char *end;
		knot_wire_write_u16(at + len, strtoul(text, &end, 10));
		text = end + 1;
	}
	return len + write_name(at + len, text);
}

static size_t write_rdata(uint8_t *at, uint16_t type, const char *text)
{
	switch (type) {
	case KNOT_RRTYPE_A: assert_int_equal(inet_pton(AF_INET, text, at), 1); return 4;
	case KNOT_RRTYPE_AAAA: assert_int_equal(inet_pton(AF_INET6, text, at), 1); return 16;
	case KNOT_RRTYPE_MX: return write_numbers_name(at, text, 1);
	case KNOT_RRTYPE_SRV: return write_numbers_name(at, text, 3);
	case KNOT_RRTYPE_SOA: return write_soa(at, text);
	case KNOT_RRTYPE_TXT:
		*at = strlen(text);
		memcpy(at + 1, text, *at);
		return 1 + *at;
	default: return write_name(at, text);
	}
}

knot_rrset_t reply_make_set(const set_t *set)
{
	knot_rrset_t rrset;
	knot_dname_t *owner = knot_dname_from_str_alloc(set->owner);
	assert_non_null(owner);
	knot_rrset_init(&rrset, owner, set->type, KNOT_CLASS_IN, set->ttl);
	for (size_t i = 0; i < SET_RECORDS_MAX && set->records[i] != NULL; i++) {
		uint8_t rdata[512];
		size_t len = write_rdata(rdata, set->type, set->records[i]);
		assert_int_equal(knot_rrset_add_rdata(&rrset, rdata, len, NULL), KNOT_EOK);
	}
	return rrset;
}

int reply_put(reply_t *reply, const set_t *set, uint16_t compr_hint)
{
	while (reply->pkt->current < set->section) {
		assert_int_equal(knot_pkt_begin(reply->pkt, reply->pkt->current + 1), KNOT_EOK);
	}
	knot_rrset_t rrset = reply_make_set(set);
	int ret = knot_pkt_put(reply->pkt, compr_hint, &rrset, set->flags);
	if (ret != KNOT_EOK) {
		knot_rrset_clear(&rrset, NULL);
	} else if (!(set->flags & KNOT_PF_FREE)) {
		knot_rrset_t *kept = malloc(sizeof(*kept));
		assert_non_null(kept);
		assert_true(reply->kept_count < COUNT_OF(reply->kept));
		*kept = rrset;
		reply->kept[reply->kept_count++] = kept;
	}
	return ret;
}

void reply_put_all(reply_t *reply, const set_t *sets)
{
	for (; sets->owner != NULL; sets++) {
		assert_int_equal(reply_put(reply, sets, KNOT_COMPR_HINT_NONE), KNOT_EOK);
	}
}

static void describe(FILE *to, knot_section_t section, const knot_rrset_t *rrset, uint32_t ttl)
{
	knot_dname_txt_storage_t owner;
	assert_non_null(knot_dname_to_str(owner, rrset->owner, sizeof(owner)));
	knot_rdata_t *rdata = rrset->rrs.rdata;
	for (unsigned i = 0; i < rrset->rrs.count; i++, rdata = knot_rdataset_next(rdata)) {
		(void)fprintf(to, "%d %s %u %u ", section, owner, rrset->type, ttl);
		for (unsigned k = 0; k < rdata->len; k++) {
			(void)fprintf(to, "%02x", rdata->data[k]);
		}
		(void)fprintf(to, "\n");
	}
}

char *reply_parse(const knot_pkt_t *pkt)
{
	/* Exactly the octets that were written, so that a pointer past them is found out. */
	uint8_t *wire = malloc(pkt->size);
	assert_non_null(wire);
	memcpy(wire, pkt->wire, pkt->size);
	knot_pkt_t *parsed = knot_pkt_new(wire, pkt->size, NULL);
	assert_non_null(parsed);
	assert_int_equal(knot_pkt_parse(parsed, 0), KNOT_EOK);

	char *text = NULL;
	size_t size = 0;
	FILE *to = open_memstream(&text, &size);
	assert_non_null(to);
	for (knot_section_t s = KNOT_ANSWER; s <= KNOT_ADDITIONAL; s++) {
		const knot_pktsection_t *section = knot_pkt_section(parsed, s);
		for (unsigned i = 0; i < section->count; i++) {
			const knot_rrset_t *rrset = knot_pkt_rr(section, i);
			describe(to, s, rrset, rrset->ttl);
		}
	}
	(void)fclose(to);
	knot_pkt_free(parsed);
	free(wire);
	return text;
}

/*! Octets before the names in RDATA, and how many names there are, by type. */
static unsigned names_in(uint16_t type, unsigned *before)
{
	*before = type == KNOT_RRTYPE_MX ? 2 : type == KNOT_RRTYPE_SRV ? 6 : 0;
	switch (type) {
	case KNOT_RRTYPE_SOA: return 2;
	case KNOT_RRTYPE_CNAME:
	case KNOT_RRTYPE_DNAME:
	case KNOT_RRTYPE_NS:
	case KNOT_RRTYPE_MX:
	case KNOT_RRTYPE_SRV: return 1;
	default: return 0;
	}
}

static void print_octets(FILE *to, const uint8_t *at, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		(void)fprintf(to, "%02x", at[i]);
	}
}

static void describe_alone(FILE *to, ns_msg *message, ns_sect section, const ns_rr *rr)
{
	const char *owner = ns_rr_name(*rr);
	bool root = owner[0] == '\0' || strcmp(owner, ".") == 0;
	(void)fprintf(to, "%d %s. %u %u ", section - ns_s_an, root ? "" : owner, ns_rr_type(*rr),
	              ns_rr_ttl(*rr));
	const uint8_t *at = ns_rr_rdata(*rr), *end = at + ns_rr_rdlen(*rr);
	unsigned before;
	unsigned names = names_in(ns_rr_type(*rr), &before);
	print_octets(to, at, before);
	at += before;
	for (unsigned i = 0; i < names; i++) {
		uint8_t name[NS_MAXCDNAME];
		int len = ns_name_unpack(ns_msg_base(*message), ns_msg_end(*message), at, name,
		                         sizeof(name));
		assert_in_range(len, 1, end - at);
		print_octets(to, name, knot_dname_size(name));
		at += len;
	}
	print_octets(to, at, end - at);
	(void)fprintf(to, "\n");
}

char *reply_parse_alone(const knot_pkt_t *pkt)
{
	ns_msg message;
	assert_int_equal(ns_initparse(pkt->wire, (int)pkt->size, &message), 0);
	char *text = NULL;
	size_t size = 0;
	FILE *to = open_memstream(&text, &size);
	assert_non_null(to);
	for (ns_sect s = ns_s_an; s <= ns_s_ar; s++) {
		for (int i = 0; i < ns_msg_count(message, s); i++) {
			ns_rr rr;
			assert_int_equal(ns_parserr(&message, s, i, &rr), 0);
			describe_alone(to, &message, s, &rr);
		}
	}
	(void)fclose(to);
	return text;
}

static uint32_t minimum_of(const set_t *set)
{
	const char *last = strrchr(set->records[0], ' ');
	assert_non_null(last);
	return strtoul(last, NULL, 10);
}

char *reply_expect(const set_t *sets, int without)
{
	char *text = NULL;
	size_t size = 0;
	FILE *to = open_memstream(&text, &size);
	assert_non_null(to);
	for (int i = 0; sets[i].owner != NULL; i++) {
		if (i == without) {
			continue;
		}
		knot_rrset_t rrset = reply_make_set(&sets[i]);
		uint32_t ttl = rrset.ttl;
		if ((sets[i].flags & KNOT_PF_SOAMINTTL) && minimum_of(&sets[i]) < ttl) {
			ttl = minimum_of(&sets[i]);
		}
		describe(to, sets[i].section, &rrset, ttl);
		knot_rrset_clear(&rrset, NULL);
	}
	(void)fclose(to);
	return text;
}

void reply_assert(const reply_t *reply, const set_t *sets, int without)
{
	char *text = reply_parse(reply->pkt);
	char *expected = reply_expect(sets, without);
	assert_string_equal(text, expected);
	/* Not free() of the tests: the stream allocated them. */
	free(text);
	free(expected);
}
