#include "support/test.h"

#include <arpa/inet.h>

#include "conf/options.h"
#include "rrtype.h"
#include "support/alloc.h"
#include "support/make.h"
#include "support/random.h"

/* Equality. */

static void ttl_min(aname_options_t *o)
{
	o->schedule.ttl_min = 2;
}
static void ttl_max(aname_options_t *o)
{
	o->schedule.ttl_max--;
}
static void idle(aname_options_t *o)
{
	o->schedule.idle--;
}
static void stale_max(aname_options_t *o)
{
	o->schedule.stale_max = 0;
}
static void retry_min(aname_options_t *o)
{
	o->schedule.retry_min = 1;
}
static void retry_max(aname_options_t *o)
{
	o->schedule.retry_max = UINT32_MAX;
}
static void timeout(aname_options_t *o)
{
	o->schedule.timeout_ms++;
}
static void threads(aname_options_t *o)
{
	o->limits.threads = 1;
}
static void targets(aname_options_t *o)
{
	o->limits.max_targets = 1;
}
static void lookups(aname_options_t *o)
{
	o->limits.max_lookups = 1;
}
static void rate(aname_options_t *o)
{
	o->limits.lookup_rate = 1;
}
static void rrtypes(aname_options_t *o)
{
	o->rrtypes[0] = ANAME_RRTYPE_ALIAS;
}
static void rrtypes_count(aname_options_t *o)
{
	o->rrtypes_count = 1;
}
static void addresses(aname_options_t *o)
{
	o->max_addresses = 1;
}
static void wait(aname_options_t *o)
{
	o->wait_ms = 0;
}
static void negative_delay(aname_options_t *o)
{
	o->negative_delay = 1;
}
static void cold(aname_options_t *o)
{
	o->cold = ANAME_COLD_SERVFAIL;
}
static void answer(aname_options_t *o)
{
	o->answer_aname = true;
}
static void rotate(aname_options_t *o)
{
	o->rotate = true;
}
static void origin(aname_options_t *o)
{
	o->origin.checks++;
}
static void status(aname_options_t *o)
{
	free(o->status_socket);
	o->status_socket = strdup("/run/a.sock");
	assert_non_null(o->status_socket);
}
static void other_status(aname_options_t *o)
{
	o->status_socket[5] = 'b';
}
static void status_chosen(aname_options_t *o)
{
	o->status_chosen = true;
}
static void state_file(aname_options_t *o)
{
	free(o->state_file);
	o->state_file = strdup("/var/lib/knot/a.state");
	assert_non_null(o->state_file);
}
static void other_state_file(aname_options_t *o)
{
	o->state_file[5] = 'b';
}
static void state_chosen(aname_options_t *o)
{
	o->state_chosen = true;
}
static void state_interval(aname_options_t *o)
{
	o->state_interval++;
}
static void dnssec(aname_options_t *o)
{
	o->dnssec_off = true;
}
static void ecs(aname_options_t *o)
{
	o->ecs = true;
}
static void ecs_prefix_ipv4(aname_options_t *o)
{
	o->schedule.ecs_prefix_ipv4++;
}
static void ecs_prefix_ipv6(aname_options_t *o)
{
	o->schedule.ecs_prefix_ipv6++;
}
static void max_aliases(aname_options_t *o)
{
	o->schedule.max_aliases++;
}
static void via_ipv4(aname_options_t *o)
{
	o->source.via_ipv4[3]++;
}
static void via_ipv6(aname_options_t *o)
{
	o->source.via_ipv6[15]++;
}
static void max_subnets(aname_options_t *o)
{
	o->limits.max_subnets++;
}
static void max_target_subnets(aname_options_t *o)
{
	o->limits.max_target_subnets++;
}
static void https_alias(aname_options_t *o)
{
	o->https_alias = true;
}

