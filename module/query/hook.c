#include "query/hook.h"

#include <string.h>

#include "query/answer.h"
#include "query/packet.h"
#include "stats.h"
#include "table/clock.h"
#include "table/policy.h"
#include "table/rdata.h"

/*! A query in hand. */
typedef struct {
	knot_pkt_t *pkt;
	knotd_qdata_t *qdata;
	knotd_mod_t *mod;
	aname_instance_t *instance;
	unsigned worker;
	int64_t now_ms;
	bool news; /*!< A lookup ended while it waited: the numbers have changed. */
} query_t;

/*! Walks all ANAME records of the apex, in the order of `rrtype`. */
typedef struct {
	const query_t *query;
	unsigned next_type;
	knot_rrset_t rrset;
	unsigned next_record;
	knot_rdata_t *rdata;
} records_t;

/* What the zone says. */

static bool next_record(records_t *records)
{
	const aname_options_t *options = records->query->instance->options;
	while (records->next_record >= records->rrset.rrs.count) {
		if (records->next_type >= options->rrtypes_count) {
			return false;
		}
		records->rrset = knotd_qdata_zone_apex_rrset(records->query->qdata,
		                                             options->rrtypes[records->next_type]);
		records->next_type++;
		records->next_record = 0;
		records->rdata = records->rrset.rrs.rdata;
	}
	if (records->next_record > 0) {
		records->rdata = knot_rdataset_next(records->rdata);
	}
	records->next_record++;
	return true;
}

static bool has_records(const query_t *query)
{
	records_t records = { .query = query };
	return next_record(&records);
}

static bool is_rrtype(const aname_options_t *options, uint16_t type)
{
	for (unsigned i = 0; i < options->rrtypes_count; i++) {
		if (options->rrtypes[i] == type) {
			return true;
		}
	}
	return false;
}

static void log_to_mod(void *ctx, int priority, const char *message)
{
	knotd_mod_log(ctx, priority, "%s", message);
}

/*! Is this the first time that this is to be said of this content in this zone? */
static bool first_time(const query_t *query, const char *what, const void *content, size_t len)
{
	const knot_dname_t *zone = knotd_qdata_zone_name(query->qdata);
	uint64_t hash = aname_shared_hash(0, what, strlen(what));
	hash = aname_shared_hash(hash, zone, knot_dname_size(zone));
	return aname_shared_first(query->instance->shared, aname_shared_hash(hash, content, len));
}

/*! Synthesis would be bogus in this zone: its siblings are served, and the log says why (D4). */
static bool is_unsignable(const query_t *query)
{
	if (query->instance->onlinesign == ANAME_ONLINESIGN_BEFORE) {
		return true; /* Told at load. */
	}
	knot_rrset_t dnskey = knotd_qdata_zone_apex_rrset(query->qdata, KNOT_RRTYPE_DNSKEY);
	if (dnskey.rrs.count == 0 || query->instance->onlinesign == ANAME_ONLINESIGN_AFTER) {
		return false;
	}
	if (first_time(query, "signed", dnskey.rrs.rdata, dnskey.rrs.size)) {
		knotd_mod_log(query->mod, LOG_WARNING,
		              "the zone is signed, and this version cannot sign what it makes: "
		              "the apex is served without the addresses of its ANAME; "
		              "use mod-onlinesign after mod-aname, or do not sign the zone");
	}
	return true;
}

/*! Fills in the query; false if the apex has nothing for this module to do. */
static bool take_up(query_t *query, knot_pkt_t *pkt, knotd_qdata_t *qdata, knotd_mod_t *mod)
{
	*query = (query_t){ .pkt = pkt,
		            .qdata = qdata,
		            .mod = mod,
		            .instance = knotd_mod_ctx(mod),
		            .worker = qdata->params->thread_id };
	if (query->instance == NULL || query->worker >= ANAME_WORKERS_MAX || !has_records(query) ||
	    is_unsignable(query)) {
		return false;
	}
	query->now_ms = aname_clock_coarse_ms();
	return true;
}

static bool is_address_type(uint16_t type)
{
	return type == KNOT_RRTYPE_A || type == KNOT_RRTYPE_AAAA;
}

