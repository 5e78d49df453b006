/*!
 * \brief Which zones cannot be followed, since what is written there would be lost or fought over
 *        (BEHAVIOUR M4), and why.  [P]
 *
 * Thread: any.
 */

#pragma once

#include <stdbool.h>

#include "follow/settings.h"

typedef struct {
	char why[400];    /*!< A sentence without its end. */
	const char *next; /*!< What to do about it. */
} kaname_refusal_t;

/*!
 * \brief Is a zone refused?
 *
 * \param elsewhere  What is written goes to another server.
 * \param refusal    Set if so.
 */
bool kaname_refuse(const kaname_layouts_t *layouts, const kaname_zone_t *zone, bool elsewhere,
                   kaname_refusal_t *refusal);
