#include "support/certificates.h"

#include <time.h>

#include <gnutls/gnutls.h>

#include "support/test.h"

#define DAY_S 86400

certificate_t certificate_make(const char *host, const certificate_t *issuer, int days)
{
	static unsigned char serial;
	certificate_t made;
	const char *error;
	char name[sizeof("CN=authority 255")];
	unsigned bits = GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1);
	assert_int_equal(gnutls_x509_privkey_init(&made.key), 0);
	assert_int_equal(gnutls_x509_privkey_generate(made.key, GNUTLS_PK_ECDSA, bits, 0), 0);
	gnutls_x509_crt_t crt;
	assert_int_equal(gnutls_x509_crt_init(&crt), 0);
	(void)snprintf(name, sizeof(name), "CN=%s %u", host != NULL ? "host" : "authority",
	               ++serial);
	assert_int_equal(gnutls_x509_crt_set_version(crt, 3), 0);
	assert_int_equal(gnutls_x509_crt_set_dn(crt, name, &error), 0);
	assert_int_equal(gnutls_x509_crt_set_serial(crt, &serial, 1), 0);
	assert_int_equal(gnutls_x509_crt_set_activation_time(crt, time(NULL) - 10 * DAY_S), 0);
	assert_int_equal(gnutls_x509_crt_set_expiration_time(crt, time(NULL) + days * DAY_S), 0);
	assert_int_equal(gnutls_x509_crt_set_key(crt, made.key), 0);
	assert_int_equal(gnutls_x509_crt_set_ca_status(crt, host == NULL), 0);
	if (host != NULL) {
		assert_int_equal(gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_DNSNAME, host,
		                                                      strlen(host),
		                                                      GNUTLS_FSAN_SET),
		                 0);
	}
	made.crt = crt;
	const certificate_t *by = issuer != NULL ? issuer : &made;
	assert_int_equal(gnutls_x509_crt_sign2(crt, by->crt, by->key, GNUTLS_DIG_SHA256, 0), 0);

	/* Who verifies wants what was read. */
	gnutls_datum_t der;
	assert_int_equal(gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_DER, &der), 0);
	gnutls_x509_crt_deinit(crt);
	assert_int_equal(gnutls_x509_crt_init(&made.crt), 0);
	assert_int_equal(gnutls_x509_crt_import(made.crt, &der, GNUTLS_X509_FMT_DER), 0);
	gnutls_free(der.data);
	return made;
}

char *certificate_pem(const certificate_t *certificate)
{
	gnutls_datum_t pem;
	assert_int_equal(gnutls_x509_crt_export2(certificate->crt, GNUTLS_X509_FMT_PEM, &pem), 0);
	return (char *)pem.data; /* A zero ends it. */
}

void certificate_free(certificate_t *certificate)
{
	gnutls_x509_crt_deinit(certificate->crt);
	gnutls_x509_privkey_deinit(certificate->key);
}
