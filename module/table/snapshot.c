#include "table/snapshot.h"

#include <stddef.h>
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
		at += snapshot->step;
	}
}

/*! Where the addresses end. */
static size_t end_of(const aname_snapshot_t *snapshot)
{
	return offsetof(aname_snapshot_t, rdata) + aname_snapshot_size(snapshot);
}

/*! Where what there is to say of the failures stands, if anything. */
static size_t failing_at(const aname_snapshot_t *snapshot)
{
	size_t align = _Alignof(aname_failing_t);
	return (end_of(snapshot) + align - 1) / align * align;
}

/*! Addresses may begin before the head's own end, which is aligned. */
static aname_snapshot_t *allocate(size_t size)
{
	return malloc(size > sizeof(aname_snapshot_t) ? size : sizeof(aname_snapshot_t));
}

aname_snapshot_t *aname_snapshot_new(const aname_result_t *result, int64_t now_ms, uint16_t pick)
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

	const aname_snapshot_t head = {
		.learned_ms = now_ms,
		.ttl = result->ttl,
		.pick = pick,
		.count = count,
		.step = knot_rdata_size(len),
		.known = count > 0 ? ANAME_KNOWN_ADDRESSES : ANAME_KNOWN_NODATA,
		.failure = ANAME_FAILURE_NONE,
		.bare = result->bare,
		.scope = result->scope,
	};
	aname_snapshot_t *snapshot = allocate(end_of(&head));
	if (snapshot != NULL) {
		*snapshot = head;
		write_rdata(snapshot, sorted, len);
	}

	free(sorted);
	return snapshot;
}

aname_snapshot_t *aname_snapshot_copy(const aname_snapshot_t *snapshot)
{
	const aname_failing_t *failing = aname_snapshot_failing(snapshot);
	size_t size = failing != NULL ? failing_at(snapshot) + sizeof(*failing) : end_of(snapshot);
	aname_snapshot_t *copy = allocate(size);
	if (copy != NULL) {
		memcpy(copy, snapshot, size);
	}
	return copy;
}

const aname_failing_t *aname_snapshot_failing(const aname_snapshot_t *snapshot)
{
	if (snapshot->failure == ANAME_FAILURE_NONE) {
		return NULL;
	}
	return (const aname_failing_t *)((const uint8_t *)snapshot + failing_at(snapshot));
}

aname_snapshot_t *aname_snapshot_failed(const aname_snapshot_t *previous, aname_failure_t failure,
                                        const char *why, int64_t now_ms)
{
	static const aname_snapshot_t nothing = { .known = ANAME_KNOWN_NOTHING,
		                                  .ttl = ANAME_TTL_UNKNOWN };
	const aname_snapshot_t *from = previous != NULL ? previous : &nothing;
	const aname_failing_t *before = aname_snapshot_failing(from);
	size_t at = failing_at(from);

	aname_snapshot_t *snapshot = allocate(at + sizeof(aname_failing_t));
	if (snapshot == NULL) {
		return NULL;
	}
	memcpy(snapshot, from, end_of(from));
	snapshot->failure = failure;
	*(aname_failing_t *)((uint8_t *)snapshot + at) = (aname_failing_t){
		.since_ms = before != NULL ? before->since_ms : now_ms,
		.why = why,
	};
	return snapshot;
}

bool aname_snapshot_same(const aname_snapshot_t *one, const aname_snapshot_t *other)
{
	uint32_t size_one = one != NULL ? aname_snapshot_size(one) : 0;
	uint32_t size_other = other != NULL ? aname_snapshot_size(other) : 0;
	if (size_one != size_other) {
		return false;
	}
	return size_one == 0 || memcmp(one->rdata, other->rdata, size_one) == 0;
}
