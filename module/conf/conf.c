#include "conf/conf.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <libknot/lookup.h>

#include "service/status.h"
#include "table/clock.h"

/* Option names as knotd wants them: length, then text. */
/* clang-format off */
#define OPT_RRTYPE        "\x06""rrtype"
#define OPT_TTL_MIN       "\x07""ttl-min"
#define OPT_TTL_MAX       "\x07""ttl-max"
#define OPT_MAX_ADDRESSES "\x0D""max-addresses"
#define OPT_ANSWER_ANAME  "\x0C""answer-aname"
#define OPT_COLD          "\x04""cold"
#define OPT_WAIT          "\x04""wait"
#define OPT_IDLE          "\x04""idle"
#define OPT_STALE_MAX     "\x09""stale-max"
#define OPT_NEGATIVE    "\x0E""negative-delay"
#define OPT_RETRY_MIN     "\x09""retry-min"
#define OPT_RETRY_MAX     "\x09""retry-max"
#define OPT_TIMEOUT       "\x07""timeout"
#define OPT_THREADS       "\x07""threads"
#define OPT_MAX_TARGETS   "\x0B""max-targets"
#define OPT_MAX_LOOKUPS   "\x0B""max-lookups"
#define OPT_LOOKUP_RATE   "\x0B""lookup-rate"
#define OPT_ALLOW_TARGET  "\x0C""allow-target"
#define OPT_DENY_TARGET   "\x0B""deny-target"
#define OPT_DENY_ADDRESS  "\x0C""deny-address"
#define OPT_RESOLVER      "\x08""resolver"
#define OPT_RETRIES       "\x07""retries"
#define OPT_MAX_ALIASES   "\x0B""max-aliases"
#define OPT_VIA           "\x03""via"
#define OPT_TARGET_DNSSEC "\x0D""target-dnssec"
#define OPT_ECS           "\x03""ecs"
#define OPT_ECS_IPV4      "\x0F""ecs-ipv4-prefix"
#define OPT_ECS_IPV6      "\x0F""ecs-ipv6-prefix"
#define OPT_MAX_SUBNETS   "\x0B""max-subnets"
#define OPT_EACH_SUBNETS  "\x12""max-target-subnets"
#define OPT_STATUS_SOCKET "\x0D""status-socket"
#define SECTION_SERVER    "\x06""server"
#define ITEM_RUNDIR       "\x06""rundir"
#define ITEM_ROTATION     "\x0F""answer-rotation"
#define ITEM_MODULE       "\x06""module"
#define OPT_DNSSEC        "\x06""dnssec"

/* Items of knotd's own. */
#define KNOT_DATABASE     "\x08""database"
#define KNOT_STORAGE      "\x07""storage"
#define KNOT_KASP_DB      "\x07""kasp-db"
#define KNOT_DNSSEC_POLICY "\x0D""dnssec-policy"
#define KNOT_POLICY       "\x06""policy"
#define KNOT_KEYSTORE     "\x08""keystore"
#define KNOT_BACKEND      "\x07""backend"
#define KNOT_CONFIG       "\x06""config"
/* clang-format on */

#define DNS_PORT 53

/*! The status socket, in knotd's rundir unless told otherwise, and the word for none. */
#define STATUS_SOCKET "mod-aname.sock"
#define STATUS_NONE   "off"

/*!
 * The numbers: option, default, least, most, unit for messages, yparser unit.
 * The schema accepts any number, because yparser's own complaint names no range.
 */
