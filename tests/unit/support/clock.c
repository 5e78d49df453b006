#include "support/clock.h"

#include <stdatomic.h>
#include <time.h>

static _Atomic int64_t stopped_ms = -1;
static _Atomic int64_t slept_ms;

int __real_clock_gettime(clockid_t clock, struct timespec *ts);
int __wrap_clock_gettime(clockid_t clock, struct timespec *ts);

int __wrap_clock_gettime(clockid_t clock, struct timespec *ts)
{
	int64_t now_ms = atomic_load(&stopped_ms);
	if (now_ms < 0) {
		return __real_clock_gettime(clock, ts);
	}
	now_ms += clock == CLOCK_BOOTTIME ? atomic_load(&slept_ms) : 0;
	ts->tv_sec = now_ms / 1000;
	ts->tv_nsec = now_ms % 1000 * 1000000;
	return 0;
}

void clock_stop_at(int64_t now_ms)
{
	atomic_store(&stopped_ms, now_ms);
}

void clock_skip(int64_t by_ms)
{
	atomic_fetch_add(&stopped_ms, by_ms);
}

void clock_sleep(int64_t by_ms)
{
	atomic_fetch_add(&slept_ms, by_ms);
}
