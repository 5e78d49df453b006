#include "follow/loaded.h"

#include <stdlib.h>

#include "fnv.h"

static uint64_t hash_of(const knot_dname_t *zone)
{
	return aname_fnv(ANAME_FNV_BASIS, zone, knot_dname_size(zone));
}

void kaname_loaded_add(kaname_loaded_t *loaded, const knot_dname_t *zone, bool is_loaded,
                       uint32_t serial)
{
	if (loaded->count == loaded->size) {
		size_t size = loaded->size > 0 ? 2 * loaded->size : 64;
		kaname_loaded_zone_t *at = realloc(loaded->at, size * sizeof(*at));
		if (at == NULL) {
			loaded->failed = true;
			return;
		}
		loaded->at = at;
		loaded->size = size;
	}
	loaded->at[loaded->count++] = (kaname_loaded_zone_t){ hash_of(zone), serial, is_loaded };
}

static int compare(const void *one, const void *other)
{
	uint64_t first = ((const kaname_loaded_zone_t *)one)->zone;
	uint64_t second = ((const kaname_loaded_zone_t *)other)->zone;
	return first < second ? -1 : first > second;
}

void kaname_loaded_end(kaname_loaded_t *loaded)
{
	loaded->is_known = !loaded->failed;
	if (loaded->count > 0) {
		qsort(loaded->at, loaded->count, sizeof(*loaded->at), compare);
	}
}

const kaname_loaded_zone_t *kaname_loaded_find(const kaname_loaded_t *loaded,
                                               const knot_dname_t *zone)
{
	const kaname_loaded_zone_t key = { .zone = hash_of(zone) };
	return loaded->count > 0 ? bsearch(&key, loaded->at, loaded->count, sizeof(key), compare)
	                         : NULL;
}

void kaname_loaded_deinit(kaname_loaded_t *loaded)
{
	free(loaded->at);
	*loaded = (kaname_loaded_t){ .at = NULL };
}
