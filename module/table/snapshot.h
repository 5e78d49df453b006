/*!
 * \brief What a lookup taught, and the immutable form in which it is published.  [P]
 */

#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <libknot/dname.h>
#include <libknot/rdataset.h>

#include "conf/options.h"

struct aname_rest;

/*! Most addresses kept of one lookup; the rest is dropped after sorting. */
#define ANAME_ADDRESSES_MAX 1024

/*! The source gave no TTL (getaddrinfo). */
#define ANAME_TTL_UNKNOWN UINT32_MAX

/*! What is known about a target. */
typedef enum {
	ANAME_KNOWN_NOTHING = 0, /*!< No lookup ever succeeded. */
	ANAME_KNOWN_ADDRESSES,   /*!< It has addresses of this family. */
	ANAME_KNOWN_NODATA,      /*!< It has none, or does not exist. */
} aname_known_t;

/*! Why a lookup, or a target as a whole, failed. Larger values are the more telling ones. */
typedef enum {
	ANAME_FAILURE_NONE = 0,
	ANAME_FAILURE_TIMEOUT,   /*!< No answer in time. */
	ANAME_FAILURE_SERVER,    /*!< The resolver said that it could not find out. */
	ANAME_FAILURE_NETWORK,   /*!< The resolver could not be asked. */
	ANAME_FAILURE_INSECURE,  /*!< The answer is not authenticated, and has to be (N3). */
	ANAME_FAILURE_BOGUS,     /*!< The resolver says that DNSSEC validation failed. */
	ANAME_FAILURE_MALFORMED, /*!< Not a target at all: bad RDATA, the root, the owner itself. */
	ANAME_FAILURE_CIRCULAR,  /*!< It leads back to the owner (F5). */
	ANAME_FAILURE_DOWN,      /*!< Health or an operator has left none of its addresses (H4). */
	ANAME_FAILURE_EMPTIED,   /*!< Policy has left none of its addresses (L2, A10). */
	ANAME_FAILURE_DENIED,    /*!< Policy (L2). */
} aname_failure_t;

/*! Result of one lookup, as a resolver reports it. */
typedef struct {
	aname_known_t known;      /*!< NOTHING if and only if `failure` is set. */
	aname_failure_t failure;  /*!< NONE, TIMEOUT, SERVER or NETWORK. */
	const char *detail;       /*!< One phrase for the log, which stays, or NULL. */
	uint32_t ttl;             /*!< Seconds, or ANAME_TTL_UNKNOWN. */
	uint8_t bare;             /*!< If negative: how often in a row nothing said for how long. */
	uint16_t address_len;     /*!< 4 or 16; 0: they are names, in lower case. */
	uint32_t count;           /*!< Number of addresses, any order, repeated or not. */
	const uint8_t *addresses; /*!< `count` times `address_len` octets. */
	const knot_dname_t *last; /*!< Where the aliases end, lower case; NULL: not known. */
	uint8_t scope;            /*!< Length of the client prefix it is for; 0: everybody. */
	bool nxdomain;            /*!< For NODATA: the name is said not to exist. */
	uint8_t unscoped;         /*!< Which server, from 1 on, did not say that itself; 0: none. */
} aname_result_t;

/*!
 * \brief One published state of a target. Never changed once published, but for what workers find
 *        that networks leave of it.
 *
 * The addresses are sorted, unique, and laid out as libknot's rdata array, so that they go into
 * an RRset by one copy. Behind them stands what only few have: an aname_lost_t, if a negative
 * answer came after addresses, an aname_failing_t, if the last lookup failed, and an aname_view_t
 * for each definition that probes them.
 */
typedef struct {
	_Atomic(struct aname_rest *) rests; /*!< See table/rest.h. Stands first: no copy has it. */
	int64_t learned_ms;                 /*!< When the answer came. */
	uint32_t ttl;         /*!< Seconds, as the source gave it, or ANAME_TTL_UNKNOWN. */
	uint16_t pick;        /*!< Random; where a subset of the addresses starts (A8). */
	uint16_t count;       /*!< Addresses in `rdata`. */
	uint8_t step;         /*!< Octets from one of them to the next. */
	uint8_t known;        /*!< aname_known_t */
	uint8_t failure;      /*!< aname_failure_t of the last lookup. */
	uint8_t scope;        /*!< As the resolver gave it (RFC 7871); 0: for everybody. */
	uint16_t usual_ms;    /*!< How long lookups take, see aname_policy_usual(). */
	uint8_t bare : 4;     /*!< As in aname_result_t. */
	uint8_t lost : 1;     /*!< For NODATA: there were addresses before, see aname_lost_t. */
	uint8_t nxdomain : 1; /*!< Likewise: the name is said not to exist; not saved. */
	uint8_t views;        /*!< How many aname_view_t there are. */
	uint8_t rdata[] __attribute__((aligned(2)));
} aname_snapshot_t;

