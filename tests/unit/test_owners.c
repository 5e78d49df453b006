#include "support/test.h"

#include <inttypes.h>
#include <sys/random.h>

#include "support/alloc.h"
#include "support/random.h"
#include "table/circles.h"
#include "table/owners.h"

/* Owners have small numbers as hashes here, and other names larger ones. */
#define OWNERS_MAX 12
#define FOREIGN    1000
#define FAR        1000000

/*! What is registered, as the test has it. */
typedef struct {
	bool there[OWNERS_MAX];
	aname_owner_t owners[OWNERS_MAX];
	aname_owner_word_t words[OWNERS_MAX];
	bool reach[OWNERS_MAX][OWNERS_MAX]; /*!< By one edge or more. */
	int distance[OWNERS_MAX];
} world_t;

static bool is_owner(const world_t *world, uint64_t end)
{
	return end < OWNERS_MAX && world->there[end];
}

/*! Do both lead to each other? */
static bool is_inside(const world_t *world, unsigned from, uint64_t end)
{
	return is_owner(world, end) && world->reach[end][from];
}

static void find_reach(world_t *world)
{
	memset(world->reach, 0, sizeof(world->reach));
	for (unsigned i = 0; i < OWNERS_MAX; i++) {
		for (unsigned k = 0; world->there[i] && k < world->owners[i].count; k++) {
			uint64_t end = world->owners[i].ends[k];
			if (is_owner(world, end)) {
				world->reach[i][end] = true;
			}
		}
	}
	for (unsigned by = 0; by < OWNERS_MAX; by++) {
		for (unsigned i = 0; i < OWNERS_MAX; i++) {
			for (unsigned k = 0; k < OWNERS_MAX; k++) {
				world->reach[i][k] |= world->reach[i][by] && world->reach[by][k];
			}
		}
	}
}

static bool has_exit(const world_t *world, unsigned owner)
{
	for (unsigned k = 0; k < world->owners[owner].count; k++) {
		if (!is_inside(world, owner, world->owners[owner].ends[k])) {
			return true;
		}
	}
	return false;
}

/*! Is there a way out of the circle of an owner? */
static bool has_circle_exit(const world_t *world, unsigned owner)
{
	for (unsigned i = 0; i < OWNERS_MAX; i++) {
		if (world->there[i] && world->reach[i][owner] && world->reach[owner][i] &&
		    has_exit(world, i)) {
			return true;
		}
	}
	return has_exit(world, owner);
}

static void find_distances(world_t *world)
{
	for (unsigned i = 0; i < OWNERS_MAX; i++) {
		bool out =
		        has_circle_exit(world, i) ? has_exit(world, i) : world->owners[i].sibling;
		world->distance[i] = out ? 0 : FAR;
	}
	for (unsigned round = 0; round < OWNERS_MAX; round++) {
		for (unsigned i = 0; i < OWNERS_MAX; i++) {
			for (unsigned k = 0; world->there[i] && k < world->owners[i].count; k++) {
				uint64_t end = world->owners[i].ends[k];
				if (is_inside(world, i, end) &&
				    world->distance[end] + 1 < world->distance[i]) {
					world->distance[i] = world->distance[end] + 1;
				}
			}
		}
	}
}

static aname_way_t expected_way(const world_t *world, unsigned from, uint64_t end)
{
	if (!is_inside(world, from, end)) {
		return ANAME_WAY_OUT;
	}
	return world->distance[end] < world->distance[from] ? ANAME_WAY_NEARER : ANAME_WAY_BACK;
}

/*! Can whoever uses only what may be used come round? Takes away those who lead nowhere. */
static bool goes_round(aname_owners_t *owners, world_t *world)
{
	bool left[OWNERS_MAX];
	memcpy(left, world->there, sizeof(left));
	for (unsigned round = 0; round < OWNERS_MAX; round++) {
		for (unsigned i = 0; i < OWNERS_MAX; i++) {
			bool leads = false;
			for (unsigned k = 0; left[i] && k < world->owners[i].count; k++) {
				uint64_t end = world->owners[i].ends[k];
				leads |= is_owner(world, end) && left[end] &&
				         aname_owners_way(owners, &world->words[i], end) !=
				                 ANAME_WAY_BACK;
			}
			left[i] &= leads;
		}
	}
	for (unsigned i = 0; i < OWNERS_MAX; i++) {
		if (left[i]) {
			return true;
		}
	}
	return false;
}

