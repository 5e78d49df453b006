/*!
 * \brief Which addresses go into an answer: the union of sets, or as many of it as an answer may
 *        hold (R4, A8, L2).  [P]
 *
 * Sets stand sorted in snapshots, without what policy denies (table/rest.h). They are merged from one
 * address on, and no further than the answer reaches; behind the greatest address comes the least. So
 * the cost goes by the addresses that are taken and by the number of sets, and not by how many
 * addresses the sets hold.
 *
 * Nothing but the snapshots and the options decides, so that all workers take the same.
 *
 * Thread: worker inside the epoch; the service thread.
 */

#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <libknot/rdataset.h>

#include "table/choice.h"

/*! Addresses to use: a set, sorted, each once. */
typedef struct {
	knot_rdataset_t set; /*!< In a snapshot. */
	uint16_t pick;       /*!< Random; where a subset of them starts (A8). */
} aname_use_t;

/*! An address as a number, or how far one is behind another. Of IPv4 there is a lower half alone. */
typedef struct {
	uint64_t high, low;
} aname_subset_order_t;

/*! An address that was taken. */
typedef struct {
	aname_subset_order_t order; /*!< How far it is behind the one where the answer starts. */
	const knot_rdata_t *rdata;
} aname_taken_t;

/*! What was taken. */
typedef struct {
	const aname_taken_t *at;
	unsigned count;
	unsigned first;  /*!< Where in the list the least address stands; the others follow it, and
	                      the first of the list the last. */
	unsigned looked; /*!< How many addresses were read for that. */
} aname_subset_t;

/*!
 * \brief Takes addresses out of a union.
 *
 * More than `most` are those that follow an address of the set that has the highest pick, weighted
 * by its size: which one of it, the sum of all picks says. The least address follows the greatest.
 *
 * \param use   Sets of one family, at most ANAME_POOL_MAX.
 * \param room  Twice as many as `most`, which is at most what there is in all sets together.
 *
 * \return What was taken: in the room, and pointing into the sets.
 */
aname_subset_t aname_subset_take(const aname_use_t *use, unsigned used, unsigned most,
                                 aname_taken_t *room);
