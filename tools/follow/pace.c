#include "follow/pace.h"

/*! The second that has not begun before: no pause is shorter than it is to be. */
static uint32_t seconds_of(int64_t now_ms)
{
	return (uint32_t)((now_ms + 999) / 1000);
}

void kaname_pace_changed(kaname_pace_t *pace, int64_t now_ms)
{
	const uint32_t quiet_s = KANAME_PACE_MOST_MS / 1000;
	uint32_t now_s = (uint32_t)(now_ms / 1000);
	if (now_s >= pace->changed_s + quiet_s && now_s >= pace->written_s + quiet_s) {
		pace->writes = 0;
	}
	pace->changed_s = seconds_of(now_ms);
}

void kaname_pace_written(kaname_pace_t *pace, int64_t now_ms)
{
	pace->written_s = seconds_of(now_ms);
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
	return 1000 * (int64_t)pace->written_s + (pause_ms < most_ms ? pause_ms : most_ms);
}
