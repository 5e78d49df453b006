#include "follow/follow.h"

#include <string.h>

#include "ask.h"

#define AGAIN_MS    5000
/*! What was written before is back so often, each time so soon after it was written: somebody writes it. */
#define RETURNS     3
#define RETURNED_MS 300000
#define NEXT_RETURNS                                                                               \
	"end the one that is not to run any more; two for the same zones need a journal each, or " \
	"other zones"

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

static bool is_none(kaname_set_t *const there[KANAME_FAMILIES])
{
	return there[KANAME_A] == NULL && there[KANAME_AAAA] == NULL;
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

/*! Has a family, if it is there at all, this TTL? */
static bool has_ttl(const kaname_follow_seen_t *seen, kaname_family_t family, uint32_t ttl)
{
	return seen->there[family] == NULL || seen->ttls[family] == ttl;
}

/*! What is there, against what is noted. */
typedef struct {
	const kaname_follow_owner_t *owner;
	const kaname_follow_seen_t *seen;
	kaname_follow_compared_t found;
} compared_t;

static void compare(void *ctx, const knot_dname_t *zone, const knot_dname_t *owner,
                    const kaname_noted_t *noted)
{
	compared_t *compared = ctx;
	const kaname_follow_seen_t *seen = compared->seen;
	kaname_follow_compared_t *found = &compared->found;
	bool undone = kaname_follow_mark(seen->there) == compared->owner->undone;
	unsigned pending_count = undone ? 0 : noted->pending_count;
	/* With another TTL somebody has helped himself, and it is not done. */
	bool pending_ttl = has_ttl(seen, KANAME_A, noted->pending_ttl) &&
	                   has_ttl(seen, KANAME_AAAA, noted->pending_ttl);
	for (unsigned i = 0; i < pending_count; i++) {
		found->is_pending |= pending_ttl && are_there(noted->pending[i], seen->there);
	}
	/* What has another TTL than it had was put back by hand. */
	found->is_former = are_there(noted->former, seen->there) &&
	                   has_ttl(seen, KANAME_A, noted->former_ttl) &&
	                   has_ttl(seen, KANAME_AAAA, noted->former_ttl);
	found->is_adopted = noted->is_adopted && are_there(noted->adopted, seen->there);
	found->puts_back = noted->is_adopted && noted->adopted_ttl != KANAME_TTL_NONE;
	for (unsigned i = 0; i < KANAME_FAMILIES; i++) {
		found->is_exact[i] = is_there(&noted->written[i], i, seen->there[i]) &&
		                     (has_ttl(seen, i, noted->ttl) ||
		                      (noted->left_ttl != 0 && has_ttl(seen, i, noted->left_ttl)));
		for (unsigned j = 0; j < pending_count; j++) {
			found->is_exact[i] |= is_there(&noted->pending[j][i], i, seen->there[i]) &&
			                      has_ttl(seen, i, noted->pending_ttl);
		}
		found->is_own[i] =
		        found->is_exact[i] || (is_there(&noted->former[i], i, seen->there[i]) &&
		                               has_ttl(seen, i, noted->former_ttl));
	}
	bool exact = found->is_exact[KANAME_A] && found->is_exact[KANAME_AAAA];
	found->has_other_ttl =
	        !exact && noted->ttl != KANAME_TTL_NONE && are_there(noted->written, seen->there);
}

kaname_follow_compared_t kaname_follow_compare(kaname_follow_t *follow,
                                               const kaname_follow_owner_t *owner,
                                               const kaname_follow_seen_t *seen)
{
	compared_t compared = { .owner = owner, .seen = seen };
	if (owner->is_noted && follow->journal != NULL &&
	    !kaname_journal_get(follow->journal, kaname_follow_zone(owner),
	                        kaname_follow_name(owner), compare, &compared)) {
		compared.found = (kaname_follow_compared_t){ .is_pending = false };
	}
	return compared.found;
}

/*! The primary is elsewhere and has objected to nothing: then what stands here was there before, and
 *  this server has no newer one yet. If it is somebody else's after all, the next update shows it. */
static bool may_be_late(const kaname_follow_t *follow, const kaname_follow_owner_t *owner)
{
	return follow->choice.elsewhere && owner->failures == 0 && !owner->is_unsure;
}

static void take_there(kaname_follow_t *follow, kaname_follow_owner_t *owner,
                       const kaname_follow_seen_t *seen)
{
	for (unsigned i = 0; i < KANAME_FAMILIES; i++) {
		kaname_follow_set(follow, &owner->written[i], seen->there[i]);
	}
	owner->written_ttl = seen->ttl;
}

/*! Says that what was written is not there any more; and no more of it where that has no end. */
static void say_lost(kaname_follow_t *follow, kaname_follow_owner_t *owner, bool is_former)
{
	int64_t age_ms = kaname_now_ms() - 1000 * (int64_t)owner->pace.written_s;
	bool again = owner->returns == RETURNS;
	if (!is_former || age_ms > RETURNED_MS) {
		owner->returns = 0;
	} else if (!again) {
		owner->returns++;
	}
	if (owner->returns < RETURNS) {
		kaname_follow_say_owner(follow, owner,
		                        "what was written is not there any more: was the zone "
		                        "loaded anew from a file? It is written again");
	} else if (!again) {
		kaname_follow_trouble(follow, owner, NEXT_RETURNS,
		                      "what was written before is there again and again: does "
		                      "another 'kaname follow' with a copy of this journal write "
		                      "it? Each time it is written again, once a minute at most");
	}
}

/*! Somebody has changed the TTL of what was written: it stays its own, and is written again, once, since
 *  there are primaries that leave it. */
static void take_other_ttl(kaname_follow_t *follow, kaname_follow_owner_t *owner,
                           const kaname_follow_seen_t *seen,
                           const kaname_follow_compared_t *compared)
{
	uint32_t ttl = 0;
	for (unsigned i = 0; i < KANAME_FAMILIES; i++) {
		if (seen->there[i] != NULL && !compared->is_exact[i]) {
			ttl = seen->ttls[i];
		}
	}
	owner->is_ttl_other = true;
	owner->left_ttl = kaname_follow_ttl_mark(ttl);
	kaname_follow_note(follow, KANAME_NOTE_THERE, owner, ttl);
	kaname_follow_trouble(follow, owner, NULL,
	                      "the TTL of what was written is %u: somebody has changed it, and "
	                      "it is written again",
	                      ttl);
}

/*! A TTL that is there and is not this one. */
static uint32_t other_ttl(const kaname_follow_seen_t *seen, uint32_t ttl)
{
	bool is_a = seen->there[KANAME_A] != NULL && seen->ttls[KANAME_A] != ttl;
	return seen->ttls[is_a ? KANAME_A : KANAME_AAAA];
}

/*! Nothing that somebody else wrote is there: it is known again what is. */
static void take_own(kaname_follow_t *follow, kaname_follow_owner_t *owner,
                     const kaname_follow_seen_t *seen, const kaname_follow_compared_t *compared)
{
	bool pending = compared->is_pending;
	bool lost = !pending && !is_same(seen->there, owner->written);
	if (lost) {
		say_lost(follow, owner, compared->is_former);
	}
	uint32_t ttl = owner->written_ttl;
	take_there(follow, owner, seen);
	bool exact = compared->is_exact[KANAME_A] && compared->is_exact[KANAME_AAAA];
	if (exact && !pending && ttl != 0 && ttl != seen->ttl && !is_none(seen->there)) {
		/* It was to be this one, and the primary has left the former one. */
		owner->written_ttl = ttl;
		owner->left_ttl = kaname_follow_ttl_mark(other_ttl(seen, ttl));
	}
	/* What cannot be told from what is there may still come. */
	owner->is_unsure &= !pending;
	if (owner->is_noted && pending) {
		/* Of the same addresses the TTL tells whether it was done. */
		kaname_follow_note(follow, KANAME_NOTE_DONE, owner, seen->ttl);
	} else if (owner->is_noted && lost) {
		kaname_follow_note(follow, KANAME_NOTE_THERE, owner,
		                   compared->is_adopted  ? KANAME_TTL_NONE
		                   : compared->is_former ? seen->ttl
		                                         : 0);
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
		if (!adopted->wanted[i] || count == 0 || noted->adopted_ttl == KANAME_TTL_NONE) {
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
 * Notes what somebody else wrote, and that it is there with what is our own, which is not put back.
 * Where that is there still, or nothing is, what was adopted before is put back, too. False if out of
 * memory, or if the journal cannot be read.
 */
static bool adopt(kaname_follow_t *follow, kaname_follow_owner_t *owner,
                  const kaname_follow_seen_t *seen, const kaname_follow_compared_t *compared)
{
	kaname_set_t *sets[KANAME_FAMILIES] = { NULL };
	bool wanted[KANAME_FAMILIES], good = true;
	for (unsigned i = 0; i < KANAME_FAMILIES && good; i++) {
		kaname_set_t *there = seen->there[i];
		kaname_set_t *own = compared->is_own[i] ? there : owner->written[i];
		wanted[i] = owner->is_adopted && (there == NULL || kaname_set_overlap(there, own));
		good = kaname_set_minus(&follow->sets, there, own, &sets[i]);
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
		kaname_follow_note(follow, KANAME_NOTE_THERE, owner, KANAME_TTL_NONE);
	}
	for (unsigned i = 0; i < KANAME_FAMILIES; i++) {
		kaname_set_release(&follow->sets, sets[i]);
	}
	return good;
}

static void take_foreign(kaname_follow_t *follow, kaname_follow_owner_t *owner,
                         const kaname_follow_seen_t *seen, const kaname_follow_compared_t *compared,
                         bool was_gone)
{
	char text[KANAME_FAMILIES][400];
	if (follow->args->adopt) {
		if (!adopt(follow, owner, seen, compared)) {
			owner->must_look = true;
			kaname_follow_hold(owner, AGAIN_MS);
			return;
		}
		/* They are why the update failed, which is tried again at once. */
		owner->hold_at = 0;
		kaname_follow_trouble(
		        follow, owner, NULL,
		        "somebody else wrote its addresses (A %s, AAAA %s): "
		        "they %s noted, and replaced",
		        kaname_set_text(seen->there[KANAME_A], text[0], sizeof(text[0])),
		        kaname_set_text(seen->there[KANAME_AAAA], text[1], sizeof(text[1])),
		        follow->is_dry ? "would be" : "are");
		return;
	}
	owner->state = KANAME_OWNER_FOREIGN;
	kaname_follow_trouble(
	        follow, owner,
	        "remove them; or --adopt notes them, replaces them, and puts them back "
	        "when the ANAME records go",
	        "%s wrote its addresses (A %s, AAAA %s): it is left alone",
	        was_gone ? "its zone was not in the configuration for a while, and it is not "
	                   "known who"
	                 : "somebody else",
	        kaname_set_text(seen->there[KANAME_A], text[0], sizeof(text[0])),
	        kaname_set_text(seen->there[KANAME_AAAA], text[1], sizeof(text[1])));
}

/* A zone that was not in the configuration for a while, and has ANAME records again. */

/*! Has it the records for which it was written? */
static bool has_same_record(const kaname_follow_owner_t *owner)
{
	return owner->record == kaname_follow_record(owner);
}

/*! Is what is there its own? Where nothing is, yes; else only where all is as it was. */
static bool is_as_it_was(const kaname_follow_owner_t *owner, const kaname_follow_seen_t *seen,
                         const kaname_follow_compared_t *compared)
{
	return is_none(seen->there) || (compared->is_exact[KANAME_A] &&
	                                compared->is_exact[KANAME_AAAA] && has_same_record(owner));
}

/*! Nothing that was about to be written is there, or comes any more. */
static void settle(kaname_follow_t *follow, kaname_follow_owner_t *owner)
{
	bool none = is_none(owner->written) && !owner->is_adopted;
	owner->is_unsure = false;
	kaname_follow_note(follow, none ? KANAME_NOTE_FORGET : KANAME_NOTE_SETTLED, owner, 0);
}

/*! What is there may be somebody else's. Nothing of what the journal has of it counts any more. */
static void disown(kaname_follow_t *follow, kaname_follow_owner_t *owner)
{
	for (unsigned i = 0; i < KANAME_FAMILIES; i++) {
		kaname_follow_set(follow, &owner->written[i], NULL);
	}
	owner->written_ttl = 0;
	kaname_follow_note(follow, KANAME_NOTE_THERE, owner, KANAME_TTL_NONE);
	settle(follow, owner);
	kaname_follow_note_gone(follow, owner, false);
}

/*! It was refused by nobody's word, and is not there: so it is not done. */
static void take_refused(kaname_follow_t *follow, kaname_follow_owner_t *owner)
{
	owner->is_refused = false;
	settle(follow, owner);
	kaname_follow_hold(owner, KANAME_FOLLOW_REFUSED_MS);
}

/*! Takes what is there where an owner has records. */
static void take_seen(kaname_follow_t *follow, kaname_follow_owner_t *owner,
                      const kaname_follow_seen_t *seen)
{
	/* A zone may be back at an earlier state: it was restored, or loaded from an old file. */
	const kaname_follow_compared_t compared = kaname_follow_compare(follow, owner, seen);
	bool is_late = may_be_late(follow, owner), was_gone = owner->is_gone;
	/* What was adopted comes back from a file that is the operator's: it is noted, and replaced. */
	bool is_back = compared.is_former || (compared.is_adopted && compared.puts_back);
	bool is_own =
	        is_left_over(owner, seen->there) || compared.is_pending || (is_back && !is_late);
	if (was_gone) {
		is_own = is_as_it_was(owner, seen, &compared);
		is_late &= has_same_record(owner);
	}
	if (owner->is_refused && !compared.is_pending) {
		take_refused(follow, owner);
	}
	if (is_own) {
		take_own(follow, owner, seen, &compared);
		if (compared.has_other_ttl && !compared.is_pending && !is_late && !was_gone) {
			take_other_ttl(follow, owner, seen, &compared);
		}
		if (was_gone && is_none(seen->there)) {
			kaname_follow_note_gone(follow, owner, false);
		}
	} else if (!is_late) {
		kaname_follow_compared_t others = { .is_pending = false };
		if (was_gone) {
			disown(follow, owner);
		}
		take_foreign(follow, owner, seen, was_gone ? &others : &compared, was_gone);
	}
}

void kaname_follow_seen(kaname_follow_t *follow, kaname_follow_owner_t *owner,
                        const kaname_follow_seen_t *seen)
{
	owner->is_looking = false;
	int error = owner->is_noted && follow->journal != NULL
	                    ? kaname_journal_wake(follow->journal)
	                    : 0;
	owner->must_look = error != 0;
	if (owner->must_look) {
		/* What is ours cannot be told without it. */
		if (kaname_now_ms() >= follow->journal_hold_ms) {
			kaname_follow_journal_failed(follow, error);
		}
		kaname_follow_hold(owner, AGAIN_MS);
		kaname_follow_consider(follow, owner);
		return;
	}
	if (owner->is_dropped) {
		kaname_follow_consider(follow, owner);
		return;
	}
	/* It may be held for longer than until the next scan, by an update that asks for the records. */
	if (seen->state.is_loaded && !seen->state.has_aname &&
	    (owner->state == KANAME_OWNER_FOLLOWED || owner->state == KANAME_OWNER_FOREIGN)) {
		kaname_follow_leave(owner);
	}
	if (owner->state == KANAME_OWNER_LEAVING) {
		if (!kaname_follow_seen_leaving(follow, owner, seen)) {
			kaname_follow_consider(follow, owner);
		}
		return;
	}
	if (!seen->state.is_loaded) {
		if (!seen->state.is_configured) {
			kaname_follow_rescan(follow);
		}
		owner->must_look = true;
		kaname_follow_hold(owner, AGAIN_MS);
		kaname_follow_consider(follow, owner);
		return;
	}
	if (owner->state == KANAME_OWNER_FOREIGN) {
		owner->state = KANAME_OWNER_FOLLOWED;
	}
	take_seen(follow, owner, seen);
	kaname_follow_ask(follow, owner);
	kaname_follow_consider(follow, owner);
}
