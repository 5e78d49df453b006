#include "query/denial.h"

#include <string.h>

#include "query/bitmap.h"
#include "query/find.h"
#include "query/https.h"
#include "query/packet.h"
#include "query/sign.h"
#include "query/version.h"

/*! Is it a denial, and the only one of its owner? */
static bool is_denial(const knot_rrset_t *rrset)
{
	return (rrset->type == KNOT_RRTYPE_NSEC || rrset->type == KNOT_RRTYPE_NSEC3) &&
	       rrset->rrs.count == 1;
}

bool aname_denial_is_apex(const knot_rrset_t *rrset)
{
	return aname_bitmap_has(rrset->type, rrset->rrs.rdata, KNOT_RRTYPE_SOA);
}

/*! Does it list ANAME records? A node at a delegation lists none. */
static bool lists_aname(const knot_rrset_t *rrset, const aname_options_t *options)
{
	unsigned i = 0;
	while (i < options->rrtypes_count &&
	       !aname_bitmap_has(rrset->type, rrset->rrs.rdata, options->rrtypes[i])) {
		i++;
	}
	return i < options->rrtypes_count;
}

int aname_denial_find(const knot_pkt_t *pkt, const aname_options_t *options, int from)
{
	const knot_pktsection_t *section = knot_pkt_section(pkt, pkt->current);
	for (int i = from > section->pos ? from : section->pos; i < section->pos + section->count;
	     i++) {
		/* Knot's own is the zone's; what a module made is the packet's. */
		const knot_rrset_t *rrset = &pkt->rr[i];
		if (is_denial(rrset) && !(pkt->rr_info[i].flags & KNOT_PF_FREE) &&
		    (aname_denial_is_apex(rrset) ||
		     (options->any_owner && lists_aname(rrset, options)))) {
			return i;
		}
	}
	return -1;
}

/*! The record as it should be, in memory of the packet. */
static int correct_record(knot_pkt_t *pkt, const knot_rrset_t *rrset, uint8_t changes,
                          knot_rdataset_t *made)
{
	const knot_rdata_t *rdata = rrset->rrs.rdata;
	uint8_t *copy = aname_packet_alloc(pkt, rdata->len + ANAME_BITMAP_GROWTH);
	if (copy == NULL) {
		return KNOT_ENOMEM;
	}
	int ret = aname_bitmap_correct(rrset->type, rdata, changes, copy);
	if (ret >= 0) {
		knot_rrset_t record = *rrset;
		knot_rdataset_init(&record.rrs);
		ret = knot_rrset_add_rdata(&record, copy, ret, &pkt->mm);
		*made = record.rrs;
	}
	aname_packet_release(pkt, copy);
	return ret;
}

/*! What is put in the place of a record: the right one, and signatures if there are to be any. */
typedef struct {
	const knot_rdataset_t *rrs;
	const knot_rdataset_t *rrsigs;
	uint32_t ttl;
} replacement_t;

/*! Notes that this is the denial of the apex, where a query was about that. */
static void note(const aname_query_t *query, const aname_signed_t *stored)
{
	aname_store_t *store = atomic_load(&query->instance->signing.store);
	if (!query->apex || store == NULL ||
	    query->qdata->query->qname_size != query->instance->zone_len) {
		return; /* Names that do not exist are asked for more often. */
	}
	uint64_t version = aname_version(query->qdata, 0);
	if (version != 0) {
		aname_store_note_denial(store, stored, version);
	}
}

/*!
 * Finds what a record is to be, or makes it.
 *
 * \param changes  In its list of types.
 * \param made     Where it is made if need be; to be cleared.
 */
static int find_replacement(const aname_query_t *query, const knot_rrset_t *rrset, uint8_t changes,
                            knot_rdataset_t *made, replacement_t *replacement)
{
	aname_content_t content = { .rrset = rrset,
		                    .changes = changes,
		                    .apex = rrset->type == KNOT_RRTYPE_NSEC && query->apex };
	const aname_signed_t *stored = query->sign.wanted ? aname_sign_find(query, &content) : NULL;
	*replacement =
	        (replacement_t){ .rrs = stored != NULL ? &stored->made : made,
		                 .ttl = rrset->ttl < query->missing_ttl ? rrset->ttl
		                                                        : query->missing_ttl };
	if (stored == NULL) {
		int ret = correct_record(query->pkt, rrset, changes, made);
		if (ret != KNOT_EOK || !query->sign.wanted) {
			return ret;
		}
		ret = aname_sign_content(query, &content, made, &stored);
		if (ret != KNOT_EOK) {
			return ret;
		}
	}
	uint32_t left = aname_sign_left(&query->sign, stored);
	replacement->ttl = replacement->ttl < left ? replacement->ttl : left;
	replacement->rrsigs = &stored->rrsigs;
	note(query, stored);
	return KNOT_EOK;
}

