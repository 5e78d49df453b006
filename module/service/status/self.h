/*!
 * \brief Which module is running, and from which file it was loaded.  [P]
 *
 * The file may be another one by now: after an upgrade without a restart. It says its version in a
 * way that is found without running it, as what(1) does (protocol.h), and is told from another build
 * of the same version by its inode.
 *
 * Thread: any.
 */

#pragma once

#include <limits.h>

#include "protocol.h"

typedef struct {
	char path[PATH_MAX];              /*!< Empty: not known. */
	char file_id[ANAME_FILE_ID_SIZE]; /*!< As the file was then; empty: not known. */
} aname_self_t;

/*! The version of this module. */
const char *aname_self_version(void);

/*! Finds the file that this code was loaded from. */
void aname_self_find(aname_self_t *self);
