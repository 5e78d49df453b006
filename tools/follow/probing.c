/*!
 * \brief Whether the primary takes what the key signs, though there is nothing to write: it would be
 *        noticed when an address changes, weeks later, else.
 *
 * An update that compares an owner with what it has, and changes nothing, is sent once, behind the start
 * and SIGHUP, unless another one has been answered by then. Primaries answer it like any other one, and
 * leave the zone and its serial as they are (tests/functional/test_follow_update.py).
 */

#include "follow/follow.h"

#include <stdlib.h>

#include "ask.h"

/*! How long it is not tried again, at first, where no owner is fit for it, or its zone is occupied; and
 *  where the primary cannot be reached. */
#define AGAIN_MS  1000
#define FAILED_MS 60000

/*! An owner that has what it is to have; NULL if there is none. */
static kaname_follow_owner_t *find_fit(const kaname_follow_t *follow)
{
	kaname_set_t *to[KANAME_FAMILIES];
	int64_t again_ms, now_ms = kaname_now_ms();
	kaname_chains_cursor_t cursor = { 0 };
	for (kaname_follow_owner_t *owner;
	     (owner = kaname_owners_step(&follow->owners, &cursor)) != NULL;) {
		if (owner->state == KANAME_OWNER_FOLLOWED && owner->is_told && !owner->is_pending &&
		    !owner->must_look && !owner->is_dropped && !owner->is_looking &&
		    !owner->is_sending && now_ms >= kaname_tick_ms(owner->hold_at) &&
		    !kaname_follow_differs(owner, now_ms, to, &again_ms)) {
			return owner;
		}
	}
	return NULL;
}

kaname_follow_job_t *kaname_follow_probe_new(kaname_follow_t *follow)
{
	int64_t now_ms = kaname_now_ms();
	if (!follow->wants_probe || !follow->has_scanned || !follow->is_up ||
	    follow->sent != NULL || follow->ready != NULL || now_ms < follow->probe_ms) {
		return NULL;
	}
	/* What is being sent is not compared with what stands there: that comes first. */
	if (follow->scanning != NULL || now_ms >= follow->verify_ms) {
		return NULL;
	}
	kaname_follow_owner_t *owner = find_fit(follow);
	kaname_follow_job_t *job = owner != NULL ? calloc(1, sizeof(*job)) : NULL;
	if (job == NULL) {
		kaname_follow_probe_later(follow);
		return NULL;
	}
	job->owner = owner;
	job->is_probe = true;
	job->ttl = owner->written_ttl;
	for (unsigned i = 0; i < KANAME_FAMILIES; i++) {
		job->from[i] = kaname_set_hold(owner->written[i]);
		job->to[i] = kaname_set_hold(owner->written[i]);
	}
	owner->is_sending = true;
	return job;
}

void kaname_follow_probe_later(kaname_follow_t *follow)
{
	int64_t pause_ms = follow->probe_pause_ms < AGAIN_MS ? AGAIN_MS : follow->probe_pause_ms;
	follow->probe_ms = kaname_now_ms() + pause_ms;
	follow->probe_pause_ms = 2 * pause_ms < FAILED_MS ? 2 * pause_ms : FAILED_MS;
}

bool kaname_follow_probed(kaname_follow_t *follow, const kaname_updated_t *updated)
{
	/* What has had no reply may wait there, and is not sent again and again. */
	follow->wants_probe &= updated->outcome == KANAME_UPDATE_FAILED;
	follow->probe_ms = kaname_now_ms() + FAILED_MS;
	return updated->outcome == KANAME_UPDATE_REFUSED;
}
