/*!
 * \brief The command follow: keeps real A and AAAA records beside ANAME records, for secondaries that
 *        know no ANAME (M1 to M6).
 */

#include "follow/follow.h"

#include <limits.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "ask.h"
#include "fnv.h"
#include "follow/setup.h"

/*! How often the clock is looked at. */
#define TICK_MS     100
/*! How long an update may take, where nothing else is said: a large zone is signed meanwhile. */
#define UPDATE_MS   60000
/*! How long what is on its way is waited for at the end. */
#define ENDING_MS   3000
/*! How long lookups are waited for with --once, where nothing else is said. */
#define ONCE_MS     30000
/*! With --once: what is to be done within this is waited for. */
#define SOON_MS     5000
/*! Files that the loop opens later, beside connections to the primary: to the module, to the control socket
 *  twice, one of libuv's own, and two to spare. */
#define OTHER_FILES 6
/*! And so many are opened from the beginning on, with the journal and one connection. */
#define LEAST_FILES 16
/*! What is larger goes back to the system at once when it is freed. */
#define LARGE       ((int)512 * 1024)

/* The end. */

static void on_closed(uv_handle_t *handle)
{
}

/*! Is the server being asked, on the pool? That ends when it answers, or a time-out does. */
static bool is_asking(const kaname_follow_t *follow)
{
	return follow->scanning != NULL || follow->is_asking;
}

/*! Closes all handles. */
static void end(kaname_follow_t *follow)
{
	if (follow->is_ended) {
		return;
	}
	follow->is_ended = true;
	if (is_asking(follow)) {
		uv_stop(&follow->loop);
	}
	kaname_told_close(follow->told);
	kaname_primary_close(follow->primary);
	uv_close((uv_handle_t *)&follow->timer, on_closed);
	for (size_t i = 0; i < sizeof(follow->signals) / sizeof(follow->signals[0]); i++) {
		uv_close((uv_handle_t *)&follow->signals[i], on_closed);
	}
	(void)signal(SIGHUP, SIG_IGN); /* As before they were listened for. */
}

/*! Nothing is begun any more; what is on its way is waited for a moment. */
static void begin_end(kaname_follow_t *follow)
{
	if (!follow->is_ending) {
		follow->is_ending = true;
		follow->end_ms = kaname_now_ms() + ENDING_MS;
	}
}

/*! Has an owner what it is to have, as far as can be known? */
static bool is_in_step(const kaname_follow_t *follow, const kaname_follow_owner_t *owner)
{
	kaname_set_t *to[KANAME_FAMILIES];
	int64_t again_ms;
	return owner->state == KANAME_OWNER_ABSENT ||
	       (owner->state == KANAME_OWNER_FOLLOWED && owner->is_told && !owner->is_pending &&
	        !owner->must_look && !owner->is_sending && owner->failures == 0 &&
	        (owner->known[KANAME_A].worth != KANAME_TOLD_FAILED ||
	         owner->known[KANAME_AAAA].worth != KANAME_TOLD_FAILED) &&
	        !kaname_follow_differs(owner, kaname_now_ms(), to, &again_ms));
}

/*! Is something still going on for an owner, or about to? */
static bool is_going_on(const kaname_follow_t *follow, const kaname_follow_owner_t *owner)
{
	bool followed = owner->state == KANAME_OWNER_FOLLOWED;
	if (!kaname_follow_is_busy(owner) &&
	    kaname_tick_ms(owner->hold_at) >= follow->once_end_ms) {
		return false; /* It was refused: by then nothing is tried. */
	}
	bool soon = owner->act_at != 0 && kaname_tick_ms(owner->act_at) - kaname_now_ms() < SOON_MS;
	return kaname_follow_is_busy(owner) || owner->state == KANAME_OWNER_LEAVING ||
	       (followed && (!owner->is_told || owner->is_pending || owner->must_look || soon));
}

typedef struct {
	size_t found, behind, going_on;
} counts_t;

/*! Counts owners for which this holds; those that are only in the journal are not among those found. */
static counts_t count_owners(const kaname_follow_t *follow)
{
	counts_t counts = { 0 };
	kaname_chains_cursor_t cursor = { 0 };
	for (kaname_follow_owner_t *owner;
	     (owner = kaname_owners_step(&follow->owners, &cursor)) != NULL;) {
		counts.found += owner->state != KANAME_OWNER_ABSENT;
		counts.behind += !is_in_step(follow, owner);
		counts.going_on += is_going_on(follow, owner);
	}
	return counts;
}

