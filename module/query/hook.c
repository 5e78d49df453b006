#include "query/hook.h"

#include "conf.h"
#include "octets.h"
#include "path.h"
#include "query/denial.h"
#include "query/ecs.h"
#include "query/packet.h"
#include "query/reply.h"
#include "query/show.h"
#include "query/sign.h"
#include "query/signer.h"
#include "query/records.h"
#include "stats.h"
#include "table/clock.h"

static const uint16_t families[] = { KNOT_RRTYPE_A, KNOT_RRTYPE_AAAA };

/*! What a hook leaves for a later hook of the same query. */
enum {
	MEMO_NONE = 0,
	MEMO_ANSWERED,  /*!< The answer was put before Knot looked. */
	MEMO_PUT_SOA,   /*!< NODATA was found before Knot looked: there is no SOA yet. */
	MEMO_LOWER_SOA, /*!< NODATA was found after Knot looked. */
	MEMO_PROVE,     /*!< Knot is to prove what an answer has not (A4). */
};

static bool is_family(uint16_t type)
{
	return type == KNOT_RRTYPE_A || type == KNOT_RRTYPE_AAAA;
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

static void count(const aname_query_t *query, aname_kind_t kind)
{
	aname_stats_answer(query->mod, query->own, query->worker, kind);
}

static void leave_memo(const aname_query_t *query, uint32_t memo)
{
	aname_query_slot(query)->memo = memo;
}

/*! What an earlier hook of this query has left, in this very instance. */
static uint32_t memo_of(const knotd_qdata_t *qdata, knotd_mod_t *mod)
{
	const aname_instance_t *instance = knotd_mod_ctx(mod);
	const aname_worker_t *own = aname_query_own(qdata, instance);
	return own != NULL && own->memo_owner == instance ? own->memo : MEMO_NONE;
}

/* What is said. */

static knotd_in_state_t error_state(int ret)
{
	return ret == KNOT_ESPACE ? KNOTD_IN_STATE_TRUNC : KNOTD_IN_STATE_ERROR;
}

static knotd_in_state_t say_addresses(const aname_query_t *query, const aname_answer_t *answer,
                                      uint16_t type)
{
	int ret = aname_reply_put(query, answer, type, aname_reply_flags(query));
	if (ret != KNOT_EOK) {
		return error_state(ret);
	}
	if (query->instance->options->answer_aname) {
		aname_reply_put_records(query);
	}
	if (answer->stale) {
		query->qdata->rcode_ede = KNOT_EDNS_EDE_STALE;
	}
	aname_ecs_tell_scope(query, answer);
	aname_kind_t live = answer->late ? ANAME_KIND_LATE : ANAME_KIND_FRESH;
	count(query, answer->stale ? ANAME_KIND_STALE : live);
	return KNOTD_IN_STATE_HIT;
}

/*! The same in the place of the zone's own (A3). */
static knotd_in_state_t say_addresses_instead(const aname_query_t *query,
                                              const aname_answer_t *answer, uint16_t type)
{
	int ret = aname_reply_remove_sibling(query, type);
	return ret == KNOT_EOK ? say_addresses(query, answer, type) : error_state(ret);
}

static void note_nodata(const aname_query_t *query, const aname_answer_t *answer, uint32_t memo)
{
	if (answer->stale) {
		query->qdata->rcode_ede = KNOT_EDNS_EDE_STALE;
	}
	aname_ecs_tell_scope(query, answer);
	leave_memo(query, memo);
	query->own->memo_ttl = answer->ttl;
	count(query, answer->gone ? ANAME_KIND_GONE : ANAME_KIND_NODATA);
}

static knotd_in_state_t say_nodata(const aname_query_t *query, const aname_answer_t *answer,
                                   uint16_t type)
{
	int ret = aname_reply_remove_sibling(query, type);
	if (ret != KNOT_EOK) {
		return error_state(ret);
	}
	note_nodata(query, answer, MEMO_LOWER_SOA);
	return KNOTD_IN_STATE_NODATA;
}

static knotd_in_state_t servfail(const aname_query_t *query, aname_kind_t kind, int ede)
{
	count(query, kind);
	query->qdata->rcode = KNOT_RCODE_SERVFAIL;
	query->qdata->rcode_ede = ede;
	return KNOTD_IN_STATE_ERROR;
}

static knotd_in_state_t say_failure(const aname_query_t *query, const aname_answer_t *answer,
                                    uint16_t type)
{
	if (answer->failure != ANAME_FAILURE_NONE && answer->failure < ANAME_FAILURE_MALFORMED) {
		aname_query_expect_failure(query);
	}
	if (aname_reply_use_sibling(query, type)) {
		aname_ecs_tell_scope(query, answer);
		count(query, ANAME_KIND_SIBLING);
		return KNOTD_IN_STATE_HIT;
	}
	switch (answer->failure) {
	case ANAME_FAILURE_NONE: return servfail(query, ANAME_KIND_COLD, KNOT_EDNS_EDE_NOT_READY);
	case ANAME_FAILURE_EMPTIED:
	case ANAME_FAILURE_DENIED: return servfail(query, ANAME_KIND_DENIED, KNOT_EDNS_EDE_BLOCKED);
	case ANAME_FAILURE_INSECURE:
		return servfail(query, ANAME_KIND_FAILED, KNOT_EDNS_EDE_RRSIG_MISS);
	case ANAME_FAILURE_BOGUS: return servfail(query, ANAME_KIND_FAILED, KNOT_EDNS_EDE_BOGUS);
	case ANAME_FAILURE_NETWORK:
		return servfail(query, ANAME_KIND_FAILED, KNOT_EDNS_EDE_NETWORK);
	default: return servfail(query, ANAME_KIND_FAILED, KNOT_EDNS_EDE_NREACH_AUTH);
	}
}

static knotd_in_state_t say_truncated(const aname_query_t *query, uint16_t type)
{
	if (aname_reply_remove_sibling(query, type) != KNOT_EOK) {
		return KNOTD_IN_STATE_ERROR;
	}
	knot_wire_set_tc(query->pkt->wire);
	count(query, ANAME_KIND_TRUNCATED);
	return KNOTD_IN_STATE_TRUNC;
}

/* Waiting. */

/*! May this query wait? Over TCP and TLS through the kernel only (C1, C2). */
static bool can_wait(const aname_query_t *query)
{
	const knotd_qdata_params_t *params = query->qdata->params;
	return params->xdp_msg == NULL && params->proto != KNOTD_QUERY_PROTO_UDP &&
	       params->proto != KNOTD_QUERY_PROTO_QUIC && query->instance->options->wait_ms > 0;
}

/*! Is this not known yet: a target, or the keys? */
static bool is_cold(const aname_query_t *query, const aname_answer_t *answer)
{
	return query->sign.state == ANAME_SIGN_PENDING ||
	       (answer != NULL && answer->say == ANAME_SAY_COLD);
}

/*!
 * Waits for the keys and, if there is an answer, for all lookups at hand; decides anew after each
 * that ends. Inside the epoch.
 */
static void wait_for(aname_query_t *query, uint16_t type, aname_answer_t *answer)
{
	aname_shared_t *shared = query->instance->shared;
	if (!aname_gate_enter(shared->gate, query->instance->waiters_max)) {
		atomic_fetch_add_explicit(&shared->met.gate_full, 1, memory_order_relaxed);
		return;
	}

	int64_t deadline_ms = aname_clock_ms() + query->instance->options->wait_ms;
	bool opened = true, cold = true;
	while (cold && opened) {
		uint64_t ticket = aname_gate_ticket(shared->gate);
		aname_sign_attach(query);
		if (answer != NULL) {
			aname_query_decide(query, type, false, answer);
		}
		cold = query->sign.state == ANAME_SIGN_PENDING ||
		       (answer != NULL && answer->partial);
		if (cold) {
			aname_query_leave(query);
			opened = aname_gate_wait(shared->gate, ticket, deadline_ms);
			aname_query_set_time(query, aname_clock_ms());
			query->news = true;
			aname_query_enter(query);
			aname_sign_attach(query);
		}
	}
	if (cold && answer != NULL) {
		/* The epoch was left: what was decided before points to what may be gone. */
		aname_query_decide(query, type, false, answer);
	}
	aname_gate_leave(shared->gate);
}

/*! What a query gets for which something is not known yet, and that does not wait (C1, C2). */
static bool is_truncated(const aname_query_t *query)
{
	return query->qdata->params->proto == KNOTD_QUERY_PROTO_UDP &&
	       query->instance->options->cold == ANAME_COLD_TRUNCATE;
}

static knotd_in_state_t say(aname_query_t *query, knotd_in_state_t state, uint16_t type)
{
	aname_answer_t answer;
	aname_query_decide(query, type, false, &answer);
	if (is_cold(query, &answer) && can_wait(query)) {
		wait_for(query, type, &answer);
	}
	if (query->sign.state == ANAME_SIGN_UNABLE) {
		return state; /* That is how the wait for the keys ended. */
	}
	if (is_cold(query, &answer)) {
		if (is_truncated(query)) {
			return say_truncated(query, type);
		}
		if (query->sign.state == ANAME_SIGN_PENDING) {
			return servfail(query, ANAME_KIND_COLD, KNOT_EDNS_EDE_NOT_READY);
		}
		aname_query_decide(query, type, true, &answer);
	}

	aname_query_note(query, type, &answer);
	switch (answer.say) {
	case ANAME_SAY_ADDRESSES: return say_addresses_instead(query, &answer, type);
	case ANAME_SAY_NODATA: return say_nodata(query, &answer, type);
	default: return say_failure(query, &answer, type);
	}
}

/*!
 * Has the keys at hand for what has to be signed: waits for them, or else ends the reply. Returns
 * the state as it was if the keys are there, and if they turned out not to be readable.
 */
static knotd_in_state_t await_keys(aname_query_t *query, knotd_in_state_t state)
{
	if (query->sign.state == ANAME_SIGN_PENDING && can_wait(query)) {
		wait_for(query, 0, NULL);
	}
	if (query->sign.state != ANAME_SIGN_PENDING) {
		return state;
	}
	if (!is_truncated(query)) {
		return servfail(query, ANAME_KIND_COLD, KNOT_EDNS_EDE_NOT_READY);
	}
	/* What is in this section may deny the apex. */
	while (knot_pkt_section(query->pkt, query->pkt->current)->count > 0) {
		aname_packet_drop_last(query->pkt);
	}
	knot_wire_set_tc(query->pkt->wire);
	count(query, ANAME_KIND_TRUNCATED);
	return KNOTD_IN_STATE_TRUNC;
}

/*! Puts denials in the section being written right (D2). */
static knotd_in_state_t correct_denials(aname_query_t *query, knotd_in_state_t state)
{
	if (!aname_denial_found(query->pkt)) {
		return state;
	}
	knotd_in_state_t awaited = await_keys(query, state);
	if (awaited != state || query->sign.state == ANAME_SIGN_UNABLE) {
		return awaited;
	}
	const aname_missing_t missing = aname_query_missing(query);
	int ret = aname_denial_correct(query, &missing);
	return ret == KNOT_EOK ? state : error_state(ret);
}

/*! ANY: what is known now takes the place of the zone's own sets (A5). */
static knotd_in_state_t say_any(const aname_query_t *query)
{
	for (unsigned i = 0; i < 2; i++) {
		aname_answer_t answer;
		aname_query_decide(query, families[i], true, &answer);
		if (answer.say == ANAME_SAY_ADDRESSES) {
			aname_query_note(query, families[i], &answer);
		}
		int ret = KNOT_EOK;
		if (answer.say == ANAME_SAY_FAILURE) {
			(void)aname_reply_use_sibling(query, families[i]);
		} else {
			ret = aname_reply_remove_sibling(query, families[i]);
		}
		if (ret == KNOT_EOK && answer.say == ANAME_SAY_ADDRESSES) {
			ret = aname_reply_put(query, &answer, families[i],
			                      aname_reply_flags(query));
		}
		if (ret != KNOT_EOK) {
			return error_state(ret);
		}
		aname_ecs_tell_scope(query, &answer);
	}
	if (query->pkt->rrset_count == 0) {
		aname_reply_put_records(query);
	}
	return KNOTD_IN_STATE_HIT;
}

/* The hooks. */

/*! Takes up a query that was met. False outside the epoch, if there is nothing to do for it: no
 *  ANAME at the apex, or a zone in which what this module makes would be bogus (D4). */
static bool take_up(aname_query_t *query)
{
	if (!aname_query_begin(query)) {
		return false;
	}
	aname_ecs_take(query);
	aname_sign_attach(query);
	if (query->sign.state == ANAME_SIGN_UNABLE) {
		aname_query_leave(query);
		return false;
	}
	return true;
}

/*! May a negative answer be given before Knot looks? It goes without proof, but for the SOA. */
static bool is_bare(const aname_query_t *query)
{
	return query->instance->onlinesign == ANAME_ONLINESIGN_NONE &&
	       !aname_sign_is_wanted(&query->sign);
}

/*!
 * Is the apex asked for? That Knot has found the zone by the end of the name, and that it is as
 * long, tells not enough: to Knot, an octet of zero in a label is as good as a label's end.
 */
static inline bool is_apex_asked(const knot_pkt_t *query, const aname_instance_t *instance)
{
	return query->qname_size == instance->zone_len &&
	       aname_octets_equal(query->lower_qname, instance->zone, instance->zone_len);
}

/*!
 * The short cut: a query for the apex itself that can be answered right away. Knot does not look
 * at the zone after a HIT, which keeps siblings out. A negative answer is a HIT with nothing in
 * it until on_authority(), but not where it has to be proven: Knot makes the proof, and
 * mod-onlinesign wants to know the zone's node.
 */
static knotd_in_state_t on_preanswer(knotd_in_state_t state, knot_pkt_t *pkt, knotd_qdata_t *qdata,
                                     knotd_mod_t *mod)
{
	aname_query_t query;
	if (!aname_query_meet(&query, pkt, qdata, mod)) {
		return state;
	}
	if (query.own->memo_owner == query.instance) {
		query.own->memo_owner = NULL; /* It was for the query before. */
	}

	uint16_t type = knot_pkt_qtype(pkt);
	if (state != KNOTD_IN_STATE_BEGIN || !is_family(type) ||
	    !is_apex_asked(qdata->query, query.instance)) {
		aname_query_remind(&query);
		return state;
	}
	if (!take_up(&query)) {
		return state;
	}

	aname_answer_t answer;
	aname_query_decide(&query, type, false, &answer);
	if (query.sign.state == ANAME_SIGN_PENDING) {
		/* on_answer() waits for the keys. */
	} else if (answer.say == ANAME_SAY_ADDRESSES) {
		knot_wire_set_aa(pkt->wire);
		state = say_addresses(&query, &answer, type);
		leave_memo(&query, MEMO_ANSWERED);
	} else if (answer.say == ANAME_SAY_NODATA && is_bare(&query)) {
		knot_wire_set_aa(pkt->wire);
		note_nodata(&query, &answer, MEMO_PUT_SOA);
		state = KNOTD_IN_STATE_HIT;
	}
	aname_query_show(&query);
	aname_query_leave(&query);
	return state;
}

/*! Has Knot answered from the zone, or not at all? Then the answer may be changed. */
static bool is_knots(const aname_query_t *query, knotd_in_state_t state, uint16_t type)
{
	return state == KNOTD_IN_STATE_NODATA || aname_reply_has_sibling(query, type);
}

/*! ANY, and a query for the NSEC record itself. */
static knotd_in_state_t say_more(aname_query_t *query, knotd_in_state_t state, uint16_t type)
{
	knotd_in_state_t awaited = await_keys(query, state);
	if (awaited != state || query->sign.state == ANAME_SIGN_UNABLE) {
		return awaited;
	}
	if (type == KNOT_RRTYPE_ANY) {
		state = say_any(query);
	}
	return state == KNOTD_IN_STATE_HIT ? correct_denials(query, state) : state;
}

/*!
 * A query for the ANAME record itself is to tell, too, which family the target has not (A4): as if
 * there were no answer, Knot makes the proof, and on_authority() takes the SOA out again.
 */
static knotd_in_state_t have_proven(aname_query_t *query, knotd_in_state_t state)
{
	bool online = query->instance->onlinesign == ANAME_ONLINESIGN_AFTER;
	bool able = online || query->sign.state == ANAME_SIGN_READY;
	if (state != KNOTD_IN_STATE_HIT || !able || !knot_pkt_has_dnssec(query->qdata->query) ||
	    aname_query_missing(query).families == 0) {
		return state;
	}
	leave_memo(query, MEMO_PROVE);
	return KNOTD_IN_STATE_NODATA;
}

/*! What may have to be changed in an answer of Knot's; by the type that was asked for. */
static bool is_concerned(uint16_t type, const aname_instance_t *instance)
{
	return is_family(type) || type == KNOT_RRTYPE_ANY || type == KNOT_RRTYPE_NSEC ||
	       (instance != NULL && is_rrtype(instance->options, type));
}

/*! Everything else: what is cold or failing, ANY, and aliases that lead to the apex. */
static ANAME_ASIDE knotd_in_state_t change(knotd_in_state_t state, knot_pkt_t *pkt,
                                           knotd_qdata_t *qdata, knotd_mod_t *mod)
{
	uint16_t type = knot_pkt_qtype(pkt);
	aname_query_t query;
	if ((state != KNOTD_IN_STATE_HIT && state != KNOTD_IN_STATE_NODATA) ||
	    !is_concerned(type, knotd_mod_ctx(mod)) || !aname_reply_at_apex(qdata) ||
	    !aname_query_meet(&query, pkt, qdata, mod) || !take_up(&query)) {
		return state;
	}

	if (type == KNOT_RRTYPE_ANY || type == KNOT_RRTYPE_NSEC) {
		state = say_more(&query, state, type);
	} else if (!is_family(type)) {
		state = have_proven(&query, state);
	} else if (is_knots(&query, state, type)) {
		state = say(&query, state, type);
	}
	aname_query_show(&query);
	aname_query_leave(&query);
	return state;
}

static knotd_in_state_t on_answer(knotd_in_state_t state, knot_pkt_t *pkt, knotd_qdata_t *qdata,
                                  knotd_mod_t *mod)
{
	return memo_of(qdata, mod) == MEMO_NONE ? change(state, pkt, qdata, mod) : state;
}

/*! What a negative answer that this module has decided on needs besides its proof. */
static knotd_in_state_t finish_nodata(const aname_query_t *query, knotd_in_state_t state,
                                      uint32_t memo)
{
	uint32_t ttl = query->own->memo_ttl;
	if (memo == MEMO_PUT_SOA && state == KNOTD_IN_STATE_HIT) {
		int ret = aname_reply_put_soa(query, ttl);
		return ret == KNOT_EOK ? KNOTD_IN_STATE_NODATA : error_state(ret);
	}
	if (memo == MEMO_LOWER_SOA && state == KNOTD_IN_STATE_NODATA) {
		aname_reply_lower_soa(query, ttl);
	}
	return state;
}

/*! The proof of a negative answer, and every other one that speaks of the apex. */
static knotd_in_state_t prove(aname_query_t *query, knotd_in_state_t state)
{
	if (query->instance->onlinesign != ANAME_ONLINESIGN_AFTER) {
		return correct_denials(query, state);
	}
	if (state != KNOTD_IN_STATE_NODATA || !aname_reply_at_apex(query->qdata)) {
		return state;
	}
	/* After a HIT mod-onlinesign signs what is there, and makes no proof of its own. */
	const aname_missing_t missing = aname_query_missing(query);
	int ret = aname_denial_put_online(query, &missing);
	return ret == KNOT_EOK ? KNOTD_IN_STATE_HIT : error_state(ret);
}

/*! Knot has proven what an answer has not: it is an answer all the same (A4). */
static knotd_in_state_t finish_proof(const aname_query_t *query, knotd_in_state_t state)
{
	if (state != KNOTD_IN_STATE_NODATA && state != KNOTD_IN_STATE_HIT) {
		return state;
	}
	int ret = aname_reply_remove_soa(query);
	return ret == KNOT_EOK ? KNOTD_IN_STATE_HIT : error_state(ret);
}

/*! A negative answer lives no longer than what it rests on, and tells the truth (D2, D3). */
static ANAME_ASIDE knotd_in_state_t deny(knotd_in_state_t state, knot_pkt_t *pkt,
                                         knotd_qdata_t *qdata, knotd_mod_t *mod)
{
	const aname_instance_t *instance = knotd_mod_ctx(mod);
	aname_worker_t *own = aname_query_own(qdata, instance);
	if (own == NULL) {
		return state;
	}
	uint32_t memo = memo_of(qdata, mod);
	aname_query_t query = { .pkt = pkt, .qdata = qdata, .own = own };
	if (memo == MEMO_PUT_SOA || memo == MEMO_LOWER_SOA) {
		state = finish_nodata(&query, state, memo);
	}
	bool speaks = instance->onlinesign == ANAME_ONLINESIGN_AFTER || aname_denial_found(pkt);
	if (speaks && knot_pkt_has_dnssec(qdata->query) &&
	    aname_query_meet(&query, pkt, qdata, mod) && take_up(&query)) {
		state = prove(&query, state);
		aname_query_leave(&query);
	}
	return memo == MEMO_PROVE ? finish_proof(&query, state) : state;
}

static knotd_in_state_t on_authority(knotd_in_state_t state, knot_pkt_t *pkt, knotd_qdata_t *qdata,
                                     knotd_mod_t *mod)
{
	return memo_of(qdata, mod) != MEMO_ANSWERED ? deny(state, pkt, qdata, mod) : state;
}

/*! Addresses beside a query for the ANAME itself (A4), and none of the siblings' (A3). */
static knotd_in_state_t add_addresses(const aname_query_t *query, knotd_in_state_t state,
                                      bool asked)
{
	/* mod-onlinesign cannot sign an addition that Knot did not make. */
	bool with = query->sign.state != ANAME_SIGN_PENDING &&
	            !(query->instance->onlinesign == ANAME_ONLINESIGN_AFTER &&
	              knot_pkt_has_dnssec(query->qdata->query));
	int ret = KNOT_EOK;
	for (unsigned i = 0; i < 2 && ret == KNOT_EOK; i++) {
		ret = asked && with ? aname_reply_add(query, families[i])
		                    : aname_reply_replace(query, families[i], with);
	}
	return ret == KNOT_EOK ? state : error_state(ret);
}

static ANAME_ASIDE knotd_in_state_t add(knotd_in_state_t state, knot_pkt_t *pkt,
                                        knotd_qdata_t *qdata, knotd_mod_t *mod)
{
	const aname_instance_t *instance = knotd_mod_ctx(mod);
	if (instance == NULL) {
		return state;
	}
	bool asked = is_rrtype(instance->options, knot_pkt_qtype(pkt)) &&
	             state == KNOTD_IN_STATE_HIT && aname_reply_at_apex(qdata);
	aname_query_t query;
	if ((!asked && knot_pkt_section(pkt, KNOT_ADDITIONAL)->count == 0) ||
	    !aname_query_meet(&query, pkt, qdata, mod) || !take_up(&query)) {
		return state;
	}

	/* Additions are the same for every client: the scope is the answer's. */
	query.tailored = false;
	knotd_in_state_t added = add_addresses(&query, state, asked);
	if (added == state) {
		added = correct_denials(&query, state);
	}
	aname_query_leave(&query);
	return added;
}

static knotd_in_state_t on_additional(knotd_in_state_t state, knot_pkt_t *pkt, knotd_qdata_t *qdata,
                                      knotd_mod_t *mod)
{
	return memo_of(qdata, mod) != MEMO_ANSWERED ? add(state, pkt, qdata, mod) : state;
}

/*! Shows the numbers of the whole process after any query, whoever is asked for what. */
static knotd_state_t on_any_query(knotd_state_t state, knot_pkt_t *pkt, knotd_qdata_t *qdata,
                                  knotd_mod_t *mod)
{
	aname_instance_t *instance = knotd_mod_ctx(mod);
	if (instance == NULL) {
		return state;
	}
	aname_query_show_totals(instance, mod);
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
	return knotd_mod_hook(mod, KNOTD_STAGE_END, on_any_query);
}
