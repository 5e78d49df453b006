#include "service/wishes.h"

#include <stdlib.h>
#include <string.h>

/*! The wish with this path, wherever it stands in the list. */
static aname_wish_t **find(aname_wishes_t *wishes, const char *path, bool chosen, uint32_t number)
{
	aname_wish_t **at = &wishes->first;
	while (*at != NULL && ((*at)->chosen != chosen || (*at)->number != number ||
	                       strcmp((*at)->path, path) != 0)) {
		at = &(*at)->next;
	}
	return at;
}

static aname_wish_t *wish_new(const char *path, bool chosen, uint32_t number)
{
	size_t size = strlen(path) + 1;
	aname_wish_t *wish = calloc(1, sizeof(*wish) + size);
	if (wish != NULL) {
		wish->chosen = chosen;
		wish->number = number;
		memcpy(wish->path, path, size);
	}
	return wish;
}

bool aname_wishes_add(aname_wishes_t *wishes, const char *path, bool chosen, uint32_t number)
{
	aname_wish_t **at = find(wishes, path, chosen, number);
	aname_wish_t *wish = *at;
	if (wish != NULL) {
		*at = wish->next;
	} else {
		wish = wish_new(path, chosen, number);
	}
	if (wish == NULL) {
		return false;
	}
	wish->holders++;
	wish->next = wishes->first;
	wishes->first = wish;
	return true;
}

void aname_wishes_remove(aname_wishes_t *wishes, const char *path, bool chosen, uint32_t number)
{
	aname_wish_t **at = find(wishes, path, chosen, number);
	aname_wish_t *wish = *at;
	if (wish != NULL && --wish->holders == 0) {
		*at = wish->next;
		free(wish);
	}
}

const aname_wish_t *aname_wishes_best(const aname_wishes_t *wishes)
{
	for (const aname_wish_t *wish = wishes->first; wish != NULL; wish = wish->next) {
		if (wish->chosen) {
			return wish;
		}
	}
	return wishes->first;
}

const aname_wish_t *aname_wishes_stay(const aname_wishes_t *wishes, const char *path)
{
	const aname_wish_t *best = aname_wishes_best(wishes);
	for (const aname_wish_t *wish = wishes->first; wish != NULL; wish = wish->next) {
		if (wish->chosen == best->chosen && strcmp(wish->path, path) == 0) {
			return wish;
		}
	}
	return best;
}
