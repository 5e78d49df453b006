/*!
 * \brief Records of any length, written one behind the other on one thread and read in order on another
 *        one.  [P]
 *
 * What a thread of the pool reads of the server goes through one of these to the loop: whole, or not at
 * all.
 *
 * Thread: one at a time.
 */

#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct kaname_sheet kaname_sheet_t;

/*! All zeros at first. */
typedef struct {
	kaname_sheet_t *first, *last;
	bool failed; /*!< Memory ran out: something is missing. */
} kaname_notebook_t;

/*! Where somebody reads: all zeros at first. */
typedef struct {
	const kaname_sheet_t *sheet;
	size_t at;
} kaname_reading_t;

/*! Adds a record; returns where its `len` octets are to be written, NULL if out of memory. */
uint8_t *kaname_notebook_add(kaname_notebook_t *notebook, size_t len);

/*! The next record, NULL behind the last; `len`: its octets. */
const uint8_t *kaname_notebook_next(const kaname_notebook_t *notebook, kaname_reading_t *reading,
                                    size_t *len);

void kaname_notebook_clear(kaname_notebook_t *notebook);
