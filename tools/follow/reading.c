#include "follow/reading.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#ifdef __GLIBC__
#include <malloc.h>
#endif

#include "ask.h"

/*! What is read again and again takes at most this part of a processor: looks for owners; and at what
 *  stands there. */
#define SCAN_SHARE   400
#define READ_SHARE   1000
/*! And a look at owners that is wanted sooner, at most this part of the time. */
#define RESCAN_SHARE 20
/*! How soon it is read again what could not be read, at first. */
#define FAILED_MS    2000

/* On the pool: how what is read is written down. */

static void add_owner(void *ctx, const kaname_scan_owner_t *owner)
{
	kaname_follow_scanning_t *scanning = ctx;
	size_t name_len = knot_dname_size(owner->owner),
	       len = sizeof(kaname_follow_found_t) + name_len;
	for (size_t i = 0; i < owner->targets_count; i++) {
		len += knot_dname_size(owner->targets[i]);
	}
	uint8_t *at = kaname_notebook_add(&scanning->notebook, len);
	if (at == NULL) {
		return;
	}
	kaname_follow_found_t found = { .zone_at = name_len - knot_dname_size(owner->zone),
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
	uint8_t *at = kaname_notebook_add(
	        &scanning->notebook, sizeof(kaname_follow_found_t) + name_len + why_len + next_len);
	if (at != NULL) {
		const kaname_follow_found_t found = { .is_refused = is_refused,
			                              .is_missing = !is_refused };
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

static void take_left_out(void *ctx, size_t zones)
{
	kaname_follow_scanning_t *scanning = ctx;
	scanning->left_out = zones;
}

static void add_loaded(void *ctx, const knot_dname_t *zone, bool is_loaded, uint32_t serial)
{
	kaname_follow_scanning_t *scanning = ctx;
	kaname_loaded_add(&scanning->loaded, zone, is_loaded, serial);
}

static void add_aside(void *ctx, const knot_dname_t *zone)
{
	kaname_follow_scanning_t *scanning = ctx;
	kaname_loaded_add(&scanning->aside, zone, true, 0);
}

static void add_addresses(kaname_follow_scanning_t *scanning, kaname_follow_there_t there,
                          const knot_dname_t *zone, const knot_dname_t *owner, const uint8_t *from)
{
	size_t name_len = knot_dname_size(owner);
	size_t len = there.count * kaname_family_len(there.family);
	uint8_t *at = kaname_notebook_add(&scanning->notebook,
	                                  sizeof(kaname_follow_there_t) + name_len + len);
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
	const kaname_follow_there_t there = { .family = family,
		                              .count = count < KANAME_SET_MAX ? count
		                                                              : KANAME_SET_MAX,
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
	const kaname_scan_calls_t calls = {
		.ctx = scanning,
		.owner = add_owner,
		.refused = add_refused,
		.missing = add_missing,
		.left_out = take_left_out,
		.loaded = scanning->wants_loaded ? add_loaded : NULL,
		.aside = scanning->wants_aside ? add_aside : NULL,
	};
	int64_t begin_ms = thread_cpu_ms();
	scanning->ret = KANAME_OK;
	if (scanning->what == KANAME_READ_OWNERS) {
		scanning->ret = kaname_scan(&follow->read_args, &follow->choice, &calls);
		if (scanning->wants_loaded) {
			kaname_loaded_end(&scanning->loaded);
			kaname_loaded_end(&scanning->aside);
		}
	} else if (scanning->what == KANAME_READ_ALL_THERE) {
		scanning->ret = kaname_scan_there_all(&follow->read_args, add_there, scanning);
	}
	size_t looks = scanning->what == KANAME_READ_THERE ? scanning->count : 0;
	for (size_t i = 0; i < looks && scanning->ret == KANAME_OK; i++) {
		scanning->count = i; /* For add_there(). */
		scanning->ret = kaname_scan_there(&follow->read_args, scanning->looks[i].zone,
		                                  scanning->looks[i].name,
		                                  &scanning->looks[i].state, add_there, scanning);
		scanning->looks[i].is_read = scanning->ret == KANAME_OK;
	}
	scanning->count = looks;
	if (scanning->ret == KANAME_OK && scanning->notebook.failed) {
		scanning->ret = KANAME_IO;
	}
	scanning->cpu_ms = thread_cpu_ms() - begin_ms;
}

/* One after the other. */

/*! When something is to be read again that takes so long: not so often that it costs much. */
static int64_t next_after(int64_t now_ms, int64_t cpu_ms, unsigned share)
{
	int64_t wait_ms = share * cpu_ms;
	return now_ms + (wait_ms > KANAME_FOLLOW_SCAN_MS ? wait_ms : KANAME_FOLLOW_SCAN_MS);
}

/*! A pause of so much at least. What costs much is not done so often that the server does nothing else. */
static int64_t scan_pause(const kaname_follow_t *follow, int64_t least_ms)
{
	int64_t pause_ms = RESCAN_SHARE * follow->scan_took_ms;
	return pause_ms < least_ms ? least_ms : pause_ms;
}

/*! Owners were looked for: when that is done next, unless somebody wants it sooner. */
static void plan_scan(kaname_follow_t *follow, int64_t now_ms, int64_t cpu_ms)
{
	if (follow->scan_ms != 0) {
		return;
	}
	follow->scan_ms = next_after(now_ms, cpu_ms, SCAN_SHARE);
	if (follow->loading_ms < KANAME_FOLLOW_SCAN_MS) {
		int64_t pause_ms = scan_pause(follow, follow->loading_ms);
		follow->scan_ms =
		        pause_ms < KANAME_FOLLOW_SCAN_MS ? now_ms + pause_ms : follow->scan_ms;
		follow->loading_ms *= 2;
	}
}

static void take_failure(kaname_follow_t *follow, const kaname_follow_scanning_t *scanning)
{
	int64_t again_ms = kaname_now_ms() + FAILED_MS;
	follow->read_failures++;
	follow->reads_hold_ms = again_ms;
	if (scanning->what == KANAME_READ_OWNERS) {
		follow->scan_ms = again_ms;
	} else if (scanning->what == KANAME_READ_ALL_THERE) {
		follow->verify_ms = again_ms;
	}
	if (kaname_steady_fails(&follow->reads, NULL, kaname_now_ms())) {
		kaname_follow_say("the server cannot be read: nothing is changed until it can");
	}
}

/*! Says how many zones the primary cannot have, when that is another number. */
static void say_left_out(kaname_follow_t *follow, size_t zones)
{
	if (zones > 0 && zones != follow->left_out && !follow->args->quiet) {
		kaname_follow_say(
		        "%zu zones of this server have no 'master', and are left out: %s is "
		        "not known to have them\nnext: name those that it has",
		        zones, follow->server_text);
	}
	follow->left_out = zones;
}

static void free_scanning(kaname_follow_scanning_t *scanning)
{
	kaname_notebook_clear(&scanning->notebook);
	kaname_loaded_deinit(&scanning->loaded);
	kaname_loaded_deinit(&scanning->aside);
	free(scanning);
}

/*! Gives back what scans took: the C library keeps it, for each thread of the pool by itself. */
static void give_back(void)
{
#ifdef __GLIBC__
	(void)malloc_trim(0);
#endif
}

static void read_end(uv_work_t *work, int status)
{
	kaname_follow_scanning_t *scanning = work->data;
	kaname_follow_t *follow = scanning->follow;
	int64_t now_ms = kaname_now_ms(), cpu_ms = scanning->cpu_ms - thread_cpu_ms();
	bool good = scanning->ret == KANAME_OK;
	follow->scanning = NULL;
	if (follow->is_ending) {
		free_scanning(scanning);
		return;
	}
	if (good && follow->read_failures > 0) {
		follow->read_failures = 0;
		follow->loading_ms = KANAME_FOLLOW_RESCAN_MS;
	}
	if (scanning->what == KANAME_READ_THERE) {
		for (size_t i = 0; i < scanning->count; i++) {
			kaname_follow_take_look(follow, scanning, i);
		}
	} else if (good && scanning->what == KANAME_READ_OWNERS) {
		follow->scan_took_ms = now_ms - follow->read_ms;
		kaname_follow_take_owners(follow, scanning);
		say_left_out(follow, scanning->left_out);
		plan_scan(follow, now_ms, cpu_ms + thread_cpu_ms());
	} else if (good) {
		kaname_follow_take_all_there(follow, scanning);
		follow->verify_ms = next_after(now_ms, cpu_ms + thread_cpu_ms(), READ_SHARE);
	}
	if (!good) {
		take_failure(follow, scanning);
	}
	bool was_look = scanning->what == KANAME_READ_THERE;
	free_scanning(scanning);
	if (!was_look && follow->sent == NULL) {
		give_back();
	}
	kaname_follow_ask_more(follow);
	kaname_follow_write_more(follow);
	kaname_follow_read(follow);
}

/*! Takes those that are to be looked at. */
static void take_looks(kaname_follow_t *follow, kaname_follow_scanning_t *scanning)
{
	while (follow->to_look.count > 0 && scanning->count < KANAME_FOLLOW_LOOKS) {
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
	scanning->what = scan   ? KANAME_READ_OWNERS
	                 : look ? KANAME_READ_THERE
	                        : KANAME_READ_ALL_THERE;
	if (scanning->what == KANAME_READ_THERE) {
		take_looks(follow, scanning);
	} else if (scanning->what == KANAME_READ_OWNERS) {
		follow->scan_ms = 0; /* Who wants it sooner while it is read says so. */
		scanning->wants_aside = !follow->has_scanned && follow->journal != NULL;
		scanning->wants_loaded = follow->absent > 0 || scanning->wants_aside;
	}
	follow->scanning = scanning;
	follow->read_ms = now_ms;
	follow->read_work.data = scanning;
	(void)uv_queue_work(&follow->loop, &follow->read_work, read_server, read_end);
}

void kaname_follow_rescan(kaname_follow_t *follow)
{
	int64_t soon_ms = kaname_now_ms() + scan_pause(follow, KANAME_FOLLOW_RESCAN_MS);
	if (follow->scan_ms == 0 || soon_ms < follow->scan_ms) {
		follow->scan_ms = soon_ms;
	}
}