/*! Does any owner that this one leads to, or it itself, have a target that is no owner? */
static bool leads_out(const world_t *world, unsigned owner)
{
	for (unsigned i = 0; i < OWNERS_MAX; i++) {
		if (i != owner && !world->reach[owner][i]) {
			continue;
		}
		for (unsigned k = 0; k < world->owners[i].count; k++) {
			if (!is_owner(world, world->owners[i].ends[k])) {
				return true;
			}
		}
	}
	return false;
}

static void check_owner(aname_owners_t *owners, world_t *world, unsigned i)
{
	bool usable = false, inside = false;
	for (unsigned k = 0; k < world->owners[i].count; k++) {
		uint64_t end = world->owners[i].ends[k];
		aname_way_t way = aname_owners_way(owners, &world->words[i], end);
		assert_int_equal(way, expected_way(world, i, end));
		usable |= way != ANAME_WAY_BACK;
		inside |= is_inside(world, i, end);
	}
	assert_int_equal(atomic_load(&world->words[i]) & ANAME_OWNER_MARK, inside);
	assert_true(usable || !leads_out(world, i));
}

static void check(aname_owners_t *owners, world_t *world)
{
	find_reach(world);
	find_distances(world);
	for (unsigned i = 0; i < OWNERS_MAX; i++) {
		if (world->there[i]) {
			check_owner(owners, world, i);
		} else {
			assert_int_equal(atomic_load(&world->words[i]), ANAME_OWNER_NEW);
		}
	}
	assert_false(goes_round(owners, world));
}

static void begin(world_t *world)
{
	memset(world, 0, sizeof(*world));
	for (unsigned i = 0; i < OWNERS_MAX; i++) {
		atomic_init(&world->words[i], ANAME_OWNER_NEW);
	}
}

/*! Registers an owner that the world knows, too. */
static bool enlist(aname_owners_t *owners, aname_owner_word_t *word, const aname_owner_t *owner)
{
	aname_owner_t known = *owner;
	known.records = 1000 + owner->owner;
	if (!aname_owners_register(owners, word, &known)) {
		return false;
	}
	aname_owners_confirm(owners, known.owner, known.records);
	return true;
}

/*! Registers an owner; the list of ends goes to the first 0. */
static void put(aname_owners_t *owners, world_t *world, unsigned number, const uint64_t *ends)
{
	aname_owner_t *owner = &world->owners[number];
	owner->owner = number;
	owner->count = 0;
	for (; *ends != 0; ends++) {
		aname_owner_add(owner, *ends);
	}
	assert_true(enlist(owners, &world->words[number], owner));
	world->there[number] = true;
}

#define PUT(number, ...) put(owners, &world, number, (const uint64_t[]){ __VA_ARGS__, 0 })

static aname_way_t way(aname_owners_t *owners, world_t *world, unsigned from, uint64_t end)
{
	return aname_owners_way(owners, &world->words[from], end);
}

/* By hand. */

static void two_with_one_exit(void **state)
{
	aname_owners_t *owners = aname_owners_new();
	world_t world;
	begin(&world);
	PUT(1, 2, FOREIGN);
	assert_int_equal(atomic_load(&world.words[1]) & ANAME_OWNER_MARK, 0);
	PUT(2, 1);
	assert_int_equal(way(owners, &world, 1, 2), ANAME_WAY_BACK);
	assert_int_equal(way(owners, &world, 1, FOREIGN), ANAME_WAY_OUT);
	assert_int_equal(way(owners, &world, 2, 1), ANAME_WAY_NEARER);
	PUT(2, FOREIGN + 1);
	assert_int_equal(way(owners, &world, 1, 2), ANAME_WAY_OUT);
	assert_int_equal(atomic_load(&world.words[1]) & ANAME_OWNER_MARK, 0);
	aname_owners_free(owners);
}

