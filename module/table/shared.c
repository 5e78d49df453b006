#include "table/shared.h"

#include <stdlib.h>
#include <string.h>

#include "fnv.h"
#include "table/clock.h"

aname_shared_t *aname_shared_new(aname_queue_wake_f wake, void *wake_ctx)
{
	aname_shared_t *shared = calloc(1, sizeof(*shared));
	if (shared == NULL) {
		return NULL;
	}
	pthread_mutex_init(&shared->lock, NULL);
	pthread_mutex_init(&shared->sign_lock, NULL);
	aname_hash_new_key(&shared->hash_key);
	shared->seed = shared->hash_key.begin;
	shared->wake = wake;
	shared->wake_ctx = wake_ctx;
	shared->epoch = aname_epoch_new();
	shared->table = shared->epoch != NULL ? aname_table_new(shared->epoch) : NULL;
	shared->sign_bin = shared->epoch != NULL ? aname_bin_new(shared->epoch) : NULL;
	shared->queue = aname_queue_new(wake, wake_ctx);
	shared->secrets = aname_secrets_new(wake, wake_ctx);
	shared->waiters = aname_waiters_new();
	shared->logbook = aname_logbook_new();
	shared->owners = aname_owners_new();
	shared->zones = aname_zones_new();
	shared->workers = aligned_alloc(_Alignof(aname_worker_t),
	                                ANAME_WORKERS_MAX * sizeof(*shared->workers));
	/* Pages that no worker uses are never written to. */
	shared->decisions = calloc(ANAME_WORKERS_MAX, ANAME_WORKER_DECISIONS_SIZE);
	shared->signing = calloc(ANAME_WORKERS_MAX, sizeof(*shared->signing));
	if (shared->decisions == NULL || shared->signing == NULL || shared->table == NULL ||
	    shared->queue == NULL || shared->waiters == NULL || shared->logbook == NULL ||
	    shared->workers == NULL || shared->sign_bin == NULL || shared->secrets == NULL ||
	    shared->owners == NULL || shared->zones == NULL) {
		aname_shared_free(shared);
		return NULL;
	}
	for (unsigned i = 0; i < ANAME_WORKERS_MAX; i++) {
		shared->workers[i] = (aname_worker_t){
			.decisions = shared->decisions + (size_t)i * ANAME_WORKER_DECISIONS_SIZE,
			.signing = &shared->signing[i],
			.keep = UINT32_MAX,
			.way = ANAME_WAY_OUT,
		};
	}
	return shared;
}

void aname_shared_free(aname_shared_t *shared)
{
	if (shared == NULL) {
		return;
	}
	while (shared->options != NULL) {
		aname_held_options_t *next = shared->options->next;
		aname_options_free(shared->options->options);
		free(shared->options);
		shared->options = next;
	}
	while (shared->upstreams != NULL) {
		aname_upstream_t *next = shared->upstreams->next;
		free(shared->upstreams);
		shared->upstreams = next;
	}
	while (shared->definitions.first != NULL) {
		aname_definition_t *next = shared->definitions.first->next;
		free(shared->definitions.first);
		shared->definitions.first = next;
	}
	aname_bin_free(shared->sign_bin); /* Lets keys go. */
	aname_secrets_free(shared->secrets);
	pthread_mutex_destroy(&shared->sign_lock);
	pthread_mutex_destroy(&shared->lock);
	free(shared->workers);
	free(shared->decisions);
	free(shared->signing);
	aname_logbook_free(shared->logbook);
	aname_owners_free(shared->owners);
	aname_zones_free(shared->zones);
	aname_waiters_free(shared->waiters);
	aname_queue_free(shared->queue);
	aname_table_free(shared->table);
	aname_epoch_free(shared->epoch);
	free(shared);
}

/*! Tells the service that options came or went. */
static void notify_service(aname_shared_t *shared)
{
	atomic_store(&shared->options_changed, true);
	if (shared->wake != NULL) {
		shared->wake(shared->wake_ctx);
	}
}

