#include "support/test.h"

#include "service/key_file.h"
#include "support/alloc.h"
#include "support/keys.h"

static unsigned woken;

static void wake(void *ctx)
{
	woken++;
}

static aname_secrets_t *new_secrets(void)
{
	woken = 0;
	aname_secrets_t *secrets = aname_secrets_new(wake, NULL);
	assert_non_null(secrets);
	return secrets;
}

static const char *directories(aname_secrets_t *secrets, const char *text)
{
	const char *kept = aname_secrets_directories(secrets, text);
	assert_non_null(kept);
	assert_string_equal(kept, text);
	return kept;
}

/*! RDATA number `n`, which need not be a key. */
static const uint8_t *rdata(uint32_t n)
{
	static uint8_t octets[36];
	memset(octets, 1, sizeof(octets));
	memcpy(octets + 32, &n, sizeof(n));
	return octets;
}

static aname_secret_t *hold(aname_secrets_t *secrets, uint32_t n)
{
	aname_secret_t *secret =
	        aname_secrets_hold(secrets, directories(secrets, "/keys"), rdata(n), 36);
	assert_non_null(secret);
	return secret;
}

static void not_read(aname_secrets_t *secrets, aname_secret_t *secret, int64_t now_ms)
{
	const aname_secret_found_t found = { .error = DNSSEC_ENOENT, .id = "0123" };
	assert_ptr_equal(aname_secrets_take(secrets), secret);
	aname_secrets_put(secrets, secret, &found, now_ms);
}

static void asked_for_once(void **state)
{
	aname_secrets_t *secrets = new_secrets();
	assert_null(aname_secrets_take(secrets));
	aname_secret_t *one = hold(secrets, 1), *two = hold(secrets, 2);
	assert_ptr_equal(hold(secrets, 1), one);
	assert_ptr_not_equal(one, two);
	/* The same key elsewhere is another one. */
	assert_ptr_not_equal(
	        aname_secrets_hold(secrets, directories(secrets, "/other"), rdata(1), 36), one);
	assert_int_equal(woken, 3);
	assert_int_equal(atomic_load(&one->state), ANAME_SECRET_PENDING);
	assert_ptr_equal(aname_secrets_take(secrets), one);
	assert_ptr_equal(aname_secrets_take(secrets), two);
	assert_non_null(aname_secrets_take(secrets));
	assert_null(aname_secrets_take(secrets));
	assert_int_equal(aname_secrets_count(secrets), 3);
	aname_secrets_free(secrets);
}

static void directories_kept_once(void **state)
{
	aname_secrets_t *secrets = new_secrets();
	const char *one = directories(secrets, "/a\n/b"), *other = directories(secrets, "/a");
	char again[] = "/a\n/b";
	assert_ptr_equal(directories(secrets, again), one);
	assert_ptr_not_equal(one, other);
	aname_secrets_free(secrets);
}

static void retried_with_pauses(void **state)
{
	aname_secrets_t *secrets = new_secrets();
	aname_secret_t *secret = hold(secrets, 1);
	static const int64_t pauses[] = { 1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000 };
	int64_t now_ms = 5;
	for (size_t i = 0; i < COUNT_OF(pauses); i++) {
		not_read(secrets, secret, now_ms);
		assert_int_equal(atomic_load(&secret->state), ANAME_SECRET_FAILED);
		assert_int_equal(atomic_load(&secret->error), DNSSEC_ENOENT);
		assert_string_equal(secret->id, "0123");
		aname_secrets_retry(secrets, secret, now_ms + pauses[i] - 1);
		assert_null(aname_secrets_take(secrets));
		now_ms += pauses[i];
		aname_secrets_retry(secrets, secret, now_ms);
		aname_secrets_retry(secrets, secret, now_ms); /* Asked for once. */
	}
	assert_int_equal(woken, 1 + COUNT_OF(pauses));
	aname_secrets_free(secrets);
}

static void lingers(void **state)
{
	aname_secrets_t *secrets = new_secrets();
	aname_secret_t *secret = hold(secrets, 1);
	assert_ptr_equal(hold(secrets, 1), secret);
	not_read(secrets, secret, 0);
	aname_secrets_release(secrets, secret, 10);
	aname_secrets_sweep(secrets, 10 + 2 * ANAME_SECRET_LINGER_MS);
	assert_int_equal(aname_secrets_count(secrets), 1); /* Still held. */
	aname_secrets_release(secrets, secret, 20);
	aname_secrets_sweep(secrets, 19 + ANAME_SECRET_LINGER_MS);
	assert_ptr_equal(hold(secrets, 1), secret); /* As after a reload. */
	aname_secrets_release(secrets, secret, 30);
	aname_secrets_sweep(secrets, 30 + ANAME_SECRET_LINGER_MS);
	assert_int_equal(aname_secrets_count(secrets), 0);
	aname_secrets_free(secrets);
}

