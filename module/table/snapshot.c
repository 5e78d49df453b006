#include "table/snapshot.h"

#include <stdlib.h>
#include <string.h>

static int compare4(const void *one, const void *other)
{
	return memcmp(one, other, 4);
}

static int compare16(const void *one, const void *other)
{
	return memcmp(one, other, 16);
}

/*! Sorts, removes what is repeated; returns how many are left. */
static uint32_t sort_unique(uint8_t *addresses, uint32_t count, uint16_t len)
{
	if (count == 0) {
		return 0;
	}

	qsort(addresses, count, len, len == 4 ? compare4 : compare16);

	uint32_t kept = 1;
	for (uint32_t i = 1; i < count; i++) {
		uint8_t *last = addresses + (size_t)(kept - 1) * len;
		const uint8_t *next = addresses + (size_t)i * len;
		if (memcmp(last, next, len) != 0) {
			memmove(last + len, next, len);
			kept++;
		}
	}
	return kept;
}

static void write_rdata(aname_snapshot_t *snapshot, const uint8_t *addresses, uint16_t len)
{
	uint8_t *at = snapshot->rdata;
	for (uint32_t i = 0; i < snapshot->count; i++) {
		knot_rdata_init((knot_rdata_t *)at, len, addresses + (size_t)i * len);
		at += knot_rdata_size(len);
	}
}

aname_snapshot_t *aname_snapshot_new(const aname_result_t *result, int64_t now_ms, uint32_t pick)
{
	uint16_t len = result->address_len;
	uint32_t count = 0;
	uint8_t *sorted = NULL;

	if (result->known == ANAME_KNOWN_ADDRESSES && result->count > 0) {
		sorted = malloc((size_t)result->count * len);
		if (sorted == NULL) {
			return NULL;
		}
		memcpy(sorted, result->addresses, (size_t)result->count * len);
		count = sort_unique(sorted, result->count, len);
		if (count > ANAME_ADDRESSES_MAX) {
			count = ANAME_ADDRESSES_MAX;
		}
	}

	size_t size = count * knot_rdata_size(len);
	aname_snapshot_t *snapshot = malloc(sizeof(*snapshot) + size);
	if (snapshot != NULL) {
		*snapshot = (aname_snapshot_t){
			.learned_ms = now_ms,
			.ttl = result->ttl,
			.size = size,
			.count = count,
			.known = count > 0 ? ANAME_KNOWN_ADDRESSES : ANAME_KNOWN_NODATA,
			.failure = ANAME_FAILURE_NONE,
			.scope = result->scope,
			.pick = pick,
		};
		write_rdata(snapshot, sorted, len);
	}

	free(sorted);
	return snapshot;
}

aname_snapshot_t *aname_snapshot_copy(const aname_snapshot_t *snapshot)
{
	aname_snapshot_t *copy = malloc(sizeof(*copy) + snapshot->size);
	if (copy != NULL) {
		memcpy(copy, snapshot, sizeof(*snapshot) + snapshot->size);
	}
	return copy;
}

aname_snapshot_t *aname_snapshot_failed(const aname_snapshot_t *previous, aname_failure_t failure,
                                        int64_t now_ms)
{
	static const aname_snapshot_t nothing = { .known = ANAME_KNOWN_NOTHING,
		                                  .ttl = ANAME_TTL_UNKNOWN };
	const aname_snapshot_t *from = previous != NULL ? previous : &nothing;

	aname_snapshot_t *snapshot = aname_snapshot_copy(from);
	if (snapshot == NULL) {
		return NULL;
	}
	if (from->failure == ANAME_FAILURE_NONE) {
		snapshot->failing_ms = now_ms;
	}
	snapshot->failure = failure;
	return snapshot;
}

bool aname_snapshot_same(const aname_snapshot_t *one, const aname_snapshot_t *other)
{
	uint32_t size_one = one != NULL ? one->size : 0;
	uint32_t size_other = other != NULL ? other->size : 0;
	if (size_one != size_other) {
		return false;
	}
	return size_one == 0 || memcmp(one->rdata, other->rdata, size_one) == 0;
}
