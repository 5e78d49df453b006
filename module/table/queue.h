/*!
 * \brief What workers ask of the service: bounded, each target once, no lock.  [P]
 *
 * Many workers push, the service pops. A request that is already in the queue is not queued
 * again; a full queue refuses, and the client asks again anyway.
 */

#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "table/table.h"

/*! Requests the queue can hold. */
#define ANAME_QUEUE_SIZE 2048

typedef struct {
	const aname_upstream_t *upstream;
	uint64_t hash;
	aname_interest_t interest; /*!< What the query needs of it. */
	uint16_t type;
	uint8_t name_len;
	bool for_subnet;           /*!< For `client`; else for everybody. */
	aname_subnet_t client;     /*!< The client's network. */
	knot_dname_storage_t name; /*!< Lower case. */
} aname_request_t;

typedef struct aname_queue aname_queue_t;

/*! Called after a request went in. Must not block. Thread: worker. */
typedef void (*aname_queue_wake_f)(void *ctx);

/*! New empty queue; `wake` may be NULL. NULL if out of memory. */
aname_queue_t *aname_queue_new(aname_queue_wake_f wake, void *ctx);

void aname_queue_free(aname_queue_t *queue);

/*!
 * \brief Asks for a lookup.
 *
 * \param key       The target.
 * \param client    The client's network if the answer is to be for it, or NULL.
 * \param hash      aname_table_hash(), or aname_table_subnet_hash() with a client.
 * \param interest  What the query needs of it.
 *
 * \return false if the queue is full; true if the request went in or is in already.
 *
 * Thread: any.
 */
bool aname_queue_push(aname_queue_t *queue, const aname_key_t *key, const aname_subnet_t *client,
                      uint64_t hash, aname_interest_t interest);

/*! Takes the oldest request; false if there is none, or if it is just being put in. Thread:
 *  service. */
bool aname_queue_pop(aname_queue_t *queue, aname_request_t *request);

/*! A mark behind all requests that are in by now, or just being put in. Thread: any. */
uint64_t aname_queue_mark(const aname_queue_t *queue);

/*! Have all requests before the mark been taken? Thread: service. */
bool aname_queue_passed(const aname_queue_t *queue, uint64_t mark);
