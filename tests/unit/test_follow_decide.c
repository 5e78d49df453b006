#include "support/test.h"

#include "follow/decide.h"
#include "follow/pace.h"
#include "follow/steady.h"

#define MINUTE INT64_C(60000)
#define HOUR   (60 * MINUTE)

#define ONE   (1u << KANAME_A)
#define OTHER (1u << KANAME_AAAA)
#define BOTH  (ONE | OTHER)

/* M2: how soon. */

static void three_at_once(void **state)
{
	kaname_pace_t pace = { 0 };
	const int64_t start = 10 * HOUR;
	for (int64_t i = 0; i < 3; i++) {
		kaname_pace_changed(&pace, start + 1000 * i);
		assert_true(kaname_pace_next(&pace, BOTH, false, start + 1000 * i) <=
		            start + 1000 * i);
		kaname_pace_written(&pace, BOTH, true, start + 1000 * i);
	}
	/* A set that rotates every second is written after 10, 20, 40 ... seconds, up to an hour. */
	int64_t now = start + 2000, pause = 10000;
	for (unsigned i = 0; i < 12; i++) {
		for (int64_t j = 0; j < 5; j++) {
			kaname_pace_changed(&pace, now + 1000 * j);
		}
		int64_t next = kaname_pace_next(&pace, BOTH, false, now);
		assert_int_equal(next - now, pause);
		now = next;
		kaname_pace_written(&pace, BOTH, true, now);
		pause = 2 * pause < HOUR ? 2 * pause : HOUR;
	}
	assert_int_equal(pause, HOUR);
}

static void quiet_resets(void **state)
{
	kaname_pace_t pace = { 0 };
	int64_t now = 10 * HOUR;
	for (unsigned i = 0; i < 6; i++) {
		kaname_pace_changed(&pace, now);
		kaname_pace_written(&pace, BOTH, true, now);
		now += 80000;
	}
	/* Not a millisecond before. */
	kaname_pace_t same = pace;
	const int64_t changed_ms = 1000 * (int64_t)pace.changed_s;
	kaname_pace_changed(&same, changed_ms + HOUR - 1);
	assert_true(kaname_pace_next(&same, BOTH, false, changed_ms) > changed_ms);
	kaname_pace_changed(&pace, changed_ms + HOUR);
	assert_int_equal(kaname_pace_next(&pace, BOTH, false, changed_ms), 0);
}

/*! What happens within a second is not taken for earlier than it was. */
static void no_pause_is_shorter(void **state)
{
	for (int64_t start = 10 * HOUR; start < 10 * HOUR + 1000; start += 37) {
		const uint32_t start_s = start / 1000;
		kaname_pace_t pace = { .written_s = start_s, .changed_s = start_s, .writes = 3 };
		kaname_pace_changed(&pace, start);
		kaname_pace_written(&pace, BOTH, true, start);
		assert_in_range(kaname_pace_next(&pace, BOTH, true, start), start + 20000,
		                start + 21000);
	}
}

static void never_longer_than_a_minute(void **state)
{
	kaname_pace_t pace = { 0 };
	int64_t now = 10 * HOUR;
	for (unsigned i = 0; i < 300; i++) {
		kaname_pace_changed(&pace, now);
		kaname_pace_written(&pace, BOTH, true, now);
	}
	assert_int_equal(kaname_pace_next(&pace, BOTH, false, now), now + HOUR);
	assert_int_equal(kaname_pace_next(&pace, BOTH, true, now), now + MINUTE);
}

