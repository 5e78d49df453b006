#include "query/node.h"

#include <stdlib.h>
#include <string.h>

#include "path.h"
#include "query/find.h"
#include "query/memo.h"
#include "query/nodes.h"
#include "query/packet.h"

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

/*! Turns to a node, if it is known well enough. Its name stays as long as the query. */
static ANAME_WARM bool turn_to(aname_query_t *query, uint64_t version, const knot_dname_t *owner,
                               size_t len)
{
	const aname_known_node_t *known;
	aname_node_t *node = aname_nodes_find(query, owner, len, &known);
	if (known == NULL || !aname_known_is_good(known, version, query->sign.wanted)) {
		return false;
	}
	start(query, node);
	aname_known_read(known, owner, query->rrsets);
	query->rrsets_count = known->count;
	query->several = known->count != 1 || known->sets[0].count != 1;
	query->apex = false;
	query->covered = query->qdata->name;
	return true;
}

ANAME_WARM bool aname_node_turn_to_known(aname_query_t *query, uint64_t version)
{
	const knot_pkt_t *asked = query->qdata->query;
	return !knot_dname_is_wildcard(asked->lower_qname) &&
	       turn_to(query, version, asked->lower_qname, asked->qname_size);
}

bool aname_node_turn_to_known_end(aname_query_t *query, uint64_t version)
{
	const knot_dname_t *name = query->qdata->name;
	size_t len = knot_dname_size(name);
	if (turn_to(query, version, name, len)) {
		return true;
	}
	if (!aname_memo_is_covered(version, query->qdata, query->instance)) {
		return false;
	}
	size_t above = len - name[0] - 1;
	uint8_t *wildcard = aname_packet_alloc(query->pkt, above + 2);
	if (wildcard == NULL) {
		return false;
	}
	wildcard[0] = 1;
	wildcard[1] = '*';
	memcpy(wildcard + 2, name + name[0] + 1, above);
	return turn_to(query, version, wildcard, above + 2);
}

void aname_node_keep_known(aname_query_t *query)
{
	aname_found_t found;
	if (aname_find_at(query->qdata, query->instance, query->rrsets[0].owner, &found)) {
		take(query, &found);
	} else {
		aname_node_turn_away(query); /* The zone's version is the same: they are there. */
	}
}

/*! Keeps copies of the records that a query is about; only where they have changed are they made
 *  anew, which takes a lock. */
static void keep(const aname_query_t *query, uint64_t version)
{
	_Atomic(aname_known_node_t *) *place = aname_nodes_known(query->node);
	aname_known_node_t *before = atomic_load(place);
	if (before != NULL && aname_known_is_good(before, version, query->sign.wanted)) {
		return;
	}
	uint64_t stamp = aname_known_stamp(version, query->sign.wanted);
	if (before != NULL && aname_known_is_same(before, query->rrsets, query->rrsets_count)) {
		atomic_store_explicit(&before->stamp, stamp, memory_order_relaxed);
		return;
	}
	aname_known_node_t *known = aname_known_make(stamp, query->rrsets, query->rrsets_count);
	if (known == NULL) {
		return;
	}
	aname_shared_t *shared = query->instance->shared;
	pthread_mutex_lock(&shared->sign_lock);
	aname_bin_retire(shared->sign_bin, atomic_exchange(place, known), free);
	(void)aname_bin_reclaim(shared->sign_bin);
	pthread_mutex_unlock(&shared->sign_lock);
}

void aname_node_note_known(const aname_query_t *query)
{
	uint64_t version = aname_memo_version(query->qdata, query->instance);
	if (version == 0 || aname_nodes_is_spare(query, query->node)) {
		return;
	}
	const knot_dname_t *owner = query->rrsets[0].owner, *name = query->qdata->name;
	keep(query, version);
	if (knot_dname_is_equal(owner, name)) {
		aname_memo_note_early(query->instance, owner);
	} else if (knot_dname_is_equal(owner + 2, name + name[0] + 1)) {
		aname_memo_note_covered(version, query->qdata, query->instance);
	}
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
