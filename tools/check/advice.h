/*!
 * \brief The part of the command check that knows what to do about a probe that failed.
 */

#pragma once

#include <stddef.h>

#include "live.h"

/*!
 * \brief What to do if a probe could not be made, by why.
 *
 * \return NULL if it says something of the address, not of this host.
 */
const char *kaname_check_host_advice(const char *why);

/*!
 * \brief What to do about an address that is down, in a sentence: what to look at, which option it
 *        may be, and a command that asks as the probe does where there is one.
 *
 * \param target   Whose address it is.
 * \param address  The line of the address.
 */
void kaname_check_down_advice(const kaname_line_t *target, const kaname_line_t *address, char *text,
                              size_t size);
