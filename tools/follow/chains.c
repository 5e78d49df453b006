#include "follow/chains.h"

#include <stdlib.h>

/*! Chains at first. */
#define SIZE_LEAST 64

bool kaname_chains_reserve(kaname_chains_t *chains, kaname_chains_hash_f hash, const void *ctx)
{
	if (chains->count < chains->size) {
		return true;
	}
	kaname_chains_t larger = { .size = chains->size > 0 ? 2 * chains->size : SIZE_LEAST };
	larger.at = calloc(larger.size, sizeof(*larger.at));
	if (larger.at == NULL) {
		return chains->size > 0;
	}
	kaname_chains_cursor_t cursor = { 0 };
	for (kaname_chained_t *one; (one = kaname_chains_step(chains, &cursor)) != NULL;) {
		kaname_chains_add(&larger, one, hash(ctx, one));
	}
	free(chains->at);
	*chains = larger;
	return true;
}

void kaname_chains_add(kaname_chains_t *chains, kaname_chained_t *one, uint64_t hash)
{
	kaname_chained_t **chain = kaname_chains_find(chains, hash);
	one->next = *chain;
	*chain = one;
	chains->count++;
}

void kaname_chains_remove(kaname_chains_t *chains, const kaname_chained_t *one, uint64_t hash)
{
	kaname_chained_t **at = kaname_chains_find(chains, hash);
	while (*at != one) {
		at = &(*at)->next;
	}
	*at = one->next;
	chains->count--;
}

kaname_chained_t *kaname_chains_step(const kaname_chains_t *chains, kaname_chains_cursor_t *cursor)
{
	while (cursor->next == NULL && cursor->chain < chains->size) {
		cursor->next = chains->at[cursor->chain++];
	}
	kaname_chained_t *one = cursor->next;
	cursor->next = one != NULL ? one->next : NULL;
	return one;
}

void kaname_chains_deinit(kaname_chains_t *chains)
{
	free(chains->at);
	*chains = (kaname_chains_t){ 0 };
}
