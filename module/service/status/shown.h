/*!
 * \brief The request status: shows what is known.  [U]
 *
 * Thread: service.
 */

#pragma once

#include "service/status/conversation.h"

/*! Shows what is known, as was asked. */
void aname_client_show(aname_client_t *client);
