/*!
 * \brief Is a peer's certificate good, by the system's CA store?  [P]
 *
 * libcurl would read the store anew for each connection, which takes 20 ms and megabytes with the
 * release of Debian 12. So it hands us the certificates, and the store is read once in a while.
 * That the peer has the key of its certificate the handshake has shown in any case.
 *
 * Thread: service.
 */

#pragma once

#include <stddef.h>
#include <stdint.h>

#include <gnutls/x509.h>

#include "service/probe/subject.h"

/*! How long what was read of the store counts. */
#define ANAME_TRUST_KEEP_MS 3600000

/*! Longest chain of certificates that is looked at. */
#define ANAME_TRUST_CHAIN_MAX 10

/*! All zero: not read yet. */
typedef struct {
	gnutls_x509_trust_list_t list;
	int64_t read_ms;
} aname_trust_t;

void aname_trust_deinit(aname_trust_t *trust);

/*!
 * \brief Checks a chain of certificates.
 *
 * \param chain  In PEM, the peer's own first.
 * \param count  How many, at most ANAME_TRUST_CHAIN_MAX.
 * \param host   For whom it has to be good.
 *
 * \return UP if it is good, NONE if the store cannot be read, else DOWN.
 */
aname_end_t aname_trust_check(aname_trust_t *trust, const char *const chain[], size_t count,
                              const char *host, int64_t now_ms);
