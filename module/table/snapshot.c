#include "table/snapshot.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "table/definition.h"

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

static size_t align(size_t at, size_t to)
{
	return (at + to - 1) / to * to;
}

/*! Where it stands that there were addresses before, if so. */
static size_t lost_at(const aname_snapshot_t *snapshot)
{
	return align(end_of(snapshot), _Alignof(aname_lost_t));
}

/*! Where the snapshot with those addresses stands. */
static size_t last_at(const aname_snapshot_t *snapshot)
{
	return align(lost_at(snapshot) + sizeof(aname_lost_t), _Alignof(aname_snapshot_t));
}

/*! Where all that ends which does not speak of failures. */
static size_t known_end_of(const aname_snapshot_t *snapshot)
{
	const aname_snapshot_t *last = aname_snapshot_last(snapshot);
	return last != NULL ? last_at(snapshot) + end_of(last) : end_of(snapshot);
}

/*! Where the aname_failing_t stands, if there is one. */
static size_t failing_at(const aname_snapshot_t *snapshot)
{
	return align(known_end_of(snapshot), _Alignof(aname_failing_t));
}

/*! Where all that ends but the views. */
static size_t told_end_of(const aname_snapshot_t *snapshot)
{
	return snapshot->failure != ANAME_FAILURE_NONE
	               ? failing_at(snapshot) + sizeof(aname_failing_t)
	               : known_end_of(snapshot);
}

