#include "support/loop.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "support/clock.h"

/*! More than this at one and the same time is a loop that spins. */
#define AT_ONCE_MAX 1000000
/*! Handles that are active at once; the service has few. */
#define HANDLES_MAX 64

static struct {
	loop_event_t **heap; /*!< From 1 on. */
	size_t count, size;
	uint64_t orders, happened;
	int64_t now_ms, begun_ms;
} state;

/* What comes next. */

static bool is_before(const loop_event_t *one, const loop_event_t *other)
{
	return one->at_ms < other->at_ms ||
	       (one->at_ms == other->at_ms && one->order < other->order);
}

static void put(size_t index, loop_event_t *event)
{
	state.heap[index] = event;
	event->index = index;
}

static void sift(size_t index, loop_event_t *event)
{
	for (; index > 1 && is_before(event, state.heap[index / 2]); index /= 2) {
		put(index, state.heap[index / 2]);
	}
	size_t child;
	while ((child = 2 * index) <= state.count) {
		if (child < state.count && is_before(state.heap[child + 1], state.heap[child])) {
			child++;
		}
		if (!is_before(state.heap[child], event)) {
			break;
		}
		put(index, state.heap[child]);
		index = child;
	}
	put(index, event);
}

void loop_never(loop_event_t *event)
{
	size_t index = event->index;
	event->index = 0;
	loop_event_t *last = index != 0 ? state.heap[state.count--] : event;
	if (last != event) {
		sift(index, last);
	}
}

static void grow(void)
{
	if (state.count + 1 >= state.size) {
		state.size = 2 * state.size + 1024;
		state.heap = realloc(state.heap, state.size * sizeof(*state.heap));
		REQUIRE(state.heap != NULL, "out of memory");
	}
}

void loop_at(loop_event_t *event, int64_t at_ms)
{
	REQUIRE(at_ms >= state.now_ms, "something is set for the past");
	loop_never(event);
	event->at_ms = at_ms;
	event->order = state.orders++;
	grow();
	sift(++state.count, event);
}

int64_t loop_now(void)
{
	return state.now_ms;
}

static void set_clock(int64_t now_ms)
{
	state.now_ms = now_ms;
	clock_stop_at(now_ms);
}

void loop_begin(int64_t now_ms)
{
	if (state.begun_ms == 0) {
		state.begun_ms = now_ms;
		grow(); /* Before anybody looks at how much memory there is. */
	}
	set_clock(now_ms);
}

uint64_t loop_count(void)
{
	return state.happened;
}

void loop_wrong(const char *file, int line, const char *format, ...)
{
	int64_t passed_ms = state.now_ms - state.begun_ms;
	(void)fflush(stdout);
	(void)fprintf(stderr, "%s:%d: day %" PRId64 ", %02d:%02d:%02d.%03d: ", file, line,
	              passed_ms / DAY_MS, (int)(passed_ms / HOUR_MS % 24),
	              (int)(passed_ms / MINUTE_MS % 60), (int)(passed_ms / SECOND_MS % 60),
	              (int)(passed_ms % 1000));
	va_list arguments;
	va_start(arguments, format);
	(void)vfprintf(stderr, format, arguments);
	va_end(arguments);
	(void)fputc('\n', stderr);
	abort();
}

/* libuv's handles. */

int __wrap_uv_timer_start(uv_timer_t *timer, uv_timer_cb cb, uint64_t timeout, uint64_t repeat);
int __wrap_uv_timer_stop(uv_timer_t *timer);
int __wrap_uv_idle_start(uv_idle_t *idle, uv_idle_cb cb);
int __wrap_uv_idle_stop(uv_idle_t *idle);
void __wrap_uv_update_time(uv_loop_t *loop);
void __wrap_uv_close(uv_handle_t *handle, uv_close_cb cb);
void __real_uv_close(uv_handle_t *handle, uv_close_cb cb);

/*! A timer that is used. */
typedef struct {
	loop_event_t event;
	uv_timer_t *timer;
	uv_timer_cb cb;
} simulated_t;

static simulated_t timers[HANDLES_MAX];

static struct {
	uv_idle_t *idle;
	uv_idle_cb cb;
} idles[HANDLES_MAX];

static unsigned idles_count;

static simulated_t *find_timer(const uv_timer_t *timer)
{
	for (unsigned i = 0; i < HANDLES_MAX; i++) {
		if (timers[i].timer == timer) {
			return &timers[i];
		}
	}
	return NULL;
}

static void on_timer(loop_event_t *event)
{
	simulated_t *timer = (simulated_t *)event;
	timer->cb(timer->timer);
}

int __wrap_uv_timer_start(uv_timer_t *handle, uv_timer_cb cb, uint64_t timeout, uint64_t repeat)
{
	simulated_t *timer = find_timer(handle);
	timer = timer != NULL ? timer : find_timer(NULL);
	REQUIRE(timer != NULL && repeat == 0, "there are more timers than thought of");
	timer->timer = handle;
	timer->cb = cb;
	timer->event.run = on_timer;
	loop_at(&timer->event, state.now_ms + (int64_t)timeout);
	return 0;
}

int __wrap_uv_timer_stop(uv_timer_t *handle)
{
	simulated_t *timer = find_timer(handle);
	if (timer != NULL) {
		loop_never(&timer->event);
	}
	return 0;
}

int __wrap_uv_idle_start(uv_idle_t *idle, uv_idle_cb cb)
{
	REQUIRE(idles_count < HANDLES_MAX, "there are more idle handles than thought of");
	idles[idles_count].idle = idle;
	idles[idles_count++].cb = cb;
	return 0;
}

int __wrap_uv_idle_stop(uv_idle_t *idle)
{
	for (unsigned i = 0; i < idles_count; i++) {
		if (idles[i].idle == idle) {
			idles[i] = idles[--idles_count];
		}
	}
	return 0;
}

void __wrap_uv_update_time(uv_loop_t *loop)
{
}

void __wrap_uv_close(uv_handle_t *handle, uv_close_cb cb)
{
	if (handle->type == UV_TIMER) {
		simulated_t *timer = find_timer((uv_timer_t *)handle);
		if (timer != NULL) {
			loop_never(&timer->event);
			timer->timer = NULL;
		}
	} else if (handle->type == UV_IDLE) {
		(void)__wrap_uv_idle_stop((uv_idle_t *)handle);
	}
	__real_uv_close(handle, cb);
}

/* Going on. */

void loop_settle(void)
{
	for (unsigned i = 0; idles_count > 0; i++) {
		REQUIRE(i < AT_ONCE_MAX, "the loop spins");
		idles[0].cb(idles[0].idle);
	}
}

void loop_pass(int64_t passed_ms)
{
	set_clock(state.now_ms + passed_ms);
}

void loop_run(int64_t until_ms)
{
	unsigned at_once = 0;
	for (;;) {
		if (idles_count > 0) {
			idles[0].cb(idles[0].idle); /* It stops itself, or goes on. */
		} else if (state.count > 0 && state.heap[1]->at_ms <= until_ms) {
			loop_event_t *event = state.heap[1];
			at_once = event->at_ms > state.now_ms ? 0 : at_once;
			if (event->at_ms > state.now_ms) { /* Not so after a suspension. */
				set_clock(event->at_ms);
			}
			loop_never(event);
			event->run(event);
			state.happened++;
		} else {
			break;
		}
		REQUIRE(++at_once < AT_ONCE_MAX, "the loop spins");
	}
	if (until_ms > state.now_ms) {
		set_clock(until_ms);
	}
}
