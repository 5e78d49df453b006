/*!
 * \brief How long ago a state file was saved: the clocks that go on while nothing runs (BEHAVIOUR
 *        S2).  [P]
 *
 * Thread: any.
 */

#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "service/state/format.h"

/*! Now, for a file that is saved or was loaded. Reads what the kernel says of its boot. */
aname_state_moment_t aname_state_now(void);

/*!
 * \brief How much time lies between two moments.
 *
 * Within a boot the clock that counts from it decides, otherwise that of the wall.
 *
 * \param elapsed_ms  Set to it; 0 if that cannot be told.
 *
 * \return false if it cannot be told: the clock was set back.
 */
__attribute__((warn_unused_result)) bool aname_state_elapsed(const aname_state_moment_t *saved,
                                                             const aname_state_moment_t *now,
                                                             int64_t *elapsed_ms);
