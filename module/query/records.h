/*!
 * \brief The ANAME records that a query meets, and what they are worth as a whole.  [K]
 *
 * Thread: worker, inside the epoch.
 */

#pragma once

#include "table/answer.h"
#include "query/query.h"

/*!
 * \brief Decides what to say of one family; has looked up what is due. Inside the epoch.
 *
 * One decision is made once: whoever asks again inside the same epoch gets the same, so that what it
 * costs is paid once and no reply contradicts itself. So it is in later epochs
 * of the query if nothing was retired since, or if there are no addresses.
 *
 * \param type             KNOT_RRTYPE_A or KNOT_RRTYPE_AAAA.
 * \param accept_fallback  As for aname_answer_decide().
 *
 * \return What was decided, in memory of the worker; its addresses are good until the epoch is left.
 */
const aname_answer_t *aname_records_decide(aname_query_t *query, uint16_t type,
                                           bool accept_fallback);

/*! Forgets decisions that point to what may be gone, since the epoch was left; `all`: and all others,
 *  since there was time to learn more. */
void aname_records_forget(aname_query_t *query, bool all);

/*! Notes what the reply shows of a family, for whatever denial goes with it. */
void aname_records_note(aname_query_t *query, uint16_t type, const aname_answer_t *answer);

/*!
 * \brief The families that the server answers with NODATA at this moment (D2), see
 *        query/bitmap.h; that, and for how long it is known, stands in the query then.
 *
 * What this reply has shown of a family already holds for the rest of it. For the others that
 * counts which everybody gets, clients' subnets or not.
 */
uint8_t aname_records_missing(aname_query_t *query);

/*!
 * \brief Finds the target of a record, of the family that the key names. Inside the epoch.
 *
 * \param key    With upstream and type; gets the target's name, which points into the record or
 *               into `lower`.
 * \param entry  The target, or NULL if it is not in the table.
 *
 * \return false if the record is malformed or denied, and not looked up for this zone.
 */
bool aname_records_find(const aname_query_t *query, const knot_rdata_t *rdata, aname_key_t *key,
                        knot_dname_storage_t lower, aname_entry_t **entry);

/*!
 * \brief The highest TTL that signed addresses may have: that of the ANAME records, or what
 *        `ttl-max` makes of it.
 *
 * Unlike the TTL that is left, refreshes do not change it. And it is a TTL of the zone's own,
 * whatever `ttl-min` says: Knot keeps a retired key published for as long as the greatest of them.
 */
uint32_t aname_records_full_ttl(const aname_query_t *query);
