#include "support/keys.h"

#include "support/test.h"

#include <dirent.h>
#include <unistd.h>

char *keys_directory(void)
{
	char *directory = malloc(DIRECTORY_MAX);
	assert_non_null(directory);
	make_directory(directory);
	return directory;
}

void keys_remove(char *directory)
{
	DIR *dir = opendir(directory);
	assert_non_null(dir);
	for (struct dirent *file = readdir(dir); file != NULL; file = readdir(dir)) {
		char path[300];
		(void)snprintf(path, sizeof(path), "%s/%s", directory, file->d_name);
		(void)unlink(path);
	}
	closedir(dir);
	assert_int_equal(rmdir(directory), 0);
	free(directory);
}

/*! A key pair from a store. */
static dnssec_key_t *make(const char *directory, dnssec_key_algorithm_t algorithm, unsigned bits)
{
	dnssec_keystore_t *store = NULL;
	char *id = NULL;
	dnssec_key_t *key = NULL;
	assert_int_equal(dnssec_keystore_init_pkcs8(&store), DNSSEC_EOK);
	assert_int_equal(dnssec_keystore_open(store, directory), DNSSEC_EOK);
	assert_int_equal(dnssec_keystore_generate(store, algorithm, bits, NULL, &id), DNSSEC_EOK);
	assert_int_equal(dnssec_key_new(&key), DNSSEC_EOK);
	assert_int_equal(dnssec_key_set_algorithm(key, algorithm), DNSSEC_EOK);
	assert_int_equal(dnssec_keystore_get_private(store, id, key), DNSSEC_EOK);
	dnssec_keystore_deinit(store);
	free(id);
	return key;
}

dnssec_binary_t keys_make(const char *directory, dnssec_key_algorithm_t algorithm, unsigned bits)
{
	dnssec_key_t *key = make(directory, algorithm, bits);
	dnssec_binary_t rdata, copy;
	assert_int_equal(dnssec_key_get_rdata(key, &rdata), DNSSEC_EOK);
	assert_int_equal(dnssec_binary_dup(&rdata, &copy), DNSSEC_EOK);
	dnssec_key_free(key);
	return copy;
}

aname_secret_t *keys_ready(dnssec_key_algorithm_t algorithm, unsigned bits)
{
	char *directory = keys_directory();
	aname_secret_t *secret = calloc(1, sizeof(*secret));
	assert_non_null(secret);
	secret->key = make(directory, algorithm, bits);
	atomic_store(&secret->state, ANAME_SECRET_READY);
	keys_remove(directory);
	return secret;
}

void keys_free(aname_secret_t *secret)
{
	dnssec_key_free(secret->key);
	free(secret);
}