/*! The options as they are held already; NULL if they are not. */
static aname_held_options_t *find_held(aname_shared_t *shared, const aname_options_t *options)
{
	aname_held_options_t *held = shared->options;
	while (held != NULL && !aname_options_equal(held->options, options)) {
		held = held->next;
	}
	return held;
}

/*! Finds what the options have probed, or makes it; false if out of memory. */
static bool find_definition(aname_shared_t *shared, const aname_options_t *options,
                            aname_definition_t **definition)
{
	if (options->probe.kind == ANAME_PROBE_OFF) {
		*definition = NULL;
		return true;
	}
	*definition = aname_definition_find(&shared->definitions, &options->probe);
	return *definition != NULL;
}

/*! Holds options that nobody has held before; NULL if out of memory. */
static aname_held_options_t *hold_new(aname_shared_t *shared, aname_options_t *options)
{
	aname_held_options_t *held = malloc(sizeof(*held));
	aname_upstream_t *upstream =
	        held != NULL ? aname_upstream_find(&shared->upstreams, &options->source) : NULL;
	aname_definition_t *definition = NULL;
	if (upstream == NULL || !find_definition(shared, options, &definition)) {
		free(held);
		return NULL;
	}
	upstream->holders++;
	shared->options_id += shared->options_id == UINT32_MAX ? 2 : 1;
	options->id = shared->options_id;
	if (definition != NULL) {
		definition->holders++;
		options->definition = definition->id;
	}
	*held = (aname_held_options_t){ .options = options,
		                        .upstream = upstream,
		                        .definition = definition,
		                        .next = shared->options };
	shared->options = held;
	notify_service(shared);
	return held;
}

const aname_options_t *aname_shared_hold(aname_shared_t *shared, aname_options_t *options,
                                         const aname_upstream_t **upstream)
{
	pthread_mutex_lock(&shared->lock);
	const aname_options_t *ret = NULL;
	aname_held_options_t *held = find_held(shared, options);
	held = held != NULL ? held : hold_new(shared, options);
	if (held != NULL) {
		held->holders++;
		shared->holds++;
		atomic_store(&shared->moved_ms, aname_clock_ms());
		held->origin = options->origin;
		*upstream = held->upstream;
		ret = held->options;
	}
	pthread_mutex_unlock(&shared->lock);
	if (ret != options) {
		aname_options_free(options);
	}
	return ret;
}

static bool same_origin(const aname_origin_t *before, const aname_origin_t *now)
{
	int64_t age_ms = now->at_ms - before->at_ms;
	return before->known && now->known && age_ms >= 0 && age_ms < ANAME_ORIGIN_MS &&
	       before->checks == now->checks && pthread_equal(before->reader, now->reader) &&
	       before->id_len > 0 && before->id_len == now->id_len &&
	       memcmp(before->id, now->id, before->id_len) == 0;
}

const aname_options_t *aname_shared_recall(aname_shared_t *shared, const aname_origin_t *origin,
                                           const aname_upstream_t **upstream)
{
	pthread_mutex_lock(&shared->lock);
	aname_held_options_t *held = shared->options;
	while (held != NULL && !same_origin(&held->origin, origin)) {
		held = held->next;
	}
	const aname_options_t *ret = NULL;
	if (held != NULL) {
		held->holders++;
		shared->holds++;
		atomic_store(&shared->moved_ms, aname_clock_ms());
		*upstream = held->upstream;
		ret = held->options;
	}
	pthread_mutex_unlock(&shared->lock);
	return ret;
}

/*! One holder less. Under the lock. */
static void let_go(aname_shared_t *shared, const aname_options_t *options)
{
	aname_held_options_t **at = &shared->options;
	while (*at != NULL && (*at)->options != options) {
		at = &(*at)->next;
	}
	aname_held_options_t *held = *at;
	if (held != NULL && --held->holders == 0) {
		*at = held->next;
		held->upstream->holders--;
		held->upstream->left = shared->holds;
		if (held->definition != NULL) {
			held->definition->holders--;
			held->definition->left = shared->holds;
		}
		aname_options_free(held->options);
		free(held);
		notify_service(shared);
	}
}

