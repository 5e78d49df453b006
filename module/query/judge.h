/*!
 * \brief What a target is worth to whoever asks: looked up, filtered, seen through health.  [K]
 *
 * Thread: worker, inside the epoch.
 */

#pragma once

#include "table/answer.h"
#include "query/query.h"

/*!
 * \brief Judges a target that the zone may have, and has it looked up where that is due.
 *
 * \param entry  The target, or NULL if it is not in the table.
 * \param ttl    TTL of its record, as it counts.
 */
void aname_judge_target(const aname_query_t *query, const aname_key_t *key, aname_entry_t *entry,
                        uint32_t ttl, aname_part_t *part);

/*! Judges the target of a record, if the zone may have it. */
void aname_judge_record(const aname_query_t *query, const knot_rdata_t *rdata, uint32_t record_ttl,
                        uint16_t type, aname_part_t *part);
