#include "query/nodes.h"

#include <stdlib.h>
#include <string.h>

#include <libknot/descriptor.h>

#include "octets.h"
#include "path.h"
#include "query/find.h"
#include "query/memo.h"
#include "query/nsec3.h"
#include "table/background.h"
#include "table/hash.h"

/*! Buckets at first, a power of two. */
#define BUCKETS_MIN 8

/*! So many nodes are freed behind the back of who reloads, for which that would take long. */
#define MANY 1024

/*! Buckets that are looked through once a second. */
#define SWEPT_EACH 32

/*! A node besides the apex. */
typedef struct listed {
	aname_node_t node; /*!< First. */
	aname_named_t named;
	aname_shared_t *shared; /*!< Where it is registered. */
	_Atomic(struct listed *) next, next_nsec3;
	_Atomic(aname_known_node_t *) known; /*!< Its records in a version of the zone. */
	_Atomic uint64_t nsec3; /*!< What its NSEC3 record begins with; 0: not known. */
	uint64_t hash;          /*!< Of its name. */
	_Atomic uint32_t salt;  /*!< Of the NSEC3PARAM record by which that was worked out. */
	uint8_t name_len;
	uint8_t name[];
} listed_t;

/*! Chains of nodes, by their names or by their NSEC3 records. */
typedef struct aname_buckets {
	size_t mask;
	_Atomic(listed_t *) at[];
} buckets_t;

aname_named_t *aname_nodes_named(aname_node_t *node)
{
	return &((listed_t *)node)->named;
}

/*! Frees a node; nobody holds it any more. */
static void destroy(void *memory)
{
	listed_t *listed = memory;
	const aname_zone_targets_t none = { .count = 0 };
	aname_owners_drop(listed->shared->owners, &listed->node.owner);
	aname_zones_note(listed->shared->zones, &listed->named, &none);
	free(atomic_load(&listed->node.plan));
	free(atomic_load(&listed->known));
	free(listed);
}

/*! Frees a list. */
static void clear(aname_nodes_t *nodes)
{
	buckets_t *names = atomic_load(&nodes->names);
	for (size_t i = 0; names != NULL && i <= names->mask; i++) {
		for (listed_t *listed = atomic_load(&names->at[i]), *next; listed != NULL;
		     listed = next) {
			next = atomic_load(&listed->next);
			destroy(listed);
		}
	}
	free(names);
	free(atomic_load(&nodes->nsec3));
	destroy(nodes->spare);
}

/*! The same of one in memory of its own. */
static void destroy_list(void *nodes)
{
	clear(nodes);
	free(nodes);
}

void aname_nodes_deinit(aname_instance_t *instance)
{
	if (!aname_instance_any(instance)) {
		return;
	}
	aname_nodes_t *many = instance->nodes->count < MANY ? NULL : malloc(sizeof(*many));
	if (many == NULL) {
		clear(instance->nodes);
		return;
	}
	*many = *instance->nodes;
	aname_background_run(destroy_list, many);
}

/* Reading. */

/*! A node by its name; NULL if it was not found, perhaps since nodes were moved meanwhile. */
static ANAME_WARM listed_t *find(const buckets_t *names, uint64_t hash, const knot_dname_t *name,
                                 size_t len)
{
	listed_t *listed = names == NULL ? NULL : atomic_load(&names->at[hash & names->mask]);
	while (listed != NULL && (listed->hash != hash || listed->name_len != len ||
	                          !aname_octets_equal(listed->name, name, len))) {
		listed = atomic_load(&listed->next);
	}
	return listed;
}

/*! A node by what its NSEC3 record begins with. */
static listed_t *find_nsec3(const buckets_t *buckets, uint64_t nsec3)
{
	listed_t *listed =
	        buckets == NULL ? NULL : atomic_load(&buckets->at[nsec3 & buckets->mask]);
	while (listed != NULL && atomic_load(&listed->nsec3) != nsec3) {
		listed = atomic_load(&listed->next_nsec3);
	}
	return listed;
}

