/*!
 * \brief The roof: load, unload, and the symbol that knotd looks for.  [K]
 *
 * Who runs where, and who owns what:
 *
 * | thread                | runs                        | owns                                |
 * |-----------------------|-----------------------------|-------------------------------------|
 * | knotd's loading ones  | this file, conf.c           | the instance: from load to unload   |
 * | knotd's workers       | query/, stats.c             | nothing that outlives the reply     |
 * | the service thread    | service/                    | what is published in the table      |
 * | libuv's pool          | getaddrinfo; key files      | nothing: hands it to the service    |
 *
 * Workers also publish, under a lock of their own, what they have signed (query/sign.h).
 *
 * The table and all the rest of the ground floor belong to the process. The service thread never
 * sees a knotd_mod_t. In unload the zone's name and the log are gone already.
 */

#include <stdlib.h>

#include <knot/module.h>

#include "conf.h"
#include "query/hook.h"
#include "service/service.h"
#include "stats.h"

static void tell(knotd_mod_t *mod, const aname_options_t *options,
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
		              report->threads);
	} else if (report->threads_differ) {
		knotd_mod_log(mod, LOG_NOTICE,
		              "option 'threads' is one for the whole server: %u are running, %u "
		              "would need a restart",
		              report->threads, options->limits.threads);
	}
}

static void tell_onlinesign(knotd_mod_t *mod, aname_onlinesign_t onlinesign)
{
	if (onlinesign == ANAME_ONLINESIGN_BEFORE) {
		knotd_mod_log(mod, LOG_ERR,
		              "mod-onlinesign stands before mod-aname in the zone's list of "
		              "modules and would not sign the addresses: the apex is served "
		              "without them; put mod-onlinesign last");
	}
}

static void tell_ecs(knotd_mod_t *mod, const aname_options_t *options)
{
	if (options->ecs && !aname_conf_client_subnet(mod)) {
		knotd_mod_log(mod, LOG_WARNING,
		              "option 'ecs' has no effect, since the server takes no client "
		              "subnets from queries; set 'edns-client-subnet: on' in the server "
		              "section");
	}
}

/*! Has the status socket where the options say. */
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

/*! Half of the TCP workers, at least one. */
static uint16_t waiters_max(knotd_mod_t *mod)
{
	int64_t workers = knotd_conf_env(mod, KNOTD_CONF_ENV_WORKERS_TCP).single.integer;
	return workers > 1 ? workers / 2 : 1;
}

/*! Where the zone's private keys are, should it turn out to be signed. */
static int set_up_signing(knotd_mod_t *mod, aname_instance_t *instance)
{
	char list[ANAME_DIRECTORIES_SIZE];
	const char *directories = NULL;
	const char *obstacle = "its private keys are not in files (PKCS #11)";
	if (aname_conf_key_directories(mod, list, sizeof(list))) {
		directories = aname_secrets_directories(instance->shared->secrets, list);
		if (directories == NULL) {
			return KNOT_ENOMEM;
		}
		obstacle = NULL;
	}
	aname_signing_init(&instance->signing, directories, obstacle,
	                   instance->options->dnssec_off);
	return KNOT_EOK;
}

/*! Fills in an instance that holds the service. */
static int set_up(knotd_mod_t *mod, aname_instance_t *instance, aname_options_t *options)
{
	instance->options = aname_shared_hold(instance->shared, options, &instance->profile);
	if (instance->options == NULL) {
		return KNOT_ENOMEM;
	}
	const knot_dname_t *zone = knotd_mod_zone(mod);
	instance->zone_len = zone != NULL ? knot_dname_size(zone) : 0;
	instance->waiters_max = waiters_max(mod);
	instance->rotate = aname_conf_rotation(mod);
	instance->onlinesign = aname_conf_onlinesign(mod);
	tell_onlinesign(mod, instance->onlinesign);
	tell_ecs(mod, instance->options);

	int ret = set_up_signing(mod, instance);
	if (ret == KNOT_EOK) {
		ret = aname_stats_register(mod);
	}
	if (ret == KNOT_EOK) {
		ret = zone != NULL ? aname_hook_zone(mod) : aname_hook_global(mod);
	}
	if (ret == KNOT_EOK) {
		ret = show(mod, instance->options);
	}
	if (ret != KNOT_EOK) {
		aname_shared_unhold(instance->shared, instance->options);
	} else if (zone == NULL) {
		aname_stats_show_totals(mod, instance->shared);
	}
	return ret;
}

static int aname_load(knotd_mod_t *mod)
{
	knotd_mod_ctx_set(mod, NULL);

	aname_options_t *options = NULL;
	int ret = aname_conf_read(mod, &options);
	if (ret != KNOT_EOK) {
		return ret;
	}
	aname_instance_t *instance = calloc(1, sizeof(*instance));
	if (instance == NULL) {
		aname_options_free(options);
		return KNOT_ENOMEM;
	}

	aname_service_report_t report;
	ret = aname_service_acquire(&options->limits, &instance->shared, &report);
	if (ret != KNOT_EOK) {
		knotd_mod_log(mod, LOG_ERR, "the service thread could not be started");
		aname_options_free(options);
		free(instance);
		return ret;
	}
	tell(mod, options, &report);

	ret = set_up(mod, instance, options);
	if (ret != KNOT_EOK) {
		aname_service_release();
		free(instance);
		return ret;
	}
	knotd_mod_ctx_set(mod, instance);
	return KNOT_EOK;
}

static void aname_unload(knotd_mod_t *mod)
{
	aname_instance_t *instance = knotd_mod_ctx(mod);
	if (instance == NULL) {
		return;
	}
	knotd_mod_ctx_set(mod, NULL);
	aname_service_hide(instance->options->status_socket, instance->options->status_chosen);
	aname_signing_deinit(&instance->signing, instance->shared);
	aname_shared_unhold(instance->shared, instance->options);
	aname_service_release();
	free(instance);
}

KNOTD_MOD_API(aname, KNOTD_MOD_FLAG_SCOPE_ANY | KNOTD_MOD_FLAG_OPT_CONF, aname_load, aname_unload,
              aname_conf, aname_conf_check);
