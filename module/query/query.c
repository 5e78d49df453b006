#include "query/query.h"

#include <string.h>

#include "path.h"
#include "table/clock.h"
#include "table/logged.h"

_Static_assert(sizeof(aname_instance_t) <= 120 || sizeof(void *) != 8, "it fits into a block");
_Static_assert(sizeof(aname_query_t) <= ANAME_WORKER_QUERY_SIZE, "there is room for a query");
_Static_assert(ANAME_DECISIONS * sizeof(aname_decision_t) <= ANAME_WORKER_DECISIONS_SIZE,
               "and for what is decided");
_Static_assert(_Alignof(aname_query_t) <= ANAME_WORKER_QUERY_ALIGN, "and it is aligned");
_Static_assert(offsetof(aname_query_t, instance) == 0, "a slot of zeros has a free one");

ANAME_WARM aname_query_t *aname_query_of(const knotd_qdata_t *qdata,
                                         const aname_instance_t *instance)
{
	unsigned number = qdata->params->thread_id;
	if (instance == NULL || number >= ANAME_WORKERS_MAX) {
		return NULL;
	}
	return (aname_query_t *)instance->shared->workers[number].query;
}

/*! The last ANAME record of the apex was removed: it names no target, and leads nowhere. */
static ANAME_ASIDE void forget_apex(aname_instance_t *instance)
{
	const aname_zone_targets_t none = { .count = 0 };
	aname_zones_note(instance->shared->zones, &instance->zone.named, &none);
	aname_owners_drop(instance->shared->owners, &instance->apex.owner);
}

ANAME_WARM unsigned aname_query_apex_records(knotd_qdata_t *qdata, const aname_options_t *options,
                                             knot_rrset_t *rrsets)
{
	unsigned count = 0;
	for (unsigned i = 0; i < options->rrtypes_count; i++) {
		knot_rrset_t rrset = knotd_qdata_zone_apex_rrset(qdata, options->rrtypes[i]);
		if (rrset.rrs.count > 0) {
			rrsets[count++] = rrset;
		}
	}
	return count;
}

ANAME_WARM bool aname_query_begin(aname_query_t *query, aname_instance_t *instance, knot_pkt_t *pkt,
                                  knotd_qdata_t *qdata, knotd_mod_t *mod, bool at_apex)
{
	query->instance = NULL;
	unsigned count = 0;
	if (at_apex) {
		count = aname_query_apex_records(qdata, instance->options, query->rrsets);
		if (count == 0) {
			if (aname_named_any(&instance->zone.named)) {
				forget_apex(instance);
			}
			return false;
		}
	}

	query->instance = instance;
	query->worker = qdata->params->thread_id;
	query->slot = &instance->shared->workers[query->worker];
	query->epoch = instance->shared->epoch;
	query->pkt = pkt;
	query->qdata = qdata;
	query->mod = mod;
	query->now_ms = aname_clock_coarse_ms();
	query->now_s = (uint64_t)query->now_ms / 1000;
	/* These stand in one word. */
	query->pending = ANAME_PENDING_ALL;
	query->waited = false;
	query->for_subnet = false;
	query->by_subnet = false;
	memset(query->settled, 0, sizeof(query->settled));
	query->decided = 0;
	query->missing = 0;
	query->sign.state = ANAME_SIGN_NEEDLESS;
	query->sign.wanted = false;
	query->node = at_apex ? &instance->apex : NULL;
	query->rrsets_count = count;
	query->several = count != 1 || query->rrsets[0].rrs.count != 1;
	query->apex = at_apex;
	query->entered = aname_epoch_enter(query->epoch, query->worker);
	return true;
}

const knot_rdata_t *aname_query_next_record(const aname_query_t *query, aname_query_walk_t *walk)
{
	for (; walk->rrset < query->rrsets_count && walk->count < ANAME_POOL_MAX; walk->rrset++) {
		const knot_rdataset_t *rrs = &query->rrsets[walk->rrset].rrs;
		if (walk->next < rrs->count) {
			walk->rdata =
			        walk->next == 0 ? rrs->rdata : knot_rdataset_next(walk->rdata);
			walk->next++;
			walk->count++;
			return walk->rdata;
		}
		walk->next = 0;
	}
	return NULL;
}

bool aname_query_log_once(const aname_query_t *query, const char *what, const void *content,
                          size_t len)
{
	const knot_dname_t *zone = knotd_qdata_zone_name(query->qdata);
	aname_shared_t *shared = query->instance->shared;
	uint64_t hash = aname_shared_content(shared, 0, what, strlen(what));
	hash = aname_shared_content(shared, hash, zone, query->instance->zone_len);
	hash = aname_shared_content(shared, hash, content, len);
	return aname_shared_log_once(shared, hash, aname_query_zone(query), query->now_ms);
}

void aname_query_log(void *mod, int priority, const char *message)
{
	knotd_mod_log(mod, priority, "%s", message);
}
