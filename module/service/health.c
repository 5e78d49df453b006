#include "service/health.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "service/users.h"
#include "service/verdicts.h"
#include "service/views.h"

/* What is held for a target. */

/*! Does something about an address of a target that a definition has probed. */
typedef void (*act_f)(aname_refresh_t *refresh, aname_entry_t *entry,
                      const aname_definition_t *definition, const knot_rdata_t *rdata,
                      int64_t now_ms);

/*! What is known of an address by another definition that asks the same: perhaps the one that a
 *  reload has just replaced. */
static aname_health_t health_by_others(aname_refresh_t *refresh, const aname_entry_t *entry,
                                       const aname_definition_t *definition,
                                       const knot_rdata_t *rdata)
{
	const aname_definition_t *other = NULL;
	while ((other = aname_shared_definition_after(refresh->shared, other)) != NULL) {
		const aname_probed_t *probed =
		        other != definition && aname_definition_alike(other->id, definition->id)
		                ? aname_probes_find(refresh->probes, other, rdata->data, rdata->len,
		                                    entry->name)
		                : NULL;
		if (probed != NULL && probed->verdict.health != ANAME_HEALTH_UNKNOWN) {
			return probed->verdict.health;
		}
	}
	return ANAME_HEALTH_UNKNOWN;
}

/*! May it be probed, as far as policy goes? */
static bool may_probe(aname_refresh_t *refresh, const aname_entry_t *entry,
                      const aname_definition_t *definition, const knot_rdata_t *rdata)
{
	return aname_shared_may_probe(refresh->shared, entry->upstream, definition->id, rdata->data,
	                              rdata->len);
}

static void hold(aname_refresh_t *refresh, aname_entry_t *entry,
                 const aname_definition_t *definition, const knot_rdata_t *rdata, int64_t now_ms)
{
	/* What is awaited is not held before that has been noted. */
	if (definition->awaited || !may_probe(refresh, entry, definition, rdata)) {
		return;
	}
	aname_probed_t *probed =
	        aname_probes_hold(refresh->probes, definition, rdata->data, rdata->len, entry->name,
	                          health_by_others(refresh, entry, definition, rdata), now_ms);
	if (probed != NULL && !aname_users_add(probed, entry)) {
		aname_probes_unhold(refresh->probes, probed, now_ms);
	}
}

static void let_go(aname_refresh_t *refresh, aname_entry_t *entry,
                   const aname_definition_t *definition, const knot_rdata_t *rdata, int64_t now_ms)
{
	/* What is found is there to stay until it is let go. */
	aname_probed_t *probed = (aname_probed_t *)aname_probes_find(
	        refresh->probes, definition, rdata->data, rdata->len, entry->name);
	if (probed != NULL && aname_users_remove(probed, entry)) {
		aname_probes_unhold(refresh->probes, probed, now_ms);
	}
}

/*! Holds or lets go an address, as policy and limits have it by now. */
static void hold_anew(aname_refresh_t *refresh, aname_entry_t *entry,
                      const aname_definition_t *definition, const knot_rdata_t *rdata,
                      int64_t now_ms)
{
	const aname_probed_t *probed = aname_probes_find(refresh->probes, definition, rdata->data,
	                                                 rdata->len, entry->name);
	bool held = probed != NULL && aname_users_have(probed, entry);
	if (!held) {
		hold(refresh, entry, definition, rdata, now_ms);
	} else if (!may_probe(refresh, entry, definition, rdata)) {
		let_go(refresh, entry, definition, rdata, now_ms);
	}
}

/*! Calls `act` for each address of one snapshot that is not in the other. Both are sorted. */
static void for_difference(aname_refresh_t *refresh, aname_entry_t *entry,
                           const aname_definition_t *definition, const aname_snapshot_t *of,
                           const aname_snapshot_t *without, act_f act, int64_t now_ms)
{
	knot_rdata_t *one = of != NULL ? aname_snapshot_rdataset(of).rdata : NULL;
	knot_rdata_t *other = without != NULL ? aname_snapshot_rdataset(without).rdata : NULL;
	unsigned left = without != NULL ? without->count : 0;
	for (unsigned i = 0; of != NULL && i < of->count; i++, one = knot_rdataset_next(one)) {
		while (left > 0 && knot_rdata_cmp(other, one) < 0) {
			other = knot_rdataset_next(other);
			left--;
		}
		if (left == 0 || knot_rdata_cmp(other, one) != 0) {
			act(refresh, entry, definition, one, now_ms);
		}
	}
}

/*! Lets go what is held for a target by a definition, of the addresses in a snapshot. */
static void end(aname_refresh_t *refresh, aname_entry_t *entry,
                const aname_definition_t *definition, const aname_snapshot_t *snapshot,
                int64_t now_ms)
{
	for_difference(refresh, entry, definition, snapshot, NULL, let_go, now_ms);
}

/*! Tells those who watch what is about to be published. What is gone is noted in any case, so that they
 *  are told when it returns. */
