/*!
 * Any octets as ANAME records of an owner, and options that rank and weigh what they name. The plan
 * of the pool and the choice out of it have to be what a second, plain implementation makes of them.
 *
 * Files: module/table/rdata.c module/table/choice.c module/query/pool_plan.c
 */

#include "fuzz.h"

#include <libknot/errcode.h>
#include <libknot/rrset.h>

#include "query/pool_plan.h"
#include "table/policy.h"
#include "table/rdata.h"

#define SUFFIXES_MAX 4
#define RRSETS_MAX   2
#define RECORDS_MAX  40
#define RDATA_MAX    700

/*! What the input says. */
typedef struct {
	aname_options_t options;
	knot_dname_t *prefer[SUFFIXES_MAX];
	aname_weight_t weights[SUFFIXES_MAX];
	knot_dname_storage_t suffixes[2 * SUFFIXES_MAX];
	knot_rrset_t rrsets[RRSETS_MAX];
	unsigned count;
	uint32_t usable;
	uint64_t network;
} case_t;

/*! A target as it should be. */
typedef struct {
	knot_dname_storage_t name;
	uint32_t ttl, rank, weight;
} expected_t;

typedef struct {
	unsigned targets, malformed, denied;
	bool cut;
	expected_t at[ANAME_POOL_MAX];
} plan_t;

/* What there should be. */

/*! Is it one whole name? By RFC 1035 alone. */
static bool is_name(const uint8_t *rdata, size_t len)
{
	size_t at = 0;
	while (at < len && rdata[at] != 0) {
		if (rdata[at] > 63) {
			return false;
		}
		at += rdata[at] + 1;
	}
	return at < len && at + 1 == len && len <= 255;
}

static void to_lower(uint8_t *to, const uint8_t *from, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		to[i] = from[i] >= 'A' && from[i] <= 'Z' ? from[i] + 'a' - 'A' : from[i];
	}
}

static bool is_under(const knot_dname_t *name, const knot_dname_t *suffix)
{
	size_t len = knot_dname_size(suffix);
	for (const uint8_t *at = name;; at += *at + 1) {
		size_t left = knot_dname_size(at);
		if (left == len && memcmp(at, suffix, len) == 0) {
			return true;
		}
		if (*at == 0) {
			return false;
		}
	}
}

static uint32_t rank_of(const case_t *is, const knot_dname_t *name)
{
	uint32_t rank = is->options.prefer.count;
	size_t longest = 0;
	for (size_t i = 0; i < is->options.prefer.count; i++) {
		size_t len = knot_dname_size(is->prefer[i]);
		if (is_under(name, is->prefer[i]) && len > longest) {
			rank = i;
			longest = len;
		}
	}
	return rank;
}

static uint32_t weight_of(const case_t *is, const knot_dname_t *name)
{
	uint32_t weight = 1;
	size_t longest = 0;
	for (size_t i = 0; i < is->options.weights.count; i++) {
		size_t len = knot_dname_size(is->weights[i].suffix);
		if (is_under(name, is->weights[i].suffix) && len > longest) {
			weight = is->weights[i].weight;
			longest = len;
		}
	}
	return weight;
}

/*! Stands for policy: by the name alone. */
static aname_failure_t check_name(void *ctx, const knot_dname_t *name, uint8_t name_len)
{
	require(name_len == knot_dname_size(name));
	if (name[0] == 0) {
		return ANAME_FAILURE_MALFORMED;
	}
	return name[1] == 'd' ? ANAME_FAILURE_DENIED : ANAME_FAILURE_NONE;
}

static void expect_name(const case_t *is, plan_t *plan, const uint8_t *rdata, size_t len,
                        uint32_t ttl)
{
	knot_dname_storage_t name;
	to_lower(name, rdata, len);
	ttl = aname_policy_ttl(ttl);
	for (unsigned i = 0; i < plan->targets; i++) {
		if (knot_dname_size(plan->at[i].name) == len &&
		    memcmp(plan->at[i].name, name, len) == 0) {
			plan->at[i].ttl = ttl < plan->at[i].ttl ? ttl : plan->at[i].ttl;
			return;
		}
	}
	expected_t *target = &plan->at[plan->targets++];
	memcpy(target->name, name, len);
	target->ttl = ttl;
	target->rank = rank_of(is, name);
	target->weight = weight_of(is, name);
}

