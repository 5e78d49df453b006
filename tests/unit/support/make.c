#include "support/make.h"

#include <arpa/inet.h>

#include "rrtype.h"
#include "support/test.h"

name_t make_name(const char *text)
{
	name_t name;
	assert_non_null(knot_dname_from_str(name.at, text, sizeof(name.at)));
	name.len = knot_dname_size(name.at);
	return name;
}

name_t make_name_nth(uint32_t n)
{
	char text[64];
	(void)snprintf(text, sizeof(text), "t%u.s%u.example.", n, n % 7);
	return make_name(text);
}

name_t make_name_longest(char letter)
{
	static const uint8_t labels[] = { 63, 63, 63, 61 };
	name_t name = { .len = 255 };
	uint8_t *at = name.at;
	for (size_t i = 0; i < COUNT_OF(labels); i++) {
		*at++ = labels[i];
		memset(at, letter, labels[i]);
		at += labels[i];
	}
	*at = 0;
	assert_int_equal(knot_dname_size(name.at), 255);
	return name;
}

const aname_source_t make_source;

const aname_schedule_t make_schedule = {
	.ttl_min = 1,
	.ttl_max = 86400,
	.idle = 3600,
	.stale_max = 86400,
	.retry_min = 5,
	.retry_max = 900,
	.timeout_ms = 5000,
	.retries = 1,
	.max_aliases = 16,
	.ecs_prefix_ipv4 = 32,
	.ecs_prefix_ipv6 = 128,
};

aname_options_t *make_options(void)
{
	aname_options_t *options = make_options_or_null();
	assert_non_null(options);
	return options;
}

aname_options_t *make_probing(uint16_t port)
{
	aname_options_t *options = make_options();
	options->probe = (aname_probe_t){ .kind = ANAME_PROBE_TCP,
		                          .port = port,
		                          .interval_ms = 10000,
		                          .timeout_ms = 2000,
		                          .fall = 3,
		                          .rise = 2 };
	return options;
}

aname_options_t *make_options_or_null(void)
{
	aname_options_t *options = calloc(1, sizeof(*options));
	if (options == NULL) {
		return NULL;
	}
	options->schedule = make_schedule;
	options->limits = (aname_limits_t){ 64, 10000, 100, 500, 1000, 100, 1000 };
	options->rrtypes[0] = ANAME_RRTYPE_ANAME;
	options->rrtypes[1] = ANAME_RRTYPE_ALIAS;
	options->rrtypes_count = 2;
	options->max_addresses = 32;
	options->wait_ms = 500;
	return options;
}

static void on_note(void *ctx, aname_upstream_t *upstream)
{
}

const aname_upstream_t *make_upstream(aname_shared_t *shared, const aname_schedule_t *schedule,
                                      const aname_source_t *source)
{
	aname_options_t *options = make_options();
	options->schedule = *schedule;
	options->source = *source;
	const aname_upstream_t *upstream = NULL;
	assert_non_null(aname_shared_hold(shared, options, &upstream));
	(void)aname_shared_note_upstreams(shared, true, 1, on_note, NULL);
	return upstream;
}

void make_add_name(aname_names_t *names, const char *text)
{
	/* By libknot from begin to end: knot_dname_free() frees it. */
	knot_dname_t *name = knot_dname_from_str_alloc(text);
	knot_dname_t **at = realloc(names->at, (names->count + 1) * sizeof(*at));
	assert_non_null(name);
	assert_non_null(at);
	names->at = at;
	names->at[names->count++] = name;
}

void make_add_weight(aname_weights_t *weights, const char *suffix, uint32_t weight)
{
	knot_dname_t *name = knot_dname_from_str_alloc(suffix);
	aname_weight_t *at = realloc(weights->at, (weights->count + 1) * sizeof(*at));
	assert_non_null(name);
	assert_non_null(at);
	weights->at = at;
	weights->at[weights->count++] = (aname_weight_t){ .suffix = name, .weight = weight };
}

void make_add_net(aname_nets_t *nets, const char *low, const char *high)
{
	aname_net_t *at = realloc(nets->at, (nets->count + ANAME_NETS_OF_ONE) * sizeof(*at));
	assert_non_null(at);
	nets->at = at;

	int family = strchr(low, ':') != NULL ? AF_INET6 : AF_INET;
	aname_net_t net = { .len = family == AF_INET ? 4 : 16 };
	assert_int_equal(inet_pton(family, low, net.low), 1);
	assert_int_equal(inet_pton(family, high, net.high), 1);
	aname_nets_add(nets, &net);
	aname_nets_settle(nets);
}

void make_address(uint8_t *at, uint16_t len, uint32_t n)
{
	memset(at, 0, len);
	at[0] = len == 4 ? 10 : 0x20;
	at[len - 3] = n >> 16;
	at[len - 2] = n >> 8;
	at[len - 1] = n;
}

aname_snapshot_t *make_snapshot(uint16_t len, uint32_t first, uint32_t count, uint16_t pick)
{
	uint8_t *addresses = malloc((size_t)count * len + 1);
	assert_non_null(addresses);
	for (uint32_t i = 0; i < count; i++) {
		make_address(addresses + (size_t)i * len, len, first + i);
	}
	const aname_result_t result = { .known = count > 0 ? ANAME_KNOWN_ADDRESSES
		                                           : ANAME_KNOWN_NODATA,
		                        .ttl = 300,
		                        .address_len = len,
		                        .count = count,
		                        .addresses = addresses };
	aname_snapshot_t *snapshot = aname_snapshot_new(&result, 0, pick);
	free(addresses);
	assert_non_null(snapshot);
	return snapshot;
}

aname_subnet_t make_subnet(const char *address, uint8_t len)
{
	bool v6 = strchr(address, ':') != NULL;
	aname_subnet_t subnet = { .family = v6 ? ANAME_SUBNET_IPV6 : ANAME_SUBNET_IPV4,
		                  .len = len };
	assert_int_equal(inet_pton(v6 ? AF_INET6 : AF_INET, address, subnet.address), 1);
	return subnet;
}
