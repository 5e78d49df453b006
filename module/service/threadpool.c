#include "service/threadpool.h"

#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "table/clock.h"

#define POOL_ENV     "UV_THREADPOOL_SIZE"
#define POOL_DEFAULT 4

/*! Threads left to knotd beside its workers: background workers, events, control. */
#define SPARE_THREADS 16

/*! libuv's stacks are this large from that version on, and the system's default before. */
#define STACK_VERSION ((1 << 16) | (45 << 8))
#define STACK_SIZE    ((size_t)8 << 20)

/*! A pool that could not be had is tried for this often. */
#define AGAIN_MS 10000
/*! How long threads that have ended may take to go. */
#define GONE_MS  1000

static struct {
	pthread_mutex_t lock; /*!< Guards what follows. */
	aname_threadpool_t pool;
	bool planned;
	bool chosen; /*!< The number in the environment is ours to change. */
	unsigned workers;
	int64_t tried_ms;
	aname_log_t log;
	uv_work_t first;
	char variable[sizeof(POOL_ENV "=0000")]; /*!< In the environment, if `chosen`. */
} state = { .lock = PTHREAD_MUTEX_INITIALIZER };

/*! Threads of this process. */
static unsigned thread_count(void)
{
	struct stat st;
	/* Two links are of the folder itself. */
	return stat("/proc/self/task", &st) == 0 && st.st_nlink > 2 ? st.st_nlink - 2 : 1;
}

/*! The operator's setting, as libuv takes it. */
static uint32_t as_libuv(const char *set)
{
	long threads = strtol(set, NULL, 10);
	if (threads == 0) {
		return 1;
	}
	return threads < 0 || threads > ANAME_THREADPOOL_MAX ? ANAME_THREADPOOL_MAX : threads;
}

static void write_size(uint32_t threads)
{
	/* Of fixed width: other threads may read it. */
	char digits[16];
	(void)snprintf(digits, sizeof(digits), "%04u", threads);
	memcpy(state.variable + sizeof(POOL_ENV), digits, 4);
}

void aname_threadpool_plan(uint32_t threads, unsigned workers)
{
	pthread_mutex_lock(&state.lock);
	state.workers = workers;
	if (!state.planned) {
		const char *set = getenv(POOL_ENV);
		bool alone = thread_count() == 1;
		state.planned = true;
		state.pool.ours = set == NULL && alone;
		state.pool.late = set == NULL && !alone;
		state.pool.wanted = set != NULL ? as_libuv(set) : alone ? threads : POOL_DEFAULT;
		if (alone) {
			memcpy(state.variable, POOL_ENV "=", sizeof(POOL_ENV));
			write_size(state.pool.wanted);
			state.chosen = putenv(state.variable) == 0;
		}
	}
	pthread_mutex_unlock(&state.lock);
}

/* Trying. */

static void wait_for_release(void *lock)
{
	pthread_mutex_lock(lock);
	pthread_mutex_unlock(lock);
}

/*! A thread like those of the pool. */
static int create_thread(uv_thread_t *thread, pthread_mutex_t *lock)
{
	uv_thread_options_t options = { 0 };
	if (uv_version() >= STACK_VERSION) {
		options.flags = UV_THREAD_HAS_STACK_SIZE;
		options.stack_size = STACK_SIZE;
	}
	return uv_thread_create_ex(thread, &options, wait_for_release, lock);
}

/*! Is it memory that there is too little of? The error of a thread's creation does not show it. */
static bool lacks_memory(void)
{
	const size_t size = 2 * STACK_SIZE;
	void *stack = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (stack == MAP_FAILED) {
		return true;
	}
	(void)munmap(stack, size);
	return false;
}

/*! A thread that was joined still counts against the limits for a moment. */
static void await_threads(unsigned count)
{
	int64_t until_ms = aname_clock_ms() + GONE_MS;
	while (thread_count() > count && aname_clock_ms() < until_ms) {
		(void)poll(NULL, 0, 1);
	}
}

