/*!
 * \brief Which owners lead back to themselves, and how each of them gets out (BEHAVIOUR F5).  [P]
 *
 * Owners are the nodes of a graph, and an edge leads from an owner to one at which a target of it
 * ends. A circle is a set of owners that all lead to each other (a strongly connected component).
 * In it each owner uses those targets alone that are nearer to a way out than itself, so that no
 * address goes round, and no owner is left without addresses that has a way to some.
 *
 * Nothing is kept between calls, and nothing allocated. Thread: whoever owns the graph.
 */

#pragma once

#include <stdint.h>

/*! The largest graph. Beyond that it is not found out what leads where. */
#define ANAME_CIRCLES_NODES 1024
#define ANAME_CIRCLES_EDGES 4096

/*! There is no way out of the circle. */
#define ANAME_CIRCLES_FAR UINT16_MAX

/*! What an owner has beside its edges. */
typedef enum {
	ANAME_EXIT_NONE = 0,
	ANAME_EXIT_SIBLING, /*!< Addresses of its own, if nothing else is left (F2). */
	ANAME_EXIT_TARGET,  /*!< A target that ends at no owner of the graph. */
} aname_exit_t;

typedef struct {
	/* The graph, to be filled in: edges[first[i]] to edges[first[i + 1]] are those of node i. */
	unsigned count;
	uint16_t first[ANAME_CIRCLES_NODES + 1];
	uint16_t edges[ANAME_CIRCLES_EDGES];
	uint8_t exits[ANAME_CIRCLES_NODES]; /*!< aname_exit_t; changed, too: edges out of circles
	                                         count as TARGET. */
	/* What is found. */
	uint16_t circle[ANAME_CIRCLES_NODES];   /*!< From 1 on; 0: in none. */
	uint16_t distance[ANAME_CIRCLES_NODES]; /*!< In a circle: edges to the nearest way out. */
	/* Scratch. */
	unsigned numbered, components, stack_count, path_count;
	uint16_t number[ANAME_CIRCLES_NODES]; /*!< In order of visits, from 1 on. */
	uint16_t low[ANAME_CIRCLES_NODES];    /*!< The least number that it leads back to. */
	uint16_t cursor[ANAME_CIRCLES_NODES]; /*!< Its next edge. */
	uint16_t stack[ANAME_CIRCLES_NODES];  /*!< Visited, and in no component yet. */
	uint16_t path[ANAME_CIRCLES_NODES];   /*!< From where the visit began to where it is. */
	uint16_t component[ANAME_CIRCLES_NODES];
	uint8_t best[ANAME_CIRCLES_NODES + 1]; /*!< Of a component: aname_exit_t. */
	uint16_t back_first[ANAME_CIRCLES_NODES + 1];
	uint16_t back_edges[ANAME_CIRCLES_EDGES];
} aname_circles_t;

/*!
 * \brief Finds all circles of a graph, and distances in them. Takes time in proportion to nodes
 *        and edges.
 *
 * Ways out are targets; where a circle has none, they are siblings.
 */
void aname_circles_find(aname_circles_t *graph);
