#include "support/test.h"

#include <libknot/libknot.h>

#include "query/packet.h"
#include "support/make.h"
#include "support/memory.h"
#include "support/packets.h"
#include "support/random.h"

#define A_     KNOT_RRTYPE_A
#define AAAA_  KNOT_RRTYPE_AAAA
#define CNAME_ KNOT_RRTYPE_CNAME
#define DNAME_ KNOT_RRTYPE_DNAME
#define MX_    KNOT_RRTYPE_MX
#define NS_    KNOT_RRTYPE_NS
#define SOA_   KNOT_RRTYPE_SOA
#define SRV_   KNOT_RRTYPE_SRV
#define TXT_   KNOT_RRTYPE_TXT

#define LABEL63 "abcdefghijklmnopqrstuvwxyz-abcdefghijklmnopqrstuvwxyz-123456789"
#define NAME255 \
	LABEL63 "." LABEL63 "." LABEL63 ".abcdefghijklmnopqrstuvwxyz-abcdefghijklmnopqrs.example"

/*! A reply, as Knot would write it. The last section in it is the one being written. */
typedef struct {
	const char *proves;
	const char *qname;
	set_t sets[24];
} shape_t;

static const shape_t shapes[] = {
	{ "a set alone",
	  "shop.example.",
	  { { KNOT_ANSWER, "shop.example.", A_, 300, 0, { "192.0.2.1", "192.0.2.2" } } } },
	{ "an alias and its address",
	  "www.shop.example.",
	  { { KNOT_ANSWER, "www.shop.example.", CNAME_, 300, 0, { "shop.example." } },
	    { KNOT_ANSWER, "shop.example.", A_, 300, 0, { "192.0.2.1" } } } },
	{ "a chain of aliases through other names",
	  "a.shop.example.",
	  { { KNOT_ANSWER, "a.shop.example.", CNAME_, 300, 0, { "b.long.other.test." } },
	    { KNOT_ANSWER, "b.long.other.test.", CNAME_, 200, 0, { "c.long.other.test." } },
	    { KNOT_ANSWER, "c.long.other.test.", CNAME_, 100, 0, { "shop.example." } },
	    { KNOT_ANSWER, "shop.example.", A_, 50, 0, { "192.0.2.1" } },
	    { KNOT_ANSWER, "c.long.other.test.", TXT_, 50, 0, { "text" } } } },
	{ "a DNAME and what it makes",
	  "x.old.shop.example.",
	  { { KNOT_ANSWER, "old.shop.example.", DNAME_, 300, 0, { "shop.example." } },
	    { KNOT_ANSWER, "x.old.shop.example.", CNAME_, 300, 0, { "x.shop.example." } },
	    { KNOT_ANSWER, "x.shop.example.", CNAME_, 300, 0, { "shop.example." } },
	    { KNOT_ANSWER, "shop.example.", AAAA_, 300, 0, { "2001:db8::1" } } } },
	{ "all of an apex",
	  "shop.example.",
	  { { KNOT_ANSWER, "shop.example.", A_, 300, 0, { "192.0.2.1", "192.0.2.2" } },
	    { KNOT_ANSWER, "shop.example.", NS_, 300, 0, { "ns1.shop.example.", "ns.b.test." } },
	    { KNOT_ANSWER, "shop.example.", SOA_, 300, 0, { "ns1.shop.example. h.b.test. 5" } },
	    { KNOT_ANSWER, "shop.example.", MX_, 300, 0, { "5 mx.b.test.", "9 shop.example." } },
	    { KNOT_ANSWER, "shop.example.", TXT_, 300, 0, { "some", "text" } },
	    { KNOT_ANSWER, "shop.example.", AAAA_, 300, 0, { "2001:db8::1", "2001:db8::2" } } } },
	{ "a negative answer",
	  "shop.example.",
	  { { KNOT_AUTHORITY,
	      "shop.example.",
	      SOA_,
	      3600,
	      KNOT_PF_SOAMINTTL,
	      { "ns1.shop.example. h.shop.example. 300" } } } },
	{ "a negative answer behind an alias",
	  "www.shop.example.",
	  { { KNOT_ANSWER, "www.shop.example.", CNAME_, 300, 0, { "shop.example." } },
	    { KNOT_AUTHORITY,
	      "shop.example.",
	      SOA_,
	      60,
	      KNOT_PF_SOAMINTTL,
	      { "ns1.shop.example. h.shop.example. 300" } },
	    { KNOT_AUTHORITY, "shop.example.", NS_, 300, 0, { "ns1.shop.example." } } } },
	{ "mail servers and their addresses",
	  "shop.example.",
	  { { KNOT_ANSWER, "shop.example.", MX_, 300, 0, { "1 shop.example.", "2 mx.b.test." } },
	    { KNOT_AUTHORITY, "shop.example.", NS_, 300, 0, { "ns1.shop.example." } },
	    { KNOT_ADDITIONAL, "shop.example.", A_, 300, 0, { "192.0.2.1" } },
	    { KNOT_ADDITIONAL, "shop.example.", AAAA_, 300, 0, { "2001:db8::1" } },
	    { KNOT_ADDITIONAL, "mx.b.test.", A_, 300, 0, { "192.0.2.7", "192.0.2.8" } },
	    { KNOT_ADDITIONAL, "ns1.shop.example.", A_, 300, 0, { "192.0.2.9" } } } },
	{ "services and their addresses, nothing repeated",
	  "_a._tcp.shop.example.",
	  { { KNOT_ANSWER, "_a._tcp.shop.example.", SRV_, 300, 0, { "1 2 80 shop.example." } },
	    { KNOT_ADDITIONAL,
	      "shop.example.",
	      A_,
	      300,
	      KNOT_PF_CHECKDUP | KNOT_PF_NOTRUNC,
	      { "192.0.2.1" } },
	    { KNOT_ADDITIONAL,
	      "shop.example.",
	      AAAA_,
	      300,
	      KNOT_PF_CHECKDUP | KNOT_PF_NOTRUNC,
	      { "2001:db8::1" } } } },
	{ "names of 255 octets",
	  NAME255,
	  { { KNOT_ANSWER, NAME255, CNAME_, 300, 0, { "b." LABEL63 ".example." } },
	    { KNOT_ANSWER, "b." LABEL63 ".example.", A_, 300, 0, { "192.0.2.1" } },
	    { KNOT_ANSWER, "c." LABEL63 ".example.", CNAME_, 300, 0, { NAME255 } },
	    { KNOT_ANSWER, NAME255, TXT_, 300, 0, { "x" } } } },
	{ "the root and a name of one label",
	  ".",
	  { { KNOT_ANSWER, ".", NS_, 300, 0, { "example.", "." } },
	    { KNOT_ANSWER, "example.", A_, 300, 0, { "192.0.2.1" } },
	    { KNOT_ANSWER, ".", MX_, 300, 0, { "0 ." } },
	    { KNOT_ANSWER, ".", AAAA_, 300, 0, { "::" } } } },
	{ "a large set and a small one of a name that is not there before",
	  "shop.example.",
	  { { KNOT_ANSWER,
	      "mail.other.test.",
	      AAAA_,
	      300,
	      0,
	      { "2001:db8::1", "2001:db8::2", "2001:db8::3", "2001:db8::4" } },
	    { KNOT_ANSWER, "mail.other.test.", A_, 300, 0, { "192.0.2.1" } },
	    { KNOT_ANSWER, "mail.other.test.", MX_, 300, 0, { "1 a.mail.other.test." } } } },
	{ "more sets than libknot first makes room for",
	  "shop.example.",
	  { { KNOT_ANSWER, "a.shop.example.", A_, 1, 0, { "192.0.2.1" } },
	    { KNOT_ANSWER, "b.shop.example.", A_, 2, 0, { "192.0.2.1" } },
	    { KNOT_ANSWER, "c.shop.example.", A_, 3, 0, { "192.0.2.1" } },
	    { KNOT_ANSWER, "d.shop.example.", A_, 4, 0, { "192.0.2.1" } },
	    { KNOT_ANSWER, "e.shop.example.", A_, 5, 0, { "192.0.2.1" } },
	    { KNOT_ANSWER, "f.shop.example.", A_, 6, 0, { "192.0.2.1" } },
	    { KNOT_ANSWER, "g.shop.example.", A_, 7, 0, { "192.0.2.1" } },
	    { KNOT_ANSWER, "h.shop.example.", A_, 8, 0, { "192.0.2.1" } },
	    { KNOT_ANSWER, "i.shop.example.", A_, 9, 0, { "192.0.2.1" } },
	    { KNOT_ANSWER, "j.shop.example.", MX_, 10, 0, { "1 i.shop.example." } },
	    { KNOT_ANSWER, "k.shop.example.", A_, 11, 0, { "192.0.2.1" } },
	    { KNOT_ANSWER, "l.shop.example.", A_, 12, 0, { "192.0.2.1" } },
	    { KNOT_ANSWER, "m.shop.example.", A_, 13, 0, { "192.0.2.1" } },
	    { KNOT_ANSWER, "n.shop.example.", A_, 14, 0, { "192.0.2.1" } },
	    { KNOT_ANSWER, "o.shop.example.", A_, 15, 0, { "192.0.2.1" } },
	    { KNOT_ANSWER, "p.shop.example.", A_, 16, 0, { "192.0.2.1" } },
	    { KNOT_ANSWER, "q.shop.example.", A_, 17, 0, { "192.0.2.1" } },
	    { KNOT_ANSWER, "r.shop.example.", A_, 18, 0, { "192.0.2.1" } },
	    { KNOT_ANSWER, "s.shop.example.", A_, 19, 0, { "192.0.2.1" } } } },
};

