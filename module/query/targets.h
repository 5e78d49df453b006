/*!
 * \brief One target: where it is in the table, and what it is worth.  [K]
 *
 * Thread: worker, inside the epoch.
 */

#pragma once

#include "table/answer.h"
#include "query/query.h"

/*! The other family. */
uint16_t aname_target_other_type(uint16_t type);

/*! The other family of a target; NULL if it is not in the table. */
aname_entry_t *aname_target_other_entry(const aname_query_t *query, const aname_key_t *key);

/*! What is known of the other family of a target; NULL if nothing. */
const aname_snapshot_t *aname_target_other(const aname_query_t *query, const aname_key_t *key);

/*! Asks the service for a lookup, for the client or for everybody, and to have the addresses probed as
 *  the zone's section says. */
void aname_target_ask(const aname_query_t *query, const aname_key_t *key, uint32_t ttl,
                      bool for_client);

/*! Judges an entry in the table, and has it looked up where that is due. */
void aname_target_judge(const aname_query_t *query, const aname_key_t *key, aname_entry_t *entry,
                        uint32_t ttl, aname_part_t *part);

/*! Judges a target that is not in the table yet: cold, or without hope to get there while the table
 *  is full. */
void aname_target_judge_unknown(const aname_query_t *query, aname_part_t *part);

/*!
 * \brief Finds the target of a record.
 *
 * \param key    With upstream and type; gets the target's name, which points into the record or
 *               into `lower`.
 * \param entry  The target, or NULL if it is not in the table.
 *
 * \return false if the RDATA is malformed.
 */
bool aname_target_find(const aname_query_t *query, const knot_rdata_t *rdata, aname_key_t *key,
                       knot_dname_storage_t lower, aname_entry_t **entry);
