/*!
 * \brief Networks as the configuration writes them: `ADDR`, `ADDR/BITS` and `ADDR-ADDR`.
 */

#pragma once

#include <stdbool.h>

/*! Is an address in a network? No, if either is not to be understood. */
bool kaname_net_holds(const char *net, const char *address);
