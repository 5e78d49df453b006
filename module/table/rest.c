#include "table/rest.h"

#include <stdlib.h>

static void free_all(void *rests)
{
	aname_rest_t *rest = rests;
	while (rest != NULL) {
		aname_rest_t *next = rest->next;
		free(rest->snapshot);
		free(rest);
		rest = next;
	}
}

const aname_rest_t *aname_rest_of(const aname_snapshot_t *snapshot, const aname_nets_t *deny)
{
	const aname_rest_t *rest = atomic_load(&snapshot->rests);
	while (rest != NULL && rest->deny != deny->id) {
		rest = rest->next;
	}
	return rest;
}

/*! A rest that stands alone yet; NULL if out of memory. */
static aname_rest_t *make(const aname_snapshot_t *snapshot, const aname_nets_t *deny)
{
	aname_rest_t *rest = calloc(1, sizeof(*rest));
	aname_snapshot_t *left = aname_snapshot_without(snapshot, deny);
	if (rest == NULL || left == NULL) {
		free(rest);
		free(left);
		return NULL;
	}
	rest->deny = deny->id;
	if (left->count < snapshot->count) {
		rest->snapshot = left;
	} else {
		free(left);
	}
	return rest;
}

const aname_rest_t *aname_rest_work_out(const aname_snapshot_t *snapshot, const aname_nets_t *deny,
                                        aname_bin_t *bin)
{
	const aname_rest_t *known = aname_rest_of(snapshot, deny);
	aname_rest_t *rest = known == NULL ? make(snapshot, deny) : NULL;
	if (rest == NULL) {
		return known;
	}
	_Atomic(aname_rest_t *) *rests = &((aname_snapshot_t *)snapshot)->rests;
	aname_rest_t *others = atomic_load(rests);
	bool full = others != NULL && others->before + 1 >= ANAME_RESTS_MAX;
	if (others != NULL && !full) {
		rest->next = others;
		rest->before = others->before + 1;
	}
	atomic_store(rests, rest);
	if (full) {
		aname_bin_retire(bin, others, free_all);
		(void)aname_bin_reclaim(bin);
	}
	return rest;
}

void aname_rest_destroy(void *snapshot)
{
	aname_snapshot_t *whole = snapshot;
	if (whole == NULL) {
		return;
	}
	const aname_snapshot_t *last = aname_snapshot_last(whole);
	free_all(last != NULL ? atomic_load(&last->rests) : NULL);
	free_all(atomic_load(&whole->rests));
	free(whole);
}
