/*!
 * \brief Marks for the compiler: what every warm answer goes through, and what none does.  [P]
 *
 * Counted in instructions, a warm answer is to cost what a static one does (tests/bench). Calls
 * and saved registers are much of what there is to spare.
 */

#pragma once

/*! To be part of whatever calls it, in another file, too. */
#define ANAME_WARM inline

/*! Kept out of the way of what calls it. */
#define ANAME_ASIDE __attribute__((noinline))