/*! How long it is remembered that there were addresses, in seconds; the most that
 *  `negative-delay` can be. */
#define ANAME_LOST_MAX_S 604800

/*! That there were addresses before a negative answer, and which: those of the last snapshot that
 *  had any, which follows. */
typedef struct {
	int64_t since_ms; /*!< When the first negative answer came. */
	bool nxdomain;    /*!< The last one says that the name does not exist. */
} aname_lost_t;

/*! How long lookups of a target have failed, and why. */
typedef struct {
	int64_t since_ms; /*!< When the failures began. */
	const char *why;  /*!< One phrase for the status, which stays. */
} aname_failing_t;

/*! Most views of one snapshot: of definitions, and one more of what is forced. */
#define ANAME_VIEWS_DEFINITIONS 15
#define ANAME_VIEWS_MAX         (ANAME_VIEWS_DEFINITIONS + 1)

/*!
 * The addresses as sections see them that have one definition: those that are not down,
 * ready-made. Sections that probe nothing see definition 0, where an operator's word counts alone.
 */
typedef struct {
	uint32_t definition; /*!< Its identity, see table/definition.h. */
	uint32_t at;         /*!< Where they stand, in octets from the snapshot's beginning. */
	uint16_t count;      /*!< How many are not down. */
	uint16_t unknown;    /*!< Of how many of them it is not known that they are up. */
	uint32_t round;      /*!< The service's own, of the first view: when it was made. */
	bool forced_down;    /*!< The target itself is, by an operator's word. */
	int64_t changed_ms;  /*!< When something changed last; INT64_MIN: nothing has. */
} aname_view_t;

/*! What is said of one address, for a view. */
typedef struct {
	bool down;
	bool alive; /*!< It is known to be up. */
	int64_t changed_ms;
} aname_sight_t;

/*! Says it of the address `address`. */
typedef aname_sight_t (*aname_sight_f)(void *ctx, uint32_t definition, const uint8_t *address,
                                       uint8_t len);

/*!
 * \brief Makes a snapshot of a lookup that succeeded.
 *
 * \param result  What was learnt; `known` is ADDRESSES or NODATA.
 * \param now_ms  Time of the answer.
 * \param pick    A random number.
 *
 * \return New snapshot, NULL if out of memory. Ownership: the caller's, freed with free().
 */
aname_snapshot_t *aname_snapshot_new(const aname_result_t *result, int64_t now_ms, uint16_t pick);

/*!
 * \brief As aname_snapshot_new(), for an answer that comes after another one.
 *
 * If it is negative, and there were addresses before, they are remembered for ANAME_LOST_MAX_S.
 *
 * \param previous  The published snapshot, or NULL.
 */
aname_snapshot_t *aname_snapshot_after(const aname_snapshot_t *previous,
                                       const aname_result_t *result, int64_t now_ms, uint16_t pick);

/*!
 * \brief Makes a snapshot of a lookup that failed: what was known before, marked as failing.
 *
 * \param previous  The published snapshot, or NULL.
 * \param failure   What kind of failure.
 * \param why       One phrase for the status, which stays.
 * \param now_ms    Time of the failure.
 *
 * \return New snapshot, NULL if out of memory. Ownership: the caller's, freed with free().
 */
aname_snapshot_t *aname_snapshot_failed(const aname_snapshot_t *previous, aname_failure_t failure,
                                        const char *why, int64_t now_ms);

/*! An answer that was known before a restart. */
typedef struct {
	int64_t learned_ms;
	uint32_t ttl;
	uint16_t pick;
	uint16_t usual_ms;
	uint8_t scope;
	uint8_t bare;
	uint16_t count;
	const uint8_t *addresses; /*!< `count` of them, sorted and unique. */
} aname_past_answer_t;

