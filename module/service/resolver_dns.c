/* Newer c-ares would have ares_send_dnsrec(), which that of Debian 12 has not. */
#define CARES_NO_DEPRECATED

#include <arpa/inet.h>
#include <ares.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include <libknot/errcode.h>
#include <libknot/packet/wire.h>

#include "service/message.h"
#include "service/resolver.h"
#include "table/clock.h"

/*! Lookups that share a socket at once: with many more, replies drop at its buffer. */
#define LINK_RUNNING 64
/*! Lookups after which a socket is given up, so that its port does not become known. */
#define LINK_USED    512
/*! Lookups under way at most. */
#define CAPACITY     1024
/*! How long one try may take, at least and at most. */
#define TRY_MIN_MS   200
#define TRY_MAX_MS   2000
/*! How often time-outs are looked for. */
#define TICK_MS      25
/*! How long a server that did not answer is not asked first: from, to. */
#define DOWN_MIN_MS  2000
#define DOWN_MAX_MS  30000
/*! How long a server that did not understand EDNS is asked without. */
#define NO_EDNS_MS   60000

typedef struct resolver resolver_t;
typedef struct link link_t;

/*! A file descriptor that c-ares wants watched. */
typedef struct watch {
	uv_poll_t poll;
	link_t *link;
	ares_socket_t fd;
	struct watch *next;
} watch_t;

/*! One c-ares channel, which is one UDP socket (and a TCP one if need be) to one server. */
struct link {
	resolver_t *resolver;
	ares_channel channel;
	watch_t *watches;
	unsigned running, used;
	link_t *next;
};

typedef struct {
	const aname_server_t *address;
	link_t *links;
	int64_t down_until_ms; /*!< 0: it answers. */
	int64_t down_ms;       /*!< Length of the current pause. */
	int64_t heard_ms;      /*!< When it last answered. */
	int64_t no_edns_ms;    /*!< Until then it is asked without EDNS, which it did not take. */
	bool knows_edns;       /*!< It has used EDNS. */
	bool echoes;           /*!< It has answered for a client subnet. */
} server_t;

struct resolver {
	aname_resolver_t base;
	uv_loop_t *loop;
	uv_timer_t tick;
	aname_source_t source;
	unsigned tries, running;
	int try_ms;
	uint16_t ids[64];
	unsigned ids_left;
	server_t servers[ANAME_SERVERS_MAX];
};

typedef struct {
	aname_lookup_t base;
	uint16_t type;
	uint32_t asked; /*!< Servers asked in this round, one bit each. */
	unsigned tries; /*!< Made so far. */
	server_t *server;
	link_t *link;    /*!< Of the try under way. */
	int64_t sent_ms; /*!< When the last try began. */
	bool cancelled, edns, tailored, told;
	bool bare;                        /*!< To be asked without EDNS. */
	int status;                       /*!< How the last try ended, by c-ares. */
	aname_message_reply_t *reply;     /*!< What the server said to it; NULL: nothing. */
	knot_edns_client_subnet_t client; /*!< Whose answer is wanted, if `tailored`. */
	knot_dname_storage_t name;
} lookup_t;

static resolver_t *resolver_of(const lookup_t *lookup)
{
	return (resolver_t *)lookup->base.resolver;
}

/* Watching sockets. */

static void on_watch_closed(uv_handle_t *handle)
{
	free(handle->data);
}

static void unwatch(watch_t **at)
{
	watch_t *watch = *at;
	*at = watch->next;
	uv_poll_stop(&watch->poll);
	uv_close((uv_handle_t *)&watch->poll, on_watch_closed);
}

static void drop_link(link_t *link)
{
	ares_destroy(link->channel);
	while (link->watches != NULL) {
		unwatch(&link->watches);
	}
	free(link);
}

/*! Lets go of links that are used up and idle. Never from within a call into c-ares. */
static void sweep(server_t *server)
{
	link_t **at = &server->links;
	while (*at != NULL) {
		link_t *link = *at;
		if (link->used >= LINK_USED && link->running == 0) {
			*at = link->next;
			drop_link(link);
		} else {
			at = &link->next;
		}
	}
}

static void on_ready(uv_poll_t *poll, int status, int events)
{
	const watch_t *watch = poll->data;
	bool readable = status < 0 || (events & UV_READABLE);
	bool writable = status < 0 || (events & UV_WRITABLE);
	ares_process_fd(watch->link->channel, readable ? watch->fd : ARES_SOCKET_BAD,
	                writable ? watch->fd : ARES_SOCKET_BAD);
}

