/*!
 * \brief What operators have forced: targets and addresses that are down, or up, by their word.  [P]
 *
 * What is said of an address goes before what is said of its target, and both go before what
 * probes say (H8). It lasts until it is taken back, or until the time is over that was given with
 * it.
 *
 * Times are monotonic. Thread: any, one at a time.
 */

#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <libknot/dname.h>

/*! Most subjects that are forced at once. */
#define ANAME_FORCES_MAX 1000

/*! Until when, for what has no end. */
#define ANAME_FORCED_EVER INT64_MAX

/*! An operator's word. */
typedef enum {
	ANAME_FORCED_AUTO = 0, /*!< None: probes decide. */
	ANAME_FORCED_DOWN,
	ANAME_FORCED_UP,
} aname_forced_t;

/*! What it is about: a target, or an address behind targets. */
typedef struct {
	uint8_t len;               /*!< Octets of `address`, 4 or 16; 0: it is a target. */
	uint8_t address[16];       /*!< Network order. */
	knot_dname_storage_t name; /*!< The target's, in lower case. */
} aname_subject_t;

/*! A subject that is forced. */
typedef struct {
	aname_forced_t state; /*!< DOWN or UP. */
	int64_t since_ms;     /*!< When it became that. */
	int64_t until_ms;     /*!< ANAME_FORCED_EVER: without end. */
	aname_subject_t subject;
} aname_force_t;

typedef struct aname_forces aname_forces_t;

/*! Room for a subject as text. */
#define ANAME_SUBJECT_TEXT_MAX (KNOT_DNAME_TXT_MAXLEN + 1)

/*! Makes a list on which nothing stands; NULL if out of memory. Ownership: the caller's. */
aname_forces_t *aname_forces_new(void);

/*! Frees the list; NULL is none. */
void aname_forces_free(aname_forces_t *forces);

/*!
 * \brief Forces a subject, or no longer does.
 *
 * \param subject   Is copied.
 * \param state     AUTO takes back what was said before.
 * \param until_ms  When that is over; for AUTO without effect.
 *
 * \return KNOT_EOK; KNOT_ENOENT if there is nothing to take back; KNOT_ELIMIT if ANAME_FORCES_MAX
 *         others are forced; KNOT_ENOMEM.
 */
__attribute__((warn_unused_result)) int aname_forces_set(aname_forces_t *forces,
                                                         const aname_subject_t *subject,
                                                         aname_forced_t state, int64_t until_ms,
                                                         int64_t now_ms);

/*! What is said of a subject itself; NULL if nothing. Good until the list changes. */
const aname_force_t *aname_forces_find(const aname_forces_t *forces,
                                       const aname_subject_t *subject);

/*!
 * \brief What counts for an address of a target: its own word, else the target's.
 *
 * \param name     The target, in lower case; NULL: only the address counts.
 * \param address  Network order; NULL: only the target counts.
 * \param len      4 or 16.
 *
 * \return NULL if nothing is said of either. Good until the list changes.
 */
const aname_force_t *aname_forces_about(const aname_forces_t *forces, const knot_dname_t *name,
                                        const uint8_t *address, uint8_t len);

/*! The same, as a state; sets `since_ms` to when it began, if anything is said. May be NULL. */
aname_forced_t aname_forces_of(const aname_forces_t *forces, const knot_dname_t *name,
                               const uint8_t *address, uint8_t len, int64_t *since_ms);

/*!
 * \brief Takes note of what was forced before, if nothing is said of its subject.
 *
 * \return true if it counts now.
 */
bool aname_forces_restore(aname_forces_t *forces, const aname_force_t *force);

/*! How often something was said or taken back. */
uint64_t aname_forces_changes(const aname_forces_t *forces);

/*! Is anything forced at all? */
bool aname_forces_any(const aname_forces_t *forces);

/*!
 * \brief Takes one off the list whose time is over.
 *
 * \param ended  Set to what it was.
 *
 * \return false if there is none.
 */
bool aname_forces_expire(aname_forces_t *forces, int64_t now_ms, aname_force_t *ended);

/*! When the next one is over; INT64_MAX: none ever is. */
int64_t aname_forces_next(const aname_forces_t *forces);

/*!
 * \brief The first one from a position on, to walk over all of them.
 *
 * Addresses come first, then targets. What comes or goes meanwhile may be met or not, or twice;
 * nothing that stays is missed but the neighbour of one that goes.
 *
 * \param position  0 at first; is moved behind what is returned.
 *
 * \return NULL at the end. Good until the list changes.
 */
const aname_force_t *aname_forces_step(const aname_forces_t *forces, size_t *position);

/*! Writes a subject as text: a name with a dot at the end, or an address. */
void aname_subject_text(const aname_subject_t *subject, char text[ANAME_SUBJECT_TEXT_MAX]);
