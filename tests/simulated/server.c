#include "server.h"

#include <stdlib.h>

#include "check.h"
#include "prober.h"
#include "service/state/collect.h"
#include "service/state/moment.h"
#include "service/state/reader.h"
#include "service/state/restore.h"
#include "table/part.h"

server_t server;

/* Sections. */

static void hold(server_section_t *section)
{
	const aname_options_t *before = section->options;
	aname_options_t *options = make_options();
	options->schedule.ttl_max = section->ttl_max;
	options->schedule.stale_max = section->stale_max;
	options->schedule.idle = section->idle;
	options->schedule.timeout_ms = section->timeout_ms;
	options->schedule.retry_min = RETRY_MIN_S;
	options->schedule.retry_max = RETRY_MAX_S;
	world_source(section->upstream, &options->source);
	if (section == &server.sections[SECTION_STEADY] ||
	    section == &server.sections[SECTION_CACHE]) {
		options->probe = prober_probe;
	}
	section->options = aname_shared_hold(server.shared, options, &section->named);
	REQUIRE(section->options != NULL, "out of memory");
	if (before != NULL) {
		aname_shared_unhold(server.shared, before);
	}
}

void server_reload(section_t section)
{
	server_section_t *changed = &server.sections[section];
	changed->timeout_ms =
	        changed->timeout_ms == TIMEOUT_MOST_MS ? TIMEOUT_LEAST_MS : TIMEOUT_MOST_MS;
	hold(changed);
	server.reloads++;
	aname_refresh_wake(server.refresh);
}

/* Starting and stopping. */

static void start(size_t targets)
{
	const aname_limits_t limits = { .threads = 64,
		                        .max_targets = targets,
		                        .max_lookups = server.max_lookups,
		                        .lookup_rate = server.lookup_rate,
		                        .max_subnets = 1000,
		                        .max_target_subnets = 100,
		                        .max_probes = 1000 + targets / 10 };
	REQUIRE(uv_loop_init(&server.loop) == 0, "no loop");
	server.shared = aname_shared_new(NULL, NULL);
	REQUIRE(server.shared != NULL, "out of memory");
	server.refresh = aname_refresh_new(server.shared, &server.loop, world_make);
	REQUIRE(server.refresh != NULL, "out of memory");
	(void)aname_refresh_limit(server.refresh, &limits);
}

static void go_on(void)
{
	for (unsigned i = 0; i < SECTIONS; i++) {
		server.sections[i].options = NULL;
		hold(&server.sections[i]);
	}
	aname_refresh_resume(server.refresh);
}

static void stop(void)
{
	server.stops = true;
	aname_refresh_pause(server.refresh);
	world_hang_up();
	loop_settle();
	server.stops = false;
	REQUIRE(aname_refresh_running(server.refresh) == 0, "lookups go on after the end");
}

static void clear(void)
{
	aname_refresh_free(server.refresh);
	(void)uv_run(&server.loop, UV_RUN_NOWAIT);
	REQUIRE(uv_loop_close(&server.loop) == 0, "the loop has handles after the end");
	aname_shared_free(server.shared);
}

void server_begin(size_t targets)
{
	static const server_section_t sections[] = {
		[SECTION_STEADY] = { UPSTREAM_STEADY, 86400, 86400, 3600, TIMEOUT_MOST_MS, NULL,
		                     NULL },
		[SECTION_CACHE] = { UPSTREAM_CACHE, 86400, 86400, 3600, TIMEOUT_MOST_MS, NULL,
		                    NULL },
		[SECTION_SHORT] = { UPSTREAM_CACHE, 60, 3600, 1800, TIMEOUT_MOST_MS, NULL, NULL },
		[SECTION_SYSTEM] = { UPSTREAM_SYSTEM, 3600, 43200, 3600, TIMEOUT_MOST_MS, NULL,
		                     NULL },
	};
	for (unsigned i = 0; i < SECTIONS; i++) {
		server.sections[i] = sections[i];
	}
	/* Enough for a usual day, and too little for all that is due after an outage. */
	server.lookup_rate = OF_TARGETS(targets, 20);
	server.max_lookups = OF_TARGETS(targets, 40);
	start(targets);
	go_on();
}

