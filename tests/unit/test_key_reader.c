/*
 * The reader of private keys. A directory that hangs is one for which the reader's stat() waits
 * until the test lets it go. The clock is the test's; libuv's timers go on by the real one.
 */
#include "support/test.h"

#include <errno.h>
#include <pthread.h>
#include <sys/stat.h>

#include "service/key_reader.h"
#include "support/clock.h"
#include "support/keys.h"
#include "table/clock.h"

/* What the reader calls. */

static _Atomic bool no_threads;
static _Atomic unsigned started, hanging;

int __real_pthread_create(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
int __wrap_pthread_create(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*entry)(void *),
                          void *arg)
{
	if (atomic_load(&no_threads)) {
		return EAGAIN;
	}
	atomic_fetch_add(&started, 1);
	return __real_pthread_create(thread, attr, entry, arg);
}

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t let_go = PTHREAD_COND_INITIALIZER;
static const char *hung[ANAME_KEY_THREADS_MAX]; /*!< Directories that hang. */

int __real_stat64(const char *path, struct stat *st);
int __wrap_stat64(const char *path, struct stat *st);

static bool is_hung(const char *path)
{
	for (unsigned i = 0; i < COUNT_OF(hung); i++) {
		if (hung[i] != NULL && strncmp(path, hung[i], strlen(hung[i])) == 0) {
			return true;
		}
	}
	return false;
}

int __wrap_stat64(const char *path, struct stat *st)
{
	pthread_mutex_lock(&lock);
	while (is_hung(path)) {
		atomic_fetch_add(&hanging, 1);
		pthread_cond_wait(&let_go, &lock);
		atomic_fetch_sub(&hanging, 1);
	}
	pthread_mutex_unlock(&lock);
	return __real_stat64(path, st);
}

static void hang(unsigned number, const char *directory)
{
	pthread_mutex_lock(&lock);
	hung[number] = directory;
	pthread_cond_broadcast(&let_go);
	pthread_mutex_unlock(&lock);
}

/* A reader on a loop of its own. */

typedef struct {
	uv_loop_t loop;
	uv_async_t async;
	uv_timer_t tick;
	aname_shared_t *shared;
	aname_key_reader_t *reader;
} world_t;

static void on_wake(uv_async_t *async)
{
	aname_key_reader_wake(async->data);
}

static void send_wake(void *ctx)
{
	(void)uv_async_send(ctx);
}

static void on_tick(uv_timer_t *tick)
{
}

static void begin(world_t *world)
{
	assert_int_equal(uv_loop_init(&world->loop), 0);
	assert_int_equal(uv_async_init(&world->loop, &world->async, on_wake), 0);
	assert_int_equal(uv_timer_init(&world->loop, &world->tick), 0);
	uv_timer_start(&world->tick, on_tick, 10, 10);
	world->shared = aname_shared_new(send_wake, &world->async);
	assert_non_null(world->shared);
	world->reader = aname_key_reader_new(world->shared, &world->loop);
	assert_non_null(world->reader);
	world->async.data = world->reader;
	atomic_store(&started, 0);
	clock_stop_at(1000000);
}

static void end(world_t *world)
{
	clock_stop_at(-1);
	aname_key_reader_free(world->reader);
	uv_close((uv_handle_t *)&world->async, NULL);
	uv_close((uv_handle_t *)&world->tick, NULL);
	uv_run(&world->loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&world->loop), 0);
	aname_shared_free(world->shared);
}

static aname_secret_t *hold(world_t *world, const char *directory)
{
	dnssec_binary_t key = keys_make(directory, DNSSEC_KEY_ALGORITHM_ED25519, 256);
	aname_secrets_t *secrets = world->shared->secrets;
	const char *kept = aname_secrets_directories(secrets, directory);
	assert_non_null(kept);
	aname_secret_t *secret = aname_secrets_hold(secrets, kept, key.data, key.size);
	assert_non_null(secret);
	dnssec_binary_free(&key);
	return secret;
}

/*! Turns the loop until the key has this state; the test's time limit is the only one. */
static void await(world_t *world, const aname_secret_t *secret, aname_secret_state_t state)
{
	while (atomic_load(&secret->state) != (int)state) {
		uv_run(&world->loop, UV_RUN_ONCE);
	}
}

static void await_idle(world_t *world)
{
	while (aname_key_reader_busy(world->reader)) {
		uv_run(&world->loop, UV_RUN_ONCE);
	}
}

/* What it proves. */

static void read_all(void)
{
	world_t world;
	begin(&world);
	char *directory = keys_directory();
	aname_secret_t *secrets[200];
	for (size_t i = 0; i < COUNT_OF(secrets); i++) {
		secrets[i] = hold(&world, directory);
	}
	aname_key_reader_pause(world.reader);
	uv_run(&world.loop, UV_RUN_NOWAIT);
	assert_false(aname_key_reader_busy(world.reader));
	aname_key_reader_resume(world.reader);
	assert_true(aname_key_reader_busy(world.reader));
	await_idle(&world);
	for (size_t i = 0; i < COUNT_OF(secrets); i++) {
		assert_int_equal(atomic_load(&secrets[i]->state), ANAME_SECRET_READY);
	}
	end(&world);
	keys_remove(directory);
}

