#include "query/signer.h"

#include <stdlib.h>
#include <string.h>

#include "path.h"
#include "query/version.h"
#include "table/clock.h"

void aname_signer_free(void *memory)
{
	aname_signer_t *signer = memory;
	if (signer == NULL) {
		return;
	}
	int64_t now_ms = aname_clock_coarse_ms();
	for (unsigned i = 0; i < signer->count; i++) {
		aname_secrets_release(signer->secrets, signer->keys[i], now_ms);
	}
	for (unsigned i = 0; i < signer->ahead_count; i++) {
		aname_secrets_release(signer->secrets, signer->ahead[i], now_ms);
	}
	free(signer);
}

/*! In the place of the number of signatures: no zone has so many, so that no zone is the same. */
#define TAGS_NEVER UINT32_MAX

static uint32_t tag_of(uint8_t algorithm, uint16_t key_tag)
{
	return (uint32_t)algorithm << 16 | key_tag;
}

ANAME_WARM void aname_signer_find_soa(knotd_qdata_t *qdata, aname_soa_signatures_t *soa)
{
	soa->count = 0;
	soa->inception = soa->expiration = 0;
	const knot_rrset_t rrsigs = knotd_qdata_zone_apex_rrset(qdata, KNOT_RRTYPE_RRSIG);
	aname_verify_iter_t iter;
	aname_verify_begin(&iter, &rrsigs.rrs);
	const knot_rdata_t *rrsig;
	while ((rrsig = aname_verify_next(&iter)) != NULL) {
		if (soa->count == 0) {
			soa->inception = knot_rrsig_sig_inception(rrsig);
			soa->expiration = knot_rrsig_sig_expiration(rrsig);
		}
		soa->tags[soa->count++] = tag_of(knot_rrsig_alg(rrsig), knot_rrsig_key_tag(rrsig));
	}
}

/*! Is it made of these DNSKEY records? */
static ANAME_WARM bool has_keys(const aname_signer_t *signer, const knot_rdataset_t *dnskey)
{
	return signer->dnskey_size == dnskey->size &&
	       memcmp(signer->dnskey, dnskey->rdata, dnskey->size) == 0;
}

ANAME_WARM bool aname_signer_is_current(const aname_signer_t *signer, const knot_rrset_t *dnskey,
                                        const aname_soa_signatures_t *soa)
{
	if (signer == NULL || signer->tags_count != soa->count) {
		return false;
	}
	for (unsigned i = 0; i < soa->count; i++) {
		if (signer->tags[i] != soa->tags[i]) {
			return false;
		}
	}
	return has_keys(signer, &dnskey->rrs);
}

/*! One word of a version and of what is known with it: what two workers write at once shows. */
static inline uint64_t known_of(uint64_t version, uint64_t validity)
{
	return version ^ validity * ANAME_SPREAD_1;
}

ANAME_WARM bool aname_signer_is_known(const aname_signer_t *signer, uint64_t version,
                                      aname_sign_t *sign)
{
	if (signer == NULL || version == 0) {
		return false;
	}
	uint64_t validity = atomic_load_explicit(&signer->validity, memory_order_relaxed);
	if (atomic_load_explicit(&signer->known, memory_order_relaxed) !=
	    known_of(version, validity)) {
		return false;
	}
	sign->inception = validity >> 32;
	sign->expiration = (uint32_t)validity;
	return true;
}

void aname_signer_note_known(aname_signer_t *signer, uint64_t version,
                             const aname_soa_signatures_t *soa)
{
	uint64_t validity = (uint64_t)soa->inception << 32 | soa->expiration;
	atomic_store_explicit(&signer->validity, validity, memory_order_relaxed);
	atomic_store_explicit(&signer->known, version != 0 ? known_of(version, validity) : 0,
	                      memory_order_relaxed);
}

/*! Octets of a signature that are compared; one that verifies has no more. */
#define SEEN_MAX 1024

