#include "service/enquiry.h"

#include <libknot/errcode.h>

/*! Questions under way by one upstream: this part of the lookups that it can have, and at most so
 *  many. */
#define PART 4
#define MOST 32

bool aname_enquiry_has_room(const aname_refresh_t *refresh, const aname_upstream_work_t *work)
{
	if (work->resolver == NULL || work->upstream->unheld_ms != 0 || refresh->paused) {
		return false;
	}
	unsigned part = work->resolver->api->capacity(work->resolver) / PART;
	part = part < MOST ? part : MOST;
	return work->enquiries < (part > 0 ? part : 1);
}

bool aname_enquiry_start(aname_refresh_t *refresh, const aname_upstream_t *upstream,
                         const aname_question_t *question, aname_enquiry_t *enquiry)
{
	aname_upstream_work_t *work = upstream->work;
	aname_run_t *run = &enquiry->run;
	if (!aname_enquiry_has_room(refresh, work) ||
	    work->resolver->api->start(work->resolver, question, run, &run->lookup) != KNOT_EOK) {
		return false;
	}
	enquiry->upstream = upstream;
	work->enquiries++;
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
