#include "query/signing.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "conf/knotd.h"
#include "path.h"
#include "query/signer.h"
#include "table/clock.h"

/* Setting up. */

/*! In the place of directories: private keys are not in files. */
static const char elsewhere[] = "";

void aname_signing_init(aname_signing_t *signing)
{
	atomic_init(&signing->directories, NULL);
	atomic_init(&signing->signer, NULL);
	atomic_init(&signing->before, NULL);
	atomic_init(&signing->store, NULL);
}

void aname_signing_deinit(aname_signing_t *signing, aname_shared_t *shared)
{
	aname_signer_free(atomic_exchange(&signing->signer, NULL));
	aname_signer_free(atomic_exchange(&signing->before, NULL));
	aname_store_free(atomic_exchange(&signing->store, NULL));
	pthread_mutex_lock(&shared->sign_lock);
	(void)aname_bin_reclaim(shared->sign_bin);
	pthread_mutex_unlock(&shared->sign_lock);
}

/*! Takes something out of a signing. Under the lock. */
static void retire(aname_shared_t *shared, aname_signer_t *signer)
{
	aname_bin_retire(shared->sign_bin, signer, aname_signer_free);
	(void)aname_bin_reclaim(shared->sign_bin);
}

/*! Publishes a signer; what was there before it goes on, if it can, until this one is ready. */
static void replace_signer(aname_shared_t *shared, aname_signing_t *signing, aname_signer_t *signer)
{
	aname_signer_t *replaced = atomic_load(&signing->signer);
	if (replaced != NULL && aname_signer_is_ready(replaced) && !aname_signer_is_ready(signer)) {
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
                                   const knot_rrset_t *dnskey, const aname_soa_signatures_t *soa)
{
	pthread_mutex_lock(&shared->sign_lock);
	aname_signer_t *signer = atomic_load(&signing->signer);
	if (!aname_signer_is_current(signer, dnskey, soa)) {
		signer = aname_signer_new(shared, signing, dnskey, soa);
		if (signer != NULL) {
			replace_signer(shared, signing, signer);
		}
	}
	pthread_mutex_unlock(&shared->sign_lock);
	return signer;
}

/*! The signer before, if what it signs is still good (D6); or NULL. */
static const aname_signer_t *find_before(aname_signing_t *signing, const knot_rrset_t *dnskey)
{
	const aname_signer_t *before = atomic_load(&signing->before);
	return before != NULL && aname_signer_is_published(before, dnskey) ? before : NULL;
}

/*! The signer that the zone calls for is ready: lets the keys of the one before go. */
static ANAME_ASIDE void drop_before(aname_shared_t *shared, aname_signing_t *signing)
{
	pthread_mutex_lock(&shared->sign_lock);
	retire(shared, atomic_exchange(&signing->before, NULL));
	pthread_mutex_unlock(&shared->sign_lock);
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
	aname_instance_t *instance = query->instance;
	uint32_t what = query->sign.signer != NULL ? query->sign.signer->id : 1;
	if (instance->options->dnssec_off ||
	    atomic_load_explicit(&instance->unable, memory_order_relaxed) == what ||
	    atomic_exchange(&instance->unable, what) == what ||
	    !aname_query_log_once(query, "signed", dnskey->rrs.rdata, dnskey->rrs.size)) {
		return;
	}
	char why[320];
	if (atomic_load(&instance->signing.directories) == elsewhere) {
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
                          const aname_soa_signatures_t *soa, const aname_secret_t **missing)
{
	aname_sign_t *sign = &query->sign;
	aname_shared_t *shared = query->instance->shared;
	aname_signing_t *signing = &query->instance->signing;
	sign->signer = atomic_load(&signing->signer);
	if (!aname_signer_is_current(sign->signer, dnskey, soa)) {
		sign->signer = renew(shared, signing, dnskey, soa);
	}
	sign->state = ANAME_SIGN_PENDING;
	if (sign->signer != NULL) {
		aname_signer_retry_ahead(shared, sign->signer, query->now_ms);
		sign->state = aname_signer_judge(shared, sign->signer, query->now_ms, missing);
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

/*! As aname_signing_choose(), for a signed zone. */
static ANAME_ASIDE void choose_for_zone(aname_query_t *query, const knot_rrset_t *dnskey)
{
	aname_sign_t *sign = &query->sign;
	aname_soa_signatures_t soa;
	const aname_secret_t *missing = NULL;
	sign->state = ANAME_SIGN_UNABLE;
	sign->signer = NULL;
	aname_signer_find_soa(query->qdata, &soa);
	if (!query->instance->options->dnssec_off && directories_of(query) != elsewhere) {
		choose_signer(query, dnskey, &soa, &missing);
	}
	sign->wanted = knot_pkt_has_dnssec(query->qdata->query);
	sign->inception = soa.inception;
	sign->expiration = soa.expiration;
	sign->now_s = wall_clock_s();
	if (sign->state == ANAME_SIGN_READY) {
		sign->signer_id = sign->signer->id;
	} else if (sign->state == ANAME_SIGN_UNABLE) {
		log_unable(query, dnskey, missing);
	}
}

/*! Is it still the one that an earlier hook of this query has chosen? Its keys stay READY. */
static bool is_same(aname_query_t *query)
{
	const aname_signer_t *signer = atomic_load(&query->instance->signing.signer);
	if (signer == NULL || signer->id != query->sign.signer_id) {
		return false;
	}
	query->sign.signer = signer; /* Perhaps made anew, of the same keys. */
	return true;
}

ANAME_WARM void aname_signing_choose(aname_query_t *query)
{
	aname_sign_t *sign = &query->sign;
	aname_onlinesign_t onlinesign = query->instance->onlinesign;
	if (sign->state == ANAME_SIGN_READY && is_same(query)) {
		return;
	}
	sign->state = ANAME_SIGN_NEEDLESS;
	if (onlinesign != ANAME_ONLINESIGN_NONE) {
		/* That it stands before was told at load. */
		sign->state = onlinesign == ANAME_ONLINESIGN_BEFORE ? ANAME_SIGN_UNABLE
		                                                    : ANAME_SIGN_NEEDLESS;
		return;
	}
	const knot_rrset_t dnskey = knotd_qdata_zone_apex_rrset(query->qdata, KNOT_RRTYPE_DNSKEY);
	if (dnskey.rrs.count > 0) {
		choose_for_zone(query, &dnskey);
	}
}
