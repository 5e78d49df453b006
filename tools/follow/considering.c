#include "follow/follow.h"

#include "ask.h"

/*! The longest pause after failures. */
#define HOLD_MOST_MS 60000

void kaname_follow_set(kaname_follow_t *follow, kaname_set_t **at, kaname_set_t *set)
{
	kaname_set_t *before = *at;
	*at = kaname_set_hold(set);
	kaname_set_release(&follow->sets, before);
}

void kaname_follow_hold(kaname_follow_owner_t *owner, int64_t least_ms)
{
	int64_t pause_ms = least_ms;
	for (uint8_t i = 0; i < owner->failures && pause_ms < HOLD_MOST_MS; i++) {
		pause_ms *= 2;
	}
	pause_ms = pause_ms > HOLD_MOST_MS && least_ms < HOLD_MOST_MS ? HOLD_MOST_MS : pause_ms;
	owner->failures += owner->failures < UINT8_MAX;
	owner->hold_at = kaname_tick_of(kaname_now_ms() + pause_ms);
}

void kaname_follow_plan(kaname_follow_t *follow, kaname_follow_owner_t *owner)
{
	int64_t at_ms = kaname_tick_ms(owner->act_at);
	bool asks = owner->ask_at != 0 && !owner->is_asked && follow->is_up;
	if (asks && (at_ms == 0 || kaname_tick_ms(owner->ask_at) < at_ms)) {
		at_ms = kaname_tick_ms(owner->ask_at);
	}
	if (!kaname_timers_set(&follow->timers, owner, at_ms)) {
		/* It is asked again with all others, and written when it is told something new. */
		kaname_follow_say("out of memory");
	}
}

void kaname_follow_drop(kaname_follow_t *follow, kaname_follow_owner_t *owner)
{
	if (kaname_follow_is_busy(owner)) {
		owner->is_dropped = true;
		return;
	}
	(void)kaname_timers_set(&follow->timers, owner, 0);
	kaname_owners_drop(&follow->owners, owner);
}

/*! Does nothing stay of a family that had something, and has something else? */
static bool is_gone(const kaname_set_t *from, const kaname_set_t *to)
{
	return from != NULL && to != NULL && from != to && !kaname_set_overlap(from, to);
}

bool kaname_follow_differs(const kaname_follow_owner_t *owner, int64_t now_ms,
                           kaname_set_t *to[KANAME_FAMILIES], int64_t *again_ms)
{
	*again_ms = kaname_decide(owner->known, owner->written, now_ms, to);
	return to[KANAME_A] != owner->written[KANAME_A] ||
	       to[KANAME_AAAA] != owner->written[KANAME_AAAA];
}

int64_t kaname_follow_next(const kaname_follow_owner_t *owner,
                           kaname_set_t *const to[KANAME_FAMILIES])
{
	bool gone = is_gone(owner->written[KANAME_A], to[KANAME_A]) ||
	            is_gone(owner->written[KANAME_AAAA], to[KANAME_AAAA]);
	return kaname_pace_next(&owner->pace, gone);
}

/*! Decides about an owner that has ANAME records. */
static void consider_followed(kaname_follow_t *follow, kaname_follow_owner_t *owner, int64_t now_ms)
{
	kaname_set_t *to[KANAME_FAMILIES];
	int64_t again_ms;
	if (!owner->is_told) {
		return;
	}
	if (!kaname_follow_differs(owner, now_ms, to, &again_ms)) {
		owner->failures = 0;
		owner->act_at = kaname_tick_of(again_ms);
		return;
	}
	int64_t next_ms = kaname_follow_next(owner, to);
	if (next_ms <= now_ms) {
		kaname_follow_write(follow, owner);
		return;
	}
	owner->act_at = kaname_tick_of(again_ms != 0 && again_ms < next_ms ? again_ms : next_ms);
}

void kaname_follow_consider(kaname_follow_t *follow, kaname_follow_owner_t *owner)
{
	int64_t now_ms = kaname_now_ms();
	bool idle = owner->state == KANAME_OWNER_ABSENT || owner->state == KANAME_OWNER_REFUSED ||
	            owner->state == KANAME_OWNER_FOREIGN;
	owner->act_at = 0;
	if (owner->is_dropped && !kaname_follow_is_busy(owner)) {
		kaname_follow_drop(follow, owner);
		return;
	}
	if (!owner->is_sending && !owner->is_looking && !idle && !follow->is_ending) {
		if (now_ms < kaname_tick_ms(owner->hold_at)) {
			owner->act_at = owner->hold_at;
		} else if (owner->must_look ||
		           (owner->state == KANAME_OWNER_LEAVING && !owner->is_seen)) {
			kaname_follow_look(follow, owner);
		} else if (owner->state == KANAME_OWNER_LEAVING) {
			kaname_follow_write(follow, owner);
		} else {
			consider_followed(follow, owner, now_ms);
		}
	}
	kaname_follow_plan(follow, owner);
}
