/*!
 * \brief The owners of this server that have ANAME records, and which of them lead back to
 *        themselves (BEHAVIOUR F5).  [P]
 *
 * An owner is known by the hash of its name, and what it has by where its targets end: at the last
 * owner name of the reply that their lookup got, or at their own name while none came. If that is
 * an owner of this server the target is its address in other words, and where one leads to the
 * next and the last to the first, addresses would go round. Such targets are told here from those
 * that lead out.
 *
 * A worker registers the owner whose query it has in hand: at the first one, and once a second
 * after that. What has changed is worked out then, within bounds, and each instance gets a mark if
 * some target of its owner is in a circle. Only who finds the mark has to come here with a query.
 *
 * An owner counts as where others lead only when it is confirmed: whoever may add zones here may add
 * one with any name, and what the world finds at that name is another one's then. That an owner leads
 * back to itself needs no other one, and is not confirmed. Owners of other servers are registered
 * beside those of this one by whoever finds them.
 *
 * All of it is under one lock, which nobody holds while waiting for anything. What it takes: some
 * 50 octets for each owner that was ever queried, and 8 more for each end beyond the first.
 *
 * Thread: any, unless it says otherwise.
 */

#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <libknot/dname.h>

#include "table/owner.h"

typedef struct aname_owners aname_owners_t;

/*! Where a target leads. */
typedef enum {
	ANAME_WAY_OUT = 0, /*!< Not into a circle: to addresses, or to an owner that has some. */
	ANAME_WAY_NEARER,  /*!< To an owner of the same circle, nearer to a way out of it. */
	ANAME_WAY_BACK,    /*!< To the owner itself in the end: not to be used. */
} aname_way_t;

/*! New and empty, NULL if out of memory. */
aname_owners_t *aname_owners_new(void);

/*! Frees it. Nobody may be registered that is still used. NULL is allowed. */
void aname_owners_free(aname_owners_t *owners);

/*! Hash of a name in lower case, of this length; other ones in other processes. Never 0. */
uint64_t aname_owners_hash(const aname_owners_t *owners, const knot_dname_t *name, size_t len);

/*!
 * \brief Registers an owner, or brings up to date what it has. Cheap if nothing has changed.
 *
 * Where it leads is followed through at most ANAME_CIRCLES_NODES owners and ANAME_CIRCLES_EDGES
 * ends. If that is not all, the owner may use no target that ends at another owner of this server:
 * so nothing goes round, whatever there is further on. Chains that are meant have a few links.
 *
 * \param word  The instance's, ANAME_OWNER_NEW at first. Written by this and later calls, also for
 *              others, until it is dropped. If there is another instance of the same owner, which
 *              a reload is about to unload, this one takes its place.
 *
 * \return false if out of memory; then what was known before stands.
 */
bool aname_owners_register(aname_owners_t *owners, aname_owner_word_t *word,
                           const aname_owner_t *owner);

/*!
 * \brief Registers an owner of another server, which is there for all the world: it counts as
 *        confirmed.
 *
 * There may be one of this server by the same name: while that is not confirmed, others lead to the
 * world's.
 *
 * \param word  As for one of this server.
 *
 * \return false if out of memory.
 */
bool aname_owners_register_far(aname_owners_t *owners, aname_owner_word_t *word,
                               const aname_owner_t *owner);

/*! Type of the records of the owner of this server that was registered last; 0: there was none. */
uint16_t aname_owners_type(aname_owners_t *owners);

/*! Drops the owner that is registered by a word, if there is one. Thread: as that of the word. */
void aname_owners_drop(aname_owners_t *owners, aname_owner_word_t *word);

/*! Where a target of an owner leads that ends there; OUT for an owner that is not registered. */
aname_way_t aname_owners_way(aname_owners_t *owners, aname_owner_word_t *word, uint64_t end);

/*!
 * \brief The same of an owner by its hash, be it registered or not.
 *
 * \param known  Set to whether an owner is known there where it ends, to which it may lead.
 */
aname_way_t aname_owners_way_at(aname_owners_t *owners, uint64_t owner, uint64_t end, bool *known);

/*! Where an owner stands in its circle. */
typedef struct {
	uint32_t circle;   /*!< The circle's identity; UINT32_MAX: it leads too far to be known. */
	uint16_t distance; /*!< To the nearest way out; UINT16_MAX: there is none. */
} aname_place_t;

/*! Is an owner in a circle, and where? By its hash. */
bool aname_owners_place(aname_owners_t *owners, uint64_t owner, aname_place_t *place);

/*!
 * \brief Is there an owner on this server, and by which records can be told that the world knows it, too?
 *
 * \param type       Type of the records that are to be there.
 * \param confirmed  It is known that they are.
 *
 * \return false if there is no such owner.
 */
bool aname_owners_ask(aname_owners_t *owners, uint64_t owner, uint16_t *type, bool *confirmed);

/*! Takes what a resolver has found there: the sum of the hashes of the targets of these records. */
void aname_owners_confirm(aname_owners_t *owners, uint64_t owner, uint64_t records);

/*! How many there are. */
size_t aname_owners_count(aname_owners_t *owners);
