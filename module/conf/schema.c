#include "conf/schema.h"

#include <netinet/in.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <libknot/lookup.h>

#include "conf/items.h"
#include "conf/lookup.h"
#include "conf/options.h"
#include "conf/probe.h"
#include "conf/values.h"
#include "protocol.h"
#include "rrtype.h"

#define DNS_PORT 53

static const knot_lookup_t cold_modes[] = {
	{ ANAME_COLD_TRUNCATE, "truncate" },
	{ ANAME_COLD_SERVFAIL, "servfail" },
	{ 0, NULL },
};

static const knot_lookup_t signing_modes[] = {
	{ 0, "auto" },
	{ 1, "off" },
	{ 0, NULL },
};

static const knot_lookup_t all_down_modes[] = {
	{ ANAME_ALL_DOWN_SERVE, "serve" },
	{ ANAME_ALL_DOWN_SIBLING, "sibling" },
	{ ANAME_ALL_DOWN_SERVFAIL, "servfail" },
	{ 0, NULL },
};

static const knot_lookup_t owners_modes[] = {
	{ 0, "apex" },
	{ 1, "any" },
	{ 0, NULL },
};

static const knot_lookup_t https_modes[] = {
	{ 0, "off" },
	{ 1, "alias" },
	{ 0, NULL },
};

static const knot_lookup_t dnssec_modes[] = {
	{ 0, "any" },
	{ 1, "secure" },
	{ 0, NULL },
};

const yp_item_t aname_conf[] = {
#define X(option, name, dflt, least, most, unit, style, field) \
	{ option, YP_TINT, YP_VINT = { INT32_MIN, INT64_MAX / 2, dflt, style } },
	NUMBERS(X)
#undef X
	        { OPT_RRTYPE, YP_TSTR, YP_VNONE, YP_FMULTI },
	{ OPT_OWNERS, YP_TOPT, YP_VOPT = { owners_modes, 0 } },
	{ OPT_HTTPS, YP_TOPT, YP_VOPT = { https_modes, 0 } },
	{ OPT_RESOLVER, YP_TADDR, YP_VADDR = { DNS_PORT }, YP_FMULTI },
	{ OPT_VIA, YP_TADDR, YP_VNONE, YP_FMULTI },
	{ OPT_TARGET_DNSSEC, YP_TOPT, YP_VOPT = { dnssec_modes, 0 } },
	{ OPT_ECS, YP_TBOOL, YP_VNONE },
	{ OPT_DNSSEC, YP_TOPT, YP_VOPT = { signing_modes, 0 } },
	{ OPT_ANSWER_ANAME, YP_TBOOL, YP_VNONE },
	{ OPT_COLD, YP_TOPT, YP_VOPT = { cold_modes, ANAME_COLD_TRUNCATE } },
	{ OPT_PREFER, YP_TDNAME, YP_VNONE, YP_FMULTI },
	{ OPT_WEIGHT, YP_TSTR, YP_VNONE, YP_FMULTI },
	{ OPT_EACH_TARGETS, YP_TINT, YP_VINT = { INT32_MIN, INT64_MAX / 2, YP_NIL } },
	{ OPT_ALL_DOWN, YP_TOPT, YP_VOPT = { all_down_modes, ANAME_ALL_DOWN_SERVE } },
	{ OPT_PROBE, YP_TOPT, YP_VOPT = { aname_conf_probe_kinds, ANAME_PROBE_OFF } },
	{ OPT_PROBE_PORT, YP_TINT, YP_VINT = { INT32_MIN, INT64_MAX / 2, YP_NIL } },
	{ OPT_PROBE_HOST, YP_TSTR, YP_VNONE },
	{ OPT_PROBE_PATH, YP_TSTR, YP_VNONE },
	{ OPT_PROBE_STATUS, YP_TSTR, YP_VNONE, YP_FMULTI },
	{ OPT_PROBE_VERIFY, YP_TBOOL, YP_VNONE },
	{ OPT_ALLOW_TARGET, YP_TDNAME, YP_VNONE, YP_FMULTI },
	{ OPT_DENY_TARGET, YP_TDNAME, YP_VNONE, YP_FMULTI },
	{ OPT_DENY_ADDRESS, YP_TNET, YP_VNONE, YP_FMULTI },
	{ OPT_STATUS_SOCKET, YP_TSTR, YP_VNONE },
	{ OPT_STATE_FILE, YP_TSTR, YP_VNONE },
	{ NULL },
};

