/*!
 * \brief Where a zone of a running knotd is transferred from, by its configuration.
 */

#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "config.h"

/*! Primaries that are kept. */
#define KANAME_PRIMARIES_MAX 4

typedef struct {
	size_t count; /*!< 0: it is not transferred, or a catalog brought it, of which knotd does not
	                   tell. */
	char at[KANAME_PRIMARIES_MAX][KANAME_VALUE_MAX]; /*!< ADDRESS[@PORT] */
	bool is_signed_here; /*!< Then its serial is its own, and not the primary's. */
} kaname_primaries_t;

/*!
 * \brief Reads it: the option `master` of the zone or its template.
 *
 * \return KANAME_OK, or KANAME_IO, which is reported.
 */
__attribute__((warn_unused_result)) kaname_exit_t kaname_primaries_read(
        kaname_control_t *control, const char *zone, kaname_primaries_t *primaries);
