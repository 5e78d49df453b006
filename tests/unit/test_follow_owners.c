#include "support/test.h"

#include "follow/notebook.h"
#include "follow/owners.h"
#include "follow/ring.h"
#include "follow/timers.h"
#include "support/alloc.h"
#include "support/make.h"
#include "support/random.h"

#define ZONES   60
#define TARGETS 20

/*! What an owner that was found is made of. */
typedef struct {
	name_t zone, targets[4];
	const knot_dname_t *at[4];
	kaname_scan_owner_t owner;
} found_t;

static void make_found(found_t *found, uint32_t zone, const uint32_t *targets, size_t count)
{
	found->zone = make_name_nth(zone);
	for (size_t i = 0; i < count; i++) {
		found->targets[i] = make_name_nth(1000 + targets[i]);
		found->at[i] = found->targets[i].at;
	}
	found->owner = (kaname_scan_owner_t){ .zone = found->zone.at,
		                              .owner = found->zone.at,
		                              .ttl = 300,
		                              .rrsets_count = 1,
		                              .targets_count = count,
		                              .targets = found->at };
	found->owner.rrsets[0].type = 65305;
	found->owner.rrsets[0].count = count;
	found->owner.rrsets[0].good = true;
}

/*! How many owners name a target, as its list has them, each once. */
static unsigned count_naming(const kaname_owners_t *owners, uint32_t number)
{
	name_t name = make_name_nth(1000 + number);
	const kaname_follow_target_t *target = kaname_owners_target(owners, name.at);
	const kaname_follow_owner_t *owner = target != NULL ? target->first : NULL;
	unsigned count = 0;
	for (; owner != NULL; owner = kaname_owners_next(owner, target)) {
		count++;
	}
	return count;
}

/*! 20,000 random changes, against a model that is a matrix. */
static void random_changes(void **state)
{
	kaname_sets_t sets = { 0 };
	kaname_owners_t owners;
	random_t random = { 18 };
	static bool names[ZONES][TARGETS], there[ZONES];
	kaname_owners_init(&owners, &sets);
	for (unsigned step = 0; step < 20000; step++) {
		uint32_t zone = random_below(&random, ZONES), targets[4];
		size_t count = random_below(&random, 5);
		found_t found;
		for (size_t i = 0; i < count; i++) {
			targets[i] = random_below(&random, TARGETS);
		}
		make_found(&found, zone, targets, count);
		kaname_follow_owner_t *owner =
		        kaname_owners_find(&owners, found.zone.at, found.zone.at);
		assert_int_equal(owner != NULL, there[zone]);
		memset(names[zone], 0, sizeof(names[zone]));
		if (random_below(&random, 4) == 0) {
			if (owner != NULL) {
				kaname_owners_drop(&owners, owner);
			}
			there[zone] = false;
		} else {
			kaname_taken_t taken;
			owner = kaname_owners_take(&owners, &found.owner, &taken);
			assert_int_equal(taken == KANAME_TAKEN_NEW, !there[zone]);
			assert_true(knot_dname_is_equal(kaname_follow_name(owner), found.zone.at));
			there[zone] = true;
			for (size_t i = 0; i < count; i++) {
				names[zone][targets[i]] = true;
			}
		}
		uint32_t target = random_below(&random, TARGETS);
		unsigned expected = 0;
		for (unsigned i = 0; i < ZONES; i++) {
			expected += names[i][target];
		}
		assert_int_equal(count_naming(&owners, target), expected);
	}
	kaname_owners_deinit(&owners);
	kaname_sets_deinit(&sets);
	assert_int_equal(alloc_live(), 0);
}

