/*!
 * What happens to the service's lookups, step by step: who asks, what recursors do, reloads, suspensions.
 * Between any two steps all of its books have to fit together, what it publishes has to be what it was
 * told last, and nothing may be looked up twice at once (T3), more often than the limits have it (L1),
 * sooner than it may be after a failure (F4), or without being asked for. In the end, when all works
 * again, all that is asked for is known, and later all is gone.
 *
 * Files: module/service/refresh.c module/service/due.c module/service/dispatch.c module/service/result.c
 * Files: module/service/outage.c module/service/recovery.c module/service/schedule.c
 * Files: module/service/room.c module/service/subnets.c module/service/upstreams.c
 * Files: module/service/urgent.c module/service/pace.c module/table/policy.c
 */

#include "fuzz.h"

#include <libknot/errcode.h>

#include "books.h"
#include "service/urgent.h"
#include "table/policy.h"

#define NAMES      5
#define TARGETS    (RECURSORS * NAMES * 2)
/*! As much may happen in one input. */
#define EVENTS_MAX 30000

static target_t targets[TARGETS];
static aname_urgent_t urgent;
static knot_dname_storage_t urged;
/*! How much had happened when it began. */
static uint64_t events;

/* Steps. */

static aname_schedule_t take_schedule(input_t *input)
{
	static const uint32_t ttl_max[] = { 86400, 20, 60, 3600 }, idle[] = { 3600, 2, 60, 600 };
	static const uint32_t retry_min[] = { 1, 1, 5, 60 }, retry_max[] = { 60, 1, 300, 60 };
	static const uint32_t timeouts[] = { 5000, 1000, 100, 60000 };
	static const uint32_t stale_max[] = { 86400, 0, 30, 3600 };
	uint8_t one = take_octet(input), other = take_octet(input);
	aname_schedule_t schedule = make_schedule;
	schedule.ttl_max = ttl_max[one % 4];
	schedule.idle = idle[one / 4 % 4];
	schedule.retry_min = retry_min[one / 16 % 4];
	schedule.retry_max = retry_max[one / 16 % 4];
	schedule.timeout_ms = timeouts[one / 64];
	schedule.stale_max = stale_max[other % 4];
	schedule.ecs_prefix_ipv4 = other & 4 ? 16 : 32;
	return schedule;
}

/*! As a worker asks; `always`: it has not looked before, as another one may not have. */
static void ask(target_t *target, unsigned number, uint32_t ttl, uint32_t zone, bool always)
{
	const section_t *section = &scene.sections[number];
	if (section->options == NULL) {
		return;
	}
	const aname_interest_t interest = scene_interest(number, ttl, zone);
	aname_entry_t *entry = scene_find(target);
	bool asks = true;
	if (entry != NULL) {
		const aname_snapshot_t *known = aname_entry_snapshot(entry);
		aname_entry_touch(aname_table_charges(scene.shared->table), entry, interest,
		                  loop_now() / 1000);
		asks = aname_policy_ask(
		        known, aname_policy_left(known, &section->schedule, ttl, loop_now()),
		        atomic_load(&entry->next_ms), loop_now());
	}
	if (interest.until_s > target->until_s) {
		target->until_s = interest.until_s;
	}
	if (asks || always) {
		scene_push(number, target, NULL, interest);
	}
}

static void ask_for_client(target_t *target, uint32_t zone, uint8_t code)
{
	if (scene.sections[target->recursor].options == NULL) {
		return;
	}
	ask(target, target->recursor, 60, zone, true);
	aname_subnet_t client = { .family = ANAME_SUBNET_IPV4, .len = code & 0x80 ? 24 : 16 };
	client.address[0] = 10;
	client.address[1] = code % 4;
	client.address[2] = code & 0x80 ? code / 4 % 4 : 0;
	scene_push(target->recursor, target, &client, scene_interest(target->recursor, 60, zone));
}

static void pass(int64_t passed_ms)
{
	int64_t until_ms = loop_now() + passed_ms;
	while (loop_now() < until_ms && loop_count() - events < EVENTS_MAX) {
		int64_t part_ms = 1 + passed_ms / 32, left_ms = until_ms - loop_now();
		loop_run(loop_now() + (part_ms < left_ms ? part_ms : left_ms));
		if (books.urging) {
			books.urging = aname_refresh_urge(scene.refresh, &urgent) > 0;
			books.excuses.any_ms = loop_now();
		}
		books_check();
	}
}

static void sleep_for(int64_t slept_ms)
{
	loop_pass(slept_ms);
	books.excuses.any_ms = loop_now();
	for (unsigned i = 0; i < TARGETS; i++) {
		targets[i].until_s += targets[i].until_s > 0 ? slept_ms / 1000 : 0;
	}
	aname_refresh_slept(scene.refresh, slept_ms);
}

