/*!
 * \brief Owners whose ANAME records are gone (M3): what was written goes, and nothing else.
 */

#include "follow/follow.h"

#include <stdio.h>

#include "ask.h"

/*! How long after a look at what is not there the next one is, at least. */
#define ABSENT_MS 60000

/*! Forgets an owner of which nothing is ours any more. */
static void forget(kaname_follow_t *follow, kaname_follow_owner_t *owner)
{
	if (owner->is_noted) {
		kaname_follow_note(follow, KANAME_NOTE_FORGET, owner, 0);
	}
	kaname_follow_drop(follow, owner);
}

void kaname_follow_leave(kaname_follow_owner_t *owner)
{
	owner->state = KANAME_OWNER_LEAVING;
	owner->is_seen = false;
	owner->hold_at = 0;
	owner->failures = 0;
}

/*! Its zone is not there, or it is not to be followed any more: what is written stays. */
static void take_absent(kaname_follow_t *follow, kaname_follow_owner_t *owner,
                        const kaname_follow_seen_t *seen)
{
	owner->state = KANAME_OWNER_ABSENT;
	owner->is_absent &= seen->state.is_loaded;
	kaname_follow_hold(owner, ABSENT_MS);
	if (!seen->state.is_configured && owner->is_noted && !owner->is_gone) {
		/* Whoever adds it anew may be somebody else. */
		kaname_follow_note_gone(follow, owner, true);
	}
}

/* What is said. */

typedef struct {
	kaname_follow_t *follow;
	char text[KANAME_FAMILIES][400];
	bool was_gone;
} adopted_t;

static void write_adopted(void *ctx, const knot_dname_t *zone, const knot_dname_t *owner,
                          const kaname_noted_t *noted)
{
	adopted_t *adopted = ctx;
	adopted->was_gone = noted->adopted_ttl == KANAME_TTL_NONE;
	for (unsigned i = 0; i < KANAME_FAMILIES; i++) {
		kaname_set_t *set = NULL;
		if (kaname_set_take(&adopted->follow->sets, i, noted->adopted[i].at,
		                    noted->adopted[i].count, &set)) {
			(void)kaname_set_text(set, adopted->text[i], sizeof(adopted->text[i]));
			kaname_set_release(&adopted->follow->sets, set);
		}
	}
}

#define NEXT_LEFT \
	"see that its addresses are those that are wanted: nobody looks after them any more"

/*! What stays, as text that goes on; "": nothing. */
static void write_stays(const kaname_follow_owner_t *owner, const bool goes[KANAME_FAMILIES],
                        bool any_stays, char *text, size_t size)
{
	unsigned which = goes[KANAME_AAAA] ? KANAME_A : KANAME_AAAA;
	text[0] = '\0';
	if (owner->is_gone && any_stays) {
		char a[400], aaaa[400];
		(void)snprintf(text, size,
		               ", and its zone was not in the configuration for a while: its "
		               "addresses (A %s, AAAA %s) may be somebody else's, and stay",
		               kaname_set_text(owner->written[KANAME_A], a, sizeof(a)),
		               kaname_set_text(owner->written[KANAME_AAAA], aaaa, sizeof(aaaa)));
	} else if (!goes[KANAME_A] && !goes[KANAME_AAAA]) {
		(void)snprintf(text, size, ", and %s",
		               any_stays ? "its addresses are not what was written: they stay"
		                         : "so is what was written");
	} else if (owner->known[which].set != NULL) {
		(void)snprintf(text, size,
		               ", and its %s records are not what was written: they stay",
		               which == KANAME_A ? "A" : "AAAA");
	}
}

/*! Says once what stays, if anything does, and what was adopted and is not put back. */
static void say(kaname_follow_t *follow, kaname_follow_owner_t *owner,
                const bool goes[KANAME_FAMILIES], bool any_stays)
{
	adopted_t adopted = { .follow = follow, .text = { "none", "none" } };
	char stays[1000], lost[1000] = "";
	write_stays(owner, goes, any_stays, stays, sizeof(stays));
	if (owner->is_adopted && !owner->puts_back && follow->journal != NULL &&
	    kaname_journal_get(follow->journal, kaname_follow_zone(owner),
	                       kaname_follow_name(owner), write_adopted, &adopted)) {
		(void)snprintf(lost, sizeof(lost),
		               "; what --adopt noted (A %s, AAAA %s) is not put back, since %s",
		               adopted.text[KANAME_A], adopted.text[KANAME_AAAA],
		               adopted.was_gone
		                       ? "its zone was not in the configuration for a while"
		                       : "it comes in the place of what was written only");
	}
	if (stays[0] != '\0' || lost[0] != '\0') {
		kaname_follow_trouble(follow, owner, NEXT_LEFT, "its ANAME records are gone%s%s",
		                      stays, lost);
	}
}

/* What goes. */

/*!
 * Finds out what goes: of each family all or nothing, since of a set that somebody has changed nobody
 * knows whose an address of it is. Of a zone that was away nothing: it may be somebody else's by now.
 */
static void choose(const kaname_follow_owner_t *owner, const kaname_follow_compared_t *compared,
                   bool goes[KANAME_FAMILIES])
{
	for (unsigned i = 0; i < KANAME_FAMILIES; i++) {
		goes[i] = compared->is_exact[i] && !owner->is_gone;
	}
}

bool kaname_follow_seen_leaving(kaname_follow_t *follow, kaname_follow_owner_t *owner,
                                const kaname_follow_seen_t *seen)
{
	if (!seen->state.is_loaded || seen->state.has_aname) {
		take_absent(follow, owner, seen);
		return false;
	}
	const kaname_follow_compared_t compared = kaname_follow_compare(follow, owner, seen);
	bool goes[KANAME_FAMILIES], any = false, stays = false;
	choose(owner, &compared, goes);
	for (unsigned i = 0; i < KANAME_FAMILIES; i++) {
		any |= goes[i] && seen->there[i] != NULL;
		stays |= !goes[i] && seen->there[i] != NULL;
		kaname_follow_set(follow, &owner->known[i].set, goes[i] ? NULL : seen->there[i]);
		kaname_follow_set(follow, &owner->written[i], seen->there[i]);
	}
	owner->written_ttl = seen->ttl;
	/* Where nothing is there that was written nothing tells whose the zone is by now. */
	owner->puts_back = compared.puts_back && any && goes[KANAME_A] && goes[KANAME_AAAA];
	/* Where what was adopted is there it was put back, or never was replaced. */
	if (owner->is_noted && !compared.is_adopted && (stays || owner->is_adopted)) {
		say(follow, owner, goes, stays);
	}
	/* What may still come, should the records be back by then, would be nobody's: it is forgotten
	 * when an update that changes nothing has come through behind it. */
	if (!any && !owner->puts_back && !owner->is_unsure) {
		forget(follow, owner);
		return true;
	}
	owner->is_seen = true;
	return false;
}
