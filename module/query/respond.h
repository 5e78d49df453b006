/*!
 * \brief What a query is answered with: addresses, NODATA, a failure, TC, ANY.  [K]
 *
 * What returns a state returns the one that the hook is to return.
 *
 * Thread: worker, inside the epoch an answer was decided in.
 */

#pragma once

#include "table/answer.h"
#include "query/query.h"
#include "stats.h"

/*! What cannot be signed now: nothing of the section that is being written and TC over UDP, with
 *  `cold: truncate`; else SERVFAIL that says so. Both are counted. */
knotd_in_state_t aname_respond_put_off(const aname_query_t *query);

/*! The state after an error: TRUNC if there was no room; with KNOT_ELIMIT, of aname_sign_content(),
 *  it is put off. */
knotd_in_state_t aname_respond_error(const aname_query_t *query, int ret);

/*!
 * \brief Answers, before Knot looks, what can be answered right away.
 *
 * A negative answer is a HIT with nothing in it until on_authority(), but where it has to be proven
 * only if the denial is known: else Knot makes the proof, which is put right. mod-onlinesign wants to
 * know the zone's node.
 */
knotd_in_state_t aname_respond_early(aname_query_t *query, knotd_in_state_t state, uint16_t type);

/*! Has the proof that the apex has no records of another type put by on_authority(), if the denial is
 *  known: then the state is HIT; else as it was. Inside the epoch. */
knotd_in_state_t aname_respond_absent(aname_query_t *query, knotd_in_state_t state);

/*! Puts the addresses of an answer. */
knotd_in_state_t aname_respond_addresses(const aname_query_t *query, const aname_answer_t *answer,
                                         uint16_t type);

/*! The same in the place of the zone's own (A3), which is not there if Knot has found NODATA. */
knotd_in_state_t aname_respond_instead(const aname_query_t *query, knotd_in_state_t state,
                                       const aname_answer_t *answer, uint16_t type);

/*! Makes a negative answer, without the zone's own set; its SOA is left for
 *  on_authority(). */
knotd_in_state_t aname_respond_nodata(aname_query_t *query, knotd_in_state_t state,
                                      const aname_answer_t *answer, uint16_t type);

/*! The same of ANAME_PENDING_NODATA. Also outside the epoch. */
knotd_in_state_t aname_respond_noted_nodata(aname_query_t *query, knotd_in_state_t state,
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

/*! ANY: what is known now takes the place of the zone's own sets (A5), and HTTPS stands beside
 *  (Q1). */
knotd_in_state_t aname_respond_any(aname_query_t *query);
