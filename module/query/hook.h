/*!
 * \brief What happens to a query: the hooks of an instance.  [K]
 *
 * Everything here runs on knotd's workers. A warm answer takes no lock, makes no system call,
 * and takes memory from the packet only.
 */

#pragma once

#include <knot/module.h>

#include "path.h"

/*!
 * \brief Tries to start an instance that could not be started when it was loaded; see mod_aname.c,
 *        where it is.
 *
 * Called for each query of such an instance, and cheap but for one attempt a second. If it succeeds
 * the instance has its context, for the queries after this one.
 *
 * Thread: worker.
 */
ANAME_ASIDE void aname_start_again(knotd_mod_t *mod);

/*! Registers the hooks of an instance for a zone. Thread: load. */
__attribute__((warn_unused_result)) int aname_hook_zone(knotd_mod_t *mod);

/*! Registers the hook of an instance loaded as global module. Thread: load. */
__attribute__((warn_unused_result)) int aname_hook_global(knotd_mod_t *mod);