void aname_nodes_step(const aname_query_t *query, aname_nodes_cursor_t *cursor,
                      void (*visit)(const knot_dname_t *name, void *ctx), void *ctx)
{
	aname_nodes_t *nodes = query->instance->nodes;
	const buckets_t *names = atomic_load(&nodes->names);
	size_t count = names != NULL ? names->mask + 1 : 0;
	cursor->moved = cursor->buckets != 0 && cursor->buckets != count;
	cursor->buckets = count;
	if (cursor->bucket < count && !cursor->moved) {
		const listed_t *listed = atomic_load(&names->at[cursor->bucket++]);
		for (; listed != NULL; listed = atomic_load(&listed->next)) {
			visit(listed->name, ctx);
		}
		/* Some may have been missed just now. There are only ever more buckets. */
		cursor->moved = (atomic_load(&nodes->moving) & 1) != 0 ||
		                atomic_load(&nodes->names) != names;
	}
	cursor->end = cursor->bucket >= count;
}

/* Writing: under the lock. */

/*! Empty buckets, as many as those, or twice as many. */
static buckets_t *make_buckets(const buckets_t *before, bool wider)
{
	size_t count = before == NULL ? BUCKETS_MIN : (before->mask + 1) * (wider ? 2 : 1);
	buckets_t *buckets = calloc(1, sizeof(*buckets) + count * sizeof(buckets->at[0]));
	if (buckets != NULL) {
		buckets->mask = count - 1;
	}
	return buckets;
}

static void link_name(buckets_t *names, listed_t *listed)
{
	_Atomic(listed_t *) *head = &names->at[listed->hash & names->mask];
	atomic_store(&listed->next, atomic_load(head));
	atomic_store(head, listed);
}

static void link_nsec3(buckets_t *buckets, listed_t *listed)
{
	_Atomic(listed_t *) *head = &buckets->at[atomic_load(&listed->nsec3) & buckets->mask];
	atomic_store(&listed->next_nsec3, atomic_load(head));
	atomic_store(head, listed);
}

static void unlink_name(buckets_t *names, const listed_t *listed)
{
	_Atomic(listed_t *) *link = &names->at[listed->hash & names->mask];
	while (atomic_load(link) != listed) {
		link = &atomic_load(link)->next;
	}
	atomic_store(link, atomic_load(&listed->next));
}

static void unlink_nsec3(buckets_t *buckets, const listed_t *listed)
{
	if (atomic_load(&listed->nsec3) == 0) {
		return;
	}
	_Atomic(listed_t *) *link = &buckets->at[atomic_load(&listed->nsec3) & buckets->mask];
	while (atomic_load(link) != listed) {
		link = &atomic_load(link)->next_nsec3;
	}
	atomic_store(link, atomic_load(&listed->next_nsec3));
}

/*! Moves all nodes to twice as many buckets. Who reads meanwhile may miss some, and sees that. */
static void widen(aname_nodes_t *nodes, aname_bin_t *bin)
{
	buckets_t *names = atomic_load(&nodes->names), *nsec3 = atomic_load(&nodes->nsec3);
	buckets_t *wide_names = make_buckets(names, true), *wide_nsec3 = make_buckets(names, true);
	if (wide_names == NULL || wide_nsec3 == NULL) {
		free(wide_names);
		free(wide_nsec3);
		return; /* Chains become longer. */
	}
	atomic_fetch_add(&nodes->moving, 1);
	for (size_t i = 0; i <= names->mask; i++) {
		for (listed_t *listed = atomic_load(&names->at[i]), *next; listed != NULL;
		     listed = next) {
			next = atomic_load(&listed->next);
			link_name(wide_names, listed);
			if (atomic_load(&listed->nsec3) != 0) {
				link_nsec3(wide_nsec3, listed);
			}
		}
	}
	atomic_store(&nodes->names, wide_names);
	atomic_store(&nodes->nsec3, wide_nsec3);
	atomic_fetch_add(&nodes->moving, 1);
	aname_bin_retire(bin, names, free);
	aname_bin_retire(bin, nsec3, free);
}

