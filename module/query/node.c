#include "query/node.h"

#include <string.h>

#include "query/nodes.h"

void aname_node_save(const aname_query_t *query, aname_node_saved_t *saved)
{
	saved->node = query->node;
	saved->decided = query->decided;
	saved->missing = query->missing;
	saved->missing_ttl = query->missing_ttl;
	saved->covered = query->covered;
	saved->several = query->several;
	saved->apex = query->apex;
	saved->found.count = query->rrsets_count;
	memcpy(saved->found.rrsets, query->rrsets, query->rrsets_count * sizeof(query->rrsets[0]));
}

/*! Nothing is decided yet. */
static void start(aname_query_t *query, aname_node_t *node)
{
	query->node = node;
	memset(query->settled, 0, sizeof(query->settled));
	query->decided = query->missing = 0;
	query->missing_ttl = UINT32_MAX;
}

static void take(aname_query_t *query, const aname_found_t *found)
{
	query->rrsets_count = found->count;
	memcpy(query->rrsets, found->rrsets, found->count * sizeof(found->rrsets[0]));
	query->several = found->count != 1 || found->rrsets[0].rrs.count != 1;
}

void aname_node_take_decided(aname_query_t *query, const aname_node_saved_t *saved)
{
	query->decided = saved->decided;
	query->missing = saved->missing;
	query->missing_ttl = saved->missing_ttl;
}

void aname_node_restore(aname_query_t *query, const aname_node_saved_t *saved)
{
	query->covered = saved->covered;
	if (query->node == saved->node && !aname_nodes_is_spare(query, saved->node)) {
		return;
	}
	start(query, saved->node);
	take(query, &saved->found);
	query->apex = saved->apex;
	aname_node_take_decided(query, saved);
}

void aname_node_turn(aname_query_t *query, const aname_found_t *found)
{
	aname_node_t *node = aname_nodes_get(query, found->rrsets[0].owner);
	if (node != query->node || aname_nodes_is_spare(query, node)) {
		start(query, node);
		take(query, found);
		query->apex = false;
	}
	query->covered = query->qdata->name;
}

void aname_node_enter_again(aname_query_t *query)
{
	if (!query->apex && query->node != NULL) {
		query->node = aname_nodes_get(query, query->rrsets[0].owner);
	}
}

bool aname_node_turn_to_apex(aname_query_t *query)
{
	aname_node_t *apex = &query->instance->apex;
	if (query->node == apex) {
		return true;
	}
	aname_found_t found;
	found.count =
	        aname_query_apex_records(query->qdata, query->instance->options, found.rrsets);
	if (found.count == 0) {
		return false;
	}
	start(query, apex);
	take(query, &found);
	query->apex = true;
	return true;
}

void aname_node_turn_away(aname_query_t *query)
{
	start(query, NULL);
	query->rrsets_count = 0;
	query->apex = false;
}