/*! Hash of the SOA record and the signatures over it. */
static uint64_t hash_of(const aname_apex_t *apex, const aname_hash_key_t *key)
{
	uint64_t hash =
	        aname_hash_octets(key->begin, (uint8_t *)apex->soa.rdata, apex->soa.size, key);
	aname_verify_iter_t iter;
	aname_verify_begin(&iter, &apex->rrsigs);
	const knot_rdata_t *rrsig;
	while ((rrsig = aname_verify_next(&iter)) != NULL) {
		size_t len = rrsig->len < SEEN_MAX ? rrsig->len : SEEN_MAX;
		hash = aname_hash_word(hash, rrsig->len, key);
		hash = aname_hash_octets(hash, rrsig->data, len, key);
	}
	return aname_hash_end(hash);
}

void aname_signer_gather(const aname_query_t *query, const knot_rrset_t *dnskey,
                         const aname_soa_signatures_t *soa, aname_signer_basis_t *basis)
{
	knotd_qdata_t *qdata = query->qdata;
	*basis = (aname_signer_basis_t){
		.apex = { .zone = knotd_qdata_zone_name(qdata),
		          .soa = knotd_qdata_zone_apex_rrset(qdata, KNOT_RRTYPE_SOA).rrs,
		          .dnskey = dnskey->rrs,
		          .rrsigs = knotd_qdata_zone_apex_rrset(qdata, KNOT_RRTYPE_RRSIG).rrs },
		.soa = soa,
	};
	basis->seen = hash_of(&basis->apex, &query->instance->shared->hash_key);
}

bool aname_signer_has_seen(const aname_signer_t *signer, const aname_signer_basis_t *basis)
{
	return signer != NULL && signer->seen == basis->seen &&
	       has_keys(signer, &basis->apex.dnskey);
}

unsigned aname_signer_credit(const aname_signer_t *former, int64_t now_ms)
{
	if (former == NULL) {
		return ANAME_SIGNER_CREDIT;
	}
	int64_t passed_s = (now_ms - former->made_ms) / 1000;
	return passed_s + former->credit < ANAME_SIGNER_CREDIT ? passed_s + former->credit
	                                                       : ANAME_SIGNER_CREDIT;
}

/*! Holds a key and notes it; false if out of memory. */
static bool hold(aname_signer_t *signer, const char *directories, const knot_rdata_t *dnskey,
                 aname_secret_t **keys, unsigned *count)
{
	aname_secret_t *key =
	        aname_secrets_hold(signer->secrets, directories, dnskey->data, dnskey->len);
	if (key != NULL) {
		keys[(*count)++] = key;
	}
	return key != NULL;
}

/*! The secure entry point flag (RFC 4034, 2.1.1) tells the role; other flags come and go. */
#define FLAG_SEP 0x1

/*! Has one of the keys that sign the same role as this one? */
static bool has_role(const aname_signer_t *signer, const knot_rdata_t *dnskey)
{
	for (unsigned i = 0; i < signer->count; i++) {
		uint16_t flags = knot_wire_read_u16(signer->keys[i]->rdata);
		if (((flags ^ knot_dnskey_flags(dnskey)) & FLAG_SEP) == 0) {
			return true;
		}
	}
	return false;
}

/*! Holds the keys that sign now, and of those with the same role the ones that may do so next. */
static bool hold_keys(aname_signer_t *signer, const char *directories,
                      const aname_signer_basis_t *basis)
{
	const knot_rdataset_t *dnskey = &basis->apex.dnskey;
	uint32_t signs = basis->verified.keys;
	unsigned most =
	        dnskey->count < ANAME_VERIFY_KEYS_MAX ? dnskey->count : ANAME_VERIFY_KEYS_MAX;
	bool good = true;
	knot_rdata_t *rdata = dnskey->rdata;
	for (unsigned i = 0; i < most && good; i++, rdata = knot_rdataset_next(rdata)) {
		if (signer->count < ANAME_RRSIG_KEYS_MAX && (signs & 1u << i)) {
			good = hold(signer, directories, rdata, signer->keys, &signer->count);
		}
	}
	rdata = dnskey->rdata;
	for (unsigned i = 0; i < most && good; i++, rdata = knot_rdataset_next(rdata)) {
		if (has_role(signer, rdata) && !(signs & 1u << i)) {
			good = hold(signer, directories, rdata, signer->ahead,
			            &signer->ahead_count);
		}
	}
	return good;
}

/*! Other DNSKEY records, but the same keys that sign: what they have signed stays good. */
static bool same_keys(const aname_signer_t *one, const aname_signer_t *other)
{
	return other != NULL && one->count == other->count &&
	       memcmp(one->keys, other->keys, one->count * sizeof(one->keys[0])) == 0;
}

