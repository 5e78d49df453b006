#include "follow/set.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*! Buckets at first; a power of two, as all numbers of them are. */
#define SIZE_MIN 64

#define SEPARATOR ", "
#define DOTS      "..."

/* The table. */

static kaname_set_t **bucket_of(const kaname_sets_t *sets, kaname_family_t family,
                                const uint8_t *at, size_t count)
{
	uint64_t hash = aname_hash_word(sets->key.begin, 2 * count + family, &sets->key);
	hash = aname_hash_octets(hash, at, count * kaname_family_len(family), &sets->key);
	return &sets->buckets[aname_hash_end(hash) & (sets->size - 1)];
}

static void put(kaname_sets_t *sets, kaname_set_t *set)
{
	kaname_set_t **bucket = bucket_of(sets, set->family, set->at, set->count);
	set->next = *bucket;
	*bucket = set;
}

/*! Makes room for one more; false if there is none at all. */
static bool grow(kaname_sets_t *sets)
{
	if (sets->count < sets->size) {
		return true;
	}
	kaname_sets_t larger = { .size = sets->size > 0 ? 2 * sets->size : SIZE_MIN,
		                 .count = sets->count,
		                 .key = sets->key };
	larger.buckets = calloc(larger.size, sizeof(larger.buckets[0]));
	if (larger.buckets == NULL) {
		return sets->size > 0; /* It takes longer to find one, no more than that. */
	}
	if (sets->size == 0) {
		aname_hash_new_key(&larger.key);
	}
	for (size_t i = 0; i < sets->size; i++) {
		for (kaname_set_t *set = sets->buckets[i], *next; set != NULL; set = next) {
			next = set->next;
			put(&larger, set);
		}
	}
	free(sets->buckets);
	*sets = larger;
	return true;
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
	if (!grow(sets)) {
		return false;
	}
	kaname_set_t *found = *bucket_of(sets, family, sorted, count);
	while (found != NULL && (found->family != family || found->count != count ||
	                         memcmp(found->at, sorted, len) != 0)) {
		found = found->next;
	}
	if (found == NULL) {
		found = malloc(sizeof(*found) + len);
		if (found == NULL) {
			return false;
		}
		*found = (kaname_set_t){ .family = family, .count = count };
		memcpy(found->at, sorted, len);
		put(sets, found);
		sets->count++;
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
	kaname_set_t **at = bucket_of(sets, set->family, set->at, set->count);
	while (*at != set) {
		at = &(*at)->next;
	}
	*at = set->next;
	sets->count--;
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
	free(sets->buckets);
	*sets = (kaname_sets_t){ 0 };
}
