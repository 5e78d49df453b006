#include "support/test.h"

#include <libknot/descriptor.h>
#include <libknot/errcode.h>

#include "query/bitmap.h"
#include "support/random.h"
#include "table/dnssec.h"

#define RDATA_MAX   600
#define ALL_CHANGES (ANAME_FAMILY_A | ANAME_FAMILY_AAAA | ANAME_LISTED_HTTPS)

/*! RDATA being written, as libknot has it. */
typedef struct {
	uint16_t len;
	uint8_t data[RDATA_MAX];
} rdata_t;

static void append(rdata_t *rdata, const void *octets, size_t len)
{
	memcpy(rdata->data + rdata->len, octets, len);
	rdata->len += len;
}

/*! What stands before the bitmap: the next name, or the NSEC3 parameters and the next hash. */
static void begin(rdata_t *rdata, uint16_t nsec_type)
{
	rdata->len = 0;
	if (nsec_type == KNOT_RRTYPE_NSEC) {
		append(rdata,
		       "\x03"
		       "abc\x07"
		       "example",
		       13);
	} else {
		append(rdata, "\x01\x00\x00\x05\x02\xaa\xbb\x14", 8);
		append(rdata, "01234567890123456789", 20);
	}
}

static void append_types(rdata_t *rdata, const uint16_t *types, size_t count)
{
	dnssec_nsec_bitmap_t *bitmap = dnssec_nsec_bitmap_new();
	assert_non_null(bitmap);
	for (size_t i = 0; i < count; i++) {
		dnssec_nsec_bitmap_add(bitmap, types[i]);
	}
	dnssec_nsec_bitmap_write(bitmap, rdata->data + rdata->len);
	rdata->len += dnssec_nsec_bitmap_size(bitmap);
	dnssec_nsec_bitmap_free(bitmap);
}

static const knot_rdata_t *as_rdata(const rdata_t *rdata)
{
	return (const knot_rdata_t *)rdata;
}

static const uint16_t nsec_types[] = { KNOT_RRTYPE_NSEC, KNOT_RRTYPE_NSEC3 };

/*! Compares with what libdnssec makes of the types that there should be. */
static void check(uint16_t nsec_type, const uint16_t *types, size_t count, uint8_t changes)
{
	rdata_t rdata, expected, made;
	begin(&rdata, nsec_type);
	append_types(&rdata, types, count);

	uint16_t wanted[64] = { KNOT_RRTYPE_A, KNOT_RRTYPE_AAAA };
	size_t wanted_count = 2;
	for (size_t i = 0; i < count; i++) {
		wanted[wanted_count++] = types[i];
	}
	bool https = changes & ANAME_LISTED_HTTPS;
	if (https) {
		wanted[wanted_count++] = KNOT_RRTYPE_HTTPS;
	}
	for (size_t i = 0; i < wanted_count; i++) {
		if (changes & aname_family_of(wanted[i])) {
			wanted[i--] = wanted[--wanted_count];
		}
	}
	begin(&expected, nsec_type);
	append_types(&expected, wanted, wanted_count);

	int len = aname_bitmap_correct(nsec_type, as_rdata(&rdata), changes, made.data);
	assert_int_equal(len, expected.len);
	assert_memory_equal(made.data, expected.data, len);
	made.len = len;
	assert_int_equal(aname_bitmap_has(nsec_type, as_rdata(&made), KNOT_RRTYPE_A),
	                 !(changes & ANAME_FAMILY_A));
	assert_int_equal(aname_bitmap_has(nsec_type, as_rdata(&made), KNOT_RRTYPE_AAAA),
	                 !(changes & ANAME_FAMILY_AAAA));
	assert_int_equal(aname_bitmap_has(nsec_type, as_rdata(&made), KNOT_RRTYPE_HTTPS),
	                 https || aname_bitmap_has(nsec_type, as_rdata(&rdata), KNOT_RRTYPE_HTTPS));
	assert_in_range(len, 0, rdata.len + ANAME_BITMAP_GROWTH);
}