static int64_t take_time(input_t *input)
{
	static const int64_t units[] = { 1, 20, 300, 1000, 5000, 60000, 600000, 3600000 };
	uint8_t octet = take_octet(input);
	return units[octet % 8] * (1 + octet / 8);
}

static void end_one(input_t *input)
{
	unsigned number = take_octet(input);
	behaviour_t behaviour = take_below(input, BEHAVIOURS);
	lookup_t *lookup = recursors.pending;
	for (; lookup != NULL && number % 8 > 0; number--) {
		lookup = lookup->next;
	}
	if (lookup != NULL && !lookup->ends) {
		recursors_end(lookup, behaviour);
	}
}

static void change_target(input_t *input)
{
	static const uint32_t ttls[] = { 60, 300, 3600, 86400, 5, 1, 0, 30 };
	static const uint32_t latencies_ms[] = { 5, 60, 900, 6000 };
	target_t *target = &targets[take_below(input, TARGETS)];
	uint8_t one = take_octet(input), other = take_octet(input);
	target->behaviour = one % BEHAVIOURS;
	target->latency_ms = latencies_ms[one / BEHAVIOURS % 4];
	target->ttl = ttls[other % 8];
	target->first = other / 32;
	target->count = 1 + other / 8 % 4;
	target->scope = 8 * (other / 8 % 4) + 8;
}

static void change_recursor(input_t *input)
{
	static const behaviour_t states[] = { ANSWERS, IS_SILENT, FAILS, IS_OUT_OF_REACH };
	static const int refusals[] = { KNOT_EOK, KNOT_EAGAIN, KNOT_EINVAL, KNOT_ENOMEM };
	uint8_t octet = take_octet(input);
	recursor_t *recursor = &recursors.at[octet % RECURSORS];
	recursor->state = states[octet / RECURSORS % 4];
	recursor->refuse = refusals[octet / RECURSORS / 4 % 8 < 4 ? octet / RECURSORS / 4 % 4 : 0];
}

static void turn_pause(void)
{
	books.paused = !books.paused;
	books.excuses.any_ms = loop_now();
	if (books.paused) {
		aname_refresh_pause(scene.refresh);
	} else {
		aname_refresh_resume(scene.refresh);
	}
}

static void urge(input_t *input)
{
	const target_t *target = &targets[take_below(input, TARGETS)];
	memcpy(urged, target->name.at, target->name.len);
	urgent = (aname_urgent_t){ .names = &urged, .names_count = 1 };
	aname_urgent_find(scene.refresh, &urgent);
	/* Where nobody else asks any more, the operator does, once. */
	for (unsigned i = 0; i < TARGETS; i++) {
		if (targets[i].until_s == 0 && knot_dname_is_equal(targets[i].name.at, urged)) {
			targets[i].until_s = loop_now() / 1000 - 1;
		}
	}
	books.urging = true;
	books_excuse();
	books.urging = aname_refresh_urge(scene.refresh, &urgent) > 0;
}

static void ask_many(input_t *input)
{
	unsigned first = take_below(input, TARGETS);
	uint8_t octet = take_octet(input);
	for (unsigned i = 0; i <= octet % TARGETS; i++) {
		target_t *target = &targets[(first + i) % TARGETS];
		ask(target, target->recursor, 300, octet / 64, false);
	}
}

static void ask_one(input_t *input, bool other)
{
	static const uint32_t ttls[] = { 300, 60, 20, 86400 };
	target_t *target = &targets[take_below(input, TARGETS)];
	uint8_t octet = take_octet(input);
	bool shares = other && target->recursor == scene_recursor(SECTIONS - 1);
	ask(target, shares ? SECTIONS - 1 : target->recursor, ttls[octet % 4], octet / 4 % 8,
	    octet & 0x80);
}

static void step(input_t *input)
{
	uint8_t octet = take_octet(input);
	unsigned number;
	switch (octet % 16) {
	case 0:
	case 1: ask_one(input, octet & 0x10); break;
	case 2: ask_many(input); break;
	case 3:
		number = take_below(input, TARGETS);
		ask_for_client(&targets[number], octet / 64, take_octet(input));
		break;
	case 4:
	case 5: end_one(input); break;
	case 6:
	case 7: change_target(input); break;
	case 8: change_recursor(input); break;
	case 9:
		number = take_below(input, SECTIONS);
		scene.sections[number].schedule = take_schedule(input);
		scene_hold(number);
		books.excuses.reloaded_ms[scene_recursor(number)] = loop_now();
		break;
	case 10:
		number = take_below(input, SECTIONS);
		scene_leave(number);
		books.excuses.reloaded_ms[scene_recursor(number)] = loop_now();
		break;
	case 11: turn_pause(); break;
	case 12: sleep_for(take_time(input)); break;
	case 13: urge(input); break;
	default: pass(take_time(input)); break;
	}
	aname_refresh_wake(scene.refresh);
	books_check();
}

