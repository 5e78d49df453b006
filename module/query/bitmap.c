#include "query/bitmap.h"

#include <string.h>

#include <libknot/dname.h>
#include <libknot/errcode.h>
#include <libknot/rrtype/nsec.h>

#include "table/dnssec.h"

/*! Octets of types 0 to 255 without trailing zeros, at most. */
#define WINDOW_MAX       32
/*! AAAA is type 28, in the fourth octet. */
#define WINDOW_MIN       4
/*! HTTPS is type 65, in the ninth one. */
#define WINDOW_MIN_HTTPS 9

/*! Octets of an NSEC3 record before the length of its salt. */
#define NSEC3_HEADER 4

/*!
 * Octets before the bitmap; more than there are if it is cut short. Knot 3.2 loads such NSEC3, and
 * libknot of 3.5 takes what is cut short for not there.
 */
static size_t bitmap_offset(uint16_t nsec_type, const knot_rdata_t *rdata)
{
	if (nsec_type == KNOT_RRTYPE_NSEC) {
		return knot_nsec_bitmap(rdata) - rdata->data;
	}
	size_t offset = NSEC3_HEADER;
	for (unsigned i = 0; i < 2; i++) { /* The salt, and the next hash. */
		if (offset >= rdata->len) {
			return SIZE_MAX;
		}
		offset += 1 + rdata->data[offset];
	}
	return offset;
}

bool aname_bitmap_has(uint16_t nsec_type, const knot_rdata_t *rdata, uint16_t type)
{
	size_t offset = bitmap_offset(nsec_type, rdata);
	return offset < rdata->len &&
	       dnssec_nsec_bitmap_contains(rdata->data + offset, rdata->len - offset, type);
}

/*! Has a window list a type, or not. Types are numbered from the most significant bit on
 *  (RFC 4034, 4.1.2). */
static void set_type(uint8_t *window, uint16_t type, uint8_t changes)
{
	uint8_t bit = 0x80 >> (type % 8);
	if (changes & aname_family_of(type)) {
		window[type / 8] &= ~bit;
	} else {
		window[type / 8] |= bit;
	}
}

int aname_bitmap_correct(uint16_t nsec_type, const knot_rdata_t *rdata, uint8_t changes,
                         uint8_t *copy)
{
	size_t offset = bitmap_offset(nsec_type, rdata);
	if (offset > rdata->len) {
		return KNOT_EMALF;
	}
	const uint8_t *bitmap = rdata->data + offset;
	size_t left = rdata->len - offset;

	/* Types below 256 are in window 0, which comes first, if it is there. */
	uint8_t window[WINDOW_MAX] = { 0 };
	bool https = changes & ANAME_LISTED_HTTPS;
	size_t window_min = https ? WINDOW_MIN_HTTPS : WINDOW_MIN, window_len = window_min;
	if (left >= 2 && bitmap[0] == 0) {
		size_t len = bitmap[1];
		if (len > WINDOW_MAX || len + 2 > left) {
			return KNOT_EMALF;
		}
		memcpy(window, bitmap + 2, len);
		window_len = len > window_min ? len : window_min;
		bitmap += len + 2;
		left -= len + 2;
	}
	set_type(window, KNOT_RRTYPE_A, changes);
	set_type(window, KNOT_RRTYPE_AAAA, changes);
	if (https) {
		set_type(window, KNOT_RRTYPE_HTTPS, changes);
	}
	while (window_len > 0 && window[window_len - 1] == 0) {
		window_len--;
	}

	memcpy(copy, rdata->data, offset);
	uint8_t *at = copy + offset;
	if (window_len > 0) { /* A window without types is not written (RFC 4034, 4.1.2). */
		*at++ = 0;
		*at++ = window_len;
		memcpy(at, window, window_len);
		at += window_len;
	}
	memcpy(at, bitmap, left);
	return (int)(at + left - copy);
}