aname_signer_t *aname_signer_new(aname_shared_t *shared, const aname_signing_t *signing,
                                 const aname_signer_basis_t *basis, int64_t now_ms)
{
	const knot_rdataset_t *dnskey = &basis->apex.dnskey;
	aname_signer_t *signer = calloc(1, sizeof(*signer) + dnskey->size);
	if (signer == NULL) {
		return NULL;
	}
	signer->secrets = shared->secrets;
	signer->verified = basis->verified;
	signer->seen = basis->seen;
	signer->tags_count = basis->verified.whole ? basis->soa->count : TAGS_NEVER;
	memcpy(signer->tags, basis->soa->tags, sizeof(signer->tags));
	signer->dnskey_size = dnskey->size;
	memcpy(signer->dnskey, dnskey->rdata, dnskey->size);
	if (!hold_keys(signer, atomic_load(&signing->directories), basis)) {
		aname_signer_free(signer);
		return NULL;
	}

	const aname_signer_t *before = atomic_load(&signing->signer);
	signer->id = same_keys(signer, before) ? before->id : ++shared->signers;
	signer->credit = aname_signer_credit(before, now_ms) - 1;
	signer->made_ms = now_ms;
	return signer;
}

/*! Is there a key of this algorithm that can sign? */
static bool has_ready(const aname_signer_t *signer, uint8_t algorithm)
{
	for (unsigned i = 0; i < signer->count; i++) {
		const aname_secret_t *key = signer->keys[i];
		if (atomic_load_explicit(&key->state, memory_order_acquire) == ANAME_SECRET_READY &&
		    dnssec_key_get_algorithm(key->key) == algorithm) {
			return true;
		}
	}
	return false;
}

ANAME_WARM aname_sign_state_t aname_signer_judge(aname_shared_t *shared,
                                                 const aname_signer_t *signer, int64_t now_ms,
                                                 const aname_secret_t **missing)
{
	aname_sign_state_t state = signer->count > 0 ? ANAME_SIGN_READY : ANAME_SIGN_UNABLE;
	for (unsigned i = 0; i < signer->count; i++) {
		aname_secret_t *key = signer->keys[i];
		int key_state = atomic_load_explicit(&key->state, memory_order_acquire);
		if (key_state == ANAME_SECRET_PENDING) {
			return ANAME_SIGN_PENDING;
		}
		if (key_state == ANAME_SECRET_FAILED) {
			aname_secrets_retry(shared->secrets, key, now_ms);
			/* The fourth octet of DNSKEY RDATA is the algorithm. */
			if (!has_ready(signer, key->rdata[3])) {
				*missing = key;
				state = ANAME_SIGN_UNABLE;
			}
		}
	}
	return state;
}

bool aname_signer_is_ready(const aname_signer_t *signer)
{
	for (unsigned i = 0; i < signer->count; i++) {
		if (atomic_load_explicit(&signer->keys[i]->state, memory_order_acquire) !=
		    ANAME_SECRET_READY) {
			return false;
		}
	}
	return signer->count > 0;
}

/*! Is this key in the DNSKEY set? */
static bool is_published(const aname_secret_t *key, const knot_rrset_t *dnskey)
{
	knot_rdata_t *rdata = dnskey->rrs.rdata;
	for (unsigned i = 0; i < dnskey->rrs.count; i++, rdata = knot_rdataset_next(rdata)) {
		if (rdata->len == key->rdata_len &&
		    memcmp(rdata->data, key->rdata, rdata->len) == 0) {
			return true;
		}
	}
	return false;
}

ANAME_WARM void aname_signer_retry_ahead(aname_shared_t *shared, const aname_signer_t *signer,
                                         int64_t now_ms)
{
	for (unsigned i = 0; i < signer->ahead_count; i++) {
		aname_secrets_retry(shared->secrets, signer->ahead[i], now_ms);
	}
}

bool aname_signer_is_published(const aname_signer_t *signer, const knot_rrset_t *dnskey)
{
	for (unsigned i = 0; i < signer->count; i++) {
		if (!is_published(signer->keys[i], dnskey)) {
			return false;
		}
	}
	return true;
}