static void tell(aname_refresh_t *refresh, aname_entry_t *entry, const aname_snapshot_t *after,
                 int64_t now_ms)
{
	if (!entry->for_subnet && (aname_watch_any(&refresh->shared->watch) || after->lost != 0 ||
	                           entry->plan.gone != 0)) {
		aname_events_published(&refresh->events, entry,
		                       aname_table_find_other(refresh->shared->table, entry), after,
		                       now_ms);
	}
}

void aname_health_publish(aname_refresh_t *refresh, aname_entry_t *entry,
                          aname_snapshot_t *snapshot, int64_t now_ms)
{
	aname_table_t *table = refresh->shared->table;
	tell(refresh, entry, snapshot, now_ms);
	const aname_definition_t *definitions[ANAME_VIEWS_MAX];
	unsigned count = aname_views_definitions(refresh, entry, definitions);
	if (count == 0 && !aname_forces_any(refresh->forces)) {
		aname_followers_note(&refresh->followers, entry, snapshot);
		aname_table_publish(table, entry, snapshot);
		return;
	}
	const aname_snapshot_t *before = aname_entry_snapshot(entry);
	/* Where some were refused there may be room by now. */
	bool anew = aname_probes_numbers(refresh->probes).refused > 0;
	for (unsigned i = 0; i < count && !entry->for_subnet; i++) {
		for_difference(refresh, entry, definitions[i], before, snapshot, let_go, now_ms);
		for_difference(refresh, entry, definitions[i], snapshot, anew ? NULL : before,
		               anew ? hold_anew : hold, now_ms);
	}
	aname_snapshot_t *seen = aname_views_make(refresh, entry, snapshot, definitions, count);
	if (seen != NULL) {
		free(snapshot);
		aname_followers_note(&refresh->followers, entry, seen);
		aname_table_publish(table, entry, seen);
		return;
	}
	/* Without memory all addresses are seen, and whoever wants it otherwise asks anew. */
	for (unsigned i = 0; i < count && !entry->for_subnet; i++) {
		end(refresh, entry, definitions[i], snapshot, now_ms);
	}
	aname_followers_note(&refresh->followers, entry, snapshot);
	aname_table_publish(table, entry, snapshot);
}

void aname_health_ask(aname_refresh_t *refresh, aname_entry_t *entry, uint32_t id, int64_t now_ms)
{
	const aname_definition_t *definitions[ANAME_VIEWS_MAX];
	const aname_snapshot_t *known = aname_entry_snapshot(entry);
	if (known == NULL || entry->plan.state == ANAME_PLAN_DORMANT ||
	    aname_snapshot_view(known, id) != NULL) {
		return;
	}
	unsigned count = aname_views_definitions(refresh, entry, definitions);
	const aname_definition_t *definition = aname_shared_definition(refresh->shared, id);
	if (definition == NULL || definition->unheld_ms != 0) {
		return; /* Whoever has asked is gone. */
	}
	if (count == ANAME_VIEWS_DEFINITIONS) {
		atomic_fetch_add(&refresh->shared->reached.views_full, 1);
		return;
	}
	for_difference(refresh, entry, definition, known, NULL, hold, now_ms);
	definitions[count++] = definition;
	if (!aname_views_show_all(refresh, entry, definitions, count)) {
		end(refresh, entry, definition, known, now_ms);
	}
}

void aname_health_end(aname_refresh_t *refresh, aname_entry_t *entry, int64_t now_ms)
{
	const aname_definition_t *definitions[ANAME_VIEWS_MAX];
	unsigned count =
	        entry->for_subnet ? 0 : aname_views_definitions(refresh, entry, definitions);
	for (unsigned i = 0; i < count; i++) {
		end(refresh, entry, definitions[i], aname_entry_snapshot(entry), now_ms);
	}
	if (count > 0) {
		(void)aname_views_show_all(refresh, entry, NULL, 0);
	}
}

/* Definitions that come and go. */

typedef struct {
	aname_refresh_t *refresh;
	int64_t now_ms;
} note_t;

/*! Is it in a list? */
static bool is_in(const aname_definition_t *const *list, unsigned count,
                  const aname_definition_t *definition)
{
	unsigned i = 0;
	while (i < count && list[i] != definition) {
		i++;
	}
	return i < count;
}

/*!
 * Adds to a list the definitions in use that ask the same as one of an entry which is given up: a
 * reload has them in its place, and nobody is to see dead addresses until a query has asked for
 * them. Returns how many there are then.
 */
static unsigned add_alike(const note_t *note, aname_entry_t *entry,
                          const aname_definition_t *given_up, const aname_definition_t **list,
                          unsigned count)
{
	const aname_definition_t *definition = NULL;
	while ((definition = aname_shared_definition_after(note->refresh->shared, definition)) !=
	               NULL &&
	       count < ANAME_VIEWS_DEFINITIONS) {
		if (definition->unheld_ms == 0 &&
		    aname_definition_alike(definition->id, given_up->id) &&
		    !is_in(list, count, definition)) {
			list[count++] = definition;
			for_difference(note->refresh, entry, definition,
			               aname_entry_snapshot(entry), NULL, hold, note->now_ms);
		}
	}
	return count;
}

/*! Ends what is probed for an entry by definitions that nobody holds; for the others options may say
 *  of other addresses than before that they are to be probed. */
