/*!
 * \brief Is it this server's own connection that has failed?  [P]
 *
 * Thread: service.
 */

#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "service/probe/verdict.h"

/*! So many targets that were up do not fail all at once by themselves. */
#define ANAME_DOUBT_TARGETS 3

/*! All zero: there is no doubt. */
typedef struct {
	uint64_t failed[ANAME_DOUBT_TARGETS]; /*!< Targets that were up, and failed after that. */
	unsigned count;                       /*!< That many since the last success of any. */
} aname_doubt_t;

/*!
 * \brief Takes the outcome of a probe (H5).
 *
 * \param target  A number for the name behind which the address is.
 * \param was_up  The address was up before.
 */
void aname_doubt_take(aname_doubt_t *doubt, uint64_t target, bool was_up, aname_outcome_t outcome);

/*! Has nothing succeeded since several targets failed that were up? */
bool aname_doubt_is(const aname_doubt_t *doubt);
