#include "support/process.h"

#include <poll.h>
#include <sys/wait.h>

static void *report_id(void *id)
{
	*(pid_t *)id = gettid();
	return NULL;
}

/*! A sanitizer starts a thread of its own with the first of others. */
static void start_sanitizer(void)
{
	pthread_t thread;
	pid_t id = 0;
	CHECK(pthread_create(&thread, NULL, report_id, &id) == 0);
	CHECK(pthread_join(thread, NULL) == 0);
	/* It is there for a moment longer. */
	char path[64];
	(void)snprintf(path, sizeof(path), "/proc/self/task/%d", id);
	while (access(path, F_OK) == 0) {
		(void)poll(NULL, 0, 1);
	}
}

void live(void (*life)(const void *arg), const void *arg)
{
	(void)fflush(NULL);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		start_sanitizer();
		life(arg);
		_exit(0);
	}
	int status = -1;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

void set_pool_size(const char *operators)
{
	(void)unsetenv("UV_THREADPOOL_SIZE");
	if (operators != NULL) {
		(void)setenv("UV_THREADPOOL_SIZE", operators, 1);
	}
}

static void *stay(void *end)
{
	pthread_barrier_wait(end);
	return NULL;
}

void crowd_begin(crowd_t *crowd, bool has_thread)
{
	crowd->has_thread = has_thread;
	CHECK(pthread_barrier_init(&crowd->end, NULL, 2) == 0);
	if (has_thread) {
		CHECK(pthread_create(&crowd->thread, NULL, stay, &crowd->end) == 0);
	}
}

void crowd_end(crowd_t *crowd)
{
	if (crowd->has_thread) {
		pthread_barrier_wait(&crowd->end);
		pthread_join(crowd->thread, NULL);
	}
	pthread_barrier_destroy(&crowd->end);
}