uint16_t aname_conf_rrtype(const char *text)
{
	for (size_t i = 0; i < ANAME_RRTYPES; i++) {
		if (strcasecmp(text, aname_rrtypes[i].word) == 0) {
			return aname_rrtypes[i].number;
		}
	}
	if (strncasecmp(text, "TYPE", 4) != 0 || text[4] < '0' || text[4] > '9') {
		return 0;
	}
	char *end;
	unsigned long number = strtoul(text + 4, &end, 10);
	return *end == '\0' && number >= 65280 && number <= 65534 ? number : 0;
}

static int check_numbers(knotd_conf_check_args_t *args)
{
#define X(option, name, dflt, least, most, unit, style, field) \
	{ option, least, most, "option '" name "' must be from " #least " to " #most " " unit },
	static const struct {
		const yp_name_t *option;
		int64_t least, most;
		const char *error;
	} numbers[] = { NUMBERS(X) };
#undef X
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		int64_t value = knotd_conf_check_item(args, numbers[i].option).single.integer;
		if (value < numbers[i].least || value > numbers[i].most) {
			args->err_str = numbers[i].error;
			return KNOT_ERANGE;
		}
	}
	return KNOT_EOK;
}

static int check_order(knotd_conf_check_args_t *args)
{
	if (knotd_conf_check_item(args, OPT_TTL_MIN).single.integer >
	    knotd_conf_check_item(args, OPT_TTL_MAX).single.integer) {
		args->err_str = "option 'ttl-min' must not be greater than 'ttl-max' "
		                "(1 to 604800 seconds)";
		return KNOT_ERANGE;
	}
	if (knotd_conf_check_item(args, OPT_RETRY_MIN).single.integer >
	    knotd_conf_check_item(args, OPT_RETRY_MAX).single.integer) {
		args->err_str = "option 'retry-min' must not be greater than 'retry-max' "
		                "(1 to 86400 seconds)";
		return KNOT_ERANGE;
	}
	return KNOT_EOK;
}

static int check_rrtypes(knotd_conf_check_args_t *args)
{
	knotd_conf_t conf = knotd_conf_check_item(args, OPT_RRTYPE);
	int ret = KNOT_EOK;
	if (conf.count > ANAME_RRTYPES_MAX) {
		args->err_str = "option 'rrtype' takes from 1 to 4 types";
		ret = KNOT_ERANGE;
	}
	for (size_t i = 0; i < conf.count && ret == KNOT_EOK; i++) {
		if (aname_conf_rrtype(conf.multi[i].string) == 0) {
			args->err_str = "option 'rrtype' must be ANAME, ALIAS, or a private type "
			                "from TYPE65280 to TYPE65534";
			ret = KNOT_EINVAL;
		}
	}
	knotd_conf_free(&conf);
	return ret;
}

static int check_servers(knotd_conf_check_args_t *args, const knotd_conf_t *servers)
{
	if (servers->count > ANAME_SERVERS_MAX) {
		args->err_str = "option 'resolver' takes from 1 to 8 servers";
		return KNOT_ERANGE;
	}
	for (size_t i = 0; i < servers->count; i++) {
		int family = servers->multi[i].addr.ss_family;
		if ((family != AF_INET && family != AF_INET6) ||
		    aname_conf_port(&servers->multi[i].addr) == 0) {
			args->err_str = "option 'resolver' must be IPv4 or IPv6 addresses, with "
			                "a port from 1 to 65535 if not 53";
			return KNOT_EINVAL;
		}
	}
	return KNOT_EOK;
}