#define NUMBERS(X)                                                                                 \
	X(OPT_TTL_MIN, "ttl-min", 1, 1, 86400, "seconds", YP_STIME, schedule.ttl_min)              \
	X(OPT_TTL_MAX, "ttl-max", 86400, 1, 604800, "seconds", YP_STIME, schedule.ttl_max)         \
	X(OPT_IDLE, "idle", 3600, 1, 2592000, "seconds", YP_STIME, schedule.idle)                  \
	X(OPT_STALE_MAX, "stale-max", 86400, 0, 2592000, "seconds", YP_STIME, schedule.stale_max)  \
	X(OPT_NEGATIVE, "negative-delay", 0, 0, 604800, "seconds", YP_STIME, negative_delay)       \
	X(OPT_RETRY_MIN, "retry-min", 1, 1, 3600, "seconds", YP_STIME, schedule.retry_min)         \
	X(OPT_RETRY_MAX, "retry-max", 60, 1, 86400, "seconds", YP_STIME, schedule.retry_max)       \
	X(OPT_TIMEOUT, "timeout", 5000, 100, 60000, "milliseconds", YP_SNONE, schedule.timeout_ms) \
	X(OPT_RETRIES, "retries", 1, 0, 10, "rounds", YP_SNONE, source.retries)                    \
	X(OPT_MAX_ALIASES, "max-aliases", 16, 1, 64, "aliases", YP_SNONE, source.max_aliases)      \
	X(OPT_WAIT, "wait", 500, 0, 5000, "milliseconds", YP_SNONE, wait_ms)                       \
	X(OPT_MAX_ADDRESSES, "max-addresses", 32, 1, 256, "addresses", YP_SNONE, max_addresses)    \
	X(OPT_THREADS, "threads", 64, 1, 1024, "threads", YP_SNONE, limits.threads)                \
	X(OPT_MAX_TARGETS, "max-targets", 200000, 1, 10000000, "targets", YP_SNONE,                \
	  limits.max_targets)                                                                      \
	X(OPT_MAX_LOOKUPS, "max-lookups", 1000, 1, 10000, "lookups", YP_SNONE, limits.max_lookups) \
	X(OPT_LOOKUP_RATE, "lookup-rate", 20000, 1, 1000000, "lookups a second", YP_SNONE,         \
	  limits.lookup_rate)                                                                      \
	X(OPT_ECS_IPV4, "ecs-ipv4-prefix", 24, 1, 32, "bits", YP_SNONE, schedule.ecs_prefix_ipv4)  \
	X(OPT_ECS_IPV6, "ecs-ipv6-prefix", 56, 1, 64, "bits", YP_SNONE, schedule.ecs_prefix_ipv6)  \
	X(OPT_MAX_SUBNETS, "max-subnets", 10000, 1, 1000000, "subnets", YP_SNONE,                  \
	  limits.max_subnets)                                                                      \
	X(OPT_EACH_SUBNETS, "max-target-subnets", 256, 1, 4096, "subnets", YP_SNONE,               \
	  limits.max_target_subnets)

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
	{ OPT_RESOLVER, YP_TADDR, YP_VADDR = { DNS_PORT }, YP_FMULTI },
	{ OPT_VIA, YP_TADDR, YP_VNONE, YP_FMULTI },
	{ OPT_TARGET_DNSSEC, YP_TOPT, YP_VOPT = { dnssec_modes, 0 } },
	{ OPT_ECS, YP_TBOOL, YP_VNONE },
	{ OPT_DNSSEC, YP_TOPT, YP_VOPT = { signing_modes, 0 } },
	{ OPT_ANSWER_ANAME, YP_TBOOL, YP_VNONE },
	{ OPT_COLD, YP_TOPT, YP_VOPT = { cold_modes, ANAME_COLD_TRUNCATE } },
	{ OPT_ALLOW_TARGET, YP_TDNAME, YP_VNONE, YP_FMULTI },
	{ OPT_DENY_TARGET, YP_TDNAME, YP_VNONE, YP_FMULTI },
	{ OPT_DENY_ADDRESS, YP_TNET, YP_VNONE, YP_FMULTI },
	{ OPT_STATUS_SOCKET, YP_TSTR, YP_VNONE },
	{ NULL },
};

/*! Reads ANAME, ALIAS or TYPEn; zero if it is none of them, or not a private type. */
static uint16_t parse_rrtype(const char *text)
{
	if (strcasecmp(text, "ANAME") == 0) {
		return ANAME_RRTYPE_ANAME;
	}
	if (strcasecmp(text, "ALIAS") == 0) {
		return ANAME_RRTYPE_ALIAS;
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
		if (parse_rrtype(conf.multi[i].string) == 0) {
			args->err_str = "option 'rrtype' must be ANAME, ALIAS, or a private type "
			                "from TYPE65280 to TYPE65534";
			ret = KNOT_EINVAL;
		}
	}
	knotd_conf_free(&conf);
	return ret;
}