static void revise(aname_entry_t *entry, void *ctx)
{
	const note_t *note = ctx;
	const aname_snapshot_t *known = aname_entry_snapshot(entry);
	const aname_definition_t *definitions[ANAME_VIEWS_MAX], *kept[ANAME_VIEWS_MAX];
	unsigned count =
	        entry->for_subnet ? 0 : aname_views_definitions(note->refresh, entry, definitions);
	unsigned left = 0;
	for (unsigned i = 0; i < count; i++) {
		if (definitions[i]->unheld_ms == 0) {
			for_difference(note->refresh, entry, definitions[i], known, NULL, hold_anew,
			               note->now_ms);
		}
		if (!aname_definition_is_given_up(definitions[i])) {
			kept[left++] = definitions[i];
		}
	}
	for (unsigned i = 0; i < count; i++) {
		if (aname_definition_is_given_up(definitions[i])) {
			left = add_alike(note, entry, definitions[i], kept, left);
			end(note->refresh, entry, definitions[i], known, note->now_ms);
		}
	}
	if (count > 0) {
		(void)aname_views_show_all(note->refresh, entry, kept, left);
	}
}

void aname_health_note_definitions(aname_refresh_t *refresh, bool settled, int64_t now_ms)
{
	note_t note = { .refresh = refresh, .now_ms = now_ms };
	bool given_up;
	aname_probes_limit(refresh->probes, atomic_load(&refresh->max_probes));
	refresh->definitions_ms =
	        aname_shared_note_definitions(refresh->shared, settled, now_ms, &given_up);
	if (aname_shared_definition_after(refresh->shared, NULL) != NULL) {
		aname_table_foreach(refresh->shared->table, revise, &note);
	}
}

static void release_definitions(aname_refresh_t *refresh, int64_t now_ms)
{
	aname_definition_t *definition;
	while ((definition = aname_shared_release_definition(refresh->shared, now_ms)) != NULL) {
		/* Entries have let go when it was given up. */
		bool forgotten = aname_probes_forget(refresh->probes, definition);
		assert(forgotten);
		if (forgotten) {
			free(definition);
		}
	}
	bool given_up;
	refresh->definitions_ms =
	        aname_shared_note_definitions(refresh->shared, false, now_ms, &given_up);
}

int64_t aname_health_advance(aname_refresh_t *refresh, int64_t now_ms)
{
	aname_probes_limit(refresh->probes, atomic_load(&refresh->max_probes));
	if (now_ms >= refresh->definitions_ms) {
		release_definitions(refresh, now_ms);
	}
	int64_t log_ms = aname_verdicts_advance(refresh, now_ms);
	int64_t next_ms = refresh->definitions_ms < log_ms ? refresh->definitions_ms : log_ms;
	return next_ms == INT64_MAX ? -1 : next_ms - now_ms;
}

/* What operators say. */

typedef struct {
	aname_refresh_t *refresh;
	const aname_subject_t *subject;
} forced_t;

/*! Is the target meant, or an address that it has? */
static bool is_about(const aname_subject_t *subject, aname_entry_t *entry,
                     const aname_snapshot_t *known)
{
	if (subject->len == 0) {
		return knot_dname_is_equal(subject->name, aname_entry_name(entry));
	}
	knot_rdata_t *rdata = aname_snapshot_rdataset(known).rdata;
	for (unsigned i = 0; i < known->count; i++, rdata = knot_rdataset_next(rdata)) {
		if (rdata->len == subject->len &&
		    memcmp(rdata->data, subject->address, subject->len) == 0) {
			return true;
		}
	}
	return false;
}

/*! Publishes a target anew if the word is about it. */
static void show_forced(aname_entry_t *entry, void *ctx)
{
	const forced_t *forced = ctx;
	const aname_snapshot_t *known = aname_entry_snapshot(entry);
	if (known == NULL || !is_about(forced->subject, entry, known)) {
		return;
	}
	const aname_definition_t *definitions[ANAME_VIEWS_MAX];
	(void)aname_views_show(forced->refresh, entry, definitions,
	                       aname_views_definitions(forced->refresh, entry, definitions));
}

void aname_health_note_forced(aname_refresh_t *refresh, const aname_subject_t *subject)
{
	forced_t forced = { .refresh = refresh, .subject = subject };
	aname_table_foreach(refresh->shared->table, show_forced, &forced);
}

const aname_probed_t *aname_health_probed(aname_refresh_t *refresh, uint32_t definition,
                                          const knot_dname_t *name, const uint8_t *address,
                                          uint8_t len)
{
	const aname_definition_t *found = aname_shared_definition(refresh->shared, definition);
	return found != NULL ? aname_probes_find(refresh->probes, found, address, len, name) : NULL;
}

/* The whole. */

bool aname_health_init(aname_refresh_t *refresh)
{
	refresh->definitions_ms = INT64_MAX;
	refresh->probes = aname_probes_new(refresh->loop, aname_verdicts_changed, refresh);
	return refresh->probes != NULL;
}

void aname_health_deinit(aname_refresh_t *refresh)
{
	aname_probes_free(refresh->probes);
}
