#include "follow/pace.h"

/*! The second that has not begun before: no pause is shorter than it is to be. */
static int32_t seconds_of(int64_t now_ms)
{
	return (int32_t)((now_ms + 999) / 1000);
}

void kaname_pace_changed(kaname_pace_t *pace, int64_t now_ms)
{
	const int32_t quiet_s = KANAME_PACE_MOST_MS / 1000;
	int32_t now_s = (int32_t)(now_ms / 1000);
	if (now_s >= pace->changed_s + quiet_s && now_s >= pace->written_s + quiet_s) {
		pace->writes = 0;
	}
	pace->changed_s = seconds_of(now_ms);
}

/*! Is this the other family of what was written just before? */
static bool is_other_half(const kaname_pace_t *pace, unsigned families, int64_t now_ms)
{
	return families != 0 && pace->families != 0 && (pace->families & families) == 0 &&
	       now_ms < 1000 * (int64_t)pace->written_s + KANAME_PACE_PAIR_MS;
}

void kaname_pace_written(kaname_pace_t *pace, unsigned families, bool counts, int64_t now_ms)
{
	if (is_other_half(pace, families, now_ms)) {
		pace->families |= families;
		return;
	}
	pace->written_s = seconds_of(now_ms);
	pace->families = families;
	if (counts && pace->writes < UINT8_MAX) {
		pace->writes++;
	}
}

int64_t kaname_pace_next(const kaname_pace_t *pace, unsigned families, bool gone, int64_t now_ms)
{
	if (pace->writes < KANAME_PACE_AT_ONCE || is_other_half(pace, families, now_ms)) {
		return 0;
	}
	int64_t most_ms = gone ? KANAME_PACE_MOST_GONE_MS : KANAME_PACE_MOST_MS;
	int64_t pause_ms = KANAME_PACE_FIRST_MS;
	for (unsigned i = KANAME_PACE_AT_ONCE; i < pace->writes && pause_ms < most_ms; i++) {
		pause_ms *= 2;
	}
	return 1000 * (int64_t)pace->written_s + (pause_ms < most_ms ? pause_ms : most_ms);
}
