/*!
 * \brief Whether the module that is running is the one on disk.
 *
 * Anybody may know who may read the module's file: neither is the process looked into, nor the file
 * run.
 */

#pragma once

#include <stddef.h>

#include "live.h"

typedef enum {
	KANAME_RUNNING_SAME = 0, /*!< It is, as far as can be told. */
	KANAME_RUNNING_OLD,      /*!< Another one is there since: a restart has it run. */
	KANAME_RUNNING_GONE,     /*!< None is there any more: knotd will not start again. */
} kaname_running_t;

/*!
 * \brief Compares them.
 *
 * \param text  Set to a sentence with both versions, unless it is SAME.
 * \param next  Set to what to do, likewise.
 */
kaname_running_t kaname_running_compare(const kaname_live_t *live, char *text, size_t size,
                                        const char **next);
