/*!
 * \brief The module as knotd sees it: load, unload, and the symbol that knotd looks for.  [K]
 *
 * Who runs where, and who owns what:
 *
 * | thread                | runs                        | owns                                |
 * |-----------------------|-----------------------------|-------------------------------------|
 * | knotd's loading ones  | this file, conf/            | the instance: from load to unload   |
 * | knotd's workers       | query/, stats.c             | nothing that outlives the reply     |
 * | the service thread    | service/                    | what is published in the table      |
 * | libuv's pool          | getaddrinfo; key files      | nothing: hands it to the service    |
 *
 * Workers also publish, under a lock of their own, what they have signed (query/signing.h).
 *
 * The table and all that table/shared.h holds belong to the process. The service thread never sees
 * a knotd_mod_t. In unload the zone's name and the log are gone already.
 */

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <knot/module.h>

#include "conf/knotd.h"
#include "conf/read.h"
#include "conf/schema.h"
#include "query/count.h"
#include "query/hook.h"
#include "query/nodes.h"
#include "query/pool.h"
#include "query/signing.h"
#include "service/service.h"
#include "stats.h"
#include "table/clock.h"
#include "unstarted.h"

/*! There are fewer threads to look targets up, or none. */
static void log_few_threads(knotd_mod_t *mod, const aname_threadpool_t *pool)
{
	if (pool->threads > 0) {
		knotd_mod_log(mod, LOG_WARNING,
		              "of %u threads to ask the system's resolver %u can be had, %s",
		              pool->wanted, pool->threads,
		              aname_threadpool_limit_text(pool->limit));
	} else {
		knotd_mod_log(mod, LOG_ERR,
		              "no thread can be had to ask the system's resolver, of %u wanted: "
		              "targets count as failed until there is one, %s, and restart knotd",
		              pool->wanted, aname_threadpool_limit_text(pool->limit));
	}
}

static void log_limits(knotd_mod_t *mod, const aname_options_t *options,
                       const aname_service_report_t *report)
{
	const struct {
		bool differ;
		const char *option;
	} limits[] = {
		{ report->differ.max_targets, "max-targets" },
		{ report->differ.max_lookups, "max-lookups" },
		{ report->differ.lookup_rate, "lookup-rate" },
		{ report->differ.max_subnets, "max-subnets" },
		{ report->differ.max_target_subnets, "max-target-subnets" },
		{ report->differ.max_probes, "max-probes" },
	};
	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		if (limits[i].differ) {
			knotd_mod_log(mod, LOG_NOTICE,
			              "option '%s' is one for the whole server and was set "
			              "otherwise before, the larger value counts",
			              limits[i].option);
		}
	}
	if (report->threads_late) {
		knotd_mod_log(mod, LOG_WARNING,
		              "option 'threads' takes effect when knotd is restarted, until then "
		              "there are %u",
		              report->pool.wanted);
	} else if (report->threads_differ) {
		knotd_mod_log(mod, LOG_NOTICE,
		              "option 'threads' is one for the whole server: %u are running, %u "
		              "would need a restart",
		              report->pool.wanted, options->limits.threads);
	}
	if (report->threads_short) {
		log_few_threads(mod, &report->pool);
	}
}

static void log_onlinesign(knotd_mod_t *mod, aname_onlinesign_t onlinesign)
{
	if (onlinesign == ANAME_ONLINESIGN_BEFORE) {
		knotd_mod_log(mod, LOG_ERR,
		              "mod-onlinesign stands before mod-aname in the zone's list of "
		              "modules and would not sign the addresses: the apex is served "
		              "without them; put mod-onlinesign last");
	}
}

static void log_ecs(knotd_mod_t *mod, const aname_options_t *options)
{
	if (options->ecs && !aname_conf_client_subnet(mod)) {
		knotd_mod_log(mod, LOG_WARNING,
		              "option 'ecs' has no effect, since the server takes no client "
		              "subnets from queries; set 'edns-client-subnet: on' in the server "
		              "section");
	}
}

