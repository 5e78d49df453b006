/*!
 * \brief Tests of what there is once in a process, and for as long as that: each is a process of
 *        its own, where cmocka's assertions are of no use.
 */

#pragma once

#include <pthread.h>
#include <unistd.h>

#include "support/test.h"

/*! Ends such a process with a line on stderr and status 1 if something is not as it should be. */
#define CHECK(what)                                                                      \
	do {                                                                             \
		if (!(what)) {                                                           \
			(void)fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #what); \
			_exit(1);                                                        \
		}                                                                        \
	} while (0)

/*! Runs this in a process of its own; fails unless it returns. */
void live(void (*life)(const void *arg), const void *arg);

/*! Sets UV_THREADPOOL_SIZE as an operator does, or unsets it (NULL). */
void set_pool_size(const char *operators);

/*! One more thread beside the first. */
typedef struct {
	bool has_thread;
	pthread_barrier_t end;
	pthread_t thread;
} crowd_t;

void crowd_begin(crowd_t *crowd, bool has_thread);

void crowd_end(crowd_t *crowd);
