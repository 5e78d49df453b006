#include "support/test.h"

#include <gnutls/gnutls.h>

#include "service/probe/trust.h"
#include "support/certificates.h"

#define NOW_MS 5000

typedef struct {
	const char *proves;
	const char *host; /*!< Of the certificate. */
	int days;         /*!< How long it is good. */
	bool by_itself;   /*!< It is signed by itself, and not by an authority. */
	bool no_middle;   /*!< The authority between is left out. */
	bool unknown;     /*!< The authority is not trusted. */
	bool good;
} trust_row_t;

static const trust_row_t rows[] = {
	{ "H1: a certificate that a trusted authority leads to", "www.example.com", 1,
	  .good = true },
	{ "H1: one for all names below", "*.example.com", 1, .good = true },
	{ "H1: one for another name is bad", "www.example.net", 1, .good = false },
	{ "H1: one that has expired is bad", "www.example.com", -1, .good = false },
	{ "H1: one that nobody signed is bad", "www.example.com", 1, .by_itself = true },
	{ "H1: one without what is between is bad", "www.example.com", 1, .no_middle = true },
	{ "H1: one of an authority that is not trusted is bad", "www.example.com", 1,
	  .unknown = true },
};

static aname_end_t check(aname_trust_t *trust, const certificate_t *first,
                         const certificate_t *second)
{
	char *chain[] = { certificate_pem(first), certificate_pem(second) };
	aname_end_t end = aname_trust_check(trust, (const char *const *)chain,
	                                    first == second ? 1 : 2, "www.example.com", NOW_MS);
	gnutls_free(chain[0]);
	gnutls_free(chain[1]);
	return end;
}

static void check_row(void **state)
{
	const trust_row_t *row = *state;
	certificate_t root = certificate_make(NULL, NULL, 9),
	              other = certificate_make(NULL, NULL, 9);
	certificate_t middle = certificate_make(NULL, &root, 9);
	certificate_t own = certificate_make(row->host, row->by_itself ? NULL : &middle, row->days);

	aname_trust_t trust = { .read_ms = NOW_MS };
	assert_int_equal(gnutls_x509_trust_list_init(&trust.list, 0), 0);
	assert_int_equal(gnutls_x509_trust_list_add_cas(
	                         trust.list, row->unknown ? &other.crt : &root.crt, 1, 0),
	                 1);
	aname_end_t end = check(&trust, &own, row->no_middle ? &own : &middle);
	assert_int_equal(end.outcome, row->good ? ANAME_OUTCOME_UP : ANAME_OUTCOME_DOWN);
	if (!row->good) {
		assert_string_equal(end.why, "bad certificate");
	}
	gnutls_x509_trust_list_deinit(trust.list, 0);
	certificate_free(&own);
	certificate_free(&middle);
	certificate_free(&root);
	certificate_free(&other);
}

static void garbage(void **state)
{
	aname_trust_t trust = { .read_ms = NOW_MS };
	assert_int_equal(gnutls_x509_trust_list_init(&trust.list, 0), 0);
	static const char *const chain[ANAME_TRUST_CHAIN_MAX + 1] = {
		"", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
	};
	for (size_t count = 0; count <= ANAME_TRUST_CHAIN_MAX + 1; count++) {
		size_t from = count == 1; /* Then the other one. */
		aname_end_t end = aname_trust_check(&trust, chain + from, count, "a", NOW_MS);
		assert_int_equal(end.outcome, ANAME_OUTCOME_DOWN);
	}
	aname_trust_deinit(&trust);
	aname_trust_deinit(&trust);
}

static void read_once(void **state)
{
	/* By the system's store nothing of ours is good. It is read anew after a while. */
	aname_trust_t trust = { 0 };
	certificate_t own = certificate_make("www.example.com", NULL, 1);
	aname_end_t end = check(&trust, &own, &own);
	assert_int_not_equal(end.outcome, ANAME_OUTCOME_UP);
	if (end.outcome == ANAME_OUTCOME_DOWN) { /* There is one. */
		assert_int_equal(trust.read_ms, NOW_MS);
		char *pem = certificate_pem(&own);
		const char *const chain[] = { pem };
		static const int64_t later_ms[] = { ANAME_TRUST_KEEP_MS - 1, ANAME_TRUST_KEEP_MS };
		for (size_t i = 0; i < COUNT_OF(later_ms); i++) {
			int64_t now_ms = NOW_MS + later_ms[i];
			end = aname_trust_check(&trust, chain, 1, "www.example.com", now_ms);
			assert_int_equal(end.outcome, ANAME_OUTCOME_DOWN);
			assert_int_equal(trust.read_ms, i == 0 ? NOW_MS : now_ms);
		}
		gnutls_free(pem);
	}
	aname_trust_deinit(&trust);
	certificate_free(&own);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PROVES("H1: what is no certificate is bad", garbage),
		PROVES("H1: the system's store is read once in a while", read_once),
	};
	return RUN_ROWS("trust: certificates", rows, check_row) + RUN_TESTS("trust", tests);
}
