/*!
 * \brief Makes a state file, in memory.  [P]
 *
 * What no reader would accept makes a file `failed`; of times the nearest that there is room for is
 * taken, and an age that is negative is none: it came after the moment of saving.
 *
 * Thread: any, one at a time.
 */

#pragma once

#include <stdbool.h>

#include "service/state/format.h"
#include "service/state/record.h"
#include "table/snapshot.h"

/*! A file that is being made; all zero at first. Memory of one that was made before is used again. */
typedef struct {
	uint8_t *data; /*!< On the heap; freed by whoever owns this, with free(). */
	size_t len, room;
	bool failed; /*!< Out of memory, or something that has no place in a file: it is no good. */
	uint32_t upstreams, definitions, forces; /*!< How many there are so far. */
} aname_state_out_t;

/*! Begins a file. */
void aname_state_begin(aname_state_out_t *out, const aname_state_moment_t *moment);

/*! Adds a record. What points somewhere is copied. */
void aname_state_add_upstream(aname_state_out_t *out, const aname_state_upstream_t *upstream);
void aname_state_add_definition(aname_state_out_t *out, const aname_probe_t *probe);
void aname_state_add_verdict(aname_state_out_t *out, const aname_state_verdict_t *verdict);
void aname_state_add_force(aname_state_out_t *out, const aname_state_force_t *force);
void aname_state_add_key(aname_state_out_t *out, const aname_state_key_t *key);

/*!
 * \brief Adds a target.
 *
 * \param snapshot  What is known of it: addresses, what was lost, and since when and how lookups
 *                  fail; not its views. May be NULL.
 * \param now_ms    The moment of saving, on the clock of snapshots.
 */
void aname_state_add_target(aname_state_out_t *out, const aname_state_target_t *target,
                            const aname_snapshot_t *snapshot, int64_t now_ms);

/*! Ends a file; false if it is no good. May take long: the checksum is over all of it. */
__attribute__((warn_unused_result)) bool aname_state_end(aname_state_out_t *out);
