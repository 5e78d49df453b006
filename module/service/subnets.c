#include "service/subnets.h"

#include "service/schedule.h"

static aname_subnets_t *subnets_of(const aname_entry_t *entry)
{
	const aname_entry_t *target = entry->for_subnet ? entry->subnet_entry->target : entry;
	return atomic_load(&target->subnets);
}

static bool has_subnets(const aname_subnets_t *subnets, unsigned family)
{
	return atomic_load(&subnets->lengths[family][0]) != 0 ||
	       atomic_load(&subnets->lengths[family][1]) != 0;
}

/* Coming and going. */

void aname_subnets_remove(aname_refresh_t *refresh, aname_entry_t *entry)
{
	aname_subnets_t *subnets = subnets_of(entry);
	uint32_t before = atomic_load(&subnets->count);
	unsigned family = entry->subnet_entry->network.family == ANAME_SUBNET_IPV6;
	aname_table_remove(refresh->shared->table, entry);
	aname_admission_note(&refresh->admission, subnets, before);
	if (!has_subnets(subnets, family)) {
		atomic_store(&subnets->state[family], ANAME_SUBNETS_UNKNOWN);
	}
}

bool aname_subnets_remove_all(aname_refresh_t *refresh, aname_entry_t *target)
{
	aname_subnets_t *subnets = subnets_of(target);
	aname_entry_t *entry = subnets != NULL ? subnets->first : NULL;
	while (entry != NULL) {
		aname_entry_t *next = entry->subnet_entry->next;
		if (aname_admission_can_go(entry)) {
			aname_schedule_unplan(refresh, entry);
			aname_subnets_remove(refresh, entry);
		}
		entry = next;
	}
	return subnets == NULL || subnets->first == NULL;
}

/*! Adds an entry for a subnet; NULL if out of memory. */
static aname_entry_t *add_subnet(aname_refresh_t *refresh, aname_entry_t *target,
                                 const aname_subnet_t *network, const aname_subnet_t *asked_for,
                                 int64_t now_ms)
{
	aname_table_t *table = refresh->shared->table;
	if (!aname_schedule_reserve(refresh, 1)) {
		return NULL;
	}
	const aname_subnets_t *subnets = subnets_of(target);
	uint32_t before = subnets != NULL ? atomic_load(&subnets->count) : 0;
	aname_entry_t *entry = aname_table_add_subnet(table, target, network, asked_for);
	if (entry != NULL) {
		entry->plan.window_s = now_ms / 1000;
		aname_admission_note(&refresh->admission, subnets_of(target), before);
	}
	return entry;
}

bool aname_subnets_may_ask(aname_entry_t *entry)
{
	const aname_schedule_t *schedule = aname_schedule_of(entry);
	aname_subnet_t *asked_for = &entry->subnet_entry->asked_for;
	uint32_t most = asked_for->family == ANAME_SUBNET_IPV4 ? schedule->ecs_prefix_ipv4
	                                                       : schedule->ecs_prefix_ipv6;
	if (asked_for->len > most) {
		const aname_subnet_t cut = aname_subnet_cut(asked_for, most);
		*asked_for = cut;
	}
	return most > 0;
}

/* What lookups teach. */

void aname_subnets_note(const aname_entry_t *entry, bool good)
{
	unsigned family = entry->subnet_entry->network.family == ANAME_SUBNET_IPV6;
	aname_subnets_t *subnets = subnets_of(entry);
	_Atomic uint8_t *state = &subnets->state[family];
	if (good) {
		subnets->failures[family] = 0;
		atomic_store(state, ANAME_SUBNETS_LEARNED);
	} else if (++subnets->failures[family] >= ANAME_SUBNETS_TRIES ||
	           atomic_load(state) == ANAME_SUBNETS_UNKNOWN) {
		atomic_store(state, ANAME_SUBNETS_FAILING);
	}
}

aname_entry_t *aname_subnets_settle(aname_refresh_t *refresh, aname_entry_t *entry, uint8_t scope,
                                    int64_t now_ms)
{
	const aname_subnet_t asked_for = entry->subnet_entry->asked_for;
	const aname_subnet_t network = aname_subnet_cut(&asked_for, scope);
	if (aname_subnet_equal(&network, &entry->subnet_entry->network)) {
		return entry;
	}
	aname_entry_t *target = entry->subnet_entry->target;
	const aname_interest_t interest = { .ttl = atomic_load(&entry->min_ttl),
		                            .until_s = atomic_load(&entry->until_s),
		                            .zone = aname_entry_zone(entry) };
	uint32_t min_ttl_prev = entry->plan.min_ttl_prev;
	uint32_t asked_s = atomic_load(&entry->asked_s);
	bool returned = atomic_load(&entry->subnet_entry->returned);
	aname_subnets_remove(refresh, entry);

	aname_entry_t *settled = aname_table_find_subnet(refresh->shared->table, target, &network);
	if (settled == NULL) {
		settled = add_subnet(refresh, target, &network, &asked_for, now_ms);
		if (settled == NULL) {
			return NULL;
		}
		atomic_store(&settled->subnet_entry->returned, returned);
		settled->plan.min_ttl_prev = min_ttl_prev;
	}
	uint32_t settled_s = atomic_load(&settled->asked_s);
	aname_entry_touch(aname_table_charges(refresh->shared->table), settled, interest,
	                  asked_s > settled_s ? asked_s : settled_s);
	return settled;
}

/* What is asked for. */

/*!
 * Until it is known for how large a network an answer is, one is asked for at a time: the others
 * may be in it. If that fails, a few others are tried, but not all.
 */
static bool is_tried_out(const aname_entry_t *target, const aname_subnet_t *client)
{
	const aname_subnets_t *subnets = subnets_of(target);
	unsigned family = client->family == ANAME_SUBNET_IPV6;
	if (subnets == NULL || !has_subnets(subnets, family)) {
		return false;
	}
	switch (atomic_load(&subnets->state[family])) {
	case ANAME_SUBNETS_UNKNOWN: return true;
	case ANAME_SUBNETS_FAILING: return atomic_load(&subnets->count) >= ANAME_SUBNETS_TRIES;
	default: return false;
	}
}

/*! Adds a client's subnet within the bounds; NULL if there is no room. */
static aname_entry_t *admit(aname_refresh_t *refresh, aname_entry_t *target,
                            const aname_subnet_t *client, int64_t now_ms)
{
	aname_table_t *table = refresh->shared->table;
	bool full = aname_table_subnets(table) >= atomic_load(&refresh->max_subnets);
	aname_entry_t *victim;
	if (!aname_admission_ask(&refresh->admission, target,
	                         atomic_load(&refresh->max_target_subnets), full, &victim)) {
		return NULL;
	}
	if (victim != NULL) {
		aname_schedule_unplan(refresh, victim);
		aname_subnets_remove(refresh, victim);
	}
	return add_subnet(refresh, target, client, client, now_ms);
}

void aname_subnets_request(aname_refresh_t *refresh, aname_entry_t *target,
                           const aname_request_t *request, int64_t now_ms)
{
	const aname_subnet_t *client = &request->client;
	aname_entry_t *entry = aname_table_find_client(refresh->shared->table, target, client);
	if (entry == NULL && !is_tried_out(target, client)) {
		entry = admit(refresh, target, client, now_ms);
	}
	if (entry != NULL) {
		aname_entry_touch(aname_table_charges(refresh->shared->table), entry,
		                  request->interest, now_ms / 1000);
		aname_schedule_now(refresh, entry, request->interest, now_ms);
	}
}
