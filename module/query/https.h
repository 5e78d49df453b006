/*!
 * \brief An HTTPS record in AliasMode that stands for an ANAME record (Q1; RFC 9460, 2.4.2).  [K]
 *
 * Whether there is one, and what it says, follows from the zone and the options alone: nothing is
 * looked up for it, and it says the same at every moment. So denials may list it always.
 *
 * Thread: worker, inside the epoch.
 */

#pragma once

#include "query/query.h"

/*! May nodes have such records? */
static inline bool aname_https_is_on(const aname_query_t *query)
{
	return query->instance->options->https_alias;
}

/*! As aname_https_exists(), where they may. */
bool aname_https_look(const aname_query_t *query);

/*! Has the node that the query is about such a record? Not beside HTTPS records of the zone's own,
 *  not in a pool, and not for a target that the zone may not have by its name. */
static inline bool aname_https_exists(const aname_query_t *query)
{
	return aname_https_is_on(query) && aname_https_look(query);
}

/*!
 * \brief Puts the record of a node that has one into the section being written, signed where that is
 *        called for.
 *
 * Its TTL is that of the ANAME record, or `ttl-max` (aname_records_full_ttl()), and does not count
 * down: it says no more than that record does.
 *
 * \return KNOT_EOK; KNOT_ESPACE if it does not fit, with TC set over UDP; or another error.
 */
__attribute__((warn_unused_result)) int aname_https_put(const aname_query_t *query);
