/*!
 * \brief Checks and reads a state file that is in memory.  [P]
 *
 * A file comes from a disk, so nothing in it is taken on trust: aname_state_open() looks at every
 * octet, and says yes to all of it or to nothing. What it accepts can be put into the table as it
 * stands; but it may say something twice, and be more than there is room for.
 *
 * Thread: any, one at a time.
 */

#pragma once

#include <stdbool.h>

#include "service/state/format.h"
#include "service/state/record.h"

/*! What is wrong with a file. */
typedef enum {
	ANAME_STATE_GOOD = 0,
	ANAME_STATE_EMPTY,   /*!< Nothing is in it. */
	ANAME_STATE_FOREIGN, /*!< It does not begin as such a file does. */
	ANAME_STATE_VERSION_DIFFERS,
	ANAME_STATE_DAMAGED, /*!< Length, checksum or a record are not right. */
} aname_state_fault_t;

/*! A file that is being read. */
typedef struct {
	aname_state_moment_t moment; /*!< When it was saved. */
	uint32_t version;            /*!< As the file says. */
	const uint8_t *at, *end;
	/* How many there are. */
	uint32_t upstreams, definitions, verdicts, targets, forces, keys;
} aname_state_in_t;

/*! Does it not begin as a state file does? Nothing does not. */
bool aname_state_is_foreign(const uint8_t *data, size_t len);

/*! How long a file is by its own word, of its head; `len` octets of that are there. */
uint64_t aname_state_length(const uint8_t *head, size_t len);

/*!
 * \brief Opens a file that is in memory: checks all of it.
 *
 * \param data  Its octets; have to stay for as long as it is read.
 *
 * \return GOOD, or what is wrong; `version` is set for VERSION_DIFFERS, too.
 */
aname_state_fault_t aname_state_open(aname_state_in_t *in, const uint8_t *data, size_t len);

/*! Takes the next record of a file that is good; END at the end, again and again. */
aname_state_kind_t aname_state_next(aname_state_in_t *in, aname_state_record_t *record);
