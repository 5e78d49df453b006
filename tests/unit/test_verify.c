/*
 * Whose keys are a zone's. How often libdnssec verifies is counted, because that is what has to be
 * bounded.
 */
#include "support/test.h"

#include <libknot/libknot.h>

#include "query/verify.h"
#include "support/keys.h"
#include "support/make.h"
#include "table/rrsig.h"

static unsigned verified_count;

int __real_dnssec_sign_verify(dnssec_sign_ctx_t *, bool, const dnssec_binary_t *);
int __wrap_dnssec_sign_verify(dnssec_sign_ctx_t *, bool, const dnssec_binary_t *);

int __wrap_dnssec_sign_verify(dnssec_sign_ctx_t *ctx, bool sign_cmp,
                              const dnssec_binary_t *signature)
{
	verified_count++;
	return __real_dnssec_sign_verify(ctx, sign_cmp, signature);
}

/*! An apex being made. */
typedef struct {
	name_t zone;
	knot_rrset_t soa, dnskey, rrsigs;
} zone_t;

static void add(knot_rrset_t *rrset, const uint8_t *rdata, size_t len)
{
	assert_int_equal(knot_rrset_add_rdata(rrset, rdata, len, NULL), KNOT_EOK);
}

static void zone_init(zone_t *zone, const char *name, const char *mname)
{
	zone->zone = make_name(name);
	knot_rrset_init(&zone->soa, zone->zone.at, KNOT_RRTYPE_SOA, KNOT_CLASS_IN, 3600);
	knot_rrset_init(&zone->dnskey, zone->zone.at, KNOT_RRTYPE_DNSKEY, KNOT_CLASS_IN, 3600);
	knot_rrset_init(&zone->rrsigs, zone->zone.at, KNOT_RRTYPE_RRSIG, KNOT_CLASS_IN, 3600);
	uint8_t rdata[2 * KNOT_DNAME_MAXLEN + 20] = { 0 };
	name_t host = make_name(mname);
	memcpy(rdata, host.at, host.len);
	memcpy(rdata + host.len, host.at, host.len);
	add(&zone->soa, rdata, 2 * host.len + 20);
}

static void zone_deinit(zone_t *zone)
{
	knot_rdataset_clear(&zone->soa.rrs, NULL);
	knot_rdataset_clear(&zone->dnskey.rrs, NULL);
	knot_rdataset_clear(&zone->rrsigs.rrs, NULL);
}

static void verify(const zone_t *zone, aname_verified_t *verified)
{
	const aname_apex_t apex = { .zone = zone->zone.at,
		                    .soa = zone->soa.rrs,
		                    .dnskey = zone->dnskey.rrs,
		                    .rrsigs = zone->rrsigs.rrs };
	verified_count = 0;
	aname_verify_apex(&apex, verified);
}

static const aname_validity_t validity = { .inception = 1000000000, .expiration = 1100000000 };

/*! Adds a key's DNSKEY record and its signature over the SOA record. */
static void add_key(zone_t *zone, aname_secret_t *key, bool signs)
{
	dnssec_binary_t rdata;
	assert_int_equal(dnssec_key_get_rdata(key->key, &rdata), DNSSEC_EOK);
	add(&zone->dnskey, rdata.data, rdata.size);
	if (signs) {
		aname_secret_t *const keys[] = { key };
		const aname_rrsig_signers_t signers = { zone->zone.at, 1, keys };
		knot_rdataset_t made;
		assert_int_equal(aname_rrsig_make(&zone->soa, &signers, &validity, &made),
		                 KNOT_EOK);
		add(&zone->rrsigs, made.rdata->data, made.rdata->len);
		knot_rdataset_clear(&made, NULL);
	}
}

/*! The bits of the keys with this algorithm. */
static uint32_t bits_of(const zone_t *zone, uint8_t algorithm)
{
	uint32_t bits = 0;
	knot_rdata_t *rdata = zone->dnskey.rrs.rdata;
	for (unsigned i = 0; i < zone->dnskey.rrs.count; i++, rdata = knot_rdataset_next(rdata)) {
		bits |= knot_dnskey_alg(rdata) == algorithm ? 1u << i : 0;
	}
	return bits;
}

static const struct {
	dnssec_key_algorithm_t algorithm;
	unsigned bits;
} algorithms[] = {
	{ DNSSEC_KEY_ALGORITHM_RSA_SHA256, 2048 },
	{ DNSSEC_KEY_ALGORITHM_RSA_SHA512, 4096 },
	{ DNSSEC_KEY_ALGORITHM_ECDSA_P256_SHA256, 256 },
	{ DNSSEC_KEY_ALGORITHM_ECDSA_P384_SHA384, 384 },
	{ DNSSEC_KEY_ALGORITHM_ED25519, 256 },
};

