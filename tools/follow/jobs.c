#include "follow/follow.h"

#include <stdlib.h>

#include "ask.h"

/*! How long it is not tried again where memory or the journal fails. */
#define FAILED_MS 1000

void kaname_follow_job_free(kaname_follow_t *follow, kaname_follow_job_t *job)
{
	for (unsigned i = 0; i < KANAME_FAMILIES; i++) {
		kaname_set_release(&follow->sets, job->from[i]);
		kaname_set_release(&follow->sets, job->to[i]);
	}
	free(job);
}

/*! The sets that are put back when an owner's records have gone. */
typedef struct {
	kaname_follow_t *follow;
	kaname_follow_job_t *job;
	bool good;
} put_back_t;

static void take_adopted(void *ctx, const knot_dname_t *zone, const knot_dname_t *owner,
                         const kaname_noted_t *noted)
{
	put_back_t *back = ctx;
	for (unsigned i = 0; i < KANAME_FAMILIES && noted->is_adopted; i++) {
		back->good &= kaname_set_take(&back->follow->sets, i, noted->adopted[i].at,
		                              noted->adopted[i].count, &back->job->to[i]);
	}
	if (noted->is_adopted) {
		back->job->ttl = noted->adopted_ttl;
	}
}

/*! Fills in what an owner is to have; false if there is nothing to write, or no memory. */
static bool fill_job(kaname_follow_t *follow, kaname_follow_job_t *job)
{
	kaname_follow_owner_t *owner = job->owner;
	kaname_set_t *to[KANAME_FAMILIES];
	int64_t again_ms;
	for (unsigned i = 0; i < KANAME_FAMILIES; i++) {
		job->from[i] = kaname_set_hold(owner->written[i]);
	}
	job->is_leaving = owner->state == KANAME_OWNER_LEAVING;
	if (job->is_leaving) {
		job->ttl = owner->written_ttl;
		for (unsigned i = 0; i < KANAME_FAMILIES; i++) {
			job->to[i] = kaname_set_hold(owner->known[i].set);
		}
		put_back_t back = { follow, job, true };
		bool good = follow->journal == NULL || !owner->puts_back ||
		            (kaname_journal_get(follow->journal, kaname_follow_zone(owner),
		                                kaname_follow_name(owner), take_adopted, &back) &&
		             back.good);
		if (!good) {
			kaname_follow_hold(owner, FAILED_MS);
		}
		return good;
	}
	if (owner->state != KANAME_OWNER_FOLLOWED || !owner->is_told || owner->must_look ||
	    !kaname_follow_differs(owner, kaname_now_ms(), to, &again_ms)) {
		return false;
	}
	/* What may still come has one TTL, by which it is known. */
	bool same = owner->is_unsure && owner->pending_ttl != 0;
	job->ttl = same ? owner->pending_ttl : kaname_follow_ttl(owner);
	for (unsigned i = 0; i < KANAME_FAMILIES; i++) {
		job->to[i] = kaname_set_hold(to[i]);
	}
	job->record = kaname_follow_record_of(owner, to);
	return true;
}

kaname_pace_t kaname_follow_paced(const kaname_follow_owner_t *owner,
                                  const kaname_follow_job_t *job)
{
	kaname_pace_t pace = owner->pace;
	/* What an owner is given first is no change. */
	bool counts = job->from[KANAME_A] != NULL || job->from[KANAME_AAAA] != NULL;
	if (owner->record != 0 && owner->record != kaname_follow_record(owner)) {
		pace.writes = 0; /* Other records: the pauses begin anew. */
	}
	kaname_pace_written(&pace, kaname_follow_families(job->from, job->to), counts,
	                    kaname_now_ms());
	return pace;
}

kaname_follow_job_t *kaname_follow_job_new(kaname_follow_t *follow, kaname_follow_owner_t *owner)
{
	kaname_follow_job_t *job = calloc(1, sizeof(*job));
	if (job == NULL) {
		kaname_follow_hold(owner, FAILED_MS);
		return NULL;
	}
	job->owner = owner;
	if (!fill_job(follow, job)) {
		kaname_follow_job_free(follow, job);
		return NULL;
	}
	job->writes = kaname_follow_paced(owner, job).writes;
	return job;
}
