/*!
 * \brief The numbers of a zone with `owners: any`: of all targets that the records of its apex and
 *        of the nodes that are listed (query/nodes.h) name, each once.  [K]
 *
 * A zone may list very many nodes, so they are gone through in passes, a few at a time, and the
 * numbers are stored at the end of a pass. A zone with no more than a quarter of ANAME_COUNT_RATE
 * records has its pass in one go, once a second; a longer one goes on by as many records a second,
 * in slices, as queries come by, and by no more than that quarter with one query. The next one
 * begins a second after its end. So what a query costs does not depend on how many owners there
 * are: it is one look at a clock, for the query that shows a node.
 *
 * What counts in a pass is taken from the zone as it is then. A pass in which the list was laid out
 * anew begins again.
 *
 * One worker at a time goes on with a pass; who comes meanwhile leaves it to that one. What it
 * takes: while a pass goes on, 16 to 32 octets for each target.
 *
 * Thread: worker inside the epoch, unless it says otherwise.
 */

#pragma once

#include "query/query.h"
#include "stats.h"

/*! Records a second that are looked at, while a pass goes on. */
#define ANAME_COUNT_RATE 4000

/*! Goes on with the pass of a zone with `owners: any`, if it is time to, and stores the zone's numbers
 *  at its end. */
void aname_count(const aname_query_t *query);

/*! Frees a pass that goes on, if the instance has one. Thread: unload. */
void aname_count_deinit(aname_instance_t *instance);
