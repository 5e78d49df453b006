#include "service/probe/attempt.h"

#include <stdlib.h>

#include "service/probe/http.h"
#include "service/probe/tcp.h"

struct aname_attempt {
	uv_timer_t timer;
	aname_tcp_t *tcp;           /*!< Either this ... */
	aname_transfer_t *transfer; /*!< ... or that, or it has failed at once. */
	aname_end_t end;            /*!< How it ends when the timer fires. */
	aname_ended_f done;
	void *ctx;
};

void aname_attempts_init(aname_attempts_t *attempts, uv_loop_t *loop)
{
	aname_http_init();
	*attempts = (aname_attempts_t){ .loop = loop };
}

void aname_attempts_deinit(aname_attempts_t *attempts)
{
	if (attempts->http != NULL) {
		aname_http_free(attempts->http);
		attempts->http = NULL;
	}
}

static void on_closed(uv_handle_t *timer)
{
	free(timer->data);
}

void aname_attempt_cancel(aname_attempt_t *attempt)
{
	if (attempt->tcp != NULL) {
		aname_tcp_stop(attempt->tcp);
	}
	if (attempt->transfer != NULL) {
		aname_http_stop(attempt->transfer);
	}
	uv_close((uv_handle_t *)&attempt->timer, on_closed);
}

static void on_ended(void *ctx, aname_end_t end)
{
	aname_attempt_t *attempt = ctx;
	aname_attempt_cancel(attempt); /* It is there until the loop goes on. */
	attempt->done(attempt->ctx, end);
}

static void on_timer(uv_timer_t *timer)
{
	aname_attempt_t *attempt = timer->data;
	on_ended(attempt, attempt->end);
}

static const char *too_late(uint16_t kind)
{
	switch (kind) {
	case ANAME_PROBE_TCP: return "no connection in time";
	case ANAME_PROBE_TLS: return "no handshake in time";
	default: return "no status in time";
	}
}

/*! Starts what is particular to the kind; false if that has failed, and why. */
static bool start(aname_attempts_t *attempts, aname_attempt_t *attempt,
                  const aname_subject_t *subject)
{
	if (subject->probe->kind == ANAME_PROBE_TCP) {
		attempt->tcp =
		        aname_tcp_start(attempts->loop, subject, on_ended, attempt, &attempt->end);
		return attempt->tcp != NULL;
	}
	if (attempts->http == NULL) {
		attempts->http = aname_http_new(attempts->loop);
	}
	if (attempts->http == NULL) {
		attempt->end = (aname_end_t){ ANAME_OUTCOME_NONE, "out of memory" };
		return false;
	}
	attempt->transfer =
	        aname_http_start(attempts->http, subject, on_ended, attempt, &attempt->end);
	return attempt->transfer != NULL;
}

aname_attempt_t *aname_attempt_start(aname_attempts_t *attempts, const aname_subject_t *subject,
                                     aname_ended_f done, void *ctx)
{
	aname_attempt_t *attempt = calloc(1, sizeof(*attempt));
	if (attempt == NULL) {
		return NULL;
	}
	const aname_probe_t *probe = subject->probe;
	attempt->done = done;
	attempt->ctx = ctx;
	attempt->end = (aname_end_t){ ANAME_OUTCOME_DOWN, too_late(probe->kind) };
	attempt->timer.data = attempt;
	(void)uv_timer_init(attempts->loop, &attempt->timer); /* Never fails. */
	/* What has failed at once is told when the loop goes on. */
	uint64_t wait_ms = start(attempts, attempt, subject) ? probe->timeout_ms : 0;
	uv_update_time(attempts->loop);
	(void)uv_timer_start(&attempt->timer, on_timer, wait_ms, 0);
	return attempt;
}
