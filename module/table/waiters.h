/*!
 * \brief The TCP workers that wait until something is published.  [P]
 *
 * Nowhere else does a worker wait, and only a few may at once (BEHAVIOUR C2). While nobody waits
 * a publication costs one load.
 */

#pragma once

#include <stdbool.h>
#include <stdint.h>

typedef struct aname_waiters aname_waiters_t;

/*! New, with nobody waiting. NULL if out of memory. */
aname_waiters_t *aname_waiters_new(void);

void aname_waiters_free(aname_waiters_t *waiters);

/*!
 * \brief Asks to wait.
 *
 * \param most  How many may wait at once.
 *
 * \return false if so many wait already; true: call aname_waiters_leave() when done.
 *
 * Thread: worker.
 */
bool aname_waiters_enter(aname_waiters_t *waiters, unsigned most);

void aname_waiters_leave(aname_waiters_t *waiters);

/*! The number of publications up to now; read it before looking at what is published.
 *  Thread: worker that entered. */
uint64_t aname_waiters_generation(aname_waiters_t *waiters);

/*!
 * \brief Waits until something is published after this generation.
 *
 * \param deadline_ms  Monotonic time in milliseconds.
 *
 * \return false if the deadline passed first.
 *
 * Thread: worker that entered, outside the epoch.
 */
bool aname_waiters_wait(aname_waiters_t *waiters, uint64_t generation, int64_t deadline_ms);

/*! Something was published: wakes who waits. Thread: service. */
void aname_waiters_wake(aname_waiters_t *waiters);
