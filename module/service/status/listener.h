/*!
 * \brief What is known, to be looked at from outside: a Unix socket that shows the table, and over
 *        which targets and addresses are forced.  [U]
 *
 * What it speaks is in protocol.h.
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

#include "protocol.h"
#include "service/status/backend.h"
#include "table/shared.h"

typedef struct aname_status aname_status_t;

/*!
 * \brief Makes the listener; it listens nowhere yet.
 *
 * \param shared   The shared state; outlives the listener.
 * \param backend  What else there is to be seen, and to be changed; is copied.
 * \param loop     The loop; outlives the listener.
 *
 * \return The listener, NULL if out of memory.
 */
aname_status_t *aname_status_new(aname_shared_t *shared, const aname_status_backend_t *backend,
                                 uv_loop_t *loop);

/*!
 * \brief Listens at a path from now on, and nowhere else; "" is nowhere.
 *
 * A socket that a process left behind is replaced; one that is in use, and what is no socket, is
 * not. Its mode is that of knotd's control socket: owner and group may connect. If it fails the
 * log says why. As long as the path counts it is looked after: every ten seconds what cannot be had
 * is tried again, and a socket whose file is gone is made anew. With "" nothing of that goes on.
 */
void aname_status_listen(aname_status_t *status, const char *path);

/*! Frees the listener, which must listen nowhere and have had the loop run since. */
void aname_status_free(aname_status_t *status);
