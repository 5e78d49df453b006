/*!
 * \brief A few names that a resolver has answered of late, to ask it for one of them when others
 *        fail.  [P]
 *
 * Thread: service.
 */

#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "table/table.h"

/*! How many are remembered, of each family apart. */
#define ANAME_ANSWERED_NAMES 8

/*! All zero: none. */
typedef struct {
	struct {
		uint64_t hash; /*!< Of the name. */
		uint16_t type;
		uint8_t name_len; /*!< 0: free. */
		knot_dname_storage_t name;
	} names[ANAME_ANSWERED_NAMES];
	unsigned next; /*!< Which one gives way next. */
} aname_answered_t;

/*! Remembers one whose lookup has succeeded, not that of a subnet. */
void aname_answered_add(aname_answered_t *answered, const aname_entry_t *entry, uint64_t hash);

/*! Is there one that is still kept fresh and has not failed since? Forgets the others. */
bool aname_answered_any(aname_answered_t *answered, const aname_table_t *table,
                        const aname_upstream_t *upstream);

/*! One of them that waits for its next lookup, and is of another name if that can be; or NULL. */
aname_entry_t *aname_answered_choose(aname_answered_t *answered, const aname_table_t *table,
                                     const aname_upstream_t *upstream, uint64_t other_than);
