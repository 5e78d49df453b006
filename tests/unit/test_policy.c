#include "support/test.h"

#include "support/make.h"
#include "support/random.h"
#include "table/policy.h"

#define TOP_BIT (1u << 31)

/* Lifetimes. */

typedef struct {
	const char *proves;
	uint32_t ttl_min, ttl_max;
	uint32_t record, source;
	uint32_t life;
} life_row_t;

static const life_row_t life_rows[] = {
	{ "T1: the shorter of both counts (record)", 1, 86400, 300, 600, 300 },
	{ "T1: the shorter of both counts (source)", 1, 86400, 600, 300, 300 },
	{ "T1: without a TTL of the source the record stands in", 1, 86400, 300, ANAME_TTL_UNKNOWN,
	  300 },
	{ "T1: at least ttl-min", 60, 86400, 300, 5, 60 },
	{ "T1: at most ttl-max", 1, 120, 300, 600, 120 },
	{ "T1: a TTL of 0 is a second at least", 1, 86400, 0, 600, 1 },
	{ "T1: a source TTL of 0 is a second at least", 1, 86400, 600, 0, 1 },
	{ "T1: even with ttl-min 0 it is a second", 0, 86400, 0, 0, 1 },
	{ "T1: even with ttl-max 0 it is a second", 0, 0, 300, 300, 1 },
	{ "T1: ttl-min above ttl-max wins", 100, 10, 300, 300, 100 },
	{ "RFC 2181: a record TTL of 2^31 counts as zero", 1, 86400, TOP_BIT, 600, 1 },
	{ "RFC 2181: a record TTL of 2^32 - 1 counts as zero", 1, 86400, UINT32_MAX, 600, 1 },
	{ "RFC 2181: 2^31 - 1 is a TTL", 1, UINT32_MAX, INT32_MAX, INT32_MAX, INT32_MAX },
	{ "T1: ttl-min of 2^32 - 1 does not overflow", UINT32_MAX, UINT32_MAX, 0, 0, UINT32_MAX },
	{ "T5: ttl-max 1 is a second", 1, 1, 86400, ANAME_TTL_UNKNOWN, 1 },
};

static void check_life(void **state)
{
	const life_row_t *row = *state;
	aname_schedule_t schedule = make_schedule;
	schedule.ttl_min = row->ttl_min;
	schedule.ttl_max = row->ttl_max;
	assert_int_equal(aname_policy_life(&schedule, row->record, row->source), row->life);
}

/* Judgements. The snapshot is learned at 1,000,000 ms, with a TTL of 100 s and stale-max 200 s. */

enum { T0 = 1000000, LIFE = 100, STALE = 200 };

typedef struct {
	const char *proves;
	int known; /*!< aname_known_t, or -1: no snapshot. */
	bool failing, cold;
	int64_t after_ms; /*!< Since it was learned. */
	aname_worth_t worth, fallback;
	uint32_t ttl;
} judge_row_t;

#define ADDR ANAME_KNOWN_ADDRESSES
#define NEG  ANAME_KNOWN_NODATA
#define NONE ANAME_KNOWN_NOTHING

