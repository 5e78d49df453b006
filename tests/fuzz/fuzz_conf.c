/*!
 * Any octets as a section of knot.conf. What is refused is refused with a reason that names the option
 * (L3); what is accepted makes options that are within their ranges, twice the same, and mean what the
 * values mean that were written.
 *
 * Files: module/conf/options.c module/conf/probe.c module/conf/read.c
 * Files: module/conf/schema.c module/conf/values.c
 */

#include "fuzz.h"

#include <arpa/inet.h>
#include <libknot/errcode.h>

#include "conf/items.h"
#include "conf/options.h"
#include "conf/read.h"
#include "conf/schema.h"
#include "section.h"

#define TEXT_MAX 4000

/*! Its name stands in quotes. */
static void check_reason(const char *why)
{
	require(why != NULL && why[0] != '\0' && strpbrk(why, "\n\t") == NULL);
	const char *name = strstr(why, "option '");
	require(name != NULL);
	bool is = false;
	size_t len = strcspn(name + 8, "':");
	for (const yp_item_t *item = aname_conf; item->name != NULL; item++) {
		is |= (size_t)item->name[0] == len && memcmp(item->name + 1, name + 8, len) == 0;
	}
	require(is);
}

static void check_ranges(const aname_options_t *options)
{
	/* What is without effect is zero. */
	bool dns = options->source.servers_count > 0, ecs = options->ecs;
	bool probes = options->probe.kind != ANAME_PROBE_OFF;
#define X(option, name, dflt, least, most, unit, style, field)                                     \
	{                                                                                          \
		bool probe = strncmp(name, "probe-", 6) == 0;                                      \
		bool off = (probe && !probes) || (strncmp(name, "ecs-", 4) == 0 && !ecs);          \
		off |= !dns && (strcmp(name, "retries") == 0 || strcmp(name, "max-aliases") == 0); \
		int64_t value = options->field;                                                    \
		value /= strcmp(name, "probe-interval") == 0 ? 1000 : 1;                           \
		require(off ? value == 0 : value >= (least) && value <= (most));                   \
	}
	NUMBERS(X)
#undef X
	require(options->schedule.ttl_min <= options->schedule.ttl_max);
	require(options->schedule.retry_min <= options->schedule.retry_max);
	require(options->answer_targets <= ANAME_ANSWER_TARGETS_MAX);
	require(options->rrtypes_count >= 1 && options->rrtypes_count <= ANAME_RRTYPES_MAX);
	for (unsigned i = 0; i < options->rrtypes_count; i++) {
		require(options->rrtypes[i] >= 65280 && options->rrtypes[i] <= 65534);
	}
	require(dns || (!options->source.secure && !options->ecs));
	require(options->source.servers_count <= ANAME_SERVERS_MAX);
	for (unsigned i = 0; i < options->source.servers_count; i++) {
		const aname_server_t *server = &options->source.servers[i];
		require((server->len == 4 || server->len == 16) && server->port > 0);
	}
	require(dns || (!aname_source_has_via(&options->source, false) &&
	                !aname_source_has_via(&options->source, true)));
	require(options->status_socket[0] == '\0' || options->status_socket[0] == '/');
	require(options->state_file[0] == '\0' || options->state_file[0] == '/');
}