static void two_with_exits(void **state)
{
	aname_owners_t *owners = aname_owners_new();
	world_t world;
	begin(&world);
	PUT(1, 2, FOREIGN);
	PUT(2, 1, FOREIGN + 1);
	assert_int_equal(way(owners, &world, 1, 2), ANAME_WAY_BACK);
	assert_int_equal(way(owners, &world, 2, 1), ANAME_WAY_BACK);
	aname_owners_free(owners);
}

static void siblings_are_the_last_way_out(void **state)
{
	aname_owners_t *owners = aname_owners_new();
	world_t world;
	begin(&world);
	world.owners[1].sibling = true;
	PUT(1, 2);
	PUT(2, 1);
	assert_int_equal(way(owners, &world, 1, 2), ANAME_WAY_BACK);
	assert_int_equal(way(owners, &world, 2, 1), ANAME_WAY_NEARER);
	PUT(2, 1, FOREIGN);
	assert_int_equal(way(owners, &world, 1, 2), ANAME_WAY_NEARER);
	assert_int_equal(way(owners, &world, 2, 1), ANAME_WAY_BACK);
	aname_owners_free(owners);
}

static void an_owner_that_ends_at_itself(void **state)
{
	aname_owners_t *owners = aname_owners_new();
	world_t world;
	begin(&world);
	world.owners[1].sibling = true;
	PUT(1, 1);
	assert_int_equal(way(owners, &world, 1, 1), ANAME_WAY_BACK);
	PUT(1, FOREIGN, 1);
	assert_int_equal(way(owners, &world, 1, 1), ANAME_WAY_BACK);
	assert_int_equal(way(owners, &world, 1, FOREIGN), ANAME_WAY_OUT);
	aname_owners_drop(owners, &world.words[1]);
	assert_int_equal(aname_owners_count(owners), 0);
	aname_owners_free(owners);
}

static void chains_are_no_circles(void **state)
{
	aname_owners_t *owners = aname_owners_new();
	world_t world;
	begin(&world);
	PUT(1, 2);
	PUT(2, 3);
	PUT(3, FOREIGN);
	PUT(4, 3, 1);
	for (unsigned i = 1; i <= 4; i++) {
		assert_int_equal(atomic_load(&world.words[i]) & ANAME_OWNER_MARK, 0);
	}
	aname_owners_free(owners);
}

static void a_reload_replaces_the_instance(void **state)
{
	aname_owners_t *owners = aname_owners_new();
	world_t world;
	begin(&world);
	PUT(1, 2);
	PUT(2, 1);
	aname_owner_word_t later;
	atomic_init(&later, ANAME_OWNER_NEW);
	assert_true(enlist(owners, &later, &world.owners[1]));
	aname_owners_drop(owners, &world.words[1]);
	assert_int_equal(aname_owners_count(owners), 2);
	assert_int_equal(aname_owners_way(owners, &later, 2), ANAME_WAY_BACK);
	assert_int_equal(way(owners, &world, 2, 1), ANAME_WAY_BACK);
	/* The number is given to another one, and nobody mistakes it. */
	aname_owners_drop(owners, &later);
	PUT(3, FOREIGN);
	aname_owners_drop(owners, &world.words[1]);
	assert_int_equal(aname_owners_count(owners), 2);
	assert_int_equal(way(owners, &world, 2, 1), ANAME_WAY_OUT);
	aname_owners_free(owners);
}

