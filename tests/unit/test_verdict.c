#include "support/test.h"

#include "service/probe/doubt.h"
#include "service/probe/subject.h"
#include "service/probe/verdict.h"

#include <errno.h>

/*! Outcomes as letters: U up, D down, N none; what is known after each: u, d or ? for unknown. */
typedef struct {
	const char *proves;
	uint32_t fall, rise;
	const char *outcomes, *health;
} take_row_t;

static const take_row_t take_rows[] = {
	{ "H2: the first success decides", 3, 2, "U", "u" },
	{ "H2: the first success decides after failures, too", 3, 2, "DDU", "??u" },
	{ "H2: unknown becomes down by fall failures", 3, 2, "DDD", "??d" },
	{ "H2: with a fall of 1 the first failure decides", 1, 1, "D", "d" },
	{ "H2: up becomes down by fall failures in a row", 3, 2, "UDDD", "uuud" },
	{ "H2: a success between begins the count anew", 3, 2, "UDDUDDD", "uuuuuud" },
	{ "H2: down becomes up by rise successes in a row", 1, 3, "DUUU", "dddu" },
	{ "H2: a failure between begins the count anew", 1, 3, "DUUDUUU", "ddddddu" },
	{ "H2: with a rise of 1 a success is enough", 1, 1, "DU", "du" },
	{ "H2: what comes back begins without failures", 2, 1, "DDUDUD", "?duuuu" },
	{ "H2: fall and rise of 20", 20, 20, "UDDDDDDDDDDDDDDDDDDDDUUUUUUUUUUUUUUUUUUUU",
	  "uuuuuuuuuuuuuuuuuuuuddddddddddddddddddddu" },
	{ "H5: outcomes that say nothing change nothing", 1, 1, "NNNUNNND", "???uuuud" },
	{ "H5: nor do they break a row of failures", 3, 1, "UDNDNNDN", "uuuuuudd" },
	{ "H5: nor one of successes", 1, 2, "DNUNU", "ddddu" },
};

static void check_take(void **state)
{
	const take_row_t *row = *state;
	const aname_probe_t probe = { .fall = row->fall, .rise = row->rise };
	aname_verdict_t verdict = { 0 };
	assert_int_equal(strlen(row->outcomes), strlen(row->health));
	for (size_t i = 0; row->outcomes[i] != '\0'; i++) {
		const aname_verdict_t before = verdict;
		aname_outcome_t outcome = row->outcomes[i] == 'U'   ? ANAME_OUTCOME_UP
		                          : row->outcomes[i] == 'D' ? ANAME_OUTCOME_DOWN
		                                                    : ANAME_OUTCOME_NONE;
		bool changed = aname_verdict_take(&verdict, &probe, outcome, 1000 + (int64_t)i);
		assert_int_equal("?ud"[verdict.health], row -> health[i]);
		assert_int_equal(changed, verdict.health != before.health);
		assert_int_equal(verdict.since_ms, changed ? 1000 + (int64_t)i : before.since_ms);
	}
}

static void never_many(void **state)
{
	/* Failures of what is down are not counted, and a count does not turn over. */
	const aname_probe_t probe = { .fall = 20, .rise = 20 };
	aname_verdict_t verdict = { 0 };
	for (unsigned i = 0; i < 1000; i++) {
		(void)aname_verdict_take(&verdict, &probe, ANAME_OUTCOME_DOWN, 1);
		assert_int_equal(verdict.health, i < 19 ? ANAME_HEALTH_UNKNOWN : ANAME_HEALTH_DOWN);
	}
	assert_int_equal(verdict.run, 0);
}

/* Times. */

typedef struct {
	const char *proves;
	aname_verdict_t verdict;
	int64_t started_ms, now_ms;
	int64_t least_ms, most_ms;
} next_row_t;

#define UNKNOWN ANAME_HEALTH_UNKNOWN
#define UP      ANAME_HEALTH_UP
#define DOWN    ANAME_HEALTH_DOWN

static const next_row_t next_rows[] = {
	{ "H1: after an interval, give or take a tenth", { UP, 0, 1 }, 1000, 1001, 10000, 12000 },
	{ "H1: the same if it is down", { DOWN, 0, 1 }, 1000, 1001, 10000, 12000 },
	{ "H1: the same if it was up and fails", { UP, 1, 1 }, 1000, 1001, 10000, 12000 },
	{ "H1: the same if nothing could be said", { UNKNOWN, 0, 0 }, 1000, 1001, 10000, 12000 },
	{ "H2: unknown that fails, after the time-out", { UNKNOWN, 1, 0 }, 1000, 1001, 3000, 3000 },
	{ "H2: at once if that took as long", { UNKNOWN, 2, 0 }, 1000, 3000, 3000, 3000 },
	{ "H2: never before now", { UP, 0, 1 }, 1000, 99000, 99000, 99000 },
	{ "H2: what was never probed, now", { UNKNOWN, 0, 0 }, 0, 99000, 99000, 99000 },
};

