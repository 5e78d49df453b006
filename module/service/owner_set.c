#include "service/owner_set.h"

#include <stdio.h>
#include <string.h>

#include "service/work.h"
#include "table/policy.h"

/*! Ask again within so many seconds in any case, if the zone is not known, and if a target is not. */
#define NEXT_MAX_S     1800
#define NEXT_UNKNOWN_S 10
#define NEXT_PENDING_S 60

/*! One that is being made. */
typedef struct {
	aname_owner_parts_t parts;
	aname_owner_set_t *set;
	union {
		aname_choice_t choice;
		uint8_t room[sizeof(aname_choice_t) + ANAME_POOL_MAX * sizeof(aname_contender_t)];
	};
} draft_t;

/*! Has targets chosen by rank; and by weight, as far as one of 0 is not to be used. */
static void prepare_choice(draft_t *draft)
{
	aname_owner_parts_t *parts = &draft->parts;
	const aname_options_t *options = parts->options;
	parts->pool.choice = NULL;
	if (options->prefer.count == 0 && options->weights.count == 0) {
		return;
	}
	draft->choice.answer_targets = 0;
	draft->choice.count = parts->count;
	draft->choice.first = 0;
	for (unsigned i = 0; i < parts->count; i++) {
		draft->choice.at[i] = (aname_contender_t){
			.weight = aname_choice_weight(&options->weights, parts->targets[i]),
			.rank = aname_choice_rank(&options->prefer, parts->targets[i]),
		};
	}
	parts->pool.choice = &draft->choice;
}

/* Why there is nothing. */

static const char *phrase(const aname_owner_parts_t *parts, aname_failure_t failure,
                          const aname_snapshot_t *snapshot)
{
	const aname_failing_t *failing = snapshot != NULL ? aname_snapshot_failing(snapshot) : NULL;
	switch (failure) {
	case ANAME_FAILURE_CIRCULAR: return "it leads back to the owner";
	case ANAME_FAILURE_DOWN: return "all addresses are down";
	case ANAME_FAILURE_EMPTIED: return "all addresses are in networks of 'deny-address'";
	case ANAME_FAILURE_MALFORMED:
	case ANAME_FAILURE_DENIED: return parts->refusal;
	case ANAME_FAILURE_NONE:
		return parts->full ? "there is no room for it, raise 'max-targets'"
		                   : "nothing is known";
	default: return failing != NULL ? failing->why : "it fails";
	}
}

/*! Notes why, which is so of this target, if it is one of them. */
static void note_why(const aname_owner_parts_t *parts, const char *why, unsigned target,
                     aname_owner_family_t *family)
{
	bool about = target < parts->count;
	knot_dname_txt_storage_t name = "";
	if (about) {
		(void)knot_dname_to_str(name, parts->targets[target], sizeof(name));
	}
	(void)snprintf(family->why, sizeof(family->why), "%s%s%.100s", why,
	               about ? ", target " : "", name);
}

/*! Says why, of the first target of which it is so. */
static void explain(const aname_owner_parts_t *parts, aname_failure_t failure,
                    aname_owner_family_t *family)
{
	unsigned i = 0;
	while (i < parts->count && (parts->pool.parts[i].failure != failure ||
	                            parts->pool.parts[i].judgement.worth != ANAME_FAILED)) {
		i++;
	}
	bool about = i < parts->count;
	const aname_snapshot_t *known = about ? aname_owner_parts_known(parts, i) : NULL;
	note_why(parts, phrase(parts, failure, known), i, family);
}

/*! The same where it is stale that there are none. */
static void explain_stale(const aname_owner_parts_t *parts, aname_owner_family_t *family)
{
	unsigned i = 0;
	while (i < parts->count && parts->pool.parts[i].judgement.worth != ANAME_STALE_NODATA) {
		i++;
	}
	const aname_snapshot_t *known = i < parts->count ? aname_owner_parts_known(parts, i) : NULL;
	const aname_failing_t *failing = known != NULL ? aname_snapshot_failing(known) : NULL;
	note_why(parts, failing != NULL ? failing->why : "its lookup is overdue", i, family);
}

/* What there is. */

/*! Copies the addresses, in order. Where only a part of them counts it is always the same one. */
static void take(const aname_options_t *options, aname_answer_t *answer,
                 aname_owner_family_t *family)
{
	aname_taken_t room[2 * ANAME_OWNER_SET_MAX];
	unsigned most = 0;
	for (unsigned i = 0; i < answer->used; i++) {
		answer->use[i].pick = 0;
		most += answer->use[i].set.count;
	}
	unsigned limit = options->max_addresses;
	limit = limit < ANAME_OWNER_SET_MAX ? limit : ANAME_OWNER_SET_MAX;
	const aname_subset_t subset =
	        aname_subset_take(answer->use, answer->used, most < limit ? most : limit, room);
	uint8_t *at = family->at;
	for (unsigned i = 0, k = subset.first; i < subset.count; i++) {
		memcpy(at, subset.at[k].rdata->data, family->len);
		at += family->len;
		k = k + 1 < subset.count ? k + 1 : 0;
	}
	family->count = subset.count;
}

/*! Does any target exist, though it has no address of the family that was judged? */
static bool exists(const aname_owner_parts_t *parts)
{
	for (unsigned i = 0; i < parts->count; i++) {
		const aname_snapshot_t *snapshot = aname_owner_parts_known(parts, i);
		if (snapshot != NULL && snapshot->known == ANAME_KNOWN_NODATA &&
		    !snapshot->nxdomain) {
			return true;
		}
	}
	return false;
}

