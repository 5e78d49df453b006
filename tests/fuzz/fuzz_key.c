/*!
 * Any octets as a key file, as a DNSKEY record, or as changes of a good one of each. A private key counts
 * only if what it signs is verified with the public one (D1), from whichever directory it is.
 *
 * Files: module/service/key_file.c
 */

#include "fuzz.h"

#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "service/key_file.h"

/*! Bits of the first octet. */
#define FILE_RAW   0x01 /*!< The file is what is left of the input; else a good one, changed. */
#define RDATA_RAW  0x02 /*!< The record is any octets; else the good one, changed. */
#define SECOND     0x04 /*!< In another directory there is a good file. */
#define GIVEN_UP   0x08
#define DIRECTORY  0x10 /*!< In the place of the file there is a directory. */
#define TOO_LARGE  0x20
#define NO_CHANGES 0x40
#define MISSING    0x80

#define FILE_MAX    65536
#define CONTENT_MAX (FILE_MAX + 1)

static char directories[2][64];
static char good_id[ANAME_SECRET_ID_SIZE];
static uint8_t good_rdata[128], good_file[4096];
static size_t good_rdata_len, good_file_len;

static void path_of(char path[PATH_MAX], unsigned directory, const char *id)
{
	(void)snprintf(path, PATH_MAX, "%s/%s.pem", directories[directory], id);
}

static void remove_all(void)
{
	char path[PATH_MAX];
	for (unsigned i = 0; i < 2; i++) {
		path_of(path, i, good_id);
		(void)unlink(path);
		(void)rmdir(directories[i]);
	}
}

static void make_directory(char directory[64])
{
	const char *base = getenv("TMPDIR");
	(void)snprintf(directory, 64, "%.40s/key-XXXXXX", base != NULL ? base : "/tmp");
	require(mkdtemp(directory) != NULL);
}

/*! A good key, in the second directory, for all inputs. */
static void begin(void)
{
	dnssec_keystore_t *store = NULL;
	dnssec_key_t *key = NULL;
	dnssec_binary_t rdata;
	char *id = NULL, path[PATH_MAX];
	make_directory(directories[0]);
	make_directory(directories[1]);
	require(atexit(remove_all) == 0);
	require(dnssec_keystore_init_pkcs8(&store) == DNSSEC_EOK &&
	        dnssec_keystore_open(store, directories[1]) == DNSSEC_EOK &&
	        dnssec_keystore_generate(store, DNSSEC_KEY_ALGORITHM_ECDSA_P256_SHA256, 256, NULL,
	                                 &id) == DNSSEC_EOK);
	require(dnssec_key_new(&key) == DNSSEC_EOK &&
	        dnssec_key_set_algorithm(key, DNSSEC_KEY_ALGORITHM_ECDSA_P256_SHA256) ==
	                DNSSEC_EOK &&
	        dnssec_keystore_get_private(store, id, key) == DNSSEC_EOK &&
	        dnssec_key_get_rdata(key, &rdata) == DNSSEC_EOK);
	good_rdata_len = rdata.size;
	memcpy(good_rdata, rdata.data, rdata.size);
	(void)snprintf(good_id, sizeof(good_id), "%s", id);
	path_of(path, 1, id);
	FILE *file = fopen(path, "rb");
	require(file != NULL);
	good_file_len = fread(good_file, 1, sizeof(good_file), file);
	(void)fclose(file);
	(void)dnssec_keystore_deinit(store);
	dnssec_key_free(key);
	free(id);
}

/*! Changes some octets, or cuts off the rest. False if nothing is changed. */
static bool change(input_t *input, uint8_t *octets, size_t *len)
{
	bool changed = false;
	for (unsigned i = 1 + take_below(input, 4); i > 0; i--) {
		size_t at = take_number(input, 2) % (*len + 1);
		uint8_t octet = take_octet(input);
		if (octet == 0) {
			changed |= *len != at;
			*len = at;
		} else if (at < *len) {
			octets[at] ^= octet;
			changed = true;
		}
	}
	return changed;
}

/*! The identifier of a record, by libdnssec alone; "" if it is none. */
static void id_of(const uint8_t *octets, size_t len, char id[ANAME_SECRET_ID_SIZE])
{
	dnssec_key_t *key = NULL;
	char *text = NULL;
	dnssec_binary_t rdata = { .data = (uint8_t *)octets, .size = len };
	id[0] = '\0';
	require(dnssec_key_new(&key) == DNSSEC_EOK);
	if (dnssec_key_set_rdata(key, &rdata) == DNSSEC_EOK &&
	    dnssec_key_get_keyid(key, &text) == DNSSEC_EOK) {
		(void)snprintf(id, ANAME_SECRET_ID_SIZE, "%s", text);
		free(text);
	}
	dnssec_key_free(key);
}

