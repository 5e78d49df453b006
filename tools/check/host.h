/*!
 * \brief The part of the command check that knows the addresses of this host: where the server
 *        listens, whether it is told to ask itself, and what addresses are of no use to clients.
 */

#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "check/check.h"
#include "config.h"

/*! Does the server listen on an address that is reached from everywhere? */
bool kaname_host_is_public(const kaname_values_t *listen);

/*! How a server that is asked relates to this very server. */
typedef enum {
	KANAME_HOST_OTHER = 0, /*!< It is another one. */
	KANAME_HOST_MAYBE,     /*!< This one listens on all addresses, of which it is one. */
	KANAME_HOST_SELF,      /*!< This one listens there. */
} kaname_host_t;

/*! Compares a server, ADDRESS or ADDRESS@PORT, with where this one listens. */
kaname_host_t kaname_host_compare(const kaname_values_t *listen, const char *server);

/*!
 * \brief Reads the servers of /etc/resolv.conf.
 *
 * \param servers  Set to their addresses, as the option `resolver` would have them.
 */
void kaname_host_resolv_conf(kaname_values_t *servers);

/*!
 * \brief Why an address is of no use to clients elsewhere.
 *
 * \param is_public  The server is asked from everywhere.
 *
 * \return A phrase that follows the address; NULL: it is of use, as far as can be seen.
 */
const char *kaname_host_odd(const char *address, bool is_public);
