/*!
 * \brief The clock, for those who pass `now` into the pure code.  [P]
 *
 * It goes on while the machine is suspended, because what is known grows old then, too. The kernel
 * has no coarse clock that does, and to read the exact one costs a warm query five times as much.
 * So it is the monotonic clock, and what was slept is added: that is looked for once in a while
 * (aname_clock_look()), and is the same for all threads from then on. Until somebody has looked the
 * clock is behind by what was slept.
 *
 * Thread: any.
 */

#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

/*! What was slept since aname_clock_begin(). */
extern _Atomic int64_t aname_clock_slept_ms;

/*! Goes up every few seconds; see aname_clock_step(). */
extern _Atomic uint32_t aname_clock_steps;

/*! Begins to count what is slept; at most once. */
void aname_clock_begin(void);

/*!
 * \brief Looks whether the machine has slept since somebody looked last.
 *
 * \return true if it has, for a second or more, and this is the first to see it.
 */
bool aname_clock_look(void);

static inline int64_t aname_clock_read_ms(clockid_t id)
{
	struct timespec ts;
	clock_gettime(id, &ts);
	return (int64_t)ts.tv_sec * 1000 + (uint32_t)ts.tv_nsec / 1000000;
}

/*! What has been slept, as far as anybody has seen. */
static inline int64_t aname_clock_slept(void)
{
	return atomic_load_explicit(&aname_clock_slept_ms, memory_order_relaxed);
}

/*! A count that the service has go up every few seconds, for what must not last longer than that
 *  and cannot afford a clock. */
static inline uint32_t aname_clock_step(void)
{
	return atomic_load_explicit(&aname_clock_steps, memory_order_relaxed);
}

/*! Time in milliseconds, to the millisecond. */
static inline int64_t aname_clock_ms(void)
{
	return aname_clock_read_ms(CLOCK_MONOTONIC) + aname_clock_slept();
}

/*! The same clock at the kernel's tick (4 ms or so behind at most); costs a few loads. */
static inline int64_t aname_clock_coarse_ms(void)
{
	return aname_clock_read_ms(CLOCK_MONOTONIC_COARSE) + aname_clock_slept();
}

/*! What passes while the machine is awake, in microseconds: for how long something takes. */
static inline int64_t aname_clock_us(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000 + (uint32_t)ts.tv_nsec / 1000;
}

/*! A moment of this clock by the monotonic one, as things are, for those who wait until then. */
static inline struct timespec aname_clock_until(int64_t at_ms)
{
	int64_t ms = at_ms - aname_clock_slept();
	ms = ms > 0 ? ms : 0;
	return (struct timespec){ .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };
}