/*! Opens the status socket at the path that the options name. */
static int show(knotd_mod_t *mod, const aname_options_t *options)
{
	int ret = aname_service_show(options->status_socket, options->status_chosen);
	if (ret == KNOT_EEXIST && options->status_chosen) {
		knotd_mod_log(mod, LOG_NOTICE,
		              "option 'status-socket' is one for the whole server and is set "
		              "otherwise elsewhere");
	}
	return ret == KNOT_EEXIST ? KNOT_EOK : ret;
}

static void hide(const aname_options_t *options)
{
	aname_service_hide(options->status_socket, options->status_chosen);
}

/*! Keeps what is known in the file that the options name, and loads what is in it; only a load
 *  may wait for that. */
static int keep(knotd_mod_t *mod, const aname_options_t *options, bool may_wait)
{
	aname_state_report_t report = { .text = "" };
	int ret = aname_service_keep(options->state_file, options->state_chosen,
	                             options->state_interval, may_wait ? &report : NULL);
	if (report.text[0] != '\0') {
		knotd_mod_log(mod, report.priority, "%s", report.text);
	}
	if (ret == KNOT_EEXIST && options->state_chosen) {
		knotd_mod_log(mod, LOG_NOTICE,
		              "option 'state-file' is one for the whole server and is set "
		              "otherwise elsewhere");
	}
	return ret == KNOT_EEXIST ? KNOT_EOK : ret;
}

static int64_t count_workers(knotd_mod_t *mod, knotd_conf_env_t kind)
{
	return knotd_conf_env(mod, kind).single.integer;
}

/*! Half of the TCP workers, at least one. */
static uint8_t waiters_max(knotd_mod_t *mod)
{
	int64_t workers = count_workers(mod, KNOTD_CONF_ENV_WORKERS_TCP);
	int64_t half = workers > 1 ? workers / 2 : 1;
	return half < UINT8_MAX ? half : UINT8_MAX;
}

/*! Registers what can be registered only while knotd loads the instance. */
static int enlist(knotd_mod_t *mod, bool any_owner)
{
	bool global = knotd_mod_zone(mod) == NULL;
	int ret = aname_stats_register(mod, global, any_owner);
	if (ret == KNOT_EOK) {
		ret = global ? aname_hook_global(mod) : aname_hook_zone(mod);
	}
	return ret;
}

/*! Fills in an instance that holds the service and its options. */
static int set_up(knotd_mod_t *mod, aname_instance_t *instance, bool may_wait)
{
	const knot_dname_t *zone = knotd_mod_zone(mod);
	instance->zone_len = zone != NULL ? knot_dname_size(zone) : 0;
	instance->waiters_max = waiters_max(mod);
	log_onlinesign(mod, instance->onlinesign);
	log_ecs(mod, instance->options);

	aname_signing_init(&instance->signing);
	atomic_init(&instance->apex.owner, ANAME_OWNER_NEW);

	int ret = show(mod, instance->options);
	if (ret == KNOT_EOK) {
		ret = keep(mod, instance->options, may_wait);
		if (ret != KNOT_EOK) {
			hide(instance->options);
		}
	}
	if (ret == KNOT_EOK && zone == NULL) {
		aname_stats_show_totals(mod, instance->shared);
	}
	return ret;
}

/*! Holds the service, with the limits of the options. */
static int acquire(knotd_mod_t *mod, aname_instance_t *instance, const aname_options_t *options)
{
	unsigned workers = count_workers(mod, KNOTD_CONF_ENV_WORKERS_UDP) +
	                   count_workers(mod, KNOTD_CONF_ENV_WORKERS_TCP) +
	                   count_workers(mod, KNOTD_CONF_ENV_WORKERS_XDP);
	aname_service_report_t report;
	int ret = aname_service_acquire(&options->limits, workers, &instance->shared, &report);
	if (ret == KNOT_EOK) {
		log_limits(mod, options, &report);
	}
	return ret;
}

/*! Holds the service and the options that another instance of the same section has read. */
static int recall_options(knotd_mod_t *mod, aname_instance_t *instance,
                          const aname_origin_t *origin)
{
	aname_shared_t *shared = aname_service_shared();
	if (shared == NULL) {
		return KNOT_ENOENT;
	}
	instance->options = aname_shared_recall(shared, origin, &instance->zone.named.upstream);
	if (instance->options == NULL) {
		return KNOT_ENOENT;
	}
	int ret = acquire(mod, instance, instance->options);
	if (ret != KNOT_EOK) {
		aname_shared_unhold(shared, instance->options);
	}
	return ret;
}

