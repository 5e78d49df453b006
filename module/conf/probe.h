/*!
 * \brief The `probe-*` options in knot.conf: their checks, and their reading.  [K]
 *
 * Thread: load.
 */

#pragma once

#include <knot/module.h>
#include <libknot/lookup.h>

#include "conf/options.h"

/*! The words of `probe`. */
extern const knot_lookup_t aname_conf_probe_kinds[];

/*! Checks what is more than a number within limits. */
int aname_conf_check_probe(knotd_conf_check_args_t *args);

/*!
 * \brief Reads them, beside the numbers, which are read already, the interval in seconds.
 *
 * What has no effect is zeroed, so that those which do the same compare equal.
 */
void aname_conf_read_probe(knotd_mod_t *mod, aname_probe_t *probe);
