#include "checks.h"

#include <inttypes.h>

/* Time that the world has cost. */

bool check_is_excused(upstream_t upstream)
{
	const recursor_t *recursor = &world.recursors[upstream];
	return recursor->out || loop_now() <= recursor->excused_ms;
}

/*! How long it may take until all is as if nothing had happened: all are looked up once, and those
 *  that are due for the second time meanwhile. */
int64_t check_catch_up_ms(void)
{
	return 20 * SECOND_MS + 2 * SECOND_MS * (int64_t)world.count / server.lookup_rate;
}

/*! How long what failed, and is due, may wait for its turn. A quarter of the lookups is for that; where
 *  they cannot be stopped those without an answer hold theirs for long. Less than a tenth is so. */
int64_t check_retry_wait_ms(upstream_t upstream)
{
	if (upstream != UPSTREAM_SYSTEM) {
		return 2 * SECOND_MS;
	}
	int64_t dead = world.count / UPSTREAMS / 10;
	return 2 * SECOND_MS + dead * SYSTEM_GIVES_UP_MS / check_most_retries(upstream);
}

void check_excuse(upstream_t upstream, int64_t for_ms)
{
	recursor_t *recursor = &world.recursors[upstream];
	int64_t until_ms = loop_now() + for_ms;
	if (until_ms > recursor->excused_ms) {
		recursor->excused_ms = until_ms;
	}
}

void check_turn(upstream_t upstream)
{
	loop_never(&world.recursors[upstream].recovered);
	world.recursors[upstream].awaited = false;
}

/*! Some time ago the first lookup succeeded after an outage, and all that had failed was due (F4). */
static void check_all_back(loop_event_t *event)
{
	const recursor_t *recursor =
	        (recursor_t *)((char *)event - offsetof(recursor_t, recovered));
	for (unsigned i = 0; i < world.count; i++) {
		target_t *target = &world.targets[i];
		const client_t *client = target->clients;
		aname_entry_t *entry = server_find(target, client->section);
		const aname_snapshot_t *known = entry != NULL ? aname_entry_snapshot(entry) : NULL;
		if (&world.recursors[target->upstream] != recursor || known == NULL ||
		    target->behaviour > IS_BARE || target->until_ms <= loop_now() ||
		    target->good_ms >= recursor->changed_ms || !client_is_warm(client) ||
		    client->warm_ms >= recursor->changed_ms) {
			continue;
		}
		const aname_failing_t *failing = aname_snapshot_failing(known);
		if (failing != NULL && failing->since_ms < recursor->out_ms) {
			continue; /* What has failed before, and again, keeps its pauses. */
		}
		checks.returned++;
		REQUIRE(known->failure == ANAME_FAILURE_NONE,
		        "F4: target %u is called failing (%s), %" PRId64
		        " ms after its recursor was back",
		        target->number, aname_snapshot_failing(known)->why,
		        loop_now() - recursor->changed_ms);
	}
}

void check_first(recursor_t *recursor)
{
	if (recursor->awaited && recursor != &world.recursors[UPSTREAM_SYSTEM]) {
		/* All are looked up at the pace that there is, which others share, and those that
		 * were under way have no answer for as long as that takes. */
		int64_t due_ms = 1500 * (int64_t)(world.count / UPSTREAMS) / server.lookup_rate;
		recursor->awaited = false;
		recursor->recovered.run = check_all_back;
		loop_at(&recursor->recovered, loop_now() + due_ms + INT64_C(2) * TIMEOUT_MOST_MS);
	}
}

void check_turned(upstream_t upstream)
{
	/* One that says that it fails has answers in its cache, and so is not out as a whole. */
	recursor_t *recursor = &world.recursors[upstream];
	recursor->awaited = !recursor->out && recursor->was_silent;
	if (!world.recursors[upstream].out) {
		/* It is tried once a second, or, where it says that it fails, as seldom as what
		 * fails; and what is tried may fail by itself, more than once. */
		check_excuse(upstream, check_catch_up_ms() + 5 * SECOND_MS * RETRY_MAX_S);
	}
}
