/*!
 * \brief What an instance keeps of the nodes of its zone that have ANAME records, besides the apex.
 *        [K]
 *
 * A node is listed with the first query about it, by its name, and goes when its records have gone and
 * it is come by, or with the instance. So a zone in which nobody asks keeps nothing, whatever its size.
 * Who is listed is found without a lock, inside the epoch; what is written is under the shared state's
 * sign_lock.
 *
 * An NSEC3 record does not tell whose it is. A node is found by it as well: from the first reply about it
 * on, which is early enough, since before that nobody has got from here that it lacks a family.
 *
 * What it takes: some 130 octets for each node that was asked for.
 *
 * Thread: worker inside the epoch, unless it says otherwise.
 */

#pragma once

#include "query/query.h"

/*! Makes an instance with `owners: any` ready; KNOT_ENOMEM. Thread: load. */
__attribute__((warn_unused_result)) int aname_nodes_init(aname_instance_t *instance);

/*! Frees what is there. No hook of the instance may run any more. Thread: unload. */
void aname_nodes_deinit(aname_instance_t *instance);

/*!
 * \brief What is kept of a node, which is listed if it was not.
 *
 * \param owner  Its name in lower case.
 *
 * \return It, good until the epoch is left. Without memory one that stands for all such nodes: good for
 *         an answer, but nothing of it lasts.
 */
aname_node_t *aname_nodes_get(const aname_query_t *query, const knot_dname_t *owner);

/*! Does it stand for nodes for which there was no memory? */
static inline bool aname_nodes_is_spare(const aname_query_t *query, const aname_node_t *node)
{
	return aname_instance_any(query->instance) &&
	       node == (const aname_node_t *)query->instance->nodes->spare;
}

/*! What the records of a node that is listed name (table/zones.h). */
aname_named_t *aname_nodes_named(aname_node_t *node);

/*!
 * \brief Has the node that a query is about be found by its NSEC3 record, in a zone that has such
 *        records.
 */
void aname_nodes_note_nsec3(const aname_query_t *query);

/*!
 * \brief Finds the name of a node by its NSEC3 record.
 *
 * \param owner  Of the NSEC3 record.
 *
 * \return The name, in lower case, good until the epoch is left; NULL if it is not listed.
 */
const knot_dname_t *aname_nodes_find_nsec3(const aname_query_t *query, const knot_dname_t *owner);
