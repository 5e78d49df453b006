/*!
 * Any octets as a reply with denials, and what is missing at this moment. Every NSEC and NSEC3 that counts
 * has to list what is there, with a TTL that is no longer than that is known, and signatures that verify;
 * all else stays as it was (D2); and what was put right of the apex is known to a later query, until the
 * zone changes. And as a zone, whose NSEC for mod-onlinesign has to list its types (D3).
 *
 * Files: module/query/denial.c module/query/bitmap.c module/query/packet.c
 */

#include "fuzz.h"

#include <unistd.h>

#include <libknot/libknot.h>

#include "asked.h"
#include "denials.h"
#include "pool.h"
#include "query/bitmap.h"
#include "query/denial.h"
#include "query/find.h"
#include "query/https.h"
#include "query/sign.h"
#include "query/signer.h"
#include "table/clock.h"
#include "types.h"
#include "walk.h"

/*! Bits of the first octet. */
#define SIGNED    0x01
#define ANY_OWNER 0x02
#define HTTPS     0x04
#define ONLINE    0x08
#define APEX      0x10
#define MISSING   5 /*!< Where the two bits of families begin. */

#define NOW_S    INT64_C(1800000000)
#define LIFETIME 1209600

static struct {
	knot_dname_storage_t zone;
	denials_t reply;
	uint16_t types[40]; /*!< For mod-onlinesign: what is at the node. */
	unsigned types_count;
	bool https;
} is;

/* What the zone has, for the code that asks knotd. */

knot_rrset_t aname_find_rrset(const aname_query_t *query, uint16_t type)
{
	knot_rrset_t rrset;
	knot_rrset_init(&rrset, is.zone, type, KNOT_CLASS_IN, 300);
	for (unsigned i = 0; i < is.types_count; i++) {
		rrset.rrs.count |= is.types[i] == type;
	}
	return rrset;
}

bool aname_https_look(const aname_query_t *query)
{
	return is.https;
}

bool aname_query_log_once(const aname_query_t *query, const char *what, const void *content,
                          size_t len)
{
	return false;
}

void knotd_mod_log(knotd_mod_t *mod, int priority, const char *fmt, ...)
{
	require(false);
}

/* Keys. */

static aname_shared_t *shared;
static aname_secret_t *secret;
static aname_signer_t signer = { .id = 7, .count = 1 };

/*! A key of this process, for all inputs. */
static void begin(void)
{
	char directory[64], path[128], *id = NULL;
	const char *base = getenv("TMPDIR");
	dnssec_keystore_t *store = NULL;
	(void)snprintf(directory, sizeof(directory), "%.40s/key-XXXXXX",
	               base != NULL ? base : "/tmp");
	require(mkdtemp(directory) != NULL);
	secret = calloc(1, sizeof(*secret));
	require(secret != NULL && dnssec_key_new(&secret->key) == DNSSEC_EOK);
	require(dnssec_keystore_init_pkcs8(&store) == DNSSEC_EOK &&
	        dnssec_keystore_open(store, directory) == DNSSEC_EOK &&
	        dnssec_keystore_generate(store, DNSSEC_KEY_ALGORITHM_ED25519, 256, NULL, &id) ==
	                DNSSEC_EOK &&
	        dnssec_key_set_algorithm(secret->key, DNSSEC_KEY_ALGORITHM_ED25519) == DNSSEC_EOK &&
	        dnssec_keystore_get_private(store, id, secret->key) == DNSSEC_EOK);
	atomic_store(&secret->state, ANAME_SECRET_READY);
	signer.keys[0] = secret;
	(void)dnssec_keystore_deinit(store);
	(void)snprintf(path, sizeof(path), "%s/%s.pem", directory, id);
	(void)unlink(path);
	(void)rmdir(directory);
	free(id);
	shared = aname_shared_new(NULL, NULL);
	require(shared != NULL);
}