static uint16_t port_of(const struct sockaddr_storage *ss)
{
	uint16_t port = ss->ss_family == AF_INET ? ((const struct sockaddr_in *)ss)->sin_port
	                                         : ((const struct sockaddr_in6 *)ss)->sin6_port;
	return ntohs(port);
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
		    port_of(&servers->multi[i].addr) == 0) {
			args->err_str = "option 'resolver' must be IPv4 or IPv6 addresses, with "
			                "a port from 1 to 65535 if not 53";
			return KNOT_EINVAL;
		}
	}
	return KNOT_EOK;
}

static int check_via(knotd_conf_check_args_t *args, bool resolver)
{
	knotd_conf_t via = knotd_conf_check_item(args, OPT_VIA);
	const char *error = NULL;
	if (via.count > 0 && !resolver) {
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
		} else if (port_of(ss) != 0) {
			error = "option 'via' must be addresses without a port, those of lookups "
			        "are random";
		}
	}
	knotd_conf_free(&via);
	args->err_str = error != NULL ? error : args->err_str;
	return error != NULL ? KNOT_EINVAL : KNOT_EOK;
}

static int check_source(knotd_conf_check_args_t *args)
{
	knotd_conf_t servers = knotd_conf_check_item(args, OPT_RESOLVER);
	int ret = check_servers(args, &servers);
	if (ret == KNOT_EOK) {
		ret = check_via(args, servers.count > 0);
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

static int check_status(knotd_conf_check_args_t *args)
{
	knotd_conf_t conf = knotd_conf_check_item(args, OPT_STATUS_SOCKET);
	const char *path = conf.count > 0 ? conf.single.string : NULL;
	if (path != NULL && (path[0] == '\0' || strlen(path) >= ANAME_STATUS_PATH_MAX)) {
		args->err_str = "option 'status-socket' must be 'off' or a path of 1 to 107 octets";
		return KNOT_EINVAL;
	}
	return KNOT_EOK;
}

/*! Counts calls of aname_conf_check(), which has nowhere else to tell that it was called. */
static _Atomic uint64_t checks_done;

int aname_conf_check(knotd_conf_check_args_t *args)
{
	atomic_fetch_add(&checks_done, 1);
	int (*const checks[])(knotd_conf_check_args_t *) = {
		check_numbers, check_order, check_source, check_rrtypes, check_status,
	};
	int ret = KNOT_EOK;
	for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]) && ret == KNOT_EOK; i++) {
		ret = checks[i](args);
	}
	return ret;
}

static void read_rrtypes(knotd_mod_t *mod, aname_options_t *options)
{
	knotd_conf_t conf = knotd_conf_mod(mod, OPT_RRTYPE);
	for (size_t i = 0; i < conf.count && i < ANAME_RRTYPES_MAX; i++) {
		options->rrtypes[i] = parse_rrtype(conf.multi[i].string);
	}
	options->rrtypes_count = conf.count < ANAME_RRTYPES_MAX ? conf.count : ANAME_RRTYPES_MAX;
	knotd_conf_free(&conf);
}

/*! The address in network order, and its length: 4, 16 or 0. */
static uint8_t raw_address(const struct sockaddr_storage *ss, uint8_t *raw)
{
	if (ss->ss_family == AF_INET) {
		memcpy(raw, &((const struct sockaddr_in *)ss)->sin_addr, 4);
		return 4;
	}
	if (ss->ss_family == AF_INET6) {
		memcpy(raw, &((const struct sockaddr_in6 *)ss)->sin6_addr, 16);
		return 16;
	}
	return 0;
}

