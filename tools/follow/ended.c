#include "follow/follow.h"

#include <stdio.h>
#include <string.h>

#include "ask.h"
#include "fnv.h"
#include "follow/cures.h"

/*! How long what a primary elsewhere does may take to be here. */
#define COMES_MS  10000
/*! So many times in a row an update may find something else than what was read just before. */
#define DISAGREED 3
#define NEXT_DISAGREED                                                                        \
	"it is looked at again, and tried in a while; where it stays so, does this server "   \
	"have what the primary has ('kaname check ZONE')? And no more than 256 addresses of " \
	"a family may stand there"
#define NEXT_BELOW                                                                            \
	"it is below the apex: does the acl say 'update-owner-match: sub-or-equal', and not " \
	"'equal', as `kaname follow --setup` prints it where 'owners: any' is set? Else "
/*! What to do is repeated for each owner if it has no more octets. */
#define NEXT_SHORT 100

static void take_done(kaname_follow_t *follow, kaname_follow_job_t *job)
{
	kaname_follow_owner_t *owner = job->owner;
	if (job->from[KANAME_A] != job->to[KANAME_A] ||
	    job->from[KANAME_AAAA] != job->to[KANAME_AAAA]) {
		kaname_follow_tell(follow, owner, job->from, job->to);
	}
	for (unsigned i = 0; i < KANAME_FAMILIES; i++) {
		kaname_follow_set(follow, &owner->written[i], job->to[i]);
	}
	owner->written_ttl = job->ttl;
	owner->failures = 0;
	owner->said = 0;
	owner->is_unsure = false;
	owner->is_refused = false;
	owner->undone = 0;
	if (job->is_leaving) {
		kaname_follow_note(follow, KANAME_NOTE_FORGET, owner, 0);
		owner->is_dropped = true;
		return;
	}
	owner->left_ttl = owner->is_ttl_other ? owner->left_ttl : 0;
	owner->is_ttl_other = false;
	owner->pace = kaname_follow_paced(owner, job);
	owner->said_wait = false;
	kaname_follow_note(follow, KANAME_NOTE_DONE, owner, job->ttl);
	if (owner->is_gone && owner->state == KANAME_OWNER_FOLLOWED) {
		kaname_follow_note_gone(follow, owner, false);
	}
	if (owner->record != job->record) {
		kaname_follow_note_record(follow, owner, job->record);
	}
}

uint16_t kaname_follow_mark(kaname_set_t *const sets[KANAME_FAMILIES])
{
	uint64_t mark = ANAME_FNV_BASIS;
	for (unsigned i = 0; i < KANAME_FAMILIES; i++) {
		uint16_t count = sets[i] != NULL ? sets[i]->count : 0;
		mark = aname_fnv(mark, &count, sizeof(count));
		if (count > 0) {
			mark = aname_fnv(mark, sets[i]->at, count * kaname_family_len(i));
		}
	}
	return (uint16_t)(mark ^ mark >> 32) | 1;
}

/*! Nothing was changed by this update. What was about to be written before, and is the same, may have
 *  been done all the same. */
static void take_undone(kaname_follow_t *follow, kaname_follow_job_t *job)
{
	kaname_follow_owner_t *owner = job->owner;
	if (owner->is_unsure || job->is_leaving) {
		return;
	}
	owner->undone = kaname_follow_mark(job->to);
	kaname_follow_note_sets(follow, KANAME_NOTE_UNDONE, owner, job->to, 0, 0);
}

/*! It was refused, and nobody signed that: it may be done all the same. What stands there tells, unless a
 *  reply was lost before; of a primary elsewhere when it has had the time to come here. */
static void take_unsigned(kaname_follow_t *follow, kaname_follow_job_t *job)
{
	kaname_follow_owner_t *owner = job->owner;
	owner->is_refused |= !owner->is_unsure && !job->is_leaving;
	owner->is_unsure = owner->must_look = true;
	if (owner->is_refused && follow->choice.elsewhere) {
		owner->hold_at = kaname_tick_of(kaname_now_ms() + COMES_MS);
	} else if (owner->is_refused) {
		kaname_follow_look(follow, owner);
	}
}

