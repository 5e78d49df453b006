#include "query/query.h"

#include <string.h>

#include "table/clock.h"

static bool find_records(aname_query_t *query)
{
	const aname_options_t *options = query->instance->options;
	unsigned count = 0;
	for (unsigned i = 0; i < options->rrtypes_count; i++) {
		knot_rrset_t rrset = knotd_qdata_zone_apex_rrset(query->qdata, options->rrtypes[i]);
		if (rrset.rrs.count > 0) {
			query->rrsets[count++] = rrset;
		}
	}
	query->rrsets_count = count;
	return count > 0;
}

void aname_query_log(void *mod, int priority, const char *message)
{
	knotd_mod_log(mod, priority, "%s", message);
}

bool aname_query_first_time(const aname_query_t *query, const char *what, const void *content,
                            size_t len)
{
	const knot_dname_t *zone = knotd_qdata_zone_name(query->qdata);
	uint64_t hash = aname_shared_hash(0, what, strlen(what));
	hash = aname_shared_hash(hash, zone, query->instance->zone_len);
	return aname_shared_first(query->instance->shared, aname_shared_hash(hash, content, len),
	                          query->now_ms);
}

void aname_query_set_time(aname_query_t *query, int64_t now_ms)
{
	query->now_ms = now_ms;
	query->now_s = (uint64_t)now_ms / 1000;
}

bool aname_query_begin(aname_query_t *query)
{
	query->news = false;
	if (!find_records(query)) {
		return false;
	}
	aname_query_set_time(query, aname_clock_coarse_ms());
	query->tailored = false;
	aname_query_enter(query);
	return true;
}

bool aname_query_begin_aside(aname_query_t *query)
{
	query->news = false;
	query->tailored = false;
	query->sign.state = ANAME_SIGN_NEEDLESS;
	if (!find_records(query)) {
		return false;
	}
	aname_query_set_time(query, aname_clock_coarse_ms());
	aname_epoch_enter(query->instance->shared->epoch, query->worker);
	return true;
}

void aname_query_enter(aname_query_t *query)
{
	aname_epoch_enter(query->instance->shared->epoch, query->worker);
}

void aname_query_leave(const aname_query_t *query)
{
	aname_epoch_leave(query->instance->shared->epoch, query->worker);
}
