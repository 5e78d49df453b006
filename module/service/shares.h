/*!
 * \brief Which targets give way where no more may be held (BEHAVIOUR L4).  [P]
 *
 * Whom a target is charged to is in table/charges.h. Nobody has a quota while there is room.
 * Where there is none, those zones give way that hold the most: all of them come down to a level
 * that makes room, and each gives what it asked for least recently, which is first of all what its
 * records no longer name. Nobody comes down below an even share that way: below that only targets
 * go that nobody has asked for lately.
 *
 * Thread: any.
 */

#pragma once

#include <stddef.h>
#include <stdint.h>

#include "table/table.h"

/*! A zone with no more than an even share keeps what was asked for within so many seconds. */
#define ANAME_SHARES_RECENT_S 60

/*! A target that may go. */
typedef struct {
	aname_entry_t *entry;
	uint32_t zone;    /*!< Whom it is charged to; 0: nobody knows, which counts as one zone. */
	uint32_t asked_s; /*!< When it was asked for last. */
	bool dormant;     /*!< It is not kept fresh: nobody has asked for it for long enough. */
} aname_share_t;

/*! The zone that holds the most. */
typedef struct {
	uint32_t zone; /*!< 0: no zone holds more than an even share, or nobody knows which. */
	uint32_t held; /*!< Targets. */
} aname_heaviest_t;

/*!
 * \brief Chooses those that give way, and puts them first.
 *
 * \param shares    All targets that are held, in any order.
 * \param need      How many are to go.
 * \param now_s     Now.
 * \param heaviest  Who holds the most.
 *
 * \return How many go: fewer than `need` if no more can in fairness; 0 as well if out of memory.
 */
size_t aname_shares_choose(aname_share_t *shares, size_t count, size_t need, uint32_t now_s,
                           aname_heaviest_t *heaviest);
