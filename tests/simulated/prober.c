#include "prober.h"

#include <inttypes.h>
#include <string.h>

#include <libknot/errcode.h>

#include "addresses.h"
#include "check.h"

/*! Of so many targets of a section one is probed. */
#define SHARE 25

/*! How long an address has to be as it is until that has to show (H2): probes come an interval apart
 *  and a tenth more, and one more may be under way. */
#define DOWN_MOST_MS  (3 * (33 * SECOND_MS + 2 * SECOND_MS) + 2 * SECOND_MS)
#define UP_MOST_MS    (2 * (33 * SECOND_MS) + 4 * SECOND_MS)
#define FORCED_MOST   8
#define VERDICTS_MOST 40000

const aname_probe_t prober_probe = { .kind = ANAME_PROBE_TCP,
	                             .port = 80,
	                             .interval_ms = 30000,
	                             .timeout_ms = 2000,
	                             .fall = 3,
	                             .rise = 2 };

typedef struct {
	const target_t *target; /*!< NULL: free. */
	aname_forced_t state;
	int64_t until_ms;
} forced_t;

typedef struct {
	name_t name;
	uint8_t address[16], len;
	aname_health_t health;
} known_t;

static struct {
	forced_t forced[FORCED_MOST], saved_forced[FORCED_MOST];
	known_t known[VERDICTS_MOST]; /*!< As it was saved. */
	unsigned known_count;
	int64_t resumed_ms;
	uint64_t up, down, told_forced, verdicts;
} prober;

/* Who is probed, and forced. */

bool prober_has(const target_t *target, section_t section)
{
	return (section == SECTION_STEADY || section == SECTION_CACHE) &&
	       target->number / 2 % SHARE == 0;
}

unsigned prober_nth(upstream_t upstream, unsigned n)
{
	unsigned name = 0;
	for (unsigned count = 0; name % UPSTREAMS != upstream || count++ < n;) {
		name += SHARE;
	}
	return 2 * name;
}

static forced_t *find_forced(const target_t *target)
{
	forced_t *forced = prober.forced;
	while (forced < prober.forced + FORCED_MOST && forced->target != target) {
		forced++;
	}
	return forced < prober.forced + FORCED_MOST ? forced : NULL;
}

static bool holds(const forced_t *forced)
{
	return forced->until_ms == ANAME_FORCED_EVER || forced->until_ms > loop_now();
}

static void force(forced_t *forced, const target_t *target, aname_forced_t state)
{
	aname_subject_t subject = { .len = 0 };
	memcpy(subject.name, target->name.at, knot_dname_size(target->name.at));
	*forced = (forced_t){ .target = target, .state = state, .until_ms = ANAME_FORCED_EVER };
	if (world_between(0, 3) > 0) {
		forced->until_ms = loop_now() + world_between(SECOND_MS, 20 * (int64_t)HOUR_MS);
	}
	int ret = aname_refresh_force(server.refresh, &subject, state, forced->until_ms);
	REQUIRE(ret == KNOT_EOK, "H8: target %u cannot be forced (%d)", target->number, ret);
	if (state == ANAME_FORCED_AUTO) {
		forced->target = NULL;
	}
}

void prober_force(void)
{
	forced_t *forced = &prober.forced[world_between(0, FORCED_MOST - 1)];
	if (forced->target != NULL && holds(forced)) {
		force(forced, forced->target, ANAME_FORCED_AUTO);
		return;
	}
	/* Both families are of one name: the one that is probed, of even number. */
	int64_t places = world.count / 2 / SHARE;
	const target_t *target = &world.targets[INT64_C(2) * SHARE * world_between(0, places - 1)];
	forced->target = NULL;
	if (find_forced(target) == NULL) {
		force(forced, target, world_between(0, 1) ? ANAME_FORCED_DOWN : ANAME_FORCED_UP);
	}
}

/* Restarts. */

static void save(const aname_probed_t *probed, const knot_dname_t *name, void *ctx)
{
	if (probed->verdict.health == ANAME_HEALTH_UNKNOWN) {
		return;
	}
	REQUIRE(prober.known_count < VERDICTS_MOST, "H2: there are too many verdicts");
	known_t *known = &prober.known[prober.known_count++];
	*known = (known_t){ .len = probed->len, .health = probed->verdict.health };
	memcpy(known->address, probed->address, probed->len);
	memcpy(known->name.at, name, knot_dname_size(name));
}

void prober_saved(void)
{
	memcpy(prober.saved_forced, prober.forced, sizeof(prober.forced));
	prober.known_count = 0;
	aname_probes_cursor_t cursor = { 0 };
	while (aname_probes_walk(server.refresh->probes, &cursor, save, NULL)) {
	}
}

void prober_restored(void)
{
	memcpy(prober.forced, prober.saved_forced, sizeof(prober.forced));
	const aname_definition_t *definition = aname_shared_definition_after(server.shared, NULL);
	for (unsigned i = 0; i < prober.known_count; i++) {
		const known_t *known = &prober.known[i];
		const aname_probed_t *probed =
		        aname_probes_find(server.refresh->probes, definition, known->address,
		                          known->len, known->name.at);
		REQUIRE(probed != NULL && probed->verdict.health == known->health,
		        "S1: a verdict is lost with a restart");
		prober.verdicts++;
	}
}

