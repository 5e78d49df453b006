#include "table/kinds.h"

_Static_assert(ANAME_KINDS <= ANAME_ANSWER_KINDS_MAX, "there is room for every kind");

const char *aname_kind_name(unsigned kind)
{
	static const char *const names[] = {
#define X(kind, name) name,
		ANAME_ANSWER_KINDS(X)
#undef X
	};
	return names[kind];
}

uint64_t aname_kind_total(const aname_shared_t *shared, unsigned kind)
{
	uint64_t sum = 0;
	for (unsigned worker = 0; worker < ANAME_WORKERS_MAX; worker++) {
		sum += atomic_load_explicit(&shared->workers[worker].answers[kind],
		                            memory_order_relaxed);
	}
	return sum;
}
