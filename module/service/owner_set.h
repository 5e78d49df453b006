/*!
 * \brief Which addresses an owner has: what everybody would get there, as workers would answer, but all
 *        of it, for whoever keeps it in the zone itself.  [U]
 *
 * It is made of what is published, with the options of the owner's zone, and by the code by which
 * workers make their answers. It is something else in this:
 *
 * - all targets that can be used of the best rank count, whatever `answer-targets` and weights would
 *   choose for a client, but for a weight of 0 where there is another;
 * - where there are more than `max-addresses` it is always the same ones of them;
 * - while a target is looked up for the first time that would count nothing is said of the family: what
 *   stands in the zone is better than a part of what will be there in a moment;
 * - a target that has begun to fail keeps its last addresses for some seconds, even where others have
 *   live ones: in a moment it may turn out that the whole upstream is silent (P1).
 *
 * To ask is what a query is: the targets are looked up, kept fresh, charged and probed.
 *
 * Thread: service, all of it.
 */

#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "service/owner_parts.h"

/*! Most addresses of one family: the most that `max-addresses` allows. */
#define ANAME_OWNER_SET_MAX 256

/*! What is known of a family. */
typedef enum {
	ANAME_OWNER_FAILED =
	        0, /*!< Nothing to answer with but the zone's own addresses, or SERVFAIL; or that
	                there are none is stale. */
	ANAME_OWNER_PENDING, /*!< A first lookup is under way. */
	ANAME_OWNER_NODATA,  /*!< There are none. */
	/*! Likewise, since the targets do not exist: there are none of the other family, either. */
	ANAME_OWNER_NXDOMAIN,
	ANAME_OWNER_ADDRESSES,
} aname_owner_state_t;

typedef struct {
	aname_owner_state_t state;
	unsigned count;                       /*!< ADDRESSES: how many. */
	uint8_t len;                          /*!< 4 or 16. */
	char why[180];                        /*!< FAILED: a phrase. */
	uint8_t at[ANAME_OWNER_SET_MAX * 16]; /*!< Network order, sorted, one behind the other. */
} aname_owner_family_t;

typedef struct {
	const char *
	        unknown; /*!< Nothing is said, and why: a phrase that stays; NULL: all that follows. */
	uint32_t next_s; /*!< Ask again after so many seconds at the latest; set in any case. */
	uint32_t ttl;    /*!< As the source has it, of both families the least; 0: no addresses. */
	aname_owner_family_t families[2]; /*!< A, AAAA. */
} aname_owner_set_t;

/*! Says what an owner has, and has looked up what is not known; that begins with
 *  aname_refresh_wake(), which is to follow once all is asked. */
void aname_owner_set(aname_refresh_t *refresh, const aname_owner_question_t *question,
                     int64_t now_ms, aname_owner_set_t *set);
