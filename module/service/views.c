#include "service/views.h"

#include "service/users.h"

/*! Who looks. */
typedef struct {
	aname_refresh_t *refresh;
	const knot_dname_t *name; /*!< Of the target. */
	const aname_definition_t *const *definitions;
	unsigned count;
} eye_t;

/*! What the prober knows of an address, as a definition has it probed; NULL if nothing. */
static const aname_probed_t *find_probed(const eye_t *eye, uint32_t id, const uint8_t *address,
                                         uint8_t len)
{
	unsigned i = 0;
	while (i < eye->count && eye->definitions[i]->id != id) {
		i++;
	}
	return i < eye->count ? aname_probes_find(eye->refresh->probes, eye->definitions[i],
	                                          address, len, eye->name)
	                      : NULL;
}

/*! What is said of an address: by an operator, else by probes. */
static aname_sight_t see(void *ctx, uint32_t id, const uint8_t *address, uint8_t len)
{
	const eye_t *eye = ctx;
	aname_sight_t sight = { .changed_ms = INT64_MIN };
	const aname_probed_t *probed = find_probed(eye, id, address, len);
	if (probed != NULL) {
		const aname_users_t *users = probed->users;
		sight.down = probed->verdict.health == ANAME_HEALTH_DOWN;
		sight.alive = probed->verdict.health == ANAME_HEALTH_UP;
		sight.changed_ms = users != NULL ? users->changed_ms : INT64_MIN;
	}
	int64_t since_ms = INT64_MIN;
	switch (aname_forces_of(eye->refresh->forces, eye->name, address, len, &since_ms)) {
	case ANAME_FORCED_DOWN: return (aname_sight_t){ .down = true, .changed_ms = since_ms };
	case ANAME_FORCED_UP: return (aname_sight_t){ .alive = true, .changed_ms = since_ms };
	default: return sight;
	}
}

/*! Is an operator's word about a target, or some of its addresses? */
static bool is_forced(const aname_refresh_t *refresh, const aname_entry_t *entry,
                      const aname_snapshot_t *snapshot)
{
	if (!aname_forces_any(refresh->forces)) {
		return false;
	}
	const knot_dname_t *name = aname_entry_name(entry);
	bool forced = aname_forces_of(refresh->forces, name, NULL, 0, NULL) != ANAME_FORCED_AUTO;
	knot_rdata_t *rdata = aname_snapshot_rdataset(snapshot).rdata;
	for (unsigned i = 0; !forced && i < snapshot->count;
	     i++, rdata = knot_rdataset_next(rdata)) {
		forced = aname_forces_of(refresh->forces, NULL, rdata->data, rdata->len, NULL) !=
		         ANAME_FORCED_AUTO;
	}
	return forced;
}

unsigned aname_views_definitions(aname_refresh_t *refresh, aname_entry_t *entry,
                                 const aname_definition_t **definitions)
{
	aname_entry_t *target = entry->for_subnet ? entry->subnet_entry->target : entry;
	const aname_snapshot_t *known = aname_entry_snapshot(target);
	const aname_view_t *views = known != NULL ? aname_snapshot_views(known) : NULL;
	unsigned count = 0;
	for (unsigned i = 0; views != NULL && i < known->views; i++) {
		const aname_definition_t *definition =
		        aname_shared_definition(refresh->shared, views[i].definition);
		if (definition != NULL) {
			definitions[count++] = definition;
		}
	}
	return count;
}

aname_snapshot_t *aname_views_make(aname_refresh_t *refresh, aname_entry_t *entry,
                                   const aname_snapshot_t *snapshot,
                                   const aname_definition_t *const *definitions, unsigned count)
{
	uint32_t ids[ANAME_VIEWS_MAX];
	unsigned views = 0;
	while (views < count) {
		ids[views] = definitions[views]->id;
		views++;
	}
	if (is_forced(refresh, entry, snapshot)) {
		ids[views++] = 0;
	}
	eye_t eye = { .refresh = refresh,
		      .name = aname_entry_name(entry),
		      .definitions = definitions,
		      .count = count };
	bool down = aname_forces_of(refresh->forces, eye.name, NULL, 0, NULL) == ANAME_FORCED_DOWN;
	aname_snapshot_t *seen = aname_snapshot_with_views(snapshot, ids, views, down, see, &eye);
	if (seen != NULL && views > 0) {
		((aname_view_t *)aname_snapshot_views(seen))->round = refresh->round;
	}
	return seen;
}

bool aname_views_is_of_round(const aname_refresh_t *refresh, aname_entry_t *entry)
{
	const aname_snapshot_t *known = aname_entry_snapshot(entry);
	const aname_view_t *views = known != NULL ? aname_snapshot_views(known) : NULL;
	return views != NULL && views->round == refresh->round;
}

bool aname_views_show(aname_refresh_t *refresh, aname_entry_t *entry,
                      const aname_definition_t *const *definitions, unsigned count)
{
	aname_snapshot_t *seen =
	        aname_views_make(refresh, entry, aname_entry_snapshot(entry), definitions, count);
	if (seen != NULL) {
		if (definitions != NULL) {
			aname_followers_note(&refresh->followers, entry, seen);
		}
		aname_table_publish(refresh->shared->table, entry, seen);
	}
	return seen != NULL;
}

bool aname_views_show_all(aname_refresh_t *refresh, aname_entry_t *target,
                          const aname_definition_t *const *definitions, unsigned count)
{
	if (!aname_views_show(refresh, target, definitions, count)) {
		return false;
	}
	const aname_subnets_t *subnets = atomic_load(&target->subnets);
	for (aname_entry_t *entry = subnets != NULL ? subnets->first : NULL; entry != NULL;
	     entry = entry->subnet_entry->next) {
		if (aname_entry_snapshot(entry) != NULL) {
			(void)aname_views_show(refresh, entry, definitions, count);
		}
	}
	return true;
}