static watch_t *new_watch(link_t *link, ares_socket_t fd)
{
	watch_t *watch = calloc(1, sizeof(*watch));
	if (watch == NULL) {
		return NULL;
	}
	if (uv_poll_init_socket(link->resolver->loop, &watch->poll, fd) != 0) {
		free(watch);
		return NULL;
	}
	watch->poll.data = watch;
	watch->link = link;
	watch->fd = fd;
	watch->next = link->watches;
	link->watches = watch;
	return watch;
}

static void on_socket_state(void *data, ares_socket_t fd, int readable, int writable)
{
	link_t *link = data;
	watch_t **at = &link->watches;
	while (*at != NULL && (*at)->fd != fd) {
		at = &(*at)->next;
	}
	if (!readable && !writable) {
		if (*at != NULL) {
			unwatch(at);
		}
		return;
	}
	/* Without memory to watch it the socket stays silent, and the try runs out. */
	watch_t *watch = *at != NULL ? *at : new_watch(link, fd);
	if (watch != NULL) {
		uv_poll_start(&watch->poll,
		              (readable ? UV_READABLE : 0) | (writable ? UV_WRITABLE : 0),
		              on_ready);
	}
}

/* Links. */

static int set_server(ares_channel channel, const aname_server_t *address)
{
	char host[INET6_ADDRSTRLEN];
	bool v6 = address->len == 16;
	if (inet_ntop(v6 ? AF_INET6 : AF_INET, address->address, host, sizeof(host)) == NULL) {
		return ARES_EBADSTR;
	}
	char text[sizeof(host) + sizeof("[]:65535")];
	(void)snprintf(text, sizeof(text), v6 ? "[%s]:%u" : "%s:%u", host, address->port);
	return ares_set_servers_ports_csv(channel, text);
}

static link_t *new_link(resolver_t *resolver, server_t *server)
{
	link_t *link = calloc(1, sizeof(*link));
	if (link == NULL) {
		return NULL;
	}
	link->resolver = resolver;
	/* Every rcode comes through, and what to do next is decided here: one try a time. */
	/* The flag for EDNS makes it take UDP replies of more than 512 octets. */
	struct ares_options options = { .flags = ARES_FLAG_NOCHECKRESP | ARES_FLAG_NOSEARCH |
		                                 ARES_FLAG_NOALIASES | ARES_FLAG_EDNS,
		                        .ednspsz = ANAME_MESSAGE_UDP,
		                        .timeout = resolver->try_ms,
		                        .tries = 1,
		                        .sock_state_cb = on_socket_state,
		                        .sock_state_cb_data = link };
	int mask = ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB |
	           ARES_OPT_EDNSPSZ;
#ifdef ARES_OPT_QUERY_CACHE
	/* c-ares 1.31 and later: the table is the only cache here. */
	options.qcache_max_ttl = 0;
	mask |= ARES_OPT_QUERY_CACHE;
#endif
	if (ares_init_options(&link->channel, &options, mask) != ARES_SUCCESS) {
		free(link);
		return NULL;
	}
	if (set_server(link->channel, server->address) != ARES_SUCCESS) {
		drop_link(link);
		return NULL;
	}
	link->next = server->links;
	server->links = link;
	return link;
}

static link_t *pick_link(resolver_t *resolver, server_t *server)
{
	for (link_t *link = server->links; link != NULL; link = link->next) {
		if (link->running < LINK_RUNNING && link->used < LINK_USED) {
			return link;
		}
	}
	return new_link(resolver, server);
}

/* Servers. */

static void mark_down(server_t *server, int64_t now_ms)
{
	int64_t pause_ms = server->down_ms == 0 ? DOWN_MIN_MS : 2 * server->down_ms;
	server->down_ms = pause_ms < DOWN_MAX_MS ? pause_ms : DOWN_MAX_MS;
	server->down_until_ms = now_ms + server->down_ms;
}

static void mark_up(server_t *server, int64_t now_ms)
{
	server->heard_ms = now_ms;
	server->down_ms = 0;
	server->down_until_ms = 0;
}

