/*!
 * \brief How much zones may log (BEHAVIOUR L4).  [P]
 *
 * No more than so many lines a second are logged of targets. While there are few, any zone may log
 * any of them. Else a zone may log what it would log anyway, a line now and then, and some at once;
 * so one whose targets fail by the thousand does not hide what there is to say of others.
 *
 * Lock-free, never waits. Thread: any.
 */

#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/*! Lines a second. */
#define ANAME_BUDGET_PER_SECOND 20
/*! While there are no more in a second, it does not matter whose they are. */
#define ANAME_BUDGET_FREE       10
/*! A zone's own: a line in so many seconds, ... */
#define ANAME_BUDGET_LINE_S     3
/*! ... and so many at once. */
#define ANAME_BUDGET_AT_ONCE    20
/*! Zones that are told apart, by their identities; others share. */
#define ANAME_BUDGET_ZONES      1024

/*! All zero: nothing logged. */
typedef struct {
	_Atomic uint64_t second;                      /*!< Lines of a second, and which. */
	_Atomic uint32_t spent_s[ANAME_BUDGET_ZONES]; /*!< Until when a zone has spent its own. */
} aname_budget_t;

/*!
 * \brief Counts a line.
 *
 * \param zone  Whose it is, aname_shared_zone() or aname_entry_zone(); 0: not known.
 *
 * \return false if it is not to be logged now.
 */
bool aname_budget_take(aname_budget_t *budget, uint32_t zone, int64_t now_ms);
