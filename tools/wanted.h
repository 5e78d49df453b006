/*!
 * \brief Targets that are asked for, by name: each once, and sorted.
 */

#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "records.h"

/*! One of them. */
typedef struct {
	char *name;  /*!< In lower case. */
	char *owner; /*!< Of a record that names it; NULL: not known. */
} kaname_wanted_t;

/*! All zeros at first. */
typedef struct {
	kaname_wanted_t *at;
	size_t count, size;
} kaname_wants_t;

/*! Adds one, to be sorted in when all are there. KANAME_IO, reported, if out of memory. */
__attribute__((warn_unused_result)) kaname_exit_t kaname_wants_add(kaname_wants_t *wants,
                                                                   const char *name,
                                                                   const char *owner);

/*! Adds the targets of records that clients see; likewise. */
__attribute__((warn_unused_result)) kaname_exit_t kaname_wants_add_records(
        kaname_wants_t *wants, const kaname_records_t *records);

/*! Sorts them, and leaves each there once. */
void kaname_wants_sort(kaname_wants_t *wants);

/*! Finds one; NULL if it is not there. */
kaname_wanted_t *kaname_wants_find(const kaname_wants_t *wants, const char *name);

/*!
 * \brief Writes names behind what is in a request, from this one on: as many as it takes, and its end.
 *
 * \param request  ANAME_STATUS_REQUEST_MAX octets.
 *
 * \return How many.
 */
size_t kaname_wants_write(const kaname_wants_t *wants, size_t from, char *request);

void kaname_wants_free(kaname_wants_t *wants);

/*! Writes the target of a record in lower case, as the module has it; false if it has none. */
bool kaname_target_of(const kaname_record_t *record, knot_dname_txt_storage_t text);
