#include "support/test.h"

#include "support/random.h"
#include "table/charges.h"

enum { ZONES = 5, TARGETS = 300 };

static void who_brings_it_in(void **state)
{
	aname_charges_t *charges = aname_charges_new();
	aname_charged_t first = 0, second = 0, third = 0;
	aname_charges_ask(charges, &first, 0);
	assert_int_equal(first, 0);
	aname_charges_ask(charges, &first, 1);
	aname_charges_ask(charges, &first, 2);
	assert_int_equal(first, 1);
	assert_int_equal(aname_charges_of(charges, 1), 1);
	assert_int_equal(aname_charges_of(charges, 2), 0);
	/* One of two is handed over to who has none. */
	aname_charges_ask(charges, &second, 1);
	aname_charges_ask(charges, &first, 2);
	assert_int_equal(first, 2);
	assert_int_equal(aname_charges_of(charges, 1), 1);
	assert_int_equal(aname_charges_of(charges, 2), 1);
	/* And not back to one that has more by now. */
	aname_charges_ask(charges, &third, 1);
	aname_charges_ask(charges, &first, 1);
	assert_int_equal(first, 2);
	aname_charges_free(charges);
}

static void what_is_gone(void **state)
{
	aname_charges_t *charges = aname_charges_new();
	aname_charged_t target = 0;
	aname_charges_ask(charges, &target, 1);
	aname_charges_drop(charges, &target);
	aname_charges_drop(charges, &target);
	aname_charges_ask(charges, &target, 2);
	assert_int_equal(aname_charges_of(charges, 1), 0);
	assert_int_equal(aname_charges_of(charges, 2), 0);
	aname_charged_t never = 0;
	aname_charges_drop(charges, &never);
	aname_charges_free(charges);
}

static void nothing_is_lost(void **state)
{
	random_t random = { 16 };
	aname_charges_t *charges = aname_charges_new();
	aname_charged_t targets[TARGETS] = { 0 };
	for (unsigned step = 0; step < 100000; step++) {
		unsigned i = random_below(&random, TARGETS);
		if (random_below(&random, 50) == 0) {
			aname_charges_drop(charges, &targets[i]);
			targets[i] = 0;
		} else {
			aname_charges_ask(charges, &targets[i], 1 + random_below(&random, ZONES));
		}
	}
	uint32_t held[ZONES + 1] = { 0 };
	for (unsigned i = 0; i < TARGETS; i++) {
		held[targets[i]]++;
	}
	for (uint32_t zone = 1; zone <= ZONES; zone++) {
		assert_int_equal(aname_charges_of(charges, zone), held[zone]);
	}
	aname_charges_free(charges);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PROVES("L4: charged is who brings a target in, until one asks that holds fewer",
		       who_brings_it_in),
		PROVES("L4: nobody is charged for what is gone", what_is_gone),
		PROVES("L4: what zones hold is counted (random)", nothing_is_lost),
	};
	return RUN_TESTS("charges", tests);
}
