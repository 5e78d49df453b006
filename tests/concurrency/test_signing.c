/*
 * Workers that find signatures, make those that are missing and put them into one store, which is
 * far too small for all; and workers that hold keys, let them go and sign with them, while a
 * reader reads and a sweeper forgets.
 */
#include "support/test.h"

#include <pthread.h>

#include "service/key_file.h"
#include "support/keys.h"
#include "support/random.h"
#include "table/store.h"
#include "worker.h"

enum {
	WORKERS = 4,
	ROUNDS = 20000,
	CONTENTS = 300,
	KEYS = 12,
	KEY_ROUNDS = 1500,
};

/* Signatures. */

typedef struct {
	aname_epoch_t *epoch;
	aname_bin_t *bin;
	aname_store_t *store;
	pthread_mutex_t lock;
	aname_snapshot_t *snapshots[CONTENTS];
} signing_t;

static const aname_hash_key_t hash_key = { .point = 0x123456789abcdef, .begin = 7 };

static signing_t signing = { .lock = PTHREAD_MUTEX_INITIALIZER };

static void check(const aname_signed_t *signed_set, const knot_rrset_t *rrset)
{
	CHECK(signed_set->rrs.size == rrset->rrs.size);
	CHECK(memcmp(signed_set->rrs.rdata, rrset->rrs.rdata, rrset->rrs.size) == 0);
	CHECK(memcmp(signed_set->rrsigs.rdata, rrset->rrs.rdata, rrset->rrs.size) == 0);
}

static void serve(random_t *random, const name_t *owner)
{
	aname_snapshot_t *snapshot = signing.snapshots[random_below(random, CONTENTS)];
	knot_rrset_t rrset;
	knot_rrset_init(&rrset, (knot_dname_t *)owner->at, KNOT_RRTYPE_A, KNOT_CLASS_IN, 300);
	rrset.rrs = aname_snapshot_rdataset(snapshot);
	const aname_content_t content = { .signer = 1, .rrset = &rrset };
	uint64_t hash = aname_store_hash(&hash_key, &content);
	const aname_signed_t *signed_set = aname_store_find(signing.store, &content, hash, 1);
	if (signed_set == NULL) {
		const knot_rdataset_t itself = { 0 };
		const aname_validity_t validity = { .inception = random_below(random, 100),
			                            .expiration = 1000 };
		aname_signed_t *made =
		        aname_signed_new(&content, hash, &itself, &rrset.rrs, &validity);
		CHECK(made != NULL);
		pthread_mutex_lock(&signing.lock);
		aname_store_put(signing.store, made, signing.bin, 500);
		(void)aname_bin_reclaim(signing.bin);
		pthread_mutex_unlock(&signing.lock);
		signed_set = made;
	}
	check(signed_set, &rrset);
}

static void *run_store(void *arg)
{
	unsigned worker = (unsigned)(uintptr_t)arg;
	random_t random = { worker + 1 };
	name_t owner = make_name("example.com.");
	for (unsigned i = 0; i < ROUNDS; i++) {
		aname_epoch_enter(signing.epoch, worker);
		serve(&random, &owner);
		aname_epoch_leave(signing.epoch, worker);
	}
	return NULL;
}

static void run_all(void *(*run)(void *))
{
	pthread_t threads[WORKERS];
	for (unsigned i = 0; i < WORKERS; i++) {
		CHECK(pthread_create(&threads[i], NULL, run, (void *)(uintptr_t)i) == 0);
	}
	for (unsigned i = 0; i < WORKERS; i++) {
		pthread_join(threads[i], NULL);
	}
}

static void found_whole_or_not_at_all(void **state)
{
	signing.epoch = aname_epoch_new();
	signing.bin = aname_bin_new(signing.epoch);
	signing.store = aname_store_new(ANAME_STORE_GROUPS);
	assert_true(signing.epoch != NULL && signing.bin != NULL && signing.store != NULL);
	for (unsigned i = 0; i < CONTENTS; i++) {
		signing.snapshots[i] = make_snapshot(4, i * 64, 1 + i % 32, 0);
	}
	run_all(run_store);
	assert_int_equal(aname_bin_reclaim(signing.bin), 0);
	aname_store_free(signing.store);
	aname_bin_free(signing.bin);
	aname_epoch_free(signing.epoch);
	for (unsigned i = 0; i < CONTENTS; i++) {
		free(signing.snapshots[i]);
	}
}

