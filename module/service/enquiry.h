/*!
 * \brief A question for ANAME records, which a target's upstream is asked beside its lookups.  [U]
 *
 * So it is found out where names lead that are not looked up here (BEHAVIOUR F5). Such questions run
 * in an upstream's places like lookups, a part of them at most, start at the same pace, and are not
 * counted as lookups. Those about owners of other servers, whom anybody may name, have a part of that
 * part, so that some is left for those about owners of this one. What is asked is not repeated:
 * whoever wants to know asks again with a later lookup.
 *
 * Thread: service.
 */

#pragma once

#include "service/work.h"

typedef struct aname_enquiry aname_enquiry_t;

/*!
 * \brief Takes what came of a question, and owns it from then on: frees it, or starts the next one
 *        with it.
 *
 * \param result  Names of the records, in lower case, or a failure; good during the call only.
 */
typedef void (*aname_enquiry_taken_f)(aname_refresh_t *refresh, aname_enquiry_t *enquiry,
                                      const aname_result_t *result, int64_t now_ms);

/*! A question; stands first in what its asker keeps for it. All zero at first. */
struct aname_enquiry {
	aname_run_t run; /*!< Without an entry. */
	const aname_upstream_t *upstream;
	bool walk; /*!< About owners of other servers, see far_owners.h. */
	aname_enquiry_taken_f take;
};

/*! Is there a place for one of either kind? */
bool aname_enquiry_has_room(const aname_refresh_t *refresh, const aname_upstream_work_t *work,
                            bool walk);

/*!
 * \brief Asks an upstream.
 *
 * \param enquiry   With `walk` and `take`; kept until that is called.
 * \param question  Copied.
 *
 * \return false if there is no room, the pace does not allow it, or there is none of something else
 *         that it takes; then `enquiry` is still the caller's.
 */
bool aname_enquiry_start(aname_refresh_t *refresh, const aname_upstream_t *upstream,
                         const aname_question_t *question, aname_enquiry_t *enquiry,
                         int64_t now_ms);

/*! Is this the run of such a question, and not that of a target? */
static inline bool aname_enquiry_is(const aname_run_t *run)
{
	return run->entry == NULL;
}

/*! It has ended. */
void aname_enquiry_end(aname_refresh_t *refresh, aname_run_t *run, const aname_result_t *result,
                       int64_t now_ms);

/*! Sum of the hashes of the names in a result, by which records are compared with an owner's. */
uint64_t aname_enquiry_sum(const aname_owners_t *owners, const aname_result_t *result);
