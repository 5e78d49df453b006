/*!
 * \brief Definitions: what is probed, as sections say it, and who uses it.  [P]
 *
 * Sections whose `probe-*` options are equal share a definition, and so every address behind a
 * target is probed once for all of them. What is published of a target names definitions by
 * identity.
 *
 * A definition is held by the options in use that name it, and stays for a while when nobody holds
 * it any more, since options come back; and so does one from the state file, which is awaited.
 *
 * Functions here are for whoever owns the list, and under its lock (shared.h).
 */

#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "conf/options.h"

/*! How long a definition is kept that nobody holds. */
#define ANAME_DEFINITION_KEEP_MS 600000

typedef struct aname_definition {
	aname_probe_t probe; /*!< Never changes. */
	uint32_t id;         /*!< Its identity; never 0. See aname_definition_alike(). */
	/* Guarded by the owner's lock. */
	struct aname_definition *next;
	unsigned holders; /*!< Sets of options. */
	uint64_t left;    /*!< Without a holder: how often options had been held before. */
	/* The service thread's own. */
	int64_t unheld_ms; /*!< Since when it is settled that nobody holds it; 0: it is not. */
	bool awaited;      /*!< It is from the state file, and nobody has held it yet. */
	uint32_t saved;    /*!< The last save that it went into, */
	uint16_t position; /*!< and where it stands there. */
} aname_definition_t;

/*! Has it been given up: nobody holds it, and nobody is about to? */
static inline bool aname_definition_is_given_up(const aname_definition_t *definition)
{
	return definition->unheld_ms != 0 && !definition->awaited;
}

/*! The definitions of a process. */
typedef struct {
	aname_definition_t *first;
	uint32_t questions; /*!< How many there were that ask something else. */
} aname_definitions_t;

/*! Bits of an identity that tell those apart that ask the same; those above them say what that is. */
#define ANAME_DEFINITION_VARIANT_BITS 12

/*!
 * Do two definitions, given by identity, ask the same and take the same for good? What is known by
 * the one stands in for what is not known by the other yet: a reload has just replaced it.
 */
static inline bool aname_definition_alike(uint32_t one, uint32_t other)
{
	return one >> ANAME_DEFINITION_VARIANT_BITS == other >> ANAME_DEFINITION_VARIANT_BITS;
}

/*!
 * \brief Finds a definition, or makes it, without a holder.
 *
 * \param probe  What is probed; not OFF.
 *
 * \return The definition; NULL if out of memory. Ownership: the list's.
 */
aname_definition_t *aname_definition_find(aname_definitions_t *definitions,
                                          const aname_probe_t *probe);

/*!
 * \brief Takes a definition out that nobody has held for ANAME_DEFINITION_KEEP_MS.
 *
 * \return The definition, freed with free(); NULL if there is none. Ownership: the caller's.
 */
aname_definition_t *aname_definition_take_out(aname_definitions_t *definitions, int64_t now_ms);
