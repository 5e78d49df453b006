#include "query/hook.h"

#include "octets.h"
#include "path.h"
#include "query/change.h"
#include "query/ecs.h"
#include "query/node.h"
#include "query/nodes.h"
#include "query/prove.h"
#include "query/query.h"
#include "query/records.h"
#include "query/reply.h"
#include "query/respond.h"
#include "query/show.h"
#include "query/signing.h"

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
	if (query == NULL) {
		return false;
	}
	if (query->instance == instance) {
		if (!aname_epoch_enter_again(query->epoch, query->worker, &query->entered)) {
			aname_records_forget(query, false);
			aname_node_enter_again(query);
		}
	} else if (!begin(query, instance, pkt, qdata, mod, found)) {
		return false;
	} else if (instance->options->ecs) {
		aname_ecs_take(query);
	}
	aname_signing_choose(query);
	if (query->sign.state == ANAME_SIGN_UNABLE) {
		aname_epoch_leave(query->epoch, query->worker);
		return false;
	}
	return true;
}

/*!
 * The short cut: a query for the apex itself that can be answered right away. Knot does not look
 * at the zone after a HIT, which keeps siblings out.
 */
static knotd_in_state_t on_preanswer(knotd_in_state_t state, knot_pkt_t *pkt, knotd_qdata_t *qdata,
                                     knotd_mod_t *mod)
{
	aname_instance_t *instance = knotd_mod_ctx(mod);
	aname_pending_t before;
	aname_query_t *query = aname_query_of(qdata, instance, &before);
	if (query == NULL) {
		if (instance == NULL) {
			aname_start_again(mod);
		}
		return state;
	}
	if (query->instance == instance) {
		query->instance = NULL; /* That was the query before. */
	}

	/* That Knot has found the zone by the end of the name, and that it is as long, tells not
	 * enough: to Knot, an octet of zero in a label is as good as a label's end. */
	const knot_pkt_t *asked = qdata->query;
	uint16_t type = knot_pkt_qtype(pkt);
	if (state == KNOTD_IN_STATE_BEGIN && (type == KNOT_RRTYPE_A || type == KNOT_RRTYPE_AAAA) &&
	    asked->qname_size == instance->zone_len &&
	    aname_octets_equal(asked->lower_qname, knotd_qdata_zone_name(qdata),
	                       instance->zone_len) &&
	    take_up(query, pkt, qdata, mod, instance, NULL)) {
		state = aname_respond_early(query, state, type);
		aname_show(query);
		aname_epoch_leave(query->epoch, query->worker);
	}
	return state;
}

/*! Is this the object of an earlier hook of this query, in this very instance? */
static bool is_mine(const aname_query_t *query, const aname_instance_t *instance)
{
	return query != NULL && query->instance == instance;
}

/*! Everything else: what is cold or failing, ANY, and aliases that lead to the apex. */
static ANAME_ASIDE knotd_in_state_t change(knotd_in_state_t state, knot_pkt_t *pkt,
                                           knotd_qdata_t *qdata, knotd_mod_t *mod,
                                           aname_instance_t *instance, aname_query_t *query)
{
	if (is_mine(query, instance) && query->pending != ANAME_PENDING_ALL) {
		return query->pending == ANAME_PENDING_NODATA ? aname_change_to_nodata(query, state)
		                                              : state;
	}
	aname_found_t found;
	if (aname_change_is_due(state, pkt, qdata, instance, &found) &&
	    take_up(query, pkt, qdata, mod, instance, found.count > 0 ? &found : NULL)) {
		if (query->sign.wanted && !query->apex) {
			aname_nodes_note_nsec3(query);
		}
		state = aname_change_answer(query, state);
		aname_show(query);
		aname_epoch_leave(query->epoch, query->worker);
	}
	return state;
}

static knotd_in_state_t on_answer(knotd_in_state_t state, knot_pkt_t *pkt, knotd_qdata_t *qdata,
                                  knotd_mod_t *mod)
{
	aname_instance_t *instance = knotd_mod_ctx(mod);
	aname_pending_t pending;
	aname_query_t *query = aname_query_of(qdata, instance, &pending);
	return pending == ANAME_PENDING_NOTHING ? state
	                                        : change(state, pkt, qdata, mod, instance, query);
}

/*! What a query is about that is none about addresses: the apex, or nodes that are turned to. */
static const aname_found_t *begin_with(const aname_instance_t *instance)
{
	static const aname_found_t none = { .count = 0 };
	return aname_instance_any(instance) ? &none : NULL;
}

/*! A negative answer lives no longer than what it rests on, and denials tell the truth (D2, D3). */
static ANAME_ASIDE knotd_in_state_t prove(knotd_in_state_t state, knot_pkt_t *pkt,
                                          knotd_qdata_t *qdata, knotd_mod_t *mod,
                                          aname_instance_t *instance, aname_query_t *query)
{
	if (is_mine(query, instance)) {
		state = aname_prove_finish_nodata(query, state);
	}
	int first;
	if (aname_prove_is_due(pkt, qdata, instance, &first) &&
	    take_up(query, pkt, qdata, mod, instance, begin_with(instance))) {
		state = aname_prove(query, state, first);
		aname_show(query);
		aname_epoch_leave(query->epoch, query->worker);
	}
	return is_mine(query, instance) ? aname_prove_drop_soa(query, state) : state;
}

static knotd_in_state_t on_authority(knotd_in_state_t state, knot_pkt_t *pkt, knotd_qdata_t *qdata,
                                     knotd_mod_t *mod)
{
	aname_instance_t *instance = knotd_mod_ctx(mod);
	aname_pending_t pending;
	aname_query_t *query = aname_query_of(qdata, instance, &pending);
	return pending == ANAME_PENDING_NOTHING ? state
	                                        : prove(state, pkt, qdata, mod, instance, query);
}

static ANAME_ASIDE knotd_in_state_t add(knotd_in_state_t state, knot_pkt_t *pkt,
                                        knotd_qdata_t *qdata, knotd_mod_t *mod,
                                        aname_instance_t *instance, aname_query_t *query)
{
	if (aname_change_is_addition_due(state, pkt, qdata, instance) &&
	    take_up(query, pkt, qdata, mod, instance, begin_with(instance))) {
		state = aname_change_additional(query, state);
		aname_show(query);
		aname_epoch_leave(query->epoch, query->worker);
	} else if (query != NULL && !is_mine(query, instance)) {
		aname_show_aside(pkt, qdata, mod, instance);
	}
	return state;
}

static knotd_in_state_t on_additional(knotd_in_state_t state, knot_pkt_t *pkt, knotd_qdata_t *qdata,
                                      knotd_mod_t *mod)
{
	aname_instance_t *instance = knotd_mod_ctx(mod);
	aname_pending_t pending;
	aname_query_t *query = aname_query_of(qdata, instance, &pending);
	return pending == ANAME_PENDING_NOTHING ? state
	                                        : add(state, pkt, qdata, mod, instance, query);
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
