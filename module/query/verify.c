#include "query/verify.h"

#include <string.h>

#include <libknot/descriptor.h>
#include <libknot/dname.h>
#include <libknot/rrtype/dnskey.h>
#include <libknot/rrtype/rrsig.h>
#include <libknot/rrtype/soa.h>

#include "table/dnssec.h"

/*! Octets of a signature's RDATA before the signer's name (RFC 4034, 3.1). */
#define HEADER_SIZE     18
/*! Octets of a record between its owner and its RDATA. */
#define RECORD_SIZE     10
/*! Octets of a DNSKEY's RDATA before the key (RFC 4034, 2.1). */
#define KEY_HEADER_SIZE 4

/*! Largest RSA modulus that this module signs with; RFC 3110 knows none that is larger. */
#define MODULUS_MAX  512
/*! Largest public exponent. All that are in use are shorter, and to verify takes time by it. */
#define EXPONENT_MAX 8

#define SOA_MAX    (2 * KNOT_DNAME_MAXLEN + 20)
#define SIGNED_MAX (HEADER_SIZE + 2 * KNOT_DNAME_MAXLEN + RECORD_SIZE + SOA_MAX)

/*! What is being verified. */
typedef struct {
	const aname_apex_t *apex;
	aname_verified_t *verified;
	unsigned tries;
} round_t;

static bool is_rsa(uint8_t algorithm)
{
	switch (algorithm) {
	case DNSSEC_KEY_ALGORITHM_RSA_SHA1:
	case DNSSEC_KEY_ALGORITHM_RSA_SHA1_NSEC3:
	case DNSSEC_KEY_ALGORITHM_RSA_SHA256:
	case DNSSEC_KEY_ALGORITHM_RSA_SHA512: return true;
	default: return false;
	}
}

/*! Is a key of a size that is quickly verified with? The lengths of all but RSA's are fixed. */
static bool is_quick(const knot_rdata_t *dnskey)
{
	const uint8_t *key = knot_dnskey_key(dnskey);
	uint16_t len = knot_dnskey_key_len(dnskey);
	if (!is_rsa(knot_dnskey_alg(dnskey))) {
		return len <= MODULUS_MAX;
	}
	/* A longer exponent has its length in the two octets behind a zero (RFC 3110, 2). */
	return len > 1 && key[0] > 0 && key[0] <= EXPONENT_MAX && len - 1 - key[0] <= MODULUS_MAX;
}

/*! Octets of the name at `at`; 0 if there is none. */
static size_t name_size(const uint8_t *at, const uint8_t *end)
{
	int size = at < end ? knot_dname_wire_check(at, end, NULL) : 0;
	return size > 0 ? size : 0;
}

/*! The SOA record's RDATA with its names in lower case (RFC 4034, 6.2); returns its end, or NULL. */
static uint8_t *write_soa(const knot_rdata_t *soa, uint8_t *at)
{
	uint8_t *end = at + soa->len;
	memcpy(at, soa->data, soa->len);
	for (unsigned i = 0; i < 2; i++) {
		size_t size = name_size(at, end);
		if (size == 0) {
			return NULL;
		}
		knot_dname_to_lower(at);
		at += size;
	}
	return end;
}

/*!
 * Writes what a signature over the SOA record is made of (RFC 4034, 3.1.8.1).
 *
 * Returns its octets; 0 if it is another zone's, or malformed.
 */
static size_t write_signed(const aname_apex_t *apex, const knot_rdata_t *rrsig, uint8_t *buffer,
                           dnssec_binary_t *signature)
{
	const uint8_t *end = rrsig->data + rrsig->len;
	const knot_dname_t *signer = rrsig->data + HEADER_SIZE;
	size_t signer_size = rrsig->len > HEADER_SIZE ? name_size(signer, end) : 0;
	if (signer_size == 0 || signer + signer_size == end ||
	    !knot_dname_is_case_equal(signer, apex->zone) ||
	    knot_rrsig_labels(rrsig) != knot_dname_labels(apex->zone, NULL) ||
	    apex->soa.count != 1 || apex->soa.rdata->len > SOA_MAX) {
		return 0;
	}
	signature->data = (uint8_t *)signer + signer_size;
	signature->size = end - signature->data;

	uint8_t *at = buffer;
	memcpy(at, rrsig->data, HEADER_SIZE);
	at += HEADER_SIZE;
	memcpy(at, apex->zone, signer_size); /* The signer's, in lower case. */
	at += signer_size;
	memcpy(at, apex->zone, signer_size);
	at += signer_size;
	knot_wire_write_u16(at, KNOT_RRTYPE_SOA);
	knot_wire_write_u16(at + 2, KNOT_CLASS_IN);
	knot_wire_write_u32(at + 4, knot_rrsig_original_ttl(rrsig));
	knot_wire_write_u16(at + 8, apex->soa.rdata->len);
	at = write_soa(apex->soa.rdata, at + RECORD_SIZE);
	return at != NULL ? at - buffer : 0;
}

