/*!
 * \brief A network of clients, as queries carry it (EDNS client subnet, RFC 7871).  [P]
 *
 * Pure functions. Thread: any.
 */

#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <libknot/rrtype/opt.h>

/*! Address families, as numbered by IANA. */
#define ANAME_SUBNET_IPV4 1
#define ANAME_SUBNET_IPV6 2

/*! Longest prefix that is sent to a resolver, however long the client's is. */
#define ANAME_SUBNET_MAX 64

/*! A network. Free of padding and zero past the prefix: compared with memcmp. */
typedef struct {
	uint8_t family; /*!< ANAME_SUBNET_IPV4 or ANAME_SUBNET_IPV6. */
	uint8_t len;    /*!< Length of the prefix in bits. */
	uint8_t address[16];
} aname_subnet_t;

/*! The network of at most `len` bits around a network. */
aname_subnet_t aname_subnet_cut(const aname_subnet_t *subnet, uint8_t len);

bool aname_subnet_equal(const aname_subnet_t *one, const aname_subnet_t *other);

/*! The source prefix of an EDNS option, cut to at most `len` bits. */
aname_subnet_t aname_subnet_of_option(const knot_edns_client_subnet_t *option, uint8_t len);

/*! The option that a query carries to a resolver. */
knot_edns_client_subnet_t aname_subnet_to_option(const aname_subnet_t *subnet);
