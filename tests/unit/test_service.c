#include "support/test.h"

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

#include <libknot/errcode.h>

#include "service/service.h"
#include "support/alloc.h"
#include "support/getaddrinfo.h"
#include "support/make.h"
#include "support/process.h"
#include "table/clock.h"

/*! Longer than any machine should take. */
#define LONG_MS 60000

static const aname_limits_t limits = { 16, 1000, 100, 1000, 100, 10, 1000 };

static aname_shared_t *acquire(const aname_limits_t *with, aname_service_report_t *report)
{
	aname_service_report_t ignored;
	aname_shared_t *shared = NULL;
	CHECK(aname_service_acquire(with, 0, &shared, report != NULL ? report : &ignored) ==
	      KNOT_EOK);
	CHECK(shared != NULL);
	return shared;
}

/* The size of the thread pool. */

typedef struct {
	const char *proves;
	const char *operators; /*!< UV_THREADPOOL_SIZE, as the operator set it. */
	bool crowded;          /*!< There are other threads already. */
	uint32_t threads;
	bool late;
	const char *left; /*!< UV_THREADPOOL_SIZE afterwards. */
} pool_row_t;

static const pool_row_t pool_rows[] = {
	{ "alone in the process, the option sets the size", NULL, false, 16, false, "0016" },
	{ "the operator's own setting is respected", "7", false, 7, false, "0007" },
	{ "beside other threads the environment is left alone", NULL, true, 4, true, NULL },
	{ "beside other threads the operator's setting counts", "9", true, 9, false, "9" },
};

/*! Threads of this process, one by one. */
static unsigned count_threads(const char *name)
{
	unsigned count = 0;
	DIR *dir = opendir("/proc/self/task");
	CHECK(dir != NULL);
	for (struct dirent *task = readdir(dir); task != NULL; task = readdir(dir)) {
		char path[300], comm[32] = "";
		(void)snprintf(path, sizeof(path), "/proc/self/task/%s/comm", task->d_name);
		FILE *file = task->d_name[0] != '.' ? fopen(path, "r") : NULL;
		if (file == NULL) {
			continue;
		}
		bool read = fgets(comm, sizeof(comm), file) != NULL;
		(void)fclose(file);
		count += read && (name == NULL || strncmp(comm, name, strlen(name)) == 0);
	}
	(void)closedir(dir);
	return count;
}

static void size_pool(const void *arg)
{
	const pool_row_t *row = arg;
	set_pool_size(row->operators);
	crowd_t crowd;
	crowd_begin(&crowd, row->crowded);
	/* A sanitizer may have a thread of its own. */
	bool crowded = count_threads(NULL) > 1;
	aname_service_report_t report;
	(void)acquire(&limits, &report);
	const char *left = getenv("UV_THREADPOOL_SIZE");
	if (crowded == row->crowded) {
		CHECK(report.pool.threads == row->threads);
		CHECK(!report.threads_short);
		CHECK(report.threads_late == row->late);
		CHECK((left == NULL) == (row->left == NULL));
	} else {
		CHECK(report.threads_late == (row->operators == NULL));
	}
	CHECK(crowded != row->crowded || left == NULL || strcmp(left, row->left) == 0);
	CHECK(!report.threads_differ);

	/* Another instance: it learns that it cannot have its own size, if that would be ours to set. */
	const aname_limits_t others = { 99, 1000, 100, 1000, 100, 10, 1000 };
	(void)acquire(&others, &report);
	bool ours = row->operators == NULL && !crowded;
	CHECK(report.threads_differ == ours);
	CHECK(!report.threads_late);
	(void)acquire(&limits, &report);
	CHECK(!report.threads_differ && !report.threads_late);
	for (unsigned i = 0; i < 3; i++) {
		aname_service_release();
	}
	crowd_end(&crowd);
}

static void check_pool(void **state)
{
	live(size_pool, *state);
}

/* Holding. */

static void await_threads(unsigned count)
{
	int64_t until_ms = aname_clock_ms() + LONG_MS;
	while (count_threads("mod-aname") != count) {
		CHECK(aname_clock_ms() < until_ms);
		(void)poll(NULL, 0, 1);
	}
}