/* How each shape is tried: every set of the current section, with sets of both kinds. */

/*! Copies a shape's sets, those in `owned` as KNOT_PF_FREE. */
static void copy_sets(const shape_t *shape, uint32_t owned, set_t *sets)
{
	memcpy(sets, shape->sets, sizeof(shape->sets));
	for (unsigned i = 0; sets[i].owner != NULL; i++) {
		if (owned & (1u << i)) {
			sets[i].flags |= KNOT_PF_FREE;
		}
	}
}

/*! No hint and no suffix may point past the end. */
static void check_hints(const knot_pkt_t *pkt)
{
	assert_true(pkt->compr.suffix.pos < pkt->size);
	for (unsigned i = 0; i < pkt->rrset_count; i++) {
		for (unsigned k = 0; k < KNOT_COMPR_HINT_COUNT; k++) {
			assert_true(pkt->rr_info[i].compress_ptr[k] < pkt->size);
		}
	}
}

static void check_counts(const knot_pkt_t *pkt)
{
	unsigned sets = 0;
	for (knot_section_t s = KNOT_ANSWER; s <= KNOT_ADDITIONAL; s++) {
		const knot_pktsection_t *section = knot_pkt_section(pkt, s);
		if (section->count > 0) {
			assert_int_equal(section->pos, sets);
		}
		sets += section->count;
	}
	assert_int_equal(sets, pkt->rrset_count);
}