/*! What a worker has that has signed nothing yet. */
static aname_worker_t *take_slot(void)
{
	aname_worker_t *slot = &shared->workers[0];
	memset(slot->signing, 0, sizeof(*slot->signing));
	return slot;
}

/* What has to be there. */

static size_t begin_of(uint16_t type, const uint8_t *rdata)
{
	return type == KNOT_RRTYPE_NSEC ? knot_dname_size(rdata)
	                                : 5U + rdata[4] + 1 + rdata[5 + rdata[4]];
}

static bool counts(const denials_set_t *set, const aname_options_t *options)
{
	const knot_rdata_t *rdata = set->rrset.rrs.rdata;
	uint16_t type = set->rrset.type;
	static types_t types;
	if ((type != KNOT_RRTYPE_NSEC && type != KNOT_RRTYPE_NSEC3) ||
	    (set->flags & KNOT_PF_FREE)) {
		return false;
	}
	size_t at = begin_of(type, rdata->data);
	require(types_read(&types, rdata->data + at, rdata->len - at));
	return types_has(&types, KNOT_RRTYPE_SOA) ||
	       (options->any_owner && (types_has(&types, 65305) || types_has(&types, 65401)));
}

/*! Do the signatures over a record verify? By RFC 4034, 3.1.8.1 alone. */
static void check_signature(const walk_record_t *rrsig, const walk_record_t *covered,
                            uint32_t original_ttl)
{
	uint8_t header[18 + KNOT_DNAME_MAXLEN], head[KNOT_DNAME_MAXLEN + 10];
	size_t zone_len = knot_dname_size(is.zone), owner_len = knot_dname_size(covered->owner);
	size_t header_len = 18 + zone_len;
	require(rrsig->len == header_len + 64 && rrsig->rdata[2] == 15);
	require(knot_wire_read_u16(rrsig->rdata) == covered->type);
	require(rrsig->rdata[3] == knot_dname_labels(covered->owner, NULL));
	require(knot_wire_read_u32(rrsig->rdata + 4) == original_ttl);
	require(memcmp(rrsig->rdata + 18, is.zone, zone_len) == 0);
	memcpy(header, rrsig->rdata, header_len);
	memcpy(head, covered->owner, owner_len);
	knot_wire_write_u16(head + owner_len, covered->type);
	knot_wire_write_u16(head + owner_len + 2, KNOT_CLASS_IN);
	knot_wire_write_u32(head + owner_len + 4, original_ttl);
	knot_wire_write_u16(head + owner_len + 8, covered->len);
	dnssec_binary_t parts[] = { { .data = header, .size = header_len },
		                    { .data = head, .size = owner_len + 10 },
		                    { .data = (uint8_t *)covered->rdata, .size = covered->len } };
	const dnssec_binary_t signature = { .data = (uint8_t *)rrsig->rdata + header_len,
		                            .size = 64 };
	dnssec_sign_ctx_t *ctx = NULL;
	require(dnssec_sign_new(&ctx, secret->key) == DNSSEC_EOK);
	for (unsigned i = 0; i < 3; i++) {
		require(dnssec_sign_add(ctx, &parts[i]) == DNSSEC_EOK);
	}
	require(dnssec_sign_verify(ctx, false, &signature) == DNSSEC_EOK);
	dnssec_sign_free(ctx);
}

static uint32_t smaller(uint32_t one, uint32_t other)
{
	return one < other ? one : other;
}

static void check_corrected(const walk_record_t *record, const denials_set_t *set, uint8_t changes)
{
	static types_t types, expected;
	const knot_rdata_t *rdata = set->rrset.rrs.rdata;
	size_t at = begin_of(record->type, rdata->data);
	require(record->len >= at && memcmp(record->rdata, rdata->data, at) == 0);
	require(types_read(&types, record->rdata + at, record->len - at));
	require(types_read(&expected, rdata->data + at, rdata->len - at));
	types_put(&expected, KNOT_RRTYPE_A, !(changes & ANAME_FAMILY_A));
	types_put(&expected, KNOT_RRTYPE_AAAA, !(changes & ANAME_FAMILY_AAAA));
	if (changes & ANAME_LISTED_HTTPS) {
		types_put(&expected, KNOT_RRTYPE_HTTPS, true);
	}
	require(memcmp(&types, &expected, sizeof(types)) == 0);
}

