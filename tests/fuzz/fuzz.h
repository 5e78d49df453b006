/*!
 * \brief What fuzzers share: the input, taken piece by piece, and what has to hold.
 *
 * Behind the end of an input there are zeros, so that every input means something.
 */

#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <libknot/dname.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/*! Ends the process if it does not hold, and says what. */
#define require(holds) ((holds) ? (void)0 : require_failed(__FILE__, __LINE__, #holds))

__attribute__((noreturn)) static inline void require_failed(const char *file, int line,
                                                            const char *what)
{
	/* Not to stderr: it may be quiet. */
	(void)dprintf(STDERR_FILENO, "%s:%d: does not hold: %s\n", file, line, what);
	abort();
}

/*! What is left of an input. */
typedef struct {
	const uint8_t *at;
	size_t left;
} input_t;

static inline uint8_t take_octet(input_t *input)
{
	if (input->left == 0) {
		return 0;
	}
	input->left--;
	return *input->at++;
}

/*! A number of so many octets, 8 at most. */
static inline uint64_t take_number(input_t *input, unsigned octets)
{
	uint64_t number = 0;
	for (unsigned i = 0; i < octets; i++) {
		number = number << 8 | take_octet(input);
	}
	return number;
}

/*! A number below `end`. */
static inline unsigned take_below(input_t *input, unsigned end)
{
	return take_number(input, end > 256 ? 2 : 1) % end;
}

static inline void take_octets(input_t *input, uint8_t *to, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		to[i] = take_octet(input);
	}
}

/*! Octets up to one of a kind, which is taken and left out, or the end; as a text of so many octets at
 *  most. Returns its length. */
static inline size_t take_text(input_t *input, uint8_t until, char *to, size_t size)
{
	size_t len = 0;
	while (input->left > 0) {
		uint8_t octet = take_octet(input);
		if (octet == until) {
			break;
		}
		if (octet != '\0' && len + 1 < size) {
			to[len++] = (char)octet;
		}
	}
	to[len] = '\0';
	return len;
}

/*! A name in lower case, by a code that makes names share what they end with: an octet for each label,
 *  of which three bits are its length. Returns its length. */
static inline size_t take_name(input_t *input, knot_dname_storage_t name)
{
	uint8_t labels = take_octet(input);
	size_t len = 0;
	for (unsigned i = labels % 8; i > 0; i--) {
		uint8_t code = take_octet(input);
		/* Names of 255 octets have such labels. */
		unsigned label = labels & 0x80 ? 63 : 1 + code % 8;
		if (len + 1 + label + 1 > KNOT_DNAME_MAXLEN) {
			break;
		}
		name[len++] = label;
		memset(name + len, 'a' + code / 8 % 26, label);
		len += label;
	}
	name[len] = 0;
	return len + 1;
}
