/*!
 * \brief Entries that are ready to be looked up, by zone: each zone has its turn (BEHAVIOUR L4).  [P]
 *
 * Fair queueing (RFC 970): the entries of a zone are a flow, in order; flows take turns, and one that
 * has nothing left is gone. So however much a zone has ready, another one's next entry waits for one
 * of each zone at most. An entry belongs to the zone that it is charged to when it is put in. What
 * is charged to nobody is a flow of its own, and so is what there was no memory for a flow for.
 *
 * Thread: service.
 */

#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "table/table.h"

/*! Entries in order, linked by `ready_next`. */
typedef struct {
	aname_entry_t *first, *last;
} aname_line_t;

static inline void aname_line_append(aname_line_t *line, aname_entry_t *entry)
{
	entry->ready_next = NULL;
	if (line->last != NULL) {
		line->last->ready_next = entry;
	} else {
		line->first = entry;
	}
	line->last = entry;
}

/*! Takes the first of a line that is not empty. */
static inline aname_entry_t *aname_line_take(aname_line_t *line)
{
	aname_entry_t *entry = line->first;
	line->first = entry->ready_next;
	if (line->first == NULL) {
		line->last = NULL;
	}
	entry->run = NULL;
	return entry;
}

/*! The entries of one zone. */
typedef struct aname_flow {
	uint32_t zone; /*!< As aname_entry_zone(). */
	aname_line_t line;
	struct aname_flow *next;       /*!< Whose turn is next. */
	struct aname_flow *next_alike; /*!< In the same bucket. */
} aname_flow_t;

/*! All zeroes is an empty one. */
typedef struct {
	aname_flow_t *first, *last; /*!< By turn. */
	aname_flow_t common;        /*!< Of what has no flow of its own. */
	aname_flow_t **buckets;     /*!< Flows by zone; without `common`. */
	size_t buckets_count, flows;
} aname_fair_queue_t;

static inline bool aname_fair_queue_is_empty(const aname_fair_queue_t *queue)
{
	return queue->first == NULL;
}

/*! Puts an entry behind all others of its zone. */
void aname_fair_queue_push(aname_fair_queue_t *queue, aname_entry_t *entry);

/*! Puts an entry before all others of its zone, which has the next turn if it has nothing else. */
void aname_fair_queue_push_first(aname_fair_queue_t *queue, aname_entry_t *entry);

/*! Takes the next entry of the zone whose turn it is; that of the others is before its next one. The
 *  queue is not empty. */
aname_entry_t *aname_fair_queue_take(aname_fair_queue_t *queue);

/*!
 * \brief Finds whose turn it is among zones that may have one, and makes it theirs.
 *
 * \param may  Says whether a zone may. It is asked until it says yes.
 *
 * \return false if none may, or the queue is empty: then the turn is whose it was.
 */
bool aname_fair_queue_turn(aname_fair_queue_t *queue, bool (*may)(void *ctx, uint32_t zone),
                           void *ctx);

/*! Takes all entries out that are to go, and appends them to a line; returns how many. */
size_t aname_fair_queue_sift(aname_fair_queue_t *queue,
                             bool (*goes)(void *ctx, const aname_entry_t *entry), void *ctx,
                             aname_line_t *gone);

/*! Forgets all entries, which stay as they are, and frees what it has allocated. */
void aname_fair_queue_deinit(aname_fair_queue_t *queue);
