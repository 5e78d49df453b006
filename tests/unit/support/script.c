#include "support/script.h"

#include <libknot/errcode.h>

#include "support/clock.h"
#include "support/test.h"
#include "table/clock.h"

/* Whose resolver is being made: the interface passes no context. */
static script_t *being_made;

/*! One resolver: each upstream has its own, and all do what the script says. */
typedef struct {
	aname_resolver_t base;
	script_t *script;
} resolver_t;

static script_t *script_of(const aname_resolver_t *resolver)
{
	return ((const resolver_t *)resolver)->script;
}

/*! Takes a lookup off the list: it ends with the result that it has. */
static void end(script_t *script, script_lookup_t *lookup)
{
	script_lookup_t **at = &script->pending;
	while (*at != lookup) {
		assert_non_null(*at);
		at = &(*at)->next;
	}
	*at = lookup->next;
	script->pending_count--;
	script->cancelled += lookup->cancelled;
	script->ended++;
	aname_resolver_defer(&lookup->base);
}

static void enter(script_t *script)
{
	script->inside++;
	while (script->at_once && script->pending != NULL) {
		script->pending->base.result = (aname_result_t){ .failure = ANAME_FAILURE_NETWORK,
			                                         .ttl = ANAME_TTL_UNKNOWN };
		end(script, script->pending);
	}
}

static void leave(script_t *script)
{
	enter(script); /* What was started meanwhile may end at once, too. */
	script->inside -= 2;
}

/*! What is delivered comes from the loop alone. */
static void on_done(void *owner, void *ctx, const aname_result_t *result)
{
	script_t *script = owner;
	assert_int_equal(script->inside, 0);
	script->delivered++;
	script->done(script->owner, ctx, result);
}

static int script_start(aname_resolver_t *resolver, const aname_question_t *question, void *ctx,
                        aname_lookup_t **out)
{
	script_t *script = script_of(resolver);
	if (script->refuse != KNOT_EOK) {
		return script->refuse;
	}
	script_lookup_t *lookup = calloc(1, sizeof(*lookup));
	if (lookup == NULL) {
		return KNOT_ENOMEM;
	}
	enter(script);
	lookup->base.resolver = resolver;
	lookup->base.ctx = ctx;
	lookup->name.len = knot_dname_size(question->name);
	memcpy(lookup->name.at, question->name, lookup->name.len);
	lookup->type = question->type;
	lookup->for_subnet = question->client != NULL;
	if (lookup->for_subnet) {
		lookup->client = *question->client;
	}
	lookup->started_ms = aname_clock_ms();
	lookup->next = script->pending;
	script->pending = lookup;
	script->pending_count++;
	script->started++;
	leave(script);
	*out = &lookup->base;
	return KNOT_EOK;
}

static void script_cancel(aname_lookup_t *lookup)
{
	script_t *script = script_of(lookup->resolver);
	enter(script);
	((script_lookup_t *)lookup)->cancelled = true;
	leave(script);
}

static void script_release(aname_lookup_t *lookup)
{
	free(lookup);
}

static unsigned script_capacity(const aname_resolver_t *resolver)
{
	script_t *script = script_of(resolver);
	enter(script);
	leave(script);
	return script->capacity;
}

static void script_free(aname_resolver_t *resolver)
{
	script_of(resolver)->freed++;
	aname_resolver_free(resolver, NULL);
}

static void script_retune(aname_resolver_t *resolver, const aname_schedule_t *schedule)
{
	script_of(resolver)->schedule = *schedule;
}

static const aname_resolver_api_t script_api = {
	.name = "script",
	.start = script_start,
	.cancel = script_cancel,
	.release = script_release,
	.capacity = script_capacity,
	.retune = script_retune,
	.free = script_free,
};

static aname_resolver_t *make_script(uv_loop_t *loop, const aname_source_t *source,
                                     const aname_schedule_t *schedule, aname_resolved_f done,
                                     void *owner)
{
	script_t *script = being_made;
	resolver_t *resolver = calloc(1, sizeof(*resolver));
	if (resolver == NULL) {
		return NULL;
	}
	resolver->script = script;
	script->made++;
	script->schedule = *schedule;
	aname_resolver_init(&resolver->base, &script_api, loop, on_done, script);
	script->done = done;
	script->owner = owner;
	return &resolver->base;
}

/*! Options with this schedule, held; NULL if out of memory. */
static const aname_options_t *hold(scripted_t *scripted, const aname_schedule_t *schedule)
{
	aname_options_t *options = make_options_or_null();
	if (options == NULL) {
		return NULL;
	}
	options->schedule = *schedule;
	/* A server, which tells a failure from silence; the system's resolver does not. */
	options->source.servers_count = scripted->server != 0;
	options->source.servers[0] =
	        (aname_server_t){ .len = scripted->server != 0 ? 4 : 0, .port = scripted->server };
	return aname_shared_hold(scripted->shared, options, &scripted->upstream);
}