static void all_down(aname_options_t *o)
{
	o->all_down = ANAME_ALL_DOWN_SIBLING;
}
static void answer_targets(aname_options_t *o)
{
	o->answer_targets++;
}
static void prefer(aname_options_t *o)
{
	make_add_name(&o->prefer, "a.");
}
static void other_rank(aname_options_t *o)
{
	o->prefer.at[0][1] = 'b';
}
static void weight(aname_options_t *o)
{
	make_add_weight(&o->weights, "a.", 7);
}
static void other_weight(aname_options_t *o)
{
	o->weights.at[0].weight++;
}
static void other_weighed(aname_options_t *o)
{
	o->weights.at[0].suffix[1] = 'b';
}
static void allow(aname_options_t *o)
{
	make_add_name(&o->allow_target, "a.");
}
static void deny(aname_options_t *o)
{
	make_add_name(&o->deny_target, "a.");
}
static void max_probes(aname_options_t *o)
{
	o->limits.max_probes++;
}
static void probe_kind(aname_options_t *o)
{
	o->probe.kind = ANAME_PROBE_TCP;
}
static void probe_port(aname_options_t *o)
{
	o->probe.port++;
}
static void probe_host(aname_options_t *o)
{
	o->probe.host[0] = 'a';
}
static void probe_path(aname_options_t *o)
{
	o->probe.path[ANAME_PROBE_TEXT_MAX - 1] = '/';
}
static void probe_status(aname_options_t *o)
{
	o->probe.statuses[0].high++;
}
static void probe_statuses(aname_options_t *o)
{
	o->probe.statuses_count++;
}
static void probe_verify(aname_options_t *o)
{
	o->probe.verify = 1;
}
static void probe_interval(aname_options_t *o)
{
	o->probe.interval_ms++;
}
static void probe_timeout(aname_options_t *o)
{
	o->probe.timeout_ms++;
}
static void probe_fall(aname_options_t *o)
{
	o->probe.fall++;
}
static void probe_rise(aname_options_t *o)
{
	o->probe.rise++;
}
static void net(aname_options_t *o)
{
	make_add_net(&o->deny_address, "10.0.0.0", "10.0.0.9");
}
static void next_net(aname_options_t *o)
{
	make_add_net(&o->deny_address, "10.1.0.0", "10.1.0.9");
}
static void other_suffix(aname_options_t *o)
{
	o->allow_target.at[0][1] = 'b';
}
static void other_net(aname_options_t *o)
{
	o->deny_address.at[0].high[3]++;
}

typedef struct {
	const char *proves;
	void (*common)(aname_options_t *options); /*!< Done to both. */
	void (*change)(aname_options_t *options); /*!< Done to one. */
	bool equal;
} equal_row_t;

static const equal_row_t equal_rows[] = {
	{ "defaults are equal", NULL, NULL, true },
	{ "the same suffix in both is equal", deny, NULL, true },
	{ "the same network in both is equal", net, NULL, true },
	{ "ttl-min counts", NULL, ttl_min, false },
	{ "ttl-max counts", NULL, ttl_max, false },
	{ "idle counts", NULL, idle, false },
	{ "stale-max counts", NULL, stale_max, false },
	{ "retry-min counts", NULL, retry_min, false },
	{ "negative-delay counts", NULL, negative_delay, false },
	{ "max-aliases counts", NULL, max_aliases, false },
	{ "via counts", NULL, via_ipv4, false },
	{ "via counts (IPv6)", NULL, via_ipv6, false },
	{ "retry-max counts", NULL, retry_max, false },
	{ "timeout counts", NULL, timeout, false },
	{ "threads counts", NULL, threads, false },
	{ "max-targets counts", NULL, targets, false },
	{ "max-lookups counts", NULL, lookups, false },
	{ "lookup-rate counts", NULL, rate, false },
	{ "rrtype counts", NULL, rrtypes, false },
	{ "the number of rrtypes counts", NULL, rrtypes_count, false },
	{ "max-addresses counts", NULL, addresses, false },
	{ "wait counts", NULL, wait, false },
	{ "cold counts", NULL, cold, false },
	{ "answer-aname counts", NULL, answer, false },
	{ "answer-rotation of the server counts", NULL, rotate, false },
	{ "where they were read does not count", NULL, origin, true },
	{ "status-socket counts", NULL, status, false },
	{ "the same status-socket in both is equal", status, NULL, true },
	{ "another status-socket counts", status, other_status, false },
	{ "whether status-socket was set counts", NULL, status_chosen, false },
	{ "state-file counts", NULL, state_file, false },
	{ "the same state-file in both is equal", state_file, NULL, true },
	{ "another state-file counts", state_file, other_state_file, false },
	{ "whether state-file was set counts", NULL, state_chosen, false },
	{ "state-interval counts", NULL, state_interval, false },
	{ "dnssec counts", NULL, dnssec, false },
	{ "ecs counts", NULL, ecs, false },
	{ "ecs-ipv4-prefix counts", NULL, ecs_prefix_ipv4, false },
	{ "ecs-ipv6-prefix counts", NULL, ecs_prefix_ipv6, false },
	{ "max-subnets counts", NULL, max_subnets, false },
	{ "max-target-subnets counts", NULL, max_target_subnets, false },
	{ "max-probes counts", NULL, max_probes, false },
	{ "probe counts", NULL, probe_kind, false },
	{ "the same probe in both is equal", probe_kind, NULL, true },
	{ "probe-port counts", probe_kind, probe_port, false },
	{ "probe-host counts", probe_kind, probe_host, false },
	{ "probe-path counts", probe_kind, probe_path, false },
	{ "probe-status counts", probe_kind, probe_status, false },
	{ "the number of statuses counts", probe_kind, probe_statuses, false },
	{ "probe-verify counts", probe_kind, probe_verify, false },
	{ "probe-interval counts", probe_kind, probe_interval, false },
	{ "probe-timeout counts", probe_kind, probe_timeout, false },
	{ "probe-fall counts", probe_kind, probe_fall, false },
	{ "probe-rise counts", probe_kind, probe_rise, false },
	{ "allow-target counts", NULL, allow, false },
	{ "deny-target counts", NULL, deny, false },
	{ "deny-address counts", NULL, net, false },
	{ "all-down counts", NULL, all_down, false },
	{ "https counts", NULL, https_alias, false },
	{ "answer-targets counts", NULL, answer_targets, false },
	{ "prefer counts", NULL, prefer, false },
	{ "the same prefer in both is equal", prefer, NULL, true },
	{ "another suffix of prefer counts", prefer, other_rank, false },
	{ "weight counts", NULL, weight, false },
	{ "the same weight in both is equal", weight, NULL, true },
	{ "another weight counts", weight, other_weight, false },
	{ "a weight for another suffix counts", weight, other_weighed, false },
	{ "one suffix more counts", allow, allow, false },
	{ "one network more counts", net, next_net, false },
	{ "L2: the same network once more does not", net, net, true },
	{ "another suffix counts", allow, other_suffix, false },
	{ "another network counts", net, other_net, false },
};

