/*!
 * \brief What an instance keeps of the nodes of its zone that have ANAME records, besides the apex.
 *        [K]
 *
 * A node is listed with the first query about it, by its name. It goes soon after its records have
 * gone, while the zone's owners are asked for, or with the instance. So a zone in which nobody asks
 * keeps nothing, whatever its size. Who is listed is found without a lock, inside the epoch; what
 * is written is under the shared state's sign_lock.
 *
 * An NSEC3 record does not tell whose it is. A node is found by it as well, from the first reply
 * with signatures about it on: before that, and after a reload, its record lists both families.
 *
 * What it takes: 93 octets and its name for each node that was asked for, some 60 for what is known
 * of it, and 16 to 32 for buckets.
 *
 * Thread: worker inside the epoch, unless it says otherwise.
 */

#pragma once

#include "query/known.h"
#include "query/query.h"

/*!
 * \brief Gives an instance with `owners: any` room for the list; to others it does nothing.
 *
 * \param instance  Of the heap, not known to anybody yet. It may be moved.
 *
 * \return KNOT_EOK; KNOT_ENOMEM with the instance as it was.
 *
 * Thread: load.
 */
__attribute__((warn_unused_result)) int aname_nodes_init(aname_instance_t **instance);

/*! Frees the list, if the instance has one. No hook of it may run any more. Thread: unload. */
void aname_nodes_deinit(aname_instance_t *instance);

/*!
 * \brief What is kept of a node, which is listed if it was not.
 *
 * \param owner  Its name in lower case.
 *
 * \return It, good until the epoch is left. Without memory one that stands for all such nodes: good
 *         for an answer, but nothing of it lasts.
 */
aname_node_t *aname_nodes_get(const aname_query_t *query, const knot_dname_t *owner);

/*!
 * \brief The node by a name, if it is listed.
 *
 * \param name   In lower case, `len` octets long.
 * \param known  What is known of it; NULL if nothing is.
 *
 * \return It, good until the epoch is left, as is what is known; NULL if it is not listed.
 */
aname_node_t *aname_nodes_find(const aname_query_t *query, const knot_dname_t *name, size_t len,
                               const aname_known_node_t **known);

/*! Where a listed node keeps what is known of it. To be written under the shared state's
 *  sign_lock. */
_Atomic(aname_known_node_t *) *aname_nodes_known(aname_node_t *node);

/*! Once a second for the zone: lets some nodes go whose records have gone, so that nobody is taken
 *  to lead through them (F5), and what they named is named no more. */
void aname_nodes_sweep(const aname_query_t *query);

/*! Where a walk over the nodes is. All zeros at first. */
typedef struct {
	size_t buckets; /*!< How many there are. */
	size_t bucket;  /*!< The next one. */
	bool end;       /*!< Every node that was there all the time has been visited. */
	bool moved;     /*!< They were laid out anew: the walk cannot go on. */
} aname_nodes_cursor_t;

/*!
 * \brief Goes one step on, over a node or two, or none.
 *
 * \param visit  Gets the name of each, in lower case; good until the epoch is left.
 */
void aname_nodes_step(const aname_query_t *query, aname_nodes_cursor_t *cursor,
                      void (*visit)(const knot_dname_t *name, void *ctx), void *ctx);

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

/*! Is a node, which is not the apex, found by its NSEC3 record? Not without memory for it. */
bool aname_nodes_has_nsec3(const aname_node_t *node);

/*!
 * \brief Finds the name of a node by its NSEC3 record.
 *
 * \param owner  Of the NSEC3 record.
 *
 * \return The name, in lower case, good until the epoch is left; NULL if it is not listed.
 */
const knot_dname_t *aname_nodes_find_nsec3(const aname_query_t *query, const knot_dname_t *owner);
