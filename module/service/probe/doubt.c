#include "service/probe/doubt.h"

void aname_doubt_take(aname_doubt_t *doubt, uint64_t target, bool was_up, aname_outcome_t outcome)
{
	if (outcome == ANAME_OUTCOME_UP) {
		doubt->count = 0;
		return;
	}
	if (!was_up || aname_doubt_is(doubt)) {
		return;
	}
	for (unsigned i = 0; i < doubt->count; i++) {
		if (doubt->failed[i] == target) {
			return;
		}
	}
	doubt->failed[doubt->count++] = target;
}

bool aname_doubt_is(const aname_doubt_t *doubt)
{
	return doubt->count == ANAME_DOUBT_TARGETS;
}
