/*!
 * \brief What is known, to be looked at from outside: a Unix socket that tells the table.  [U]
 *
 * A client sends one line, "status" or "status NAME ...", and gets lines until the end of the
 * stream: words and `key=value` fields, separated by tabs.
 *
 *     aname   1                     format
 *     server  pid=... targets=...   the process
 *     target  name=... family=...   one for each target and family asked for, and with subnet=...
 *                                   one for each client subnet that has an answer of its own;
 *                                   failing=SECONDS why=... since when lookups fail;
 *                                   gone=SECONDS denial=NXDOMAIN|NODATA since when the target has
 *                                   no address of either family, and had some of this one before
 *     end                           all was said; or
 *     again                         the table was rebuilt meanwhile, ask anew
 *
 * A socket of the module's own, because knotd's control lets a module show numbers only, and
 * because the table changes all the time: a file would be out of date or be written for nobody.
 * It is served on the service's loop, where the table may be walked without a lock: client.h serves
 * those who connect, text.h writes the lines.
 *
 * Thread: service, all of it, while its loop runs or is at rest.
 */

#pragma once

#include <uv.h>

#include "table/shared.h"

/*! Longest path of a Unix socket, terminating zero included. */
#define ANAME_STATUS_PATH_MAX 108

typedef struct aname_status aname_status_t;

/*!
 * \brief Makes the room; it listens nowhere yet.
 *
 * \param shared  The ground floor; outlives the room.
 * \param loop    The loop; likewise.
 *
 * \return The room, NULL if out of memory.
 */
aname_status_t *aname_status_new(aname_shared_t *shared, uv_loop_t *loop);

/*!
 * \brief Listens at a path from now on, and nowhere else; "" is nowhere.
 *
 * A socket that a process left behind is replaced; one that is in use, and what is no socket, is
 * not. Its mode is that of knotd's control socket: owner and group may connect. If it fails the
 * logbook says why, and the room listens nowhere.
 */
void aname_status_listen(aname_status_t *status, const char *path);

/*! Frees the room, which must listen nowhere and have had the loop run since. */
void aname_status_free(aname_status_t *status);
