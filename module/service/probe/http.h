/*!
 * \brief Attempts over TLS and HTTP, by libcurl on our loop.  [U]
 *
 * The address is given to libcurl, which resolves nothing, asks no proxy, follows no redirect and
 * reads no file but the system's CA store, and that only where certificates are verified (H9). It
 * calls back from within our calls: what it calls does no more than set watches and a timer.
 *
 * Thread: service, but for aname_http_init().
 */

#pragma once

#include <uv.h>

#include "service/probe/subject.h"

/*! Most octets of an answer that are read before its status: what comes after is not read. */
#define ANAME_HTTP_READ_MAX 4096

/*! What transfers share. */
typedef struct aname_http aname_http_t;
typedef struct aname_transfer aname_transfer_t;

/*!
 * \brief Prepares libcurl, once in a process and for as long as that.
 *
 * Thread: any; the first call best while there are few others, since libraries that libcurl uses
 * are prepared, too.
 */
void aname_http_init(void);

/*! For one loop, after aname_http_init(); NULL if out of memory, or built without libcurl. */
aname_http_t *aname_http_new(uv_loop_t *loop);

/*! Frees it, without transfers. The loop must run until it is empty after that. */
void aname_http_free(aname_http_t *http);

/*!
 * \brief Starts a transfer: TLS, HTTP or HTTPS.
 *
 * \param ended  Called when it has succeeded or failed; it does not end by time.
 * \param end    How it ended at once, where NULL is returned: then `ended` is not called.
 *
 * \return It, to be stopped in any case; NULL if it has failed already.
 */
aname_transfer_t *aname_http_start(aname_http_t *http, const aname_subject_t *subject,
                                   aname_ended_f ended, void *ctx, aname_end_t *end);

/*! Stops and frees it; `ended` is not called any more. */
void aname_http_stop(aname_transfer_t *transfer);