static void hold_life(const void *arg)
{
	aname_shared_t *shared = acquire(&limits, NULL);
	await_threads(1);
	for (unsigned i = 0; i < 10; i++) {
		CHECK(acquire(&limits, NULL) == shared);
	}
	CHECK(count_threads("mod-aname") == 1);
	for (unsigned i = 0; i < 10; i++) {
		aname_service_release();
	}
	CHECK(count_threads("mod-aname") == 1);
	aname_service_release();
	await_threads(0);

	/* T4: the next holder finds the same shared state. */
	for (unsigned i = 0; i < 50; i++) {
		CHECK(acquire(&limits, NULL) == shared);
		aname_service_release();
	}
	await_threads(0);
}

static void hold(void **state)
{
	live(hold_life, NULL);
}

static void limits_life(const void *arg)
{
	aname_service_report_t report;
	(void)acquire(&limits, &report);
	CHECK(!report.differ.max_targets && !report.differ.max_lookups);
	CHECK(!report.differ.lookup_rate);
	const aname_limits_t larger = { 16, 1001, 100, 1000, 100, 10, 1000 };
	(void)acquire(&larger, &report);
	CHECK(report.differ.max_targets && !report.differ.max_lookups);
	(void)acquire(&larger, &report);
	CHECK(!report.differ.max_targets);
	(void)acquire(&limits, &report);
	CHECK(report.differ.max_targets);
	for (unsigned i = 0; i < 4; i++) {
		aname_service_release();
	}
}

static void limits_differ(void **state)
{
	live(limits_life, NULL);
}

static void signals_life(const void *arg)
{
	sigset_t before, after;
	CHECK(pthread_sigmask(SIG_SETMASK, NULL, &before) == 0);
	(void)acquire(&limits, NULL);
	CHECK(pthread_sigmask(SIG_SETMASK, NULL, &after) == 0);
	for (int sig = 1; sig < 32; sig++) {
		CHECK(sigismember(&before, sig) == sigismember(&after, sig));
	}
	await_threads(1);

	DIR *dir = opendir("/proc/self/task");
	CHECK(dir != NULL);
	unsigned seen = 0;
	for (struct dirent *task = readdir(dir); task != NULL; task = readdir(dir)) {
		char path[300], line[100];
		(void)snprintf(path, sizeof(path), "/proc/self/task/%s/status", task->d_name);
		FILE *file = fopen(path, "r");
		bool ours = false;
		while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
			unsigned long long blocked = 0;
			ours |= strcmp(line, "Name:\tmod-aname\n") == 0;
			if (ours && sscanf(line, "SigBlk:\t%llx", &blocked) == 1) {
				/* SIGHUP, SIGINT, SIGUSR1, SIGTERM, SIGCHLD. */
				static const int sigs[] = { 1, 2, 10, 15, 17 };
				for (size_t i = 0; i < COUNT_OF(sigs); i++) {
					CHECK(blocked & (1ull << (sigs[i] - 1)));
				}
				seen++;
			}
		}
		if (file != NULL) {
			(void)fclose(file);
		}
	}
	(void)closedir(dir);
	CHECK(seen == 1);
	aname_service_release();
}

static void signals(void **state)
{
	live(signals_life, NULL);
}

/* The whole way: a request, a lookup, a worker that waits. */

static const aname_snapshot_t *look(aname_shared_t *shared, const aname_key_t *key)
{
	uint64_t hash = aname_table_hash(shared->table, key);
	aname_entry_t *entry = aname_table_find(shared->table, key, hash);
	if (entry == NULL) {
		const aname_interest_t interest =
		        aname_interest(&make_schedule, 300, aname_clock_ms() / 1000);
		(void)aname_queue_push(shared->queue, key, NULL, hash, interest);
		return NULL;
	}
	return aname_entry_snapshot(entry);
}

/*! Waits as a TCP worker does; returns how many addresses there are. */
static unsigned await_addresses(aname_shared_t *shared, const aname_key_t *key)
{
	unsigned count = 0;
	aname_waiter_t waiter;
	CHECK(aname_waiters_enter(shared->waiters, 1, 0, LONG_MS, aname_clock_ms(), &waiter) ==
	      ANAME_WAIT_ADMITTED);
	bool opened = true;
	while (count == 0 && opened) {
		uint64_t generation = aname_waiters_generation(shared->waiters);
		aname_epoch_enter(shared->epoch, 5);
		const aname_snapshot_t *snapshot = look(shared, key);
		count = snapshot != NULL ? snapshot->count : 0;
		aname_epoch_leave(shared->epoch, 5);
		if (count == 0) {
			opened = aname_waiters_wait(shared->waiters, &waiter, generation);
		}
	}
	aname_waiters_leave(shared->waiters, &waiter, aname_clock_ms());
	return count;
}

