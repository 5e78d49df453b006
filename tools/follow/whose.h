/*!
 * \brief Whose a journal is, as it is noted there.
 *
 *     local /run/knot/knot.sock  the knotd of this control socket, wherever it listens
 *     at 192.0.2.53@53           the primary that --primary named
 *
 * Thread: any.
 */

#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <netinet/in.h>

#include "config.h"

/*! Longest text, with its end. */
#define KANAME_WHOSE_MAX 600

/*! Where what is written goes. */
typedef struct {
	const char
	        *socket; /*!< Of the local knotd; NULL: it goes to `server`, which is elsewhere. */
	const kaname_values_t *listen; /*!< Where that knotd listens. */
	const struct sockaddr_storage *server;
	bool has_moved; /*!< The primary of the journal is this one, by whatever name it has there. */
} kaname_whose_t;

/*! Writes what is noted of it. */
void kaname_whose_write(const kaname_whose_t *whose, char text[KANAME_WHOSE_MAX]);

/*!
 * \brief Is what is noted the same one?
 *
 * An address is that of the local knotd if that listens there.
 */
bool kaname_whose_is(const kaname_whose_t *whose, const char *noted);

/*! Says what is noted; returns the text. */
const char *kaname_whose_tell(const char *noted, char text[KANAME_WHOSE_MAX]);
