/*!
 * \brief Is a name a good target for a zone? And which record type names it?
 */

#pragma once

#include <libknot/dname.h>

#include "config.h"
#include "rrtype.h"

/*!
 * \brief Looks a target up, and says what was found.
 *
 * A target that does not exist, has no address or leads back to the owner is refused; of one that
 * cannot be looked up at the moment that is said, and no more.
 *
 * \param what     What the owner is called.
 * \param servers  Option `resolver` of the zone's section.
 *
 * \return KANAME_OK, or KANAME_NO, reported.
 */
__attribute__((warn_unused_result)) kaname_exit_t kaname_target_check(
        const knot_dname_t *target, const knot_dname_t *owner, const char *what,
        const kaname_values_t *servers);

/*! The type of this word, in any letter case; NULL if there is none. */
const aname_rrtype_t *kaname_type_find(const char *word);

/*! Is a type in a list of the option `rrtype`? In one without values both are. */
bool kaname_type_is_taken(const kaname_values_t *types, const aname_rrtype_t *type);

/*! The type of new records in a zone with this option: ANAME, if it takes that or neither. */
const aname_rrtype_t *kaname_type_default(const kaname_values_t *types);
