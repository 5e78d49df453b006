/*!
 * \brief The request refresh: has targets looked up, and shows what was known before and what is then.
 *        [U]
 *
 * While it waits it looks now and then whether the lookups have ended, of which there are few.
 *
 * Thread: service.
 */

#pragma once

#include "service/status/conversation.h"

/*! Has targets looked up, and shows what came of that, as was asked. */
void aname_client_refresh(aname_client_t *client);
