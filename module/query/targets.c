#include "query/targets.h"

#include <string.h>

#include "conf.h"
#include "path.h"
#include "stats.h"
#include "table/clock.h"
#include "table/policy.h"
#include "table/rdata.h"

void aname_query_tell_scope(const aname_query_t *query, const aname_answer_t *answer)
{
	knot_edns_client_subnet_t *ecs = query->qdata->ecs;
	if (query->tailored && answer->scope > ecs->scope_len) {
		ecs->scope_len = answer->scope;
	}
}

uint32_t aname_query_full_ttl(const aname_query_t *query)
{
	const aname_schedule_t *schedule = &query->instance->profile->schedule;
	uint32_t full = 0;
	for (unsigned i = 0; i < query->rrsets_count; i++) {
		uint32_t ttl = aname_policy_ttl(query->rrsets[i].ttl);
		uint32_t life = aname_policy_life(schedule, ttl, ANAME_TTL_UNKNOWN);
		ttl = ttl < life ? ttl : life;
		full = ttl > full ? ttl : full;
	}
	return full;
}

/* Targets that are not asked for. */

static void fail_part(aname_part_t *part, aname_failure_t failure)
{
	*part = (aname_part_t){
		.judgement = { .worth = ANAME_FAILED, .fallback = ANAME_FAILED },
		.failure = failure,
	};
}

static void tell_malformed(const aname_query_t *query, const knot_rdata_t *rdata, const char *why)
{
	aname_stats_malformed(query->mod, query->worker);
	if (aname_query_first_time(query, why, rdata->data, rdata->len)) {
		knotd_mod_log(query->mod, LOG_WARNING,
		              "malformed ANAME record, %s (%u octets of RDATA)", why, rdata->len);
	}
}

static void tell_denied(const aname_query_t *query, const aname_key_t *key, const char *why)
{
	if (aname_query_first_time(query, why, key->name, key->name_len)) {
		knot_dname_txt_storage_t name;
		(void)knot_dname_to_str(name, key->name, sizeof(name));
		knotd_mod_log(query->mod, LOG_WARNING, "target %s denied, %s", name, why);
	}
}

/*! Why a name can never be looked up; NULL if it can. */
static ANAME_WARM const char *unusable(const aname_query_t *query, const aname_key_t *key)
{
	if (key->name[0] == '\0') {
		return "the target is the root";
	}
	if (key->name_len == query->instance->zone_len &&
	    memcmp(key->name, knotd_qdata_zone_name(query->qdata), key->name_len) == 0) {
		return "the target is the owner itself";
	}
	return NULL;
}

/*! Which option denies a target; NULL if none. */
static ANAME_WARM const char *denied_by(const aname_options_t *options, const knot_dname_t *target)
{
	if (options->deny_target.count > 0 && aname_names_match(&options->deny_target, target)) {
		return "it is under a suffix of 'deny-target'";
	}
	if (options->allow_target.count > 0 && !aname_names_match(&options->allow_target, target)) {
		return "it is under no suffix of 'allow-target'";
	}
	return NULL;
}

/* Targets in the table. */

static uint16_t other_type(uint16_t type)
{
	return type == KNOT_RRTYPE_A ? KNOT_RRTYPE_AAAA : KNOT_RRTYPE_A;
}

/*! What is known of the other family of a target, be it under other options; NULL if nothing. */
static const aname_snapshot_t *other_of(const aname_query_t *query, const aname_key_t *key)
{
	const aname_table_t *table = query->instance->shared->table;
	aname_key_t other = *key;
	other.type = other_type(key->type);
	aname_entry_t *entry = aname_table_find(table, &other, aname_table_hash(table, &other));
	entry = entry != NULL ? entry : aname_table_find_kin(table, &other);
	return entry != NULL ? aname_entry_snapshot(entry) : NULL;
}

