/*!
 * \brief When something was noted: by the clock on the wall, which somebody may set, and by that since
 *        boot, which counts within one boot only.
 *
 * Thread: any.
 */

#pragma once

#include <stdint.h>

typedef struct {
	int64_t wall_s; /*!< Since the epoch. */
	int64_t boot_s; /*!< Since the machine was booted; at least 1. */
	uint32_t boot; /*!< What tells this boot from others, but for chance; 0: it is not known. */
} kaname_moment_t;

/*! Reads what tells this boot from others. */
uint32_t kaname_moment_boot(void);

/*! Now, of this boot. */
kaname_moment_t kaname_moment_now(uint32_t boot);
