/*!
 * \brief The targets of an owner that somebody asks for who is no query: looked up, kept fresh, and what
 *        each is worth.  [U]
 *
 * A part of owner_set.h, which says where that differs from what workers do.
 *
 * Thread: service, all of it.
 */

#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "service/refresh.h"
#include "table/answer.h"

/*! Of what is asked. */
typedef struct {
	const knot_dname_t *zone, *owner;   /*!< Lower case. */
	uint32_t ttl;                       /*!< Of its records, as in the wire. */
	unsigned count;                     /*!< Targets; the first ANAME_POOL_MAX count. */
	const knot_dname_t *const *targets; /*!< Lower case. */
} aname_owner_question_t;

/*! The targets of an owner. */
typedef struct {
	aname_refresh_t *refresh;
	const aname_owner_question_t *question;
	int64_t now_ms;
	const aname_options_t *options; /*!< Of its zone. */
	const aname_upstream_t *upstream;
	uint64_t owner;  /*!< Hash of its name. */
	uint32_t next_s; /*!< Ask again after so many seconds at the latest; becomes less here. */
	/* Those that the zone may have, each once. */
	unsigned count;
	const knot_dname_t *targets[ANAME_POOL_MAX];
	unsigned malformed, denied; /*!< Others. */
	const char *refusal;        /*!< What is wrong with the last one of these. */
	/* Of one family. */
	uint16_t type;
	bool full;         /*!< There is no room for some target. */
	aname_pool_t pool; /*!< `count` of its parts are targets, in this order. */
	aname_snapshot_t *left[ANAME_POOL_MAX]; /*!< What `deny-address` leaves of each; or NULL. */
} aname_owner_parts_t;

/*! It is to be asked again within so many seconds. */
static inline void aname_owner_parts_hasten(aname_owner_parts_t *parts, uint32_t seconds)
{
	parts->next_s = seconds < parts->next_s ? seconds : parts->next_s;
}

/*! Sorts out the targets, and asks for them in both families. What stands before `count` is set. */
void aname_owner_parts_ask(aname_owner_parts_t *parts);

/*! Judges them in a family, into the pool, whose choice is not touched. The TTL of each is its whole
 *  lifetime. Until aname_owner_parts_free() the pool is good, while nothing is published. */
void aname_owner_parts_judge(aname_owner_parts_t *parts, uint16_t type);

/*! What is published of a target in the family that was judged last; NULL if nothing. */
const aname_snapshot_t *aname_owner_parts_known(const aname_owner_parts_t *parts, unsigned number);

/*! Frees what one judging took. */
void aname_owner_parts_free(aname_owner_parts_t *parts);
