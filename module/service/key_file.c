#include "service/key_file.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/*! Largest key file: RSA of 4096 bits takes 3.3 kB. */
#define KEY_FILE_MAX 65536

/*! A DNSKEY as libdnssec has it, and its id. */
static int public_key(const aname_key_source_t *source, aname_secret_found_t *found)
{
	int ret = dnssec_key_new(&found->key);
	if (ret != DNSSEC_EOK) {
		return ret;
	}
	const dnssec_binary_t rdata = { .data = (uint8_t *)source->rdata,
		                        .size = source->rdata_len };
	char *id = NULL;
	ret = dnssec_key_set_rdata(found->key, &rdata);
	if (ret == DNSSEC_EOK) {
		ret = dnssec_key_get_keyid(found->key, &id);
	}
	if (ret == DNSSEC_EOK) {
		(void)snprintf(found->id, sizeof(found->id), "%s", id);
		free(id);
	}
	return ret;
}

/*! Is it a file that can be read without waiting for anybody? 0: there is none. */
static int look_at(const char *directory, const char *id)
{
	char path[PATH_MAX];
	struct stat st;
	int len = snprintf(path, sizeof(path), "%s/%s.pem", directory, id);
	if (len < 0 || (size_t)len >= sizeof(path) || stat(path, &st) != 0) {
		return DNSSEC_EOK; /* libdnssec says what is wrong. */
	}
	return S_ISREG(st.st_mode) && st.st_size <= KEY_FILE_MAX ? DNSSEC_EOK
	                                                         : DNSSEC_INVALID_PRIVATE_KEY;
}

/*! The key store in one directory; `key` gets its private part from there. */
static int private_key(const char *directory, const char *id, dnssec_key_t *key)
{
	dnssec_keystore_t *store = NULL;
	int ret = dnssec_keystore_init_pkcs8(&store);
	if (ret != DNSSEC_EOK) {
		return ret;
	}
	ret = dnssec_keystore_open(store, directory);
	if (ret == DNSSEC_EOK) {
		ret = dnssec_keystore_get_private(store, id, key);
	}
	(void)dnssec_keystore_deinit(store);
	return ret;
}

/*! Does the private part belong to the public one? libdnssec does not look. */
static int verify(const dnssec_key_t *key)
{
	const dnssec_binary_t text = { .data = (uint8_t *)"mod-aname", .size = 9 };
	dnssec_binary_t signature = { 0 };
	dnssec_sign_ctx_t *ctx = NULL;
	int ret = dnssec_sign_new(&ctx, key);
	if (ret == DNSSEC_EOK) {
		ret = dnssec_sign_add(ctx, &text);
	}
	if (ret == DNSSEC_EOK) {
		ret = dnssec_sign_write(ctx, DNSSEC_SIGN_NORMAL, &signature);
	}
	if (ret == DNSSEC_EOK) {
		ret = dnssec_sign_init(ctx);
	}
	if (ret == DNSSEC_EOK) {
		ret = dnssec_sign_add(ctx, &text);
	}
	if (ret == DNSSEC_EOK && dnssec_sign_verify(ctx, false, &signature) != DNSSEC_EOK) {
		ret = DNSSEC_INVALID_PRIVATE_KEY;
	}
	dnssec_binary_free(&signature);
	dnssec_sign_free(ctx);
	return ret;
}

/*! Takes the private part from one directory, if it belongs to the public one. Where it does not the key
 *  is made anew, without one, since the next directory may have the right one. */
static int take_private(const aname_key_source_t *source, const char *directory,
                        aname_secret_found_t *found)
{
	int ret = private_key(directory, found->id, found->key);
	if (ret != DNSSEC_EOK) {
		return ret;
	}
	ret = verify(found->key);
	if (ret == DNSSEC_EOK) {
		return ret;
	}
	dnssec_key_free(found->key);
	found->key = NULL;
	int again = public_key(source, found);
	return again == DNSSEC_EOK ? ret : again;
}

/*! Notes where it is looked for; false if nobody waits for it any more. */
static bool go_on(const aname_key_source_t *source, const char *directory)
{
	aname_key_progress_t *progress = source->progress;
	if (progress == NULL) {
		return true;
	}
	atomic_store(&progress->directory, directory);
	return !atomic_load(&progress->given_up);
}

static int search(const aname_key_source_t *source, aname_secret_found_t *found)
{
	int ret = DNSSEC_ENOENT;
	for (const char *at = source->directories;
	     *at != '\0' && ret != DNSSEC_EOK && found->key != NULL;) {
		char directory[PATH_MAX];
		size_t len = strcspn(at, "\n");
		(void)snprintf(directory, sizeof(directory), "%.*s", (int)len, at);
		int tried = go_on(source, at) ? look_at(directory, found->id) : -ECANCELED;
		if (tried == DNSSEC_EOK) {
			/* That the file can be looked at may have taken long. */
			tried = go_on(source, at) ? take_private(source, directory, found)
			                          : -ECANCELED;
		}
		/* Any other error tells more than that the file is not in one of the
		 * directories. */
		ret = tried == DNSSEC_ENOENT ? ret : tried;
		at += len + (at[len] == '\n');
	}
	return ret;
}

void aname_key_read_from(const aname_key_source_t *source, aname_secret_found_t *found)
{
	*found = (aname_secret_found_t){ 0 };
	found->error = public_key(source, found);
	if (found->error == DNSSEC_EOK) {
		found->error = search(source, found);
	}
	if (found->error != DNSSEC_EOK) {
		dnssec_key_free(found->key);
		found->key = NULL;
	}
}

static aname_key_source_t source_of(const aname_secret_t *secret)
{
	return (aname_key_source_t){ .directories = secret->directories,
		                     .rdata = secret->rdata,
		                     .rdata_len = secret->rdata_len };
}

void aname_key_read(const aname_secret_t *secret, aname_secret_found_t *found)
{
	const aname_key_source_t source = source_of(secret);
	aname_key_read_from(&source, found);
}

void aname_key_fail(const aname_secret_t *secret, int error, aname_secret_found_t *found)
{
	const aname_key_source_t source = source_of(secret);
	*found = (aname_secret_found_t){ 0 };
	if (secret->id[0] == '\0') {
		(void)public_key(&source, found);
		dnssec_key_free(found->key);
		found->key = NULL;
	}
	found->error = error;
}