static void read_via(knotd_mod_t *mod, aname_source_t *source)
{
	knotd_conf_t conf = knotd_conf_mod(mod, OPT_VIA);
	for (size_t i = 0; i < conf.count; i++) {
		const struct sockaddr_storage *ss = &conf.multi[i].addr;
		(void)raw_address(ss,
		                  ss->ss_family == AF_INET ? source->via_ipv4 : source->via_ipv6);
	}
	knotd_conf_free(&conf);
}

static void read_source(knotd_mod_t *mod, aname_options_t *options)
{
	aname_source_t *source = &options->source;
	knotd_conf_t conf = knotd_conf_mod(mod, OPT_RESOLVER);
	for (size_t i = 0; i < conf.count && i < ANAME_SERVERS_MAX; i++) {
		aname_server_t *server = &source->servers[source->servers_count++];
		server->len = raw_address(&conf.multi[i].addr, server->address);
		server->port = port_of(&conf.multi[i].addr);
	}
	knotd_conf_free(&conf);
	if (source->servers_count > 0) {
		source->secure = knotd_conf_mod(mod, OPT_TARGET_DNSSEC).single.option;
		source->timeout_ms = options->schedule.timeout_ms;
		read_via(mod, source);
	}
}

static int read_names(knotd_mod_t *mod, const yp_name_t *option, aname_names_t *names)
{
	knotd_conf_t conf = knotd_conf_mod(mod, option);
	int ret = KNOT_EOK;
	if (conf.count > 0) {
		names->at = calloc(conf.count, sizeof(*names->at));
		ret = names->at != NULL ? KNOT_EOK : KNOT_ENOMEM;
	}
	for (size_t i = 0; i < conf.count && ret == KNOT_EOK; i++) {
		knot_dname_t *name = knot_dname_copy(conf.multi[i].dname, NULL);
		if (name == NULL) {
			ret = KNOT_ENOMEM;
			break;
		}
		knot_dname_to_lower(name);
		names->at[names->count++] = name;
	}
	knotd_conf_free(&conf);
	return ret;
}

static aname_net_t net_of(const knotd_conf_val_t *val)
{
	aname_net_t net = { 0 };
	net.len = raw_address(&val->addr, net.low);
	memcpy(net.high, net.low, net.len);
	if (val->addr_max.ss_family != AF_UNSPEC) {
		(void)raw_address(&val->addr_max, net.high);
		return net;
	}
	int bits = val->addr_mask < 0 ? net.len * 8 : val->addr_mask;
	for (int bit = bits; bit < net.len * 8; bit++) {
		net.low[bit / 8] &= ~(0x80 >> (bit % 8));
		net.high[bit / 8] |= 0x80 >> (bit % 8);
	}
	return net;
}

static int read_nets(knotd_mod_t *mod, aname_nets_t *nets)
{
	knotd_conf_t conf = knotd_conf_mod(mod, OPT_DENY_ADDRESS);
	int ret = KNOT_EOK;
	if (conf.count > 0) {
		nets->at = calloc(conf.count, sizeof(*nets->at));
		ret = nets->at != NULL ? KNOT_EOK : KNOT_ENOMEM;
	}
	for (size_t i = 0; i < conf.count && ret == KNOT_EOK; i++) {
		nets->at[nets->count++] = net_of(&conf.multi[i]);
	}
	knotd_conf_free(&conf);
	return ret;
}

static int read_status(knotd_mod_t *mod, aname_options_t *options, bool section)
{
	const char *path = NULL;
	if (section) {
		knotd_conf_t conf = knotd_conf_mod(mod, OPT_STATUS_SOCKET);
		path = conf.count > 0 ? conf.single.string : NULL;
	}
	options->status_chosen = path != NULL;
	path = path != NULL ? path : STATUS_SOCKET;
	if (strcmp(path, STATUS_NONE) == 0) {
		options->status_socket = strdup("");
	} else if (path[0] == '/') {
		options->status_socket = strdup(path);
	} else {
		const char *rundir =
		        knotd_conf(mod, SECTION_SERVER, ITEM_RUNDIR, NULL).single.string;
		if (asprintf(&options->status_socket, "%s/%s", rundir, path) < 0) {
			options->status_socket = NULL;
		}
	}
	return options->status_socket != NULL ? KNOT_EOK : KNOT_ENOMEM;
}

