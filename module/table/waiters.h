/*!
 * \brief The TCP workers that wait until something is published.  [P]
 *
 * Nowhere else does a worker wait, and only a few may at once (BEHAVIOUR C2). While nobody waits
 * a publication costs one load.
 *
 * knotd's RCU waits for those who wait, once in each step of an update, and a reload has a dozen
 * steps. So that these do not meet new waiters each time, waits that overlap form a round: it ends
 * for all of them when the one who began it has waited long enough, and after a round that went on
 * until its end nobody waits for a moment, in which the remaining steps come through. A round in
 * which everybody got an answer, and all that a server does whose resolver answers is such rounds,
 * is followed by no pause.
 */

#pragma once

#include <stdbool.h>
#include <stdint.h>

/*! Nobody waits for so long after a round that was ended by time. Steps of an update follow each
 *  other within a millisecond or two. */
#define ANAME_WAITERS_GAP_MS 50

/*! Nobody waits for so long after an instance was loaded or unloaded. The longest time without
 *  either within the reload of 20,000 zones was half of that, and a few milliseconds else. */
#define ANAME_WAITERS_PAUSE_MS 1000

typedef struct aname_waiters aname_waiters_t;

typedef enum {
	ANAME_WAIT_ADMITTED, /*!< Call aname_waiters_leave() when done. */
	ANAME_WAIT_FULL,     /*!< So many wait already. */
	ANAME_WAIT_NOT_NOW,  /*!< Zones are being loaded, or a round has just ended. */
} aname_wait_t;

/*! New, with nobody waiting. NULL if out of memory. */
aname_waiters_t *aname_waiters_new(void);

void aname_waiters_free(aname_waiters_t *waiters);

/*!
 * \brief Asks to wait.
 *
 * \param most         How many may wait at once.
 * \param wait_ms      For how long.
 * \param deadline_ms  Until when, at most; the round may end earlier.
 *
 * Thread: worker.
 */
__attribute__((warn_unused_result)) aname_wait_t aname_waiters_enter(aname_waiters_t *waiters,
                                                                     unsigned most,
                                                                     uint32_t wait_ms,
                                                                     int64_t now_ms,
                                                                     int64_t *deadline_ms);

/*! Thread: worker that entered. */
void aname_waiters_leave(aname_waiters_t *waiters, int64_t now_ms);

/*!
 * \brief Ends the round, and lets nobody wait for a while: an instance was loaded or unloaded.
 *
 * Before anybody has asked to wait it has no effect: when knotd starts all instances are loaded
 * before there is a worker.
 *
 * Thread: any that knotd loads modules on.
 */
void aname_waiters_pause(aname_waiters_t *waiters, int64_t now_ms);

/*! The number of publications up to now; read it before looking at what is published.
 *  Thread: worker that entered. */
uint64_t aname_waiters_generation(aname_waiters_t *waiters);

/*!
 * \brief Waits until something is published after this generation.
 *
 * \param deadline_ms  Monotonic time in milliseconds.
 *
 * \return false if the deadline passed first, or the round ended.
 *
 * Thread: worker that entered, outside the epoch.
 */
bool aname_waiters_wait(aname_waiters_t *waiters, uint64_t generation, int64_t deadline_ms);

/*! Something was published: wakes who waits. Thread: service. */
void aname_waiters_wake(aname_waiters_t *waiters);
