/*!
 * \brief The primary that updates are sent to: connections, time-outs, what is on its way.  [U]
 *
 * Updates go over TCP, since sets are large. As many are on their way at once as KANAME_PRIMARY_MOST
 * says, each on a connection of its own, which is kept for the next one; Knot, BIND and PowerDNS leave
 * it open after an update. (Several at once over one connection would be answered by Knot in the order
 * in which its background workers end, and what is signed could not be told apart by its ID alone.)
 *
 * A server that closes an idle connection does no harm: an update that met such an end is sent once
 * more, the very same message. If the second one finds something else then, the first one may have
 * been done: it is UNKNOWN, not OTHERWISE. What could not be sent at all is FAILED.
 *
 * What is not answered in time is UNKNOWN: it may still be done later, as Knot does it when an open
 * transaction has ended (see follow/update.h).
 *
 * *Callbacks:* `done` is called exactly once for each update that was taken, from the loop, and never
 * from within a call of ours; after kaname_primary_close() for none.
 *
 * Thread: that of the loop.
 */

#pragma once

#include <netinet/in.h>

#include <uv.h>

#include "follow/update.h"

/*! Updates on their way at once. */
#define KANAME_PRIMARY_MOST 32

typedef struct kaname_primary kaname_primary_t;

/*! An update has ended. `updated` is good during the call. */
typedef void (*kaname_primary_done_f)(void *ctx, void *token, const kaname_updated_t *updated);

/*!
 * \brief Makes one. Nothing is connected yet.
 *
 * \param server      Address and port.
 * \param key         As for kaname_update_write(); must stay.
 * \param timeout_ms  For connecting and for the reply, together.
 * \param most        Updates on their way at once, from 1 to KANAME_PRIMARY_MOST.
 *
 * \return NULL if out of memory.
 */
kaname_primary_t *kaname_primary_new(uv_loop_t *loop, const struct sockaddr_storage *server,
                                     const knot_tsig_key_t *key, int timeout_ms, unsigned most,
                                     kaname_primary_done_f done, void *ctx);

/*! How many more updates would be taken now. */
unsigned kaname_primary_room(const kaname_primary_t *primary);

/*!
 * \brief Sends an update; what it points to is needed during the call only.
 *
 * \param token  Given back with its end.
 *
 * \return KNOT_EOK; KNOT_EBUSY if there is no room; or another KNOT_E* if it cannot be written.
 *         In these cases `done` is not called.
 */
__attribute__((warn_unused_result)) int kaname_primary_send(kaname_primary_t *primary,
                                                            const kaname_update_t *update,
                                                            void *token);

/*! Ends it: what is on its way is forgotten, its handles are closed and it frees itself when the loop
 *  runs next. NULL is allowed. */
void kaname_primary_close(kaname_primary_t *primary);
