#include "log/reported.h"

/*! Slots in which a key may be. */
#define WAYS 8
#define NONE ANAME_REPORTED_SIZE

static unsigned bucket_of(uint64_t key)
{
	/* The lower bits of a hash are as good as any. */
	return key % (ANAME_REPORTED_SIZE / WAYS) * WAYS;
}

/*! Where a key stands; NONE if nowhere. 0 finds a free slot. */
static unsigned find(aname_reported_t *reported, unsigned bucket, uint64_t key)
{
	for (unsigned i = bucket; i < bucket + WAYS; i++) {
		if (atomic_load(&reported->keys[i]) == key) {
			return i;
		}
	}
	return NONE;
}

/*! The slot that was confirmed least recently, if that is long ago; else NONE. */
static unsigned find_old(aname_reported_t *reported, unsigned bucket, uint32_t now_s)
{
	unsigned oldest = bucket;
	for (unsigned i = bucket + 1; i < bucket + WAYS; i++) {
		if (atomic_load(&reported->seen_s[i]) < atomic_load(&reported->seen_s[oldest])) {
			oldest = i;
		}
	}
	uint32_t seen_s = atomic_load(&reported->seen_s[oldest]);
	return now_s > seen_s && now_s - seen_s >= ANAME_REPORTED_OLD_S ? oldest : NONE;
}

/*! Empties a slot; false if another worker has. */
static bool take_back(aname_reported_t *reported, unsigned slot, uint64_t key)
{
	bool taken = atomic_compare_exchange_strong(&reported->keys[slot], &key, 0);
	if (taken) {
		atomic_fetch_sub(&reported->count, 1);
	}
	return taken;
}

static bool begin(aname_reported_t *reported, uint64_t key, aname_budget_t *budget, uint32_t zone,
                  int64_t now_ms)
{
	unsigned bucket = bucket_of(key);
	uint32_t now_s = now_ms / 1000;
	uint64_t before = 0;
	unsigned slot = find(reported, bucket, 0);
	if (slot == NONE) {
		slot = find_old(reported, bucket, now_s);
		before = slot != NONE ? atomic_load(&reported->keys[slot]) : 0;
	}
	if (slot == NONE || !aname_budget_take(budget, zone, now_ms) ||
	    !atomic_compare_exchange_strong(&reported->keys[slot], &before, key)) {
		return false;
	}
	atomic_store(&reported->seen_s[slot], now_s);
	if (before == 0) {
		atomic_fetch_add(&reported->count, 1);
	}
	/* Another worker may have put it elsewhere meanwhile: the first slot counts. If the state
	 * is over already, and another worker has logged that, its begin is logged as well. */
	unsigned first = find(reported, bucket, key);
	return first == slot || first == NONE || !take_back(reported, slot, key);
}

bool aname_reported_change(aname_reported_t *reported, uint64_t key, bool in_state,
                           aname_budget_t *budget, uint32_t zone, int64_t now_ms)
{
	unsigned slot = find(reported, bucket_of(key), key);
	if (slot == NONE) {
		return in_state && begin(reported, key, budget, zone, now_ms);
	}
	if (!in_state) {
		return aname_budget_take(budget, zone, now_ms) && take_back(reported, slot, key);
	}
	atomic_store_explicit(&reported->seen_s[slot], now_ms / 1000, memory_order_relaxed);
	return false;
}