static bool covers(const knot_rrset_t *rrset, uint16_t type)
{
	return rrset->type == KNOT_RRTYPE_RRSIG &&
	       knot_rrsig_type_covered(rrset->rrs.rdata) == type;
}

/*! Where the signatures over the record at `index` stand behind it, or 0. */
static uint16_t find_signatures(const knot_pkt_t *pkt, uint16_t index)
{
	for (uint16_t i = index + 1; i < pkt->rrset_count; i++) {
		if (covers(&pkt->rr[i], pkt->rr[index].type) &&
		    aname_packet_same_owner(pkt, index, i)) {
			return i;
		}
	}
	return 0;
}

/*!
 * Replaces the record at `index`, and the signatures over it, where they stand. That is possible
 * nearly always: the list of types is as long as before, and signatures of one algorithm are.
 *
 * Returns KNOT_ESPACE, with the reply unchanged, if it is not.
 */
static int overwrite(const aname_query_t *query, uint16_t index, const replacement_t *replacement)
{
	knot_pkt_t *pkt = query->pkt;
	uint16_t signatures = replacement->rrsigs != NULL ? find_signatures(pkt, index) : 0;
	if (!aname_packet_fits(pkt, index, replacement->rrs) ||
	    (signatures != 0 && !aname_packet_fits(pkt, signatures, replacement->rrsigs))) {
		return KNOT_ESPACE;
	}
	int ret = aname_packet_overwrite(pkt, index, replacement->rrs, replacement->ttl);
	if (ret == KNOT_EOK && signatures != 0) {
		ret = aname_packet_overwrite(pkt, signatures, replacement->rrsigs,
		                             replacement->ttl);
	}
	return ret;
}

/*! Puts new signatures where those over the record stand behind it. */
static int replace_signatures(const aname_query_t *query, const knot_rrset_t *record,
                              const replacement_t *replacement, aname_rest_t *rest)
{
	for (uint16_t i = 0; i < rest->count && replacement->rrsigs != NULL; i++) {
		aname_cut_t *cut = &rest->at[i];
		if (!covers(&cut->rr, record->type) ||
		    !knot_dname_is_equal(cut->rr.owner, record->owner)) {
			continue;
		}
		knot_rrset_t new;
		int ret = aname_sign_copy(query, replacement->rrsigs, record->owner,
		                          replacement->ttl, &new);
		if (ret != KNOT_EOK) {
			return ret;
		}
		if (cut->flags & KNOT_PF_FREE) {
			knot_rrset_clear(&cut->rr, &query->pkt->mm);
		}
		cut->rr = new;
		cut->flags = (cut->flags | KNOT_PF_FREE) & ~KNOT_PF_ORIGTTL;
	}
	return KNOT_EOK;
}

static int put_record(const aname_query_t *query, const knot_rrset_t *rrset, uint16_t flags,
                      const replacement_t *replacement)
{
	knot_pkt_t *pkt = query->pkt;
	knot_rrset_t record;
	knot_rrset_init(&record, knot_dname_copy(rrset->owner, &pkt->mm), rrset->type,
	                KNOT_CLASS_IN, replacement->ttl);
	int ret = knot_rdataset_copy(&record.rrs, replacement->rrs, &pkt->mm);
	if (ret != KNOT_EOK) {
		knot_rrset_clear(&record, &pkt->mm);
		return ret;
	}
	return aname_packet_put(pkt, KNOT_COMPR_HINT_NONE, &record, flags);
}

/*! Replaces the record at `index`, and the signatures over it, whatever their lengths. */
static int cut_in(const aname_query_t *query, uint16_t index, const replacement_t *replacement)
{
	knot_pkt_t *pkt = query->pkt;
	/* Knot's own records are the zone's: they outlive being cut. */
	const knot_rrset_t rrset = pkt->rr[index];
	uint16_t flags = pkt->rr_info[index].flags & ~KNOT_PF_CHECKDUP;
	aname_rest_t rest;
	int ret = aname_packet_cut(pkt, index, &rest);
	if (ret != KNOT_EOK) {
		return ret;
	}
	ret = put_record(query, &rrset, flags, replacement);
	if (ret == KNOT_EOK) {
		ret = replace_signatures(query, &rrset, replacement, &rest);
	}
	if (ret != KNOT_EOK) {
		aname_packet_discard(pkt, &rest);
		return ret;
	}
	return aname_packet_paste(pkt, &rest);
}

