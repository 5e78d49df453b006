/*!
 * \brief Owners of ANAME records: how one is named on the command line, whether a record there
 *        would be seen, and whether the module follows it.
 *
 * At the apex it always does; elsewhere where the zone's section has `owners: any`, and on a Knot
 * that shows modules other owners.
 */

#pragma once

#include <stdbool.h>

#include <libknot/dname.h>

#include "config.h"
#include "control.h"

/*! An owner in a zone. */
typedef struct {
	knot_dname_storage_t name; /*!< In lower case. */
	knot_dname_txt_storage_t text;
	bool is_apex;
} kaname_owner_t;

/*!
 * \brief Reads the value of --owner (name.h).
 *
 * \param zone  As kaname_zone_name() writes it.
 * \param text  NULL: the apex.
 *
 * \return False, and reported, if it is no name, or not within the zone.
 */
bool kaname_owner_take(kaname_owner_t *owner, const char *zone, const char *text);

/*!
 * \brief Has an owner's name exist in the open transaction, by a record of a private type, until
 *        kaname_owner_release().
 *
 * Meanwhile it may be read, and all names above it, without an error in the server's log. Of the
 * apex nothing is done.
 *
 * \return KANAME_OK; KANAME_NO and KANAME_IO, both reported.
 */
__attribute__((warn_unused_result)) kaname_exit_t kaname_owner_hold(kaname_control_t *control,
                                                                    const char *zone,
                                                                    const kaname_owner_t *owner);

__attribute__((warn_unused_result)) kaname_exit_t kaname_owner_release(kaname_control_t *control,
                                                                       const char *zone,
                                                                       const kaname_owner_t *owner);

/*!
 * \brief Can a record stand there and be seen?
 *
 * Not at or below a delegation, below a DNAME record, or beside a CNAME record. In the open
 * transaction, where the owner is held.
 *
 * \return KANAME_OK; KANAME_NO if it cannot, or the server refuses, and KANAME_IO, all reported.
 */
__attribute__((warn_unused_result)) kaname_exit_t kaname_owner_check(kaname_control_t *control,
                                                                     const char *zone,
                                                                     const kaname_owner_t *owner);

/*! Prints what to do where it is not known whether a transaction was ended. */
void kaname_owner_tell_open(const char *zone);

/*! The same in a transaction of its own, which is dropped. Signals have to wait meanwhile. */
__attribute__((warn_unused_result)) kaname_exit_t kaname_owner_try(kaname_control_t *control,
                                                                   const char *zone,
                                                                   const kaname_owner_t *owner);

/*!
 * \brief Would a wildcard stand for its own target, and follow itself?
 *
 * \return KANAME_OK if not; KANAME_NO if so, and KANAME_IO, both reported.
 */
__attribute__((warn_unused_result)) kaname_exit_t kaname_owner_check_target(
        kaname_control_t *control, const char *zone, const kaname_owner_t *owner,
        const knot_dname_t *target);

/* Whether the module follows it. */

/*! What keeps the module from owners other than the apex. */
typedef enum {
	KANAME_OWNERS_ANY = 0, /*!< Nothing. */
	KANAME_OWNERS_APEX,    /*!< The option `owners`. */
	KANAME_OWNERS_OLD,     /*!< The release of knotd. */
} kaname_owners_t;

/*!
 * \brief Finds out.
 *
 * \param option   Values of the option `owners`; none: it is not set, or the module has none.
 * \param version  Of knotd.
 */
kaname_owners_t kaname_owners(const kaname_values_t *option, const char *version);

/*! What has such owners followed. */
#define KANAME_OWNERS_CURE     "'owners: any' in the zone's section of mod-aname"
#define KANAME_OWNERS_CURE_OLD "Knot DNS 3.3.5 or later, with " KANAME_OWNERS_CURE
