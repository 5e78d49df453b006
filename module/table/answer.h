/*!
 * \brief From what is known of an owner's targets to what there is to say.  [P]
 *
 * Several ANAME records at one name are a pool: the union of them (BEHAVIOUR R4), or those that are
 * chosen for a client (P1 to P4).
 *
 * Thread: worker inside the epoch; the service thread.
 */

#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "conf/options.h"
#include "table/choice.h"
#include "table/policy.h"
#include "table/snapshot.h"
#include "table/subset.h"

/*! Highest TTL, in seconds, of what is better soon: the addresses of a pool that is not known as
 *  a whole yet, and those for everybody in the place of those for a client. */
#define ANAME_PARTIAL_TTL 5

/*! One target of the owner. */
typedef struct {
	const aname_snapshot_t
	        *snapshot;        /*!< Where its addresses are; may be NULL if it has none. */
	const aname_view_t *view; /*!< In the snapshot: which of them are not down; NULL: all. */
	aname_judgement_t judgement;
	uint8_t failure; /*!< Why, if the judgement is FAILED: aname_failure_t. */
	uint8_t scope;   /*!< Length of the client prefix it is for; 0: everybody. */
	bool gone;       /*!< The target had addresses, and has none of either family. */
	bool down;       /*!< It has addresses, and health or an operator leaves none (H3). */
	bool recent;     /*!< Some of it went down, or came up again, of late (H6). */
	bool lives;      /*!< Stale is as good as live: a probe says up, or its upstream is silent
	                      as a whole (P1). */
} aname_part_t;

/*! A target without anything to use. */
static inline void aname_part_fail(aname_part_t *part, aname_failure_t failure)
{
	*part = (aname_part_t){
		.judgement = { .worth = ANAME_FAILED, .fallback = ANAME_FAILED },
		.failure = failure,
	};
}

/*!
 * \brief Chooses between what a target says to a client and what it says to everybody (N4).
 *
 * What is for everybody stands in for what is not there, or fails: for this client only, and not
 * for long. So do addresses that are kept of a target that is gone, and those of which some are up
 * where all that are for the client are down (H3).
 *
 * \param client   What the target says to the client.
 * \param general  What it says to everybody.
 * \param len      Length of the client's prefix.
 */
aname_part_t aname_answer_for_client(const aname_part_t *client, const aname_part_t *general,
                                     uint8_t len);

/*! As aname_answer_for_client(), in the place of what everybody gets. In the usual case there is nothing
 *  to choose: it is known what the client gets, and not all of that is down. */
static inline void aname_answer_take_client(const aname_part_t *client, uint8_t len,
                                            aname_part_t *part)
{
	if (client->judgement.worth == ANAME_FRESH && !client->down && !part->gone) {
		*part = *client;
		part->gone = false;
	} else {
		*part = aname_answer_for_client(client, part, len);
	}
}

/*! All targets of the owner. */
typedef struct {
	unsigned count;
	aname_all_down_t all_down;    /*!< What to do if health leaves nothing (H4). */
	const aname_choice_t *choice; /*!< Which are used, of the first parts; NULL: all. */
	uint64_t network;             /*!< The client's, if there is a choice. */
	aname_part_t parts[ANAME_POOL_MAX];
} aname_pool_t;

/*! What all targets of an owner are worth together. */
typedef struct {
	uint8_t worth; /*!< aname_worth_t; addresses are those in `use`. LATE and STALE if any of
	                      what counts is. */
	bool partial;  /*!< There are targets of which nothing is known yet. */
	bool cold;     /*!< There are such targets, be they wanted for this answer or not. */
	bool gone;     /*!< If negative: there were addresses before. */
	bool emptied;  /*!< If FAILED: there would be addresses, but for policy or health (A10). */
	bool all_down; /*!< Health or an operator has left none: made as `all-down` says (H4). */
	bool no_sibling; /*!< If FAILED: whatever the zone has of its own is not served. */
	uint8_t failure; /*!< If FAILED: the most telling aname_failure_t; NONE if only not ready. */
	uint8_t scope;   /*!< Length of the client prefix it is for; 0: everybody. */
	uint32_t ttl;    /*!< Seconds, if there are addresses, or if negative. */
	unsigned used;
	aname_use_t use[ANAME_POOL_MAX];
} aname_answer_t;

