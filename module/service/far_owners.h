/*!
 * \brief Owners of ANAME records on other servers, through which a target may lead back here.  [U]
 *
 * Other servers have ANAME records, too. Where a zone here follows a name there, and that one a name
 * here, each server's lookups are the other one's clients, for ever; and what one has lost it gets
 * back from the other. So about once in `idle` a target's upstream is asked for the ANAME records of
 * where it ends. Nearly always there are none. If there are, their targets are asked next, and so on
 * for a few names, and who has records is noted among the owners (table/owners.h). There it is seen
 * whether an owner of this server leads back to itself, and which way it gets out, as if all of them
 * were here. That is asked again now and then as long as such targets are looked up.
 *
 * So one zone does not hide others' circles (BEHAVIOUR L4): such walks go on for one target of a zone
 * at a time, and end at the first name about which nothing is learned; the names are taken in any
 * order, so that not the same ones are left out each time. Who is noted is charged to the zone whose
 * target led there, of several the one that holds the fewest, and where all are taken the zone that
 * holds the most gives way.
 *
 * An owner of this server counts as a part of the way only when it is confirmed, as in confirm.h.
 *
 * Thread: service.
 */

#pragma once

#include "service/work.h"

/*! How many are noted, for all zones; those beyond are not seen, and what leads through them is as
 *  if it led to addresses. */
#define ANAME_FAR_OWNERS_MAX   512
/*! For how many zones names are asked for at once. */
#define ANAME_FAR_OWNERS_WALKS 8

/*! None. NULL if out of memory. */
aname_far_owners_t *aname_far_owners_new(aname_shared_t *shared);

/*! Takes them out of the owners, and frees them. NULL is allowed. */
void aname_far_owners_free(aname_far_owners_t *far);

/*!
 * \brief A lookup of a target has ended with addresses, or with a failure that others may have caused,
 *        and not the first one: asks where its end leads, if it is time to.
 *
 * \param last    The last name of the reply, lower case; NULL: the target's own.
 * \param life_s  For how long the answer is good, or it is not looked up again.
 */
void aname_far_owners_ask(aname_refresh_t *refresh, aname_entry_t *entry, const knot_dname_t *last,
                          uint32_t life_s, int64_t now_ms);

/*! How many there are. */
size_t aname_far_owners_count(const aname_far_owners_t *far);
