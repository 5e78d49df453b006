#include "query/find.h"

#include <string.h>

#include "conf/lookup.h"
#include "octets.h"
#include "query/memo.h"

/*! Has a label of the name an octet of zero? */
static bool has_zero(const knot_dname_t *name)
{
	for (; name[0] != 0; name += name[0] + 1) {
		if (memchr(name + 1, 0, name[0]) != NULL) {
			return true;
		}
	}
	return false;
}

/*!
 * Is the node that was found another one than that by the name? To Knot an octet of zero in a label
 * is as good as a label's end where it looks for nodes. Whose a node is shows in what it has; one
 * that has none of this counts as that by the name.
 */
static bool is_other(knotd_qdata_t *qdata, const knot_dname_t *lower)
{
	static const uint16_t types[] = { KNOT_RRTYPE_A,   KNOT_RRTYPE_AAAA, KNOT_RRTYPE_CNAME,
		                          KNOT_RRTYPE_TXT, KNOT_RRTYPE_MX,   KNOT_RRTYPE_NS,
		                          KNOT_RRTYPE_SRV, KNOT_RRTYPE_NSEC, KNOT_RRTYPE_HTTPS,
		                          KNOT_RRTYPE_CAA, KNOT_RRTYPE_TLSA, KNOT_RRTYPE_PTR };
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]) && has_zero(lower); i++) {
		knot_rrset_t rrset;
		if (knotd_qdata_zone_rrset(qdata, NULL, lower, types[i], &rrset) == KNOT_EOK &&
		    rrset.rrs.count > 0) {
			return !knot_dname_is_equal(rrset.owner, lower);
		}
	}
	return false;
}

/*!
 * Looks at the node by a name in lower case. Records of a node by another name are none.
 *
 * Returns whether the node exists.
 */
static bool look(knotd_qdata_t *qdata, const aname_options_t *options, const knot_dname_t *lower,
                 aname_found_t *found)
{
	found->count = 0;
	for (unsigned i = 0; i < options->rrtypes_count; i++) {
		knot_rrset_t *rrset = &found->rrsets[found->count];
		if (knotd_qdata_zone_rrset(qdata, NULL, lower, options->rrtypes[i], rrset) !=
		    KNOT_EOK) {
			return false;
		}
		if (rrset->rrs.count > 0 && knot_dname_is_equal(rrset->owner, lower)) {
			found->count++;
		}
	}
	return found->count > 0 || !is_other(qdata, lower);
}

bool aname_find_at(knotd_qdata_t *qdata, const aname_instance_t *instance,
                   const knot_dname_t *owner, aname_found_t *found)
{
	return look(qdata, instance->options, owner, found) && found->count > 0;
}

/*!
 * Where in a name that does not exist its closest encloser begins. Above a node all names exist, so
 * half of those that are left can be told at a time.
 */
static size_t find_encloser(knotd_qdata_t *qdata, const aname_instance_t *instance,
                            const knot_dname_t *lower, size_t len)
{
	uint8_t begins[KNOT_DNAME_MAXLABELS + 1]; /* Of each name from itself up to the zone's. */
	unsigned last = 0;
	size_t at = 0;
	while (len - at > instance->zone_len) {
		begins[last++] = at;
		at += lower[at] + 1;
	}
	begins[last] = at;
	unsigned missing = 0; /* This one does not exist, but the last one does. */
	while (last - missing > 1) {
		unsigned middle = missing + (last - missing) / 2;
		knot_rrset_t any;
		const knot_dname_t *name = lower + begins[middle];
		if (knotd_qdata_zone_rrset(qdata, NULL, name, KNOT_RRTYPE_SOA, &any) == KNOT_EOK &&
		    !is_other(qdata, name)) {
			last = middle;
		} else {
			missing = middle;
		}
	}
	return begins[last];
}

/*! The wildcard beneath the name that begins at `encloser` in another one. */
static bool look_at_wildcard(knotd_qdata_t *qdata, const aname_instance_t *instance,
                             const knot_dname_t *lower, size_t len, size_t encloser,
                             aname_found_t *found)
{
	knot_dname_storage_t wildcard = "\x01*";
	if (len - encloser + 2 > KNOT_DNAME_MAXLEN) {
		return false;
	}
	memcpy(wildcard + 2, lower + encloser, len - encloser);
	return aname_find_at(qdata, instance, wildcard, found);
}

/*! Is it the name that Knot has come to, and known to be one that the wildcard beside it answers? */
static bool is_covered(knotd_qdata_t *qdata, const aname_instance_t *instance,
                       const knot_dname_t *name)
{
	uint64_t version = name == qdata->name ? aname_memo_version(qdata, instance) : 0;
	return version != 0 && aname_memo_is_covered(version, qdata, instance);
}

bool aname_find_records(knotd_qdata_t *qdata, const aname_instance_t *instance,
                        const knot_dname_t *name, aname_found_t *found)
{
	size_t len = knot_dname_size(name);
	if (len <= instance->zone_len) {
		return false;
	}
	knot_dname_storage_t lower;
	memcpy(lower, name, len);
	knot_dname_to_lower(lower);
	/* What is not in the zone ends otherwise, and in no node of it. */
	const knot_dname_t *zone = knotd_qdata_zone_name(qdata);
	if (!aname_octets_equal(lower + len - instance->zone_len, zone, instance->zone_len) ||
	    knot_dname_in_bailiwick(lower, zone) <= 0) {
		return false;
	}
	if (is_covered(qdata, instance, name)) {
		return look_at_wildcard(qdata, instance, lower, len, lower[0] + 1, found);
	}
	return look(qdata, instance->options, lower, found)
	               ? found->count > 0
	               : look_at_wildcard(qdata, instance, lower, len,
	                                  find_encloser(qdata, instance, lower, len), found);
}

bool aname_find_is_delegated(knotd_qdata_t *qdata, const aname_instance_t *instance,
                             const knot_dname_t *name)
{
	size_t len = knot_dname_size(name);
	unsigned labels = 0;
	for (; len > instance->zone_len; len -= name[0] + 1, name += name[0] + 1) {
		if (++labels > ANAME_FIND_DEPTH) {
			return true;
		}
		knot_rrset_t ns;
		if (knotd_qdata_zone_rrset(qdata, NULL, name, KNOT_RRTYPE_NS, &ns) == KNOT_EOK &&
		    ns.rrs.count > 0) {
			return true;
		}
	}
	return false;
}

knot_rrset_t aname_find_rrset_of(knotd_qdata_t *qdata, const knot_dname_t *owner, uint16_t type)
{
	if (owner == NULL) {
		return knotd_qdata_zone_apex_rrset(qdata, type);
	}
	knot_rrset_t rrset;
	if (knotd_qdata_zone_rrset(qdata, NULL, owner, type, &rrset) != KNOT_EOK) {
		knot_rrset_init_empty(&rrset);
	}
	return rrset;
}

knot_rrset_t aname_find_rrset(const aname_query_t *query, uint16_t type)
{
	return aname_find_rrset_of(query->qdata, query->apex ? NULL : query->rrsets[0].owner, type);
}
