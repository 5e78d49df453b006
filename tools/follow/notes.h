/*!
 * \brief Changes of the journal, as they wait to be made together, and what each makes of what is noted.
 *        [P]
 *
 * Thread: any.
 */

#pragma once

#include "follow/journal.h"

/*! A change: behind it stand the key, and the addresses of both families. */
typedef struct {
	uint8_t note, writes, key_len, unused;
	uint32_t ttl;
	uint16_t count[KANAME_FAMILIES];
} kaname_change_t;

/*!
 * \brief Reads the next change.
 *
 * \param at    Where; 0 at first.
 * \param key   Gets its key, of `key_len` + 1 octets.
 *
 * \return false behind the last.
 */
bool kaname_notes_next(const kaname_notes_t *notes, size_t *at, kaname_change_t *change,
                       const uint8_t **key, kaname_noted_set_t sets[KANAME_FAMILIES]);

/*! What becomes of what is noted; false: nothing is left to note. */
bool kaname_change_apply(kaname_noted_t *noted, const kaname_change_t *change,
                         const kaname_noted_set_t sets[KANAME_FAMILIES],
                         const kaname_moment_t *now);