static void check_next(void **state)
{
	const next_row_t *row = *state;
	const aname_probe_t probe = {
		.interval_ms = 10000, .timeout_ms = 2000, .fall = 3, .rise = 2
	};
	int64_t least_ms = INT64_MAX, most_ms = INT64_MIN;
	for (uint64_t chance = 0; chance <= UINT32_MAX; chance += 1000003) {
		int64_t next_ms = aname_verdict_next(&row->verdict, &probe, row->started_ms, chance,
		                                     row->now_ms);
		least_ms = next_ms < least_ms ? next_ms : least_ms;
		most_ms = next_ms > most_ms ? next_ms : most_ms;
	}
	assert_int_equal(least_ms, row->least_ms);
	assert_int_equal(most_ms, row->most_ms);
}

static void short_interval(void **state)
{
	/* With an interval that is no longer than the time-out it is the interval that counts. */
	const aname_probe_t probe = { .interval_ms = 1000, .timeout_ms = 1000, .fall = 3 };
	const aname_verdict_t verdict = { .health = UNKNOWN, .run = 1 };
	for (uint32_t chance = 0; chance < 1000; chance++) {
		int64_t next_ms = aname_verdict_next(&verdict, &probe, 1, chance, 1);
		assert_in_range(next_ms, 1 + 900, 1 + 1000);
	}
}

/* Errors. */

typedef struct {
	const char *proves;
	int error;
	aname_outcome_t outcome;
} error_row_t;

static const error_row_t error_rows[] = {
	{ "H5: refused is the peer's", ECONNREFUSED, ANAME_OUTCOME_DOWN },
	{ "H5: reset is the peer's", ECONNRESET, ANAME_OUTCOME_DOWN },
	{ "H5: silence is the peer's", ETIMEDOUT, ANAME_OUTCOME_DOWN },
	{ "H5: a host out of reach is the peer's", EHOSTUNREACH, ANAME_OUTCOME_DOWN },
	{ "H5: what nobody thought of is the peer's", EPIPE, ANAME_OUTCOME_DOWN },
	{ "H5: no network is ours", ENETUNREACH, ANAME_OUTCOME_NONE },
	{ "H5: no address is ours", EADDRNOTAVAIL, ANAME_OUTCOME_NONE },
	{ "H5: no family is ours", EAFNOSUPPORT, ANAME_OUTCOME_NONE },
	{ "H5: no socket is ours", EMFILE, ANAME_OUTCOME_NONE },
	{ "H5: no socket of the system is ours", ENFILE, ANAME_OUTCOME_NONE },
	{ "H5: no memory is ours", ENOBUFS, ANAME_OUTCOME_NONE },
	{ "H5: a filter is ours", EPERM, ANAME_OUTCOME_NONE },
};

static void check_error(void **state)
{
	const error_row_t *row = *state;
	aname_end_t end = aname_end_of_error(row->error);
	assert_int_equal(end.outcome, row->outcome);
	assert_non_null(end.why);
}

/* Doubt. */

typedef struct {
	const char *proves;
	const char *steps; /*!< Target, then what: U up, D down, N none, d down and was not up. */
	bool doubt;
} doubt_row_t;

static const doubt_row_t doubt_rows[] = {
	{ "H5: at first there is no doubt", "", false },
	{ "H5: three targets that were up and fail", "1D2D3D", true },
	{ "H5: two are too few", "1D2D1D2D1D", false },
	{ "H5: that this host cannot probe counts, too", "1N2D3N", true },
	{ "H5: what was not up does not count", "1D2D3d4d5d", false },
	{ "H5: a success between, of any, ends it", "1D2D4U3D", false },
	{ "H5: and three more after that", "1D2D4U3D1D2D", true },
	{ "H5: doubt ends with a success", "1D2D3D4D1U", false },
	{ "H5: doubt stays with further failures", "1D2D3D1d2d3d4D5D", true },
};

static void check_doubt(void **state)
{
	const doubt_row_t *row = *state;
	aname_doubt_t doubt = { 0 };
	for (const char *at = row->steps; *at != '\0'; at += 2) {
		aname_outcome_t outcome = at[1] == 'U'   ? ANAME_OUTCOME_UP
		                          : at[1] == 'N' ? ANAME_OUTCOME_NONE
		                                         : ANAME_OUTCOME_DOWN;
		aname_doubt_take(&doubt, at[0], at[1] != 'd', outcome);
	}
	assert_int_equal(aname_doubt_is(&doubt), row->doubt);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PROVES("H2: however long it is down, nothing turns over", never_many),
		PROVES("H2: never later than an interval", short_interval),
	};
	int failed = RUN_ROWS("outcomes", take_rows, check_take);
	failed += RUN_ROWS("times", next_rows, check_next);
	failed += RUN_ROWS("errors", error_rows, check_error);
	failed += RUN_ROWS("doubt", doubt_rows, check_doubt);
	failed += RUN_TESTS("verdict", tests);
	return failed;
}