static void only_what_the_world_knows(void **state)
{
	/* Somebody adds 2 here, by the name of another one's target, and has it lead to 1. */
	aname_owners_t *owners = aname_owners_new();
	aname_owner_word_t words[3] = { ANAME_OWNER_NEW, ANAME_OWNER_NEW, ANAME_OWNER_NEW };
	const aname_owner_t victim = {
		.owner = 1, .records = 11, .type = 65305, .count = 1, .ends = { 2 }
	};
	const aname_owner_t foreign = {
		.owner = 2, .records = 22, .type = 65401, .count = 1, .ends = { 1 }
	};
	uint16_t type = 0;
	bool confirmed = true;
	assert_false(aname_owners_ask(owners, 2, &type, &confirmed));
	assert_true(enlist(owners, &words[1], &victim));
	assert_true(aname_owners_register(owners, &words[2], &foreign));
	assert_int_equal(aname_owners_way(owners, &words[1], 2), ANAME_WAY_OUT);
	assert_int_equal(atomic_load(&words[1]) & ANAME_OWNER_MARK, 0);
	assert_true(aname_owners_ask(owners, 2, &type, &confirmed));
	assert_int_equal(type, 65401);
	assert_false(confirmed);

	/* There is nothing, or there is something else. */
	aname_owners_confirm(owners, 2, 0);
	aname_owners_confirm(owners, 2, 23);
	aname_owners_confirm(owners, 3, 22);
	assert_int_equal(aname_owners_way(owners, &words[1], 2), ANAME_WAY_OUT);
	aname_owners_confirm(owners, 2, 22);
	assert_int_equal(aname_owners_way(owners, &words[1], 2), ANAME_WAY_BACK);
	assert_int_equal(aname_owners_way(owners, &words[2], 1), ANAME_WAY_BACK);
	assert_true(aname_owners_ask(owners, 2, &type, &confirmed));
	assert_true(confirmed);
	/* It has moved elsewhere. */
	aname_owners_confirm(owners, 2, 0);
	assert_int_equal(aname_owners_way(owners, &words[1], 2), ANAME_WAY_OUT);
	assert_int_equal(aname_owners_way(owners, &words[2], 1), ANAME_WAY_OUT);

	/* Who leads to itself needs nobody to confirm that. */
	const aname_owner_t self = { .owner = 2, .records = 22, .count = 1, .ends = { 2 } };
	assert_true(aname_owners_register(owners, &words[2], &self));
	assert_int_equal(aname_owners_way(owners, &words[2], 2), ANAME_WAY_BACK);
	assert_int_equal(aname_owners_way(owners, &words[1], 2), ANAME_WAY_OUT);
	aname_owners_free(owners);
}

/* Against an oracle. */

static void random_change(aname_owners_t *owners, world_t *world, random_t *random)
{
	unsigned number = 1 + random_below(random, OWNERS_MAX - 1);
	aname_owner_t *owner = &world->owners[number];
	if (world->there[number] && random_below(random, 4) == 0) {
		aname_owners_drop(owners, &world->words[number]);
		world->there[number] = false;
		return;
	}
	owner->owner = number;
	owner->sibling = random_below(random, 4) == 0;
	owner->count = 0;
	unsigned count = random_below(random, 4), foreign = random_below(random, 6);
	for (unsigned i = 0; i < count; i++) {
		uint64_t end = 1 + random_below(random, OWNERS_MAX - 1);
		aname_owner_add(owner, random_below(random, 6) < foreign / 2 ? FOREIGN + i : end);
	}
	assert_true(enlist(owners, &world->words[number], owner));
	world->there[number] = true;
}

static void random_graphs(void **state)
{
	random_t random = { 0 };
	assert_int_equal(getrandom(&random, sizeof(random), 0), sizeof(random));
	print_message("seed of the graphs: %" PRIu64 "\n", random.state);
	for (unsigned round = 0; round < 300; round++) {
		aname_owners_t *owners = aname_owners_new();
		world_t world;
		begin(&world);
		for (unsigned i = 0; i < 60; i++) {
			random_change(owners, &world, &random);
			check(owners, &world);
		}
		aname_owners_free(owners);
	}
}

/* Many. */

static aname_owner_word_t *new_words(unsigned count)
{
	aname_owner_word_t *words = malloc(count * sizeof(*words));
	for (unsigned i = 0; i < count; i++) {
		atomic_init(&words[i], ANAME_OWNER_NEW);
	}
	return words;
}