/*! The families of a target that has moved come one after the other. */
static void both_families_are_one_change(void **state)
{
	kaname_pace_t pace = { 0 };
	int64_t now = 10 * HOUR;
	for (unsigned i = 0; i < 3; i++) {
		kaname_pace_written(&pace, ONE, true, now);
		assert_int_equal(pace.writes, i + 1);
		kaname_pace_written(&pace, OTHER, true, now + 4000);
		assert_int_equal(pace.writes, i + 1);
		now += 8000;
	}
	/* The fourth one waits; its other half does not, nor count, once. */
	now = kaname_pace_next(&pace, ONE, false, now);
	assert_int_equal(now, 10 * HOUR + 16000 + 10000);
	kaname_pace_written(&pace, ONE, true, now);
	assert_int_equal(kaname_pace_next(&pace, ONE, false, now + 2000), now + 20000);
	assert_int_equal(kaname_pace_next(&pace, BOTH, false, now + 2000), now + 20000);
	assert_int_equal(kaname_pace_next(&pace, OTHER, false, now + 2000), 0);
	kaname_pace_written(&pace, OTHER, true, now + 2000);
	assert_int_equal(pace.writes, 4);
	assert_int_equal(kaname_pace_next(&pace, OTHER, false, now + 3000), now + 20000);
	/* Nor is it, some seconds later. */
	kaname_pace_written(&pace, ONE, true, now + 20000);
	assert_int_equal(kaname_pace_next(&pace, OTHER, false, now + 25000), now + 60000);
	/* What an owner is given first is no change, whichever family is known before the other. */
	pace = (kaname_pace_t){ 0 };
	kaname_pace_written(&pace, ONE, false, now);
	kaname_pace_written(&pace, OTHER, true, now + 4000);
	assert_int_equal(pace.writes, 0);
}

/* M3: what. */

static kaname_set_t sets[4]; /* Never looked into. */

#define X (&sets[0])
#define Y (&sets[1])

/*! What is told of both families for so long, what is written, and what is to be. */
typedef struct {
	const char *proves;
	kaname_told_worth_t worth[2];
	kaname_set_t *told[2];
	int64_t for_ms[2];
	kaname_set_t *written[2], *to[2];
	int64_t again_ms; /* From now. */
} decision_t;

#define S KANAME_TOLD_SET
#define N KANAME_TOLD_NODATA
#define F KANAME_TOLD_FAILED
#define P KANAME_TOLD_PENDING
#define T KANAME_NODATA_BELIEVED_MS

static const decision_t decisions[] = {
	{ "what is told is written", { S, S }, { X, Y }, { 0, 0 }, { NULL, NULL }, { X, Y }, 0 },
	{ "another set replaces it", { S, S }, { Y, Y }, { 0, 0 }, { X, Y }, { Y, Y }, 0 },
	{ "a failure keeps it", { F, F }, { NULL, NULL }, { 0, 0 }, { X, Y }, { X, Y }, 0 },
	{ "for ever", { F, F }, { X, Y }, { 1000 * HOUR, 1000 * HOUR }, { X, Y }, { X, Y }, 0 },
	{ "of one family, too", { S, F }, { Y, NULL }, { 0, HOUR }, { X, Y }, { Y, Y }, 0 },
	{ "what is looked up keeps it", { P, P }, { NULL, NULL }, { 0, 0 }, { X, Y }, { X, Y }, 0 },
	{ "no address of one is believed at once while the other has some",
	  { S, N },
	  { X, NULL },
	  { 0, 0 },
	  { X, Y },
	  { X, NULL },
	  0 },
	{ "none of both is not", { N, N }, { NULL, NULL }, { 0, 0 }, { X, Y }, { X, Y }, T },
	{ "not after nine minutes",
	  { N, N },
	  { NULL, NULL },
	  { 9 * MINUTE, 9 * MINUTE },
	  { X, Y },
	  { X, Y },
	  MINUTE },
	{ "nor a second too soon",
	  { N, N },
	  { NULL, NULL },
	  { T - 1000, T - 1000 },
	  { X, Y },
	  { X, Y },
	  1000 },
	{ "but after ten", { N, N }, { NULL, NULL }, { T, T }, { X, Y }, { NULL, NULL }, 0 },
	{ "a failure of the other is no word",
	  { F, N },
	  { X, NULL },
	  { 0, MINUTE },
	  { X, Y },
	  { X, Y },
	  9 * MINUTE },
	{ "nothing written waits for nothing",
	  { N, N },
	  { NULL, NULL },
	  { 0, 0 },
	  { NULL, NULL },
	  { NULL, NULL },
	  0 },
};