static void check_equal(void **state)
{
	const equal_row_t *row = *state;
	aname_options_t *one = make_options(), *other = make_options();
	if (row->common != NULL) {
		row->common(one);
		row->common(other);
	}
	if (row->change != NULL) {
		row->change(one);
	}
	assert_int_equal(aname_options_equal(one, other), row->equal);
	assert_int_equal(aname_options_equal(other, one), row->equal);
	aname_options_free(one);
	aname_options_free(other);
}

/* What is probed. */

#define LABEL_63 "a23456789-123456789-123456789-123456789-123456789-123456789-123"

typedef struct {
	const char *proves;
	const char *text;
	bool good;
} text_row_t;

static const text_row_t host_rows[] = {
	{ "H1: a name", "www.example.com", true },
	{ "H1: a name that a dot ends", "www.example.com.", true },
	{ "H1: one label", "localhost", true },
	{ "H1: an address as it is in URLs", "192.0.2.1", true },
	{ "H1: capitals, digits, hyphens, underscores", "_A-1.Example", true },
	{ "H1: a label of 63 octets", LABEL_63 ".b", true },
	{ "H1: no label of 64 octets", "x" LABEL_63 ".b", false },
	{ "H1: 253 octets", LABEL_63 "." LABEL_63 "." LABEL_63 "." LABEL_63 + 2, true },
	{ "H1: no 255 octets", LABEL_63 "." LABEL_63 "." LABEL_63 "." LABEL_63, false },
	{ "H1: not nothing", "", false },
	{ "H1: not a dot", ".", false },
	{ "H1: no empty label", "a..b", false },
	{ "H1: no port", "example.com:80", false },
	{ "H1: no space", "a b", false },
	{ "H1: no end of a line", "a\r\nX: y", false },
	{ "H1: no user", "a@b", false },
	{ "H1: no path", "a/b", false },
	{ "H1: no IPv6 address", "::1", false },
	{ "H1: no letter beyond ASCII", "\xc3\xa4", false },
};

static void check_host(void **state)
{
	const text_row_t *row = *state;
	assert_int_equal(aname_probe_is_host(row->text), row->good);
}

