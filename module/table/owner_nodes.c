#include "table/owner_nodes.h"

#include <stdlib.h>
#include <string.h>

/*! Buckets at first. */
#define BUCKETS_MIN 64
#define CHUNK       ANAME_OWNER_NODES_CHUNK

bool aname_owner_nodes_init(aname_owner_nodes_t *nodes)
{
	*nodes = (aname_owner_nodes_t){ .buckets = calloc(BUCKETS_MIN, sizeof(uint32_t)),
		                        .buckets_count = BUCKETS_MIN,
		                        .used = 1 };
	return nodes->buckets != NULL;
}

static uint32_t *bucket_of(const aname_owner_nodes_t *nodes, uint64_t hash)
{
	return &nodes->buckets[hash & (nodes->buckets_count - 1)];
}

static void free_ends(aname_owner_node_t *node)
{
	if (node->count > 1) {
		free(node->ends.more);
	}
	node->count = 0;
}

void aname_owner_nodes_deinit(aname_owner_nodes_t *nodes)
{
	for (uint32_t i = 1; i < nodes->used; i++) {
		free_ends(aname_owner_nodes_at(nodes, i));
	}
	for (size_t i = 0; i < nodes->chunks_count; i++) {
		free(nodes->chunks[i]);
	}
	free(nodes->chunks);
	free(nodes->buckets);
}

uint32_t aname_owner_nodes_find(const aname_owner_nodes_t *nodes, uint64_t hash)
{
	uint32_t number = *bucket_of(nodes, hash);
	while (number != 0 && aname_owner_nodes_at(nodes, number)->hash != hash) {
		number = aname_owner_nodes_at(nodes, number)->next;
	}
	return number;
}

/*! Twice as many buckets, if it is time; without memory the chains become longer. */
static void widen(aname_owner_nodes_t *nodes)
{
	size_t count = 2 * nodes->buckets_count;
	uint32_t *buckets =
	        nodes->count < nodes->buckets_count ? NULL : calloc(count, sizeof(*buckets));
	if (buckets == NULL) {
		return;
	}
	free(nodes->buckets);
	nodes->buckets = buckets;
	nodes->buckets_count = count;
	for (uint32_t i = 1; i < nodes->used; i++) {
		aname_owner_node_t *node = aname_owner_nodes_at(nodes, i);
		if (node->word != NULL) {
			uint32_t *bucket = bucket_of(nodes, node->hash);
			node->next = *bucket;
			*bucket = i;
		}
	}
}

/*! One more chunk, if the last one is full; false if out of memory. */
static bool make_room(aname_owner_nodes_t *nodes)
{
	if (nodes->free != 0 || nodes->used < nodes->chunks_count * CHUNK) {
		return true;
	}
	if (nodes->used > UINT32_MAX / 2 - CHUNK) {
		return false; /* The number would not fit beside the mark. */
	}
	aname_owner_node_t **chunks =
	        realloc(nodes->chunks, (nodes->chunks_count + 1) * sizeof(nodes->chunks[0]));
	if (chunks == NULL) {
		return false;
	}
	nodes->chunks = chunks;
	chunks[nodes->chunks_count] = calloc(CHUNK, sizeof(aname_owner_node_t));
	if (chunks[nodes->chunks_count] == NULL) {
		return false;
	}
	nodes->chunks_count++;
	return true;
}

uint32_t aname_owner_nodes_add(aname_owner_nodes_t *nodes, uint64_t hash, aname_owner_word_t *word)
{
	if (!make_room(nodes)) {
		return 0;
	}
	uint32_t number = nodes->free;
	if (number != 0) {
		nodes->free = aname_owner_nodes_at(nodes, number)->next;
	} else {
		number = nodes->used++;
	}
	nodes->count++;
	uint32_t *bucket = bucket_of(nodes, hash);
	*aname_owner_nodes_at(nodes, number) =
	        (aname_owner_node_t){ .hash = hash, .word = word, .next = *bucket };
	*bucket = number;
	widen(nodes);
	return number;
}

void aname_owner_nodes_take_out(aname_owner_nodes_t *nodes, uint32_t number)
{
	aname_owner_node_t *node = aname_owner_nodes_at(nodes, number);
	uint32_t *link = bucket_of(nodes, node->hash);
	while (*link != number) {
		link = &aname_owner_nodes_at(nodes, *link)->next;
	}
	*link = node->next;
	free_ends(node);
	node->word = NULL;
	node->next = nodes->free;
	nodes->free = number;
	nodes->count--;
}

bool aname_owner_node_has(const aname_owner_node_t *node, const aname_owner_t *owner)
{
	return node->sibling == owner->sibling && node->count == owner->count &&
	       (node->count == 0 || memcmp(aname_owner_node_ends(node), owner->ends,
	                                   node->count * sizeof(uint64_t)) == 0);
}

bool aname_owner_node_set(aname_owner_node_t *node, const aname_owner_t *owner)
{
	uint64_t *more = NULL;
	if (owner->count > 1) {
		more = malloc(owner->count * sizeof(uint64_t));
		if (more == NULL) {
			return false;
		}
		memcpy(more, owner->ends, owner->count * sizeof(uint64_t));
	}
	free_ends(node);
	if (more != NULL) {
		node->ends.more = more;
	} else {
		node->ends.one = owner->ends[0];
	}
	node->count = owner->count;
	node->sibling = owner->sibling;
	return true;
}