/*! Lets nodes of the next bucket go whose records have gone. */
static void sweep(const aname_query_t *query, aname_nodes_t *nodes)
{
	buckets_t *names = atomic_load(&nodes->names);
	nodes->swept = (nodes->swept + 1) & names->mask;
	for (listed_t *listed = atomic_load(&names->at[nodes->swept]), *next; listed != NULL;
	     listed = next) {
		next = atomic_load(&listed->next);
		aname_found_t found;
		if (aname_find_at(query->qdata, query->instance, listed->name, &found)) {
			continue;
		}
		unlink_name(names, listed);
		unlink_nsec3(atomic_load(&nodes->nsec3), listed);
		nodes->count--;
		aname_bin_retire(query->instance->shared->sign_bin, listed, destroy);
	}
}

void aname_nodes_sweep(const aname_query_t *query)
{
	if (!aname_instance_any(query->instance)) {
		return;
	}
	aname_shared_t *shared = query->instance->shared;
	aname_nodes_t *nodes = query->instance->nodes;
	if (atomic_load(&nodes->names) == NULL ||
	    atomic_exchange(&nodes->swept_s, query->now_s) == query->now_s) {
		return;
	}
	pthread_mutex_lock(&shared->sign_lock);
	size_t buckets = atomic_load(&nodes->names)->mask + 1;
	for (size_t i = 0; i < buckets && i < SWEPT_EACH; i++) {
		sweep(query, nodes);
	}
	(void)aname_bin_reclaim(shared->sign_bin);
	pthread_mutex_unlock(&shared->sign_lock);
}

static listed_t *make(const aname_instance_t *instance, uint64_t hash, const knot_dname_t *owner,
                      size_t len)
{
	listed_t *listed = calloc(1, sizeof(*listed) + len);
	if (listed == NULL) {
		return NULL;
	}
	atomic_init(&listed->node.owner, ANAME_OWNER_NEW);
	listed->named.upstream = instance->zone.named.upstream;
	listed->shared = instance->shared;
	listed->hash = hash;
	listed->name_len = len;
	memcpy(listed->name, owner, len);
	return listed;
}

int aname_nodes_init(aname_instance_t **instance)
{
	if (!aname_instance_any(*instance)) {
		return KNOT_EOK;
	}
	listed_t *spare = make(*instance, 0, (const knot_dname_t *)"", 1);
	aname_instance_t *wider =
	        spare != NULL ? realloc(*instance, sizeof(*wider) + sizeof(wider->nodes[0])) : NULL;
	if (wider == NULL) {
		free(spare);
		return KNOT_ENOMEM;
	}
	*wider->nodes = (aname_nodes_t){ .spare = spare, .begin = aname_memo_begin() };
	*instance = wider;
	return KNOT_EOK;
}

/*! Lists a node, if no other worker has meanwhile. */
static listed_t *add(const aname_query_t *query, aname_nodes_t *nodes, uint64_t hash,
                     const knot_dname_t *owner, size_t len)
{
	aname_bin_t *bin = query->instance->shared->sign_bin;
	if (atomic_load(&nodes->names) == NULL) {
		buckets_t *names = make_buckets(NULL, false), *nsec3 = make_buckets(NULL, false);
		if (names == NULL || nsec3 == NULL) {
			free(names);
			free(nsec3);
			return NULL;
		}
		atomic_store(&nodes->nsec3, nsec3);
		atomic_store(&nodes->names, names);
	}
	listed_t *listed = find(atomic_load(&nodes->names), hash, owner, len);
	if (listed != NULL) {
		return listed;
	}
	listed = make(query->instance, hash, owner, len);
	if (listed == NULL) {
		return NULL;
	}
	sweep(query, nodes);
	if (nodes->count > atomic_load(&nodes->names)->mask) {
		widen(nodes, bin);
	}
	link_name(atomic_load(&nodes->names), listed);
	nodes->count++;
	(void)aname_bin_reclaim(bin);
	return listed;
}

static ANAME_ASIDE listed_t *find_or_add(const aname_query_t *query, uint64_t hash,
                                         const knot_dname_t *owner, size_t len)
{
	aname_shared_t *shared = query->instance->shared;
	pthread_mutex_lock(&shared->sign_lock);
	listed_t *listed = add(query, query->instance->nodes, hash, owner, len);
	pthread_mutex_unlock(&shared->sign_lock);
	return listed;
}

