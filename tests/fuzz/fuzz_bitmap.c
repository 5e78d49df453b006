/*!
 * Any octets as an NSEC or NSEC3 record, and as names that are hashed for NSEC3. Of a list of types that
 * is well-formed each change has to make the list that a plain set of types makes (D2).
 *
 * Files: module/query/bitmap.c module/query/nsec3.c
 */

#include "fuzz.h"

#include <libknot/errcode.h>

#include "query/bitmap.h"
#include "query/nsec3.h"
#include "table/dnssec.h"
#include "types.h"

#define RDATA_MAX      1200
#define ITERATIONS_MAX 20

/*! RDATA as libknot has it, in a block of exactly its size. */
static knot_rdata_t *rdata_of(const uint8_t *octets, size_t len)
{
	knot_rdata_t *rdata = malloc(sizeof(*rdata) + len);
	require(rdata != NULL);
	rdata->len = len;
	memcpy(rdata->data, octets, len);
	return rdata;
}

/* Lists of types. */

/*! Octets before the list; SIZE_MAX: there are fewer. */
static size_t begin_of(uint16_t type, const uint8_t *at, size_t len)
{
	if (type == KNOT_RRTYPE_NSEC) {
		return knot_dname_size(at);
	}
	size_t begin = len > 4 ? 5 + (size_t)at[4] : SIZE_MAX;
	begin = begin < len ? begin + 1 + at[begin] : SIZE_MAX;
	return begin <= len ? begin : SIZE_MAX;
}

static void check_made(const knot_rdata_t *rdata, uint16_t type, const types_t *set,
                       uint8_t changes, const uint8_t *made, size_t len)
{
	static types_t expected, listed;
	size_t begin = begin_of(type, rdata->data, rdata->len);
	require(len <= (size_t)rdata->len + ANAME_BITMAP_GROWTH && len >= begin);
	require(memcmp(made, rdata->data, begin) == 0);
	require(types_read(&listed, made + begin, len - begin));
	expected = *set;
	types_put(&expected, KNOT_RRTYPE_A, !(changes & ANAME_FAMILY_A));
	types_put(&expected, KNOT_RRTYPE_AAAA, !(changes & ANAME_FAMILY_AAAA));
	if (changes & ANAME_LISTED_HTTPS) {
		types_put(&expected, KNOT_RRTYPE_HTTPS, true);
	}
	require(memcmp(&expected, &listed, sizeof(expected)) == 0);
	/* Once more it is the same. */
	knot_rdata_t *once = rdata_of(made, len);
	uint8_t *twice = malloc(len + ANAME_BITMAP_GROWTH);
	require(aname_bitmap_correct(type, once, changes, twice) == (int)len &&
	        memcmp(once->data, twice, len) == 0);
	free(twice);
	free(once);
}

static void check_record(uint16_t type, const uint8_t *octets, size_t len, uint8_t changes)
{
	static types_t set;
	knot_rdata_t *rdata = rdata_of(octets, len);
	uint8_t *made = malloc(len + ANAME_BITMAP_GROWTH);
	size_t begin = begin_of(type, rdata->data, len);
	bool good = begin <= len && types_read(&set, rdata->data + begin, len - begin);
	int ret = aname_bitmap_correct(type, rdata, changes, made);
	require(ret == KNOT_EMALF || (ret >= 0 && (size_t)ret <= len + ANAME_BITMAP_GROWTH));
	require(!good || ret >= 0);
	require(begin != SIZE_MAX || ret == KNOT_EMALF);
	if (good) {
		static const uint16_t some[] = { 1, 2, 6, 28, 65, 255, 256, 65305, 65401, 65535 };
		for (size_t i = 0; i < sizeof(some) / sizeof(some[0]); i++) {
			require(aname_bitmap_has(type, rdata, some[i]) == types_has(&set, some[i]));
		}
		check_made(rdata, type, &set, changes, made, ret);
	} else {
		(void)aname_bitmap_has(type, rdata, KNOT_RRTYPE_SOA);
		(void)aname_bitmap_has(type, rdata, 65305);
	}
	free(made);
	free(rdata);
}