static void expect(const case_t *is, plan_t *plan)
{
	unsigned records = 0;
	*plan = (plan_t){ 0 };
	for (unsigned i = 0; i < is->count; i++) {
		knot_rdata_t *rdata = is->rrsets[i].rrs.rdata;
		for (unsigned k = 0; k < is->rrsets[i].rrs.count; k++) {
			uint8_t lower[255];
			bool good = is_name(rdata->data, rdata->len);
			if (good) {
				to_lower(lower, rdata->data, rdata->len);
			}
			if (records++ >= ANAME_POOL_MAX) {
				plan->cut = true;
			} else if (!good || rdata->len == 1) {
				plan->malformed++;
			} else if (lower[1] == 'd') {
				plan->denied++;
			} else {
				expect_name(is, plan, rdata->data, rdata->len, is->rrsets[i].ttl);
			}
			rdata = knot_rdataset_next(rdata);
		}
	}
}

/* What there is. */

static void check_rdata(const knot_rdata_t *rdata)
{
	/* A block of exactly its size, so that reading past it is found out. */
	uint8_t *octets = malloc(rdata->len);
	knot_dname_storage_t target;
	memcpy(octets, rdata->data, rdata->len);
	int len = aname_rdata_read(octets, rdata->len, target);
	require((len > 0) == is_name(octets, rdata->len));
	require(len > 0 ? len == rdata->len : len == KNOT_EMALF);
	if (len > 0) {
		knot_dname_storage_t lower;
		to_lower(lower, octets, len);
		require(memcmp(target, lower, len) == 0);
	}
	free(octets);
}

static unsigned count_bits(uint32_t set)
{
	return __builtin_popcount(set);
}

/*! Those that may come first out of a set (P1, P2). */
static uint32_t best_of(const aname_choice_t *choice, uint32_t set)
{
	uint32_t best = 0, rank = UINT32_MAX;
	bool weighs = false;
	for (unsigned i = 0; i < choice->count; i++) {
		if ((set >> i & 1) && choice->at[i].rank < rank) {
			rank = choice->at[i].rank;
		}
	}
	for (unsigned i = 0; i < choice->count; i++) {
		bool is = (set >> i & 1) && choice->at[i].rank == rank;
		weighs |= is && choice->at[i].weight > 0;
	}
	for (unsigned i = 0; i < choice->count; i++) {
		bool is = (set >> i & 1) && choice->at[i].rank == rank;
		best |= is && (choice->at[i].weight > 0 || !weighs) ? UINT32_C(1) << i : 0;
	}
	return best;
}

static void check_choice(const case_t *is, const aname_choice_t *choice)
{
	uint32_t all = choice->count < 32 ? (UINT32_C(1) << choice->count) - 1 : UINT32_MAX;
	uint32_t usable = is->usable & all, best = best_of(choice, usable);
	require(choice->first == best_of(choice, all));
	require(aname_choice_best(choice, usable) == best);
	uint32_t picked = aname_choice_pick(choice, usable, is->network);
	require((picked & ~best) == 0 && (picked == 0) == (usable == 0));
	if (best == 0) {
		return;
	}
	unsigned answer = choice->answer_targets, most = count_bits(best);
	require(count_bits(picked) == (answer == 0 || answer > most ? most : answer));
	unsigned first = aname_choice_first(choice, best, is->network);
	require(best >> first & 1 && picked >> first & 1);
	/* When another one drops out its clients alone move (P3). */
	for (unsigned i = 0; i < choice->count; i++) {
		uint32_t without = best & ~(UINT32_C(1) << i);
		if (i != first && (best >> i & 1)) {
			require(aname_choice_first(choice, without, is->network) == first);
		}
	}
}

static const expected_t *find(const plan_t *plan, const knot_dname_t *name)
{
	unsigned i = 0;
	while (i < plan->targets && !knot_dname_is_equal(plan->at[i].name, name)) {
		i++;
	}
	require(i < plan->targets);
	return &plan->at[i];
}

static void check_targets(const case_t *is, const aname_pool_plan_t *made, const plan_t *plan)
{
	const knot_dname_t *before = NULL;
	for (unsigned i = 0; i < plan->targets; i++) {
		const aname_planned_t *target = &made->targets[i];
		const knot_dname_t *name = target->keys[0].name;
		const expected_t *expected = find(plan, name);
		require(target->ttl == expected->ttl);
		require(made->choice->at[i].rank == expected->rank);
		require(made->choice->at[i].weight == expected->weight);
		require(made->choice->at[i].seed ==
		        aname_choice_seed(is->rrsets[0].owner, expected->name));
		require(target->keys[0].type == KNOT_RRTYPE_A &&
		        target->keys[1].type == KNOT_RRTYPE_AAAA);
		require(target->keys[0].name_len == knot_dname_size(name) &&
		        target->keys[1].name == name);
		require(before == NULL || knot_dname_cmp(before, name) < 0);
		before = name;
	}
}