/*! Has Knot, following aliases in the zone, come to the apex? */
static bool at_apex(knotd_qdata_t *qdata)
{
	return knot_dname_is_case_equal(qdata->name, knotd_qdata_zone_name(qdata));
}

/* What is known of the targets. */

static void add_part(aname_pool_t *pool, aname_failure_t failure)
{
	pool->parts[pool->count++] = (aname_part_t){
		.judgement = { .worth = ANAME_FAILED, .fallback = ANAME_FAILED },
		.failure = failure,
	};
}

/*! Why a name can never be looked up; NULL if it can. */
static const char *unusable(const query_t *query, const knot_dname_t *target)
{
	if (*target == '\0') {
		return "the target is the root";
	}
	if (knot_dname_is_case_equal(target, knotd_qdata_zone_name(query->qdata))) {
		return "the target is the owner itself";
	}
	return NULL;
}

static void tell_malformed(const query_t *query, const knot_rdata_t *rdata, const char *why)
{
	aname_stats_malformed(query->mod, query->worker);
	if (first_time(query, why, rdata->data, rdata->len)) {
		knotd_mod_log(query->mod, LOG_WARNING,
		              "malformed ANAME record, %s (%u octets of RDATA)", why, rdata->len);
	}
}

static void tell_denied(const query_t *query, const knot_dname_t *target, const char *why)
{
	if (first_time(query, why, target, knot_dname_size(target))) {
		knot_dname_txt_storage_t name;
		(void)knot_dname_to_str(name, target, sizeof(name));
		knotd_mod_log(query->mod, LOG_WARNING, "target %s denied, %s", name, why);
	}
}

/*! Which option denies a target; NULL if none. */
static const char *denied_by(const aname_options_t *options, const knot_dname_t *target)
{
	if (options->deny_target.count > 0 && aname_names_match(&options->deny_target, target)) {
		return "it is under a suffix of 'deny-target'";
	}
	if (options->allow_target.count > 0 && !aname_names_match(&options->allow_target, target)) {
		return "it is under no suffix of 'allow-target'";
	}
	return NULL;
}

/*! Asks the service for a lookup. */
static void ask(const query_t *query, const aname_key_t *key, uint64_t hash, uint32_t record_ttl)
{
	aname_shared_t *shared = query->instance->shared;
	if (!aname_queue_push(shared->queue, key, hash, record_ttl)) {
		atomic_fetch_add_explicit(&shared->met.queue_full, 1, memory_order_relaxed);
	}
}

/*! Looks a target up in the table, and has it looked up where that is due. */
static void judge(const query_t *query, const aname_key_t *key, uint32_t record_ttl,
                  aname_part_t *part)
{
	const aname_instance_t *instance = query->instance;
	uint64_t hash = aname_table_hash(instance->shared->table, key);
	aname_entry_t *entry = aname_table_find(instance->shared->table, key, hash);
	if (entry == NULL) {
		ask(query, key, hash, record_ttl);
		*part = (aname_part_t){ .judgement = { .worth = ANAME_COLD,
			                               .fallback = ANAME_FAILED } };
		return;
	}

	const aname_schedule_t *schedule = &key->profile->schedule;
	bool cold = atomic_load_explicit(&entry->cold, memory_order_acquire);
	int64_t next_ms = atomic_load_explicit(&entry->next_ms, memory_order_relaxed);
	part->snapshot = aname_entry_snapshot(entry);
	part->judgement =
	        aname_policy_judge(part->snapshot, cold, schedule, record_ttl, query->now_ms);
	part->failure = part->snapshot != NULL ? part->snapshot->failure : ANAME_FAILURE_NONE;

	aname_entry_touch(entry, record_ttl, query->now_ms);
	if (aname_policy_ask(part->snapshot, schedule, record_ttl, next_ms, query->now_ms)) {
		ask(query, key, hash, record_ttl);
	}
}

/*! Has policy left nothing of a target's addresses? Then it counts as denied (L2). */
static bool is_emptied(const query_t *query, const aname_part_t *part)
{
	const aname_nets_t *deny = &query->instance->options->deny_address;
	return deny->count > 0 && part->snapshot != NULL && part->snapshot->count > 0 &&
	       aname_answer_allowed(part->snapshot, deny) == 0;
}

