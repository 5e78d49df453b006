#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include <libknot/errcode.h>
#include <libknot/packet/wire.h>

#include "service/dns_servers.h"
#include "service/link.h"
#include "service/message.h"
#include "service/resolver.h"
#include "table/clock.h"

/*! Lookups under way at most. */
#define CAPACITY   1024
/*! How long one try may take, at least and at most. */
#define TRY_MIN_MS 200
#define TRY_MAX_MS 2000
/*! How often time-outs are looked for. */
#define TICK_MS    25
/*! A try that could not even be made; no status of c-ares. */
#define UNSENT     (-1)

typedef struct resolver resolver_t;

struct resolver {
	aname_resolver_t base;
	uv_timer_t tick;
	aname_source_t source;
	unsigned tries, max_aliases, running;
	uint16_t ids[64];
	unsigned ids_left;
	aname_dns_servers_t servers;
};

typedef struct {
	aname_lookup_t base;
	uint16_t type;
	uint32_t asked; /*!< Servers asked in this round, one bit each. */
	unsigned tries; /*!< Made so far. */
	aname_dns_server_t *server;
	aname_link_t *link; /*!< Of the try under way. */
	int64_t sent_ms;    /*!< When the last try began. */
	bool cancelled, edns, for_subnet, answered;
	bool bare;  /*!< To be asked without EDNS. */
	int status; /*!< How the last try ended, by c-ares, or UNSENT. */
	const char *why_unsent;
	aname_message_reply_t *reply;     /*!< The server's reply; NULL: none. */
	knot_edns_client_subnet_t client; /*!< Whose answer is wanted, if `for_subnet`. */
	/* What was learnt on the way to `name`, and for it. */
	unsigned aliases;
	uint32_t ttl;
	uint8_t scope, unscoped;
	knot_dname_storage_t name; /*!< Asked for now. */
} lookup_t;

static resolver_t *resolver_of(const lookup_t *lookup)
{
	return (resolver_t *)lookup->base.resolver;
}

/* What came of a try. It is looked at when the loop calls, and not where c-ares calls back: that
 * may be from within ares_send() already. */

/*! Notes a failure; true if it ends the lookup. */
static bool try_failed(lookup_t *lookup, aname_failure_t failure, const char *detail)
{
	aname_result_t *result = &lookup->base.result;
	/* A reply explains more than that another server is silent. */
	bool answered = failure == ANAME_FAILURE_SERVER || failure == ANAME_FAILURE_BOGUS;
	if (answered || !lookup->answered) {
		*result = (aname_result_t){ .failure = failure,
			                    .detail = detail,
			                    .ttl = ANAME_TTL_UNKNOWN };
	}
	lookup->answered |= answered;
	return lookup->cancelled || lookup->tries >= resolver_of(lookup)->tries;
}

/*! Asks the same server once more, without what it does not understand. */
static bool ask_again(lookup_t *lookup, const aname_message_reply_t *reply)
{
	lookup->asked &= ~(1u << (lookup->server - resolver_of(lookup)->servers.at));
	lookup->tries--;
	return try_failed(lookup, reply->failure, reply->detail);
}

/*! The part of the query that says whose answer is wanted; NULL if it is to be everybody's. */
static const knot_edns_client_subnet_t *client_of(const lookup_t *lookup)
{
	return lookup->for_subnet && lookup->edns ? &lookup->client : NULL;
}

/*!
 * Notes for whom an answer is. Some servers tailor answers and do not say so (PowerDNS Recursor):
 * theirs is for the subnet that was asked for. One that has said so before means everybody if it
 * does not (RFC 7871, 7.3), and so does one without EDNS, which cannot know of the subnet.
 */
static void take_scope(lookup_t *lookup, const aname_message_reply_t *reply, bool echoes)
{
	const knot_edns_client_subnet_t *client = client_of(lookup);
	uint8_t scope = reply->scope;
	if (client != NULL && reply->has_opt && !reply->echoed && !echoes) {
		scope = client->source_len;
		lookup->unscoped = lookup->server - resolver_of(lookup)->servers.at + 1;
	}
	lookup->scope = scope > lookup->scope ? scope : lookup->scope;
}

