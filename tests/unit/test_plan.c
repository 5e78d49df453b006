#include "support/test.h"

#include <libknot/errcode.h>

#include "service/probe/plan.h"
#include "support/random.h"

/* A world in which time is simulated: addresses that answer after a moment, and dead ones. */

#define MANY        1000
#define INTERVAL_MS 5000
#define TIMEOUT_MS  2000
#define QUICK_MS    20

typedef struct {
	aname_probe_planned_t planned;
	bool dead;
	int64_t ends_ms;    /*!< When its probe ends; 0: none is under way. */
	int64_t planned_ms; /*!< For when its next one was planned. */
	int64_t late_ms;    /*!< How late its latest one was, of those that count. */
	unsigned probes;
} peer_t;

static peer_t peers[MANY * 2];

static void end_probe(aname_probe_plan_t *plan, peer_t *peer, int64_t now_ms)
{
	peer->ends_ms = 0;
	peer->probes++;
	peer->planned_ms += INTERVAL_MS;
	if (peer->planned_ms < now_ms) {
		peer->planned_ms = now_ms;
	}
	aname_probe_plan_set(plan, &peer->planned,
	                     peer->dead ? ANAME_CLASS_FAILING : ANAME_CLASS_UP, peer->planned_ms);
}

/*! Goes on for some time; returns how many probes ran at once at most. */
static unsigned go_on(aname_probe_plan_t *plan, size_t count, int64_t from_ms, int64_t to_ms)
{
	unsigned most = 0;
	for (int64_t now_ms = from_ms; now_ms < to_ms; now_ms++) {
		for (size_t i = 0; i < count; i++) {
			if (peers[i].ends_ms != 0 && peers[i].ends_ms <= now_ms) {
				end_probe(plan, &peers[i], now_ms);
			}
		}
		aname_probe_planned_t *planned;
		while ((planned = aname_probe_plan_start(plan, now_ms)) != NULL) {
			peer_t *peer = (peer_t *)planned;
			peer->ends_ms = now_ms + (peer->dead ? TIMEOUT_MS : QUICK_MS);
			int64_t late_ms = now_ms - peer->planned_ms;
			peer->late_ms = late_ms > peer->late_ms ? late_ms : peer->late_ms;
		}
		unsigned running = 0;
		for (size_t class = 0; class < ANAME_CLASSES; class ++) {
			running += plan->running[class];
		}
		most = running > most ? running : most;
	}
	return most;
}

/*! Plans all of them, the first so many dead, which is known of them or not. */
static void settle(aname_probe_plan_t *plan, size_t count, size_t dead, aname_probe_class_t class)
{
	memset(peers, 0, sizeof(peers));
	assert_int_equal(aname_probe_plan_reserve(plan, count), KNOT_EOK);
	for (size_t i = 0; i < count; i++) {
		peers[i].dead = i < dead;
		peers[i].planned_ms = 1 + (int64_t)(i * INTERVAL_MS / count);
		aname_probe_plan_set(plan, &peers[i].planned, i < dead ? class : ANAME_CLASS_UP,
		                     peers[i].planned_ms);
	}
}

static int64_t latest(size_t from, size_t count)
{
	int64_t late_ms = 0;
	for (size_t i = from; i < count; i++) {
		late_ms = peers[i].late_ms > late_ms ? peers[i].late_ms : late_ms;
	}
	return late_ms;
}

static void black_holes(void **state)
{
	/* 300 of 1,000 die at the same moment. */
	aname_probe_plan_t plan = { 0 };
	settle(&plan, MANY, 300, ANAME_CLASS_UP);
	unsigned most = go_on(&plan, MANY, 1, 10 * INTERVAL_MS);
	assert_in_range(most, 1, ANAME_PROBES_RUNNING);
	assert_in_range(latest(300, MANY), 0, 10);
	for (size_t i = 300; i < MANY; i++) {
		assert_in_range(peers[i].probes, 9, 10);
	}
	aname_probe_plan_deinit(&plan);
}

static void mostly_dead(void **state)
{
	/* So many are dead that they cannot all be probed in an interval. */
	enum { DEAD = 1900 };
	aname_probe_plan_t plan = { 0 };
	settle(&plan, 2 * MANY, DEAD, ANAME_CLASS_FAILING);
	(void)go_on(&plan, 2 * MANY, 1, 10 * INTERVAL_MS);
	assert_in_range(latest(DEAD, 2 * MANY), 0, 10);
	assert_in_range(plan.running[ANAME_CLASS_FAILING], 1, ANAME_PROBES_RUNNING / 2);
	for (size_t i = 0; i < DEAD; i++) {
		assert_in_range(peers[i].probes, 2, 10); /* Nobody is forgotten. */
	}
	aname_probe_plan_deinit(&plan);
}

/* Places. */

typedef struct {
	const char *proves;
	unsigned ready[ANAME_CLASSES];
	unsigned started[ANAME_CLASSES];
} places_row_t;

static const places_row_t places_rows[] = {
	{ "H1: at most 500 run at once", { 600, 0, 0 }, { 500, 0, 0 } },
	{ "H1: new ones get three quarters", { 0, 600, 0 }, { 0, 375, 0 } },
	{ "H1: failing ones get half", { 0, 0, 600 }, { 0, 0, 250 } },
	{ "H1: both together three quarters", { 0, 300, 600 }, { 0, 125, 250 } },
	{ "H1: those that are up find room beside them", { 200, 600, 600 }, { 125, 125, 250 } },
	{ "H1: and take more if others have nothing", { 600, 10, 0 }, { 490, 10, 0 } },
	{ "H1: few all run", { 100, 100, 100 }, { 100, 100, 100 } },
};

