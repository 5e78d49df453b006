/*!
 * \brief A question of a client that follows owners: one line, taken apart.  [P]
 *
 * Thread: any.
 */

#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <libknot/dname.h>

#include "protocol.h"

typedef struct {
	uint64_t token;
	uint32_t ttl;
	unsigned count; /*!< Targets; at least one. */
	knot_dname_storage_t zone, owner;
	knot_dname_storage_t targets[ANAME_FOLLOW_TARGETS];
} aname_status_question_t;

/*!
 * \brief Takes a question apart.
 *
 * \param question  Set: as far as it is understood.
 * \param line      `len` octets without the line's end, of any kind, and room for one more. Is
 *                  overwritten.
 * \param answer    Set to whether at least the token is understood, so that there can be an answer.
 *
 * \return NULL if it is understood; else why not: one phrase, which stays.
 */
const char *aname_status_question_read(aname_status_question_t *question, char *line, size_t len,
                                       bool *answer);
