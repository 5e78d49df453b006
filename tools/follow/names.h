/*!
 * \brief Strings of octets, each of which is kept once and has a number.  [P]
 *
 * Without an order, and without a pointer for each: some 14 octets beside what is kept.
 *
 * Thread: any, one at a time.
 */

#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "table/hash.h"

/*! No number. */
#define KANAME_NAMES_NONE UINT32_MAX

/*! All zeros at first. */
typedef struct {
	aname_hash_key_t key;
	uint8_t *octets;
	size_t used, size;
	uint32_t *starts; /*!< By number: where its length stands, and it behind that. */
	uint32_t count, room;
	uint32_t *slots; /*!< Numbers, and KANAME_NAMES_NONE. */
	size_t slots_count;
} kaname_names_t;

/*!
 * \brief Adds one, if it is not there yet.
 *
 * \param len  At most UINT16_MAX.
 *
 * \return Its number, counted from 0 in the order in which they came; KANAME_NAMES_NONE if out of
 *         memory.
 */
uint32_t kaname_names_add(kaname_names_t *names, const void *octets, size_t len);

/*! The number of one; KANAME_NAMES_NONE if it is not there. */
uint32_t kaname_names_find(const kaname_names_t *names, const void *octets, size_t len);

/*! One by its number, good until the next is added. `len` may be NULL. */
const uint8_t *kaname_names_at(const kaname_names_t *names, uint32_t number, size_t *len);

/*! Frees what is kept; all zeros again. */
void kaname_names_deinit(kaname_names_t *names);
