/*!
 * \brief The records that the module follows: those of the apex, and with `owners: any` those of all
 *        owners of the zone.
 *
 * For which zones that option counts knotd tells by the counter `owners`, which only those have, be
 * their section in the configuration or in the template of a catalog. Where no section has the
 * option it is not asked for.
 *
 * With that option records may stand at or below a delegation, or below a DNAME record, where no
 * client sees them. They are marked.
 */

#pragma once

#include "control.h"
#include "records.h"

/*!
 * \brief Reads those of a zone.
 *
 * \param records  As kaname_records_read().
 *
 * \return KANAME_OK, with or without records; everything else is reported.
 */
__attribute__((warn_unused_result)) kaname_exit_t kaname_followed_read(kaname_control_t *control,
                                                                       const char *zone,
                                                                       kaname_records_t *records);

/*!
 * \brief Reads those of all zones of the server that are loaded; of zones without the module those of
 *        the apex.
 *
 * \param control  Connected; closed in any case.
 * \param records  As kaname_records_all().
 *
 * \return KANAME_OK, with or without records; everything else is reported.
 */
__attribute__((warn_unused_result)) kaname_exit_t kaname_followed_all(kaname_control_t *control,
                                                                      kaname_records_t *records);
