#include "addresses.h"

#include <stdlib.h>

#include "service/probe/attempt.h"
#include "support/loop.h"

static uint64_t probes;

uint64_t addresses_probes(void)
{
	return probes;
}

bool addresses_live(const uint8_t *address, uint8_t len, int64_t *since_ms)
{
	uint64_t hash = 1469598103934665603u;
	for (unsigned i = 0; i < len; i++) {
		hash = (hash ^ address[i]) * 1099511628211u;
	}
	hash ^= hash >> 29;
	*since_ms = 0;
	if (hash % 16 < 5) {
		return hash % 16 != 0; /* One of 16 is dead for ever, four never die. */
	}
	int64_t period_ms = 20 * MINUTE_MS + (int64_t)(hash >> 8 & 0xffff) * 200;
	int64_t dead_ms = 5 * SECOND_MS + (int64_t)(hash >> 24 & 0xffff) * period_ms / 2 / 0xffff;
	int64_t at_ms = (loop_now() + (int64_t)(hash >> 40)) % period_ms;
	bool up = at_ms >= dead_ms;
	*since_ms = loop_now() - (up ? at_ms - dead_ms : at_ms);
	return up;
}

/* Attempts. */

typedef struct {
	loop_event_t event;
	aname_ended_f done;
	void *ctx;
	bool up;
} attempt_t;

aname_attempt_t *__wrap_aname_attempt_start(aname_attempts_t *attempts,
                                            const aname_subject_t *subject, aname_ended_f done,
                                            void *ctx);
void __wrap_aname_attempt_cancel(aname_attempt_t *attempt);

static void on_end(loop_event_t *event)
{
	attempt_t attempt = *(attempt_t *)event;
	free(event);
	aname_end_t end = { .outcome = attempt.up ? ANAME_OUTCOME_UP : ANAME_OUTCOME_DOWN,
		            .why = attempt.up ? NULL : "no answer in time" };
	attempt.done(attempt.ctx, end);
}

aname_attempt_t *__wrap_aname_attempt_start(aname_attempts_t *attempts,
                                            const aname_subject_t *subject, aname_ended_f done,
                                            void *ctx)
{
	attempt_t *attempt = calloc(1, sizeof(*attempt));
	if (attempt == NULL) {
		return NULL;
	}
	int64_t since_ms, most_ms = subject->probe->timeout_ms;
	attempt->event.run = on_end;
	attempt->done = done;
	attempt->ctx = ctx;
	attempt->up = addresses_live(subject->address, subject->len, &since_ms);
	loop_at(&attempt->event,
	        loop_now() + (attempt->up ? (int64_t)(1 + subject->address[subject->len - 1] % 60)
	                                  : most_ms));
	probes++;
	return (aname_attempt_t *)attempt;
}

void __wrap_aname_attempt_cancel(aname_attempt_t *attempt)
{
	loop_never(&((attempt_t *)attempt)->event);
	free(attempt);
}