static void check_all(const uint16_t *types, size_t count)
{
	for (size_t i = 0; i < COUNT_OF(nsec_types); i++) {
		for (uint8_t changes = 0; changes <= ALL_CHANGES; changes++) {
			check(nsec_types[i], types, count, changes);
		}
	}
}

static void of_an_apex(void **state)
{
	static const uint16_t bare[] = { 2, 6, 46, 47, 48 };
	static const uint16_t with_both[] = { 1, 2, 6, 15, 28, 46, 47, 48, 257, 65305 };
	static const uint16_t with_a[] = { 1, 2, 6, 46, 47, 48, 65401 };
	static const uint16_t with_https[] = { 2, 6, 46, 47, 48, 65, 257 };
	check_all(bare, COUNT_OF(bare));
	check_all(with_both, COUNT_OF(with_both));
	check_all(with_a, COUNT_OF(with_a));
	check_all(with_https, COUNT_OF(with_https));
}

static void short_ones(void **state)
{
	static const uint16_t one[] = { 2 };
	static const uint16_t high[] = { 257 };
	check_all(NULL, 0);
	check_all(one, 1);
	check_all(high, 1);
}

static void at_random(void **state)
{
	random_t random = { 4711 };
	for (unsigned i = 0; i < 20000; i++) {
		uint16_t types[40];
		size_t count = random_below(&random, COUNT_OF(types));
		for (size_t k = 0; k < count; k++) {
			types[k] = 1 + random_below(&random, k % 2 == 0 ? 255 : 1023);
		}
		check_all(types, count);
	}
}

static void knows_an_apex(void **state)
{
	static const uint16_t apex[] = { 2, 6, 46, 47 };
	static const uint16_t delegation[] = { 2, 43, 46, 47 };
	for (size_t i = 0; i < COUNT_OF(nsec_types); i++) {
		rdata_t rdata;
		begin(&rdata, nsec_types[i]);
		assert_false(aname_bitmap_has(nsec_types[i], as_rdata(&rdata), KNOT_RRTYPE_SOA));
		append_types(&rdata, delegation, COUNT_OF(delegation));
		assert_false(aname_bitmap_has(nsec_types[i], as_rdata(&rdata), KNOT_RRTYPE_SOA));
		begin(&rdata, nsec_types[i]);
		append_types(&rdata, apex, COUNT_OF(apex));
		assert_true(aname_bitmap_has(nsec_types[i], as_rdata(&rdata), KNOT_RRTYPE_SOA));
	}
}

static void malformed(void **state)
{
	static const struct {
		const char *octets;
		size_t len;
	} bitmaps[] = {
		{ "\x00\x21"
		  "123456789012345678901234567890123",
		  35 },                /* 33 octets. */
		{ "\x00\x05\x40", 3 }, /* Cut off. */
	};
	for (size_t i = 0; i < COUNT_OF(nsec_types); i++) {
		for (size_t k = 0; k < COUNT_OF(bitmaps); k++) {
			rdata_t rdata, made;
			begin(&rdata, nsec_types[i]);
			append(&rdata, bitmaps[k].octets, bitmaps[k].len);
			assert_int_equal(
			        aname_bitmap_correct(nsec_types[i], as_rdata(&rdata), 0, made.data),
			        KNOT_EMALF);
			assert_int_equal(aname_bitmap_correct(nsec_types[i], as_rdata(&rdata),
			                                      ANAME_LISTED_HTTPS, made.data),
			                 KNOT_EMALF);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PROVES("D2, Q1: an apex lists A and AAAA, but not the families taken out, and "
		       "HTTPS",
		       of_an_apex),
		PROVES("D2: so does one that lists little or nothing", short_ones),
		PROVES("D2: 20,000 random lists are as libdnssec writes them", at_random),
		PROVES("the record of an apex is known by its SOA", knows_an_apex),
		PROVES("a malformed list is refused", malformed),
	};
	return RUN_TESTS("bitmap", tests);
}
