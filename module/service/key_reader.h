/*!
 * \brief Reads private keys from Knot's key store, in a thread of its own.  [U]
 *
 * One thread reads, key by key, so that ten thousand keys at start take none of a resolver's
 * threads; it ends when nothing is left to read. The service thread publishes what was read.
 *
 * A directory may hang, on a file server that does not answer, and whoever reads from it with it.
 * After ANAME_KEY_HANG_MS that thread is given up: its key counts as one that cannot be read, and so
 * do others in the same directories, which are tried again from time to time but wait for nobody
 * while they hang. Another thread reads the keys of others, up to ANAME_KEY_THREADS_MAX in all; when
 * all of them hang nothing is read until one comes back. Nobody waits for them, not even at the end
 * of the process: for that they are not libuv's, which would join them.
 *
 * If no thread can be had the service thread reads the keys itself, a few at a time: what waits for
 * a slow file then is all that it does, but signed zones are served.
 *
 * Who owns what: a job belongs to the reader, and to the thread that reads it until it is done. The
 * lock guards the lists of jobs and what each thread is at; it is never held while a file is read.
 * Whether a thread is given up is the service thread's to say.
 */

#pragma once

#include <uv.h>

#include "table/shared.h"

/*! After so long a key that is being read hangs. */
#define ANAME_KEY_HANG_MS 3000

/*! Most threads: one that reads, and those that hang. */
#define ANAME_KEY_THREADS_MAX 4

typedef struct aname_key_reader aname_key_reader_t;

/*! New reader on this loop. Ownership: the caller's; it lives as long as the loop. */
aname_key_reader_t *aname_key_reader_new(aname_shared_t *shared, uv_loop_t *loop);

/*! Frees it. Nothing may be being read; the loop must run once more after it. */
void aname_key_reader_free(aname_key_reader_t *reader);

/*! Something may be there to read. Thread: service. */
void aname_key_reader_wake(aname_key_reader_t *reader);

/*! Starts nothing any more until resumed; what is being read goes on. Thread: service. */
void aname_key_reader_pause(aname_key_reader_t *reader);
void aname_key_reader_resume(aname_key_reader_t *reader);

/*! Is something being read, and not given up? Thread: service. */
bool aname_key_reader_busy(aname_key_reader_t *reader);
