/*!
 * \brief Who follows what can be used of targets (status/followed.h): is told when that may be another
 *        thing.  [P]
 *
 * Told is what makes a difference to some section: other addresses, some or none, failures that begin
 * or end, and what health or an operator leaves. A refresh that brings the same is not told, nor that
 * time has passed: whoever asks is told when to ask again.
 *
 * While nobody follows, what is published costs one comparison.
 *
 * Thread: service, all of it.
 */

#pragma once

#include <stdbool.h>

#include "table/table.h"

/*! One who follows. */
typedef struct aname_follower {
	struct aname_follower *next;
	/*! A target may have changed. It is about to be published: nothing may be looked at now. */
	void (*changed)(void *ctx, const knot_dname_t *target);
	/*! Any may have; likewise. */
	void (*all_changed)(void *ctx);
	void *ctx;
} aname_follower_t;

/*! All of them. All zeros: nobody follows. */
typedef struct {
	aname_follower_t *first;
} aname_followers_t;

/*! Adds one, which is the caller's and stays where it is until it is removed. */
void aname_followers_add(aname_followers_t *followers, aname_follower_t *follower);

/*! Removes it, if it is there. */
void aname_followers_remove(aname_followers_t *followers, aname_follower_t *follower);

/*! How many there are. */
unsigned aname_followers_count(const aname_followers_t *followers);

/*! Tells of a target. */
void aname_followers_tell(const aname_followers_t *followers, const aname_entry_t *entry);

/*! Tells of all targets. */
void aname_followers_tell_all(const aname_followers_t *followers);

/*! Do sections see something else in one state of a target than in another? NULL: nothing was known. */
bool aname_followers_differ(const aname_snapshot_t *before, const aname_snapshot_t *after);

/*! What is about to be published of an entry: tells if that makes a difference. */
static inline void aname_followers_note(const aname_followers_t *followers, aname_entry_t *entry,
                                        const aname_snapshot_t *after)
{
	/* What was cold is so no longer, whatever it has. */
	if (followers->first != NULL && !entry->for_subnet &&
	    (atomic_load(&entry->cold) ||
	     aname_followers_differ(aname_entry_snapshot(entry), after))) {
		aname_followers_tell(followers, entry);
	}
}
