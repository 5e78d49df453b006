#include "follow/reading.h"

#include <stdlib.h>
#include <string.h>

#include "ask.h"
#include "fnv.h"
#include "follow/cures.h"

/*! Owners that are not found any more: so many are looked at without knowing whether their zones are
 *  there. */
#define LOOKS_MOST 16

/*! Zones that were refused. */
typedef struct {
	size_t count, size;
	const knot_dname_t **at;
} refused_t;

static int compare_names(const void *one, const void *other)
{
	return knot_dname_cmp(*(const knot_dname_t *const *)one,
	                      *(const knot_dname_t *const *)other);
}

static void take_refused(kaname_follow_t *follow, refused_t *refused, const uint8_t *at)
{
	const knot_dname_t *zone = at;
	const char *why = (const char *)at + knot_dname_size(zone);
	const char *next = why + strlen(why) + 1;
	if (refused->count == refused->size) {
		size_t size = refused->size > 0 ? 2 * refused->size : 16;
		const knot_dname_t **more = realloc(refused->at, size * sizeof(*more));
		if (more == NULL) {
			return;
		}
		refused->at = more;
		refused->size = size;
	}
	refused->at[refused->count++] = zone;
	/* It is kept as an owner, so that it is said once. */
	const kaname_scan_owner_t found = { .zone = zone, .owner = zone };
	kaname_taken_t taken = KANAME_TAKEN_SAME;
	kaname_follow_owner_t *owner = kaname_owners_find(&follow->owners, zone, zone);
	if (owner == NULL) {
		owner = kaname_owners_take(&follow->owners, &found, &taken);
	}
	if (owner != NULL) {
		owner->state = KANAME_OWNER_REFUSED;
		owner->is_scanned = true;
		kaname_follow_trouble(follow, owner, next[0] != '\0' ? next : NULL,
		                      "it is not followed: %s", why);
	}
}

/*! An owner is there again, or for the first time, or with other records. */
static void take_news(kaname_follow_t *follow, kaname_follow_owner_t *owner, kaname_taken_t taken)
{
	bool was_idle = owner->is_dropped || owner->state == KANAME_OWNER_ABSENT ||
	                owner->state == KANAME_OWNER_REFUSED ||
	                owner->state == KANAME_OWNER_LEAVING;
	if (taken == KANAME_TAKEN_CHANGED) {
		kaname_timers_moved(&follow->timers, owner);
		for (unsigned i = 0; i < KANAME_FAMILIES && follow->has_scanned; i++) {
			/* Of its former targets. */
			owner->known[i].nodata_since_s = 0;
		}
		owner->is_told = false;
		if (owner->failures > 0) {
			/* What failed was for the former ones. */
			owner->hold_at = 0;
			owner->failures = 0;
		}
	} else if (taken == KANAME_TAKEN_BUSY) {
		kaname_follow_rescan(follow);
	}
	if (was_idle) {
		/* What was told of it, or set aside, does not count any more. */
		for (unsigned i = 0; i < KANAME_FAMILIES; i++) {
			kaname_follow_set(follow, &owner->known[i].set, NULL);
			owner->known[i].worth = KANAME_TOLD_FAILED;
		}
		owner->must_look |= owner->state == KANAME_OWNER_LEAVING;
		/* Without an update nothing tells what somebody else wrote. */
		owner->must_look |= follow->is_dry;
		/* And whoever added its zone anew may be. */
		owner->must_look |= owner->is_gone;
		owner->is_told = owner->is_seen = owner->is_dropped = false;
		owner->hold_at = 0;
		owner->failures = 0;
		owner->state = KANAME_OWNER_FOLLOWED;
	}
	if (was_idle || taken == KANAME_TAKEN_CHANGED || taken == KANAME_TAKEN_TTL) {
		kaname_follow_ask(follow, owner);
		kaname_follow_consider(follow, owner);
	}
}

static void say_unreadable(kaname_follow_t *follow)
{
	if (!follow->has_failed) {
		int error = kaname_journal_error(follow->journal);
		kaname_follow_say("the journal cannot be read: %s; it is not known what was "
		                  "written\nnext: %s",
		                  kaname_journal_why(error), kaname_journal_next(error));
	}
	follow->has_failed = true;
}

static void take_owner(kaname_follow_t *follow, const kaname_follow_found_t *found,
                       const uint8_t *at)
{
	static const knot_dname_t *targets[UINT16_MAX];
	kaname_scan_owner_t owner = { .owner = at,
		                      .zone = at + found->zone_at,
		                      .ttl = found->ttl,
		                      .rrsets_count = found->rrsets_count,
		                      .targets_count = found->targets_count,
		                      .targets = targets };
	for (unsigned i = 0; i < found->rrsets_count; i++) {
		owner.rrsets[i].type = found->rrsets[i].type;
		owner.rrsets[i].count = found->rrsets[i].count;
		owner.rrsets[i].good = found->rrsets[i].good;
	}
	at += knot_dname_size(at);
	for (size_t i = 0; i < found->targets_count; i++) {
		targets[i] = at;
		at += knot_dname_size(at);
	}
	kaname_taken_t taken;
	kaname_follow_owner_t *its = kaname_owners_take(&follow->owners, &owner, &taken);
	if (its == NULL) {
		kaname_follow_say("out of memory");
		kaname_follow_rescan(follow);
		return;
	}
	its->is_scanned = true;
	if (taken == KANAME_TAKEN_NEW && !follow->has_scanned && follow->journal != NULL &&
	    !kaname_journal_get(follow->journal, owner.zone, owner.owner, kaname_follow_take_noted,
	                        follow)) {
		say_unreadable(follow);
		return;
	}
	take_news(follow, its, taken);
}

