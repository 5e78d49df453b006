/*!
 * Who is alive, step by step: targets that come, change their addresses and go, sections with probes of
 * their own, and addresses that live and die, as attempts find them. Beside it stands a plain model of
 * what is probed and known: each address once for each definition and never twice at once, at once at
 * first and then in every interval (H1), up or down as its outcomes say, and kept for ten minutes (H2).
 * Answers have to leave out those that are down, and nobody else (H3).
 *
 * Files: module/service/health.c module/service/verdicts.c module/service/views.c
 * Files: module/service/probe/probes.c module/service/probe/addresses.c module/service/probe/plan.c
 * Files: module/service/probe/verdict.c module/service/users.c
 */

#include "fuzz.h"

#include "attempts.h"
#include "scene.h"
#include "service/health.h"
#include "support/audit.h"

#define TARGETS    (2 * RECURSORS)
/*! Changes are published so long after the last one, at most. */
#define SHOWN_MS   200
/*! Probes that are due at once start at an even pace. */
#define AT_ONCE_MS 100
#define EVENTS_MAX 30000
/*! So often it is looked at all. */
#define SLICE_MS   30000

static target_t targets[TARGETS];

static struct {
	uint32_t ids[DEFINITIONS]; /*!< Identities, as far as they were ever given. */
	uint64_t events;
} is;

/* Lookups are as they are told. */

void on_start(const lookup_t *lookup)
{
}

void before_end(lookup_t *lookup)
{
	places.changed_ms = loop_now();
}

void after_end(const lookup_t *lookup)
{
}

/* What has to hold between two steps. */

static unsigned number_of(const knot_rdata_t *rdata)
{
	require(rdata->len == 4 && rdata->data[3] < ADDRESSES);
	return rdata->data[3];
}

static unsigned definition_of(uint32_t id)
{
	unsigned number = 0;
	while (is.ids[number] != id) {
		require(++number < DEFINITIONS);
	}
	return number;
}

/*! All of a target's addresses are held by a definition; those that are not down are seen. */
static void look_at_view(const aname_entry_t *entry, const aname_snapshot_t *known,
                         const aname_view_t *view)
{
	place_t *of = &places.at[definition_of(view->definition) * ADDRESSES];
	knot_rdata_t *rdata = aname_snapshot_rdataset(known).rdata;
	knot_rdata_t *seen = aname_view_rdataset(known, view).rdata;
	bool settled = !places.paused && loop_now() - places.changed_ms >= SHOWN_MS;
	unsigned count = 0;
	for (unsigned i = 0; i < known->count; i++, rdata = knot_rdataset_next(rdata)) {
		place_t *place = &of[number_of(rdata)];
		if (!aname_shared_may_probe(scene.shared, entry->upstream, view->definition,
		                            rdata->data, rdata->len)) {
			return; /* No section looks at this upstream's targets like that by now. */
		}
		place->holders++;
		if (place->health == ANAME_HEALTH_DOWN || !settled) {
			continue;
		}
		require(count < view->count && knot_rdata_cmp(seen, rdata) == 0);
		seen = knot_rdataset_next(seen);
		count++;
	}
	require(!settled || count == view->count);
}

static void look_at_entry(aname_entry_t *entry, void *ctx)
{
	const aname_snapshot_t *known = aname_entry_snapshot(entry);
	require(known == NULL || entry->plan.state != ANAME_PLAN_DORMANT || known->views == 0);
	for (unsigned i = 0; known != NULL && i < known->views; i++) {
		look_at_view(entry, known, &aname_snapshot_views(known)[i]);
	}
}

/*! Probed in time: at once when it is new, and again after eleven tenths of an interval (H1). */
static void check_time(const place_t *place)
{
	int64_t from_ms = place->started_ms > place->ready_ms ? place->started_ms : place->ready_ms;
	int64_t most_ms = (int64_t)probe_of(place)->interval_ms * 11 / 10;
	most_ms = place->started_ms == 0 ? 0 : most_ms;
	require(places.paused || place->runs || loop_now() - from_ms <= most_ms + AT_ONCE_MS);
}

static void check_place(place_t *place, unsigned number)
{
	uint32_t id = is.ids[(place - places.at) / ADDRESSES];
	uint8_t address[4];
	make_address(address, 4, number);
	const aname_probed_t *probed =
	        id != 0 ? aname_refresh_probed(scene.refresh, id, targets[0].name.at, address, 4)
	                : NULL;
	bool given_up = id == 0 || aname_shared_definition(scene.shared, id) == NULL;
	require((probed != NULL ? probed->holders : 0) == place->holders);
	if (place->holders > 0) {
		place->ready_ms = place->let_go_ms != 0 ? loop_now() : place->ready_ms;
		if (probed->started == 0 && loop_now() - place->held_ms >= KEEP_MS) {
			forget(place);
		}
		place->held_ms = loop_now();
		place->let_go_ms = 0;
		check_time(place);
	} else {
		require(!place->runs);
		place->let_go_ms = place->let_go_ms != 0 ? place->let_go_ms : loop_now();
		/* It may have come and gone since it was looked at. */
		require(probed == NULL || (kept_since(probed) >= place->held_ms &&
		                           loop_now() - kept_since(probed) <= KEEP_MS));
		require(probed != NULL || given_up || place->held_ms == 0 ||
		        loop_now() - place->held_ms >= KEEP_MS);
	}
	if (probed == NULL) {
		forget(place);
		place->held_ms = 0;
	} else {
		require(probed->verdict.health == place->health);
		require(probed->verdict.run == place->against);
	}
}

