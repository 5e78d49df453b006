#include "support/test.h"

#include "support/alloc.h"
#include "support/make.h"
#include "support/random.h"
#include "table/store.h"

#define NOW 1700000000

static const aname_hash_key_t hash_key = { .point = 0x123456789abcdef, .begin = 7 };

static const aname_validity_t good = { .inception = NOW - 5400,
	                               .expiration = NOW + 100,
	                               .refresh = NOW + 50 };

typedef struct {
	aname_epoch_t *epoch;
	aname_bin_t *bin;
	aname_store_t *store;
} fixture_t;

static fixture_t fixture_new(void)
{
	fixture_t fixture = { .epoch = aname_epoch_new(),
		              .store = aname_store_new(ANAME_STORE_GROUPS) };
	assert_non_null(fixture.epoch);
	assert_non_null(fixture.store);
	fixture.bin = aname_bin_new(fixture.epoch);
	assert_non_null(fixture.bin);
	return fixture;
}

static void fixture_free(fixture_t *fixture)
{
	aname_store_free(fixture->store);
	aname_bin_free(fixture->bin);
	aname_epoch_free(fixture->epoch);
}

/*! A content: everything in it depends on `n`, its addresses first of all. */
typedef struct {
	name_t owner;
	aname_snapshot_t *snapshot;
	knot_rrset_t rrset;
	aname_content_t content;
} thing_t;

static thing_t *thing_new(uint32_t n)
{
	thing_t *thing = calloc(1, sizeof(*thing));
	assert_non_null(thing);
	thing->owner = make_name("example.com.");
	thing->snapshot = make_snapshot(4, n * 8, 2, 0);
	knot_rrset_init(&thing->rrset, thing->owner.at, KNOT_RRTYPE_A, KNOT_CLASS_IN, 300);
	thing->rrset.rrs = aname_snapshot_rdataset(thing->snapshot);
	thing->content = (aname_content_t){ .signer = 1, .rrset = &thing->rrset };
	return thing;
}

static void thing_free(thing_t *thing)
{
	free(thing->snapshot);
	free(thing);
}

/*! Signs a thing with another one's addresses, which are as good as any octets. */
static aname_signed_t *sign(const thing_t *thing, const thing_t *with,
                            const aname_validity_t *validity)
{
	const knot_rdataset_t itself = { 0 };
	return aname_signed_new(&thing->content, aname_store_hash(&hash_key, &thing->content),
	                        &itself, &with->rrset.rrs, validity);
}

static void put(fixture_t *fixture, const thing_t *thing, const aname_validity_t *validity,
                int64_t now)
{
	aname_signed_t *signed_set = sign(thing, thing, validity);
	assert_non_null(signed_set);
	aname_store_put(fixture->store, signed_set, fixture->bin, now);
}

static const aname_signed_t *find(const fixture_t *fixture, const thing_t *thing)
{
	return aname_store_find(fixture->store, &thing->content,
	                        aname_store_hash(&hash_key, &thing->content), NOW);
}

static void found_by_content(void **state)
{
	fixture_t fixture = fixture_new();
	thing_t *one = thing_new(1), *same = thing_new(1), *other = thing_new(2);
	assert_null(find(&fixture, one));
	put(&fixture, one, &good, NOW);
	const aname_signed_t *signed_set = find(&fixture, same);
	assert_non_null(signed_set);
	assert_int_equal(signed_set->rrsigs.count, one->rrset.rrs.count);
	assert_memory_equal(signed_set->rrsigs.rdata, one->rrset.rrs.rdata, one->rrset.rrs.size);
	assert_int_equal(signed_set->made.count, 0);
	assert_null(find(&fixture, other));

	/* Whatever is signed, tells it apart. */
	same->rrset.ttl++;
	assert_null(find(&fixture, same));
	same->rrset.ttl--;
	same->rrset.type = KNOT_RRTYPE_AAAA;
	assert_null(find(&fixture, same));
	same->rrset.type = KNOT_RRTYPE_A;
	same->content.signer++;
	assert_null(find(&fixture, same));
	same->content.signer--;
	same->content.changes = 1;
	assert_null(find(&fixture, same));
	same->content.changes = 0;
	assert_non_null(find(&fixture, same));
	thing_free(one);
	thing_free(same);
	thing_free(other);
	fixture_free(&fixture);
}

