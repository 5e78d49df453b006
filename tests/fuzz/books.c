#include "books.h"

#include <libknot/errcode.h>

#include "support/audit.h"
#include "table/part.h"

/*! Through a record of this TTL what is told is looked at. */
#define TOLD_TTL 60

books_t books;

static bool is_out(unsigned recursor)
{
	const aname_upstream_t *upstream = scene_upstream(recursor);
	return upstream == NULL || (upstream->work != NULL && upstream->work->out);
}

/* What cannot be timed. */

static int64_t excused(unsigned recursor)
{
	return books.excuses.any_ms > books.excuses.at_ms[recursor] ? books.excuses.any_ms
	                                                            : books.excuses.at_ms[recursor];
}

void books_excuse(void)
{
	if (books.paused || books.urging) {
		books.excuses.any_ms = loop_now();
	}
	for (unsigned i = 0; i < RECURSORS; i++) {
		if (is_out(i) || recursors.at[i].refuse != KNOT_EOK) {
			books.excuses.at_ms[i] = loop_now();
		}
	}
	for (const lookup_t *lookup = recursors.pending; lookup != NULL; lookup = lookup->next) {
		if (loop_now() - lookup->started_ms >= 100) {
			books.excuses.at_ms[lookup->target->recursor] = loop_now();
		}
	}
}

/* Lookups. */

static void check_limits(const lookup_t *lookup)
{
	unsigned most = scene.limits.max_lookups, system = SYSTEM_CAPACITY;
	most = lookup->target->recursor == SYSTEM && most > system ? system : most;
	require(recursors_pending(lookup->base.resolver) < most);
	for (const lookup_t *other = recursors.pending; other != NULL; other = other->next) {
		require(other->run->entry != lookup->run->entry);
	}
	/* A tenth of a second's lookups may come at once in the place of an even pace. */
	unsigned rate = scene.limits.lookup_rate, within = rate + rate / 10 + 1;
	int64_t *oldest = &books.starts[books.starts_count++ % within];
	require(books.starts_count <= within || loop_now() - *oldest >= 1000);
	*oldest = loop_now();
}

/*! Nothing is looked up that nobody asks for; what waits in an outage is looked at each ten seconds. */
static void check_wanted(const target_t *target)
{
	int64_t wanted_ms = 1000 * target->until_s + 999;
	wanted_ms = wanted_ms > excused(target->recursor) ? wanted_ms : excused(target->recursor);
	require(target->until_s > 0 && loop_now() <= wanted_ms + 11000);
}

/*! What fails by itself is not looked up sooner than in `retry-min`. */
static void check_pause(const target_t *target, const aname_upstream_t *upstream)
{
	int64_t failed_ms = target->failed_ms,
	        excused_ms = books.excuses.reloaded_ms[target->recursor];
	excused_ms = excused_ms > books.excuses.any_ms ? excused_ms : books.excuses.any_ms;
	bool kept = 1000 * target->until_s + 999 >= loop_now();
	if (failed_ms == 0 || excused_ms >= failed_ms || !kept || upstream->work->out ||
	    upstream->work->back_ms >= failed_ms) {
		return;
	}
	require(loop_now() - failed_ms >= 1000 * (int64_t)upstream->terms.schedule.retry_min);
}

/*! While nothing is heard of a recursor, one lookup a second stands for all (F4). */
static void check_silence(unsigned recursor, const aname_upstream_t *upstream)
{
	if (!atomic_load(&upstream->silent) || books.excuses.any_ms >= books.silent_ms[recursor]) {
		books.silent_ms[recursor] = 0;
	}
	if (!atomic_load(&upstream->silent)) {
		return;
	}
	int64_t heard_ms = atomic_load(&upstream->heard_ms);
	if (books.heard_ms[recursor] != heard_ms || books.silent_ms[recursor] == 0) {
		books.heard_ms[recursor] = heard_ms;
		books.silent_ms[recursor] = loop_now();
		books.silent_count[recursor] = 0;
	}
	books.silent_count[recursor]++;
	require(books.silent_count[recursor] <=
	        2 + (loop_now() - books.silent_ms[recursor]) / 1000);
}

void on_start(const lookup_t *lookup)
{
	target_t *target = lookup->target;
	const aname_entry_t *entry = lookup->run->entry;
	const aname_upstream_t *upstream = scene_upstream(target->recursor);
	require(!books.paused && (upstream == NULL || upstream == entry->upstream));
	books_excuse();
	check_limits(lookup);
	if (loop_now() - lookup->run->due_ms > 100) {
		books.excuses.any_ms = loop_now(); /* Limits have held it back. */
	}
	if (entry->for_subnet) {
		return;
	}
	if (atomic_load(&entry->started) == 1) {
		target->learned_ms = target->failed_ms = target->bare = 0; /* It was gone. */
	}
	check_wanted(target);
	check_pause(target, entry->upstream);
	check_silence(target->recursor, entry->upstream);
}

