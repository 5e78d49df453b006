/*!
 * \brief The request watch: tells what happens, as it happens, for as long as the client stays.  [U]
 *
 * What waits to be sent is bounded (log/watch.h), and a client that does not take it is not dropped,
 * unless another one wants its place. Whoever may not change anything has no place where one who may
 * wants it.
 *
 * Thread: service.
 */

#pragma once

#include "service/status/conversation.h"

/*! Tells what happens from now on, as was asked. */
void aname_client_watch(aname_client_t *client);