static const text_row_t path_rows[] = {
	{ "H1: the root", "/", true },
	{ "H1: a path with a query", "/a/b.c?d=%20&e=~", true },
	{ "H1: not nothing", "", false },
	{ "H1: none without a slash", "a", false },
	{ "H1: no space", "/a b", false },
	{ "H1: no end of a line", "/\r\nX: y", false },
	{ "H1: no fragment", "/a#b", false },
	{ "H1: no letter beyond ASCII", "/\xc3\xa4", false },
	{ "H1: no octet that is deleted", "/\x7f", false },
};

static void check_path(void **state)
{
	const text_row_t *row = *state;
	assert_int_equal(aname_probe_is_path(row->text), row->good);
}

static void path_length(void **state)
{
	char path[ANAME_PROBE_TEXT_MAX + 1] = { 0 };
	memset(path, '/', ANAME_PROBE_TEXT_MAX - 1);
	assert_true(aname_probe_is_path(path));
	path[ANAME_PROBE_TEXT_MAX - 1] = '/';
	assert_false(aname_probe_is_path(path));
}

typedef struct {
	const char *proves;
	const char *text;
	uint16_t low, high; /*!< 0: it is none. */
} status_row_t;

static const status_row_t status_rows[] = {
	{ "H1: one status", "204", 204, 204 },
	{ "H1: the least", "100", 100, 100 },
	{ "H1: the largest", "599", 599, 599 },
	{ "H1: a range", "200-399", 200, 399 },
	{ "H1: a range of one", "200-200", 200, 200 },
	{ "H1: not below the least", "099", 0, 0 },
	{ "H1: not above the largest", "600", 0, 0 },
	{ "H1: no range that ends above", "200-600", 0, 0 },
	{ "H1: no range backwards", "300-299", 0, 0 },
	{ "H1: no range without an end", "200-", 0, 0 },
	{ "H1: no range without a beginning", "-200", 0, 0 },
	{ "H1: not four digits", "2000", 0, 0 },
	{ "H1: not two", "20", 0, 0 },
	{ "H1: nothing behind", "200x", 0, 0 },
	{ "H1: nothing behind a range", "200-300-400", 0, 0 },
	{ "H1: no spaces", "200 - 300", 0, 0 },
	{ "H1: no class", "2xx", 0, 0 },
	{ "H1: not nothing", "", 0, 0 },
};

static void check_status(void **state)
{
	const status_row_t *row = *state;
	aname_probe_status_t found;
	bool good = aname_probe_status_read(row->text, &found);
	assert_int_equal(good, row->low != 0);
	if (good) {
		assert_int_equal(found.low, row->low);
		assert_int_equal(found.high, row->high);
	}
}

/* Suffixes. */

typedef struct {
	const char *proves;
	const char *suffixes[3];
	const char *name;
	bool match;
} names_row_t;

static const names_row_t names_rows[] = {
	{ "L2: no suffix matches nothing", { NULL }, "example.com.", false },
	{ "L2: no suffix does not even match the root", { NULL }, ".", false },
	{ "L2: a name is under itself", { "example.com." }, "example.com.", true },
	{ "L2: a name is under its parent", { "example.com." }, "a.example.com.", true },
	{ "L2: a name is under its ancestor", { "com." }, "a.b.c.example.com.", true },
	{ "L2: a parent is not under its child", { "example.com." }, "com.", false },
	{ "L2: labels match as a whole", { "example.com." }, "notexample.com.", false },
	{ "L2: a sibling does not match", { "a.example.com." }, "b.example.com.", false },
	{ "L2: the root is a suffix of all", { "." }, "example.com.", true },
	{ "L2: the root is a suffix of the root", { "." }, ".", true },
	{ "L2: the root is under no other suffix", { "com." }, ".", false },
	{ "L2: the last of several suffixes counts", { "a.", "b.", "c." }, "x.c.", true },
	{ "L2: none of several suffixes matches", { "a.", "b.", "c." }, "x.d.", false },
};

static void check_names(void **state)
{
	const names_row_t *row = *state;
	aname_options_t *options = make_options();
	for (size_t i = 0; i < COUNT_OF(row->suffixes) && row->suffixes[i] != NULL; i++) {
		make_add_name(&options->deny_target, row->suffixes[i]);
	}
	aname_names_settle(&options->deny_target);
	name_t name = make_name(row->name);
	assert_int_equal(aname_names_match(&options->deny_target, name.at), row->match);
	aname_options_free(options);
}