void before_end(lookup_t *lookup)
{
	const aname_entry_t *entry = lookup->run->entry;
	require(entry->run == lookup->run);
	books_excuse();
	const aname_upstream_work_t *work = entry->upstream->work;
	lookup->out_ms = work->out ? work->failing.since_ms : 0;
	lookup->counts = !entry->for_subnet && entry == scene_find(lookup->target);
	/* How much time it had before a reload is not known any more. */
	bool reloaded = books.excuses.reloaded_ms[lookup->target->recursor] >= lookup->started_ms;
	int64_t timeout_ms = reloaded ? 0 : entry->upstream->terms.schedule.timeout_ms;
	int64_t deadline_ms = lookup->started_ms + timeout_ms;
	lookup->failed_ms = deadline_ms < loop_now() ? deadline_ms : loop_now();
}

static void note_success(target_t *target, const lookup_t *lookup)
{
	const aname_result_t *result = &lookup->base.result;
	uint32_t bare_ttl = 5;
	for (unsigned i = 0; i < target->bare && bare_ttl < 30; i++) {
		bare_ttl = 2 * bare_ttl < 30 ? 2 * bare_ttl : 30;
	}
	target->learned_ms = loop_now();
	target->failed_ms = 0;
	target->told_ttl = result->bare ? bare_ttl : result->ttl;
	target->told = result->known;
	target->told_count = result->count;
	memcpy(target->told_first, lookup->addresses, sizeof(target->told_first));
	target->bare = result->bare ? target->bare + (target->bare < 9) : 0;
}

/*! An outage has ended: what failed in it is due (F4). */
static void check_back(const lookup_t *lookup)
{
	if (recursors.at[lookup->target->recursor].refuse != KNOT_EOK) {
		return; /* What is due is started at once, and has failed again. */
	}
	for (unsigned i = 0; i < recursors.count; i++) {
		const target_t *target = &recursors.targets[i];
		aname_entry_t *entry =
		        target->recursor == lookup->target->recursor ? scene_find(target) : NULL;
		const aname_snapshot_t *known = entry != NULL ? aname_entry_snapshot(entry) : NULL;
		bool failed = known != NULL && known->failure != ANAME_FAILURE_NONE &&
		              aname_snapshot_failing(known)->since_ms >= lookup->out_ms;
		require(!failed || entry->plan.state != ANAME_PLAN_WAITING || entry->run != NULL);
	}
}

void after_end(const lookup_t *lookup)
{
	bool good = lookup->base.result.failure == ANAME_FAILURE_NONE;
	if (good && lookup->out_ms != 0) {
		check_back(lookup);
	}
	if (!lookup->counts) {
		return;
	}
	if (good) {
		note_success(lookup->target, lookup);
	} else if (!books.paused) {
		lookup->target->failed_ms = lookup->failed_ms;
	}
}

/* What has to hold between two steps. */

static void check_content(const target_t *target, const aname_snapshot_t *snapshot)
{
	size_t len = target->type == KNOT_RRTYPE_A ? 4 : 16;
	require(snapshot->known == target->told && snapshot->count == target->told_count);
	require(snapshot->learned_ms == target->learned_ms);
	require(snapshot->count == 0 || memcmp(aname_snapshot_rdataset(snapshot).rdata->data,
	                                       target->told_first, len) == 0);
}

/*! What a worker would tell of it (T1, T2, F1). */
static void check_told(const target_t *target, aname_entry_t *entry,
                       const aname_schedule_t *schedule)
{
	aname_part_t part;
	(void)aname_part_judge(&part, aname_entry_snapshot(entry), atomic_load(&entry->cold),
	                       schedule, TOLD_TTL, atomic_load(&entry->next_ms), loop_now());
	int64_t life_s = target->told_ttl < TOLD_TTL ? target->told_ttl : TOLD_TTL;
	life_s = schedule->ttl_max < life_s ? schedule->ttl_max : life_s;
	life_s = life_s > 1 ? life_s : 1;
	int64_t age_ms = loop_now() - target->learned_ms, left_ms = 1000 * life_s - age_ms;
	int64_t stale_ms = 1000 * (int64_t)schedule->stale_max;
	const aname_judgement_t *judgement = &part.judgement;
	switch (judgement->worth == ANAME_COLD ? judgement->fallback : judgement->worth) {
	case ANAME_FRESH:
	case ANAME_NODATA:
		require(left_ms > 0);
		require(judgement->ttl <= left_ms / 1000 || (judgement->ttl == 1 && life_s > 1));
		break;
	case ANAME_LATE:
	case ANAME_LATE_NODATA:
		require(left_ms <= 0 && judgement->ttl <= 1 && target->failed_ms == 0);
		break;
	case ANAME_STALE:
	case ANAME_STALE_NODATA:
		require(left_ms <= 0 && -left_ms < stale_ms);
		require(judgement->ttl <= 30 && judgement->ttl <= life_s);
		break;
	default: require(target->learned_ms == 0 || -left_ms >= stale_ms); break;
	}
}

