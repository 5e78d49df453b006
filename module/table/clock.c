#include "table/clock.h"

/*! Less is not worth a word, and may be what lies between two looks at a clock. */
#define LEAST_MS 1000

_Atomic int64_t aname_clock_slept_ms;
_Atomic uint32_t aname_clock_steps;

/*! By how much the clock that goes on was ahead at the beginning; INT64_MAX: not begun. */
static _Atomic int64_t ahead_ms = INT64_MAX;

/*! By how much it is ahead. In this order, so that what lies between the two makes it no more. */
static int64_t read_ahead(void)
{
	int64_t boot_ms = aname_clock_read_ms(CLOCK_BOOTTIME);
	return boot_ms - aname_clock_read_ms(CLOCK_MONOTONIC);
}

void aname_clock_begin(void)
{
	atomic_store(&ahead_ms, read_ahead());
}

bool aname_clock_look(void)
{
	int64_t begun_ms = atomic_load_explicit(&ahead_ms, memory_order_relaxed);
	int64_t known_ms = aname_clock_slept();
	if (begun_ms == INT64_MAX) {
		return false;
	}
	int64_t slept_ms = read_ahead() - begun_ms;
	return slept_ms - known_ms >= LEAST_MS &&
	       atomic_compare_exchange_strong(&aname_clock_slept_ms, &known_ms, slept_ms);
}