static const aname_options_t *hold_options(aname_shared_t *shared,
                                           const aname_upstream_t **upstream)
{
	const aname_options_t *options = aname_shared_hold(shared, make_options(), upstream);
	CHECK(options != NULL && *upstream != NULL);
	return options;
}

static void whole_way_life(const void *arg)
{
	aname_shared_t *shared = acquire(&limits, NULL);
	const aname_upstream_t *upstream = NULL;
	const aname_options_t *options = hold_options(shared, &upstream);
	name_t name = make_name("v4-3.v6-2.example.");
	const aname_key_t v4 = make_key(upstream, &name, KNOT_RRTYPE_A);
	const aname_key_t v6 = make_key(upstream, &name, KNOT_RRTYPE_AAAA);
	CHECK(await_addresses(shared, &v4) == 3);
	CHECK(await_addresses(shared, &v6) == 2);
	aname_shared_unhold(shared, options);
	aname_service_release();

	/* T4: after all have let go and one holds it again, it is still known. */
	shared = acquire(&limits, NULL);
	const aname_upstream_t *again = NULL;
	(void)hold_options(shared, &again);
	CHECK(again == upstream);
	CHECK(look(shared, &v4) != NULL && look(shared, &v4)->count == 3);
	aname_service_release();
}

static void whole_way(void **state)
{
	live(whole_way_life, NULL);
}

static void stop_life(const void *arg)
{
	aname_shared_t *shared = acquire(&limits, NULL);
	const aname_upstream_t *upstream = NULL;
	(void)hold_options(shared, &upstream);
	name_t name = make_name("held.v4-3.");
	const aname_key_t key = make_key(upstream, &name, KNOT_RRTYPE_A);
	(void)look(shared, &key);
	int64_t until_ms = aname_clock_ms() + LONG_MS;
	while (fake_seen().held == 0) {
		CHECK(aname_clock_ms() < until_ms);
		(void)poll(NULL, 0, 1);
	}

	/* It cannot be stopped, and yet stopping does not wait for it. */
	int64_t before_ms = aname_clock_ms();
	aname_service_release();
	CHECK(aname_clock_ms() - before_ms < LONG_MS / 2);
	CHECK(fake_seen().held == 1);

	/* Its answer comes with the next holder, and it was not asked for twice. */
	fake_let_go();
	CHECK(acquire(&limits, NULL) == shared);
	CHECK(await_addresses(shared, &key) == 3);
	CHECK(fake_seen().calls == 1);
	aname_service_release();
}

static void stop_with_lookups(void **state)
{
	live(stop_life, NULL);
}

/* The state file. */

/*! One life of a server with a state file; the target is known already, or not. */
typedef struct {
	const char *path;
	bool known;
	bool killed; /*!< It ends without unloading, when what it knows was saved. */
} file_life_t;

static void await_saved(const char *path, off_t size)
{
	int64_t until_ms = aname_clock_ms() + LONG_MS;
	struct stat st;
	while (stat(path, &st) != 0 || st.st_size <= size) {
		CHECK(aname_clock_ms() < until_ms);
		(void)poll(NULL, 0, 1);
	}
}

static void file_life(const void *arg)
{
	const file_life_t *life = arg;
	aname_state_report_t report;
	aname_shared_t *shared = acquire(&limits, NULL);
	const aname_upstream_t *upstream = NULL;
	const aname_options_t *options = hold_options(shared, &upstream);
	CHECK(aname_service_keep(life->path, true, 1, &report) == KNOT_EOK);
	CHECK((strstr(report.text, "known from before, ") != NULL) == life->known);
	/* Another path does not count as long as this one is wanted. */
	CHECK(aname_service_keep("/nowhere/default", false, 1, &report) == KNOT_EEXIST);
	name_t name = make_name("v4-3.example.");
	const aname_key_t key = make_key(upstream, &name, KNOT_RRTYPE_A);
	aname_epoch_enter(shared->epoch, 5);
	const aname_entry_t *entry =
	        aname_table_find(shared->table, &key, aname_table_hash(shared->table, &key));
	aname_epoch_leave(shared->epoch, 5);
	CHECK((entry != NULL) == life->known);
	CHECK(await_addresses(shared, &key) == 3);
	if (life->killed) {
		await_saved(life->path, 100);
		_exit(0);
	}
	aname_service_release();
	aname_service_unkeep("/nowhere/default", false, 1);
	aname_service_unkeep(life->path, true, 1);
	aname_shared_unhold(shared, options);
	struct stat st;
	CHECK(stat(life->path, &st) == 0 && st.st_size > 100);
}

