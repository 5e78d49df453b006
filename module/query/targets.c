#include "query/targets.h"

#include "path.h"
#include "table/part.h"
#include "table/policy.h"
#include "table/rdata.h"

/*! By how much a query's clock may be behind the service's. */
#define COARSE_MS 50

uint16_t aname_target_other_type(uint16_t type)
{
	return type == KNOT_RRTYPE_A ? KNOT_RRTYPE_AAAA : KNOT_RRTYPE_A;
}

aname_entry_t *aname_target_other_entry(const aname_query_t *query, const aname_key_t *key)
{
	const aname_table_t *table = query->instance->shared->table;
	aname_key_t other = *key;
	other.type = aname_target_other_type(key->type);
	return aname_table_find(table, &other, aname_table_hash(table, &other));
}

const aname_snapshot_t *aname_target_other(const aname_query_t *query, const aname_key_t *key)
{
	aname_entry_t *entry = aname_target_other_entry(query, key);
	return entry != NULL ? aname_entry_snapshot(entry) : NULL;
}

/*!
 * For how long a query has a target kept fresh that is not fresh now. In a circle not at all: there
 * each lookup would be the next one's client, for ever (F5). Nor if it fails, and is looked up
 * just now: the query may have come because of that.
 */
static ANAME_ASIDE uint32_t keep_late(const aname_query_t *query, const aname_snapshot_t *snapshot,
                                      int64_t next_ms)
{
	bool own = snapshot != NULL && snapshot->failure != ANAME_FAILURE_NONE &&
	           next_ms <= query->now_ms + COARSE_MS;
	return own ? 0 : query->instance->options->schedule.idle & query->slot->keep;
}

/*! In a circle only those count who want addresses: who asks for the records may be this server
 *  itself (service/confirm.h), because of the lookup before. */
static bool is_idle_question(const aname_query_t *query)
{
	uint16_t type = knot_pkt_qtype(query->qdata->query);
	return query->slot->way != ANAME_WAY_OUT && type != KNOT_RRTYPE_A &&
	       type != KNOT_RRTYPE_AAAA;
}

ANAME_ASIDE void aname_target_ask(const aname_query_t *query, const aname_key_t *key, uint32_t ttl,
                                  bool for_client)
{
	if (is_idle_question(query)) {
		return;
	}
	aname_shared_t *shared = query->instance->shared;
	uint64_t hash = aname_table_hash(shared->table, key);
	const aname_subnet_t *client = NULL;
	if (for_client) {
		client = &query->client;
		hash = aname_table_subnet_hash(shared->table, hash, client);
	}
	aname_interest_t interest =
	        aname_interest(&query->instance->options->schedule, ttl, query->now_s);
	interest.until_s = query->now_s + keep_late(query, NULL, 0);
	interest.definition = query->instance->options->definition;
	interest.zone = aname_query_zone(query);
	if (!aname_queue_push(shared->queue, key, client, hash, interest)) {
		atomic_fetch_add_explicit(&shared->reached.queue_full, 1, memory_order_relaxed);
	}
}

/*! The other family is looked at here only. */
static ANAME_ASIDE void judge_lost(const aname_query_t *query, const aname_key_t *key, uint32_t ttl,
                                   aname_part_t *part)
{
	aname_part_keep_lost(part, aname_target_other(query, key), query->instance->options, ttl,
	                     query->now_ms);
}

/*! Sees the addresses of a target as the zone's section does (H3). */
static ANAME_ASIDE void look_through(const aname_query_t *query, const aname_key_t *key,
                                     uint32_t ttl, bool for_subnet, aname_part_t *part)
{
	bool seen = aname_answer_look(part, query->instance->options->definition, query->now_ms);
	/* Where there is no room for one more view, it is not asked for with every query. */
	bool room =
	        part->snapshot->views < ANAME_VIEWS_DEFINITIONS ||
	        atomic_load_explicit(&query->node->shown_s, memory_order_relaxed) != query->now_s;
	if (!seen && room && part->snapshot->count > 0 && !for_subnet) {
		aname_target_ask(query, key, ttl, false); /* To have it probed. */
	}
}

