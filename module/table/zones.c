#include "table/zones.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "table/tally.h"

/*! Buckets at first. */
#define BUCKETS_MIN 64
/*! What a hash has that stands in place of a list. */
#define ONE         UINT64_C(1)

typedef aname_zone_t zone_t;

struct aname_zones {
	pthread_mutex_t lock; /*!< Guards all of it. */
	zone_t **buckets;
	size_t buckets_count; /*!< A power of two. */
	size_t count;         /*!< Zones, of several instances each one. */
	aname_tally_t named;  /*!< By how many zones each target is. */
	atomic_size_t unable; /*!< Zones for which the module cannot sign; not under the lock. */
	_Atomic uint64_t replaced; /*!< See aname_zones_replaced(); read without the lock. */
};

aname_zones_t *aname_zones_new(void)
{
	aname_zones_t *zones = calloc(1, sizeof(*zones));
	if (zones == NULL) {
		return NULL;
	}
	zones->buckets = calloc(BUCKETS_MIN, sizeof(zone_t *));
	if (zones->buckets == NULL) {
		free(zones);
		return NULL;
	}
	zones->buckets_count = BUCKETS_MIN;
	pthread_mutex_init(&zones->lock, NULL);
	return zones;
}

void aname_zones_free(aname_zones_t *zones)
{
	if (zones == NULL) {
		return;
	}
	aname_tally_deinit(&zones->named);
	pthread_mutex_destroy(&zones->lock);
	free(zones->buckets);
	free(zones);
}

/* The targets of a zone. */

/*! A list of them, where there are several. */
typedef struct {
	uint64_t count;
	uint64_t at[];
} list_t;

static uint64_t targets_of(const aname_named_t *named)
{
	return atomic_load_explicit(&named->targets, memory_order_relaxed);
}

/*! The hashes, of which there are `count`; `one` has room for the only one. */
static const uint64_t *hashes_of(uint64_t targets, uint64_t *one, size_t *count)
{
	const list_t *list = (const list_t *)(uintptr_t)targets;
	*one = targets;
	*count = targets == 0 ? 0 : (targets & ONE) != 0 ? 1 : list->count;
	return *count == 0 || (targets & ONE) != 0 ? one : list->at;
}

/*! What is counted: the target as it is looked up from there. */
static uint64_t key_of(const aname_upstream_t *upstream, uint64_t target)
{
	return (target | ONE) ^ ((uint64_t)(uintptr_t)upstream * 0x9e3779b97f4a7c15);
}

/*! Counts the targets of a node, for which there is room, or no longer. */
static void count_targets(aname_zones_t *zones, const aname_named_t *named, bool counts)
{
	uint64_t one;
	size_t count;
	const uint64_t *at = hashes_of(targets_of(named), &one, &count);
	for (size_t i = 0; i < count; i++) {
		uint64_t key = key_of(named->upstream, at[i]);
		if (counts) {
			aname_tally_add(&zones->named, key);
		} else {
			aname_tally_remove(&zones->named, key);
		}
	}
}

/*! Puts hashes into the form of aname_zone_t, and makes room for counting them; 0 if there are none,
 *  or no memory. */
static uint64_t pack(aname_zones_t *zones, const aname_zone_targets_t *targets)
{
	if (!aname_tally_reserve(&zones->named, targets->count)) {
		return 0;
	}
	if (targets->count < 2) {
		return targets->count == 0 ? 0 : targets->at[0] | ONE;
	}
	list_t *list = malloc(sizeof(*list) + targets->count * sizeof(list->at[0]));
	if (list == NULL) {
		return 0;
	}
	list->count = targets->count;
	for (unsigned i = 0; i < targets->count; i++) {
		list->at[i] = targets->at[i] | ONE;
	}
	return (uintptr_t)list;
}

static void free_packed(uint64_t targets)
{
	if ((targets & ONE) == 0) {
		free((void *)(uintptr_t)targets);
	}
}

/*! Are these the targets that it has? */
static bool is_same(uint64_t packed, const aname_zone_targets_t *targets)
{
	uint64_t one;
	size_t count;
	const uint64_t *at = hashes_of(packed, &one, &count);
	size_t i = 0;
	while (i < count && count == targets->count && at[i] == (targets->at[i] | ONE)) {
		i++;
	}
	return i == targets->count && i == count;
}

/* The zones. */

static zone_t **bucket_of(const aname_zones_t *zones, uint64_t name)
{
	return &zones->buckets[name & (zones->buckets_count - 1)];
}

/*! The link to the first zone of a name from a link on; the last link if there is none. */
static zone_t **find(zone_t **link, uint64_t name)
{
	while (*link != NULL && (*link)->name != name) {
		link = &(*link)->next;
	}
	return link;
}

