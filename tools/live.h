/*!
 * \brief What the module knows now, asked of its status socket (module/protocol.h).
 */

#pragma once

#include <stddef.h>

#include "protocol.h"
#include "records.h"
#include "tool.h"

/*! One line: `key=value` fields, each with a zero behind it. */
typedef struct kaname_line {
	const char *at, *end;
	/* Of a target: the lines of its addresses. */
	const struct kaname_line *addresses;
	size_t addresses_count;
} kaname_line_t;

/*! What the module wrote. */
typedef struct {
	char *text; /*!< Holds all of it. */
	kaname_line_t server;
	kaname_line_t file;     /*!< The state file; empty if there is none. */
	kaname_line_t zone;     /*!< The zone, if the module is loaded for it; else empty. */
	kaname_line_t owner;    /*!< The owner, if it leads back to itself; else empty. */
	kaname_line_t *targets; /*!< Sorted by name, family and resolver, then by subnet. */
	size_t count;
	kaname_line_t *addresses; /*!< Of all targets. */
	size_t addresses_count;
	kaname_line_t *forced; /*!< What is forced. */
	size_t forced_count;
	kaname_line_t *unknown; /*!< Names by which nothing is known. */
	size_t unknown_count;
	kaname_line_t done;    /*!< What was done; empty: nothing was to be. */
	kaname_line_t refused; /*!< It is not done, or was not understood; empty: it is. */
} kaname_live_t;

/*!
 * \brief Asks what is known.
 *
 * \param request  One line that asks for the status, with its end.
 * \param live     To be freed if this is KANAME_OK.
 *
 * \return KANAME_OK; or KANAME_IO, reported.
 */
__attribute__((warn_unused_result)) kaname_exit_t kaname_live_ask(const kaname_args_t *args,
                                                                  const char *request,
                                                                  kaname_live_t *live);

/*!
 * \brief The same, of the targets of these records; NULL: of all.
 *
 * Where they name more than a request takes, all is asked for, and what they do not name is left
 * out.
 *
 * \param owner  Whose they are: what others have from another resolver is left out; NULL: all.
 */
__attribute__((warn_unused_result)) kaname_exit_t kaname_live_read(const kaname_args_t *args,
                                                                   const char *owner,
                                                                   const kaname_records_t *records,
                                                                   kaname_live_t *live);

void kaname_live_free(kaname_live_t *live);

/*! Why the state file cannot be read or written; NULL if it can. `next` is set to what to do. */
const char *kaname_live_file_fault(const kaname_live_t *live, const char **next);

/*! A field of a line; NULL if it has none of this key. */
const char *kaname_live_field(const kaname_line_t *line, const char *key);

/*! The first line of a target, in lower case; `count` are its, which may be none. */
const kaname_line_t *kaname_live_find(const kaname_live_t *live, const char *name, size_t *count);
