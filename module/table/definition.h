/*!
 * \brief Definitions: what is probed, as sections say it, and who uses it.  [P]
 *
 * Sections whose `probe-*` options are equal share a definition, and so every address behind a
 * target is probed once for all of them. What is published of a target names definitions by
 * identity, which is never another's, so that nothing has to be told when one goes.
 *
 * A definition is held by the options in use that name it, and stays for a while when nobody holds
 * it any more, since options come back.
 *
 * Functions here are for whoever owns the list, and under its lock (shared.h).
 */

#pragma once

#include <stdint.h>

#include "conf/options.h"

/*! How long a definition is kept that nobody holds. */
#define ANAME_DEFINITION_KEEP_MS 600000

typedef struct aname_definition {
	aname_probe_t probe; /*!< Never changes. */
	uint32_t id;         /*!< Its identity; never 0. */
	/* Guarded by the owner's lock. */
	struct aname_definition *next;
	unsigned holders; /*!< Sets of options. */
	/* The service thread's own. */
	int64_t unheld_ms; /*!< Since when nobody holds it; 0: it is held. */
} aname_definition_t;

/*! The definitions of a process. */
typedef struct {
	aname_definition_t *first;
	uint32_t last_id;
} aname_definitions_t;

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
