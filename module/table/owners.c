#include "table/owners.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "table/circles.h"
#include "table/hash.h"
#include "table/owner_nodes.h"

/*! Of an owner that leads through too many others: it is not known where to. */
#define TOO_FAR UINT32_MAX

typedef aname_owner_node_t node_t;

struct aname_owners {
	pthread_mutex_t lock; /*!< Guards all but the key. */
	aname_hash_key_t key;
	aname_owner_nodes_t nodes;
	uint32_t circles;                     /*!< The last one's identity. */
	uint16_t type;                        /*!< Of the owner here that was registered last. */
	uint32_t listed[ANAME_CIRCLES_NODES]; /*!< The nodes of the graph. */
	aname_circles_t graph;
};

aname_owners_t *aname_owners_new(void)
{
	aname_owners_t *owners = calloc(1, sizeof(*owners));
	if (owners == NULL || !aname_owner_nodes_init(&owners->nodes)) {
		free(owners);
		return NULL;
	}
	pthread_mutex_init(&owners->lock, NULL);
	aname_hash_new_key(&owners->key);
	return owners;
}

uint64_t aname_owners_hash(const aname_owners_t *owners, const knot_dname_t *name, size_t len)
{
	uint64_t hash = aname_hash_word(owners->key.begin, len, &owners->key);
	return aname_hash_end(aname_hash_octets(hash, name, len, &owners->key));
}

/* Nodes. */

static node_t *node_of(const aname_owners_t *owners, uint32_t number)
{
	return aname_owner_nodes_at(&owners->nodes, number);
}

static uint32_t find(const aname_owners_t *owners, uint64_t hash)
{
	return aname_owner_nodes_find(&owners->nodes, hash);
}

/*! Under which hash one of another server stands, since there may be one here by the same name; and
 *  the reverse. */
static uint64_t far_of(uint64_t hash)
{
	return ~hash;
}

/*! The owner that others find at a name: the one here if that is what the world knows, or else the
 *  world's, if it is known; 0: none. */
static uint32_t known_at(const aname_owners_t *owners, uint64_t hash)
{
	uint32_t here = find(owners, hash);
	return here != 0 && node_of(owners, here)->confirmed ? here : find(owners, far_of(hash));
}

/*! Where an edge of an owner leads; 0: to none. That it leads back to itself needs nobody else. */
static uint32_t follow_end(const aname_owners_t *owners, uint32_t from, uint64_t end)
{
	return node_of(owners, from)->hash == end ? from : known_at(owners, end);
}

void aname_owners_free(aname_owners_t *owners)
{
	if (owners == NULL) {
		return;
	}
	aname_owner_nodes_deinit(&owners->nodes);
	pthread_mutex_destroy(&owners->lock);
	free(owners);
}

/*! The number of the node that an instance has registered, or 0. */
static uint32_t number_of(const aname_owners_t *owners, aname_owner_word_t *word)
{
	uint32_t number = atomic_load_explicit(word, memory_order_relaxed) >> 1;
	return number != 0 && node_of(owners, number)->word == word ? number : 0;
}

/* Circles. */

static void list(aname_owners_t *owners, uint32_t number)
{
	node_of(owners, number)->at = owners->graph.count;
	owners->listed[owners->graph.count++] = number;
}

static bool is_listed(const aname_owners_t *owners, uint32_t number)
{
	uint16_t at = node_of(owners, number)->at;
	return at < owners->graph.count && owners->listed[at] == number;
}

/*! Lists who is in a circle with an owner, and the owner itself, besides those that are listed. */
static void add_members(aname_owners_t *owners, uint32_t number)
{
	if (is_listed(owners, number)) {
		return;
	}
	unsigned first = owners->graph.count;
	list(owners, number);
	uint32_t circle = node_of(owners, number)->circle;
	for (unsigned i = first; circle != 0 && circle != TOO_FAR && i < owners->graph.count; i++) {
		const node_t *node = node_of(owners, owners->listed[i]);
		for (unsigned k = 0; k < node->count; k++) {
			uint32_t end = follow_end(owners, owners->listed[i],
			                          aname_owner_node_ends(node)[k]);
			if (end != 0 && node_of(owners, end)->circle == circle &&
			    !is_listed(owners, end) && owners->graph.count < ANAME_CIRCLES_NODES) {
				list(owners, end);
			}
		}
	}
}

/*! Lists them alone, and those of the one by the same name: who has led to one of the two may lead
 *  to the other one next. */
