/*!
 * \brief Attempts that connect.  [U]
 *
 * Thread: service.
 */

#pragma once

#include <uv.h>

#include "service/probe/subject.h"

typedef struct aname_tcp aname_tcp_t;

/*!
 * \brief Starts to connect.
 *
 * \param ended  Called when it has succeeded or failed; it does not end by time.
 * \param end    How it ended at once, where NULL is returned: then `ended` is not called.
 *
 * \return It, to be stopped in any case; NULL if it has failed already.
 */
aname_tcp_t *aname_tcp_start(uv_loop_t *loop, const aname_subject_t *subject, aname_ended_f ended,
                             void *ctx, aname_end_t *end);

/*! Stops and frees it, once the loop has run; `ended` is not called any more. */
void aname_tcp_stop(aname_tcp_t *tcp);