static const judge_row_t judge_rows[] = {
	{ "C1: no snapshot, never looked up: cold", -1, 0, 1, 0, ANAME_COLD, ANAME_FAILED, 0 },
	{ "F3: no snapshot, not cold: failed", -1, 0, 0, 0, ANAME_FAILED, ANAME_FAILED, 0 },
	{ "F3: only failures: failed", NONE, 1, 0, 5, ANAME_FAILED, ANAME_FAILED, 0 },
	{ "C1: only failures, dormant: cold", NONE, 1, 1, 5, ANAME_COLD, ANAME_FAILED, 0 },
	{ "T2: just learned: the whole TTL", ADDR, 0, 0, 0, ANAME_FRESH, ANAME_FAILED, 100 },
	{ "T2: after 1 ms: a second less", ADDR, 0, 0, 1, ANAME_FRESH, ANAME_FAILED, 99 },
	{ "T2: after 1 s: a second less", ADDR, 0, 0, 1000, ANAME_FRESH, ANAME_FAILED, 99 },
	{ "T2: after 60 s: 40 s are left", ADDR, 0, 0, 60000, ANAME_FRESH, ANAME_FAILED, 40 },
	{ "T2: 1 ms before the last second: a second", ADDR, 0, 0, 98999, ANAME_FRESH, ANAME_FAILED,
	  1 },
	{ "T2: 1 ms before the end: fresh, a second all the same", ADDR, 0, 0, 99999, ANAME_FRESH,
	  ANAME_FAILED, 1 },
	{ "T2: the same, failing: 0 s", ADDR, 1, 0, 99999, ANAME_FRESH, ANAME_FAILED, 0 },
	{ "T2: the same, dormant: 0 s", ADDR, 0, 1, 99999, ANAME_FRESH, ANAME_FAILED, 0 },
	{ "T2: the same of a negative answer: a second", NEG, 0, 0, 99999, ANAME_NODATA,
	  ANAME_FAILED, 1 },
	{ "T2: fresh though dormant", ADDR, 0, 1, 1000, ANAME_FRESH, ANAME_FAILED, 99 },
	{ "F1: fresh though failing", ADDR, 1, 0, 1000, ANAME_FRESH, ANAME_FAILED, 99 },
	{ "T2: at the end: late, a second", ADDR, 0, 0, 100000, ANAME_LATE, ANAME_FAILED, 1 },
	{ "T2: 1 ms before the grace is over: late", ADDR, 0, 0, 100999, ANAME_LATE, ANAME_FAILED,
	  1 },
	{ "F1: when it is over: stale", ADDR, 0, 0, 101000, ANAME_STALE, ANAME_STALE, 30 },
	{ "F1: failing at the end: stale at once", ADDR, 1, 0, 100000, ANAME_STALE, ANAME_STALE,
	  30 },
	{ "F1: failing past the end: stale", ADDR, 1, 0, 100001, ANAME_STALE, ANAME_STALE, 30 },
	{ "F1: dormant past the end: cold, stale if waiting is no use", ADDR, 0, 1, 100000,
	  ANAME_COLD, ANAME_STALE, 30 },
	{ "F1: 10 s before stale-max the TTL is 10 s", ADDR, 1, 0, 290000, ANAME_STALE, ANAME_STALE,
	  10 },
	{ "F1: 1 ms before stale-max: still stale, 0 s", ADDR, 1, 0, 299999, ANAME_STALE,
	  ANAME_STALE, 0 },
	{ "F1: at stale-max: failed", ADDR, 1, 0, 300000, ANAME_FAILED, ANAME_FAILED, 0 },
	{ "F1: dormant at stale-max: cold, nothing left", ADDR, 0, 1, 300000, ANAME_COLD,
	  ANAME_FAILED, 0 },
	{ "F1: long past stale-max: failed", ADDR, 1, 0, INT64_MAX / 2, ANAME_FAILED, ANAME_FAILED,
	  0 },
	{ "A7: a negative answer counts down too", NEG, 0, 0, 1000, ANAME_NODATA, ANAME_FAILED,
	  99 },
	{ "T2: a negative answer, late", NEG, 0, 0, 100999, ANAME_LATE_NODATA, ANAME_FAILED, 1 },
	{ "F1: a negative answer past its end", NEG, 0, 0, 101000, ANAME_STALE_NODATA,
	  ANAME_STALE_NODATA, 30 },
	{ "F1: a negative answer past its end, dormant", NEG, 0, 1, 100000, ANAME_COLD,
	  ANAME_STALE_NODATA, 30 },
	{ "F1: a negative answer at stale-max", NEG, 1, 0, 300000, ANAME_FAILED, ANAME_FAILED, 0 },
	{ "clock set back by a second: as if just learned", ADDR, 0, 0, -1000, ANAME_FRESH,
	  ANAME_FAILED, 100 },
	{ "clock set back to nothing: as if just learned", ADDR, 0, 0, -T0, ANAME_FRESH,
	  ANAME_FAILED, 100 },
	{ "clock below zero: as if just learned", NEG, 0, 1, -2 * T0, ANAME_NODATA, ANAME_FAILED,
	  100 },
};

/*! The same, with what is known of the lookup. */
typedef struct {
	const char *proves;
	int known;
	bool failing, cold;
	int64_t after_ms;
	aname_worth_t worth, fallback;
	uint32_t ttl;
	int64_t due_ms;    /*!< When its lookup is or was due, since it was learned. */
	uint16_t usual_ms; /*!< How long that takes. */
} late_row_t;

static const late_row_t late_rows[] = {
	{ "F1: what takes 200 ms has 300 more", ADDR, 0, 0, 101299, ANAME_LATE, ANAME_FAILED, 1, 0,
	  200 },
	{ "F1: and no more", ADDR, 0, 0, 101300, ANAME_STALE, ANAME_STALE, 30, 0, 200 },
	{ "F1: it counts from when the lookup was due", ADDR, 0, 0, 151299, ANAME_LATE,
	  ANAME_FAILED, 1, 150000, 200 },
	{ "F1: and no longer then, either", ADDR, 0, 0, 151300, ANAME_STALE, ANAME_STALE, 30,
	  150000, 200 },
	{ "T2: a lookup that is not due yet is not late", ADDR, 0, 0, 250000, ANAME_LATE,
	  ANAME_FAILED, 1, 260000, 0 },
	{ "T2: nor if what is known is older than stale-max", ADDR, 0, 0, 350000, ANAME_LATE,
	  ANAME_FAILED, 1, 350000, 0 },
	{ "F1: with a failure what is past its end is stale before that", ADDR, 1, 0, 250000,
	  ANAME_STALE, ANAME_STALE, 30, 260000, 200 },
	{ "C1: dormant it is cold", ADDR, 0, 1, 250000, ANAME_COLD, ANAME_STALE, 30,
	  ANAME_NEXT_NEVER, 0 },
	{ "F1: the longest time that counts is the time-out", ADDR, 0, 0, 105999, ANAME_LATE,
	  ANAME_FAILED, 1, 0, UINT16_MAX },
	{ "F1: and then it is stale", ADDR, 0, 0, 106000, ANAME_STALE, ANAME_STALE, 30, 0,
	  UINT16_MAX },
	{ "T2: a negative answer whose lookup is not due yet", NEG, 0, 0, 250000, ANAME_LATE_NODATA,
	  ANAME_FAILED, 1, 260000, 0 },
};

