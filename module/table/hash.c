#include "table/hash.h"

#include <sys/random.h>

void aname_hash_new_key(aname_hash_key_t *key)
{
	if (getrandom(key, sizeof(*key), GRND_NONBLOCK) != sizeof(*key)) {
		/* Early at boot. Where things are in memory is not known either. */
		key->point = (uintptr_t)key * 0x9e3779b97f4a7c15;
		key->begin = (uintptr_t)aname_hash_new_key * 0xbf58476d1ce4e5b9;
	}
	key->point = key->point % ANAME_HASH_PRIME + 1;
	key->begin %= ANAME_HASH_PRIME;
}