static void each_owner_has_its_own(void **state)
{
	fixture_t fixture = fixture_new();
	thing_t *apex = thing_new(1), *other = thing_new(1), *third = thing_new(1);
	name_t shop = make_name("shop.example.com."), wildcard = make_name("*.example.com.");
	apex->content.apex = true;
	other->rrset.owner = shop.at;
	third->rrset.owner = wildcard.at;
	put(&fixture, apex, &good, NOW);
	assert_null(find(&fixture, other));
	assert_null(aname_store_look(fixture.store, &other->content, NOW));
	put(&fixture, other, &good, NOW);
	assert_null(find(&fixture, third));
	put(&fixture, third, &good, NOW);
	const aname_signed_t *found[] = { find(&fixture, apex), find(&fixture, other),
		                          find(&fixture, third) };
	assert_non_null(found[0]);
	assert_non_null(found[1]);
	assert_non_null(found[2]);
	assert_ptr_not_equal(found[0], found[1]);
	assert_ptr_not_equal(found[1], found[2]);
	thing_free(apex);
	thing_free(other);
	thing_free(third);
	fixture_free(&fixture);
}

static void a_wider_store_holds_the_same(void **state)
{
	enum { THINGS = 40 };
	fixture_t fixture = fixture_new();
	thing_t *things[THINGS];
	const aname_signed_t *before[THINGS];
	for (unsigned n = 0; n < THINGS; n++) {
		things[n] = thing_new(n);
		put(&fixture, things[n], &good, NOW);
	}
	for (unsigned n = 0; n < THINGS; n++) {
		before[n] = find(&fixture, things[n]);
	}
	aname_store_t *wider =
	        aname_store_widen(fixture.store, 4 * ANAME_STORE_GROUPS, fixture.bin);
	assert_non_null(wider);
	aname_bin_retire(fixture.bin, fixture.store, free);
	fixture.store = wider;
	unsigned held = 0;
	for (unsigned n = 0; n < THINGS; n++) {
		assert_ptr_equal(find(&fixture, things[n]), before[n]);
		held += before[n] != NULL;
		thing_free(things[n]);
	}
	assert_true(held > THINGS / 2);
	fixture_free(&fixture);
}

static void nsec3_by_owner(void **state)
{
	fixture_t fixture = fixture_new();
	thing_t *thing = thing_new(1);
	name_t other = make_name("7jlhoan8nonj6jbv3h7r6ni3t7nq9j3h.example.com.");
	thing->rrset.type = KNOT_RRTYPE_NSEC3;
	put(&fixture, thing, &good, NOW);
	assert_non_null(find(&fixture, thing));
	thing->rrset.owner = other.at;
	assert_null(find(&fixture, thing));
	thing_free(thing);
	fixture_free(&fixture);
}

static void a_hash_is_not_trusted(void **state)
{
	fixture_t fixture = fixture_new();
	thing_t *one = thing_new(1), *other = thing_new(2);
	put(&fixture, one, &good, NOW);
	uint64_t hash = aname_store_hash(&hash_key, &one->content);
	assert_non_null(aname_store_find(fixture.store, &one->content, hash, NOW));
	assert_null(aname_store_find(fixture.store, &other->content, hash, NOW));
	thing_free(one);
	thing_free(other);
	fixture_free(&fixture);
}

static void several_at_once(void **state)
{
	fixture_t fixture = fixture_new();
	unsigned kept = 0;
	for (unsigned n = 0; n < 1000; n++) {
		thing_t *thing = thing_new(n);
		put(&fixture, thing, &good, NOW);
		assert_non_null(find(&fixture, thing)); /* The last one always is. */
		thing_free(thing);
	}
	for (unsigned n = 0; n < 1000; n++) {
		thing_t *thing = thing_new(n);
		kept += find(&fixture, thing) != NULL;
		thing_free(thing);
	}
	assert_in_range(kept, ANAME_STORE_GROUPS, ANAME_STORE_GROUPS * ANAME_STORE_GROUP);
	fixture_free(&fixture);
}

