/*!
 * \brief Will what was declared be there after a restart of knotd?
 *
 * knotd says yes to a commit when the change is served and in its journal, if the zone has one. The
 * zone file is written later, and what becomes of that only its log tells. Measured with a full
 * disk: up to 3.4 knotd puts an empty file in the place of the good one, says that all is well, and
 * cannot load the zone at its next start; from 3.5 on it keeps the old one and fails.
 */

#pragma once

#include "control.h"
#include "setting.h"

/*!
 * \brief Looks whether there is room for the zone file, before anything is changed.
 *
 * \return KANAME_OK; or KANAME_IO, reported, if there is none.
 */
__attribute__((warn_unused_result)) kaname_exit_t kaname_saved_before(
        const kaname_setting_t *setting, const char *zone);

/*!
 * \brief Finds out what became of a change that was committed, and reports what is not well.
 *
 * Where knotd writes the zone file with each change it is told to write it, and waited for.
 *
 * \return KANAME_OK if it is saved, or not meant to be; KANAME_IO if it will not last.
 */
__attribute__((warn_unused_result)) kaname_exit_t kaname_saved_after(
        kaname_control_t *control, const kaname_setting_t *setting, const char *zone);
