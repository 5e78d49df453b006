#include "follow/set.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SEPARATOR ", "
#define DOTS      "..."

static uint64_t hash_of(const kaname_sets_t *sets, kaname_family_t family, const uint8_t *at,
                        size_t count)
{
	uint64_t hash = aname_hash_word(sets->key.begin, 2 * count + family, &sets->key);
	hash = aname_hash_octets(hash, at, count * kaname_family_len(family), &sets->key);
	return aname_hash_end(hash);
}

static uint64_t hash_of_set(const void *ctx, const kaname_chained_t *one)
{
	const kaname_set_t *set = (const kaname_set_t *)one;
	return hash_of(ctx, set->family, set->at, set->count);
}

/* Addresses. */

static int compare_a(const void *one, const void *other)
{
	return memcmp(one, other, kaname_family_len(KANAME_A));
}

static int compare_aaaa(const void *one, const void *other)
{
	return memcmp(one, other, kaname_family_len(KANAME_AAAA));
}

/*! Sorts addresses and leaves out those that are there twice. Returns how many are left. */
static size_t sort(kaname_family_t family, uint8_t *at, size_t count)
{
	size_t len = kaname_family_len(family), kept = 0;
	qsort(at, count, len, family == KANAME_A ? compare_a : compare_aaaa);
	for (size_t i = 0; i < count; i++) {
		if (kept == 0 || memcmp(at + (kept - 1) * len, at + i * len, len) != 0) {
			memmove(at + kept++ * len, at + i * len, len);
		}
	}
	return kept;
}

/* Sets. */

bool kaname_set_take(kaname_sets_t *sets, kaname_family_t family, const uint8_t *at, size_t count,
                     kaname_set_t **set)
{
	*set = NULL;
	if (count == 0) {
		return true;
	}
	uint8_t sorted[KANAME_SET_MAX * 16];
	count = count < KANAME_SET_MAX ? count : KANAME_SET_MAX;
	memcpy(sorted, at, count * kaname_family_len(family));
	count = sort(family, sorted, count);
	size_t len = count * kaname_family_len(family);
	if (sets->chains.size == 0) {
		aname_hash_new_key(&sets->key);
	}
	if (!kaname_chains_reserve(&sets->chains, hash_of_set, sets)) {
		return false;
	}
	uint64_t hash = hash_of(sets, family, sorted, count);
	kaname_set_t *found = (kaname_set_t *)*kaname_chains_find(&sets->chains, hash);
	while (found != NULL && (found->family != family || found->count != count ||
	                         memcmp(found->at, sorted, len) != 0)) {
		found = (kaname_set_t *)found->chained.next;
	}
	if (found == NULL) {
		found = malloc(sizeof(*found) + len);
		if (found == NULL) {
			return false;
		}
		*found = (kaname_set_t){ .family = family, .count = count };
		memcpy(found->at, sorted, len);
		kaname_chains_add(&sets->chains, &found->chained, hash);
	}
	*set = kaname_set_hold(found);
	return true;
}

kaname_set_t *kaname_set_hold(kaname_set_t *set)
{
	if (set != NULL) {
		set->holders++;
	}
	return set;
}

bool kaname_set_minus(kaname_sets_t *sets, kaname_set_t *set, const kaname_set_t *other,
                      kaname_set_t **minus)
{
	if (!kaname_set_overlap(set, other)) {
		*minus = kaname_set_hold(set);
		return true;
	}
	uint8_t left[KANAME_SET_MAX * 16];
	size_t len = kaname_family_len(set->family), count = 0;
	for (size_t i = 0; i < set->count; i++) {
		if (!kaname_set_has(other, set->at + i * len)) {
			memcpy(left + count++ * len, set->at + i * len, len);
		}
	}
	return kaname_set_take(sets, set->family, left, count, minus);
}

void kaname_set_release(kaname_sets_t *sets, kaname_set_t *set)
{
	if (set == NULL || --set->holders > 0) {
		return;
	}
	kaname_chains_remove(&sets->chains, &set->chained, hash_of_set(sets, &set->chained));
	free(set);
}

bool kaname_set_overlap(const kaname_set_t *one, const kaname_set_t *other)
{
	if (one == NULL || other == NULL || one->family != other->family) {
		return false;
	}
	size_t len = kaname_family_len(one->family);
	for (size_t i = 0, j = 0; i < one->count && j < other->count;) {
		int order = memcmp(one->at + i * len, other->at + j * len, len);
		if (order == 0) {
			return true;
		}
		i += order < 0;
		j += order > 0;
	}
	return false;
}

bool kaname_set_has(const kaname_set_t *set, const uint8_t *address)
{
	return set != NULL && bsearch(address, set->at, set->count, kaname_family_len(set->family),
	                              set->family == KANAME_A ? compare_a : compare_aaaa) != NULL;
}

char *kaname_set_text(const kaname_set_t *set, char *text, size_t size)
{
	(void)snprintf(text, size, "%s", set == NULL ? "none" : "");
	size_t used = 0;
	for (size_t i = 0; set != NULL && i < set->count; i++) {
		char address[INET6_ADDRSTRLEN];
		(void)inet_ntop(set->family == KANAME_A ? AF_INET : AF_INET6,
		                set->at + i * kaname_family_len(set->family), address,
		                sizeof(address));
		const char *before = i > 0 ? SEPARATOR : "";
		/* There is always room for dots behind it, but for the last. */
		size_t behind = i + 1 < set->count ? strlen(SEPARATOR DOTS) : 0;
		if (used + strlen(before) + strlen(address) + behind >= size) {
			(void)snprintf(text + used, size - used, "%s" DOTS, before);
			break;
		}
		used += snprintf(text + used, size - used, "%s%s", before, address);
	}
	return text;
}

void kaname_sets_deinit(kaname_sets_t *sets)
{
	kaname_chains_deinit(&sets->chains);
}