static void check(const aname_query_t *query, uint8_t changes)
{
	static walk_t walk;
	static walk_record_t record, denial;
	const aname_options_t *options = query->instance->options;
	walk_begin(&walk, query->pkt->wire, query->pkt->size);
	for (unsigned i = 0; i < is.reply.count; i++) {
		const denials_set_t *set = &is.reply.sets[i];
		const knot_rdata_t *rdata = set->rrset.rrs.rdata;
		bool corrected = counts(set, options);
		bool renewed = set->of >= 0 && query->sign.wanted &&
		               counts(&is.reply.sets[set->of], options);
		uint32_t ttl = set->rrset.ttl;
		require(walk_next(&walk, &record));
		require(record.section == 2 && record.type == set->rrset.type);
		require(knot_dname_is_equal(record.owner, set->rrset.owner));
		if (corrected) {
			check_corrected(&record, set, changes);
			denial = record;
		} else if (renewed) {
			check_signature(&record, &denial, is.reply.sets[set->of].rrset.ttl);
			ttl = smaller(ttl, is.reply.sets[set->of].rrset.ttl);
		} else {
			require(record.len == rdata->len &&
			        memcmp(record.rdata, rdata->data, rdata->len) == 0);
		}
		ttl = corrected || renewed ? smaller(ttl, query->missing_ttl) : ttl;
		require(record.ttl == ttl);
	}
	require(!walk_next(&walk, &record));
}

static bool is_of_apex(const knot_rrset_t *denial)
{
	return knot_dname_is_equal(denial->owner, is.zone) ||
	       (denial->type == KNOT_RRTYPE_NSEC3 && aname_denial_is_apex(denial));
}

static knot_pkt_t *new_reply(void)
{
	knot_pkt_t *pkt = knot_pkt_new(NULL, 4096, &pool_mm);
	require(knot_pkt_put_question(pkt, is.zone, KNOT_CLASS_IN, KNOT_RRTYPE_A) == KNOT_EOK);
	require(knot_pkt_begin(pkt, KNOT_AUTHORITY) == KNOT_EOK);
	return pkt;
}

/*! Where nothing may be signed any more (L4) what was goes on while it is good, due or not, and then it
 *  is put off. */
static void check_put_off(aname_query_t *later, const denials_set_t *set, bool https)
{
	aname_allowance_t *allowance = later->slot->signing;
	const int64_t moments_s[] = { NOW_S, NOW_S + LIFETIME - 1, NOW_S + LIFETIME };
	for (unsigned i = 0; i < 3; i++) {
		allowance->now_us = allowance->halved_us = aname_clock_us();
		allowance->spent_8us = INT64_C(1) << 40;
		later->sign.now_s = moments_s[i];
		later->pkt = new_reply();
		require(knot_pkt_put(later->pkt, KNOT_COMPR_HINT_NONE, &set->rrset, 0) == KNOT_EOK);
		int ret = aname_denial_correct(later, 0, https);
		require(ret == (i < 2 ? KNOT_EOK : KNOT_ELIMIT));
	}
	later->sign.now_s = NOW_S;
}

/*! What was put right for a query about the apex is known to later ones. In two queries: others of the
 *  reply may have had the places where it was kept, then it is signed anew by the first. */
