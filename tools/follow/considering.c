#include "follow/follow.h"

#include <stdio.h>
#include <time.h>

#include "ask.h"

/*! The least TTL of what is written, where the owner's records have no smaller one: no query a second
 *  from each resolver because a CDN has a TTL of 1. */
#define TTL_LEAST    60
/*! The half of the mark of records that stands for their TTL. */
#define TTL_MARK     ((uint32_t)UINT16_MAX)
/*! The longest pause after failures. */
#define HOLD_MOST_MS 60000
/*! Both families. */
#define BOTH         (1u << KANAME_A | 1u << KANAME_AAAA)

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

uint32_t kaname_follow_ttl(const kaname_follow_owner_t *owner)
{
	bool known = owner->known[KANAME_A].worth == KANAME_TOLD_SET ||
	             owner->known[KANAME_AAAA].worth == KANAME_TOLD_SET;
	uint32_t ttl = owner->told_ttl < TTL_LEAST ? TTL_LEAST : owner->told_ttl;
	if (!known && owner->written_ttl != 0) {
		ttl = owner->written_ttl;
	}
	return ttl < owner->ttl ? ttl : owner->ttl;
}

/*! Is the TTL of what stays to be another one? That of the source is no reason: it counts down. */
static bool has_other_ttl(const kaname_follow_owner_t *owner,
                          kaname_set_t *const to[KANAME_FAMILIES])
{
	if ((owner->written_ttl == 0 && !owner->is_ttl_other) ||
	    (to[KANAME_A] == NULL && to[KANAME_AAAA] == NULL)) {
		return false;
	}
	uint32_t others = owner->record ^ kaname_follow_record(owner);
	bool changed = owner->record != 0 && (others & TTL_MARK) != 0;
	return (changed || owner->is_ttl_other || owner->written_ttl > owner->ttl) &&
	       kaname_follow_ttl(owner) != owner->written_ttl;
}

bool kaname_follow_differs(const kaname_follow_owner_t *owner, int64_t now_ms,
                           kaname_set_t *to[KANAME_FAMILIES], int64_t *again_ms)
{
	bool others = kaname_follow_has_others(owner);
	*again_ms = kaname_decide(owner->known, owner->written, others, now_ms, to);
	return to[KANAME_A] != owner->written[KANAME_A] ||
	       to[KANAME_AAAA] != owner->written[KANAME_AAAA] || has_other_ttl(owner, to);
}

unsigned kaname_follow_families(kaname_set_t *const from[KANAME_FAMILIES],
                                kaname_set_t *const to[KANAME_FAMILIES])
{
	return (from[KANAME_A] != to[KANAME_A] ? 1u << KANAME_A : 0) |
	       (from[KANAME_AAAA] != to[KANAME_AAAA] ? 1u << KANAME_AAAA : 0);
}

uint32_t kaname_follow_record_of(const kaname_follow_owner_t *owner,
                                 kaname_set_t *const to[KANAME_FAMILIES])
{
	uint32_t record = kaname_follow_record(owner);
	for (unsigned i = 0; i < KANAME_FAMILIES; i++) {
		if (to[i] == NULL || owner->known[i].worth == KANAME_TOLD_SET) {
			continue;
		}
		if (owner->record == 0) {
			return 0;
		}
		if (kaname_follow_has_others(owner)) {
			return (owner->record & ~TTL_MARK) | (record & TTL_MARK);
		}
	}
	return record;
}

int64_t kaname_follow_next(const kaname_follow_owner_t *owner,
                           kaname_set_t *const to[KANAME_FAMILIES], int64_t now_ms)
{
	bool gone = is_gone(owner->written[KANAME_A], to[KANAME_A]) ||
	            is_gone(owner->written[KANAME_AAAA], to[KANAME_AAAA]);
	if (owner->record != 0 && owner->record != kaname_follow_record(owner)) {
		return 0; /* Somebody has changed the records, and no target. */
	}
	return kaname_pace_next(&owner->pace, kaname_follow_families(owner->written, to), gone,
	                        now_ms);
}

/*! Writes the time of day that it is then. */
static void write_time(int64_t wait_ms, char *text, size_t size)
{
	time_t at = time(NULL) + (wait_ms + 999) / 1000;
	struct tm tm;
	if (localtime_r(&at, &tm) == NULL || strftime(text, size, "%H:%M:%S", &tm) == 0) {
		(void)snprintf(text, size, "?");
	}
}

