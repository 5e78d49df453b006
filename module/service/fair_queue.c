#include "service/fair_queue.h"

#include <stdlib.h>

/*! Fewest buckets. */
#define BUCKETS_MIN 8

/* Flows by zone. */

static aname_flow_t **bucket_of(const aname_fair_queue_t *queue, uint32_t zone)
{
	return &queue->buckets[zone % queue->buckets_count]; /* A zone is a hash. */
}

/*! Makes room for one flow more; false if there are no buckets at all. With too few of them it is
 *  only slower. */
static bool make_buckets(aname_fair_queue_t *queue)
{
	if (queue->flows < queue->buckets_count) {
		return true;
	}
	size_t before = queue->buckets_count;
	size_t count = before > 0 ? 2 * before : BUCKETS_MIN;
	aname_flow_t **buckets = calloc(count, sizeof(aname_flow_t *));
	if (buckets == NULL) {
		return before > 0;
	}
	aname_flow_t **old = queue->buckets;
	queue->buckets = buckets;
	queue->buckets_count = count;
	for (size_t i = 0; i < before; i++) {
		for (aname_flow_t *flow = old[i], *next; flow != NULL; flow = next) {
			next = flow->next_alike;
			aname_flow_t **bucket = bucket_of(queue, flow->zone);
			flow->next_alike = *bucket;
			*bucket = flow;
		}
	}
	free(old);
	return true;
}

static aname_flow_t *find(const aname_fair_queue_t *queue, uint32_t zone)
{
	aname_flow_t *flow = queue->buckets_count > 0 ? *bucket_of(queue, zone) : NULL;
	while (flow != NULL && flow->zone != zone) {
		flow = flow->next_alike;
	}
	return flow;
}

/*! A zone's new flow; NULL if out of memory. */
static aname_flow_t *add(aname_fair_queue_t *queue, uint32_t zone)
{
	aname_flow_t *flow = make_buckets(queue) ? calloc(1, sizeof(*flow)) : NULL;
	if (flow != NULL) {
		aname_flow_t **bucket = bucket_of(queue, zone);
		flow->zone = zone;
		flow->next_alike = *bucket;
		*bucket = flow;
		queue->flows++;
	}
	return flow;
}

/*! A flow is empty, and has no turn. */
static void end(aname_fair_queue_t *queue, aname_flow_t *flow)
{
	if (flow == &queue->common) {
		return;
	}
	aname_flow_t **at = bucket_of(queue, flow->zone);
	while (*at != flow) {
		at = &(*at)->next_alike;
	}
	*at = flow->next_alike;
	queue->flows--;
	free(flow);
}

/* Turns. */

static void append(aname_fair_queue_t *queue, aname_flow_t *flow)
{
	flow->next = NULL;
	if (queue->last != NULL) {
		queue->last->next = flow;
	} else {
		queue->first = flow;
	}
	queue->last = flow;
}

static aname_flow_t *take_first(aname_fair_queue_t *queue)
{
	aname_flow_t *flow = queue->first;
	queue->first = flow->next;
	if (queue->first == NULL) {
		queue->last = NULL;
	}
	return flow;
}

/*! Where an entry of a zone goes. */
static aname_flow_t *flow_of(aname_fair_queue_t *queue, uint32_t zone)
{
	if (zone == 0) {
		return &queue->common;
	}
	aname_flow_t *flow = find(queue, zone);
	if (flow == NULL) {
		flow = add(queue, zone);
	}
	return flow != NULL ? flow : &queue->common;
}

void aname_fair_queue_push(aname_fair_queue_t *queue, aname_entry_t *entry)
{
	aname_flow_t *flow = flow_of(queue, aname_entry_zone(entry));
	if (flow->line.first == NULL) {
		append(queue, flow);
	}
	aname_line_append(&flow->line, entry);
}

void aname_fair_queue_push_first(aname_fair_queue_t *queue, aname_entry_t *entry)
{
	aname_flow_t *flow = flow_of(queue, aname_entry_zone(entry));
	if (flow->line.first != NULL) {
		entry->ready_next = flow->line.first;
		flow->line.first = entry;
		return;
	}
	aname_line_append(&flow->line, entry);
	flow->next = queue->first;
	queue->first = flow;
	if (queue->last == NULL) {
		queue->last = flow;
	}
}

aname_entry_t *aname_fair_queue_take(aname_fair_queue_t *queue)
{
	aname_flow_t *flow = take_first(queue);
	aname_entry_t *entry = aname_line_take(&flow->line);
	if (flow->line.first != NULL) {
		append(queue, flow);
	} else {
		end(queue, flow);
	}
	return entry;
}

bool aname_fair_queue_turn(aname_fair_queue_t *queue, bool (*may)(void *ctx, uint32_t zone),
                           void *ctx)
{
	const aname_flow_t *last = queue->last;
	for (bool more = queue->first != NULL; more;) {
		if (may(ctx, queue->first->zone)) {
			return true;
		}
		more = queue->first != last;
		append(queue, take_first(queue));
	}
	return false;
}

/*! As aname_fair_queue_sift(), of one flow. */
static size_t sift_line(aname_line_t *line, bool (*goes)(void *ctx, const aname_entry_t *entry),
                        void *ctx, aname_line_t *gone)
{
	aname_line_t stay = { NULL, NULL };
	size_t count = 0;
	while (line->first != NULL) {
		aname_entry_t *entry = aname_line_take(line);
		bool to_go = goes(ctx, entry);
		aname_line_append(to_go ? gone : &stay, entry);
		count += to_go;
	}
	*line = stay;
	return count;
}

size_t aname_fair_queue_sift(aname_fair_queue_t *queue,
                             bool (*goes)(void *ctx, const aname_entry_t *entry), void *ctx,
                             aname_line_t *gone)
{
	size_t count = 0;
	const aname_flow_t *last = queue->last;
	for (bool more = queue->first != NULL; more;) {
		aname_flow_t *flow = take_first(queue);
		more = flow != last;
		count += sift_line(&flow->line, goes, ctx, gone);
		if (flow->line.first != NULL) {
			append(queue, flow);
		} else {
			end(queue, flow);
		}
	}
	return count;
}

void aname_fair_queue_deinit(aname_fair_queue_t *queue)
{
	while (queue->first != NULL) {
		end(queue, take_first(queue));
	}
	free(queue->buckets);
	*queue = (aname_fair_queue_t){ 0 };
}
