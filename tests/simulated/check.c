#include "check.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "prober.h"
#include "support/alloc.h"
#include "support/audit.h"

/*! Late by more than this is what is not late by the rules: a second (T2), and a lookup. */
#define GRACE_MS   1000
/*! A recursor that is not silent is not called so for longer: names that it has answered are tried,
 *  at once and then one a second, and the first may fail by themselves. */
#define WRONGLY_MS (4 * SECOND_MS)

/*! Lookups while a recursor is called silent. */
typedef struct {
	int64_t since_ms, heard_ms;
	unsigned count;
} silence_t;

static struct {
	int64_t *starts;                   /*!< The last ones, */
	uint64_t starts_max, starts_count; /*!< as many as may be within a second. */
	int64_t wrongly_ms[UPSTREAMS];     /*!< When it was first called silent, and is not. */
	silence_t silences[UPSTREAMS];
	bool off; /*!< The service is being stopped. */
	long memory, most_memory;
	uint64_t told, retries, returned, refreshes, early;
	int64_t oldest_ms; /*!< Past its lifetime, of what did not fail. */
} checks;

/* Time that the world has cost. */

static bool is_excused(upstream_t upstream)
{
	const recursor_t *recursor = &world.recursors[upstream];
	return recursor->out || loop_now() <= recursor->excused_ms;
}

/*! How long it may take until all is as if nothing had happened: all are looked up once, and those
 *  that are due for the second time meanwhile. */
static int64_t catch_up_ms(void)
{
	return 20 * SECOND_MS + 2 * SECOND_MS * (int64_t)world.count / server.lookup_rate;
}

/*! How long what failed, and is due, may wait for its turn. A quarter of the lookups is for that; where
 *  they cannot be stopped those without an answer hold theirs for long. Less than a tenth is so. */
static int64_t retry_wait_ms(upstream_t upstream)
{
	if (upstream != UPSTREAM_SYSTEM) {
		return 2 * SECOND_MS;
	}
	int64_t dead = world.count / UPSTREAMS / 10;
	return 2 * SECOND_MS + dead * SYSTEM_GIVES_UP_MS / (SYSTEM_CAPACITY / 4);
}

static void excuse(upstream_t upstream, int64_t for_ms)
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

static void note_first(recursor_t *recursor)
{
	if (recursor->awaited && recursor != &world.recursors[UPSTREAM_SYSTEM]) {
		/* All are looked up at the pace that there is, which others share, and those that
		 * were under way have no answer for as long as that takes. */
		int64_t due_ms = 1500 * (int64_t)(world.count / UPSTREAMS) / server.lookup_rate;
		recursor->awaited = false;
		recursor->recovered.run = check_all_back;
		loop_at(&recursor->recovered, loop_now() + due_ms + 2 * TIMEOUT_MOST_MS);
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
		excuse(upstream, catch_up_ms() + 5 * 1000 * (int64_t)RETRY_MAX_S);
	}
}

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
	unsigned most = target->upstream == UPSTREAM_SYSTEM ? SYSTEM_CAPACITY : server.max_lookups;
	REQUIRE(target->lookup == NULL, "T3: target %u is looked up twice at once", target->number);
	REQUIRE(world.recursors[target->upstream].pending < most,
	        "L1: more than %u lookups under way by upstream %u", most, target->upstream);
}

/*! Nothing is looked up that nobody asks for. */
static void check_wanted(const target_t *target)
{
	int64_t idle_ms = 3600 * SECOND_MS, late_ms = loop_now() - target->asked_ms - idle_ms;
	int64_t excuse_ms = is_excused(target->upstream) ? catch_up_ms() : 0;
	/* What waits in an outage is looked at every ten seconds. */
	int64_t most_ms = 10 * SECOND_MS + retry_wait_ms(target->upstream) + excuse_ms;
	REQUIRE(target->asked_ms != 0 && late_ms <= most_ms,
	        "T3: target %u is looked up, which nobody has asked for in %" PRId64
	        " ms more than 'idle'",
	        target->number, late_ms);
}