static void list_members(aname_owners_t *owners, uint32_t number)
{
	owners->graph.count = 0;
	add_members(owners, number);
	uint32_t other = find(owners, far_of(node_of(owners, number)->hash));
	if (other != 0 && owners->graph.count < ANAME_CIRCLES_NODES) {
		add_members(owners, other);
	}
}

/*! Fills in the edges of one that is listed, and lists where they lead; false if that is too
 *  much. */
static bool follow(aname_owners_t *owners, unsigned at, unsigned *edges)
{
	aname_circles_t *graph = &owners->graph;
	const node_t *node = node_of(owners, owners->listed[at]);
	graph->first[at] = *edges;
	graph->exits[at] = node->sibling ? ANAME_EXIT_SIBLING : ANAME_EXIT_NONE;
	for (unsigned k = 0; k < node->count; k++) {
		uint32_t end =
		        follow_end(owners, owners->listed[at], aname_owner_node_ends(node)[k]);
		if (end == 0) {
			graph->exits[at] = ANAME_EXIT_TARGET;
			continue;
		}
		if (!is_listed(owners, end)) {
			if (graph->count == ANAME_CIRCLES_NODES) {
				return false;
			}
			list(owners, end);
		}
		if (*edges == ANAME_CIRCLES_EDGES) {
			return false;
		}
		graph->edges[(*edges)++] = node_of(owners, end)->at;
	}
	return true;
}

/*! Sees where those lead that are listed; false if that is too far. */
static bool explore(aname_owners_t *owners)
{
	unsigned edges = 0;
	for (unsigned i = 0; i < owners->graph.count; i++) {
		if (!follow(owners, i, &edges)) {
			return false;
		}
	}
	owners->graph.first[owners->graph.count] = edges;
	return true;
}

static void set_circle(aname_owners_t *owners, uint32_t number, uint32_t circle, uint16_t distance)
{
	node_t *node = node_of(owners, number);
	node->circle = circle;
	node->distance = distance;
	atomic_store_explicit(node->word, number << 1 | (circle != 0 ? ANAME_OWNER_MARK : 0),
	                      memory_order_relaxed);
}

/*! Works out the circles of all that those who are listed lead to; false if that is too far. */
static bool settle(aname_owners_t *owners)
{
	aname_circles_t *graph = &owners->graph;
	if (!explore(owners)) {
		return false;
	}
	aname_circles_find(graph);
	for (unsigned i = 0; i < graph->count; i++) {
		uint32_t circle = graph->circle[i] != 0 ? owners->circles + graph->circle[i] : 0;
		set_circle(owners, owners->listed[i], circle, graph->distance[i]);
	}
	owners->circles += graph->components;
	return true;
}

/* The interface. */

/*! What an owner has is other than before, or it is new. */
static bool change(aname_owners_t *owners, uint32_t number, const aname_owner_t *owner)
{
	node_t *node = node_of(owners, number);
	list_members(owners, number);
	if (!aname_owner_node_set(node, owner)) {
		return false;
	}
	if (!settle(owners)) {
		set_circle(owners, number, TOO_FAR, 0);
	}
	return true;
}

static bool update(aname_owners_t *owners, aname_owner_word_t *word, const aname_owner_t *owner,
                   bool far)
{
	uint64_t hash = far ? far_of(owner->owner) : owner->owner;
	uint32_t number = find(owners, hash);
	bool is_new = number == 0;
	if (is_new) {
		number = aname_owner_nodes_add(&owners->nodes, hash, word);
	}
	if (number == 0) {
		return false;
	}
	node_t *node = node_of(owners, number);
	node->confirmed |= far;
	node->records = owner->records;
	node->type = owner->type;
	if (node->word != word || is_new) {
		node->word = word;
		set_circle(owners, number, node->circle, node->distance);
	}
	return (!is_new && aname_owner_node_has(node, owner)) || change(owners, number, owner);
}

bool aname_owners_register(aname_owners_t *owners, aname_owner_word_t *word,
                           const aname_owner_t *owner)
{
	pthread_mutex_lock(&owners->lock);
	owners->type = owner->type;
	bool done = update(owners, word, owner, false);
	pthread_mutex_unlock(&owners->lock);
	return done;
}

bool aname_owners_register_far(aname_owners_t *owners, aname_owner_word_t *word,
                               const aname_owner_t *owner)
{
	pthread_mutex_lock(&owners->lock);
	bool done = update(owners, word, owner, true);
	pthread_mutex_unlock(&owners->lock);
	return done;
}