static void check_late(void **state)
{
	const late_row_t *row = *state;
	aname_schedule_t schedule = make_schedule;
	schedule.stale_max = STALE;
	const aname_snapshot_t snapshot = { .known = row->known >= 0 ? row->known : 0,
		                            .failure = row->failing ? ANAME_FAILURE_SERVER
		                                                    : ANAME_FAILURE_NONE,
		                            .ttl = LIFE,
		                            .usual_ms = row->usual_ms,
		                            .learned_ms = T0 };
	const aname_snapshot_t *known = row->known < 0 ? NULL : &snapshot;
	int64_t now_ms = T0 + row->after_ms;
	bool never = row->due_ms == ANAME_NEXT_NEVER;
	aname_judgement_t judgement = aname_policy_judge(
	        known, row->cold, &schedule, aname_policy_left(known, &schedule, LIFE * 2, now_ms),
	        never ? ANAME_NEXT_NEVER : T0 + row->due_ms, now_ms);
	assert_int_equal(judgement.worth, row->worth);
	assert_int_equal(judgement.fallback, row->fallback);
	assert_int_equal(judgement.ttl, row->ttl);
}

static void check_judge(void **state)
{
	const judge_row_t *row = *state;
	/* Its lookup was due long ago. */
	late_row_t late = { row->proves, row->known,    row->failing, row->cold, row->after_ms,
		            row->worth,  row->fallback, row->ttl,     0,         0 };
	void *late_state = &late;
	check_late(&late_state);
}

/*! Judges addresses through a record of that TTL; their lookup was due long ago. */
static aname_judgement_t judge(const aname_snapshot_t *snapshot, const aname_schedule_t *schedule,
                               uint32_t record, int64_t now_ms)
{
	return aname_policy_judge(snapshot, false, schedule,
	                          aname_policy_left(snapshot, schedule, record, now_ms), 0, now_ms);
}

static void no_stale(void **state)
{
	aname_schedule_t schedule = make_schedule;
	schedule.stale_max = 0;
	const aname_snapshot_t snapshot = {
		.known = ADDR, .ttl = LIFE, .learned_ms = T0, .usual_ms = 2000
	};
	int64_t end_ms = T0 + 1000 * LIFE;
	assert_int_equal(judge(&snapshot, &schedule, LIFE, end_ms).worth, ANAME_FAILED);
	assert_int_equal(judge(&snapshot, &schedule, LIFE, end_ms - 1).worth, ANAME_FRESH);
}

static void shortest_lives(void **state)
{
	/* T2, T5: with a lifetime of 1 s a TTL of 1 would be twice that. */
	for (uint32_t life = 1; life <= 3; life++) {
		const aname_snapshot_t snapshot = { .known = ADDR, .ttl = life, .learned_ms = T0 };
		for (int64_t now_ms = T0; now_ms < T0 + 1000 * life + ANAME_GRACE_MS; now_ms++) {
			aname_judgement_t judgement = judge(&snapshot, &make_schedule, 300, now_ms);
			int64_t left = life - (now_ms - T0 + 999) / 1000;
			int64_t least = life > 1;
			assert_int_equal(judgement.ttl, left > least ? left : least);
			assert_int_equal(judgement.worth,
			                 now_ms < T0 + 1000 * life ? ANAME_FRESH : ANAME_LATE);
		}
	}
}

static void usual_times(void **state)
{
	aname_snapshot_t snapshot = { .usual_ms = 3000 };
	assert_int_equal(aname_policy_usual(NULL, 0), 0);
	assert_int_equal(aname_policy_usual(NULL, 1), 1);
	assert_int_equal(aname_policy_usual(NULL, INT64_MAX), UINT16_MAX);
	assert_int_equal(aname_policy_usual(NULL, -1), 0);
	assert_int_equal(aname_policy_usual(&snapshot, 2999), 2999);
	assert_int_equal(aname_policy_usual(&snapshot, 1), 2625);
	/* Six hits of a cache between two lookups that it passes on. */
	for (unsigned i = 0; i < 6; i++) {
		snapshot.usual_ms = aname_policy_usual(&snapshot, 1);
	}
	assert_true(ANAME_GRACE_MS + 3 * snapshot.usual_ms / 2 > 3000);
	/* It is forgotten, but for milliseconds. */
	for (unsigned i = 0; i < 60; i++) {
		snapshot.usual_ms = aname_policy_usual(&snapshot, 1);
	}
	assert_in_range(snapshot.usual_ms, 1, 7);
}

