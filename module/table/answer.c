#include "table/answer.h"

static aname_worth_t worth_of(const aname_part_t *part, bool accept_fallback)
{
	bool cold = part->judgement.worth == ANAME_COLD;
	return cold && accept_fallback ? part->judgement.fallback : part->judgement.worth;
}

/*! The judgement on what is for everybody, as it stands in for a client's. */
static aname_judgement_t stand_in(const aname_judgement_t *general)
{
	aname_judgement_t judgement = *general;
	if (judgement.ttl > ANAME_PARTIAL_TTL) {
		judgement.ttl = ANAME_PARTIAL_TTL;
	}
	return judgement;
}

static bool is_live(const aname_part_t *part)
{
	switch (part->judgement.worth) {
	case ANAME_FRESH:
	case ANAME_NODATA:
	case ANAME_LATE:
	case ANAME_LATE_NODATA: return true;
	default: return false;
	}
}

/*! Is it known that there are no addresses? Something cold is taken for what it was. */
static bool is_negative(const aname_part_t *part)
{
	return aname_worth_is_negative(worth_of(part, true));
}

aname_part_t aname_answer_for_client(const aname_part_t *client, const aname_part_t *general,
                                     uint8_t len)
{
	bool waits = client->judgement.worth == ANAME_COLD;
	bool usable = client->judgement.worth != ANAME_FAILED &&
	              !(waits && client->judgement.fallback == ANAME_FAILED);
	bool kept = general->gone && is_negative(client) && !is_negative(general);
	bool down = client->down && is_live(general) && !general->down;
	if (!kept && !down && (is_live(client) || (usable && !is_live(general)))) {
		aname_part_t part = *client;
		part.gone = general->gone && is_negative(client);
		return part;
	}
	aname_part_t part = *general;
	part.scope = len;
	part.judgement = stand_in(&general->judgement);
	if (waits && part.judgement.worth != ANAME_COLD) {
		part.judgement.fallback = part.judgement.worth;
		part.judgement.worth = ANAME_COLD;
	}
	return part;
}

bool aname_answer_look(aname_part_t *part, uint32_t definition, int64_t now_ms)
{
	const aname_snapshot_t *snapshot = part->snapshot;
	const aname_view_t *own = aname_snapshot_view(snapshot, definition);
	const aname_view_t *view = own;
	if (own == NULL && definition != 0) {
		view = aname_snapshot_view_alike(snapshot, definition);
	}
	if (view == NULL) {
		view = aname_snapshot_view(snapshot, 0);
	}
	if (view != NULL) {
		part->view = view;
		part->down = view->count == 0 && snapshot->count > 0;
		part->lives |= aname_view_alive(view);
		part->recent = view->changed_ms > now_ms - ANAME_VERDICT_NEW_MS;
		if (part->recent && part->judgement.ttl > ANAME_STALE_TTL) {
			part->judgement.ttl = ANAME_STALE_TTL;
		}
	}
	return own != NULL || definition == 0;
}

/*! Sets of targets: a bit for each. */
typedef struct {
	uint32_t usable; /*!< Addresses that are live, or as good as that, and not all down (P1). */
	uint32_t good;   /*!< Addresses that are, be they down or not. */
	uint32_t down;   /*!< Addresses, all of them down. */
	uint32_t second; /*!< Addresses that are to be used if no target is usable. */
	uint32_t cold;   /*!< Nothing is known yet, or no longer. */
} sets_t;

static sets_t sort_out(const aname_pool_t *pool, bool accept_fallback)
{
	sets_t sets = { 0 };
	for (unsigned i = 0; i < pool->count; i++) {
		const aname_part_t *part = &pool->parts[i];
		aname_worth_t worth = worth_of(part, accept_fallback);
		uint32_t bit = 1u << i;
		if (part->judgement.worth == ANAME_COLD) {
			sets.cold |= bit;
		}
		if (!aname_worth_has_addresses(worth)) {
			continue;
		}
		bool good = worth != ANAME_STALE || part->lives;
		sets.good |= good ? bit : 0;
		sets.usable |= good && !part->down ? bit : 0;
		sets.second |= part->down ? 0 : bit;
		sets.down |= part->down ? bit : 0;
	}
	return sets;
}

/*! Those of a set that an answer is made of. */
static uint32_t choose(const aname_pool_t *pool, uint32_t set)
{
	return pool->choice != NULL ? aname_choice_pick(pool->choice, set, pool->network) : set;
}

/*! Takes the addresses of parts; the TTL becomes the least of theirs. `whole`: as if none were
 *  down. */
static void take(const aname_pool_t *pool, bool accept_fallback, uint32_t set, bool whole,
                 aname_answer_t *answer)
{
	answer->worth = ANAME_FRESH;
	for (; set != 0; set &= set - 1) {
		const aname_part_t *part = &pool->parts[__builtin_ctz(set)];
		aname_worth_t worth = worth_of(part, accept_fallback);
		answer->use[answer->used++] = (aname_use_t){
			.set = whole ? aname_snapshot_rdataset(part->snapshot)
			             : aname_part_rdataset(part),
			.pick = part->snapshot->pick,
		};
		answer->worth = worth > answer->worth ? worth : answer->worth;
		answer->ttl = part->judgement.ttl < answer->ttl ? part->judgement.ttl : answer->ttl;
	}
}

/*! The most telling failure; NONE if there is none. */
static aname_failure_t failure_of(const aname_pool_t *pool, bool accept_fallback)
{
	aname_failure_t failure = ANAME_FAILURE_NONE;
	for (unsigned i = 0; i < pool->count; i++) {
		const aname_part_t *part = &pool->parts[i];
		if (worth_of(part, accept_fallback) == ANAME_FAILED && part->failure > failure) {
			failure = part->failure;
		}
	}
	return failure;
}