static void check_known(const aname_query_t *query, const denials_set_t *set, bool https)
{
	static walk_t walk;
	static walk_record_t record, rrsig;
	uint8_t changes = query->missing | (https ? ANAME_LISTED_HTTPS : 0);
	aname_query_t later = *query;
	later.apex = true;
	for (unsigned i = 0; i < 2; i++) {
		later.pkt = new_reply();
		require(knot_pkt_put(later.pkt, KNOT_COMPR_HINT_NONE, &set->rrset, 0) == KNOT_EOK);
		require(aname_denial_correct(&later, 0, https) == KNOT_EOK);
	}
	later.pkt = new_reply();
	require(aname_denial_take(&later, https) && aname_denial_put(&later) == KNOT_EOK);

	walk_begin(&walk, later.pkt->wire, later.pkt->size);
	require(walk_next(&walk, &record) && record.type == set->rrset.type);
	require(knot_dname_is_equal(record.owner, set->rrset.owner));
	check_corrected(&record, set, changes);
	require(walk_next(&walk, &rrsig) && rrsig.type == KNOT_RRTYPE_RRSIG);
	check_signature(&rrsig, &record, set->rrset.ttl);
	require(record.ttl == smaller(set->rrset.ttl, query->missing_ttl));
	require(rrsig.ttl == record.ttl && !walk_next(&walk, &rrsig));
	check_put_off(&later, set, https);

	asked_soa.rrs.rdata->data[asked_soa.rrs.rdata->len - 20] ^= 1;
	require(!aname_denial_take(&later, https));
}

/*! The same of the last one of the apex in the reply, where all have been put right. */
static void check_last_known(const aname_query_t *query, bool https)
{
	for (unsigned i = is.reply.count; i > 0 && query->sign.wanted; i--) {
		const denials_set_t *set = &is.reply.sets[i - 1];
		if (counts(set, query->instance->options) && is_of_apex(&set->rrset)) {
			check_known(query, set, https);
			return;
		}
	}
}

/*! Puts all right, as prove.c does it. */
static void correct(aname_query_t *query, bool https)
{
	knot_pkt_t *pkt = query->pkt;
	const aname_options_t *options = query->instance->options;
	int ret = KNOT_EOK;
	unsigned expected = 0;
	for (int i = aname_denial_find(pkt, options, -1); i >= 0 && ret == KNOT_EOK;
	     i = aname_denial_find(pkt, options, i + 1)) {
		while (expected < is.reply.count && !counts(&is.reply.sets[expected], options)) {
			expected++;
		}
		require((unsigned)i == expected++);
		/* As whoever turns to a node has it: there is one apex. */
		query->apex = is_of_apex(&pkt->rr[i]);
		ret = aname_denial_correct(query, i, https);
	}
	if (ret == KNOT_EOK) {
		for (; expected < is.reply.count; expected++) {
			require(!counts(&is.reply.sets[expected], options));
		}
		check(query, query->missing | (https ? ANAME_LISTED_HTTPS : 0));
		check_last_known(query, https);
	} else {
		require(ret == KNOT_ESPACE);
	}
}

/* For mod-onlinesign. */

