#include "table/secrets.h"

#include <stdlib.h>
#include <string.h>

#define BUCKETS_MIN 16

typedef struct directories {
	struct directories *next;
	char text[];
} directories_t;

struct aname_secrets {
	pthread_mutex_t lock;
	aname_secrets_wake_f wake;
	void *wake_ctx;
	aname_secret_t **buckets;
	size_t buckets_count; /*!< A power of two. */
	size_t count;
	uint64_t changes;
	aname_secret_t *queue, **queue_end;
	directories_t *directories;
};

aname_secrets_t *aname_secrets_new(aname_secrets_wake_f wake, void *ctx)
{
	aname_secrets_t *secrets = calloc(1, sizeof(*secrets));
	if (secrets == NULL) {
		return NULL;
	}
	secrets->buckets = calloc(BUCKETS_MIN, sizeof(*secrets->buckets));
	if (secrets->buckets == NULL) {
		free(secrets);
		return NULL;
	}
	pthread_mutex_init(&secrets->lock, NULL);
	secrets->buckets_count = BUCKETS_MIN;
	secrets->wake = wake;
	secrets->wake_ctx = ctx;
	secrets->queue_end = &secrets->queue;
	return secrets;
}

static void secret_free(aname_secret_t *secret)
{
	dnssec_key_free(secret->key);
	free(secret);
}

void aname_secrets_free(aname_secrets_t *secrets)
{
	if (secrets == NULL) {
		return;
	}
	for (size_t i = 0; i < secrets->buckets_count; i++) {
		while (secrets->buckets[i] != NULL) {
			aname_secret_t *next = secrets->buckets[i]->next;
			secret_free(secrets->buckets[i]);
			secrets->buckets[i] = next;
		}
	}
	while (secrets->directories != NULL) {
		directories_t *next = secrets->directories->next;
		free(secrets->directories);
		secrets->directories = next;
	}
	pthread_mutex_destroy(&secrets->lock);
	free(secrets->buckets);
	free(secrets);
}

static const char *keep_directories(aname_secrets_t *secrets, const char *text)
{
	for (directories_t *known = secrets->directories; known != NULL; known = known->next) {
		if (strcmp(known->text, text) == 0) {
			return known->text;
		}
	}
	size_t size = strlen(text) + 1;
	directories_t *added = malloc(sizeof(*added) + size);
	if (added == NULL) {
		return NULL;
	}
	memcpy(added->text, text, size);
	added->next = secrets->directories;
	secrets->directories = added;
	return added->text;
}

const char *aname_secrets_directories(aname_secrets_t *secrets, const char *text)
{
	pthread_mutex_lock(&secrets->lock);
	const char *kept = keep_directories(secrets, text);
	pthread_mutex_unlock(&secrets->lock);
	return kept;
}

/*! Public keys are random enough: their last octets tell them apart. */
static uint64_t hash_of(const uint8_t *rdata, uint16_t len)
{
	uint64_t hash = 0;
	size_t used = len < sizeof(hash) ? len : sizeof(hash);
	memcpy(&hash, rdata + len - used, used);
	return hash * 0x9e3779b97f4a7c15 >> 16;
}

static aname_secret_t **bucket_of(aname_secrets_t *secrets, uint64_t hash)
{
	return &secrets->buckets[hash & (secrets->buckets_count - 1)];
}

/*! Twice the buckets, if there is memory; without, the chains get longer. */
static void grow(aname_secrets_t *secrets)
{
	aname_secret_t **old = secrets->buckets;
	size_t old_count = secrets->buckets_count;
	aname_secret_t **buckets = calloc(old_count * 2, sizeof(*buckets));
	if (buckets == NULL) {
		return;
	}
	secrets->buckets = buckets;
	secrets->buckets_count = old_count * 2;
	for (size_t i = 0; i < old_count; i++) {
		while (old[i] != NULL) {
			aname_secret_t *secret = old[i];
			old[i] = secret->next;
			aname_secret_t **bucket = bucket_of(secrets, secret->hash);
			secret->next = *bucket;
			*bucket = secret;
		}
	}
	free(old);
}

static aname_secret_t *find(aname_secrets_t *secrets, const char *directories, const uint8_t *rdata,
                            uint16_t len, uint64_t hash)
{
	for (aname_secret_t *secret = *bucket_of(secrets, hash); secret != NULL;
	     secret = secret->next) {
		if (secret->hash == hash && secret->rdata_len == len &&
		    secret->directories == directories && memcmp(secret->rdata, rdata, len) == 0) {
			return secret;
		}
	}
	return NULL;
}

static aname_secret_t *add(aname_secrets_t *secrets, const char *directories, const uint8_t *rdata,
                           uint16_t len, uint64_t hash)
{
	aname_secret_t *secret = calloc(1, sizeof(*secret) + len);
	if (secret == NULL) {
		return NULL;
	}
	secret->directories = directories;
	secret->hash = hash;
	secret->rdata_len = len;
	memcpy(secret->rdata, rdata, len);

	if (secrets->count == secrets->buckets_count) {
		grow(secrets);
	}
	aname_secret_t **bucket = bucket_of(secrets, hash);
	secret->next = *bucket;
	*bucket = secret;
	secrets->count++;
	secrets->changes++;
	return secret;
}

/*! Puts a key into the queue of those to be read, once. */
static void enqueue(aname_secrets_t *secrets, aname_secret_t *secret)
{
	if (secret->queued) {
		return;
	}
	secret->queued = true;
	secret->queue_next = NULL;
	*secrets->queue_end = secret;
	secrets->queue_end = &secret->queue_next;
	secret->holders++; /* The reader's. */
	if (secrets->wake != NULL) {
		secrets->wake(secrets->wake_ctx);
	}
}

