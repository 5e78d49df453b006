/*!
 * \brief One question to a server, as a client asks it.
 */

#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <netinet/in.h>
#include <sys/socket.h>

#include <libknot/dname.h>

/*! Addresses kept of a reply. */
#define KANAME_ADDRESSES_MAX 256

typedef struct {
	const knot_dname_t *name;
	uint16_t type; /*!< KNOT_RRTYPE_A or KNOT_RRTYPE_AAAA. */
	bool tcp;
	bool dnssec; /*!< Ask for signatures (DO). */
	struct sockaddr_storage server;
	int timeout_ms;
} kaname_question_t;

/*! What came back. */
typedef struct {
	const char *failure; /*!< Why there is no reply, or NULL. */
	uint8_t rcode;
	bool truncated, authoritative;
	bool is_signed; /*!< A signature over the addresses is there. */
	int ede;        /*!< Extended error (RFC 8914), or -1. */
	uint32_t ttl;   /*!< Of the addresses. */
	unsigned count; /*!< Addresses; those that are kept are in text. */
	char addresses[KANAME_ADDRESSES_MAX][INET6_ADDRSTRLEN];
} kaname_answer_t;

/*! Asks, once, and waits for the reply. */
void kaname_ask(const kaname_question_t *question, kaname_answer_t *answer);

/*! What an extended error means; NULL if it is not one of the module's. */
const char *kaname_ede_text(int ede);
