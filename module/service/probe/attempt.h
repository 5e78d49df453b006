/*!
 * \brief One probe of one address: starts it, bounds it in time, tells how it ended.  [U]
 *
 * Thread: service, but for aname_attempts_init().
 */

#pragma once

#include <uv.h>

#include "service/probe/subject.h"

typedef struct aname_http aname_http_t;

/*! What attempts share. */
typedef struct {
	uv_loop_t *loop;
	aname_http_t *http; /*!< NULL: not needed so far. */
} aname_attempts_t;

typedef struct aname_attempt aname_attempt_t;

/*! For one loop, which outlives it. Thread: load. */
void aname_attempts_init(aname_attempts_t *attempts, uv_loop_t *loop);

/*! There must be no attempts any more. The loop must run until it is empty after that. */
void aname_attempts_deinit(aname_attempts_t *attempts);

/*!
 * \brief Starts an attempt.
 *
 * \param subject  What is probed; not OFF.
 * \param done     Called when it has ended, after `timeout_ms` at the latest. After that the attempt
 *                 is no more.
 *
 * \return It; NULL if out of memory.
 */
aname_attempt_t *aname_attempt_start(aname_attempts_t *attempts, const aname_subject_t *subject,
                                     aname_ended_f done, void *ctx);

/*! Ends it without calling `done`. */
void aname_attempt_cancel(aname_attempt_t *attempt);