/*! What is not 0, off or empty without a section. */
static void set_defaults(aname_options_t *options)
{
#define X(option, name, dflt, least, most, unit, style, field) options->field = dflt;
	NUMBERS(X)
#undef X
	options->cold = ANAME_COLD_TRUNCATE;
}

/*! Reads what is a plain value. */
static void read_values(knotd_mod_t *mod, aname_options_t *options)
{
#define X(option, name, dflt, least, most, unit, style, field) \
	options->field = knotd_conf_mod(mod, option).single.integer;
	NUMBERS(X)
#undef X
	options->answer_aname = knotd_conf_mod(mod, OPT_ANSWER_ANAME).single.boolean;
	options->ecs = knotd_conf_mod(mod, OPT_ECS).single.boolean;
	options->dnssec_off = knotd_conf_mod(mod, OPT_DNSSEC).single.option != 0;
	options->cold = knotd_conf_mod(mod, OPT_COLD).single.option;
}

/*! Reads the whole section. */
static int read_section(knotd_mod_t *mod, aname_options_t *options)
{
	read_values(mod, options);
	read_rrtypes(mod, options);
	read_source(mod, options);
	int ret = read_names(mod, OPT_ALLOW_TARGET, &options->allow_target);
	if (ret == KNOT_EOK) {
		ret = read_names(mod, OPT_DENY_TARGET, &options->deny_target);
	}
	if (ret == KNOT_EOK) {
		ret = read_nets(mod, &options->deny_address);
	}
	return ret;
}

/*! What does not count must not keep targets apart. */
static void level(aname_options_t *options)
{
	if (!options->ecs) {
		options->schedule.ecs_prefix_ipv4 = options->schedule.ecs_prefix_ipv6 = 0;
	}
	if (options->source.servers_count == 0) {
		options->source.retries = options->source.max_aliases = 0;
	}
}

int aname_conf_read(knotd_mod_t *mod, const aname_origin_t *origin, aname_options_t **out)
{
	aname_options_t *options = calloc(1, sizeof(*options));
	if (options == NULL) {
		return KNOT_ENOMEM;
	}
	options->origin = *origin;
	set_defaults(options);
	bool section = !origin->known || origin->id_len > 0;
	int ret = section ? read_section(mod, options) : KNOT_EOK;
	if (options->rrtypes_count == 0) {
		options->rrtypes[0] = ANAME_RRTYPE_ANAME;
		options->rrtypes[1] = ANAME_RRTYPE_ALIAS;
		options->rrtypes_count = 2;
	}
	level(options);
	options->rotate = knotd_conf(mod, SECTION_SERVER, ITEM_ROTATION, NULL).single.boolean;
	if (ret == KNOT_EOK) {
		ret = read_status(mod, options, section);
	}
	if (ret != KNOT_EOK) {
		aname_options_free(options);
		return ret;
	}
	*out = options;
	return KNOT_EOK;
}

/*! Is this module reference (a counted name, then an identifier) one to `name`? */
static bool refers_to(const knotd_conf_val_t *reference, const char *name)
{
	size_t len = strlen(name);
	return reference->data_len > len && reference->data[0] == len &&
	       memcmp(reference->data + 1, name, len) == 0;
}

/*! Takes the section that a reference names. knotd sees to it that it is there. */
static void take_section(const knotd_conf_val_t *reference, aname_origin_t *origin)
{
	size_t at = 1 + (size_t)reference->data[0];
	size_t len = reference->data_len - at;
	origin->known = len <= sizeof(origin->id);
	if (origin->known) {
		origin->id_len = len;
		memcpy(origin->id, reference->data + at, len);
	}
}