static void longest_times(void **state)
{
	const aname_schedule_t schedule = { .ttl_min = UINT32_MAX,
		                            .ttl_max = UINT32_MAX,
		                            .stale_max = UINT32_MAX };
	const aname_snapshot_t snapshot = { .known = ADDR, .ttl = LIFE, .learned_ms = T0 };
	int64_t end_ms = T0 + 1000 * (int64_t)UINT32_MAX;
	aname_judgement_t judgement = judge(&snapshot, &schedule, LIFE, end_ms - 1);
	assert_int_equal(judgement.worth, ANAME_FRESH);
	judgement = judge(&snapshot, &schedule, LIFE, end_ms + ANAME_GRACE_MS);
	assert_int_equal(judgement.worth, ANAME_STALE);
	assert_int_equal(judgement.ttl, 30);
}

/*! The sentences on lifetimes hold for random snapshots: served <= left, never both, and so on. */
static void fuzz_judge(void **state)
{
	random_t random = { 4 };
	for (unsigned i = 0; i < 200000; i++) {
		aname_schedule_t schedule = make_schedule;
		schedule.ttl_max = 1 + random_below(&random, 1000);
		schedule.stale_max = random_below(&random, 100);
		const aname_snapshot_t snapshot = {
			.known = random_below(&random, 3),
			.ttl = random_below(&random, 8) == 0 ? random_next(&random)
			                                     : random_below(&random, 2000),
			.learned_ms = random_below(&random, 1000000),
			.usual_ms = random_below(&random, 8000),
			.failure = random_below(&random, 2),
		};
		int64_t next_ms = random_below(&random, 3000000);
		uint32_t record = random_below(&random, 2000);
		bool cold = random_below(&random, 2);
		int64_t now_ms = random_below(&random, 3000000);
		int64_t life_ms =
		        1000 * (int64_t)aname_policy_life(&schedule, record, snapshot.ttl);
		int64_t left_ms = snapshot.learned_ms + life_ms - now_ms;
		aname_judgement_t judgement = aname_policy_judge(
		        &snapshot, cold, &schedule,
		        aname_policy_left(&snapshot, &schedule, record, now_ms), next_ms, now_ms);
		bool fresh = judgement.worth == ANAME_FRESH || judgement.worth == ANAME_NODATA;
		bool late = judgement.worth == ANAME_LATE || judgement.worth == ANAME_LATE_NODATA;
		bool good = !cold && snapshot.failure == ANAME_FAILURE_NONE;
		int64_t from_ms = now_ms + left_ms > next_ms ? now_ms + left_ms : next_ms;
		int64_t usual_ms = snapshot.usual_ms + snapshot.usual_ms / 2;
		usual_ms = usual_ms < schedule.timeout_ms ? usual_ms : schedule.timeout_ms;
		int64_t most_ms = ANAME_GRACE_MS + usual_ms < 1000 * schedule.stale_max
		                          ? ANAME_GRACE_MS + usual_ms
		                          : 1000 * schedule.stale_max;
		assert_int_equal(fresh, snapshot.known != NONE && left_ms > 0);
		assert_int_equal(late, snapshot.known != NONE && left_ms <= 0 && good &&
		                               most_ms > 0 && now_ms - from_ms < most_ms);
		int64_t least = good && life_ms > 1000;
		assert_true(!(fresh || late) || judgement.ttl >= least);
		assert_true(!late || judgement.ttl == least);
		assert_true(!fresh || now_ms < snapshot.learned_ms || judgement.ttl == least ||
		            1000 * (int64_t)judgement.ttl <= left_ms);
		assert_true(fresh || judgement.ttl <= ANAME_STALE_TTL);
		assert_true(judgement.ttl <= life_ms / 1000);
		assert_true(cold || judgement.worth != ANAME_COLD);
		assert_true(fresh || !cold || judgement.worth == ANAME_COLD);
		assert_true(judgement.fallback != ANAME_COLD);
	}
}

/* What is gone. The loss is at T0. */

static aname_snapshot_t *lost(bool nxdomain)
{
	aname_snapshot_t *before = make_snapshot(4, 1, 2, 0);
	const aname_result_t result = {
		.known = ANAME_KNOWN_NODATA, .address_len = 4, .ttl = LIFE, .nxdomain = nxdomain
	};
	aname_snapshot_t *after = aname_snapshot_after(before, &result, T0, 0);
	assert_true(after->lost);
	free(before);
	return after;
}

typedef struct {
	const char *proves;
	bool nxdomain;
	int other; /*!< aname_known_t, or -1: no snapshot. */
	bool failing;
	int64_t learned_ms; /*!< Since the loss. */
	bool gone, surely;
} gone_row_t;

static const gone_row_t gone_rows[] = {
	{ "W1: nothing is known of the other family", 0, -1, 0, 0, 1, 1 },
	{ "W1: it has none, either", 0, NEG, 0, -5000, 1, 1 },
	{ "W1: nor was there ever anything", 0, NONE, 1, 0, 1, 1 },
	{ "W1: it has addresses, of later", 0, ADDR, 0, 1, 0, 0 },
	{ "W1: of the same moment", 0, ADDR, 0, 0, 0, 0 },
	{ "W1: of before, and is looked up: not sure", 0, ADDR, 0, -1, 1, 0 },
	{ "W1: of before, and fails", 0, ADDR, 1, -1, 1, 1 },
	{ "W1: the name does not exist, whatever there is of before", 1, ADDR, 0, -1, 1, 1 },
	{ "W1: and what a cache says later", 1, ADDR, 0, 1, 1, 1 },
};

