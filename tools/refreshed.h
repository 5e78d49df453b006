/*!
 * \brief What came of looking targets up now: what was known before, and what is now.
 *
 * Lines are those of the status socket's answer to "refresh" (module/protocol.h).
 */

#pragma once

#include <stdbool.h>

#include "live.h"

/*! What was printed so far. */
typedef struct {
	bool json;
	unsigned failed, pending; /*!< Families that fail, or had no answer in time. */
	bool any;                 /*!< Something was printed. */
} kaname_refreshed_t;

/*! A field that is a number; -1: there is none. */
long kaname_refreshed_number(const kaname_line_t *line, const char *key);

/*! The line that says how it was before; NULL: there is none. */
const kaname_line_t *kaname_refreshed_before(const kaname_live_t *live, const kaname_line_t *now);

/*! Prints how one family of a target is now, and how it was; `before` may be NULL. */
void kaname_refreshed_print(kaname_refreshed_t *refreshed, const kaname_line_t *before,
                            const kaname_line_t *now);