uint16_t aname_owners_type(aname_owners_t *owners)
{
	pthread_mutex_lock(&owners->lock);
	uint16_t type = owners->type;
	pthread_mutex_unlock(&owners->lock);
	return type;
}

void aname_owners_drop(aname_owners_t *owners, aname_owner_word_t *word)
{
	pthread_mutex_lock(&owners->lock);
	uint32_t number = number_of(owners, word);
	if (number != 0) {
		list_members(owners, number);
		aname_owner_nodes_take_out(&owners->nodes, number);
		/* It is the first one that is listed. */
		owners->graph.count--;
		if (owners->graph.count > 0) {
			owners->listed[0] = owners->listed[owners->graph.count];
			node_of(owners, owners->listed[0])->at = 0;
			/* If that is too far they may use what they could use before. */
			(void)settle(owners);
		}
	}
	atomic_store_explicit(word, ANAME_OWNER_NEW, memory_order_relaxed);
	pthread_mutex_unlock(&owners->lock);
}

static aname_way_t way_of(const node_t *from, const node_t *to)
{
	if (from->circle == TOO_FAR) {
		return ANAME_WAY_BACK;
	}
	if (from->circle == 0 || from->circle != to->circle) {
		return ANAME_WAY_OUT;
	}
	return to->distance < from->distance ? ANAME_WAY_NEARER : ANAME_WAY_BACK;
}

aname_way_t aname_owners_way(aname_owners_t *owners, aname_owner_word_t *word, uint64_t end)
{
	pthread_mutex_lock(&owners->lock);
	uint32_t from = number_of(owners, word);
	uint32_t to = from != 0 ? follow_end(owners, from, end) : 0;
	aname_way_t way = from != 0 && to != 0 ? way_of(node_of(owners, from), node_of(owners, to))
	                                       : ANAME_WAY_OUT;
	pthread_mutex_unlock(&owners->lock);
	return way;
}

aname_way_t aname_owners_way_at(aname_owners_t *owners, uint64_t owner, uint64_t end, bool *known)
{
	pthread_mutex_lock(&owners->lock);
	uint32_t from = find(owners, owner);
	uint32_t to = known_at(owners, end);
	aname_way_t way = from != 0 && to != 0 ? way_of(node_of(owners, from), node_of(owners, to))
	                                       : ANAME_WAY_OUT;
	pthread_mutex_unlock(&owners->lock);
	*known = to != 0 || end == owner;
	/* That needs nobody else, and nobody to have registered it. */
	return end == owner ? ANAME_WAY_BACK : way;
}

bool aname_owners_place(aname_owners_t *owners, uint64_t owner, aname_place_t *place)
{
	pthread_mutex_lock(&owners->lock);
	uint32_t number = find(owners, owner);
	if (number == 0 || node_of(owners, number)->circle == 0) {
		number = known_at(owners, owner);
	}
	const node_t *node = number != 0 ? node_of(owners, number) : NULL;
	place->circle = node != NULL ? node->circle : 0;
	place->distance = node != NULL ? node->distance : 0;
	pthread_mutex_unlock(&owners->lock);
	return place->circle != 0;
}

bool aname_owners_ask(aname_owners_t *owners, uint64_t owner, uint16_t *type, bool *confirmed)
{
	pthread_mutex_lock(&owners->lock);
	uint32_t number = find(owners, owner);
	if (number != 0) {
		*type = node_of(owners, number)->type;
		*confirmed = node_of(owners, number)->confirmed;
	}
	pthread_mutex_unlock(&owners->lock);
	return number != 0;
}

void aname_owners_confirm(aname_owners_t *owners, uint64_t owner, uint64_t records)
{
	pthread_mutex_lock(&owners->lock);
	uint32_t number = find(owners, owner);
	node_t *node = number != 0 ? node_of(owners, number) : NULL;
	bool confirmed = node != NULL && records != 0 && records == node->records;
	if (node != NULL && confirmed != node->confirmed) {
		list_members(owners, number);
		node->confirmed = confirmed;
		if (!settle(owners)) {
			set_circle(owners, number, TOO_FAR, 0);
		}
	}
	pthread_mutex_unlock(&owners->lock);
}

size_t aname_owners_count(aname_owners_t *owners)
{
	pthread_mutex_lock(&owners->lock);
	size_t count = owners->nodes.count;
	pthread_mutex_unlock(&owners->lock);
	return count;
}