int aname_denial_correct(const aname_query_t *query, int index, bool https)
{
	knot_pkt_t *pkt = query->pkt;
	const knot_rrset_t rrset = pkt->rr[index];
	knot_rdataset_t made = { 0 };
	replacement_t replacement;
	uint8_t changes = query->missing | (https ? ANAME_LISTED_HTTPS : 0);
	int ret = find_replacement(query, &rrset, changes, &made, &replacement);
	if (ret == KNOT_EOK) {
		ret = overwrite(query, index, &replacement);
		ret = ret == KNOT_ESPACE ? cut_in(query, index, &replacement) : ret;
	}
	knot_rdataset_clear(&made, &pkt->mm);
	return ret;
}

/* Before Knot looks. */

static void init_rrset(knot_dname_t *owner, uint16_t type, uint32_t ttl, knot_rrset_t *rrset)
{
	*rrset = (knot_rrset_t){
		.owner = owner,
		.ttl = ttl,
		.type = type,
		.rclass = KNOT_CLASS_IN,
	};
}

/*! What is known of the denial of the apex, if that is what is to be said. */
static const aname_signed_t *find_known(const aname_query_t *query, uint8_t changes)
{
	const aname_store_t *store = atomic_load(&query->instance->signing.store);
	uint64_t version = aname_version(query->qdata, 0);
	const aname_signed_t *known =
	        store != NULL && version != 0
	                ? aname_store_denial(store, version, query->sign.now_s)
	                : NULL;
	return known != NULL && known->changes == changes &&
	                       known->signer == query->sign.signer_id &&
	                       !aname_signed_is_due(known, query->sign.now_s)
	               ? known
	               : NULL;
}

/*! The owner of a denial of the apex: that of NSEC3 is copied. */
static knot_dname_t *owner_of(const aname_query_t *query, const aname_signed_t *known)
{
	if (known->owner_len == 0) {
		return query->rrsets[0].owner;
	}
	knot_dname_t *owner = aname_packet_alloc(query->pkt, known->owner_len);
	if (owner != NULL) {
		memcpy(owner, known->owner, known->owner_len);
	}
	return owner;
}

bool aname_denial_take(aname_query_t *query, bool https)
{
	const aname_signed_t *known =
	        find_known(query, query->missing | (https ? ANAME_LISTED_HTTPS : 0));
	if (known == NULL) {
		return false;
	}
	uint32_t ttl = known->ttl < query->missing_ttl ? known->ttl : query->missing_ttl;
	uint32_t left = aname_sign_left(&query->sign, known);
	ttl = ttl < left ? ttl : left;
	knot_dname_t *owner = owner_of(query, known);
	aname_denial_t *denial = &query->denial;
	init_rrset(owner, known->type, ttl, &denial->record);
	init_rrset(owner, KNOT_RRTYPE_RRSIG, ttl, &denial->rrsigs);
	return owner != NULL &&
	       aname_packet_copy(query->pkt, &known->made, &denial->record.rrs) == KNOT_EOK &&
	       aname_packet_copy(query->pkt, &known->rrsigs, &denial->rrsigs.rrs) == KNOT_EOK;
}

int aname_denial_put(const aname_query_t *query)
{
	knot_pkt_t *pkt = query->pkt;
	const aname_denial_t *denial = &query->denial;
	bool apex = denial->record.owner == query->rrsets[0].owner;
	int ret = aname_packet_append(pkt, apex ? KNOT_COMPR_HINT_QNAME : KNOT_COMPR_HINT_NONE,
	                              &denial->record, 0, KNOT_PF_NULL);
	if (ret != KNOT_EOK) {
		return ret;
	}
	uint16_t hint = pkt->rr_info[pkt->rrset_count - 1].compress_ptr[KNOT_COMPR_HINT_OWNER];
	return aname_packet_append(pkt, hint, &denial->rrsigs, 0, KNOT_PF_NULL);
}

/* For mod-onlinesign. */

/*! Types that are looked for at the apex: what is assigned, and what is for private use. */
typedef struct {
	uint16_t first, last;
} types_t;

static const types_t looked_for[] = { { 1, 264 }, { 32768, 32769 }, { 65280, 65534 } };

