#include "query/signer.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "conf/knotd.h"
#include "path.h"
#include "table/clock.h"

/* Setting up. */

/*! In the place of directories: private keys are not in files. */
static const char elsewhere[] = "";

void aname_signing_init(aname_signing_t *signing, bool off)
{
	atomic_init(&signing->directories, NULL);
	signing->off = off;
	atomic_init(&signing->signer, NULL);
	atomic_init(&signing->before, NULL);
	atomic_init(&signing->store, NULL);
	atomic_init(&signing->logged, 0);
}

/*! Lets the keys go. For the bin. */
static void signer_free(void *memory)
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

void aname_signing_deinit(aname_signing_t *signing, aname_shared_t *shared)
{
	signer_free(atomic_exchange(&signing->signer, NULL));
	signer_free(atomic_exchange(&signing->before, NULL));
	aname_store_free(atomic_exchange(&signing->store, NULL));
	pthread_mutex_lock(&shared->sign_lock);
	(void)aname_bin_reclaim(shared->sign_bin);
	pthread_mutex_unlock(&shared->sign_lock);
}

/* Who signs. */

/*! The signatures over the apex SOA, as the query's zone has them. */
typedef struct {
	unsigned count;
	uint32_t tags[ANAME_RRSIG_KEYS_MAX]; /*!< Algorithm, then key tag. */
	uint32_t inception, expiration;      /*!< Of the first one. */
} soa_signatures_t;

static uint32_t tag_of(uint8_t algorithm, uint16_t key_tag)
{
	return (uint32_t)algorithm << 16 | key_tag;
}

static void find_soa_signatures(knotd_qdata_t *qdata, soa_signatures_t *soa)
{
	soa->count = 0;
	soa->inception = soa->expiration = 0;
	const knot_rrset_t rrsigs = knotd_qdata_zone_apex_rrset(qdata, KNOT_RRTYPE_RRSIG);
	knot_rdata_t *rdata = rrsigs.rrs.rdata;
	for (unsigned i = 0; i < rrsigs.rrs.count; i++, rdata = knot_rdataset_next(rdata)) {
		uint16_t covered = knot_rrsig_type_covered(rdata);
		if (covered > KNOT_RRTYPE_SOA) {
			return; /* They are sorted. */
		}
		if (covered != KNOT_RRTYPE_SOA || soa->count == ANAME_RRSIG_KEYS_MAX) {
			continue;
		}
		if (soa->count == 0) {
			soa->inception = knot_rrsig_sig_inception(rdata);
			soa->expiration = knot_rrsig_sig_expiration(rdata);
		}
		soa->tags[soa->count++] = tag_of(knot_rrsig_alg(rdata), knot_rrsig_key_tag(rdata));
	}
}

static bool is_current(const aname_signer_t *signer, const knot_rrset_t *dnskey,
                       const soa_signatures_t *soa)
{
	return signer != NULL && signer->tags_count == soa->count &&
	       signer->dnskey_size == dnskey->rrs.size &&
	       memcmp(signer->tags, soa->tags, soa->count * sizeof(soa->tags[0])) == 0 &&
	       memcmp(signer->dnskey, dnskey->rrs.rdata, dnskey->rrs.size) == 0;
}