/*! While no section named its upstream it may have been looked up, or gone. */
static void adopt(target_t *target, const aname_snapshot_t *known)
{
	target->unseen = false;
	target->learned_ms = target->failed_ms = target->bare = 0;
	if (known != NULL && known->known != ANAME_KNOWN_NOTHING) {
		target->learned_ms = known->learned_ms;
		target->told = known->known;
		target->told_ttl = known->ttl;
		target->told_count = known->count;
		target->bare = known->bare;
		if (known->count > 0) {
			const knot_rdata_t *rdata = aname_snapshot_rdataset(known).rdata;
			memcpy(target->told_first, rdata->data, rdata->len);
		}
	}
}

static void check_target(target_t *target, bool gave_way)
{
	aname_entry_t *entry = scene_find(target);
	const aname_snapshot_t *snapshot = entry != NULL ? aname_entry_snapshot(entry) : NULL;
	bool known = snapshot != NULL && snapshot->known != ANAME_KNOWN_NOTHING;
	bool anew = !known && (gave_way || entry == NULL || atomic_load(&entry->started) == 0);
	if (scene_upstream(target->recursor) == NULL) {
		target->unseen = true;
		return;
	}
	if (target->unseen) {
		adopt(target, snapshot);
		bool dormant = entry != NULL && entry->plan.state == ANAME_PLAN_DORMANT;
		target->until_s = dormant ? 0 : target->until_s;
	}
	/* What is asked for is kept up (T3). */
	require(entry == NULL || entry->plan.state != ANAME_PLAN_DORMANT ||
	        loop_now() / 1000 > target->until_s);
	if (anew) {
		target->learned_ms = target->failed_ms = target->bare = 0;
		target->until_s = entry != NULL ? target->until_s : 0;
	}
	require(known == (target->learned_ms != 0));
	require(snapshot == NULL || snapshot->failure != ANAME_FAILURE_NONE ||
	        entry->plan.failures == 0);
	if (known) {
		check_content(target, snapshot);
	}
	for (unsigned i = 0; i < SECTIONS && entry != NULL; i++) {
		if (scene.sections[i].options != NULL && scene_recursor(i) == target->recursor) {
			check_told(target, entry, &scene.sections[i].schedule);
		}
	}
}

/*! What is ready waits for a place, or for its turn at the pace there is, and for nothing else. */
static void check_ready(const aname_upstream_work_t *work)
{
	bool ready = false;
	for (aname_priority_t priority = 0; priority < ANAME_PRIORITIES; priority++) {
		ready |= !aname_fair_queue_is_empty(&work->ready[priority]);
	}
	require(!ready || work->running_all > 0 || scene.refresh->pace_us > 1000 * loop_now());
}

static void check_pending(const lookup_t *lookup)
{
	const aname_entry_t *entry = lookup->run->entry;
	unsigned recursor = lookup->target->recursor;
	require(entry->run == lookup->run && lookup->run->lookup == &lookup->base);
	int64_t timeout_ms = entry->upstream->terms.schedule.timeout_ms;
	bool in_time = loop_now() - lookup->started_ms <= timeout_ms;
	bool excused = books.paused || books.excuses.reloaded_ms[recursor] >= lookup->started_ms;
	require(in_time || excused ||
	        (recursor == SYSTEM && entry->plan.state != ANAME_PLAN_RUNNING));
}

void books_check(void)
{
	loop_settle();
	books_excuse();
	const char *wrong = audit_refresh(scene.refresh);
	if (wrong != NULL) {
		(void)fprintf(stderr, "%s\n", wrong);
		require(false);
	}
	uint64_t gave_way = atomic_load(&scene.shared->reached.gave_way);
	for (unsigned i = 0; i < recursors.count; i++) {
		check_target(&recursors.targets[i], gave_way != books.gave_way);
	}
	books.gave_way = gave_way;
	for (const lookup_t *lookup = recursors.pending; lookup != NULL; lookup = lookup->next) {
		check_pending(lookup);
	}
	for (unsigned i = 0; i < RECURSORS && !books.paused; i++) {
		const aname_upstream_t *upstream = scene_upstream(i);
		if (upstream != NULL && upstream->work != NULL) {
			check_ready(upstream->work);
		}
	}
	require(aname_table_targets(scene.shared->table) <= scene.limits.max_targets);
	require(aname_table_subnets(scene.shared->table) <= scene.limits.max_subnets);
}
