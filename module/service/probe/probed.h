/*!
 * \brief An address that is probed, as those see it who hold it.  [P]
 */

#pragma once

#include <stdint.h>

#include "service/probe/verdict.h"
#include "table/definition.h"

/*! An address as one definition probes it. */
typedef struct aname_probed {
	const aname_definition_t *definition;
	uint8_t address[16]; /*!< Network order; the first `len` octets count. */
	uint8_t len;         /*!< 4 or 16. */
	aname_verdict_t verdict;
	const char *why;          /*!< Why a probe did not succeed last: one phrase, which stays;
	                           *   NULL: all have. */
	int64_t probed_ms;        /*!< When the last probe ended; 0: none has. */
	uint64_t started, failed; /*!< Probes. */
	unsigned holders;
	void *users; /*!< For whoever holds it; NULL at first. Freed with free() when the address is
	              *   forgotten. */
} aname_probed_t;
