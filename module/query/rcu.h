/*!
 * \brief Does knotd wait for this very thread?  [K]
 *
 * Hooks run under knotd's RCU, so an update of a zone or of the configuration waits for those who
 * are in one. No header of Knot's promises that, and none tells whether somebody waits; but the RCU
 * library (liburcu 0.11 and later, "memb") has its counters in public symbols, for those who compile
 * its read side into their own code. They are looked for at run time, and nothing but the end of a
 * wait rests on what they say.
 *
 * Thread: worker, in a hook.
 */

#pragma once

#include <stdbool.h>

/*! Where the counters are: of all, and of the thread. NULL if they are not there. */
typedef struct {
	const unsigned long *global, *own;
} aname_rcu_t;

/*! Looks for them, for the calling thread. May take the loader's lock: not under one of ours. */
aname_rcu_t aname_rcu_find(void);

/*! Does it wait for this thread? True also if that cannot be known. `rcu` is an aname_rcu_t. */
bool aname_rcu_waits(const void *rcu);
