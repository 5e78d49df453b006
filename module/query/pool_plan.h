/*!
 * \brief What is known of a pool's targets before anybody asks: names, ranks, weights, where they
 *        are in the table, and which records are none.  [P]
 *
 * Made of the ANAME records of an owner and of the options of its zone, and never changed but for
 * where targets were found; a new one is made when the records have changed.
 */

#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <libknot/rrset.h>

#include "conf/options.h"
#include "table/choice.h"
#include "table/snapshot.h"
#include "table/table.h"

/*! A target of the pool. */
typedef struct {
	aname_key_t keys[2];           /*!< For A and AAAA. */
	_Atomic uint32_t positions[2]; /*!< Where it was last found, of each family. */
	uint32_t ttl;                  /*!< Of its record, as it counts; of several the least. */
} aname_planned_t;

/*! What the plan was made of. Of a record that is too long for a name nothing counts but that it
 *  is, whatever its octets are. */
typedef struct {
	uint16_t type;
	uint16_t count;  /*!< Records in the zone. */
	uint16_t copied; /*!< Those that count: the first ones. */
	uint32_t ttl;
	/* Of each of them what stands in the zone's memory; of one that is too long its length. */
	const uint8_t *copies;
	uint32_t whole; /*!< Octets of the copies if none is too long; else 0. */
} aname_pool_plan_records_t;

typedef struct {
	bool short_cut; /*!< While all are usable an answer holds one target. */
	bool cut;       /*!< There are more records than ANAME_POOL_MAX. */
	bool odd;       /*!< That, or some are no targets: there is something to log. */
	/* Records that are no targets of this zone. */
	unsigned malformed; /*!< They can be none of any. */
	unsigned denied;    /*!< Policy does not let them. */
	unsigned rrsets_count;
	aname_choice_t *choice;
	aname_planned_t *targets; /*!< As many as there are contenders, in the same order. */
	aname_pool_plan_records_t rrsets[ANAME_RRTYPES_MAX];
} aname_pool_plan_t;

/*! May the zone have a target? NONE, MALFORMED or DENIED. `name` in lower case. */
typedef aname_failure_t (*aname_pool_plan_check_f)(void *ctx, const knot_dname_t *name,
                                                   uint8_t name_len);

/*!
 * \brief Makes a plan.
 *
 * \param options   Of the zone: `prefer`, `weights` and `answer_targets`.
 * \param upstream  Whom the zone asks; for the keys alone.
 * \param rrsets    The ANAME records of an owner, at most ANAME_RRTYPES_MAX RRsets.
 * \param check     What it refuses is no target.
 *
 * \return The plan, freed with free(); NULL if out of memory. Ownership: the caller's.
 *
 * Thread: any.
 */
aname_pool_plan_t *aname_pool_plan_new(const aname_options_t *options,
                                       const aname_upstream_t *upstream, const knot_rrset_t *rrsets,
                                       unsigned count, aname_pool_plan_check_f check, void *ctx);

/*! Was it made of these records? No more than ANAME_POOL_MAX of them are looked at, and of each no
 *  more than a name may have. Thread: any that may read the plan. */
bool aname_pool_plan_is_current(const aname_pool_plan_t *plan, const knot_rrset_t *rrsets,
                                unsigned count);

/*! Do options choose between targets at all? */
static inline bool aname_pool_plan_is_wanted(const aname_options_t *options)
{
	return options->prefer.count > 0 || options->weights.count > 0 ||
	       options->answer_targets > 0;
}
