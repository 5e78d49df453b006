/*!
 * \brief Where a zone is cut: at delegations and DNAME records, below which no client sees its records.
 */

#pragma once

#include "control.h"
#include "items.h"

/*!
 * \brief Reads where.
 *
 * \param cuts  Zeroed; gets the names with NS or DNAME records, and which of them. To be freed in any
 *              case.
 *
 * \return KANAME_OK; KANAME_IO, reported.
 */
__attribute__((warn_unused_result)) kaname_exit_t kaname_cuts_read(kaname_control_t *control,
                                                                   const char *zone,
                                                                   kaname_items_t *cuts);

/*! Is an owner at or below a delegation, or below a DNAME record? */
bool kaname_cuts_hide(const kaname_items_t *cuts, const char *zone, const char *owner);
