#include "query/hook.h"

#include "conf/knotd.h"
#include "octets.h"
#include "path.h"
#include "query/addition.h"
#include "query/bitmap.h"
#include "query/change.h"
#include "query/early.h"
#include "query/ecs.h"
#include "query/memo.h"
#include "query/node.h"
#include "query/nodes.h"
#include "query/progress.h"
#include "query/prove.h"
#include "query/query.h"
#include "query/records.h"
#include "query/reply.h"
#include "query/respond.h"
#include "query/show.h"
#include "query/signing.h"

aname_progress_t aname_progress[ANAME_WORKERS_MAX];

/*! Begins a query about the node of these records, about none if there are none, or if `found`
 *  is NULL about the apex. */
static ANAME_WARM bool begin(aname_query_t *query, aname_instance_t *instance, knot_pkt_t *pkt,
                             knotd_qdata_t *qdata, knotd_mod_t *mod, const aname_found_t *found)
{
	bool begun = aname_query_begin(query, instance, pkt, qdata, mod, found == NULL);
	if (found != NULL && found->count > 0) {
		aname_node_turn(query, found);
	}
	return begun;
}

/*!
 * Takes a query up, or takes it up again. False outside the epoch, if there is nothing to do for
 * it: no ANAME at the apex if `found` is NULL, or a zone in which what this module makes would be
 * bogus (D4).
 */
static ANAME_WARM bool take_up(aname_query_t *query, knot_pkt_t *pkt, knotd_qdata_t *qdata,
                               knotd_mod_t *mod, aname_instance_t *instance,
                               const aname_found_t *found)
{
	if (query->instance == instance) {
		if (!aname_epoch_enter_again(query->epoch, query->worker, &query->entered)) {
			aname_records_forget(query, false);
			aname_node_enter_again(query);
		}
		if (query->node == NULL && found != NULL && found->count > 0) {
			aname_node_turn(query, found);
		}
	} else if (!begin(query, instance, pkt, qdata, mod, found)) {
		return false;
	} else if (instance->options->ecs) {
		aname_ecs_take(query);
	}
	return aname_signing_take(query);
}

/*! Answers a query that is about a node, if that can be done right away. Leaves the epoch. */
static ANAME_WARM knotd_in_state_t respond_early(aname_query_t *query, knotd_in_state_t state,
                                                 uint16_t type)
{
	state = aname_respond_early(query, state, type);
	if (query->pending == ANAME_PENDING_NOTHING) {
		aname_progress_complete(query->qdata, query->mod);
	}
	aname_show(query);
	aname_epoch_leave(query->epoch, query->worker);
	return state;
}

/*!
 * The short cut: a query for the apex itself that can be answered right away. Knot does not look
 * at the zone after a HIT, which keeps siblings out.
 */
static ANAME_ASIDE knotd_in_state_t on_zone(knotd_in_state_t state, knot_pkt_t *pkt,
                                            knotd_qdata_t *qdata, knotd_mod_t *mod,
                                            aname_instance_t *instance, aname_query_t *query)
{
	/* That Knot has found the zone by the end of the name, and that it is as long, tells not
	 * enough: to Knot, an octet of zero in a label is as good as a label's end. */
	if (aname_octets_equal(qdata->query->lower_qname, knotd_qdata_zone_name(qdata),
	                       instance->zone_len) &&
	    take_up(query, pkt, qdata, mod, instance, NULL)) {
		state = respond_early(query, state, knot_pkt_qtype(pkt));
	}
	return state;
}

/*! The short cuts for other names, if they are known. */
static ANAME_ASIDE knotd_in_state_t on_name(knotd_in_state_t state, knot_pkt_t *pkt,
                                            knotd_qdata_t *qdata, knotd_mod_t *mod,
                                            aname_instance_t *instance, aname_query_t *query)
{
	if (instance->yields) {
		return state; /* Or it depended on what is known whose answer counts. */
	}
	state = aname_instance_any(instance)
	                ? aname_early_node(query, state, instance, pkt, qdata, mod)
	                : aname_early_alias(query, state, instance, pkt, qdata, mod);
	if (query->instance != NULL && query->pending == ANAME_PENDING_NOTHING) {
		aname_progress_complete(qdata, mod);
	}
	return state;
}

