/*!
 * Any octets as outcomes of probes over time. Verdicts have to be what all outcomes together say (H2),
 * and what is planned has to start in time, within the bounds (H1).
 *
 * Files: module/service/probe/verdict.c module/service/probe/plan.c module/service/probe/doubt.c
 */

#include "fuzz.h"

#include <libknot/errcode.h>

#include "service/probe/doubt.h"
#include "service/probe/plan.h"
#include "service/probe/verdict.h"

#define OUTCOMES_MAX 200
/*! More than may be under way at once. */
#define PLANNED_MAX  700
#define NOW_MS       INT64_C(1000000)

/* Verdicts. */

/*! What all outcomes say, from the first one on. */
static aname_health_t judge(const aname_probe_t *probe, const uint8_t *outcomes, size_t count)
{
	aname_health_t health = ANAME_HEALTH_UNKNOWN;
	for (size_t from = 0, i = 0; i < count; i++) {
		/* How many of one kind there are at the end, from where the last change was on. */
		unsigned up = 0, down = 0;
		for (size_t k = i + 1; k > from && (up == 0 || down == 0); k--) {
			uint8_t outcome = outcomes[k - 1];
			up += outcome == ANAME_OUTCOME_UP && down == 0;
			down += outcome == ANAME_OUTCOME_DOWN && up == 0;
			if ((outcome == ANAME_OUTCOME_UP && down > 0) ||
			    (outcome == ANAME_OUTCOME_DOWN && up > 0)) {
				break;
			}
		}
		aname_health_t before = health;
		if (health == ANAME_HEALTH_UNKNOWN && up > 0) {
			health = ANAME_HEALTH_UP;
		} else if (health != ANAME_HEALTH_DOWN && down >= probe->fall) {
			health = ANAME_HEALTH_DOWN;
		} else if (health == ANAME_HEALTH_DOWN && up >= probe->rise) {
			health = ANAME_HEALTH_UP;
		}
		from = health != before ? i + 1 : from;
	}
	return health;
}

static void check_verdicts(input_t *input)
{
	const aname_probe_t probe = { .fall = 1 + take_below(input, 20),
		                      .rise = 1 + take_below(input, 20),
		                      .interval_ms = 1000 * (1 + take_below(input, 3600)),
		                      .timeout_ms = 100 + take_below(input, 29901) };
	static uint8_t outcomes[OUTCOMES_MAX];
	aname_verdict_t verdict = { 0 };
	int64_t changed_ms = 0;
	size_t count = 0;
	while (input->left > 0 && count < OUTCOMES_MAX) {
		uint8_t octet = take_octet(input);
		/* Many alike, at once: a run may be longer than its octet counts. */
		for (unsigned many = octet & 0x80 ? 1 + octet / 4 % 32 : 1;
		     many > 0 && count < OUTCOMES_MAX; many--) {
			aname_health_t before = verdict.health;
			int64_t now_ms = NOW_MS + (int64_t)count;
			outcomes[count++] = octet % 4 < 3 ? octet % 4 : ANAME_OUTCOME_DOWN;
			bool changed =
			        aname_verdict_take(&verdict, &probe, outcomes[count - 1], now_ms);
			require(changed == (verdict.health != before));
			changed_ms = changed ? now_ms : changed_ms;
			require(verdict.since_ms == changed_ms);
			require((verdict.health == ANAME_HEALTH_UNKNOWN) == (changed_ms == 0));
			int64_t next_ms =
			        aname_verdict_next(&verdict, &probe, now_ms, octet * 77, now_ms);
			require(next_ms >= now_ms &&
			        next_ms <= now_ms + probe.interval_ms + probe.interval_ms / 10);
			require(verdict.health == ANAME_HEALTH_UNKNOWN ||
			        next_ms >= now_ms + probe.interval_ms - probe.interval_ms / 10);
		}
	}
	require(verdict.health == judge(&probe, outcomes, count));
}

/* The plan. */

typedef struct {
	aname_probe_plan_t plan;
	aname_probe_planned_t at[PLANNED_MAX];
	bool is[PLANNED_MAX], running[PLANNED_MAX];
	unsigned running_of[ANAME_CLASSES];
	int64_t now_ms;
	uint64_t started;
} case_t;

/*! Is there a place for one more of a class? Each may take its own, and those of the classes after it. */
static bool has_room(const case_t *is, aname_probe_class_t class)
{
	static const unsigned most[] = { 500, 375, 250 };
	unsigned from = 0;
	bool room = true;
	for (int within = ANAME_CLASSES - 1; within >= 0; within--) {
		from += is->running_of[within];
		room &= within > (int)class || from < most[within];
	}
	return room;
}

