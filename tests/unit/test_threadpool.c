#include "support/test.h"

#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "service/threadpool.h"
#include "support/clock.h"
#include "support/process.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED true
#else
#define SANITIZED false
#endif

#define NO_FAILURE UINT32_MAX

/*! Threads left to the process: spare ones, and the service's. */
#define LEFT 17

/*! A user that nobody else is, not even who runs the same test: the limit on processes counts per
 *  user. */
#define NOBODY_ELSE (30000 + getpid() % 30000)

int __real_uv_thread_create_ex(uv_thread_t *, const uv_thread_options_t *, uv_thread_cb, void *);
int __wrap_uv_thread_create_ex(uv_thread_t *, const uv_thread_options_t *, uv_thread_cb, void *);

/*! How many more threads may be created by whom but libuv. */
static uint32_t creatable = NO_FAILURE;

int __wrap_uv_thread_create_ex(uv_thread_t *thread, const uv_thread_options_t *options,
                               uv_thread_cb entry, void *arg)
{
	if (creatable != NO_FAILURE && creatable-- == 0) {
		creatable = 0;
		return UV_EAGAIN;
	}
	return __real_uv_thread_create_ex(thread, options, entry, arg);
}

static unsigned thread_count(void)
{
	struct stat st;
	CHECK(stat("/proc/self/task", &st) == 0);
	return st.st_nlink - 2;
}

static void work(uv_work_t *request)
{
	*(bool *)request->data = true;
}

static void after_work(uv_work_t *request, int status)
{
	CHECK(status == 0);
}

/*! The pool works, and has so many threads. */
static void check_pool(uv_loop_t *loop, unsigned before, uint32_t threads)
{
	bool done = false;
	uv_work_t request = { .data = &done };
	CHECK(uv_queue_work(loop, &request, work, after_work) == 0);
	CHECK(uv_run(loop, UV_RUN_DEFAULT) == 0);
	CHECK(done);
	CHECK(thread_count() == before + threads);
	CHECK(aname_threadpool_get().threads == threads);
}

/* How many. */

typedef struct {
	const char *proves;
	uint32_t option;
	const char *operators; /*!< UV_THREADPOOL_SIZE, as the operator set it. */
	bool crowded;          /*!< There are other threads already. */
	unsigned workers;      /*!< Of knotd. */
	uint32_t creatable;    /*!< Threads that can be had. */
	uint32_t wanted, threads;
	const char *left; /*!< UV_THREADPOOL_SIZE afterwards; NULL: as it was. */
} row_t;

static const row_t rows[] = {
	{ "as many as the option says", 16, NULL, false, 0, NO_FAILURE, 16, 16, "0016" },
	{ "not one: none", 64, NULL, false, 0, 0, 64, 0, "0064" },
	{ "one: left to knotd", 64, NULL, false, 0, 1, 64, 0, "0064" },
	{ "those that are spared: none", 64, NULL, false, 0, LEFT, 64, 0, "0064" },
	{ "one more: one", 64, NULL, false, 0, LEFT + 1, 64, 1, "0001" },
	{ "ten more: ten", 64, NULL, false, 0, LEFT + 10, 64, 10, "0010" },
	{ "just enough", 64, NULL, false, 0, LEFT + 64, 64, 64, "0064" },
	{ "workers come first", 64, NULL, false, 12, LEFT + 12 + 10, 64, 10, "0010" },
	{ "workers take all", 64, NULL, false, 30, LEFT + 30, 64, 0, "0064" },
	{ "the operator's number", 64, "7", false, 0, NO_FAILURE, 7, 7, "0007" },
	{ "the operator's number is the most", 64, "7", false, 0, LEFT + 3, 7, 3, "0003" },
	{ "zero counts as one", 64, "0", false, 0, NO_FAILURE, 1, 1, "0001" },
	{ "what is no number counts as one", 64, "many", false, 0, NO_FAILURE, 1, 1, "0001" },
	{ "an empty setting counts as one", 64, "", false, 0, NO_FAILURE, 1, 1, "0001" },
	{ "beside other threads: libuv's default", 64, NULL, true, 0, NO_FAILURE, 4, 4, NULL },
	{ "beside other threads: not a few", 64, NULL, true, 0, LEFT + 3 - 1, 4, 0, NULL },
	{ "beside other threads: the operator's", 64, "9", true, 0, NO_FAILURE, 9, 9, NULL },
};

static void row_life(const void *arg)
{
	const row_t *row = arg;
	set_pool_size(row->operators);
	crowd_t crowd;
	crowd_begin(&crowd, row->crowded);
	/* A sanitizer may have a thread of its own. */
	unsigned before = thread_count();
	if ((before > 1) != row->crowded) {
		return;
	}
	uv_loop_t loop;
	CHECK(uv_loop_init(&loop) == 0);
	creatable = row->creatable;
	aname_threadpool_plan(row->option, row->workers);
	aname_threadpool_plan(row->option + 1, row->workers);
	CHECK(aname_threadpool_start(&loop, false) == (row->threads > 0));
	CHECK(thread_count() == before + row->threads);

	aname_threadpool_t pool = aname_threadpool_get();
	CHECK(pool.wanted == row->wanted);
	CHECK(pool.threads == row->threads);
	CHECK(pool.ours == (row->operators == NULL && !row->crowded));
	CHECK(pool.late == (row->operators == NULL && row->crowded));
	CHECK((pool.limit == ANAME_THREADPOOL_NO_LIMIT) == (row->threads == row->wanted));
	const char *set = getenv("UV_THREADPOOL_SIZE");
	const char *left = row->left != NULL ? row->left : row->operators;
	CHECK((set == NULL) == (left == NULL) && (set == NULL || strcmp(set, left) == 0));
	if (row->threads > 0) {
		check_pool(&loop, before, row->threads);
	}
	CHECK(uv_run(&loop, UV_RUN_DEFAULT) == 0);
	CHECK(uv_loop_close(&loop) == 0);
	crowd_end(&crowd);
}

