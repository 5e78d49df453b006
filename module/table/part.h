/*!
 * \brief What one target is worth to a section: may it be used, and what of it.  [P]
 *
 * Workers judge by this what they answer with, and the service what it tells whoever follows an owner.
 *
 * Thread: worker inside the epoch; the service thread.
 */

#pragma once

#include "conf/options.h"
#include "table/answer.h"
#include "table/owners.h"
#include "table/policy.h"
#include "table/table.h"

/*!
 * \brief May zones with these options have a target (L2)?
 *
 * \param name  In lower case.
 * \param why   If not: what is wrong with it, in words.
 *
 * \return NONE or DENIED.
 */
static inline aname_failure_t aname_part_allow(const aname_options_t *options,
                                               const knot_dname_t *name, const char **why)
{
	if (options->deny_target.count > 0 && aname_names_match(&options->deny_target, name)) {
		*why = "it is under a suffix of 'deny-target'";
		return ANAME_FAILURE_DENIED;
	}
	if (options->allow_target.count > 0 && !aname_names_match(&options->allow_target, name)) {
		*why = "it is under no suffix of 'allow-target'";
		return ANAME_FAILURE_DENIED;
	}
	return ANAME_FAILURE_NONE;
}

/*!
 * \brief Judges what is published of a target, as it stands.
 *
 * \param snapshot  What is published, or NULL.
 * \param ttl       TTL of the record, as it counts.
 * \param cold, next_ms  As for aname_policy_judge().
 *
 * \return Its lifetime.
 */
static inline aname_life_t aname_part_judge(aname_part_t *part, const aname_snapshot_t *snapshot,
                                            bool cold, const aname_schedule_t *schedule,
                                            uint32_t ttl, int64_t next_ms, int64_t now_ms)
{
	part->snapshot = snapshot;
	part->failure = snapshot != NULL ? snapshot->failure : ANAME_FAILURE_NONE;
	aname_life_t life = aname_policy_left(snapshot, schedule, ttl, now_ms);
	part->judgement = aname_policy_judge(snapshot, cold, schedule, life, next_ms, now_ms);
	part->view = NULL;
	part->scope = 0;
	part->gone = part->down = part->recent = part->lives = false;
	return life;
}

/*!
 * \brief Has a target that had addresses before, and is gone, keep them for a while if the options say
 *        so (W1).
 *
 * \param part   Of a snapshot that is `lost`, and judged.
 * \param other  What is published of the other family, or NULL.
 * \param ttl    TTL of the record, as it counts.
 */
void aname_part_keep_lost(aname_part_t *part, const aname_snapshot_t *other,
                          const aname_options_t *options, uint32_t ttl, int64_t now_ms);

/*! Does a target fail, or is it overdue, since nothing is heard from its upstream? Not if something
 *  was since that began: then it fails by itself. */
bool aname_part_fails_with_all(const aname_upstream_t *upstream, const aname_snapshot_t *snapshot,
                               int64_t due_ms);

/*! Leaves of a part what policy leaves of its snapshot (L2): `rest`, which is not empty. */
void aname_part_narrow(aname_part_t *part, const aname_snapshot_t *rest);

/*!
 * \brief Where a target ends, as far as it is known, for table/owners.h.
 *
 * Aliases are the same for both families, and not every answer names them.
 *
 * \param entry  The target, or NULL if it is not in the table.
 * \param other  The same of its other family.
 */
static inline uint64_t aname_part_end(const aname_owners_t *owners, const aname_key_t *key,
                                      const aname_entry_t *entry, const aname_entry_t *other)
{
	uint64_t end = entry != NULL ? atomic_load(&entry->end) : 0;
	if (end == 0) {
		end = other != NULL ? atomic_load(&other->end) : 0;
	}
	return end != 0 ? end : aname_owners_hash(owners, key->name, key->name_len);
}
