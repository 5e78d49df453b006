/*!
 * \brief What workers see of addresses: what probes and operators say, put into what is published.
 *        [U]
 *
 * See aname_view_t. Thread: service.
 */

#pragma once

#include "service/work.h"

/*!
 * \brief The definitions that an entry is seen through; that of a subnet, through its target's.
 *
 * \param definitions  Room for ANAME_VIEWS_MAX.
 *
 * \return How many.
 */
unsigned aname_views_definitions(aname_refresh_t *refresh, aname_entry_t *entry,
                                 const aname_definition_t **definitions);

/*!
 * \brief A copy of a snapshot of an entry, with a view of each of these definitions.
 *
 * \param count  At most ANAME_VIEWS_DEFINITIONS.
 *
 * \return New snapshot, NULL if out of memory. Ownership: the caller's, freed with free().
 */
aname_snapshot_t *aname_views_make(aname_refresh_t *refresh, aname_entry_t *entry,
                                   const aname_snapshot_t *snapshot,
                                   const aname_definition_t *const *definitions, unsigned count);

/*! Were the views of an entry made in this round of changes (service/verdicts.h)? */
bool aname_views_is_of_round(const aname_refresh_t *refresh, aname_entry_t *entry);

/*! Publishes what is known of an entry anew, with views of these definitions; false if out of memory:
 *  it is seen as before. */
bool aname_views_show(aname_refresh_t *refresh, aname_entry_t *entry,
                      const aname_definition_t *const *definitions, unsigned count);

/*! The same of a target and its subnets; false if the target is seen as before. */
bool aname_views_show_all(aname_refresh_t *refresh, aname_entry_t *target,
                          const aname_definition_t *const *definitions, unsigned count);
