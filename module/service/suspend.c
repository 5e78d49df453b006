#include "service/suspend.h"

#include "table/clock.h"

#define LOOK_MS 5000

static void look(aname_suspend_t *suspend)
{
	(void)aname_clock_look();
	/* A worker may have seen it first. */
	int64_t slept_ms = aname_clock_slept();
	if (slept_ms > suspend->slept_ms) {
		aname_refresh_slept(suspend->refresh, slept_ms - suspend->slept_ms);
		suspend->slept_ms = slept_ms;
	}
}

static void on_timer(uv_timer_t *timer)
{
	atomic_fetch_add_explicit(&aname_clock_steps, 1, memory_order_relaxed);
	look(timer->data);
}

static void on_check(uv_check_t *check)
{
	look(check->data);
}

void aname_suspend_watch(aname_suspend_t *suspend, uv_loop_t *loop, aname_refresh_t *refresh)
{
	suspend->refresh = refresh;
	suspend->slept_ms = aname_clock_slept();
	/* None of this can fail. */
	(void)uv_timer_init(loop, &suspend->timer);
	(void)uv_check_init(loop, &suspend->check);
	suspend->timer.data = suspend->check.data = suspend;
	(void)uv_timer_start(&suspend->timer, on_timer, LOOK_MS, LOOK_MS);
	(void)uv_check_start(&suspend->check, on_check);
	uv_unref((uv_handle_t *)&suspend->timer);
	uv_unref((uv_handle_t *)&suspend->check);
}
