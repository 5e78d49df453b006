#include "table/owners.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "table/circles.h"
#include "table/hash.h"

/*! Owners in one block. */
#define CHUNK       1024
#define BUCKETS_MIN 64
/*! Of an owner that leads through too many others: it is not known where to. */
#define TOO_FAR     UINT32_MAX

/*! An owner. There is one for each zone: 48 octets. */
typedef struct {
	uint64_t hash;
	uint64_t records;         /*!< As in aname_owner_t. */
	aname_owner_word_t *word; /*!< Of the instance; NULL: free. */
	union {
		uint64_t one;
		uint64_t *more; /*!< If there are more than one. */
	} ends;
	uint32_t next;   /*!< In its bucket, or of those that are free; 0: none. */
	uint32_t circle; /*!< Its identity; 0: it is in none; or TOO_FAR. */
	uint16_t distance;
	uint16_t at; /*!< In the graph, if it is there. */
	uint16_t type;
	uint8_t count;
	bool sibling : 1;
	bool confirmed : 1;
} node_t;

struct aname_owners {
	pthread_mutex_t lock; /*!< Guards all but the key. */
	aname_hash_key_t key;
	node_t **chunks; /*!< The first node is none. */
	size_t chunks_count;
	uint32_t used; /*!< Nodes that were ever taken. */
	uint32_t free; /*!< The first of those that are free. */
	size_t count;
	uint32_t *buckets;
	size_t buckets_count;                 /*!< A power of two. */
	uint32_t circles;                     /*!< The last one's identity. */
	uint32_t listed[ANAME_CIRCLES_NODES]; /*!< The nodes of the graph. */
	aname_circles_t graph;
};

aname_owners_t *aname_owners_new(void)
{
	aname_owners_t *owners = calloc(1, sizeof(*owners));
	uint32_t *buckets = calloc(BUCKETS_MIN, sizeof(*buckets));
	if (owners == NULL || buckets == NULL) {
		free(owners);
		free(buckets);
		return NULL;
	}
	pthread_mutex_init(&owners->lock, NULL);
	aname_hash_new_key(&owners->key);
	owners->buckets = buckets;
	owners->buckets_count = BUCKETS_MIN;
	owners->used = 1;
	return owners;
}

uint64_t aname_owners_hash(const aname_owners_t *owners, const knot_dname_t *name, size_t len)
{
	uint64_t hash = aname_hash_word(owners->key.begin, len, &owners->key);
	return aname_hash_end(aname_hash_octets(hash, name, len, &owners->key));
}

void aname_owner_add(aname_owner_t *owner, uint64_t end)
{
	unsigned i = 0;
	while (i < owner->count && owner->ends[i] != end) {
		i++;
	}
	if (i == owner->count && i < ANAME_OWNERS_ENDS_MAX) {
		owner->ends[owner->count++] = end;
	}
}

/* Nodes. */

static node_t *node_of(const aname_owners_t *owners, uint32_t number)
{
	return &owners->chunks[number / CHUNK][number % CHUNK];
}

static uint32_t *bucket_of(const aname_owners_t *owners, uint64_t hash)
{
	return &owners->buckets[hash & (owners->buckets_count - 1)];
}

static const uint64_t *ends_of(const node_t *node)
{
	return node->count > 1 ? node->ends.more : &node->ends.one;
}

static void free_ends(node_t *node)
{
	if (node->count > 1) {
		free(node->ends.more);
	}
	node->count = 0;
}

void aname_owners_free(aname_owners_t *owners)
{
	if (owners == NULL) {
		return;
	}
	for (uint32_t i = 1; i < owners->used; i++) {
		free_ends(node_of(owners, i));
	}
	for (size_t i = 0; i < owners->chunks_count; i++) {
		free(owners->chunks[i]);
	}
	free(owners->chunks);
	free(owners->buckets);
	pthread_mutex_destroy(&owners->lock);
	free(owners);
}

/*! The number of an owner's node, or 0. */
static uint32_t find(const aname_owners_t *owners, uint64_t hash)
{
	uint32_t number = *bucket_of(owners, hash);
	while (number != 0 && node_of(owners, number)->hash != hash) {
		number = node_of(owners, number)->next;
	}
	return number;
}

/*! The number of the node that an instance has registered, or 0. */
static uint32_t number_of(const aname_owners_t *owners, aname_owner_word_t *word)
{
	uint32_t number = atomic_load_explicit(word, memory_order_relaxed) >> 1;
	return number != 0 && node_of(owners, number)->word == word ? number : 0;
}

/*! Twice as many buckets, if it is time; without memory the chains become longer. */
static void widen(aname_owners_t *owners)
{
	size_t count = 2 * owners->buckets_count;
	uint32_t *buckets =
	        owners->count < owners->buckets_count ? NULL : calloc(count, sizeof(*buckets));
	if (buckets == NULL) {
		return;
	}
	free(owners->buckets);
	owners->buckets = buckets;
	owners->buckets_count = count;
	for (uint32_t i = 1; i < owners->used; i++) {
		node_t *node = node_of(owners, i);
		if (node->word != NULL) {
			uint32_t *bucket = bucket_of(owners, node->hash);
			node->next = *bucket;
			*bucket = i;
		}
	}
}

