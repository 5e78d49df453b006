/*!
 * \brief Which clients' subnets are kept: bounds, and who has to go (BEHAVIOUR N4).  [P]
 *
 * A target may hold so many, and all targets together. Where a bound is reached, what was asked for
 * least recently goes: of the target itself, or else of the target that holds the most. While
 * nobody has come back for more than a quarter of those, one of these goes, so that a flood of
 * subnets that are asked for once pushes out its own kind.
 *
 * Thread: service.
 */

#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "table/table.h"

/*! Most subnets that one target may be let hold. */
#define ANAME_ADMISSION_EACH_MAX 4096

/*! Targets by how many subnets they hold. */
typedef struct {
	unsigned largest; /*!< No target holds more. */
	aname_subnets_t *holders[ANAME_ADMISSION_EACH_MAX + 1];
} aname_admission_t;

/*! Notes that a target's subnets have become one more or one fewer: from `before` to now. */
void aname_admission_note(aname_admission_t *admission, aname_subnets_t *subnets, uint32_t before);

/*! Is nothing under way for a subnet's entry, so that it can be taken out of its heap? */
bool aname_admission_can_go(const aname_entry_t *entry);

/*!
 * \brief Finds room for one more subnet of a target.
 *
 * \param target  The target.
 * \param each    How many it may hold, at most ANAME_ADMISSION_EACH_MAX.
 * \param full    All targets together hold as many as they may.
 * \param victim  The entry to remove first, or NULL if there is room.
 *
 * \return false if nothing can go: all of the target that ought to give way are being looked up.
 */
bool aname_admission_ask(const aname_admission_t *admission, aname_entry_t *target, uint32_t each,
                         bool full, aname_entry_t **victim);
