/*!
 * \brief One item of all sections of a kind, as a running knotd has it configured.
 *
 * One command, however many sections there are.
 */

#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "control.h"

/*! A value, and whose it is. */
typedef struct {
	char *id;    /*!< Of the section. */
	char *value; /*!< One of several has a line of its own. */
	size_t place;
} kaname_item_t;

/*! Sorted by identifier; the values of one in order. */
typedef struct {
	kaname_item_t *at;
	size_t count, size;
	bool failed; /*!< Memory ran out. */
} kaname_items_t;

/*!
 * \brief Reads them.
 *
 * \param section  "zone", for one.
 * \param item     Its name; NULL: the identifiers of the sections alone, which are values, too.
 * \param items    Zeroed; to be freed in any case.
 *
 * \return KANAME_OK, with or without some; KANAME_IO, reported.
 */
__attribute__((warn_unused_result)) kaname_exit_t kaname_items_read(kaname_control_t *control,
                                                                    const char *section,
                                                                    const char *item,
                                                                    kaname_items_t *items);

/*! Adds one; sort when all are there. False if out of memory, which is noted. */
bool kaname_items_add(kaname_items_t *items, const char *id, const char *value);

void kaname_items_sort(kaname_items_t *items);

void kaname_items_free(kaname_items_t *items);

/*! The values of one section; `count` of them, NULL if there are none. */
const kaname_item_t *kaname_items_find(const kaname_items_t *items, const char *id, size_t *count);
