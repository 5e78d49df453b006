/*!
 * \brief What a query is answered with: addresses, NODATA, a failure, TC, ANY.  [K]
 *
 * Thread: worker, inside the epoch the answer was decided in.
 */

#pragma once

#include "query/answer.h"
#include "query/query.h"
#include "stats.h"

/*! The state after an error of libknot's, or of reply.h. */
knotd_in_state_t aname_respond_error(int ret);

/*! Puts the addresses of an answer. */
knotd_in_state_t aname_respond_addresses(const aname_query_t *query, const aname_answer_t *answer,
                                         uint16_t type);

/*! The same in the place of the zone's own (A3). */
knotd_in_state_t aname_respond_instead(const aname_query_t *query, const aname_answer_t *answer,
                                       uint16_t type);

/*! Counts a negative answer; what its SOA needs is left for a later hook. */
void aname_respond_note_nodata(const aname_query_t *query, const aname_answer_t *answer,
                               uint32_t memo);

/*! Makes a negative answer of Knot's, without the zone's own set. */
knotd_in_state_t aname_respond_nodata(const aname_query_t *query, const aname_answer_t *answer,
                                      uint16_t type);

/*! SERVFAIL with an extended error. */
knotd_in_state_t aname_respond_servfail(const aname_query_t *query, aname_kind_t kind, int ede);

/*! The zone's own set as the last resort, or SERVFAIL that says why (F2, F3). */
knotd_in_state_t aname_respond_failure(const aname_query_t *query, const aname_answer_t *answer,
                                       uint16_t type);

/*! Does a query get TC for which something is not known yet, and that does not wait (C1, C2)? */
bool aname_respond_truncates(const aname_query_t *query);

/*! TC without an answer. */
knotd_in_state_t aname_respond_truncated(const aname_query_t *query, uint16_t type);

/*! ANY: what is known now takes the place of the zone's own sets (A5). */
knotd_in_state_t aname_respond_any(const aname_query_t *query);
