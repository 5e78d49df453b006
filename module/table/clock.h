/*!
 * \brief The clock, for those who pass `now` into the pure code.  [P]
 */

#pragma once

#include <stdint.h>
#include <time.h>

/*! Monotonic time in milliseconds, to the millisecond. */
static inline int64_t aname_clock_ms(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + (uint32_t)ts.tv_nsec / 1000000;
}

/*! The same clock at the kernel's tick (4 ms or so behind at most); costs a few loads. */
static inline int64_t aname_clock_coarse_ms(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC_COARSE, &ts);
	return (int64_t)ts.tv_sec * 1000 + (uint32_t)ts.tv_nsec / 1000000;
}