/*! Says once until when a change waits. */
static void say_wait(kaname_follow_t *follow, kaname_follow_owner_t *owner, int64_t wait_ms)
{
	char text[16];
	/* With --once that is said in the end. */
	if (owner->said_wait || follow->is_once) {
		return;
	}
	owner->said_wait = true;
	write_time(wait_ms, text, sizeof(text));
	kaname_follow_trouble(follow, owner, NULL,
	                      "it has changed often, and is not written before %s, in %lld s", text,
	                      (long long)(wait_ms + 999) / 1000);
}

/*! Of which families are there addresses that its targets do not have any more? A bit for each. */
static unsigned find_kept(const kaname_follow_owner_t *owner,
                          kaname_set_t *const to[KANAME_FAMILIES])
{
	unsigned kept = 0;
	for (unsigned i = 0; i < KANAME_FAMILIES; i++) {
		bool stays = to[i] != NULL && to[i] == owner->written[i];
		if (stays && owner->known[i].worth == KANAME_TOLD_NXDOMAIN) {
			kept = BOTH; /* Who looks up the other one finds no name, either. */
		} else if (stays && owner->known[i].worth == KANAME_TOLD_NODATA) {
			kept |= 1u << i;
		}
	}
	return kept;
}

/*! Says once, of each time that the targets lose their addresses, when what is written goes. */
static void say_kept(kaname_follow_t *follow, kaname_follow_owner_t *owner, unsigned kept,
                     int64_t wait_ms)
{
	char what[200], at[16];
	bool is_over = owner->known[KANAME_A].nodata_since_s == 0 &&
	               owner->known[KANAME_AAAA].nodata_since_s == 0;
	bool said = kept == 0 || kept == owner->said_kept;
	if (is_over || kept != 0) {
		owner->said_kept = kept; /* A failure in between does not make it another time. */
	}
	if (said) {
		return;
	}
	unsigned one = (kept & 1u << KANAME_A) != 0 ? KANAME_A : KANAME_AAAA;
	kaname_told_worth_t other = owner->known[!one].worth;
	bool both = kept == BOTH || other == KANAME_TOLD_NODATA;
	bool gone = owner->known[KANAME_A].worth == KANAME_TOLD_NXDOMAIN ||
	            owner->known[KANAME_AAAA].worth == KANAME_TOLD_NXDOMAIN;
	write_time(wait_ms, at, sizeof(at));
	(void)snprintf(what, sizeof(what),
	               "its target has no %s any more (%s): what is written goes at %s, unless it "
	               "has one before",
	               both              ? "address"
	               : one == KANAME_A ? "A"
	                                 : "AAAA",
	               gone ? "NXDOMAIN" : "NODATA", at);
	kaname_follow_say_owner(follow, owner, what);
}

/*! Nothing is to be written: what stands there is of the records that are there now, too. */
static void take_record(kaname_follow_t *follow, kaname_follow_owner_t *owner)
{
	uint32_t record = kaname_follow_record_of(owner, owner->written);
	if (owner->record != 0) {
		/* The TTL may still have to be written. */
		record = (record & ~TTL_MARK) | (owner->record & TTL_MARK);
	}
	if (owner->is_noted && record != owner->record) {
		kaname_follow_note_record(follow, owner, record);
	}
}

/*! Decides about an owner that has ANAME records. */
static void consider_followed(kaname_follow_t *follow, kaname_follow_owner_t *owner, int64_t now_ms)
{
	kaname_set_t *to[KANAME_FAMILIES];
	int64_t again_ms;
	if (!owner->is_told) {
		return;
	}
	bool differs = kaname_follow_differs(owner, now_ms, to, &again_ms);
	say_kept(follow, owner, find_kept(owner, to), again_ms - now_ms);
	if (!differs) {
		take_record(follow, owner);
		owner->failures = 0;
		owner->act_at = kaname_tick_of(again_ms);
		return;
	}
	int64_t next_ms = kaname_follow_next(owner, to, now_ms);
	if (next_ms <= now_ms) {
		kaname_follow_write(follow, owner);
		return;
	}
	say_wait(follow, owner, next_ms - now_ms);
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
