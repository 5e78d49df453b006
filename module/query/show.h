/*!
 * \brief What is shown of a zone besides answers: its numbers, and what is logged for it.  [K]
 *
 * Once a second, by the worker that answers for the zone just then. So a state of a target, such
 * as failing, is logged under the zones that follow it, and under no other.
 *
 * Thread: worker.
 */

#pragma once

#include "query/query.h"

/*! Once a second: brings the zone's numbers up to date, logs what its targets are like now, and
 *  reads out what the service has to say. Inside the epoch. */
void aname_show(const aname_query_t *query);

/*! The same for a query that is about something else. Outside the epoch; the worker's object is
 *  left alone, since it may be another instance's. */
void aname_show_aside(knot_pkt_t *pkt, knotd_qdata_t *qdata, knotd_mod_t *mod,
                      aname_instance_t *instance);

/*! An answer fails because of its targets: if none was failing when they were last looked at, that
 *  is done anew by aname_show(), however soon. */
void aname_show_expect_failure(const aname_query_t *query);

/*! What aname_show() does for an instance loaded as global module, which has no targets. */
void aname_show_totals(aname_instance_t *instance, knotd_mod_t *mod);