/*! Where the views stand, if there are any. Behind them stand their addresses. */
static size_t views_at(const aname_snapshot_t *snapshot)
{
	return align(told_end_of(snapshot), _Alignof(aname_view_t));
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
		.nxdomain = count == 0 && result->nxdomain,
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

/*! Copies the beginning of a snapshot, but not the rests, which workers write. */
static void copy_begin(aname_snapshot_t *to, const aname_snapshot_t *from, size_t size)
{
	const size_t skipped = sizeof(from->rests);
	const size_t last = from->lost ? last_at(from) : size;
	memcpy((uint8_t *)to + skipped, (const uint8_t *)from + skipped, last - skipped);
	atomic_init(&to->rests, NULL);
	if (last < size) {
		copy_begin((aname_snapshot_t *)((uint8_t *)to + last), aname_snapshot_last(from),
		           size - last);
	}
}

/*! What was known before, as it is remembered: without the aname_failing_t. */
static void remember(aname_snapshot_t *snapshot, const aname_snapshot_t *last, int64_t since_ms,
                     bool nxdomain)
{
	snapshot->lost = true;
	*(aname_lost_t *)((uint8_t *)snapshot + lost_at(snapshot)) =
	        (aname_lost_t){ .since_ms = since_ms, .nxdomain = nxdomain };
	aname_snapshot_t *copy = (aname_snapshot_t *)((uint8_t *)snapshot + last_at(snapshot));
	copy_begin(copy, last, end_of(last));
	copy->failure = ANAME_FAILURE_NONE;
	copy->views = 0;
}

aname_snapshot_t *aname_snapshot_after(const aname_snapshot_t *previous,
                                       const aname_result_t *result, int64_t now_ms, uint16_t pick)
{
	aname_snapshot_t *snapshot = aname_snapshot_new(result, now_ms, pick);
	if (snapshot == NULL || snapshot->known != ANAME_KNOWN_NODATA || previous == NULL) {
		return snapshot;
	}
	const aname_lost_t *before = aname_snapshot_lost(previous);
	int64_t since_ms = before != NULL ? before->since_ms : now_ms;
	const aname_snapshot_t *last = before != NULL ? aname_snapshot_last(previous) : previous;
	if (last->count == 0 || now_ms - since_ms >= 1000 * (int64_t)ANAME_LOST_MAX_S) {
		return snapshot;
	}
	aname_snapshot_t *whole = realloc(snapshot, last_at(snapshot) + end_of(last));
	if (whole == NULL) {
		return snapshot; /* As good as if nothing had been known. */
	}
	remember(whole, last, since_ms, result->nxdomain);
	return whole;
}

const aname_lost_t *aname_snapshot_lost(const aname_snapshot_t *snapshot)
{
	return snapshot->lost
	               ? (const aname_lost_t *)((const uint8_t *)snapshot + lost_at(snapshot))
	               : NULL;
}

const aname_snapshot_t *aname_snapshot_last(const aname_snapshot_t *snapshot)
{
	return snapshot->lost
	               ? (const aname_snapshot_t *)((const uint8_t *)snapshot + last_at(snapshot))
	               : NULL;
}

aname_snapshot_t *aname_snapshot_copy(const aname_snapshot_t *snapshot)
{
	size_t size = told_end_of(snapshot);
	aname_snapshot_t *copy = allocate(size);
	if (copy != NULL) {
		copy_begin(copy, snapshot, size);
		copy->views = 0;
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

/*! What is known before any lookup has succeeded. */
static const aname_snapshot_t nothing = { .known = ANAME_KNOWN_NOTHING, .ttl = ANAME_TTL_UNKNOWN };

aname_snapshot_t *aname_snapshot_failed(const aname_snapshot_t *previous, aname_failure_t failure,
                                        const char *why, int64_t now_ms)
{
	const aname_snapshot_t *from = previous != NULL ? previous : &nothing;
	const aname_failing_t *before = aname_snapshot_failing(from);
	size_t at = failing_at(from);

	aname_snapshot_t *snapshot = allocate(at + sizeof(aname_failing_t));
	if (snapshot == NULL) {
		return NULL;
	}
	copy_begin(snapshot, from, known_end_of(from));
	snapshot->failure = failure;
	snapshot->views = 0;
	*(aname_failing_t *)((uint8_t *)snapshot + at) = (aname_failing_t){
		.since_ms = before != NULL ? before->since_ms : now_ms,
		.why = why,
	};
	return snapshot;
}

/*! An answer of before, without its addresses. */
static void set_past(aname_snapshot_t *head, const aname_past_answer_t *answer, aname_known_t known,
                     uint8_t address_len)
{
	*head = (aname_snapshot_t){
		.learned_ms = answer->learned_ms,
		.ttl = answer->ttl,
		.pick = answer->pick,
		.count = known == ANAME_KNOWN_ADDRESSES ? answer->count : 0,
		.step = knot_rdata_size(address_len),
		.known = known,
		.scope = answer->scope,
		.usual_ms = answer->usual_ms,
		.bare = answer->bare,
	};
}

/*! Writes what had been lost behind the addresses. */
static void write_lost(aname_snapshot_t *snapshot, const aname_past_t *past,
                       const aname_snapshot_t *last_head)
{
	snapshot->lost = true;
	*(aname_lost_t *)((uint8_t *)snapshot + lost_at(snapshot)) = past->lost;
	aname_snapshot_t *last = (aname_snapshot_t *)((uint8_t *)snapshot + last_at(snapshot));
	memcpy(last, last_head, offsetof(aname_snapshot_t, rdata));
	write_rdata(last, past->last.addresses, past->address_len);
}

aname_snapshot_t *aname_snapshot_of_past(const aname_past_t *past)
{
	aname_snapshot_t head = nothing, last;
	if (past->known != ANAME_KNOWN_NOTHING) {
		set_past(&head, &past->answer, past->known, past->address_len);
	}
	set_past(&last, &past->last, ANAME_KNOWN_ADDRESSES, past->address_len);
	size_t end = past->was_lost ? last_at(&head) + end_of(&last) : end_of(&head);

	if (past->failure != ANAME_FAILURE_NONE) {
		end = align(end, _Alignof(aname_failing_t)) + sizeof(aname_failing_t);
	}

	aname_snapshot_t *snapshot = allocate(end);
	if (snapshot == NULL) {
		return NULL;
	}
	*snapshot = head;
	write_rdata(snapshot, past->answer.addresses, past->address_len);
	if (past->was_lost) {
		write_lost(snapshot, past, &last);
	}
	snapshot->failure = past->failure;
	if (past->failure != ANAME_FAILURE_NONE) {
		*(aname_failing_t *)((uint8_t *)snapshot + failing_at(snapshot)) = past->failing;
	}
	return snapshot;
}

/*! Fills a view in, whose addresses stand from `at` on; returns where they end. */
static size_t look(const aname_snapshot_t *snapshot, aname_view_t *view, size_t at,
                   aname_sight_f sight, void *ctx)
{
	uint8_t *out = (uint8_t *)snapshot + at;
	view->at = at;
	view->changed_ms = INT64_MIN;
	knot_rdata_t *rdata = (knot_rdata_t *)snapshot->rdata;
	for (unsigned i = 0; i < snapshot->count; i++, rdata = knot_rdataset_next(rdata)) {
		const aname_sight_t seen = sight(ctx, view->definition, rdata->data, rdata->len);
		view->changed_ms =
		        seen.changed_ms > view->changed_ms ? seen.changed_ms : view->changed_ms;
		if (!seen.down) {
			memcpy(out, rdata, snapshot->step);
			out += snapshot->step;
			view->count++;
			view->unknown += !seen.alive;
		}
	}
	return out - (const uint8_t *)snapshot;
}

aname_snapshot_t *aname_snapshot_with_views(const aname_snapshot_t *snapshot,
                                            const uint32_t *definitions, unsigned count,
                                            bool forced_down, aname_sight_f sight, void *ctx)
{
	size_t views = views_at(snapshot);
	size_t at = views + count * sizeof(aname_view_t);
	aname_snapshot_t *copy = allocate(at + count * (size_t)aname_snapshot_size(snapshot));
	if (copy == NULL) {
		return NULL;
	}
	copy_begin(copy, snapshot, told_end_of(snapshot));
	copy->views = count;
	aname_view_t *view = (aname_view_t *)((uint8_t *)copy + views);
	for (unsigned i = 0; i < count; i++) {
		view[i] =
		        (aname_view_t){ .definition = definitions[i], .forced_down = forced_down };
		at = look(copy, &view[i], at, sight, ctx);
	}
	return copy;
}

/*! Copies the addresses that networks leave of a set; returns how many. */
static unsigned leave(const knot_rdataset_t *set, const aname_nets_t *deny, uint8_t *to)
{
	unsigned left = 0;
	knot_rdata_t *rdata = set->rdata;
	for (unsigned i = 0; i < set->count; i++, rdata = knot_rdataset_next(rdata)) {
		if (!aname_nets_match(deny, rdata->data, rdata->len)) {
			size_t step = knot_rdata_size(rdata->len);
			memcpy(to + left * step, rdata, step);
			left++;
		}
	}
	return left;
}

aname_snapshot_t *aname_snapshot_without(const aname_snapshot_t *snapshot, const aname_nets_t *deny)
{
	const aname_view_t *views = aname_snapshot_views(snapshot);
	const knot_rdataset_t all = aname_snapshot_rdataset(snapshot);
	size_t each = sizeof(aname_view_t) + all.size;
	aname_snapshot_t *rest =
	        allocate(align(end_of(snapshot), _Alignof(aname_view_t)) + snapshot->views * each);
	if (rest == NULL) {
		return NULL;
	}
	*rest = (aname_snapshot_t){
		.learned_ms = snapshot->learned_ms,
		.ttl = snapshot->ttl,
		.pick = snapshot->pick,
		.step = snapshot->step,
		.known = snapshot->known,
		.scope = snapshot->scope,
		.views = snapshot->views,
	};
	rest->count = leave(&all, deny, rest->rdata);
	aname_view_t *view = (aname_view_t *)((uint8_t *)rest + views_at(rest));
	size_t at = views_at(rest) + rest->views * sizeof(*view);
	for (unsigned i = 0; i < rest->views; i++) {
		const knot_rdataset_t seen = aname_view_rdataset(snapshot, &views[i]);
		view[i] = views[i];
		view[i].at = at;
		view[i].count = leave(&seen, deny, (uint8_t *)rest + at);
		at += (size_t)view[i].count * rest->step;
	}
	return rest;
}

const aname_view_t *aname_snapshot_views(const aname_snapshot_t *snapshot)
{
	return snapshot->views > 0
	               ? (const aname_view_t *)((const uint8_t *)snapshot + views_at(snapshot))
	               : NULL;
}

const aname_view_t *aname_snapshot_view(const aname_snapshot_t *snapshot, uint32_t definition)
{
	const aname_view_t *views = aname_snapshot_views(snapshot);
	for (unsigned i = 0; i < snapshot->views; i++) {
		if (views[i].definition == definition) {
			return &views[i];
		}
	}
	return NULL;
}

const aname_view_t *aname_snapshot_view_alike(const aname_snapshot_t *snapshot, uint32_t definition)
{
	const aname_view_t *views = aname_snapshot_views(snapshot);
	for (unsigned i = 0; i < snapshot->views; i++) {
		if (aname_definition_alike(views[i].definition, definition)) {
			return &views[i];
		}
	}
	return NULL;
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
