#include "service/key_reader.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "service/threadpool.h"
#include "table/clock.h"

/*! Keys read in one go. */
#define BATCH     64
/*! The same on the service thread. */
#define OWN_BATCH 8

#define SWEEP_MS 60000

/*! Largest key file: RSA of 4096 bits takes 3.3 kB. */
#define KEY_FILE_MAX 65536

struct aname_key_reader {
	aname_shared_t *shared;
	uv_work_t work;
	uv_timer_t timer;
	uv_idle_t idle;   /*!< Reads a batch if there is no pool. */
	unsigned handles; /*!< Not closed yet. */
	bool busy, paused;
	unsigned count;
	aname_secret_t *secrets[BATCH];
	aname_secret_found_t found[BATCH];
};

/*! A DNSKEY as libdnssec has it, and its id. */
static int public_key(const aname_secret_t *secret, aname_secret_found_t *found)
{
	int ret = dnssec_key_new(&found->key);
	if (ret != DNSSEC_EOK) {
		return ret;
	}
	const dnssec_binary_t rdata = { .data = (uint8_t *)secret->rdata,
		                        .size = secret->rdata_len };
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
	int ret = look_at(directory, id);
	if (ret != DNSSEC_EOK) {
		return ret;
	}
	dnssec_keystore_t *store = NULL;
	ret = dnssec_keystore_init_pkcs8(&store);
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

static int search(const aname_secret_t *secret, aname_secret_found_t *found)
{
	char *list = strdup(secret->directories);
	if (list == NULL) {
		return DNSSEC_ENOMEM;
	}
	int ret = DNSSEC_ENOENT;
	char *rest = list;
	for (const char *directory = strsep(&rest, "\n"); directory != NULL && ret != DNSSEC_EOK;
	     directory = strsep(&rest, "\n")) {
		int tried = private_key(directory, found->id, found->key);
		/* Any other error tells more than that the file is not in one of the
		 * directories. */
		ret = tried == DNSSEC_ENOENT ? ret : tried;
	}
	free(list);
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

void aname_key_read(const aname_secret_t *secret, aname_secret_found_t *found)
{
	*found = (aname_secret_found_t){ 0 };
	found->error = public_key(secret, found);
	if (found->error == DNSSEC_EOK) {
		found->error = search(secret, found);
	}
	if (found->error == DNSSEC_EOK) {
		found->error = verify(found->key);
	}
	if (found->error != DNSSEC_EOK) {
		dnssec_key_free(found->key);
		found->key = NULL;
	}
}

/*! In the pool. */
static void read_batch(uv_work_t *work)
{
	aname_key_reader_t *reader = work->data;
	for (unsigned i = 0; i < reader->count; i++) {
		aname_key_read(reader->secrets[i], &reader->found[i]);
	}
}

static void next_batch(aname_key_reader_t *reader);

static void publish_batch(uv_work_t *work, int status)
{
	aname_key_reader_t *reader = work->data;
	int64_t now_ms = aname_clock_ms();
	for (unsigned i = 0; i < reader->count; i++) {
		aname_secrets_put(reader->shared->secrets, reader->secrets[i], &reader->found[i],
		                  now_ms);
	}
	aname_waiters_wake(reader->shared->waiters);
	next_batch(reader);
}

static void on_idle(uv_idle_t *idle)
{
	aname_key_reader_t *reader = idle->data;
	uv_idle_stop(idle);
	read_batch(&reader->work);
	publish_batch(&reader->work, 0);
}

static void next_batch(aname_key_reader_t *reader)
{
	uv_loop_t *loop = reader->timer.loop;
	bool pool = !reader->paused && aname_threadpool_start(loop, false);
	unsigned most = pool ? BATCH : OWN_BATCH;
	reader->count = 0;
	aname_secret_t *secret;
	while (!reader->paused && reader->count < most &&
	       (secret = aname_secrets_take(reader->shared->secrets)) != NULL) {
		reader->secrets[reader->count++] = secret;
	}
	reader->busy = reader->count > 0;
	if (reader->busy &&
	    (!pool || uv_queue_work(loop, &reader->work, read_batch, publish_batch) != 0)) {
		uv_idle_start(&reader->idle, on_idle);
	}
}

static void on_timer(uv_timer_t *timer)
{
	aname_key_reader_t *reader = timer->data;
	aname_secrets_sweep(reader->shared->secrets, aname_clock_ms());
}

aname_key_reader_t *aname_key_reader_new(aname_shared_t *shared, uv_loop_t *loop)
{
	aname_key_reader_t *reader = calloc(1, sizeof(*reader));
	if (reader == NULL || uv_timer_init(loop, &reader->timer) != 0) {
		free(reader);
		return NULL;
	}
	reader->shared = shared;
	reader->work.data = reader;
	reader->timer.data = reader;
	uv_timer_start(&reader->timer, on_timer, SWEEP_MS, SWEEP_MS);
	uv_unref((uv_handle_t *)&reader->timer);
	uv_idle_init(loop, &reader->idle); /* Cannot fail. */
	reader->idle.data = reader;
	reader->handles = 2;
	return reader;
}

static void on_closed(uv_handle_t *handle)
{
	aname_key_reader_t *reader = handle->data;
	if (--reader->handles == 0) {
		free(reader);
	}
}

void aname_key_reader_free(aname_key_reader_t *reader)
{
	if (reader != NULL) {
		uv_close((uv_handle_t *)&reader->timer, on_closed);
		uv_close((uv_handle_t *)&reader->idle, on_closed);
	}
}

void aname_key_reader_wake(aname_key_reader_t *reader)
{
	if (!reader->busy) {
		next_batch(reader);
	}
}

void aname_key_reader_pause(aname_key_reader_t *reader)
{
	reader->paused = true;
}

void aname_key_reader_resume(aname_key_reader_t *reader)
{
	reader->paused = false;
	aname_key_reader_wake(reader);
}

bool aname_key_reader_busy(const aname_key_reader_t *reader)
{
	return reader->busy;
}
