/*!
 * \brief What is told of a zone besides answers: its numbers, and what its log is told.  [K]
 *
 * Once a second, by the worker that answers for the zone just then. So a state of a target, such
 * as failing, is logged under the zones that follow it, and under no other.
 *
 * Thread: worker.
 */

#pragma once

#include "query/targets.h"

/*! Once a second: brings the zone's numbers up to date, logs what its targets are like now, and
 *  reads out what the service has to say. Inside the epoch. */
void aname_query_show(const aname_query_t *query);

/*! The same for an instance loaded as global module, which has no targets of its own. */
void aname_query_show_totals(aname_instance_t *instance, knotd_mod_t *mod);
