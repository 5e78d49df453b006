#include "query/answer.h"

#include <stdlib.h>
#include <string.h>

#include <libknot/errcode.h>

#include "path.h"
#include "query/packet.h"

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
	if (!kept && (is_live(client) || (usable && !is_live(general)))) {
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

/*! Takes all parts of one worth; the TTL becomes the least of them. */
static unsigned take(const aname_pool_t *pool, bool accept_fallback, aname_worth_t worth,
                     aname_answer_t *answer)
{
	unsigned taken = 0;
	for (unsigned i = 0; i < pool->count; i++) {
		const aname_part_t *part = &pool->parts[i];
		if (worth_of(part, accept_fallback) != worth) {
			continue;
		}
		answer->use[answer->used + taken] = part->snapshot;
		if (part->judgement.ttl < answer->ttl) {
			answer->ttl = part->judgement.ttl;
		}
		taken++;
	}
	answer->used += taken;
	return taken;
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

/*! Is there a target of which nothing is known yet? */
static bool is_partial(const aname_pool_t *pool)
{
	for (unsigned i = 0; i < pool->count; i++) {
		if (pool->parts[i].judgement.worth == ANAME_COLD) {
			return true;
		}
	}
	return false;
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

static void weigh_without_addresses(const aname_pool_t *pool, bool accept_fallback,
                                    aname_answer_t *answer)
{
	unsigned fresh = take(pool, accept_fallback, ANAME_NODATA, answer);
	unsigned late = take(pool, accept_fallback, ANAME_LATE_NODATA, answer);
	unsigned stale = take(pool, accept_fallback, ANAME_STALE_NODATA, answer);
	unsigned emptied = count_emptied(pool);
	unsigned negative = fresh + late + stale;

	answer->used = 0;
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

void aname_answer_weigh(const aname_pool_t *pool, bool accept_fallback, aname_answer_t *answer)
{
	answer->partial = is_partial(pool);
	answer->gone = false;
	answer->emptied = false;
	answer->failure = ANAME_FAILURE_NONE;
	answer->ttl = answer->partial ? ANAME_PARTIAL_TTL : UINT32_MAX;
	answer->used = 0;
	answer->scope = 0;
	for (unsigned i = 0; i < pool->count; i++) {
		if (pool->parts[i].scope > answer->scope) {
			answer->scope = pool->parts[i].scope;
		}
	}

	unsigned fresh = take(pool, accept_fallback, ANAME_FRESH, answer);
	unsigned late = take(pool, accept_fallback, ANAME_LATE, answer);
	if (fresh > 0 || late > 0) {
		answer->worth = late > 0 ? ANAME_LATE : ANAME_FRESH;
	} else if (take(pool, accept_fallback, ANAME_STALE, answer) > 0) {
		answer->worth = ANAME_STALE;
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

unsigned aname_answer_allowed(const aname_snapshot_t *snapshot, const aname_nets_t *deny)
{
	if (deny->count == 0) {
		return snapshot->count;
	}
	unsigned allowed = 0;
	knot_rdata_t *rdata = aname_snapshot_rdataset(snapshot).rdata;
	for (unsigned i = 0; i < snapshot->count; i++, rdata = knot_rdataset_next(rdata)) {
		allowed += !aname_nets_match(deny, rdata->data, rdata->len);
	}
	return allowed;
}

static int compare(const void *one, const void *other)
{
	return knot_rdata_cmp(*(const knot_rdata_t *const *)one,
	                      *(const knot_rdata_t *const *)other);
}

/*! Collects pointers to all allowed addresses, sorted, each once. */
static unsigned collect(const aname_answer_t *answer, const aname_nets_t *deny,
                        const knot_rdata_t **list)
{
	unsigned count = 0;
	for (unsigned i = 0; i < answer->used; i++) {
		const aname_snapshot_t *snapshot = answer->use[i];
		knot_rdata_t *rdata = aname_snapshot_rdataset(snapshot).rdata;
		for (unsigned k = 0; k < snapshot->count; k++, rdata = knot_rdataset_next(rdata)) {
			if (!aname_nets_match(deny, rdata->data, rdata->len)) {
				list[count++] = rdata;
			}
		}
	}
	qsort(list, count, sizeof(*list), compare);

	unsigned kept = 0;
	for (unsigned i = 0; i < count; i++) {
		if (kept == 0 || knot_rdata_cmp(list[kept - 1], list[i]) != 0) {
			list[kept++] = list[i];
		}
	}
	return kept;
}

/*! Keeps `most` addresses from a random position on, which is the same until the next refresh. */
static unsigned limit(const aname_answer_t *answer, unsigned most, const knot_rdata_t **list,
                      unsigned count)
{
	if (count <= most) {
		return count;
	}
	uint32_t pick = 0;
	for (unsigned i = 0; i < answer->used; i++) {
		pick += answer->use[i]->pick;
	}
	unsigned first = pick % count;
	unsigned kept = 0;
	for (unsigned i = 0; i < count; i++) {
		if ((i + count - first) % count < most) {
			list[kept++] = list[i];
		}
	}
	return kept;
}

static ANAME_ASIDE int copy_some(const aname_answer_t *answer, const aname_options_t *options,
                                 knot_pkt_t *pkt, knot_rdataset_t *set)
{
	unsigned total = 0;
	for (unsigned i = 0; i < answer->used; i++) {
		total += answer->use[i]->count;
	}
	const knot_rdata_t **list = aname_packet_alloc(pkt, total * sizeof(*list));
	if (list == NULL) {
		return KNOT_ENOMEM;
	}
	unsigned count = collect(answer, &options->deny_address, list);
	count = limit(answer, options->max_addresses, list, count);

	set->count = count;
	set->size = count > 0 ? count * knot_rdata_size(list[0]->len) : 0;
	set->rdata = aname_packet_alloc(pkt, set->size);
	uint8_t *at = (uint8_t *)set->rdata;
	for (unsigned i = 0; i < count && at != NULL; i++) {
		size_t size = knot_rdata_size(list[i]->len);
		memcpy(at, list[i], size);
		at += size;
	}
	aname_packet_release(pkt, list);
	return set->rdata != NULL ? KNOT_EOK : KNOT_ENOMEM;
}

ANAME_WARM int aname_answer_put(const aname_answer_t *answer, const aname_options_t *options,
                                knot_pkt_t *pkt, const aname_form_t *form)
{
	knot_rrset_t rrset = {
		.owner = (knot_dname_t *)form->owner, /* Nobody writes there. */
		.ttl = answer->ttl,
		.type = form->type,
		.rclass = KNOT_CLASS_IN,
	};
	bool whole = answer->used == 1 && answer->use[0]->count <= options->max_addresses &&
	             options->deny_address.count == 0;
	int ret;
	if (whole) {
		const knot_rdataset_t all = aname_snapshot_rdataset(answer->use[0]);
		ret = aname_packet_copy(pkt, &all, &rrset.rrs);
	} else {
		ret = copy_some(answer, options, pkt, &rrset.rrs);
	}
	return ret != KNOT_EOK ? ret
	                       : knot_pkt_put_rotate(pkt, form->compr_hint, &rrset, form->rotate,
	                                             form->flags);
}
