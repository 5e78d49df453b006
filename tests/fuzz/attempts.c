#include "attempts.h"

#include "service/probe/addresses.h"
#include "service/probe/attempt.h"
#include "support/loop.h"

/*! An attempt under way. */
typedef struct {
	loop_event_t event;
	aname_ended_f done;
	void *ctx;
	aname_outcome_t outcome;
} attempt_t;

static attempt_t attempts_of[DEFINITIONS * ADDRESSES];

const aname_probe_t definitions[DEFINITIONS] = {
	{ .kind = ANAME_PROBE_TCP,
	  .port = 1000,
	  .interval_ms = 10000,
	  .timeout_ms = 2000,
	  .fall = 3,
	  .rise = 2 },
	{ .kind = ANAME_PROBE_TCP,
	  .port = 1001,
	  .interval_ms = 1000,
	  .timeout_ms = 1000,
	  .fall = 1,
	  .rise = 1 },
	{ .kind = ANAME_PROBE_TCP,
	  .port = 1002,
	  .interval_ms = 60000,
	  .timeout_ms = 5000,
	  .fall = 2,
	  .rise = 4 },
};

places_t places;

aname_attempt_t *__wrap_aname_attempt_start(aname_attempts_t *attempts,
                                            const aname_subject_t *subject, aname_ended_f done,
                                            void *ctx);
void __wrap_aname_attempt_cancel(aname_attempt_t *attempt);

static place_t *place_of(const attempt_t *attempt)
{
	return &places.at[attempt - attempts_of];
}

const aname_probe_t *probe_of(const place_t *place)
{
	return &definitions[(place - places.at) / ADDRESSES];
}

/*! What outcomes say, as rule H2 has it. */
static void judge(place_t *place, aname_outcome_t outcome)
{
	if (outcome == ANAME_OUTCOME_NONE) {
		return;
	}
	bool up = outcome == ANAME_OUTCOME_UP, was_down = place->health == ANAME_HEALTH_DOWN;
	place->against = up == was_down ? place->against + 1 : 0;
	unsigned most = up ? probe_of(place)->rise : probe_of(place)->fall;
	if (up && place->health == ANAME_HEALTH_UNKNOWN) {
		place->health = ANAME_HEALTH_UP;
	} else if (place->against >= most) {
		place->health = up ? ANAME_HEALTH_UP : ANAME_HEALTH_DOWN;
		place->against = 0;
	} else {
		return;
	}
	places.changed_ms = loop_now();
}

static void on_end(loop_event_t *event)
{
	attempt_t *attempt = (attempt_t *)event;
	place_t *place = place_of(attempt);
	place->runs = false;
	place->ready_ms = loop_now();
	judge(place, attempt->outcome);
	attempt->done(attempt->ctx,
	              (aname_end_t){ attempt->outcome, attempt->outcome != ANAME_OUTCOME_UP
	                                                       ? "it is so in this input"
	                                                       : NULL });
}

int64_t kept_since(const aname_probed_t *probed)
{
	return ((const aname_address_t *)probed)->kept_ms;
}

void forget(place_t *place)
{
	place->health = ANAME_HEALTH_UNKNOWN;
	place->against = 0;
	place->started_ms = 0;
}

/*! Not at once again: after nine tenths of an interval, or the time of one attempt where it is not known
 *  yet and has failed. */
static void check_pause(const place_t *place)
{
	const aname_probe_t *probe = probe_of(place);
	int64_t least_ms = (int64_t)probe->interval_ms * 9 / 10;
	if (place->health == ANAME_HEALTH_UNKNOWN && place->against > 0 &&
	    probe->timeout_ms < least_ms) {
		least_ms = probe->timeout_ms;
	}
	require(place->started_ms == 0 || loop_now() - place->started_ms >= least_ms);
}

aname_attempt_t *__wrap_aname_attempt_start(aname_attempts_t *attempts,
                                            const aname_subject_t *subject, aname_ended_f done,
                                            void *ctx)
{
	uint8_t number = subject->address[subject->len - 1];
	require(subject->len == 4 && number < ADDRESSES && subject->probe->port >= 1000);
	require(subject->probe->port < 1000 + DEFINITIONS && !places.paused);
	place_t *place = &places.at[(subject->probe->port - 1000) * ADDRESSES + number];
	attempt_t *attempt = &attempts_of[place - places.at];
	require(!place->runs);
	if (((const aname_probed_t *)ctx)->started == 0 && loop_now() - place->held_ms >= KEEP_MS) {
		forget(place); /* It was gone for long enough, and is back. */
	}
	check_pause(place);
	attempt->event.run = on_end;
	attempt->done = done;
	attempt->ctx = ctx;
	place->runs = true;
	attempt->outcome = place->found == LIVES             ? ANAME_OUTCOME_UP
	                   : place->found == CANNOT_BE_TRIED ? ANAME_OUTCOME_NONE
	                                                     : ANAME_OUTCOME_DOWN;
	place->started_ms = place->held_ms = loop_now();
	loop_at(&attempt->event,
	        loop_now() + (place->found == IS_A_BLACK_HOLE ? subject->probe->timeout_ms
	                                                      : place->latency_ms));
	return (aname_attempt_t *)attempt;
}

void __wrap_aname_attempt_cancel(aname_attempt_t *cancelled)
{
	attempt_t *attempt = (attempt_t *)cancelled;
	place_t *place = place_of(attempt);
	require(place->runs);
	loop_never(&attempt->event);
	place->runs = false;
	place->started_ms = 0;
}
