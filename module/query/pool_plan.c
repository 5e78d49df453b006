#include "query/pool_plan.h"

#include <stdlib.h>
#include <string.h>

#include "octets.h"
#include "path.h"
#include "table/policy.h"
#include "table/rdata.h"

/*! A plan being made, in one block: the plan, and what it points to. */
typedef struct {
	aname_pool_plan_t *plan;
	const aname_options_t *options;
	const knot_dname_t *owner;
	uint8_t *free; /*!< Where the next name goes. */
} draft_t;

/*! Takes room of whole words. */
static void *take(uint8_t **at, size_t size)
{
	void *taken = *at;
	*at += (size + 7) / 8 * 8;
	return taken;
}

static aname_pool_plan_t *allocate(const knot_rrset_t *rrsets, unsigned count, draft_t *draft)
{
	size_t records = 0, octets = 0;
	for (unsigned i = 0; i < count; i++) {
		records += rrsets[i].rrs.count;
		octets += rrsets[i].rrs.size + 8;
	}
	size_t each = sizeof(aname_contender_t) + sizeof(aname_planned_t) + sizeof(aname_refused_t);
	records = records < ANAME_POOL_MAX ? records : ANAME_POOL_MAX;
	uint8_t *at = calloc(1, sizeof(aname_pool_plan_t) + sizeof(aname_choice_t) +
	                                records * each + 2 * octets + 3 * sizeof(uint64_t));
	if (at == NULL) {
		return NULL;
	}
	aname_pool_plan_t *plan = take(&at, sizeof(aname_pool_plan_t));
	plan->choice = take(&at, sizeof(aname_choice_t) + records * sizeof(aname_contender_t));
	plan->targets = take(&at, records * sizeof(aname_planned_t));
	plan->refused = take(&at, records * sizeof(aname_refused_t));
	plan->rrsets_count = count;
	for (unsigned i = 0; i < count; i++) {
		const knot_rdataset_t *rrs = &rrsets[i].rrs;
		uint8_t *copy = take(&at, rrs->size);
		if (rrs->size > 0) {
			memcpy(copy, rrs->rdata, rrs->size);
		}
		plan->rrsets[i] = (aname_pool_plan_records_t){ .type = rrsets[i].type,
			                                       .ttl = rrsets[i].ttl,
			                                       .size = rrs->size,
			                                       .rdata = copy };
	}
	draft->plan = plan;
	draft->free = at;
	return plan;
}

/*! Where a target stands or is to stand in canonical order; `found` if it is there. */
static unsigned find(const aname_pool_plan_t *plan, const knot_dname_t *name, bool *found)
{
	unsigned i = 0;
	int order = -1;
	while (i < plan->choice->count &&
	       (order = knot_dname_cmp(plan->targets[i].name, name)) < 0) {
		i++;
	}
	*found = i < plan->choice->count && order == 0;
	return i;
}

/*! Adds a target, or lowers the TTL of the one that is there. */
static void add(draft_t *draft, const knot_dname_t *name, int name_len, uint32_t ttl)
{
	aname_pool_plan_t *plan = draft->plan;
	aname_choice_t *choice = plan->choice;
	bool found;
	unsigned at = find(plan, name, &found);
	aname_planned_t *target = &plan->targets[at];
	if (found) {
		target->ttl = ttl < target->ttl ? ttl : target->ttl;
		return;
	}
	memmove(target + 1, target, (choice->count - at) * sizeof(*target));
	memmove(&choice->at[at + 1], &choice->at[at], (choice->count - at) * sizeof(choice->at[0]));
	memset(target, 0, sizeof(*target));
	target->name = memcpy(draft->free, name, name_len);
	target->name_len = name_len;
	target->ttl = ttl;
	draft->free += name_len;
	choice->at[at] = (aname_contender_t){
		.seed = aname_choice_seed(draft->owner, name),
		.weight = aname_choice_weight(&draft->options->weights, name),
		.rank = aname_choice_rank(&draft->options->prefer, name),
	};
	choice->count++;
}

aname_pool_plan_t *aname_pool_plan_new(const aname_options_t *options, const knot_rrset_t *rrsets,
                                       unsigned count, aname_pool_plan_allows_f allows, void *ctx)
{
	draft_t draft = { .options = options, .owner = rrsets[0].owner };
	aname_pool_plan_t *plan = allocate(rrsets, count, &draft);
	if (plan == NULL) {
		return NULL;
	}
	unsigned records = 0;
	for (unsigned i = 0; i < count; i++) {
		const knot_rdata_t *rdata = (const knot_rdata_t *)plan->rrsets[i].rdata;
		for (unsigned k = 0; k < rrsets[i].rrs.count; k++) {
			if (records == ANAME_POOL_MAX) {
				plan->cut = true;
				break;
			}
			records++;
			knot_dname_storage_t name;
			int len = aname_rdata_read(rdata->data, rdata->len, name);
			if (len > 0 && allows(ctx, name, len)) {
				add(&draft, name, len, aname_policy_ttl(rrsets[i].ttl));
			} else {
				plan->refused[plan->refused_count++] =
				        (aname_refused_t){ rdata, rrsets[i].ttl };
			}
			rdata = knot_rdataset_next((knot_rdata_t *)rdata);
		}
	}
	aname_choice_t *choice = plan->choice;
	uint32_t all = choice->count > 0 ? UINT32_MAX >> (32 - choice->count) : 0;
	choice->answer_targets = options->answer_targets;
	choice->first = aname_choice_best(choice, all);
	plan->short_cut = choice->first != 0 && (choice->answer_targets == 1 ||
	                                         (choice->first & (choice->first - 1)) == 0);
	return plan;
}

ANAME_WARM bool aname_pool_plan_is_current(const aname_pool_plan_t *plan,
                                           const knot_rrset_t *rrsets, unsigned count)
{
	if (plan == NULL || plan->rrsets_count != count) {
		return false;
	}
	for (unsigned i = 0; i < count; i++) {
		const aname_pool_plan_records_t *records = &plan->rrsets[i];
		if (records->type != rrsets[i].type || records->ttl != rrsets[i].ttl ||
		    records->size != rrsets[i].rrs.size ||
		    !aname_octets_equal(records->rdata, (const uint8_t *)rrsets[i].rrs.rdata,
		                        records->size)) {
			return false;
		}
	}
	return true;
}
