#include "service/pace.h"

/*! How much may start ahead of an even pace. */
#define BURST_US 100000

int64_t aname_pace_take(aname_refresh_t *refresh, int64_t now_ms)
{
	int64_t now_us = now_ms * 1000;
	int64_t step_us =
	        1000000 / atomic_load_explicit(&refresh->lookup_rate, memory_order_relaxed);
	bool set_back = refresh->pace_us - now_us > BURST_US + step_us;
	if (refresh->pace_us < now_us || set_back) {
		refresh->pace_us = now_us;
	}
	if (refresh->pace_us - now_us > BURST_US) {
		return (refresh->pace_us - now_us - BURST_US) / 1000 + 1;
	}
	refresh->pace_us += step_us;
	return 0;
}
