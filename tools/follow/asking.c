#include "follow/follow.h"

#include <string.h>

#include "ask.h"
#include "protocol.h"

/*! When a question is repeated whose answer is being looked up. */
#define PENDING_MS      1000
/*! How long what is known of one family waits for the other one. */
#define PENDING_MOST_MS 3000
/*! The least and most between two questions of an owner. */
#define LEAST_MS        1000
#define MOST_MS         1800000
/*! The least between two questions of all owners. */
#define LOST_MS         1000

void kaname_follow_ask(kaname_follow_t *follow, kaname_follow_owner_t *owner)
{
	if (owner->is_asked) {
		owner->ask_again = true;
		return;
	}
	if (!follow->is_up || follow->is_ending || owner->is_dropped ||
	    owner->state == KANAME_OWNER_ABSENT || owner->state == KANAME_OWNER_REFUSED ||
	    owner->state == KANAME_OWNER_LEAVING) {
		return;
	}
	owner->is_asked = kaname_ring_add(&follow->to_ask, owner);
	if (!owner->is_asked) {
		owner->ask_at = kaname_tick_of(kaname_now_ms() + PENDING_MS);
	}
	kaname_follow_plan(follow, owner);
}

void kaname_follow_ask_more(kaname_follow_t *follow)
{
	const knot_dname_t *targets[ANAME_FOLLOW_TARGETS];
	while (!follow->is_ending && follow->to_ask.count > 0 &&
	       kaname_told_room(follow->told) > 0) {
		kaname_follow_owner_t *owner = kaname_ring_take(&follow->to_ask);
		size_t count = 0;
		for (uint16_t i = 0; i < owner->targets_count && count < ANAME_FOLLOW_TARGETS;
		     i++) {
			targets[count++] = owner->links[i].target->name;
		}
		owner->ask_again = false;
		if (kaname_told_ask(follow->told, (uintptr_t)owner, kaname_follow_zone(owner),
		                    kaname_follow_name(owner), owner->ttl, targets, count)) {
			follow->asked++;
		} else {
			owner->is_asked = false;
			owner->ask_at = kaname_tick_of(kaname_now_ms() + PENDING_MS);
			kaname_follow_plan(follow, owner);
		}
	}
}

/*! Has all owners asked for. */
static void ask_all(kaname_follow_t *follow)
{
	kaname_chains_cursor_t cursor = { 0 };
	for (kaname_follow_owner_t *owner;
	     (owner = kaname_owners_step(&follow->owners, &cursor)) != NULL;) {
		kaname_follow_ask(follow, owner);
	}
	kaname_follow_ask_more(follow);
}

void kaname_follow_ask_lost(kaname_follow_t *follow)
{
	int64_t now_ms = kaname_now_ms();
	if (follow->is_lost && now_ms >= follow->lost_ms) {
		follow->is_lost = false;
		follow->lost_ms = now_ms + LOST_MS;
		ask_all(follow);
	}
}

static void on_up(void *ctx)
{
	kaname_follow_t *follow = ctx;
	follow->is_up = true;
	ask_all(follow);
}

static void on_down(void *ctx, const char *why, const char *next)
{
	kaname_follow_t *follow = ctx;
	follow->is_up = false;
	follow->asked = 0;
	kaname_ring_deinit(&follow->to_ask);
	if (kaname_steady_fails(&follow->module, NULL, kaname_now_ms())) {
		kaname_follow_say("the module does not answer: %s; nothing is changed until it "
		                  "does%s%s",
		                  why, next != NULL ? "\nnext: " : "", next != NULL ? next : "");
	}
	kaname_chains_cursor_t cursor = { 0 };
	for (kaname_follow_owner_t *owner;
	     (owner = kaname_owners_step(&follow->owners, &cursor)) != NULL;) {
		bool dropped = owner->is_asked && owner->is_dropped;
		owner->is_asked = owner->ask_again = false;
		/* What was told before does not count any more, nor time that has passed since. */
		owner->is_told = false;
		if (dropped) {
			kaname_follow_drop(follow, owner);
		} else {
			kaname_follow_plan(follow, owner);
		}
	}
}

/*! Takes what is told of both families; false if out of memory. */
static bool take_families(kaname_follow_t *follow, kaname_follow_owner_t *owner,
                          const kaname_told_set_t *told, bool *changed)
{
	kaname_told_worth_t worths[KANAME_FAMILIES];
	bool good = true;
	for (unsigned i = 0; i < KANAME_FAMILIES; i++) {
		kaname_set_t *set = NULL;
		worths[i] = told->family[i].worth;
		if (worths[i] == KANAME_TOLD_SET) {
			good &= kaname_set_take(&follow->sets, i, told->family[i].at,
			                        told->family[i].count, &set);
			worths[i] = set != NULL ? KANAME_TOLD_SET : KANAME_TOLD_FAILED;
		}
		if (set != NULL) {
			*changed |= set != owner->known[i].set;
			kaname_follow_set(follow, &owner->known[i].set, set);
			kaname_set_release(&follow->sets, set);
		}
	}
	kaname_known_tell(owner->known, worths, kaname_now_ms());
	return good;
}

/*! Says of which family the former targets' addresses do not stay, though none of the new ones is known;
 *  false: of neither. */
