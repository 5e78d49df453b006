/*!
 * \brief What the module knows now, asked of its status socket (module/protocol.h).
 */

#pragma once

#include <stddef.h>

#include "protocol.h"
#include "records.h"
#include "tool.h"

/*! One line: `key=value` fields, each with a zero behind it. */
typedef struct {
	const char *at, *end;
} kaname_line_t;

/*! What the module wrote. */
typedef struct {
	char *text; /*!< Holds all of it. */
	kaname_line_t server;
	kaname_line_t *targets; /*!< Sorted by name and family, those of subnets last. */
	size_t count;
} kaname_live_t;

/*! Path of the status socket: the one given, else beside the control socket. */
void kaname_live_path(const kaname_args_t *args, char *path, size_t size);

/*!
 * \brief Asks.
 *
 * \param records  Only for the targets of these; NULL: for all.
 * \param live     To be freed if this is KANAME_OK.
 *
 * \return KANAME_OK; or KANAME_IO, reported.
 */
__attribute__((warn_unused_result)) kaname_exit_t kaname_live_read(const kaname_args_t *args,
                                                                   const kaname_records_t *records,
                                                                   kaname_live_t *live);

void kaname_live_free(kaname_live_t *live);

/*! A field of a line; NULL if it has none of this key. */
const char *kaname_live_field(const kaname_line_t *line, const char *key);
