/*!
 * \brief The numbers of a zone's targets, one by one.  [K]
 *
 * Thread: worker, inside the epoch.
 */

#pragma once

#include "query/query.h"
#include "stats.h"

/*! A target of the zone, as it is known. */
typedef struct {
	const knot_dname_t *name; /*!< Lower case. */
	uint8_t name_len;
	aname_entry_t *entries[2]; /*!< Of A and AAAA, or NULL. */
	const aname_snapshot_t *known[2];
} aname_target_t;

/*!
 * \brief Finds what is known of a record's target.
 *
 * \param query   About the owner of the record.
 * \param lower   Room for the target's name.
 * \param target  Good until the epoch is left, and as long as the record and `lower` are.
 *
 * \return false if there is nothing to show of it.
 */
bool aname_numbers_find(const aname_query_t *query, const knot_rdata_t *rdata,
                        knot_dname_storage_t lower, aname_target_t *target);

/*! Adds those of a target. */
void aname_numbers_add(const aname_query_t *query, const aname_target_t *target,
                       aname_numbers_t *numbers);
