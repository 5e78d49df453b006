/*!
 * \brief Addresses, which die and return.
 *
 * Whether one lives follows from its octets and the time alone. The linker sends the core's attempts
 * to probe one here (--wrap).
 */

#pragma once

#include <stdbool.h>
#include <stdint.h>

/*! Is an address up? Sets since when. */
bool addresses_live(const uint8_t *address, uint8_t len, int64_t *since_ms);

/*! How many attempts there were. */
uint64_t addresses_probes(void);