/*! For so long after an address went down, or came up again, TTLs are short (H6). */
#define ANAME_VERDICT_NEW_MS 600000

/*!
 * \brief Sees a target's addresses as sections see them that have this definition; without a view
 *        of that, as an operator has them; else all (H3).
 *
 * \param part  Of a snapshot, and judged; where a verdict is new its TTL becomes a short one (H6).
 *
 * \return false if there is no view of the definition: nobody probes for it yet.
 */
bool aname_answer_look(aname_part_t *part, uint32_t definition, int64_t now_ms);

/*!
 * \brief What to say of a pool.
 *
 * Live addresses first, stale ones only when no target has live ones; TTL is the least of those
 * used. A target nothing is known of holds up the others only if they have no address at all;
 * until it is known, what they have is given out for a short time.
 *
 * Where there is a choice it is made among the targets whose addresses are live and of which some
 * are not down, for each family by itself (P3); and among stale ones, if there are no others.
 *
 * \param pool    At least one part, or the answer is a failure.
 * \param accept_fallback  Do not wait for cold targets: take what they have.
 * \param answer  What to say; points into the snapshots of the pool.
 */
void aname_answer_weigh(const aname_pool_t *pool, bool accept_fallback, aname_answer_t *answer);

/*! The addresses of a target that are not down. */
static inline knot_rdataset_t aname_part_rdataset(const aname_part_t *part)
{
	return part->view == NULL ? aname_snapshot_rdataset(part->snapshot)
	                          : aname_view_rdataset(part->snapshot, part->view);
}

/*! Makes an answer of one target as it is: it is known what it has, within its lifetime, and not all
 *  of that is down. */
static inline void aname_answer_take(const aname_part_t *part, aname_answer_t *answer)
{
	answer->worth = part->judgement.worth;
	answer->partial = false;
	answer->cold = false;
	answer->gone = part->gone;
	answer->emptied = false;
	answer->all_down = false;
	answer->no_sibling = false;
	answer->failure = ANAME_FAILURE_NONE;
	answer->ttl = part->judgement.ttl;
	answer->scope = part->scope;
	answer->used = part->judgement.worth == ANAME_FRESH;
	if (answer->used > 0) {
		answer->use[0].set = aname_part_rdataset(part);
		answer->use[0].pick = part->snapshot->pick;
	}
}

/*! As aname_answer_weigh(). In the usual case nothing has to be weighed: one target, and it is known
 *  what it has. */
static inline void aname_answer_decide(const aname_pool_t *pool, bool accept_fallback,
                                       aname_answer_t *answer)
{
	const aname_part_t *part = &pool->parts[0];
	if (pool->count == 1 && ((part->judgement.worth == ANAME_FRESH && !part->down) ||
	                         part->judgement.worth == ANAME_NODATA)) {
		aname_answer_take(part, answer);
	} else {
		aname_answer_weigh(pool, accept_fallback, answer);
	}
}

/*!
 * \brief Makes NODATA of a failure that would take the other family with it (A10).
 *
 * Stub resolvers give up a name when one of its families is SERVFAIL (RFC 4074, 4.3). A family
 * that policy has emptied, and one without a sibling where the other is answered from its sibling,
 * does not exist for a while; for a shorter one if it is not known yet. While it is not known which
 * it is, the answer waits.
 *
 * \param other    What the other family is worth.
 * \param sibling  The zone has a sibling of the other family.
 * \param answer   One that FAILED, for which the zone has no sibling.
 */
void aname_answer_spare(aname_worth_t other, bool sibling, aname_answer_t *answer);
