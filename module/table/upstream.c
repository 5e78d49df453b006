#include "table/upstream.h"

#include <stdlib.h>
#include <string.h>

aname_upstream_t *aname_upstream_find(aname_upstream_t **list, const aname_source_t *source)
{
	for (aname_upstream_t *upstream = *list; upstream != NULL; upstream = upstream->next) {
		if (memcmp(&upstream->source, source, sizeof(*source)) == 0) {
			return upstream;
		}
	}
	aname_upstream_t *upstream = calloc(1, sizeof(*upstream));
	if (upstream != NULL) {
		upstream->source = *source;
		upstream->next = *list;
		*list = upstream;
	}
	return upstream;
}

static bool is_unheld(const aname_upstream_t *upstream)
{
	return upstream->holders == 0 && upstream->unheld_ms != 0;
}

static aname_upstream_t *take_out(aname_upstream_t **at)
{
	aname_upstream_t *upstream = *at;
	*at = upstream->next;
	upstream->next = NULL;
	return upstream;
}

aname_upstream_t *aname_upstream_take_out(aname_upstream_t **list, int64_t now_ms)
{
	aname_upstream_t **oldest = NULL;
	unsigned given_up = 0;
	for (aname_upstream_t **at = list; *at != NULL; at = &(*at)->next) {
		if (!is_unheld(*at)) {
			continue;
		}
		if (now_ms - (*at)->unheld_ms >= ANAME_UPSTREAM_KEEP_MS) {
			return take_out(at);
		}
		given_up += !(*at)->awaited;
		/* The list has the newest first. */
		if (!(*at)->awaited &&
		    (oldest == NULL || (*at)->unheld_ms <= (*oldest)->unheld_ms)) {
			oldest = at;
		}
	}
	return given_up > ANAME_UPSTREAMS_KEPT ? take_out(oldest) : NULL;
}

/*! Takes the larger of both; true if they differ. */
static bool take_larger(uint32_t *value, uint32_t other)
{
	bool differ = *value != other;
	*value = *value > other ? *value : other;
	return differ;
}

/*! Takes the smaller of both; true if they differ. */
static bool take_smaller(uint32_t *value, uint32_t other)
{
	bool differ = *value != other;
	*value = *value < other ? *value : other;
	return differ;
}

void aname_upstream_add_terms(aname_upstream_terms_t *terms, const aname_schedule_t *schedule,
                              bool first)
{
	if (first) {
		*terms = (aname_upstream_terms_t){ .schedule = *schedule,
			                           .ttl_min = schedule->ttl_min };
	}
	aname_schedule_t *sum = &terms->schedule;
	/* Not `||`: each of them counts. */
	terms->differ |= take_larger(&sum->timeout_ms, schedule->timeout_ms);
	terms->differ |= take_larger(&sum->retries, schedule->retries);
	terms->differ |= take_larger(&sum->max_aliases, schedule->max_aliases);
	terms->differ |= take_smaller(&sum->retry_min, schedule->retry_min);
	terms->differ |= take_smaller(&sum->retry_max, schedule->retry_max);
	(void)take_smaller(&sum->ttl_min, schedule->ttl_min);
	(void)take_larger(&sum->ttl_max, schedule->ttl_max);
	(void)take_larger(&sum->stale_max, schedule->stale_max);
	(void)take_larger(&sum->idle, schedule->idle);
	(void)take_larger(&sum->ecs_prefix_ipv4, schedule->ecs_prefix_ipv4);
	(void)take_larger(&sum->ecs_prefix_ipv6, schedule->ecs_prefix_ipv6);
	(void)take_larger(&terms->ttl_min, schedule->ttl_min);
	terms->no_grace |= schedule->stale_max == 0;
}