static void bounded_in_memory(void **state)
{
	fixture_t fixture = fixture_new();
	long most = alloc_live();
	for (unsigned n = 0; n < 5000; n++) {
		thing_t *thing = thing_new(n);
		put(&fixture, thing, &good, NOW);
		thing_free(thing);
		(void)aname_bin_reclaim(fixture.bin);
	}
	most += ANAME_STORE_GROUPS * ANAME_STORE_GROUP + 1; /* And the ring of the bin. */
	assert_true(alloc_live() <= most);
	fixture_free(&fixture);
}

static void itself_is_replaced(void **state)
{
	fixture_t fixture = fixture_new();
	thing_t *thing = thing_new(1), *with = thing_new(2);
	put(&fixture, thing, &good, NOW);
	const aname_validity_t later = { .inception = NOW, .expiration = NOW + 500 };
	aname_store_put(fixture.store, sign(thing, with, &later), fixture.bin, NOW);
	const aname_signed_t *signed_set = find(&fixture, thing);
	assert_non_null(signed_set);
	assert_int_equal(signed_set->validity.expiration, NOW + 500);
	assert_memory_equal(signed_set->rrsigs.rdata, with->rrset.rrs.rdata, with->rrset.rrs.size);
	assert_int_equal(aname_bin_reclaim(fixture.bin), 0);
	thing_free(thing);
	thing_free(with);
	fixture_free(&fixture);
}

/*! May a content be in the first group only? */
static bool is_of_first(const thing_t *thing)
{
	uint64_t hash = aname_store_hash(&hash_key, &thing->content);
	return hash % ANAME_STORE_GROUPS == 0 && (hash >> 32) % ANAME_STORE_GROUPS == 0;
}

/*! Fills one group: things whose hashes agree in it. */
static unsigned fill_group(fixture_t *fixture, thing_t **group, unsigned count, int64_t expiration)
{
	unsigned found = 0;
	for (unsigned n = 0; found < count; n++) {
		thing_t *thing = thing_new(n);
		if (!is_of_first(thing)) {
			thing_free(thing);
			continue;
		}
		const aname_validity_t validity = { .inception = NOW - 1000 + found,
			                            .expiration = expiration };
		if (found < ANAME_STORE_GROUP) {
			put(fixture, thing, &validity, NOW);
		}
		group[found++] = thing;
	}
	return found;
}

static void the_least_worthy_goes(void **state)
{
	fixture_t fixture = fixture_new();
	thing_t *group[ANAME_STORE_GROUP + 2];
	unsigned count = fill_group(&fixture, group, COUNT_OF(group), NOW + 100);

	/* The oldest one. */
	put(&fixture, group[ANAME_STORE_GROUP], &good, NOW);
	assert_null(find(&fixture, group[0]));
	for (unsigned i = 1; i <= ANAME_STORE_GROUP; i++) {
		assert_non_null(find(&fixture, group[i]));
	}
	/* One that has expired, however young. */
	const aname_validity_t expired = { .inception = NOW + 10, .expiration = NOW - 1 };
	aname_store_put(fixture.store, sign(group[2], group[2], &expired), fixture.bin, NOW);
	put(&fixture, group[ANAME_STORE_GROUP + 1], &good, NOW);
	assert_null(find(&fixture, group[2]));
	assert_non_null(find(&fixture, group[1]));
	for (unsigned i = 0; i < count; i++) {
		thing_free(group[i]);
	}
	fixture_free(&fixture);
}

static void what_is_used_stays(void **state)
{
	fixture_t fixture = fixture_new();
	thing_t *group[ANAME_STORE_GROUP + 1];
	unsigned count = fill_group(&fixture, group, COUNT_OF(group), NOW + 100);
	for (unsigned i = 0; i < ANAME_STORE_GROUP; i++) {
		const aname_content_t *content = &group[i]->content;
		uint64_t hash = aname_store_hash(&hash_key, content);
		assert_non_null(aname_store_find(fixture.store, content, hash,
		                                 NOW + 10 + (i == 2 ? 0 : 5)));
	}
	put(&fixture, group[ANAME_STORE_GROUP], &good, NOW + 20);
	for (unsigned i = 0; i < ANAME_STORE_GROUP; i++) {
		assert_int_equal(find(&fixture, group[i]) != NULL, i != 2);
	}
	for (unsigned i = 0; i < count; i++) {
		thing_free(group[i]);
	}
	fixture_free(&fixture);
}

