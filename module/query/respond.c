#include "query/respond.h"

#include "query/ecs.h"
#include "query/reply.h"
#include "query/show.h"

static const uint16_t families[] = { KNOT_RRTYPE_A, KNOT_RRTYPE_AAAA };

static void count(const aname_query_t *query, aname_kind_t kind)
{
	aname_stats_answer(query->mod, query->own, query->worker, kind);
}

knotd_in_state_t aname_respond_error(int ret)
{
	return ret == KNOT_ESPACE ? KNOTD_IN_STATE_TRUNC : KNOTD_IN_STATE_ERROR;
}

knotd_in_state_t aname_respond_addresses(const aname_query_t *query, const aname_answer_t *answer,
                                         uint16_t type)
{
	int ret = aname_reply_put(query, answer, type, aname_reply_flags(query));
	if (ret != KNOT_EOK) {
		return aname_respond_error(ret);
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

knotd_in_state_t aname_respond_instead(const aname_query_t *query, const aname_answer_t *answer,
                                       uint16_t type)
{
	int ret = aname_reply_remove_sibling(query, type);
	return ret == KNOT_EOK ? aname_respond_addresses(query, answer, type)
	                       : aname_respond_error(ret);
}

void aname_respond_note_nodata(const aname_query_t *query, const aname_answer_t *answer,
                               uint32_t memo)
{
	if (answer->stale) {
		query->qdata->rcode_ede = KNOT_EDNS_EDE_STALE;
	}
	aname_ecs_tell_scope(query, answer);
	aname_query_leave_memo(query, memo);
	query->own->memo_ttl = answer->ttl;
	count(query, answer->gone ? ANAME_KIND_GONE : ANAME_KIND_NODATA);
}

knotd_in_state_t aname_respond_nodata(const aname_query_t *query, const aname_answer_t *answer,
                                      uint16_t type)
{
	int ret = aname_reply_remove_sibling(query, type);
	if (ret != KNOT_EOK) {
		return aname_respond_error(ret);
	}
	aname_respond_note_nodata(query, answer, MEMO_LOWER_SOA);
	return KNOTD_IN_STATE_NODATA;
}

knotd_in_state_t aname_respond_servfail(const aname_query_t *query, aname_kind_t kind, int ede)
{
	count(query, kind);
	query->qdata->rcode = KNOT_RCODE_SERVFAIL;
	query->qdata->rcode_ede = ede;
	return KNOTD_IN_STATE_ERROR;
}

knotd_in_state_t aname_respond_failure(const aname_query_t *query, const aname_answer_t *answer,
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
	case ANAME_FAILURE_NONE:
		return aname_respond_servfail(query, ANAME_KIND_COLD, KNOT_EDNS_EDE_NOT_READY);
	case ANAME_FAILURE_EMPTIED:
	case ANAME_FAILURE_DENIED:
		return aname_respond_servfail(query, ANAME_KIND_DENIED, KNOT_EDNS_EDE_BLOCKED);
	case ANAME_FAILURE_INSECURE:
		return aname_respond_servfail(query, ANAME_KIND_FAILED, KNOT_EDNS_EDE_RRSIG_MISS);
	case ANAME_FAILURE_BOGUS:
		return aname_respond_servfail(query, ANAME_KIND_FAILED, KNOT_EDNS_EDE_BOGUS);
	case ANAME_FAILURE_NETWORK:
		return aname_respond_servfail(query, ANAME_KIND_FAILED, KNOT_EDNS_EDE_NETWORK);
	default: return aname_respond_servfail(query, ANAME_KIND_FAILED, KNOT_EDNS_EDE_NREACH_AUTH);
	}
}

bool aname_respond_truncates(const aname_query_t *query)
{
	return query->qdata->params->proto == KNOTD_QUERY_PROTO_UDP &&
	       query->instance->options->cold == ANAME_COLD_TRUNCATE;
}

knotd_in_state_t aname_respond_truncated(const aname_query_t *query, uint16_t type)
{
	if (aname_reply_remove_sibling(query, type) != KNOT_EOK) {
		return KNOTD_IN_STATE_ERROR;
	}
	knot_wire_set_tc(query->pkt->wire);
	count(query, ANAME_KIND_TRUNCATED);
	return KNOTD_IN_STATE_TRUNC;
}

knotd_in_state_t aname_respond_any(const aname_query_t *query)
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
			return aname_respond_error(ret);
		}
		aname_ecs_tell_scope(query, &answer);
	}
	if (query->pkt->rrset_count == 0) {
		aname_reply_put_records(query);
	}
	return KNOTD_IN_STATE_HIT;
}
