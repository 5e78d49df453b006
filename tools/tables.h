/*!
 * \brief What the module knows, as tables for people.
 */

#pragma once

#include "live.h"

/*! Prints the targets, their addresses, and what is forced; and on standard error what is the matter
 *  with the whole. */
void kaname_print_people(const kaname_live_t *live);