/*! How many of the types that are made stand at every node: the first ones. */
#define MADE_EVERYWHERE 4

/*! Lists a type; not what is missing, and not what this very reply denies. */
static void list(const aname_query_t *query, uint16_t type, uint8_t missing,
                 dnssec_nsec_bitmap_t *bitmap)
{
	bool denied = type == knot_pkt_qtype(query->pkt) || (aname_family_of(type) & missing);
	if (!denied) {
		dnssec_nsec_bitmap_add(bitmap, type);
	}
}

static void list_range(const aname_query_t *query, const types_t *types, uint8_t missing,
                       dnssec_nsec_bitmap_t *bitmap)
{
	for (unsigned type = types->first; type <= types->last; type++) {
		if (aname_find_rrset(query, type).rrs.count > 0) {
			list(query, type, missing, bitmap);
		}
	}
}

static void list_types(const aname_query_t *query, uint8_t missing, dnssec_nsec_bitmap_t *bitmap)
{
	/* What the module and mod-onlinesign make; it publishes CDS and CDNSKEY when it likes
	 * to. */
	static const uint16_t made[] = { KNOT_RRTYPE_A,      KNOT_RRTYPE_AAAA,   KNOT_RRTYPE_RRSIG,
		                         KNOT_RRTYPE_NSEC,   KNOT_RRTYPE_DNSKEY, KNOT_RRTYPE_CDS,
		                         KNOT_RRTYPE_CDNSKEY };
	size_t count = query->apex ? sizeof(made) / sizeof(made[0]) : MADE_EVERYWHERE;
	for (size_t i = 0; i < count; i++) {
		list(query, made[i], missing, bitmap);
	}
	for (size_t i = 0; i < sizeof(looked_for) / sizeof(looked_for[0]); i++) {
		list_range(query, &looked_for[i], missing, bitmap);
	}
	for (unsigned i = 0; i < query->rrsets_count; i++) {
		dnssec_nsec_bitmap_add(bitmap, query->rrsets[i].type);
	}
	if (aname_https_exists(query)) {
		list(query, KNOT_RRTYPE_HTTPS, missing, bitmap);
	}
}

/*! RDATA of the NSEC: the next name is the first one below its owner. */
static int put_online(const aname_query_t *query, const dnssec_nsec_bitmap_t *bitmap, uint32_t ttl)
{
	knot_pkt_t *pkt = query->pkt;
	knot_dname_storage_t owner;
	size_t owner_size = knot_dname_size(query->qdata->name);
	memcpy(owner, query->qdata->name, owner_size);
	knot_dname_to_lower(owner);
	/* A name of 254 octets or more has no room for a label: it is its own next name. */
	size_t label_size = owner_size + 2 <= KNOT_DNAME_MAXLEN ? 2 : 0;
	size_t size = label_size + owner_size + dnssec_nsec_bitmap_size(bitmap);
	uint8_t *rdata = aname_packet_alloc(pkt, size);
	if (rdata == NULL) {
		return KNOT_ENOMEM;
	}
	memcpy(rdata, "\x01", label_size);
	memcpy(rdata + label_size, owner, owner_size);
	dnssec_nsec_bitmap_write(bitmap, rdata + label_size + owner_size);

	knot_rrset_t nsec;
	knot_rrset_init(&nsec, knot_dname_copy(owner, &pkt->mm), KNOT_RRTYPE_NSEC, KNOT_CLASS_IN,
	                ttl);
	int ret = knot_rrset_add_rdata(&nsec, rdata, size, &pkt->mm);
	aname_packet_release(pkt, rdata);
	if (ret != KNOT_EOK) {
		knot_rrset_clear(&nsec, &pkt->mm);
		return ret;
	}
	return aname_packet_put(pkt, KNOT_COMPR_HINT_NONE, &nsec, KNOT_PF_NULL);
}

int aname_denial_put_online(const aname_query_t *query)
{
	const knot_rrset_t soa = knotd_qdata_zone_apex_rrset(query->qdata, KNOT_RRTYPE_SOA);
	uint32_t minimum = knot_soa_minimum(soa.rrs.rdata);
	dnssec_nsec_bitmap_t *bitmap = dnssec_nsec_bitmap_new();
	if (bitmap == NULL) {
		return KNOT_ENOMEM;
	}
	list_types(query, query->missing, bitmap);
	int ret = put_online(query, bitmap,
	                     minimum < query->missing_ttl ? minimum : query->missing_ttl);
	dnssec_nsec_bitmap_free(bitmap);
	return ret;
}