static void check_decision(void **state)
{
	const decision_t *row = *state;
	kaname_known_t known[KANAME_FAMILIES] = { 0 };
	kaname_set_t *to[KANAME_FAMILIES];
	const int64_t now = 5000 * HOUR;
	const int64_t longest = row->for_ms[0] > row->for_ms[1] ? row->for_ms[0] : row->for_ms[1];
	kaname_known_tell(known, row->worth, now - longest);
	for (unsigned i = 0; i < KANAME_FAMILIES; i++) {
		known[i].set = row->told[i];
	}
	int64_t again_ms = kaname_decide(known, row->written, false, now, to);
	assert_ptr_equal(to[KANAME_A], row->to[KANAME_A]);
	assert_ptr_equal(to[KANAME_AAAA], row->to[KANAME_AAAA]);
	assert_int_equal(again_ms, row->again_ms > 0 ? now + row->again_ms : 0);
}

static void tell(kaname_known_t known[KANAME_FAMILIES], kaname_told_worth_t a,
                 kaname_told_worth_t aaaa, int64_t now_ms)
{
	const kaname_told_worth_t worths[] = { a, aaaa };
	kaname_known_tell(known, worths, now_ms);
	known[KANAME_A].set = a == S ? X : known[KANAME_A].set;
	known[KANAME_AAAA].set = aaaa == S ? Y : known[KANAME_AAAA].set;
}

/*! The owner names other targets than those for which X and Y were written. */
static void other_targets(void **state)
{
	static const struct {
		kaname_told_worth_t a, aaaa;
		kaname_set_t *to[KANAME_FAMILIES];
	} rows[] = {
		{ S, F, { X, NULL } }, { F, S, { NULL, Y } }, { F, F, { X, Y } },
		{ S, P, { X, Y } },    { F, N, { X, Y } },    { S, S, { X, Y } },
	};
	kaname_set_t *const written[] = { X, Y };
	for (unsigned i = 0; i < COUNT_OF(rows); i++) {
		kaname_known_t known[KANAME_FAMILIES] = { 0 };
		kaname_set_t *to[KANAME_FAMILIES];
		tell(known, rows[i].a, rows[i].aaaa, HOUR);
		(void)kaname_decide(known, written, true, HOUR, to);
		assert_ptr_equal(to[KANAME_A], rows[i].to[KANAME_A]);
		assert_ptr_equal(to[KANAME_AAAA], rows[i].to[KANAME_AAAA]);
		(void)kaname_decide(known, written, false, HOUR, to);
		assert_ptr_equal(to[KANAME_A], X);
		assert_ptr_equal(to[KANAME_AAAA], Y);
	}
}

/*! A failure in between does not begin the ten minutes anew, and an address does. */
static void since_when(void **state)
{
	kaname_known_t known[KANAME_FAMILIES] = { 0 };
	tell(known, N, N, 1000);
	tell(known, F, N, 2000);
	tell(known, P, N, 3000);
	tell(known, N, N, 4000);
	assert_int_equal(known[KANAME_A].nodata_since_s, 1);
	tell(known, S, S, 5000);
	tell(known, N, N, 6000);
	assert_int_equal(known[KANAME_A].nodata_since_s, 6);
}