/*! Asks the service for a lookup; for the client if `tailored`, else for everybody. */
static ANAME_ASIDE void ask(const aname_query_t *query, const aname_key_t *key, uint32_t ttl,
                            bool tailored)
{
	aname_shared_t *shared = query->instance->shared;
	uint64_t hash = aname_table_hash(shared->table, key);
	const aname_subnet_t *client = NULL;
	if (tailored) {
		client = &query->client;
		hash = aname_table_subnet_hash(hash, client);
	}
	if (!aname_queue_push(shared->queue, key, client, hash, ttl)) {
		atomic_fetch_add_explicit(&shared->met.queue_full, 1, memory_order_relaxed);
	}
}

/*!
 * Has a target that had addresses before, and is gone, keep them for a while if the options say so
 * (W1). The other family is looked at here only.
 */
static ANAME_ASIDE void judge_lost(const aname_query_t *query, const aname_key_t *key, uint32_t ttl,
                                   aname_part_t *part)
{
	const aname_snapshot_t *snapshot = part->snapshot;
	const aname_snapshot_t *other = other_of(query, key);
	if (!aname_policy_gone(snapshot, other)) {
		return;
	}
	part->gone = aname_policy_gone_surely(snapshot, other);
	const aname_snapshot_t *last = aname_snapshot_last(snapshot);
	uint32_t life = aname_policy_life(&key->profile->schedule, ttl, last->ttl);
	if (aname_policy_keep(snapshot, life, query->instance->options->negative_delay,
	                      query->now_ms, &part->judgement)) {
		part->gone = true;
		part->snapshot = last;
	}
}

/*! Judges an entry in the table, and has it looked up where that is due. */
static ANAME_WARM void judge(const aname_query_t *query, const aname_key_t *key,
                             aname_entry_t *entry, uint32_t ttl, aname_part_t *part)
{
	/* In this order: a target is called warm only after what makes it so is published. */
	bool cold = atomic_load_explicit(&entry->cold, memory_order_acquire);
	int64_t next_ms = atomic_load_explicit(&entry->next_ms, memory_order_relaxed);
	const aname_snapshot_t *snapshot = aname_entry_snapshot(entry);
	const aname_schedule_t *schedule = &key->profile->schedule;

	part->snapshot = snapshot;
	part->failure = snapshot != NULL ? snapshot->failure : ANAME_FAILURE_NONE;
	aname_life_t life = aname_policy_left(snapshot, schedule, ttl, query->now_ms);
	part->judgement =
	        aname_policy_judge(snapshot, cold, schedule, life, next_ms, query->now_ms);
	part->scope = 0;
	part->gone = false;
	if (part->judgement.worth != ANAME_FRESH && snapshot != NULL && snapshot->lost) {
		judge_lost(query, key, ttl, part);
	}

	aname_entry_touch(entry, ttl, query->now_s);
	if (aname_policy_ask(snapshot, life, next_ms, query->now_ms)) {
		ask(query, key, ttl, entry->tailored);
	}
}

/*! Judges an answer that is not in the table yet by that under other options, if there is one. */
static void judge_kin(const aname_query_t *query, const aname_key_t *key, aname_entry_t *kin,
                      uint32_t ttl, aname_part_t *part)
{
	bool cold = kin == NULL || atomic_load_explicit(&kin->cold, memory_order_acquire);
	int64_t next_ms = kin != NULL ? atomic_load_explicit(&kin->next_ms, memory_order_relaxed)
	                              : ANAME_NEXT_NEVER;
	part->snapshot = kin != NULL ? aname_entry_snapshot(kin) : NULL;
	part->failure = ANAME_FAILURE_NONE;
	part->scope = 0;
	const aname_schedule_t *schedule = &key->profile->schedule;
	aname_life_t life = aname_policy_left(part->snapshot, schedule, ttl, query->now_ms);
	part->judgement =
	        aname_policy_judge(part->snapshot, cold, schedule, life, next_ms, query->now_ms);
	part->gone = false;
	if (part->snapshot != NULL && part->snapshot->lost) {
		judge_lost(query, key, ttl, part);
	}
}