void aname_shared_unhold(aname_shared_t *shared, const aname_options_t *options)
{
	pthread_mutex_lock(&shared->lock);
	atomic_store(&shared->moved_ms, aname_clock_ms());
	let_go(shared, options);
	pthread_mutex_unlock(&shared->lock);
}

const aname_options_t *aname_shared_borrow(aname_shared_t *shared, uint32_t id,
                                           const aname_upstream_t **upstream)
{
	pthread_mutex_lock(&shared->lock);
	aname_held_options_t *held = shared->options;
	while (held != NULL && held->options->id != id) {
		held = held->next;
	}
	if (held != NULL) {
		held->holders++;
		*upstream = held->upstream;
	}
	pthread_mutex_unlock(&shared->lock);
	return held != NULL ? held->options : NULL;
}

void aname_shared_give_back(aname_shared_t *shared, const aname_options_t *options)
{
	pthread_mutex_lock(&shared->lock);
	let_go(shared, options);
	pthread_mutex_unlock(&shared->lock);
}

/* What the service makes of it. */

/*! Adds up what counts for each upstream that is held. */
static void add_up(aname_shared_t *shared)
{
	for (aname_upstream_t *upstream = shared->upstreams; upstream != NULL;
	     upstream = upstream->next) {
		upstream->counted = 0;
	}
	for (aname_held_options_t *held = shared->options; held != NULL; held = held->next) {
		aname_upstream_t *upstream = held->upstream;
		aname_upstream_add_terms(&upstream->terms, &held->options->schedule,
		                         upstream->counted++ == 0);
	}
}

int64_t aname_shared_note_upstreams(aname_shared_t *shared, bool settled, int64_t now_ms,
                                    void (*changed)(void *ctx, aname_upstream_t *upstream),
                                    void *ctx)
{
	int64_t release_ms = INT64_MAX;
	pthread_mutex_lock(&shared->lock);
	add_up(shared);
	for (aname_upstream_t *upstream = shared->upstreams; upstream != NULL;
	     upstream = upstream->next) {
		upstream->held = upstream->holders > 0;
		if (upstream->held) {
			upstream->unheld_ms = 0;
		} else if (upstream->unheld_ms == 0 &&
		           (settled || upstream->left < shared->holds)) {
			upstream->unheld_ms = now_ms;
		}
		if (upstream->unheld_ms != 0 &&
		    upstream->unheld_ms + ANAME_UPSTREAM_KEEP_MS < release_ms) {
			release_ms = upstream->unheld_ms + ANAME_UPSTREAM_KEEP_MS;
		}
		changed(ctx, upstream);
	}
	pthread_mutex_unlock(&shared->lock);
	return release_ms;
}

aname_upstream_t *aname_shared_await_upstream(aname_shared_t *shared, const aname_source_t *source,
                                              int64_t now_ms)
{
	pthread_mutex_lock(&shared->lock);
	aname_upstream_t *upstream = aname_upstream_find(&shared->upstreams, source);
	/* Neither held nor given up: it was made just now. */
	if (upstream != NULL && upstream->holders == 0 && upstream->unheld_ms == 0) {
		upstream->unheld_ms = now_ms;
		upstream->awaited = true;
	}
	pthread_mutex_unlock(&shared->lock);
	return upstream;
}

aname_upstream_t *aname_shared_upstream_after(aname_shared_t *shared,
                                              const aname_upstream_t *upstream)
{
	pthread_mutex_lock(&shared->lock);
	aname_upstream_t *after = upstream != NULL ? upstream->next : shared->upstreams;
	pthread_mutex_unlock(&shared->lock);
	return after;
}

aname_upstream_t *aname_shared_release_upstream(aname_shared_t *shared, int64_t now_ms)
{
	pthread_mutex_lock(&shared->lock);
	aname_upstream_t *upstream = aname_upstream_take_out(&shared->upstreams, now_ms);
	pthread_mutex_unlock(&shared->lock);
	return upstream;
}

