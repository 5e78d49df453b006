#include "warm/warm.h"

#include <string.h>

#include <libknot/libknot.h>

/*! The module says what it knows within so long. */
#define LIVE_S 5

/*! What the module knows of the targets of a name, in one family. */
typedef struct {
	bool usable;              /*!< One of them at least can be answered with. */
	bool failing;             /*!< The lookups of one have failed, and nothing is left of it. */
	bool cold;                /*!< One is not looked up yet. */
	const char *why, *target; /*!< Of one that is failing. */
} targets_t;

static bool is_state(const kaname_line_t *line, const char *state)
{
	const char *is = kaname_live_field(line, ANAME_KEY_STATE);
	return is != NULL && strcmp(is, state) == 0;
}

/*! Adds what is known of one target. It may be known from several resolvers, of which one may be
 *  in use no more: the best counts. */
static void add_target(targets_t *targets, const kaname_live_t *live, const char *name,
                       const char *family)
{
	bool usable = false, cold = false;
	const kaname_line_t *failing = NULL;
	size_t count;
	const kaname_line_t *lines = kaname_live_find(live, name, &count);
	for (size_t i = 0; i < count; i++) {
		const kaname_line_t *line = &lines[i];
		const char *of = kaname_live_field(line, ANAME_KEY_FAMILY);
		if (of == NULL || strcmp(of, family) != 0 ||
		    kaname_live_field(line, ANAME_KEY_SUBNET) != NULL) {
			continue;
		}
		if (is_state(line, ANAME_STATE_COLD)) {
			cold = true;
		} else if (is_state(line, ANAME_STATE_FAILING)) {
			failing = line;
		} else {
			usable = true;
		}
	}
	targets->usable |= usable;
	targets->failing |= !usable && failing != NULL;
	targets->cold |= !usable && failing == NULL && cold;
	if (!usable && failing != NULL) {
		targets->why = kaname_live_field(failing, ANAME_KEY_WHY);
		targets->target = kaname_live_field(failing, ANAME_KEY_NAME);
	}
}

static targets_t look_at(const kaname_warm_t *warm, const kaname_warm_name_t *name, int family)
{
	targets_t targets = { 0 };
	for (size_t i = 0; i < name->records_count; i++) {
		const kaname_record_t *record = &name->records[i];
		knot_dname_storage_t lower;
		knot_dname_txt_storage_t text;
		if (!record->good) {
			continue;
		}
		memcpy(lower, record->target, knot_dname_size(record->target));
		knot_dname_to_lower(lower);
		if (knot_dname_to_str(text, lower, sizeof(text)) != NULL) {
			add_target(&targets, &warm->live, text, family == 0 ? "A" : "AAAA");
		}
	}
	return targets;
}

/*! Asks the module; false if it cannot be asked. */
static bool read_live(kaname_warm_t *warm)
{
	if (warm->has_live) {
		kaname_live_free(&warm->live);
	}
	/* By name where that is less than all. */
	const kaname_records_t *records =
	        warm->records.count <= ANAME_STATUS_NAMES ? &warm->records : NULL;
	const kaname_args_t args = kaname_warm_args(warm, LIVE_S);
	warm->has_live = kaname_live_read(&args, NULL, records, &warm->live) == KANAME_OK;
	warm->no_live = !warm->has_live;
	return warm->has_live;
}

/*! Is there no answer, though there could be one? */
static bool is_held_back(const kaname_warm_question_t *question, const targets_t *targets)
{
	return question->asked && question->verdict == KANAME_WARM_OPEN && targets->usable &&
	       question->said <= KANAME_WARM_TRUNCATED;
}

/*! What a question is to be, by what is known of the targets. */
static kaname_warm_verdict_t judge(const kaname_warm_question_t *question, const targets_t *targets)
{
	/* The rest of a pool is waited for; and the zone's own addresses are not the target's. */
	kaname_warm_verdict_t verdict = targets->cold ? KANAME_WARM_OPEN
	                                : targets->usable || !targets->failing
	                                        ? KANAME_WARM_KNOWN
	                                        : KANAME_WARM_FAILING;
	if (question->said == KANAME_WARM_ANSWER) {
		return verdict;
	}
	/* A reply that is truncated because it is large, or one that a limit on the rate held back;
	 * the second time, since the zone's keys may have to be read as well. */
	if (is_held_back(question, targets) && question->held_back) {
		return verdict;
	}
	return question->verdict;
}

bool kaname_warm_judge(kaname_warm_t *warm)
{
	bool doubts = false;
	if (!read_live(warm)) {
		return false;
	}
	for (size_t i = 0; i < warm->count; i++) {
		kaname_warm_name_t *name = &warm->names[i];
		for (int family = 0; family < 2 && !name->left_out; family++) {
			kaname_warm_question_t *question = &name->questions[family];
			const targets_t targets = look_at(warm, name, family);
			bool held_back = is_held_back(question, &targets);
			kaname_warm_decide(warm, question, judge(question, &targets));
			question->held_back = held_back;
			question->doubted = question->said == KANAME_WARM_ANSWER &&
			                    question->verdict != KANAME_WARM_KNOWN;
			doubts |= question->doubted && question->verdict == KANAME_WARM_OPEN;
		}
	}
	return doubts;
}

const char *kaname_warm_why(const kaname_warm_t *warm, const kaname_warm_name_t *name, int family,
                            const char **target)
{
	if (!warm->has_live) {
		return NULL;
	}
	const targets_t targets = look_at(warm, name, family);
	*target = targets.target;
	return targets.why;
}