static int check_via(knotd_conf_check_args_t *args, const knotd_conf_t *servers)
{
	knotd_conf_t via = knotd_conf_check_item(args, OPT_VIA);
	const char *error = NULL;
	if (via.count > 0 && servers->count == 0) {
		error = "option 'via' needs 'resolver', the system's resolver chooses its source "
		        "itself";
	}
	unsigned ipv4 = 0, ipv6 = 0;
	for (size_t i = 0; i < via.count && error == NULL; i++) {
		const struct sockaddr_storage *ss = &via.multi[i].addr;
		ipv4 += ss->ss_family == AF_INET;
		ipv6 += ss->ss_family == AF_INET6;
		if (ipv4 + ipv6 <= i || ipv4 > 1 || ipv6 > 1) {
			error = "option 'via' must be at most one IPv4 and one IPv6 address";
		} else if (aname_conf_port(ss) != 0) {
			error = "option 'via' must be addresses without a port, those of lookups "
			        "are random";
		}
	}
	int ret = KNOT_EINVAL;
	if (error == NULL) {
		ret = aname_conf_check_peers(args, servers, &via);
	} else {
		args->err_str = error;
	}
	knotd_conf_free(&via);
	return ret;
}

static int check_source(knotd_conf_check_args_t *args)
{
	knotd_conf_t servers = knotd_conf_check_item(args, OPT_RESOLVER);
	int ret = check_servers(args, &servers);
	if (ret == KNOT_EOK) {
		ret = check_via(args, &servers);
	}
	if (ret == KNOT_EOK && servers.count > 0 && !ANAME_DNS) {
		args->err_str = "option 'resolver' is not available, the module was built "
		                "without c-ares";
		ret = KNOT_ENOTSUP;
	}
	if (ret == KNOT_EOK && servers.count == 0 &&
	    knotd_conf_check_item(args, OPT_TARGET_DNSSEC).single.option != 0) {
		args->err_str = "option 'target-dnssec: secure' needs 'resolver', the system's "
		                "resolver does not tell what is authenticated";
		ret = KNOT_EINVAL;
	}
	if (ret == KNOT_EOK && servers.count == 0 &&
	    knotd_conf_check_item(args, OPT_ECS).single.boolean) {
		args->err_str = "option 'ecs: on' needs 'resolver', the system's resolver cannot "
		                "be told of clients";
		ret = KNOT_EINVAL;
	}
	knotd_conf_free(&servers);
	return ret;
}

static int check_paths(knotd_conf_check_args_t *args)
{
	int ret = aname_conf_check_path(args, OPT_STATUS_SOCKET, ANAME_STATUS_PATH_MAX - 1);
	return ret == KNOT_EOK
	               ? aname_conf_check_path(args, OPT_STATE_FILE, ANAME_STATE_PATH_MAX - 1)
	               : ret;
}

static int check_suffixes(knotd_conf_check_args_t *args)
{
	int ret = aname_conf_check_suffixes(args, OPT_ALLOW_TARGET);
	if (ret == KNOT_EOK) {
		ret = aname_conf_check_suffixes(args, OPT_DENY_TARGET);
	}
	return ret == KNOT_EOK ? aname_conf_check_suffixes(args, OPT_PREFER) : ret;
}

/*! Is the suffix of a weight that of one before it, too? (Of values that are the same knotd keeps
 *  one itself; so it does with suffixes of `prefer`.) */
static bool is_weighed_before(const knotd_conf_t *weights, size_t i, const knot_dname_t *suffix)
{
	for (size_t k = 0; k < i; k++) {
		knot_dname_storage_t other;
		uint32_t weight;
		if (aname_weight_read(weights->multi[k].string, other, &weight) &&
		    knot_dname_is_equal(other, suffix)) {
			return true;
		}
	}
	return false;
}

