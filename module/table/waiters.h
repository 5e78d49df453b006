/*!
 * \brief The TCP workers that wait until something is published.  [P]
 *
 * Nowhere else does a worker wait, and only a few may at once (BEHAVIOUR C2). While nobody waits
 * a publication costs one load.
 *
 * knotd's RCU waits for those who wait, once in each step of an update, and a reload has some
 * fifteen steps. So that these do not meet new waiters each time, those who have waited for
 * ANAME_WAITERS_SHORT_MS form a round. It ends for all of them when the one who began it has waited
 * long enough, and after a round that was ended by time nobody waits for longer than that for a
 * while, in which the remaining steps come through. Whoever gets an answer sooner, and that is
 * everybody where targets can be resolved, does not notice. Nor does a round end while it is known
 * that it holds nobody up.
 */

#pragma once

#include <stdbool.h>
#include <stdint.h>

/*! Who waits no longer than that is in no round. A lookup that needs no other servers than the
 *  resolver knows takes less. */
#define ANAME_WAITERS_SHORT_MS 40

/*! How long there is no round after one that was ended by time: fifteen steps of a reload, of which
 *  each meets somebody who waits for a short time. */
#define ANAME_WAITERS_GAP_MS 600

/*! Nobody waits for so long after an instance was loaded or unloaded. The longest time without
 *  either within the reload of 20,000 zones was half of that, and a few milliseconds else. */
#define ANAME_WAITERS_PAUSE_MS 1000

/*! Zones that are told apart while they wait; others share. */
#define ANAME_WAITERS_ZONES 1024

typedef struct aname_waiters aname_waiters_t;

typedef enum {
	ANAME_WAIT_ADMITTED, /*!< Call aname_waiters_leave() when done. */
	ANAME_WAIT_FULL,     /*!< So many wait already. */
	ANAME_WAIT_NOT_NOW,  /*!< Zones are being loaded. */
} aname_wait_t;

/*! One who waits. */
typedef struct {
	int64_t since_ms;
	uint32_t wait_ms; /*!< For how long at most. */
	bool in_round;
	uint32_t zone;                 /*!< For which zone. */
	uint64_t pauses;               /*!< How many pauses there were before. */
	bool (*held)(const void *ctx); /*!< Is an update held up by this thread? NULL: it may be. */
	const void *held_ctx;          /*!< For it. */
} aname_waiter_t;

/*! New, with nobody waiting. NULL if out of memory. */
aname_waiters_t *aname_waiters_new(void);

void aname_waiters_free(aname_waiters_t *waiters);

/*!
 * \brief Asks to wait.
 *
 * \param most     How many may wait at once. A zone may have more than one of these places as long as
 *                 it leaves half as many as it has (BEHAVIOUR L4).
 * \param zone     For which zone, aname_shared_zone(); 0: not known.
 * \param wait_ms  For how long at most.
 * \param waiter   Is made, if admitted; without `held`, which may be set then.
 *
 * Thread: worker.
 */
__attribute__((warn_unused_result)) aname_wait_t aname_waiters_enter(aname_waiters_t *waiters,
                                                                     unsigned most, uint32_t zone,
                                                                     uint32_t wait_ms,
                                                                     int64_t now_ms,
                                                                     aname_waiter_t *waiter);

/*! Thread: worker that entered. */
void aname_waiters_leave(aname_waiters_t *waiters, const aname_waiter_t *waiter, int64_t now_ms);

/*!
 * \brief Ends all waits, and lets nobody wait for a while: an instance was loaded or unloaded.
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
 * \return false if the time is over, or the round.
 *
 * Thread: worker that entered, outside the epoch.
 */
bool aname_waiters_wait(aname_waiters_t *waiters, aname_waiter_t *waiter, uint64_t generation);

/*! Something was published: wakes who waits. Thread: service. */
void aname_waiters_wake(aname_waiters_t *waiters);
