/*!
 * \brief Sockets to one server, by c-ares.  [U]
 *
 * Each link is one channel of c-ares: one UDP socket, and one for TCP if need be. There are as many
 * as are needed at once, and each is used for some lookups only, so that its port does not become
 * known. c-ares may call back from within any call here but for aname_links_pick(): what it calls
 * may start nothing and free nothing.
 *
 * Thread: service.
 */

#pragma once

/* Newer c-ares would have ares_send_dnsrec(), which that of Debian 12 has not. */
#define CARES_NO_DEPRECATED

#include <stdbool.h>

#include <ares.h>
#include <uv.h>

#include "conf/options.h"

typedef struct aname_link aname_link_t;

/*! The links to one server. */
typedef struct {
	uv_loop_t *loop;
	const aname_source_t *source; /*!< From where it is asked. */
	const aname_server_t *server;
	int try_ms; /*!< How long a try may take; links of before are used up if it changes. */
	aname_link_t *first;
} aname_links_t;

/*!
 * \brief A link for one more lookup.
 *
 * \param why  Set if there is none: one phrase, which stays.
 *
 * \return NULL if out of memory, or if the server cannot be asked from where it is to be asked.
 *         Ownership: the links'; valid until aname_link_done().
 */
aname_link_t *aname_links_pick(aname_links_t *links, const char **why);

/*! Sends a query. The callback is called once, maybe from within this call. */
void aname_link_send(aname_link_t *link, const uint8_t *query, int len, ares_callback callback,
                     void *arg);

/*!
 * \brief To be called by the callback of aname_link_send(): the link has one lookup less.
 *
 * \param silent  Nothing was heard in time. With newer c-ares the link takes no further lookup
 *                then: a TCP connection may be dead without a word, and replies without a DNS
 *                cookie are dropped for two minutes once a server has sent one (RFC 7873), as
 *                another server behind the same address may not. A new link starts afresh.
 */
void aname_link_done(aname_link_t *link, bool silent);

/*! Looks for time-outs, and lets go of links that are used up. To be called now and then, and not
 *  from within a callback. */
void aname_links_tick(aname_links_t *links);

/*! Frees all links. Lookups under way are called back with ARES_EDESTRUCTION. */
void aname_links_deinit(aname_links_t *links);
