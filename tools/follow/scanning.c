#include "follow/follow.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ask.h"
#include "follow/notebook.h"
#include "fnv.h"

/*! Owners that are looked at in one go. */
#define LOOKS_MOST 64
/*! What is read again and again takes at most this part of a processor. */
#define READ_SHARE 1000
/*! Owners below apexes that are looked at each time. */
#define BELOW_MOST 500
/*! How soon it is read again what could not be read, at first. */
#define FAILED_MS  2000

/*! What is being read, on a thread of the pool; nothing of it is looked at meanwhile. */
struct kaname_follow_scanning {
	kaname_follow_t *follow;
	enum { READ_OWNERS, READ_ALL_THERE, READ_THERE } what;
	kaname_exit_t ret;
	int64_t cpu_ms;
	kaname_notebook_t notebook;
	size_t count; /*!< THERE: owners. */
	struct {
		kaname_follow_owner_t *owner; /*!< To be given back only. */
		knot_dname_storage_t zone, name;
		bool is_read, is_loaded, has_aname;
	} looks[LOOKS_MOST];
};

/* On the pool: how what is read is written down. */

/*! An owner: this, its name, and the targets; or a zone that is refused or missing, and why. */
typedef struct {
	bool is_refused, is_missing;
	uint8_t zone_at, rrsets_count;
	uint16_t targets_count;
	uint32_t ttl;
	kaname_follow_rrset_t rrsets[2];
} found_t;

static void add_owner(void *ctx, const kaname_scan_owner_t *owner)
{
	kaname_follow_scanning_t *scanning = ctx;
	size_t name_len = knot_dname_size(owner->owner), len = sizeof(found_t) + name_len;
	for (size_t i = 0; i < owner->targets_count; i++) {
		len += knot_dname_size(owner->targets[i]);
	}
	uint8_t *at = kaname_notebook_add(&scanning->notebook, len);
	if (at == NULL) {
		return;
	}
	found_t found = { .zone_at = name_len - knot_dname_size(owner->zone),
		          .rrsets_count = owner->rrsets_count,
		          .targets_count = owner->targets_count,
		          .ttl = owner->ttl };
	for (unsigned i = 0; i < owner->rrsets_count; i++) {
		found.rrsets[i] =
		        (kaname_follow_rrset_t){ owner->rrsets[i].type, owner->rrsets[i].count,
			                         owner->rrsets[i].good };
	}
	memcpy(at, &found, sizeof(found));
	memcpy(at += sizeof(found), owner->owner, name_len);
	at += name_len;
	for (size_t i = 0; i < owner->targets_count; i++) {
		size_t target_len = knot_dname_size(owner->targets[i]);
		memcpy(at, owner->targets[i], target_len);
		at += target_len;
	}
}

/*! Writes down that nothing of a zone is followed. */
static void add_zone(kaname_follow_scanning_t *scanning, bool is_refused, const knot_dname_t *zone,
                     const char *why, const char *next)
{
	size_t name_len = knot_dname_size(zone), why_len = strlen(why) + 1;
	size_t next_len = next != NULL ? strlen(next) + 1 : 1;
	uint8_t *at = kaname_notebook_add(&scanning->notebook,
	                                  sizeof(found_t) + name_len + why_len + next_len);
	if (at != NULL) {
		const found_t found = { .is_refused = is_refused, .is_missing = !is_refused };
		memcpy(at, &found, sizeof(found));
		memcpy(at += sizeof(found), zone, name_len);
		memcpy(at += name_len, why, why_len);
		memcpy(at + why_len, next != NULL ? next : "", next_len);
	}
}

static void add_refused(void *ctx, const knot_dname_t *zone, const char *why, const char *next)
{
	add_zone(ctx, true, zone, why, next);
}

static void add_missing(void *ctx, const knot_dname_t *zone, const char *why, const char *next)
{
	add_zone(ctx, false, zone, why, next);
}

/*! The addresses of an owner: this, its name, and they. */
typedef struct {
	uint8_t family, zone_at;
	uint16_t count, look;
	uint32_t ttl;
} there_t;

static void add_addresses(kaname_follow_scanning_t *scanning, there_t there,
                          const knot_dname_t *zone, const knot_dname_t *owner, const uint8_t *from)
{
	size_t name_len = knot_dname_size(owner);
	size_t len = there.count * kaname_family_len(there.family);
	uint8_t *at = kaname_notebook_add(&scanning->notebook, sizeof(there_t) + name_len + len);
	if (at != NULL) {
		there.zone_at = name_len - knot_dname_size(zone);
		memcpy(at, &there, sizeof(there));
		memcpy(at += sizeof(there), owner, name_len);
		memcpy(at + name_len, from, len);
	}
}

