#include "checks.h"

#include <inttypes.h>
#include <math.h>

/* Lookups. */

static void check_rate(void)
{
	int64_t *oldest = &checks.starts[checks.starts_count++ % checks.starts_max];
	REQUIRE(checks.starts_count <= checks.starts_max || loop_now() - *oldest >= SECOND_MS,
	        "L1: more than %" PRIu64 " lookups in a second", checks.starts_max);
	*oldest = loop_now();
}

static void check_in_flight(const target_t *target)
{
	unsigned most = check_most(target->upstream);
	REQUIRE(target->lookup == NULL, "T3: target %u is looked up twice at once", target->number);
	REQUIRE(world.recursors[target->upstream].pending < most,
	        "L1: more than %u lookups under way by upstream %u", most, target->upstream);
}

/*! Nothing is looked up that nobody asks for. */
static void check_wanted(const target_t *target)
{
	int64_t idle_ms = 3600 * SECOND_MS, late_ms = loop_now() - target->asked_ms - idle_ms;
	int64_t excuse_ms = check_is_excused(target->upstream) ? check_catch_up_ms() : 0;
	/* What waits in an outage is looked at every ten seconds. */
	int64_t most_ms = 10 * SECOND_MS + check_retry_wait_ms(target->upstream) + excuse_ms;
	/* And what was due in time, and has failed, has its turn when it comes. */
	bool waits = target->record.failed_ms != 0 &&
	             check_waits_its_turn(target, target->asked_ms + idle_ms + 10 * SECOND_MS);
	REQUIRE(target->asked_ms != 0 && (late_ms <= most_ms || waits),
	        "T3: target %u is looked up, which nobody has asked for in %" PRId64
	        " ms more than 'idle'",
	        target->number, late_ms);
}

/*! Does somebody ask for it all the time, since then at least? */
bool check_is_warm_since(const target_t *target, int64_t since_ms)
{
	const client_t *client = target->clients;
	while (client != NULL && !(client_is_warm(client) && client->warm_ms <= since_ms)) {
		client = client->next;
	}
	return client != NULL;
}

/*! A target that fails by itself is not looked up sooner than in `retry-min`. */
static void check_pause(const target_t *target)
{
	const record_t *record = &target->record;
	if (target->upstream != UPSTREAM_STEADY || record->failed_ms == 0 ||
	    check_is_excused(target->upstream)) {
		return;
	}
	int64_t pause_ms = loop_now() - record->failed_ms;
	/* Where it seems to be out one is tried each second, and afterwards what was looked up before is
	 * due at once, or, where it had failed by itself, in a pause from then on. */
	const aname_upstream_work_t *work = server_upstream(UPSTREAM_STEADY)->work;
	checks.retries++;
	REQUIRE(work->out || work->back_ms >= target->started_ms ||
	                pause_ms >= RETRY_MIN_S * SECOND_MS,
	        "F4: target %u is looked up %" PRId64 " ms after it failed", target->number,
	        pause_ms);
	int64_t most_ms = RETRY_MAX_S * SECOND_MS + 2 * SECOND_MS + WRONGLY_MS;
	bool anew = work->back_ms >= record->failed_ms && loop_now() - work->back_ms <= most_ms;
	most_ms = anew ? 2 * most_ms : most_ms;
	REQUIRE(pause_ms <= most_ms || !check_is_warm_since(target, record->failed_ms) ||
	                check_waits_its_turn(target, record->failed_ms + most_ms),
	        "F4: target %u is looked up no sooner than %" PRId64 " ms after it failed",
	        target->number, pause_ms);
}

/*! Is it not by itself that it fails? */
bool check_is_good(const target_t *target)
{
	return target->behaviour != FAILS && target->behaviour != IS_SILENT &&
	       target->behaviour != IS_TOO_SLOW;
}

/*! Is a target of it known that would be answered, and has not failed? */
static bool has_good(upstream_t upstream)
{
	for (unsigned i = 0; i < world.count; i++) {
		const target_t *target = &world.targets[i];
		if (target->upstream == upstream && check_is_good(target) &&
		    target->until_ms > loop_now() && target->record.learned_ms != 0 &&
		    target->record.failed_ms == 0 && check_is_warm_since(target, loop_now())) {
			return true;
		}
	}
	return false;
}