void scripted_change(scripted_t *scripted, const aname_schedule_t *schedule)
{
	const aname_options_t *before = scripted->options;
	scripted->schedule = *schedule;
	scripted->options = hold(scripted, schedule);
	assert_non_null(scripted->options);
	aname_shared_unhold(scripted->shared, before);
}

static aname_interest_t interest_of(const scripted_t *scripted, uint32_t record_ttl)
{
	aname_interest_t interest =
	        aname_interest(&scripted->schedule, record_ttl, aname_clock_ms() / 1000);
	interest.zone = scripted->zone;
	return interest;
}

void scripted_touch(scripted_t *scripted, aname_entry_t *entry, uint32_t record_ttl)
{
	aname_entry_touch(aname_table_charges(scripted->shared->table), entry,
	                  interest_of(scripted, record_ttl), aname_clock_ms() / 1000);
}

bool scripted_try_init(scripted_t *scripted, const aname_schedule_t *schedule,
                       const aname_limits_t *limits)
{
	*scripted = (scripted_t){
		.schedule = schedule != NULL ? *schedule : make_schedule,
		.limits = limits != NULL
		                  ? *limits
		                  : (aname_limits_t){ 4, 10000, 1000, 1000000, 1000, 100, 1000 },
	};
	assert_int_equal(uv_loop_init(&scripted->loop), 0);
	scripted->shared = aname_shared_new(NULL, NULL);
	if (scripted->shared != NULL) {
		scripted->options = hold(scripted, &scripted->schedule);
		being_made = &scripted->script;
		being_made->capacity = 1000;
		scripted->refresh =
		        aname_refresh_new(scripted->shared, &scripted->loop, make_script);
	}
	if (scripted->options == NULL || scripted->refresh == NULL) {
		scripted_deinit(scripted);
		return false;
	}
	aname_limits_differ_t differ = aname_refresh_limit(scripted->refresh, &scripted->limits);
	assert_false(differ.max_targets || differ.max_lookups || differ.lookup_rate);
	aname_refresh_resume(scripted->refresh);
	return true;
}

void scripted_init(scripted_t *scripted, const aname_schedule_t *schedule,
                   const aname_limits_t *limits)
{
	assert_true(scripted_try_init(scripted, schedule, limits));
}

void scripted_deinit(scripted_t *scripted)
{
	if (scripted->refresh != NULL) {
		aname_refresh_pause(scripted->refresh);
		while (scripted->script.pending != NULL) {
			scripted_fail(scripted, scripted->script.pending, ANAME_FAILURE_TIMEOUT);
		}
		assert_int_equal(aname_refresh_running(scripted->refresh), 0);
		aname_refresh_free(scripted->refresh);
		assert_int_equal(scripted->script.freed, scripted->script.made);
		(void)uv_run(&scripted->loop, UV_RUN_NOWAIT);
	}
	assert_int_equal(uv_loop_close(&scripted->loop), 0);
	aname_shared_free(scripted->shared);
}

void scripted_ask(scripted_t *scripted, const name_t *name, uint16_t type, uint32_t record_ttl)
{
	const aname_key_t key = make_key(scripted->upstream, name, type);
	(void)aname_queue_push(scripted->shared->queue, &key, NULL,
	                       aname_table_hash(scripted->shared->table, &key),
	                       interest_of(scripted, record_ttl));
	aname_refresh_wake(scripted->refresh);
}

void scripted_ask_client(scripted_t *scripted, const name_t *name, uint16_t type,
                         uint32_t record_ttl, const aname_subnet_t *client)
{
	if (scripted_find(scripted, name, type) == NULL) {
		scripted_ask(scripted, name, type, record_ttl);
	}
	const aname_key_t key = make_key(scripted->upstream, name, type);
	uint64_t hash = aname_table_hash(scripted->shared->table, &key);
	(void)aname_queue_push(scripted->shared->queue, &key, client,
	                       aname_table_subnet_hash(scripted->shared->table, hash, client),
	                       interest_of(scripted, record_ttl));
	aname_refresh_wake(scripted->refresh);
}

aname_entry_t *scripted_find(scripted_t *scripted, const name_t *name, uint16_t type)
{
	const aname_key_t key = make_key(scripted->upstream, name, type);
	return aname_table_find(scripted->shared->table, &key,
	                        aname_table_hash(scripted->shared->table, &key));
}

