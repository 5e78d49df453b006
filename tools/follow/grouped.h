/*!
 * \brief The records of a zone that a scan has found, owner by owner.  [P]
 *
 * Thread: any, one at a time.
 */

#pragma once

#include "follow/hidden.h"
#include "follow/scan.h"
#include "follow/settings.h"

/*! Room for what is worked on. All zeros at first. */
typedef struct {
	kaname_zone_record_t *at;
	const knot_dname_t **targets;
	size_t count, room;
	size_t seen; /*!< Owners that clients see, of the zone that was told last. */
} kaname_grouped_t;

/*!
 * \brief Tells the owners of a zone, those left out that no client sees.
 *
 * \param section  Of mod-aname, from 1 on, which takes records or does not; 0: none.
 *
 * \return False if out of memory.
 */
__attribute__((warn_unused_result)) bool kaname_grouped_tell(
        kaname_grouped_t *grouped, const kaname_zones_t *zones, uint32_t zone,
        const kaname_hidden_t *hidden, const kaname_layouts_t *layouts, uint16_t section,
        const kaname_scan_calls_t *calls);

void kaname_grouped_deinit(kaname_grouped_t *grouped);