static void check_online(aname_query_t *query, input_t *input)
{
	static walk_t walk;
	static walk_record_t record;
	static types_t types;
	knot_dname_storage_t next;
	for (is.types_count = take_below(input, 40); is.types_count > 0 && input->left == 0;
	     is.types_count--) {
	}
	for (unsigned i = 0; i < is.types_count; i++) {
		is.types[i] = 1 + take_number(input, 2) % 65534;
	}
	if (aname_denial_put_online(query) != KNOT_EOK) {
		return;
	}
	walk_begin(&walk, query->pkt->wire, query->pkt->size);
	require(walk_next(&walk, &record) && record.type == KNOT_RRTYPE_NSEC);
	size_t len = knot_dname_size(is.zone), at = knot_dname_size(record.rdata);
	require(knot_dname_is_equal(record.owner, is.zone));
	memcpy(next, "\1\0", 2);
	memcpy(next + 2, is.zone, len);
	require(knot_dname_is_equal(record.rdata, len + 2 <= KNOT_DNAME_MAXLEN ? next : is.zone));
	require(record.ttl == smaller(60, query->missing_ttl));
	require(types_read(&types, record.rdata + at, record.len - at));
	uint16_t asked = knot_pkt_qtype(query->pkt);
	require(types_has(&types, KNOT_RRTYPE_A) ==
	        (asked != KNOT_RRTYPE_A && !(query->missing & ANAME_FAMILY_A)));
	require(types_has(&types, KNOT_RRTYPE_AAAA) == !(query->missing & ANAME_FAMILY_AAAA));
	require(types_has(&types, 65305) && types_has(&types, KNOT_RRTYPE_NSEC));
	require(types_has(&types, KNOT_RRTYPE_DNSKEY) == query->apex ||
	        (!query->apex && aname_find_rrset(query, KNOT_RRTYPE_DNSKEY).rrs.count > 0));
	for (unsigned i = 0; i < is.types_count; i++) {
		uint16_t type = is.types[i];
		bool looked_for = type <= 264 || type == 32768 || type == 32769 ||
		                  (type >= 65280 && type <= 65534);
		bool denied = type == asked || (aname_family_of(type) & query->missing);
		require(!looked_for || denied || types_has(&types, type));
	}
	require(!walk_next(&walk, &record));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	input_t input = { data, size };
	if (shared == NULL) {
		begin();
	}
	memset(&is, 0, sizeof(is));
	uint8_t kind = take_octet(&input);
	(void)take_name(&input, is.zone);
	asked_zone = is.zone;
	uint8_t soa[600];
	size_t len = take_name(&input, soa);
	memcpy(soa + len, "\0", 1);
	memcpy(soa + len + 1, "\0\0\0\1\0\0\0\2\0\0\0\3\0\0\0\4\0\0\0\x3c", 20);
	knot_rrset_init(&asked_soa, is.zone, KNOT_RRTYPE_SOA, KNOT_CLASS_IN, 3600);
	require(knot_rrset_add_rdata(&asked_soa, soa, len + 21, &pool_mm) == KNOT_EOK);

	static aname_options_t options;
	options = (aname_options_t){ .rrtypes = { 65305, 65401 },
		                     .rrtypes_count = 2,
		                     .any_owner = (kind & ANY_OWNER) != 0,
		                     .https_alias = (kind & HTTPS) != 0 };
	aname_instance_t *instance = calloc(1, sizeof(aname_instance_t) + sizeof(aname_nodes_t));
	require(instance != NULL);
	instance->options = &options;
	instance->shared = shared;
	instance->zone_len = knot_dname_size(is.zone);
	is.https = kind & HTTPS;
	knot_pkt_t *pkt = knot_pkt_new(NULL, 512 + 16 * take_octet(&input), &pool_mm);
	knotd_qdata_t qdata = { .name = is.zone, .query = pkt };
	aname_query_t query = { .instance = instance,
		                .slot = take_slot(),
		                .pkt = pkt,
		                .qdata = &qdata,
		                .missing = kind >> MISSING & 3,
		                .missing_ttl = take_number(&input, 2),
		                .apex = (kind & APEX) != 0,
		                .rrsets_count = 1,
		                .sign = { .state = ANAME_SIGN_READY,
		                          .wanted = (kind & SIGNED) != 0,
		                          .signer = &signer,
		                          .signer_id = signer.id,
		                          .inception = NOW_S - 5400,
		                          .expiration = NOW_S + LIFETIME,
		                          .now_s = NOW_S } };
	knot_rrset_init(&query.rrsets[0], is.zone, 65305, KNOT_CLASS_IN, 300);
	require(knot_pkt_put_question(pkt, is.zone, KNOT_CLASS_IN, KNOT_RRTYPE_A) == KNOT_EOK);
	require(knot_pkt_begin(pkt, KNOT_AUTHORITY) == KNOT_EOK);
	if (kind & ONLINE) {
		check_online(&query, &input);
	} else {
		is.reply.zone = is.zone;
		denials_take(&is.reply, pkt, &input);
		correct(&query, kind & HTTPS);
	}
	aname_store_free(atomic_load(&instance->signing.store));
	(void)aname_bin_reclaim(shared->sign_bin);
	free(instance);
	knot_pkt_free(pkt);
	pool_free();
	return 0;
}
