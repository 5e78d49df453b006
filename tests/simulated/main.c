/*!
 * \brief Days of the service's life in minutes: everything but knotd, the network and time itself is
 *        real.
 *
 * simulated [--days N] [--targets N]; the seed is ANAME_SEED (tests/simulated/run has it as --seed).
 */

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "check.h"
#include "client.h"
#include "pools.h"
#include "prober.h"
#include "server.h"
#include "world.h"

/*! Long after the boot, and after 1970. */
#define BEGIN_MS 1000000000

/*! How often everything is looked at. */
#define LOOK_MS (20 * MINUTE_MS)

static struct {
	loop_event_t look, disturb, kill;
	int64_t saved_ms;
	aname_state_out_t saved;
} life;

static void look(loop_event_t *event)
{
	check_all();
	loop_at(event, loop_now() + LOOK_MS);
}

static int64_t draw_down(void)
{
	return world_between(0, 3) > 0 ? world_between(0, 2 * MINUTE_MS)
	                               : world_between(0, 3 * (int64_t)HOUR_MS);
}

static void kill_(loop_event_t *event)
{
	server_restart(draw_down(), &life.saved, loop_now() - life.saved_ms);
}

/*! A restart, one after kill -9 some time after a save, a reload, or a suspension. */
static void disturb(loop_event_t *event)
{
	static unsigned number;
	for (unsigned i = 0; i < 3; i++) {
		prober_force();
	}
	switch (number++ % 6) {
	case 3: server_restart(draw_down(), NULL, 0); break;
	case 1:
		if (life.kill.index == 0) {
			life.saved = server_save();
			life.saved_ms = loop_now();
			check_saved();
			loop_at(&life.kill, loop_now() + world_between(0, MINUTE_MS));
		}
		break;
	case 5: server_sleep(draw_down()); break;
	default: server_reload(world_between(0, SECTIONS - 1)); break;
	}
	loop_at(event, loop_now() + world_between(2 * (int64_t)HOUR_MS, 16 * (int64_t)HOUR_MS));
}

static void live(int64_t days)
{
	life.look.run = look;
	life.disturb.run = disturb;
	life.kill.run = kill_;
	loop_at(&life.look, loop_now() + LOOK_MS);
	loop_at(&life.disturb, loop_now() + 6 * (int64_t)HOUR_MS);
	for (int64_t day = 0; day < days; day++) {
		clock_t before = clock();
		uint64_t started = world.started;
		loop_run(BEGIN_MS + (day + 1) * DAY_MS);
		printf("day %" PRId64 ": %" PRIu64 " lookups, %zu targets, %.1f s\n", day + 1,
		       world.started - started, aname_table_targets(server.shared->table),
		       (double)(clock() - before) / CLOCKS_PER_SEC);
		(void)fflush(stdout);
	}
}

/*! Nobody asks any more: everything goes, and nothing is looked up. */
static void fade(void)
{
	loop_never(&life.disturb);
	clients_stop();
	pools_stop();
	loop_run(loop_now() + 2 * (int64_t)HOUR_MS);
	loop_never(&life.look);
	uint64_t started = world.started;
	loop_run(loop_now() + 8 * DAY_MS);
	REQUIRE(world.started == started, "T3: %" PRIu64 " lookups for nobody",
	        world.started - started);
	check_empty();
}

/*! With fewer only one name would be probed and forced; with more a day takes minutes of a processor. */
#define TARGETS_LEAST 100
#define TARGETS_MOST  50000
#define DAYS_MOST     3650

/*! Takes an option's value; false if it is none within the two, which is told. */
static bool take(const char *name, const char *value, int64_t least, int64_t most, int64_t *number)
{
	char *end;
	*number = strtoll(value, &end, 10);
	if (end == value || *end != '\0' || *number < least || *number > most) {
		(void)fprintf(stderr, "%s takes %" PRId64 " to %" PRId64 ", and not '%s'\n", name,
		              least, most, value);
		return false;
	}
	return true;
}

static bool take_arguments(int argc, char **argv, int64_t *days, int64_t *targets)
{
	for (int i = 1; i < argc; i += 2) {
		bool taken = false;
		if (i + 1 < argc && strcmp(argv[i], "--days") == 0) {
			taken = take(argv[i], argv[i + 1], 1, DAYS_MOST, days);
		} else if (i + 1 < argc && strcmp(argv[i], "--targets") == 0) {
			taken = take(argv[i], argv[i + 1], TARGETS_LEAST, TARGETS_MOST, targets);
		} else {
			(void)fprintf(stderr, "usage: %s [--days N] [--targets N]\n", argv[0]);
		}
		if (!taken) {
			return false;
		}
	}
	return true;
}

int main(int argc, char **argv)
{
	int64_t days = 2, targets = 2000;
	if (!take_arguments(argc, argv, &days, &targets)) {
		return 2;
	}
	loop_begin(BEGIN_MS);
	(void)getrandom(&world.random.state, sizeof(world.random.state), 0);
	check_memory();
	server_begin(targets);
	check_begin();
	world_begin(targets);
	clients_begin();
	pools_begin();
	live(days);
	check_counts(loop_now() - BEGIN_MS);
	fade();
	check_print();
	pools_print();
	printf("%" PRIu64 " questions, %" PRIu64 " lookups, of which %" PRIu64 " failed, %u at "
	       "once at most; %u outages, %u restarts, %u suspensions, %u reloads\n",
	       clients.questions, world.started, world.failed, world.most_pending, world.outages,
	       server.restarts, server.suspensions, server.reloads);
	server_end();
	clients_end();
	pools_end();
	world_end();
	check_end();
	return 0;
}
