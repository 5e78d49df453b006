/*!
 * \brief Where TCP workers that ask to wait do so, until something is published.  [P]
 *
 * The only place where a worker waits, and only a few at once (BEHAVIOUR C2). The service does
 * not notice the gate while nobody waits.
 */

#pragma once

#include <stdbool.h>
#include <stdint.h>

typedef struct aname_gate aname_gate_t;

/*! New gate with nobody waiting. NULL if out of memory. */
aname_gate_t *aname_gate_new(void);

void aname_gate_free(aname_gate_t *gate);

/*!
 * \brief Asks to wait.
 *
 * \param most  How many may wait at once.
 *
 * \return false if so many wait already; true: call aname_gate_leave() when done.
 *
 * Thread: worker.
 */
bool aname_gate_enter(aname_gate_t *gate, unsigned most);

void aname_gate_leave(aname_gate_t *gate);

/*! What has been published up to now; take it before looking. Thread: worker that entered. */
uint64_t aname_gate_ticket(aname_gate_t *gate);

/*!
 * \brief Waits until something is published after the ticket was taken.
 *
 * \param deadline_ms  Monotonic time in milliseconds.
 *
 * \return false if the deadline passed first.
 *
 * Thread: worker that entered, outside the epoch.
 */
bool aname_gate_wait(aname_gate_t *gate, uint64_t ticket, int64_t deadline_ms);

/*! Something was published: wakes who waits. Thread: service. */
void aname_gate_open(aname_gate_t *gate);
