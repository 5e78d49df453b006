#include "query/signing.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "conf/knotd.h"
#include "path.h"
#include "query/signer.h"
#include "query/version.h"

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

/*! Publishes the signer that the zone calls for now, unless another worker has; NULL if out of
 *  memory, or if too many are made. */
static const aname_signer_t *publish_signer(const aname_query_t *query, const knot_rrset_t *dnskey,
                                            const aname_signer_basis_t *basis)
{
	aname_shared_t *shared = query->instance->shared;
	aname_signing_t *signing = &query->instance->signing;
	pthread_mutex_lock(&shared->sign_lock);
	aname_signer_t *signer = atomic_load(&signing->signer);
	if (!aname_signer_is_current(signer, dnskey, basis->soa) &&
	    !aname_signer_has_seen(signer, basis)) {
		bool allowed = aname_signer_credit(signer, query->now_ms) > 0;
		signer = allowed ? aname_signer_new(shared, signing, basis, query->now_ms) : NULL;
		if (signer != NULL) {
			replace_signer(shared, signing, signer);
		}
	}
	pthread_mutex_unlock(&shared->sign_lock);
	return signer;
}

/*! Finds out which keys are the zone's own now, which takes time, and makes the signer. */
static ANAME_ASIDE const aname_signer_t *renew(const aname_query_t *query,
                                               const knot_rrset_t *dnskey,
                                               const aname_soa_signatures_t *soa, bool *often)
{
	const aname_signer_t *former = atomic_load(&query->instance->signing.signer);
	aname_signer_basis_t basis;
	aname_signer_gather(query, dnskey, soa, &basis);
	if (aname_signer_has_seen(former, &basis)) {
		return former;
	}
	*often = aname_signer_credit(former, query->now_ms) == 0;
	if (*often) {
		return NULL;
	}
	aname_verify_apex(&basis.apex, &basis.verified);
	return publish_signer(query, dnskey, &basis);
}