static knotd_in_state_t on_preanswer(knotd_in_state_t state, knot_pkt_t *pkt, knotd_qdata_t *qdata,
                                     knotd_mod_t *mod)
{
	aname_instance_t *instance = knotd_mod_ctx(mod);
	unsigned worker = qdata->params->thread_id;
	uint16_t type = knot_pkt_qtype(qdata->query);
	bool family = aname_family_of(type) != 0;
	if (worker < ANAME_WORKERS_MAX) {
		aname_progress[worker].complete = aname_progress[worker].plain =
		        aname_progress[worker].begun = NULL;
		aname_progress[worker].aside = aname_progress[worker].added = NULL;
		if (!family && instance != NULL && !aname_change_is_about(instance, type)) {
			aname_progress[worker].aside = mod;
			return state;
		}
	}
	aname_query_t *query = aname_query_of(qdata, instance);
	if (query == NULL) {
		if (instance == NULL) {
			aname_start_again(mod);
		}
		return state;
	}
	/* What there is is of the query before. */
	query->instance = NULL;
	aname_progress[worker].begun = mod;
	if (state != KNOTD_IN_STATE_BEGIN || !family) {
		return state;
	}
	if (qdata->query->qname_size == instance->zone_len) {
		return on_zone(state, pkt, qdata, mod, instance, query);
	}
	if (aname_memo_may_be_early(qdata, instance)) {
		return on_name(state, pkt, qdata, mod, instance, query);
	}
	if (!aname_instance_any(instance)) {
		return state;
	}
	aname_progress[worker].plain = mod;
	aname_progress[worker].instance = instance;
	aname_progress[worker].type = type;
	return state;
}

/*! Notes what the query in hand tells of another node than the apex, to which Knot has come. */
static ANAME_ASIDE void note_node(const aname_query_t *query)
{
	if (query->sign.wanted) {
		aname_nodes_note_nsec3(query);
	}
	aname_node_note_known(query);
}

/*! Everything else: what is cold or failing, ANY, and aliases that lead to the apex. */
static ANAME_ASIDE knotd_in_state_t change(knotd_in_state_t state, knot_pkt_t *pkt,
                                           knotd_qdata_t *qdata, knotd_mod_t *mod,
                                           aname_instance_t *instance, aname_query_t *query)
{
	if (aname_progress_is_mine(query, instance) && query->pending != ANAME_PENDING_ALL) {
		return query->pending == ANAME_PENDING_NODATA ? aname_change_to_nodata(query, state)
		                                              : state;
	}
	aname_found_t found;
	if (aname_change_is_due(state, pkt, qdata, instance, &found) &&
	    take_up(query, pkt, qdata, mod, instance, found.count > 0 ? &found : NULL)) {
		if (!query->apex) {
			note_node(query);
		}
		aname_early_note_alias(query);
		state = aname_change_answer(query, state);
		if (query->pending == ANAME_PENDING_NOTHING) {
			aname_progress_complete(qdata, mod);
		}
		aname_show(query);
		aname_epoch_leave(query->epoch, query->worker);
	}
	return state;
}

/*! What a query is about that is none about addresses: the apex, or nodes that are turned to. */
static const aname_found_t *begin_with(const aname_instance_t *instance)
{
	static const aname_found_t none = { .count = 0 };
	return aname_instance_any(instance) ? &none : NULL;
}

/*!
 * Answers where Knot has come to nothing, be it by an alias or a wildcard, with what is known to
 * answer for that, if nothing has to be proven. False, and the query is let go, if there is more
 * to it.
 */
static ANAME_ASIDE bool answer_known_end(knot_pkt_t *pkt, knotd_qdata_t *qdata, knotd_mod_t *mod,
                                         aname_instance_t *instance, aname_query_t *query,
                                         knotd_in_state_t *state)
{
	uint64_t version = aname_memo_version(qdata, instance);
	if (version == 0 || !begin(query, instance, pkt, qdata, mod, begin_with(instance))) {
		return false;
	}
	if (instance->options->ecs) {
		aname_ecs_take(query);
	}
	aname_signing_choose(query);
	bool known =
	        query->sign.state == ANAME_SIGN_NEEDLESS || query->sign.state == ANAME_SIGN_READY;
	bool done = known && !query->sign.wanted && aname_node_turn_to_known_end(query, version) &&
	            aname_change_answer_warm(query, state);
	if (done) {
		aname_progress_complete(qdata, mod);
		aname_show(query);
	} else {
		query->instance = NULL;
	}
	aname_epoch_leave(query->epoch, query->worker);
	return done;
}

/*! Has Knot come to nothing, and nothing has to be proven? */
static bool may_be_known_end(knotd_in_state_t state, knotd_qdata_t *qdata,
                             const aname_instance_t *instance)
{
	return state == KNOTD_IN_STATE_NODATA && qdata->rcode == KNOT_RCODE_NOERROR &&
	       instance->onlinesign == ANAME_ONLINESIGN_NONE &&
	       (!knot_pkt_has_dnssec(qdata->query) ||
	        knotd_qdata_zone_apex_rrset(qdata, KNOT_RRTYPE_DNSKEY).rrs.count == 0);
}