static void check_probe(const aname_probe_t *probe)
{
	if (probe->kind == ANAME_PROBE_OFF) {
		return;
	}
	bool http = probe->kind == ANAME_PROBE_HTTP || probe->kind == ANAME_PROBE_HTTPS;
	require(probe->kind <= ANAME_PROBE_HTTPS && probe->port > 0);
	require(probe->timeout_ms <= probe->interval_ms);
	require(memchr(probe->host, '\0', sizeof(probe->host)) != NULL);
	require(probe->host[0] == '\0' || aname_probe_is_host(probe->host));
	require(strpbrk(probe->host, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == NULL);
	require(memchr(probe->path, '\0', sizeof(probe->path)) != NULL);
	require(http ? aname_probe_is_path(probe->path) : probe->path[0] == '\0');
	require(http == (probe->statuses_count > 0) &&
	        probe->statuses_count <= ANAME_PROBE_STATUSES_MAX);
	for (unsigned i = 0; i < probe->statuses_count; i++) {
		require(probe->statuses[i].low >= 100 && probe->statuses[i].high <= 599 &&
		        probe->statuses[i].low <= probe->statuses[i].high);
	}
}

/* Names. */

/*! Is a name at or under one of the values? By its text, without regard to case. */
static bool is_under_any(const knotd_conf_t *values, const knot_dname_t *name)
{
	for (size_t i = 0; i < values->count; i++) {
		const knot_dname_t *suffix = values->multi[i].dname;
		size_t len = knot_dname_size(suffix);
		for (const uint8_t *at = name;; at += *at + 1) {
			if (knot_dname_size(at) == len && knot_dname_is_case_equal(at, suffix)) {
				return true;
			}
			if (*at == 0) {
				break;
			}
		}
	}
	return false;
}

/*! Tries names at, above and below each of the values, and beside it. */
static void check_names(const section_t *section, const yp_name_t *option,
                        const aname_names_t *names)
{
	knotd_conf_t values = section_values(section, option);
	require(names->count <= values.count && (names->count == 0) == (values.count == 0));
	for (size_t i = 0; i < values.count; i++) {
		uint8_t text[2 + KNOT_DNAME_MAXLEN] = "\1w";
		size_t len = knot_dname_size(values.multi[i].dname);
		memcpy(text + 2, values.multi[i].dname, len);
		knot_dname_to_lower(text + 2);
		for (uint8_t *at = len + 2 <= KNOT_DNAME_MAXLEN ? text : text + 2;; at += *at + 1) {
			require(aname_names_match(names, at) == is_under_any(&values, at));
			if (*at == 0) {
				break;
			}
			at[*at] ^= 1;
			require(aname_names_match(names, at) == is_under_any(&values, at) ||
			        (at[*at] >= 'A' && at[*at] <= 'Z'));
			at[*at] ^= 1;
		}
	}
	for (size_t i = 1; i < names->count; i++) {
		require(knot_dname_cmp(names->at[i - 1], names->at[i]) < 0);
		require(knot_dname_in_bailiwick(names->at[i], names->at[i - 1]) < 0);
	}
	knotd_conf_free(&values);
}

static void check_weights(const aname_options_t *options)
{
	for (size_t i = 0; i < options->weights.count; i++) {
		require(options->weights.at[i].weight <= ANAME_WEIGHT_MAX);
		for (size_t k = 0; k < i; k++) {
			require(!knot_dname_is_equal(options->weights.at[i].suffix,
			                             options->weights.at[k].suffix));
		}
	}
}

/* Networks. */

static const uint8_t *raw(const struct sockaddr_storage *ss, uint16_t *len)
{
	*len = ss->ss_family == AF_INET6 ? 16 : 4;
	return *len == 16 ? (const uint8_t *)&((const struct sockaddr_in6 *)ss)->sin6_addr
	                  : (const uint8_t *)&((const struct sockaddr_in *)ss)->sin_addr;
}

static bool is_in(const knotd_conf_val_t *range, const uint8_t *address, uint16_t len)
{
	uint16_t range_len;
	const uint8_t *low = raw(&range->addr, &range_len);
	if (range_len != len) {
		return false;
	}
	if (range->addr_max.ss_family != AF_UNSPEC) {
		return memcmp(low, address, len) <= 0 &&
		       memcmp(address, raw(&range->addr_max, &range_len), len) <= 0;
	}
	int bits = range->addr_mask < 0 ? 8 * len : range->addr_mask;
	for (int i = 0; i < bits; i++) {
		if ((low[i / 8] ^ address[i / 8]) >> (7 - i % 8) & 1) {
			return false;
		}
	}
	return true;
}

/*! The IPv4 address to which one of IPv6 leads; NULL if it leads to none. */
static const uint8_t *ipv4_of(const uint8_t *address, uint16_t len)
{
	struct in6_addr mapped, nat64;
	require(inet_pton(AF_INET6, "::ffff:0:0", &mapped) == 1);
	require(inet_pton(AF_INET6, "64:ff9b::", &nat64) == 1);
	bool is = len == 16 &&
	          (memcmp(address, &mapped, 12) == 0 || memcmp(address, &nat64, 12) == 0);
	return is ? address + 12 : NULL;
}

static void check_address(const knotd_conf_t *values, const aname_nets_t *nets,
                          const uint8_t *address, uint16_t len)
{
	bool is = false;
	for (size_t i = 0; i < values->count; i++) {
		const uint8_t *ipv4 = ipv4_of(address, len);
		is |= is_in(&values->multi[i], address, len) ||
		      (ipv4 != NULL && is_in(&values->multi[i], ipv4, 4));
	}
	require(aname_nets_match(nets, address, len) == is);
}

/*! Adds to an address, or takes away. */
static void move(uint8_t *address, uint16_t len, int by)
{
	for (int i = len - 1; i >= 0; i--) {
		address[i] += by;
		if (address[i] != (by > 0 ? 0 : 255)) {
			break;
		}
	}
}

/*! Tries the addresses at both ends of each value, and beside them. */
static void check_nets(const section_t *section, const aname_nets_t *nets)
{
	knotd_conf_t values = section_values(section, (const yp_name_t *)OPT_DENY_ADDRESS);
	for (size_t i = 0; i < nets->count; i++) {
		const aname_net_t *net = &nets->at[i];
		require(net->len == 4 || net->len == 16);
		require(memcmp(net->low, net->high, net->len) <= 0);
		require((i < nets->ipv4) == (net->len == 4));
		require(i == 0 || nets->at[i - 1].len != net->len ||
		        memcmp(nets->at[i - 1].high, net->low, net->len) < 0);
		const uint8_t *const ends[] = { net->low, net->high };
		for (unsigned end = 0; end < 2; end++) {
			uint8_t address[16];
			memcpy(address, ends[end], sizeof(address));
			check_address(&values, nets, address, net->len);
			move(address, net->len, 1);
			check_address(&values, nets, address, net->len);
			move(address, net->len, -1);
			move(address, net->len, -1);
			check_address(&values, nets, address, net->len);
		}
	}
	for (size_t i = 0; i < values.count; i++) {
		uint16_t len;
		const uint8_t *address = raw(&values.multi[i].addr, &len);
		require(aname_nets_match(nets, address, len));
	}
	knotd_conf_free(&values);
}

/*! Nothing that was written is left out. */
static void check_counts(const section_t *section, const aname_options_t *options)
{
	const struct {
		const char *name;
		size_t count, otherwise;
	} lists[] = {
		{ OPT_RRTYPE, options->rrtypes_count, 2 },
		{ OPT_RESOLVER, options->source.servers_count, 0 },
		{ OPT_PREFER, options->prefer.count, 0 },
		{ OPT_WEIGHT, options->weights.count, 0 },
		{ OPT_PROBE_STATUS, options->probe.statuses_count, 1 },
	};
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		knotd_conf_t values = section_values(section, (const yp_name_t *)lists[i].name);
		bool off = strcmp(lists[i].name, OPT_PROBE_STATUS) == 0 &&
		           options->probe.kind != ANAME_PROBE_HTTP &&
		           options->probe.kind != ANAME_PROBE_HTTPS;
		require(off ||
		        lists[i].count == (values.count > 0 ? values.count : lists[i].otherwise));
		knotd_conf_free(&values);
	}
	knotd_conf_t via = section_values(section, (const yp_name_t *)OPT_VIA);
	unsigned families = aname_source_has_via(&options->source, false) +
	                    aname_source_has_via(&options->source, true);
	require(via.count == families);
	knotd_conf_free(&via);
}

