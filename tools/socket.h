/*!
 * \brief One request to the module's status socket (module/protocol.h), and the answer as text.
 */

#pragma once

#include <stdbool.h>

#include "tool.h"

/*!
 * \brief Asks.
 *
 * \param request  One line, with its end.
 * \param text     The answer: at least the line of the format, and a last one that is "end" or
 *                 "again". To be freed if this is KANAME_OK.
 *
 * \return KANAME_OK; or KANAME_IO, reported.
 */
__attribute__((warn_unused_result)) kaname_exit_t kaname_socket_ask(const kaname_args_t *args,
                                                                    const char *request,
                                                                    char **text);

/*! Is there a socket where it would be asked? */
bool kaname_socket_is_there(const kaname_args_t *args);

/*! Reports that what came cannot be used; returns KANAME_IO. */
kaname_exit_t kaname_socket_fail(const kaname_args_t *args, const char *why);

/*! Does a text end like this? */
bool kaname_socket_ends_with(const char *text, const char *end);
