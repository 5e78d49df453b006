/*!
 * \brief The part of the command check that looks at all sections of the module: whether anybody uses
 *        them, and for values that cannot be meant.
 *
 * The module refuses those; but what a configuration database has from an older one is not looked at
 * again by knotd.
 */

#pragma once

#include "check/check.h"
#include "check/layout.h"

/*! Says what is wrong with sections. */
void kaname_check_sections(kaname_check_t *check, const kaname_layout_t *layout);
