/*!
 * \brief Where zones are cut: at delegations and DNAME records, below which no client sees their
 *        records.
 */

#pragma once

#include <libknot/dname.h>

#include "control.h"
#include "items.h"

/*!
 * \brief Reads where.
 *
 * \param zone  NULL: of all zones that are loaded.
 * \param cuts  Zeroed, or with the cuts of other zones; gets the names with NS or DNAME records but
 *              for the NS records of the apex, and which of them and of which zone. To be freed in
 *              any case.
 *
 * \return KANAME_OK; KANAME_IO, reported.
 */
__attribute__((warn_unused_result)) kaname_exit_t kaname_cuts_read(kaname_control_t *control,
                                                                   const char *zone,
                                                                   kaname_items_t *cuts);

/*! What hides an owner. */
typedef struct {
	knot_dname_txt_storage_t name;
	bool is_dname; /*!< It is a DNAME record, and no delegation. */
} kaname_cut_t;

/*!
 * \brief Is an owner of a zone at or below a delegation, or below a DNAME record?
 *
 * \param by  Set to the topmost of those, if there is one; or NULL.
 */
bool kaname_cuts_hide(const kaname_items_t *cuts, const char *zone, const char *owner,
                      kaname_cut_t *by);
