#include "follow/follow.h"

#include <string.h>

#include "ask.h"

/*! How long after a look at what is not there the next one is, at least. */
#define ABSENT_MS 60000
#define AGAIN_MS  5000

void kaname_follow_look(kaname_follow_t *follow, kaname_follow_owner_t *owner)
{
	if (!owner->is_looking && !follow->is_ending) {
		owner->is_looking = kaname_ring_add(&follow->to_look, owner);
	}
	if (!owner->is_looking) {
		kaname_follow_hold(owner, AGAIN_MS);
		owner->act_at = owner->hold_at;
	}
}

/* What was seen, against what is known. */

static bool is_same(kaname_set_t *const one[KANAME_FAMILIES],
                    kaname_set_t *const other[KANAME_FAMILIES])
{
	return one[KANAME_A] == other[KANAME_A] && one[KANAME_AAAA] == other[KANAME_AAAA];
}

/*! Is what is there ours, as far as there is anything? */
static bool is_left_over(const kaname_follow_owner_t *owner,
                         kaname_set_t *const there[KANAME_FAMILIES])
{
	bool is = true;
	for (unsigned i = 0; i < KANAME_FAMILIES; i++) {
		is &= there[i] == NULL || there[i] == owner->written[i];
	}
	return is;
}

/*! Are these octets of a family's set what is there? */
static bool is_there(const kaname_noted_set_t *noted, kaname_family_t family,
                     const kaname_set_t *there)
{
	return noted->count == (there != NULL ? there->count : 0) &&
	       (there == NULL ||
	        memcmp(noted->at, there->at, there->count * kaname_family_len(family)) == 0);
}

static bool are_there(const kaname_noted_set_t noted[KANAME_FAMILIES],
                      kaname_set_t *const there[KANAME_FAMILIES])
{
	return is_there(&noted[KANAME_A], KANAME_A, there[KANAME_A]) &&
	       is_there(&noted[KANAME_AAAA], KANAME_AAAA, there[KANAME_AAAA]);
}

/*! What is there, against what is noted. */
typedef struct {
	const kaname_follow_owner_t *owner;
	kaname_set_t *const *there;
	bool is_pending; /*!< It was about to be written. */
	bool is_former;  /*!< It was written before what was written last. */
} compared_t;

static void compare(void *ctx, const knot_dname_t *zone, const knot_dname_t *owner,
                    const kaname_noted_t *noted)
{
	compared_t *compared = ctx;
	bool undone = kaname_follow_mark(compared->there) == compared->owner->undone;
	for (unsigned i = 0; i < noted->pending_count && !undone; i++) {
		compared->is_pending |= are_there(noted->pending[i], compared->there);
	}
	/* Of what was adopted it may be what somebody else wrote. */
	compared->is_former = !noted->is_adopted && are_there(noted->former, compared->there);
}

static compared_t compare_noted(kaname_follow_t *follow, const kaname_follow_owner_t *owner,
                                kaname_set_t *const there[KANAME_FAMILIES])
{
	compared_t compared = { .owner = owner, .there = there };
	if (owner->is_noted && follow->journal != NULL &&
	    !kaname_journal_get(follow->journal, kaname_follow_zone(owner),
	                        kaname_follow_name(owner), compare, &compared)) {
		compared.is_pending = compared.is_former = false;
	}
	return compared;
}

/*! Is there what was about to be written? */
static bool is_pending(kaname_follow_t *follow, const kaname_follow_owner_t *owner,
                       kaname_set_t *const there[KANAME_FAMILIES])
{
	return compare_noted(follow, owner, there).is_pending;
}

/*! The primary is elsewhere and has objected to nothing: then what stands here was there before, and
 *  this server has no newer one yet. If it is somebody else's after all, the next update shows it. */
static bool may_be_late(const kaname_follow_t *follow, const kaname_follow_owner_t *owner)
{
	return follow->choice.elsewhere && owner->failures == 0 && !owner->is_unsure;
}

/*! Is there what was, or was about to be, written some time? A zone may be back at an earlier state: it
 *  was restored, or loaded from an old file. */
static bool is_own(kaname_follow_t *follow, const kaname_follow_owner_t *owner,
                   kaname_set_t *const there[KANAME_FAMILIES])
{
	const compared_t compared = compare_noted(follow, owner, there);
	return compared.is_pending || (compared.is_former && !may_be_late(follow, owner));
}

static void take_there(kaname_follow_t *follow, kaname_follow_owner_t *owner,
                       const kaname_follow_seen_t *seen)
{
	for (unsigned i = 0; i < KANAME_FAMILIES; i++) {
		kaname_follow_set(follow, &owner->written[i], seen->there[i]);
	}
	owner->written_ttl = seen->ttl;
}

