#include "follow/reading.h"

#include <string.h>

#include "ask.h"

/*! Owners below apexes that are looked at each time. */
#define BELOW_MOST 500
/*! How soon it is read again what could not be read, at first. */
#define FAILED_MS  2000

/* What stands there, of all. */

/*! Compares the addresses of an owner with what was written; what is not sure yet is not. */
static void verify(kaname_follow_t *follow, const kaname_follow_there_t *there, const uint8_t *at)
{
	const knot_dname_t *name = at;
	kaname_set_t *set = NULL;
	kaname_follow_owner_t *owner =
	        kaname_owners_find(&follow->owners, name + there->zone_at, name);
	if (owner == NULL || owner->is_sending || owner->must_look ||
	    !kaname_set_take(&follow->sets, there->family, at + knot_dname_size(name), there->count,
	                     &set)) {
		return;
	}
	owner->is_otherwise |= set != owner->written[there->family];
	/* Of a primary elsewhere this server may have what was there before. */
	owner->ttl_there |= !follow->choice.elsewhere && owner->written_ttl != 0 &&
	                    there->ttl != owner->written_ttl &&
	                    kaname_follow_ttl_mark(there->ttl) != owner->left_ttl;
	owner->families_there |= 1u << there->family;
	kaname_set_release(&follow->sets, set);
}

/*! Is there something to look at more closely? */
static bool is_odd(kaname_follow_t *follow, kaname_follow_owner_t *owner)
{
	unsigned written = (owner->written[KANAME_A] != NULL ? 1u << KANAME_A : 0) |
	                   (owner->written[KANAME_AAAA] != NULL ? 1u << KANAME_AAAA : 0);
	bool same = !owner->is_otherwise && owner->families_there == written;
	bool none = owner->families_there == 0, other_ttl = owner->ttl_there;
	owner->is_otherwise = owner->ttl_there = false;
	owner->families_there = 0;
	if (owner->zone_at != 0) {
		/* Only those of apexes were read: of the others some have their turn. */
		return follow->below++ % (1 + follow->below_last / BELOW_MOST) == follow->turn;
	}
	return owner->state == KANAME_OWNER_FOREIGN ? same || none : !same || other_ttl;
}

/*! Looks at an owner whose addresses are not those that were written. */
static void verify_end(kaname_follow_t *follow, kaname_follow_owner_t *owner)
{
	bool fit = owner->state == KANAME_OWNER_FOLLOWED || owner->state == KANAME_OWNER_FOREIGN;
	if (is_odd(follow, owner) && fit && !owner->is_sending && !owner->must_look &&
	    1000 * (int64_t)owner->pace.written_s < follow->read_ms &&
	    kaname_now_ms() >= kaname_tick_ms(owner->hold_at)) {
		kaname_follow_look(follow, owner);
	}
}

void kaname_follow_take_all_there(kaname_follow_t *follow, const kaname_follow_scanning_t *scanning)
{
	kaname_reading_t reading = { 0 };
	size_t len;
	for (const uint8_t *at;
	     (at = kaname_notebook_next(&scanning->notebook, &reading, &len)) != NULL;) {
		kaname_follow_there_t there;
		memcpy(&there, at, sizeof(there));
		verify(follow, &there, at + sizeof(there));
	}
	follow->below = 0;
	kaname_chains_cursor_t cursor = { 0 };
	for (kaname_follow_owner_t *owner;
	     (owner = kaname_owners_step(&follow->owners, &cursor)) != NULL;) {
		verify_end(follow, owner);
	}
	follow->below_last = follow->below;
	follow->turn = (follow->turn + 1) % (1 + follow->below_last / BELOW_MOST);
	follow->has_verified = true;
}

/* What stands there, of some. */

void kaname_follow_take_look(kaname_follow_t *follow, kaname_follow_scanning_t *scanning,
                             size_t number)
{
	kaname_follow_seen_t seen = { .state = scanning->looks[number].state };
	kaname_reading_t reading = { 0 };
	size_t len;
	bool good = true, mixed = false;
	for (const uint8_t *at;
	     (at = kaname_notebook_next(&scanning->notebook, &reading, &len)) != NULL;) {
		kaname_follow_there_t there;
		memcpy(&there, at, sizeof(there));
		at += sizeof(there);
		if (there.look == number) {
			kaname_set_release(&follow->sets, seen.there[there.family]);
			good &= kaname_set_take(&follow->sets, there.family,
			                        at + knot_dname_size(at), there.count,
			                        &seen.there[there.family]);
			mixed |= seen.ttl != 0 && seen.ttl != there.ttl;
			seen.ttl = seen.ttls[there.family] = there.ttl;
		}
	}
	seen.ttl = mixed ? 0 : seen.ttl;
	kaname_follow_owner_t *owner = scanning->looks[number].owner;
	if (good && scanning->looks[number].is_read) {
		kaname_follow_seen(follow, owner, &seen);
	} else {
		owner->is_looking = false;
		owner->must_look = true;
		kaname_follow_hold(owner, FAILED_MS);
		kaname_follow_consider(follow, owner);
	}
	for (unsigned i = 0; i < KANAME_FAMILIES; i++) {
		kaname_set_release(&follow->sets, seen.there[i]);
	}
}