/*! Tries one set of a shape. */
typedef void (*try_f)(const shape_t *shape, const set_t *sets, uint16_t index);

static void try_every_set(const shape_t *shape, try_f try_one)
{
	unsigned count = 0, first = 0;
	for (; shape->sets[count].owner != NULL; count++) {
		if (shape->sets[count].section != shape->sets[first].section) {
			first = count;
		}
	}
	static const uint32_t owned[] = { 0, UINT32_MAX, 0x55555555, 0xaaaaaaaa };
	for (size_t i = 0; i < COUNT_OF(owned); i++) {
		set_t sets[COUNT_OF(shape->sets)];
		copy_sets(shape, owned[i], sets);
		for (unsigned index = first; index < count; index++) {
			try_one(shape, sets, index);
			assert_int_equal(memory_live(), 0);
		}
	}
}

static void begin(reply_t *reply, const shape_t *shape, const set_t *sets, knot_mm_t *mm)
{
	*mm = memory_counted();
	reply_init_in(reply, shape->qname, A_, 4096, mm);
	for (; sets->owner != NULL; sets++) {
		while (reply->pkt->current < sets->section) {
			int ret = knot_pkt_begin(reply->pkt, reply->pkt->current + 1);
			assert_int_equal(ret, KNOT_EOK);
		}
		/* Sets of the packet's own memory where the packet frees them. */
		knot_rrset_t rrset = reply_make_set(sets);
		if (sets->flags & KNOT_PF_FREE) {
			knot_rrset_t *copy = knot_rrset_copy(&rrset, mm);
			assert_non_null(copy);
			assert_int_equal(knot_pkt_put(reply->pkt, 0, copy, sets->flags), KNOT_EOK);
			mm->free(copy);
			knot_rrset_clear(&rrset, NULL);
		} else {
			assert_int_equal(knot_pkt_put(reply->pkt, 0, &rrset, sets->flags),
			                 KNOT_EOK);
			knot_rrset_t *kept = malloc(sizeof(*kept));
			assert_non_null(kept);
			*kept = rrset;
			reply->kept[reply->kept_count++] = kept;
		}
	}
}

/*! A set with names that would be compressed by whatever was last in the packet. */
static void put_more(reply_t *reply, const set_t *sets, uint16_t index, set_t *all)
{
	unsigned count = 0;
	for (unsigned i = 0; sets[i].owner != NULL; i++) {
		if (i != index) {
			all[count++] = sets[i];
		}
	}
	set_t more = { reply->pkt->current,
		       sets[index].owner,
		       MX_,
		       7,
		       0,
		       { "3 c.long.other.test.", "4 ns1.shop.example.", "5 mx.b.test." } };
	assert_int_equal(reply_put(reply, &more, KNOT_COMPR_HINT_NONE), KNOT_EOK);
	all[count++] = more;
	all[count] = (set_t){ .owner = NULL };
}

static void cut_and_paste(const shape_t *shape, const set_t *sets, uint16_t index)
{
	reply_t reply;
	knot_mm_t mm;
	begin(&reply, shape, sets, &mm);
	reply_assert(&reply, sets, -1);
	uint16_t before = reply.pkt->rrset_count;
	/* As if an earlier set had a hint to where the cut is, and one in front of it. */
	reply.pkt->rr_info[0].compress_ptr[14] = reply.pkt->rr_info[index].pos;
	reply.pkt->rr_info[0].compress_ptr[15] = KNOT_WIRE_HEADER_SIZE;

	aname_rest_t rest;
	assert_int_equal(aname_packet_cut(reply.pkt, index, &rest), KNOT_EOK);
	assert_int_equal(rest.count, before - index - 1);
	assert_int_equal(reply.pkt->rrset_count, index);
	check_hints(reply.pkt);
	check_counts(reply.pkt);
	if (index > 0) {
		assert_int_equal(reply.pkt->rr_info[0].compress_ptr[14], 0);
		assert_int_equal(reply.pkt->rr_info[0].compress_ptr[15], KNOT_WIRE_HEADER_SIZE);
	}
	free(reply_parse(reply.pkt));

	assert_int_equal(aname_packet_paste(reply.pkt, &rest), KNOT_EOK);
	check_hints(reply.pkt);
	check_counts(reply.pkt);
	reply_assert(&reply, sets, index);
	for (unsigned i = index; i + 1u < before; i++) {
		assert_int_equal(reply.pkt->rr_info[i].flags,
		                 sets[i + 1].flags & ~KNOT_PF_CHECKDUP);
	}

	set_t all[COUNT_OF(shapes[0].sets) + 1];
	put_more(&reply, sets, index, all);
	reply_assert(&reply, all, -1);
	reply_deinit(&reply);
}

