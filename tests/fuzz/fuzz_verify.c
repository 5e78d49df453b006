/*!
 * Any octets as what a stranger's zone has at its apex: an SOA record, DNSKEY records and signatures, or
 * good ones, changed. A key that is said to have signed has signed, by RFC 4034 alone; and one that has
 * is found, where nothing is in its way.
 *
 * Files: module/query/verify.c
 */

#include "fuzz.h"

#include <unistd.h>

#include <libknot/libknot.h>

#include "query/verify.h"
#include "table/dnssec.h"

#define KEYS      2
#define SETS_MAX  12
#define RDATA_MAX 300
#define HEADER    18

static const uint8_t zone[] = "\4zone\7example";

static dnssec_key_t *keys[KEYS];
static knot_rdataset_t empty;

/*! Keys of this process, for all inputs. */
static void begin(void)
{
	static const dnssec_key_algorithm_t algorithms[KEYS] = {
		DNSSEC_KEY_ALGORITHM_ED25519, DNSSEC_KEY_ALGORITHM_ECDSA_P256_SHA256
	};
	char directory[64], path[128];
	const char *base = getenv("TMPDIR");
	dnssec_keystore_t *store = NULL;
	(void)snprintf(directory, sizeof(directory), "%.40s/key-XXXXXX",
	               base != NULL ? base : "/tmp");
	require(mkdtemp(directory) != NULL);
	require(dnssec_keystore_init_pkcs8(&store) == DNSSEC_EOK &&
	        dnssec_keystore_open(store, directory) == DNSSEC_EOK);
	for (unsigned i = 0; i < KEYS; i++) {
		char *id = NULL;
		require(dnssec_keystore_generate(store, algorithms[i], 256, NULL, &id) ==
		                DNSSEC_EOK &&
		        dnssec_key_new(&keys[i]) == DNSSEC_EOK &&
		        dnssec_key_set_algorithm(keys[i], algorithms[i]) == DNSSEC_EOK &&
		        dnssec_key_set_flags(keys[i], 256 + i) == DNSSEC_EOK &&
		        dnssec_keystore_get_private(store, id, keys[i]) == DNSSEC_EOK);
		(void)snprintf(path, sizeof(path), "%s/%s.pem", directory, id);
		(void)unlink(path);
		free(id);
	}
	(void)dnssec_keystore_deinit(store);
	(void)rmdir(directory);
}

/*! What a signature with this header is over; returns its octets, 0 if the SOA record is malformed. */
static size_t write_signed(const uint8_t *header, const knot_rdata_t *soa, uint8_t *to)
{
	size_t len = HEADER, first;
	memcpy(to, header, HEADER);
	memcpy(to + len, zone, sizeof(zone));
	len += sizeof(zone);
	memcpy(to + len, zone, sizeof(zone));
	len += sizeof(zone);
	memcpy(to + len, "\0\6\0\1", 4);
	memcpy(to + len + 4, header + 4, 4);
	knot_wire_write_u16(to + len + 8, soa->len);
	len += 10;
	memcpy(to + len, soa->data, soa->len);
	const uint8_t *end = to + len + soa->len;
	int ret = knot_dname_wire_check(to + len, end, NULL);
	if (ret <= 0) {
		return 0;
	}
	first = ret;
	ret = to + len + first < end ? knot_dname_wire_check(to + len + first, end, NULL) : 0;
	if (ret <= 0) {
		return 0;
	}
	knot_dname_to_lower(to + len);
	knot_dname_to_lower(to + len + first);
	return len + soa->len;
}