void aname_conf_place(knotd_mod_t *mod, aname_origin_t *origin, aname_onlinesign_t *onlinesign)
{
	*onlinesign = ANAME_ONLINESIGN_NONE;
	*origin = (aname_origin_t){ .checks = atomic_load(&checks_done),
		                    .at_ms = aname_clock_coarse_ms(),
		                    .reader = pthread_self() };
	const knot_dname_t *zone = knotd_mod_zone(mod);
	if (zone == NULL) {
		return;
	}
	knotd_conf_t list = knotd_conf_zone(mod, ITEM_MODULE, zone);
	unsigned seen = 0;
	for (size_t i = 0; i < list.count; i++) {
		if (refers_to(&list.multi[i], "mod-aname")) {
			seen++;
			take_section(&list.multi[i], origin);
		} else if (refers_to(&list.multi[i], "mod-onlinesign") &&
		           *onlinesign == ANAME_ONLINESIGN_NONE) {
			*onlinesign = seen > 0 ? ANAME_ONLINESIGN_AFTER : ANAME_ONLINESIGN_BEFORE;
		}
	}
	knotd_conf_free(&list);
	/* If it stands there twice, which of the two this is cannot be told. */
	origin->known = origin->known && seen == 1;
}

bool aname_conf_client_subnet(knotd_mod_t *mod)
{
	return knotd_conf(mod,
	                  "\x06"
	                  "server",
	                  "\x12"
	                  "edns-client-subnet",
	                  NULL)
	        .single.boolean;
}

/*! A directory on its own line behind others; `base` is put before what is not absolute. */
static void add_directory(char *list, size_t size, const char *base, const char *path)
{
	size_t len = strlen(list);
	if (path == NULL) {
		path = "";
	}
	(void)snprintf(list + len, size - len, "%s%s%s%s", len > 0 ? "\n" : "",
	               path[0] == '/' ? "" : base, path[0] == '/' ? "" : "/", path);
}

/*! The key store (or, from Knot 3.5 on, stores) of the zone's policy. */
static knotd_conf_t keystores_of(knotd_mod_t *mod, const knot_dname_t *zone)
{
	/* Without a policy there is no identifier, and then Knot's defaults are found. */
	knotd_conf_t policy = knotd_conf_zone(mod, KNOT_DNSSEC_POLICY, zone);
	return knotd_conf(mod, KNOT_POLICY, KNOT_KEYSTORE, policy.count > 0 ? &policy : NULL);
}

/*! Adds one key store's directory; false if its keys are not in files. */
static bool add_keystore(knotd_mod_t *mod, const knotd_conf_t *id, const char *base, char *list,
                         size_t size)
{
	enum { BACKEND_PEM = 1 };
	if (knotd_conf(mod, KNOT_KEYSTORE, KNOT_BACKEND, id).single.option != BACKEND_PEM) {
		return false;
	}
	const char *config = knotd_conf(mod, KNOT_KEYSTORE, KNOT_CONFIG, id).single.string;
	add_directory(list, size, base, config);
	return true;
}

bool aname_conf_key_directories(knotd_mod_t *mod, char *list, size_t size)
{
	char storage[ANAME_DIRECTORIES_SIZE] = "";
	char base[ANAME_DIRECTORIES_SIZE] = "";
	list[0] = '\0';
	const knot_dname_t *zone = knotd_mod_zone(mod);
	if (zone == NULL) {
		return false;
	}
	add_directory(storage, sizeof(storage), ".",
	              knotd_conf(mod, KNOT_DATABASE, KNOT_STORAGE, NULL).single.string);
	add_directory(base, sizeof(base), storage,
	              knotd_conf(mod, KNOT_DATABASE, KNOT_KASP_DB, NULL).single.string);

	knotd_conf_t ids = keystores_of(mod, zone);
	bool multi = ids.multi != NULL;
	size_t count = multi ? ids.count : 1;
	bool any = false;
	for (size_t i = 0; i < count; i++) {
		const knotd_conf_t id = { .single = multi ? ids.multi[i] : ids.single };
		any |= add_keystore(mod, id.single.data != NULL ? &id : NULL, base, list, size);
	}
	if (multi) {
		knotd_conf_free(&ids);
	}
	return any;
}
