#include "service/owner_parts.h"

#include <stdlib.h>

#include "service/work.h"
#include "table/part.h"

/*! What fails for less than this may do so because the whole upstream is silent. */
#define FAILING_NEW_MS 15000
/*! Ask again within so many seconds where something is about to be known, */
#define NEXT_SOON_S    5
/*! where there is no room for a target, */
#define NEXT_FULL_S    60
/*! and where targets end at owners that are known here: that they lead back is not told. */
#define NEXT_OWNERS_S  60

typedef aname_owner_parts_t parts_t;

/*! It is to be asked again then. */
static void ask_at(parts_t *parts, int64_t at_ms)
{
	int64_t left_ms = at_ms - parts->now_ms;
	if (left_ms > 0 && left_ms < 1000 * (int64_t)parts->next_s) {
		parts->next_s = left_ms / 1000 + 1;
	}
}

/* Which they are. */

static bool is_there(const parts_t *parts, const knot_dname_t *name)
{
	unsigned i = 0;
	while (i < parts->count && !knot_dname_is_equal(parts->targets[i], name)) {
		i++;
	}
	return i < parts->count;
}

static void add(parts_t *parts, const knot_dname_t *name)
{
	if (name[0] == 0) {
		parts->malformed++;
		parts->refusal = "the target is the root";
	} else if (knot_dname_is_equal(name, parts->question->owner)) {
		parts->malformed++;
		parts->refusal = "the target is the owner itself";
	} else if (aname_part_allow(parts->options, name, &parts->refusal) != ANAME_FAILURE_NONE) {
		parts->denied++;
	} else if (!is_there(parts, name)) {
		parts->targets[parts->count++] = name;
	}
}

static aname_key_t key_of(const parts_t *parts, unsigned number, uint16_t type)
{
	const knot_dname_t *name = parts->targets[number];
	return (aname_key_t){ .upstream = parts->upstream,
		              .name = name,
		              .type = type,
		              .name_len = knot_dname_size(name) };
}

static aname_entry_t *find(const parts_t *parts, const aname_key_t *key)
{
	const aname_table_t *table = parts->refresh->shared->table;
	return aname_table_find(table, key, aname_table_hash(table, key));
}

static aname_entry_t *find_other(const parts_t *parts, const aname_key_t *key)
{
	aname_key_t other = *key;
	other.type = key->type == KNOT_RRTYPE_A ? KNOT_RRTYPE_AAAA : KNOT_RRTYPE_A;
	return find(parts, &other);
}

/*! Where a target leads. What others lead to is known by what they were asked over DNS, as they are by
 *  the lookups of this one, if they lead here. */
static aname_way_t way_of(parts_t *parts, const aname_key_t *key, const aname_entry_t *entry)
{
	aname_owners_t *owners = parts->refresh->shared->owners;
	bool ends = entry != NULL && atomic_load(&entry->end) != 0;
	uint64_t end = aname_part_end(owners, key, entry, ends ? NULL : find_other(parts, key));
	bool known;
	aname_way_t way = aname_owners_way_at(owners, parts->owner, end, &known);
	if (known) {
		aname_owner_parts_hasten(parts, NEXT_OWNERS_S);
	}
	return way;
}

/*! In a circle nothing is kept fresh, as with queries: each lookup would be the next one's client
 *  (F5). */
void aname_owner_parts_ask(aname_owner_parts_t *parts)
{
	const aname_owner_question_t *question = parts->question;
	parts->count = parts->malformed = parts->denied = 0;
	parts->refusal = NULL;
	for (unsigned i = 0; i < question->count && i < ANAME_POOL_MAX; i++) {
		add(parts, question->targets[i]);
	}
	const aname_schedule_t *schedule = &parts->options->schedule;
	uint32_t now_s = parts->now_ms / 1000;
	aname_interest_t interest =
	        aname_interest(schedule, aname_policy_ttl(question->ttl), now_s);
	interest.definition = parts->options->definition;
	interest.zone = aname_shared_zone(parts->refresh->shared, question->zone);
	for (unsigned i = 0; i < 2 * parts->count; i++) {
		aname_key_t key =
		        key_of(parts, i / 2, i % 2 == 0 ? KNOT_RRTYPE_A : KNOT_RRTYPE_AAAA);
		aname_way_t way = way_of(parts, &key, find(parts, &key));
		interest.until_s = now_s + (way == ANAME_WAY_OUT ? schedule->idle : 0);
		aname_refresh_ask(parts->refresh, &key, interest, parts->now_ms);
	}
}

/* What they are worth. */

/*! Is an upstream back, and a target not looked up since then? */
static bool is_about_to_recover(const aname_entry_t *entry, int64_t next_ms, int64_t now_ms)
{
	const aname_upstream_work_t *work = aname_work_of(entry);
	return work != NULL && next_ms <= now_ms &&
	       (work->running[ANAME_PRIORITY_RETURN] > 0 ||
	        !aname_fair_queue_is_empty(&work->ready[ANAME_PRIORITY_RETURN]));
}

/*! Is what is past its lifetime as good as live? */
static bool lives(parts_t *parts, const aname_entry_t *entry, const aname_snapshot_t *snapshot,
                  int64_t next_ms)
{
	const aname_failing_t *failing = aname_snapshot_failing(snapshot);
	if (snapshot->known != ANAME_KNOWN_ADDRESSES) {
		return false;
	}
	if (failing != NULL && parts->now_ms - failing->since_ms < FAILING_NEW_MS) {
		ask_at(parts, failing->since_ms + FAILING_NEW_MS);
		return true;
	}
	if (failing != NULL && is_about_to_recover(entry, next_ms, parts->now_ms)) {
		aname_owner_parts_hasten(parts, NEXT_SOON_S);
		return true;
	}
	return aname_part_fails_with_all(entry->upstream, snapshot, next_ms);
}

