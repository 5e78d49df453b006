/*!
 * \brief The part of the command check that is about whom the zone asks, and what that says.
 */

#pragma once

#include "check/check.h"
#include "live.h"

/*! Says if the zone's resolver is this very server, which is what is wrong if targets fail. `live`:
 *  NULL if the module could not be asked. */
void kaname_check_resolver(kaname_check_t *check, const kaname_live_t *live);

/*! Notes addresses of a target that are of no use to clients elsewhere. */
void kaname_check_odd_addresses(const kaname_check_t *check, const kaname_line_t *target);