/*! Says why an owner is not in step, where nothing was said of it. */
static void tell_why(kaname_follow_t *follow, kaname_follow_owner_t *owner)
{
	bool followed = owner->state == KANAME_OWNER_FOLLOWED;
	kaname_set_t *to[KANAME_FAMILIES];
	int64_t again_ms, now_ms = kaname_now_ms(), next_ms = 0;
	if (owner->said != 0 || is_in_step(follow, owner)) {
		return;
	}
	if (kaname_follow_differs(owner, now_ms, to, &again_ms)) {
		next_ms = kaname_follow_next(owner, to, now_ms);
	}
	if (followed && (!owner->is_told || owner->is_pending)) {
		kaname_follow_trouble(follow, owner, "'kaname status' tells how they are",
		                      "its targets have not been looked up in time");
	} else if (followed && now_ms < next_ms) {
		kaname_follow_trouble(
		        follow, owner, NULL,
		        "it has changed often, and is not written before %d s are over",
		        (int)((next_ms - now_ms + 999) / 1000));
	} else {
		kaname_follow_trouble(follow, owner, "run it again",
		                      "it has not been written in time");
	}
}

static void tell_all_why(kaname_follow_t *follow)
{
	kaname_chains_cursor_t cursor = { 0 };
	for (kaname_follow_owner_t *owner;
	     (owner = kaname_owners_step(&follow->owners, &cursor)) != NULL;) {
		tell_why(follow, owner);
	}
}

/*! With --once: is all done that can be? */
static void look_whether_done(kaname_follow_t *follow)
{
	size_t going_on = 1;
	bool idle = follow->scanning == NULL && !follow->is_committing && follow->sent == NULL &&
	            follow->ready == NULL;
	if (follow->has_scanned && (follow->has_verified || follow->is_dry) && idle) {
		going_on = count_owners(follow).going_on;
	}
	if (going_on == 0 || kaname_now_ms() >= follow->once_end_ms) {
		begin_end(follow);
	}
}

/* The loop. */

/*! Says what works again. */
static void say_what_works(kaname_follow_t *follow)
{
	int64_t now_ms = kaname_now_ms();
	if (follow->is_up && kaname_steady_works(&follow->module, now_ms)) {
		kaname_follow_say("the module answers again");
	}
	if (follow->read_failures == 0 && kaname_steady_works(&follow->reads, now_ms)) {
		kaname_follow_say("the server can be read again");
	}
	if (!follow->journal_fails && kaname_steady_works(&follow->commits, now_ms)) {
		kaname_follow_say("the journal can be written again");
	}
	kaname_follow_say_put_back(follow);
}

static void on_tick(uv_timer_t *timer)
{
	kaname_follow_t *follow = timer->data;
	int64_t now_ms = kaname_now_ms();
	const kaname_timer_t *first;
	while ((first = kaname_timers_first(&follow->timers)) != NULL && first->at_ms <= now_ms) {
		kaname_follow_owner_t *owner = first->owner;
		if (owner->ask_at != 0 && kaname_tick_ms(owner->ask_at) <= now_ms) {
			owner->ask_at = 0;
			kaname_follow_ask(follow, owner);
		}
		if (owner->act_at != 0 && kaname_tick_ms(owner->act_at) <= now_ms) {
			kaname_follow_consider(follow, owner);
		} else {
			kaname_follow_plan(follow, owner);
		}
	}
	kaname_follow_read(follow);
	kaname_follow_ask_lost(follow);
	kaname_follow_ask_more(follow);
	kaname_follow_write_more(follow);
	kaname_follow_tell_rest(follow, false);
	say_what_works(follow);
	if (follow->has_failed) {
		begin_end(follow);
	}
	if (follow->is_once && !follow->is_ending) {
		look_whether_done(follow);
	}
	bool idle = follow->sent == NULL && !follow->is_committing && follow->scanning == NULL;
	bool noting = follow->is_committing && !follow->is_asking;
	if (follow->is_ending && (idle || (now_ms >= follow->end_ms && !noting))) {
		end(follow);
	}
}

/*! What has failed is tried again now: whoever sends the signal has mended something. */
static void hold_no_longer(kaname_follow_t *follow)
{
	follow->reads_hold_ms = follow->journal_hold_ms = 0;
	follow->said_next_ms = INT64_MIN / 2;
	kaname_chains_cursor_t cursor = { 0 };
	for (kaname_follow_owner_t *owner;
	     (owner = kaname_owners_step(&follow->owners, &cursor)) != NULL;) {
		if (owner->hold_at != 0) {
			owner->hold_at = 0;
			owner->failures = 0;
			owner->said = 0;
			kaname_follow_consider(follow, owner);
		}
	}
	kaname_follow_write_more(follow);
}

static void on_signal(uv_signal_t *handle, int number)
{
	kaname_follow_t *follow = handle->data;
	if (number == SIGHUP) {
		follow->scan_ms = follow->scanning != NULL ? kaname_now_ms() + 1 : kaname_now_ms();
		follow->verify_ms = follow->scan_ms;
		follow->loading_ms = KANAME_FOLLOW_RESCAN_MS;
		follow->wants_probe = !follow->is_once;
		follow->probe_ms = follow->probe_pause_ms = 0;
		hold_no_longer(follow);
		kaname_follow_read(follow);
	} else {
		begin_end(follow);
	}
}

/*! How many more files may be opened. */
static long files_left(void)
{
	struct rlimit limit;
	int lowest = dup(STDERR_FILENO);
	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || lowest < 0) {
		return 0;
	}
	(void)close(lowest);
	long most = limit.rlim_cur < INT_MAX ? (long)limit.rlim_cur : INT_MAX;
	return most - lowest;
}