/*! When time alone makes something else of a target. */
static void note_times(parts_t *parts, const aname_part_t *part, const aname_snapshot_t *snapshot,
                       aname_life_t life)
{
	uint8_t worth = part->judgement.worth;
	if (snapshot->known == ANAME_KNOWN_NOTHING) {
		return;
	}
	bool lives = worth == ANAME_FRESH || worth == ANAME_NODATA;
	if (snapshot->failure != ANAME_FAILURE_NONE || !lives) {
		int64_t stale_ms = 1000 * (int64_t)parts->options->schedule.stale_max;
		ask_at(parts, parts->now_ms + life.left_ms);
		ask_at(parts, parts->now_ms + life.left_ms + stale_ms);
	}
	if (snapshot->lost) {
		ask_at(parts, aname_snapshot_lost(snapshot)->since_ms +
		                      1000 * (int64_t)parts->options->negative_delay);
	}
	if (worth == ANAME_LATE || worth == ANAME_LATE_NODATA) {
		aname_owner_parts_hasten(parts, NEXT_SOON_S);
	}
}

/*! Leaves of a target what policy leaves. */
static void filter(parts_t *parts, unsigned number, aname_part_t *part)
{
	const aname_nets_t *deny = &parts->options->deny_address;
	if (deny->count == 0 || part->snapshot == NULL || part->snapshot->count == 0) {
		return;
	}
	aname_snapshot_t *left = aname_snapshot_without(part->snapshot, deny);
	parts->left[number] = left;
	if (left != NULL && left->count > 0) {
		aname_part_narrow(part, left);
	} else {
		aname_part_fail(part, left != NULL ? ANAME_FAILURE_EMPTIED : ANAME_FAILURE_NONE);
	}
}

/*! Judges what is published of an entry. */
static void judge_known(parts_t *parts, unsigned number, const aname_key_t *key,
                        aname_entry_t *entry, const aname_snapshot_t *snapshot)
{
	aname_part_t *part = &parts->pool.parts[number];
	const aname_options_t *options = parts->options;
	uint32_t ttl = aname_policy_ttl(parts->question->ttl);
	int64_t next_ms = atomic_load(&entry->next_ms);
	aname_life_t life = aname_part_judge(part, snapshot, atomic_load(&entry->cold),
	                                     &options->schedule, ttl, next_ms, parts->now_ms);
	note_times(parts, part, snapshot, life);
	if (part->judgement.worth != ANAME_FRESH) {
		part->lives = lives(parts, entry, snapshot, next_ms);
		if (snapshot->lost) {
			aname_entry_t *other = find_other(parts, key);
			aname_part_keep_lost(part,
			                     other != NULL ? aname_entry_snapshot(other) : NULL,
			                     options, ttl, parts->now_ms);
		}
	}
	if (part->snapshot == snapshot) {
		(void)aname_answer_look(part, options->definition, parts->now_ms);
	}
	filter(parts, number, part);
	/* That a verdict is new does not make it short: in a zone that would be one more change. */
	part->recent = false;
	part->judgement.ttl = part->snapshot != NULL ? aname_policy_life(&options->schedule, ttl,
	                                                                 part->snapshot->ttl)
	                                             : 0;
}

static void judge(parts_t *parts, unsigned number)
{
	aname_part_t *part = &parts->pool.parts[number];
	const aname_key_t key = key_of(parts, number, parts->type);
	aname_entry_t *entry = find(parts, &key);
	const aname_snapshot_t *snapshot = entry != NULL ? aname_entry_snapshot(entry) : NULL;
	aname_part_fail(part, ANAME_FAILURE_NONE);
	if (entry == NULL) {
		parts->full = true;
		aname_owner_parts_hasten(parts, NEXT_FULL_S);
		return;
	}
	if (snapshot != NULL) {
		judge_known(parts, number, &key, entry, snapshot);
	} else if (atomic_load(&entry->cold)) {
		part->judgement.worth = ANAME_COLD;
	}
	if (way_of(parts, &key, entry) == ANAME_WAY_BACK) {
		aname_part_fail(part, ANAME_FAILURE_CIRCULAR);
	}
}

void aname_owner_parts_judge(aname_owner_parts_t *parts, uint16_t type)
{
	aname_pool_t *pool = &parts->pool;
	parts->type = type;
	parts->full = false;
	pool->network = 0;
	pool->all_down = parts->options->all_down;
	for (pool->count = 0; pool->count < parts->count; pool->count++) {
		parts->left[pool->count] = NULL;
		judge(parts, pool->count);
	}
	for (unsigned i = 0; i < parts->malformed; i++) {
		aname_part_fail(&pool->parts[pool->count++], ANAME_FAILURE_MALFORMED);
	}
	for (unsigned i = 0; i < parts->denied; i++) {
		aname_part_fail(&pool->parts[pool->count++], ANAME_FAILURE_DENIED);
	}
}

const aname_snapshot_t *aname_owner_parts_known(const aname_owner_parts_t *parts, unsigned number)
{
	const aname_key_t key = key_of(parts, number, parts->type);
	aname_entry_t *entry = find(parts, &key);
	return entry != NULL ? aname_entry_snapshot(entry) : NULL;
}

void aname_owner_parts_free(aname_owner_parts_t *parts)
{
	for (unsigned i = 0; i < parts->count; i++) {
		free(parts->left[i]);
	}
}
