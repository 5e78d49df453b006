/*!
 * Any octets as zones that come and go, and a reader that finds their keys or does not. Who holds what,
 * what is to be read and when it is tried again have to be what a plain list makes of it.
 *
 * Files: module/table/secrets.c
 */

#include "fuzz.h"

#include "table/secrets.h"

/*! Many, so that the table grows. */
#define KEYS        80
#define HOLDERS_MAX 200

/*! What should be known of a key. */
typedef struct {
	bool is, queued;
	aname_secret_t *secret;
	unsigned holders, failures;
	aname_secret_state_t state;
	int64_t left_ms, retry_ms;
} plain_t;

typedef struct {
	aname_secrets_t *secrets;
	const char *directories[2];
	plain_t keys[KEYS];
	unsigned queue[KEYS], queued; /*!< That are to be read. */
	unsigned reading[KEYS], read; /*!< That the reader has. */
	unsigned woken;
	size_t count;
	uint64_t changes;
	int64_t now_ms;
} case_t;

static void wake(void *ctx)
{
	((case_t *)ctx)->woken++;
}

/*! Records that end alike, and some in two directories. */
static uint16_t rdata_of(unsigned number, uint8_t rdata[12])
{
	memset(rdata, 7, 12);
	rdata[0] = number / 2;
	rdata[11] = number / 4;
	return number % 4 < 2 ? 12 : 11;
}

static void enqueue(case_t *is, unsigned number)
{
	plain_t *key = &is->keys[number];
	key->queued = true;
	key->holders++;
	is->queue[is->queued++] = number;
}

static void hold(case_t *is, unsigned number)
{
	plain_t *key = &is->keys[number];
	uint8_t rdata[12];
	uint16_t len = rdata_of(number, rdata);
	if (key->holders >= HOLDERS_MAX) {
		return;
	}
	unsigned woken = is->woken;
	aname_secret_t *secret =
	        aname_secrets_hold(is->secrets, is->directories[number % 2], rdata, len);
	require(secret != NULL && (!key->is || secret == key->secret));
	require(is->woken == woken + !key->is);
	if (!key->is) {
		*key = (plain_t){ .is = true, .secret = secret };
		is->count++;
		is->changes++;
		enqueue(is, number);
	}
	key->holders++;
}

static void release(case_t *is, unsigned number)
{
	plain_t *key = &is->keys[number];
	/* One of them is the reader's, while it waits to be read or is read. */
	if (key->is && key->holders > key->queued) {
		aname_secrets_release(is->secrets, key->secret, is->now_ms);
		key->holders--;
		key->left_ms = is->now_ms;
	}
}

static void retry(case_t *is, unsigned number)
{
	plain_t *key = &is->keys[number];
	if (!key->is || key->holders == 0) {
		return;
	}
	unsigned woken = is->woken;
	bool due = key->state == ANAME_SECRET_FAILED && key->retry_ms <= is->now_ms && !key->queued;
	aname_secrets_retry(is->secrets, key->secret, is->now_ms);
	require(is->woken == woken + due);
	if (due) {
		enqueue(is, number);
	}
}

/*! The reader takes the first one that waits. */
static void take(case_t *is)
{
	aname_secret_t *secret = aname_secrets_take(is->secrets);
	require((secret != NULL) == (is->queued > 0));
	if (secret != NULL) {
		unsigned number = is->queue[0];
		require(secret == is->keys[number].secret);
		is->queued--;
		memmove(is->queue, is->queue + 1, is->queued * sizeof(is->queue[0]));
		is->reading[is->read++] = number;
	}
}

/*! And is done with one of those it has. */
static void put(case_t *is, unsigned chosen, bool good)
{
	if (is->read == 0) {
		return;
	}
	unsigned at = chosen % is->read, number = is->reading[at];
	is->reading[at] = is->reading[--is->read];
	plain_t *key = &is->keys[number];
	aname_secret_found_t found = { .error = -5, .id = "an id" };
	if (good) {
		require(dnssec_key_new(&found.key) == DNSSEC_EOK);
	}
	aname_secrets_put(is->secrets, key->secret, &found, is->now_ms);
	key->queued = false;
	key->holders--;
	key->left_ms = is->now_ms;
	key->state = good ? ANAME_SECRET_READY : ANAME_SECRET_FAILED;
	key->failures = good ? 0 : key->failures + 1;
	int64_t pause_ms = 1000;
	for (unsigned i = 1; i < key->failures && i < 10; i++) {
		pause_ms *= 2;
	}
	key->retry_ms = is->now_ms + (pause_ms < 60000 ? pause_ms : 60000);
}

static void sweep(case_t *is)
{
	aname_secrets_sweep(is->secrets, is->now_ms);
	for (unsigned i = 0; i < KEYS; i++) {
		plain_t *key = &is->keys[i];
		if (key->is && key->holders == 0 &&
		    is->now_ms - key->left_ms >= ANAME_SECRET_LINGER_MS) {
			*key = (plain_t){ .is = false };
			is->count--;
		}
	}
}

static void count_good(const aname_secret_t *secret, void *ctx)
{
	require(atomic_load(&secret->state) != ANAME_SECRET_FAILED);
	++*(size_t *)ctx;
}

static void check(const case_t *is)
{
	size_t good = 0, expected = 0;
	for (size_t bucket = 0; aname_secrets_walk(is->secrets, bucket, count_good, &good);
	     bucket++) {
	}
	for (unsigned i = 0; i < KEYS; i++) {
		const plain_t *key = &is->keys[i];
		if (key->is) {
			require((int)key->state == atomic_load(&key->secret->state));
			require(key->holders == key->secret->holders);
			require(key->queued == key->secret->queued);
			require((key->state == ANAME_SECRET_READY) == (key->secret->key != NULL));
			require(key->state != ANAME_SECRET_FAILED ||
			        key->retry_ms == atomic_load(&key->secret->retry_ms));
			expected += key->state != ANAME_SECRET_FAILED;
		}
	}
	require(good == expected && aname_secrets_count(is->secrets) == is->count);
	require(aname_secrets_changes(is->secrets) == is->changes);
}

static void step(case_t *is, input_t *input)
{
	uint8_t octet = take_octet(input);
	unsigned number = take_octet(input);
	switch (octet % 8) {
	case 0:
	case 1: hold(is, number % KEYS); break;
	case 2: release(is, number % KEYS); break;
	case 3: retry(is, number % KEYS); break;
	case 4: take(is); break;
	case 5: put(is, number, octet & 0x80); break;
	case 6:
		is->now_ms += octet & 0x80 ? (int64_t)number * 10000 : number * 100;
		sweep(is);
		break;
	default: /* Many at once. */
		for (unsigned i = 0; i < number % KEYS; i++) {
			if (octet & 0x80) {
				hold(is, i);
			} else {
				release(is, i);
			}
		}
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static case_t is;
	is = (case_t){ .now_ms = 1000 };
	is.secrets = aname_secrets_new(wake, &is);
	require(is.secrets != NULL);
	is.directories[0] = aname_secrets_directories(is.secrets, "/a\n/b");
	is.directories[1] = aname_secrets_directories(is.secrets, "/a");
	require(aname_secrets_directories(is.secrets, "/a\n/b") == is.directories[0]);
	for (input_t input = { data, size }; input.left > 0;) {
		step(&is, &input);
	}
	check(&is);
	aname_secrets_free(is.secrets);
	return 0;
}