static void held_while_read(void **state)
{
	aname_secrets_t *secrets = new_secrets();
	aname_secret_t *secret = hold(secrets, 1);
	aname_secrets_release(secrets, secret, 0);
	aname_secrets_sweep(secrets, 2 * ANAME_SECRET_LINGER_MS);
	assert_int_equal(aname_secrets_count(secrets), 1); /* It stands in line. */
	assert_ptr_equal(aname_secrets_take(secrets), secret);
	aname_secrets_sweep(secrets, 2 * ANAME_SECRET_LINGER_MS);
	assert_int_equal(aname_secrets_count(secrets), 1);
	const aname_secret_found_t found = { .error = DNSSEC_ENOENT };
	aname_secrets_put(secrets, secret, &found, 100);
	aname_secrets_sweep(secrets, 100 + ANAME_SECRET_LINGER_MS);
	assert_int_equal(aname_secrets_count(secrets), 0);
	aname_secrets_free(secrets);
}

static void many(void **state)
{
	aname_secrets_t *secrets = new_secrets();
	for (uint32_t n = 0; n < 20000; n++) {
		hold(secrets, n);
	}
	assert_int_equal(aname_secrets_count(secrets), 20000);
	for (uint32_t n = 0; n < 20000; n++) {
		aname_secret_t *secret = hold(secrets, n);
		assert_memory_equal(secret->rdata, rdata(n), 36);
		assert_ptr_equal(aname_secrets_take(secrets), secret);
	}
	assert_int_equal(woken, 20000);
	aname_secrets_free(secrets);
}

/* Reading. */

static void read_from_the_store(void **state)
{
	static const struct {
		dnssec_key_algorithm_t algorithm;
		unsigned bits;
	} rows[] = {
		{ DNSSEC_KEY_ALGORITHM_RSA_SHA256, 2048 },
		{ DNSSEC_KEY_ALGORITHM_ECDSA_P256_SHA256, 256 },
		{ DNSSEC_KEY_ALGORITHM_ED25519, 256 },
	};
	aname_secrets_t *secrets = new_secrets();
	char *one = keys_directory(), *other = keys_directory();
	char both[256];
	(void)snprintf(both, sizeof(both), "%s\n/nowhere\n%s", one, other);
	for (size_t i = 0; i < COUNT_OF(rows) * 2; i++) {
		dnssec_binary_t key = keys_make(i % 2 == 0 ? one : other, rows[i / 2].algorithm,
		                                rows[i / 2].bits);
		aname_secret_t *secret =
		        aname_secrets_hold(secrets, directories(secrets, both), key.data, key.size);
		aname_secret_found_t found;
		assert_ptr_equal(aname_secrets_take(secrets), secret);
		aname_key_read(secret, &found);
		assert_int_equal(found.error, DNSSEC_EOK);
		assert_int_equal(strlen(found.id), ANAME_SECRET_ID_SIZE - 1);
		assert_true(dnssec_key_can_sign(found.key));
		aname_secrets_put(secrets, secret, &found, 0);
		assert_int_equal(atomic_load(&secret->state), ANAME_SECRET_READY);
		dnssec_binary_free(&key);
	}
	aname_secrets_free(secrets);
	keys_remove(one);
	keys_remove(other);
}

static void read_behind_another_key(void **state)
{
	/* D1: in the first directory the file of that name has another key. */
	aname_secrets_t *secrets = new_secrets();
	char *one = keys_directory(), *other = keys_directory(), both[256], command[600];
	(void)snprintf(both, sizeof(both), "%s\n%s", one, other);
	dnssec_binary_t key = keys_make(other, DNSSEC_KEY_ALGORITHM_ED25519, 256);
	dnssec_binary_t wrong = keys_make(one, DNSSEC_KEY_ALGORITHM_ED25519, 256);
	(void)snprintf(command, sizeof(command), "mv %s/* %s/$(basename %s/*)", one, one, other);
	assert_int_equal(system(command), 0); // NOLINT(cert-env33-c)
	aname_secret_t *secret =
	        aname_secrets_hold(secrets, directories(secrets, both), key.data, key.size);
	aname_secret_found_t found;
	aname_key_read(secret, &found);
	assert_int_equal(found.error, DNSSEC_EOK);
	assert_true(dnssec_key_can_sign(found.key));
	dnssec_key_free(found.key);
	dnssec_binary_free(&key);
	dnssec_binary_free(&wrong);
	aname_secrets_free(secrets);
	keys_remove(one);
	keys_remove(other);
}

