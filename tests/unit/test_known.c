#include "support/test.h"

#include <libknot/errcode.h>

#include "query/known.h"
#include "support/alloc.h"

#define OWNER                                \
	(const knot_dname_t *)"\x04shop\x07" \
	                      "example"
#define VERSION UINT64_C(0x1234567890abcdee)

/*! Adds a record of so many octets, each of which is `octet`. */
static void add(knot_rrset_t *rrset, uint8_t octet, uint16_t len)
{
	uint8_t data[600];
	assert_true(len <= sizeof(data));
	memset(data, octet, len);
	assert_int_equal(knot_rrset_add_rdata(rrset, data, len, NULL), KNOT_EOK);
}

static void init(knot_rrset_t *rrset, uint16_t type, uint32_t ttl)
{
	knot_rrset_init(rrset, NULL, type, KNOT_CLASS_IN, ttl);
}

static void reads_what_was_copied(void **state)
{
	knot_rrset_t rrsets[2], read[2];
	init(&rrsets[0], 65305, 300);
	init(&rrsets[1], 65401, 7);
	add(&rrsets[0], 'a', 5);
	add(&rrsets[0], 'b', 8);
	add(&rrsets[1], 'c', 1);
	aname_known_node_t *known = aname_known_make(aname_known_stamp(VERSION, true), rrsets, 2);
	assert_non_null(known);
	assert_true(aname_known_is_good(known, VERSION, true));
	assert_true(aname_known_is_good(known, VERSION, false));
	assert_false(aname_known_is_good(known, VERSION + 2, false));
	assert_true(aname_known_is_same(known, rrsets, 2));
	assert_false(aname_known_is_same(known, rrsets, 1));
	rrsets[1].ttl++;
	assert_false(aname_known_is_same(known, rrsets, 2));
	rrsets[1].ttl--;
	rrsets[0].rrs.rdata->data[0] ^= 1;
	assert_false(aname_known_is_same(known, rrsets, 2));
	rrsets[0].rrs.rdata->data[0] ^= 1;
	assert_int_equal(known->count, 2);
	aname_known_read(known, OWNER, read);
	for (unsigned i = 0; i < 2; i++) {
		assert_ptr_equal(read[i].owner, OWNER);
		assert_int_equal(read[i].type, rrsets[i].type);
		assert_int_equal(read[i].ttl, rrsets[i].ttl);
		assert_int_equal(read[i].rclass, KNOT_CLASS_IN);
		assert_true(knot_rdataset_eq(&read[i].rrs, &rrsets[i].rrs));
		assert_ptr_not_equal(read[i].rrs.rdata, rrsets[i].rrs.rdata);
		knot_rdataset_clear(&rrsets[i].rrs, NULL);
	}
	/* They are copies. */
	assert_int_equal(read[0].rrs.rdata->len, 5);
	assert_int_equal(read[0].rrs.rdata->data[4], 'a');
	free(known);
}

static void copies_a_kilobyte_at_most(void **state)
{
	knot_rrset_t rrset;
	init(&rrset, 65305, 300);
	add(&rrset, 'a', 510);
	add(&rrset, 'b', 510);
	aname_known_node_t *known = aname_known_make(VERSION, &rrset, 1);
	assert_non_null(known);
	assert_true(aname_known_is_good(known, VERSION, false));
	assert_false(aname_known_is_good(known, VERSION, true));
	free(known);
	add(&rrset, 'c', 0);
	assert_null(aname_known_make(VERSION, &rrset, 1));
	knot_rdataset_clear(&rrset.rrs, NULL);
}

static bool copy_a_record(void *ctx)
{
	aname_known_node_t *known = aname_known_make(VERSION, ctx, 1);
	free(known);
	return known != NULL;
}

static void does_without_memory(void **state)
{
	knot_rrset_t rrset;
	init(&rrset, 65305, 300);
	add(&rrset, 'a', 5);
	assert_int_equal(alloc_fail_each(copy_a_record, &rrset), 1);
	knot_rdataset_clear(&rrset.rrs, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PROVES("RRsets are read as they were copied, and without the zone",
		       reads_what_was_copied),
		PROVES("of many records nothing is copied", copies_a_kilobyte_at_most),
		PROVES("without memory nothing is known", does_without_memory),
	};
	return RUN_TESTS("known", tests);
}