/*! A pool of as many targets as there may be has a set for each, of both families; beside them
 *  stand denials. */
static void all_of_a_pool(void **state)
{
	enum { SETS = 2 * 32 + 8 };
	for (unsigned round = 0; round < 200; round++) {
		fixture_t fixture = fixture_new();
		aname_store_free(fixture.store);
		fixture.store = aname_store_new(ANAME_STORE_GROUPS_TAILORED);
		assert_non_null(fixture.store);
		thing_t *things[SETS];
		for (unsigned i = 0; i < SETS; i++) {
			things[i] = thing_new(round * SETS + i);
			put(&fixture, things[i], &good, NOW);
		}
		for (unsigned i = 0; i < SETS; i++) {
			assert_non_null(find(&fixture, things[i]));
			thing_free(things[i]);
		}
		fixture_free(&fixture);
	}
}

static void read_while_replaced(void **state)
{
	fixture_t fixture = fixture_new();
	thing_t *thing = thing_new(1);
	put(&fixture, thing, &good, NOW);
	aname_epoch_enter(fixture.epoch, 3);
	const aname_signed_t *signed_set = find(&fixture, thing);
	alloc_watch(signed_set);
	put(&fixture, thing, &good, NOW);
	assert_int_equal(aname_bin_reclaim(fixture.bin), 1);
	assert_int_equal(alloc_watched(), 0);
	aname_epoch_leave(fixture.epoch, 3);
	assert_int_equal(aname_bin_reclaim(fixture.bin), 0);
	assert_int_equal(alloc_watched(), 1);
	thing_free(thing);
	fixture_free(&fixture);
}

static void clock_set(void **state)
{
	thing_t *thing = thing_new(1);
	aname_signed_t *signed_set = sign(thing, thing, &good);
	assert_true(aname_signed_is_good(signed_set, NOW) && !aname_signed_is_due(signed_set, NOW));
	assert_true(aname_signed_is_good(signed_set, NOW + 50) &&
	            aname_signed_is_due(signed_set, NOW + 50));
	assert_true(!aname_signed_is_good(signed_set, NOW + 100) &&
	            aname_signed_is_due(signed_set, NOW + 100));
	assert_true(!aname_signed_is_good(signed_set, NOW - 5401) &&
	            aname_signed_is_due(signed_set, NOW - 5401));
	free(signed_set);
	thing_free(thing);
}

static bool attempt(void *ctx)
{
	thing_t *thing = ctx;
	aname_signed_t *signed_set = sign(thing, thing, &good);
	free(signed_set);
	return signed_set != NULL;
}

static bool attempt_store(void *ctx)
{
	aname_store_t *store = aname_store_new(ANAME_STORE_GROUPS);
	aname_store_free(store);
	return store != NULL;
}

static void no_memory(void **state)
{
	thing_t *thing = thing_new(1);
	assert_int_equal(alloc_fail_each(attempt, thing), 1);
	assert_int_equal(alloc_fail_each(attempt_store, NULL), 1);
	thing_free(thing);
}

static void looked_for(void **state)
{
	/* Where one of its type was found last, and nowhere else; what is not the same is not taken. */
	fixture_t fixture = fixture_new();
	thing_t *one = thing_new(1), *other = thing_new(2);
	assert_null(aname_store_look(fixture.store, &one->content, NOW));
	put(&fixture, one, &good, NOW);
	put(&fixture, other, &good, NOW);
	for (unsigned turn = 0; turn < 3; turn++) {
		const aname_signed_t *found = find(&fixture, one);
		assert_non_null(found);
		assert_ptr_equal(aname_store_look(fixture.store, &one->content, NOW + turn), found);
		assert_int_equal(found->used_s, NOW + turn);
		assert_null(aname_store_look(fixture.store, &other->content, NOW));
		found = find(&fixture, other);
		assert_ptr_equal(aname_store_look(fixture.store, &other->content, NOW), found);
		assert_null(aname_store_look(fixture.store, &one->content, NOW));
	}
	(void)find(&fixture, one);
	one->content.signer = 2;
	assert_null(aname_store_look(fixture.store, &one->content, NOW));
	one->content.signer = 1;
	one->rrset.ttl++;
	assert_null(aname_store_look(fixture.store, &one->content, NOW));
	thing_free(one);
	thing_free(other);
	fixture_free(&fixture);
}