void scripted_skip(scripted_t *scripted, int64_t by_ms)
{
	clock_skip(by_ms);
	aname_refresh_wake(scripted->refresh);
}

script_lookup_t *scripted_pending(scripted_t *scripted, const name_t *name, uint16_t type)
{
	script_lookup_t *lookup = scripted->script.pending;
	while (lookup != NULL && !(lookup->type == type && !lookup->for_subnet &&
	                           knot_dname_is_equal(lookup->name.at, name->at))) {
		lookup = lookup->next;
	}
	return lookup;
}

script_lookup_t *scripted_pending_client(scripted_t *scripted, const name_t *name, uint16_t type,
                                         const aname_subnet_t *client)
{
	script_lookup_t *lookup = scripted->script.pending;
	while (lookup != NULL && !(lookup->type == type && lookup->for_subnet &&
	                           aname_subnet_equal(&lookup->client, client) &&
	                           knot_dname_is_equal(lookup->name.at, name->at))) {
		lookup = lookup->next;
	}
	return lookup;
}

void scripted_end(scripted_t *scripted, script_lookup_t *lookup, const aname_result_t *result)
{
	unsigned delivered = scripted->script.delivered;
	lookup->base.result = *result;
	end(&scripted->script, lookup);
	assert_int_equal(scripted->script.delivered, delivered);
	(void)uv_run(&scripted->loop, UV_RUN_NOWAIT);
	assert_int_equal(scripted->script.delivered, delivered + 1);
}

void scripted_settle(scripted_t *scripted)
{
	while (scripted->script.ended > scripted->script.delivered) {
		(void)uv_run(&scripted->loop, UV_RUN_NOWAIT);
	}
}

void scripted_resolve(scripted_t *scripted, script_lookup_t *lookup, uint32_t first, uint32_t count,
                      uint32_t ttl)
{
	assert_non_null(lookup);
	uint16_t len = lookup->type == KNOT_RRTYPE_A ? 4 : 16;
	static uint8_t addresses[4096 * 16];
	assert_true(count <= 4096);
	for (uint32_t i = 0; i < count; i++) {
		make_address(addresses + (size_t)i * len, len, first + i);
	}
	const aname_result_t result = { .known = count > 0 ? ANAME_KNOWN_ADDRESSES
		                                           : ANAME_KNOWN_NODATA,
		                        .ttl = ttl,
		                        .address_len = len,
		                        .count = count,
		                        .addresses = addresses };
	scripted_end(scripted, lookup, &result);
}

void scripted_resolve_scope(scripted_t *scripted, script_lookup_t *lookup, uint32_t address,
                            uint32_t ttl, uint8_t scope)
{
	assert_non_null(lookup);
	uint8_t octets[16];
	uint16_t len = lookup->type == KNOT_RRTYPE_A ? 4 : 16;
	make_address(octets, len, address);
	const aname_result_t result = { .known = ANAME_KNOWN_ADDRESSES,
		                        .ttl = ttl,
		                        .address_len = len,
		                        .count = 1,
		                        .addresses = octets,
		                        .scope = scope };
	scripted_end(scripted, lookup, &result);
}

void scripted_resolve_names(scripted_t *scripted, script_lookup_t *lookup, const name_t *last,
                            const name_t *names, uint32_t count)
{
	assert_non_null(lookup);
	static uint8_t list[64 * KNOT_DNAME_MAXLEN];
	size_t len = 0;
	assert_true(count <= 64);
	for (uint32_t i = 0; i < count; i++) {
		memcpy(list + len, names[i].at, names[i].len);
		len += names[i].len;
	}
	const aname_result_t result = { .known = count > 0 ? ANAME_KNOWN_ADDRESSES
		                                           : ANAME_KNOWN_NODATA,
		                        .count = count,
		                        .addresses = list,
		                        .last = last != NULL ? last->at : NULL };
	scripted_end(scripted, lookup, &result);
}

void scripted_fail(scripted_t *scripted, script_lookup_t *lookup, aname_failure_t failure)
{
	assert_non_null(lookup);
	const aname_result_t result = { .failure = failure, .ttl = ANAME_TTL_UNKNOWN };
	scripted_end(scripted, lookup, &result);
}

/* What the service says. */

typedef struct {
	const char *text;
	unsigned count;
} ear_t;

static void hear(void *ctx, int priority, const char *message)
{
	ear_t *ear = ctx;
	ear->count += strstr(message, ear->text) != NULL;
}

unsigned scripted_heard(scripted_t *scripted, const char *text)
{
	ear_t ear = { .text = text };
	const aname_log_t log = { hear, &ear };
	aname_logbook_read(scripted->shared->logbook, &log, aname_clock_ms());
	return ear.count;
}
