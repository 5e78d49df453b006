/*!
 * \brief One question to a server, as a client asks it.
 */

#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <netinet/in.h>
#include <sys/socket.h>

#include <libknot/dname.h>

/*! Longest query. */
#define KANAME_QUERY_MAX     512
/*! Longest reply over UDP. */
#define KANAME_UDP_REPLY_MAX 1232
/*! Addresses kept of a reply. */
#define KANAME_ADDRESSES_MAX 256

typedef struct {
	const knot_dname_t *name; /*!< NULL where a reply is read by its identifier alone. */
	uint16_t type;            /*!< KNOT_RRTYPE_A, KNOT_RRTYPE_AAAA or KNOT_RRTYPE_SOA. */
	bool tcp;
	bool dnssec;    /*!< Ask for signatures (DO). */
	bool recursive; /*!< Ask a recursor to look further (RD). */
	struct sockaddr_storage server;
	int timeout_ms;
} kaname_question_t;

/*! What came back. */
typedef struct {
	const char *failure; /*!< Why there is no reply, or NULL. */
	uint8_t rcode;
	bool truncated, authoritative;
	bool recursion;            /*!< The server looks further for this client (RA). */
	knot_dname_storage_t last; /*!< The name at the end of the aliases in the reply. */
	bool is_signed;            /*!< A signature over the addresses is there. */
	int ede;                   /*!< Extended error (RFC 8914), or -1. */
	uint32_t ttl;              /*!< Of the addresses. */
	bool has_serial;           /*!< There is an SOA record in the answer. */
	uint32_t serial;           /*!< Its serial. */
	unsigned count;            /*!< Addresses; those that are kept are in text. */
	char addresses[KANAME_ADDRESSES_MAX][INET6_ADDRSTRLEN];
} kaname_answer_t;

/*!
 * \brief Reads ADDRESS[@PORT] of an option `listen`; an address of all becomes that of the loopback.
 *
 * \return False if it is none: what listens on a Unix socket, for one.
 */
bool kaname_address_read(const char *text, struct sockaddr_storage *server);

/*!
 * \brief Writes the query of a question.
 *
 * \return Its length, or a KNOT_E*.
 */
int kaname_query_write(const kaname_question_t *question, uint16_t id,
                       uint8_t wire[KANAME_QUERY_MAX]);

/*!
 * \brief Reads a message.
 *
 * \param answer  Where it is a reply, with `ede` set to -1 before and all else zeroed.
 *
 * \return False if it is no reply to this query.
 */
bool kaname_reply_read(const kaname_question_t *question, const uint8_t *query, uint8_t *wire,
                       size_t len, kaname_answer_t *answer);

/*! Asks, once, and waits for the reply. */
void kaname_ask(const kaname_question_t *question, kaname_answer_t *answer);

/*! The time, of a clock that nobody sets. */
int64_t kaname_now_ms(void);

/*! What an extended error means; NULL if it is not one of the module's. */
const char *kaname_ede_text(int ede);
