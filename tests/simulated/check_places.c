#include "checks.h"

/* Lookups have places: so many may be under way, and a part of them of what has failed. */

unsigned check_most(upstream_t upstream)
{
	return upstream == UPSTREAM_SYSTEM ? SYSTEM_CAPACITY : server.max_lookups;
}

unsigned check_most_retries(upstream_t upstream)
{
	return check_most(upstream) / 4;
}

static void take(places_t *places, unsigned most)
{
	if (++places->taken == most && loop_now() - places->left_ms > GRACE_MS) {
		places->full_ms = loop_now();
	}
}

static void leave(places_t *places, unsigned most)
{
	if (places->taken-- == most) {
		places->left_ms = loop_now();
	}
}

/*! Are all taken since then, one lookup after the other? */
static bool are_full(const places_t *places, unsigned most, int64_t since_ms)
{
	bool full = places->taken >= most || loop_now() - places->left_ms <= GRACE_MS;
	return full && places->full_ms <= since_ms;
}

void check_place_taken(target_t *target)
{
	upstream_t upstream = target->upstream;
	target->retried = target->record.failed_ms != 0;
	take(&checks.places[upstream], check_most(upstream));
	if (target->retried) {
		take(&checks.retries_of[upstream], check_most_retries(upstream));
	}
}

void check_place_left(const target_t *target)
{
	upstream_t upstream = target->upstream;
	leave(&checks.places[upstream], check_most(upstream));
	if (target->retried) {
		leave(&checks.retries_of[upstream], check_most_retries(upstream));
	}
}

bool check_is_full(upstream_t upstream, int64_t since_ms)
{
	return are_full(&checks.places[upstream], check_most(upstream), since_ms);
}

/*!
 * With few targets there are one or two places for what fails, and a lookup without an answer has one
 * until its time is up. So what is due may wait as long as all are taken, one lookup after the other;
 * but not for longer than until all others that fail have had their turn, and once more, since one of
 * the same zone, as the other family is, may be before it.
 */
bool check_waits_its_turn(const target_t *target, int64_t since_ms)
{
	int64_t failing = 0, most = check_most_retries(target->upstream);
	int64_t hangs_ms =
	        target->upstream == UPSTREAM_SYSTEM ? SYSTEM_GIVES_UP_MS : TIMEOUT_MOST_MS;
	for (unsigned i = 0; i < world.count; i++) {
		failing += world.targets[i].upstream == target->upstream &&
		           world.targets[i].record.failed_ms != 0;
	}
	return are_full(&checks.retries_of[target->upstream], most, since_ms) &&
	       loop_now() - since_ms <= 2 * failing * hangs_ms / most;
}
