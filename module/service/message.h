/*!
 * \brief Messages to and from a recursor: a query built, a reply read.  [P]
 *
 * On libknot alone, without I/O. Thread: any.
 */

#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <libknot/dname.h>
#include <libknot/rrtype/opt.h>

#include "table/snapshot.h"

/*! UDP payload that queries offer (DNS flag day 2020: no fragments). */
#define ANAME_MESSAGE_UDP       1232
/*! Room that a query needs at most: header, question, OPT with a client subnet. */
#define ANAME_MESSAGE_QUERY_MAX (12 + KNOT_DNAME_MAXLEN + 4 + 11 + 4 + 20)
/*! What a query asks. */
typedef struct {
	const knot_dname_t *name;                /*!< Lower case. */
	uint16_t type;                           /*!< KNOT_RRTYPE_A or KNOT_RRTYPE_AAAA; of
	                                              others the names in their RDATA are read. */
	uint16_t id;                             /*!< Message identifier. */
	bool edns;                               /*!< Offer EDNS. */
	bool authentic;                          /*!< Ask for the AD bit (RFC 6840, 5.7). */
	unsigned max_aliases;                    /*!< Aliases that the reply may hold (L1). */
	const knot_edns_client_subnet_t *subnet; /*!< Client's subnet, or NULL; wants `edns`. */
} aname_message_query_t;

/*! What a reply contains. */
typedef struct {
	aname_known_t known; /*!< NOTHING if it is a failure, or `unfinished`. */
	aname_failure_t failure;
	const char *detail;        /*!< Why it is a failure: one phrase. */
	bool truncated;            /*!< Not to be used: ask again over TCP. */
	bool no_edns;              /*!< The server does not understand EDNS: ask again without. */
	bool no_subnet;            /*!< It may not want the client subnet: ask again without. */
	bool authentic;            /*!< AD is set. */
	bool nxdomain;             /*!< For NODATA: the name at the end of the chain is not. */
	bool has_opt;              /*!< It carries EDNS. */
	bool echoed;               /*!< It names the query's client subnet. */
	bool unfinished;           /*!< It ends at an alias: `last` is to be asked for. */
	bool bare;                 /*!< Negative, and without a SOA: nothing says for how long. */
	uint8_t scope;             /*!< Length of the client prefix it is for; 0: everybody. */
	unsigned aliases;          /*!< That were followed. */
	uint32_t ttl;              /*!< Seconds: least of the chain and the set, or RFC 2308's. */
	uint32_t count;            /*!< Addresses, at most ANAME_ADDRESSES_MAX. */
	uint16_t address_len;      /*!< 4 or 16; 0: they are names, one after the other. */
	uint32_t size;             /*!< Octets of `addresses`. */
	knot_dname_storage_t last; /*!< Where the chain ends, lower case, if it was followed. */
	uint8_t addresses[ANAME_ADDRESSES_MAX * 16];
} aname_message_reply_t;

/*!
 * \brief Builds a query.
 *
 * \param wire  Room for ANAME_MESSAGE_QUERY_MAX octets.
 *
 * \return Its length in octets, or a negative KNOT_E*.
 */
__attribute__((warn_unused_result)) int aname_message_build(const aname_message_query_t *query,
                                                            uint8_t *wire);

/*!
 * \brief Reads a reply.
 *
 * Follows the chain of CNAMEs from the question, in whatever order the records come, and takes
 * the addresses at its end; records off the chain are ignored. TTLs of 2^31 and more count as 0
 * (RFC 2181, 8).
 *
 * Without addresses at its end, it is negative if the rcode is NXDOMAIN, or if there is a SOA of
 * the last name's zone, or nothing at all (RFC 2308, 2). Else a chain is unfinished, and a referral
 * is a failure: that server does not look further.
 *
 * \param query  What was asked; the reply must echo it.
 * \param wire   The reply. Not changed.
 * \param len    Its length.
 * \param reply  What it contains; always filled in.
 */
void aname_message_read(const aname_message_query_t *query, const uint8_t *wire, size_t len,
                        aname_message_reply_t *reply);