static void longest_name(void **state)
{
	name_t longest = make_name_longest('a'), other = make_name_longest('b');
	knot_dname_t *list[] = { longest.at };
	aname_names_t names = { .count = 1, .at = list };
	assert_true(aname_names_match(&names, longest.at));
	assert_false(aname_names_match(&names, other.at));

	list[0] = longest.at + 64; /* Without its first label. */
	assert_true(aname_names_match(&names, longest.at));
}

static void many_suffixes(void **state)
{
	/* As if each of them were tried, and what covers others stands for them. */
	random_t random = { 11 };
	for (unsigned i = 0; i < 200; i++) {
		aname_options_t *options = make_options();
		aname_names_t *names = &options->allow_target, *plain = &options->deny_target;
		unsigned count = 1 + random_below(&random, 60);
		for (unsigned k = 0; k < count; k++) {
			char text[64];
			(void)snprintf(text, sizeof(text), "%s%u.%c.", k % 3 == 0 ? "x." : "",
			               random_below(&random, 30), 'a' + random_below(&random, 3));
			make_add_name(names, text);
			make_add_name(plain, text);
		}
		aname_names_settle(names);
		assert_true(names->count <= count);
		for (unsigned k = 0; k < 200; k++) {
			char text[64];
			(void)snprintf(text, sizeof(text), "%s%u.%c.", k % 2 == 0 ? "x." : "",
			               random_below(&random, 32), 'a' + random_below(&random, 4));
			name_t name = make_name(text);
			bool match = false;
			for (size_t n = 0; n < plain->count; n++) {
				match |= knot_dname_in_bailiwick(name.at, plain->at[n]) >= 0;
			}
			assert_int_equal(aname_names_match(names, name.at), match);
		}
		aname_options_free(options);
	}
}

/* Networks. */

static void many_nets(void **state)
{
	random_t random = { 12 };
	for (unsigned i = 0; i < 200; i++) {
		aname_options_t *options = make_options();
		bool denied[256] = { false };
		unsigned count = random_below(&random, 40);
		for (unsigned k = 0; k < count; k++) {
			char low[20], high[20];
			unsigned from = random_below(&random, 256);
			unsigned to = from + random_below(&random, 8);
			to = to < 255 ? to : 255;
			(void)snprintf(low, sizeof(low), "10.0.0.%u", from);
			(void)snprintf(high, sizeof(high), "10.0.0.%u", to);
			make_add_net(&options->deny_address, low, high);
			for (unsigned n = from; n <= to; n++) {
				denied[n] = true;
			}
		}
		make_add_net(&options->deny_address, "::", "::ff");
		for (unsigned n = 0; n < 256; n++) {
			const uint8_t address[4] = { 10, 0, 0, n };
			assert_int_equal(aname_nets_match(&options->deny_address, address, 4),
			                 denied[n]);
		}
		aname_options_free(options);
	}
}

typedef struct {
	const char *proves;
	const char *nets[2][2];
	const char *address;
	bool match;
} nets_row_t;

static const nets_row_t nets_rows[] = {
	{ "L2: no network matches nothing", { { NULL } }, "192.0.2.1", false },
	{ "L2: the first address is inside", { { "10.0.0.0", "10.0.0.7" } }, "10.0.0.0", true },
	{ "L2: the last address is inside", { { "10.0.0.0", "10.0.0.7" } }, "10.0.0.7", true },
	{ "L2: the address after is outside", { { "10.0.0.0", "10.0.0.7" } }, "10.0.0.8", false },
	{ "L2: the address before is outside", { { "10.0.0.1", "10.0.0.7" } }, "10.0.0.0", false },
	{ "L2: a network of one address", { { "10.0.0.1", "10.0.0.1" } }, "10.0.0.1", true },
	{ "L2: all of IPv4", { { "0.0.0.0", "255.255.255.255" } }, "255.255.255.255", true },
	{ "L2: all of IPv4 has no IPv6", { { "0.0.0.0", "255.255.255.255" } }, "::1", false },
	{ "L2: all of IPv6", { { "::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff" } }, "::", true },
	{ "L2: all of IPv6 has no IPv4",
	  { { "::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff" } },
	  "0.0.0.0",
	  false },
	{ "L2: IPv4-mapped addresses are in what they are mapped from",
	  { { "10.0.0.0", "10.0.0.7" } },
	  "::ffff:10.0.0.7",
	  true },
	{ "L2: and no others", { { "10.0.0.0", "10.0.0.7" } }, "::ffff:10.0.0.8", false },
	{ "L2: those behind NAT64, too",
	  { { "127.0.0.0", "127.255.255.255" } },
	  "64:ff9b::7f00:1",
	  true },
	{ "L2: and no others there",
	  { { "127.0.0.0", "127.255.255.255" } },
	  "64:ff9b::8000:0",
	  false },
	{ "L2: what is compatible with IPv4 leads nowhere",
	  { { "0.0.0.0", "255.255.255.255" } },
	  "::7f00:1",
	  false },
	{ "L2: an IPv6 network ends with its last address",
	  { { "2001:db8::", "2001:db8::ffff" } },
	  "2001:db8::1:0",
	  false },
	{ "L2: the second network counts",
	  { { "10.0.0.0", "10.0.0.7" }, { "fe80::", "fe80::ff" } },
	  "fe80::1",
	  true },
};

