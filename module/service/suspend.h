/*!
 * \brief Notices that the machine was suspended, and has the service go on from there.  [U]
 *
 * libuv's timers stand still meanwhile, so what was due then would be late by as long as the
 * machine slept. It is looked for each time the loop has anything to do, which a query sees to, and
 * at least every five seconds. With the latter the clock's steps are counted (table/clock.h).
 *
 * Thread: service.
 */

#pragma once

#include <uv.h>

#include "service/refresh.h"

/*! One that is all zero; never closed, as the loop of the service is not. */
typedef struct {
	uv_timer_t timer;
	uv_check_t check;
	aname_refresh_t *refresh;
	int64_t slept_ms; /*!< What is taken into account already. */
} aname_suspend_t;

/*! Looks from now on, while the loop runs. What is given outlives it. */
void aname_suspend_watch(aname_suspend_t *suspend, uv_loop_t *loop, aname_refresh_t *refresh);
