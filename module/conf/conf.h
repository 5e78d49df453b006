/*!
 * \brief The options in knot.conf: schema, conf-check, and the way into plain data.  [K]
 */

#pragma once

#include <knot/module.h>

#include "conf/options.h"

/*! Schema of the mod-aname section. */
extern const yp_item_t aname_conf[];

/*! Checks a section; for `knotc conf-check`, at start and at reload (BEHAVIOUR L3). */
int aname_conf_check(knotd_conf_check_args_t *args);

/*!
 * \brief Reads the options of an instance; defaults where there is no section.
 *
 * \param mod      The instance, being loaded.
 * \param origin   From aname_conf_place(); noted in the options.
 * \param options  New options. Ownership: the caller's, aname_options_free().
 *
 * \return KNOT_EOK or KNOT_ENOMEM.
 *
 * Thread: load.
 */
__attribute__((warn_unused_result)) int aname_conf_read(knotd_mod_t *mod,
                                                        const aname_origin_t *origin,
                                                        aname_options_t **options);

/*! Where mod-onlinesign stands in a zone's list of modules. */
typedef enum {
	ANAME_ONLINESIGN_NONE = 0,
	ANAME_ONLINESIGN_AFTER,  /*!< It signs what this module makes (D3). */
	ANAME_ONLINESIGN_BEFORE, /*!< It would not: nothing may be made. */
} aname_onlinesign_t;

/*!
 * \brief What the zone's list of modules tells of an instance.
 *
 * \param origin      Where its options are.
 * \param onlinesign  Where mod-onlinesign stands.
 *
 * Thread: load.
 */
void aname_conf_place(knotd_mod_t *mod, aname_origin_t *origin, aname_onlinesign_t *onlinesign);

/*! `edns-client-subnet` of the server section. */
bool aname_conf_client_subnet(knotd_mod_t *mod);

/*! Room for a list of directories. */
#define ANAME_DIRECTORIES_SIZE 2048

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
