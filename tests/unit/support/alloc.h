/*!
 * \brief Memory under control: the linker sends the core's and the tests' calls of malloc() and
 *        the like through here (--wrap). What shared libraries allocate is not seen.
 */

#pragma once

#include <stdbool.h>
#include <stddef.h>

/*! From now on the n-th allocation fails, once; 0: none does. */
void alloc_fail_at(unsigned n);

/*! Did it fail? Ends the waiting for it. */
bool alloc_failed(void);

/*! Blocks allocated and not freed. */
long alloc_live(void);

/*! Notes whether this block is freed from now on. One block at a time is watched. */
void alloc_watch(const void *block);

/*! How often was it freed? */
unsigned alloc_watched(void);

/*!
 * Repeats `attempt` with the first, second, ... allocation failing, until none fails. What
 * `attempt` returns must say whether it succeeded, and it must clean up in both cases.
 *
 * \return How many allocations could fail; no attempt with a failed allocation may succeed,
 *         and none may leave a block behind (checked).
 */
unsigned alloc_fail_each(bool (*attempt)(void *ctx), void *ctx);
