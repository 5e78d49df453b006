/*!
 * \brief Knot's public look-up of any node of a zone, where there is one.  [K]
 *
 * Knot has it from 3.3.5 and 3.4.0 on. Earlier releases may load the same module: their number of
 * the interface is the same from 3.3.0 on, and the headers of 3.2 do not declare it. So it is taken
 * as a weak symbol, and declared here.
 */

#pragma once

#include <stdbool.h>

#include <knot/module.h>

/*!
 * \brief Gets an RRset of the zone in hand.
 *
 * Nodes are found by their very names: no wildcard, no delegation above them is taken into account.
 * A node that exists and has nothing of this type gives an empty RRset.
 *
 * \param zone_name  NULL: the query's zone.
 * \param node_name  In lower case.
 *
 * \return KNOT_EOK, KNOT_ENONODE if there is no such node, or another error.
 */
extern int knotd_qdata_zone_rrset(const knotd_qdata_t *qdata, const knot_dname_t *zone_name,
                                  const knot_dname_t *node_name, uint16_t type, knot_rrset_t *out)
        __attribute__((weak));

/*! Is it there? */
static inline bool aname_zone_lookup_exists(void)
{
	return knotd_qdata_zone_rrset != NULL;
}