/*!
 * A target that is not in the table yet, but may be under options of before. Otherwise it is cold,
 * or has no hope to get there while the table is full.
 */
static void judge_unknown(const aname_query_t *query, const aname_key_t *key, uint32_t ttl,
                          aname_part_t *part)
{
	const aname_shared_t *shared = query->instance->shared;
	aname_entry_t *kin = aname_table_find_kin(shared->table, key);
	judge_kin(query, key, kin, ttl, part);
	if (kin == NULL && atomic_load_explicit(&shared->met.no_room, memory_order_relaxed)) {
		part->judgement.worth = ANAME_FAILED;
	}
}

/*! What is known for the client under other options, as judge_unknown() does for everybody. */
static void judge_unknown_client(const aname_query_t *query, const aname_key_t *key, uint32_t ttl,
                                 aname_part_t *part)
{
	const aname_table_t *table = query->instance->shared->table;
	aname_entry_t *kin = aname_table_find_kin(table, key);
	kin = kin != NULL ? aname_table_find_client(table, kin, &query->client) : NULL;
	judge_kin(query, key, kin, ttl, part);
}

/*! Is it no use to look up what a target says to one more client? */
static bool is_hopeless(const aname_query_t *query, aname_entry_t *target,
                        const aname_part_t *general)
{
	const aname_subnets_t *subnets = target != NULL ? atomic_load(&target->subnets) : NULL;
	unsigned family = query->client.family == ANAME_SUBNET_IPV6;
	return general->failure != ANAME_FAILURE_NONE ||
	       (subnets != NULL && atomic_load(&subnets->state[family]) == ANAME_SUBNETS_FAILING &&
	        atomic_load(&subnets->count) >= ANAME_SUBNETS_PROBES);
}

/*! Has policy left nothing of a target's addresses? Then it counts as denied (L2). */
static ANAME_WARM bool is_emptied(const aname_query_t *query, const aname_part_t *part)
{
	const aname_nets_t *deny = &query->instance->options->deny_address;
	return deny->count > 0 && part->snapshot != NULL && part->snapshot->count > 0 &&
	       aname_answer_allowed(part->snapshot, deny) == 0;
}

/*! Is it known that a family of a target has nothing either, or nothing that policy leaves? */
static bool is_without(const aname_query_t *query, const aname_snapshot_t *snapshot)
{
	const aname_nets_t *deny = &query->instance->options->deny_address;
	return snapshot != NULL && snapshot->known != ANAME_KNOWN_NOTHING &&
	       aname_answer_allowed(snapshot, deny) == 0;
}

static void tell_emptied(const aname_query_t *query, const aname_key_t *key)
{
	if (is_without(query, other_of(query, key))) {
		tell_denied(query, key, "all its addresses are in networks of 'deny-address'");
		return;
	}
	bool ipv4 = key->type == KNOT_RRTYPE_A;
	const char *family = ipv4 ? "A" : "AAAA", *other = ipv4 ? "AAAA" : "A";
	if (aname_query_first_time(query, family, key->name, key->name_len)) {
		knot_dname_txt_storage_t name;
		(void)knot_dname_to_str(name, key->name, sizeof(name));
		knotd_mod_log(query->mod, LOG_WARNING,
		              "target %s has no %s left, all are in networks of 'deny-address'; "
		              "without others %s is NODATA while there are %s",
		              name, family, family, other);
	}
}

/*! Fails a part that policy has emptied; the answer is for as many clients as before. */
static ANAME_ASIDE void fail_emptied(const aname_query_t *query, const aname_key_t *key,
                                     aname_part_t *part)
{
	uint8_t scope = part->scope;
	fail_part(part, ANAME_FAILURE_EMPTIED);
	part->scope = scope;
	tell_emptied(query, key);
}

