#include "table/logged.h"

/* A slot holds the upper bits of a hash, and when it was last looked for: seconds, which may wrap. */
#define LOGGED_SECONDS UINT64_C(0xffffff)
/*! Slots in which a content may stand. */
#define LOGGED_WAYS    4

bool aname_shared_log_once(aname_shared_t *shared, uint64_t content_hash, uint32_t zone,
                           int64_t now_ms)
{
	uint64_t now_s = now_ms / 1000;
	uint64_t content = content_hash & ~LOGGED_SECONDS;
	uint64_t after = content | (now_s & LOGGED_SECONDS);
	_Atomic uint64_t *bucket =
	        &shared->logged[content_hash % (ANAME_LOGGED_SIZE / LOGGED_WAYS) * LOGGED_WAYS];
	_Atomic uint64_t *oldest = bucket;
	uint64_t replaced = 0, most_s = 0;
	for (unsigned i = 0; i < LOGGED_WAYS; i++) {
		uint64_t before = atomic_load_explicit(&bucket[i], memory_order_relaxed);
		if (before != 0 && (before & ~LOGGED_SECONDS) == content) {
			/* If another worker has put another one there meanwhile, that stands. */
			if (before != after) {
				(void)atomic_compare_exchange_strong(&bucket[i], &before, after);
			}
			return false;
		}
		uint64_t since_s = before != 0 ? (now_s - before) & LOGGED_SECONDS : UINT64_MAX;
		if (i == 0 || since_s > most_s) {
			oldest = &bucket[i];
			replaced = before;
			most_s = since_s;
		}
	}
	return aname_budget_take(&shared->budget, zone, now_ms) &&
	       atomic_compare_exchange_strong(oldest, &replaced, after);
}