/*! Reads the options; holds them and the service. */
static int read_options(knotd_mod_t *mod, aname_instance_t *instance, const aname_origin_t *origin)
{
	aname_options_t *options = NULL;
	int ret = aname_conf_read(mod, origin, &options);
	if (ret != KNOT_EOK) {
		return ret;
	}
	ret = acquire(mod, instance, options);
	if (ret != KNOT_EOK) {
		aname_options_free(options);
		return ret;
	}
	instance->options =
	        aname_shared_hold(instance->shared, options, &instance->zone.named.upstream);
	if (instance->options == NULL) {
		aname_service_release();
		return KNOT_ENOMEM;
	}
	return KNOT_EOK;
}

/*! To read a section takes longer than all the rest of a load: it is read for many zones at
 *  once. */
static int take_options(knotd_mod_t *mod, aname_instance_t *instance, const aname_origin_t *origin)
{
	int ret = recall_options(mod, instance, origin);
	return ret == KNOT_ENOENT ? read_options(mod, instance, origin) : ret;
}

/*!
 * Is this one more instance beside the zone's first? knotd does not say which of a zone's list it
 * loads, but it loads the list of a zone in order, and on one thread.
 */
static bool is_one_more(knotd_mod_t *mod, unsigned times)
{
	static _Thread_local struct {
		knot_dname_storage_t zone;
		unsigned loaded;
	} list;
	const knot_dname_t *zone = knotd_mod_zone(mod);
	if (times < 2 || zone == NULL) {
		return false;
	}
	if (list.loaded == 0 || !knot_dname_is_equal(list.zone, zone)) {
		memcpy(list.zone, zone, knot_dname_size(zone));
		list.loaded = 0;
	}
	bool more = list.loaded > 0;
	/* After the last of them comes the first of the next load. */
	list.loaded = (list.loaded + 1) % times;
	return more;
}

/*! Is it the configuration that is wrong, and not that the system lacks something? */
static bool is_refusal(int ret)
{
	return ret == KNOT_EINVAL || ret == KNOT_ERANGE || ret == KNOT_ENOTSUP;
}

/*! Frees one that was made. */
static void discard(aname_instance_t *instance)
{
	aname_shared_unhold(instance->shared, instance->options);
	aname_service_release();
	free(instance);
}

/*! Makes an instance that holds the service and its options; NULL with the reason if it cannot. */
static aname_instance_t *make(knotd_mod_t *mod, const aname_origin_t *origin,
                              const aname_position_t *position, int *ret)
{
	aname_instance_t *instance = calloc(1, sizeof(*instance));
	if (instance == NULL) {
		*ret = KNOT_ENOMEM;
		return NULL;
	}
	instance->onlinesign = position->onlinesign;
	instance->yields = position->yields;
	*ret = take_options(mod, instance, origin);
	if (*ret != KNOT_EOK) {
		free(instance);
		return NULL;
	}
	*ret = aname_nodes_init(&instance);
	if (*ret != KNOT_EOK) {
		discard(instance);
		return NULL;
	}
	return instance;
}

/*! Has the status socket know the zone. */
static void note_zone(aname_instance_t *instance, const knot_dname_t *zone)
{
	if (zone != NULL) {
		uint64_t name =
		        aname_owners_hash(instance->shared->owners, zone, instance->zone_len);
		instance->zone.options = instance->options->id;
		aname_zones_add(instance->shared->zones, &instance->zone, name);
	}
}

/*! Gives an instance to knotd, if all that it needs can be had; else frees it. */
static int start(knotd_mod_t *mod, aname_instance_t *instance, bool may_wait)
{
	int ret = set_up(mod, instance, may_wait);
	if (ret != KNOT_EOK) {
		aname_nodes_deinit(instance);
		discard(instance);
		return ret;
	}
	note_zone(instance, knotd_mod_zone(mod));
	/* Workers may be there already, and are to see it whole. */
	atomic_thread_fence(memory_order_release);
	knotd_mod_ctx_set(mod, instance);
	return KNOT_EOK;
}

