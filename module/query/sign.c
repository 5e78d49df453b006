#include "query/sign.h"

#include <stdlib.h>
#include <string.h>

#include "path.h"
#include "query/packet.h"
#include "query/signer.h"
#include "table/clock.h"

/*! Contents of a node that are in use at once, mostly: each family, its denial, and HTTPS. */
#define CONTENTS_EACH(options) ((options)->https_alias ? 4 : 3)

/*! Gives a store room for what all nodes have that were asked for. Under the lock. */
static aname_store_t *widen(const aname_query_t *query, aname_store_t *store)
{
	aname_shared_t *shared = query->instance->shared;
	unsigned groups = store->groups;
	size_t wanted =
	        (size_t)CONTENTS_EACH(query->instance->options) * query->instance->nodes->count;
	/* At most half full, or contents push each other out. */
	while (groups < ANAME_STORE_GROUPS_MAX && (size_t)groups * ANAME_STORE_GROUP < 2 * wanted) {
		groups *= 2;
	}
	aname_store_t *wider =
	        groups > store->groups ? aname_store_widen(store, groups, shared->sign_bin) : NULL;
	if (wider == NULL) {
		return store;
	}
	atomic_store(&query->instance->signing.store, wider);
	aname_bin_retire(shared->sign_bin, store, free);
	return wider;
}

/*! The store of an instance, made when it is first needed. Under the lock. */
static aname_store_t *store_of(const aname_query_t *query)
{
	aname_signing_t *signing = &query->instance->signing;
	aname_store_t *store = atomic_load(&signing->store);
	if (store == NULL) {
		const aname_options_t *options = query->instance->options;
		bool many = options->ecs || (query->several && aname_pool_plan_is_wanted(options));
		store = aname_store_new(many ? ANAME_STORE_GROUPS_TAILORED : ANAME_STORE_GROUPS);
		atomic_store(&signing->store, store);
	}
	return store != NULL && aname_instance_any(query->instance) ? widen(query, store) : store;
}

/*! Makes signatures in one block, not stored yet. */
static aname_signed_t *make(const aname_query_t *query, const aname_content_t *content,
                            uint64_t hash, const knot_rdataset_t *made)
{
	const aname_signer_t *signer = query->sign.signer;
	aname_secret_t *ready[ANAME_RRSIG_KEYS_MAX];
	unsigned count = 0;
	for (unsigned i = 0; i < signer->count; i++) {
		if (atomic_load_explicit(&signer->keys[i]->state, memory_order_acquire) ==
		    ANAME_SECRET_READY) {
			ready[count++] = signer->keys[i];
		}
	}
	const aname_rrsig_signers_t signer_keys = { .zone = knotd_qdata_zone_name(query->qdata),
		                                    .count = count,
		                                    .keys = ready };
	aname_validity_t validity =
	        aname_rrsig_validity(query->sign.inception, query->sign.expiration,
	                             content->rrset->ttl, query->sign.now_s);
	knot_rrset_t rrset = *content->rrset;
	if (made->count > 0) {
		rrset.rrs = *made;
	}
	knot_rdataset_t rrsigs;
	if (aname_rrsig_make(&rrset, &signer_keys, &validity, &rrsigs) != KNOT_EOK) {
		return NULL;
	}
	aname_signed_t *made_now = aname_signed_new(content, hash, made, &rrsigs, &validity);
	knot_rdataset_clear(&rrsigs, NULL);
	return made_now;
}

/*! Under zones that take most: others have to wait because of these. */
static void log_limit(const aname_query_t *query)
{
	if (aname_query_log_once(query, "signing", NULL, 0)) {
		knotd_mod_log(
		        query->mod, LOG_WARNING,
		        "limit reached, signing takes %d eighths of a worker's time, and much of "
		        "that for this zone: answers of it that are to be signed are put off "
		        "(with RSA keys signing takes far longer than with ECDSA or Ed25519)",
		        ANAME_ALLOWANCE_OF_8);
	}
}

/*! As make(), if signing has not had its share of the worker's time. */
static int make_allowed(const aname_query_t *query, const aname_content_t *content, uint64_t hash,
                        const knot_rdataset_t *made, aname_signed_t **fresh)
{
	uint32_t zone = aname_query_zone(query);
	int64_t began_us = aname_clock_us();
	aname_allowance_t *allowance = query->slot->signing;
	aname_allowance_state_t state = aname_allowance_look(allowance, zone, began_us);
	if (state == ANAME_ALLOWANCE_GIVES_WAY) {
		log_limit(query);
	}
	if (state != ANAME_ALLOWANCE_LEFT) {
		return KNOT_ELIMIT;
	}
	*fresh = make(query, content, hash, made);
	aname_allowance_spend(allowance, zone, began_us, aname_clock_us());
	return *fresh != NULL ? KNOT_EOK : KNOT_ERROR;
}