/*! Who has to be next: the first in its line that is due, and for whom there is room. */
static int64_t first_due(const case_t *is)
{
	int64_t first_ms = INT64_MAX;
	for (aname_probe_class_t class = 0; class < ANAME_CLASSES; class ++) {
		bool room = has_room(is, class);
		for (unsigned i = 0; i < PLANNED_MAX && room; i++) {
			bool due = is->is[i] && !is->running[i] && is->at[i].class == class &&
			           is->at[i].at_ms <= is->now_ms;
			first_ms = due && is->at[i].at_ms < first_ms ? is->at[i].at_ms : first_ms;
		}
	}
	return first_ms;
}

static void start(case_t *is)
{
	aname_probe_planned_t *planned = aname_probe_plan_start(&is->plan, is->now_ms);
	int64_t wait_ms = aname_probe_plan_wait(&is->plan, is->now_ms);
	if (planned == NULL) {
		/* Else the loop would turn without end, or who is due would wait for ever. */
		require(wait_ms != 0);
		require(wait_ms > 0 || first_due(is) == INT64_MAX);
		return;
	}
	size_t number = planned - is->at;
	require(number < PLANNED_MAX && is->is[number] && !is->running[number]);
	require(planned->at_ms <= is->now_ms);
	require(has_room(is, planned->class));
	is->running[number] = true;
	is->running_of[planned->class]++;
	is->started++;
	/* A thousand a second, and what was missed of fifty milliseconds. */
	require(is->started <= (uint64_t)(is->now_ms - NOW_MS) + 51);
}

static void end(case_t *is, unsigned number)
{
	if (is->running[number]) {
		is->running_of[is->at[number].class]--;
	}
	is->is[number] = is->running[number] = false;
}

static void set(case_t *is, unsigned number, aname_probe_class_t class, int64_t in_ms)
{
	end(is, number);
	aname_probe_plan_set(&is->plan, &is->at[number], class, is->now_ms + in_ms);
	is->is[number] = true;
}

static void check_plan(input_t *input)
{
	static case_t is;
	memset(&is, 0, sizeof(is));
	is.now_ms = NOW_MS;
	require(aname_probe_plan_reserve(&is.plan, PLANNED_MAX) == KNOT_EOK);
	while (input->left > 0) {
		uint8_t step = take_octet(input);
		unsigned number = take_octet(input);
		switch (step % 5) {
		case 0: set(&is, number, step / 5 % ANAME_CLASSES, take_octet(input)); break;
		case 1:
			end(&is, number);
			aname_probe_plan_remove(&is.plan, &is.at[number]);
			break;
		case 2:
			for (unsigned i = 0; i < number / 16; i++) {
				start(&is);
			}
			break;
		case 3: is.now_ms += number; break;
		default: /* Many at once. */
			for (unsigned i = 0; i < number; i++) {
				set(&is, 256 + (i * 7 + number) % (PLANNED_MAX - 256),
				    step / 5 % ANAME_CLASSES, i % 5);
			}
			break;
		}
	}
	start(&is);
	for (aname_probe_class_t class = 0; class < ANAME_CLASSES; class ++) {
		require(is.plan.running[class] == is.running_of[class]);
	}
	for (unsigned i = 0; i < PLANNED_MAX; i++) {
		aname_probe_plan_remove(&is.plan, &is.at[i]);
	}
	require(is.plan.count == 0 && aname_probe_plan_wait(&is.plan, is.now_ms) == -1);
	aname_probe_plan_deinit(&is.plan);
}

/* Doubt. */

static void check_doubt(input_t *input)
{
	aname_doubt_t doubt = { 0 };
	bool failed[16] = { false };
	unsigned several = 0;
	while (input->left > 0) {
		uint8_t octet = take_octet(input), target = octet % 16, outcome = octet / 16 % 4;
		bool was_up = octet & 0x40;
		outcome = outcome < 3 ? outcome : ANAME_OUTCOME_DOWN;
		aname_doubt_take(&doubt, target, was_up, outcome);
		if (outcome == ANAME_OUTCOME_UP) {
			memset(failed, 0, sizeof(failed));
			several = 0;
		} else if (was_up && !failed[target]) {
			failed[target] = true;
			several++;
		}
		require(aname_doubt_is(&doubt) == (several >= ANAME_DOUBT_TARGETS));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	input_t input = { data, size };
	switch (take_octet(&input) % 3) {
	case 0: check_verdicts(&input); break;
	case 1: check_plan(&input); break;
	default: check_doubt(&input); break;
	}
	return 0;
}
