#include "service/places.h"

#include <stdbool.h>
#include <stdlib.h>

/*! Places that are made first. */
#define SIZE_MIN 16

static bool make_room(aname_places_t *places)
{
	if (places->count < places->size) {
		return true;
	}
	uint32_t size = places->size > 0 ? 2 * places->size : SIZE_MIN;
	uint32_t *zones = realloc(places->zones, size * sizeof(*zones));
	if (zones == NULL) {
		return false;
	}
	places->zones = zones;
	uint32_t **owners = realloc(places->owners, size * sizeof(*owners));
	if (owners == NULL) {
		return false;
	}
	places->owners = owners;
	places->size = size;
	return true;
}

void aname_places_take(aname_places_t *places, uint32_t zone, uint32_t *place)
{
	*place = ANAME_PLACE_NONE;
	if (make_room(places)) {
		*place = places->count++;
		places->zones[*place] = zone;
		places->owners[*place] = place;
	}
}

void aname_places_give_back(aname_places_t *places, uint32_t place)
{
	if (place == ANAME_PLACE_NONE) {
		return;
	}
	uint32_t last = --places->count;
	places->zones[place] = places->zones[last];
	places->owners[place] = places->owners[last];
	*places->owners[place] = place;
}

uint32_t aname_places_of(const aname_places_t *places, uint32_t zone)
{
	uint32_t count = 0;
	for (uint32_t i = 0; i < places->count; i++) {
		count += places->zones[i] == zone;
	}
	return count;
}

void aname_places_deinit(aname_places_t *places)
{
	free(places->zones);
	free(places->owners);
	*places = (aname_places_t){ 0 };
}
