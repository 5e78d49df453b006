#include "recursors.h"

#include <stdlib.h>

#include <libknot/errcode.h>

recursors_t recursors;

typedef struct {
	aname_resolver_t base;
	unsigned number;
} resolver_t;

static unsigned number_of(const aname_resolver_t *resolver)
{
	return ((const resolver_t *)resolver)->number;
}

unsigned recursors_pending(const aname_resolver_t *resolver)
{
	unsigned count = 0;
	for (const lookup_t *lookup = recursors.pending; lookup != NULL; lookup = lookup->next) {
		count += lookup->base.resolver == resolver;
	}
	return count;
}

/* How lookups end. */

static void end(lookup_t *lookup)
{
	loop_never(&lookup->event);
	lookup->ends = true;
	aname_resolver_defer(&lookup->base);
}

static void fail(lookup_t *lookup, aname_failure_t failure)
{
	lookup->base.result = (aname_result_t){ .failure = failure, .ttl = ANAME_TTL_UNKNOWN };
	end(lookup);
}

/*! Without an answer: when whoever asks gives up. */
static void wait_in_vain(lookup_t *lookup)
{
	bool dns = number_of(lookup->base.resolver) != SYSTEM;
	int64_t at_ms = lookup->started_ms + (dns ? DNS_LASTS_MS : SYSTEM_LASTS_MS);
	if (at_ms > loop_now()) {
		loop_at(&lookup->event, at_ms);
	} else {
		fail(lookup, dns ? ANAME_FAILURE_TIMEOUT : ANAME_FAILURE_SERVER);
	}
}

static void answer(lookup_t *lookup, behaviour_t behaviour)
{
	const target_t *target = lookup->target;
	bool dns = target->recursor != SYSTEM;
	aname_result_t *result = &lookup->base.result;
	*result = (aname_result_t){ .known = ANAME_KNOWN_NODATA,
		                    .ttl = dns ? target->ttl : ANAME_TTL_UNKNOWN,
		                    .nxdomain = behaviour == EXISTS_NOT };
	if (behaviour == IS_BARE && dns) {
		result->bare = 1;
		result->ttl = ANAME_TTL_UNKNOWN;
	} else if (behaviour == ANSWERS) {
		result->known = ANAME_KNOWN_ADDRESSES;
		result->count = target->count;
		result->address_len = target->type == KNOT_RRTYPE_A ? 4 : 16;
		result->addresses = lookup->addresses;
		for (uint32_t i = 0; i < result->count; i++) {
			make_address(lookup->addresses + (size_t)i * result->address_len,
			             result->address_len, target->first + i);
		}
	}
	result->scope = lookup->run->entry->for_subnet ? target->scope : 0;
	end(lookup);
}

void recursors_end(lookup_t *lookup, behaviour_t behaviour)
{
	switch (behaviour) {
	case FAILS: fail(lookup, ANAME_FAILURE_SERVER); break;
	case IS_OUT_OF_REACH: fail(lookup, ANAME_FAILURE_NETWORK); break;
	case IS_SILENT: wait_in_vain(lookup); break;
	default: answer(lookup, behaviour); break;
	}
}

static void on_time(loop_event_t *event)
{
	lookup_t *lookup = (lookup_t *)((char *)event - offsetof(lookup_t, event));
	behaviour_t state = recursors.at[lookup->target->recursor].state;
	recursors_end(lookup, state != ANSWERS ? state : lookup->target->behaviour);
}

void recursors_hang_up(void)
{
	for (lookup_t *lookup = recursors.pending; lookup != NULL; lookup = lookup->next) {
		if (!lookup->ends) {
			fail(lookup, ANAME_FAILURE_TIMEOUT);
		}
	}
}

/* The resolver. */

static target_t *find(unsigned recursor, const aname_question_t *question)
{
	for (unsigned i = 0; i < recursors.count; i++) {
		target_t *target = &recursors.targets[i];
		if (target->recursor == recursor && target->type == question->type &&
		    knot_dname_is_equal(target->name.at, question->name)) {
			return target;
		}
	}
	return NULL;
}

static int start(aname_resolver_t *resolver, const aname_question_t *question, void *ctx,
                 aname_lookup_t **out)
{
	recursor_t *recursor = &recursors.at[number_of(resolver)];
	if (recursor->refuse != KNOT_EOK) {
		return recursor->refuse;
	}
	target_t *target = find(number_of(resolver), question);
	if (target == NULL) {
		return KNOT_EINVAL; /* Whether an owner is known elsewhere is not played. */
	}
	lookup_t *lookup = calloc(1, sizeof(*lookup));
	REQUIRE(lookup != NULL, "out of memory");
	lookup->base.resolver = resolver;
	lookup->base.ctx = ctx;
	lookup->event.run = on_time;
	lookup->target = target;
	lookup->run = ctx;
	lookup->started_ms = loop_now();
	on_start(lookup);
	lookup->next = recursors.pending;
	recursors.pending = lookup;
	loop_at(&lookup->event, loop_now() + lookup->target->latency_ms);
	*out = &lookup->base;
	return KNOT_EOK;
}

static void cancel(aname_lookup_t *base)
{
	lookup_t *lookup = (lookup_t *)base;
	if (!lookup->ends && number_of(base->resolver) != SYSTEM) {
		fail(lookup, ANAME_FAILURE_TIMEOUT);
	}
}

static void release(aname_lookup_t *lookup)
{
	free(lookup);
}

static unsigned capacity(const aname_resolver_t *resolver)
{
	return number_of(resolver) == SYSTEM ? SYSTEM_CAPACITY : DNS_CAPACITY;
}

static void free_resolver(aname_resolver_t *resolver)
{
	REQUIRE(recursors_pending(resolver) == 0, "a resolver goes, and its lookups do not");
	recursors.freed++;
	aname_resolver_free(resolver, NULL);
}

static aname_resolved_f service_done;
static void *service;

static void on_done(void *owner, void *ctx, const aname_result_t *result)
{
	const aname_run_t *run = ctx;
	lookup_t *lookup = (lookup_t *)run->lookup, **at = &recursors.pending;
	before_end(lookup);
	while (*at != lookup) {
		at = &(*at)->next;
	}
	*at = lookup->next;
	service_done(service, ctx, result);
	after_end(lookup);
}

static const aname_resolver_api_t api = {
	.name = "recursors",
	.start = start,
	.cancel = cancel,
	.release = release,
	.capacity = capacity,
	.free = free_resolver,
};

void recursors_source(unsigned recursor, aname_source_t *source)
{
	*source = (aname_source_t){ .servers_count = recursor != SYSTEM };
	if (recursor != SYSTEM) {
		source->servers[0] = (aname_server_t){ .len = 4, .port = 53 + recursor };
	}
}

aname_resolver_t *recursors_make(uv_loop_t *loop, const aname_source_t *source,
                                 const aname_schedule_t *schedule, aname_resolved_f done,
                                 void *owner)
{
	resolver_t *resolver = calloc(1, sizeof(*resolver));
	REQUIRE(resolver != NULL, "out of memory");
	resolver->number = source->servers_count > 0 ? source->servers[0].port - 53 : SYSTEM;
	service_done = done;
	service = owner;
	recursors.made++;
	aname_resolver_init(&resolver->base, &api, loop, on_done, NULL);
	return &resolver->base;
}

void recursors_begin(target_t *targets, unsigned count)
{
	recursors = (recursors_t){ .targets = targets, .count = count };
}
