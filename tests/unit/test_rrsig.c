#include "support/test.h"

#include <libknot/errcode.h>
#include <libknot/packet/rrset-wire.h>
#include <libknot/rrtype/rrsig.h>

#include "support/alloc.h"
#include "support/keys.h"
#include "support/make.h"
#include "table/rrsig.h"

#define NOW 1700000000

/* When a signature is good. */

static aname_validity_t validity_of(int32_t lifetime, uint32_t ttl)
{
	/* As Knot writes it: from 90 minutes before. */
	return aname_rrsig_validity(1000, 1000 + 5400 + lifetime, ttl, NOW);
}

static void as_long_as_knots(void **state)
{
	static const int32_t lifetimes[] = { 1, 8, 60, 3600, 86400, 14 * 86400, 365 * 86400 };
	for (size_t i = 0; i < COUNT_OF(lifetimes); i++) {
		aname_validity_t validity = validity_of(lifetimes[i], 300);
		assert_int_equal(validity.inception, NOW - 5400);
		assert_int_equal(validity.expiration, NOW + lifetimes[i]);
		assert_in_range(validity.refresh, NOW, validity.expiration);
		/* Not before half of it is over. */
		assert_in_range(validity.refresh, NOW + lifetimes[i] / 2, validity.expiration);
	}
}

static void refreshed_in_time(void **state)
{
	static const struct {
		int32_t lifetime;
		uint32_t ttl;
		int64_t before;
	} rows[] = {
		{ 14 * 86400, 300, INT64_C(14) * 8640 }, /* A tenth. */
		{ 14 * 86400, 5 * 86400, INT64_C(5) * 86400 + 3600 },
		{ 14 * 86400, 13 * 86400, INT64_C(7) * 86400 }, /* Half at most. */
		{ 86400, 300, 8640 },
		{ 86400, 7200, 10800 },
		{ 20, 300, 10 },
		{ 1, 300, 0 },
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		aname_validity_t validity = validity_of(rows[i].lifetime, rows[i].ttl);
		assert_int_equal(validity.expiration - validity.refresh, rows[i].before);
	}
}

static void odd_spans(void **state)
{
	/* Over the end of 32 bits. */
	aname_validity_t validity = aname_rrsig_validity(UINT32_MAX - 5399, 100, 30, NOW);
	assert_int_equal(validity.expiration, NOW + 100);
	/* Signed by something that dates back less. */
	validity = aname_rrsig_validity(1000, 1000 + 3600, 30, NOW);
	assert_int_equal(validity.expiration, NOW + 3600);
	/* Nonsense: at least a second. */
	validity = aname_rrsig_validity(1000, 1000, 30, NOW);
	assert_int_equal(validity.expiration, NOW + 1);
	validity = aname_rrsig_validity(2000, 1000, 30, NOW);
	assert_int_equal(validity.expiration, NOW + 1);
}

/* Signatures. */

typedef struct {
	name_t zone;
	aname_snapshot_t *snapshot;
	knot_rrset_t rrset;
} set_t;

static set_t set_of(const char *zone, uint16_t len, unsigned count)
{
	set_t set = { .zone = make_name(zone), .snapshot = make_snapshot(len, 1, count, 0) };
	return set;
}

static knot_rrset_t *rrset_of(set_t *set)
{
	uint16_t type = aname_snapshot_rdataset(set->snapshot).rdata->len == 4 ? KNOT_RRTYPE_A
	                                                                       : KNOT_RRTYPE_AAAA;
	knot_rrset_init(&set->rrset, set->zone.at, type, KNOT_CLASS_IN, 300);
	set->rrset.rrs = aname_snapshot_rdataset(set->snapshot);
	return &set->rrset;
}

