/*!
 * \brief Is a zone of the local knotd occupied, so that an update of it would have to wait?
 *
 * While an operator's transaction is open in a zone (`knotc zone-begin`) knotd lets an update wait until
 * that has ended, and one of its background workers with it: then it does not end when it is told to,
 * and other zones stand still. A frozen zone has updates wait, too. So none is sent while it is so.
 *
 * Thread: any.
 */

#pragma once

#include <libknot/dname.h>

#include "control.h"

/*!
 * \brief Asks.
 *
 * \param control  Connected.
 * \param why      Gets why an update has to wait, a phrase that stays; NULL: it has not to.
 *
 * \return false, and `why` is left as it was, if the server does not answer.
 */
__attribute__((warn_unused_result)) bool kaname_zone_occupied(kaname_control_t *control,
                                                              const knot_dname_t *zone,
                                                              const char **why);
