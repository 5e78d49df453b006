#include "follow/steady.h"

#include <string.h>

#include "fnv.h"

bool kaname_steady_fails(kaname_steady_t *steady, const char *why, int64_t now_ms)
{
	uint64_t mark = why != NULL ? aname_fnv(ANAME_FNV_BASIS, why, strlen(why)) : 0;
	bool again = !steady->is_failing;
	if (again) {
		bool calm =
		        steady->works_ms == 0 || now_ms - steady->works_ms >= KANAME_STEADY_MOST_MS;
		int64_t wait_ms = 2 * steady->wait_ms;
		wait_ms = wait_ms < KANAME_STEADY_MOST_MS ? wait_ms : KANAME_STEADY_MOST_MS;
		steady->wait_ms = calm ? KANAME_STEADY_MS : wait_ms;
	}
	again |= mark != steady->why;
	steady->is_failing = true;
	steady->why = mark;
	steady->works_ms = 0;
	return again;
}

bool kaname_steady_works(kaname_steady_t *steady, int64_t now_ms)
{
	if (!steady->is_failing) {
		return false;
	}
	if (steady->works_ms == 0) {
		steady->works_ms = now_ms;
	}
	if (now_ms - steady->works_ms < steady->wait_ms) {
		return false;
	}
	steady->is_failing = false;
	return true;
}
