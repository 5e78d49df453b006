/*!
 * \brief The command check without a zone: the whole server, as it stands.
 *
 * What single zones answer is not asked, and no target is looked up for it: it takes some twenty
 * commands and one request to the status socket, however many zones there are.
 */

#pragma once

#include "tool.h"

kaname_exit_t kaname_check_whole(const kaname_args_t *args);
