/*!
 * \brief One dynamic update (RFC 2136) that compares and swaps: it changes the addresses of an owner
 *        if they are exactly what they are believed to be, and else nothing.  [P]
 *
 * What is compared stands in the prerequisites: that the set of each family is exactly this (RFC 2136,
 * 2.4.2) or that there is none (2.4.3), and that the owner's ANAME records are these. Only what
 * changes stands in the update section: the types A and AAAA at the owner, and nothing else.
 *
 * *What primaries make of it*, tried with Knot 3.2.6, 3.4.6 and 3.5.8, BIND 9.18 and 9.20,
 * PowerDNS 4.7, 4.9 and 5.1 (tests/functional/test_follow_update.py):
 * - All of them compare sets of A, AAAA and TYPE65305 by value, at the apex, below it and at
 *   wildcards, and answer NXRRSET or YXRRSET where they differ; nothing is changed then. RDATA
 *   of types that they do not know is compared octet by octet: a target in upper case is another
 *   one.
 * - PowerDNS 4 never finds an ALIAS RRset equal: there only its being there can be asked for
 *   (kaname_expected_t, `count` 0).
 * - A zone that is configured and has no contents (not loaded yet, expired) is like one without
 *   records for Knot since 3.4, NXRRSET, and SERVFAIL for Knot 3.2. So NXRRSET says something
 *   about an owner only where its zone is loaded, and `expected` should never be empty for an
 *   owner that has ANAME records.
 * - A frozen zone of Knot: 3.2 answers REFUSED; since 3.4 the update waits, without a reply, and
 *   is done when the zone is thawed.
 * - While a control transaction is open in a zone of Knot (`zone-begin`), an update of it waits
 *   for its end, without a reply. It is neither part of the transaction nor lost: what is
 *   compared is what is there after the commit. But one of knotd's background workers waits with
 *   it: knotd does not end on SIGTERM then, `knotc reload` of 3.2 hangs for ever, and zones
 *   without a transaction stand still where as many wait as there are `background-workers`.
 *   Therefore look before each update, and send none if it is open: `zone-status` of the zone
 *   with the filter of transactions (`knotc zone-status ZONE +transaction`) says "open".
 * - BIND takes no more than `max-records-per-type` addresses of a family, 100 if it is not set,
 *   and answers SERVFAIL to more.
 * - What the key may not do: Knot 3.2 answers NOTAUTH and BADKEY, 3.4 and later a bare NOTAUTH;
 *   BIND and PowerDNS REFUSED.
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
#define KANAME_UPDATE_MAX        65535
/*! Longest digest of a signature (HMAC-SHA512). */
#define KANAME_UPDATE_DIGEST_MAX 64

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
	/*! Octet by octet as they stand in the zone, in the same case. */
	const knot_dname_t *const *targets;
} kaname_expected_t;

typedef struct {
	const knot_dname_t *zone, *owner; /*!< In lower case. */
	uint32_t ttl;                     /*!< Of addresses that are added. */
	unsigned expected_count;          /*!< 0: the owner's ANAME records do not matter. */
	/*! Each family is compared, and changed where `from` and `to` differ or `replace` is set. */
	kaname_swap_t swap[KANAME_FAMILIES];
	bool is_gone; /*!< The owner must have neither ANAME nor ALIAS records. */
	kaname_expected_t expected[2];
} kaname_update_t;

/*! How it ended. */
typedef enum {
	KANAME_UPDATE_DONE = 0,
	KANAME_UPDATE_OTHERWISE, /*!< What is there is something else: nothing was changed. Or the
	                              zone has no contents now. */
	KANAME_UPDATE_REFUSED, /*!< By the server's configuration, or the key: nothing was changed,
	                              and nothing will be until somebody acts. If nobody signed it
	                              that is not sure: see `is_unsigned`. */
	KANAME_UPDATE_FAILED,  /*!< The server could not (SERVFAIL), or it never got it: nothing was
	                            changed, try again. */
	KANAME_UPDATE_UNKNOWN, /*!< No reply, or none that can be trusted: it may be done or not, or be
	                            done later. */
} kaname_outcome_t;

/*! What became of it, and why, in words. */
typedef struct {
	kaname_outcome_t outcome;
	bool is_unsigned; /*!< Anybody may have said so: nothing follows from it. */
	const char *why;  /*!< A phrase that stays, or `text`; not NULL. */
	const char *next; /*!< What to do about it; NULL: nothing. */
	char text[160];
} kaname_updated_t;

/*!
 * \brief Writes the message.
 *
 * \param key     Signs it (RFC 8945); NULL: nobody does.
 * \param wire    Gets it; KANAME_UPDATE_MAX octets.
 * \param digest  Gets the digest that the reply's signature covers; KANAME_UPDATE_DIGEST_MAX
 *                octets. `digest_len`: its octets.
 *
 * \return Octets of the message, or a KNOT_E*.
 */
int kaname_update_write(const kaname_update_t *update, uint16_t id, const knot_tsig_key_t *key,
                        uint8_t *wire, uint8_t *digest, size_t *digest_len);

/*! May it be that the key is good, and may not do this? */
bool kaname_update_may_not(const kaname_updated_t *updated);

/*!
 * \brief Reads the reply, and checks its signature if the message was signed. What nobody signed is
 *        believed where it is an error, and only as such.
 *
 * \param wire     Is changed.
 * \param updated  Gets what it says, where it is the reply.
 *
 * \return false if it is no reply to this message.
 */
bool kaname_update_read(uint8_t *wire, size_t len, uint16_t id, const knot_tsig_key_t *key,
                        const uint8_t *digest, size_t digest_len, kaname_updated_t *updated);