static void add_there(void *ctx, const knot_dname_t *zone, const knot_dname_t *owner,
                      kaname_family_t family, uint32_t ttl, size_t count, const uint8_t *at)
{
	kaname_follow_scanning_t *scanning = ctx;
	const there_t there = { .family = family,
		                .count = count < KANAME_SET_MAX ? count : KANAME_SET_MAX,
		                .look = scanning->count,
		                .ttl = ttl };
	add_addresses(scanning, there, zone, owner, at);
}

static int64_t thread_cpu_ms(void)
{
	struct timespec used;
	(void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
	return 1000 * (int64_t)used.tv_sec + used.tv_nsec / 1000000;
}

static void read_server(uv_work_t *work)
{
	kaname_follow_scanning_t *scanning = work->data;
	const kaname_follow_t *follow = scanning->follow;
	const kaname_scan_calls_t calls = { scanning, add_owner, add_refused, add_missing };
	int64_t begin_ms = thread_cpu_ms();
	scanning->ret = KANAME_OK;
	if (scanning->what == READ_OWNERS) {
		scanning->ret = kaname_scan(&follow->read_args, &follow->choice, &calls);
	} else if (scanning->what == READ_ALL_THERE) {
		scanning->ret = kaname_scan_there_all(&follow->read_args, add_there, scanning);
	}
	size_t looks = scanning->what == READ_THERE ? scanning->count : 0;
	for (size_t i = 0; i < looks && scanning->ret == KANAME_OK; i++) {
		scanning->count = i; /* For add_there(). */
		scanning->ret =
		        kaname_scan_there(&follow->read_args, scanning->looks[i].zone,
		                          scanning->looks[i].name, &scanning->looks[i].is_loaded,
		                          &scanning->looks[i].has_aname, add_there, scanning);
		scanning->looks[i].is_read = scanning->ret == KANAME_OK;
	}
	scanning->count = looks;
	if (scanning->ret == KANAME_OK && scanning->notebook.failed) {
		scanning->ret = KANAME_IO;
	}
	scanning->cpu_ms = thread_cpu_ms() - begin_ms;
}

/* Owners. */

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
	bool was_idle = owner->state == KANAME_OWNER_ABSENT ||
	                owner->state == KANAME_OWNER_REFUSED ||
	                owner->state == KANAME_OWNER_LEAVING;
	if (taken == KANAME_TAKEN_CHANGED) {
		kaname_timers_moved(&follow->timers, owner);
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
		owner->is_told = owner->is_seen = owner->is_dropped = false;
		owner->hold_at = 0;
		owner->failures = 0;
		owner->state = KANAME_OWNER_FOLLOWED;
	}
	if (was_idle || taken == KANAME_TAKEN_CHANGED) {
		kaname_follow_ask(follow, owner);
		kaname_follow_consider(follow, owner);
	}
}

static void say_unreadable(kaname_follow_t *follow)
{
	if (!follow->has_failed) {
		kaname_follow_say("the journal cannot be read: it is not known what was written");
	}
	follow->has_failed = true;
}

static void take_owner(kaname_follow_t *follow, const found_t *found, const uint8_t *at)
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

/*! An owner was not found any more. */
static void take_missing(kaname_follow_t *follow, kaname_follow_owner_t *owner,
                         const refused_t *refused)
{
	const knot_dname_t *zone = kaname_follow_zone(owner);
	bool is_refused = refused->count > 0 && bsearch(&zone, refused->at, refused->count,
	                                                sizeof(zone), compare_names) != NULL;
	if (is_refused) {
		owner->state = KANAME_OWNER_REFUSED;
	} else if (!owner->is_noted) {
		kaname_follow_drop(follow, owner);
	} else if (owner->state != KANAME_OWNER_LEAVING &&
	           kaname_now_ms() >= kaname_tick_ms(owner->hold_at)) {
		owner->state = KANAME_OWNER_LEAVING;
		owner->is_seen = false;
		kaname_follow_consider(follow, owner);
	}
}

