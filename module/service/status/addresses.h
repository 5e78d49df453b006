/*!
 * \brief The status socket's lines about the addresses of a target (see protocol.h).  [U]
 *
 * A target may have a thousand addresses that are probed in several ways. So its lines go out in
 * several pages, and since the target may change or go meanwhile they are made from a copy.
 *
 * Thread: service, all of it.
 */

#pragma once

#include <stddef.h>
#include <stdint.h>

#include "service/status/backend.h"
#include "table/table.h"

/*! Lines that are still to be written. */
typedef struct {
	aname_snapshot_t *snapshot; /*!< A copy of it; NULL: there are none. */
	uint16_t type;
	unsigned address, way; /*!< Which one is next. */
	/*! How they are probed, identities of definitions; where nothing is probed it is 0 alone. */
	uint32_t ways[ANAME_VIEWS_MAX];
	unsigned ways_count;
	knot_dname_storage_t name;
} aname_status_addresses_t;

/*! Begins with the addresses of an entry. There are no lines if nothing is probed or forced, if it
 *  is for a subnet, or if out of memory. */
void aname_status_addresses_begin(aname_status_addresses_t *addresses,
                                  const aname_status_backend_t *backend, aname_entry_t *entry);

/*!
 * \brief Goes on with the next line.
 *
 * \param at  Room for ANAME_LINE_MAX octets.
 *
 * \return Its length; 0 if there is nothing to say of this address. After the last one
 *         `addresses->snapshot` is NULL.
 */
size_t aname_status_addresses_write(aname_status_addresses_t *addresses,
                                    const aname_status_backend_t *backend, char *at,
                                    int64_t now_ms);

/*! Leaves the rest out. */
void aname_status_addresses_end(aname_status_addresses_t *addresses);