static void check_gone(void **state)
{
	const gone_row_t *row = *state;
	aname_snapshot_t *snapshot = lost(row->nxdomain);
	const aname_snapshot_t other = { .known = row->other >= 0 ? row->other : 0,
		                         .failure = row->failing ? ANAME_FAILURE_SERVER
		                                                 : ANAME_FAILURE_NONE,
		                         .learned_ms = T0 + row->learned_ms };
	const aname_snapshot_t *known = row->other < 0 ? NULL : &other;
	assert_int_equal(aname_policy_gone(snapshot, known), row->gone);
	assert_int_equal(aname_policy_gone_surely(snapshot, known), row->surely);
	assert_false(aname_policy_gone(NULL, known));
	assert_false(aname_policy_gone(&other, snapshot));
	free(snapshot);
}

typedef struct {
	const char *proves;
	aname_worth_t worth, fallback;
	uint32_t life, delay_s;
	int64_t after_ms;
	bool kept;
	aname_worth_t worth_then, fallback_then;
	uint32_t ttl;
} keep_row_t;

static const keep_row_t keep_rows[] = {
	{ "W1: believed at once", ANAME_NODATA, ANAME_FAILED, 300, 0, 0, 0, ANAME_NODATA,
	  ANAME_FAILED, 7 },
	{ "W1: kept for a minute", ANAME_NODATA, ANAME_FAILED, 300, 60, 0, 1, ANAME_STALE,
	  ANAME_STALE, 30 },
	{ "W1: not beyond", ANAME_NODATA, ANAME_FAILED, 300, 60, 59000, 1, ANAME_STALE, ANAME_STALE,
	  1 },
	{ "W1: the minute is over", ANAME_NODATA, ANAME_FAILED, 300, 60, 60000, 0, ANAME_NODATA,
	  ANAME_FAILED, 7 },
	{ "W1: no longer than they lived", ANAME_NODATA, ANAME_FAILED, 5, 60, 0, 1, ANAME_STALE,
	  ANAME_STALE, 5 },
	{ "W1: while the negative answer is late", ANAME_LATE_NODATA, ANAME_FAILED, 300, 60, 0, 1,
	  ANAME_STALE, ANAME_STALE, 30 },
	{ "W1: or stale", ANAME_STALE_NODATA, ANAME_STALE_NODATA, 300, 60, 0, 1, ANAME_STALE,
	  ANAME_STALE, 30 },
	{ "W1: cold stays cold", ANAME_COLD, ANAME_STALE_NODATA, 300, 60, 0, 1, ANAME_COLD,
	  ANAME_STALE, 30 },
	{ "F1: cold with nothing to use", ANAME_COLD, ANAME_FAILED, 300, 60, 0, 0, ANAME_COLD,
	  ANAME_FAILED, 7 },
	{ "F1: what fails for too long is not used", ANAME_FAILED, ANAME_FAILED, 300, 60, 0, 0,
	  ANAME_FAILED, ANAME_FAILED, 7 },
	{ "W1: a week", ANAME_NODATA, ANAME_FAILED, 300, 604800, 604799999, 1, ANAME_STALE,
	  ANAME_STALE, 0 },
};

static void check_keep(void **state)
{
	const keep_row_t *row = *state;
	aname_snapshot_t *snapshot = lost(false);
	aname_judgement_t judgement = { .worth = row->worth, .fallback = row->fallback, .ttl = 7 };
	assert_int_equal(aname_policy_keep(snapshot, row->life, row->delay_s, T0 + row->after_ms,
	                                   &judgement),
	                 row->kept);
	assert_int_equal(judgement.worth, row->worth_then);
	assert_int_equal(judgement.fallback, row->fallback_then);
	assert_int_equal(judgement.ttl, row->ttl);
	free(snapshot);
}

/* Asking for a lookup. */

typedef struct {
	const char *proves;
	int known; /*!< aname_known_t, or -1: no snapshot. */
	bool failing;
	int64_t next_ms; /*!< Since it was learned, or ANAME_NEXT_NEVER. */
	int64_t after_ms;
	uint32_t record;
	bool ask;
} ask_row_t;

