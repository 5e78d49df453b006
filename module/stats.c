#include "stats.h"

#include <string.h>

/* In an order in which the arrays that knotd makes of them, one for each worker and zone, grow out of
 * their blocks of malloc's seldom: that is most of what they cost when zones are loaded. */
enum {
	COUNTER_ANSWERS = 0,
	COUNTER_TARGETS,
	COUNTER_ADDRESSES,
	COUNTER_LAG,
	COUNTER_LOOKUPS,
	COUNTER_MALFORMED,
	COUNTER_HEALTH,
	COUNTER_SUBNETS,
	COUNTER_PROBES,                  /* Of the whole process only: a probe is for many zones. */
	COUNTER_OWNERS = COUNTER_PROBES, /* Of a zone with `owners: any` only, in its place. */
};

enum {
	LOOKUPS_STARTED = 0,
	LOOKUPS_SUCCEEDED,
	LOOKUPS_FAILED,
	LOOKUPS,
};

enum {
	HEALTH_UP = 0,
	HEALTH_DOWN,
	HEALTH_UNKNOWN,
	HEALTHS,
};

enum {
	PROBES_STARTED = 0,
	PROBES_FAILED,
	PROBES,
};

static char *kind_name(uint32_t index, uint32_t count)
{
	return index < ANAME_KINDS ? strdup(aname_kind_name(index)) : NULL;
}

static char *lookup_name(uint32_t index, uint32_t count)
{
	static const char *const names[] = { "started", "succeeded", "failed" };
	return index < LOOKUPS ? strdup(names[index]) : NULL;
}

static char *health_name(uint32_t index, uint32_t count)
{
	static const char *const names[] = { "up", "down", "unknown" };
	return index < HEALTHS ? strdup(names[index]) : NULL;
}

static char *probe_name(uint32_t index, uint32_t count)
{
	static const char *const names[] = { "started", "failed" };
	return index < PROBES ? strdup(names[index]) : NULL;
}

int aname_stats_register(knotd_mod_t *mod, bool total, bool any_owner)
{
	/* In the order of the counters' numbers. */
	static const struct {
		const char *name;
		uint32_t count;
		knotd_mod_idx_to_str_f names;
	} counters[] = {
		{ "answers", ANAME_KINDS, kind_name },
		{ "targets", 1, NULL },
		{ "addresses", 1, NULL },
		{ "refresh-lag", 1, NULL },
		{ "lookups", LOOKUPS, lookup_name },
		{ "malformed", 1, NULL },
		{ "health", HEALTHS, health_name },
		{ "subnets", 1, NULL },
	};

	int ret = KNOT_EOK;
	for (size_t i = 0; i < sizeof(counters) / sizeof(counters[0]) && ret == KNOT_EOK; i++) {
		ret = knotd_mod_stats_add(mod, counters[i].name, counters[i].count,
		                          counters[i].names);
	}
	if (ret == KNOT_EOK && total) {
		ret = knotd_mod_stats_add(mod, "probes", PROBES, probe_name);
	} else if (ret == KNOT_EOK && any_owner) {
		ret = knotd_mod_stats_add(mod, "owners", 1, NULL);
	}
	return ret;
}

void aname_stats_answer(knotd_mod_t *mod, aname_worker_t *slot, unsigned worker, aname_kind_t kind)
{
	knotd_mod_stats_incr(mod, worker, COUNTER_ANSWERS, kind, 1);

	/* Nobody else writes this worker's count: no locked instruction. */
	uint64_t value = atomic_load_explicit(&slot->answers[kind], memory_order_relaxed);
	atomic_store_explicit(&slot->answers[kind], value + 1, memory_order_relaxed);
}

void aname_stats_malformed(knotd_mod_t *mod, unsigned worker, unsigned count)
{
	knotd_mod_stats_incr(mod, worker, COUNTER_MALFORMED, 0, count);
}

void aname_stats_show(knotd_mod_t *mod, const aname_numbers_t *numbers)
{
	/* knotd sums over all workers: what is stored always goes to the slot of the first one. */
	knotd_mod_stats_store(mod, 0, COUNTER_LOOKUPS, LOOKUPS_STARTED, numbers->started);
	knotd_mod_stats_store(mod, 0, COUNTER_LOOKUPS, LOOKUPS_SUCCEEDED, numbers->succeeded);
	knotd_mod_stats_store(mod, 0, COUNTER_LOOKUPS, LOOKUPS_FAILED, numbers->failed);
	knotd_mod_stats_store(mod, 0, COUNTER_TARGETS, 0, numbers->targets);
	knotd_mod_stats_store(mod, 0, COUNTER_ADDRESSES, 0, numbers->addresses);
	knotd_mod_stats_store(mod, 0, COUNTER_LAG, 0, numbers->lag_ms);
	knotd_mod_stats_store(mod, 0, COUNTER_SUBNETS, 0, numbers->subnets);
	knotd_mod_stats_store(mod, 0, COUNTER_HEALTH, HEALTH_UP, numbers->up);
	knotd_mod_stats_store(mod, 0, COUNTER_HEALTH, HEALTH_DOWN, numbers->down);
	knotd_mod_stats_store(mod, 0, COUNTER_HEALTH, HEALTH_UNKNOWN, numbers->unknown);
}

void aname_stats_show_owners(knotd_mod_t *mod, uint64_t owners)
{
	knotd_mod_stats_store(mod, 0, COUNTER_OWNERS, 0, owners);
}

void aname_stats_show_totals(knotd_mod_t *mod, aname_shared_t *shared)
{
	const aname_numbers_t numbers = {
		.started = atomic_load(&shared->totals.started),
		.succeeded = atomic_load(&shared->totals.succeeded),
		.failed = atomic_load(&shared->totals.failed),
		.targets = aname_table_targets(shared->table),
		.subnets = aname_table_subnets(shared->table),
		.addresses = aname_table_addresses(shared->table),
		.lag_ms = atomic_load(&shared->totals.lag_ms),
		.up = atomic_load(&shared->totals.up),
		.down = atomic_load(&shared->totals.down),
		.unknown = atomic_load(&shared->totals.unknown),
	};
	aname_stats_show(mod, &numbers);
	knotd_mod_stats_store(mod, 0, COUNTER_PROBES, PROBES_STARTED,
	                      atomic_load(&shared->totals.probes_started));
	knotd_mod_stats_store(mod, 0, COUNTER_PROBES, PROBES_FAILED,
	                      atomic_load(&shared->totals.probes_failed));

	for (unsigned kind = 0; kind < ANAME_KINDS; kind++) {
		knotd_mod_stats_store(mod, 0, COUNTER_ANSWERS, kind,
		                      aname_kind_total(shared, kind));
	}
}