/*! Registers a ring, from the first one on or backwards. */
static void make_ring(aname_owners_t *owners, aname_owner_word_t *words, unsigned count,
                      bool backwards)
{
	for (unsigned i = 0; i < count; i++) {
		unsigned n = backwards ? count - 1 - i : i;
		const aname_owner_t owner = { .owner = n + 1,
			                      .count = 1,
			                      .ends = { (n + 1) % count + 1 } };
		assert_true(enlist(owners, &words[n], &owner));
	}
}

static unsigned count_back(aname_owners_t *owners, aname_owner_word_t *words, unsigned count)
{
	unsigned back = 0;
	for (unsigned i = 0; i < count; i++) {
		back += aname_owners_way(owners, &words[i], (i + 1) % count + 1) == ANAME_WAY_BACK;
	}
	return back;
}

static void rings_of_all_sizes(void **state)
{
	const unsigned sizes[] = { 2, 3, ANAME_CIRCLES_NODES - 1, ANAME_CIRCLES_NODES };
	for (unsigned i = 0; i < 2 * COUNT_OF(sizes); i++) {
		unsigned size = sizes[i / 2];
		aname_owners_t *owners = aname_owners_new();
		aname_owner_word_t *words = new_words(size);
		make_ring(owners, words, size, i % 2);
		assert_int_equal(count_back(owners, words, size), size);
		/* A ring that opens is none any more. */
		aname_owners_drop(owners, &words[size / 2]);
		words[size / 2] = ANAME_OWNER_NEW;
		assert_int_equal(count_back(owners, words, size), 0);
		free(words);
		aname_owners_free(owners);
	}
}

static void what_is_too_large_is_not_followed(void **state)
{
	unsigned size = 3 * ANAME_CIRCLES_NODES;
	for (unsigned i = 0; i < 2; i++) {
		aname_owners_t *owners = aname_owners_new();
		aname_owner_word_t *words = new_words(size);
		make_ring(owners, words, size, i);
		assert_true(count_back(owners, words, size) > 0);
		free(words);
		aname_owners_free(owners);
	}
}

/*! Each of a mesh names all others, and one a way out. */
static void a_mesh(void **state)
{
	enum { SIZE = 16 };
	aname_owners_t *owners = aname_owners_new();
	aname_owner_word_t *words = new_words(SIZE);
	for (unsigned i = 0; i < SIZE; i++) {
		aname_owner_t owner = { .owner = i + 1 };
		for (unsigned k = 0; k < SIZE; k++) {
			aname_owner_add(&owner, k == i ? (i == 0 ? FOREIGN : i + 1) : k + 1);
		}
		assert_true(enlist(owners, &words[i], &owner));
	}
	for (unsigned i = 0; i < SIZE; i++) {
		for (unsigned k = 0; k < SIZE; k++) {
			aname_way_t expected = k == 0 && i != 0 ? ANAME_WAY_NEARER : ANAME_WAY_BACK;
			assert_int_equal(aname_owners_way(owners, &words[i], k + 1), expected);
		}
	}
	free(words);
	aname_owners_free(owners);
}

/*! Registers and drops some; how many could be registered. */
static unsigned fill_and_empty(aname_owner_word_t *words, unsigned count)
{
	aname_owners_t *owners = aname_owners_new();
	unsigned done = 0;
	for (unsigned i = 0; owners != NULL && i < count; i++) {
		const aname_owner_t owner = { .owner = i + 1,
			                      .count = 2,
			                      .ends = { i + 2, FOREIGN } };
		done += enlist(owners, &words[i], &owner);
	}
	for (unsigned i = 0; owners != NULL && i < count; i++) {
		aname_owners_drop(owners, &words[i]);
	}
	assert_true(owners == NULL || aname_owners_count(owners) == 0);
	aname_owners_free(owners);
	return done;
}

static void without_memory(void **state)
{
	enum { COUNT = 200 };
	aname_owner_word_t *words = new_words(COUNT);
	long live = alloc_live();
	unsigned done = 0, n = 0;
	do {
		alloc_fail_at(++n);
		done = fill_and_empty(words, COUNT);
		assert_int_equal(alloc_live(), live);
	} while (alloc_failed());
	assert_int_equal(done, COUNT);
	assert_true(n > COUNT);
	free(words);
}

