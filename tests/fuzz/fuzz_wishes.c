/*!
 * Any octets as sections that come and go, each with a path that it wishes for. What counts has to be
 * what a plain list makes of it.
 *
 * Files: module/service/wishes.c
 */

#include "fuzz.h"

#include "service/wishes.h"

/*! Few paths and numbers, so that they meet. */
#define WISHES_MAX 16

static const char *const paths[] = { "", "/a", "/a.sock", "/b" };

typedef struct {
	const char *path;
	bool chosen;
	uint32_t number;
} section_t;

/*! The latest last; one that is wished for again goes to the end with all that are like it. */
typedef struct {
	section_t at[WISHES_MAX];
	size_t count;
} plain_t;

static bool is_same(const section_t *one, const section_t *other)
{
	return strcmp(one->path, other->path) == 0 && one->chosen == other->chosen &&
	       one->number == other->number;
}

static bool is_wish(const aname_wish_t *wish, const section_t *section)
{
	return strcmp(wish->path, section->path) == 0 && wish->chosen == section->chosen &&
	       wish->number == section->number;
}

static void add(plain_t *plain, const section_t *section)
{
	plain_t others;
	size_t same = 1;
	others.count = 0;
	for (size_t i = 0; i < plain->count; i++) {
		if (is_same(&plain->at[i], section)) {
			same++;
		} else {
			others.at[others.count++] = plain->at[i];
		}
	}
	while (same-- > 0) {
		others.at[others.count++] = *section;
	}
	*plain = others;
}

static bool take_out(plain_t *plain, const section_t *section)
{
	size_t i = 0;
	while (i < plain->count && !is_same(&plain->at[i], section)) {
		i++;
	}
	if (i == plain->count) {
		return false;
	}
	plain->count--;
	memmove(&plain->at[i], &plain->at[i + 1], (plain->count - i) * sizeof(plain->at[0]));
	return true;
}

/*! The best one; of those with this path, if there is one as good. */
static const section_t *best_of(const plain_t *plain, const char *path)
{
	const section_t *best = NULL, *stay = NULL;
	for (size_t i = 0; i < plain->count; i++) {
		if (best == NULL || plain->at[i].chosen >= best->chosen) {
			best = &plain->at[i];
		}
	}
	for (size_t i = 0; i < plain->count && path != NULL; i++) {
		if (plain->at[i].chosen == best->chosen && strcmp(plain->at[i].path, path) == 0) {
			stay = &plain->at[i];
		}
	}
	return stay != NULL ? stay : best;
}

static void check(const aname_wishes_t *wishes, const plain_t *plain, const char *path)
{
	const aname_wish_t *best = aname_wishes_best(wishes);
	const section_t *expected = best_of(plain, NULL);
	require((best != NULL) == (expected != NULL));
	if (best != NULL) {
		require(is_wish(best, expected));
		require(is_wish(aname_wishes_stay(wishes, path), best_of(plain, path)));
	}
	size_t holders = 0;
	for (const aname_wish_t *wish = wishes->first; wish != NULL; wish = wish->next) {
		require(wish->holders > 0);
		holders += wish->holders;
	}
	require(holders == plain->count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	aname_wishes_t wishes = { 0 };
	plain_t plain = { .count = 0 };
	for (input_t input = { data, size }; input.left > 0;) {
		uint8_t step = take_octet(&input);
		const section_t section = { paths[step / 2 % 4], step & 8, step / 16 % 3 };
		if (step & 1) {
			/* Nothing happens if nobody wishes for it. */
			(void)take_out(&plain, &section);
			aname_wishes_remove(&wishes, section.path, section.chosen, section.number);
		} else if (plain.count < WISHES_MAX) {
			add(&plain, &section);
			require(aname_wishes_add(&wishes, section.path, section.chosen,
			                         section.number));
		}
		check(&wishes, &plain, section.path);
	}
	while (plain.count > 0) {
		const section_t section = plain.at[0];
		(void)take_out(&plain, &section);
		aname_wishes_remove(&wishes, section.path, section.chosen, section.number);
		check(&wishes, &plain, section.path);
	}
	require(wishes.first == NULL);
	return 0;
}
