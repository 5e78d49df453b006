/*!
 * \brief Clients of the status socket: one line in, the table out, page by page.  [U]
 *
 * Whoever may connect may read. Only root and the user of this process may change anything (H8),
 * as the kernel says who has connected.
 *
 * The table is sent in small pages of which a few go out in an iteration of the loop, so that a
 * large table holds up no lookup; clients are few, and slow ones are dropped.
 *
 * Thread: service, all of it.
 */

#pragma once

#include <stdbool.h>

#include <uv.h>

#include "service/status/backend.h"
#include "table/shared.h"

/*! Clients at once; one more is turned away. */
#define ANAME_STATUS_CLIENTS 8

typedef struct aname_status_client aname_status_client_t;

/*! The clients of a listener. Ownership: each frees itself when it is closed. */
typedef struct {
	aname_shared_t *shared;
	aname_status_backend_t backend;
	uv_loop_t *loop;
	aname_status_client_t *first;
	unsigned count;
} aname_status_clients_t;

/*!
 * \brief Accepts the connection that waits at a listener, and serves it.
 *
 * \return false if out of memory: the connection still waits, in the way of all others.
 */
__attribute__((warn_unused_result)) bool aname_status_accept(aname_status_clients_t *clients,
                                                             uv_stream_t *listener);

/*! Drops all clients. They are gone once the loop has run. */
void aname_status_drop(aname_status_clients_t *clients);