/*! What an owner has stays when its records change; who is busy keeps the former ones. */
static void keeps_what_it_has(void **state)
{
	kaname_sets_t sets = { 0 };
	kaname_owners_t owners;
	found_t found;
	kaname_taken_t taken;
	const uint32_t one[] = { 1, 1, 2 }, other[] = { 3, 2 };
	kaname_owners_init(&owners, &sets);
	make_found(&found, 5, one, 3);
	kaname_follow_owner_t *owner = kaname_owners_take(&owners, &found.owner, &taken);
	assert_true(kaname_set_take(&sets, KANAME_A, (const uint8_t *)"\1\2\3\4", 1,
	                            &owner->written[KANAME_A]));
	owner->pace.writes = 7;
	owner->is_asked = true;
	make_found(&found, 5, other, 2);
	assert_ptr_equal(kaname_owners_take(&owners, &found.owner, &taken), owner);
	assert_int_equal(taken, KANAME_TAKEN_BUSY);
	assert_int_equal(owner->targets_count, 3);
	owner->is_asked = false;
	owner = kaname_owners_take(&owners, &found.owner, &taken);
	assert_int_equal(taken, KANAME_TAKEN_CHANGED);
	assert_int_equal(owner->targets_count, 2);
	assert_int_equal(owner->pace.writes, 7);
	assert_non_null(owner->written[KANAME_A]);
	assert_int_equal(count_naming(&owners, 1), 0);
	assert_int_equal(count_naming(&owners, 2), 1);
	assert_ptr_equal(kaname_owners_take(&owners, &found.owner, &taken), owner);
	assert_int_equal(taken, KANAME_TAKEN_SAME);
	/* The mark of its records: one half stands for the targets, the other one for the TTL. */
	uint32_t record = kaname_follow_record(owner);
	owner->record = record;
	found.owner.ttl = 60;
	assert_ptr_equal(kaname_owners_take(&owners, &found.owner, &taken), owner);
	assert_int_equal(taken, KANAME_TAKEN_TTL);
	assert_int_not_equal(kaname_follow_record(owner), record);
	assert_false(kaname_follow_has_others(owner));
	make_found(&found, 5, one, 3);
	owner = kaname_owners_take(&owners, &found.owner, &taken);
	assert_int_equal(taken, KANAME_TAKEN_CHANGED);
	assert_int_equal(kaname_follow_record(owner) & UINT16_MAX, record & UINT16_MAX);
	assert_int_not_equal(kaname_follow_record(owner), record);
	/* One of them is named still. */
	assert_false(kaname_follow_has_others(owner));
	const uint32_t neither[] = { 5, 4 };
	make_found(&found, 5, neither, 2);
	owner = kaname_owners_take(&owners, &found.owner, &taken);
	assert_true(kaname_follow_has_others(owner));
	kaname_owners_deinit(&owners);
	kaname_sets_deinit(&sets);
	assert_int_equal(alloc_live(), 0);
}

/*! That its target was another one is not told of few. */
static void marks_of_targets(void **state)
{
	kaname_sets_t sets = { 0 };
	kaname_owners_t owners;
	found_t found;
	kaname_taken_t taken;
	unsigned missed = 0;
	kaname_owners_init(&owners, &sets);
	for (uint32_t i = 1; i <= 20000; i++) {
		make_found(&found, 5, &i, 1);
		kaname_follow_owner_t *owner = kaname_owners_take(&owners, &found.owner, &taken);
		missed += i > 1 && !kaname_follow_has_others(owner);
		owner->record = kaname_follow_record(owner);
		assert_int_equal(__builtin_popcount(owner->record >> 16), 5);
	}
	assert_in_range(missed, 0, 15);
	kaname_owners_deinit(&owners);
	kaname_sets_deinit(&sets);
}