/*! One more chunk, if the last one is full; false if out of memory. */
static bool make_room(aname_owners_t *owners)
{
	if (owners->free != 0 || owners->used < owners->chunks_count * CHUNK) {
		return true;
	}
	if (owners->used > UINT32_MAX / 2 - CHUNK) {
		return false; /* The number would not fit beside the mark. */
	}
	node_t **chunks =
	        realloc(owners->chunks, (owners->chunks_count + 1) * sizeof(owners->chunks[0]));
	if (chunks == NULL) {
		return false;
	}
	owners->chunks = chunks;
	chunks[owners->chunks_count] = calloc(CHUNK, sizeof(node_t));
	if (chunks[owners->chunks_count] == NULL) {
		return false;
	}
	owners->chunks_count++;
	return true;
}

/*! Adds an owner that is not there yet; 0 if out of memory. */
static uint32_t add(aname_owners_t *owners, uint64_t hash, aname_owner_word_t *word)
{
	if (!make_room(owners)) {
		return 0;
	}
	uint32_t number = owners->free;
	if (number != 0) {
		owners->free = node_of(owners, number)->next;
	} else {
		number = owners->used++;
	}
	owners->count++;
	uint32_t *bucket = bucket_of(owners, hash);
	*node_of(owners, number) = (node_t){ .hash = hash, .word = word, .next = *bucket };
	*bucket = number;
	widen(owners);
	return number;
}

static void take_out(aname_owners_t *owners, uint32_t number)
{
	node_t *node = node_of(owners, number);
	uint32_t *link = bucket_of(owners, node->hash);
	while (*link != number) {
		link = &node_of(owners, *link)->next;
	}
	*link = node->next;
	free_ends(node);
	node->word = NULL;
	node->next = owners->free;
	owners->free = number;
	owners->count--;
}

/*! Does it have what it had? */
static bool is_same(const node_t *node, const aname_owner_t *owner)
{
	return node->sibling == owner->sibling && node->count == owner->count &&
	       (node->count == 0 ||
	        memcmp(ends_of(node), owner->ends, node->count * sizeof(uint64_t)) == 0);
}

static bool set_ends(node_t *node, const aname_owner_t *owner)
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

/*! Lists who is in a circle with an owner, and the owner itself. */
static void list_members(aname_owners_t *owners, uint32_t number)
{
	owners->graph.count = 0;
	list(owners, number);
	uint32_t circle = node_of(owners, number)->circle;
	for (unsigned i = 0; circle != 0 && circle != TOO_FAR && i < owners->graph.count; i++) {
		const node_t *node = node_of(owners, owners->listed[i]);
		for (unsigned k = 0; k < node->count; k++) {
			uint32_t end = find(owners, ends_of(node)[k]);
			if (end != 0 && node_of(owners, end)->circle == circle &&
			    !is_listed(owners, end) && owners->graph.count < ANAME_CIRCLES_NODES) {
				list(owners, end);
			}
		}
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
		uint32_t end = find(owners, ends_of(node)[k]);
		if (end == 0 || (end != owners->listed[at] && !node_of(owners, end)->confirmed)) {
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
	if (!set_ends(node, owner)) {
		return false;
	}
	if (!settle(owners)) {
		set_circle(owners, number, TOO_FAR, 0);
	}
	return true;
}

static bool update(aname_owners_t *owners, aname_owner_word_t *word, const aname_owner_t *owner)
{
	uint32_t number = find(owners, owner->owner);
	bool is_new = number == 0;
	if (is_new) {
		number = add(owners, owner->owner, word);
	}
	if (number == 0) {
		return false;
	}
	node_t *node = node_of(owners, number);
	node->records = owner->records;
	node->type = owner->type;
	if (node->word != word || is_new) {
		node->word = word;
		set_circle(owners, number, node->circle, node->distance);
	}
	return (!is_new && is_same(node, owner)) || change(owners, number, owner);
}

bool aname_owners_register(aname_owners_t *owners, aname_owner_word_t *word,
                           const aname_owner_t *owner)
{
	pthread_mutex_lock(&owners->lock);
	bool done = update(owners, word, owner);
	pthread_mutex_unlock(&owners->lock);
	return done;
}

void aname_owners_drop(aname_owners_t *owners, aname_owner_word_t *word)
{
	pthread_mutex_lock(&owners->lock);
	uint32_t number = number_of(owners, word);
	if (number != 0) {
		list_members(owners, number);
		take_out(owners, number);
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
	uint32_t from = number_of(owners, word), to = find(owners, end);
	aname_way_t way = from != 0 && to != 0 ? way_of(node_of(owners, from), node_of(owners, to))
	                                       : ANAME_WAY_OUT;
	pthread_mutex_unlock(&owners->lock);
	return way;
}

bool aname_owners_place(aname_owners_t *owners, uint64_t owner, aname_place_t *place)
{
	pthread_mutex_lock(&owners->lock);
	uint32_t number = find(owners, owner);
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
	size_t count = owners->count;
	pthread_mutex_unlock(&owners->lock);
	return count;
}
