/*!
 * \brief Comparing short strings of octets where they are used: names, mostly.  [P]
 */

#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/*! Are `len` octets the same? In words, the last one overlapping: no call, and few branches. */
static inline bool aname_octets_equal(const uint8_t *one, const uint8_t *other, size_t len)
{
	uint64_t a, b;
	if (len < sizeof(a)) {
		return memcmp(one, other, len) == 0;
	}
	for (size_t at = 0; at < len - sizeof(a); at += sizeof(a)) {
		memcpy(&a, one + at, sizeof(a));
		memcpy(&b, other + at, sizeof(b));
		if (a != b) {
			return false;
		}
	}
	memcpy(&a, one + len - sizeof(a), sizeof(a));
	memcpy(&b, other + len - sizeof(b), sizeof(b));
	return a == b;
}