/*! Does the signature over these octets verify with the key? */
static bool is_good(const dnssec_key_t *key, const dnssec_binary_t *octets,
                    const dnssec_binary_t *signature)
{
	dnssec_sign_ctx_t *ctx = NULL;
	bool good = dnssec_sign_new(&ctx, key) == DNSSEC_EOK &&
	            dnssec_sign_add(ctx, octets) == DNSSEC_EOK &&
	            dnssec_sign_verify(ctx, false, signature) == DNSSEC_EOK;
	dnssec_sign_free(ctx);
	return good;
}

static aname_verify_failure_t fail(round_t *round, aname_verify_failure_t failure,
                                   const knot_rdata_t *rrsig, int error)
{
	aname_verified_t *verified = round->verified;
	if (verified->failure == ANAME_VERIFY_UNSIGNED) {
		verified->failure = failure;
		verified->algorithm = knot_rrsig_alg(rrsig);
		verified->key_tag = knot_rrsig_key_tag(rrsig);
		verified->error = error;
	}
	return failure;
}

/*! Verifies a signature with a key; ANAME_VERIFY_UNSIGNED: nothing is wrong with it. */
static aname_verify_failure_t verify(round_t *round, const knot_rdata_t *rrsig,
                                     const knot_rdata_t *dnskey)
{
	uint8_t buffer[SIGNED_MAX];
	dnssec_binary_t octets = { .data = buffer }, signature;
	octets.size = write_signed(round->apex, rrsig, buffer, &signature);
	if (octets.size == 0) {
		return fail(round, ANAME_VERIFY_BOGUS, rrsig, 0);
	}
	if (round->tries++ >= ANAME_VERIFY_TRIES_MAX) {
		return fail(round, ANAME_VERIFY_TOO_MANY, rrsig, 0);
	}
	const dnssec_binary_t rdata = { .data = (uint8_t *)dnskey->data, .size = dnskey->len };
	dnssec_key_t *key = NULL;
	int ret = is_quick(dnskey) ? dnssec_key_new(&key) : DNSSEC_INVALID_KEY_SIZE;
	if (ret == DNSSEC_EOK) {
		ret = dnssec_key_set_rdata(key, &rdata);
	}
	aname_verify_failure_t failure = ANAME_VERIFY_UNSIGNED;
	if (ret != DNSSEC_EOK) {
		failure = fail(round, ANAME_VERIFY_UNREADABLE, rrsig, ret);
	} else if (!is_good(key, &octets, &signature)) {
		failure = fail(round, ANAME_VERIFY_BOGUS, rrsig, 0);
	}
	dnssec_key_free(key);
	return failure;
}

/*! Does a signature name a key? */
static bool is_named(const knot_rdata_t *rrsig, const knot_rdata_t *dnskey)
{
	const dnssec_binary_t rdata = { .data = (uint8_t *)dnskey->data, .size = dnskey->len };
	uint16_t key_tag = 0;
	return dnskey->len > KEY_HEADER_SIZE && knot_dnskey_alg(dnskey) == knot_rrsig_alg(rrsig) &&
	       dnssec_keytag(&rdata, &key_tag) == DNSSEC_EOK &&
	       key_tag == knot_rrsig_key_tag(rrsig);
}

/*! Looks for the key that has made a signature. What a key is verified by, it is once. */
static void find_key(round_t *round, const knot_rdata_t *rrsig)
{
	const knot_rdataset_t *keys = &round->apex->dnskey;
	aname_verified_t *verified = round->verified;
	bool named = false, good = false;
	knot_rdata_t *dnskey = keys->rdata;
	for (unsigned i = 0; i < keys->count && i < ANAME_VERIFY_KEYS_MAX && !good; i++) {
		if (is_named(rrsig, dnskey)) {
			named = true;
			good = verified->keys & 1u << i ||
			       verify(round, rrsig, dnskey) == ANAME_VERIFY_UNSIGNED;
			verified->keys |= good ? 1u << i : 0;
		}
		dnskey = knot_rdataset_next(dnskey);
	}
	verified->whole &= good || !named;
}

void aname_verify_apex(const aname_apex_t *apex, aname_verified_t *verified)
{
	*verified = (aname_verified_t){ .whole = true };
	round_t round = { .apex = apex, .verified = verified };
	aname_verify_iter_t iter;
	aname_verify_begin(&iter, &apex->rrsigs);
	const knot_rdata_t *rrsig;
	while ((rrsig = aname_verify_next(&iter)) != NULL) {
		find_key(&round, rrsig);
	}
}
