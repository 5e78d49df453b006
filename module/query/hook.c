#include "query/hook.h"

#include "conf.h"
#include "octets.h"
#include "path.h"
#include "query/denial.h"
#include "query/change.h"
#include "query/ecs.h"
#include "query/prove.h"
#include "query/reply.h"
#include "query/respond.h"
#include "query/show.h"
#include "query/sign.h"
#include "query/signer.h"
#include "query/records.h"

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

/*! What an earlier hook of this query has left, in this very instance. */
static uint32_t memo_of(const knotd_qdata_t *qdata, knotd_mod_t *mod)
{
	const aname_instance_t *instance = knotd_mod_ctx(mod);
	const aname_worker_t *own = aname_query_own(qdata, instance);
	return own != NULL && own->memo_owner == instance ? own->memo : MEMO_NONE;
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
		state = aname_respond_addresses(&query, &answer, type);
		aname_query_leave_memo(&query, MEMO_ANSWERED);
	} else if (answer.say == ANAME_SAY_NODATA && is_bare(&query)) {
		knot_wire_set_aa(pkt->wire);
		aname_respond_note_nodata(&query, &answer, MEMO_PUT_SOA);
		state = KNOTD_IN_STATE_HIT;
	}
	aname_query_show(&query);
	aname_query_leave(&query);
	return state;
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

	state = aname_change_answer(&query, state);
	aname_query_show(&query);
	aname_query_leave(&query);
	return state;
}

static knotd_in_state_t on_answer(knotd_in_state_t state, knot_pkt_t *pkt, knotd_qdata_t *qdata,
                                  knotd_mod_t *mod)
{
	return memo_of(qdata, mod) == MEMO_NONE ? change(state, pkt, qdata, mod) : state;
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
		state = aname_prove_finish_nodata(&query, state, memo);
	}
	bool speaks = instance->onlinesign == ANAME_ONLINESIGN_AFTER || aname_denial_found(pkt);
	if (speaks && knot_pkt_has_dnssec(qdata->query) &&
	    aname_query_meet(&query, pkt, qdata, mod) && take_up(&query)) {
		state = aname_prove(&query, state);
		aname_query_leave(&query);
	}
	return memo == MEMO_PROVE ? aname_prove_finish(&query, state) : state;
}

static knotd_in_state_t on_authority(knotd_in_state_t state, knot_pkt_t *pkt, knotd_qdata_t *qdata,
                                     knotd_mod_t *mod)
{
	return memo_of(qdata, mod) != MEMO_ANSWERED ? deny(state, pkt, qdata, mod) : state;
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
	knotd_in_state_t added = aname_change_additional(&query, state, asked);
	if (added == state) {
		added = aname_prove_correct(&query, state);
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