static void take_all_missing(kaname_follow_t *follow, const refused_t *refused)
{
	kaname_follow_owner_t *following;
	for (size_t i = 0; i < follow->owners.owners_size; i++) {
		for (kaname_follow_owner_t *owner = follow->owners.owners[i]; owner != NULL;
		     owner = following) {
			bool found = owner->is_scanned;
			following = owner->next;
			owner->is_scanned = false;
			if (!found && !owner->is_dropped) {
				take_missing(follow, owner, refused);
			}
		}
	}
}

/*! Says of what was named and is missing why it is. */
static void say_missing(const kaname_notebook_t *notebook)
{
	kaname_reading_t reading = { 0 };
	size_t len;
	for (const uint8_t *at; (at = kaname_notebook_next(notebook, &reading, &len)) != NULL;) {
		found_t found;
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

static void take_owners(kaname_follow_t *follow, const kaname_notebook_t *notebook)
{
	kaname_reading_t reading = { 0 };
	refused_t refused = { 0 };
	uint64_t missing = ANAME_FNV_BASIS;
	size_t len;
	follow->missing = 0;
	for (const uint8_t *at; (at = kaname_notebook_next(notebook, &reading, &len)) != NULL;) {
		found_t found;
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
		take_all_missing(follow, &refused);
	}
	free(refused.at);
	follow->has_scanned = true;
	if (follow->journal != NULL && !follow->is_committing) {
		kaname_journal_rest(follow->journal);
	}
}

/* What stands there, of all. */

/*! Compares the addresses of an owner with what was written; what is not sure yet is not. */
static void verify(kaname_follow_t *follow, const there_t *there, const uint8_t *at)
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
	owner->families_there |= 1u << there->family;
	kaname_set_release(&follow->sets, set);
}

/*! Is there something to look at more closely? */
static bool is_odd(kaname_follow_t *follow, kaname_follow_owner_t *owner)
{
	unsigned written = (owner->written[KANAME_A] != NULL ? 1u << KANAME_A : 0) |
	                   (owner->written[KANAME_AAAA] != NULL ? 1u << KANAME_AAAA : 0);
	bool same = !owner->is_otherwise && owner->families_there == written;
	bool none = owner->families_there == 0;
	owner->is_otherwise = false;
	owner->families_there = 0;
	if (owner->zone_at != 0) {
		/* Only those of apexes were read: of the others some have their turn. */
		return follow->below++ % (1 + follow->below_last / BELOW_MOST) == follow->turn;
	}
	return owner->state == KANAME_OWNER_FOREIGN ? same || none : !same;
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

static void take_all_there(kaname_follow_t *follow, const kaname_follow_scanning_t *scanning)
{
	kaname_reading_t reading = { 0 };
	size_t len;
	for (const uint8_t *at;
	     (at = kaname_notebook_next(&scanning->notebook, &reading, &len)) != NULL;) {
		there_t there;
		memcpy(&there, at, sizeof(there));
		verify(follow, &there, at + sizeof(there));
	}
	follow->below = 0;
	for (size_t i = 0; i < follow->owners.owners_size; i++) {
		for (kaname_follow_owner_t *owner = follow->owners.owners[i]; owner != NULL;
		     owner = owner->next) {
			verify_end(follow, owner);
		}
	}
	follow->below_last = follow->below;
	follow->turn = (follow->turn + 1) % (1 + follow->below_last / BELOW_MOST);
	follow->has_verified = true;
}

/* What stands there, of some. */

static void take_look(kaname_follow_t *follow, kaname_follow_scanning_t *scanning, size_t number)
{
	kaname_follow_seen_t seen = { .is_loaded = scanning->looks[number].is_loaded,
		                      .has_aname = scanning->looks[number].has_aname };
	kaname_reading_t reading = { 0 };
	size_t len;
	bool good = true, mixed = false;
	for (const uint8_t *at;
	     (at = kaname_notebook_next(&scanning->notebook, &reading, &len)) != NULL;) {
		there_t there;
		memcpy(&there, at, sizeof(there));
		at += sizeof(there);
		if (there.look == number) {
			kaname_set_release(&follow->sets, seen.there[there.family]);
			good &= kaname_set_take(&follow->sets, there.family,
			                        at + knot_dname_size(at), there.count,
			                        &seen.there[there.family]);
			mixed |= seen.ttl != 0 && seen.ttl != there.ttl;
			seen.ttl = there.ttl;
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

/* One after the other. */

/*! When something is to be read again that takes so long: not so often that it costs much. */
static int64_t next_after(int64_t now_ms, int64_t cpu_ms)
{
	int64_t wait_ms = READ_SHARE * cpu_ms;
	return now_ms + (wait_ms > KANAME_FOLLOW_SCAN_MS ? wait_ms : KANAME_FOLLOW_SCAN_MS);
}

static void take_failure(kaname_follow_t *follow, const kaname_follow_scanning_t *scanning)
{
	int64_t again_ms = kaname_now_ms() + FAILED_MS;
	follow->read_failures++;
	follow->reads_hold_ms = again_ms;
	if (scanning->what == READ_OWNERS) {
		follow->scan_ms = again_ms;
	} else if (scanning->what == READ_ALL_THERE) {
		follow->verify_ms = again_ms;
	}
	if (follow->read_failures == 1) {
		kaname_follow_say("the server cannot be read: nothing is changed until it can");
		follow->troubled++;
	}
}

static void read_end(uv_work_t *work, int status)
{
	kaname_follow_scanning_t *scanning = work->data;
	kaname_follow_t *follow = scanning->follow;
	int64_t now_ms = kaname_now_ms();
	bool good = scanning->ret == KANAME_OK;
	follow->scanning = NULL;
	if (follow->is_ending) {
		kaname_notebook_clear(&scanning->notebook);
		free(scanning);
		return;
	}
	if (good && follow->read_failures > 0) {
		follow->read_failures = 0;
		kaname_follow_say("the server can be read again");
	}
	if (scanning->what == READ_THERE) {
		for (size_t i = 0; i < scanning->count; i++) {
			take_look(follow, scanning, i);
		}
	} else if (good && scanning->what == READ_OWNERS) {
		follow->scan_ms =
		        follow->scan_ms > now_ms ? follow->scan_ms : now_ms + KANAME_FOLLOW_SCAN_MS;
		take_owners(follow, &scanning->notebook);
	} else if (good) {
		follow->verify_ms = next_after(now_ms, scanning->cpu_ms);
		take_all_there(follow, scanning);
	}
	if (!good) {
		take_failure(follow, scanning);
	}
	kaname_notebook_clear(&scanning->notebook);
	free(scanning);
	kaname_follow_ask_more(follow);
	kaname_follow_write_more(follow);
	kaname_follow_read(follow);
}

/*! Takes those that are to be looked at. */
static void take_looks(kaname_follow_t *follow, kaname_follow_scanning_t *scanning)
{
	while (follow->to_look.count > 0 && scanning->count < LOOKS_MOST) {
		kaname_follow_owner_t *owner = kaname_ring_take(&follow->to_look);
		size_t i = scanning->count++;
		scanning->looks[i].owner = owner;
		const knot_dname_t *zone = kaname_follow_zone(owner);
		const knot_dname_t *name = kaname_follow_name(owner);
		memcpy(scanning->looks[i].zone, zone, knot_dname_size(zone));
		memcpy(scanning->looks[i].name, name, knot_dname_size(name));
	}
}

void kaname_follow_read(kaname_follow_t *follow)
{
	int64_t now_ms = kaname_now_ms();
	bool scan = now_ms >= follow->scan_ms;
	bool look = follow->to_look.count > 0;
	bool verifies = !follow->is_dry && follow->has_scanned && now_ms >= follow->verify_ms;
	if (follow->scanning != NULL || follow->is_ending || now_ms < follow->reads_hold_ms ||
	    (!scan && !look && !verifies)) {
		return;
	}
	kaname_follow_scanning_t *scanning = calloc(1, sizeof(*scanning));
	if (scanning == NULL) {
		follow->reads_hold_ms = now_ms + FAILED_MS;
		return;
	}
	scanning->follow = follow;
	scanning->what = scan ? READ_OWNERS : look ? READ_THERE : READ_ALL_THERE;
	if (scanning->what == READ_THERE) {
		take_looks(follow, scanning);
	} else if (scanning->what == READ_OWNERS) {
		follow->scan_ms = 0; /* Who wants it sooner while it is read says so. */
	}
	follow->scanning = scanning;
	follow->read_ms = now_ms;
	follow->read_work.data = scanning;
	(void)uv_queue_work(&follow->loop, &follow->read_work, read_server, read_end);
}

void kaname_follow_rescan(kaname_follow_t *follow)
{
	int64_t soon_ms = kaname_now_ms() + KANAME_FOLLOW_RESCAN_MS;
	if (follow->scan_ms == 0 || soon_ms < follow->scan_ms) {
		follow->scan_ms = soon_ms;
	}
}
