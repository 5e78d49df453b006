/*!
 * \brief Owners that no client sees: at or below a delegation, or below a DNAME record.  [P]
 *
 * What is kept is no more than the names above the owners in question, however many delegations the
 * zones have.
 *
 * Thread: any, one at a time.
 */

#pragma once

#include <stdbool.h>

#include <libknot/dname.h>

#include "control.h"
#include "follow/zones.h"

/*! All zeros at first. */
typedef struct {
	kaname_names_t names; /*!< A zone's number, and a name in it. */
	uint8_t *cuts;        /*!< By name: what stands there. */
} kaname_hidden_t;

/*!
 * \brief Reads where zones are cut above the owners that there are, if any is below its apex: up to
 *        KANAME_SCAN_EACH zones one by one, more all at once.
 *
 * \return KANAME_OK; KANAME_IO, reported unless the control connection is quiet.
 */
__attribute__((warn_unused_result)) kaname_exit_t kaname_hidden_read(kaname_control_t *control,
                                                                     kaname_zones_t *zones,
                                                                     kaname_hidden_t *hidden);

/*! Is an owner of a zone hidden? */
bool kaname_hidden_is(const kaname_hidden_t *hidden, const kaname_zones_t *zones, uint32_t zone,
                      const knot_dname_t *owner);

void kaname_hidden_deinit(kaname_hidden_t *hidden);
