/*!
 * \brief What has been logged for zones of their targets (BEHAVIOUR W2).  [P]
 *
 * A state that a target is in, such as failing, is logged under each zone that follows it, when
 * that is asked: once when it begins and once when it is over. What has been
 * logged stands here, so that both are logged or neither, also across a reload. What is more than the
 * zone may log (budget.h) is logged later.
 *
 * Bounded: while there is no free slot a state is not logged. Lock-free, never waits.
 *
 * Thread: any.
 */

#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "log/budget.h"

/*! States that can be remembered. */
#define ANAME_REPORTED_SIZE  8192
/*! A state that no query has confirmed for so long gives its slot to another, if need be. */
#define ANAME_REPORTED_OLD_S 600

/*! All zero: nothing logged. */
typedef struct {
	_Atomic uint64_t keys[ANAME_REPORTED_SIZE];   /*!< 0: free. */
	_Atomic uint32_t seen_s[ANAME_REPORTED_SIZE]; /*!< When it was last confirmed. */
	_Atomic uint32_t count;                       /*!< Slots taken. */
} aname_reported_t;

/*! Has any state been logged that is not over? Costs one load. */
static inline bool aname_reported_any(const aname_reported_t *reported)
{
	return atomic_load_explicit(&reported->count, memory_order_relaxed) > 0;
}

/*!
 * \brief Notes whether a target is in a state, for a zone.
 *
 * \param key       Hash of zone, target and state; not 0.
 * \param in_state  Whether it is.
 * \param budget    Counts the lines.
 * \param zone      aname_shared_zone().
 *
 * \return true if that is to be logged now, under this zone.
 */
bool aname_reported_change(aname_reported_t *reported, uint64_t key, bool in_state,
                           aname_budget_t *budget, uint32_t zone, int64_t now_ms);