static void check_cut(void **state)
{
	try_every_set(*state, cut_and_paste);
}

/*! As replace_additional() does it: something else in the place of what is cut out. */
static void replace(const shape_t *shape, const set_t *sets, uint16_t index)
{
	reply_t reply;
	knot_mm_t mm;
	begin(&reply, shape, sets, &mm);
	aname_rest_t rest;
	assert_int_equal(aname_packet_cut(reply.pkt, index, &rest), KNOT_EOK);

	set_t all[COUNT_OF(shapes[0].sets)];
	memcpy(all, sets, sizeof(all));
	all[index] = (set_t){ sets[index].section,
		              sets[index].owner,
		              MX_,
		              9,
		              0,
		              { "1 b.long.other.test.", "2 x.shop.example." } };
	assert_int_equal(reply_put(&reply, &all[index], KNOT_COMPR_HINT_NONE), KNOT_EOK);
	assert_int_equal(aname_packet_paste(reply.pkt, &rest), KNOT_EOK);
	check_hints(reply.pkt);
	check_counts(reply.pkt);
	reply_assert(&reply, all, -1);
	reply_deinit(&reply);
}

static void check_replace(void **state)
{
	try_every_set(*state, replace);
}

static void lower(const shape_t *shape, const set_t *sets, uint16_t index)
{
	uint32_t ttl = sets[index].ttl;
	const uint32_t values[] = { 0, 30, ttl - 1, ttl, ttl + 1, UINT32_MAX };
	for (size_t i = 0; i < COUNT_OF(values); i++) {
		reply_t reply;
		knot_mm_t mm;
		begin(&reply, shape, sets, &mm);
		size_t size = reply.pkt->size;
		aname_packet_lower_ttl(reply.pkt, index, values[i]);
		assert_int_equal(reply.pkt->size, size);
		assert_int_equal(reply.pkt->rr[index].ttl, values[i] < ttl ? values[i] : ttl);
		set_t all[COUNT_OF(shapes[0].sets) + 1];
		memcpy(all, sets, sizeof(shapes[0].sets));
		all[index].ttl = values[i] < ttl ? values[i] : ttl;
		check_hints(reply.pkt);
		check_counts(reply.pkt);
		reply_assert(&reply, all, -1);
		for (unsigned k = 0; k < reply.pkt->rrset_count; k++) {
			assert_int_equal(reply.pkt->rr_info[k].flags & KNOT_PF_FREE,
			                 sets[k].flags & KNOT_PF_FREE);
		}
		reply_deinit(&reply);
		assert_int_equal(memory_live(), 0);
	}
}

static void check_lower(void **state)
{
	try_every_set(*state, lower);
}

/* Writing over what is there. */

/*! RDATA of these types stands in the wire as it is. */
static bool is_verbatim(uint16_t type)
{
	return type == A_ || type == AAAA_ || type == TXT_;
}

/*! Records of a reply as it was written: each is a set of its own. */
static knot_pkt_t *parse(const knot_pkt_t *pkt)
{
	knot_pkt_t *parsed = knot_pkt_new(pkt->wire, pkt->size, NULL);
	assert_non_null(parsed);
	assert_int_equal(knot_pkt_parse(parsed, 0), KNOT_EOK);
	return parsed;
}

/*! Makes other records of the same lengths; twice, it makes the same again. */
static void flip_last_bits(const knot_rdataset_t *made)
{
	knot_rdata_t *rdata = made->rdata;
	for (unsigned i = 0; i < made->count; i++, rdata = knot_rdataset_next(rdata)) {
		rdata->data[rdata->len - 1] ^= 1;
	}
}

/*! These are the records on the wire, from the `first` on. */
static void check_records(const knot_pkt_t *pkt, unsigned first, const knot_rdataset_t *made,
                          uint32_t ttl)
{
	knot_pkt_t *parsed = parse(pkt);
	knot_rdata_t *rdata = made->rdata;
	for (unsigned i = 0; i < made->count; i++, rdata = knot_rdataset_next(rdata)) {
		assert_int_equal(knot_rdata_cmp(parsed->rr[first + i].rrs.rdata, rdata), 0);
		assert_int_equal(parsed->rr[first + i].ttl, ttl);
	}
	knot_pkt_free(parsed);
}