/*!
 * Picks the next server for a lookup: the first in order that answers and was not asked in this
 * round; if there is none, of those not asked the one that answered last. In each pause of a
 * server that is down one lookup tries it nevertheless.
 */
static server_t *pick_server(lookup_t *lookup, int64_t now_ms)
{
	resolver_t *resolver = resolver_of(lookup);
	unsigned count = resolver->source.servers_count;
	if (lookup->asked == (1u << count) - 1) {
		lookup->asked = 0;
	}
	unsigned best = count;
	for (unsigned i = 0; i < count; i++) {
		if (lookup->asked & (1u << i)) {
			continue;
		}
		server_t *server = &resolver->servers[i];
		if (server->down_until_ms <= now_ms) {
			best = i;
			break;
		}
		if (best == count || server->heard_ms > resolver->servers[best].heard_ms) {
			best = i;
		}
	}
	server_t *server = &resolver->servers[best];
	lookup->asked |= 1u << best;
	if (server->down_until_ms != 0 && server->down_until_ms <= now_ms) {
		/* Others stay away from it until it is known how this one fares. */
		server->down_until_ms = now_ms + server->down_ms;
	}
	return server;
}

/* What came of a try. It is looked at when the loop calls, and not where c-ares calls back: that
 * may be from within ares_send() already. */

/*! Notes a failure; true if it ends the lookup. */
static bool try_failed(lookup_t *lookup, aname_failure_t failure, const char *detail)
{
	aname_result_t *result = &lookup->base.result;
	/* What a server said tells more than that another one is silent. */
	bool said = failure == ANAME_FAILURE_SERVER || failure == ANAME_FAILURE_BOGUS;
	if (said || !lookup->told) {
		*result = (aname_result_t){ .failure = failure,
			                    .detail = detail,
			                    .ttl = ANAME_TTL_UNKNOWN };
	}
	lookup->told |= said;
	return lookup->cancelled || lookup->tries >= resolver_of(lookup)->tries;
}

/*! Asks the same server once more, without what it does not understand. */
static bool ask_again(lookup_t *lookup, const aname_message_reply_t *reply)
{
	lookup->asked &= ~(1u << (lookup->server - resolver_of(lookup)->servers));
	lookup->tries--;
	return try_failed(lookup, reply->failure, reply->detail);
}

/*! The part of the query that says whose answer is wanted; NULL if it is to be everybody's. */
static const knot_edns_client_subnet_t *client_of(const lookup_t *lookup)
{
	return lookup->tailored && lookup->edns ? &lookup->client : NULL;
}

/*! Notes what a reply tells of its server. What it can, a single odd reply does not disprove. */
static void note_abilities(const lookup_t *lookup, const aname_message_reply_t *reply)
{
	server_t *server = lookup->server;
	server->knows_edns |= reply->has_opt;
	server->echoes |= reply->echoed;
	bool without = reply->failure == ANAME_FAILURE_NONE && !reply->has_opt;
	if (without && (lookup->edns || lookup->bare) && !server->knows_edns) {
		server->no_edns_ms = aname_clock_ms() + NO_EDNS_MS;
	}
}