int64_t aname_shared_note_definitions(aname_shared_t *shared, bool settled, int64_t now_ms,
                                      bool *given_up)
{
	int64_t release_ms = INT64_MAX;
	*given_up = false;
	pthread_mutex_lock(&shared->lock);
	for (aname_definition_t *definition = shared->definitions.first; definition != NULL;
	     definition = definition->next) {
		if (definition->holders > 0) {
			definition->unheld_ms = 0;
			definition->awaited = false;
		} else if (definition->unheld_ms == 0 &&
		           (settled || definition->left < shared->holds)) {
			definition->unheld_ms = now_ms;
			*given_up = true;
		}
		if (definition->unheld_ms != 0 &&
		    definition->unheld_ms + ANAME_DEFINITION_KEEP_MS < release_ms) {
			release_ms = definition->unheld_ms + ANAME_DEFINITION_KEEP_MS;
		}
	}
	pthread_mutex_unlock(&shared->lock);
	return release_ms;
}

const aname_definition_t *aname_shared_await_definition(aname_shared_t *shared,
                                                        const aname_probe_t *probe, int64_t now_ms)
{
	pthread_mutex_lock(&shared->lock);
	aname_definition_t *definition = aname_definition_find(&shared->definitions, probe);
	if (definition != NULL && definition->holders == 0 && definition->unheld_ms == 0) {
		definition->unheld_ms = now_ms;
		definition->awaited = true;
	}
	pthread_mutex_unlock(&shared->lock);
	return definition;
}

const aname_definition_t *aname_shared_definition(aname_shared_t *shared, uint32_t id)
{
	pthread_mutex_lock(&shared->lock);
	const aname_definition_t *definition = shared->definitions.first;
	while (definition != NULL && definition->id != id) {
		definition = definition->next;
	}
	pthread_mutex_unlock(&shared->lock);
	return definition;
}

aname_definition_t *aname_shared_definition_after(aname_shared_t *shared,
                                                  const aname_definition_t *definition)
{
	pthread_mutex_lock(&shared->lock);
	aname_definition_t *after =
	        definition != NULL ? definition->next : shared->definitions.first;
	pthread_mutex_unlock(&shared->lock);
	return after;
}

bool aname_shared_may_probe(aname_shared_t *shared, const aname_upstream_t *upstream, uint32_t id,
                            const uint8_t *address, uint8_t len)
{
	pthread_mutex_lock(&shared->lock);
	const aname_held_options_t *held = shared->options;
	while (held != NULL && (held->upstream != upstream || held->options->definition != id ||
	                        aname_nets_match(&held->options->deny_address, address, len))) {
		held = held->next;
	}
	pthread_mutex_unlock(&shared->lock);
	return held != NULL;
}

aname_definition_t *aname_shared_release_definition(aname_shared_t *shared, int64_t now_ms)
{
	pthread_mutex_lock(&shared->lock);
	aname_definition_t *definition = aname_definition_take_out(&shared->definitions, now_ms);
	pthread_mutex_unlock(&shared->lock);
	return definition;
}

uint64_t aname_shared_content(const aname_shared_t *shared, uint64_t before, const void *data,
                              size_t len)
{
	const aname_hash_key_t *key = &shared->hash_key;
	uint64_t hash = aname_hash_word(before & ANAME_HASH_PRIME, len, key);
	return aname_hash_end(aname_hash_octets(hash, len > 0 ? data : "", len, key));
}

uint32_t aname_shared_zone(const aname_shared_t *shared, const knot_dname_t *zone)
{
	const aname_hash_key_t *key = &shared->hash_key;
	size_t len = knot_dname_size(zone);
	uint64_t hash = aname_hash_word(key->begin, len, key);
	uint32_t id = aname_hash_end(aname_hash_octets(hash, zone, len, key)) >> 32;
	return id | (id == 0);
}

uint64_t aname_shared_hash(uint64_t seed, const void *data, size_t len)
{
	return aname_fnv(seed ^ ANAME_FNV_BASIS, data, len);
}