/*! A signer that is ready, and whose signatures are still good (D6); or NULL. */
static const aname_signer_t *find_before(aname_signing_t *signing, const knot_rrset_t *dnskey)
{
	const aname_signer_t *before = atomic_load(&signing->before);
	if (before != NULL && aname_signer_is_published(before, dnskey)) {
		return before;
	}
	const aname_signer_t *former = atomic_load(&signing->signer);
	return former != NULL && aname_signer_is_ready(former) &&
	                       aname_signer_is_published(former, dnskey)
	               ? former
	               : NULL;
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

/*! What stands in the way of signing, if no more is known of the signer. */
typedef struct {
	const aname_secret_t *missing; /*!< A key that cannot be read; or NULL. */
	bool often;                    /*!< Keys and signatures change all the time. */
	bool large;                    /*!< The DNSKEY records are too large to be looked at. */
} aname_obstacle_t;

/*! Why a private key is missing. */
static void tell_missing(const aname_secret_t *missing, char *why, size_t size)
{
	const char *error = error_text(atomic_load(&missing->error));
	if (missing->id[0] == '\0') {
		(void)snprintf(why, size, "its DNSKEY record of algorithm %u cannot be read (%s)",
		               missing->rdata[3], error);
	} else {
		(void)snprintf(why, size, "private key %.*s/%s.pem cannot be read (%s)",
		               (int)strcspn(missing->directories, "\n"), missing->directories,
		               missing->id, error);
	}
}

/*! Why none of the keys is the zone's own. */
static void tell_unverified(const aname_verified_t *verified, char *why, size_t size)
{
	unsigned key_tag = verified->key_tag, algorithm = verified->algorithm;
	switch (verified->failure) {
	case ANAME_VERIFY_UNREADABLE:
		(void)snprintf(why, size,
		               "its DNSKEY record with key tag %u and algorithm %u cannot be read "
		               "(%s)",
		               key_tag, algorithm, error_text(verified->error));
		break;
	case ANAME_VERIFY_BOGUS:
		(void)snprintf(why, size,
		               "the signature over its SOA record with key tag %u and algorithm %u "
		               "does not verify: no key is used for a zone that it has not signed",
		               key_tag, algorithm);
		break;
	case ANAME_VERIFY_TOO_MANY:
		(void)snprintf(why, size, "too many signatures over its SOA record do not verify");
		break;
	default:
		(void)snprintf(why, size, "none of its DNSKEY records has signed its SOA record");
		break;
	}
}

static void tell_obstacle(const aname_query_t *query, const aname_obstacle_t *obstacle, char *why,
                          size_t size)
{
	const struct aname_signer *signer = query->sign.signer;
	if (atomic_load(&query->instance->signing.directories) == elsewhere) {
		(void)snprintf(why, size, "its private keys are not in files (PKCS #11)");
	} else if (obstacle->large) {
		(void)snprintf(why, size, "its DNSKEY records are larger than %u octets",
		               ANAME_VERIFY_DNSKEY_MAX);
	} else if (obstacle->often || signer == NULL) {
		(void)snprintf(why, size, "its DNSKEY records or signatures change all the time");
	} else if (obstacle->missing != NULL) {
		tell_missing(obstacle->missing, why, size);
	} else {
		tell_unverified(&signer->verified, why, size);
	}
}

/*! Each reason is told once for a zone, whatever its records look like by then. */
static void log_unable(const aname_query_t *query, const aname_obstacle_t *obstacle)
{
	aname_instance_t *instance = query->instance;
	uint32_t what = query->sign.signer != NULL ? query->sign.signer->id : 1;
	if (instance->options->dnssec_off ||
	    atomic_load_explicit(&instance->unable, memory_order_relaxed) == what ||
	    atomic_exchange(&instance->unable, what) == what) {
		return;
	}
	char why[320];
	tell_obstacle(query, obstacle, why, sizeof(why));
	if (!aname_query_log_once(query, "signed", why, strlen(why))) {
		return;
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

/*! Notes that the signer is right for the zone as it stands, and can sign. */
static void note_known(const aname_query_t *query, const aname_soa_signatures_t *soa)
{
	aname_signer_t *signer = atomic_load(&query->instance->signing.signer);
	if (signer == query->sign.signer) {
		aname_signer_note_known(signer, aname_version(query->qdata, 0), soa);
	}
}

/*! Chooses who signs, and finds out whether it can. */
static void choose_signer(aname_query_t *query, const knot_rrset_t *dnskey,
                          const aname_soa_signatures_t *soa, aname_obstacle_t *obstacle)
{
	aname_sign_t *sign = &query->sign;
	aname_shared_t *shared = query->instance->shared;
	aname_signing_t *signing = &query->instance->signing;
	sign->signer = atomic_load(&signing->signer);
	if (!aname_signer_is_current(sign->signer, dnskey, soa)) {
		sign->signer = renew(query, dnskey, soa, &obstacle->often);
	}
	sign->state = obstacle->often ? ANAME_SIGN_UNABLE : ANAME_SIGN_PENDING;
	if (sign->signer != NULL) {
		aname_signer_retry_ahead(shared, sign->signer, query->now_ms);
		sign->state =
		        aname_signer_judge(shared, sign->signer, query->now_ms, &obstacle->missing);
	}
	if (sign->state == ANAME_SIGN_PENDING || obstacle->often) {
		const aname_signer_t *before = find_before(signing, dnskey);
		if (before != NULL) {
			sign->signer = before;
			sign->state = ANAME_SIGN_READY;
		}
	} else if (atomic_load_explicit(&signing->before, memory_order_relaxed) != NULL) {
		drop_before(shared, signing);
	} else if (sign->state == ANAME_SIGN_READY) {
		note_known(query, soa);
	}
}

/*! What is to be known besides, once it is found out who signs. */
static ANAME_WARM void finish(aname_query_t *query)
{
	aname_sign_t *sign = &query->sign;
	sign->wanted = knot_pkt_has_dnssec(query->qdata->query);
	sign->now_s = wall_clock_s();
	if (sign->state == ANAME_SIGN_READY) {
		sign->signer_id = sign->signer->id;
	}
	aname_zones_unable(query->instance->shared->zones, &query->instance->zone,
	                   sign->state == ANAME_SIGN_UNABLE &&
	                           !query->instance->options->dnssec_off);
}

/*! As aname_signing_choose(), if the zone has not changed since it was found out who signs it, and
 *  that one still can. */
static ANAME_ASIDE bool choose_known(aname_query_t *query, const aname_signer_t *signer)
{
	aname_sign_t *sign = &query->sign;
	aname_shared_t *shared = query->instance->shared;
	const aname_secret_t *missing;
	if (!aname_signer_is_known(signer, aname_version(query->qdata, 0), sign) ||
	    aname_signer_judge(shared, signer, query->now_ms, &missing) != ANAME_SIGN_READY) {
		return false;
	}
	aname_signer_retry_ahead(shared, signer, query->now_ms);
	sign->state = ANAME_SIGN_READY;
	sign->signer = signer;
	finish(query);
	return true;
}

/*! As aname_signing_choose(), for a signed zone. */
static ANAME_ASIDE void choose_for_zone(aname_query_t *query, const knot_rrset_t *dnskey)
{
	aname_sign_t *sign = &query->sign;
	aname_soa_signatures_t soa;
	aname_obstacle_t obstacle = { .large = dnskey->rrs.size > ANAME_VERIFY_DNSKEY_MAX };
	sign->state = ANAME_SIGN_UNABLE;
	sign->signer = NULL;
	aname_signer_find_soa(query->qdata, &soa);
	if (!query->instance->options->dnssec_off && directories_of(query) != elsewhere &&
	    !obstacle.large) {
		choose_signer(query, dnskey, &soa, &obstacle);
	}
	sign->inception = soa.inception;
	sign->expiration = soa.expiration;
	finish(query);
	if (sign->state == ANAME_SIGN_UNABLE) {
		log_unable(query, &obstacle);
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
	const aname_signer_t *signer = atomic_load(&query->instance->signing.signer);
	if (signer != NULL && choose_known(query, signer)) {
		return;
	}
	const knot_rrset_t dnskey = knotd_qdata_zone_apex_rrset(query->qdata, KNOT_RRTYPE_DNSKEY);
	if (dnskey.rrs.count > 0) {
		choose_for_zone(query, &dnskey);
	}
}
