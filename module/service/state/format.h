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
 * before whatever refers to them. The last record is END. Another layout is another version.
 *
 * A file comes from a disk, so nothing in it is taken on trust: aname_state_open() looks at every
 * octet, and says yes to all of it or to nothing. What it accepts can be put into the table as it
 * stands.
 *
 * Thread: any, one at a time.
 */

#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <libknot/dname.h>

#include "conf/options.h"
#include "service/forced.h"
#include "service/probe/verdict.h"
#include "table/snapshot.h"

#define ANAME_STATE_VERSION 1

/*! Largest file that is looked at. */
#define ANAME_STATE_SIZE_MAX (UINT64_C(4) << 30)

/*! Most upstreams, and most definitions, in a file. */
#define ANAME_STATE_UPSTREAMS_MAX   4096
#define ANAME_STATE_DEFINITIONS_MAX 4096

/*! When a file was saved. */
typedef struct {
	uint8_t boot_id[16]; /*!< Of the running kernel; zero if it is not known. */
	int64_t boot_ms;     /*!< Milliseconds since boot, suspended time included. */
	int64_t wall_ms;     /*!< Milliseconds since 1970. */
} aname_state_moment_t;

/*! Whom targets were asked of. */
typedef struct {
	aname_source_t source;
	uint32_t ttl_min, ttl_max; /*!< The largest of the sections that name it, in seconds. */
} aname_state_upstream_t;

/*! What is known of an address by a definition. */
typedef struct {
	uint16_t definition;
	uint8_t len;           /*!< 4 or 16. */
	uint8_t address[16];   /*!< Network order. */
	const uint8_t *name;   /*!< The target's, in lower case. */
	aname_health_t health; /*!< Not UNKNOWN. */
	int64_t age_ms;        /*!< How long it has been so. */
} aname_state_verdict_t;

/*! A target of one family, beside its snapshot. */
typedef struct {
	uint16_t upstream;
	uint16_t type;       /*!< KNOT_RRTYPE_A or KNOT_RRTYPE_AAAA. */
	const uint8_t *name; /*!< Lower case; not the root. */
	bool dormant;        /*!< It was not kept fresh. */
	uint8_t failures;    /*!< In a row. */
	uint16_t demand;     /*!< How much it was asked for. */
	uint32_t asked_s;    /*!< Seconds since it was asked for. */
	uint32_t until_s;    /*!< Seconds that it is still to be kept fresh. */
	uint32_t min_ttl;    /*!< The shortest lifetime that queries asked for. */
	int64_t next_ms;     /*!< Until its next lookup; negative: it is due. */
	uint8_t views;       /*!< Definitions through which it was seen, */
	uint16_t definitions[ANAME_VIEWS_DEFINITIONS]; /*!< and which. */
} aname_state_target_t;

/*! What an operator has forced. */
typedef struct {
	aname_forced_t state; /*!< DOWN or UP. */
	int64_t age_ms;       /*!< For how long. */
	int64_t left_ms;      /*!< For how much longer; ANAME_FORCED_EVER: without end. */
	aname_subject_t subject;
} aname_state_force_t;

/*! A key that signed a zone: its DNSKEY record, and where its private part is. */
typedef struct {
	const char *directories; /*!< One a line; ends in a zero octet. */
	uint16_t rdata_len;
	const uint8_t *rdata;
} aname_state_key_t;

/* Writing. */

/*! A file that is being made; all zero at first. */
typedef struct {
	uint8_t *data; /*!< On the heap; freed by whoever owns this, with free(). */
	size_t len, room;
	bool failed; /*!< Out of memory, or something that has no place in a file: it is no good. */
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

typedef enum {
	ANAME_STATE_END = 0,
	ANAME_STATE_UPSTREAM,
	ANAME_STATE_DEFINITION,
	ANAME_STATE_VERDICT,
	ANAME_STATE_TARGET,
	ANAME_STATE_FORCE,
	ANAME_STATE_KEY,
} aname_state_kind_t;

/*! A record; which member counts, its kind tells. Pointers go into the file's octets. */
typedef struct {
	union {
		aname_state_upstream_t upstream;
		aname_probe_t definition;
		aname_state_verdict_t verdict;
		aname_state_target_t target;
		aname_state_force_t force;
		aname_state_key_t key;
	};
	const uint8_t *known; /*!< Of a target: what aname_state_snapshot() reads; NULL: nothing. */
} aname_state_record_t;

/*! A file that is being read. */
typedef struct {
	aname_state_moment_t moment; /*!< When it was saved. */
	uint32_t version;            /*!< As the file says. */
	const uint8_t *at, *end;
	/* How many there are. */
	uint32_t upstreams, definitions, verdicts, targets, forces, keys;
} aname_state_in_t;

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

/*!
 * \brief What was known of a target.
 *
 * \param record      A target that has something known.
 * \param elapsed_ms  Time since it was saved, not negative.
 * \param past_s      Nothing is to be younger than by this: lifetimes are over. 0: as it is.
 * \param now_ms      Now, on the clock of snapshots.
 *
 * \return New snapshot without views, as of now; NULL if out of memory. Ownership: the caller's,
 *         freed with free().
 */
aname_snapshot_t *aname_state_snapshot(const aname_state_record_t *record, int64_t elapsed_ms,
                                       uint32_t past_s, int64_t now_ms);
