/*!
 * \brief Where the owners of this server are kept: nodes with numbers, found by hash.  [P]
 *
 * Numbers stay while a node is there; pointers to nodes as well. A part of table/owners.h, under its
 * lock.
 */

#pragma once

#include <stddef.h>

#include "table/owner.h"

/*! An owner. There is one for each zone, and some of other servers: 48 octets. */
typedef struct {
	uint64_t hash;
	uint64_t records;         /*!< As in aname_owner_t. */
	aname_owner_word_t *word; /*!< Of the instance; NULL: free. */
	union {
		uint64_t one;
		uint64_t *more; /*!< If there are more than one. */
	} ends;
	uint32_t next;   /*!< In its bucket, or of those that are free; 0: none. */
	uint32_t circle; /*!< Its identity; 0: in none; UINT32_MAX: it leads too far. */
	uint16_t distance;
	uint16_t at; /*!< In the graph, if it is there. */
	uint16_t type;
	uint8_t count;
	bool sibling : 1;
	bool confirmed : 1;
} aname_owner_node_t;

/*! Nodes in one block. */
#define ANAME_OWNER_NODES_CHUNK 1024

typedef struct {
	aname_owner_node_t **chunks; /*!< The first node is none. */
	size_t chunks_count;
	uint32_t used; /*!< Nodes that were ever taken. */
	uint32_t free; /*!< The first of those that are free. */
	size_t count;
	uint32_t *buckets;
	size_t buckets_count; /*!< A power of two. */
} aname_owner_nodes_t;

/*! None; false if out of memory. */
bool aname_owner_nodes_init(aname_owner_nodes_t *nodes);

void aname_owner_nodes_deinit(aname_owner_nodes_t *nodes);

/*! The node of a number, which is in use or was. */
static inline aname_owner_node_t *aname_owner_nodes_at(const aname_owner_nodes_t *nodes,
                                                       uint32_t number)
{
	return &nodes->chunks[number / ANAME_OWNER_NODES_CHUNK][number % ANAME_OWNER_NODES_CHUNK];
}

/*! The number of an owner's node, or 0. */
uint32_t aname_owner_nodes_find(const aname_owner_nodes_t *nodes, uint64_t hash);

/*! Adds an owner that is not there yet; its number, or 0 if out of memory. */
uint32_t aname_owner_nodes_add(aname_owner_nodes_t *nodes, uint64_t hash, aname_owner_word_t *word);

/*! Takes one out; its number is given to another one later. */
void aname_owner_nodes_take_out(aname_owner_nodes_t *nodes, uint32_t number);

/*! Where its targets end. */
static inline const uint64_t *aname_owner_node_ends(const aname_owner_node_t *node)
{
	return node->count > 1 ? node->ends.more : &node->ends.one;
}

/*! Does it have the ends and siblings that are said? */
bool aname_owner_node_has(const aname_owner_node_t *node, const aname_owner_t *owner);

/*! Sets these; false if out of memory, and nothing is changed. */
bool aname_owner_node_set(aname_owner_node_t *node, const aname_owner_t *owner);
