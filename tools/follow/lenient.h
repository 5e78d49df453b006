/*!
 * \brief Reads records from a knotd whose replies libknot cannot read.  [P]
 *
 * A record whose text is longer than the control protocol can have (its RDATA has more than 32,765
 * octets) breaks the reply off in the middle of an item (Knot DNS up to 3.5 at least): a zone that
 * somebody else may change would keep those of all others from being read. Here such an item is
 * left out, and the reply is read on behind it.
 *
 * Thread: any.
 */

#pragma once

#include "control.h"

/*!
 * \brief Has a command executed, over a connection of its own.
 *
 * \param unit  Takes what comes back. Where an item was left out the unit has none of its kind. Errors
 *              are left out, too.
 *
 * \return KANAME_OK; KANAME_IO, not reported.
 */
__attribute__((warn_unused_result)) kaname_exit_t kaname_lenient_ask(const kaname_args_t *args,
                                                                     knot_ctl_data_t *ask,
                                                                     kaname_unit_f unit, void *ctx);