/* The whole. */

static void begin(input_t *input)
{
	static const uint32_t rates[] = { RATE_MOST, 1, 10, 50 }, most[] = { 100, 1, 2, 8 };
	static const uint32_t room[] = { 100, 4, 12, 20 }, subnets[] = { 16, 1, 3, 6 };
	uint8_t octet = take_octet(input);
	uint8_t seed = take_octet(input);
	const aname_limits_t limits = { .threads = 4,
		                        .max_targets = room[octet / 16 % 4],
		                        .max_lookups = most[octet / 4 % 4],
		                        .lookup_rate = rates[octet % 4],
		                        .max_subnets = subnets[octet / 64],
		                        .max_target_subnets = 4,
		                        .max_probes = 10 };
	for (unsigned i = 0; i < TARGETS; i++) {
		targets[i] =
		        (target_t){ .recursor = i % RECURSORS,
			            .type = i / RECURSORS % 2 ? KNOT_RRTYPE_AAAA : KNOT_RRTYPE_A,
			            .name = make_name_nth(i / RECURSORS / 2),
			            .ttl = 60,
			            .latency_ms = 5,
			            .count = 1 };
	}
	memset(&books, 0, sizeof(books));
	scene_begin(&limits, seed, targets, TARGETS);
	events = loop_count();
	for (unsigned i = 0; i < SECTIONS; i++) {
		scene.sections[i].schedule = make_schedule;
		scene.sections[i].schedule.retry_min = 1;
		scene.sections[i].schedule.retry_max = 60;
		scene_hold(i);
	}
	aname_refresh_resume(scene.refresh);
}

/*! All works, and is asked for all the time: after a while all of it is known. */
static void recover(void)
{
	for (unsigned i = 0; i < TARGETS; i++) {
		targets[i].behaviour = ANSWERS;
		targets[i].ttl = 3600;
		targets[i].latency_ms = 5;
		recursors.at[targets[i].recursor] = (recursor_t){ ANSWERS, KNOT_EOK };
	}
	for (unsigned i = 0; i < SECTIONS; i++) {
		scene.sections[i].schedule.ttl_max = 86400;
		scene.sections[i].schedule.idle = 3600;
		scene_hold(i);
		books.excuses.reloaded_ms[scene_recursor(i)] = loop_now();
	}
	events = loop_count();
	if (books.paused) {
		turn_pause();
	}
	/* The longest pause, once more for a recursor that only fails, what the system's resolver
	 * takes to end, and all at the slowest pace. */
	int64_t most_ms = 2 * 300000 + 2 * SYSTEM_LASTS_MS + 4 * 1000 * TARGETS;
	for (unsigned i = 0; i < 32; i++) {
		for (unsigned k = 0; k < TARGETS; k++) {
			ask(&targets[k], targets[k].recursor, 3600, 0, false);
		}
		aname_refresh_wake(scene.refresh);
		pass(most_ms / 32);
	}
	pass(8 * 1000 * TARGETS);
	if (loop_count() - events >= EVENTS_MAX) {
		return; /* It has not had its time. */
	}
	for (unsigned i = 0; i < TARGETS; i++) {
		aname_entry_t *entry = scene_find(&targets[i]);
		require(entry != NULL || scene.limits.max_targets < TARGETS);
		if (entry != NULL && !atomic_load(&entry->cold)) {
			const aname_snapshot_t *known = aname_entry_snapshot(entry);
			require(known->failure == ANAME_FAILURE_NONE &&
			        known->known != ANAME_KNOWN_NOTHING);
		}
		require(entry == NULL || !atomic_load(&entry->cold) ||
		        scene.limits.max_targets < TARGETS);
	}
}

/*! Nobody asks any more: all is gone. */
static void dry_up(void)
{
	for (unsigned i = 0; i < 4 * 24; i++) {
		loop_run(loop_now() + HOUR_MS);
		books_check();
	}
	require(aname_table_targets(scene.shared->table) == 0);
	require(aname_table_subnets(scene.shared->table) == 0);
	require(recursors.pending == NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	input_t input = { data, size };
	begin(&input);
	uint8_t ending = take_octet(&input);
	while (input.left > 0 && loop_count() - events < EVENTS_MAX) {
		step(&input);
	}
	if (ending % 4 > 0) {
		recover();
	}
	if (ending % 4 > 1) {
		dry_up();
	}
	if (!books.paused) {
		aname_refresh_pause(scene.refresh);
	}
	books.paused = true;
	scene_end();
	return 0;
}