void server_end(void)
{
	stop();
	clear();
}

aname_state_out_t server_save(void)
{
	static uint32_t number;
	aname_collect_t collect;
	prober_saved();
	aname_collect_begin(&collect, server.refresh, ++number, loop_now());
	while (!aname_collect_step(&collect)) {
	}
	REQUIRE(aname_state_end(&collect.out), "nothing was saved");
	return collect.out;
}

void server_restart(int64_t down_ms, aname_state_out_t *saved, int64_t ago_ms)
{
	size_t targets = atomic_load(&server.refresh->max_targets);
	stop();
	aname_state_out_t out = saved != NULL ? *saved : server_save();
	clear();
	loop_pass(down_ms);
	start(targets);
	aname_state_in_t in;
	REQUIRE(aname_state_open(&in, out.data, out.len) == ANAME_STATE_GOOD,
	        "what was saved is not good");
	const aname_state_moment_t moment = aname_state_now();
	aname_restored_t restored = aname_restore(server.refresh, &in, &moment, loop_now());
	REQUIRE(restored.no_room == 0 && !restored.set_back, "not all was restored");
	prober_restored();
	free(out.data);
	server.restarts++;
	check_restarted(down_ms + ago_ms, saved != NULL);
	go_on();
}

void server_sleep(int64_t slept_ms)
{
	loop_pass(slept_ms);
	server.suspensions++;
	check_slept(slept_ms);
	aname_refresh_slept(server.refresh, slept_ms);
}

/* Queries. */

const aname_upstream_t *server_upstream(upstream_t upstream)
{
	unsigned i = 0;
	while (server.sections[i].upstream != upstream) {
		i++;
	}
	return server.sections[i].named;
}

void server_enter(void)
{
	(void)aname_epoch_enter(server.shared->epoch, 1);
}

void server_leave(void)
{
	aname_epoch_leave(server.shared->epoch, 1);
}

static aname_key_t key_of(const target_t *target, section_t section)
{
	return make_key(server.sections[section].named, &target->name, target->type);
}

aname_entry_t *server_find(const target_t *target, section_t section)
{
	const aname_key_t key = key_of(target, section);
	return aname_table_find(server.shared->table, &key,
	                        aname_table_hash(server.shared->table, &key));
}

static aname_life_t judge(aname_entry_t *entry, section_t section, uint32_t ttl, aname_part_t *part)
{
	return aname_part_judge(part, aname_entry_snapshot(entry), atomic_load(&entry->cold),
	                        &server.sections[section].options->schedule, ttl,
	                        atomic_load(&entry->next_ms), loop_now());
}

aname_part_t server_judge(aname_entry_t *entry, section_t section, uint32_t ttl)
{
	aname_part_t part;
	(void)judge(entry, section, ttl, &part);
	return part;
}

aname_part_t server_ask(const target_t *target, section_t section, uint32_t ttl, uint32_t zone)
{
	const aname_schedule_t *schedule = &server.sections[section].options->schedule;
	aname_entry_t *entry = server_find(target, section);
	aname_part_t part = { .judgement = { .worth = ANAME_COLD, .fallback = ANAME_FAILED } };
	aname_interest_t interest = aname_interest(schedule, ttl, loop_now() / 1000);
	interest.zone = zone;
	if (prober_has(target, section)) {
		interest.definition = server.sections[section].options->definition;
	}
	bool asks = true;
	if (entry != NULL) {
		aname_life_t life = judge(entry, section, ttl, &part);
		aname_entry_touch(aname_table_charges(server.shared->table), entry, interest,
		                  loop_now() / 1000);
		asks = aname_policy_ask(part.snapshot, life, atomic_load(&entry->next_ms),
		                        loop_now());
		asks |= interest.definition != 0 && part.snapshot != NULL &&
		        part.snapshot->count > 0 &&
		        aname_snapshot_view(part.snapshot, interest.definition) == NULL;
	}
	if (asks) {
		const aname_key_t key = key_of(target, section);
		REQUIRE(aname_queue_push(server.shared->queue, &key, NULL,
		                         aname_table_hash(server.shared->table, &key), interest),
		        "the queue is full");
		aname_refresh_wake(server.refresh);
	}
	return part;
}