/*! Targets of which policy has left nothing. */
static unsigned count_emptied(const aname_pool_t *pool)
{
	unsigned count = 0;
	for (unsigned i = 0; i < pool->count; i++) {
		count += pool->parts[i].judgement.worth == ANAME_FAILED &&
		         pool->parts[i].failure == ANAME_FAILURE_EMPTIED;
	}
	return count;
}

/*! Is there a target that had addresses, and is gone? */
static bool is_gone(const aname_pool_t *pool)
{
	for (unsigned i = 0; i < pool->count; i++) {
		if (pool->parts[i].gone) {
			return true;
		}
	}
	return false;
}

/*! How many parts are negative in this way; the TTL becomes the least of theirs. */
static unsigned count_negative(const aname_pool_t *pool, bool accept_fallback, aname_worth_t worth,
                               aname_answer_t *answer)
{
	unsigned count = 0;
	for (unsigned i = 0; i < pool->count; i++) {
		const aname_part_t *part = &pool->parts[i];
		if (worth_of(part, accept_fallback) == worth) {
			answer->ttl = part->judgement.ttl < answer->ttl ? part->judgement.ttl
			                                                : answer->ttl;
			count++;
		}
	}
	return count;
}

static void weigh_without_addresses(const aname_pool_t *pool, bool accept_fallback,
                                    aname_answer_t *answer)
{
	unsigned fresh = count_negative(pool, accept_fallback, ANAME_NODATA, answer);
	unsigned late = count_negative(pool, accept_fallback, ANAME_LATE_NODATA, answer);
	unsigned stale = count_negative(pool, accept_fallback, ANAME_STALE_NODATA, answer);
	unsigned emptied = count_emptied(pool);
	unsigned negative = fresh + late + stale;

	answer->gone = is_gone(pool);
	if (answer->partial && !accept_fallback) {
		answer->worth = ANAME_COLD;
	} else if (negative > 0 && negative == pool->count) {
		aname_worth_t live = late > 0 ? ANAME_LATE_NODATA : ANAME_NODATA;
		answer->worth = stale > 0 ? ANAME_STALE_NODATA : live;
	} else {
		answer->worth = ANAME_FAILED;
		answer->failure = failure_of(pool, accept_fallback);
		answer->emptied = emptied > 0 && emptied + negative == pool->count;
	}
}

/*! No target is usable, and some would be, but for health or an operator (H4). */
static void weigh_all_down(const aname_pool_t *pool, bool accept_fallback, const sets_t *sets,
                           aname_answer_t *answer)
{
	answer->all_down = true;
	if (pool->all_down == ANAME_ALL_DOWN_SERVE) {
		uint32_t all = sets->good != 0 ? sets->good : sets->down | sets->second;
		take(pool, accept_fallback, choose(pool, all), true, answer);
		return;
	}
	answer->worth = ANAME_FAILED;
	answer->failure = ANAME_FAILURE_DOWN;
	answer->emptied = true;
	answer->no_sibling = pool->all_down == ANAME_ALL_DOWN_SERVFAIL;
}

/*! Nothing is decided yet. */
static void begin(const aname_pool_t *pool, bool partial, aname_answer_t *answer)
{
	answer->partial = partial;
	answer->gone = answer->emptied = answer->all_down = answer->no_sibling = false;
	answer->failure = ANAME_FAILURE_NONE;
	answer->ttl = UINT32_MAX;
	answer->used = 0;
	answer->scope = 0;
	for (unsigned i = 0; i < pool->count; i++) {
		if (pool->parts[i].scope > answer->scope) {
			answer->scope = pool->parts[i].scope;
		}
		if (pool->parts[i].recent) {
			answer->ttl = ANAME_STALE_TTL; /* What is in it may be another soon. */
		}
	}
	if (partial) {
		answer->ttl = ANAME_PARTIAL_TTL;
	}
}

void aname_answer_weigh(const aname_pool_t *pool, bool accept_fallback, aname_answer_t *answer)
{
	const sets_t sets = sort_out(pool, accept_fallback);
	/* Would something that is not known yet be in the answer? Then it is the answer for a short
	 * time only. */
	uint32_t cold = sets.cold & ~sets.usable;
	begin(pool, cold != 0 && (choose(pool, sets.usable | cold) & cold) != 0, answer);
	answer->cold = sets.cold != 0;
	if (sets.usable != 0) {
		take(pool, accept_fallback, choose(pool, sets.usable), false, answer);
	} else if (sets.down != 0 && (sets.cold == 0 || accept_fallback)) {
		weigh_all_down(pool, accept_fallback, &sets, answer);
	} else if (sets.second != 0) {
		take(pool, accept_fallback, choose(pool, sets.second), false, answer);
	} else {
		weigh_without_addresses(pool, accept_fallback, answer);
	}
}

void aname_answer_spare(aname_worth_t other, bool sibling, aname_answer_t *answer)
{
	bool stands = aname_worth_has_addresses(other) && answer->emptied;
	if (other == ANAME_COLD) {
		answer->worth = ANAME_COLD;
		answer->partial = true;
	} else if (stands || (other == ANAME_FAILED && sibling)) {
		/* What is not known yet may be known in a moment. */
		answer->worth = ANAME_NODATA;
		answer->ttl = answer->partial ? ANAME_PARTIAL_TTL : ANAME_STALE_TTL;
		answer->failure = ANAME_FAILURE_NONE;
	}
}