/* Keys. */

static aname_secrets_t *secrets;
static const char *directories;
static dnssec_binary_t keys[KEYS];
static _Atomic bool stop;
static _Atomic int64_t now_ms;

/*! Like key_reader's thread: takes, reads, puts, and forgets. */
static void *run_reader(void *arg)
{
	while (!atomic_load(&stop)) {
		aname_secret_t *secret = aname_secrets_take(secrets);
		if (secret != NULL) {
			aname_secret_found_t found;
			aname_key_read(secret, &found);
			CHECK(found.key != NULL);
			aname_secrets_put(secrets, secret, &found, atomic_load(&now_ms));
		}
		/* Time flies, so that keys are forgotten all the time. */
		atomic_fetch_add(&now_ms, ANAME_SECRET_LINGER_MS / 2);
		aname_secrets_sweep(secrets, atomic_load(&now_ms));
	}
	return NULL;
}

static void sign_with(aname_secret_t *secret)
{
	name_t owner = make_name("example.com.");
	aname_snapshot_t *snapshot = make_snapshot(4, 1, 2, 0);
	knot_rrset_t rrset;
	knot_rrset_init(&rrset, owner.at, KNOT_RRTYPE_A, KNOT_CLASS_IN, 300);
	rrset.rrs = aname_snapshot_rdataset(snapshot);
	const aname_rrsig_signers_t signers = { .zone = owner.at, .count = 1, .keys = &secret };
	const aname_validity_t validity = { .inception = 1, .expiration = 2 };
	knot_rdataset_t rrsigs;
	CHECK(aname_rrsig_make(&rrset, &signers, &validity, &rrsigs) == KNOT_EOK);
	knot_rdataset_clear(&rrsigs, NULL);
	free(snapshot);
}

static void *run_keys(void *arg)
{
	random_t random = { (uintptr_t)arg + 77 };
	unsigned made = 0;
	for (unsigned i = 0; i < KEY_ROUNDS; i++) {
		const dnssec_binary_t *key = &keys[random_below(&random, KEYS)];
		aname_secret_t *secret =
		        aname_secrets_hold(secrets, directories, key->data, key->size);
		CHECK(secret != NULL);
		/* Now and then it is waited for. */
		while (i % 16 == 0 && atomic_load(&secret->state) == ANAME_SECRET_PENDING) {
			sched_yield();
		}
		if (atomic_load_explicit(&secret->state, memory_order_acquire) ==
		    ANAME_SECRET_READY) {
			sign_with(secret);
			made++;
		}
		aname_secrets_release(secrets, secret, atomic_load(&now_ms));
	}
	CHECK(made > 0);
	return NULL;
}

static void keys_come_and_go(void **state)
{
	char *directory = keys_directory();
	for (unsigned i = 0; i < KEYS; i++) {
		keys[i] = keys_make(directory, DNSSEC_KEY_ALGORITHM_ED25519, 256);
	}
	secrets = aname_secrets_new(NULL, NULL);
	assert_non_null(secrets);
	directories = aname_secrets_directories(secrets, directory);
	assert_non_null(directories);

	pthread_t reader;
	CHECK(pthread_create(&reader, NULL, run_reader, NULL) == 0);
	run_all(run_keys);
	atomic_store(&stop, true);
	pthread_join(reader, NULL);

	aname_secrets_free(secrets);
	for (unsigned i = 0; i < KEYS; i++) {
		dnssec_binary_free(&keys[i]);
	}
	keys_remove(directory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PROVES("a signature is found whole or not at all, however many make them",
		       found_whole_or_not_at_all),
		PROVES("a key that is held is not forgotten, one that is READY signs",
		       keys_come_and_go),
	};
	return RUN_TESTS("signing", tests);
}