/*! Goes on to the target of an alias that the server did not look up: all are asked for it. */
static bool take_alias(lookup_t *lookup, const aname_message_reply_t *reply)
{
	lookup->aliases += reply->aliases;
	memcpy(lookup->name, reply->last, knot_dname_size(reply->last));
	lookup->asked = 0;
	lookup->tries = 0;
	lookup->answered = false;
	return try_failed(lookup, ANAME_FAILURE_TIMEOUT, "given up");
}

/*! Takes a server's reply; true if it ends the lookup. */
static bool take_reply(lookup_t *lookup, const aname_message_reply_t *reply)
{
	int64_t now_ms = aname_clock_ms();
	aname_dns_server_note(lookup->server, reply, lookup->edns || lookup->bare, now_ms);
	bool echoes = aname_dns_server_echoes(lookup->server, now_ms);
	/* Without EDNS in the reply, newer c-ares has asked anew by itself. */
	bool refused = client_of(lookup) != NULL &&
	               (reply->no_edns || reply->no_subnet || !reply->has_opt);
	if (refused && echoes) {
		/* It takes subnets, so its answer without one is not the one for this client. */
		return try_failed(lookup, ANAME_FAILURE_SERVER,
		                  "the resolver does not take the subnet");
	}
	if (reply->no_edns && lookup->edns) {
		lookup->bare = true;
		return ask_again(lookup, reply);
	}
	if (reply->no_subnet && client_of(lookup) != NULL) {
		lookup->for_subnet = false;
		return ask_again(lookup, reply);
	}
	if (reply->failure != ANAME_FAILURE_NONE) {
		return try_failed(lookup, reply->failure, reply->detail);
	}
	if (resolver_of(lookup)->source.secure && !reply->authentic) {
		lookup->base.result =
		        (aname_result_t){ .failure = ANAME_FAILURE_INSECURE,
			                  .detail = "the answer is not authenticated by DNSSEC",
			                  .ttl = ANAME_TTL_UNKNOWN };
		return true;
	}
	take_scope(lookup, reply, echoes);
	lookup->ttl = reply->ttl < lookup->ttl ? reply->ttl : lookup->ttl;
	if (reply->unfinished) {
		return take_alias(lookup, reply);
	}
	lookup->base.result = (aname_result_t){ .known = reply->known,
		                                .ttl = lookup->ttl,
		                                .bare = reply->bare,
		                                .address_len = reply->address_len,
		                                .count = reply->count,
		                                .addresses = reply->addresses,
		                                .scope = lookup->scope,
		                                .last = reply->last,
		                                .unscoped = lookup->unscoped,
		                                .nxdomain = reply->nxdomain };
	return true;
}

/*! Takes that a server gave no useful reply; true if it ends the lookup. */
static bool take_silence(lookup_t *lookup)
{
	aname_dns_server_t *server = lookup->server;
	bool timeout = lookup->status == ARES_ETIMEOUT;
	switch (lookup->status) {
	case UNSENT: return try_failed(lookup, ANAME_FAILURE_NETWORK, lookup->why_unsent);
	case ARES_ENOMEM: return try_failed(lookup, ANAME_FAILURE_NETWORK, "out of memory");
	case ARES_EBADRESP:
		/* Newer c-ares reads replies itself first. */
		aname_dns_server_up(server, aname_clock_ms());
		return try_failed(lookup, ANAME_FAILURE_SERVER, "the reply is malformed");
	case ARES_EDESTRUCTION:
	case ARES_ECANCELLED:
		lookup->cancelled = true;
		return try_failed(lookup, ANAME_FAILURE_TIMEOUT, "given up");
	default:
		/* If it answered others meanwhile it is the target that is dead. */
		if (!timeout || server->heard_ms <= lookup->sent_ms) {
			aname_dns_server_down(server, aname_clock_ms());
		}
		return timeout ? try_failed(lookup, ANAME_FAILURE_TIMEOUT,
		                            "the resolver does not answer")
		               : try_failed(lookup, ANAME_FAILURE_NETWORK,
		                            ares_strerror(lookup->status));
	}
}

