/*!
 * \brief A message read from its octets alone, more strictly than resolvers do: what was written right
 *        has no other form.
 */

#pragma once

#include "fuzz.h"

#include <libknot/packet/wire.h>

/*! A record; names in it are whole, and in lower case. */
typedef struct {
	unsigned section; /*!< 1: Answer, 2: Authority, 3: Additional. */
	knot_dname_storage_t owner;
	uint16_t type, rclass;
	uint32_t ttl;
	size_t len;
	uint8_t rdata[UINT16_MAX + 2 * KNOT_DNAME_MAXLEN];
} walk_record_t;

typedef struct {
	const uint8_t *wire;
	size_t len, at;
	unsigned section, left; /*!< Records of the section that are still to come. */
	uint8_t labels[UINT16_MAX / 8 +
	               1]; /*!< Where labels of names begin, a bit for each octet. */
} walk_t;

/*! Begins behind the question, which is read. Ends the process if the message is malformed, as the
 *  others do. */
void walk_begin(walk_t *walk, const uint8_t *wire, size_t len);

/*! Reads the next record; false if that was the last. Then nothing may follow. */
bool walk_next(walk_t *walk, walk_record_t *record);