/*! Does the public key of a record verify what the key signs? */
static bool verifies(const uint8_t *octets, size_t len, const dnssec_key_t *private)
{
	const dnssec_binary_t text = { .data = (uint8_t *)"another text", .size = 12 };
	dnssec_binary_t rdata = { .data = (uint8_t *)octets, .size = len }, signature = { 0 };
	dnssec_key_t *public = NULL;
	dnssec_sign_ctx_t *signs = NULL, *verifier = NULL;
	bool good = dnssec_sign_new(&signs, private) == DNSSEC_EOK &&
	            dnssec_sign_add(signs, &text) == DNSSEC_EOK &&
	            dnssec_sign_write(signs, DNSSEC_SIGN_NORMAL, &signature) == DNSSEC_EOK;
	good = good && dnssec_key_new(&public) == DNSSEC_EOK &&
	       dnssec_key_set_rdata(public, &rdata) == DNSSEC_EOK &&
	       dnssec_sign_new(&verifier, public) == DNSSEC_EOK &&
	       dnssec_sign_add(verifier, &text) == DNSSEC_EOK &&
	       dnssec_sign_verify(verifier, false, &signature) == DNSSEC_EOK;
	dnssec_sign_free(signs);
	dnssec_sign_free(verifier);
	dnssec_key_free(public);
	dnssec_binary_free(&signature);
	return good;
}

static void write_file(const char *path, uint8_t kind, const uint8_t *content, size_t len)
{
	if (kind & MISSING) {
		return;
	}
	if (kind & DIRECTORY) {
		require(mkdir(path, 0700) == 0);
		return;
	}
	FILE *file = fopen(path, "wb");
	require(file != NULL && fwrite(content, 1, len, file) == len && fclose(file) == 0);
}

/*! Takes away what write_file() has made, if there was a name for it. */
static void remove_file(const char *path, uint8_t kind, const char *id)
{
	if (id[0] != '\0') {
		(void)(kind & DIRECTORY ? rmdir(path) : unlink(path));
	}
}

/*! What is good is found, whatever is in the directory before, unless it was given up. */
static void check_found(const aname_secret_found_t *found, uint8_t kind, bool good_record,
                        bool there)
{
	if (kind & GIVEN_UP) {
		require(found->key == NULL);
	} else {
		require(!there || found->key != NULL);
		require(found->key != NULL || good_record || found->error < 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t content[CONTENT_MAX];
	static bool begun;
	input_t input = { data, size };
	if (!begun) {
		begin();
		begun = true;
	}
	uint8_t kind = take_octet(&input), octets[sizeof(good_rdata)];
	bool good_record = true, good_content = false;
	size_t rdata_len = good_rdata_len, len = good_file_len;
	memcpy(octets, good_rdata, good_rdata_len);
	memcpy(content, good_file, good_file_len);
	if (kind & RDATA_RAW) {
		rdata_len = take_below(&input, sizeof(octets));
		take_octets(&input, octets, rdata_len);
		good_record = false;
	} else if (!(kind & NO_CHANGES)) {
		good_record = !change(&input, octets, &rdata_len);
	}
	if (kind & FILE_RAW) {
		len = input.left < FILE_MAX ? input.left : FILE_MAX;
		take_octets(&input, content, len);
	} else if (kind & NO_CHANGES) {
		good_content = true;
	} else {
		good_content = !change(&input, content, &len);
	}
	if (kind & TOO_LARGE) {
		memset(content + len, '\n', CONTENT_MAX - len);
		len = CONTENT_MAX;
	}
	good_content &= !(kind & (TOO_LARGE | DIRECTORY | MISSING));

	char id[ANAME_SECRET_ID_SIZE], path[PATH_MAX], list[140];
	id_of(octets, rdata_len, id);
	if (id[0] != '\0') {
		path_of(path, 0, id);
		write_file(path, kind, content, len);
	}
	(void)snprintf(list, sizeof(list), "%s%s%s", directories[0], kind & SECOND ? "\n" : "",
	               kind & SECOND ? directories[1] : "");
	uint8_t *block = malloc(rdata_len + 1); /* Its end is that of the record. */
	memcpy(block + 1, octets, rdata_len);
	aname_key_progress_t progress = { .given_up = (kind & GIVEN_UP) != 0 };
	const aname_key_source_t source = { list, block + 1, rdata_len, &progress };
	aname_secret_found_t found;
	memset(&found, 0xA5, sizeof(found));
	aname_key_read_from(&source, &found);
	require((found.key != NULL) == (found.error == DNSSEC_EOK));
	require(strcmp(found.id, id) == 0);
	require(found.key == NULL || verifies(octets, rdata_len, found.key));
	bool there = good_record && (good_content || (kind & SECOND));
	check_found(&found, kind, good_record, there);
	dnssec_key_free(found.key);
	remove_file(path, kind, id);
	free(block);
	return 0;
}
