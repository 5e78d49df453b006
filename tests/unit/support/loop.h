/*!
 * \brief Simulated time: a clock that jumps to whatever comes next, and libuv's timers and idle
 *        handles on it.
 *
 * The linker sends the core's calls of libuv's timers, and of the clock, here (--wrap). Nothing
 * waits, so a month takes as long as what happens in it.
 */

#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <uv.h>

#define SECOND_MS INT64_C(1000)
#define MINUTE_MS (60 * SECOND_MS)
#define HOUR_MS   (60 * MINUTE_MS)
#define DAY_MS    (24 * HOUR_MS)

/*! Something that happens at some time; all zero at first, and to be part of what it is about. */
typedef struct loop_event {
	void (*run)(struct loop_event *event);
	int64_t at_ms;
	uint64_t order; /*!< Of two at the same time the one that was set first is the first. */
	size_t index;   /*!< In the heap, from 1 on; 0: it is not set. */
} loop_event_t;

/*! Has it happen at this time, in the place of any other. */
void loop_at(loop_event_t *event, int64_t at_ms);

/*! Has it not happen. */
void loop_never(loop_event_t *event);

/*! Where the clock stands. */
int64_t loop_now(void);

/*! Sets the clock; nothing may be set for before that. */
void loop_begin(int64_t now_ms);

/*! Lets happen what there is until then, and stops there. */
void loop_run(int64_t until_ms);

/*! Lets happen what is idle now, and no time pass. */
void loop_settle(void);

/*! Time passes, and nothing happens: what was to happen meanwhile is late. */
void loop_pass(int64_t passed_ms);

/*! How much has happened in all. */
uint64_t loop_count(void);

/*! Something is not as it has to be: says when, where and what, and ends the program. */
_Noreturn void loop_wrong(const char *file, int line, const char *format, ...)
        __attribute__((format(printf, 3, 4)));

#define REQUIRE(holds, ...)                                          \
	do {                                                         \
		if (!(holds)) {                                      \
			loop_wrong(__FILE__, __LINE__, __VA_ARGS__); \
		}                                                    \
	} while (0)