aname_secret_t *aname_secrets_hold(aname_secrets_t *secrets, const char *directories,
                                   const uint8_t *rdata, uint16_t len)
{
	uint64_t hash = hash_of(rdata, len);
	pthread_mutex_lock(&secrets->lock);
	aname_secret_t *secret = find(secrets, directories, rdata, len, hash);
	if (secret == NULL) {
		secret = add(secrets, directories, rdata, len, hash);
		if (secret != NULL) {
			enqueue(secrets, secret);
		}
	}
	if (secret != NULL) {
		secret->holders++;
	}
	pthread_mutex_unlock(&secrets->lock);
	return secret;
}

static void let_go(aname_secret_t *secret, int64_t now_ms)
{
	secret->holders--;
	secret->left_ms = now_ms;
}

void aname_secrets_release(aname_secrets_t *secrets, aname_secret_t *secret, int64_t now_ms)
{
	pthread_mutex_lock(&secrets->lock);
	let_go(secret, now_ms);
	pthread_mutex_unlock(&secrets->lock);
}

void aname_secrets_retry(aname_secrets_t *secrets, aname_secret_t *secret, int64_t now_ms)
{
	if (atomic_load(&secret->state) != ANAME_SECRET_FAILED ||
	    atomic_load_explicit(&secret->retry_ms, memory_order_relaxed) > now_ms) {
		return;
	}
	pthread_mutex_lock(&secrets->lock);
	/* It may have been read since: what is READY does not change. */
	if (atomic_load(&secret->state) == ANAME_SECRET_FAILED) {
		enqueue(secrets, secret);
	}
	pthread_mutex_unlock(&secrets->lock);
}

aname_secret_t *aname_secrets_take(aname_secrets_t *secrets)
{
	pthread_mutex_lock(&secrets->lock);
	aname_secret_t *secret = secrets->queue;
	if (secret != NULL) {
		secrets->queue = secret->queue_next;
		if (secrets->queue == NULL) {
			secrets->queue_end = &secrets->queue;
		}
	}
	pthread_mutex_unlock(&secrets->lock);
	return secret;
}

static int64_t pause_ms(unsigned failures)
{
	int64_t pause = ANAME_SECRET_RETRY_MIN_MS;
	for (unsigned i = 1; i < failures && pause < ANAME_SECRET_RETRY_MAX_MS; i++) {
		pause *= 2;
	}
	return pause < ANAME_SECRET_RETRY_MAX_MS ? pause : ANAME_SECRET_RETRY_MAX_MS;
}

void aname_secrets_put(aname_secrets_t *secrets, aname_secret_t *secret,
                       const aname_secret_found_t *found, int64_t now_ms)
{
	pthread_mutex_lock(&secrets->lock);
	/* The id depends on the public key alone: it is the same each time. */
	if (secret->id[0] == '\0' && found->id[0] != '\0') {
		memcpy(secret->id, found->id, sizeof(secret->id));
	}
	if (found->key != NULL) {
		secret->key = found->key;
		secret->failures = 0;
		atomic_store(&secret->state, ANAME_SECRET_READY);
	} else {
		secret->failures++;
		atomic_store(&secret->error, found->error);
		atomic_store(&secret->retry_ms, now_ms + pause_ms(secret->failures));
		atomic_store(&secret->state, ANAME_SECRET_FAILED);
	}
	secret->queued = false;
	let_go(secret, now_ms);
	pthread_mutex_unlock(&secrets->lock);
}

static bool is_forgettable(const aname_secret_t *secret, int64_t now_ms)
{
	return secret->holders == 0 && now_ms - secret->left_ms >= ANAME_SECRET_LINGER_MS;
}

void aname_secrets_sweep(aname_secrets_t *secrets, int64_t now_ms)
{
	pthread_mutex_lock(&secrets->lock);
	for (size_t i = 0; i < secrets->buckets_count; i++) {
		aname_secret_t **at = &secrets->buckets[i];
		while (*at != NULL) {
			aname_secret_t *secret = *at;
			if (is_forgettable(secret, now_ms)) {
				*at = secret->next;
				secret_free(secret);
				secrets->count--;
			} else {
				at = &secret->next;
			}
		}
	}
	pthread_mutex_unlock(&secrets->lock);
}

bool aname_secrets_walk(aname_secrets_t *secrets, size_t bucket,
                        void (*visit)(const aname_secret_t *secret, void *ctx), void *ctx)
{
	pthread_mutex_lock(&secrets->lock);
	bool there = bucket < secrets->buckets_count;
	for (const aname_secret_t *secret = there ? secrets->buckets[bucket] : NULL; secret != NULL;
	     secret = secret->next) {
		if (atomic_load(&secret->state) != ANAME_SECRET_FAILED) {
			visit(secret, ctx);
		}
	}
	pthread_mutex_unlock(&secrets->lock);
	return there;
}

uint64_t aname_secrets_changes(aname_secrets_t *secrets)
{
	pthread_mutex_lock(&secrets->lock);
	uint64_t changes = secrets->changes;
	pthread_mutex_unlock(&secrets->lock);
	return changes;
}

size_t aname_secrets_count(aname_secrets_t *secrets)
{
	pthread_mutex_lock(&secrets->lock);
	size_t count = secrets->count;
	pthread_mutex_unlock(&secrets->lock);
	return count;
}