/* Tries. */

/*! Reads a reply; NULL if out of memory. */
static aname_message_reply_t *read_reply(const lookup_t *lookup, const uint8_t *wire, size_t len)
{
	aname_message_reply_t *reply = malloc(sizeof(*reply));
	if (reply == NULL) {
		return NULL;
	}
	unsigned max_aliases = resolver_of(lookup)->max_aliases;
	/* c-ares has matched identifier and server; the identifier may be its own. */
	const aname_message_query_t query = { .name = lookup->name,
		                              .type = lookup->type,
		                              .id = len >= 2 ? knot_wire_get_id(wire) : 0,
		                              .edns = lookup->edns,
		                              .max_aliases = lookup->aliases < max_aliases
		                                                     ? max_aliases - lookup->aliases
		                                                     : 0,
		                              .subnet = client_of(lookup) };
	aname_message_read(&query, wire, len, reply);
	/* It has room for many more addresses than there are, and waits. */
	size_t size = offsetof(aname_message_reply_t, addresses) + reply->size;
	aname_message_reply_t *cut = realloc(reply, size);
	return cut != NULL ? cut : reply;
}

/*! Called by c-ares, maybe from within ares_send(): here nothing may go on. */
static void on_reply(void *arg, int status, int timeouts, unsigned char *wire, int len)
{
	lookup_t *lookup = arg;
	aname_link_done(lookup->link, status == ARES_ETIMEOUT);
	lookup->link = NULL; /* It may be let go. */
	lookup->status = status;
	if (status == ARES_SUCCESS) {
		lookup->reply = wire != NULL ? read_reply(lookup, wire, len) : NULL;
		lookup->status = lookup->reply != NULL ? ARES_SUCCESS : ARES_ENOMEM;
	}
	aname_resolver_defer(&lookup->base);
}

/*! Identifiers are unpredictable (RFC 5452, 9.2). */
static uint16_t next_id(resolver_t *resolver)
{
	if (resolver->ids_left == 0) {
		if (getrandom(resolver->ids, sizeof(resolver->ids), 0) < 0) {
			abort(); /* Never on Linux: the pool is ready long since. */
		}
		resolver->ids_left = sizeof(resolver->ids) / sizeof(resolver->ids[0]);
	}
	return resolver->ids[--resolver->ids_left];
}

static void try_next(lookup_t *lookup)
{
	resolver_t *resolver = resolver_of(lookup);
	free(lookup->reply);
	lookup->reply = NULL;
	lookup->sent_ms = aname_clock_ms();
	lookup->server =
	        aname_dns_servers_pick(&resolver->servers, &lookup->asked, lookup->sent_ms);
	const char *why = "out of memory";
	lookup->link = aname_links_pick(&lookup->server->links, &why);
	lookup->tries++;
	lookup->edns = !lookup->bare && lookup->server->no_edns_ms <= lookup->sent_ms;

	const aname_message_query_t query = { .name = lookup->name,
		                              .type = lookup->type,
		                              .id = next_id(resolver),
		                              .edns = lookup->edns,
		                              .authentic = resolver->source.secure,
		                              .subnet = client_of(lookup) };
	uint8_t wire[ANAME_MESSAGE_QUERY_MAX];
	int len = aname_message_build(&query, wire);
	if (lookup->link == NULL || len < 0) {
		lookup->status = UNSENT;
		lookup->why_unsent = why;
		aname_resolver_defer(&lookup->base);
		return;
	}
	aname_link_send(lookup->link, wire, len, on_reply, lookup);
}

/* Time. */

static void on_tick(uv_timer_t *timer)
{
	resolver_t *resolver = timer->data;
	aname_dns_servers_tick(&resolver->servers);
	/* Not where the last lookup ends: with a resolver near by that is again and again before
	 * a tick has passed, and nobody would ever sweep. */
	if (resolver->running == 0) {
		uv_timer_stop(timer);
	}
}

/* The interface. */

