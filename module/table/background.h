/*!
 * \brief Work that nobody waits for, on a thread of its own: to free very much.  [P]
 *
 * Thread: any.
 */

#pragma once

/*! So many threads are at work at once at most. */
#define ANAME_BACKGROUND_MAX 4

/*!
 * \brief Has something run, and goes on meanwhile.
 *
 * Where no thread can be had it has run when this returns. A thread ends by itself, or with the
 * process; knotd's signals do not come to it.
 */
void aname_background_run(void (*run)(void *ctx), void *ctx);
