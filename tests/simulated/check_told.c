#include "checks.h"

#include <inttypes.h>

#include "prober.h"

/* What clients are told. */

/*! The lifetime of what was told, as rule T1 has it. */
int64_t check_life_of(const client_t *client)
{
	const record_t *record = &client->target->record;
	int64_t life_s = client->ttl;
	life_s = record->ttl < life_s ? record->ttl : life_s;
	int64_t most_s = server.sections[client->section].ttl_max;
	life_s = most_s < life_s ? most_s : life_s;
	return life_s > 1 ? life_s : 1;
}

/*! Has a lookup failed since the last answer, or taken too long? */
static bool has_failed(const target_t *target)
{
	int64_t excused_ms = world.recursors[target->upstream].excused_ms;
	return target->record.failed_ms != 0 || check_is_excused(target->upstream) ||
	       loop_now() <= excused_ms + check_retry_wait_ms(target->upstream) ||
	       (target->lookup != NULL &&
	        loop_now() - target->lookup->started_ms >= TIMEOUT_LEAST_MS);
}

/*! While its recursor seemed to be silent, which it was not, has it failed without a lookup? It is
 *  looked up when that is over, where as much as has failed within that time has its turn in as much
 *  time, or when somebody asks again. */
static bool has_failed_unasked(const client_t *client, const aname_snapshot_t *snapshot)
{
	const target_t *target = client->target;
	const aname_failing_t *failing = aname_snapshot_failing(snapshot);
	const char *restarted = "the resolver could not be asked, before the restart";
	if (strcmp(failing->why, "the resolver is silent") != 0 &&
	    strcmp(failing->why, restarted) != 0) {
		return false;
	}
	const aname_upstream_work_t *work = server_upstream(target->upstream)->work;
	bool looked_up =
	        target->started_ms >= failing->since_ms && target->started_ms >= client->warm_ms;
	bool back = loop_now() - work->back_ms <= WRONGLY_MS;
	bool anew =
	        loop_now() - client->warm_ms <= WRONGLY_MS + check_retry_wait_ms(target->upstream);
	return target->lookup != NULL || (!looked_up && (work->out || back || anew));
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
	int64_t life_ms = 1000 * check_life_of(client), age_ms = loop_now() - record->learned_ms;
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
	int64_t past_ms = loop_now() - target->record.learned_ms - 1000 * check_life_of(client);
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
	bool good = check_is_good(target) && target->until_ms > loop_now();
	int64_t most_ms =
	        RETRY_MAX_S * SECOND_MS + 10 * SECOND_MS + check_retry_wait_ms(target->upstream);
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
	if (warm && !check_is_excused(target->upstream)) {
		REQUIRE(entry != NULL, "T3: target %u is asked for, and gone", target->number);
		if (snapshot != NULL && !unasked) {
			check_recovered(client, snapshot);
		}
		if (!unasked && !has_failed(target)) {
			check_healthy(client, part);
		}
	}
}
