/*!
 * \brief What is asked of knotd's own configuration.  [K]
 */

#pragma once

#include <knot/module.h>

#include "conf/options.h"

/*! Where mod-onlinesign stands in a zone's list of modules. */
typedef enum {
	ANAME_ONLINESIGN_NONE = 0,
	ANAME_ONLINESIGN_AFTER,  /*!< It signs what this module makes (D3). */
	ANAME_ONLINESIGN_BEFORE, /*!< It would not: nothing may be made. */
} aname_onlinesign_t;

/*! What the zone's list of modules shows of this module's first instance there. */
typedef struct {
	unsigned
	        times; /*!< How often this module stands in it; 1 where it is loaded as global module. */
	aname_onlinesign_t onlinesign; /*!< Where mod-onlinesign stands. */
	bool yields; /*!< A module that may answer before Knot looks stands behind this one. */
} aname_position_t;

/*!
 * \brief Looks at the zone's list of modules.
 *
 * \param origin  Set to where the options of the first instance are.
 *
 * Thread: load.
 */
aname_position_t aname_conf_position(knotd_mod_t *mod, aname_origin_t *origin);

/*! `edns-client-subnet` of the server section. Thread: load. */
bool aname_conf_client_subnet(knotd_mod_t *mod);

/*! `answer-rotation` of the server section. Thread: load. */
bool aname_conf_rotation(knotd_mod_t *mod);

/*! `rundir` of the server section; knotd's own, it stands until the next reload. Thread: load. */
const char *aname_conf_rundir(knotd_mod_t *mod);

/*!
 * \brief `storage` of the database section: where Knot keeps what outlives it.
 *
 * \param directory  Relative to the working directory unless it begins with a slash.
 * \param size       ANAME_DIRECTORIES_SIZE.
 *
 * Thread: as of aname_conf_key_directories().
 */
void aname_conf_storage(knotd_mod_t *mod, char *directory, size_t size);

/*!
 * \brief Where Knot keeps the private keys of the instance's zone.
 *
 * \param list  Directories, one a line.
 * \param size  ANAME_DIRECTORIES_SIZE.
 *
 * \return false if they are not in files (PKCS #11).
 *
 * Thread: load; workers while they have a query of the instance in hand.
 */
bool aname_conf_key_directories(knotd_mod_t *mod, char *list, size_t size);