static void add_target(const query_t *query, const records_t *records, uint16_t type,
                       aname_pool_t *pool)
{
	knot_dname_storage_t target;
	int len = aname_rdata_read(records->rdata->data, records->rdata->len, target);
	const char *why = len < 0 ? "the RDATA is not one whole name" : unusable(query, target);
	if (why != NULL) {
		tell_malformed(query, records->rdata, why);
		add_part(pool, ANAME_FAILURE_MALFORMED);
		return;
	}
	why = denied_by(query->instance->options, target);
	if (why != NULL) {
		tell_denied(query, target, why);
		add_part(pool, ANAME_FAILURE_DENIED);
		return;
	}

	const aname_key_t key = {
		.profile = query->instance->profile, .name = target, .name_len = len, .type = type
	};
	aname_part_t *part = &pool->parts[pool->count];
	judge(query, &key, aname_policy_ttl(records->rrset.ttl), part);
	if (is_emptied(query, part)) {
		tell_denied(query, target, "all its addresses are in networks of 'deny-address'");
		add_part(pool, ANAME_FAILURE_DENIED);
		return;
	}
	pool->count++;
}

/*! Gathers all targets of the apex. Inside the epoch. */
static void gather(const query_t *query, uint16_t type, aname_pool_t *pool)
{
	pool->count = 0;
	records_t records = { .query = query };
	while (next_record(&records)) {
		if (pool->count == ANAME_POOL_MAX) {
			if (first_time(query, "pool", NULL, 0)) {
				knotd_mod_log(query->mod, LOG_WARNING,
				              "limit reached, only %u ANAME records are used",
				              ANAME_POOL_MAX);
			}
			return;
		}
		add_target(query, &records, type, pool);
	}
}

static void decide(const query_t *query, uint16_t type, bool hurry, aname_answer_t *answer)
{
	aname_pool_t pool;
	gather(query, type, &pool);
	aname_answer_decide(&pool, hurry, answer);
}

static void enter(const query_t *query)
{
	aname_epoch_enter(query->instance->shared->epoch, query->worker);
}

static void leave(const query_t *query)
{
	aname_epoch_leave(query->instance->shared->epoch, query->worker);
}

/* What is told besides answers. */

static void add_numbers(const query_t *query, const records_t *records, aname_numbers_t *numbers)
{
	static const uint16_t types[] = { KNOT_RRTYPE_A, KNOT_RRTYPE_AAAA };
	const aname_table_t *table = query->instance->shared->table;
	knot_dname_storage_t target;
	int len = aname_rdata_read(records->rdata->data, records->rdata->len, target);
	for (unsigned i = 0; i < 2 && len > 0; i++) {
		const aname_key_t key = { .profile = query->instance->profile,
			                  .name = target,
			                  .name_len = len,
			                  .type = types[i] };
		aname_entry_t *entry = aname_table_find(table, &key, aname_table_hash(table, &key));
		if (entry == NULL) {
			continue;
		}
		const aname_snapshot_t *snapshot = aname_entry_snapshot(entry);
		uint32_t lag_ms = atomic_load_explicit(&entry->lag_ms, memory_order_relaxed);
		numbers->targets++;
		numbers->addresses += snapshot != NULL ? snapshot->count : 0;
		numbers->started += atomic_load_explicit(&entry->started, memory_order_relaxed);
		numbers->succeeded += atomic_load_explicit(&entry->succeeded, memory_order_relaxed);
		numbers->failed += atomic_load_explicit(&entry->failed, memory_order_relaxed);
		numbers->lag_ms = lag_ms > numbers->lag_ms ? lag_ms : numbers->lag_ms;
	}
}

/*! True once a second, for one worker. */
static bool is_time_to_show(aname_instance_t *instance, int64_t now_ms)
{
	uint32_t now_s = now_ms / 1000;
	return atomic_load_explicit(&instance->shown_s, memory_order_relaxed) != now_s &&
	       atomic_exchange_explicit(&instance->shown_s, now_s, memory_order_relaxed) != now_s;
}

/*! Brings the zone's numbers up to date, and reads out what the service has to say. */
static void show(const query_t *query)
{
	const aname_log_t log = { log_to_mod, query->mod };
	aname_logbook_read(query->instance->shared->logbook, &log);
	if (!is_time_to_show(query->instance, query->now_ms) && !query->news) {
		return;
	}
	aname_numbers_t numbers = { 0 };
	records_t records = { .query = query };
	while (next_record(&records)) {
		add_numbers(query, &records, &numbers);
	}
	aname_stats_show(query->mod, &numbers);
}

