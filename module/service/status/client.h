/*!
 * \brief Clients of the status socket: one line in, the table out, page by page.  [U]
 *
 * Whoever may connect may read. Only root and the user of this process may change anything (H8) or
 * have anything looked up, as the kernel says who has connected.
 *
 * The table is sent in small pages of which a few go out in an iteration of the loop, so that a
 * large table holds up no lookup; clients are few, and slow ones are dropped: after 10 s, and at
 * once where another one wants the place.
 *
 * Thread: service, all of it.
 */

#pragma once

#include <stdbool.h>

#include "service/status/conversation.h"

/*! Clients at once, beside those that wait for lookups, watch or follow, who have places of their own. One
 *  more has the place of the one that is silent for longest, that has not asked yet or takes nothing of
 *  its answer; it is turned away only where all are being served. */
#define ANAME_STATUS_CLIENTS 8

/*!
 * \brief Makes a place for one more client, if there is none.
 *
 * \return false if it should come later: there are requests that are read in this iteration of the
 *         loop or the next one.
 */
__attribute__((warn_unused_result)) bool aname_status_place(aname_status_clients_t *clients);

/*! Serves a connection, which is taken over; hangs up if there is no place, or no memory. */
void aname_status_serve(aname_status_clients_t *clients, int fd);

/*! Drops all clients. They are gone once the loop has run. */
void aname_status_drop(aname_status_clients_t *clients);