/*! How many updates may be on their way at once, each on a connection of its own. */
static unsigned count_connections(void)
{
	long most = files_left() - OTHER_FILES;
	most = most < 1 ? 1 : most;
	return most < KANAME_PRIMARY_MOST ? (unsigned)most : KANAME_PRIMARY_MOST;
}

static bool start(kaname_follow_t *follow)
{
	static const int numbers[] = { SIGHUP, SIGTERM, SIGINT };
	int timeout_ms = follow->args->timeout > 0 && !follow->is_once
	                         ? 1000 * follow->args->timeout
	                         : UPDATE_MS;
	bool good = uv_timer_init(&follow->loop, &follow->timer) == 0 &&
	            uv_timer_start(&follow->timer, on_tick, 1, TICK_MS) == 0;
	follow->timer.data = follow;
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]) && good; i++) {
		good = uv_signal_init(&follow->loop, &follow->signals[i]) == 0 &&
		       uv_signal_start(&follow->signals[i], on_signal, numbers[i]) == 0;
		follow->signals[i].data = follow;
	}
	if (good && !follow->is_dry) {
		follow->primary =
		        kaname_primary_new(&follow->loop, &follow->server, &follow->key, timeout_ms,
		                           count_connections(), kaname_follow_updated, follow);
		good = follow->primary != NULL;
	}
	return good && kaname_follow_listen(follow);
}

/*! Says what was not known in time, where nothing was said of it. */
static void say_what_lacks(const kaname_follow_t *follow)
{
	if (!follow->is_up && !follow->module.is_failing) {
		kaname_follow_say(
		        "the module has not answered in time\nnext: -t SECONDS waits longer");
	} else if (!follow->has_scanned && !follow->reads.is_failing) {
		kaname_follow_say(
		        "the zones have not been read in time\nnext: -t SECONDS waits longer");
	}
}

/*! How it ends. */
static kaname_exit_t conclude(kaname_follow_t *follow)
{
	kaname_follow_tell_rest(follow, true);
	if (follow->has_failed) {
		return KANAME_IO;
	}
	if (!follow->is_once) {
		return KANAME_OK;
	}
	if (!follow->has_scanned || !follow->is_up) {
		say_what_lacks(follow);
		return KANAME_IO;
	}
	counts_t counts = count_owners(follow);
	if (counts.behind > 0) {
		tell_all_why(follow);
		kaname_follow_tell_rest(follow, true);
	}
	if (counts.behind > 0 && !follow->args->quiet) {
		kaname_error("%zu of %zu owners are not in step", counts.behind, counts.found);
	}
	return counts.behind > 0 || follow->missing > 0 ? KANAME_NO : KANAME_OK;
}

static kaname_exit_t run(kaname_follow_t *follow)
{
	int failure = uv_loop_init(&follow->loop);
	if (failure != 0) {
		kaname_error("it cannot begin: %s", uv_strerror(failure));
		return KANAME_IO;
	}
	int timeout_s = follow->args->timeout;
	follow->once_end_ms =
	        timeout_s == 0 ? INT64_MAX
	                       : kaname_now_ms() + (timeout_s > 0 ? 1000 * timeout_s : ONCE_MS);
	kaname_exit_t ret = KANAME_IO;
	if (start(follow)) {
		(void)uv_run(&follow->loop, UV_RUN_DEFAULT);
		ret = conclude(follow);
	} else {
		kaname_error("out of memory");
	}
	kaname_follow_note_all(follow);
	if (is_asking(follow)) {
		/* What a thread of the pool has in hand cannot be freed. */
		_exit(kaname_finish(ret));
	}
	kaname_follow_end_jobs(follow);
	(void)uv_loop_close(&follow->loop);
	return ret;
}

kaname_exit_t kaname_follow(const kaname_args_t *args)
{
	static kaname_follow_t follow;
	if (args->setup) {
		return kaname_follow_setup(args);
	}
	/* Until it is listened for: nothing was read yet, so that nothing is missed. */
	(void)signal(SIGHUP, SIG_IGN);
	if (files_left() < LEAST_FILES) {
		kaname_error("too few files may be open");
		(void)fprintf(stderr, "next: %s\n", KANAME_NEXT_FILES);
		return KANAME_IO;
	}
	(void)mallopt(M_MMAP_THRESHOLD, LARGE);
	(void)signal(SIGPIPE, SIG_IGN);
	follow.args = args;
	follow.read_args = *args;
	follow.read_args.quiet = true;
	follow.read_args.timeout = -1;
	follow.said_missing = ANAME_FNV_BASIS;
	follow.loading_ms = KANAME_FOLLOW_RESCAN_MS;
	follow.is_dry = args->dry_run;
	follow.is_once = args->once || args->dry_run;
	follow.wants_probe = !follow.is_once;
	kaname_exit_t ret = kaname_follow_prepare(&follow);
	if (ret == KANAME_OK) {
		ret = run(&follow);
	}
	kaname_follow_release(&follow);
	return ret;
}