static void file_kept(void **state)
{
	char directory[DIRECTORY_MAX], path[sizeof(directory) + 10];
	make_directory(directory);
	(void)snprintf(path, sizeof(path), "%s/state", directory);
	const file_life_t lives[] = { { path, false, true },
		                      { path, true, false },
		                      { path, true, true },
		                      { path, true, false } };
	for (size_t i = 0; i < COUNT_OF(lives); i++) {
		live(file_life, &lives[i]);
	}
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(directory), 0);
}

static void file_moves_life(const void *arg)
{
	/* Sections come and go, and each wants another file. */
	const char *const *paths = arg;
	aname_state_report_t report;
	aname_shared_t *shared = acquire(&limits, NULL);
	const aname_upstream_t *upstream = NULL;
	const aname_options_t *options = hold_options(shared, &upstream);
	CHECK(aname_service_keep(paths[0], true, 1, &report) == KNOT_EOK);
	name_t name = make_name("v4-3.example.");
	const aname_key_t key = make_key(upstream, &name, KNOT_RRTYPE_A);
	CHECK(await_addresses(shared, &key) == 3);
	await_saved(paths[0], 100);
	/* One that is wanted stays the one as long as it is. */
	CHECK(aname_service_keep(paths[1], true, 1, &report) == KNOT_EEXIST);
	aname_service_unkeep(paths[0], true, 1);
	await_saved(paths[1], 100);
	CHECK(aname_service_keep("", true, 1, &report) == KNOT_EEXIST);
	aname_service_unkeep(paths[1], true, 1);
	(void)poll(NULL, 0, 2500); /* Nothing is to be saved in the intervals that pass. */
	aname_service_release();
	aname_service_unkeep("", true, 1);
	aname_shared_unhold(shared, options);
}

static void file_moves(void **state)
{
	char directory[DIRECTORY_MAX], path[2][sizeof(directory) + 10];
	make_directory(directory);
	const char *paths[2];
	for (unsigned i = 0; i < 2; i++) {
		(void)snprintf(path[i], sizeof(path[i]), "%s/state%u", directory, i);
		paths[i] = path[i];
	}
	live(file_moves_life, paths);
	assert_int_equal(unlink(paths[0]), 0);
	assert_int_equal(unlink(paths[1]), 0);
	assert_int_equal(rmdir(directory), 0);
}

/* No thread. */

static _Atomic bool no_threads;

int __real_pthread_create(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
int __wrap_pthread_create(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*entry)(void *),
                          void *arg)
{
	return atomic_load(&no_threads) ? EAGAIN : __real_pthread_create(thread, attr, entry, arg);
}

static void no_thread_life(const void *arg)
{
	aname_service_report_t report;
	aname_shared_t *shared = NULL;
	atomic_store(&no_threads, true);
	for (unsigned i = 0; i < 3; i++) {
		CHECK(aname_service_acquire(&limits, 0, &shared, &report) == KNOT_EAGAIN);
		CHECK(shared == NULL);
		CHECK(count_threads("mod-aname") == 0);
	}
	atomic_store(&no_threads, false);
	shared = acquire(&limits, &report);
	/* What was not reported is reported now. */
	await_threads(1);
	aname_service_release();
	await_threads(0);
}

static void no_thread(void **state)
{
	live(no_thread_life, NULL);
}

/* Failing allocations. */

static unsigned count_files(void)
{
	unsigned count = 0;
	DIR *dir = opendir("/proc/self/fd");
	CHECK(dir != NULL);
	while (readdir(dir) != NULL) {
		count++;
	}
	(void)closedir(dir);
	return count;
}

/*! Tries to acquire with the n-th allocation failing; false if fewer are made. */
static bool acquire_fails(unsigned n)
{
	aname_service_report_t report;
	aname_shared_t *shared = NULL;
	alloc_fail_at(n);
	int ret = aname_service_acquire(&limits, 0, &shared, &report);
	/* Without memory to try threads out there is a service without a pool. */
	bool failed = alloc_failed() && !report.threads_short;
	CHECK(ret == (failed ? KNOT_ENOMEM : KNOT_EOK));
	CHECK((shared == NULL) == failed);
	return failed;
}

