/*!
 * \brief Questions to the module about owners, and its answers, as text (module/protocol.h).  [P]
 *
 * Thread: any.
 */

#pragma once

#include "follow/told.h"
#include "live.h"

/*!
 * \brief Writes a question; see kaname_told_ask().
 *
 * \param line  Gets it, ANAME_FOLLOW_LINE_MAX octets at most, with its end and without a zero.
 *
 * \return Its length.
 */
size_t kaname_told_question_write(char *line, uint64_t token, const knot_dname_t *zone,
                                  const knot_dname_t *owner, uint32_t ttl,
                                  const knot_dname_t *const *targets, size_t count);

/*! Is this the token of an answer? */
bool kaname_told_answer_is_to(const kaname_line_t *line, uint64_t token);

/*! Reads an answer, but for its token. What cannot be read is FAILED, so that what is there stays. */
void kaname_told_answer_read(const kaname_line_t *line, kaname_told_set_t *set);
