/*!
 * \brief Memory contexts for packets: one that counts and can fail, one that never frees.
 */

#pragma once

#include <libknot/mm_ctx.h>

/*! Counts what is allocated; can be made to fail. One at a time. */
knot_mm_t memory_counted(void);

/*! The n-th allocation from now fails, once; 0: none. */
void memory_fail_at(unsigned n);

/*! Did it fail? Ends the waiting for it. */
bool memory_failed(void);

/*! Blocks allocated and not freed. */
long memory_live(void);

/*! Like the memory pool of knotd's workers: without a free(). Can be made to fail. One at a
 *  time. */
knot_mm_t memory_pool(void);

/*! Frees the pool as a whole. */
void memory_pool_empty(void);