static void denial_noted(void **state)
{
	/* For one version, the last one that was noted, and only what was found last. */
	fixture_t fixture = fixture_new();
	thing_t *one = thing_new(1), *other = thing_new(2);
	one->rrset.type = KNOT_RRTYPE_NSEC;
	other->rrset.type = KNOT_RRTYPE_NSEC;
	assert_null(aname_store_denial(fixture.store, 2, NOW));
	put(&fixture, one, &good, NOW);
	put(&fixture, other, &good, NOW);
	assert_null(aname_store_denial(fixture.store, 2, NOW));
	const aname_signed_t *first = find(&fixture, one);
	aname_store_note_denial(fixture.store, first, 2);
	assert_ptr_equal(aname_store_denial(fixture.store, 2, NOW + 3), first);
	assert_int_equal(first->used_s, NOW + 3);
	assert_null(aname_store_denial(fixture.store, 4, NOW));

	const aname_signed_t *second = find(&fixture, other);
	aname_store_note_denial(fixture.store, first, 4);
	assert_null(aname_store_denial(fixture.store, 4, NOW));
	aname_store_note_denial(fixture.store, second, 4);
	assert_ptr_equal(aname_store_denial(fixture.store, 4, NOW), second);
	assert_null(aname_store_denial(fixture.store, 2, NOW));

	/* What takes its place is not it. */
	put(&fixture, other, &good, NOW);
	assert_null(aname_store_denial(fixture.store, 4, NOW));
	thing_free(one);
	thing_free(other);
	fixture_free(&fixture);
}

/*! Puts sets of addresses of which none is asked for again, twenty a second. */
static void flood(fixture_t *fixture, unsigned first, int64_t from, int64_t to)
{
	for (int64_t now = from; now < to; now++) {
		for (unsigned n = 0; n < 20; n++) {
			thing_t *thing = thing_new(first++);
			put(fixture, thing, &good, now);
			thing_free(thing);
		}
	}
}

static void addresses_do_not_push_out_denials(void **state)
{
	fixture_t fixture = fixture_new();
	thing_t *denial = thing_new(1), *addresses = thing_new(2);
	denial->rrset.type = KNOT_RRTYPE_NSEC;
	put(&fixture, denial, &good, NOW);
	put(&fixture, addresses, &good, NOW);
	flood(&fixture, 10, NOW + 1, NOW + 50);
	assert_non_null(find(&fixture, denial));
	assert_null(find(&fixture, addresses));
	/* That was its last use. */
	flood(&fixture, 2000, NOW + 50, NOW + 150);
	assert_null(find(&fixture, denial));
	thing_free(denial);
	thing_free(addresses);
	fixture_free(&fixture);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PROVES("a content is there where it was found last, or not at all", looked_for),
		PROVES("D2: the denial of the apex is found without the zone's own", denial_noted),
		PROVES("L4: however many sets of addresses there are, denials stay",
		       addresses_do_not_push_out_denials),
		PROVES("D1: a signature is found by all that it signs", found_by_content),
		PROVES("D2: an NSEC3 record is found by its owner, too", nsec3_by_owner),
		PROVES("O3: what is signed of the apex, of another owner and of a wildcard is kept "
		       "apart",
		       each_owner_has_its_own),
		PROVES("a store that is made wider holds what it held",
		       a_wider_store_holds_the_same),
		PROVES("D5: a hash alone finds nothing", a_hash_is_not_trusted),
		PROVES("several contents are kept, the last one always", several_at_once),
		PROVES("however many there are, memory is bounded", bounded_in_memory),
		PROVES("a newer signature replaces the one before", itself_is_replaced),
		PROVES("the oldest goes first, and what has expired before it",
		       the_least_worthy_goes),
		PROVES("D1: what is served stays, what was not for longest goes",
		       what_is_used_stays),
		PROVES("P4: all sets of a pool of 32 stay, whatever else there is", all_of_a_pool),
		PROVES("nothing is freed under a reader", read_while_replaced),
		PROVES("D1: a clock set forth or back makes signatures due", clock_set),
		PROVES("out of memory: nothing stored, nothing leaked", no_memory),
	};
	return RUN_TESTS("store", tests);
}
