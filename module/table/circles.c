#include "table/circles.h"

#include <stdbool.h>
#include <string.h>

/* Components, as R. Tarjan finds them (Depth-first search and linear graph algorithms, 1972). */

static void enter(aname_circles_t *graph, uint16_t node)
{
	graph->number[node] = graph->low[node] = ++graph->numbered;
	graph->cursor[node] = graph->first[node];
	graph->stack[graph->stack_count++] = node;
	graph->path[graph->path_count++] = node;
}

static void lower(uint16_t *low, uint16_t number)
{
	*low = number < *low ? number : *low;
}

/*! All edges of a node have been followed. */
static void leave(aname_circles_t *graph, uint16_t node)
{
	graph->path_count--;
	if (graph->path_count > 0) {
		lower(&graph->low[graph->path[graph->path_count - 1]], graph->low[node]);
	}
	if (graph->low[node] != graph->number[node]) {
		return;
	}
	graph->components++;
	uint16_t member;
	do {
		member = graph->stack[--graph->stack_count];
		graph->component[member] = graph->components;
	} while (member != node);
}

static void visit(aname_circles_t *graph, uint16_t root)
{
	enter(graph, root);
	while (graph->path_count > 0) {
		uint16_t node = graph->path[graph->path_count - 1];
		if (graph->cursor[node] == graph->first[node + 1]) {
			leave(graph, node);
			continue;
		}
		uint16_t next = graph->edges[graph->cursor[node]++];
		if (graph->number[next] == 0) {
			enter(graph, next);
		} else if (graph->component[next] == 0) {
			lower(&graph->low[node], graph->number[next]);
		}
	}
}

static void find_components(aname_circles_t *graph)
{
	graph->numbered = graph->components = graph->stack_count = graph->path_count = 0;
	memset(graph->number, 0, graph->count * sizeof(graph->number[0]));
	memset(graph->component, 0, graph->count * sizeof(graph->component[0]));
	for (unsigned i = 0; i < graph->count; i++) {
		if (graph->number[i] == 0) {
			visit(graph, i);
		}
	}
}

/* Ways out. */

/*! Finds who is in a circle, and what ways out there are. */
static void find_exits(aname_circles_t *graph)
{
	memset(graph->best, ANAME_EXIT_NONE, graph->components + 1);
	for (unsigned i = 0; i < graph->count; i++) {
		uint16_t component = graph->component[i];
		bool inside = false;
		for (unsigned k = graph->first[i]; k < graph->first[i + 1]; k++) {
			bool same = graph->component[graph->edges[k]] == component;
			inside |= same;
			graph->exits[i] = same ? graph->exits[i] : ANAME_EXIT_TARGET;
		}
		graph->circle[i] = inside ? component : 0;
		if (graph->exits[i] > graph->best[component]) {
			graph->best[component] = graph->exits[i];
		}
	}
}

/*! Turns the edges round. */
static void turn(aname_circles_t *graph)
{
	unsigned edges = graph->first[graph->count];
	uint16_t *first = graph->back_first;
	memset(first, 0, (graph->count + 1) * sizeof(first[0]));
	for (unsigned k = 0; k < edges; k++) {
		first[graph->edges[k]]++;
	}
	for (unsigned i = 0, sum = 0; i <= graph->count; i++) {
		sum += i < graph->count ? first[i] : 0;
		first[i] = sum; /* Where it ends, for now. */
	}
	for (unsigned i = 0; i < graph->count; i++) {
		for (unsigned k = graph->first[i]; k < graph->first[i + 1]; k++) {
			graph->back_edges[--first[graph->edges[k]]] = i;
		}
	}
}

/*! From the ways out backwards, breadth first; the queue is in `stack`. */
static void find_distances(aname_circles_t *graph)
{
	unsigned head = 0, tail = 0;
	for (unsigned i = 0; i < graph->count; i++) {
		bool out = graph->exits[i] != ANAME_EXIT_NONE &&
		           graph->exits[i] == graph->best[graph->component[i]];
		graph->distance[i] = out ? 0 : ANAME_CIRCLES_FAR;
		if (out) {
			graph->stack[tail++] = i;
		}
	}
	for (; head < tail; head++) {
		uint16_t node = graph->stack[head];
		for (unsigned k = graph->back_first[node]; k < graph->back_first[node + 1]; k++) {
			uint16_t before = graph->back_edges[k];
			if (graph->component[before] == graph->component[node] &&
			    graph->distance[before] == ANAME_CIRCLES_FAR) {
				graph->distance[before] = graph->distance[node] + 1;
				graph->stack[tail++] = before;
			}
		}
	}
}

void aname_circles_find(aname_circles_t *graph)
{
	find_components(graph);
	find_exits(graph);
	turn(graph);
	find_distances(graph);
}