static void overwrite(const shape_t *shape, const set_t *sets, uint16_t index)
{
	reply_t reply;
	knot_mm_t mm;
	begin(&reply, shape, sets, &mm);
	knot_pkt_t *pkt = reply.pkt;
	knot_rdataset_t made;
	assert_int_equal(knot_rdataset_copy(&made, &pkt->rr[index].rrs, NULL), KNOT_EOK);
	flip_last_bits(&made);
	knot_rdataset_t less = made;
	less.count--;
	assert_false(aname_packet_fits(pkt, index, &less));
	if (!is_verbatim(sets[index].type)) {
		/* Names may be compressed, and may not: at least nothing is read past the end. */
		(void)aname_packet_fits(pkt, index, &made);
		knot_rdataset_clear(&made, NULL);
		reply_deinit(&reply);
		return;
	}

	unsigned first = 0;
	for (unsigned i = 0; i < index; i++) {
		first += pkt->rr[i].rrs.count;
	}
	bool owned = pkt->rr_info[index].flags & KNOT_PF_FREE;
	uint8_t before[KNOT_WIRE_MAX_PKTSIZE];
	size_t size = pkt->size;
	memcpy(before, pkt->wire, size);
	assert_true(aname_packet_fits(pkt, index, &made));
	assert_int_equal(aname_packet_overwrite(pkt, index, &made, 11), KNOT_EOK);
	assert_true(knot_rdataset_eq(&pkt->rr[index].rrs, &made));
	assert_ptr_not_equal(pkt->rr[index].rrs.rdata, made.rdata);
	assert_int_equal(pkt->size, size);
	check_hints(pkt);
	check_counts(pkt);

	check_records(pkt, first, &made, sets[index].ttl < 11 ? sets[index].ttl : 11);
	/* Nothing else has changed: with what was there it is the same again, but for the TTL. */
	flip_last_bits(&made);
	knot_rdata_t *copy = pkt->rr[index].rrs.rdata;
	assert_int_equal(aname_packet_overwrite(pkt, index, &made, 11), KNOT_EOK);
	unsigned changed = 0;
	for (size_t i = 0; i < size; i++) {
		changed += pkt->wire[i] != before[i];
	}
	assert_true(changed <= sizeof(uint32_t) * made.count);
	if (!owned) {
		/* The packet's end frees these in knotd's pool only. */
		mm.free(copy);
		mm.free(pkt->rr[index].rrs.rdata);
	}
	knot_rdataset_clear(&made, NULL);
	reply_deinit(&reply);
}

static void check_overwrite(void **state)
{
	try_every_set(*state, overwrite);
}

static void same_owner(void **state)
{
	/* D2: signatures are known by their place, or by their name in any case. */
	reply_t reply;
	reply_init(&reply, "shop.example.", A_, 4096);
	const set_t sets[] = {
		{ KNOT_ANSWER, "shop.example.", A_, 60, KNOT_PF_FREE, { "192.0.2.1" } },
		{ KNOT_ANSWER, "shop.example.", TXT_, 60, KNOT_PF_FREE, { "x" } },
		{ KNOT_ANSWER, "shop2.example.", TXT_, 60, KNOT_PF_FREE, { "x" } },
		{ KNOT_ANSWER, "example.", TXT_, 60, KNOT_PF_FREE, { "x" } },
	};
	for (unsigned i = 0; i < COUNT_OF(sets); i++) {
		assert_int_equal(reply_put(&reply, &sets[i], 0), KNOT_EOK);
	}
	for (unsigned hints = 0; hints < 2; hints++) {
		assert_true(aname_packet_same_owner(reply.pkt, 0, 1));
		assert_false(aname_packet_same_owner(reply.pkt, 0, 2));
		assert_false(aname_packet_same_owner(reply.pkt, 1, 3));
		for (unsigned i = 0; i < COUNT_OF(sets); i++) {
			reply.pkt->rr_info[i].compress_ptr[KNOT_COMPR_HINT_OWNER] = 0;
		}
	}
	reply_deinit(&reply);
}

/*! All one after the other, from a random place each time, until the section is empty. */
static void cut_all(const shape_t *shape, const set_t *sets, uint16_t index)
{
	random_t random = { index };
	reply_t reply;
	knot_mm_t mm;
	begin(&reply, shape, sets, &mm);
	set_t left[COUNT_OF(shapes[0].sets)];
	memcpy(left, sets, sizeof(left));
	const knot_pktsection_t *section = knot_pkt_section(reply.pkt, reply.pkt->current);
	while (section->count > 0) {
		unsigned victim = section->pos + random_below(&random, section->count);
		aname_rest_t rest;
		assert_int_equal(aname_packet_cut(reply.pkt, victim, &rest), KNOT_EOK);
		assert_int_equal(aname_packet_paste(reply.pkt, &rest), KNOT_EOK);
		memmove(&left[victim], &left[victim + 1],
		        (COUNT_OF(left) - victim - 1) * sizeof(left[0]));
		check_counts(reply.pkt);
		reply_assert(&reply, left, -1);
	}
	reply_deinit(&reply);
}

static void check_cut_all(void **state)
{
	try_every_set(*state, cut_all);
}

/* Saved hints. */