static inline uint64_t hash_name(const aname_query_t *query, const knot_dname_t *name, size_t len)
{
	const aname_hash_key_t *key = &query->instance->shared->hash_key;
	return aname_hash_end(
	        aname_hash_octets(aname_hash_word(key->begin, len, key), name, len, key));
}

_Atomic(aname_known_node_t *) *aname_nodes_known(aname_node_t *node)
{
	return &((listed_t *)node)->known;
}

ANAME_WARM aname_node_t *aname_nodes_find(const aname_query_t *query, const knot_dname_t *name,
                                          size_t len, const aname_known_node_t **known)
{
	listed_t *listed = find(atomic_load(&query->instance->nodes->names),
	                        hash_name(query, name, len), name, len);
	*known = listed == NULL ? NULL : atomic_load(&listed->known);
	return listed == NULL ? NULL : &listed->node;
}

ANAME_WARM aname_node_t *aname_nodes_get(const aname_query_t *query, const knot_dname_t *owner)
{
	size_t len = knot_dname_size(owner);
	uint64_t hash = hash_name(query, owner, len);
	listed_t *listed = find(atomic_load(&query->instance->nodes->names), hash, owner, len);
	if (listed == NULL) {
		listed = find_or_add(query, hash, owner, len);
	}
	return listed != NULL ? &listed->node : &query->instance->nodes->spare->node;
}

/* NSEC3. */

void aname_nodes_note_nsec3(const aname_query_t *query)
{
	const knot_rrset_t param =
	        knotd_qdata_zone_apex_rrset(query->qdata, KNOT_RRTYPE_NSEC3PARAM);
	if (query->apex || query->node == NULL || param.rrs.count == 0) {
		return;
	}
	listed_t *listed = (listed_t *)query->node;
	const knot_rdata_t *rdata = param.rrs.rdata;
	uint64_t mixed = aname_shared_hash(query->instance->shared->seed, rdata->data, rdata->len);
	uint32_t salt = (uint32_t)(mixed ^ mixed >> 32) | 1;
	if (atomic_load(&listed->salt) == salt) {
		return;
	}
	aname_shared_t *shared = query->instance->shared;
	uint64_t nsec3 = aname_nsec3_begin_of(rdata, listed->name, listed->name_len);
	pthread_mutex_lock(&shared->sign_lock);
	aname_nodes_t *nodes = query->instance->nodes;
	if (find(atomic_load(&nodes->names), listed->hash, listed->name, listed->name_len) ==
	            listed &&
	    atomic_load(&listed->nsec3) != nsec3) {
		buckets_t *buckets = atomic_load(&nodes->nsec3);
		atomic_fetch_add(&nodes->moving, 1);
		unlink_nsec3(buckets, listed);
		atomic_store(&listed->nsec3, nsec3);
		if (nsec3 != 0) {
			link_nsec3(buckets, listed);
		}
		atomic_fetch_add(&nodes->moving, 1);
	}
	atomic_store(&listed->salt, salt);
	pthread_mutex_unlock(&shared->sign_lock);
}

bool aname_nodes_has_nsec3(const aname_node_t *node)
{
	return atomic_load(&((const listed_t *)node)->nsec3) != 0;
}

const knot_dname_t *aname_nodes_find_nsec3(const aname_query_t *query, const knot_dname_t *owner)
{
	aname_nodes_t *nodes = query->instance->nodes;
	uint64_t begin = aname_nsec3_begin_at(owner);
	if (begin == 0) {
		return NULL;
	}
	uint32_t moving = atomic_load(&nodes->moving);
	const listed_t *listed = find_nsec3(atomic_load(&nodes->nsec3), begin);
	if (listed == NULL && ((moving & 1) != 0 || atomic_load(&nodes->moving) != moving)) {
		pthread_mutex_lock(&query->instance->shared->sign_lock);
		listed = find_nsec3(atomic_load(&nodes->nsec3), begin);
		pthread_mutex_unlock(&query->instance->shared->sign_lock);
	}
	return listed != NULL ? listed->name : NULL;
}
