/*!
 * \brief What is asked of a server before a record is declared: the zone's section of the module,
 *        where the zone is saved, and whether it is transferred from elsewhere.
 *
 * Of a zone that a catalog brings knotd does not tell, so that nothing is known then.
 */

#pragma once

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "config.h"
#include "primaries.h"

typedef struct {
	kaname_values_t servers; /*!< Option `resolver`; none: the system's. */
	kaname_values_t types;   /*!< Option `rrtype`; none: ANAME and ALIAS. */
	kaname_values_t owners;  /*!< Option `owners`; none: apex. */
	kaname_primaries_t primaries;
	bool lacks_module;       /*!< The module is not in the zone's list, that is known. */
	bool has_list;           /*!< That list is known, and so are these options. */
	bool is_saved_to_file;   /*!< The zone file is written at all. */
	bool is_written_at_once; /*!< With each change. */
	bool has_journal;        /*!< A change that is committed is in there. */
	bool is_known;           /*!< The three before are. */
	char version[KANAME_VERSION_MAX]; /*!< Of knotd. */
	char file[PATH_MAX];              /*!< Path of the zone file, empty if it is not known. */
} kaname_setting_t;

/*!
 * \brief Reads it.
 *
 * \return KANAME_OK, known or not; KANAME_NO if the server has no such zone or has not loaded it,
 *         and KANAME_IO, both reported.
 */
__attribute__((warn_unused_result)) kaname_exit_t kaname_setting_read(kaname_control_t *control,
                                                                      const char *zone,
                                                                      kaname_setting_t *setting);

/*! The same of a zone that need not be loaded, nor be there: KANAME_OK or KANAME_IO. */
__attribute__((warn_unused_result)) kaname_exit_t kaname_setting_configured(
        kaname_control_t *control, const char *zone, kaname_setting_t *setting);