/*! Does somebody ask for it all the time, since then at least? */
static bool is_warm_since(const target_t *target, int64_t since_ms)
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
	    is_excused(target->upstream)) {
		return;
	}
	int64_t pause_ms = loop_now() - record->failed_ms;
	/* Where it seems to be out one is tried each second, and afterwards what was looked up before is
	 * due at once, or, where it had failed by itself, in a pause from then on. */
	const aname_upstream_work_t *work = server_upstream(UPSTREAM_STEADY)->work;
	checks.retries++;
	REQUIRE(work->out || work->back_ms >= target->started_ms || pause_ms >= 1000 * RETRY_MIN_S,
	        "F4: target %u is looked up %" PRId64 " ms after it failed", target->number,
	        pause_ms);
	int64_t most_ms = 1000 * RETRY_MAX_S + 2 * SECOND_MS + WRONGLY_MS;
	bool anew = work->back_ms >= record->failed_ms && loop_now() - work->back_ms <= most_ms;
	REQUIRE(pause_ms <= (anew ? 2 : 1) * most_ms || !is_warm_since(target, record->failed_ms),
	        "F4: target %u is looked up no sooner than %" PRId64 " ms after it failed",
	        target->number, pause_ms);
}

/*! Is it not by itself that it fails? */
static bool is_good(const target_t *target)
{
	return target->behaviour != FAILS && target->behaviour != IS_SILENT &&
	       target->behaviour != IS_TOO_SLOW;
}