static void hints_after_paste(void **state)
{
	/* Knot writes additional owners by the hints of the set they belong to. */
	reply_t reply;
	reply_init(&reply, "shop.example.", MX_, 4096);
	const set_t sets[] = {
		{ KNOT_ANSWER, "shop.example.", A_, 60, KNOT_PF_FREE, { "192.0.2.1" } },
		{ KNOT_ANSWER,
		  "shop.example.",
		  MX_,
		  60,
		  KNOT_PF_FREE,
		  { "1 mx1.long.other.test.", "2 mx2.long.other.test." } },
		{ KNOT_ADDITIONAL, "mx1.long.other.test.", A_, 60, KNOT_PF_FREE, { "192.0.2.2" } },
		{ KNOT_ADDITIONAL, "mx2.long.other.test.", A_, 60, KNOT_PF_FREE, { "192.0.2.3" } },
		{ .owner = NULL },
	};
	assert_int_equal(reply_put(&reply, &sets[0], 0), KNOT_EOK);
	assert_int_equal(reply_put(&reply, &sets[1], 0), KNOT_EOK);
	aname_rest_t rest;
	assert_int_equal(aname_packet_cut(reply.pkt, 0, &rest), KNOT_EOK);
	assert_int_equal(aname_packet_paste(reply.pkt, &rest), KNOT_EOK);
	for (unsigned i = 0; i < 2; i++) {
		uint16_t hint = knot_compr_hint(&reply.pkt->rr_info[0], KNOT_COMPR_HINT_RDATA + i);
		assert_in_range(hint, 1, reply.pkt->size - 1);
		assert_int_equal(reply_put(&reply, &sets[2 + i], hint), KNOT_EOK);
	}
	reply_assert(&reply, sets, 0);
	reply_deinit(&reply);
}

static void expanded_wildcard(void **state)
{
	/* Knot names what a wildcard stands for by a pointer to the question, not by the owner. */
	reply_t reply;
	reply_init(&reply, "any.shop.example.", A_, 4096);
	const set_t sets[] = {
		{ KNOT_ANSWER, "*.shop.example.", CNAME_, 60, KNOT_PF_FREE, { "shop.example." } },
		{ KNOT_ANSWER, "shop.example.", A_, 60, KNOT_PF_FREE, { "192.0.2.1" } },
		{ KNOT_ANSWER, "*.shop.example.", TXT_, 60, KNOT_PF_FREE, { "a signature" } },
		{ .owner = NULL },
	};
	assert_int_equal(reply_put(&reply, &sets[0], KNOT_COMPR_HINT_QNAME), KNOT_EOK);
	assert_int_equal(reply_put(&reply, &sets[1], 0), KNOT_EOK);
	assert_int_equal(reply_put(&reply, &sets[2], KNOT_COMPR_HINT_QNAME), KNOT_EOK);
	aname_rest_t rest;
	assert_int_equal(aname_packet_cut(reply.pkt, 1, &rest), KNOT_EOK);
	assert_int_equal(aname_packet_paste(reply.pkt, &rest), KNOT_EOK);
	const set_t expected[] = {
		{ KNOT_ANSWER, "any.shop.example.", CNAME_, 60, 0, { "shop.example." } },
		{ KNOT_ANSWER, "any.shop.example.", TXT_, 60, 0, { "a signature" } },
		{ .owner = NULL },
	};
	reply_assert(&reply, expected, -1);
	reply_deinit(&reply);
}

static void put_and_dropped(void **state)
{
	const set_t set = { KNOT_ANSWER, "shop.example.", A_, 60, 0, { "192.0.2.1" } };
	for (uint16_t max = 60; max < 200; max += 20) {
		knot_mm_t mm = memory_counted();
		reply_t reply;
		reply_init_in(&reply, "shop.example.", A_, max, &mm);
		assert_int_equal(reply_put(&reply, &set, 0), KNOT_EOK);
		uint16_t size = reply.pkt->size;
		int ret = KNOT_EOK;
		for (unsigned i = 0; ret == KNOT_EOK && i < 5; i++) {
			knot_rrset_t more;
			knot_rrset_init(&more, knot_dname_copy(reply.pkt->rr[0].owner, &mm), TXT_,
			                KNOT_CLASS_IN, 5);
			assert_int_equal(knot_rrset_add_rdata(&more,
			                                      (uint8_t *)"\x03"
			                                                 "abc",
			                                      4, &mm),
			                 KNOT_EOK);
			ret = aname_packet_put(reply.pkt, 0, &more, KNOT_PF_NOTRUNC);
			assert_true(ret == KNOT_EOK || ret == KNOT_ESPACE);
		}
		while (reply.pkt->rrset_count > 1) {
			aname_packet_drop_last(reply.pkt);
			check_counts(reply.pkt);
		}
		assert_int_equal(reply.pkt->size, size);
		knot_rrset_t none;
		knot_rrset_init(&none, NULL, TXT_, KNOT_CLASS_IN, 5);
		assert_int_equal(aname_packet_put(reply.pkt, 0, &none, 0), KNOT_ENOMEM);
		const set_t expected[] = { set, { .owner = NULL } };
		reply_assert(&reply, expected, -1);
		reply_deinit(&reply);
		assert_int_equal(memory_live(), 0);
	}
}

/* Space. */