/*! How many threads can be had at once now, up to `most`, and what limits them. */
static unsigned try_threads(unsigned most, aname_threadpool_limit_t *limit)
{
	*limit = ANAME_THREADPOOL_MEMORY;
	uv_thread_t *threads = calloc(most, sizeof(*threads));
	if (threads == NULL) {
		return 0;
	}
	unsigned before = thread_count();
	pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	pthread_mutex_lock(&lock);
	unsigned count = 0;
	while (count < most && create_thread(&threads[count], &lock) == 0) {
		count++;
	}
	if (count == most) {
		*limit = ANAME_THREADPOOL_NO_LIMIT;
	} else if (!lacks_memory()) {
		*limit = ANAME_THREADPOOL_PROCESSES;
	}
	pthread_mutex_unlock(&lock);
	for (unsigned i = 0; i < count; i++) {
		(void)uv_thread_join(&threads[i]);
	}
	pthread_mutex_destroy(&lock);
	free(threads);
	await_threads(before);
	return count;
}

/*! How many threads the pool can have now; 0: none. */
static uint32_t available(aname_threadpool_limit_t *limit)
{
	uint32_t wanted = state.pool.wanted;
	/* This one, the service's, and those that knotd has yet to start. */
	unsigned others = state.workers + 2, before = thread_count();
	unsigned left = SPARE_THREADS + (others > before ? others - before : 0);
	unsigned count = try_threads(wanted + left, limit);
	count = count > left ? count - left : 0;
	if (*limit == ANAME_THREADPOOL_MEMORY) {
		/* All of knotd needs memory, and not for stacks only. */
		count /= 2;
	}
	if (!state.chosen && count < wanted) {
		return 0;
	}
	return count < wanted ? count : wanted;
}

/* Starting. */

static void do_nothing(uv_work_t *work)
{
}

static void after_nothing(uv_work_t *work, int status)
{
}

/*! Has libuv create the threads at once, before anybody else takes what was found. */
static bool start(uv_loop_t *loop)
{
	uint32_t threads = available(&state.pool.limit);
	if (threads == 0) {
		return false;
	}
	if (state.chosen) {
		write_size(threads);
	}
	if (uv_queue_work(loop, &state.first, do_nothing, after_nothing) != 0) {
		return false;
	}
	state.pool.threads = threads;
	return true;
}

bool aname_threadpool_start(uv_loop_t *loop, bool at_once)
{
	pthread_mutex_lock(&state.lock);
	int64_t now_ms = aname_clock_ms();
	bool due = at_once || state.tried_ms == 0 || now_ms - state.tried_ms >= AGAIN_MS;
	if (state.planned && state.pool.threads == 0 && due) {
		bool again = state.tried_ms != 0;
		state.tried_ms = now_ms;
		if (start(loop) && again) {
			aname_log(&state.log, LOG_NOTICE,
			          "the system's resolver can be asked, now that %u threads for it "
			          "can be had",
			          state.pool.threads);
		}
	}
	bool started = state.pool.threads > 0;
	pthread_mutex_unlock(&state.lock);
	return started;
}

void aname_threadpool_log(const aname_log_t *log)
{
	pthread_mutex_lock(&state.lock);
	state.log = *log;
	pthread_mutex_unlock(&state.lock);
}

aname_threadpool_t aname_threadpool_get(void)
{
	pthread_mutex_lock(&state.lock);
	aname_threadpool_t pool = state.pool;
	pthread_mutex_unlock(&state.lock);
	return pool;
}

const char *aname_threadpool_limit_text(aname_threadpool_limit_t limit)
{
	switch (limit) {
	case ANAME_THREADPOOL_PROCESSES:
		return "the limit on processes and threads is reached: raise ulimit -u, systemd's "
		       "TasksMax or the container's pids limit";
	case ANAME_THREADPOOL_MEMORY:
		return "there is no memory for their stacks: raise ulimit -v, or lower 'threads'";
	default: return "";
	}
}