/*! While nothing is heard of a recursor, one lookup a second stands for all. */
static void check_silence(const target_t *target)
{
	int64_t *wrongly_ms = &checks.wrongly_ms[target->upstream];
	if (!atomic_load(&server_upstream(target->upstream)->silent)) {
		*wrongly_ms = 0;
		return;
	}
	if (check_is_excused(target->upstream) || clients.stopped || !has_good(target->upstream)) {
		/* Where those that fail are the only ones there are, it is as good as silent. */
		*wrongly_ms = 0;
	} else {
		/* So it may look where two targets fail and no other one is due; and once more, some
		 * time after it was heard. Where all places are taken by lookups without an answer,
		 * none can tell until one of those ends. */
		bool again =
		        atomic_load(&server_upstream(target->upstream)->heard_ms) > *wrongly_ms;
		*wrongly_ms = *wrongly_ms != 0 && !again ? *wrongly_ms : loop_now();
		REQUIRE(loop_now() - *wrongly_ms <= WRONGLY_MS ||
		                check_is_full(target->upstream, *wrongly_ms + WRONGLY_MS),
		        "F4: upstream %u is called silent for %" PRId64 " ms, and is not",
		        target->upstream, loop_now() - *wrongly_ms);
	}
	silence_t *silence = &checks.silences[target->upstream];
	int64_t heard_ms = atomic_load(&server_upstream(target->upstream)->heard_ms);
	if (silence->heard_ms != heard_ms || silence->since_ms == 0) {
		*silence = (silence_t){ .heard_ms = heard_ms, .since_ms = loop_now() };
	}
	silence->count++;
	REQUIRE(silence->count <= 2 + (loop_now() - silence->since_ms) / SECOND_MS,
	        "F4: %u lookups by upstream %u within %" PRId64 " ms, while it is silent",
	        silence->count, target->upstream, loop_now() - silence->since_ms);
}

/*! Notes how long it was from the refresh before, of a target that never fails. */
static void note_refresh(target_t *target)
{
	const client_t *client = target->clients;
	int64_t since_ms = loop_now() - target->started_ms, life_ms = 1000 * check_life_of(client);
	if (target->kind != TARGET_CLEAN || target->upstream != UPSTREAM_STEADY ||
	    client->of_1000 != 1000 || target->record.learned_ms == 0 ||
	    check_is_excused(target->upstream) ||
	    !check_is_warm_since(target, target->started_ms)) {
		return;
	}
	checks.refreshes++;
	if (since_ms < life_ms * 75 / 100) {
		checks.early++; /* To tell whether others fail because of the recursor. */
		return;
	}
	REQUIRE(since_ms <= life_ms * 90 / 100 + 200,
	        "T2: target %u is refreshed %" PRId64 " ms after it was last, of %" PRId64,
	        target->number, since_ms, life_ms);
	target->refreshes++;
	target->refreshed += (double)since_ms / (double)life_ms;
}

void check_start(target_t *target)
{
	check_rate();
	check_in_flight(target);
	check_wanted(target);
	check_pause(target);
	check_silence(target);
	check_place_taken(target);
	note_refresh(target);
}

/*!
 * Each refresh of a target that never fails comes after 75 to 90 % of its lifetime, evenly spread
 * (T2), and after the lookup itself: so their mean is within six standard deviations of what it is
 * to be, and so is their number.
 */
void check_counts(int64_t passed_ms)
{
	unsigned checked = 0;
	double worst = 0;
	for (unsigned i = 0; i < world.count; i++) {
		const target_t *target = &world.targets[i];
		if (target->refreshes < 10) {
			continue;
		}
		double mean = target->refreshed / target->refreshes;
		double expected = 0.825 + 42.5 / (1000.0 * (double)check_life_of(target->clients));
		double most = 6 * 0.15 / sqrt(12.0 * target->refreshes);
		REQUIRE(fabs(mean - expected) <= most,
		        "T3: target %u was refreshed every %.4f of its lifetime, and not %.4f",
		        target->number, mean, expected);
		worst = fabs(mean - expected) > worst * most ? fabs(mean - expected) / most : worst;
		checked++;
	}
	REQUIRE(checks.early <= (uint64_t)passed_ms / (10 * SECOND_MS),
	        "F4: %" PRIu64 " lookups of what is fresh in %" PRId64 " s", checks.early,
	        passed_ms / 1000);
	printf("%" PRIu64 " refreshes of %u targets that never failed came when they were due, at "
	       "worst %.0f %% of what their mean may be off; %" PRIu64 " came early\n",
	       checks.refreshes, checked, 100 * worst, checks.early);
}