/*! Once a second, for each target. */
static ANAME_ASIDE void note_asked(const aname_query_t *query, aname_entry_t *entry)
{
	aname_entry_note_asked(aname_table_charges(query->instance->shared->table), entry,
	                       aname_query_zone(query), query->now_s);
}

ANAME_WARM void aname_target_judge(const aname_query_t *query, const aname_key_t *key,
                                   aname_entry_t *entry, uint32_t ttl, aname_part_t *part)
{
	/* In this order: a target is called warm only after what makes it so is published. */
	bool cold = atomic_load_explicit(&entry->cold, memory_order_acquire);
	int64_t next_ms = atomic_load_explicit(&entry->next_ms, memory_order_relaxed);
	const aname_snapshot_t *snapshot = atomic_load(&entry->snapshot);
	const aname_schedule_t *schedule = &query->instance->options->schedule;

	aname_life_t life =
	        aname_part_judge(part, snapshot, cold, schedule, ttl, next_ms, query->now_ms);
	uint32_t keep_s = schedule->idle & query->slot->keep;
	if (part->judgement.worth != ANAME_FRESH && snapshot != NULL) {
		keep_s = keep_late(query, snapshot, next_ms);
		part->lives = aname_part_fails_with_all(entry->upstream, snapshot, next_ms);
		if (snapshot->lost) {
			judge_lost(query, key, ttl, part);
		}
	}
	if (snapshot != NULL && (snapshot->views | query->instance->options->definition) != 0 &&
	    part->snapshot == snapshot) {
		look_through(query, key, ttl, entry->for_subnet, part);
	}

	const aname_interest_t interest = {
		.ttl = ttl < schedule->ttl_max ? ttl : schedule->ttl_max,
		.until_s = query->now_s + keep_s,
	};
	if (aname_entry_is_first(entry, query->now_s)) {
		note_asked(query, entry);
	}
	aname_entry_note_interest(entry, interest);
	if (aname_policy_ask(snapshot, life, next_ms, query->now_ms)) {
		aname_target_ask(query, key, ttl, entry->for_subnet);
	}
}

void aname_target_judge_unknown(const aname_query_t *query, aname_part_t *part)
{
	const aname_shared_t *shared = query->instance->shared;
	bool no_room = atomic_load_explicit(&shared->reached.no_room, memory_order_relaxed);
	*part = (aname_part_t){ .judgement = { .worth = no_room ? ANAME_FAILED : ANAME_COLD,
		                               .fallback = ANAME_FAILED } };
}

/*! Searches for a target; where the zone's only one is, is noted. */
static aname_entry_t *search(const aname_query_t *query, const aname_key_t *key)
{
	const aname_table_t *table = query->instance->shared->table;
	aname_entry_t *entry = aname_table_find(table, key, aname_table_hash(table, key));
	if (entry != NULL && !query->several) {
		_Atomic uint32_t *position = &query->node->positions[key->type == KNOT_RRTYPE_AAAA];
		uint32_t slot = aname_table_slot(table, entry);
		if (atomic_load_explicit(position, memory_order_relaxed) != slot) {
			atomic_store_explicit(position, slot, memory_order_relaxed);
			/* It may be another one than before. */
			aname_query_show_soon(query);
		}
	}
	return entry;
}

ANAME_ASIDE bool aname_target_find(const aname_query_t *query, const knot_rdata_t *rdata,
                                   aname_key_t *key, knot_dname_storage_t lower,
                                   aname_entry_t **entry)
{
	/* RDATA that is found in the table as it stands is a valid name in lower case, since only
	 * such names get there; only what is not found is looked at closely. */
	key->name = rdata->data;
	key->name_len = rdata->len;
	*entry = rdata->len > 0 && rdata->len <= KNOT_DNAME_MAXLEN ? search(query, key) : NULL;
	if (*entry != NULL) {
		return true;
	}
	int len = aname_rdata_read(rdata->data, rdata->len, lower);
	if (len < 0) {
		return false;
	}
	key->name = lower;
	key->name_len = len;
	*entry = search(query, key);
	return true;
}