static int dns_start(aname_resolver_t *base, const aname_question_t *question, void *ctx,
                     aname_lookup_t **out)
{
	resolver_t *resolver = (resolver_t *)base;
	lookup_t *lookup = calloc(1, sizeof(*lookup));
	if (lookup == NULL) {
		return KNOT_ENOMEM;
	}
	lookup->base.resolver = base;
	lookup->base.ctx = ctx;
	lookup->type = question->type;
	lookup->ttl = INT32_MAX;
	memcpy(lookup->name, question->name, knot_dname_size(question->name));
	if (question->client != NULL) {
		lookup->for_subnet = true;
		lookup->client = aname_subnet_to_option(question->client);
	}
	resolver->running++;
	if (!uv_is_active((const uv_handle_t *)&resolver->tick)) {
		uv_timer_start(&resolver->tick, on_tick, TICK_MS, TICK_MS);
	}
	try_next(lookup);
	*out = &lookup->base;
	return KNOT_EOK;
}

static void dns_cancel(aname_lookup_t *base)
{
	/* Its try runs out by itself; there will be no other. */
	((lookup_t *)base)->cancelled = true;
}

static bool dns_resume(aname_lookup_t *base)
{
	lookup_t *lookup = (lookup_t *)base;
	if (lookup->status == ARES_SUCCESS) {
		aname_dns_server_up(lookup->server, aname_clock_ms());
	}
	bool ended = lookup->status == ARES_SUCCESS ? take_reply(lookup, lookup->reply)
	                                            : take_silence(lookup);
	if (ended) {
		resolver_of(lookup)->running--;
	} else {
		try_next(lookup);
	}
	return ended;
}

static void dns_release(aname_lookup_t *base)
{
	free(((lookup_t *)base)->reply);
	free(base);
}

static unsigned dns_capacity(const aname_resolver_t *resolver)
{
	return CAPACITY;
}

static void dns_free(aname_resolver_t *base)
{
	resolver_t *resolver = (resolver_t *)base;
	aname_dns_servers_deinit(&resolver->servers);
	ares_library_cleanup();
	aname_resolver_free(base, (uv_handle_t *)&resolver->tick);
}

/*! All tries together are to fit into the time of a lookup. */
static int try_time(const aname_schedule_t *schedule, unsigned tries)
{
	unsigned ms = schedule->timeout_ms / tries;
	if (ms > TRY_MAX_MS) {
		return TRY_MAX_MS;
	}
	return ms < TRY_MIN_MS ? TRY_MIN_MS : ms;
}

static void dns_retune(aname_resolver_t *base, const aname_schedule_t *schedule)
{
	resolver_t *resolver = (resolver_t *)base;
	resolver->max_aliases = schedule->max_aliases;
	resolver->tries = resolver->source.servers_count * (1 + schedule->retries);
	aname_dns_servers_set_try(&resolver->servers, try_time(schedule, resolver->tries));
}

static const aname_resolver_api_t dns_api = {
	.name = "dns",
	.start = dns_start,
	.cancel = dns_cancel,
	.resume = dns_resume,
	.release = dns_release,
	.capacity = dns_capacity,
	.retune = dns_retune,
	.free = dns_free,
};

aname_resolver_t *aname_resolver_dns_new(uv_loop_t *loop, const aname_source_t *source,
                                         const aname_schedule_t *schedule, aname_resolved_f done,
                                         void *owner)
{
	if (ares_library_init(ARES_LIB_INIT_ALL) != ARES_SUCCESS) {
		return NULL;
	}
	resolver_t *resolver = calloc(1, sizeof(*resolver));
	if (resolver == NULL || uv_timer_init(loop, &resolver->tick) != 0) {
		free(resolver);
		ares_library_cleanup();
		return NULL;
	}
	aname_resolver_init(&resolver->base, &dns_api, loop, done, owner);
	resolver->tick.data = resolver;
	resolver->source = *source;
	aname_dns_servers_init(&resolver->servers, loop, &resolver->source);
	dns_retune(&resolver->base, schedule);
	return &resolver->base;
}
