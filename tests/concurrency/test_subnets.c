/*
 * Workers that find answers for clients' subnets against a service that adds, publishes and
 * removes them, and the target with them. Every answer holds the network that it is for, so that
 * none is given to anybody else.
 */
#include "support/test.h"

#include <pthread.h>

#include "support/make.h"
#include "support/random.h"
#include "table/clock.h"
#include "table/shared.h"
#include "worker.h"

enum {
	READERS = 4,
	LOOKS = 200000,
	SUBNETS = 60,
};

static const aname_key_t *key;
static uint64_t hash;

/*! One of a few networks that overlap: of length 8, 16, 20 or 24. */
static aname_subnet_t random_subnet(random_t *random)
{
	static const uint8_t lengths[] = { 8, 16, 20, 24, 24, 24 };
	const aname_subnet_t client = { .family = ANAME_SUBNET_IPV4,
		                        .len = 24,
		                        .address = { 10, random_below(random, 3),
		                                     16 * random_below(random, 3) +
		                                             random_below(random, 3) } };
	return aname_subnet_cut(&client, lengths[random_below(random, COUNT_OF(lengths))]);
}

static aname_snapshot_t *make_known(const aname_subnet_t *network)
{
	uint8_t address[4];
	memcpy(address, network->address, 3);
	address[3] = network->len;
	const aname_result_t result = { .known = ANAME_KNOWN_ADDRESSES,
		                        .ttl = 60,
		                        .address_len = 4,
		                        .count = 1,
		                        .addresses = address,
		                        .scope = network->len };
	aname_snapshot_t *snapshot = aname_snapshot_new(&result, aname_clock_ms(), 1);
	CHECK(snapshot != NULL);
	return snapshot;
}

/* Workers. */

typedef struct {
	aname_shared_t *shared;
	unsigned worker;
	random_t random;
	unsigned answered;
	_Atomic unsigned *done;
} reader_t;

static void look(reader_t *reader)
{
	const aname_subnet_t client = random_subnet(&reader->random);
	aname_entry_t *target = aname_table_find(reader->shared->table, key, hash);
	aname_entry_t *entry =
	        target != NULL ? aname_table_find_client(reader->shared->table, target, &client)
	                       : NULL;
	if (entry == NULL) {
		return;
	}
	const aname_subnet_t around = aname_subnet_cut(&client, entry->subnet_entry->network.len);
	CHECK(aname_subnet_equal(&around, &entry->subnet_entry->network));
	CHECK(entry->subnet_entry->target == target);
	const aname_snapshot_t *known = aname_entry_snapshot(entry);
	uint32_t now_s = aname_clock_coarse_ms() / 1000;
	aname_entry_touch(aname_table_charges(reader->shared->table), entry,
	                  aname_interest(&make_schedule, 60, now_s), now_s);
	aname_entry_note_return(entry, known, aname_clock_coarse_ms() + 1000);
	if (known == NULL) {
		return;
	}
	const uint8_t *at = aname_snapshot_rdataset(known).rdata->data;
	CHECK(at[3] == around.len && known->scope == around.len);
	CHECK(memcmp(at, around.address, 3) == 0);
	reader->answered++;
}

static void *look_all(void *arg)
{
	reader_t *reader = arg;
	for (unsigned i = 0; i < LOOKS || reader->answered < LOOKS / 100; i++) {
		aname_epoch_enter(reader->shared->epoch, reader->worker);
		look(reader);
		aname_epoch_leave(reader->shared->epoch, reader->worker);
	}
	atomic_fetch_add(reader->done, 1);
	return NULL;
}

/* The service. */

static void remove_all(aname_table_t *table, aname_entry_t *target)
{
	const aname_subnets_t *subnets = atomic_load(&target->subnets);
	while (subnets != NULL && subnets->first != NULL) {
		aname_table_remove(table, subnets->first);
	}
	aname_table_remove(table, target);
}

static void stir(aname_table_t *table, random_t *random)
{
	aname_entry_t *target = aname_table_find(table, key, hash);
	if (target == NULL) {
		target = aname_table_add(table, key, hash);
		CHECK(target != NULL);
	}
	const aname_subnet_t network = random_subnet(random);
	aname_entry_t *entry = aname_table_find_subnet(table, target, &network);
	switch (random_below(random, 500)) {
	case 0: remove_all(table, target); return;
	case 1 ... 100:
		if (entry != NULL) {
			aname_table_remove(table, entry);
		}
		return;
	default:
		if (entry == NULL && aname_table_subnets(table) < SUBNETS) {
			entry = aname_table_add_subnet(table, target, &network, &network);
			CHECK(entry != NULL);
		} else if (entry != NULL) {
			aname_table_publish(table, entry, make_known(&network));
		}
	}
}

/* The test. */

static void readers_and_service(void **state)
{
	name_t name = make_name("www.example.");
	aname_shared_t *shared = aname_shared_new(NULL, NULL);
	assert_non_null(shared);
	const aname_upstream_t *upstream = make_upstream(shared, &make_schedule, &make_source);
	const aname_key_t www = make_key(upstream, &name, KNOT_RRTYPE_A);
	key = &www;
	hash = aname_table_hash(shared->table, key);

	_Atomic unsigned done = 0;
	reader_t readers[READERS];
	pthread_t threads[READERS];
	for (unsigned i = 0; i < READERS; i++) {
		readers[i] = (reader_t){
			.shared = shared, .worker = i, .random = { i + 1 }, .done = &done
		};
		assert_int_equal(pthread_create(&threads[i], NULL, look_all, &readers[i]), 0);
	}
	random_t random = { 99 };
	while (atomic_load(&done) < READERS) {
		stir(shared->table, &random);
		(void)aname_epoch_reclaim(shared->epoch);
	}
	for (unsigned i = 0; i < READERS; i++) {
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	}
	assert_int_equal(aname_epoch_reclaim(shared->epoch), 0);
	aname_shared_free(shared);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PROVES("N4: no client gets what is for another network", readers_and_service),
	};
	return RUN_TESTS("concurrency: subnets", tests);
}
