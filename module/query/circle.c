#include "query/circle.h"

#include "path.h"
#include "query/find.h"
#include "query/nodes.h"
#include "query/policy.h"
#include "query/targets.h"
#include "table/part.h"

static const uint16_t types[] = { KNOT_RRTYPE_A, KNOT_RRTYPE_AAAA };

/*! Where a target ends, as far as it is known. */
static uint64_t end_of(const aname_query_t *query, const aname_key_t *key, aname_entry_t *entry)
{
	bool said = entry != NULL && atomic_load(&entry->end) != 0;
	return aname_part_end(query->instance->shared->owners, key, entry,
	                      said ? NULL : aname_target_other_entry(query, key));
}

/*! Adds the target of a record, and where it ends, in both families, if the zone may have it. */
static void add_record(const aname_query_t *query, const knot_rdata_t *rdata, uint16_t type,
                       aname_owner_t *owner, aname_zone_targets_t *targets)
{
	for (unsigned i = 0; i < 2; i++) {
		aname_key_t key = { .upstream = query->instance->zone.named.upstream,
			            .type = types[i] };
		knot_dname_storage_t lower;
		aname_entry_t *entry;
		const char *why;
		if (!aname_target_find(query, rdata, &key, lower, &entry) ||
		    aname_policy_check(query, &key, &why) != ANAME_FAILURE_NONE) {
			return;
		}
		if (i == 0) {
			uint64_t hash = aname_owners_hash(query->instance->shared->owners, key.name,
			                                  key.name_len);
			owner->records += type == owner->type ? hash : 0;
			targets->at[targets->count++] = hash;
		}
		aname_owner_add(owner, end_of(query, &key, entry));
	}
}

static bool has_sibling(const aname_query_t *query)
{
	return aname_find_rrset(query, KNOT_RRTYPE_A).rrs.count > 0 ||
	       aname_find_rrset(query, KNOT_RRTYPE_AAAA).rrs.count > 0;
}

ANAME_ASIDE void aname_circle_register(const aname_query_t *query)
{
	aname_instance_t *instance = query->instance;
	aname_owners_t *owners = instance->shared->owners;
	aname_owner_t owner;
	const knot_dname_t *name = query->rrsets[0].owner;
	owner.owner = aname_owners_hash(owners, name, knot_dname_size(name));
	owner.records = 0;
	owner.type = query->rrsets[0].type;
	owner.sibling = has_sibling(query);
	owner.count = 0;
	aname_zone_targets_t targets = { .count = 0 };
	aname_query_walk_t walk = { 0 };
	const knot_rdata_t *rdata;
	while ((rdata = aname_query_next_record(query, &walk)) != NULL) {
		add_record(query, rdata, query->rrsets[walk.rrset].type, &owner, &targets);
	}
	aname_zones_note(instance->shared->zones,
	                 query->apex ? &instance->zone.named : aname_nodes_named(query->node),
	                 &targets);
	/* Without memory it is tried again with the next query. */
	(void)aname_owners_register(owners, &query->node->owner, &owner);
}

ANAME_ASIDE void aname_circle_enter(const aname_query_t *query, const aname_key_t *key,
                                    aname_entry_t *entry)
{
	aname_instance_t *instance = query->instance;
	if (atomic_load_explicit(&query->node->owner, memory_order_relaxed) == ANAME_OWNER_NEW) {
		aname_circle_register(query);
	}
	query->slot->way = aname_owners_way(instance->shared->owners, &query->node->owner,
	                                    end_of(query, key, entry));
	query->slot->keep = query->slot->way == ANAME_WAY_OUT ? UINT32_MAX : 0;
}

static void log_back(const aname_query_t *query, const aname_key_t *key)
{
	if (aname_query_log_once(query, "circle", key->name, key->name_len)) {
		knot_dname_txt_storage_t name = "";
		(void)knot_dname_to_str(name, key->name, sizeof(name));
		knotd_mod_log(
		        query->mod, LOG_WARNING,
		        "target %s leads back to this owner and is not used, remove one ANAME "
		        "or CNAME record of the circle",
		        name);
	}
}

ANAME_ASIDE void aname_circle_leave(const aname_query_t *query, const aname_key_t *key,
                                    aname_part_t *part)
{
	if (query->slot->way == ANAME_WAY_BACK) {
		uint8_t scope = part->scope;
		aname_part_fail(part, ANAME_FAILURE_CIRCULAR);
		part->scope = scope;
		log_back(query, key);
	}
	query->slot->way = ANAME_WAY_OUT;
	query->slot->keep = UINT32_MAX;
}
