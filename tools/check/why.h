/*!
 * \brief The part of the command check that knows what to do about a target that fails.
 */

#pragma once

#include "live.h"

/*!
 * \brief What to look at, by why lookups of a target fail, as the module tells it.
 *
 * The operator's guide has the same in its section "Why a target fails", of every reason.
 *
 * \param target  Its line, with why it fails.
 *
 * \return A clause that stands behind the command that asks the same resolver; NULL if that alone
 *         shows it.
 */
const char *kaname_check_why_advice(const kaname_line_t *target);
