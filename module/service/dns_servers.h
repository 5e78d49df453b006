/*!
 * \brief The recursors of a DNS resolver: what each has shown, and who is asked next.  [U]
 *
 * Thread: service.
 */

#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "conf/options.h"
#include "service/link.h"
#include "service/message.h"

/*! One recursor. */
typedef struct {
	aname_links_t links;
	int64_t down_until_ms; /*!< 0: it answers. */
	int64_t down_ms;       /*!< Length of the current pause. */
	int64_t heard_ms;      /*!< When it last answered. */
	int64_t no_edns_ms;    /*!< Until then it is asked without EDNS, which it did not take. */
	int64_t edns_ms;       /*!< When it last used EDNS; 0: never. */
	int64_t echoed_ms;     /*!< When it last answered for a client subnet; likewise. */
} aname_dns_server_t;

/*! All of them, in the order of the option `resolver`. */
typedef struct {
	unsigned count;
	aname_dns_server_t at[ANAME_SERVERS_MAX];
} aname_dns_servers_t;

/*!
 * \brief Fills in zeroed servers.
 *
 * \param source  Which they are; outlives them.
 */
void aname_dns_servers_init(aname_dns_servers_t *servers, uv_loop_t *loop,
                            const aname_source_t *source);

/*! How long one may take to answer, from the next try on. To be set before the first one. */
void aname_dns_servers_set_try(aname_dns_servers_t *servers, int try_ms);

/*! Closes all links; lookups under way are called back. */
void aname_dns_servers_deinit(aname_dns_servers_t *servers);

/*! Looks for time-outs. */
void aname_dns_servers_tick(aname_dns_servers_t *servers);

/*!
 * \brief Picks the next server for a lookup.
 *
 * The first in order that answers and was not asked in this round; if there is none, of those not
 * asked the one that answered last. In each pause of a server that is down one lookup tries it
 * nevertheless.
 *
 * \param asked  Servers asked in this round, one bit each.
 */
aname_dns_server_t *aname_dns_servers_pick(aname_dns_servers_t *servers, uint32_t *asked,
                                           int64_t now_ms);

/*! The server has answered. */
void aname_dns_server_up(aname_dns_server_t *server, int64_t now_ms);

/*! The server did not answer: it is not asked first for a while, longer each time. */
void aname_dns_server_down(aname_dns_server_t *server, int64_t now_ms);

/*!
 * \brief Notes what a reply shows of its server.
 *
 * A single odd reply does not disprove what earlier ones have shown it to be capable of. What has
 * not been seen for ten minutes is forgotten: there may be another server behind the address.
 *
 * \param edns  It was asked with EDNS at first.
 */
void aname_dns_server_note(aname_dns_server_t *server, const aname_message_reply_t *reply,
                           bool edns, int64_t now_ms);

/*! Is the server known to answer for client subnets, by what it did of late? */
bool aname_dns_server_echoes(const aname_dns_server_t *server, int64_t now_ms);
