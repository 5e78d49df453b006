#include "follow/follow.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <libknot/libknot.h>

#include "ask.h"
#include "config.h"
#include "control.h"
#include "follow/setup.h"
#include "name.h"
#include "records.h"

/*! What is older than all pauses is as old as this. */
#define AGE_MOST_S 86400

/* What is asked for. */

/*! Reads names of zones; false, and reported, if one is none. */
static bool read_zones(char *const *texts, size_t count, const knot_dname_t *const **zones)
{
	const knot_dname_t **at = calloc(count + 1, sizeof(*at));
	bool good = at != NULL;
	for (size_t i = 0; i < count && good; i++) {
		knot_dname_storage_t name;
		good = kaname_name_take(name, texts[i], KANAME_NAME_ZONE);
		if (good) {
			knot_dname_to_lower(name);
			at[i] = knot_dname_copy(name, NULL);
			good = at[i] != NULL;
		}
	}
	*zones = at;
	return good;
}

static void free_zones(const knot_dname_t *const *zones, size_t count)
{
	for (size_t i = 0; zones != NULL && i < count; i++) {
		knot_dname_free((knot_dname_t *)zones[i], NULL);
	}
	free((void *)zones);
}

static kaname_exit_t read_choice(kaname_follow_t *follow)
{
	const kaname_args_t *args = follow->args;
	follow->choice.zones_count = args->count;
	follow->choice.catalogs_count = args->catalogs_count;
	follow->choice.elsewhere = args->primary != NULL;
	bool good = read_zones(args->arguments, args->count, &follow->choice.zones) &&
	            read_zones((char *const *)args->catalogs, args->catalogs_count,
	                       &follow->choice.catalogs);
	return good ? KANAME_OK : KANAME_NO;
}

/* Where it goes. */

/*! Finds the first address on which the local knotd listens. */
static kaname_exit_t find_local(kaname_follow_t *follow)
{
	static kaname_values_t listen;
	kaname_control_t control;
	kaname_exit_t ret = kaname_control_open(&control, follow->args);
	if (ret != KANAME_OK) {
		return ret;
	}
	ret = kaname_config_read(&control, "server", NULL, "listen", &listen);
	kaname_control_close(&control);
	follow->whose.socket = kaname_control_path(follow->args);
	follow->whose.listen = &listen;
	for (size_t i = 0; i < listen.count && ret == KANAME_OK; i++) {
		if (kaname_address_read(listen.at[i], &follow->server)) {
			(void)snprintf(follow->server_text, sizeof(follow->server_text), "%s",
			               listen.at[i]);
			return KANAME_OK;
		}
	}
	if (ret != KANAME_IO) {
		kaname_error(
		        "it is not known where knotd listens, so that it cannot be sent updates");
		(void)fprintf(stderr, "next: name the address with --primary\n");
		ret = KANAME_NO;
	}
	return ret;
}