static int load(knotd_mod_t *mod, const aname_origin_t *origin, const aname_position_t *position)
{
	int ret;
	aname_instance_t *instance = make(mod, origin, position, &ret);
	if (instance == NULL && is_refusal(ret)) {
		return ret;
	}
	/* From here on it must not fail, for hooks stay; what is started later may be for any owner. */
	int enlisted = enlist(mod, instance == NULL || aname_instance_any(instance));
	if (instance != NULL && enlisted == KNOT_EOK) {
		return start(mod, instance, true);
	}
	if (instance != NULL) {
		aname_nodes_deinit(instance);
		discard(instance);
	}
	return enlisted != KNOT_EOK ? enlisted : ret;
}

/*! A zone whose module fails to load is refused by Knot 3.5: only what conf-check refuses fails. */
static int aname_load(knotd_mod_t *mod)
{
	aname_unstarted_forget(mod);
	knotd_mod_ctx_set(mod, NULL);
	aname_origin_t origin;
	const aname_position_t position = aname_conf_position(mod, &origin);
	if (is_one_more(mod, position.times)) {
		knotd_mod_log(mod, LOG_ERR,
		              "mod-aname stands %u times in the zone's list of modules: only the "
		              "first of them counts; leave one, and reload",
		              position.times);
		return KNOT_EOK;
	}
	int ret = load(mod, &origin, &position);
	aname_instance_t *instance = knotd_mod_ctx(mod);
	if (instance != NULL) {
		/* knotd waits for those who wait before it unloads what this replaces (C2). */
		aname_waiters_pause(instance->shared->waiters, aname_clock_ms());
	}
	if (ret == KNOT_EOK || (is_refusal(ret) && instance == NULL)) {
		return ret;
	}
	/* Without a context hooks do nothing but to try again. */
	bool again = instance == NULL && aname_unstarted_note(mod, aname_clock_coarse_ms());
	knotd_mod_log(mod, LOG_ERR,
	              "not started (%s): served without this module's answers; raise the limits on "
	              "threads (ulimit -u, TasksMax, the container's pids limit), open files or "
	              "memory; %s",
	              knot_strerror(ret),
	              again ? "it is tried again once a second while the zone is asked for"
	                    : "then reload");
	return KNOT_EOK;
}

static bool try_again(void *mod)
{
	int ret;
	aname_origin_t origin;
	const aname_position_t position = aname_conf_position(mod, &origin);
	aname_instance_t *instance = make(mod, &origin, &position, &ret);
	bool started = instance != NULL && start(mod, instance, false) == KNOT_EOK;
	if (started) {
		knotd_mod_log(mod, LOG_NOTICE, "started after all");
	}
	return started;
}

void aname_start_again(knotd_mod_t *mod)
{
	aname_unstarted_try(mod, try_again, aname_clock_coarse_ms());
}

static void aname_unload(knotd_mod_t *mod)
{
	aname_unstarted_forget(mod);
	aname_instance_t *instance = knotd_mod_ctx(mod);
	if (instance == NULL) {
		return;
	}
	knotd_mod_ctx_set(mod, NULL);
	aname_waiters_pause(instance->shared->waiters, aname_clock_ms());
	hide(instance->options);
	aname_owners_drop(instance->shared->owners, &instance->apex.owner);
	aname_zones_drop(instance->shared->zones, &instance->zone);
	aname_pool_deinit(&instance->apex);
	aname_count_deinit(instance);
	aname_nodes_deinit(instance);
	aname_signing_deinit(&instance->signing, instance->shared);
	/* The last one saves what is known: its file is still wanted then. */
	aname_service_release();
	aname_service_unkeep(instance->options->state_file, instance->options->state_chosen,
	                     instance->options->state_interval);
	aname_shared_unhold(instance->shared, instance->options);
	free(instance);
}

KNOTD_MOD_API(aname, KNOTD_MOD_FLAG_SCOPE_ANY | KNOTD_MOD_FLAG_OPT_CONF, aname_load, aname_unload,
              aname_conf, aname_conf_check);
