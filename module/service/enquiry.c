#include "service/enquiry.h"

#include <libknot/errcode.h>

#include "service/pace.h"

/*! Questions under way by one upstream: this part of the lookups that it may have, and at most so
 *  many; and the same part of those is for owners of other servers. */
#define PART 4
#define MOST 32

bool aname_enquiry_has_room(const aname_refresh_t *refresh, const aname_upstream_work_t *work,
                            bool walk)
{
	if (work->resolver == NULL || work->upstream->unheld_ms != 0 || refresh->paused) {
		return false;
	}
	unsigned part = aname_work_most(refresh, work) / PART;
	part = part < MOST ? part : MOST;
	/* Where there are few lookups, a question that is not answered would hold them up. */
	unsigned walks = part > 0 && part < PART ? 1 : part / PART;
	if (walk) {
		return work->walks < walks;
	}
	return work->enquiries - work->walks < (part > walks ? part - walks : 1);
}

bool aname_enquiry_start(aname_refresh_t *refresh, const aname_upstream_t *upstream,
                         const aname_question_t *question, aname_enquiry_t *enquiry, int64_t now_ms)
{
	aname_upstream_work_t *work = upstream->work;
	aname_run_t *run = &enquiry->run;
	if (!aname_enquiry_has_room(refresh, work, enquiry->walk) ||
	    aname_pace_take(refresh, now_ms) > 0 ||
	    work->resolver->api->start(work->resolver, question, run, &run->lookup) != KNOT_EOK) {
		return false;
	}
	enquiry->upstream = upstream;
	work->enquiries++;
	work->walks += enquiry->walk;
	work->running_all++;
	refresh->running++;
	return true;
}

void aname_enquiry_end(aname_refresh_t *refresh, aname_run_t *run, const aname_result_t *result,
                       int64_t now_ms)
{
	aname_enquiry_t *enquiry = (aname_enquiry_t *)run;
	aname_upstream_work_t *work = enquiry->upstream->work;
	work->enquiries--;
	work->walks -= enquiry->walk;
	aname_refresh_end_run(refresh, work, now_ms);
	enquiry->take(refresh, enquiry, result, now_ms);
}

uint64_t aname_enquiry_sum(const aname_owners_t *owners, const aname_result_t *result)
{
	uint64_t sum = 0;
	const knot_dname_t *name = result->addresses;
	for (uint32_t i = 0; i < result->count; i++) {
		size_t len = knot_dname_size(name);
		sum += aname_owners_hash(owners, name, len);
		name += len;
	}
	return sum;
}
