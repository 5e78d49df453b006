/*!
 * \brief Members of catalog zones: whose they are, and the template that they go by.  [P]
 *
 * Thread: any, one at a time.
 */

#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "follow/settings.h"

/*! Catalogs that the caller named. */
typedef struct {
	size_t count;
	const knot_dname_t *const *at;
	bool *found; /*!< By catalog: has it a member? To be freed. */
	bool all;    /*!< All zones are wanted, members of any catalog, too. */
} kaname_catalogs_t;

/*!
 * \brief Reads them, in one command if there are catalogs, and adds those that are wanted.
 *
 * A zone is a member by a catalog that this server interprets, or one that it generates.
 *
 * \return KANAME_OK; KANAME_IO, reported unless the control connection is quiet.
 */
__attribute__((warn_unused_result)) kaname_exit_t kaname_members_read(kaname_control_t *control,
                                                                      kaname_layouts_t *layouts,
                                                                      kaname_zones_t *zones,
                                                                      kaname_catalogs_t *catalogs);
