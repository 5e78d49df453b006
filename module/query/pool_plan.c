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
	const aname_upstream_t *upstream;
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

static inline bool is_too_long(const knot_rdata_t *rdata)
{
	return rdata->len > KNOT_DNAME_MAXLEN;
}

/*! The octets of a record that count, as it stands in the zone's memory. */
static inline size_t octets_of(const knot_rdata_t *rdata)
{
	return is_too_long(rdata) ? sizeof(rdata->len) : knot_rdata_size(rdata->len);
}

/*! How many records of an RRset count, before which there are so many in others. */
static inline unsigned counting(const knot_rrset_t *rrset, unsigned before)
{
	unsigned left = ANAME_POOL_MAX - before;
	return rrset->rrs.count < left ? rrset->rrs.count : left;
}

/*! Octets that copies of the records take, and the names that are in them. */
static size_t measure(const knot_rrset_t *rrsets, unsigned count, unsigned *records)
{
	size_t octets = 0;
	*records = 0;
	for (unsigned i = 0; i < count; i++) {
		unsigned some = counting(&rrsets[i], *records);
		knot_rdata_t *rdata = rrsets[i].rrs.rdata;
		for (unsigned k = 0; k < some; k++, rdata = knot_rdataset_next(rdata)) {
			octets += 2 * octets_of(rdata);
		}
		*records += some;
	}
	return octets;
}

static void copy_records(const knot_rrset_t *rrset, unsigned some, draft_t *draft)
{
	aname_pool_plan_t *plan = draft->plan;
	aname_pool_plan_records_t *records = &plan->rrsets[plan->rrsets_count++];
	*records = (aname_pool_plan_records_t){
		.type = rrset->type,
		.count = rrset->rrs.count,
		.copied = some,
		.ttl = rrset->ttl,
		.copies = draft->free,
	};
	bool too_long = false;
	knot_rdata_t *rdata = rrset->rrs.rdata;
	for (unsigned k = 0; k < some; k++, rdata = knot_rdataset_next(rdata)) {
		memcpy(draft->free, rdata, octets_of(rdata));
		draft->free += octets_of(rdata);
		too_long |= is_too_long(rdata);
	}
	records->whole = too_long ? 0 : draft->free - records->copies;
}

static aname_pool_plan_t *allocate(const knot_rrset_t *rrsets, unsigned count, draft_t *draft)
{
	unsigned records, before = 0;
	size_t octets = measure(rrsets, count, &records);
	size_t each = sizeof(aname_contender_t) + sizeof(aname_planned_t);
	uint8_t *at = calloc(1, sizeof(aname_pool_plan_t) + sizeof(aname_choice_t) +
	                                records * each + octets + 3 * sizeof(uint64_t));
	if (at == NULL) {
		return NULL;
	}
	aname_pool_plan_t *plan = take(&at, sizeof(aname_pool_plan_t));
	plan->choice = take(&at, sizeof(aname_choice_t) + records * sizeof(aname_contender_t));
	plan->targets = take(&at, records * sizeof(aname_planned_t));
	draft->plan = plan;
	draft->free = at;
	for (unsigned i = 0; i < count; i++) {
		unsigned some = counting(&rrsets[i], before);
		copy_records(&rrsets[i], some, draft);
		plan->cut |= some < rrsets[i].rrs.count;
		before += some;
	}
	return plan;
}

/*! Where a target stands or is to stand in canonical order; `found` if it is there. */
static unsigned find(const aname_pool_plan_t *plan, const knot_dname_t *name, bool *found)
{
	unsigned i = 0;
	int order = -1;
	while (i < plan->choice->count &&
	       (order = knot_dname_cmp(plan->targets[i].keys[0].name, name)) < 0) {
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
	for (unsigned i = 0; i < 2; i++) {
		target->keys[i] = (aname_key_t){
			.upstream = draft->upstream,
			.name = memcpy(draft->free, name, name_len),
			.type = i == 0 ? KNOT_RRTYPE_A : KNOT_RRTYPE_AAAA,
			.name_len = name_len,
		};
	}
	target->ttl = ttl;
	draft->free += name_len;
	choice->at[at] = (aname_contender_t){
		.seed = aname_choice_seed(draft->owner, name),
		.weight = aname_choice_weight(&draft->options->weights, name),
		.rank = aname_choice_rank(&draft->options->prefer, name),
	};
	choice->count++;
}

/*! Adds the target of a record, if it is one. */
static void add_record(draft_t *draft, const knot_rdata_t *rdata, uint32_t ttl,
                       aname_pool_plan_check_f check, void *ctx)
{
	knot_dname_storage_t name;
	int len = aname_rdata_read(rdata->data, rdata->len, name);
	aname_failure_t failure = len > 0 ? check(ctx, name, len) : ANAME_FAILURE_MALFORMED;
	if (failure == ANAME_FAILURE_NONE) {
		add(draft, name, len, aname_policy_ttl(ttl));
	} else if (failure == ANAME_FAILURE_DENIED) {
		draft->plan->denied++;
	} else {
		draft->plan->malformed++;
	}
}

aname_pool_plan_t *aname_pool_plan_new(const aname_options_t *options,
                                       const aname_upstream_t *upstream, const knot_rrset_t *rrsets,
                                       unsigned count, aname_pool_plan_check_f check, void *ctx)
{
	draft_t draft = { .options = options, .upstream = upstream, .owner = rrsets[0].owner };
	aname_pool_plan_t *plan = allocate(rrsets, count, &draft);
	if (plan == NULL) {
		return NULL;
	}
	for (unsigned i = 0; i < count; i++) {
		knot_rdata_t *rdata = rrsets[i].rrs.rdata;
		for (unsigned k = 0; k < plan->rrsets[i].copied; k++) {
			add_record(&draft, rdata, rrsets[i].ttl, check, ctx);
			rdata = knot_rdataset_next(rdata);
		}
	}
	plan->odd = plan->cut || plan->malformed + plan->denied > 0;
	aname_choice_t *choice = plan->choice;
	uint32_t all = choice->count > 0 ? UINT32_MAX >> (32 - choice->count) : 0;
	choice->answer_targets = options->answer_targets;
	choice->first = aname_choice_best(choice, all);
	plan->short_cut = choice->first != 0 && (choice->answer_targets == 1 ||
	                                         (choice->first & (choice->first - 1)) == 0);
	return plan;
}

/*! Are the records of an RRset that count those of which there are copies, one by one? */
static ANAME_ASIDE bool are_each_copied(const aname_pool_plan_records_t *records,
                                        const knot_rdataset_t *rrs)
{
	const uint8_t *copy = records->copies;
	knot_rdata_t *rdata = rrs->rdata;
	for (unsigned k = 0; k < records->copied; k++, rdata = knot_rdataset_next(rdata)) {
		size_t size = octets_of(rdata);
		if (memcmp(copy, rdata, size) != 0) {
			return false;
		}
		copy += size;
	}
	return true;
}

/*! The same; at once, if none is too long. */
static ANAME_WARM bool are_copied(const aname_pool_plan_records_t *records,
                                  const knot_rdataset_t *rrs)
{
	return records->whole == 0
	               ? are_each_copied(records, rrs)
	               : rrs->size >= records->whole &&
	                         aname_octets_equal(records->copies, (const uint8_t *)rrs->rdata,
	                                            records->whole);
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
		    records->count != rrsets[i].rrs.count || !are_copied(records, &rrsets[i].rrs)) {
			return false;
		}
	}
	return true;
}
