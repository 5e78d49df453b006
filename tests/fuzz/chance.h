/*!
 * \brief The module's random numbers in a fuzzer: the linker sends getrandom() here (--wrap), so that an
 *        input does the same each time.
 */

#pragma once

#include <stdint.h>

/*! They begin anew. */
void chance_begin(uint64_t seed);