static void check_places(void **state)
{
	/* Failing ones have waited longest, and those that are up least. */
	const places_row_t *row = *state;
	aname_probe_plan_t plan = { 0 };
	memset(peers, 0, sizeof(peers));
	assert_int_equal(aname_probe_plan_reserve(&plan, COUNT_OF(peers)), KNOT_EOK);
	size_t next = 0;
	for (aname_probe_class_t class = ANAME_CLASSES; class -- > 0;) {
		for (unsigned i = 0; i < row->ready[class]; i++) {
			aname_probe_plan_set(&plan, &peers[next].planned, class, 1 + (int64_t)next);
			next++;
		}
	}
	for (int64_t now_ms = 5000; now_ms < 10000; now_ms++) {
		while (aname_probe_plan_start(&plan, now_ms) != NULL) {
		}
	}
	/* Some that are up stand behind 500 others where there are as many. */
	for (aname_probe_class_t class = 0; class < ANAME_CLASSES; class ++) {
		assert_int_equal(plan.running[class], row->started[class]);
	}
	aname_probe_plan_deinit(&plan);
}

static void paced(void **state)
{
	/* A thousand a second, and what was missed is not made up for at once. */
	aname_probe_plan_t plan = { 0 };
	memset(peers, 0, sizeof(peers));
	assert_int_equal(aname_probe_plan_reserve(&plan, MANY), KNOT_EOK);
	for (size_t i = 0; i < MANY; i++) {
		aname_probe_plan_set(&plan, &peers[i].planned, ANAME_CLASS_UP, 1);
	}
	unsigned started = 0;
	for (int64_t now_ms = 100000; started < MANY; now_ms++) {
		aname_probe_planned_t *planned;
		while ((planned = aname_probe_plan_start(&plan, now_ms)) != NULL) {
			aname_probe_plan_remove(&plan, planned); /* It has ended. */
			started++;
		}
		assert_in_range(started, 1, now_ms - 100000 + 51);
		assert_int_equal(aname_probe_plan_wait(&plan, now_ms), started < MANY ? 1 : -1);
	}
	aname_probe_plan_deinit(&plan);
}

static void waits(void **state)
{
	aname_probe_plan_t plan = { 0 };
	aname_probe_planned_t one = { 0 }, two = { 0 };
	assert_int_equal(aname_probe_plan_wait(&plan, 1000), -1);
	assert_int_equal(aname_probe_plan_reserve(&plan, 2), KNOT_EOK);
	aname_probe_plan_set(&plan, &one, ANAME_CLASS_UP, 5000);
	aname_probe_plan_set(&plan, &two, ANAME_CLASS_UP, 3000);
	assert_int_equal(aname_probe_plan_wait(&plan, 1000), 2000);
	assert_int_equal(aname_probe_plan_wait(&plan, 4000), 0);
	assert_null(aname_probe_plan_start(&plan, 2999));
	assert_ptr_equal(aname_probe_plan_start(&plan, 3000), &two);
	assert_null(aname_probe_plan_start(&plan, 3000));
	assert_int_equal(aname_probe_plan_wait(&plan, 3000), 2000);
	aname_probe_plan_remove(&plan, &one);
	assert_int_equal(aname_probe_plan_wait(&plan, 3000), -1);
	aname_probe_plan_remove(&plan, &two);
	aname_probe_plan_remove(&plan, &two);
	for (size_t class = 0; class < ANAME_CLASSES; class ++) {
		assert_int_equal(plan.running[class], 0);
	}
	aname_probe_plan_deinit(&plan);
}

static void random_steps(void **state)
{
	/* Planned, started, and taken out from wherever they are; those that start are due. */
	enum { SOME = 300 };
	random_t random = { 6 };
	aname_probe_plan_t plan = { 0 };
	memset(peers, 0, sizeof(peers));
	assert_int_equal(aname_probe_plan_reserve(&plan, SOME), KNOT_EOK);
	for (int64_t now_ms = 1000; now_ms < 41000; now_ms++) {
		peer_t *peer = &peers[random_below(&random, SOME)];
		if (random_below(&random, 3) == 0) {
			aname_probe_plan_remove(&plan, &peer->planned);
		} else {
			aname_probe_plan_set(&plan, &peer->planned,
			                     random_below(&random, ANAME_CLASSES),
			                     now_ms + random_below(&random, 500));
		}
		const aname_probe_planned_t *planned = aname_probe_plan_start(&plan, now_ms);
		assert_true(planned == NULL || planned->at_ms <= now_ms);
		for (size_t i = 1; i < plan.count; i++) {
			assert_true(plan.heap[(i - 1) / 2]->at_ms <= plan.heap[i]->at_ms);
			assert_int_equal(plan.heap[i]->heap_index, i);
		}
	}
	for (size_t i = 0; i < SOME; i++) {
		aname_probe_plan_remove(&plan, &peers[i].planned);
	}
	assert_int_equal(plan.count, 0);
	for (size_t class = 0; class < ANAME_CLASSES; class ++) {
		assert_int_equal(plan.running[class], 0);
		assert_null(plan.ready[class].first);
		assert_null(plan.ready[class].last);
	}
	aname_probe_plan_deinit(&plan);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PROVES("H1: 300 black holes of 1,000 delay nobody else", black_holes),
		PROVES("H1: nor do 1,900 of 2,000, too many to be probed in an interval",
		       mostly_dead),
		PROVES("H1: a thousand a second are started", paced),
		PROVES("in time there is always a next one", waits),
		PROVES("random steps", random_steps),
	};
	return RUN_ROWS("plan: places", places_rows, check_places) + RUN_TESTS("plan", tests);
}