static void every_algorithm(void **state)
{
	static const char *const names[] = { "shop.example.", "." };
	for (size_t i = 0; i < COUNT_OF(algorithms); i++) {
		aname_secret_t *key = keys_ready(algorithms[i].algorithm, algorithms[i].bits);
		aname_secret_t *idle = keys_ready(DNSSEC_KEY_ALGORITHM_ED25519, 256);
		for (size_t k = 0; k < COUNT_OF(names); k++) {
			zone_t zone;
			zone_init(&zone, names[k], "ns.shop.example.");
			add_key(&zone, key, true);
			uint32_t signs = bits_of(&zone, algorithms[i].algorithm);
			aname_verified_t verified;
			verify(&zone, &verified);
			assert_int_equal(verified.keys, signs);
			assert_true(verified.whole);
			assert_int_equal(verified_count, 1);
			/* A key that signs nothing is nobody's, and costs nothing. */
			add_key(&zone, idle, false);
			verify(&zone, &verified);
			assert_int_equal(__builtin_popcount(verified.keys), 1);
			assert_int_equal(verified_count, 1);
			zone_deinit(&zone);
		}
		keys_free(key);
		keys_free(idle);
	}
}

/*! Of a zone with one key, whose signature is changed at one place. */
static void changed(size_t at, uint8_t by, bool good)
{
	aname_secret_t *key = keys_ready(DNSSEC_KEY_ALGORITHM_ED25519, 256);
	zone_t zone;
	zone_init(&zone, "shop.example.", "ns.shop.example.");
	add_key(&zone, key, true);
	zone.rrsigs.rrs.rdata->data[at] ^= by;
	aname_verified_t verified;
	verify(&zone, &verified);
	assert_int_equal(verified.keys, good ? 1 : 0);
	assert_int_equal(verified.whole, good);
	assert_int_equal(verified.failure, good ? ANAME_VERIFY_UNSIGNED : ANAME_VERIFY_BOGUS);
	zone_deinit(&zone);
	keys_free(key);
}

static void what_is_signed(void **state)
{
	changed(3, 1, false);    /* The number of labels. */
	changed(4, 1, false);    /* The original TTL. */
	changed(8, 1, false);    /* When it expires. */
	changed(19, 1, false);   /* The signer's name. */
	changed(19, 0x20, true); /* Its letter case. */
	changed(40, 1, false);   /* The signature. */
	changed(3, 0, true);
}

static void another_zone(void **state)
{
	aname_secret_t *key = keys_ready(DNSSEC_KEY_ALGORITHM_ECDSA_P256_SHA256, 256);
	zone_t victim, stranger;
	zone_init(&victim, "shop.example.", "ns.shop.example.");
	add_key(&victim, key, true);
	/* The very same records, at a name that is as long. */
	zone_init(&stranger, "shop.examplf.", "ns.shop.example.");
	stranger.dnskey.rrs = victim.dnskey.rrs;
	stranger.rrsigs.rrs = victim.rrsigs.rrs;
	aname_verified_t verified;
	verify(&stranger, &verified);
	assert_int_equal(verified.keys, 0);
	assert_int_equal(verified.failure, ANAME_VERIFY_BOGUS);
	assert_int_equal(verified_count, 0);
	/* And in its own name. */
	uint8_t *signer = victim.rrsigs.rrs.rdata->data + 18;
	memcpy(signer, stranger.zone.at, stranger.zone.len);
	verify(&stranger, &verified);
	assert_int_equal(verified.keys, 0);
	assert_int_equal(verified_count, 1);
	zone_deinit(&victim);
	knot_rdataset_clear(&stranger.soa.rrs, NULL);
	keys_free(key);
}

static void letter_case(void **state)
{
	aname_secret_t *key = keys_ready(DNSSEC_KEY_ALGORITHM_ED25519, 256);
	zone_t zone, other;
	zone_init(&zone, "shop.example.", "ns.shop.example.");
	add_key(&zone, key, true);
	zone_init(&other, "shop.example.", "NS.Shop.Example.");
	zone.soa.rrs.rdata->data[1] = other.soa.rrs.rdata->data[1];
	aname_verified_t verified;
	verify(&zone, &verified);
	assert_int_equal(verified.keys, 1);
	zone_deinit(&zone);
	zone_deinit(&other);
	keys_free(key);
}

/*! Sixteen keys of one tag and so many signatures that name it: words of the key change places. */
static void trap(zone_t *zone, unsigned signatures)
{
	aname_secret_t *key = keys_ready(DNSSEC_KEY_ALGORITHM_RSA_SHA256, 2048);
	zone_init(zone, "shop.example.", "ns.shop.example.");
	add_key(zone, key, true);
	uint8_t rdata[600], rrsig[600];
	size_t len = zone->dnskey.rrs.rdata->len, rrsig_len = zone->rrsigs.rrs.rdata->len;
	memcpy(rdata, zone->dnskey.rrs.rdata->data, len);
	memcpy(rrsig, zone->rrsigs.rrs.rdata->data, rrsig_len);
	for (unsigned i = 0; i < 15; i++) {
		uint8_t *word = rdata + 20 + 4 * i, swapped[2];
		memcpy(swapped, word, 2);
		memcpy(word, word + 2, 2);
		memcpy(word + 2, swapped, 2);
		add(&zone->dnskey, rdata, len);
	}
	knot_rdataset_clear(&zone->rrsigs.rrs, NULL);
	for (unsigned i = 0; i < signatures; i++) {
		rrsig[rrsig_len - 1 - i] ^= 1;
		add(&zone->rrsigs, rrsig, rrsig_len);
	}
	keys_free(key);
}