/*! A plan is that of its records, and of no others. */
static void check_current(case_t *is, const aname_pool_plan_t *made)
{
	require(aname_pool_plan_is_current(made, is->rrsets, is->count));
	require(is->count < 2 || !aname_pool_plan_is_current(made, is->rrsets, is->count - 1));
	unsigned records = 0;
	for (unsigned i = 0; i < is->count; i++) {
		knot_rrset_t *rrset = &is->rrsets[i];
		rrset->ttl++;
		require(!aname_pool_plan_is_current(made, is->rrsets, is->count));
		rrset->ttl--;
		knot_rdata_t *rdata = rrset->rrs.rdata;
		for (unsigned k = 0; k < rrset->rrs.count; k++, rdata = knot_rdataset_next(rdata)) {
			bool counts = records++ < ANAME_POOL_MAX && rdata->len <= KNOT_DNAME_MAXLEN;
			if (rdata->len > 0) {
				rdata->data[rdata->len - 1] ^= 1;
				require(aname_pool_plan_is_current(made, is->rrsets, is->count) ==
				        !counts);
				rdata->data[rdata->len - 1] ^= 1;
			}
		}
	}
}

static void check(case_t *is)
{
	static const aname_upstream_t *const upstream = NULL;
	plan_t plan;
	expect(is, &plan);
	aname_pool_plan_t *made = aname_pool_plan_new(&is->options, upstream, is->rrsets, is->count,
	                                              check_name, NULL);
	require(made != NULL);
	require(made->choice->count == plan.targets && made->malformed == plan.malformed);
	require(made->denied == plan.denied && made->cut == plan.cut);
	require(made->odd == (plan.cut || plan.malformed + plan.denied > 0));
	check_targets(is, made, &plan);
	check_choice(is, made->choice);
	check_current(is, made);
	free(made);
}

/* The input. */

static void read_options(input_t *input, case_t *is)
{
	is->options.prefer.count = take_below(input, SUFFIXES_MAX + 1);
	is->options.prefer.at = is->prefer;
	is->options.weights.count = take_below(input, SUFFIXES_MAX + 1);
	is->options.weights.at = is->weights;
	is->options.answer_targets = take_below(input, ANAME_ANSWER_TARGETS_MAX + 1);
	for (unsigned i = 0; i < SUFFIXES_MAX; i++) {
		is->prefer[i] = is->suffixes[i];
		is->weights[i].suffix = is->suffixes[SUFFIXES_MAX + i];
	}
	for (size_t i = 0; i < is->options.prefer.count; i++) {
		(void)take_name(input, is->prefer[i]);
	}
	for (size_t i = 0; i < is->options.weights.count; i++) {
		(void)take_name(input, is->weights[i].suffix);
		is->weights[i].weight = take_number(input, 3) % (ANAME_WEIGHT_MAX + 1);
	}
}

static void read_record(input_t *input, knot_rrset_t *rrset)
{
	uint8_t octets[RDATA_MAX];
	uint8_t kind = take_octet(input);
	size_t len = take_octet(input);
	if (kind & 1) {
		len = take_name(input, octets);
	} else {
		/* Some are longer than any name. */
		len = kind & 2 ? 2 * len : len;
		take_octets(input, octets, len);
	}
	if (kind & 4) {
		for (size_t i = 0; i < len; i++) {
			octets[i] = octets[i] >= 'a' && octets[i] <= 'z' ? octets[i] - 'a' + 'A'
			                                                 : octets[i];
		}
	}
	require(knot_rrset_add_rdata(rrset, octets, len, NULL) == KNOT_EOK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	input_t input = { data, size };
	static case_t is;
	static knot_dname_storage_t owner;
	is = (case_t){ 0 };
	read_options(&input, &is);
	is.usable = take_number(&input, 4);
	is.network = take_number(&input, 8);
	(void)take_name(&input, owner);
	is.count = 1 + take_below(&input, RRSETS_MAX);
	for (unsigned i = 0; i < is.count; i++) {
		knot_rrset_t *rrset = &is.rrsets[i];
		uint16_t type = i == 0 ? ANAME_RRTYPE_ANAME : ANAME_RRTYPE_ALIAS;
		uint32_t ttl = take_number(&input, 4) & INT32_MAX;
		knot_rrset_init(rrset, owner, type, KNOT_CLASS_IN, ttl);
		for (unsigned k = 1 + take_below(&input, RECORDS_MAX); k > 0; k--) {
			read_record(&input, rrset);
		}
		knot_rdata_t *rdata = rrset->rrs.rdata;
		for (unsigned k = 0; k < rrset->rrs.count; k++, rdata = knot_rdataset_next(rdata)) {
			check_rdata(rdata);
		}
	}
	check(&is);
	for (unsigned i = 0; i < is.count; i++) {
		knot_rdataset_clear(&is.rrsets[i].rrs, NULL);
	}
	return 0;
}
