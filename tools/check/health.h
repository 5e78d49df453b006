/*!
 * \brief The part of the command check that is about health: what is down, and what is forced.
 */

#pragma once

#include "check/check.h"
#include "live.h"

/*! What is forced of the zone's targets, and whether probes can be relied on. */
void kaname_check_probes(kaname_check_t *check, const kaname_live_t *live);

/*! The addresses of a target that are down, forced, or not probed though they should be. */
void kaname_check_health(kaname_check_t *check, const kaname_line_t *target);

/*! Is an address of a target down, in any of the ways in which it is probed, or forced down? */
bool kaname_check_is_down(const kaname_line_t *target, const char *address);

/*! Is it known to be up, in any of these ways, or forced up? */
bool kaname_check_is_up(const kaname_line_t *target, const char *address);
