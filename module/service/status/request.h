/*!
 * \brief What a client of the status socket asks: one line, taken apart.  [P]
 *
 * Thread: any.
 */

#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <libknot/dname.h>

#include "protocol.h"
#include "service/forced.h"

typedef enum {
	ANAME_REQUEST_STATUS = 0,
	ANAME_REQUEST_FORCE,
	ANAME_REQUEST_REFRESH,
	ANAME_REQUEST_WATCH,
	ANAME_REQUEST_FOLLOW,
} aname_request_kind_t;

typedef struct {
	aname_request_kind_t kind;
	/* FORCE */
	aname_forced_t state;
	uint32_t seconds; /*!< 1 to ANAME_FORCED_SECONDS_MAX; 0: without end. REFRESH: 1 to
	                       ANAME_REFRESH_SECONDS_MAX. */
	aname_subject_t subject;
	/* STATUS */
	bool has_owner; /*!< `owner` is asked for, too. */
	knot_dname_storage_t owner;
	/* STATUS, REFRESH, WATCH */
	size_t names_count; /*!< Zero: all targets; never with REFRESH. */
	knot_dname_storage_t names[ANAME_STATUS_NAMES];
} aname_status_request_t;

/*!
 * \brief Takes a request apart.
 *
 * \param request  Set; the first `names_count` names count, and of what is for another kind nothing.
 * \param line     `len` octets without the line's end, of any kind, and room for one more. Is
 *                 overwritten.
 *
 * \return NULL if it is understood; else why not: one phrase, which stays.
 */
const char *aname_status_request_read(aname_status_request_t *request, char *line, size_t len);

/*! Reads a name, into lower case; false if it is none. */
bool aname_status_request_name(knot_dname_storage_t name, const char *word);