static void count(const query_t *query, aname_kind_t kind)
{
	aname_stats_answer(query->mod, query->instance->shared, query->worker, kind);
}

/* What is written into the reply. */

static uint16_t put_flags(const query_t *query)
{
	return query->qdata->params->proto == KNOTD_QUERY_PROTO_UDP ? KNOT_PF_NULL
	                                                            : KNOT_PF_NOTRUNC;
}

static int put(const query_t *query, const aname_answer_t *answer, uint16_t type, uint16_t flags)
{
	bool first = query->pkt->rrset_count == 0;
	const aname_form_t form = {
		.owner = knotd_qdata_zone_name(query->qdata),
		.type = type,
		.compr_hint = first ? KNOT_COMPR_HINT_QNAME : KNOT_COMPR_HINT_NONE,
		.rotate = query->instance->rotate ? knot_wire_get_id(query->qdata->query->wire) : 0,
		.flags = flags,
	};
	return aname_answer_put(answer, query->instance->options, query->pkt, &form);
}

/*! Puts the ANAME records themselves behind the addresses (A6), as far as there is room. */
static void put_records(const query_t *query)
{
	const aname_options_t *options = query->instance->options;
	for (unsigned i = 0; i < options->rrtypes_count; i++) {
		knot_rrset_t rrset = knotd_qdata_zone_apex_rrset(query->qdata, options->rrtypes[i]);
		if (rrset.rrs.count > 0) {
			(void)knot_pkt_put(query->pkt, KNOT_COMPR_HINT_NONE, &rrset,
			                   KNOT_PF_NOTRUNC);
		}
	}
}

static knotd_in_state_t put_addresses(const query_t *query, const aname_answer_t *answer,
                                      uint16_t type)
{
	int ret = put(query, answer, type, put_flags(query));
	if (ret == KNOT_ESPACE) {
		return KNOTD_IN_STATE_TRUNC;
	}
	if (ret != KNOT_EOK) {
		return KNOTD_IN_STATE_ERROR;
	}
	if (query->instance->options->answer_aname) {
		put_records(query);
	}
	if (answer->stale) {
		query->qdata->rcode_ede = KNOT_EDNS_EDE_STALE;
	}
	count(query, answer->stale ? ANAME_KIND_STALE : ANAME_KIND_FRESH);
	return KNOTD_IN_STATE_HIT;
}

/*!
 * Where the zone's own set of this type stands in the section being written, or -1. It is known
 * by its RDATA, which Knot does not copy: what another module made is left alone.
 */
static int find_sibling(const query_t *query, uint16_t type)
{
	knot_rrset_t sibling = knotd_qdata_zone_apex_rrset(query->qdata, type);
	if (sibling.rrs.count == 0) {
		return -1;
	}
	const knot_pktsection_t *section = knot_pkt_section(query->pkt, query->pkt->current);
	for (int i = section->pos; i < section->pos + section->count; i++) {
		if (query->pkt->rr[i].type == type &&
		    query->pkt->rr[i].rrs.rdata == sibling.rrs.rdata) {
			return i;
		}
	}
	return -1;
}

/*! Takes the zone's own set out of the section being written, if it is in. */
static int remove_sibling(const query_t *query, uint16_t type)
{
	int index = find_sibling(query, type);
	if (index < 0) {
		return KNOT_EOK;
	}
	aname_rest_t rest;
	int ret = aname_packet_cut(query->pkt, index, &rest);
	return ret == KNOT_EOK ? aname_packet_paste(query->pkt, &rest) : ret;
}

/*! Nothing is left but the zone's own set, for a short time (F2). */
static bool use_sibling(const query_t *query, uint16_t type)
{
	int index = find_sibling(query, type);
	return index >= 0 && aname_packet_lower_ttl(query->pkt, index, ANAME_STALE_TTL) == KNOT_EOK;
}

static knotd_in_state_t servfail(const query_t *query, int ede)
{
	query->qdata->rcode = KNOT_RCODE_SERVFAIL;
	query->qdata->rcode_ede = ede;
	return KNOTD_IN_STATE_ERROR;
}

