/*!
 * \brief Memory as of knotd's pools: what is freed stays until all is over.
 */

#pragma once

#include <libknot/mm_ctx.h>

extern knot_mm_t pool_mm;

/*! At the end of an input. */
void pool_free(void);