static void check_row(void **state)
{
	live(row_life, *state);
}

static void capped_life(const void *arg)
{
	(void)setenv("UV_THREADPOOL_SIZE", arg, 1);
	aname_threadpool_plan(16, 0);
	CHECK(aname_threadpool_get().wanted == ANAME_THREADPOOL_MAX);
}

static void capped(void **state)
{
	live(capped_life, "100000");
	live(capped_life, "-5");
}

/* Later. */

static unsigned messages;

static void note(void *ctx, int priority, const char *message)
{
	messages++;
	CHECK(priority == LOG_NOTICE);
	CHECK(strstr(message, " 5 ") != NULL);
}

static void later_life(const void *arg)
{
	unsigned before = thread_count();
	uv_loop_t loop;
	CHECK(uv_loop_init(&loop) == 0);
	const aname_log_t log = { note, NULL };
	clock_stop_at(1000000);
	aname_threadpool_log(&log);
	aname_threadpool_plan(64, 0);
	creatable = 0;
	CHECK(!aname_threadpool_start(&loop, false));
	/* It is not tried for each lookup. */
	creatable = NO_FAILURE;
	clock_skip(9000);
	CHECK(!aname_threadpool_start(&loop, false));
	creatable = 3;
	CHECK(!aname_threadpool_start(&loop, true));
	clock_skip(2000);
	creatable = NO_FAILURE;
	CHECK(!aname_threadpool_start(&loop, false));
	CHECK(messages == 0);
	clock_skip(8000);
	creatable = LEFT + 5;
	if (before == 1) {
		CHECK(aname_threadpool_start(&loop, false));
		CHECK(messages == 1);
		check_pool(&loop, before, 5);
		CHECK(aname_threadpool_start(&loop, false));
		CHECK(messages == 1);
	}
}

static void later(void **state)
{
	live(later_life, NULL);
}

/* Real limits. */

static void processes_life(const void *arg)
{
	rlim_t most = *(const rlim_t *)arg;
	const struct rlimit limit = { most, most };
	uv_loop_t loop;
	CHECK(uv_loop_init(&loop) == 0);
	CHECK(setrlimit(RLIMIT_NPROC, &limit) == 0);
	CHECK(setresgid(NOBODY_ELSE, NOBODY_ELSE, NOBODY_ELSE) == 0);
	CHECK(setresuid(NOBODY_ELSE, NOBODY_ELSE, NOBODY_ELSE) == 0);
	unsigned before = thread_count();
	if (before > 1) {
		return;
	}
	aname_threadpool_plan(64, 4);
	bool started = aname_threadpool_start(&loop, false);
	aname_threadpool_t pool = aname_threadpool_get();
	CHECK(started == (pool.threads > 0));
	CHECK(pool.limit == ANAME_THREADPOOL_PROCESSES);
	CHECK(pool.threads == (most > LEFT + 4 + 1 ? most - LEFT - 4 - 1 : 0));
	if (started) {
		check_pool(&loop, before, pool.threads);
	}
}

static void limit_on_processes(void **state)
{
	if (geteuid() != 0) {
		skip();
	}
	for (rlim_t most = 1; most < 80; most += 13) {
		live(processes_life, &most);
	}
}

static rlim_t address_space(void)
{
	unsigned long pages = 0;
	FILE *file = fopen("/proc/self/statm", "r");
	CHECK(file != NULL && fscanf(file, "%lu", &pages) == 1);
	(void)fclose(file);
	return pages * sysconf(_SC_PAGESIZE);
}

static void memory_life(const void *arg)
{
	rlim_t more = *(const rlim_t *)arg << 20;
	uv_loop_t loop;
	CHECK(uv_loop_init(&loop) == 0);
	const struct rlimit limit = { address_space() + more, RLIM_INFINITY };
	CHECK(setrlimit(RLIMIT_AS, &limit) == 0);
	unsigned before = thread_count();
	aname_threadpool_plan(1024, 4);
	bool started = aname_threadpool_start(&loop, false);
	aname_threadpool_t pool = aname_threadpool_get();
	CHECK(started == (pool.threads > 0));
	CHECK(pool.limit == ANAME_THREADPOOL_MEMORY);
	/* Half of what is left is for others. */
	CHECK(pool.threads <= more / (8 << 20) / 2);
	CHECK(pool.threads > 0 || more < (rlim_t)1 << 30);
	if (started) {
		check_pool(&loop, before, pool.threads);
	}
	void *block = malloc(more / 4);
	CHECK(block != NULL);
	free(block);
}

static void limit_on_memory(void **state)
{
	struct rlimit stack;
	/* Stacks of libuv before 1.45 are as the limit on stacks says. */
	if (SANITIZED || getrlimit(RLIMIT_STACK, &stack) != 0 || stack.rlim_cur != 8 << 20) {
		skip();
	}
	static const rlim_t mebibytes[] = { 4, 64, 256, 1024, 4096 };
	for (size_t i = 0; i < COUNT_OF(mebibytes); i++) {
		live(memory_life, &mebibytes[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PROVES("libuv takes no more than 1024", capped),
		PROVES("what could not be had is tried for again, now and then", later),
		PROVES("under a limit on processes libuv creates what it can", limit_on_processes),
		PROVES("under a limit on memory half of it is left", limit_on_memory),
	};
	return RUN_ROWS("thread pool: how many threads", rows, check_row) +
	       RUN_TESTS("thread pool: the rest", tests);
}
