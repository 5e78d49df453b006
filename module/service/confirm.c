#include "service/confirm.h"

#include <stdlib.h>

#include <libknot/errcode.h>

/*! Questions under way by one upstream: this part of the lookups that it can have, and at most so
 *  many. What is left out is asked when the target is looked up next. */
#define PART  4
#define MOST  32
/*! What is ours is asked again with one lookup in so many. */
#define AGAIN 16

/*! A question under way. */
typedef struct {
	aname_run_t run; /*!< Without an entry. */
	const aname_upstream_t *upstream;
	uint64_t owner; /*!< Hash of the name that is asked for. */
} confirmation_t;

static bool has_room(const aname_upstream_work_t *work)
{
	unsigned part = work->resolver->api->capacity(work->resolver) / PART;
	part = part < MOST ? part : MOST;
	return work->confirming < (part > 0 ? part : 1);
}

/*! Is there an owner that may have to be confirmed? What is confirmed is so now and then only. */
static bool is_wanted(aname_refresh_t *refresh, uint64_t owner, uint16_t *type)
{
	bool confirmed;
	return aname_owners_ask(refresh->shared->owners, owner, type, &confirmed) &&
	       (!confirmed || aname_refresh_chance(refresh) % AGAIN == 0);
}

void aname_confirm_ask(aname_refresh_t *refresh, aname_entry_t *entry, const knot_dname_t *last)
{
	aname_upstream_work_t *work = aname_work_of(entry);
	aname_question_t question = { .name = last != NULL ? last : aname_entry_name(entry) };
	uint64_t owner = aname_owners_hash(refresh->shared->owners, question.name,
	                                   knot_dname_size(question.name));
	if (work->resolver == NULL || refresh->paused ||
	    !is_wanted(refresh, owner, &question.type) || !has_room(work)) {
		return;
	}
	confirmation_t *confirmation = calloc(1, sizeof(*confirmation));
	if (confirmation == NULL) {
		return;
	}
	confirmation->upstream = entry->upstream;
	confirmation->owner = owner;
	aname_run_t *run = &confirmation->run;
	if (work->resolver->api->start(work->resolver, &question, run, &run->lookup) != KNOT_EOK) {
		free(confirmation);
		return;
	}
	work->confirming++;
	work->running_all++;
	refresh->running++;
}

/*! Sum of the hashes of the names that were found. */
static uint64_t sum_of(const aname_refresh_t *refresh, const aname_result_t *result)
{
	uint64_t sum = 0;
	const knot_dname_t *name = result->addresses;
	for (uint32_t i = 0; i < result->count; i++) {
		size_t len = knot_dname_size(name);
		sum += aname_owners_hash(refresh->shared->owners, name, len);
		name += len;
	}
	return sum;
}

void aname_confirm_take(aname_refresh_t *refresh, aname_run_t *run, const aname_result_t *result,
                        int64_t now_ms)
{
	confirmation_t *confirmation = (confirmation_t *)run;
	aname_upstream_work_t *work = confirmation->upstream->work;
	work->confirming--;
	aname_refresh_end_run(refresh, work, now_ms);
	if (result->failure == ANAME_FAILURE_NONE) {
		aname_owners_confirm(refresh->shared->owners, confirmation->owner,
		                     sum_of(refresh, result));
	}
	free(confirmation);
}
