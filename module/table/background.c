#include "table/background.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

typedef struct {
	void (*run)(void *ctx);
	void *ctx;
} work_t;

static _Atomic unsigned running;

static void *work(void *memory)
{
	work_t work = *(work_t *)memory;
	free(memory);
	work.run(work.ctx);
	atomic_fetch_sub(&running, 1);
	return NULL;
}

/*! Starts a thread that nobody joins; false if there are enough, or none can be had. */
static bool start(const work_t *what)
{
	if (atomic_fetch_add(&running, 1) >= ANAME_BACKGROUND_MAX) {
		atomic_fetch_sub(&running, 1);
		return false;
	}
	sigset_t all, before;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	pthread_t id;
	work_t *copy = malloc(sizeof(*copy));
	bool started = copy != NULL;
	if (started) {
		*copy = *what;
		started = pthread_create(&id, NULL, work, copy) == 0;
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (started) {
		(void)pthread_detach(id);
	} else {
		free(copy);
		atomic_fetch_sub(&running, 1);
	}
	return started;
}

void aname_background_run(void (*run)(void *ctx), void *ctx)
{
	const work_t what = { run, ctx };
	if (!start(&what)) {
		run(ctx);
	}
}
