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
		uint32_t zone; /*!< Whom it was charged to. */
		uint16_t type;
		uint8_t name_len; /*!< 0: free. */
		knot_dname_storage_t name;
	} names[ANAME_ANSWERED_NAMES];
	unsigned next; /*!< Which one gives way next. */
} aname_answered_t;

/*! Remembers one whose lookup has succeeded, not that of a subnet. One zone's are half of all at
 *  most. */
void aname_answered_add(aname_answered_t *answered, const aname_entry_t *entry, uint64_t hash);

/*! Whose names there are. */
typedef enum {
	ANAME_ANSWERED_NONE = 0,
	ANAME_ANSWERED_OWN,    /*!< Of the zone in question alone. */
	ANAME_ANSWERED_OTHERS, /*!< Of another zone. */
} aname_answered_of_t;

/*! Which ones are there, that are still to be kept fresh and have not failed since? Forgets the
 *  others. */
aname_answered_of_t aname_answered_any(aname_answered_t *answered, const aname_table_t *table,
                                       const aname_upstream_t *upstream, uint32_t zone,
                                       uint32_t now_s);

/*! One of them that waits for its next lookup: of another zone if that can be, or else of another
 *  name; or NULL. */
aname_entry_t *aname_answered_choose(aname_answered_t *answered, const aname_table_t *table,
                                     const aname_upstream_t *upstream, uint64_t other_than,
                                     uint32_t zone, uint32_t now_s);