static void memory_life(const void *arg)
{
	unsigned n = *(const unsigned *)arg;
	if (acquire_fails(n)) {
		/* What libuv opens once for the process is open now; nothing else may stay. */
		unsigned files = count_files();
		long blocks = alloc_live();
		CHECK(acquire_fails(n));
		CHECK(count_files() == files);
		CHECK(alloc_live() == blocks);
		CHECK(count_threads("mod-aname") == 0);
		(void)acquire(&limits, NULL);
	}
	await_threads(1);
	aname_service_release();
	await_threads(0);
}

static void out_of_memory(void **state)
{
	/* Eight for the shared state, two to refresh and to show it, resolver, pool; then none
	 * fails. */
	for (unsigned n = 1; n <= 13; n++) {
		live(memory_life, &n);
	}
}

/* The status socket. */

typedef struct {
	char directory[DIRECTORY_MAX], path[3][64];
} paths_t;

static bool listens_at(const paths_t *paths, int which)
{
	struct stat st;
	for (int i = 0; i < 3; i++) {
		if ((stat(paths->path[i], &st) == 0) != (i == which)) {
			return false;
		}
	}
	return true;
}

/*! Waits until there is a socket at this path (-1: at none) and at no other. */
static bool comes_to(const paths_t *paths, int which)
{
	int64_t until_ms = aname_clock_ms() + LONG_MS;
	while (!listens_at(paths, which) && aname_clock_ms() < until_ms) {
		(void)poll(NULL, 0, 1);
	}
	return listens_at(paths, which);
}

static void paths_life(const void *arg)
{
	const paths_t *paths = arg;
	(void)acquire(&limits, NULL);
	CHECK(aname_service_show(paths->path[0], false) == KNOT_EOK);
	CHECK(comes_to(paths, 0));
	CHECK(aname_service_show(paths->path[1], false) == KNOT_EOK);
	CHECK(comes_to(paths, 1));
	CHECK(aname_service_show(paths->path[2], true) == KNOT_EOK);
	CHECK(comes_to(paths, 2));
	/* A default does not go before what was chosen, however late. */
	CHECK(aname_service_show(paths->path[0], false) == KNOT_EEXIST);
	CHECK(aname_service_show("", true) == KNOT_EOK);
	CHECK(comes_to(paths, -1));
	aname_service_hide("", true);
	CHECK(comes_to(paths, 2));
	aname_service_hide(paths->path[2], true);
	CHECK(comes_to(paths, 0));
	/* Two want it there. */
	aname_service_hide(paths->path[0], false);
	CHECK(aname_service_show(paths->path[1], false) == KNOT_EOK);
	CHECK(comes_to(paths, 1));
	aname_service_hide(paths->path[1], false);
	aname_service_hide(paths->path[1], false);
	CHECK(comes_to(paths, 0));
	/* The last holder takes it away, and the next brings it back. */
	aname_service_release();
	CHECK(listens_at(paths, -1));
	(void)acquire(&limits, NULL);
	CHECK(comes_to(paths, 0));
	aname_service_hide(paths->path[0], false);
	CHECK(comes_to(paths, -1));
	aname_service_release();
}

static void status_paths(void **state)
{
	paths_t paths;
	make_directory(paths.directory);
	for (int i = 0; i < 3; i++) {
		(void)snprintf(paths.path[i], sizeof(paths.path[i]), "%s/%d", paths.directory, i);
	}
	live(paths_life, &paths);
	assert_int_equal(rmdir(paths.directory), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PROVES("S1: what is known is there in the next life, at once", file_kept),
		PROVES("S1: the file is the one that is wanted", file_moves),
		PROVES("of the paths for the status socket the right one counts", status_paths),
		PROVES("T4: there is one thread and one shared state, whoever holds them", hold),
		PROVES("limits that differ are reported", limits_differ),
		PROVES("signals are not for the service thread, and as before for the others",
		       signals),
		PROVES("C2, T4: a worker waits for its lookup, and the answer outlives all holders",
		       whole_way),
		PROVES("stopping does not wait for a lookup, nor lose its answer",
		       stop_with_lookups),
		PROVES("no thread: not started, and started the next time", no_thread),
		PROVES("out of memory: not started, and started the next time", out_of_memory),
	};
	return RUN_ROWS("service: the size of the thread pool", pool_rows, check_pool) +
	       RUN_TESTS("service: the rest", tests);
}
