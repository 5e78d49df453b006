/*!
 * \brief Something that works or fails, so that each is said once: that it fails at once, that it works again
 *        when it has for a while. What comes and goes has to work ever longer for that.
 *
 * Thread: any, one call at a time.
 */

#pragma once

#include <stdbool.h>
#include <stdint.h>

/*! How long it has to work at first, and at most. */
#define KANAME_STEADY_MS      1000
#define KANAME_STEADY_MOST_MS 300000

/*! All zero: it works. */
typedef struct {
	bool is_failing;  /*!< As it was said. */
	uint64_t why;     /*!< Mark of the reason that was said. */
	int64_t works_ms; /*!< Since when it has worked; 0: not now, or as ever. */
	int64_t wait_ms;  /*!< How long it has to. */
} kaname_steady_t;

/*!
 * \brief It fails.
 *
 * \param why  The reason; another one is said, too. NULL: there is but one.
 *
 * \return Is that to be said?
 */
bool kaname_steady_fails(kaname_steady_t *steady, const char *why, int64_t now_ms);

/*! It works, or does still. Is it to be said that it does again? */
bool kaname_steady_works(kaname_steady_t *steady, int64_t now_ms);