/*! Nothing that somebody else wrote is there: it is known again what is. */
static void take_own(kaname_follow_t *follow, kaname_follow_owner_t *owner,
                     const kaname_follow_seen_t *seen)
{
	bool pending = is_pending(follow, owner, seen->there);
	bool lost = !pending && !is_same(seen->there, owner->written);
	if (lost) {
		kaname_follow_trouble(follow, owner, NULL,
		                      "what was written is not there any more: was the zone loaded "
		                      "anew from a file? It is written again");
	}
	take_there(follow, owner, seen);
	/* What cannot be told from what is there may still come. */
	owner->is_unsure &= !pending;
	if (owner->is_noted && (pending || lost)) {
		kaname_follow_note(follow, pending ? KANAME_NOTE_DONE : KANAME_NOTE_THERE, owner,
		                   0);
	}
}

/* What somebody else wrote. */

typedef struct {
	kaname_follow_t *follow;
	kaname_set_t **sets; /*!< Of both families. */
	const bool *wanted;
	bool good;
} adopted_t;

/*! Adds what was adopted before to the sets. */
static void add_adopted(void *ctx, const knot_dname_t *zone, const knot_dname_t *owner,
                        const kaname_noted_t *noted)
{
	adopted_t *adopted = ctx;
	uint8_t at[2 * KANAME_SET_MAX * 16];
	for (unsigned i = 0; i < KANAME_FAMILIES && adopted->good; i++) {
		const kaname_noted_set_t *before = &noted->adopted[i];
		kaname_set_t *now = adopted->sets[i];
		size_t len = kaname_family_len(i), count = before->count;
		if (!adopted->wanted[i] || count == 0) {
			continue;
		}
		memcpy(at, before->at, count * len);
		if (now != NULL) {
			memcpy(at + count * len, now->at, now->count * len);
			count += now->count;
		}
		kaname_set_t *both;
		adopted->good = kaname_set_take(&adopted->follow->sets, i, at, count, &both);
		if (adopted->good) {
			kaname_set_release(&adopted->follow->sets, now);
			adopted->sets[i] = both;
		}
	}
}

/*!
 * Notes what somebody else wrote, and that it is there with what was written, which is not put back.
 * Where that is there still, or nothing is, what was adopted before is put back, too. False if out of
 * memory, or if the journal cannot be read.
 */
static bool adopt(kaname_follow_t *follow, kaname_follow_owner_t *owner,
                  const kaname_follow_seen_t *seen)
{
	kaname_set_t *sets[KANAME_FAMILIES] = { NULL };
	bool wanted[KANAME_FAMILIES], good = true;
	for (unsigned i = 0; i < KANAME_FAMILIES && good; i++) {
		kaname_set_t *there = seen->there[i], *written = owner->written[i];
		wanted[i] =
		        owner->is_adopted && (there == NULL || kaname_set_overlap(there, written));
		good = kaname_set_minus(&follow->sets, there, written, &sets[i]);
	}
	adopted_t adopted = { follow, sets, wanted, good };
	if (good && (wanted[KANAME_A] || wanted[KANAME_AAAA])) {
		good = kaname_journal_get(follow->journal, kaname_follow_zone(owner),
		                          kaname_follow_name(owner), add_adopted, &adopted) &&
		       adopted.good;
	}
	for (unsigned i = 0; i < KANAME_FAMILIES && good; i++) {
		kaname_follow_set(follow, &owner->written[i], sets[i]);
	}
	if (good) {
		/* Where they have several TTLs the records' own has to do. */
		kaname_follow_note(follow, KANAME_NOTE_ADOPT, owner,
		                   seen->ttl != 0 ? seen->ttl : owner->ttl);
		take_there(follow, owner, seen);
		kaname_follow_note(follow, KANAME_NOTE_THERE, owner, 0);
	}
	for (unsigned i = 0; i < KANAME_FAMILIES; i++) {
		kaname_set_release(&follow->sets, sets[i]);
	}
	return good;
}

