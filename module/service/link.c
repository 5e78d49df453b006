#include "service/link.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "service/message.h"

/*! Lookups that share a socket at once: with many more, replies drop at its buffer. */
#define LINK_RUNNING 64
/*! Lookups after which a socket is given up, so that its port does not become known. */
#define LINK_USED    512

/*!
 * From 1.32 on c-ares sends cookies, and keeps TCP connections that are dead. That of Debian 12
 * does neither; but what it learns of a server without EDNS belongs to the channel, after a
 * time-out.
 */
#define FRESH_VERSION ((1 << 16) | (32 << 8))

/*! A file descriptor that c-ares wants watched. */
typedef struct watch {
	uv_poll_t poll;
	aname_link_t *link;
	ares_socket_t fd;
	int events; /*!< That are waited for. */
	struct watch *next;
} watch_t;

struct aname_link {
	uv_loop_t *loop;
	ares_channel channel;
	watch_t *watches;
	int try_ms;
	unsigned running, used;
	aname_link_t *next;
};

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

static void drop_link(aname_link_t *link)
{
	ares_destroy(link->channel);
	while (link->watches != NULL) {
		unwatch(&link->watches);
	}
	free(link);
}

static void on_ready(uv_poll_t *poll, int status, int events);

/*! Watches on, if c-ares has kept the socket. libuv stops watching one that has an error, and c-ares
 *  closes it when it meets that; but a query that is sent in between takes the error away, and then
 *  replies would be heard no more. */
static void watch_on(watch_t *watch)
{
	for (const watch_t *one = watch->link->watches; one != NULL; one = one->next) {
		if (one == watch) {
			uv_poll_start(&watch->poll, watch->events, on_ready);
			return;
		}
	}
}

static void on_ready(uv_poll_t *poll, int status, int events)
{
	watch_t *watch = poll->data;
	bool readable = status < 0 || (events & UV_READABLE);
	bool writable = status < 0 || (events & UV_WRITABLE);
	/* It may close the socket, and with it this watch, whose memory stays until libuv is
	 * done. */
	ares_process_fd(watch->link->channel, readable ? watch->fd : ARES_SOCKET_BAD,
	                writable ? watch->fd : ARES_SOCKET_BAD);
	if (status < 0) {
		watch_on(watch);
	}
}

static watch_t *new_watch(aname_link_t *link, ares_socket_t fd)
{
	watch_t *watch = calloc(1, sizeof(*watch));
	if (watch == NULL) {
		return NULL;
	}
	if (uv_poll_init_socket(link->loop, &watch->poll, fd) != 0) {
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
	aname_link_t *link = data;
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
		watch->events = (readable ? UV_READABLE : 0) | (writable ? UV_WRITABLE : 0);
		uv_poll_start(&watch->poll, watch->events, on_ready);
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

/*! Has c-ares use the source's address, if there is one of the server's family. */
static void set_via(ares_channel channel, const aname_source_t *source, bool v6)
{
	if (v6 && aname_source_has_via(source, true)) {
		ares_set_local_ip6(channel, source->via_ipv6);
	} else if (!v6 && aname_source_has_via(source, false)) {
		uint32_t address;
		memcpy(&address, source->via_ipv4, sizeof(address));
		ares_set_local_ip4(channel, ntohl(address));
	}
}

/*! Is the source's address one of this host? c-ares would not say why it cannot send. */
static bool can_bind(const aname_source_t *source, bool v6)
{
	struct sockaddr_in6 ipv6 = { .sin6_family = AF_INET6 };
	struct sockaddr_in ipv4 = { .sin_family = AF_INET };
	memcpy(&ipv6.sin6_addr, source->via_ipv6, sizeof(source->via_ipv6));
	memcpy(&ipv4.sin_addr, source->via_ipv4, sizeof(source->via_ipv4));
	int fd = socket(v6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool bound = fd >= 0 && (v6 ? bind(fd, (struct sockaddr *)&ipv6, sizeof(ipv6))
	                            : bind(fd, (struct sockaddr *)&ipv4, sizeof(ipv4))) == 0;
	if (fd >= 0) {
		(void)close(fd);
	}
	return bound;
}

static int open_channel(aname_link_t *link, const aname_links_t *links)
{
	/* Every rcode comes through, and what to do next is decided elsewhere: one try a time. */
	/* The flag for EDNS makes it take UDP replies of more than 512 octets. */
	struct ares_options options = { .flags = ARES_FLAG_NOCHECKRESP | ARES_FLAG_NOSEARCH |
		                                 ARES_FLAG_NOALIASES | ARES_FLAG_EDNS,
		                        .ednspsz = ANAME_MESSAGE_UDP,
		                        .timeout = links->try_ms,
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
	return ares_init_options(&link->channel, &options, mask);
}

static aname_link_t *new_link(aname_links_t *links, const char **why)
{
	bool v6 = links->server->len == 16;
	if (aname_source_has_via(links->source, v6) && !can_bind(links->source, v6)) {
		*why = "the address of 'via' cannot be used, this host must have it";
		return NULL;
	}
	*why = "out of memory";
	aname_link_t *link = calloc(1, sizeof(*link));
	if (link == NULL) {
		return NULL;
	}
	link->loop = links->loop;
	link->try_ms = links->try_ms;
	if (open_channel(link, links) != ARES_SUCCESS) {
		free(link);
		return NULL;
	}
	if (set_server(link->channel, links->server) != ARES_SUCCESS) {
		drop_link(link);
		return NULL;
	}
	set_via(link->channel, links->source, v6);
	link->next = links->first;
	links->first = link;
	return link;
}

/*! Does a link take no further lookup? */
static bool is_used_up(const aname_links_t *links, const aname_link_t *link)
{
	return link->used >= LINK_USED || link->try_ms != links->try_ms;
}

aname_link_t *aname_links_pick(aname_links_t *links, const char **why)
{
	for (aname_link_t *link = links->first; link != NULL; link = link->next) {
		if (link->running < LINK_RUNNING && !is_used_up(links, link)) {
			return link;
		}
	}
	return new_link(links, why);
}

void aname_link_send(aname_link_t *link, const uint8_t *query, int len, ares_callback callback,
                     void *arg)
{
	link->running++;
	link->used++;
	ares_send(link->channel, query, len, callback, arg);
}

/*! Is c-ares one that is no good any more after a silence? */
static bool starts_afresh(void)
{
	int version = 0;
	(void)ares_version(&version);
	return version >= FRESH_VERSION;
}

void aname_link_done(aname_link_t *link, bool silent)
{
	link->running--;
	if (silent && starts_afresh()) {
		link->used = LINK_USED;
	}
}

/*! Lets go of links that are used up, or were silent, and idle. Never from within a call into
 *  c-ares. */
static void sweep(aname_links_t *links)
{
	aname_link_t **at = &links->first;
	while (*at != NULL) {
		aname_link_t *link = *at;
		if (is_used_up(links, link) && link->running == 0) {
			*at = link->next;
			drop_link(link);
		} else {
			at = &link->next;
		}
	}
}

void aname_links_tick(aname_links_t *links)
{
	for (aname_link_t *link = links->first; link != NULL; link = link->next) {
		if (link->running > 0) {
			ares_process_fd(link->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
		}
	}
	sweep(links);
}

void aname_links_deinit(aname_links_t *links)
{
	while (links->first != NULL) {
		aname_link_t *link = links->first;
		links->first = link->next;
		drop_link(link);
	}
}
