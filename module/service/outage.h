/*!
 * \brief Upstreams that are out: nothing succeeds any more that they are asked (F4).  [U]
 *
 * Each lookup that ends is noted. When all fail, of several names, or of the only one there is, the
 * upstream is out. While some name is known that it answered and that was not asked for since, it
 * may be that only those fail which are seen: then that one is looked up, which tells.
 *
 * - While it is out what fails waits in a line (`waiting`) and not each for its own time, and the
 *   first in it is looked up once a second: after those that were answered before, of which the
 *   first is asked at once.
 * - While it is silent beside that, nothing else is looked up: what is due, or cold, fails at once,
 *   so that no query waits for what will not come.
 * - When a lookup succeeds all that failed meanwhile is due at once, what is asked for most first.
 *
 * Subnets wait for their own time in any case, and so does whatever has a lookup that cannot be
 * stopped. They are due with the others when the upstream is back.
 *
 * Thread: service.
 */

#pragma once

#include "service/work.h"

/*! What a lookup that has failed says of whom it asked. */
typedef enum {
	ANAME_EVIDENCE_NONE = 0, /*!< It was not asked, because of the name. */
	ANAME_EVIDENCE_LOCAL,    /*!< It could not be asked, because of what is lacking here. */
	ANAME_EVIDENCE_SILENCE,  /*!< There was no answer. */
	ANAME_EVIDENCE_UNSURE,   /*!< There was none, or a failure: it does not tell. */
	ANAME_EVIDENCE_ANSWER,   /*!< It has answered. */
} aname_evidence_t;

/*!
 * \brief A lookup has failed. Call aname_outage_rest() next.
 *
 * \param was_good  The lookup before it had succeeded.
 */
void aname_outage_failed(aname_refresh_t *refresh, const aname_entry_t *entry,
                         aname_evidence_t evidence, bool was_good, int64_t now_ms);

/*!
 * \brief Puts an entry that has failed where it waits for the next lookup.
 *
 * \param first  Its next lookup tells more than those of others: it has not failed before.
 */
void aname_outage_rest(aname_refresh_t *refresh, aname_entry_t *entry, bool first, int64_t now_ms);

/*! A lookup has succeeded. The entry is in no heap and no line. */
void aname_outage_succeeded(aname_refresh_t *refresh, const aname_entry_t *entry, int64_t now_ms);

/*! Takes an entry out of the line of those that wait; false if it is not there. Takes as long as that
 *  line is. */
bool aname_outage_take_waiting(aname_upstream_work_t *work, aname_entry_t *entry);

/*! A lookup has ended and failed, perhaps long after its time was up: the pause is one of before an
 *  outage, or of before its end. Where it fails within its time: after aname_outage_rest(). */
void aname_outage_ended(aname_refresh_t *refresh, aname_entry_t *entry, int64_t started_ms,
                        int64_t now_ms);

/*!
 * \brief Does for upstreams that are out what there is to do.
 *
 * \return In how many milliseconds there is more, or -1.
 */
int64_t aname_outage_advance(aname_refresh_t *refresh, int64_t now_ms);

/*! Takes out what was crossed off and waits, and appends it to a line. */
void aname_outage_take_crossed_off(aname_refresh_t *refresh, aname_line_t *gone);

/*! Nobody holds an upstream any more: nothing of it waits. */
void aname_outage_empty(aname_refresh_t *refresh, aname_upstream_work_t *work, int64_t now_ms);

/*! An upstream's work is about to be freed. */
void aname_outage_forget(aname_refresh_t *refresh, aname_upstream_work_t *work);
