#include "follow/pace.h"

void kaname_pace_changed(kaname_pace_t *pace, int64_t now_ms)
{
	if (now_ms - pace->changed_ms >= KANAME_PACE_MOST_MS &&
	    now_ms - pace->written_ms >= KANAME_PACE_MOST_MS) {
		pace->writes = 0;
	}
	pace->changed_ms = now_ms;
}

void kaname_pace_written(kaname_pace_t *pace, int64_t now_ms)
{
	pace->written_ms = now_ms;
	if (pace->writes < UINT8_MAX) {
		pace->writes++;
	}
}

int64_t kaname_pace_next(const kaname_pace_t *pace, bool gone)
{
	if (pace->writes < KANAME_PACE_AT_ONCE) {
		return 0;
	}
	int64_t most_ms = gone ? KANAME_PACE_MOST_GONE_MS : KANAME_PACE_MOST_MS;
	int64_t pause_ms = KANAME_PACE_FIRST_MS;
	for (unsigned i = KANAME_PACE_AT_ONCE; i < pace->writes && pause_ms < most_ms; i++) {
		pause_ms *= 2;
	}
	return pace->written_ms + (pause_ms < most_ms ? pause_ms : most_ms);
}
