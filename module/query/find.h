/*!
 * \brief Where in the zone a name's ANAME records stand, as far as Knot lets modules look.  [K]
 *
 * Thread: worker.
 */

#pragma once

#include "query/query.h"

/*!
 * \brief Finds the ANAME records by which a name is answered: its own, or those of the wildcard
 *        that covers it (RFC 4592, 3.3.1).
 *
 * For a name that Knot has found in authoritative data, be it by a wildcard: what is at or below a
 * delegation is not told from other data here.
 *
 * \param name   In the zone or not, in any case. Not the apex.
 * \param found  The records.
 *
 * \return false if there are none.
 */
bool aname_find_records(knotd_qdata_t *qdata, const aname_instance_t *instance,
                        const knot_dname_t *name, aname_found_t *found);

/*! The same of the very node by a name, which may be `*`. */
bool aname_find_at(knotd_qdata_t *qdata, const aname_instance_t *instance,
                   const knot_dname_t *owner, aname_found_t *found);

/*! So many labels above a name are looked at for a delegation, since each takes a look-up. */
#define ANAME_FIND_DEPTH 8

/*! Is a name in the zone at or below a delegation, or too deep to tell? Then nothing there is
 *  taken for the zone's own. */
bool aname_find_is_delegated(knotd_qdata_t *qdata, const aname_instance_t *instance,
                             const knot_dname_t *name);

/*! An RRset of the node that a query is about. */
knot_rrset_t aname_find_rrset(const aname_query_t *query, uint16_t type);

/*! An RRset of a node; `owner` NULL: the apex. */
knot_rrset_t aname_find_rrset_of(knotd_qdata_t *qdata, const knot_dname_t *owner, uint16_t type);
