/*!
 * \brief libcurl on our loop: its sockets, its timer, and which transfers have ended.  [U]
 *
 * libcurl calls back from within our calls. What it calls here does no more than set watches and
 * the timer, so no transfer ends from within a call.
 *
 * Thread: service.
 */

#pragma once

#include <stdbool.h>

#include <curl/curl.h>
#include <uv.h>

typedef struct aname_multi aname_multi_t;

/*! Called by the loop when a transfer has ended; it may remove and add any. */
typedef void (*aname_multi_ended_f)(CURL *easy, CURLcode code);

/*! For one loop; NULL if out of memory. */
aname_multi_t *aname_multi_new(uv_loop_t *loop, aname_multi_ended_f ended);

/*! Frees it, without transfers. The loop must run until it is empty after that. */
void aname_multi_free(aname_multi_t *multi);

/*! Starts a transfer; false if it cannot be. */
bool aname_multi_add(aname_multi_t *multi, CURL *easy);

/*! Takes it out, ended or not. */
void aname_multi_remove(aname_multi_t *multi, CURL *easy);