/*! Is there a reason to look what became of an owner of the journal that was not found? Not where its zone
 *  is not there, or has the records and is not wanted, nor where it was looked at and is still the same. */
static bool has_to_look(kaname_follow_t *follow, kaname_follow_owner_t *owner,
                        const kaname_follow_scanning_t *scanning)
{
	const knot_dname_t *name = kaname_follow_zone(owner);
	bool was_absent = owner->state == KANAME_OWNER_ABSENT && owner->is_absent;
	owner->is_absent = false;
	if (!scanning->loaded.is_known) {
		/* Of many it is found out at once which zones there are. */
		return follow->absent <= LOOKS_MOST;
	}
	const kaname_loaded_zone_t *zone = kaname_loaded_find(&scanning->loaded, name);
	if (zone == NULL && !owner->is_gone) {
		/* Whoever adds it anew may be somebody else. */
		kaname_follow_note_gone(follow, owner, true);
	}
	if (zone == NULL || !zone->is_loaded) {
		return false;
	}
	bool same = was_absent && owner->absent_serial == zone->serial;
	bool aside = owner->zone_at == 0 && kaname_loaded_find(&scanning->aside, name) != NULL;
	owner->absent_serial = zone->serial;
	owner->is_absent = true;
	return !same && !aside;
}

/*! An owner was not found any more. */
static void take_missing(kaname_follow_t *follow, kaname_follow_owner_t *owner,
                         const refused_t *refused, const kaname_follow_scanning_t *scanning)
{
	const knot_dname_t *zone = kaname_follow_zone(owner);
	bool is_refused = refused->count > 0 && bsearch(&zone, refused->at, refused->count,
	                                                sizeof(zone), compare_names) != NULL;
	if (is_refused) {
		owner->state = KANAME_OWNER_REFUSED;
		return;
	}
	if (!owner->is_noted && !owner->is_sending) {
		kaname_follow_drop(follow, owner);
		return;
	}
	follow->absent++;
	/* Only looks at what is not there are held: an update that fails does so because of this. */
	bool is_held = owner->state == KANAME_OWNER_ABSENT &&
	               kaname_now_ms() < kaname_tick_ms(owner->hold_at);
	if (owner->state != KANAME_OWNER_LEAVING && !is_held) {
		bool looks = has_to_look(follow, owner, scanning);
		kaname_follow_leave(owner);
		owner->state = looks ? KANAME_OWNER_LEAVING : KANAME_OWNER_ABSENT;
		kaname_follow_consider(follow, owner);
	}
}

static void take_all_missing(kaname_follow_t *follow, const refused_t *refused,
                             const kaname_follow_scanning_t *scanning)
{
	follow->absent = 0;
	kaname_chains_cursor_t cursor = { 0 };
	for (kaname_follow_owner_t *owner;
	     (owner = kaname_owners_step(&follow->owners, &cursor)) != NULL;) {
		bool found = owner->is_scanned;
		owner->is_scanned = false;
		if (!found && !owner->is_dropped) {
			take_missing(follow, owner, refused, scanning);
		}
	}
	if (follow->absent > LOOKS_MOST && !scanning->loaded.is_known) {
		kaname_follow_rescan(follow);
	}
}

/*! Says of what was named and is missing why it is. */
static void say_missing(const kaname_notebook_t *notebook)
{
	kaname_reading_t reading = { 0 };
	size_t len;
	for (const uint8_t *at; (at = kaname_notebook_next(notebook, &reading, &len)) != NULL;) {
		kaname_follow_found_t found;
		knot_dname_txt_storage_t zone;
		memcpy(&found, at, sizeof(found));
		at += sizeof(found);
		if (found.is_missing && knot_dname_to_str(zone, at, sizeof(zone)) != NULL) {
			const char *why = (const char *)at + knot_dname_size(at);
			const char *next = why + strlen(why) + 1;
			kaname_follow_say("%s: %s%s%s", zone, why,
			                  next[0] != '\0' ? "\nnext: " : "", next);
		}
	}
}

void kaname_follow_take_owners(kaname_follow_t *follow, const kaname_follow_scanning_t *scanning)
{
	const kaname_notebook_t *notebook = &scanning->notebook;
	kaname_reading_t reading = { 0 };
	refused_t refused = { 0 };
	uint64_t missing = ANAME_FNV_BASIS;
	size_t len;
	follow->missing = 0;
	for (const uint8_t *at; (at = kaname_notebook_next(notebook, &reading, &len)) != NULL;) {
		kaname_follow_found_t found;
		memcpy(&found, at, sizeof(found));
		if (found.is_refused) {
			take_refused(follow, &refused, at + sizeof(found));
		} else if (found.is_missing) {
			missing = aname_fnv(missing, at, len);
			follow->missing++;
		} else {
			take_owner(follow, &found, at + sizeof(found));
		}
	}
	if (follow->said_missing != missing) {
		say_missing(notebook);
		follow->said_missing = missing;
	}
	if (refused.count > 0) {
		qsort(refused.at, refused.count, sizeof(*refused.at), compare_names);
	}
	if (!follow->has_scanned && follow->journal != NULL &&
	    !kaname_journal_each(follow->journal, kaname_follow_take_noted, follow)) {
		say_unreadable(follow);
	}
	if (!follow->has_failed) {
		take_all_missing(follow, &refused, scanning);
	}
	free(refused.at);
	follow->has_scanned = true;
	if (follow->journal != NULL && !follow->is_committing) {
		kaname_journal_rest(follow->journal);
	}
}
