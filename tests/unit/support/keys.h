/*!
 * \brief Private keys for tests, and what verifies signatures made with them.
 */

#pragma once

#include "table/secrets.h"

/*! Makes a key of this algorithm and puts its file into a directory; RDATA of its DNSKEY record.
 *  Ownership of `rdata->data`: the caller's. */
dnssec_binary_t keys_make(const char *directory, dnssec_key_algorithm_t algorithm, unsigned bits);

/*! A directory of its own for keys, removed by keys_remove(). */
char *keys_directory(void);
void keys_remove(char *directory);

/*! A READY secret with a key made for it. Ownership: the caller's, keys_free(). */
aname_secret_t *keys_ready(dnssec_key_algorithm_t algorithm, unsigned bits);
void keys_free(aname_secret_t *secret);