static int ede_of(aname_failure_t failure)
{
	switch (failure) {
	case ANAME_FAILURE_NONE: return KNOT_EDNS_EDE_NOT_READY;
	case ANAME_FAILURE_DENIED: return KNOT_EDNS_EDE_BLOCKED;
	case ANAME_FAILURE_NETWORK: return KNOT_EDNS_EDE_NETWORK;
	default: return KNOT_EDNS_EDE_NREACH_AUTH;
	}
}

static knotd_in_state_t say_failure(const query_t *query, const aname_answer_t *answer,
                                    uint16_t type)
{
	if (use_sibling(query, type)) {
		count(query, ANAME_KIND_SIBLING);
		return KNOTD_IN_STATE_HIT;
	}
	switch (answer->failure) {
	case ANAME_FAILURE_NONE: count(query, ANAME_KIND_COLD); break;
	case ANAME_FAILURE_DENIED: count(query, ANAME_KIND_DENIED); break;
	default: count(query, ANAME_KIND_FAILED); break;
	}
	return servfail(query, ede_of(answer->failure));
}

static knotd_in_state_t say_nodata(const query_t *query, const aname_answer_t *answer,
                                   uint16_t type)
{
	if (remove_sibling(query, type) != KNOT_EOK) {
		return KNOTD_IN_STATE_ERROR;
	}
	if (answer->stale) {
		query->qdata->rcode_ede = KNOT_EDNS_EDE_STALE;
	}
	count(query, ANAME_KIND_NODATA);
	return KNOTD_IN_STATE_NODATA;
}

static knotd_in_state_t say_addresses(const query_t *query, const aname_answer_t *answer,
                                      uint16_t type)
{
	if (remove_sibling(query, type) != KNOT_EOK) {
		return KNOTD_IN_STATE_ERROR;
	}
	return put_addresses(query, answer, type);
}

/* Waiting. */

/*! May this query wait? Over TCP and TLS through the kernel only (C1, C2). */
static bool can_wait(const query_t *query)
{
	const knotd_qdata_params_t *params = query->qdata->params;
	return params->xdp_msg == NULL && params->proto != KNOTD_QUERY_PROTO_UDP &&
	       params->proto != KNOTD_QUERY_PROTO_QUIC && query->instance->options->wait_ms > 0;
}

/*! Waits for the lookups at hand; decides anew after each that ends. Inside the epoch. */
static void wait_for(query_t *query, uint16_t type, aname_answer_t *answer)
{
	aname_shared_t *shared = query->instance->shared;
	if (!aname_gate_enter(shared->gate, query->instance->waiters_max)) {
		atomic_fetch_add_explicit(&shared->met.gate_full, 1, memory_order_relaxed);
		return;
	}

	int64_t deadline_ms = aname_clock_ms() + query->instance->options->wait_ms;
	bool opened = true;
	while (answer->say == ANAME_SAY_COLD && opened) {
		uint64_t ticket = aname_gate_ticket(shared->gate);
		decide(query, type, false, answer);
		if (answer->say == ANAME_SAY_COLD) {
			leave(query);
			opened = aname_gate_wait(shared->gate, ticket, deadline_ms);
			query->now_ms = aname_clock_ms();
			query->news = true;
			enter(query);
		}
	}
	aname_gate_leave(shared->gate);
}

static knotd_in_state_t say_truncated(const query_t *query)
{
	knot_wire_set_tc(query->pkt->wire);
	count(query, ANAME_KIND_COLD);
	return KNOTD_IN_STATE_TRUNC;
}

static knotd_in_state_t say(query_t *query, uint16_t type)
{
	aname_answer_t answer;
	decide(query, type, false, &answer);
	if (answer.say == ANAME_SAY_COLD && can_wait(query)) {
		wait_for(query, type, &answer);
	}
	if (answer.say == ANAME_SAY_COLD) {
		if (query->qdata->params->proto == KNOTD_QUERY_PROTO_UDP &&
		    query->instance->options->cold == ANAME_COLD_TRUNCATE) {
			return say_truncated(query);
		}
		decide(query, type, true, &answer);
	}

	switch (answer.say) {
	case ANAME_SAY_ADDRESSES: return say_addresses(query, &answer, type);
	case ANAME_SAY_NODATA: return say_nodata(query, &answer, type);
	default: return say_failure(query, &answer, type);
	}
}