/*! Signs a content and stores that for all. */
static int sign_anew(const aname_query_t *query, const aname_content_t *content, uint64_t hash,
                     const knot_rdataset_t *made, const aname_signed_t **found)
{
	aname_shared_t *shared = query->instance->shared;
	aname_signed_t *fresh;
	int ret = make_allowed(query, content, hash, made, &fresh);
	if (ret != KNOT_EOK) {
		return ret;
	}
	*found = fresh;
	pthread_mutex_lock(&shared->sign_lock);
	aname_store_t *store = store_of(query);
	if (store != NULL) {
		aname_store_put(store, fresh, shared->sign_bin, query->sign.now_s);
	} else {
		/* Good for this reply. */
		aname_bin_retire(shared->sign_bin, fresh, free);
	}
	(void)aname_bin_reclaim(shared->sign_bin);
	pthread_mutex_unlock(&shared->sign_lock);
	return KNOT_EOK;
}

static uint64_t hash_of(const aname_query_t *query, const aname_content_t *content)
{
	return aname_store_hash(&query->instance->shared->hash_key, content);
}

/*! What is stored of a content, due or not. */
static ANAME_WARM const aname_signed_t *find_stored(const aname_query_t *query,
                                                    aname_content_t *content)
{
	content->signer = query->sign.signer->id;
	aname_store_t *store = atomic_load(&query->instance->signing.store);
	if (store == NULL) {
		return NULL;
	}
	const aname_signed_t *stored = aname_store_look(store, content, query->sign.now_s);
	return stored != NULL ? stored
	                      : aname_store_find(store, content, hash_of(query, content),
	                                         query->sign.now_s);
}

ANAME_WARM const aname_signed_t *aname_sign_find(const aname_query_t *query,
                                                 aname_content_t *content)
{
	const aname_signed_t *stored = find_stored(query, content);
	bool due = stored == NULL || aname_signed_is_due(stored, query->sign.now_s);
	return due ? NULL : stored;
}

int aname_sign_content(const aname_query_t *query, aname_content_t *content,
                       const knot_rdataset_t *made, const aname_signed_t **found)
{
	const aname_signed_t *stored = find_stored(query, content);
	if (stored != NULL && !aname_signed_is_due(stored, query->sign.now_s)) {
		*found = stored;
		return KNOT_EOK;
	}
	int ret = sign_anew(query, content, hash_of(query, content), made, found);
	if (ret != KNOT_EOK && stored != NULL && aname_signed_is_good(stored, query->sign.now_s)) {
		*found = stored;
		ret = KNOT_EOK;
	}
	return ret;
}

/* Into the reply. */

int aname_sign_copy(const aname_query_t *query, const knot_rdataset_t *rrsigs,
                    const knot_dname_t *owner, uint32_t ttl, knot_rrset_t *copy)
{
	knot_mm_t *mm = &query->pkt->mm;
	knot_rrset_init(copy, knot_dname_copy(owner, mm), KNOT_RRTYPE_RRSIG, KNOT_CLASS_IN, ttl);
	int ret = copy->owner == NULL ? KNOT_ENOMEM : knot_rdataset_copy(&copy->rrs, rrsigs, mm);
	if (ret != KNOT_EOK) {
		knot_rrset_clear(copy, mm);
	}
	return ret;
}

/*! As aname_answer_put(), of signatures. */
static int put(const aname_query_t *query, const knot_rdataset_t *rrsigs, const knot_dname_t *owner,
               uint32_t ttl, uint16_t hint, uint16_t flags)
{
	knot_rrset_t rrset = {
		.owner = (knot_dname_t *)owner, /* Nobody writes there. */
		.ttl = ttl,
		.type = KNOT_RRTYPE_RRSIG,
		.rclass = KNOT_CLASS_IN,
	};
	int ret = aname_packet_copy(query->pkt, rrsigs, &rrset.rrs);
	return ret != KNOT_EOK ? ret : aname_packet_append(query->pkt, hint, &rrset, 0, flags);
}

