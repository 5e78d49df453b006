/*!
 * \brief A reply with denials, and their signatures, as an input has it.
 */

#pragma once

#include "fuzz.h"

#include <libknot/packet/pkt.h>

#define DENIALS_SETS_MAX 16

typedef struct {
	knot_rrset_t rrset;
	uint16_t flags;
	int of; /*!< The denial that a signature covers; -1: none. */
} denials_set_t;

typedef struct {
	const knot_dname_t *zone;
	denials_set_t sets[DENIALS_SETS_MAX];
	unsigned count;
} denials_t;

/*! Puts sets into a reply for a zone, as many as it has room for. Their memory is of the pool. */
void denials_take(denials_t *denials, knot_pkt_t *pkt, input_t *input);
