/*!
 * \brief Certificates for tests.
 */

#pragma once

#include <gnutls/x509.h>

typedef struct {
	gnutls_x509_crt_t crt;
	gnutls_x509_privkey_t key;
} certificate_t;

/*!
 * \brief Makes a certificate.
 *
 * \param host    For whom; NULL: for an authority.
 * \param issuer  Who signs it; NULL: it does itself.
 * \param days    How long it is good; negative: it was until so many days ago.
 */
certificate_t certificate_make(const char *host, const certificate_t *issuer, int days);

/*! In PEM, to be freed with gnutls_free(). */
char *certificate_pem(const certificate_t *certificate);

void certificate_free(certificate_t *certificate);
