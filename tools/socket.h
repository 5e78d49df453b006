/*!
 * \brief One request to the module's status socket (module/protocol.h), and the answer as text.
 */

#pragma once

#include <stdbool.h>
#include <stddef.h>

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

/*! Where the socket is. */
void kaname_socket_path(const kaname_args_t *args, char *path, size_t size);

/*! What to do where connecting, sending or receiving failed with this `errno`. */
const char *kaname_socket_next(int error);

/*! Is there a socket where it would be asked? */
bool kaname_socket_is_there(const kaname_args_t *args);

/*!
 * \brief Connects, and sends a request whose answer does not end.
 *
 * \param quiet  Nothing is reported.
 *
 * \return The descriptor, to be closed; -1, reported unless quiet.
 */
int kaname_socket_open(const kaname_args_t *args, const char *request, bool quiet);

/*! Sends one more line; false if that fails. */
bool kaname_socket_send(int fd, const char *request);

/*! Reports that what came cannot be used; returns KANAME_IO. */
kaname_exit_t kaname_socket_fail(const kaname_args_t *args, const char *why);

/*! Reports that nothing came in time; returns KANAME_IO. */
kaname_exit_t kaname_socket_fail_silent(const kaname_args_t *args);

/*! Does a text end like this? */
bool kaname_socket_ends_with(const char *text, const char *end);