/*! Verifies with the signing library's other half. */
static bool verifies(const knot_rdata_t *rrsig, const knot_rrset_t *rrset, const dnssec_key_t *key)
{
	static uint8_t wire[1 << 20];
	size_t len = 0;
	knot_rdata_t *rdata = rrset->rrs.rdata;
	for (unsigned i = 0; i < rrset->rrs.count; i++, rdata = knot_rdataset_next(rdata)) {
		knot_rrset_t one = *rrset;
		one.rrs = (knot_rdataset_t){ 1, knot_rdata_size(rdata->len), rdata };
		int ret = knot_rrset_to_wire(&one, wire + len, UINT16_MAX, NULL);
		assert_true(ret > 0);
		len += ret;
	}
	size_t header_len = rrsig->len - knot_rrsig_signature_len(rrsig);
	const dnssec_binary_t parts[] = {
		{ .data = (uint8_t *)rrsig->data, .size = header_len },
		{ .data = wire, .size = len },
		{ .data = (uint8_t *)knot_rrsig_signature(rrsig),
		  .size = knot_rrsig_signature_len(rrsig) },
	};
	dnssec_sign_ctx_t *ctx = NULL;
	assert_int_equal(dnssec_sign_new(&ctx, key), DNSSEC_EOK);
	assert_int_equal(dnssec_sign_add(ctx, &parts[0]), DNSSEC_EOK);
	assert_int_equal(dnssec_sign_add(ctx, &parts[1]), DNSSEC_EOK);
	int ret = dnssec_sign_verify(ctx, false, &parts[2]);
	dnssec_sign_free(ctx);
	return ret == DNSSEC_EOK;
}

static void check_signatures(set_t *set, aname_secret_t **keys, unsigned count)
{
	const aname_rrsig_signers_t signers = { .zone = set->zone.at,
		                                .count = count,
		                                .keys = keys };
	const aname_validity_t validity = validity_of(3600, 300);
	knot_rdataset_t rrsigs;
	knot_rrset_t *rrset = rrset_of(set);
	assert_int_equal(aname_rrsig_make(rrset, &signers, &validity, &rrsigs), KNOT_EOK);
	assert_int_equal(rrsigs.count, count);
	knot_rdata_t *rrsig = rrsigs.rdata;
	for (unsigned i = 0; i < count; i++, rrsig = knot_rdataset_next(rrsig)) {
		assert_int_equal(knot_rrsig_type_covered(rrsig), rrset->type);
		assert_int_equal(knot_rrsig_original_ttl(rrsig), 300);
		assert_int_equal(knot_rrsig_labels(rrsig), knot_dname_labels(set->zone.at, NULL));
		assert_int_equal(knot_rrsig_sig_inception(rrsig), NOW - 5400);
		assert_int_equal(knot_rrsig_sig_expiration(rrsig), NOW + 3600);
		assert_true(knot_dname_is_equal(knot_rrsig_signer_name(rrsig), set->zone.at));
		bool verified = false;
		for (unsigned k = 0; k < count; k++) {
			verified |=
			        dnssec_key_get_keytag(keys[k]->key) == knot_rrsig_key_tag(rrsig) &&
			        verifies(rrsig, rrset, keys[k]->key);
		}
		assert_true(verified);
	}
	/* What is not what was signed does not verify. */
	rrset->ttl++;
	assert_false(verifies(rrsigs.rdata, rrset, keys[0]->key));
	knot_rdataset_clear(&rrsigs, NULL);
}

static void each_algorithm(void **state)
{
	static const struct {
		dnssec_key_algorithm_t algorithm;
		unsigned bits;
	} rows[] = {
		{ DNSSEC_KEY_ALGORITHM_RSA_SHA256, 2048 },
		{ DNSSEC_KEY_ALGORITHM_RSA_SHA512, 4096 },
		{ DNSSEC_KEY_ALGORITHM_ECDSA_P256_SHA256, 256 },
		{ DNSSEC_KEY_ALGORITHM_ECDSA_P384_SHA384, 384 },
		{ DNSSEC_KEY_ALGORITHM_ED25519, 256 },
	};
	aname_secret_t *keys[COUNT_OF(rows)];
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		keys[i] = keys_ready(rows[i].algorithm, rows[i].bits);
		set_t a = set_of("example.com.", 4, 3), aaaa = set_of("a.b.c.example.", 16, 1);
		check_signatures(&a, &keys[i], 1);
		check_signatures(&aaaa, &keys[i], 1);
		free(a.snapshot);
		free(aaaa.snapshot);
	}
	set_t all = set_of("example.com.", 4, 2);
	check_signatures(&all, keys, COUNT_OF(rows));
	free(all.snapshot);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		keys_free(keys[i]);
	}
}

