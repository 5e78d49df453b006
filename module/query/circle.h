/*!
 * \brief Targets that lead back to the owner that names them (BEHAVIOUR F5).  [K]
 *
 * It is judged per owner and target, since what is a circle for one owner is right for another. What
 * leads where is in the shared state (table/owners.h); here an owner is registered there, and a
 * target is judged by it. Only instances that have the mark go through all this, and those that
 * are not registered yet.
 *
 * Thread: worker, inside the epoch.
 */

#pragma once

#include "table/answer.h"
#include "query/query.h"
#include "table/table.h"

/*! May targets of the zone lead back to its owner? Else there is nothing to ask here. */
static inline bool aname_circle_is_possible(const aname_query_t *query)
{
	return atomic_load_explicit(&query->node->owner, memory_order_relaxed) & ANAME_OWNER_MARK;
}

/*! Registers the owner, with what its targets are known to end at now, and its zone with these. */
void aname_circle_register(const aname_query_t *query);

/*!
 * \brief Finds out where a target leads to that is judged now. That stands in the worker's slot then,
 *        for whoever has it kept fresh.
 *
 * \param entry  The target, or NULL if it is not in the table.
 */
void aname_circle_enter(const aname_query_t *query, const aname_key_t *key, aname_entry_t *entry);

/*! It is judged, and leads into a circle: fails it if it leads back, without anything that it had before. Logs that, once per
 *  content. */
void aname_circle_leave(const aname_query_t *query, const aname_key_t *key, aname_part_t *part);
