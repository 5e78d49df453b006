/*!
 * \brief Nodes of a zone that have ANAME records, and the one that a query is about now.  [K]
 *
 * Without `owners: any` that is the apex, or none. With it a reply may be about several: the one
 * that is asked for, those that its denials speak of, and those beside which addresses stand.
 *
 * Thread: worker.
 */

#pragma once

#include "query/query.h"

/*! Is it a wildcard, whose records answer for other names? */
static inline bool aname_node_is_wildcard(const aname_query_t *query)
{
	return !query->apex && knot_dname_is_wildcard(query->rrsets[0].owner);
}

/*! What a query was about, to turn back to. What was decided of its addresses is decided anew. */
typedef struct {
	aname_node_t *node;
	const knot_dname_t *covered;
	uint8_t decided, missing;
	uint32_t missing_ttl;
	bool several, apex;
	aname_found_t found;
} aname_node_saved_t;

/*! Notes what a query is about. */
void aname_node_save(const aname_query_t *query, aname_node_saved_t *saved);

/*! What was said of the families of the same node holds for the rest of the reply. */
void aname_node_take_decided(aname_query_t *query, const aname_node_saved_t *saved);

/*! Turns back to it. */
void aname_node_restore(aname_query_t *query, const aname_node_saved_t *saved);

/*! Turns a query to a node besides the apex; a wildcard answers for the name that Knot has come
 *  to. Inside the epoch. */
void aname_node_turn(aname_query_t *query, const aname_found_t *found);

/*!
 * \brief Turns a query to the node by the name that is asked for, before Knot looks: with copies of
 *        its records, which are good until the epoch is left.
 *
 * \param version  Of the zone, see query/memo.h; not 0.
 *
 * \return false, and the query is about no node, if nothing is known of it in this version, or what
 *         is known is not enough where a reply with signatures is wanted.
 */
bool aname_node_turn_to_known(aname_query_t *query, uint64_t version);

/*! The same, after Knot has looked, to the node that answers for the name that it has come to. */
bool aname_node_turn_to_known_end(aname_query_t *query, uint64_t version);

/*! Turns a query that is about such a node to the records in the zone, which are good until it
 *  ends. Inside the epoch. */
void aname_node_keep_known(aname_query_t *query);

/*! Notes what the node is that a query is about, to whose records Knot has come, by whatever name.
 *  Inside the epoch. */
void aname_node_note_known(const aname_query_t *query);

/*! The epoch was left, and entered again: what was kept of the node then may have gone. */
void aname_node_enter_again(aname_query_t *query);

/*! Turns a query to the apex; false if it has no ANAME records. Inside the epoch. */
bool aname_node_turn_to_apex(aname_query_t *query);

/*! Turns a query to no node: nothing is known of its families. */
void aname_node_turn_away(aname_query_t *query);
