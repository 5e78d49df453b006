#include "service/probe/trust.h"

#include <string.h>

#include <gnutls/gnutls.h>

void aname_trust_deinit(aname_trust_t *trust)
{
	if (trust->list != NULL) {
		gnutls_x509_trust_list_deinit(trust->list, 1);
	}
	*trust = (aname_trust_t){ 0 };
}

/*! Reads the store, if that was not done of late. */
static bool read_store(aname_trust_t *trust, int64_t now_ms)
{
	if (trust->list != NULL && now_ms - trust->read_ms < ANAME_TRUST_KEEP_MS) {
		return true;
	}
	aname_trust_t fresh = { .read_ms = now_ms };
	if (gnutls_x509_trust_list_init(&fresh.list, 0) != 0) {
		return trust->list != NULL;
	}
	if (gnutls_x509_trust_list_add_system_trust(fresh.list, 0, 0) <= 0) {
		aname_trust_deinit(&fresh);
		return trust->list != NULL;
	}
	aname_trust_deinit(trust);
	*trust = fresh;
	return true;
}

/*! Is the chain good for the host? */
static bool verify(const aname_trust_t *trust, gnutls_x509_crt_t *certificates, unsigned count,
                   const char *host)
{
	gnutls_typed_vdata_st wanted[] = {
		{ .type = GNUTLS_DT_DNS_HOSTNAME, .data = (unsigned char *)host },
		{ .type = GNUTLS_DT_KEY_PURPOSE_OID,
		  .data = (unsigned char *)GNUTLS_KP_TLS_WWW_SERVER },
	};
	unsigned status = 0;
	return gnutls_x509_trust_list_verify_crt2(trust->list, certificates, count, wanted,
	                                          sizeof(wanted) / sizeof(wanted[0]), 0, &status,
	                                          NULL) == 0 &&
	       status == 0;
}

aname_end_t aname_trust_check(aname_trust_t *trust, const char *const chain[], size_t count,
                              const char *host, int64_t now_ms)
{
	if (!read_store(trust, now_ms)) {
		return (aname_end_t){ ANAME_OUTCOME_NONE, "no CA store can be read" };
	}
	gnutls_x509_crt_t certificates[ANAME_TRUST_CHAIN_MAX];
	unsigned read = 0;
	bool good = count > 0 && count <= ANAME_TRUST_CHAIN_MAX;
	for (size_t i = 0; i < count && good; i++) {
		const gnutls_datum_t pem = { .data = (unsigned char *)chain[i],
			                     .size = strlen(chain[i]) };
		if (gnutls_x509_crt_init(&certificates[read]) != 0) {
			good = false;
			break;
		}
		read++;
		good = gnutls_x509_crt_import(certificates[i], &pem, GNUTLS_X509_FMT_PEM) == 0;
	}
	good = good && verify(trust, certificates, read, host);
	for (unsigned i = 0; i < read; i++) {
		gnutls_x509_crt_deinit(certificates[i]);
	}
	return good ? (aname_end_t){ ANAME_OUTCOME_UP, NULL }
	            : (aname_end_t){ ANAME_OUTCOME_DOWN, "bad certificate" };
}
