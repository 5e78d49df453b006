#include "service/probe/verdict.h"

static bool become(aname_verdict_t *verdict, aname_health_t health, int64_t now_ms)
{
	verdict->health = health;
	verdict->run = 0;
	verdict->since_ms = now_ms;
	return true;
}

bool aname_verdict_take(aname_verdict_t *verdict, const aname_probe_t *probe,
                        aname_outcome_t outcome, int64_t now_ms)
{
	if (outcome == ANAME_OUTCOME_NONE) {
		return false;
	}
	bool success = outcome == ANAME_OUTCOME_UP;
	if (verdict->health == ANAME_HEALTH_UNKNOWN && success) {
		return become(verdict, ANAME_HEALTH_UP, now_ms);
	}
	bool against = success ? verdict->health == ANAME_HEALTH_DOWN
	                       : verdict->health != ANAME_HEALTH_DOWN;
	if (!against) {
		verdict->run = 0;
		return false;
	}
	verdict->run += verdict->run < UINT8_MAX;
	if (verdict->run < (success ? probe->rise : probe->fall)) {
		return false;
	}
	return become(verdict, success ? ANAME_HEALTH_UP : ANAME_HEALTH_DOWN, now_ms);
}

int64_t aname_verdict_next(const aname_verdict_t *verdict, const aname_probe_t *probe,
                           int64_t started_ms, uint32_t chance, int64_t now_ms)
{
	/* From nine tenths of the interval to eleven. */
	int64_t spread_ms = probe->interval_ms / 5;
	int64_t pause_ms = probe->interval_ms - spread_ms / 2 + chance % (spread_ms + 1);
	bool failing = verdict->health == ANAME_HEALTH_UNKNOWN && verdict->run > 0;
	if (failing && pause_ms > probe->timeout_ms) {
		pause_ms = probe->timeout_ms;
	}
	int64_t next_ms = started_ms + pause_ms;
	return next_ms > now_ms ? next_ms : now_ms;
}