void prober_resumed(void)
{
	prober.resumed_ms = loop_now();
}

/* What is seen. */

static bool is_seen(const aname_snapshot_t *snapshot, const aname_view_t *view,
                    const uint8_t *address, uint8_t len)
{
	const knot_rdataset_t seen = aname_view_rdataset(snapshot, view);
	const knot_rdata_t *rdata = seen.rdata;
	for (unsigned i = 0; i < view->count; i++) {
		if (rdata->len == len && memcmp(rdata->data, address, len) == 0) {
			return true;
		}
		rdata = (const knot_rdata_t *)((const uint8_t *)rdata + snapshot->step);
	}
	return false;
}

/*! Is an address of a target up? Sets for how long, as far as that can be seen. */
static bool is_up(const target_t *target, const uint8_t *address, uint8_t len, int64_t *for_ms)
{
	int64_t since_ms;
	bool up = addresses_live(address, len, &since_ms);
	since_ms = target->seen_ms > since_ms ? target->seen_ms : since_ms;
	since_ms = prober.resumed_ms > since_ms ? prober.resumed_ms : since_ms;
	*for_ms = loop_now() - since_ms;
	return up;
}

static void check_address(const target_t *target, const aname_snapshot_t *snapshot,
                          const aname_view_t *view, uint32_t number)
{
	uint8_t address[16];
	uint8_t len = target->type == KNOT_RRTYPE_A ? 4 : 16;
	int64_t for_ms;
	make_address(address, len, number);
	bool up = is_up(target, address, len, &for_ms);
	bool seen = is_seen(snapshot, view, address, len);
	prober.up += up;
	prober.down += !up;
	REQUIRE(seen || !up || for_ms <= UP_MOST_MS,
	        "H3: target %u is not seen with an address that is up for %" PRId64 " ms",
	        target->number, for_ms);
	REQUIRE(!seen || up || for_ms <= DOWN_MOST_MS,
	        "H3: target %u is seen with an address that is down for %" PRId64 " ms",
	        target->number, for_ms);
}

static void check_forced(const forced_t *forced, const aname_snapshot_t *snapshot,
                         const aname_view_t *view)
{
	prober.told_forced++;
	if (forced->state == ANAME_FORCED_DOWN) {
		REQUIRE(view->forced_down && view->count == 0,
		        "H8: target %u is forced down, and seen", forced->target->number);
	} else {
		REQUIRE(!view->forced_down && view->count == snapshot->count,
		        "H8: target %u is forced up, and seen with %u addresses of %u",
		        forced->target->number, view->count, snapshot->count);
	}
}

/*! Who stands for a name: the target of even number. */
static const target_t *first_of(const target_t *target)
{
	return &world.targets[target->number & ~1u];
}

void prober_check(target_t *target, section_t section, const aname_snapshot_t *snapshot)
{
	uint32_t definition = server.sections[section].options->definition;
	const aname_view_t *view = NULL;
	if (snapshot != NULL && snapshot->known == ANAME_KNOWN_ADDRESSES) {
		view = aname_snapshot_view(snapshot, definition);
	}
	uint32_t first = target->record.first;
	if (view == NULL || target->seen_ms == 0 || target->seen_first != first) {
		target->seen_ms = view != NULL ? loop_now() : 0;
		target->seen_first = first;
	}
	if (view == NULL) {
		return;
	}
	const forced_t *forced = find_forced(first_of(target));
	if (forced != NULL && holds(forced)) {
		check_forced(forced, snapshot, view);
		target->seen_ms = loop_now();
		return;
	}
	for (uint32_t i = 0; i < snapshot->count; i++) {
		check_address(target, snapshot, view, first + i);
	}
}

prober_truth_t prober_truth(const target_t *target)
{
	const forced_t *forced = find_forced(first_of(target));
	uint8_t address[16], len = target->type == KNOT_RRTYPE_A ? 4 : 16;
	unsigned down = 0, count = target->record.count;
	if (forced != NULL && holds(forced)) {
		return forced->state == ANAME_FORCED_DOWN ? PROBER_DOWN : PROBER_UP;
	}
	for (uint32_t i = 0; target->seen_ms != 0 && i < count; i++) {
		int64_t for_ms;
		make_address(address, len, target->record.first + i);
		bool up = is_up(target, address, len, &for_ms);
		if (up && for_ms > UP_MOST_MS) {
			return PROBER_UP;
		}
		down += !up && for_ms > DOWN_MOST_MS;
	}
	return count > 0 && down == count ? PROBER_DOWN : PROBER_UNSURE;
}

void prober_check_empty(void)
{
	const aname_probes_numbers_t numbers = aname_probes_numbers(server.refresh->probes);
	REQUIRE(numbers.up + numbers.down + numbers.unknown == 0,
	        "H7: addresses are probed for nobody");
}

void prober_print(void)
{
	printf("%" PRIu64 " probes; addresses were seen as they are %" PRIu64
	       " times up and %" PRIu64 " times down, and %" PRIu64 " times as forced; %" PRIu64
	       " verdicts outlived restarts\n",
	       addresses_probes(), prober.up, prober.down, prober.told_forced, prober.verdicts);
}