/*! What a snapshot held before a restart, part by part. */
typedef struct {
	aname_known_t known;
	aname_failure_t failure;
	uint8_t address_len;        /*!< 4 or 16. */
	bool was_lost;              /*!< For NODATA: `lost` and `last` count. */
	aname_past_answer_t answer; /*!< Counts unless `known` is NOTHING. */
	aname_past_answer_t last;
	aname_lost_t lost;
	aname_failing_t failing; /*!< Counts if `failure` is not NONE. */
} aname_past_t;

/*!
 * \brief Makes a snapshot of what was known before a restart, without views.
 *
 * \return New snapshot, NULL if out of memory. Ownership: the caller's, freed with free().
 */
aname_snapshot_t *aname_snapshot_of_past(const aname_past_t *past);

/*! A copy; NULL if out of memory. Ownership: the caller's, freed with free(). */
aname_snapshot_t *aname_snapshot_copy(const aname_snapshot_t *snapshot);

/*! Do both hold the same addresses (or the same lack of them)? NULL holds none. */
bool aname_snapshot_same(const aname_snapshot_t *one, const aname_snapshot_t *other);

/*! That there were addresses before; NULL if there were none, or if there are some now. */
const aname_lost_t *aname_snapshot_lost(const aname_snapshot_t *snapshot);

/*! The addresses of before, in a snapshot of their own; NULL likewise. */
const aname_snapshot_t *aname_snapshot_last(const aname_snapshot_t *snapshot);

/*! How long lookups have failed, and why; NULL if the last one succeeded. */
const aname_failing_t *aname_snapshot_failing(const aname_snapshot_t *snapshot);

/*!
 * \brief A copy with these views, and no others.
 *
 * \param definitions  Identities, at most ANAME_VIEWS_MAX.
 * \param forced_down  The target itself is, by an operator's word.
 * \param sight        Says what is to be seen.
 *
 * \return New snapshot, NULL if out of memory. Ownership: the caller's, freed with free().
 */
aname_snapshot_t *aname_snapshot_with_views(const aname_snapshot_t *snapshot,
                                            const uint32_t *definitions, unsigned count,
                                            bool forced_down, aname_sight_f sight, void *ctx);

/*!
 * \brief What networks leave of the addresses, and of the views, in the same order; nothing else.
 *
 * \return New snapshot, NULL if out of memory. Ownership: the caller's, freed with free().
 */
aname_snapshot_t *aname_snapshot_without(const aname_snapshot_t *snapshot,
                                         const aname_nets_t *deny);

/*! All views; NULL if there are none. */
const aname_view_t *aname_snapshot_views(const aname_snapshot_t *snapshot);

/*! The view of a definition that asks the same as this one; NULL if there is none. */
const aname_view_t *aname_snapshot_view_alike(const aname_snapshot_t *snapshot,
                                              uint32_t definition);

/*! The view of a definition; NULL if the addresses are not seen through it. */
const aname_view_t *aname_snapshot_view(const aname_snapshot_t *snapshot, uint32_t definition);

/*! Is it known of some address that it is up? */
static inline bool aname_view_alive(const aname_view_t *view)
{
	return view->count > view->unknown;
}

/*! The addresses of a view as a set that points into the snapshot; do not clear or free it. */
static inline knot_rdataset_t aname_view_rdataset(const aname_snapshot_t *snapshot,
                                                  const aname_view_t *view)
{
	knot_rdataset_t set = { .count = view->count,
		                .size = (uint32_t)view->count * snapshot->step,
		                .rdata = (knot_rdata_t *)((const uint8_t *)snapshot + view->at) };
	return set;
}

/*! Octets in `rdata`. */
static inline uint32_t aname_snapshot_size(const aname_snapshot_t *snapshot)
{
	return (uint32_t)snapshot->count * snapshot->step;
}

/*! The addresses as a set that points into the snapshot; do not clear or free it. */
static inline knot_rdataset_t aname_snapshot_rdataset(const aname_snapshot_t *snapshot)
{
	knot_rdataset_t set = { .count = snapshot->count,
		                .size = (uint32_t)snapshot->count * snapshot->step,
		                .rdata = (knot_rdata_t *)snapshot->rdata };
	return set;
}
