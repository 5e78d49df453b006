/*!
 * \brief Lists of types, as NSEC and NSEC3 have them, on their own account.
 */

#pragma once

#include "fuzz.h"

typedef struct {
	uint8_t octets[65536 / 8];
} types_t;

bool types_has(const types_t *types, uint16_t type);

void types_put(types_t *types, uint16_t type, bool listed);

/*! Reads a list (RFC 4034, 4.1.2). False if it is malformed. */
bool types_read(types_t *types, const uint8_t *at, size_t len);