static void many_of_one_tag(void **state)
{
	for (unsigned signatures = 1; signatures <= 32; signatures += 31) {
		zone_t zone;
		trap(&zone, signatures);
		aname_verified_t verified;
		verify(&zone, &verified);
		assert_int_equal(verified.keys, 0);
		assert_false(verified.whole);
		assert_in_range(verified_count, 1, ANAME_VERIFY_TRIES_MAX);
		zone_deinit(&zone);
	}
}

/*! A DNSKEY record of this algorithm with this key, named by a signature; returns the failure. */
static aname_verify_failure_t failure_of(uint8_t algorithm, const uint8_t *key, size_t len)
{
	zone_t zone;
	zone_init(&zone, "shop.example.", "ns.shop.example.");
	uint8_t dnskey[2000] = { 1, 0, 3, algorithm }, rrsig[100] = { 0 };
	memcpy(dnskey + 4, key, len);
	add(&zone.dnskey, dnskey, 4 + len);
	const dnssec_binary_t rdata = { .data = dnskey, .size = 4 + len };
	uint16_t key_tag;
	assert_int_equal(dnssec_keytag(&rdata, &key_tag), DNSSEC_EOK);
	knot_wire_write_u16(rrsig, KNOT_RRTYPE_SOA);
	rrsig[2] = algorithm;
	rrsig[3] = 2;
	knot_wire_write_u16(rrsig + 16, key_tag);
	memcpy(rrsig + 18, zone.zone.at, zone.zone.len);
	add(&zone.rrsigs, rrsig, sizeof(rrsig));
	aname_verified_t verified;
	verify(&zone, &verified);
	assert_int_equal(verified.keys, 0);
	assert_int_equal(verified.key_tag, key_tag);
	assert_int_equal(verified.algorithm, algorithm);
	zone_deinit(&zone);
	return verified.failure;
}

static void what_is_no_key(void **state)
{
	uint8_t key[1500];
	memset(key, 0xa5, sizeof(key));
	assert_int_equal(failure_of(13, key, 10), ANAME_VERIFY_UNREADABLE);
	assert_int_equal(failure_of(253, key, 64), ANAME_VERIFY_UNREADABLE);
	/* An exponent that takes long, and a modulus that does. */
	key[0] = 255;
	assert_int_equal(failure_of(8, key, 500), ANAME_VERIFY_UNREADABLE);
	assert_int_equal(verified_count, 0);
	key[0] = 0;
	assert_int_equal(failure_of(8, key, 500), ANAME_VERIFY_UNREADABLE);
	key[0] = 3;
	assert_int_equal(failure_of(8, key, 1028), ANAME_VERIFY_UNREADABLE);
	assert_int_equal(verified_count, 0);
}

static void malformed(void **state)
{
	/* Signatures that end anywhere. */
	aname_secret_t *key = keys_ready(DNSSEC_KEY_ALGORITHM_ED25519, 256);
	zone_t zone;
	zone_init(&zone, "shop.example.", "ns.shop.example.");
	add_key(&zone, key, true);
	uint8_t rrsig[200];
	size_t len = zone.rrsigs.rrs.rdata->len;
	memcpy(rrsig, zone.rrsigs.rrs.rdata->data, len);
	for (size_t cut = 18; cut < len; cut++) {
		knot_rdataset_clear(&zone.rrsigs.rrs, NULL);
		add(&zone.rrsigs, rrsig, cut);
		aname_verified_t verified;
		verify(&zone, &verified);
		assert_int_equal(verified.keys, 0);
	}
	zone_deinit(&zone);
	keys_free(key);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PROVES("D1: who has signed the SOA is found, with every algorithm",
		       every_algorithm),
		PROVES("D1: nothing of a signature may be other than it was signed",
		       what_is_signed),
		PROVES("D1: a signature counts in its own zone only", another_zone),
		PROVES("D1: the letter case of names does not count", letter_case),
		PROVES("D1: tries are bounded, whatever keys and signatures there are",
		       many_of_one_tag),
		PROVES("D1, D4: what is no key, or takes too long, is named", what_is_no_key),
		PROVES("D1: signatures that end anywhere verify nothing", malformed),
	};
	return RUN_TESTS("verify", tests);
}