static const ask_row_t ask_rows[] = {
	{ "T3: what is in hand already is not asked for", ADDR, 0, 85000, 99000, 100, 0 },
	{ "T3: nor past its lifetime", ADDR, 0, 85000, 190000, 100, 0 },
	{ "T3: nor if nothing is known", -1, 0, 0, 0, 100, 0 },
	{ "T1: past its lifetime because of a shorter record: asked for", ADDR, 0, 85000, 45000, 30,
	  1 },
	{ "T3: what is due is not asked for", ADDR, 0, 80000, 80000, 100, 0 },
	{ "T3: a dormant target is asked for", ADDR, 0, ANAME_NEXT_NEVER, 0, 100, 1 },
	{ "T3: a dormant target that fails is asked for", NONE, 1, ANAME_NEXT_NEVER, 0, 100, 1 },
	{ "T3: what is planned is not asked for", ADDR, 0, 80000, 1000, 100, 0 },
	{ "F4: a failing target is not asked for", ADDR, 1, 900000, 500000, 100, 0 },
	{ "T1: with more than a tenth left: not asked for", ADDR, 0, 100501, 89999, 100, 0 },
	{ "T1: planned too late for this record: asked for", ADDR, 0, 100501, 90000, 100, 1 },
	{ "T3: planned for when it has expired: not asked for", ADDR, 0, 100500, 99999, 100, 0 },
	{ "T1: a record of a shorter TTL asks early", ADDR, 0, 95000, 9000, 10, 1 },
	{ "T1: and not before its last tenth", ADDR, 0, 95000, 8999, 10, 0 },
	{ "clock set back: nothing is asked for", ADDR, 0, 80000, -500000, 100, 0 },
};

static void check_ask(void **state)
{
	const ask_row_t *row = *state;
	const aname_snapshot_t snapshot = { .known = row->known >= 0 ? row->known : 0,
		                            .failure = row->failing ? ANAME_FAILURE_TIMEOUT
		                                                    : ANAME_FAILURE_NONE,
		                            .ttl = LIFE,
		                            .learned_ms = T0 };
	bool mark = row->next_ms == ANAME_NEXT_NEVER;
	assert_int_equal(
	        aname_policy_ask(row->known < 0 ? NULL : &snapshot,
	                         aname_policy_left(row->known < 0 ? NULL : &snapshot,
	                                           &make_schedule, row->record, T0 + row->after_ms),
	                         mark ? row->next_ms : T0 + row->next_ms, T0 + row->after_ms),
	        row->ask);
}

/* Times of lookups. */

static void refresh_times(void **state)
{
	static const uint32_t lives[] = { 1, 2, 5, 30, 300, 86400, INT32_MAX, UINT32_MAX };
	static const uint32_t chances[] = { 0, 1, 511, 1023, 1024, UINT32_MAX };
	for (size_t i = 0; i < COUNT_OF(lives); i++) {
		int64_t life_ms = 1000 * (int64_t)lives[i];
		for (size_t k = 0; k < COUNT_OF(chances); k++) {
			int64_t next = aname_policy_next_refresh(lives[i], 0, chances[k], T0) - T0;
			assert_true(next >= life_ms * 3 / 4);
			assert_true(next <= life_ms - life_ms / 10);
			/* A worker's own plea comes after it, so it is never needed. */
			assert_true(life_ms - next >= life_ms / 10);
		}
	}
}

static void refresh_spread(void **state)
{
	/* Over all chances it covers the range from 75 % to 90 %, evenly. */
	unsigned tenths[10] = { 0 };
	for (uint32_t chance = 0; chance < 1024; chance++) {
		int64_t next = aname_policy_next_refresh(1000, 0, chance, 0);
		unsigned tenth = (next - 750000) / 15000;
		assert_in_range(tenth, 0, 10);
		tenths[tenth < 10 ? tenth : 9]++;
	}
	for (size_t i = 0; i < COUNT_OF(tenths); i++) {
		assert_in_range(tenths[i], 90, 115);
	}
}

static void refresh_of_slow(void **state)
{
	/* Twice as early as a lookup takes, but not before half of the lifetime. */
	assert_true(aname_policy_next_refresh(10, 2000, 0, 0) == 6000);
	assert_true(aname_policy_next_refresh(10, 2500, 0, 0) == 5000);
	assert_true(aname_policy_next_refresh(10, 100000, 0, 0) == 5000);
	assert_true(aname_policy_next_refresh(10, UINT32_MAX, 0, 0) == 5000);
	assert_true(aname_policy_next_refresh(100, 2000, 0, 0) == 90000);
	assert_true(aname_policy_next_refresh(1, UINT32_MAX, 1023, 0) == 500);
}

static void expiry_times(void **state)
{
	static const uint32_t lives[] = { 1, 5, 30, INT32_MAX };
	for (size_t i = 0; i < COUNT_OF(lives); i++) {
		int64_t life_ms = 1000 * (int64_t)lives[i];
		int64_t first = aname_policy_next_expiry(lives[i], 0, T0) - T0;
		int64_t last = aname_policy_next_expiry(lives[i], UINT32_MAX, T0) - T0;
		assert_true(first == life_ms);
		assert_in_range(last - life_ms, ANAME_GRACE_MS / 2 - 10, ANAME_GRACE_MS / 2);
		/* A worker's own plea would be too early: it leaves that to the service. */
		aname_snapshot_t snapshot = { .known = ADDR, .ttl = lives[i], .learned_ms = T0 };
		aname_schedule_t schedule = make_schedule;
		schedule.ttl_max = INT32_MAX;
		for (int64_t now = 0; now < last; now += last / 97 + 1) {
			assert_false(aname_policy_ask(
			        &snapshot,
			        aname_policy_left(&snapshot, &schedule, INT32_MAX, T0 + now),
			        T0 + last, T0 + now));
		}
	}
}

