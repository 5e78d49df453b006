/*!
 * \brief The signatures made for one zone, found by what they sign.  [P]
 *
 * A signature belongs to a content: type, original TTL, RDATA, the keys, and its owner unless that
 * is the apex, where nearly all of them stand. An address set that a refresh did not change is the
 * same content, and keeps its signature; several sets may be alive at once. Also kept are denials:
 * the content is then the zone's own NSEC or NSEC3 record, and what is stored is the record put in
 * its place with the signatures over it.
 *
 * Workers read without a lock, inside the epoch; what they get is good until they leave it.
 */

#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <libknot/rrset.h>

#include "table/epoch.h"
#include "table/hash.h"
#include "table/rrsig.h"

/*! Contents are kept in groups of four; the two groups where one may be are given by its hash. */
#define ANAME_STORE_GROUP           4
/*! Groups for a zone with one answer for everybody, and for one with many: for clients' subnets, or
 *  for each target of a pool. */
#define ANAME_STORE_GROUPS          16
#define ANAME_STORE_GROUPS_TAILORED 256
/*! Most groups, for a zone with many owners: what is beyond is signed anew when it is asked for. */
#define ANAME_STORE_GROUPS_MAX      16384

/*! What is signed. */
typedef struct {
	uint64_t signer;           /*!< Identity of the keys, below 2^48. */
	const knot_rrset_t *rrset; /*!< Its TTL is the original TTL. */
	uint8_t changes;           /*!< Of a denial: in its list of types (query/bitmap.h). */
	bool apex;                 /*!< Its owner is the zone's apex. */
} aname_content_t;

/*! A content with its signatures. Never changed once put into a store, but for its last use, and for
 *  what it is to the zone. */
typedef struct {
	uint64_t hash;
	uint64_t signer;
	uint32_t ttl;
	uint16_t type;
	uint8_t changes;
	aname_validity_t validity;
	_Atomic uint32_t used_s;  /*!< When it was last found; written once a second. */
	_Atomic uint64_t version; /*!< Of the zone whose apex it denies; 0: of none. */
	uint8_t owner_len;        /*!< 0: the apex. */
	uint8_t *owner;
	knot_rdataset_t rrs;    /*!< As asked for. */
	knot_rdataset_t made;   /*!< What is served in its place; empty: itself. */
	knot_rdataset_t rrsigs; /*!< Over what is served. */
	uint8_t memory[] __attribute__((aligned(2)));
} aname_signed_t;

/*! Types of which the store remembers where one was found last. */
#define ANAME_STORE_TYPES 8

typedef struct {
	unsigned groups;
	_Atomic uint16_t positions[ANAME_STORE_TYPES]; /*!< By type: where one was found last. */
	_Atomic uint16_t denial; /*!< Where the denial of the apex was noted. */
	_Atomic(aname_signed_t *) at[][ANAME_STORE_GROUP];
} aname_store_t;

/*! Hash of a content, under a secret. */
uint64_t aname_store_hash(const aname_hash_key_t *key, const aname_content_t *content);

/*!
 * \brief Copies a content with its signatures into one block.
 *
 * \param made    What is served in its place; may be empty.
 * \param rrsigs  The signatures.
 *
 * \return The block, freed with free(); NULL if out of memory.
 */
aname_signed_t *aname_signed_new(const aname_content_t *content, uint64_t hash,
                                 const knot_rdataset_t *made, const knot_rdataset_t *rrsigs,
                                 const aname_validity_t *validity);

/*! Are the signatures good at this moment? */
static inline bool aname_signed_is_good(const aname_signed_t *signed_set, int64_t now_s)
{
	return now_s >= signed_set->validity.inception && now_s < signed_set->validity.expiration;
}

/*! Is it time for new ones? So it is, too, if the clock was set back to before they were made. */
static inline bool aname_signed_is_due(const aname_signed_t *signed_set, int64_t now_s)
{
	return now_s < signed_set->validity.inception || now_s >= signed_set->validity.refresh;
}

/*! New empty store. Ownership: the caller's, aname_store_free(). NULL if out of memory. */
aname_store_t *aname_store_new(unsigned groups);

/*!
 * \brief Makes a larger store of what another one holds, which is to be replaced by it and retired:
 *        freed with free(), since what it held is in this one.
 *
 * \param groups  More than it has.
 * \param bin     Where what has no place is retired.
 *
 * \return The store; NULL if out of memory.
 *
 * Thread: one at a time, that of the bin. Others may be reading.
 */
aname_store_t *aname_store_widen(const aname_store_t *store, unsigned groups, aname_bin_t *bin);

/*! Frees the store and what it holds. Nobody may be reading. */
void aname_store_free(aname_store_t *store);

/*!
 * \brief Looks for a content where one of its type was found last, which costs less than to find it
 *        by its hash. A zone has one answer of each type, mostly.
 *
 * \return It, with its use noted; NULL if it is not there: perhaps elsewhere.
 *
 * Thread: worker inside the epoch.
 */
const aname_signed_t *aname_store_look(const aname_store_t *store, const aname_content_t *content,
                                       int64_t now_s);

/*! Finds a content, and notes its use; NULL if it is not there. Thread: worker inside the epoch. */
const aname_signed_t *aname_store_find(aname_store_t *store, const aname_content_t *content,
                                       uint64_t hash, int64_t now_s);

/*!
 * \brief Notes that a content is the denial of the apex, if it is the one of its type that was found
 *        last; so that it is found without the record of the zone's own.
 *
 * \param version  Of the zone (query/version.h).
 *
 * Thread: worker inside the epoch.
 */
void aname_store_note_denial(aname_store_t *store, const aname_signed_t *signed_set,
                             uint64_t version);

/*! The denial of the apex that was noted last, with its use noted; NULL if none was in this version of
 *  the zone, which is not 0. Thread: worker inside the epoch. */
const aname_signed_t *aname_store_denial(const aname_store_t *store, uint64_t version,
                                         int64_t now_s);

/*!
 * \brief Puts a content into the store, in the place of itself, or of the one of its groups that
 *        is of no use any more or was not used for the longest time; denials stay longer.
 *
 * \param signed_set  Taken over.
 * \param bin         Where what was there before is retired.
 *
 * Thread: one at a time, that of the bin.
 */
void aname_store_put(aname_store_t *store, aname_signed_t *signed_set, aname_bin_t *bin,
                     int64_t now_s);
