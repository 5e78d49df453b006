/*!
 * \brief The state file's format: what is known, written so that it can be read back after a
 *        restart (BEHAVIOUR S1 to S3).  [P]
 *
 * Numbers are in network byte order, names in wire format and lower case. Times of records are
 * relative to the moment of saving, which the head holds: ages count into the past, the rest into
 * the future.
 *
 *     head     magic, 16 octets: "mod-aname state" and a line feed
 *              version, 4
 *              checksum, 4: CRC-32 (as zlib's) of all octets after it
 *              length, 8: octets of the whole file
 *              identity of the boot, 16; milliseconds since boot, 8; milliseconds of wall time, 8
 *     records  kind, 1; octets that follow, 3; then what its kind calls for
 *
 * A record refers to upstreams and definitions by their order in the file, from 0 on; those stand
 * before whatever refers to them. The last record is END. Another layout is another version. What
 * there is of records, and how each kind is laid out, is in record.h.
 *
 * A file comes from a disk, so nothing in it is taken on trust: aname_state_open() looks at every
 * octet, and says yes to all of it or to nothing. What it accepts can be put into the table as it
 * stands; but it may say something twice, and be more than there is room for.
 *
 * Thread: any, one at a time.
 */

#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "service/state/record.h"
#include "table/snapshot.h"

#define ANAME_STATE_VERSION 1

/*! Largest file that is looked at. */
#define ANAME_STATE_SIZE_MAX (UINT64_C(2) << 30)

/*! Most upstreams, and most definitions, in a file. */
#define ANAME_STATE_UPSTREAMS_MAX   4096
#define ANAME_STATE_DEFINITIONS_MAX 4096

/*! When a file was saved. */
typedef struct {
	uint8_t boot_id[16]; /*!< Of the running kernel; zero if it is not known. */
	int64_t boot_ms;     /*!< Milliseconds since boot, suspended time included. */
	int64_t wall_ms;     /*!< Milliseconds since 1970. */
} aname_state_moment_t;

/* Writing. What no reader would accept makes a file `failed`; of times the nearest that there is room
 * for is taken, and an age that is negative is none: it came after the moment of saving. */

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

/* Reading. */

/*! What is wrong with a file. */
typedef enum {
	ANAME_STATE_GOOD = 0,
	ANAME_STATE_EMPTY,   /*!< Nothing is in it. */
	ANAME_STATE_FOREIGN, /*!< It does not begin as such a file does. */
	ANAME_STATE_VERSION_DIFFERS,
	ANAME_STATE_DAMAGED, /*!< Length, checksum or a record are not right. */
} aname_state_fault_t;

/*! A file that is being read. */
typedef struct {
	aname_state_moment_t moment; /*!< When it was saved. */
	uint32_t version;            /*!< As the file says. */
	const uint8_t *at, *end;
	/* How many there are. */
	uint32_t upstreams, definitions, verdicts, targets, forces, keys;
} aname_state_in_t;

/*! Does it not begin as a state file does? Nothing does not. */
bool aname_state_is_foreign(const uint8_t *data, size_t len);

/*! How long a file is by its own word, of its head; `len` octets of that are there. */
uint64_t aname_state_length(const uint8_t *head, size_t len);

/*!
 * \brief Opens a file that is in memory: checks all of it.
 *
 * \param data  Its octets; have to stay for as long as it is read.
 *
 * \return GOOD, or what is wrong; `version` is set for VERSION_DIFFERS, too.
 */
aname_state_fault_t aname_state_open(aname_state_in_t *in, const uint8_t *data, size_t len);

/*! Takes the next record of a file that is good; END at the end, again and again. */
aname_state_kind_t aname_state_next(aname_state_in_t *in, aname_state_record_t *record);
