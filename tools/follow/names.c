#include "follow/names.h"

#include <stdlib.h>
#include <string.h>

/*! Octets of the length before each. */
#define LENGTH sizeof(uint16_t)

static uint64_t hash(const kaname_names_t *names, const void *octets, size_t len)
{
	uint64_t begun = aname_hash_word(names->key.begin, len, &names->key);
	return aname_hash_end(aname_hash_octets(begun, octets, len, &names->key));
}

const uint8_t *kaname_names_at(const kaname_names_t *names, uint32_t number, size_t *len)
{
	const uint8_t *start = names->octets + names->starts[number];
	if (len != NULL) {
		uint16_t length;
		memcpy(&length, start, sizeof(length));
		*len = length;
	}
	return start + LENGTH;
}

/*! The slot where it is, or where it would be. There is an empty one. */
static uint32_t *find_slot(const kaname_names_t *names, const void *octets, size_t len)
{
	size_t mask = names->slots_count - 1;
	size_t at = hash(names, octets, len) & mask;
	while (names->slots[at] != KANAME_NAMES_NONE) {
		size_t other_len;
		const uint8_t *other = kaname_names_at(names, names->slots[at], &other_len);
		if (other_len == len && memcmp(other, octets, len) == 0) {
			break;
		}
		at = (at + 1) & mask;
	}
	return &names->slots[at];
}

uint32_t kaname_names_find(const kaname_names_t *names, const void *octets, size_t len)
{
	return names->count == 0 ? KANAME_NAMES_NONE : *find_slot(names, octets, len);
}

/*! Makes all slots anew, so that three of four at most are in use. */
static bool make_slots(kaname_names_t *names)
{
	size_t count = names->slots_count == 0 ? 64 : 2 * names->slots_count;
	uint32_t *slots = malloc(count * sizeof(*slots));
	if (slots == NULL) {
		return false;
	}
	if (names->slots_count == 0) {
		aname_hash_new_key(&names->key);
	}
	memset(slots, 0xff, count * sizeof(*slots));
	free(names->slots);
	names->slots = slots;
	names->slots_count = count;
	for (uint32_t i = 0; i < names->count; i++) {
		size_t len;
		const uint8_t *octets = kaname_names_at(names, i, &len);
		*find_slot(names, octets, len) = i;
	}
	return true;
}

/*! Makes room for one more of so many octets. */
static bool make_room(kaname_names_t *names, size_t len)
{
	if (names->used + LENGTH + len > names->size) {
		size_t size = names->used + LENGTH + len + names->size / 4 + 256;
		uint8_t *octets = size <= UINT32_MAX ? realloc(names->octets, size) : NULL;
		if (octets == NULL) {
			return false;
		}
		names->octets = octets;
		names->size = size;
	}
	if (names->count == names->room) {
		uint32_t room = names->room + names->room / 4 + 16;
		uint32_t *starts = realloc(names->starts, room * sizeof(*starts));
		if (starts == NULL) {
			return false;
		}
		names->starts = starts;
		names->room = room;
	}
	return 4 * ((size_t)names->count + 1) <= 3 * names->slots_count || make_slots(names);
}

uint32_t kaname_names_add(kaname_names_t *names, const void *octets, size_t len)
{
	uint32_t there = kaname_names_find(names, octets, len);
	if (there != KANAME_NAMES_NONE) {
		return there;
	}
	if (len > UINT16_MAX || !make_room(names, len)) {
		return KANAME_NAMES_NONE;
	}
	uint16_t length = len;
	uint8_t *start = names->octets + names->used;
	memcpy(start, &length, sizeof(length));
	memcpy(start + LENGTH, octets, len);
	*find_slot(names, octets, len) = names->count;
	names->starts[names->count] = names->used;
	names->used += LENGTH + len;
	return names->count++;
}

void kaname_names_deinit(kaname_names_t *names)
{
	free(names->octets);
	free(names->starts);
	free(names->slots);
	*names = (kaname_names_t){ .octets = NULL };
}
