/*!
 * \brief libuv's thread pool: how many threads it gets.  [U]
 *
 * libuv ends the process if it cannot create a thread of its pool, and it creates them all at the
 * pool's first use. So how many can be had is tried out just before, and libuv is told to create no
 * more. It reads their number from the environment, where a buffer of ours stands since the process
 * had one thread: its digits may change later, as long as libuv has not read them.
 *
 * The pool is started when the service is, if it can be: at the start of knotd that is before its
 * workers, so that threads which are tried out take nothing from anybody. A thread that another
 * process of the same user creates between the trial and the pool is what remains of the danger.
 *
 * The pool belongs to the process, like libuv's.
 */

#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <uv.h>

#include "log/log.h"

/*! The largest pool that libuv makes. */
#define ANAME_THREADPOOL_MAX 1024

/*! What stands in the way of more threads. */
typedef enum {
	ANAME_THREADPOOL_NO_LIMIT = 0,
	ANAME_THREADPOOL_PROCESSES, /*!< The limit on processes, which counts threads. */
	ANAME_THREADPOOL_MEMORY,    /*!< No room for their stacks. */
} aname_threadpool_limit_t;

typedef struct {
	uint32_t wanted;                /*!< What the pool is to have. */
	uint32_t threads;               /*!< What it has; 0 as long as it is not started. */
	aname_threadpool_limit_t limit; /*!< Why it has fewer. */
	bool late;                      /*!< Too late to choose: libuv's default is wanted. */
	bool ours;                      /*!< The number is by the option, not the operator's. */
} aname_threadpool_t;

/*!
 * \brief Decides how many threads are wanted; the first call counts.
 *
 * The operator's UV_THREADPOOL_SIZE goes before the option. If there are other threads already,
 * which may be reading the environment, it is left alone: then the pool has what was set there, or
 * libuv's default, or nothing.
 *
 * \param threads  By the option.
 * \param workers  Threads that knotd has or will have, which are left to it.
 *
 * Thread: load.
 */
void aname_threadpool_plan(uint32_t threads, unsigned workers);

/*!
 * \brief Starts the pool, with as many threads as can be had.
 *
 * What cannot be had is tried for again, but not all the time. It must be planned before.
 *
 * \param loop     The service's.
 * \param at_once  However lately it was tried.
 *
 * \return There is a pool, and work may be given to libuv.
 *
 * Thread: service, or load while there is none.
 */
bool aname_threadpool_start(uv_loop_t *loop, bool at_once);

/*! Where a pool that could not be started at once says that it was later. Thread: load. */
void aname_threadpool_log(const aname_log_t *log);

/*! What there is. Thread: any. */
aname_threadpool_t aname_threadpool_get(void);

/*! The limit, and what can be done about it, for the log. */
const char *aname_threadpool_limit_text(aname_threadpool_limit_t limit);
