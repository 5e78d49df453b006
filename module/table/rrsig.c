#include "table/rrsig.h"

#include <stdlib.h>
#include <string.h>

#include <libknot/errcode.h>
#include <libknot/packet/rrset-wire.h>
#include <libknot/wire.h>

/*! How far in the past Knot lets signatures begin, for clocks that are slow. */
#define BACKDATED_S 5400

/*! Octets of RRSIG RDATA before the signer's name (RFC 4034, 3.1). */
#define HEADER_SIZE 18

/*! Longest signature: RSA with 4096 bits. */
#define SIGNATURE_MAX 512

aname_validity_t aname_rrsig_validity(uint32_t soa_inception, uint32_t soa_expiration, uint32_t ttl,
                                      int64_t now_s)
{
	/* Serial number arithmetic (RFC 4034, 3.1.5). */
	int32_t span = (int32_t)(soa_expiration - soa_inception);
	int64_t lifetime = span > BACKDATED_S ? span - BACKDATED_S : span;
	if (lifetime < 1) {
		lifetime = 1;
	}
	int64_t before = lifetime / 10;
	if (before < (int64_t)ttl + 3600) {
		before = (int64_t)ttl + 3600;
	}
	if (before > lifetime / 2) {
		before = lifetime / 2;
	}
	return (aname_validity_t){
		.inception = now_s - BACKDATED_S,
		.expiration = now_s + lifetime,
		.refresh = now_s + lifetime - before,
	};
}

/*! The RRSIG RDATA without the signature; returns its length. */
static size_t write_header(uint8_t *at, const knot_rrset_t *rrset,
                           const aname_rrsig_signers_t *signers, const dnssec_key_t *key,
                           const aname_validity_t *validity)
{
	size_t labels = knot_dname_labels(rrset->owner, NULL);
	knot_wire_write_u16(at, rrset->type);
	at[2] = dnssec_key_get_algorithm(key);
	at[3] = labels - (knot_dname_is_wildcard(rrset->owner) ? 1 : 0);
	knot_wire_write_u32(at + 4, rrset->ttl);
	knot_wire_write_u32(at + 8, (uint32_t)validity->expiration);
	knot_wire_write_u32(at + 12, (uint32_t)validity->inception);
	knot_wire_write_u16(at + 16, dnssec_key_get_keytag(key));
	size_t signer_size = knot_dname_size(signers->zone);
	memcpy(at + HEADER_SIZE, signers->zone, signer_size);
	return HEADER_SIZE + signer_size;
}

/*! Signs what is in `header` and `records`. */
static int compute(const dnssec_key_t *key, const dnssec_binary_t *header,
                   const dnssec_binary_t *records, dnssec_binary_t *signature)
{
	dnssec_sign_ctx_t *ctx = NULL;
	int ret = dnssec_sign_new(&ctx, key);
	if (ret == DNSSEC_EOK) {
		ret = dnssec_sign_add(ctx, header);
	}
	if (ret == DNSSEC_EOK) {
		ret = dnssec_sign_add(ctx, records);
	}
	if (ret == DNSSEC_EOK) {
		ret = dnssec_sign_write(ctx, DNSSEC_SIGN_NORMAL, signature);
	}
	dnssec_sign_free(ctx);
	return ret == DNSSEC_EOK ? KNOT_EOK : KNOT_ERROR;
}

static int sign_with(const dnssec_key_t *key, const knot_rrset_t *rrset,
                     const aname_rrsig_signers_t *signers, const aname_validity_t *validity,
                     const dnssec_binary_t *records, knot_rdataset_t *rrsigs)
{
	uint8_t rdata[HEADER_SIZE + KNOT_DNAME_MAXLEN + SIGNATURE_MAX];
	size_t header_size = write_header(rdata, rrset, signers, key, validity);
	const dnssec_binary_t header = { .data = rdata, .size = header_size };
	dnssec_binary_t signature = { 0 };
	int ret = compute(key, &header, records, &signature);
	if (ret == KNOT_EOK && signature.size > SIGNATURE_MAX) {
		ret = KNOT_ERROR;
	}
	if (ret == KNOT_EOK) {
		memcpy(rdata + header_size, signature.data, signature.size);
		knot_rrset_t made;
		knot_rrset_init(&made, rrset->owner, KNOT_RRTYPE_RRSIG, KNOT_CLASS_IN, rrset->ttl);
		made.rrs = *rrsigs;
		ret = knot_rrset_add_rdata(&made, rdata, header_size + signature.size, NULL);
		*rrsigs = made.rrs;
	}
	dnssec_binary_free(&signature);
	return ret;
}

/*! All records in canonical form; returns the octets, or an error. */
static int write_records(const knot_rrset_t *rrset, uint8_t *at, size_t size)
{
	size_t written = 0;
	knot_rrset_t one = *rrset;
	one.rrs.count = 1;
	for (unsigned i = 0; i < rrset->rrs.count; i++) {
		/* One by one, because with long names the whole may be larger than any packet. */
		one.rrs.size = knot_rdata_size(one.rrs.rdata->len);
		size_t left = size - written;
		int ret = knot_rrset_to_wire(&one, at + written,
		                             left < UINT16_MAX ? left : UINT16_MAX, NULL);
		if (ret < 0) {
			return ret;
		}
		written += ret;
		one.rrs.rdata = knot_rdataset_next(one.rrs.rdata);
	}
	return (int)written;
}

int aname_rrsig_make(const knot_rrset_t *rrset, const aname_rrsig_signers_t *signers,
                     const aname_validity_t *validity, knot_rdataset_t *rrsigs)
{
	knot_rdataset_init(rrsigs);
	size_t size = knot_rrset_size(rrset);
	uint8_t *wire = malloc(size);
	if (wire == NULL) {
		return KNOT_ENOMEM;
	}
	int written = write_records(rrset, wire, size);
	int ret = written <= 0 || signers->count == 0 ? KNOT_ERROR : KNOT_EOK;
	const dnssec_binary_t records = { .data = wire, .size = ret == KNOT_EOK ? written : 0 };
	for (unsigned i = 0; i < signers->count && ret == KNOT_EOK; i++) {
		ret = sign_with(signers->keys[i]->key, rrset, signers, validity, &records, rrsigs);
	}
	free(wire);
	if (ret != KNOT_EOK) {
		knot_rdataset_clear(rrsigs, NULL);
	}
	return ret;
}
