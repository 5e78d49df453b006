/*!
 * \brief From a section in knot.conf to plain data.  [K]
 */

#pragma once

#include <knot/module.h>

#include "conf/options.h"

/*!
 * \brief Reads the options of an instance; defaults where there is no section.
 *
 * \param mod      The instance, being loaded.
 * \param origin   From aname_conf_position() in conf/knotd.h; noted in the options.
 * \param options  New options. Ownership: the caller's, aname_options_free().
 *
 * \return KNOT_EOK or KNOT_ENOMEM.
 *
 * Thread: load.
 */
__attribute__((warn_unused_result)) int aname_conf_read(knotd_mod_t *mod,
                                                        const aname_origin_t *origin,
                                                        aname_options_t **options);
