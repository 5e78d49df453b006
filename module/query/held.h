/*!
 * \brief Does knotd wait for this very thread?  [K]
 *
 * Hooks run under knotd's RCU, so an update of a zone or of the configuration waits for those who
 * are in one. No header of Knot's promises that, and none tells whether somebody waits; but the RCU
 * library (liburcu, "memb") has its counters in public symbols, for those who compile its read side
 * into their own code. They are looked for at run time, and nothing but the end of a wait rests on
 * what they say.
 *
 * Thread: worker, in a hook.
 */

#pragma once

#include <stdbool.h>

/*! True also if it cannot be known. */
bool aname_held_up(void);
