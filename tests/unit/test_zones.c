#include "support/test.h"

#include "support/alloc.h"
#include "support/random.h"
#include "table/tally.h"
#include "table/zones.h"

/* A set that counts. */

static void a_tally_is_what_was_put_in(void **state)
{
	enum { NUMBERS = 400 };
	random_t random = { 1 };
	aname_tally_t tally = { .slots = NULL };
	unsigned expected[NUMBERS] = { 0 };
	uint64_t numbers[NUMBERS];
	for (unsigned i = 0; i < NUMBERS; i++) {
		/* Many that begin to be looked for at the same few places. */
		numbers[i] = (random_next(&random) << 32) | (i % 3 != 0 ? i % 7 : i);
	}
	assert_int_equal(aname_tally_count(&tally, 1), 0);
	aname_tally_remove(&tally, 1);
	for (unsigned i = 0; i < 20000; i++) {
		unsigned which = random_below(&random, NUMBERS);
		/* It becomes large, and small again. */
		if (random_below(&random, 100) < (i / 5000 % 2 == 0 ? 60 : 40)) {
			assert_true(aname_tally_reserve(&tally, 1));
			aname_tally_add(&tally, numbers[which]);
			expected[which]++;
		} else {
			aname_tally_remove(&tally, numbers[which]);
			expected[which] -= expected[which] > 0;
		}
		which = random_below(&random, NUMBERS);
		assert_int_equal(aname_tally_count(&tally, numbers[which]), expected[which]);
	}
	size_t used = 0;
	for (unsigned i = 0; i < NUMBERS; i++) {
		assert_int_equal(aname_tally_count(&tally, numbers[i]), expected[i]);
		used += expected[i] > 0;
	}
	assert_int_equal(tally.used, used);
	aname_tally_deinit(&tally);
}

/* Zones. */

static aname_upstream_t one = { .source = { .servers_count = 1 } },
                        other = { .source = { .servers_count = 2 } };

/*! Whom a zone asks; NULL if there is none. */
static const aname_upstream_t *upstream_of(aname_zones_t *zones, uint64_t name)
{
	aname_zone_view_t view;
	if (!aname_zones_show(zones, name, &view)) {
		return NULL;
	}
	assert_int_equal(view.source.servers_count, view.upstream->source.servers_count);
	assert_false(view.unable);
	return view.upstream;
}

static void note(aname_zones_t *zones, aname_zone_t *zone, unsigned count, uint64_t first)
{
	aname_zone_targets_t targets = { .count = count };
	for (unsigned i = 0; i < count; i++) {
		targets.at[i] = first + 2 * i;
	}
	aname_zones_note(zones, &zone->named, &targets);
}

static void each_zone_has_its_own_upstream(void **state)
{
	aname_zones_t *zones = aname_zones_new();
	aname_zone_t a = { .named.upstream = &one }, b = { .named.upstream = &other };
	assert_null(upstream_of(zones, 100));
	aname_zones_drop(zones, &a);
	aname_zones_add(zones, &a, 100);
	aname_zones_add(zones, &b, 200);
	assert_ptr_equal(upstream_of(zones, 100), &one);
	assert_ptr_equal(upstream_of(zones, 200), &other);
	assert_int_equal(aname_zones_count(zones), 2);

	/* What one names the other does not. */
	note(zones, &a, 1, 11);
	assert_true(aname_zones_name(zones, &one, 11));
	assert_false(aname_zones_name(zones, &other, 11));
	assert_true(aname_named_any(&a.named));
	note(zones, &b, 3, 11);
	assert_true(aname_zones_name(zones, &other, 15));
	note(zones, &a, 1, 13);
	assert_false(aname_zones_name(zones, &one, 11));
	assert_true(aname_zones_name(zones, &one, 13));
	note(zones, &a, 0, 0);
	assert_false(aname_zones_name(zones, &one, 13));
	assert_false(aname_named_any(&a.named));
	aname_zones_drop(zones, &b);
	assert_false(aname_zones_name(zones, &other, 11));
	assert_null(upstream_of(zones, 200));
	aname_zones_drop(zones, &a);
	assert_int_equal(aname_zones_count(zones), 0);
	aname_zones_free(zones);
}

static void zones_that_cannot_be_signed_for_are_counted(void **state)
{
	aname_zones_t *zones = aname_zones_new();
	aname_zone_t a = { .named.upstream = &one, .options = 7 }, b = { .named.upstream = &one };
	aname_zone_view_t view;
	aname_zones_add(zones, &a, 100);
	aname_zones_add(zones, &b, 200);
	assert_int_equal(aname_zones_unable_count(zones), 0);
	aname_zones_unable(zones, &a, true);
	aname_zones_unable(zones, &a, true);
	aname_zones_unable(zones, &b, true);
	assert_int_equal(aname_zones_unable_count(zones), 2);
	assert_true(aname_zones_show(zones, 100, &view) && view.unable && view.options == 7);
	aname_zones_unable(zones, &b, false);
	aname_zones_unable(zones, &b, false);
	assert_int_equal(aname_zones_unable_count(zones), 1);
	/* A zone that is unloaded needs none any more. */
	aname_zones_drop(zones, &a);
	assert_int_equal(aname_zones_unable_count(zones), 0);
	aname_zones_drop(zones, &b);
	aname_zones_free(zones);
}