static void take_foreign(kaname_follow_t *follow, kaname_follow_owner_t *owner,
                         const kaname_follow_seen_t *seen)
{
	char text[KANAME_FAMILIES][400];
	if (follow->args->adopt) {
		if (!adopt(follow, owner, seen)) {
			owner->must_look = true;
			kaname_follow_hold(owner, AGAIN_MS);
			return;
		}
		/* They are why the update failed, which is tried again at once. */
		owner->hold_at = 0;
		kaname_follow_trouble(
		        follow, owner, NULL,
		        "somebody else wrote its addresses (A %s, AAAA %s): "
		        "they are noted, and replaced",
		        kaname_set_text(seen->there[KANAME_A], text[0], sizeof(text[0])),
		        kaname_set_text(seen->there[KANAME_AAAA], text[1], sizeof(text[1])));
		return;
	}
	owner->state = KANAME_OWNER_FOREIGN;
	kaname_follow_trouble(
	        follow, owner,
	        "remove them; or --adopt notes them, replaces them, and puts them back "
	        "when the ANAME records go",
	        "somebody else wrote its addresses (A %s, AAAA %s): it is left alone",
	        kaname_set_text(seen->there[KANAME_A], text[0], sizeof(text[0])),
	        kaname_set_text(seen->there[KANAME_AAAA], text[1], sizeof(text[1])));
}

/* Owners that a scan did not find. */

/*! Forgets an owner of which nothing is ours any more. */
static void forget(kaname_follow_t *follow, kaname_follow_owner_t *owner)
{
	if (owner->is_noted) {
		kaname_follow_note(follow, KANAME_NOTE_FORGET, owner, 0);
	}
	kaname_follow_drop(follow, owner);
}

/*!
 * Finds out what of somebody else's stays when what was written goes: of the sets that are there what
 * is not in those. False if nothing was written, or is there any more; or no memory.
 */
static bool set_aside(kaname_follow_t *follow, kaname_follow_owner_t *owner,
                      kaname_set_t *const there[KANAME_FAMILIES])
{
	bool any = false;
	for (unsigned i = 0; i < KANAME_FAMILIES; i++) {
		kaname_set_t *stays = NULL;
		if (!kaname_set_minus(&follow->sets, there[i], owner->written[i], &stays)) {
			return false;
		}
		any |= stays != there[i];
		kaname_follow_set(follow, &owner->known[i].set, stays);
		kaname_set_release(&follow->sets, stays);
	}
	return any;
}

/*! An owner that is to leave: true if it is gone. */
static bool take_leaving(kaname_follow_t *follow, kaname_follow_owner_t *owner,
                         const kaname_follow_seen_t *seen)
{
	if (!seen->is_loaded || seen->has_aname) {
		/* It is there and not to be followed any more, or its zone is not. */
		owner->state = KANAME_OWNER_ABSENT;
		kaname_follow_hold(owner, ABSENT_MS);
		return false;
	}
	if (is_own(follow, owner, seen->there)) {
		take_there(follow, owner, seen);
	}
	bool any = seen->there[KANAME_A] != NULL || seen->there[KANAME_AAAA] != NULL;
	/* What was adopted is put back, too, where nothing is there any more. */
	if (!set_aside(follow, owner, seen->there) && (any || !owner->is_adopted)) {
		if (any) {
			kaname_follow_say_owner(follow, owner,
			                        "its ANAME records are gone, and its addresses are "
			                        "not those that were written: they stay");
		}
		/* What may still come, should the records be back by then, would be nobody's: it is
		 * forgotten when an update that changes nothing has come through behind it. */
		if (!owner->is_unsure) {
			forget(follow, owner);
			return true;
		}
	}
	take_there(follow, owner, seen);
	owner->is_seen = true;
	return false;
}

void kaname_follow_seen(kaname_follow_t *follow, kaname_follow_owner_t *owner,
                        const kaname_follow_seen_t *seen)
{
	owner->is_looking = false;
	owner->must_look = owner->is_noted && follow->journal != NULL &&
	                   kaname_journal_wake(follow->journal) != 0;
	if (owner->must_look) {
		/* What is ours cannot be told without it. */
		kaname_follow_hold(owner, AGAIN_MS);
		kaname_follow_consider(follow, owner);
		return;
	}
	if (owner->is_dropped) {
		kaname_follow_consider(follow, owner);
		return;
	}
	if (owner->state == KANAME_OWNER_LEAVING) {
		if (!take_leaving(follow, owner, seen)) {
			kaname_follow_consider(follow, owner);
		}
		return;
	}
	if (!seen->is_loaded) {
		owner->must_look = true;
		kaname_follow_hold(owner, AGAIN_MS);
		kaname_follow_consider(follow, owner);
		return;
	}
	if (owner->state == KANAME_OWNER_FOREIGN) {
		owner->state = KANAME_OWNER_FOLLOWED;
	}
	if (is_left_over(owner, seen->there) || is_own(follow, owner, seen->there)) {
		take_own(follow, owner, seen);
	} else if (!may_be_late(follow, owner)) {
		take_foreign(follow, owner, seen);
	}
	kaname_follow_ask(follow, owner);
	kaname_follow_consider(follow, owner);
}