/*! Decides on the family that was judged; returns whether policy alone has emptied it. */
static bool decide(draft_t *draft, aname_owner_family_t *family)
{
	aname_owner_parts_t *parts = &draft->parts;
	aname_answer_t answer;
	aname_answer_weigh(&parts->pool, false, &answer);
	family->count = 0;
	family->why[0] = '\0';
	if (answer.partial || answer.worth == ANAME_COLD) {
		family->state = ANAME_OWNER_PENDING;
		aname_owner_parts_hasten(parts, NEXT_PENDING_S);
	} else if (aname_worth_has_addresses(answer.worth)) {
		uint32_t ttl = draft->set->ttl;
		family->state = ANAME_OWNER_ADDRESSES;
		draft->set->ttl = ttl == 0 || answer.ttl < ttl ? answer.ttl : ttl;
		take(parts->options, &answer, family);
	} else if (answer.worth == ANAME_STALE_NODATA) {
		/* The last lookups have failed, which takes nothing away (M3). */
		family->state = ANAME_OWNER_FAILED;
		explain_stale(parts, family);
	} else if (aname_worth_is_negative(answer.worth)) {
		family->state = exists(parts) ? ANAME_OWNER_NODATA : ANAME_OWNER_NXDOMAIN;
	} else {
		family->state = ANAME_OWNER_FAILED;
		explain(parts, answer.failure, family);
		return answer.emptied && !answer.all_down;
	}
	return false;
}

/*! A family of which policy has left nothing does not exist while the other stands (A10). */
static void spare(aname_owner_family_t *family, aname_owner_state_t other)
{
	if (other == ANAME_OWNER_ADDRESSES) {
		family->state = ANAME_OWNER_NODATA;
		family->why[0] = '\0';
	} else if (other == ANAME_OWNER_PENDING) {
		family->state = ANAME_OWNER_PENDING;
		family->why[0] = '\0';
	}
}

static void decide_on_both(draft_t *draft)
{
	static const uint16_t types[2] = { KNOT_RRTYPE_A, KNOT_RRTYPE_AAAA };
	aname_owner_family_t *families = draft->set->families;
	bool emptied[2];
	prepare_choice(draft);
	for (unsigned i = 0; i < 2; i++) {
		families[i].len = i == 0 ? 4 : 16;
		aname_owner_parts_judge(&draft->parts, types[i]);
		emptied[i] = decide(draft, &families[i]);
		aname_owner_parts_free(&draft->parts);
	}
	for (unsigned i = 0; i < 2; i++) {
		if (emptied[i] && !emptied[1 - i]) {
			spare(&families[i], families[1 - i].state);
		}
	}
}

/* The zone. */

/*! Why an owner of a zone with these options is not followed; NULL: it is. */
static const char *refuse(const aname_options_t *options, const aname_owner_question_t *question)
{
	if (options == NULL) {
		return "the module is not loaded for the zone";
	}
	if (knot_dname_in_bailiwick(question->owner, question->zone) < 0) {
		return "the owner is not in the zone";
	}
	if (!options->any_owner && !knot_dname_is_equal(question->owner, question->zone)) {
		return "records below the apex do not count without 'owners: any'";
	}
	return NULL;
}

/*! When to ask again in any case: long before `idle` makes the targets cold, and not at once with all
 *  that were asked at once. */
static uint32_t next_at_most(const draft_t *draft)
{
	uint32_t half_idle = draft->parts.options->schedule.idle / 2;
	uint32_t most = half_idle < NEXT_MAX_S ? half_idle : NEXT_MAX_S;
	most -= aname_refresh_chance(draft->parts.refresh) % (most / 8 + 1);
	return most > 0 ? most : 1;
}

static void make(draft_t *draft)
{
	aname_owner_parts_t *parts = &draft->parts;
	const knot_dname_t *owner = parts->question->owner;
	parts->owner =
	        aname_owners_hash(parts->refresh->shared->owners, owner, knot_dname_size(owner));
	parts->next_s = next_at_most(draft);
	aname_owner_parts_ask(parts);
	decide_on_both(draft);
	draft->set->next_s = parts->next_s;
}

void aname_owner_set(aname_refresh_t *refresh, const aname_owner_question_t *question,
                     int64_t now_ms, aname_owner_set_t *set)
{
	aname_shared_t *shared = refresh->shared;
	draft_t draft; /* What is large in it is set where it is needed. */
	draft.parts.refresh = refresh;
	draft.parts.question = question;
	draft.parts.now_ms = now_ms;
	draft.set = set;
	uint64_t zone =
	        aname_owners_hash(shared->owners, question->zone, knot_dname_size(question->zone));
	aname_zone_view_t view;
	const aname_options_t *options = NULL;
	if (aname_zones_show(shared->zones, zone, &view)) {
		options = aname_shared_borrow(shared, view.options, &draft.parts.upstream);
	}
	draft.parts.options = options;
	set->ttl = 0;
	set->next_s = NEXT_UNKNOWN_S;
	set->unknown = refuse(options, question);
	if (set->unknown == NULL) {
		make(&draft);
	}
	if (options != NULL) {
		aname_shared_give_back(shared, options);
	}
}