static size_t make_rrsig(const knot_rdata_t *soa, unsigned key, uint8_t *rdata)
{
	uint8_t octets[2 * RDATA_MAX + 2 * sizeof(zone) + HEADER + 10];
	memcpy(rdata, "\0\6\0\2\0\0\1\x2c\x70\0\0\0\x60\0\0\0", 16);
	rdata[2] = dnssec_key_get_algorithm(keys[key]);
	knot_wire_write_u16(rdata + 16, dnssec_key_get_keytag(keys[key]));
	memcpy(rdata + HEADER, zone, sizeof(zone));
	size_t len = HEADER + sizeof(zone);
	const dnssec_binary_t text = { .data = octets, .size = write_signed(rdata, soa, octets) };
	dnssec_binary_t signature = { 0 };
	dnssec_sign_ctx_t *ctx = NULL;
	require(dnssec_sign_new(&ctx, keys[key]) == DNSSEC_EOK &&
	        dnssec_sign_add(ctx, &text) == DNSSEC_EOK &&
	        dnssec_sign_write(ctx, DNSSEC_SIGN_NORMAL, &signature) == DNSSEC_EOK);
	memcpy(rdata + len, signature.data, signature.size);
	len += signature.size;
	dnssec_binary_free(&signature);
	dnssec_sign_free(ctx);
	return len;
}

/*! Changes octets of a record, or cuts it; what Knot loads has so many at least. */
static void change(input_t *input, uint8_t *rdata, size_t *len, size_t least)
{
	for (unsigned i = take_below(input, 3); i > 0; i--) {
		size_t at = take_octet(input);
		uint8_t octet = take_octet(input);
		if (at < *len && octet == 0 && at >= least) {
			*len = at;
		} else if (at < *len) {
			rdata[at] ^= octet;
		}
	}
}

static void take_raw(input_t *input, uint8_t *rdata, size_t *len, size_t least)
{
	*len = least + take_below(input, 200);
	take_octets(input, rdata, *len);
}

/*! Does the signature verify with the key, by what RFC 4034 says of both? */
static bool verifies(const knot_rdata_t *rrsig, const knot_rdata_t *dnskey, const knot_rdata_t *soa)
{
	uint8_t octets[2 * RDATA_MAX + 2 * sizeof(zone) + HEADER + 10];
	uint16_t key_tag;
	dnssec_binary_t rdata = { .data = (uint8_t *)dnskey->data, .size = dnskey->len };
	const uint8_t *end = rrsig->data + rrsig->len;
	int signer =
	        rrsig->len > HEADER ? knot_dname_wire_check(rrsig->data + HEADER, end, NULL) : 0;
	if (signer <= 0 || !knot_dname_is_case_equal(rrsig->data + HEADER, zone) ||
	    rrsig->data[3] != 2 || dnskey->len < 4 || dnskey->data[3] != rrsig->data[2] ||
	    dnssec_keytag(&rdata, &key_tag) != DNSSEC_EOK ||
	    key_tag != knot_wire_read_u16(rrsig->data + 16)) {
		return false;
	}
	const dnssec_binary_t text = { .data = octets,
		                       .size = write_signed(rrsig->data, soa, octets) };
	const dnssec_binary_t signature = { .data = (uint8_t *)rrsig->data + HEADER + signer,
		                            .size = rrsig->len - HEADER - signer };
	dnssec_key_t *key = NULL;
	dnssec_sign_ctx_t *ctx = NULL;
	bool good = text.size > 0 && dnssec_key_new(&key) == DNSSEC_EOK &&
	            dnssec_key_set_rdata(key, &rdata) == DNSSEC_EOK &&
	            dnssec_sign_new(&ctx, key) == DNSSEC_EOK &&
	            dnssec_sign_add(ctx, &text) == DNSSEC_EOK &&
	            dnssec_sign_verify(ctx, false, &signature) == DNSSEC_EOK;
	dnssec_sign_free(ctx);
	dnssec_key_free(key);
	return good;
}

static void check(const aname_apex_t *apex, const aname_verified_t *verified, unsigned signatures)
{
	require(verified->keys >> ANAME_VERIFY_KEYS_MAX == 0);
	require(verified->failure <= ANAME_VERIFY_TOO_MANY);
	require(verified->whole || verified->failure != ANAME_VERIFY_UNSIGNED);
	for (unsigned i = 0; i < apex->dnskey.count && i < ANAME_VERIFY_KEYS_MAX; i++) {
		const knot_rdata_t *dnskey = knot_rdataset_at(&apex->dnskey, i);
		bool good = false;
		for (unsigned k = 0; k < apex->rrsigs.count && !good; k++) {
			const knot_rdata_t *rrsig = knot_rdataset_at(&apex->rrsigs, k);
			good = knot_wire_read_u16(rrsig->data) == KNOT_RRTYPE_SOA &&
			       verifies(rrsig, dnskey, apex->soa.rdata);
		}
		bool said = verified->keys >> i & 1;
		require(!said || good);
		/* Few are all looked at. Of RSA not every key is tried. */
		require(said || !good || signatures > 2 || apex->dnskey.count > 2 ||
		        dnskey->data[3] == 8);
	}
}