static void without_thread(void **state)
{
	atomic_store(&no_threads, true);
	read_all();
	atomic_store(&no_threads, false);
	assert_int_equal(atomic_load(&started), 0);
}

static void with_thread(void **state)
{
	read_all();
	assert_in_range(atomic_load(&started), 1, 200);
}

static void retry(world_t *world, aname_secret_t *secret)
{
	clock_skip(ANAME_SECRET_RETRY_MAX_MS);
	aname_secrets_retry(world->shared->secrets, secret, aname_clock_ms());
}

static void one_hangs(void **state)
{
	world_t world;
	begin(&world);
	char *slow = keys_directory(), *good = keys_directory();
	hang(0, slow);
	aname_secret_t *first = hold(&world, slow), *second = hold(&world, slow);
	aname_secret_t *other = hold(&world, good);
	aname_key_reader_wake(world.reader);
	while (atomic_load(&hanging) == 0) {
		uv_run(&world.loop, UV_RUN_ONCE);
	}
	assert_int_equal(atomic_load(&other->state), ANAME_SECRET_PENDING);
	clock_skip(ANAME_KEY_HANG_MS);
	await(&world, other, ANAME_SECRET_READY);
	await(&world, first, ANAME_SECRET_FAILED);
	await(&world, second, ANAME_SECRET_FAILED);
	assert_int_equal(atomic_load(&first->error), -ETIMEDOUT);
	assert_int_equal(atomic_load(&second->error), -ETIMEDOUT);
	assert_int_equal(strlen(first->id), ANAME_SECRET_ID_SIZE - 1);
	/* The end waits for nobody. */
	await_idle(&world);

	/* Tried again while it hangs it takes no other thread. */
	retry(&world, second);
	await_idle(&world);
	assert_int_equal(atomic_load(&second->state), ANAME_SECRET_FAILED);
	assert_int_equal(atomic_load(&started), 2);

	/* And gone, while the thread still hangs. */
	aname_secrets_release(world.shared->secrets, first, aname_clock_ms());
	clock_skip(ANAME_SECRET_LINGER_MS);
	aname_secrets_sweep(world.shared->secrets, aname_clock_ms());
	assert_int_equal(aname_secrets_count(world.shared->secrets), 2);

	hang(0, NULL);
	while (atomic_load(&second->state) != ANAME_SECRET_READY) {
		retry(&world, second);
		uv_run(&world.loop, UV_RUN_ONCE);
	}
	await_idle(&world);
	end(&world);
	keys_remove(slow);
	keys_remove(good);
}

static void all_hang(void **state)
{
	world_t world;
	begin(&world);
	char *slow[ANAME_KEY_THREADS_MAX], *good = keys_directory();
	aname_secret_t *secrets[ANAME_KEY_THREADS_MAX];
	for (unsigned i = 0; i < COUNT_OF(slow); i++) {
		slow[i] = keys_directory();
		hang(i, slow[i]);
		secrets[i] = hold(&world, slow[i]);
	}
	aname_secret_t *other = hold(&world, good);
	for (unsigned i = 0; i < COUNT_OF(slow); i++) {
		while (atomic_load(&hanging) <= i) {
			uv_run(&world.loop, UV_RUN_ONCE);
		}
		clock_skip(ANAME_KEY_HANG_MS);
		await(&world, secrets[i], ANAME_SECRET_FAILED);
	}
	await(&world, other, ANAME_SECRET_FAILED);
	await_idle(&world);
	assert_int_equal(atomic_load(&started), ANAME_KEY_THREADS_MAX);
	for (unsigned i = 0; i < COUNT_OF(slow); i++) {
		hang(i, NULL);
	}
	while (atomic_load(&other->state) != ANAME_SECRET_READY) {
		retry(&world, other);
		uv_run(&world.loop, UV_RUN_ONCE);
	}
	for (unsigned i = 0; i < COUNT_OF(slow); i++) {
		while (atomic_load(&secrets[i]->state) != ANAME_SECRET_READY) {
			retry(&world, secrets[i]);
			uv_run(&world.loop, UV_RUN_ONCE);
		}
		keys_remove(slow[i]);
	}
	await_idle(&world);
	end(&world);
	keys_remove(good);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PROVES("without a thread the reader reads all, itself", without_thread),
		PROVES("in a thread the reader reads all", with_thread),
		PROVES("D1: a directory that hangs holds up nobody else", one_hangs),
		PROVES("D1: directories that hang take so many threads, and no more", all_hang),
	};
	return RUN_TESTS("key_reader", tests);
}