/*! What stands before the list is good, but for NSEC3 of any octets: Knot 3.2 loads such. */
static void check_list(input_t *input, uint8_t kind)
{
	uint8_t octets[RDATA_MAX];
	size_t len = 0;
	uint16_t type = kind & 1 ? KNOT_RRTYPE_NSEC : KNOT_RRTYPE_NSEC3;
	if (type == KNOT_RRTYPE_NSEC) {
		len = take_name(input, octets);
	} else if (kind & 2) {
		static const uint8_t good[] = "\1\0\0\5\2\xaa\xbb\24"
		                              "01234567890123456789";
		memcpy(octets, good, sizeof(good) - 1);
		len = sizeof(good) - 1;
	}
	if (kind & 4) {
		/* Any types. */
		dnssec_nsec_bitmap_t *bitmap = dnssec_nsec_bitmap_new();
		for (unsigned i = 0; i < 20 && input->left > 0; i++) {
			uint8_t octet = take_octet(input);
			dnssec_nsec_bitmap_add(bitmap, octet < 128 ? octet : take_number(input, 2));
		}
		dnssec_nsec_bitmap_write(bitmap, octets + len);
		len += dnssec_nsec_bitmap_size(bitmap);
		dnssec_nsec_bitmap_free(bitmap);
	} else {
		size_t left = input->left < 600 ? input->left : 600;
		take_octets(input, octets + len, left);
		len += left;
	}
	check_record(type, octets, len, kind >> 3 & 7);
}

/* Hashes. */

/*! The owner of an NSEC3 record: base32 with the alphabet that keeps the order (RFC 4648, 7). */
static void write_owner(const uint8_t hash[20], uint8_t *owner, bool upper)
{
	const char *letters =
	        upper ? "0123456789ABCDEFGHIJKLMNOPQRSTUV" : "0123456789abcdefghijklmnopqrstuv";
	owner[0] = 32;
	for (unsigned i = 0; i < 32; i++) {
		unsigned bits = 0;
		for (unsigned bit = 5 * i; bit < 5 * i + 5; bit++) {
			bits = bits << 1 | (hash[bit / 8] >> (7 - bit % 8) & 1);
		}
		owner[1 + i] = letters[bits];
	}
	memcpy(owner + 33, "\7example", 9);
}

static void check_hash(input_t *input, bool upper)
{
	uint8_t octets[5 + 255];
	knot_dname_storage_t name, owner;
	size_t name_len = take_name(input, name);
	size_t salt = take_octet(input);
	uint16_t iterations = take_octet(input) % ITERATIONS_MAX;
	size_t given = take_octet(input) & 1 ? take_octet(input) : salt;
	octets[0] = take_octet(input) % 3;
	octets[1] = 0;
	octets[2] = iterations >> 8;
	octets[3] = iterations & 0xff;
	octets[4] = salt;
	take_octets(input, octets + 5, given);
	knot_rdata_t *param = rdata_of(octets, 5 + given);
	uint64_t begin = aname_nsec3_begin_of(param, name, name_len);
	require(begin >> 60 == 0);
	if (octets[0] == 1 && given == salt) {
		const dnssec_nsec3_params_t params = { .algorithm = 1,
			                               .iterations = iterations,
			                               .salt = { .size = salt,
			                                         .data = octets + 5 } };
		const dnssec_binary_t text = { .data = name, .size = name_len };
		dnssec_binary_t hash = { 0 };
		require(dnssec_nsec3_hash(&text, &params, &hash) == DNSSEC_EOK && hash.size == 20);
		write_owner(hash.data, owner, upper);
		require(aname_nsec3_begin_at(owner) == begin);
		dnssec_binary_free(&hash);
	} else {
		/* It cannot be worked out, or the salt is cut short. */
		require(begin == 0 || given > salt);
	}
	/* Any name may be the owner of an NSEC3 record. */
	(void)take_name(input, owner);
	require(aname_nsec3_begin_at(owner) >> 60 == 0);
	free(param);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	input_t input = { data, size };
	uint8_t kind = take_octet(&input);
	if (kind & 0x80) {
		check_hash(&input, kind & 1);
	} else {
		check_list(&input, kind);
	}
	return 0;
}