/*! The same, unless it is known that there is nothing to change. */
static ANAME_ASIDE knotd_in_state_t change_unknown(knotd_in_state_t state, knot_pkt_t *pkt,
                                                   knotd_qdata_t *qdata, knotd_mod_t *mod)
{
	aname_instance_t *instance = knotd_mod_ctx(mod);
	aname_query_t *query = aname_progress_object(qdata, mod, instance);
	if (query == NULL) {
		return state;
	}
	if (aname_instance_any(instance) && !aname_progress_is_mine(query, instance) &&
	    aname_family_of(knot_pkt_qtype(qdata->query)) != 0 &&
	    (aname_memo_is_plain(state, qdata, instance) ||
	     (may_be_known_end(state, qdata, instance) &&
	      answer_known_end(pkt, qdata, mod, instance, query, &state)))) {
		return state;
	}
	return change(state, pkt, qdata, mod, instance, query);
}

/*! Has Knot found that the zone's apex has nothing of the type that is asked for, and is to prove it? */
static inline bool is_denied(knotd_in_state_t state, const knotd_qdata_t *qdata)
{
	return state == KNOTD_IN_STATE_NODATA && knot_pkt_has_dnssec(qdata->query);
}

/*! Spares Knot the proof, which would have to be put right, if the right one is known. */
static ANAME_ASIDE knotd_in_state_t deny(knotd_in_state_t state, knot_pkt_t *pkt,
                                         knotd_qdata_t *qdata, knotd_mod_t *mod)
{
	aname_instance_t *instance = knotd_mod_ctx(mod);
	aname_query_t *query = aname_progress_object(qdata, mod, instance);
	if (query == NULL || qdata->query->qname_size != instance->zone_len || instance->yields ||
	    instance->onlinesign != ANAME_ONLINESIGN_NONE || pkt->rrset_count > 0 ||
	    qdata->rcode != KNOT_RCODE_NOERROR ||
	    !aname_octets_equal(qdata->query->lower_qname, knotd_qdata_zone_name(qdata),
	                        instance->zone_len) ||
	    !take_up(query, pkt, qdata, mod, instance, NULL)) {
		return state;
	}
	state = aname_respond_absent(query, state);
	aname_show(query);
	aname_epoch_leave(query->epoch, query->worker);
	return state;
}

/*! What is not answered yet. */
static ANAME_ASIDE knotd_in_state_t answer(knotd_in_state_t state, knot_pkt_t *pkt,
                                           knotd_qdata_t *qdata, knotd_mod_t *mod)
{
	unsigned worker = qdata->params->thread_id;
	if (worker < ANAME_WORKERS_MAX) {
		if (aname_progress[worker].aside == mod) {
			return is_denied(state, qdata) ? deny(state, pkt, qdata, mod) : state;
		}
		if (aname_progress[worker].plain == mod &&
		    aname_memo_is_complete(state, aname_progress[worker].type, pkt, qdata,
		                           aname_progress[worker].instance)) {
			aname_progress[worker].complete = mod;
			return state;
		}
	}
	return change_unknown(state, pkt, qdata, mod);
}

static knotd_in_state_t on_answer(knotd_in_state_t state, knot_pkt_t *pkt, knotd_qdata_t *qdata,
                                  knotd_mod_t *mod)
{
	return aname_progress_is_complete(qdata, mod) ? state : answer(state, pkt, qdata, mod);
}

/*! A negative answer lives no longer than what it rests on, and denials tell the truth (D2, D3). */
static ANAME_ASIDE knotd_in_state_t prove(knotd_in_state_t state, knot_pkt_t *pkt,
                                          knotd_qdata_t *qdata, knotd_mod_t *mod)
{
	aname_instance_t *instance = knotd_mod_ctx(mod);
	aname_query_t *query = aname_progress_object(qdata, mod, instance);
	if (query == NULL) {
		return state;
	}
	if (aname_progress_is_mine(query, instance)) {
		if (query->pending == ANAME_PENDING_PUT_PROOF) {
			aname_progress_complete(qdata, mod);
			return aname_prove_put(query, state);
		}
		state = aname_prove_finish_nodata(query, state);
	}
	int first;
	if (aname_prove_is_due(pkt, qdata, instance, &first) &&
	    take_up(query, pkt, qdata, mod, instance, begin_with(instance))) {
		state = aname_prove(query, state, first);
		aname_show(query);
		aname_epoch_leave(query->epoch, query->worker);
	}
	return aname_progress_is_mine(query, instance) ? aname_prove_drop_soa(query, state) : state;
}