static void those_of_other_servers(void **state)
{
	aname_owners_t *owners = aname_owners_new();
	aname_owner_word_t here = ANAME_OWNER_NEW, far = ANAME_OWNER_NEW, later = ANAME_OWNER_NEW;
	const aname_owner_t one = {
		.owner = 1, .records = 11, .type = 65305, .count = 1, .ends = { 2 }
	};
	const aname_owner_t two = { .owner = 2, .type = 65305, .count = 1, .ends = { 1 } };
	const aname_owner_t two_here = {
		.owner = 2, .records = 22, .type = 65401, .count = 1, .ends = { 3 }
	};
	uint16_t type = 0;
	bool confirmed = true;
	assert_int_equal(aname_owners_type(owners), 0);
	assert_true(enlist(owners, &here, &one));
	assert_int_equal(aname_owners_type(owners), 65305);
	assert_true(aname_owners_register_far(owners, &far, &two));
	/* It is there for all the world, and yet none of this server. */
	assert_int_equal(aname_owners_way(owners, &here, 2), ANAME_WAY_BACK);
	assert_false(aname_owners_ask(owners, 2, &type, &confirmed));
	aname_owners_confirm(owners, 2, 0);
	assert_int_equal(aname_owners_way(owners, &here, 2), ANAME_WAY_BACK);

	/* Somebody adds one here by that name: for the world nothing has changed. */
	assert_true(aname_owners_register(owners, &later, &two_here));
	assert_true(aname_owners_ask(owners, 2, &type, &confirmed));
	assert_false(confirmed);
	assert_int_equal(type, 65401);
	assert_int_equal(aname_owners_way(owners, &here, 2), ANAME_WAY_BACK);
	assert_true(aname_owners_register_far(owners, &far, &two));
	assert_int_equal(aname_owners_way(owners, &here, 2), ANAME_WAY_BACK);
	/* It has moved here, and leads elsewhere. */
	aname_owners_confirm(owners, 2, 22);
	assert_int_equal(aname_owners_way(owners, &here, 2), ANAME_WAY_OUT);
	assert_int_equal(atomic_load(&here) & ANAME_OWNER_MARK, 0);
	aname_owners_confirm(owners, 2, 0);
	assert_int_equal(aname_owners_way(owners, &here, 2), ANAME_WAY_BACK);
	aname_owners_confirm(owners, 2, 22);
	aname_owners_drop(owners, &later);
	assert_int_equal(aname_owners_way(owners, &here, 2), ANAME_WAY_BACK);
	aname_owners_drop(owners, &far);
	assert_int_equal(aname_owners_way(owners, &here, 2), ANAME_WAY_OUT);
	assert_int_equal(aname_owners_count(owners), 1);
	aname_owners_drop(owners, &here);
	aname_owners_free(owners);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PROVES("F5: of two who name each other, who has a way out uses that alone",
		       two_with_one_exit),
		PROVES("F5: of two with a way out each uses its own", two_with_exits),
		PROVES("F5: a sibling is a way out where there is no other",
		       siblings_are_the_last_way_out),
		PROVES("F5: what ends at its own owner is not used", an_owner_that_ends_at_itself),
		PROVES("F5: chains are no circles", chains_are_no_circles),
		PROVES("F5: while instances come and go the last one counts",
		       a_reload_replaces_the_instance),
		PROVES("F5: another one's name is no circle, whoever adds a zone with it",
		       only_what_the_world_knows),
		PROVES("F5: owners of other servers count, whatever is here by their names",
		       those_of_other_servers),
		PROVES("F5: nothing goes round, and who has a way out has a target (random)",
		       random_graphs),
		PROVES("F5: rings are found up to the limit, and open again", rings_of_all_sizes),
		PROVES("F5: beyond the limit nothing goes round",
		       what_is_too_large_is_not_followed),
		PROVES("F5: in a mesh all use the one that leads out", a_mesh),
		PROVES("it can do without memory", without_memory),
	};
	return RUN_TESTS("owners", tests);
}