static void check_nets(void **state)
{
	const nets_row_t *row = *state;
	aname_options_t *options = make_options();
	for (size_t i = 0; i < COUNT_OF(row->nets) && row->nets[i][0] != NULL; i++) {
		make_add_net(&options->deny_address, row->nets[i][0], row->nets[i][1]);
	}
	bool v6 = strchr(row->address, ':') != NULL;
	uint8_t address[16];
	assert_int_equal(inet_pton(v6 ? AF_INET6 : AF_INET, row->address, address), 1);
	assert_int_equal(aname_nets_match(&options->deny_address, address, v6 ? 16 : 4),
	                 row->match);
	aname_options_free(options);
}

static void free_all(void **state)
{
	aname_options_free(NULL);

	long before = alloc_live();
	aname_options_t *options = make_options();
	allow(options);
	deny(options);
	net(options);
	prefer(options);
	weight(options);
	aname_options_free(options);
	assert_int_equal(alloc_live(), before);
}

static void no_padding(void **state)
{
	/* Compared with memcmp(), so that every octet has to be somebody's. */
	const aname_source_t *s = NULL;
	assert_int_equal(sizeof(*s), 2 * sizeof(uint32_t) + sizeof(s->via_ipv4) +
	                                     sizeof(s->via_ipv6) + sizeof(s->servers));
	assert_int_equal(sizeof(s->servers[0]),
	                 sizeof(s->servers[0].address) + 2 * sizeof(uint16_t));
}

static void from_where(void **state)
{
	aname_source_t source = { 0 };
	assert_false(aname_source_has_via(&source, false));
	assert_false(aname_source_has_via(&source, true));
	source.via_ipv4[3] = 1;
	assert_true(aname_source_has_via(&source, false));
	assert_false(aname_source_has_via(&source, true));
	source.via_ipv6[15] = 1;
	assert_true(aname_source_has_via(&source, true));
}

static void probe_no_padding(void **state)
{
	/* Otherwise equal ones would not share their probes. */
	const aname_probe_t *p = NULL;
	assert_int_equal(sizeof(*p), 4 * sizeof(p->kind) + 4 * sizeof(p->fall) +
	                                     sizeof(p->statuses) + sizeof(p->host) +
	                                     sizeof(p->path));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PROVES("L2: names of 255 octets are compared whole", longest_name),
		PROVES("L2, L4: of many suffixes the right one is found", many_suffixes),
		PROVES("L2, L4: of many networks the right one is found", many_nets),
		PROVES("freeing options frees all they hold, and NULL is allowed", free_all),
		PROVES("whom lookups ask is free of padding", no_padding),
		PROVES("H1: what is probed is free of padding", probe_no_padding),
		PROVES("H1: a path has up to 255 octets", path_length),
		PROVES("an address that lookups come from is there if it is not zero", from_where),
	};
	return RUN_ROWS("options: which are the same", equal_rows, check_equal) +
	       RUN_ROWS("options: suffixes", names_rows, check_names) +
	       RUN_ROWS("options: networks", nets_rows, check_nets) +
	       RUN_ROWS("options: hosts that are probed", host_rows, check_host) +
	       RUN_ROWS("options: paths that are probed", path_rows, check_path) +
	       RUN_ROWS("options: statuses that are good", status_rows, check_status) +
	       RUN_TESTS("options: the rest", tests);
}