static void paste_without_room(void **state)
{
	/* For every size: what fits is put whole and in order, the rest is freed, TC says so. */
	const shape_t *shape = &shapes[4];
	set_t sets[COUNT_OF(shape->sets)];
	copy_sets(shape, 0x15, sets);
	unsigned refused = 0, pasted = 0;
	for (unsigned more = 0; more < 400; more += 3) {
		reply_t reply;
		knot_mm_t mm;
		begin(&reply, shape, sets, &mm);
		aname_rest_t rest;
		assert_int_equal(aname_packet_cut(reply.pkt, 0, &rest), KNOT_EOK);
		reply.pkt->max_size = reply.pkt->size + more;
		int ret = aname_packet_paste(reply.pkt, &rest);
		assert_true(ret == KNOT_EOK || ret == KNOT_ESPACE);
		refused += ret == KNOT_ESPACE;
		pasted += ret == KNOT_EOK;
		assert_int_equal(knot_wire_get_tc(reply.pkt->wire) != 0, ret == KNOT_ESPACE);
		check_counts(reply.pkt);
		set_t left[COUNT_OF(sets)] = { 0 };
		memcpy(left, sets + 1, reply.pkt->rrset_count * sizeof(left[0]));
		reply_assert(&reply, left, -1);
		reply_deinit(&reply);
		assert_int_equal(memory_live(), 0);
	}
	assert_true(refused > 0 && pasted > 0);
}

/*! Puts a set as Knot does, or as this module does. */
static int put_as(reply_t *reply, const set_t *set, bool ours)
{
	while (reply->pkt->current < set->section) {
		assert_int_equal(knot_pkt_begin(reply->pkt, reply->pkt->current + 1), KNOT_EOK);
	}
	knot_rrset_t *rrset = malloc(sizeof(*rrset));
	assert_non_null(rrset);
	*rrset = reply_make_set(set);
	uint16_t flags = set->flags & ~(KNOT_PF_CHECKDUP | KNOT_PF_FREE);
	int ret = ours ? aname_packet_append(reply->pkt, 0, rrset, 0, flags)
	               : knot_pkt_put(reply->pkt, 0, rrset, flags);
	reply->kept[reply->kept_count++] = rrset;
	return ret;
}

/*! Is in the wire what was put, and nothing else, as another parser than libknot's reads it? */
static void check_alone(const reply_t *reply, const set_t *put)
{
	char *text = reply_parse_alone(reply->pkt), *expected = reply_expect(put, -1);
	assert_string_equal(text, expected);
	free(text);
	free(expected);
	check_counts(reply->pkt);
	check_hints(reply->pkt);
}

/*!
 * Puts all sets of a shape into a reply with so much room, Knot until one does not fit, and then the
 * module; or the module first, and then Knot. Returns how many did not fit.
 */
static unsigned fill(const shape_t *shape, uint16_t max, bool ours_first)
{
	reply_t reply;
	reply_init(&reply, shape->qname, A_, max);
	set_t put[COUNT_OF(shape->sets) + 1] = { 0 };
	unsigned count = 0, refused = 0;
	for (const set_t *set = shape->sets; set->owner != NULL; set++) {
		bool ours = ours_first == (refused == 0);
		int ret = put_as(&reply, set, ours);
		if (ret == KNOT_EOK) {
			put[count++] = *set;
		} else {
			assert_int_equal(ret, KNOT_ESPACE);
			refused++;
		}
		if (ours || refused == 0) {
			check_alone(&reply, put);
		}
		if (ours_first && refused > 0 && ret != KNOT_EOK && !ours) {
			break; /* What Knot puts after something of its own has not fitted is Knot's. */
		}
	}
	reply_deinit(&reply);
	return refused;
}

static void room_of_every_size(void **state)
{
	for (size_t i = 0; i < COUNT_OF(shapes); i++) {
		reply_t reply;
		reply_init(&reply, shapes[i].qname, A_, 4096);
		uint16_t least = reply.pkt->size;
		reply_put_all(&reply, shapes[i].sets);
		uint16_t most = reply.pkt->size;
		reply_deinit(&reply);
		for (uint16_t max = least; max < most; max++) {
			assert_true(fill(&shapes[i], max, true) > 0);
			assert_true(fill(&shapes[i], max, false) > 0);
		}
		assert_int_equal(fill(&shapes[i], most, true), 0);
	}
}

static void discarded(void **state)
{
	const shape_t *shape = &shapes[4];
	set_t sets[COUNT_OF(shape->sets)];
	copy_sets(shape, 0x15, sets);
	reply_t reply;
	knot_mm_t mm;
	begin(&reply, shape, sets, &mm);
	aname_rest_t rest;
	assert_int_equal(aname_packet_cut(reply.pkt, 2, &rest), KNOT_EOK);
	aname_packet_discard(reply.pkt, &rest);
	sets[2].owner = NULL;
	reply_assert(&reply, sets, -1);
	reply_deinit(&reply);
	assert_int_equal(memory_live(), 0);
}

static void lower_finished(void **state)
{
	/* In any section, whichever is being written. */
	const shape_t *shape = &shapes[7];
	for (unsigned index = 0; shape->sets[index].owner != NULL; index++) {
		set_t sets[COUNT_OF(shape->sets)];
		copy_sets(shape, 0x2a, sets);
		reply_t reply;
		knot_mm_t mm;
		begin(&reply, shape, sets, &mm);
		aname_packet_lower_ttl(reply.pkt, index, 11);
		sets[index].ttl = 11;
		reply_assert(&reply, sets, -1);
		reply_deinit(&reply);
		assert_int_equal(memory_live(), 0);
	}
}

