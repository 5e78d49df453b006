/*!
 * \brief For which zones an upstream's lookups run (BEHAVIOUR L4).  [P]
 *
 * There are few of them, so they are counted when that is asked.
 *
 * Thread: service.
 */

#pragma once

#include <stdint.h>

/*! A lookup that has no place, for want of memory: it is counted for nobody. */
#define ANAME_PLACE_NONE UINT32_MAX

/*! All zeroes is an empty one. */
typedef struct {
	uint32_t *zones;   /*!< Of each lookup under way, in no order. */
	uint32_t **owners; /*!< Where each lookup keeps which of those is its own. */
	uint32_t count, size;
} aname_places_t;

/*!
 * \brief Gives a lookup a place.
 *
 * \param zone   Whom it is for; 0: not known.
 * \param place  Where the lookup keeps its place; stays where it is until that is given back.
 */
void aname_places_take(aname_places_t *places, uint32_t zone, uint32_t *place);

/*! Gives it back. */
void aname_places_give_back(aname_places_t *places, uint32_t place);

/*! How many lookups run for a zone. */
uint32_t aname_places_of(const aname_places_t *places, uint32_t zone);

void aname_places_deinit(aname_places_t *places);
