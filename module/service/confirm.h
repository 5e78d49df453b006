/*!
 * \brief Is the owner of this server at which a target ends the one that the world knows?  [U]
 *
 * Whoever may add zones to this server may add one with the name at which other zones' targets end,
 * and have it lead back to them. For the rest of the world that name is another one's, and their
 * targets are good. So before an owner here counts as where a target leads (BEHAVIOUR F5), the
 * target's own upstream is asked for the ANAME records of that name: if it finds the records that
 * are here, it comes by here for the addresses as well. Nobody is asked about names that no owner
 * here has.
 *
 * Thread: service.
 */

#pragma once

#include "service/work.h"

/*!
 * \brief A lookup of a target has ended: asks whether its end is ours, if there is such an owner.
 *
 * \param last  The last name of the reply, lower case; NULL: the target's own.
 */
void aname_confirm_ask(aname_refresh_t *refresh, aname_entry_t *entry, const knot_dname_t *last,
                       int64_t now_ms);