#define NO_TTL ANAME_TTL_UNKNOWN

typedef struct {
	const char *proves;
	int known; /*!< aname_known_t, or -1: no snapshot. */
	bool failing;
	uint32_t ttl_before;
	int64_t after_ms;
	uint32_t ttl, life, stale_max;
	bool awaits;
} expiry_row_t;

static const expiry_row_t expiry_rows[] = {
	{ "T3: what is left of the same answer", ADDR, false, 30, 25000, 5, 5, 60, true },
	{ "T3: cut to whole seconds", ADDR, false, 30, 24001, 5, 5, 60, true },
	{ "T3: rounded up", ADDR, false, 30, 25999, 5, 5, 60, true },
	{ "T3: more than is left is a new answer", ADDR, false, 30, 26001, 5, 5, 60, false },
	{ "T3: nothing is left", ADDR, false, 5, 5200, 0, 1, 60, true },
	{ "T3: a negative answer, too", NEG, false, 30, 25000, 5, 5, 60, true },
	{ "T2: a new answer with the same TTL", ADDR, false, 30, 25000, 30, 30, 60, false },
	{ "T2: TTL 1 each time is no cache", ADDR, false, 1, 800, 1, 1, 60, false },
	{ "T2: nor is TTL 0", ADDR, false, 0, 800, 0, 1, 60, false },
	{ "T2: nothing known before", -1, false, 0, 0, 5, 5, 60, false },
	{ "T2: a failure before", ADDR, true, 30, 25000, 5, 5, 60, false },
	{ "T2: no TTL from the source", ADDR, false, NO_TTL, 25000, NO_TTL, 30, 60, false },
	{ "T2: a TTL from now on", ADDR, false, NO_TTL, 25000, 5, 5, 60, false },
	{ "T2: no TTL from now on", ADDR, false, 30, 25000, NO_TTL, 30, 60, false },
	{ "T5: ttl-max is shorter", ADDR, false, 300, 800, 299, 1, 60, false },
	{ "T1: ttl-min is longer", ADDR, false, 30, 25000, 5, 20, 60, false },
	{ "F1: stale-max 0 has no grace", ADDR, false, 30, 25000, 5, 5, 0, false },
	{ "no overflow", ADDR, false, UINT32_MAX - 1, INT64_C(4294967293000), 1, 1, 60, true },
};

static void check_expiry(void **state)
{
	const expiry_row_t *row = *state;
	aname_snapshot_t before = { .known = row->known < 0 ? NONE : row->known,
		                    .failure = row->failing ? ANAME_FAILURE_SERVER
		                                            : ANAME_FAILURE_NONE,
		                    .ttl = row->ttl_before,
		                    .learned_ms = T0 };
	aname_schedule_t schedule = make_schedule;
	schedule.stale_max = row->stale_max;
	assert_int_equal(aname_policy_await_expiry(schedule.stale_max > 0,
	                                           row->known < 0 ? NULL : &before, row->ttl,
	                                           row->life, T0 + row->after_ms),
	                 row->awaits);
}

typedef struct {
	const char *proves;
	uint32_t retry_min, retry_max;
	uint16_t failures;
	int64_t low_ms, high_ms; /*!< Over all chances. */
} retry_row_t;

static const retry_row_t retry_rows[] = {
	{ "F4: the first pause is retry-min and up to a quarter more", 5, 900, 1, 5000, 6250 },
	{ "F4: the second is twice as long, give or take a quarter", 5, 900, 2, 7500, 12500 },
	{ "F4: the third four times", 5, 900, 3, 15000, 25000 },
	{ "F4: the eighth 128 times", 5, 900, 8, 480000, 800000 },
	{ "F4: the ninth is at most retry-max", 5, 900, 9, 675000, 900000 },
	{ "F4: the 65535th too", 5, 900, UINT16_MAX, 675000, 900000 },
	{ "F4: never more than retry-max, never less than retry-min", 7, 8, 2, 7000, 8000 },
	{ "F4: retry-min equal to retry-max", 7, 7, 40, 7000, 7000 },
	{ "F4: retry-max below retry-min counts as retry-min", 60, 5, 9, 60000, 60000 },
	{ "F4: no failure counts as the first", 5, 900, 0, 5000, 6250 },
	{ "F4: no overflow", UINT32_MAX, UINT32_MAX, UINT16_MAX, 4294967295000, 4294967295000 },
	{ "F4: no overflow on the way", 1, UINT32_MAX, UINT16_MAX, 3221225471250, 4294967295000 },
};

static void check_retry(void **state)
{
	const retry_row_t *row = *state;
	aname_schedule_t schedule = make_schedule;
	schedule.retry_min = row->retry_min;
	schedule.retry_max = row->retry_max;
	int64_t low = INT64_MAX, high = 0;
	for (uint32_t chance = 0; chance < 1024; chance++) {
		int64_t pause = aname_policy_next_retry(&schedule, row->failures, chance, T0) - T0;
		low = pause < low ? pause : low;
		high = pause > high ? pause : high;
	}
	/* The largest chance is a step short of the end. */
	int64_t step = (row->high_ms - row->low_ms) / 1024 + 1;
	assert_true(low >= row->low_ms && low <= row->low_ms + 1);
	assert_true(high >= row->high_ms - step && high <= row->high_ms);
}