/*! Other contents than what was signed, or in other letters, which is the same. */
static void alter(input_t *input, knot_rrset_t *soa, uint8_t *original, size_t len)
{
	change(input, original, &len, 1);
	knot_rdataset_clear(&soa->rrs, NULL);
	require(knot_rrset_add_rdata(soa, original, len, NULL) == KNOT_EOK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	input_t input = { data, size };
	uint8_t rdata[2 * RDATA_MAX];
	size_t len;
	if (keys[0] == NULL) {
		begin();
	}
	knot_rrset_t soa, dnskey, rrsigs;
	knot_rrset_init(&soa, (knot_dname_t *)zone, KNOT_RRTYPE_SOA, KNOT_CLASS_IN, 300);
	knot_rrset_init(&dnskey, (knot_dname_t *)zone, KNOT_RRTYPE_DNSKEY, KNOT_CLASS_IN, 300);
	knot_rrset_init(&rrsigs, (knot_dname_t *)zone, KNOT_RRTYPE_RRSIG, KNOT_CLASS_IN, 300);

	uint8_t kind = take_octet(&input);
	memcpy(rdata, "\2NS\1a\0\1h\1B\0\0\0\0\1\0\0\0\2\0\0\0\3\0\0\0\4\0\0\0\5", 31);
	len = 31;
	uint8_t original[31];
	memcpy(original, rdata, sizeof(original));
	require(knot_rrset_add_rdata(&soa, rdata, len, NULL) == KNOT_EOK);
	unsigned signatures = take_below(&input, SETS_MAX), records = take_below(&input, SETS_MAX);
	for (unsigned i = 0; i < records; i++) {
		uint8_t how = take_octet(&input);
		dnssec_binary_t public;
		require(dnssec_key_get_rdata(keys[how & 1], &public) == DNSSEC_EOK);
		memcpy(rdata, public.data, len = public.size);
		if (how & 2) {
			change(&input, rdata, &len, 5);
		} else if (how & 4) {
			take_raw(&input, rdata, &len, 5);
		}
		require(knot_rrset_add_rdata(&dnskey, rdata, len, NULL) == KNOT_EOK);
	}
	for (unsigned i = 0; i < signatures; i++) {
		uint8_t how = take_octet(&input);
		len = make_rrsig(soa.rrs.rdata, how & 1, rdata);
		if (how & 2) {
			change(&input, rdata, &len, HEADER + 1);
		} else if (how & 4) {
			take_raw(&input, rdata, &len, HEADER + 1);
		} else if (how & 8) {
			rdata[HEADER + 1] -= 'a' - 'A'; /* The signer's name in upper case. */
		}
		require(knot_rrset_add_rdata(&rrsigs, rdata, len, NULL) == KNOT_EOK);
	}
	if (kind & 1) {
		alter(&input, &soa, original, sizeof(original));
	}
	const aname_apex_t apex = { zone, soa.rrs, dnskey.rrs, rrsigs.rrs };
	aname_verified_t verified;
	aname_verify_apex(&apex, &verified);
	check(&apex, &verified, signatures);
	const aname_apex_t without = { zone, empty, dnskey.rrs, rrsigs.rrs };
	aname_verify_apex(&without, &verified);
	require(verified.keys == 0);
	knot_rdataset_clear(&soa.rrs, NULL);
	knot_rdataset_clear(&dnskey.rrs, NULL);
	knot_rdataset_clear(&rrsigs.rrs, NULL);
	return 0;
}
