/*!
 * \brief Master files with the words ANAME and ALIAS, and without them.
 *
 * Forward, `ANAME name` and `ALIAS name` become `TYPE65305 \# ...` and `TYPE65401 \# ...`; in
 * reverse they become words again, with absolute names. No other octet is changed, but for what knotd
 * takes in no zone file: a byte order mark goes, and lines that end in CR LF end in LF.
 */

#pragma once

#include <stdbool.h>
#include <stdio.h>

#include "review.h"
#include "tool.h"

typedef struct {
	FILE *in, *out;
	const char *file;      /*!< Name of `in` for messages. */
	const char *directory; /*!< Where relative $INCLUDE lead; NULL: they are not looked at. */
	const char *origin;    /*!< Absolute, or NULL if there is none at first. */
	bool reverse;
	kaname_remark_f remark;
	void *ctx; /*!< For `remark`. */
} kaname_translation_t;

/*!
 * \brief Translates a file.
 *
 * A record that cannot be translated is reported and left as it is, and the rest is translated;
 * what makes it impossible to tell where a record ends stops it. It does not follow $INCLUDE, but
 * reports included files that hold records to be translated. Forward, it also reports what is most
 * likely a mistake (review.h).
 *
 * \return KANAME_OK; KANAME_NO if anything was not translated, or is refused by knotd; KANAME_IO if `in` could not be
 *         read or `out` not written (errno says why) or memory ran out.
 */
kaname_exit_t kaname_translate(const kaname_translation_t *translation);
