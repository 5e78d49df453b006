/*!
 * \brief What is known: from the table into the state file, a little at a time (BEHAVIOUR S1).  [U]
 *
 * A large table is not walked in one go, which would hold up lookups. Ages are those of the moment
 * at which it begins; what changes meanwhile may be in it or not. Answers for subnets are not saved.
 *
 * Thread: service.
 */

#pragma once

#include "service/state/writer.h"
#include "service/work.h"

/*! What is being collected. */
typedef struct {
	aname_refresh_t *refresh;
	aname_state_out_t out;
	int64_t now_ms;   /*!< When it began. */
	uint32_t number;  /*!< Of this save, other than those of others. */
	unsigned phase;   /*!< What is walked over. */
	size_t begin;     /*!< Where its records begin. */
	uint32_t targets; /*!< Collected. */
	size_t bucket;    /*!< Of keys. */
	aname_probes_cursor_t addresses;
	aname_cursor_t entries;
} aname_collect_t;

/*! Begins; `number` is other than in the last one, and not 0. */
void aname_collect_begin(aname_collect_t *collect, aname_refresh_t *refresh, uint32_t number,
                         int64_t now_ms);

/*! Takes a step of a few microseconds; true if that was the last one. */
bool aname_collect_step(aname_collect_t *collect);
