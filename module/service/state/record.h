/*!
 * \brief The records of a state file (see format.h): what they say, how they are laid out, and how
 *        one is checked and read.  [P]
 *
 * What follows a record's head, by kind; an age is 6 octets of milliseconds:
 *
 *     UPSTREAM    ttl_min, 4; ttl_max, 4; flags, 1: SECURE, VIA_IPV4, VIA_IPV6;
 *                 the addresses it is asked from, 4 and 16, as flagged; servers, 1, and of each
 *                 port, 2; octets of the address, 1; the address
 *     DEFINITION  kind, 1; port, 2; verify, 1; interval, 4; timeout, 4; fall, 1; rise, 1;
 *                 statuses, 1, and of each low, 2; high, 2;
 *                 host and path: octets, 1, and these
 *     VERDICT     definition, 2; health, 1; age; octets of the address, 1; the address; name
 *     TARGET      upstream, 2; flags, 1: AAAA, DORMANT, KNOWN, above them the number of views;
 *                 failures, 1; demand, 2; asked_s, 4; until_s, 4; min_ttl, 4;
 *                 next_ms, 6: ANAME_STATE_NEXT_ZERO is now;
 *                 definitions, 2 each; name; what is known, as flagged
 *     FORCE       state, 1; age; how much longer, 6: ANAME_STATE_LEFT_EVER has no end;
 *                 octets of the address, 1, 0: it is a target; the address or the name
 *     KEY         octets of the directories, 2, and these, with a zero octet behind;
 *                 the rest: RDATA
 *     END         nothing
 *
 * What is known of a target:
 *
 *     1: known, 2 bits; LOST; NXDOMAIN; failure, 4 bits
 *     an answer, unless nothing is known; of ADDRESSES with their number, 2, and these
 *     if LOST, the age of that, and the last answer with addresses, in the same way
 *     if there is a failure, the age of that
 *
 *     An answer: age; ttl, 4; pick, 2; usual_ms, 2; scope, 1; bare, 1
 *
 * Thread: any.
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

/*! Largest `ttl_min` and `ttl_max` of an upstream, as of their options. */
#define ANAME_STATE_TTL_MAX 604800

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
	/*! Of a target: what aname_state_snapshot() reads; NULL: nothing. */
	const uint8_t *known, *known_end;
} aname_state_record_t;

/* How they are laid out. */

/*! Octets of a record's head. */
#define ANAME_STATE_RECORD_HEAD 4

/*! Largest record, its head included: a key has 65,535 octets of RDATA at most. */
#define ANAME_STATE_RECORD_MAX 70000

/*! Least octets of a DNSKEY record's RDATA. */
#define ANAME_STATE_KEY_MIN 5

/*! Largest number of milliseconds; sums of a few such numbers are still numbers. */
#define ANAME_STATE_TIME_MAX  ((INT64_C(1) << 48) - 1)
#define ANAME_STATE_LEFT_EVER ANAME_STATE_TIME_MAX
#define ANAME_STATE_NEXT_ZERO (INT64_C(1) << 47)

/*! Flags of an upstream. */
#define ANAME_STATE_SECURE   0x01
#define ANAME_STATE_VIA_IPV4 0x02
#define ANAME_STATE_VIA_IPV6 0x04

/*! Flags of a target, and where the number of views begins. */
#define ANAME_STATE_AAAA        0x01
#define ANAME_STATE_DORMANT     0x02
#define ANAME_STATE_KNOWN       0x04
#define ANAME_STATE_VIEWS_SHIFT 4

/*! Of what is known of it: bits of aname_known_t, flags, and where the failure begins. */
#define ANAME_STATE_KNOWN_BITS    0x03
#define ANAME_STATE_LOST          0x04
#define ANAME_STATE_NXDOMAIN      0x08
#define ANAME_STATE_FAILURE_SHIFT 4

/*!
 * \brief Reads what follows a record's head.
 *
 * \param upstreams    How many stand before it, and
 * \param definitions  how many of these.
 *
 * \return false if any of it is not as it has to be.
 */
__attribute__((warn_unused_result)) bool aname_state_record_read(aname_state_kind_t kind,
                                                                 const uint8_t *at, size_t len,
                                                                 uint32_t upstreams,
                                                                 uint32_t definitions,
                                                                 aname_state_record_t *record);

/*!
 * \brief What was known of a target.
 *
 * \param record      A target that has something known.
 * \param elapsed_ms  Time since it was saved, not negative.
 * \param now_ms      Now, on the clock of snapshots.
 *
 * \return New snapshot without views, as of now, that says of a failure that it is from before the
 *         restart; NULL if out of memory. Ownership: the caller's, freed with free().
 */
aname_snapshot_t *aname_state_snapshot(const aname_state_record_t *record, int64_t elapsed_ms,
                                       int64_t now_ms);