/*! Does this key sign the SOA? */
static bool does_sign(const knot_rdata_t *dnskey, const soa_signatures_t *soa)
{
	const dnssec_binary_t rdata = { .data = (uint8_t *)dnskey->data, .size = dnskey->len };
	uint16_t key_tag = 0;
	if (dnssec_keytag(&rdata, &key_tag) != DNSSEC_EOK) {
		return false;
	}
	for (unsigned i = 0; i < soa->count; i++) {
		if (soa->tags[i] == tag_of(knot_dnskey_alg(dnskey), key_tag)) {
			return true;
		}
	}
	return false;
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
static bool hold_keys(aname_signer_t *signer, const char *directories, const knot_rrset_t *dnskey,
                      const soa_signatures_t *soa)
{
	unsigned most = dnskey->rrs.count < ANAME_SIGNER_KEYS_MAX ? dnskey->rrs.count
	                                                          : ANAME_SIGNER_KEYS_MAX;
	bool good = true;
	knot_rdata_t *rdata = dnskey->rrs.rdata;
	for (unsigned i = 0; i < most && good; i++, rdata = knot_rdataset_next(rdata)) {
		if (signer->count < ANAME_RRSIG_KEYS_MAX && does_sign(rdata, soa)) {
			good = hold(signer, directories, rdata, signer->keys, &signer->count);
		}
	}
	rdata = dnskey->rrs.rdata;
	for (unsigned i = 0; i < most && good; i++, rdata = knot_rdataset_next(rdata)) {
		if (has_role(signer, rdata) && !does_sign(rdata, soa)) {
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

/*! Under the lock. */
static aname_signer_t *signer_new(aname_shared_t *shared, const aname_signing_t *signing,
                                  const knot_rrset_t *dnskey, const soa_signatures_t *soa)
{
	aname_signer_t *signer = calloc(1, sizeof(*signer) + dnskey->rrs.size);
	if (signer == NULL) {
		return NULL;
	}
	signer->secrets = shared->secrets;
	signer->tags_count = soa->count;
	memcpy(signer->tags, soa->tags, soa->count * sizeof(soa->tags[0]));
	signer->dnskey_size = dnskey->rrs.size;
	memcpy(signer->dnskey, dnskey->rrs.rdata, dnskey->rrs.size);
	if (!hold_keys(signer, atomic_load(&signing->directories), dnskey, soa)) {
		signer_free(signer);
		return NULL;
	}

	const aname_signer_t *before = atomic_load(&signing->signer);
	signer->id = same_keys(signer, before) ? before->id : ++shared->signers;
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

/*!
 * Judges the keys that sign: all are there, or some are still being read, or one is missing for
 * which there is no other of the same algorithm (RFC 4035, 2.2: each algorithm signs).
 */
static aname_sign_state_t judge(aname_shared_t *shared, const aname_signer_t *signer,
                                int64_t now_ms, const aname_secret_t **missing)
{
	aname_sign_state_t state = signer->count > 0 ? ANAME_SIGN_READY : ANAME_SIGN_UNABLE;
	for (unsigned i = 0; i < signer->count; i++) {
		aname_secret_t *key = signer->keys[i];
		int is = atomic_load_explicit(&key->state, memory_order_acquire);
		if (is == ANAME_SECRET_PENDING) {
			return ANAME_SIGN_PENDING;
		}
		if (is == ANAME_SECRET_FAILED) {
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

/*! Are all keys there that sign? */
static bool is_ready(const aname_signer_t *signer)
{
	for (unsigned i = 0; i < signer->count; i++) {
		if (atomic_load_explicit(&signer->keys[i]->state, memory_order_acquire) !=
		    ANAME_SECRET_READY) {
			return false;
		}
	}
	return signer->count > 0;
}

/*! Takes something out of a signing. Under the lock. */
static void retire(aname_shared_t *shared, aname_signer_t *signer)
{
	aname_bin_retire(shared->sign_bin, signer, signer_free);
	(void)aname_bin_reclaim(shared->sign_bin);
}

/*! Publishes a signer; what was there before it goes on, if it can, until this one is ready. */
static void replace_signer(aname_shared_t *shared, aname_signing_t *signing, aname_signer_t *signer)
{
	aname_signer_t *replaced = atomic_load(&signing->signer);
	if (replaced != NULL && is_ready(replaced) && !is_ready(signer)) {
		/* First the one, then the other: nobody finds neither. */
		retire(shared, atomic_exchange(&signing->before, replaced));
		atomic_store(&signing->signer, signer);
	} else {
		atomic_store(&signing->signer, signer);
		retire(shared, replaced);
	}
}

/*! Makes the signer that the zone calls for now; NULL if out of memory. */
static const aname_signer_t *renew(aname_shared_t *shared, aname_signing_t *signing,
                                   const knot_rrset_t *dnskey, const soa_signatures_t *soa)
{
	pthread_mutex_lock(&shared->sign_lock);
	aname_signer_t *signer = atomic_load(&signing->signer);
	if (!is_current(signer, dnskey, soa)) {
		signer = signer_new(shared, signing, dnskey, soa);
		if (signer != NULL) {
			replace_signer(shared, signing, signer);
		}
	}
	pthread_mutex_unlock(&shared->sign_lock);
	return signer;
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

/*! The signer before, if what it signs is still good (D6); or NULL. */
static const aname_signer_t *find_before(aname_signing_t *signing, const knot_rrset_t *dnskey)
{
	const aname_signer_t *before = atomic_load(&signing->before);
	for (unsigned i = 0; before != NULL && i < before->count; i++) {
		if (!is_published(before->keys[i], dnskey)) {
			return NULL;
		}
	}
	return before;
}

/*! The signer that the zone calls for is ready: lets the keys of the one before go. */
static ANAME_ASIDE void drop_before(aname_shared_t *shared, aname_signing_t *signing)
{
	pthread_mutex_lock(&shared->sign_lock);
	retire(shared, atomic_exchange(&signing->before, NULL));
	pthread_mutex_unlock(&shared->sign_lock);
}

/*! Keys that may sign next are tried again, too, so that they are there then. */
static void retry_ahead(aname_shared_t *shared, const aname_signer_t *signer, int64_t now_ms)
{
	for (unsigned i = 0; i < signer->ahead_count; i++) {
		aname_secrets_retry(shared->secrets, signer->ahead[i], now_ms);
	}
}

/* Why not. */

/*! Text of an error of libdnssec, which knows few of the system's, and has none for the others. */
static const char *error_text(int error)
{
	const char *text = dnssec_strerror(error);
	return text != NULL ? text : strerror(-error);
}

static void log_unable(const aname_query_t *query, const knot_rrset_t *dnskey,
                       const aname_secret_t *missing)
{
	aname_signing_t *signing = &query->instance->signing;
	uint64_t what = query->sign.signer != NULL ? query->sign.signer->id : 1;
	if (signing->off || atomic_load_explicit(&signing->logged, memory_order_relaxed) == what ||
	    atomic_exchange(&signing->logged, what) == what ||
	    !aname_query_log_once(query, "signed", dnskey->rrs.rdata, dnskey->rrs.size)) {
		return;
	}
	char why[320];
	if (atomic_load(&signing->directories) == elsewhere) {
		(void)snprintf(why, sizeof(why), "its private keys are not in files (PKCS #11)");
	} else if (missing != NULL) {
		(void)snprintf(why, sizeof(why), "private key %.*s/%s.pem cannot be read (%s)",
		               (int)strcspn(missing->directories, "\n"), missing->directories,
		               missing->id, error_text(atomic_load(&missing->error)));
	} else {
		(void)snprintf(why, sizeof(why),
		               "none of its DNSKEY records has signed its SOA record");
	}
	knotd_mod_log(query->mod, LOG_WARNING,
	              "the zone is signed, and %s: the apex is served without the addresses of its "
	              "ANAME; have this server sign the zone with keys it can read, or use "
	              "mod-onlinesign after mod-aname, or set 'dnssec: off' to silence this",
	              why);
}

static int64_t wall_clock_s(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_REALTIME_COARSE, &ts);
	return ts.tv_sec;
}

/*!
 * Where the zone's private keys are. Asked for only by signed zones, at their first query: to ask
 * costs more than all the rest of loading an instance.
 *
 * Returns `elsewhere`, too, if there is no memory, until there is. What another worker has found
 * meanwhile stays.
 */
static ANAME_ASIDE const char *find_directories(const aname_query_t *query)
{
	char list[ANAME_DIRECTORIES_SIZE];
	const char *directories =
	        aname_conf_key_directories(query->mod, list, sizeof(list))
	                ? aname_secrets_directories(query->instance->shared->secrets, list)
	                : elsewhere;
	if (directories == NULL) {
		return elsewhere;
	}
	atomic_store_explicit(&query->instance->signing.directories, directories,
	                      memory_order_release);
	return directories;
}

static const char *directories_of(const aname_query_t *query)
{
	const char *directories =
	        atomic_load_explicit(&query->instance->signing.directories, memory_order_acquire);
	return directories != NULL ? directories : find_directories(query);
}

/*! Chooses who signs, and finds out whether it can. */
static void choose_signer(aname_query_t *query, const knot_rrset_t *dnskey,
                          const soa_signatures_t *soa, const aname_secret_t **missing)
{
	aname_sign_t *sign = &query->sign;
	aname_shared_t *shared = query->instance->shared;
	aname_signing_t *signing = &query->instance->signing;
	sign->signer = atomic_load(&signing->signer);
	if (!is_current(sign->signer, dnskey, soa)) {
		sign->signer = renew(shared, signing, dnskey, soa);
	}
	sign->state = ANAME_SIGN_PENDING;
	if (sign->signer != NULL) {
		retry_ahead(shared, sign->signer, query->now_ms);
		sign->state = judge(shared, sign->signer, query->now_ms, missing);
	}
	if (sign->state == ANAME_SIGN_PENDING) {
		const aname_signer_t *before = find_before(signing, dnskey);
		if (before != NULL) {
			sign->signer = before;
			sign->state = ANAME_SIGN_READY;
		}
	} else if (atomic_load_explicit(&signing->before, memory_order_relaxed) != NULL) {
		drop_before(shared, signing);
	}
}

/*! As aname_signer_choose(), for a signed zone. */
static ANAME_ASIDE void attach_signer(aname_query_t *query, const knot_rrset_t *dnskey)
{
	aname_sign_t *sign = &query->sign;
	soa_signatures_t soa;
	const aname_secret_t *missing = NULL;
	sign->state = ANAME_SIGN_UNABLE;
	sign->signer = NULL;
	find_soa_signatures(query->qdata, &soa);
	if (!query->instance->signing.off && directories_of(query) != elsewhere) {
		choose_signer(query, dnskey, &soa, &missing);
	}
	sign->wanted = knot_pkt_has_dnssec(query->qdata->query);
	sign->inception = soa.inception;
	sign->expiration = soa.expiration;
	sign->now_s = wall_clock_s();
	if (sign->state == ANAME_SIGN_UNABLE) {
		log_unable(query, dnskey, missing);
	}
}

ANAME_WARM void aname_signer_choose(aname_query_t *query)
{
	aname_sign_t *sign = &query->sign;
	aname_onlinesign_t onlinesign = query->instance->onlinesign;
	sign->state = ANAME_SIGN_NEEDLESS;
	if (onlinesign != ANAME_ONLINESIGN_NONE) {
		/* That it stands before was told at load. */
		sign->state = onlinesign == ANAME_ONLINESIGN_BEFORE ? ANAME_SIGN_UNABLE
		                                                    : ANAME_SIGN_NEEDLESS;
		return;
	}
	const knot_rrset_t dnskey = knotd_qdata_zone_apex_rrset(query->qdata, KNOT_RRTYPE_DNSKEY);
	if (dnskey.rrs.count > 0) {
		attach_signer(query, &dnskey);
	}
}
