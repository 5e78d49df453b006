/*!
 * \brief The part of the command check that compares a secondary with its primaries: whoever answers
 *        from an old copy of the zone answers with an old target, and looks well.
 */

#pragma once

#include "check/check.h"

/*! Primaries that are asked. */
#define KANAME_PRIMARIES_MAX 4

/*! Where a zone comes from. */
typedef struct {
	size_t count; /*!< 0: from nowhere, or its serial is not the primary's. */
	char at[KANAME_PRIMARIES_MAX][KANAME_VALUE_MAX];
} kaname_primaries_t;

/*!
 * \brief Reads where the zone comes from. With the control socket open.
 *
 * \return KANAME_OK, or KANAME_IO, which is reported.
 */
__attribute__((warn_unused_result)) kaname_exit_t kaname_check_primaries_read(
        kaname_check_t *check, kaname_primaries_t *primaries);

/*! Asks them for their serial and compares. With the control socket closed, since that takes time. */
void kaname_check_primaries(kaname_check_t *check, const kaname_primaries_t *primaries);