/*! Is it an address of this host? Then it may be that of the local knotd. */
static bool is_here(const struct sockaddr_storage *server)
{
	struct sockaddr_storage address = *server;
	bool is_v6 = server->ss_family == AF_INET6;
	int fd = socket(server->ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (is_v6) {
		((struct sockaddr_in6 *)&address)->sin6_port = 0;
	} else {
		((struct sockaddr_in *)&address)->sin_port = 0;
	}
	socklen_t len = is_v6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
	bool is_here = fd >= 0 && bind(fd, (struct sockaddr *)&address, len) == 0;
	if (fd >= 0) {
		(void)close(fd);
	}
	return is_here;
}

static kaname_exit_t find_primary(kaname_follow_t *follow)
{
	const char *text = follow->args->primary;
	if (text == NULL) {
		return find_local(follow);
	}
	if (!kaname_address_read(text, &follow->server)) {
		kaname_error("--primary %s: expected ADDRESS or ADDRESS@PORT", text);
		return KANAME_NO;
	}
	follow->whose.server = &follow->server;
	(void)snprintf(follow->server_text, sizeof(follow->server_text), "%s", text);
	follow->choice.is_far = !is_here(&follow->server);
	return KANAME_OK;
}

static kaname_exit_t read_key(kaname_follow_t *follow)
{
	const char *path = follow->args->key;
	if (follow->is_dry) {
		return KANAME_OK;
	}
	if (path == NULL) {
		kaname_error("updates have to be signed: --key FILE is missing");
		(void)fprintf(stderr,
		              "next: 'kaname follow --setup' prints a key, and what knot.conf "
		              "needs for it\n");
		return KANAME_USAGE;
	}
	int ret = knot_tsig_key_init_file(&follow->key, path);
	if (ret == KNOT_EOK) {
		return KANAME_OK;
	}
	/* The library takes a file that is not there for one that may not be read. */
	bool is_readable = eaccess(path, R_OK) == 0;
	if (is_readable) {
		kaname_error("the key file %s has no key: %s", path, knot_strerror(ret));
	} else {
		kaname_error("the key file %s cannot be read: %s", path, strerror(errno));
	}
	bool is_copy = getenv("CREDENTIALS_DIRECTORY") != NULL; /* Of systemd. */
	(void)fprintf(stderr,
	              "next: its first line is [ALGORITHM:]NAME:SECRET, as 'kaname follow --setup' "
	              "prints it, and it has to be readable for who runs this%s\n",
	              is_copy ? "; systemd has copied it from " KANAME_KEY_DEFAULT : "");
	return is_readable ? KANAME_NO : KANAME_IO;
}

/* What was written before. */

/*! When it was so many seconds ago, by the clock that nobody sets: at least 1. Where a clock was set back
 *  it is as if it were now. */
static uint32_t ago(int64_t age_s)
{
	int64_t now_s = kaname_now_ms() / 1000;
	age_s = age_s > 0 ? age_s : 0;
	return age_s < now_s ? (uint32_t)(now_s - age_s) : 1;
}

/*! Takes since when there is no address, if that can be known: of another boot it is counted anew. */
static void take_nodata(const kaname_follow_t *follow, kaname_follow_owner_t *owner,
                        const kaname_noted_t *noted)
{
	const kaname_moment_t now = kaname_moment_now(follow->boot);
	for (unsigned i = 0; i < KANAME_FAMILIES; i++) {
		if (noted->nodata_s[i] != 0 && now.boot != 0 && noted->nodata_boot == now.boot) {
			owner->nodata_noted |= 1u << i;
			owner->known[i].nodata_since_s = ago(now.boot_s - noted->nodata_s[i]);
			owner->known[i].with_other = noted->nodata_s[!i] != 0;
		}
	}
}

/*! The same of what was written, which may be before the machine was booted: then by the clock on the wall,
 *  the worst of which is that a pause is too short once. */
static int32_t written_ago(int64_t age_s)
{
	age_s = age_s < 0 ? 0 : age_s > AGE_MOST_S ? AGE_MOST_S : age_s;
	return (int32_t)(kaname_now_ms() / 1000 - age_s);
}

void kaname_follow_take_noted(void *ctx, const knot_dname_t *zone, const knot_dname_t *name,
                              const kaname_noted_t *noted)
{
	kaname_follow_t *follow = ctx;
	const kaname_scan_owner_t found = { .zone = zone, .owner = name };
	kaname_taken_t taken;
	kaname_follow_owner_t *owner = kaname_owners_find(&follow->owners, zone, name);
	if (owner != NULL && owner->is_noted) {
		return;
	}
	if (owner == NULL) {
		owner = kaname_owners_take(&follow->owners, &found, &taken);
	}
	bool good = owner != NULL;
	for (unsigned i = 0; i < KANAME_FAMILIES && good; i++) {
		good = kaname_set_take(&follow->sets, i, noted->written[i].at,
		                       noted->written[i].count, &owner->written[i]);
	}
	if (!good) {
		kaname_follow_say("out of memory");
		follow->has_failed = true;
		return;
	}
	owner->pace.written_s = written_ago(time(NULL) - noted->written_s);
	owner->pace.changed_s = owner->pace.written_s;
	owner->pace.writes = noted->writes;
	take_nodata(follow, owner, noted);
	owner->written_ttl = noted->ttl != KANAME_TTL_NONE ? noted->ttl : 0;
	owner->pending_ttl = noted->pending_count > 0 ? noted->pending_ttl : 0;
	owner->record = noted->record;
	owner->is_noted = true;
	owner->is_adopted = noted->is_adopted;
	owner->is_gone = noted->is_gone;
	owner->is_unsure = owner->must_look = noted->pending_count > 0;
}

static kaname_exit_t open_journal(kaname_follow_t *follow)
{
	const char *directory = follow->args->journal;
	const char *state = getenv("STATE_DIRECTORY"); /* Of systemd. */
	kaname_trouble_t trouble;
	if (directory == NULL) {
		directory = state != NULL ? state : KANAME_JOURNAL_DEFAULT;
	}
	follow->whose.has_moved = follow->args->primary_moved;
	follow->journal = kaname_journal_open(directory, &follow->whose, follow->is_dry, &trouble);
	/* Without one nothing was written by anybody yet. */
	if (follow->journal != NULL || trouble.is_none) {
		return KANAME_OK;
	}
	kaname_error("the journal in %s cannot be used: %s", directory, trouble.why);
	(void)fprintf(stderr, "next: %s\n", trouble.next);
	return trouble.is_lasting ? KANAME_NO : KANAME_IO;
}

kaname_exit_t kaname_follow_prepare(kaname_follow_t *follow)
{
	kaname_owners_init(&follow->owners, &follow->sets);
	follow->boot = kaname_moment_boot();
	kaname_exit_t ret = read_choice(follow);
	if (ret == KANAME_OK) {
		ret = read_key(follow);
	}
	if (ret == KANAME_OK) {
		ret = find_primary(follow);
	}
	if (ret == KANAME_OK) {
		ret = open_journal(follow);
	}
	return ret;
}

void kaname_follow_release(kaname_follow_t *follow)
{
	kaname_notes_clear(&follow->done);
	kaname_notes_clear(&follow->committing);
	kaname_ring_deinit(&follow->to_ask);
	kaname_ring_deinit(&follow->to_look);
	kaname_ring_deinit(&follow->to_write);
	kaname_timers_deinit(&follow->timers);
	kaname_owners_deinit(&follow->owners);
	kaname_sets_deinit(&follow->sets);
	kaname_journal_close(follow->journal);
	knot_tsig_key_deinit(&follow->key);
	free_zones(follow->choice.zones, follow->choice.zones_count);
	free_zones(follow->choice.catalogs, follow->choice.catalogs_count);
}