static void zone_untouched(void **state)
{
	/* The set of the zone itself, which other workers read, keeps its TTL. */
	const set_t set = { KNOT_ANSWER, "shop.example.", A_, 300, 0, { "192.0.2.1" } };
	knot_rrset_t zone = reply_make_set(&set);
	reply_t reply;
	reply_init(&reply, "shop.example.", A_, 512);
	assert_int_equal(knot_pkt_put(reply.pkt, KNOT_COMPR_HINT_QNAME, &zone, 0), KNOT_EOK);
	aname_packet_lower_ttl(reply.pkt, 0, 30);
	assert_int_equal(zone.ttl, 300);
	assert_int_equal(reply.pkt->rr[0].ttl, 30);
	reply_deinit(&reply);
	knot_rrset_clear(&zone, NULL);
}

/* Failing allocations. */

/*! What must stay as it was. */
typedef struct {
	size_t size;
	uint16_t count, section_count;
	char *text;
	uint16_t flags[COUNT_OF(shapes[0].sets)];
} seen_t;

static seen_t look(const reply_t *reply)
{
	const knot_pkt_t *pkt = reply->pkt;
	seen_t seen = { .size = pkt->size,
		        .count = pkt->rrset_count,
		        .section_count = pkt->sections[pkt->current].count,
		        .text = reply_parse(pkt) };
	for (unsigned i = 0; i < pkt->rrset_count; i++) {
		seen.flags[i] = pkt->rr_info[i].flags;
	}
	return seen;
}

static void assert_unchanged(const reply_t *reply, seen_t before)
{
	seen_t after = look(reply);
	assert_int_equal(after.size, before.size);
	assert_int_equal(after.count, before.count);
	assert_int_equal(after.section_count, before.section_count);
	assert_string_equal(after.text, before.text);
	assert_memory_equal(after.flags, before.flags, sizeof(after.flags));
	free(after.text);
	free(before.text);
}

static void no_memory_to_cut(void **state)
{
	const shape_t *shape = &shapes[4];
	set_t sets[COUNT_OF(shape->sets)];
	copy_sets(shape, 0x15, sets);
	int ret = KNOT_ENOMEM;
	for (unsigned n = 1; ret != KNOT_EOK; n++) {
		reply_t reply;
		knot_mm_t mm;
		begin(&reply, shape, sets, &mm);
		seen_t before = look(&reply);
		long live = memory_live();
		aname_rest_t rest;
		memory_fail_at(n);
		ret = aname_packet_cut(reply.pkt, 2, &rest);
		assert_int_equal(ret, memory_failed() ? KNOT_ENOMEM : KNOT_EOK);
		if (ret != KNOT_EOK) {
			assert_int_equal(memory_live(), live);
			assert_unchanged(&reply, before);
		} else {
			free(before.text);
			assert_int_equal(aname_packet_paste(reply.pkt, &rest), KNOT_EOK);
		}
		reply_deinit(&reply);
		assert_int_equal(memory_live(), 0);
	}
}

static void in_a_pool(void **state)
{
	const shape_t *shape = &shapes[7];
	knot_mm_t mm = memory_pool();
	reply_t reply;
	reply_init_in(&reply, shape->qname, A_, 4096, &mm);
	for (unsigned i = 0; shape->sets[i].owner != NULL; i++) {
		assert_int_equal(reply_put(&reply, &shape->sets[i], 0), KNOT_EOK);
	}
	aname_rest_t rest;
	assert_int_equal(aname_packet_cut(reply.pkt, 3, &rest), KNOT_EOK);
	assert_int_equal(aname_packet_paste(reply.pkt, &rest), KNOT_EOK);
	reply_assert(&reply, shape->sets, 3);
	aname_packet_lower_ttl(reply.pkt, 2, 1);
	free(reply_parse(reply.pkt));
	reply_deinit(&reply);
	memory_pool_empty();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PROVES("A3: hints of pasted sets are right for additional owners",
		       hints_after_paste),
		PROVES("A2: what a wildcard stands for keeps its name when pasted",
		       expanded_wildcard),
		PROVES("D5: what was put last can be dropped, what does not fit is freed",
		       put_and_dropped),
		PROVES("A8: what does not fit any more is left out whole, with TC",
		       paste_without_room),
		PROVES("A8: with room of every size, what is put after something has not fitted is "
		       "right",
		       room_of_every_size),
		PROVES("D2: what was cut off can be given up", discarded),
		PROVES("A7: a TTL is lowered in finished sections too", lower_finished),
		PROVES("F2: the zone's own set keeps its TTL", zone_untouched),
		PROVES("out of memory: nothing is cut, nothing leaked", no_memory_to_cut),
		PROVES("it works in memory that cannot be given back", in_a_pool),
		PROVES("D2: RRsets of one owner are known", same_owner),
	};
	return RUN_ROWS("packet: A3: any set of the section can be taken out", shapes, check_cut) +
	       RUN_ROWS("packet: A3: any set of the section can be replaced", shapes,
	                check_replace) +
	       RUN_ROWS("packet: F2: any TTL of the section can be lowered", shapes, check_lower) +
	       RUN_ROWS("packet: D2: RDATA can be written over where it fits", shapes,
	                check_overwrite) +
	       RUN_ROWS("packet: all sets of the section can be taken out in turn", shapes,
	                check_cut_all) +
	       RUN_TESTS("packet: the rest", tests);
}
