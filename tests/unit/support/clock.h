/*!
 * \brief Time under control: the linker sends the core's calls of clock_gettime() through here
 *        (--wrap). libuv's own timers go on by the real clock.
 */

#pragma once

#include <stdint.h>

/*! Stops the clock at this many milliseconds; negative: the real clock. */
void clock_stop_at(int64_t now_ms);

/*! Sets the stopped clock forward, or back. */
void clock_skip(int64_t by_ms);

/*! Sets forward that one of the stopped clocks that goes on while the machine is suspended. */
void clock_sleep(int64_t by_ms);
