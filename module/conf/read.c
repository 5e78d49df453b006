#include "conf/read.h"

#include <limits.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "conf/items.h"
#include "conf/knotd.h"
#include "conf/probe.h"
#include "conf/schema.h"
#include "conf/values.h"
#include "protocol.h"
#include "rrtype.h"

static void read_rrtypes(knotd_mod_t *mod, aname_options_t *options)
{
	knotd_conf_t conf = knotd_conf_mod(mod, OPT_RRTYPE);
	for (size_t i = 0; i < conf.count && i < ANAME_RRTYPES_MAX; i++) {
		options->rrtypes[i] = aname_conf_rrtype(conf.multi[i].string);
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
		server->port = aname_conf_port(&conf.multi[i].addr);
	}
	knotd_conf_free(&conf);
	if (source->servers_count > 0) {
		source->secure = knotd_conf_mod(mod, OPT_TARGET_DNSSEC).single.option;
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

static int read_weights(knotd_mod_t *mod, aname_weights_t *weights)
{
	knotd_conf_t conf = knotd_conf_mod(mod, OPT_WEIGHT);
	int ret = KNOT_EOK;
	if (conf.count > 0) {
		weights->at = calloc(conf.count, sizeof(*weights->at));
		ret = weights->at != NULL ? KNOT_EOK : KNOT_ENOMEM;
	}
	for (size_t i = 0; i < conf.count && ret == KNOT_EOK; i++) {
		knot_dname_storage_t suffix;
		aname_weight_t *weight = &weights->at[weights->count];
		if (!aname_weight_read(conf.multi[i].string, suffix, &weight->weight)) {
			continue; /* It was checked. */
		}
		weight->suffix = knot_dname_copy(suffix, NULL);
		if (weight->suffix != NULL) {
			weights->count++;
		} else {
			ret = KNOT_ENOMEM;
		}
	}
	knotd_conf_free(&conf);
	return ret;
}

/*! With weights a client gets one target, unless it is said how many. */
static uint16_t read_answer_targets(knotd_mod_t *mod, const aname_options_t *options)
{
	int64_t value = knotd_conf_mod(mod, OPT_EACH_TARGETS).single.integer;
	return value >= 0 && value <= ANAME_ANSWER_TARGETS_MAX ? value : options->weights.count > 0;
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
		nets->at = calloc(ANAME_NETS_OF_ONE * conf.count, sizeof(*nets->at));
		ret = nets->at != NULL ? KNOT_EOK : KNOT_ENOMEM;
	}
	for (size_t i = 0; i < conf.count && ret == KNOT_EOK; i++) {
		const aname_net_t net = net_of(&conf.multi[i]);
		aname_nets_add(nets, &net);
	}
	knotd_conf_free(&conf);
	return ret;
}

/*! The value of an option that is a path, or NULL if the section does not have it. */
static const char *chosen_path(knotd_mod_t *mod, const yp_name_t *option, bool section)
{
	knotd_conf_t conf = { 0 };
	if (section) {
		conf = knotd_conf_mod(mod, option);
	}
	return conf.count > 0 ? conf.single.string : NULL;
}

/*! The path, from the directory on unless it is absolute; empty for `off`; NULL: out of memory. */
static char *absolute(const char *path, const char *off, const char *directory)
{
	char *whole = NULL;
	if (strcasecmp(path, off) == 0) {
		return strdup("");
	}
	if (path[0] == '/') {
		return strdup(path);
	}
	return asprintf(&whole, "%s/%s", directory, path) >= 0 ? whole : NULL;
}

static int read_status(knotd_mod_t *mod, aname_options_t *options, bool section)
{
	const char *path = chosen_path(mod, OPT_STATUS_SOCKET, section);
	options->status_chosen = path != NULL;
	options->status_socket = absolute(path != NULL ? path : ANAME_STATUS_SOCKET,
	                                  ANAME_STATUS_OFF, aname_conf_rundir(mod));
	return options->status_socket != NULL ? KNOT_EOK : KNOT_ENOMEM;
}

static int read_state(knotd_mod_t *mod, aname_options_t *options, bool section)
{
	char storage[ANAME_DIRECTORIES_SIZE];
	aname_conf_storage(mod, storage, sizeof(storage));
	const char *path = chosen_path(mod, OPT_STATE_FILE, section);
	options->state_chosen = path != NULL;
	options->state_file =
	        absolute(path != NULL ? path : ANAME_STATE_FILE, ANAME_STATE_OFF, storage);
	if (options->state_file == NULL) {
		return KNOT_ENOMEM;
	}
	if (strlen(options->state_file) >= PATH_MAX) {
		knotd_mod_log(mod, LOG_ERR,
		              "option 'state-file': with 'storage' before it the path is too "
		              "long, so there is none; set an absolute one");
		options->state_file[0] = '\0';
	}
	return KNOT_EOK;
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
	options->all_down = knotd_conf_mod(mod, OPT_ALL_DOWN).single.option;
	options->any_owner = knotd_conf_mod(mod, OPT_OWNERS).single.option != 0;
	options->https_alias = knotd_conf_mod(mod, OPT_HTTPS).single.option != 0;
}

/*! Reads the whole section. */
static int read_section(knotd_mod_t *mod, aname_options_t *options)
{
	read_values(mod, options);
	read_rrtypes(mod, options);
	read_source(mod, options);
	aname_conf_read_probe(mod, &options->probe);
	int ret = read_names(mod, OPT_ALLOW_TARGET, &options->allow_target);
	if (ret == KNOT_EOK) {
		ret = read_names(mod, OPT_DENY_TARGET, &options->deny_target);
	}
	if (ret == KNOT_EOK) {
		ret = read_nets(mod, &options->deny_address);
	}
	aname_names_settle(&options->allow_target);
	aname_names_settle(&options->deny_target);
	aname_nets_settle(&options->deny_address);
	if (ret == KNOT_EOK) {
		ret = read_names(mod, OPT_PREFER, &options->prefer);
	}
	if (ret == KNOT_EOK) {
		ret = read_weights(mod, &options->weights);
	}
	options->answer_targets = read_answer_targets(mod, options);
	return ret;
}

/*! Zeroes options without effect, so that options that do the same compare equal. */
static void zero_ineffective(aname_options_t *options)
{
	if (!options->ecs) {
		options->schedule.ecs_prefix_ipv4 = options->schedule.ecs_prefix_ipv6 = 0;
	}
	if (options->source.servers_count == 0) {
		options->schedule.retries = options->schedule.max_aliases = 0;
	}
	if (options->probe.kind == ANAME_PROBE_OFF) {
		options->probe = (aname_probe_t){ 0 };
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
		for (size_t i = 0; i < ANAME_RRTYPES; i++) {
			options->rrtypes[options->rrtypes_count++] = aname_rrtypes[i].number;
		}
	}
	zero_ineffective(options);
	options->rotate = aname_conf_rotation(mod);
	if (ret == KNOT_EOK) {
		ret = read_status(mod, options, section);
	}
	if (ret == KNOT_EOK) {
		ret = read_state(mod, options, section);
	}
	if (ret != KNOT_EOK) {
		aname_options_free(options);
		return ret;
	}
	*out = options;
	return KNOT_EOK;
}
