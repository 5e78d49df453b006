/*!
 * \brief The zones that the module is loaded for: whom each asks, and which targets its records
 *        name.  [P]
 *
 * So the status socket shows a zone what was learnt for it and nothing of others, and tells a target
 * that is still looked up although no zone's records name it any more: after a typo was mended.
 *
 * A zone is noted when its instance is loaded, and goes when that is unloaded; while a reload has two
 * of them the later one counts. Its targets are noted by workers, once a second and when they have
 * changed, as far as the zone is asked at all: those of a zone which nobody has asked yet are not
 * known. A later instance takes over what is known from the earlier one.
 *
 * All of it is under one lock, which nobody holds while waiting for anything. What it takes: 40 octets
 * in each instance, 8 for a bucket, and some 24 for each target.
 *
 * Thread: any, unless it says otherwise.
 */

#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rrtype.h"
#include "table/upstream.h"

typedef struct aname_zones aname_zones_t;

/*! What the records of a node name. All zeros at first, but for `upstream`; written by
 *  table/zones.c only. */
typedef struct {
	const aname_upstream_t *upstream; /*!< Whom its zone asks. */
	/*! Hashes of the targets: 0: none; odd: the only one; even: a list of them. */
	_Atomic uint64_t targets;
} aname_named_t;

/*! One zone: a part of its instance. All zeros at first, but for `named.upstream`; written by
 *  table/zones.c only, unless it says otherwise. */
typedef struct aname_zone {
	aname_named_t named;     /*!< By the records of its apex. */
	struct aname_zone *next; /*!< In its bucket: the later one first. */
	uint64_t name;           /*!< Hash of its name. */
	uint32_t
	        options; /*!< Identity of its options; set before it is added, by whoever does that. */
	_Atomic bool unable; /*!< See aname_zones_unable(). */
} aname_zone_t;

/*! The targets of a zone, as hashes of their names (aname_owners_hash()). */
typedef struct {
	unsigned count;
	uint64_t at[ANAME_POOL_MAX];
} aname_zone_targets_t;

/*! New and empty, NULL if out of memory. */
aname_zones_t *aname_zones_new(void);

/*! Frees it. No zone may be there. NULL is allowed. */
void aname_zones_free(aname_zones_t *zones);

/*!
 * \brief Adds a zone.
 *
 * \param zone  Of the instance that was loaded, which holds the upstream, for as long as the zone
 *              is there. Stays where it is until it is dropped.
 * \param name  Hash of its name, as aname_owners_hash().
 *
 * Thread: load.
 */
void aname_zones_add(aname_zones_t *zones, aname_zone_t *zone, uint64_t name);

/*! Drops a zone, if it is there. Before what it asks is let go. Thread: unload. */
void aname_zones_drop(aname_zones_t *zones, aname_zone_t *zone);

/*! Notes the targets that a node's records name now. Without memory they are none. Of a node
 *  besides the apex none are left when it goes: what is not in a zone is not taken over by
 *  another one. */
void aname_zones_note(aname_zones_t *zones, aname_named_t *named,
                      const aname_zone_targets_t *targets);

/*! Notes whether a zone is signed, and the module cannot sign for it (D4). Takes no lock. */
void aname_zones_unable(aname_zones_t *zones, aname_zone_t *zone, bool unable);

/*! For how many zones it cannot; while a reload has two instances of one that may be two. */
size_t aname_zones_unable_count(const aname_zones_t *zones);

/*! Are there targets that were noted? */
static inline bool aname_named_any(const aname_named_t *named)
{
	return atomic_load_explicit(&named->targets, memory_order_relaxed) != 0;
}

/*! What there is to show of a zone. */
typedef struct {
	/*! Identity of whom it asks, to compare only: it may be released any time. */
	const aname_upstream_t *upstream;
	aname_source_t source; /*!< A copy of whom that is. */
	uint32_t options;      /*!< Identity of its options, for aname_shared_borrow(). */
	bool unable;
} aname_zone_view_t;

/*! Shows a zone; false if there is none by this name. */
bool aname_zones_show(aname_zones_t *zones, uint64_t name, aname_zone_view_t *view);

/*! Does any zone that asks this upstream name this target, as far as is known? */
bool aname_zones_name(aname_zones_t *zones, const aname_upstream_t *upstream, uint64_t target);

/*! How often a zone has come to have other options than before. Other than it was: what is told of
 *  zones may not hold any more. Takes no lock. */
uint64_t aname_zones_replaced(const aname_zones_t *zones);

/*! How many zones there are; two instances of one are one. */
size_t aname_zones_count(aname_zones_t *zones);