/*! What is not complete yet. */
static ANAME_ASIDE knotd_in_state_t go_on(knotd_in_state_t state, knot_pkt_t *pkt,
                                          knotd_qdata_t *qdata, knotd_mod_t *mod)
{
	const aname_instance_t *instance = knotd_mod_ctx(mod);
	if (qdata->query->tsig_rr != NULL && instance != NULL) {
		aname_addition_prevent(state, pkt, qdata, instance);
	}
	/* Who asks for no proofs gets none. */
	return aname_progress_is_aside(qdata, mod) && !knot_pkt_has_dnssec(qdata->query)
	               ? state
	               : prove(state, pkt, qdata, mod);
}

static knotd_in_state_t on_authority(knotd_in_state_t state, knot_pkt_t *pkt, knotd_qdata_t *qdata,
                                     knotd_mod_t *mod)
{
	return aname_progress_is_complete(qdata, mod) ? state : go_on(state, pkt, qdata, mod);
}

static ANAME_ASIDE knotd_in_state_t add(knotd_in_state_t state, knot_pkt_t *pkt,
                                        knotd_qdata_t *qdata, knotd_mod_t *mod)
{
	aname_instance_t *instance = knotd_mod_ctx(mod);
	aname_query_t *query = aname_progress_object(qdata, mod, instance);
	if (query == NULL) {
		return state;
	}
	if (aname_addition_is_due(state, pkt, qdata, instance) &&
	    take_up(query, pkt, qdata, mod, instance, begin_with(instance))) {
		state = aname_addition_change(query, state);
		aname_show(query);
		aname_epoch_leave(query->epoch, query->worker);
	} else if (!aname_progress_is_mine(query, instance)) {
		aname_show_aside(pkt, qdata, mod, instance);
	}
	return state;
}

static knotd_in_state_t on_additional(knotd_in_state_t state, knot_pkt_t *pkt, knotd_qdata_t *qdata,
                                      knotd_mod_t *mod)
{
	if (aname_progress_is_complete(qdata, mod)) {
		return state;
	}
	aname_progress_add(qdata, mod);
	return add(state, pkt, qdata, mod);
}

/*! Puts right what Knot has left amid the additional section, since the rest did not fit. */
static ANAME_ASIDE knotd_state_t finish(knotd_state_t state, knot_pkt_t *pkt, knotd_qdata_t *qdata,
                                        knotd_mod_t *mod)
{
	aname_instance_t *instance = knotd_mod_ctx(mod);
	bool left = state == KNOTD_STATE_DONE && qdata->query->tsig_rr == NULL &&
	            !aname_progress_is_added(qdata, mod) && aname_addition_is_left(pkt);
	aname_query_t *query =
	        left && instance != NULL ? aname_progress_object(qdata, mod, instance) : NULL;
	if (query != NULL && take_up(query, pkt, qdata, mod, instance, begin_with(instance))) {
		aname_addition_leave_out(query);
		aname_epoch_leave(query->epoch, query->worker);
	}
	return state;
}

static knotd_state_t on_end(knotd_state_t state, knot_pkt_t *pkt, knotd_qdata_t *qdata,
                            knotd_mod_t *mod)
{
	/* Mostly there is nothing but an OPT record. */
	uint16_t opt = qdata->opt_rr.rrs.count;
	return knot_pkt_section(pkt, KNOT_ADDITIONAL)->count > opt ? finish(state, pkt, qdata, mod)
	                                                           : state;
}

/*! Shows the numbers of the whole process after any query, whoever is asked for what. */
static knotd_state_t on_any_query(knotd_state_t state, knot_pkt_t *pkt, knotd_qdata_t *qdata,
                                  knotd_mod_t *mod)
{
	aname_instance_t *instance = knotd_mod_ctx(mod);
	if (instance != NULL) {
		aname_show_totals(instance, mod);
	} else {
		aname_start_again(mod);
	}
	return state;
}

int aname_hook_zone(knotd_mod_t *mod)
{
	static const struct {
		knotd_stage_t stage;
		knotd_mod_in_hook_f hook;
	} hooks[] = {
		{ KNOTD_STAGE_ANSWER, on_answer },
		{ KNOTD_STAGE_AUTHORITY, on_authority },
		{ KNOTD_STAGE_ADDITIONAL, on_additional },
		/* The last one: without all the others nothing is started again. */
		{ KNOTD_STAGE_PREANSWER, on_preanswer },
	};
	int ret = knotd_mod_hook(mod, KNOTD_STAGE_END, on_end);
	for (size_t i = 0; i < sizeof(hooks) / sizeof(hooks[0]) && ret == KNOT_EOK; i++) {
		ret = knotd_mod_in_hook(mod, hooks[i].stage, hooks[i].hook);
	}
	return ret;
}

int aname_hook_global(knotd_mod_t *mod)
{
	return knotd_mod_hook(mod, KNOTD_STAGE_END, on_any_query);
}