/*! Takes what a server said; true if it ends the lookup. */
static bool take_reply(lookup_t *lookup, const aname_message_reply_t *reply)
{
	note_abilities(lookup, reply);
	/* Without EDNS in the reply, newer c-ares has asked anew by itself. */
	bool refused = client_of(lookup) != NULL &&
	               (reply->no_edns || reply->no_subnet || !reply->has_opt);
	if (refused && lookup->server->echoes) {
		/* It takes subnets. What it says without is not what it says to this client. */
		return try_failed(lookup, ANAME_FAILURE_SERVER,
		                  "the resolver does not take the subnet");
	}
	if (reply->no_edns && lookup->edns) {
		lookup->bare = true;
		return ask_again(lookup, reply);
	}
	if (reply->no_subnet && client_of(lookup) != NULL) {
		lookup->tailored = false;
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
	lookup->base.result = (aname_result_t){ .known = reply->known,
		                                .ttl = reply->ttl,
		                                .address_len = reply->address_len,
		                                .count = reply->count,
		                                .addresses = reply->addresses,
		                                .scope = reply->scope,
		                                .nxdomain = reply->nxdomain };
	return true;
}

/*! Takes that a server said nothing of use; true if it ends the lookup. */
static bool take_silence(lookup_t *lookup)
{
	server_t *server = lookup->server;
	bool timeout = lookup->status == ARES_ETIMEOUT;
	switch (lookup->status) {
	case ARES_ENOMEM: return try_failed(lookup, ANAME_FAILURE_NETWORK, "out of memory");
	case ARES_EBADRESP:
		/* Newer c-ares reads replies itself first. */
		mark_up(server, aname_clock_ms());
		return try_failed(lookup, ANAME_FAILURE_SERVER, "the reply is malformed");
	case ARES_EDESTRUCTION:
	case ARES_ECANCELLED:
		lookup->cancelled = true;
		return try_failed(lookup, ANAME_FAILURE_TIMEOUT, "given up");
	default:
		/* If it answered others meanwhile it is the target that is dead. */
		if (!timeout || server->heard_ms <= lookup->sent_ms) {
			mark_down(server, aname_clock_ms());
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
	/* c-ares has matched identifier and server; the identifier may be its own. */
	const aname_message_query_t query = { .name = lookup->name,
		                              .type = lookup->type,
		                              .id = len >= 2 ? knot_wire_get_id(wire) : 0,
		                              .edns = lookup->edns,
		                              .subnet = client_of(lookup) };
	aname_message_read(&query, wire, len, reply);
	/* It has room for many more addresses than there are, and waits. */
	size_t size = offsetof(aname_message_reply_t, addresses) +
	              (size_t)reply->count * reply->address_len;
	aname_message_reply_t *cut = realloc(reply, size);
	return cut != NULL ? cut : reply;
}

/*! Called by c-ares, maybe from within ares_send(): here nothing may go on. */
static void on_reply(void *arg, int status, int timeouts, unsigned char *wire, int len)
{
	lookup_t *lookup = arg;
	lookup->link->running--;
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
	lookup->server = pick_server(lookup, lookup->sent_ms);
	lookup->link = pick_link(resolver, lookup->server);
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
		lookup->status = ARES_ENOMEM;
		aname_resolver_defer(&lookup->base);
		return;
	}
	lookup->link->running++;
	lookup->link->used++;
	ares_send(lookup->link->channel, wire, len, on_reply, lookup);
}

/* Time. */

static void on_tick(uv_timer_t *timer)
{
	resolver_t *resolver = timer->data;
	for (unsigned i = 0; i < resolver->source.servers_count; i++) {
		for (link_t *link = resolver->servers[i].links; link != NULL; link = link->next) {
			if (link->running > 0) {
				ares_process_fd(link->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
			}
		}
	}
	for (unsigned i = 0; i < resolver->source.servers_count; i++) {
		sweep(&resolver->servers[i]);
	}
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
	memcpy(lookup->name, question->name, knot_dname_size(question->name));
	if (question->client != NULL) {
		lookup->tailored = true;
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
		mark_up(lookup->server, aname_clock_ms());
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
	for (unsigned i = 0; i < resolver->source.servers_count; i++) {
		while (resolver->servers[i].links != NULL) {
			link_t *link = resolver->servers[i].links;
			resolver->servers[i].links = link->next;
			drop_link(link);
		}
	}
	ares_library_cleanup();
	aname_resolver_free(base, (uv_handle_t *)&resolver->tick);
}

static const aname_resolver_api_t dns_api = {
	.name = "dns",
	.start = dns_start,
	.cancel = dns_cancel,
	.resume = dns_resume,
	.release = dns_release,
	.capacity = dns_capacity,
	.free = dns_free,
};

/*! All tries together are to fit into the time of a lookup. */
static int try_time(const aname_source_t *source, unsigned tries)
{
	unsigned ms = source->timeout_ms / tries;
	if (ms > TRY_MAX_MS) {
		return TRY_MAX_MS;
	}
	return ms < TRY_MIN_MS ? TRY_MIN_MS : ms;
}

aname_resolver_t *aname_resolver_dns_new(uv_loop_t *loop, const aname_source_t *source,
                                         aname_resolved_f done, void *owner)
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
	resolver->loop = loop;
	resolver->tick.data = resolver;
	resolver->source = *source;
	resolver->tries = source->servers_count * (1 + source->retries);
	resolver->try_ms = try_time(source, resolver->tries);
	for (unsigned i = 0; i < source->servers_count; i++) {
		resolver->servers[i].address = &resolver->source.servers[i];
	}
	return &resolver->base;
}
