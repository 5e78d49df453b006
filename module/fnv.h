/*!
 * \brief FNV-1a: a hash that is the same in every process, for what nobody gains from by choosing
 *        contents; else see table/hash.h.  [P]
 *
 * Thread: any.
 */

#pragma once

#include <stddef.h>
#include <stdint.h>

/*! Where a hash begins. */
#define ANAME_FNV_BASIS UINT64_C(0xcbf29ce484222325)

static inline uint64_t aname_fnv_octet(uint64_t hash, uint8_t octet)
{
	return (hash ^ octet) * UINT64_C(0x100000001b3);
}

static inline uint64_t aname_fnv(uint64_t hash, const void *data, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		hash = aname_fnv_octet(hash, ((const uint8_t *)data)[i]);
	}
	return hash;
}