static int error_of(const char *text, const dnssec_binary_t *key)
{
	aname_secrets_t *secrets = new_secrets();
	aname_secret_t *secret =
	        aname_secrets_hold(secrets, directories(secrets, text), key->data, key->size);
	aname_secret_found_t found;
	aname_key_read(secret, &found);
	assert_null(found.key);
	aname_secrets_free(secrets);
	return found.error;
}

static void what_cannot_be_read(void **state)
{
	char *directory = keys_directory(), *empty = keys_directory();
	dnssec_binary_t key = keys_make(directory, DNSSEC_KEY_ALGORITHM_ED25519, 256);
	dnssec_binary_t other = keys_make(empty, DNSSEC_KEY_ALGORITHM_ED25519, 256);
	assert_int_equal(error_of(empty, &key), DNSSEC_ENOENT);
	assert_int_equal(error_of("/nowhere", &key), DNSSEC_NOT_FOUND);

	/* Another key, or none, in the file of this one. */
	char command[600];
	(void)snprintf(command, sizeof(command), "for f in %s/*; do cat %s/* > \"$f\"; done",
	               directory, empty);
	assert_int_equal(system(command), 0); // NOLINT(cert-env33-c)
	assert_int_not_equal(error_of(directory, &key), DNSSEC_EOK);
	(void)snprintf(command, sizeof(command), "for f in %s/*; do echo x > \"$f\"; done",
	               directory);
	assert_int_equal(system(command), 0); // NOLINT(cert-env33-c)
	assert_int_not_equal(error_of(directory, &key), DNSSEC_EOK);

	/* Not a key at all. */
	const dnssec_binary_t garbage = { .data = (uint8_t *)"\x01\x00\x03\xff"
		                                             "abcd",
		                          .size = 8 };
	assert_int_not_equal(error_of(directory, &garbage), DNSSEC_EOK);
	dnssec_binary_free(&key);
	dnssec_binary_free(&other);
	keys_remove(directory);
	keys_remove(empty);
}

/* Failing allocations. */

static bool attempt_new(void *ctx)
{
	aname_secrets_t *secrets = aname_secrets_new(NULL, NULL);
	aname_secrets_free(secrets);
	return secrets != NULL;
}

static bool attempt_hold(void *ctx)
{
	aname_secrets_t *secrets = aname_secrets_new(NULL, NULL);
	const char *kept = secrets != NULL ? aname_secrets_directories(secrets, "/a") : NULL;
	bool held = kept != NULL && aname_secrets_hold(secrets, kept, rdata(1), 36) != NULL;
	aname_secrets_free(secrets);
	return held;
}

static void no_memory(void **state)
{
	assert_int_equal(alloc_fail_each(attempt_new, NULL), 2);
	assert_int_equal(alloc_fail_each(attempt_hold, NULL), 4);
}

static void no_memory_for_buckets(void **state)
{
	aname_secrets_t *secrets = new_secrets();
	for (uint32_t n = 0; n < 16; n++) {
		hold(secrets, n);
	}
	alloc_fail_at(2); /* The secret itself, then twice the buckets. */
	assert_non_null(hold(secrets, 16));
	assert_true(alloc_failed());
	for (uint32_t n = 0; n < 100; n++) {
		hold(secrets, n);
	}
	assert_int_equal(aname_secrets_count(secrets), 100);
	aname_secrets_free(secrets);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PROVES("each key is asked for once, in order", asked_for_once),
		PROVES("equal lists of directories are kept once", directories_kept_once),
		PROVES("what cannot be read is tried again with longer pauses",
		       retried_with_pauses),
		PROVES("T4: what nobody holds stays for a while", lingers),
		PROVES("what is being read is not forgotten", held_while_read),
		PROVES("20,000 keys are told apart", many),
		PROVES("D1: keys are read from each directory listed", read_from_the_store),
		PROVES("D1: a key that belongs to another record hides none",
		       read_behind_another_key),
		PROVES("D4: what cannot be read says why", what_cannot_be_read),
		PROVES("out of memory: nothing held, nothing leaked", no_memory),
		PROVES("out of memory: the table stays as small as it is", no_memory_for_buckets),
	};
	return RUN_TESTS("secrets", tests);
}
