/*!
 * \brief The part of the command check that compares a secondary with its primaries: whoever answers
 *        from an old copy of the zone answers with an old target, and looks well.
 */

#pragma once

#include "check/check.h"
#include "primaries.h"

/*!
 * \brief Asks them for their serial and compares, unless the zone's is its own. With the control
 *        socket closed, since that takes time.
 */
void kaname_check_primaries(kaname_check_t *check, const kaname_primaries_t *primaries);
