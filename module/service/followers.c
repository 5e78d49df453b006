#include "service/followers.h"

#include <string.h>

void aname_followers_add(aname_followers_t *followers, aname_follower_t *follower)
{
	follower->next = followers->first;
	followers->first = follower;
}

void aname_followers_remove(aname_followers_t *followers, aname_follower_t *follower)
{
	for (aname_follower_t **at = &followers->first; *at != NULL; at = &(*at)->next) {
		if (*at == follower) {
			*at = follower->next;
			return;
		}
	}
}

unsigned aname_followers_count(const aname_followers_t *followers)
{
	unsigned count = 0;
	for (const aname_follower_t *at = followers->first; at != NULL; at = at->next) {
		count++;
	}
	return count;
}

void aname_followers_tell(const aname_followers_t *followers, const aname_entry_t *entry)
{
	for (aname_follower_t *at = followers->first; at != NULL; at = at->next) {
		at->changed(at->ctx, aname_entry_name(entry));
	}
}

void aname_followers_tell_all(const aname_followers_t *followers)
{
	for (aname_follower_t *at = followers->first; at != NULL; at = at->next) {
		at->all_changed(at->ctx);
	}
}

/* What sections see. */

/*! What a section sees that has a definition. */
typedef struct {
	knot_rdataset_t set;
	bool alive, forced_down;
} seen_t;

static seen_t see(const aname_snapshot_t *snapshot, uint32_t definition)
{
	const aname_view_t *view = aname_snapshot_view(snapshot, definition);
	view = view != NULL ? view : aname_snapshot_view(snapshot, 0);
	if (view == NULL) {
		return (seen_t){ .set = aname_snapshot_rdataset(snapshot) };
	}
	return (seen_t){
		.set = aname_view_rdataset(snapshot, view),
		.alive = aname_view_alive(view),
		.forced_down = view->forced_down,
	};
}

/*! Whether some address is known to be up matters where what is known gets old (P1). */
static bool is_seen_alike(const aname_snapshot_t *one, const aname_snapshot_t *other,
                          uint32_t definition)
{
	const seen_t a = see(one, definition), b = see(other, definition);
	return a.set.count == b.set.count && a.forced_down == b.forced_down &&
	       (a.alive == b.alive || other->failure == ANAME_FAILURE_NONE) &&
	       (a.set.size == 0 || memcmp(a.set.rdata, b.set.rdata, a.set.size) == 0);
}

/*! Is it so for each definition by which one of them is seen? */
static bool is_alike_by(const aname_snapshot_t *views_of, const aname_snapshot_t *one,
                        const aname_snapshot_t *other)
{
	const aname_view_t *views = aname_snapshot_views(views_of);
	for (unsigned i = 0; views != NULL && i < views_of->views; i++) {
		if (!is_seen_alike(one, other, views[i].definition)) {
			return false;
		}
	}
	return true;
}

/*! Do they say the same of addresses that were there before? */
static bool is_lost_alike(const aname_snapshot_t *one, const aname_snapshot_t *other)
{
	const aname_lost_t *a = aname_snapshot_lost(one), *b = aname_snapshot_lost(other);
	return (a == NULL) == (b == NULL) &&
	       (a == NULL || (a->nxdomain == b->nxdomain && a->since_ms == b->since_ms));
}

bool aname_followers_differ(const aname_snapshot_t *before, const aname_snapshot_t *after)
{
	return before == NULL || before->known != after->known ||
	       (before->failure == ANAME_FAILURE_NONE) != (after->failure == ANAME_FAILURE_NONE) ||
	       !aname_snapshot_same(before, after) || !is_lost_alike(before, after) ||
	       !is_alike_by(after, before, after) || !is_alike_by(before, before, after);
}
