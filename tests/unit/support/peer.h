/*!
 * \brief A peer that behaves well or badly over HTTP and TLS: a thread that serves one connection
 *        after the other.
 */

#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum {
	PEER_ANSWER = 0, /*!< Says `says` and closes. */
	PEER_WAIT,       /*!< Says `says`, and nothing more. */
	PEER_DRIP,       /*!< Says `says` octet by octet, with a pause after each. */
	PEER_FLOOD,      /*!< Says `says`, and then `filler` again and again. */
	PEER_GREET,      /*!< Says `says` before it is asked, and nothing more. */
	PEER_HALF_HELLO, /*!< Stops in the middle of its first message of a TLS handshake. */
} peer_manner_t;

typedef struct {
	peer_manner_t manner;
	const char *says, *filler;
	bool tls;
	/* What came of it. */
	uint16_t port;
	_Atomic unsigned accepted;
	_Atomic size_t flooded; /*!< Octets said, of a flood. */
	char request[1024];     /*!< The last one. */
	char sni[256];          /*!< The name in the last handshake. */
	/* The peer's own. */
	pthread_t thread;
	int listener, stop;
	void *credentials;
} peer_t;

/*! Octets of a flood, at most. */
#define PEER_FLOOD_MAX 10000000

/*! Starts a peer at all addresses of this host. Its certificate is nobody's that is trusted. */
void peer_start(peer_t *peer);

/*! Stops it; after that `request` and `sni` may be read. Whoever is connected to it must close. */
void peer_stop(peer_t *peer);
