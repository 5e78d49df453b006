#include "table/policy.h"

static int64_t min_i64(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static int64_t max_i64(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

/*!
 * Is what is past its lifetime late, and not stale: has its lookup not failed, and not taken longer
 * than usual? It counts from when the lookup was due, or from the end of the lifetime.
 */
static bool is_late(const aname_snapshot_t *snapshot, bool cold, const aname_schedule_t *schedule,
                    int64_t left_ms, int64_t overdue_ms)
{
	if (cold || snapshot->failure != ANAME_FAILURE_NONE) {
		return false;
	}
	int64_t usual_ms = 3 * (int64_t)snapshot->usual_ms / 2;
	int64_t patience_ms = ANAME_GRACE_MS + min_i64(usual_ms, schedule->timeout_ms);
	return min_i64(overdue_ms, -left_ms) <
	       min_i64(patience_ms, 1000 * (int64_t)schedule->stale_max);
}

/*! What is past its lifetime, and not late. */
static aname_judgement_t judge_stale(const aname_snapshot_t *snapshot, bool cold,
                                     const aname_schedule_t *schedule, aname_life_t life)
{
	aname_judgement_t judgement = { .worth = cold ? ANAME_COLD : ANAME_FAILED,
		                        .fallback = ANAME_FAILED };
	int64_t stale_left_ms = life.left_ms + 1000 * (int64_t)schedule->stale_max;
	if (snapshot == NULL || snapshot->known == ANAME_KNOWN_NOTHING || stale_left_ms <= 0) {
		return judgement;
	}
	judgement.fallback =
	        snapshot->known == ANAME_KNOWN_ADDRESSES ? ANAME_STALE : ANAME_STALE_NODATA;
	judgement.worth = cold ? ANAME_COLD : judgement.fallback;
	judgement.ttl = min_i64(min_i64(ANAME_STALE_TTL, life.whole_s), stale_left_ms / 1000);
	return judgement;
}

aname_judgement_t aname_policy_judge_end(const aname_snapshot_t *snapshot, bool cold,
                                         const aname_schedule_t *schedule, aname_life_t life,
                                         int64_t overdue_ms)
{
	bool known = snapshot != NULL && snapshot->known != ANAME_KNOWN_NOTHING;
	bool lives = life.left_ms > 0;
	if (!known || (!lives && !is_late(snapshot, cold, schedule, life.left_ms, overdue_ms))) {
		return judge_stale(snapshot, cold, schedule, life);
	}
	bool addresses = snapshot->known == ANAME_KNOWN_ADDRESSES;
	aname_worth_t live = addresses ? ANAME_FRESH : ANAME_NODATA;
	aname_worth_t late = addresses ? ANAME_LATE : ANAME_LATE_NODATA;
	bool sure = !cold && snapshot->failure == ANAME_FAILURE_NONE && life.whole_s > 1;
	return (aname_judgement_t){ .worth = lives ? live : late,
		                    .fallback = ANAME_FAILED,
		                    .ttl = sure ? 1 : 0 };
}

static bool has_addresses(const aname_snapshot_t *snapshot)
{
	return snapshot != NULL && snapshot->known == ANAME_KNOWN_ADDRESSES;
}

bool aname_policy_gone(const aname_snapshot_t *snapshot, const aname_snapshot_t *other)
{
	const aname_lost_t *lost = snapshot != NULL ? aname_snapshot_lost(snapshot) : NULL;
	return lost != NULL &&
	       (lost->nxdomain || !has_addresses(other) || other->learned_ms < lost->since_ms);
}

bool aname_policy_gone_surely(const aname_snapshot_t *snapshot, const aname_snapshot_t *other)
{
	return aname_policy_gone(snapshot, other) &&
	       (aname_snapshot_lost(snapshot)->nxdomain || !has_addresses(other) ||
	        other->failure != ANAME_FAILURE_NONE);
}

/*! What a negative answer is worth while addresses are kept in its place. */
static uint8_t kept(uint8_t worth)
{
	return aname_worth_is_negative(worth) ? ANAME_STALE : worth;
}

bool aname_policy_keep(const aname_snapshot_t *snapshot, uint32_t life, uint32_t delay_s,
                       int64_t now_ms, aname_judgement_t *judgement)
{
	int64_t left_ms =
	        aname_snapshot_lost(snapshot)->since_ms + 1000 * (int64_t)delay_s - now_ms;
	aname_worth_t fallback = kept(judgement->fallback), worth = kept(judgement->worth);
	if (left_ms <= 0 || (worth != ANAME_STALE && fallback != ANAME_STALE)) {
		return false;
	}
	*judgement = (aname_judgement_t){
		.worth = worth,
		.fallback = worth == ANAME_COLD ? fallback : ANAME_STALE,
		.ttl = min_i64(min_i64(ANAME_STALE_TTL, life), left_ms / 1000),
	};
	return true;
}

uint16_t aname_policy_usual(const aname_snapshot_t *before, int64_t took_ms)
{
	int64_t usual_ms = before != NULL ? before->usual_ms - before->usual_ms / 8 : 0;
	return min_i64(max_i64(took_ms, usual_ms), UINT16_MAX);
}

void aname_policy_bare(const aname_snapshot_t *before, aname_result_t *result)
{
	if (result->bare == 0) {
		return;
	}
	unsigned times = 1;
	uint32_t life = ANAME_BARE_MIN_S;
	for (; before != NULL && times <= before->bare && life < ANAME_BARE_MAX_S; times++) {
		life *= 2;
	}
	life = life < ANAME_BARE_MAX_S ? life : ANAME_BARE_MAX_S;
	result->bare = times;
	result->ttl = result->ttl < life ? result->ttl : life;
}

int64_t aname_policy_next_refresh(uint32_t life, uint32_t usual_ms, uint32_t chance, int64_t now_ms)
{
	int64_t life_ms = 1000 * (int64_t)life;
	/* 10 to 25 % of the lifetime before its end, or twice the time that lookups take. */
	int64_t early = life_ms / 10 + (life_ms * 15 / 100) * (chance % 1024) / 1024;
	early = max_i64(early, min_i64(2 * (int64_t)usual_ms, life_ms / 2));
	return now_ms + life_ms - early;
}

bool aname_policy_await_expiry(bool grace, const aname_snapshot_t *before, uint32_t ttl,
                               uint32_t life, int64_t now_ms)
{
	if (before == NULL || before->failure != ANAME_FAILURE_NONE || ttl == ANAME_TTL_UNKNOWN ||
	    before->ttl == ANAME_TTL_UNKNOWN || ttl >= before->ttl) {
		return false;
	}
	/* Whole seconds: the end of the lifetime is uncertain by one. */
	int64_t passed_ms = now_ms - before->learned_ms;
	bool same_end = passed_ms + 1000 * (int64_t)ttl <= 1000 * ((int64_t)before->ttl + 1);
	return same_end && grace && life == max_i64(ttl, 1);
}

int64_t aname_policy_next_expiry(uint32_t life, uint32_t chance, int64_t now_ms)
{
	return now_ms + 1000 * (int64_t)life +
	       ANAME_EXPIRY_SPREAD_MS * (int64_t)(chance % 1024) / 1024;
}

int64_t aname_policy_next_retry(const aname_schedule_t *schedule, unsigned failures,
                                uint32_t chance, int64_t now_ms)
{
	int64_t shortest_ms = max_i64(1000 * (int64_t)schedule->retry_min, 1000);
	int64_t longest_ms = max_i64(1000 * (int64_t)schedule->retry_max, shortest_ms);
	int64_t pause_ms = shortest_ms;
	for (unsigned i = 1; i < failures && pause_ms < longest_ms; i++) {
		pause_ms *= 2;
	}
	pause_ms = min_i64(pause_ms, longest_ms);

	int64_t from_ms = max_i64(pause_ms - pause_ms / 4, shortest_ms);
	int64_t to_ms = min_i64(pause_ms + pause_ms / 4, longest_ms);
	return now_ms + from_ms + (to_ms - from_ms) * (chance % 1024) / 1024;
}

int64_t aname_policy_forget_at(const aname_snapshot_t *snapshot, const aname_schedule_t *schedule,
                               int64_t now_ms)
{
	if (snapshot == NULL || snapshot->known == ANAME_KNOWN_NOTHING) {
		return now_ms;
	}
	/* The lifetime depends on the record asked through; no record lives longer than this. */
	return snapshot->learned_ms + 1000 * ((int64_t)schedule->ttl_max + schedule->stale_max);
}