/*! ANY: what is known now takes the place of the zone's own sets (A5). */
static knotd_in_state_t say_any(const query_t *query)
{
	static const uint16_t types[] = { KNOT_RRTYPE_A, KNOT_RRTYPE_AAAA };
	for (unsigned i = 0; i < 2; i++) {
		aname_answer_t answer;
		decide(query, types[i], true, &answer);
		int ret = KNOT_EOK;
		if (answer.say == ANAME_SAY_FAILURE) {
			(void)use_sibling(query, types[i]);
		} else {
			ret = remove_sibling(query, types[i]);
		}
		if (ret == KNOT_EOK && answer.say == ANAME_SAY_ADDRESSES) {
			ret = put(query, &answer, types[i], put_flags(query));
		}
		if (ret != KNOT_EOK) {
			return ret == KNOT_ESPACE ? KNOTD_IN_STATE_TRUNC : KNOTD_IN_STATE_ERROR;
		}
	}
	if (query->pkt->rrset_count == 0) {
		put_records(query);
	}
	return KNOTD_IN_STATE_HIT;
}

/*! Puts what is known of one family now into the Additional section, as far as there is room. */
static int put_additional(const query_t *query, uint16_t type)
{
	aname_answer_t answer;
	decide(query, type, true, &answer);
	if (answer.say != ANAME_SAY_ADDRESSES) {
		return KNOT_EOK;
	}
	int ret = put(query, &answer, type, KNOT_PF_NOTRUNC);
	return ret == KNOT_ESPACE ? KNOT_EOK : ret;
}

/*! Puts what is known in the place of the zone's own set, or nothing (A3). */
static int replace_additional(const query_t *query, uint16_t type, bool with)
{
	int index = find_sibling(query, type);
	if (index < 0) {
		return KNOT_EOK;
	}
	aname_rest_t rest;
	int ret = aname_packet_cut(query->pkt, index, &rest);
	if (ret != KNOT_EOK) {
		return ret;
	}
	if (with) {
		ret = put_additional(query, type);
	}
	int pasted = aname_packet_paste(query->pkt, &rest);
	return ret != KNOT_EOK ? ret : pasted;
}

/* The hooks. */

/*! The short cut: a query for the apex itself that can be answered right away. */
static knotd_in_state_t on_preanswer(knotd_in_state_t state, knot_pkt_t *pkt, knotd_qdata_t *qdata,
                                     knotd_mod_t *mod)
{
	uint16_t type = knot_pkt_qtype(pkt);
	if (state != KNOTD_IN_STATE_BEGIN || !is_address_type(type) ||
	    !knot_dname_is_equal(qdata->name, knotd_qdata_zone_name(qdata))) {
		return state;
	}
	query_t query;
	if (!take_up(&query, pkt, qdata, mod)) {
		return state;
	}

	enter(&query);
	aname_answer_t answer;
	decide(&query, type, false, &answer);
	if (answer.say == ANAME_SAY_ADDRESSES) {
		knot_wire_set_aa(pkt->wire);
		state = put_addresses(&query, &answer, type);
	}
	show(&query);
	leave(&query);
	return state;
}

/*! Everything else: what is cold, negative or failing, ANY, and aliases that lead to the apex. */
static knotd_in_state_t on_answer(knotd_in_state_t state, knot_pkt_t *pkt, knotd_qdata_t *qdata,
                                  knotd_mod_t *mod)
{
	uint16_t type = knot_pkt_qtype(pkt);
	bool any = type == KNOT_RRTYPE_ANY;
	if ((state != KNOTD_IN_STATE_HIT && state != KNOTD_IN_STATE_NODATA) ||
	    (!is_address_type(type) && !any) || !at_apex(qdata)) {
		return state;
	}
	query_t query;
	if (!take_up(&query, pkt, qdata, mod)) {
		return state;
	}
	/* An answer that is not the zone's own: ours from before, or another module's. */
	if (!any && state == KNOTD_IN_STATE_HIT && find_sibling(&query, type) < 0) {
		return state;
	}

	enter(&query);
	state = any ? say_any(&query) : say(&query, type);
	show(&query);
	leave(&query);
	return state;
}

