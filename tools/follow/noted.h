/*!
 * \brief What is noted of an owner, as octets: a key and a value of the journal. In the host's order,
 *        since they stay on this machine.  [P]
 *
 * Thread: any.
 */

#pragma once

#include <lmdb.h>

#include "follow/journal.h"

/*! Sets of an owner that are always there: what was written, adopted, and stood there before. */
#define KANAME_NOTED_SETS 3
/*! Longest value: the sets, and what stands before them. */
#define KANAME_NOTED_MAX \
	(64 +            \
	 (KANAME_NOTED_SETS + KANAME_PENDING_MOST) * KANAME_FAMILIES * (2 + KANAME_SET_MAX * 16))
/*! Longest key: where the zone begins in the owner's name, and that name. */
#define KANAME_NOTED_KEY_MAX (1 + KNOT_DNAME_MAXLEN)

/*! Writes a value; returns its octets. */
size_t kaname_noted_write(const kaname_noted_t *noted, uint8_t to[KANAME_NOTED_MAX]);

/*! Reads a value, into which the sets point; false if it is none. */
bool kaname_noted_read(const MDB_val *value, kaname_noted_t *noted);

/*! Writes the key of an owner; returns its octets. */
size_t kaname_noted_key(uint8_t key[KANAME_NOTED_KEY_MAX], const knot_dname_t *zone,
                        const knot_dname_t *owner);

/*! Reads a key and its value; false if they are none of an owner. */
bool kaname_noted_pair(const MDB_val *key, const MDB_val *value, const knot_dname_t **zone,
                       const knot_dname_t **owner, kaname_noted_t *noted);
