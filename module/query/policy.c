#include "query/policy.h"

#include <stdio.h>
#include <string.h>

#include "path.h"
#include "query/find.h"
#include "query/targets.h"
#include "rrtype.h"
#include "table/part.h"
#include "table/rdata.h"
#include "table/rest.h"

/*! Of content that is too long for a name its length tells enough. */
static void log_malformed(const aname_query_t *query, const knot_rdata_t *rdata, const char *why)
{
	char text[64];
	(void)snprintf(text, sizeof(text), "%s %u", why, rdata->len);
	size_t octets = rdata->len <= KNOT_DNAME_MAXLEN ? rdata->len : 0;
	if (aname_query_log_once(query, text, rdata->data, octets)) {
		knotd_mod_log(query->mod, LOG_WARNING,
		              "malformed ANAME record, %s (%u octets of RDATA)", why, rdata->len);
	}
}

static void log_denied(const aname_query_t *query, const aname_key_t *key, const char *why)
{
	if (aname_query_log_once(query, why, key->name, key->name_len)) {
		knot_dname_txt_storage_t name;
		(void)knot_dname_to_str(name, key->name, sizeof(name));
		knotd_mod_log(query->mod, LOG_WARNING, "target %s denied, %s", name, why);
	}
}

/*! Is the target the owner itself, or a name that the owner, a wildcard, answers for? */
static ANAME_ASIDE bool is_other_owner(const aname_query_t *query, const aname_key_t *key)
{
	const knot_dname_t *owner = query->rrsets[0].owner;
	if (knot_dname_is_equal(key->name, owner)) {
		return true;
	}
	aname_found_t found;
	return knot_dname_is_wildcard(owner) && knot_dname_in_bailiwick(key->name, owner + 2) > 0 &&
	       aname_find_records(query->qdata, query->instance, key->name, &found) &&
	       knot_dname_is_equal(found.rrsets[0].owner, owner);
}

static ANAME_WARM bool is_owner(const aname_query_t *query, const aname_key_t *key)
{
	if (!query->apex) {
		return is_other_owner(query, key);
	}
	return key->name_len == query->instance->zone_len &&
	       memcmp(key->name, knotd_qdata_zone_name(query->qdata), key->name_len) == 0;
}

ANAME_WARM aname_failure_t aname_policy_check(const aname_query_t *query, const aname_key_t *key,
                                              const char **why)
{
	const aname_options_t *options = query->instance->options;
	if (key->name[0] == '\0') {
		*why = "the target is the root";
		return ANAME_FAILURE_MALFORMED;
	}
	if (is_owner(query, key)) {
		*why = "the target is the owner itself";
		return ANAME_FAILURE_MALFORMED;
	}
	return aname_part_allow(options, key->name, why);
}

ANAME_ASIDE void aname_policy_log_refused(const aname_query_t *query, const knot_rdata_t *rdata)
{
	knot_dname_storage_t lower;
	const char *why = "the RDATA is not one whole name";
	aname_failure_t failure = ANAME_FAILURE_MALFORMED;
	int len = aname_rdata_read(rdata->data, rdata->len, lower);
	const aname_key_t key = { .name = lower, .name_len = len > 0 ? len : 0 };
	if (len > 0) {
		failure = aname_policy_check(query, &key, &why);
	}
	if (failure == ANAME_FAILURE_MALFORMED) {
		log_malformed(query, rdata, why);
	} else if (failure == ANAME_FAILURE_DENIED) {
		log_denied(query, &key, why);
	}
}

/*! Works out what policy leaves of a target; NULL if out of memory. */
static ANAME_ASIDE const aname_rest_t *work_out(const aname_query_t *query,
                                                const aname_snapshot_t *snapshot)
{
	aname_shared_t *shared = query->instance->shared;
	pthread_mutex_lock(&shared->sign_lock);
	const aname_rest_t *rest = aname_rest_work_out(
	        snapshot, &query->instance->options->deny_address, shared->sign_bin);
	pthread_mutex_unlock(&shared->sign_lock);
	return rest;
}

/*! What policy leaves of a target; NULL if out of memory. */
static const aname_rest_t *rest_of(const aname_query_t *query, const aname_snapshot_t *snapshot)
{
	const aname_rest_t *rest = aname_rest_of(snapshot, &query->instance->options->deny_address);
	return rest != NULL ? rest : work_out(query, snapshot);
}

/*! Is it known that a family of a target has nothing either, or nothing that policy leaves? */
static bool is_without(const aname_query_t *query, const aname_snapshot_t *snapshot)
{
	if (snapshot == NULL || snapshot->known == ANAME_KNOWN_NOTHING) {
		return false;
	}
	if (snapshot->count == 0) {
		return true;
	}
	const aname_rest_t *rest = rest_of(query, snapshot);
	return rest != NULL && rest->snapshot != NULL && rest->snapshot->count == 0;
}

static void log_emptied(const aname_query_t *query, const aname_key_t *key)
{
	if (is_without(query, aname_target_other(query, key))) {
		log_denied(query, key, "all its addresses are in networks of 'deny-address'");
		return;
	}
	const char *family = aname_family_text(key->type);
	const char *other = aname_family_text(aname_target_other_type(key->type));
	if (aname_query_log_once(query, family, key->name, key->name_len)) {
		knot_dname_txt_storage_t name;
		(void)knot_dname_to_str(name, key->name, sizeof(name));
		knotd_mod_log(query->mod, LOG_WARNING,
		              "target %s has no %s left, all are in networks of 'deny-address'; "
		              "without others %s is NODATA while there are %s",
		              name, family, family, other);
	}
}

ANAME_ASIDE void aname_policy_filter(const aname_query_t *query, const aname_key_t *key,
                                     aname_part_t *part)
{
	if (part->snapshot == NULL || part->snapshot->count == 0) {
		return;
	}
	const aname_rest_t *rest = rest_of(query, part->snapshot);
	if (rest != NULL && (rest->snapshot == NULL || rest->snapshot->count > 0)) {
		if (rest->snapshot != NULL) {
			aname_part_narrow(part, rest->snapshot);
		}
		return;
	}
	uint8_t scope = part->scope;
	aname_part_fail(part, rest != NULL ? ANAME_FAILURE_EMPTIED : ANAME_FAILURE_NONE);
	part->scope = scope;
	if (rest != NULL && (!query->several || aname_query_shows(query))) {
		log_emptied(query, key);
	}
}
