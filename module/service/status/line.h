/*!
 * \brief Writing lines of the status socket (see protocol.h).  [P]
 *
 * Thread: any.
 */

#pragma once

#include <stddef.h>
#include <stdint.h>

/*! Longest line, its end included. */
#define ANAME_LINE_MAX 65536

/*! Begins a field. */
#define ANAME_FIELD(key) "\t" ANAME_KEY_##key "="

/*!
 * \brief Adds to a line; what does not fit is cut off.
 *
 * \param at   Room for ANAME_LINE_MAX octets.
 * \param len  What is there already, and after it what is there then.
 */
__attribute__((format(printf, 3, 4))) void aname_line_add(char *at, size_t *len, const char *format,
                                                          ...);

/*! Adds an address; `len` is 4 or 16. */
void aname_line_add_address(char *at, size_t *len, const uint8_t *address, uint8_t address_len);

/*! Ends the line, also one that was cut off. */
void aname_line_end(char *at, size_t *len);