/*! Twice as many buckets, if it is time; without memory the chains become longer. */
static void widen(aname_zones_t *zones)
{
	size_t size = 2 * zones->buckets_count;
	zone_t **buckets =
	        zones->count < zones->buckets_count ? NULL : calloc(size, sizeof(*buckets));
	if (buckets == NULL) {
		return;
	}
	zone_t **before = zones->buckets;
	size_t count = zones->buckets_count;
	zones->buckets = buckets;
	zones->buckets_count = size;
	for (size_t i = 0; i < count; i++) {
		/* Those of one name stay in order: each goes behind all that are there. */
		for (zone_t *zone = before[i], *next; zone != NULL; zone = next) {
			zone_t **link = bucket_of(zones, zone->name);
			while (*link != NULL) {
				link = &(*link)->next;
			}
			next = zone->next;
			zone->next = NULL;
			*link = zone;
		}
	}
	free(before);
}

/*! Has a zone take over what is known of another one by its name, which asks another upstream,
 *  perhaps. */
static void take_over(aname_zones_t *zones, aname_named_t *named, aname_named_t *from)
{
	uint64_t targets = targets_of(from);
	if (targets_of(named) != 0 || targets == 0) {
		return;
	}
	count_targets(zones, from, false);
	atomic_store_explicit(&from->targets, 0, memory_order_relaxed);
	atomic_store_explicit(&named->targets, targets, memory_order_relaxed);
	count_targets(zones, named, true);
}

void aname_zones_add(aname_zones_t *zones, aname_zone_t *zone, uint64_t name)
{
	pthread_mutex_lock(&zones->lock);
	zone->name = name;
	zone_t **bucket = bucket_of(zones, name), *before = *find(bucket, name);
	zone->next = *bucket;
	*bucket = zone;
	if (before != NULL) {
		if (before->options != zone->options) {
			atomic_fetch_add(&zones->replaced, 1);
		}
		take_over(zones, &zone->named, &before->named);
	} else {
		zones->count++;
		widen(zones);
	}
	pthread_mutex_unlock(&zones->lock);
}

void aname_zones_drop(aname_zones_t *zones, aname_zone_t *zone)
{
	pthread_mutex_lock(&zones->lock);
	zone_t **link = bucket_of(zones, zone->name);
	while (*link != NULL && *link != zone) {
		link = &(*link)->next;
	}
	if (*link == zone) {
		*link = zone->next;
		zone_t *other = *find(bucket_of(zones, zone->name), zone->name);
		if (other != NULL) {
			take_over(zones, &other->named, &zone->named);
		} else {
			zones->count--;
		}
		count_targets(zones, &zone->named, false);
		free_packed(targets_of(&zone->named));
		atomic_store_explicit(&zone->named.targets, 0, memory_order_relaxed);
		aname_zones_unable(zones, zone, false);
	}
	pthread_mutex_unlock(&zones->lock);
}

void aname_zones_unable(aname_zones_t *zones, aname_zone_t *zone, bool unable)
{
	/* Written when it changes only: it is looked at with each query of the zone. */
	if (atomic_load_explicit(&zone->unable, memory_order_relaxed) == unable ||
	    atomic_exchange(&zone->unable, unable) == unable) {
		return;
	}
	if (unable) {
		atomic_fetch_add(&zones->unable, 1);
	} else {
		atomic_fetch_sub(&zones->unable, 1);
	}
}

size_t aname_zones_unable_count(const aname_zones_t *zones)
{
	/* The one that takes it off may come before the one that adds it. */
	size_t count = atomic_load(&zones->unable);
	return count <= SIZE_MAX / 2 ? count : 0;
}

void aname_zones_note(aname_zones_t *zones, aname_named_t *named,
                      const aname_zone_targets_t *targets)
{
	pthread_mutex_lock(&zones->lock);
	uint64_t before = targets_of(named);
	if (!is_same(before, targets)) {
		count_targets(zones, named, false);
		atomic_store_explicit(&named->targets, pack(zones, targets), memory_order_relaxed);
		count_targets(zones, named, true);
		free_packed(before);
	}
	pthread_mutex_unlock(&zones->lock);
}

bool aname_zones_show(aname_zones_t *zones, uint64_t name, aname_zone_view_t *view)
{
	pthread_mutex_lock(&zones->lock);
	const zone_t *zone = *find(bucket_of(zones, name), name);
	if (zone != NULL) {
		view->upstream = zone->named.upstream;
		view->source = zone->named.upstream->source;
		view->options = zone->options;
		view->unable = atomic_load_explicit(&zone->unable, memory_order_relaxed);
	}
	pthread_mutex_unlock(&zones->lock);
	return zone != NULL;
}

bool aname_zones_name(aname_zones_t *zones, const aname_upstream_t *upstream, uint64_t target)
{
	pthread_mutex_lock(&zones->lock);
	bool named = aname_tally_count(&zones->named, key_of(upstream, target)) > 0;
	pthread_mutex_unlock(&zones->lock);
	return named;
}

uint64_t aname_zones_replaced(const aname_zones_t *zones)
{
	return atomic_load(&zones->replaced);
}

size_t aname_zones_count(aname_zones_t *zones)
{
	pthread_mutex_lock(&zones->lock);
	size_t count = zones->count;
	pthread_mutex_unlock(&zones->lock);
	return count;
}
