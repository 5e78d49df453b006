/*!
 * \brief Reads private keys from Knot's key store, in libuv's thread pool.  [U]
 *
 * One batch at a time, so that ten thousand keys at start take one thread of the pool and none of
 * a resolver's. The service thread publishes what was read. If there is no pool it reads them
 * itself, a few at a time: what waits for a slow file then is all that it does, but signed zones
 * are served.
 */

#pragma once

#include <uv.h>

#include "table/shared.h"

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

/*! Is something being read? Thread: service. */
bool aname_key_reader_busy(const aname_key_reader_t *reader);

/*!
 * \brief Reads one private key: computes its id and looks for its file in each directory.
 *
 * \param secret  Its RDATA and directories are used.
 * \param found   What came of it.
 *
 * Thread: any that may open files.
 */
void aname_key_read(const aname_secret_t *secret, aname_secret_found_t *found);