static void larger_than_a_packet(void **state)
{
	aname_secret_t *key = keys_ready(DNSSEC_KEY_ALGORITHM_ED25519, 256);
	set_t set = { .zone = make_name_longest('x'), .snapshot = make_snapshot(16, 1, 256, 0) };
	check_signatures(&set, &key, 1);
	free(set.snapshot);
	keys_free(key);
}

static void nobody_signs(void **state)
{
	set_t set = set_of("example.com.", 4, 1);
	const aname_rrsig_signers_t signers = { .zone = set.zone.at };
	const aname_validity_t validity = validity_of(3600, 300);
	knot_rdataset_t rrsigs;
	assert_int_equal(aname_rrsig_make(rrset_of(&set), &signers, &validity, &rrsigs),
	                 KNOT_ERROR);
	assert_int_equal(rrsigs.count, 0);

	/* A public key cannot. */
	aname_secret_t *key = keys_ready(DNSSEC_KEY_ALGORITHM_ED25519, 256);
	dnssec_key_t *public = NULL;
	dnssec_binary_t rdata;
	assert_int_equal(dnssec_key_get_rdata(key->key, &rdata), DNSSEC_EOK);
	assert_int_equal(dnssec_key_new(&public), DNSSEC_EOK);
	assert_int_equal(dnssec_key_set_rdata(public, &rdata), DNSSEC_EOK);
	dnssec_key_free(key->key);
	key->key = public;
	const aname_rrsig_signers_t by_public = { .zone = set.zone.at, .count = 1, .keys = &key };
	assert_int_equal(aname_rrsig_make(rrset_of(&set), &by_public, &validity, &rrsigs),
	                 KNOT_ERROR);
	assert_int_equal(rrsigs.count, 0);
	keys_free(key);
	free(set.snapshot);
}

static bool attempt(void *ctx)
{
	set_t *set = ctx;
	aname_secret_t *key = set->rrset.additional;
	const aname_rrsig_signers_t signers = { .zone = set->zone.at, .count = 1, .keys = &key };
	const aname_validity_t validity = validity_of(3600, 300);
	knot_rrset_t rrset = set->rrset;
	knot_rdataset_t rrsigs;
	int ret = aname_rrsig_make(&rrset, &signers, &validity, &rrsigs);
	knot_rdataset_clear(&rrsigs, NULL);
	return ret == KNOT_EOK;
}

static void no_memory(void **state)
{
	set_t set = set_of("example.com.", 4, 1);
	aname_secret_t *key = keys_ready(DNSSEC_KEY_ALGORITHM_ED25519, 256);
	rrset_of(&set)->additional = key;
	/* The rest is libraries'. */
	assert_int_equal(alloc_fail_each(attempt, &set), 1);
	keys_free(key);
	free(set.snapshot);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PROVES("D1: signatures are good for as long as those of the zone",
		       as_long_as_knots),
		PROVES("D1: they are made anew well before they expire", refreshed_in_time),
		PROVES("D1: spans at the end of time, and impossible ones", odd_spans),
		PROVES("D1: RSA, ECDSA and Ed25519, alone and together, verify", each_algorithm),
		PROVES("D1: so does a set that fills more than a packet", larger_than_a_packet),
		PROVES("D5: without a private key there is no signature", nobody_signs),
		PROVES("out of memory: no signature, nothing leaked", no_memory),
	};
	return RUN_TESTS("rrsig", tests);
}