static int check_weights(knotd_conf_check_args_t *args)
{
	knotd_conf_t conf = knotd_conf_check_item(args, OPT_WEIGHT);
	int ret = KNOT_EOK;
	for (size_t i = 0; i < conf.count && ret == KNOT_EOK; i++) {
		const char *text = conf.multi[i].string;
		knot_dname_storage_t suffix;
		uint32_t weight;
		if (!aname_weight_read(text, suffix, &weight)) {
			ret = aname_conf_refuse(args, KNOT_EINVAL,
			                        "option 'weight' must be SUFFIX@N with N from 0 to "
			                        "1000000, and not %s",
			                        text);
		} else if (is_weighed_before(&conf, i, suffix)) {
			ret = aname_conf_refuse(args, KNOT_EINVAL,
			                        "option 'weight' names a suffix twice, the second "
			                        "time in %s",
			                        text);
		} else {
			ret = aname_conf_check_suffix(args, OPT_WEIGHT, suffix);
		}
	}
	knotd_conf_free(&conf);
	return ret;
}

/*! The name SUFFIX@N is one that no target is under. (No label is as long as '@' would say.) */
static int check_prefer(knotd_conf_check_args_t *args)
{
	knotd_conf_t conf = knotd_conf_check_item(args, OPT_PREFER);
	int ret = KNOT_EOK;
	for (size_t i = 0; i < conf.count && ret == KNOT_EOK; i++) {
		const knot_dname_t *suffix = conf.multi[i].dname;
		knot_dname_txt_storage_t text = "";
		if (memchr(suffix, '@', knot_dname_size(suffix)) != NULL) {
			(void)knot_dname_to_str(text, suffix, sizeof(text));
			ret = aname_conf_refuse(
			        args, KNOT_EINVAL,
			        "option 'prefer' must be suffixes alone, and not %s; "
			        "SUFFIX@N is for 'weight'",
			        text);
		}
	}
	knotd_conf_free(&conf);
	return ret;
}

/*! It has no default of its own: that depends on `weight`. */
static int check_answer_targets(knotd_conf_check_args_t *args)
{
	int64_t value = knotd_conf_check_item(args, OPT_EACH_TARGETS).single.integer;
	if (value != YP_NIL && (value < 0 || value > ANAME_ANSWER_TARGETS_MAX)) {
		args->err_str = "option 'answer-targets' must be from 0 to 32 targets";
		return KNOT_ERANGE;
	}
	return KNOT_EOK;
}

/*! Counts calls of aname_conf_check(), which has nowhere else to note that it was called. */
static _Atomic uint64_t checks_done;

uint64_t aname_conf_checks(void)
{
	return atomic_load(&checks_done);
}

static int check_owners(knotd_conf_check_args_t *args)
{
	if (knotd_conf_check_item(args, OPT_OWNERS).single.option != 0 &&
	    !aname_zone_lookup_exists()) {
		args->err_str =
		        "option 'owners': 'any' needs Knot DNS 3.3.5 or later, this one "
		        "shows modules no owner but the apex; leave it at 'apex', or upgrade";
		return KNOT_ENOTSUP;
	}
	return KNOT_EOK;
}

int aname_conf_check(knotd_conf_check_args_t *args)
{
	atomic_fetch_add(&checks_done, 1);
	int (*const checks[])(knotd_conf_check_args_t *) = {
		check_numbers,          check_order,  check_source,   check_rrtypes,
		check_owners,           check_prefer, check_weights,  check_answer_targets,
		aname_conf_check_probe, check_paths,  check_suffixes, aname_conf_check_ranges,
	};
	int ret = KNOT_EOK;
	for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]) && ret == KNOT_EOK; i++) {
		ret = checks[i](args);
	}
	return ret;
}