static bool say_others(kaname_follow_t *follow, kaname_follow_owner_t *owner,
                       const kaname_told_set_t *told)
{
	static const char *const words[KANAME_FAMILIES] = { "A", "AAAA" };
	for (unsigned i = 0; i < KANAME_FAMILIES && kaname_follow_has_others(owner); i++) {
		if (told->family[i].worth == KANAME_TOLD_FAILED && owner->written[i] != NULL &&
		    told->family[!i].worth == KANAME_TOLD_SET) {
			kaname_follow_trouble(follow, owner, NULL,
			                      "no %s is known of the targets that it names now "
			                      "(%s); those of the former ones go",
			                      words[i], told->family[i].why);
			return true;
		}
	}
	return false;
}

/*! Says why nothing can be known of an owner, once. */
static void say_trouble(kaname_follow_t *follow, kaname_follow_owner_t *owner,
                        const kaname_told_set_t *told)
{
	bool fails[KANAME_FAMILIES];
	kaname_set_t *to[KANAME_FAMILIES];
	int64_t again_ms;
	for (unsigned i = 0; i < KANAME_FAMILIES; i++) {
		fails[i] = told->family[i].worth == KANAME_TOLD_FAILED;
	}
	if (told->unknown) {
		kaname_follow_trouble(follow, owner, "'kaname check ZONE' looks at its section",
		                      "the module tells nothing: %s; what is there stays",
		                      told->family[KANAME_A].why);
	} else if (fails[KANAME_A] && fails[KANAME_AAAA]) {
		kaname_follow_trouble(follow, owner, NULL,
		                      "no address is known (%s); what is "
		                      "there stays",
		                      told->family[KANAME_A].why);
	} else if (!say_others(follow, owner, told) && owner->state == KANAME_OWNER_FOLLOWED &&
	           !fails[KANAME_A] && !fails[KANAME_AAAA] && owner->failures == 0 &&
	           !kaname_follow_differs(owner, kaname_now_ms(), to, &again_ms)) {
		/* What kept it from being written is over. */
		owner->said = 0;
	}
}

/*! Notes since when there is no address, so that it is believed after ten minutes though this runs
 *  for a moment now and then. */
static void note_nodata(kaname_follow_t *follow, kaname_follow_owner_t *owner)
{
	unsigned families = 0;
	for (unsigned i = 0; i < KANAME_FAMILIES; i++) {
		families |= owner->known[i].nodata_since_s != 0 ? 1u << i : 0;
	}
	if (owner->is_noted && families != owner->nodata_noted) {
		kaname_follow_note_nodata(follow, owner, families);
		owner->nodata_noted = families;
	}
}

/*! While a family is looked up for the first time what is known of the other one waits for it, for a
 *  moment: so that an owner is written once. */
static void wait_for_other(kaname_follow_owner_t *owner, bool pending, int64_t now_ms)
{
	if (owner->failures > 0 || pending == owner->is_pending) {
		return;
	}
	owner->hold_at = pending ? kaname_tick_of(now_ms + PENDING_MOST_MS) : 0;
}

static void on_set(void *ctx, uint64_t token, const kaname_told_set_t *told)
{
	kaname_follow_t *follow = ctx;
	kaname_follow_owner_t *owner = (kaname_follow_owner_t *)(uintptr_t)token;
	bool changed = false, good = true, pending = false;
	int64_t now_ms = kaname_now_ms();
	follow->asked--;
	owner->is_asked = false;
	/* Of one that leaves what it was to have does not count any more. */
	if (!owner->is_dropped && owner->state != KANAME_OWNER_LEAVING) {
		good = take_families(follow, owner, told, &changed);
		for (unsigned i = 0; i < KANAME_FAMILIES; i++) {
			pending |= told->family[i].worth == KANAME_TOLD_PENDING && !told->unknown;
		}
		int64_t wait_ms = 1000 * (int64_t)told->next_s;
		wait_ms = wait_ms < LEAST_MS ? LEAST_MS : wait_ms > MOST_MS ? MOST_MS : wait_ms;
		owner->ask_at = kaname_tick_of(now_ms + (pending || !good ? PENDING_MS : wait_ms));
		owner->told_ttl = told->ttl;
		wait_for_other(owner, pending, now_ms);
		owner->is_told = good;
		owner->is_pending = pending;
		if (changed) {
			kaname_pace_changed(&owner->pace, now_ms);
		}
		note_nodata(follow, owner);
		say_trouble(follow, owner, told);
	}
	if (owner->ask_again) {
		kaname_follow_ask(follow, owner);
	}
	kaname_follow_consider(follow, owner);
	kaname_follow_ask_more(follow);
	kaname_follow_write_more(follow);
}

static void on_changed(void *ctx, const knot_dname_t *name)
{
	kaname_follow_t *follow = ctx;
	const kaname_follow_target_t *target = kaname_owners_target(&follow->owners, name);
	kaname_follow_owner_t *owner = target != NULL ? target->first : NULL;
	for (; owner != NULL; owner = kaname_owners_next(owner, target)) {
		kaname_follow_ask(follow, owner);
	}
	kaname_follow_ask_more(follow);
}

/*! However often it is said, all are asked for once in a while. */
static void on_lost(void *ctx)
{
	kaname_follow_t *follow = ctx;
	follow->is_lost = true;
	kaname_follow_ask_lost(follow);
}

bool kaname_follow_listen(kaname_follow_t *follow)
{
	static const kaname_told_calls_t calls = {
		.up = on_up, .down = on_down, .set = on_set, .changed = on_changed, .lost = on_lost
	};
	kaname_told_calls_t own = calls;
	own.ctx = follow;
	follow->told = kaname_told_new(&follow->loop, &follow->read_args, &own);
	return follow->told != NULL;
}
