/*!
 * \brief One dynamic update (RFC 2136) that compares and swaps: it changes the addresses of an owner
 *        if they are exactly what they are believed to be, and else nothing.  [P]
 *
 * What is compared stands in the prerequisites: that the set of each family is exactly this (RFC 2136,
 * 2.4.2) or that there is none (2.4.3), and that the owner's ANAME records are these. Only what
 * changes stands in the update section: the types A and AAAA at the owner, and nothing else.
 *
 * Thread: any.
 */

#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <libknot/dname.h>
#include <libknot/tsig-op.h>

#include "follow/set.h"

/*! Longest message: two families of KANAME_SET_MAX each, before and after, and the ANAME records. */
#define KANAME_UPDATE_MAX 65535

/*! Addresses as they are and as they are to be. */
typedef struct {
	const kaname_set_t *from, *to; /*!< NULL: there are none, are to be none. */
	/*! The TTL of what is there is another one than `ttl`, or not known: all is replaced. */
	bool replace;
} kaname_swap_t;

/*! The RRset of ANAME or ALIAS records that has to be at the owner. */
typedef struct {
	uint16_t type;
	uint16_t count; /*!< 0: it has to be there, whatever is in it. */
	const knot_dname_t *const *targets;
} kaname_expected_t;

typedef struct {
	const knot_dname_t *zone, *owner; /*!< In lower case. */
	uint32_t ttl;                     /*!< Of addresses that are added. */
	/*! Each family is compared, and changed where `from` and `to` differ or `replace` is set. */
	kaname_swap_t swap[KANAME_FAMILIES];
	unsigned expected_count; /*!< 0: the owner's ANAME records do not matter. */
	kaname_expected_t expected[2];
} kaname_update_t;

/*! How it ended. */
typedef enum {
	KANAME_UPDATE_DONE = 0,
	KANAME_UPDATE_OTHERWISE, /*!< What is there is something else: nothing was changed. */
	KANAME_UPDATE_REFUSED, /*!< By the server's configuration, or the key: nothing was changed,
	                              and nothing will be until somebody acts. */
	KANAME_UPDATE_FAILED,  /*!< The server could not (SERVFAIL): try again. */
	KANAME_UPDATE_UNKNOWN, /*!< No reply, or none that can be trusted: it may be done or not. */
} kaname_outcome_t;

/*! What became of it, and why, in words. */
typedef struct {
	kaname_outcome_t outcome;
	const char *why;  /*!< A phrase that stays, or `text`; not NULL. */
	const char *next; /*!< What to do about it; NULL: nothing. */
	char text[160];
} kaname_updated_t;

/*!
 * \brief Writes the message.
 *
 * \param key     Signs it (RFC 8945); NULL: nobody does.
 * \param wire    Gets it; KANAME_UPDATE_MAX octets.
 * \param digest  Gets the digest that the reply's signature covers; KNOT_TSIG_MAX_DIGEST_SIZE
 *                octets. `digest_len`: its octets.
 *
 * \return Octets of the message, or a KNOT_E*.
 */
int kaname_update_write(const kaname_update_t *update, uint16_t id, const knot_tsig_key_t *key,
                        uint8_t *wire, uint8_t *digest, size_t *digest_len);

/*!
 * \brief Reads the reply, and checks its signature if the message was signed.
 *
 * \param updated  Gets what it says, where it is the reply.
 *
 * \return false if it is no reply to this message.
 */
bool kaname_update_read(uint8_t *wire, size_t len, uint16_t id, const knot_tsig_key_t *key,
                        const uint8_t *digest, size_t digest_len, kaname_updated_t *updated);
