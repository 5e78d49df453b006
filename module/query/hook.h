/*!
 * \brief What happens to a query: the hooks of an instance.  [K]
 *
 * Everything here runs on knotd's workers. A warm answer takes no lock, makes no system call,
 * and takes memory from the packet only.
 */

#pragma once

#include <knot/module.h>

#include "conf/knotd.h"
#include "conf/options.h"
#include "query/sign.h"
#include "table/shared.h"

/*! One instance: the module loaded for one zone, or globally. Never changed after load, but for
 *  what is atomic. */
typedef struct {
	const aname_options_t *options;
	const aname_upstream_t *upstream;
	aname_shared_t *shared;
	aname_signing_t signing;
	const knot_dname_t *zone;   /*!< Name of the zone; NULL if loaded as global module. Gone in
	                                 unload. */
	uint16_t waiters_max;       /*!< TCP workers that may wait at once (C2). */
	uint8_t onlinesign;         /*!< aname_onlinesign_t */
	uint8_t zone_len;           /*!< Octets of its name. */
	_Atomic uint32_t shown_s;   /*!< When the numbers were last brought up to date. */
	_Atomic bool failing;       /*!< Some target was failing then. */
	_Atomic uint32_t places[2]; /*!< Where the target was last found, of each family. */
} aname_instance_t;

/*! Registers the hooks of an instance for a zone. Thread: load. */
__attribute__((warn_unused_result)) int aname_hook_zone(knotd_mod_t *mod);

/*! Registers the hook of an instance loaded as global module. Thread: load. */
__attribute__((warn_unused_result)) int aname_hook_global(knotd_mod_t *mod);