/*!
 * Puts what a target says to the client in the place of what it says to everybody.
 *
 * \param target  The target's entry, or NULL if it is not in the table yet.
 * \param part    What it says to everybody; then what the client is told.
 */
static ANAME_ASIDE void tailor(const aname_query_t *query, const aname_key_t *key,
                               aname_entry_t *target, uint32_t ttl, aname_part_t *part)
{
	aname_part_t own = { .judgement = { .worth = ANAME_FAILED, .fallback = ANAME_FAILED } };
	aname_entry_t *entry = target != NULL
	                               ? aname_table_find_client(query->instance->shared->table,
	                                                         target, &query->client)
	                               : NULL;
	if (entry != NULL) {
		judge(query, key, entry, ttl, &own);
		aname_entry_note_return(entry, own.snapshot, query->now_ms);
	} else if (!is_hopeless(query, target, part)) {
		judge_unknown_client(query, key, ttl, &own);
		ask(query, key, ttl, true);
	}
	if (own.snapshot != NULL) {
		own.scope = own.snapshot->scope;
	}
	if (own.scope > query->client_max) {
		own.scope = query->client_max;
	}
	*part = aname_answer_tailor(&own, part, query->client.len);
}

static bool has_one_record(const aname_query_t *query)
{
	return query->rrsets_count == 1 && query->rrsets[0].rrs.count == 1;
}

/*! Where the target of the zone's only record was found last; NULL if there are several. */
static _Atomic uint32_t *place_of(const aname_query_t *query, uint16_t type)
{
	return has_one_record(query) ? &query->instance->places[type == KNOT_RRTYPE_AAAA] : NULL;
}

/*! Searches for a target, and notes where it is. */
static aname_entry_t *search(const aname_query_t *query, const aname_key_t *key)
{
	const aname_table_t *table = query->instance->shared->table;
	aname_entry_t *entry = aname_table_find(table, key, aname_table_hash(table, key));
	_Atomic uint32_t *place = place_of(query, key->type);
	if (entry != NULL && place != NULL) {
		atomic_store_explicit(place, aname_table_place(table, entry), memory_order_relaxed);
	}
	return entry;
}

/*! Finds a target where it was last, or else wherever it is. */
static inline aname_entry_t *find_entry(const aname_query_t *query, const aname_key_t *key)
{
	const aname_table_t *table = query->instance->shared->table;
	const _Atomic uint32_t *place = place_of(query, key->type);
	aname_entry_t *entry =
	        place != NULL ? aname_table_look(table, key,
	                                         atomic_load_explicit(place, memory_order_relaxed))
	                      : NULL;
	return entry != NULL ? entry : search(query, key);
}

/*!
 * Finds the target of a record. RDATA that is found in the table as it stands is a valid name in
 * lower case, since only such names get there; only what is not found is looked at closely.
 *
 * Returns false if the RDATA is malformed; `entry` is NULL if the target is not in the table.
 */
static inline bool find_target(const aname_query_t *query, const knot_rdata_t *rdata,
                               aname_key_t *key, knot_dname_storage_t lower, aname_entry_t **entry)
{
	key->name = rdata->data;
	key->name_len = rdata->len;
	if (rdata->len > 0 && rdata->len <= KNOT_DNAME_MAXLEN) {
		*entry = find_entry(query, key);
		if (*entry != NULL) {
			return true;
		}
	}

	int len = aname_rdata_read(rdata->data, rdata->len, lower);
	if (len < 0) {
		return false;
	}
	key->name = lower;
	key->name_len = len;
	*entry = find_entry(query, key);
	return true;
}

bool aname_query_find(const aname_query_t *query, const knot_rdata_t *rdata, aname_key_t *key,
                      knot_dname_storage_t lower, aname_entry_t **entry)
{
	return find_target(query, rdata, key, lower, entry) && unusable(query, key) == NULL &&
	       denied_by(query->instance->options, key->name) == NULL;
}

