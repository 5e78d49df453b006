/*!
 * \brief What a worker of knotd does for one query, as query/ does it, without knotd.
 */

#pragma once

#include <stdio.h>
#include <stdlib.h>

#include <libknot/packet/pkt.h>

#include "query/put.h"
#include "support/make.h"
#include "table/shared.h"

/*! Ends the test; cmocka's own assertions are for its own thread only. */
#define CHECK(what)                                                                      \
	do {                                                                             \
		if (!(what)) {                                                           \
			(void)fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #what); \
			abort();                                                         \
		}                                                                        \
	} while (0)

/*! Longer than any machine should take for what is to happen soon. */
#define LONG_MS 120000

/*! Slots that a worker remembers; targets may share one. */
#define WORKER_SLOTS 64

/*! Most targets of one query. */
#define WORKER_POOL 4

typedef struct {
	aname_shared_t *shared;
	const aname_options_t *options;
	const aname_upstream_t *upstream;
	unsigned worker;              /*!< Its number with knotd. */
	unsigned waiters;             /*!< How many may wait at once; 0: this one does not wait. */
	unsigned refused;             /*!< Times it was not let wait. */
	const aname_nets_t *lists;    /*!< Through which targets are seen in turns; NULL: none. */
	unsigned lists_count, list;   /*!< How many, and how often one was taken. */
	uint32_t slots[WORKER_SLOTS]; /*!< Where targets were last, by hash. */
	knot_pkt_t *pkt;              /*!< The reply, until the next one. */
	knot_mm_t mm;                 /*!< Where it is. */
	size_t pool_used;
	uint8_t pool[256 << 10] __attribute__((aligned(16)));
} worker_t;

/*! A query for some targets. */
typedef struct {
	const name_t *names[WORKER_POOL];
	unsigned count;
	uint16_t type;
	uint32_t ttl; /*!< Of the ANAME record. */
} query_t;

/*!
 * \brief Answers a query: enters, looks the targets up, has looked up what is due, waits if it
 *        may, puts the answer into a new reply, leaves.
 *
 * \return What was decided.
 */
aname_worth_t worker_answer(worker_t *worker, const query_t *query);