static void two_zones_name_one_target(void **state)
{
	aname_zones_t *zones = aname_zones_new();
	aname_zone_t a = { .named.upstream = &one }, b = { .named.upstream = &one };
	aname_zones_add(zones, &a, 100);
	aname_zones_add(zones, &b, 200);
	note(zones, &a, 2, 11);
	note(zones, &b, 1, 11);
	note(zones, &a, 1, 21);
	assert_true(aname_zones_name(zones, &one, 11));
	assert_false(aname_zones_name(zones, &one, 13));
	aname_zones_drop(zones, &b);
	assert_false(aname_zones_name(zones, &one, 11));
	aname_zones_drop(zones, &a);
	aname_zones_free(zones);
}

static void a_reload_forgets_nothing(void **state)
{
	aname_zones_t *zones = aname_zones_new();
	aname_zone_t before = { .named.upstream = &one }, after = { .named.upstream = &other };
	aname_zones_add(zones, &before, 100);
	note(zones, &before, 2, 11);
	aname_zones_add(zones, &after, 100);
	assert_int_equal(aname_zones_count(zones), 1);
	assert_ptr_equal(upstream_of(zones, 100), &other);
	assert_false(aname_zones_name(zones, &one, 11));
	assert_true(aname_zones_name(zones, &other, 13));
	/* A query that came to the one of before. */
	note(zones, &before, 1, 11);
	aname_zones_drop(zones, &before);
	assert_int_equal(aname_zones_count(zones), 1);
	assert_false(aname_zones_name(zones, &one, 11));
	assert_true(aname_zones_name(zones, &other, 11));
	/* If the new one is taken back, the one of before has what it knew. */
	aname_zones_add(zones, &before, 100);
	aname_zones_drop(zones, &before);
	assert_true(aname_zones_name(zones, &other, 13));
	assert_ptr_equal(upstream_of(zones, 100), &other);
	aname_zones_drop(zones, &after);
	assert_false(aname_zones_name(zones, &other, 13));
	aname_zones_free(zones);
}

static void many_zones(void **state)
{
	enum { MANY = 3000 };
	aname_zones_t *zones = aname_zones_new();
	aname_zone_t *all = calloc(2 * MANY, sizeof(*all));
	assert_non_null(all);
	for (unsigned i = 0; i < 2 * MANY; i++) {
		all[i].named.upstream = i < MANY ? &one : &other;
		aname_zones_add(zones, &all[i], i % MANY);
		note(zones, &all[i], i % 3, 1000 * (i % MANY) + 1);
	}
	assert_int_equal(aname_zones_count(zones), MANY);
	for (unsigned i = 0; i < MANY; i++) {
		assert_ptr_equal(upstream_of(zones, i), &other);
		aname_zones_drop(zones, &all[i]);
	}
	for (unsigned i = MANY; i < 2 * MANY; i++) {
		assert_int_equal(aname_zones_name(zones, &other, 1000 * (i - MANY) + 1), i % 3 > 0);
		aname_zones_drop(zones, &all[i]);
	}
	free(all);
	aname_zones_free(zones);
}

/*! Without memory what is named is not known, and nothing else comes of it. */
static bool note_many(void *ctx)
{
	aname_zones_t *zones = aname_zones_new();
	aname_zone_t a = { .named.upstream = &one };
	if (zones == NULL) {
		return false;
	}
	aname_zones_add(zones, &a, 100);
	note(zones, &a, 2, 11);
	bool named = aname_zones_name(zones, &one, 11);
	assert_int_equal(aname_zones_name(zones, &one, 13), named);
	assert_int_equal(aname_named_any(&a.named), named);
	aname_zones_drop(zones, &a);
	assert_false(aname_zones_name(zones, &one, 11));
	aname_zones_free(zones);
	return named;
}

static void without_memory(void **state)
{
	assert_int_equal(alloc_fail_each(note_many, NULL), 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PROVES("a set counts what is put in and taken out (random)",
		       a_tally_is_what_was_put_in),
		PROVES("each zone has its own upstream, and names its own targets",
		       each_zone_has_its_own_upstream),
		PROVES("zones that cannot be signed for are counted",
		       zones_that_cannot_be_signed_for_are_counted),
		PROVES("what two zones name is named until neither does",
		       two_zones_name_one_target),
		PROVES("T4: a reload forgets nothing of what is named", a_reload_forgets_nothing),
		PROVES("zones that come and go in great numbers", many_zones),
		PROVES("without memory nothing is named", without_memory),
	};
	return RUN_TESTS("zones", tests);
}
