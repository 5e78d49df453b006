/*!
 * \brief What comes of a state file that is found: used, put aside, or left alone, and what is told of
 *        that (BEHAVIOUR S3).  [U]
 *
 * Thread: service.
 */

#pragma once

#include <limits.h>
#include <stdint.h>

#include "service/state/file.h"
#include "service/work.h"

/*! One line for the log; empty if there is nothing to say. */
typedef struct {
	int priority; /*!< Of syslog. */
	char text[PATH_MAX + 400];
} aname_state_report_t;

typedef struct {
	const char *why_not; /*!< It cannot be used: one phrase, which stays; NULL: it can. */
	uint64_t octets;     /*!< In it, if it was used. */
	uint32_t targets;    /*!< In it, likewise. */
} aname_loaded_t;

/*!
 * \brief Holds a file, and restores what is in it.
 *
 * \param file    Is held then, unless it cannot be used.
 * \param path    Absolute.
 * \param report  What came of it.
 */
aname_loaded_t aname_state_load(aname_refresh_t *refresh, aname_state_file_t *file,
                                const char *path, aname_state_report_t *report);

/*! What an error is, in one phrase, which stays; NULL for OK. Right after it came. */
const char *aname_state_file_text(aname_state_file_error_t error);