/*! Says why an update failed, and what to do; of an owner below the apex what is most likely first. What
 *  is long, and the same for many, is said once in full. */
static void say_failure(kaname_follow_t *follow, kaname_follow_owner_t *owner,
                        const kaname_updated_t *updated)
{
	char text[1000];
	const char *next = updated->next;
	bool is_apex = kaname_follow_name(owner) == kaname_follow_zone(owner);
	int64_t now_ms = kaname_now_ms();
	if (next != NULL && !is_apex && kaname_update_may_not(updated)) {
		(void)snprintf(text, sizeof(text), NEXT_BELOW "%s", next);
		next = text;
	}
	uint64_t mark = next != NULL ? aname_fnv(ANAME_FNV_BASIS, next, strlen(next)) : 0;
	bool is_new = follow->said_next[is_apex] != mark ||
	              now_ms - follow->said_next_ms >= KANAME_FOLLOW_REFUSED_MS;
	if (next != NULL && !is_new && strlen(next) > NEXT_SHORT) {
		next = "as for the one before";
	}
	bool said = kaname_follow_trouble(follow, owner, next, "%s (%s)", updated->why,
	                                  follow->server_text);
	if (said && is_new && next != NULL) {
		follow->said_next[is_apex] = mark;
		follow->said_next_ms = now_ms;
	}
}

static void take_end(kaname_follow_t *follow, kaname_follow_job_t *job,
                     const kaname_updated_t *updated)
{
	kaname_follow_owner_t *owner = job->owner;
	switch (updated->outcome) {
	case KANAME_UPDATE_DONE: take_done(follow, job); return;
	case KANAME_UPDATE_OTHERWISE:
		/* It is not done, unless one before it is: else what somebody else wrote would be
		 * taken for ours where it is the same. */
		take_undone(follow, job);
		owner->is_refused = false;
		if (owner->failures == DISAGREED) {
			kaname_follow_trouble(follow, owner, NEXT_DISAGREED, "%s (%s)",
			                      updated->why, follow->server_text);
		}
		kaname_follow_hold(owner, KANAME_FOLLOW_FAILED_MS);
		owner->must_look = true;
		owner->is_seen = false;
		/* Its records may be others, too. */
		kaname_follow_rescan(follow);
		kaname_follow_look(follow, owner);
		return;
	case KANAME_UPDATE_REFUSED:
		/* Where its records are gone its zone may be by now, and later be somebody else's. */
		owner->is_seen = false;
		kaname_follow_hold(owner, KANAME_FOLLOW_REFUSED_MS);
		if (updated->is_unsigned) {
			take_unsigned(follow, job);
		}
		take_undone(follow, job);
		break;
	case KANAME_UPDATE_FAILED:
	default:
		owner->is_unsure = owner->must_look = true;
		owner->is_refused = false;
		kaname_follow_hold(owner, KANAME_FOLLOW_FAILED_MS);
		break;
	}
	say_failure(follow, owner, updated);
}

void kaname_follow_end_job(kaname_follow_t *follow, kaname_follow_job_t *job,
                           const kaname_updated_t *updated)
{
	kaname_follow_owner_t *owner = job->owner;
	owner->is_sending = false;
	bool is_refused = kaname_follow_probed(follow, updated);
	if (!job->is_probe) {
		take_end(follow, job, updated);
	} else if (is_refused) {
		say_failure(follow, owner, updated);
	} else {
		owner->must_look |= updated->outcome == KANAME_UPDATE_OTHERWISE;
	}
	kaname_follow_job_free(follow, job);
	kaname_follow_consider(follow, owner);
}

void kaname_follow_updated(void *ctx, void *token, const kaname_updated_t *updated)
{
	kaname_follow_t *follow = ctx;
	kaname_follow_job_t *job = token, **at = &follow->sent;
	while (*at != job) {
		at = &(*at)->next;
	}
	*at = job->next;
	kaname_follow_end_job(follow, job, updated);
	kaname_follow_write_more(follow);
}