static void check(void)
{
	loop_settle();
	require(audit_refresh(scene.refresh) == NULL);
	for (unsigned i = 0; i < DEFINITIONS * ADDRESSES; i++) {
		places.at[i].holders = 0;
	}
	aname_table_foreach(scene.shared->table, look_at_entry, NULL);
	for (unsigned i = 0; i < DEFINITIONS * ADDRESSES; i++) {
		check_place(&places.at[i], i % ADDRESSES);
	}
}

/* Steps. */

/*! As a worker asks, which has it probed where it is not seen so. */
static void ask(unsigned section, const target_t *target)
{
	if (scene.sections[section].options == NULL) {
		return;
	}
	aname_interest_t interest = scene_interest(section, 3600, 1);
	interest.definition = scene.sections[section].options->definition;
	scene_push(section, target, NULL, interest);
	places.changed_ms = loop_now();
}

static void turn_section(unsigned section, uint8_t code)
{
	static const uint32_t idle[] = { 3600, 60, 600, 86400 };
	scene.sections[section].schedule.idle = idle[code / 4 % 4];
	scene.sections[section].probe =
	        code % 4 < DEFINITIONS ? definitions[code % 4] : (aname_probe_t){ 0 };
	if (code & 0x40) {
		scene_leave(section);
	} else {
		scene_hold(section);
		if (code % 4 < DEFINITIONS) {
			is.ids[code % 4] = scene.sections[section].options->definition;
		}
	}
	places.changed_ms = loop_now();
}

static void change_target(target_t *target, uint8_t code)
{
	static const uint32_t ttls[] = { 5, 60, 600, 3600 };
	target->first = code % 8;
	target->count = 1 + code / 8 % 4;
	target->count = target->first + target->count > ADDRESSES ? 1 : target->count;
	target->behaviour = code / 32 % 2 ? HAS_NONE : ANSWERS;
	target->ttl = ttls[code / 64];
}

static void change_place(place_t *place, uint8_t code)
{
	static const uint32_t latencies_ms[] = { 1, 40, 300, 900 };
	place->found = code % 4;
	place->latency_ms = latencies_ms[code / 4 % 4];
}

static void turn_pause(void)
{
	places.paused = !places.paused;
	if (places.paused) {
		aname_refresh_pause(scene.refresh);
	} else {
		aname_refresh_resume(scene.refresh);
	}
	places.changed_ms = loop_now();
	for (unsigned i = 0; i < DEFINITIONS * ADDRESSES; i++) {
		places.at[i].ready_ms = loop_now();
	}
}

static void pass(int64_t passed_ms)
{
	int64_t until_ms = loop_now() + passed_ms;
	while (loop_now() < until_ms && loop_count() - is.events < EVENTS_MAX) {
		int64_t left_ms = until_ms - loop_now(), part_ms = 1 + passed_ms / 16;
		part_ms = part_ms < SLICE_MS ? part_ms : SLICE_MS;
		loop_run(loop_now() + (part_ms < left_ms ? part_ms : left_ms));
		check();
	}
}

static void step(input_t *input)
{
	static const int64_t units[] = { 1, 50, 500, 2000, 10000, 60000, 300000, 600000 };
	uint8_t octet = take_octet(input), code = take_octet(input);
	unsigned number = octet / 8;
	target_t *target = &targets[number % TARGETS];
	switch (octet % 8) {
	case 0:
		if (number & 0x10) {
			ask(SECTIONS - 1, &targets[number % 2 * RECURSORS]);
		} else {
			ask(target->recursor, target);
		}
		break;
	case 1:
		for (unsigned i = 0; i < TARGETS; i++) {
			ask(targets[i].recursor, &targets[i]);
		}
		break;
	case 2: change_target(target, code); break;
	case 3:
	case 4:
		change_place(
		        &places.at[(number + 32 * (octet % 8 - 3)) % (DEFINITIONS * ADDRESSES)],
		        code);
		break;
	case 5: turn_section(number % SECTIONS, code); break;
	case 6:
		if (number == 0) {
			turn_pause();
		}
		break;
	default: pass(units[code % 8] * (1 + code / 8)); break;
	}
	aname_refresh_wake(scene.refresh);
	check();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const aname_limits_t limits = { 4, 100, 100, 1000, 100, 100, 100 };
	input_t input = { data, size };
	for (unsigned i = 0; i < TARGETS; i++) {
		targets[i] = (target_t){ .recursor = i % RECURSORS,
			                 .type = KNOT_RRTYPE_A,
			                 .name = make_name_nth(i / RECURSORS),
			                 .ttl = 60,
			                 .latency_ms = 5,
			                 .first = i,
			                 .count = 2 };
	}
	memset(&places, 0, sizeof(places));
	memset(&is, 0, sizeof(is));
	scene_begin(&limits, take_octet(&input), targets, TARGETS);
	is.events = loop_count();
	for (unsigned i = 0; i < SECTIONS; i++) {
		scene.sections[i].schedule = make_schedule;
		turn_section(i, i);
	}
	aname_refresh_resume(scene.refresh);
	while (input.left > 0 && loop_count() - is.events < EVENTS_MAX) {
		step(&input);
	}
	if (!places.paused) {
		aname_refresh_pause(scene.refresh);
	}
	scene_end();
	return 0;
}