/*! A negative answer lives no longer than what it rests on. */
static knotd_in_state_t on_authority(knotd_in_state_t state, knot_pkt_t *pkt, knotd_qdata_t *qdata,
                                     knotd_mod_t *mod)
{
	uint16_t type = knot_pkt_qtype(pkt);
	query_t query;
	if (state != KNOTD_IN_STATE_NODATA || !is_address_type(type) || !at_apex(qdata) ||
	    !take_up(&query, pkt, qdata, mod)) {
		return state;
	}

	enter(&query);
	aname_answer_t answer;
	decide(&query, type, true, &answer);
	leave(&query);
	if (answer.say != ANAME_SAY_NODATA) {
		return state;
	}
	const knot_pktsection_t *section = knot_pkt_section(pkt, KNOT_AUTHORITY);
	for (int i = section->pos; i < section->pos + section->count; i++) {
		if (pkt->rr[i].type == KNOT_RRTYPE_SOA) {
			int ret = aname_packet_lower_ttl(pkt, i, answer.ttl);
			return ret == KNOT_EOK ? state : KNOTD_IN_STATE_ERROR;
		}
	}
	return state;
}

/*! Addresses beside a query for the ANAME itself (A4), and none of the siblings' (A3). */
static knotd_in_state_t on_additional(knotd_in_state_t state, knot_pkt_t *pkt, knotd_qdata_t *qdata,
                                      knotd_mod_t *mod)
{
	const knot_pktsection_t *section = knot_pkt_section(pkt, KNOT_ADDITIONAL);
	const aname_instance_t *instance = knotd_mod_ctx(mod);
	bool asked = state == KNOTD_IN_STATE_HIT && instance != NULL &&
	             is_rrtype(instance->options, knot_pkt_qtype(pkt)) && at_apex(qdata);
	query_t query;
	if ((!asked && section->count == 0) || !take_up(&query, pkt, qdata, mod)) {
		return state;
	}

	/* mod-onlinesign cannot sign an addition that Knot did not make. */
	bool with = !(instance->onlinesign == ANAME_ONLINESIGN_AFTER &&
	              knot_pkt_has_dnssec(qdata->query));
	enter(&query);
	int ret = KNOT_EOK;
	static const uint16_t types[] = { KNOT_RRTYPE_A, KNOT_RRTYPE_AAAA };
	for (unsigned i = 0; i < 2 && ret == KNOT_EOK; i++) {
		ret = asked && with ? put_additional(&query, types[i])
		                    : replace_additional(&query, types[i], with);
	}
	leave(&query);
	return ret == KNOT_EOK ? state : KNOTD_IN_STATE_ERROR;
}

/*! Shows the numbers of the whole process, whoever is asked for what. */
static knotd_state_t on_any_query(knotd_state_t state, knot_pkt_t *pkt, knotd_qdata_t *qdata,
                                  knotd_mod_t *mod)
{
	aname_instance_t *instance = knotd_mod_ctx(mod);
	if (instance == NULL) {
		return state;
	}
	const aname_log_t log = { log_to_mod, mod };
	aname_logbook_read(instance->shared->logbook, &log);
	if (is_time_to_show(instance, aname_clock_coarse_ms())) {
		aname_stats_show_totals(mod, instance->shared);
	}
	return state;
}

int aname_hook_zone(knotd_mod_t *mod)
{
	static const struct {
		knotd_stage_t stage;
		knotd_mod_in_hook_f hook;
	} hooks[] = {
		{ KNOTD_STAGE_PREANSWER, on_preanswer },
		{ KNOTD_STAGE_ANSWER, on_answer },
		{ KNOTD_STAGE_AUTHORITY, on_authority },
		{ KNOTD_STAGE_ADDITIONAL, on_additional },
	};
	int ret = KNOT_EOK;
	for (size_t i = 0; i < sizeof(hooks) / sizeof(hooks[0]) && ret == KNOT_EOK; i++) {
		ret = knotd_mod_in_hook(mod, hooks[i].stage, hooks[i].hook);
	}
	return ret;
}

int aname_hook_global(knotd_mod_t *mod)
{
	return knotd_mod_hook(mod, KNOTD_STAGE_BEGIN, on_any_query);
}