/*! Is a target of it known that would be answered, and has not failed? */
static bool has_good(upstream_t upstream)
{
	for (unsigned i = 0; i < world.count; i++) {
		const target_t *target = &world.targets[i];
		if (target->upstream == upstream && is_good(target) &&
		    target->until_ms > loop_now() && target->record.learned_ms != 0 &&
		    target->record.failed_ms == 0 && is_warm_since(target, loop_now())) {
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
	if (is_excused(target->upstream) || clients.stopped || !has_good(target->upstream)) {
		/* Where those that fail are the only ones there are, it is as good as silent. */
		*wrongly_ms = 0;
	} else {
		/* So it may look where two targets fail and no other one is due; and once more, some
		 * time after it was heard. */
		bool again =
		        atomic_load(&server_upstream(target->upstream)->heard_ms) > *wrongly_ms;
		*wrongly_ms = *wrongly_ms != 0 && !again ? *wrongly_ms : loop_now();
		REQUIRE(loop_now() - *wrongly_ms <= WRONGLY_MS,
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

/* What clients are told. */

/*! The lifetime of what was told, as rule T1 has it. */
static int64_t life_of(const client_t *client)
{
	const record_t *record = &client->target->record;
	int64_t life_s = client->ttl;
	life_s = record->ttl < life_s ? record->ttl : life_s;
	int64_t most_s = server.sections[client->section].ttl_max;
	life_s = most_s < life_s ? most_s : life_s;
	return life_s > 1 ? life_s : 1;
}

/*! Notes how long it was from the refresh before, of a target that never fails. */
static void note_refresh(target_t *target)
{
	const client_t *client = target->clients;
	int64_t since_ms = loop_now() - target->started_ms, life_ms = 1000 * life_of(client);
	if (target->kind != TARGET_CLEAN || target->upstream != UPSTREAM_STEADY ||
	    client->of_1000 != 1000 || target->record.learned_ms == 0 ||
	    is_excused(target->upstream) || !is_warm_since(target, target->started_ms)) {
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
	note_refresh(target);
}

/*! Has a lookup failed since the last answer, or taken too long? */
static bool has_failed(const target_t *target)
{
	int64_t excused_ms = world.recursors[target->upstream].excused_ms;
	return target->record.failed_ms != 0 || is_excused(target->upstream) ||
	       loop_now() <= excused_ms + retry_wait_ms(target->upstream) ||
	       (target->lookup != NULL &&
	        loop_now() - target->lookup->started_ms >= TIMEOUT_LEAST_MS);
}

/*! While its recursor seemed to be silent, which it was not, has it failed without a lookup? It is
 *  looked up when that is over, or when somebody asks again: as much as has failed within that time is
 *  in as much time. */
static bool has_failed_unasked(const client_t *client, const aname_snapshot_t *snapshot)
{
	const aname_failing_t *failing = aname_snapshot_failing(snapshot);
	const char *restarted = "the resolver could not be asked, before the restart";
	if (strcmp(failing->why, "the resolver is silent") != 0 &&
	    strcmp(failing->why, restarted) != 0) {
		return false;
	}
	const aname_upstream_work_t *work = server_upstream(client->target->upstream)->work;
	int64_t since_ms = client->warm_ms > work->back_ms ? client->warm_ms : work->back_ms;
	return work->out ||
	       loop_now() - since_ms <=
	               WRONGLY_MS + TIMEOUT_MOST_MS + retry_wait_ms(client->target->upstream);
}

static bool is_address(const aname_snapshot_t *snapshot, const target_t *target, uint32_t number)
{
	uint8_t address[16];
	uint16_t len = target->type == KNOT_RRTYPE_A ? 4 : 16;
	make_address(address, len, number);
	const knot_rdata_t *rdata = aname_snapshot_rdataset(snapshot).rdata;
	return rdata->len == len && memcmp(rdata->data, address, len) == 0;
}

/*! It is what a lookup brought last, and no other. */
static void check_content(const target_t *target, const aname_snapshot_t *snapshot)
{
	const record_t *record = &target->record;
	REQUIRE(snapshot->known == record->known && snapshot->count == record->count,
	        "target %u is other than what it was looked up for", target->number);
	REQUIRE(record->count == 0 || is_address(snapshot, target, record->first),
	        "target %u has other addresses than those that were looked up", target->number);
	REQUIRE(snapshot->learned_ms == record->learned_ms,
	        "S2: target %u is %" PRId64 " ms younger than it is", target->number,
	        snapshot->learned_ms - record->learned_ms);
}

/*! What stands for what is past its lifetime, or for nothing. */
static void check_worth(const client_t *client, uint8_t worth, uint32_t ttl, bool failing)
{
	const record_t *record = &client->target->record;
	unsigned number = client->target->number;
	int64_t life_ms = 1000 * life_of(client), age_ms = loop_now() - record->learned_ms;
	int64_t stale_ms = 1000 * (int64_t)server.sections[client->section].stale_max;
	switch (worth) {
	case ANAME_FRESH:
	case ANAME_NODATA:
		REQUIRE(age_ms < life_ms,
		        "T2: target %u is called fresh, at an age of %" PRId64 " ms of %" PRId64,
		        number, age_ms, life_ms);
		REQUIRE(ttl <= (life_ms - age_ms) / 1000 || (ttl == 1 && life_ms > 1000),
		        "T2: target %u has a TTL of %u, %" PRId64
		        " ms before the end of its lifetime",
		        number, ttl, life_ms - age_ms);
		/* Who asks for the first time in long does not find it warm. */
		REQUIRE(ttl >= 1 || life_ms == 1000 || failing || client->warm_ms == loop_now(),
		        "T2: target %u is warm, and has a TTL of 0", number);
		break;
	case ANAME_LATE:
	case ANAME_LATE_NODATA:
		REQUIRE(age_ms >= life_ms && !failing && ttl <= 1,
		        "T2: target %u is called late, at an age of %" PRId64 " ms of %" PRId64,
		        number, age_ms, life_ms);
		break;
	case ANAME_STALE:
	case ANAME_STALE_NODATA:
		REQUIRE(age_ms >= life_ms && age_ms < life_ms + stale_ms,
		        "F1: target %u is called stale, at an age of %" PRId64 " ms of %" PRId64,
		        number, age_ms, life_ms);
		REQUIRE(ttl <= 30 && ttl <= life_ms / 1000,
		        "F1: target %u is stale, with a TTL of %u", number, ttl);
		break;
	default:
		REQUIRE(record->learned_ms == 0 || age_ms >= life_ms + stale_ms,
		        "F1: of target %u nothing is told, at an age of %" PRId64 " ms of %" PRId64,
		        number, age_ms, life_ms);
		break;
	}
}

/*! A client has asked for some time, and nothing has failed. */
static void check_healthy(const client_t *client, const aname_part_t *part)
{
	const target_t *target = client->target;
	int64_t past_ms = loop_now() - target->record.learned_ms - 1000 * life_of(client);
	uint8_t worth = part->judgement.worth;
	int64_t waits_ms = target->lookup != NULL ? loop_now() - target->lookup->started_ms : 0;
	bool overdue = worth == ANAME_STALE || worth == ANAME_STALE_NODATA;
	REQUIRE(worth != ANAME_COLD && worth != ANAME_FAILED,
	        "T3: target %u is asked for all the time, and is not known (%u)", target->number,
	        worth);
	REQUIRE(!overdue || waits_ms >= GRACE_MS,
	        "T2: target %u is stale, and has not failed; it is past its lifetime by %" PRId64
	        " ms, and looked up for %" PRId64,
	        target->number, past_ms, waits_ms);
	if (target->record.learned_ms < client->warm_ms) {
		return; /* Who wants it newer than those who asked before has it so from the next
		         * lookup on. */
	}
	REQUIRE(past_ms <= GRACE_MS + TIMEOUT_LEAST_MS,
	        "T2: target %u is past its lifetime by %" PRId64 " ms, and has not failed",
	        target->number, past_ms);
	checks.oldest_ms = past_ms > checks.oldest_ms ? past_ms : checks.oldest_ms;
}

/*! It works for long enough: it is known by now that it does. */
static void check_recovered(const client_t *client, const aname_snapshot_t *snapshot)
{
	const target_t *target = client->target;
	/* Its recursor has to be well for as long, and somebody has to ask. */
	int64_t well_ms = world.recursors[target->upstream].excused_ms;
	int64_t since_ms = target->good_ms > well_ms ? target->good_ms : well_ms;
	int64_t good_ms = loop_now() - (since_ms > client->warm_ms ? since_ms : client->warm_ms);
	bool good = is_good(target) && target->until_ms > loop_now();
	int64_t most_ms = 1000 * RETRY_MAX_S + 10 * SECOND_MS + retry_wait_ms(target->upstream);
	REQUIRE(!good || good_ms < most_ms || snapshot->failure == ANAME_FAILURE_NONE,
	        "F4: target %u answers for %" PRId64 " ms, and is called failing (%s)",
	        target->number, good_ms, aname_snapshot_failing(snapshot)->why);
}

void check_told(const client_t *client, const aname_entry_t *entry, const aname_part_t *part)
{
	const target_t *target = client->target;
	const aname_snapshot_t *snapshot = part->snapshot;
	checks.told++;
	bool cold = part->judgement.worth == ANAME_COLD;
	bool failing = snapshot != NULL && snapshot->failure != ANAME_FAILURE_NONE;
	if (snapshot != NULL && snapshot->known != ANAME_KNOWN_NOTHING) {
		check_content(target, snapshot);
	}
	if (snapshot == NULL) {
		REQUIRE(cold, "of target %u nothing is published, and it is not cold",
		        target->number);
	} else {
		check_worth(client, cold ? part->judgement.fallback : part->judgement.worth,
		            part->judgement.ttl, failing || cold || atomic_load(&entry->cold));
	}
	if (prober_has(target, client->section)) {
		prober_check(client->target, client->section, snapshot);
	}
	bool warm = client_is_warm(client) &&
	            loop_now() - client->warm_ms > TIMEOUT_MOST_MS + 2 * SECOND_MS;
	bool unasked = failing && has_failed_unasked(client, snapshot);
	REQUIRE(!failing || unasked || has_failed(target) || !warm,
	        "target %u is called failing for %" PRId64 " ms (%s), and is not", target->number,
	        loop_now() - aname_snapshot_failing(snapshot)->since_ms,
	        aname_snapshot_failing(snapshot)->why);
	if (warm && !is_excused(target->upstream)) {
		REQUIRE(entry != NULL, "T3: target %u is asked for, and gone", target->number);
		if (snapshot != NULL && !unasked) {
			check_recovered(client, snapshot);
		}
		if (!unasked && !has_failed(target)) {
			check_healthy(client, part);
		}
	}
}

static void check_client(const client_t *client)
{
	server_enter();
	aname_entry_t *entry = server_find(client->target, client->section);
	aname_part_t part = { .judgement = { .worth = ANAME_COLD, .fallback = ANAME_FAILED } };
	if (entry != NULL) {
		part = server_judge(entry, client->section, client->ttl);
	}
	check_told(client, entry, &part);
	server_leave();
}

void check_before(const target_t *target, const aname_result_t *result)
{
	for (const client_t *client = target->clients; client != NULL && !server.stops;
	     client = client->next) {
		if (client_is_warm(client)) {
			check_client(client);
		}
	}
}

static void note_success(target_t *target, const aname_result_t *result, int64_t took_ms)
{
	record_t *record = &target->record;
	uint32_t bare_ttl = 5;
	for (unsigned i = 0; i < record->bare && bare_ttl < 30; i++) {
		bare_ttl = 2 * bare_ttl < 30 ? 2 * bare_ttl : 30;
	}
	*record = (record_t){ .learned_ms = loop_now(),
		              .ttl = result->bare ? bare_ttl : result->ttl,
		              .known = result->known,
		              .count = result->count,
		              .bare = result->bare ? record->bare + (record->bare < 9) : 0 };
	if (result->count > 0) {
		(void)world_addresses(target, target->cached_first, &record->first);
	}
}

void check_after(target_t *target, const aname_result_t *result, int64_t took_ms)
{
	record_t *record = &target->record;
	if (result->failure == ANAME_FAILURE_NONE) {
		note_success(target, result, took_ms);
		note_first(&world.recursors[target->upstream]);
	} else if (!server.stops) {
		record->failing_ms = record->failed_ms != 0 ? record->failing_ms : loop_now();
		record->failed_ms = loop_now();
		record->failures++;
	}
}

/* Restarts. */

static void shift_interest(int64_t by_ms)
{
	for (unsigned i = 0; i < clients.count; i++) {
		if (clients.at[i].asked_ms != 0) {
			clients.at[i].asked_ms += by_ms;
		}
	}
	for (unsigned i = 0; i < world.count; i++) {
		if (world.targets[i].asked_ms != 0) {
			world.targets[i].asked_ms += by_ms;
		}
	}
}

void check_saved(void)
{
	for (unsigned i = 0; i < world.count; i++) {
		world.targets[i].saved = world.targets[i].record;
		world.targets[i].saved_asked_ms = world.targets[i].asked_ms;
	}
	for (unsigned i = 0; i < clients.count; i++) {
		clients.at[i].saved_asked_ms = clients.at[i].asked_ms;
	}
}

void check_restarted(int64_t down_ms, bool killed)
{
	memset(checks.silences, 0, sizeof(checks.silences));
	for (unsigned i = 0; i < world.count && killed; i++) {
		world.targets[i].record = world.targets[i].saved;
		world.targets[i].asked_ms = world.targets[i].saved_asked_ms;
	}
	for (unsigned i = 0; i < clients.count && killed; i++) {
		clients.at[i].asked_ms = clients.at[i].saved_asked_ms;
		clients.at[i].warm_ms = loop_now();
	}
	check_slept(down_ms);
}

void check_slept(int64_t slept_ms)
{
	shift_interest(slept_ms);
	prober_resumed();
	for (unsigned i = 0; i < UPSTREAMS; i++) {
		loop_never(&world.recursors[i].recovered);
		world.recursors[i].awaited = false;
		excuse(i, catch_up_ms());
	}
}

/* The whole. */

void check_memory(void)
{
	checks.memory = alloc_live();
}

void check_begin(void)
{
	/* A tenth of a second's lookups may come at once in the place of an even pace. */
	checks.starts_max = server.lookup_rate + server.lookup_rate / 10 + 1;
	checks.starts = calloc(checks.starts_max, sizeof(*checks.starts));
	REQUIRE(checks.starts != NULL, "out of memory");
}

void check_all(void)
{
	for (unsigned i = 0; i < clients.count; i++) {
		check_client(&clients.at[i]);
	}
	const char *wrong = audit_refresh(server.refresh);
	REQUIRE(wrong == NULL, "%s", wrong);
	long memory = alloc_live() - checks.memory;
	checks.most_memory = memory > checks.most_memory ? memory : checks.most_memory;
	/* Of a target: itself, and what is published of it, once more while a worker may read it;
	 * of a lookup its run, and the world's own. And what there is once. */
	REQUIRE(memory < 4 * (long)world.count + 4 * (long)world.pending + 2000,
	        "%ld blocks of memory are in use for %u targets", memory, world.count);
}

void check_empty(void)
{
	REQUIRE(aname_table_targets(server.shared->table) == 0, "T3: %zu targets are left",
	        aname_table_targets(server.shared->table));
	prober_check_empty();
	const char *wrong = audit_refresh(server.refresh);
	REQUIRE(wrong == NULL, "%s", wrong);
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
		double expected = 0.825 + 42.5 / (1000.0 * (double)life_of(target->clients));
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

void check_end(void)
{
	free(checks.starts);
	REQUIRE(alloc_live() == checks.memory, "%ld blocks of memory are left",
	        alloc_live() - checks.memory);
}

void check_print(void)
{
	printf("%" PRIu64 " answers, %" PRIu64 " retries and %" PRIu64 " recoveries were as the "
	       "rules say\n",
	       checks.told, checks.retries, checks.returned);
	printf("what did not fail was past its lifetime by %" PRId64 " ms at most\n",
	       checks.oldest_ms);
	prober_print();
	printf("%ld blocks of memory in use at most\n", checks.most_memory);
}