/*! Both had none, and one is back first: the other one is not taken away, but after ten minutes. */
static void back_one_after_the_other(void **state)
{
	kaname_known_t known[KANAME_FAMILIES] = { 0 };
	kaname_set_t *const written[] = { X, Y };
	kaname_set_t *to[KANAME_FAMILIES];
	int64_t now = 5000 * HOUR;
	tell(known, S, S, now);
	tell(known, N, N, now += 1000);
	tell(known, S, N, now += 9 * MINUTE);
	assert_int_equal(kaname_decide(known, written, false, now, to), now + T);
	assert_ptr_equal(to[KANAME_AAAA], Y);
	tell(known, S, N, now += T - 1000);
	(void)kaname_decide(known, written, false, now, to);
	assert_ptr_equal(to[KANAME_AAAA], Y);
	tell(known, S, N, now += 1000);
	(void)kaname_decide(known, written, false, now, to);
	assert_null(to[KANAME_AAAA]);
	/* NXDOMAIN is no word of one family alone. */
	tell(known, S, S, now += 1000);
	tell(known, S, KANAME_TOLD_NXDOMAIN, now += 1000);
	assert_int_equal(kaname_decide(known, written, false, now, to), now + T);
	assert_ptr_equal(to[KANAME_AAAA], Y);
	/* Of both, each since another time, both go together. */
	tell(known, S, S, now += 1000);
	tell(known, S, KANAME_TOLD_NXDOMAIN, now += 1000);
	tell(known, KANAME_TOLD_NXDOMAIN, KANAME_TOLD_NXDOMAIN, now += 2 * MINUTE);
	assert_int_equal(kaname_decide(known, written, false, now + 9 * MINUTE, to), now + T);
	assert_ptr_equal(to[KANAME_A], X);
	assert_ptr_equal(to[KANAME_AAAA], Y);
	(void)kaname_decide(known, written, false, now + T, to);
	assert_null(to[KANAME_A]);
	assert_null(to[KANAME_AAAA]);
	/* And where it had gone alone it goes at once. */
	tell(known, S, S, now += 1000);
	tell(known, S, N, now += 1000);
	assert_int_equal(kaname_decide(known, written, false, now, to), 0);
	assert_null(to[KANAME_AAAA]);
}

/* What is said of what comes and goes. */

static void each_is_said_once(void **state)
{
	kaname_steady_t steady = { 0 };
	assert_false(kaname_steady_works(&steady, 1000));
	assert_true(kaname_steady_fails(&steady, "full", 2000));
	assert_false(kaname_steady_fails(&steady, "full", 3000));
	assert_true(kaname_steady_fails(&steady, "read-only", 4000));
	assert_false(kaname_steady_fails(&steady, "read-only", 5000));
	/* It has to work for a second on end. */
	assert_false(kaname_steady_works(&steady, 6000));
	assert_false(kaname_steady_works(&steady, 6999));
	assert_false(kaname_steady_fails(&steady, "read-only", 6999));
	assert_false(kaname_steady_works(&steady, 7000));
	assert_true(kaname_steady_works(&steady, 8000));
	assert_false(kaname_steady_works(&steady, 9000));
}

/*! Works for so long, once it is failing; was that said? */
static bool comes_back(kaname_steady_t *steady, int64_t *now, int64_t works_ms)
{
	(void)kaname_steady_fails(steady, NULL, *now);
	(void)kaname_steady_works(steady, *now);
	*now += works_ms;
	return kaname_steady_works(steady, *now);
}

static void what_comes_and_goes_is_said_ever_more_rarely(void **state)
{
	kaname_steady_t steady = { 0 };
	int64_t now = MINUTE;
	unsigned said = 0;
	for (unsigned i = 0; i < 100; i++) {
		said += comes_back(&steady, &now, 5000);
	}
	assert_int_equal(said, 3); /* After one, two and four seconds; not after eight. */
	/* Five minutes are the most, and whoever works so long is as at first. */
	assert_true(comes_back(&steady, &now, KANAME_STEADY_MOST_MS));
	assert_true(comes_back(&steady, &now, KANAME_STEADY_MS));
	assert_false(comes_back(&steady, &now, KANAME_STEADY_MS));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PROVES("M2: three changes at once, then pauses that double", three_at_once),
		PROVES("M2: both families of a target that moves are one change",
		       both_families_are_one_change),
		PROVES("M2: no pause is shorter than it is to be", no_pause_is_shorter),
		PROVES("M2: an hour of quiet resets them", quiet_resets),
		PROVES("M2: what shares no address waits a minute", never_longer_than_a_minute),
		PROVES("M3: since when there is no address", since_when),
		PROVES("M3: what was written for other targets", other_targets),
		PROVES("M3: of both, one may be back first", back_one_after_the_other),
	};
	const struct CMUnitTest said[] = {
		PROVES("that it fails is said once, and that it works again", each_is_said_once),
		PROVES("what comes and goes is said ever more rarely",
		       what_comes_and_goes_is_said_ever_more_rarely),
	};
	return RUN_TESTS("M2, M3", tests) + RUN_TESTS("what is said", said) +
	       RUN_ROWS("M3: what an owner is to have", decisions, check_decision);
}