/* Being forgotten. */

static void forget(void **state)
{
	aname_schedule_t schedule = make_schedule;
	schedule.ttl_max = 100;
	schedule.stale_max = 1000;
	aname_snapshot_t snapshot = { .known = ADDR, .ttl = 5, .learned_ms = T0 };
	assert_true(aname_policy_forget_at(NULL, &schedule, 42) == 42);
	int64_t forget_at = aname_policy_forget_at(&snapshot, &schedule, 42);
	assert_true(forget_at == T0 + 1100000);
	snapshot.known = NEG;
	assert_true(aname_policy_forget_at(&snapshot, &schedule, 42) == forget_at);
	snapshot.known = NONE;
	assert_true(aname_policy_forget_at(&snapshot, &schedule, 42) == 42);

	/* Nothing is left by then, through whatever record it is asked. */
	snapshot.known = ADDR;
	static const uint32_t records[] = { 0, 5, 100, INT32_MAX, UINT32_MAX };
	static const uint32_t sources[] = { 0, 5, 100, INT32_MAX, ANAME_TTL_UNKNOWN };
	for (size_t i = 0; i < COUNT_OF(records); i++) {
		for (size_t k = 0; k < COUNT_OF(sources); k++) {
			snapshot.ttl = sources[k];
			assert_int_equal(judge(&snapshot, &schedule, records[i], forget_at).worth,
			                 ANAME_FAILED);
		}
	}
}

/* Negative answers that do not say for how long. */

static void bare_answers(void **state)
{
	static const uint32_t lives[] = { 5, 10, 20, 30, 30, 30, 30, 30, 30, 30 };
	aname_snapshot_t before = { .known = ADDR, .ttl = 5 };
	for (size_t i = 0; i < COUNT_OF(lives); i++) {
		aname_result_t result = { .known = NEG, .ttl = INT32_MAX, .bare = 1 };
		aname_policy_bare(&before, &result);
		assert_int_equal(result.ttl, lives[i]);
		before.known = NEG;
		before.bare = result.bare;
		assert_int_equal(before.bare, result.bare);
		/* A failure between two of them changes nothing. */
		before.failure = ANAME_FAILURE_TIMEOUT;
	}
	aname_result_t first = { .known = NEG, .ttl = INT32_MAX, .bare = 1 };
	aname_policy_bare(NULL, &first);
	assert_int_equal(first.ttl, 5);

	/* An alias on the way that lives for less counts. */
	aname_result_t alias = { .known = NEG, .ttl = 3, .bare = 1 };
	aname_policy_bare(&before, &alias);
	assert_int_equal(alias.ttl, 3);

	/* What says it itself is left alone, and ends the row. */
	static const uint32_t ttls[] = { 0, 1, 3600, INT32_MAX, ANAME_TTL_UNKNOWN };
	for (size_t i = 0; i < COUNT_OF(ttls); i++) {
		aname_result_t result = { .known = i % 2 ? NEG : ADDR, .ttl = ttls[i] };
		aname_policy_bare(&before, &result);
		assert_int_equal(result.ttl, ttls[i]);
		assert_int_equal(result.bare, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PROVES("F1: stale-max 0: nothing is served past its lifetime", no_stale),
		PROVES("T2: lifetimes of 1 s have TTLs down to 0, longer ones down to 1",
		       shortest_lives),
		PROVES("F1: the usual time covers a cache, and is forgotten", usual_times),
		PROVES("lifetimes of 2^32 - 1 seconds do not overflow", longest_times),
		PROVES("T2: 200,000 random snapshots: served TTL <= what is left", fuzz_judge),
		PROVES("T2: a refresh starts in the last quarter and before the last tenth",
		       refresh_times),
		PROVES("T3: refreshes spread evenly", refresh_spread),
		PROVES("T2: what takes long is looked up earlier", refresh_of_slow),
		PROVES("T3: what the recursor has cached is looked up once it has expired there",
		       expiry_times),
		PROVES("A7: a bare negative answer is kept 5 s, then longer, up to 30 s",
		       bare_answers),
		PROVES("T3: a target is forgotten when nothing of it could be used", forget),
	};
	return RUN_ROWS("policy: lifetimes", life_rows, check_life) +
	       RUN_ROWS("policy: what a snapshot is worth", judge_rows, check_judge) +
	       RUN_ROWS("policy: what is late", late_rows, check_late) +
	       RUN_ROWS("policy: what is gone", gone_rows, check_gone) +
	       RUN_ROWS("policy: what is kept of it", keep_rows, check_keep) +
	       RUN_ROWS("policy: when workers ask", ask_rows, check_ask) +
	       RUN_ROWS("policy: answers out of the recursor's cache", expiry_rows, check_expiry) +
	       RUN_ROWS("policy: pauses after failures", retry_rows, check_retry) +
	       RUN_TESTS("policy: the rest", tests);
}