/*! Owners come out of the timers in order, whatever was set before. */
static void timers_in_order(void **state)
{
	static kaname_follow_owner_t owners[500];
	static int64_t times[COUNT_OF(owners)];
	kaname_timers_t timers = { 0 };
	random_t random = { 19 };
	for (unsigned i = 0; i < 5000; i++) {
		unsigned which = random_below(&random, COUNT_OF(owners));
		times[which] = random_below(&random, 4) == 0 ? 0 : 1 + random_below(&random, 999);
		assert_true(kaname_timers_set(&timers, &owners[which], times[which]));
	}
	int64_t last = 0;
	const kaname_timer_t *first;
	while ((first = kaname_timers_first(&timers)) != NULL) {
		size_t which = first->owner - owners;
		assert_int_equal(first->at_ms, times[which]);
		assert_true(first->at_ms >= last);
		last = first->at_ms;
		times[which] = 0;
		assert_true(kaname_timers_set(&timers, first->owner, 0));
	}
	for (unsigned i = 0; i < COUNT_OF(owners); i++) {
		assert_int_equal(times[i], 0);
	}
	kaname_timers_deinit(&timers);
	assert_int_equal(alloc_live(), 0);
}

static void first_come(void **state)
{
	static kaname_follow_owner_t owners[1000];
	kaname_ring_t ring = { 0 };
	size_t in = 0, out = 0;
	random_t random = { 20 };
	while (out < COUNT_OF(owners)) {
		if (in < COUNT_OF(owners) && random_below(&random, 5) < 3) {
			assert_true(kaname_ring_add(&ring, &owners[in++]));
		} else if (in > out) {
			assert_ptr_equal(kaname_ring_take(&ring), &owners[out++]);
		}
	}
	assert_null(kaname_ring_take(&ring));
	assert_int_equal(alloc_live(), 0);
}

/*! Records of any length come back as they were written, over several sheets. */
static void notebook_in_order(void **state)
{
	kaname_notebook_t notebook = { 0 };
	random_t written = { 21 }, read = { 21 };
	for (unsigned i = 0; i < 3000; i++) {
		size_t len = random_below(&written, i % 1000 == 999 ? 3000000 : 2000);
		uint8_t *at = kaname_notebook_add(&notebook, len);
		assert_non_null(at);
		memset(at, i & 0xff, len);
	}
	kaname_reading_t reading = { 0 };
	const uint8_t *at;
	size_t len;
	unsigned count = 0;
	for (; (at = kaname_notebook_next(&notebook, &reading, &len)) != NULL; count++) {
		assert_int_equal(len, random_below(&read, count % 1000 == 999 ? 3000000 : 2000));
		assert_true(len == 0 || (at[0] == (count & 0xff) && at[len - 1] == at[0]));
	}
	assert_int_equal(count, 3000);
	assert_null(kaname_notebook_next(&notebook, &reading, &len));
	kaname_notebook_clear(&notebook);
	assert_int_equal(alloc_live(), 0);
}

/*! Without memory an owner is not there, and nothing else is other than before. */
static bool try_to_take(void *ctx)
{
	kaname_sets_t sets = { 0 };
	kaname_owners_t owners;
	found_t found;
	kaname_taken_t taken;
	const uint32_t targets[] = { 1, 2, 1, 3 };
	kaname_owners_init(&owners, &sets);
	make_found(&found, 1, targets, 4);
	bool good = kaname_owners_take(&owners, &found.owner, &taken) != NULL;
	assert_int_equal(owners.owners.count, good);
	assert_int_equal(owners.targets.count, good ? 3 : 0);
	kaname_owners_deinit(&owners);
	return good;
}

static void no_memory(void **state)
{
	assert_int_equal(alloc_fail_each(try_to_take, NULL), 6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PROVES("a target knows who names it, whatever changes", random_changes),
		PROVES("an owner keeps what it has when its records change", keeps_what_it_has),
		PROVES("M3: which targets it has named", marks_of_targets),
		PROVES("timers come in order", timers_in_order),
		PROVES("first come, first served", first_come),
		PROVES("a notebook is read as it was written", notebook_in_order),
		PROVES("without memory an owner is not there", no_memory),
	};
	return RUN_TESTS("owners", tests);
}
