/*!
 * \brief Whether all that refresh keeps about its targets fits together: heaps, lines, counts.
 *
 * It walks over everything, and says what is true between any two steps, whatever came before.
 */

#pragma once

#include "service/refresh.h"

/*! What is wrong; NULL: nothing. The phrase stays. */
const char *audit_refresh(const aname_refresh_t *refresh);