static aname_options_t *read_options(section_t *section)
{
	aname_options_t *options;
	aname_origin_t origin = { .known = false };
	require(aname_conf_read(section_mod(section), &origin, &options) == KNOT_EOK);
	return options;
}

static void check(section_t *section)
{
	knotd_conf_check_args_t args = section_args(section);
	int ret = aname_conf_check(&args);
	if (ret != KNOT_EOK) {
		check_reason(args.err_str);
		return;
	}
	aname_options_t *options = read_options(section), *again = read_options(section);
	require(aname_options_equal(options, again));
	check_ranges(options);
	check_counts(section, options);
	check_probe(&options->probe);
	check_names(section, (const yp_name_t *)OPT_ALLOW_TARGET, &options->allow_target);
	check_names(section, (const yp_name_t *)OPT_DENY_TARGET, &options->deny_target);
	check_weights(options);
	check_nets(section, &options->deny_address);
	aname_options_free(options);
	aname_options_free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char head[] = "mod-aname:\n";
	static section_t section;
	if (size > TEXT_MAX) {
		return 0;
	}
	char *text = malloc(strlen(head) + size + 1);
	memcpy(text, head, strlen(head));
	memcpy(text + strlen(head), data, size);
	text[strlen(head) + size] = '\0';
	if (section_read(&section, aname_conf, text, strlen(head) + size)) {
		check(&section);
	}
	section_free(&section);
	free(text);
	return 0;
}