/*! Judges what a target says to whoever asks. */
static void judge_target(const aname_query_t *query, const aname_key_t *key, aname_entry_t *entry,
                         uint32_t ttl, aname_part_t *part)
{
	if (entry != NULL) {
		judge(query, key, entry, ttl, part);
	} else {
		ask(query, key, ttl, false);
		judge_unknown(query, key, ttl, part);
	}
	if (query->tailored) {
		tailor(query, key, entry, ttl, part);
	}
}

static void add_target(const aname_query_t *query, const knot_rdata_t *rdata, uint32_t record_ttl,
                       uint16_t type, aname_part_t *part)
{
	aname_key_t key = { .profile = query->instance->profile, .type = type };
	knot_dname_storage_t lower;
	aname_entry_t *entry;
	bool valid = find_target(query, rdata, &key, lower, &entry);
	const char *why = valid ? unusable(query, &key) : "the RDATA is not one whole name";
	if (why != NULL) {
		tell_malformed(query, rdata, why);
		fail_part(part, ANAME_FAILURE_MALFORMED);
		return;
	}

	uint32_t ttl = aname_policy_ttl(record_ttl);
	why = denied_by(query->instance->options, key.name);
	if (why != NULL) {
		fail_part(part, ANAME_FAILURE_DENIED);
		tell_denied(query, &key, why);
		return;
	}
	judge_target(query, &key, entry, ttl, part);
	if (is_emptied(query, part)) {
		fail_emptied(query, &key, part);
	}
}

static void tell_pool_limit(const aname_query_t *query)
{
	if (aname_query_first_time(query, "pool", NULL, 0)) {
		knotd_mod_log(query->mod, LOG_WARNING,
		              "limit reached, only %u ANAME records are used", ANAME_POOL_MAX);
	}
}

/*! All targets of a zone that has several records. */
static ANAME_ASIDE void gather(const aname_query_t *query, uint16_t type, aname_pool_t *pool)
{
	for (unsigned i = 0; i < query->rrsets_count; i++) {
		const knot_rrset_t *rrset = &query->rrsets[i];
		knot_rdata_t *rdata = rrset->rrs.rdata;
		for (unsigned k = 0; k < rrset->rrs.count; k++, rdata = knot_rdataset_next(rdata)) {
			if (pool->count == ANAME_POOL_MAX) {
				tell_pool_limit(query);
				return;
			}
			add_target(query, rdata, rrset->ttl, type, &pool->parts[pool->count++]);
		}
	}
}

/*! Decides on a family by what is known of it alone. */
static ANAME_WARM void decide_alone(const aname_query_t *query, uint16_t type, bool hurry,
                                    aname_answer_t *answer)
{
	aname_pool_t pool;
	if (has_one_record(query)) {
		const knot_rrset_t *rrset = &query->rrsets[0];
		pool.count = 1;
		add_target(query, rrset->rrs.rdata, rrset->ttl, type, &pool.parts[0]);
	} else {
		pool.count = 0;
		gather(query, type, &pool);
	}
	aname_answer_decide(&pool, hurry, answer);
}

static bool has_sibling(const aname_query_t *query, uint16_t type)
{
	return knotd_qdata_zone_apex_rrset(query->qdata, type).rrs.count > 0;
}

/*! What the other family gets while this one fails; raises the scope to that of what tells. */
static aname_other_t judge_other(const aname_query_t *query, uint16_t other, bool hurry,
                                 bool emptied, uint8_t *scope)
{
	bool sibling = has_sibling(query, other);
	if (!sibling && !emptied) {
		return ANAME_OTHER_FAILS; /* Whatever is known of it does not matter. */
	}
	aname_answer_t answer;
	decide_alone(query, other, hurry, &answer);
	*scope = answer.scope > *scope ? answer.scope : *scope;
	switch (answer.say) {
	case ANAME_SAY_ADDRESSES: return ANAME_OTHER_ADDRESSES;
	case ANAME_SAY_COLD: return ANAME_OTHER_PENDING;
	case ANAME_SAY_FAILURE: return sibling ? ANAME_OTHER_SIBLING : ANAME_OTHER_FAILS;
	default: return ANAME_OTHER_FAILS;
	}
}