/*! Signs the RRset at `index`, the last one. */
static int sign_last(const aname_query_t *query, uint16_t index, uint32_t original_ttl,
                     uint16_t flags)
{
	knot_pkt_t *pkt = query->pkt;
	const knot_rdataset_t itself = { 0 };
	if (pkt->rr[index].ttl > original_ttl) {
		aname_packet_lower_ttl(pkt, index, original_ttl);
	}
	knot_rrset_t rrset = pkt->rr[index];
	rrset.ttl = original_ttl;
	rrset.owner = query->rrsets[0].owner; /* A wildcard's is signed as the wildcard's (O3). */
	aname_content_t content = { .rrset = &rrset, .apex = query->apex };
	const aname_signed_t *stored = aname_sign_find(query, &content);
	int ret = stored == NULL ? aname_sign_content(query, &content, &itself, &stored) : KNOT_EOK;
	if (ret != KNOT_EOK) {
		return ret;
	}
	uint32_t left = aname_sign_left(&query->sign, stored);
	if (left < pkt->rr[index].ttl) {
		aname_packet_lower_ttl(pkt, index, left);
	}
	uint16_t hint = pkt->rr_info[index].compress_ptr[KNOT_COMPR_HINT_OWNER];
	return put(query, &stored->rrsigs, pkt->rr[index].owner, pkt->rr[index].ttl, hint, flags);
}

int aname_sign_put(const aname_query_t *query, uint32_t original_ttl, uint16_t flags)
{
	knot_pkt_t *pkt = query->pkt;
	uint16_t index = pkt->rrset_count - 1;
	int ret = query->sign.state == ANAME_SIGN_READY
	                  ? sign_last(query, index, original_ttl, flags)
	                  : KNOT_ERROR;
	if (ret != KNOT_EOK) {
		aname_packet_drop_last(pkt); /* Nothing unsigned stays. */
	}
	return ret;
}

/*! Copies those of a node's signatures that cover a type. */
static int copy_covering(const aname_query_t *query, const knot_rrset_t *rrsigs, uint16_t type,
                         knot_rdataset_t *covering)
{
	knot_rdata_t *rdata = rrsigs->rrs.rdata;
	int ret = KNOT_EOK;
	for (unsigned i = 0; i < rrsigs->rrs.count && ret == KNOT_EOK; i++) {
		if (knot_rrsig_type_covered(rdata) == type) {
			ret = knot_rdataset_add(covering, rdata, &query->pkt->mm);
		}
		rdata = knot_rdataset_next(rdata);
	}
	return ret;
}

/*! How many of a node's signatures cover a type, and the last of these. */
static unsigned find_covering(const knot_rrset_t *rrsigs, uint16_t type, knot_rdata_t **last)
{
	unsigned count = 0;
	knot_rdata_t *rdata = rrsigs->rrs.rdata;
	for (unsigned i = 0; i < rrsigs->rrs.count; i++) {
		if (knot_rrsig_type_covered(rdata) == type) {
			count++;
			*last = rdata;
		}
		rdata = knot_rdataset_next(rdata);
	}
	return count;
}

/*! Puts one that stays where it is: it is the zone's. */
static int put_in_place(const aname_query_t *query, knot_rdata_t *rrsig, const knot_rrset_t *rrset,
                        uint16_t hint, uint16_t flags)
{
	const knot_rrset_t put_one = {
		.owner = rrset->owner,
		.ttl = rrset->ttl,
		.type = KNOT_RRTYPE_RRSIG,
		.rclass = KNOT_CLASS_IN,
		.rrs = { .count = 1, .size = knot_rdata_size(rrsig->len), .rdata = rrsig },
	};
	return aname_packet_append(query->pkt, hint, &put_one, 0, flags);
}

int aname_sign_put_zones(const aname_query_t *query, const knot_rrset_t *rrsigs,
                         const knot_rrset_t *rrset, uint16_t flags)
{
	knot_rdata_t *only = NULL;
	unsigned count = find_covering(rrsigs, rrset->type, &only);
	if (count == 0) {
		return KNOT_EOK;
	}
	const knot_pkt_t *pkt = query->pkt;
	uint16_t hint = pkt->rr_info[pkt->rrset_count - 1].compress_ptr[KNOT_COMPR_HINT_OWNER];
	if (count == 1) {
		return put_in_place(query, only, rrset, hint, flags);
	}
	knot_rdataset_t covering = { 0 };
	int ret = copy_covering(query, rrsigs, rrset->type, &covering);
	if (ret == KNOT_EOK) {
		ret = put(query, &covering, rrset->owner, rrset->ttl, hint, flags);
	}
	knot_rdataset_clear(&covering, &query->pkt->mm);
	return ret;
}