/*! A family that fails does not take the other one with it (A10). */
static ANAME_ASIDE void spare_other(const aname_query_t *query, uint16_t type, bool hurry,
                                    aname_answer_t *answer)
{
	uint16_t other = other_type(type);
	if (!has_sibling(query, type)) {
		aname_other_t gets =
		        judge_other(query, other, hurry, answer->emptied, &answer->scope);
		aname_answer_spare(gets, answer);
	}
}

/*! Decides on a family, with regard to the other one. */
static ANAME_WARM void decide_both(const aname_query_t *query, uint16_t type, bool hurry,
                                   aname_answer_t *answer)
{
	decide_alone(query, type, hurry, answer);
	if (answer->say == ANAME_SAY_FAILURE) {
		spare_other(query, type, hurry, answer);
	}
}

/*! Is what this module makes signed, be it by mod-onlinesign? */
static bool is_signed(const aname_query_t *query)
{
	return query->sign.state != ANAME_SIGN_NEEDLESS ||
	       query->instance->onlinesign == ANAME_ONLINESIGN_AFTER;
}

/*!
 * Decides on a family for a client of a signed zone. There is one denial for all clients (D2): where
 * everybody gets none, nobody gets any, and who would get none alone gets what everybody gets.
 */
static ANAME_ASIDE void decide_signed(const aname_query_t *query, uint16_t type, bool hurry,
                                      aname_answer_t *answer)
{
	aname_query_t everybody = *query;
	everybody.tailored = false;
	aname_query_decide(&everybody, type, hurry, answer);
	if (answer->say == ANAME_SAY_NODATA) {
		return;
	}
	aname_answer_t own;
	decide_both(query, type, hurry, &own);
	if (own.say != ANAME_SAY_NODATA) {
		*answer = own;
	} else {
		answer->scope = own.scope;
	}
}

void aname_query_decide(const aname_query_t *query, uint16_t type, bool hurry,
                        aname_answer_t *answer)
{
	if (query->tailored && is_signed(query)) {
		decide_signed(query, type, hurry, answer);
	} else {
		decide_both(query, type, hurry, answer);
	}
}

void aname_query_note(const aname_query_t *query, uint16_t type, const aname_answer_t *answer)
{
	aname_worker_t *own = aname_query_slot(query);
	uint8_t family = aname_family_of(type);
	if (own->decided == 0) {
		own->missing = 0;
		own->missing_ttl = UINT32_MAX;
	}
	own->decided |= family;
	if (answer->say == ANAME_SAY_NODATA) {
		own->missing |= family;
		own->missing_ttl = answer->ttl < own->missing_ttl ? answer->ttl : own->missing_ttl;
	}
}

aname_missing_t aname_query_missing(aname_query_t *query)
{
	static const uint16_t types[] = { KNOT_RRTYPE_A, KNOT_RRTYPE_AAAA };
	const aname_worker_t *own = aname_query_slot(query);
	bool tailored = query->tailored;
	query->tailored = false;
	for (unsigned i = 0; i < 2; i++) {
		if (!(own->decided & aname_family_of(types[i]))) {
			/* What is cold is not known, and not denied. */
			aname_answer_t answer;
			aname_query_decide(query, types[i], false, &answer);
			aname_query_note(query, types[i], &answer);
		}
	}
	query->tailored = tailored;
	return (aname_missing_t){ .families = own->missing, .ttl = own->missing_ttl };
}
