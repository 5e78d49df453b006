#include "conf/options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libknot/wire.h>

#include "fnv.h"

static void names_free(aname_names_t *names)
{
	for (size_t i = 0; i < names->count; i++) {
		knot_dname_free(names->at[i], NULL);
	}
	free(names->at);
}

static void weights_free(aname_weights_t *weights)
{
	for (size_t i = 0; i < weights->count; i++) {
		knot_dname_free(weights->at[i].suffix, NULL);
	}
	free(weights->at);
}

void aname_options_free(aname_options_t *options)
{
	if (options == NULL) {
		return;
	}
	names_free(&options->allow_target);
	names_free(&options->deny_target);
	names_free(&options->prefer);
	weights_free(&options->weights);
	free(options->deny_address.at);
	free(options->status_socket);
	free(options->state_file);
	free(options);
}

static bool names_equal(const aname_names_t *one, const aname_names_t *other)
{
	if (one->count != other->count) {
		return false;
	}
	for (size_t i = 0; i < one->count; i++) {
		if (!knot_dname_is_equal(one->at[i], other->at[i])) {
			return false;
		}
	}
	return true;
}

static bool weights_equal(const aname_weights_t *one, const aname_weights_t *other)
{
	if (one->count != other->count) {
		return false;
	}
	for (size_t i = 0; i < one->count; i++) {
		if (one->at[i].weight != other->at[i].weight ||
		    !knot_dname_is_equal(one->at[i].suffix, other->at[i].suffix)) {
			return false;
		}
	}
	return true;
}

static bool nets_equal(const aname_nets_t *one, const aname_nets_t *other)
{
	if (one->count != other->count) {
		return false;
	}
	return one->count == 0 || memcmp(one->at, other->at, one->count * sizeof(*one->at)) == 0;
}

static bool texts_equal(const char *one, const char *other)
{
	return one == other || (one != NULL && other != NULL && strcmp(one, other) == 0);
}

bool aname_options_equal(const aname_options_t *one, const aname_options_t *other)
{
	return memcmp(&one->schedule, &other->schedule, sizeof(one->schedule)) == 0 &&
	       memcmp(&one->source, &other->source, sizeof(one->source)) == 0 &&
	       memcmp(&one->limits, &other->limits, sizeof(one->limits)) == 0 &&
	       memcmp(&one->probe, &other->probe, sizeof(one->probe)) == 0 &&
	       memcmp(one->rrtypes, other->rrtypes, sizeof(one->rrtypes)) == 0 &&
	       one->rrtypes_count == other->rrtypes_count &&
	       one->max_addresses == other->max_addresses && one->wait_ms == other->wait_ms &&
	       one->negative_delay == other->negative_delay && one->cold == other->cold &&
	       one->answer_aname == other->answer_aname && one->rotate == other->rotate &&
	       one->ecs == other->ecs && one->status_chosen == other->status_chosen &&
	       texts_equal(one->status_socket, other->status_socket) &&
	       one->state_chosen == other->state_chosen &&
	       one->state_interval == other->state_interval &&
	       texts_equal(one->state_file, other->state_file) &&
	       one->dnssec_off == other->dnssec_off && one->all_down == other->all_down &&
	       one->any_owner == other->any_owner && one->https_alias == other->https_alias &&
	       one->answer_targets == other->answer_targets &&
	       names_equal(&one->prefer, &other->prefer) &&
	       weights_equal(&one->weights, &other->weights) &&
	       names_equal(&one->allow_target, &other->allow_target) &&
	       names_equal(&one->deny_target, &other->deny_target) &&
	       nets_equal(&one->deny_address, &other->deny_address);
}

const char *aname_probe_text(aname_probe_kind_t kind)
{
	static const char *const words[] = {
		[ANAME_PROBE_OFF] = "off",     [ANAME_PROBE_TCP] = "tcp",
		[ANAME_PROBE_TLS] = "tls",     [ANAME_PROBE_HTTP] = "http",
		[ANAME_PROBE_HTTPS] = "https",
	};
	return words[kind];
}

bool aname_probe_is_alike(const aname_probe_t *one, const aname_probe_t *other)
{
	aname_probe_t as_often = *other;
	as_often.interval_ms = one->interval_ms;
	as_often.timeout_ms = one->timeout_ms;
	as_often.fall = one->fall;
	as_often.rise = one->rise;
	return memcmp(one, &as_often, sizeof(as_often)) == 0;
}

bool aname_source_has_via(const aname_source_t *source, bool ipv6)
{
	static const uint8_t none[16];
	return ipv6 ? memcmp(source->via_ipv6, none, sizeof(source->via_ipv6)) != 0
	            : memcmp(source->via_ipv4, none, sizeof(source->via_ipv4)) != 0;
}

/*! So few are looked through one by one. */
#define FEW_NAMES 4

static int compare_names(const void *one, const void *other)
{
	return knot_dname_cmp(*(const knot_dname_t *const *)one,
	                      *(const knot_dname_t *const *)other);
}

void aname_names_settle(aname_names_t *names)
{
	if (names->count < 2) {
		return;
	}
	qsort(names->at, names->count, sizeof(*names->at), compare_names);
	/* What is under a suffix follows it. */
	size_t kept = 1;
	for (size_t i = 1; i < names->count; i++) {
		if (knot_dname_in_bailiwick(names->at[i], names->at[kept - 1]) >= 0) {
			knot_dname_free(names->at[i], NULL);
		} else {
			names->at[kept++] = names->at[i];
		}
	}
	names->count = kept;
}

bool aname_names_match(const aname_names_t *names, const knot_dname_t *name)
{
	/* Of many none but the last that is not behind the name can be a suffix of it. */
	size_t from = 0, to = names->count;
	while (to - from > FEW_NAMES) {
		size_t middle = from + (to - from) / 2;
		if (knot_dname_cmp(names->at[middle], name) <= 0) {
			from = middle;
		} else {
			to = middle;
		}
	}
	for (size_t i = from; i < to; i++) {
		if (knot_dname_in_bailiwick(name, names->at[i]) >= 0) {
			return true;
		}
	}
	return false;
}

bool aname_weight_read(const char *text, knot_dname_storage_t suffix, uint32_t *weight)
{
	const char *at = strrchr(text, '@');
	knot_dname_txt_storage_t name;
	if (at == NULL || at == text || (size_t)(at - text) >= sizeof(name) || at[1] < '0' ||
	    at[1] > '9') {
		return false;
	}
	(void)snprintf(name, sizeof(name), "%.*s", (int)(at - text), text);
	char *end;
	unsigned long number = strtoul(at + 1, &end, 10);
	if (*end != '\0' || number > ANAME_WEIGHT_MAX ||
	    knot_dname_from_str(suffix, name, sizeof(knot_dname_storage_t)) == NULL) {
		return false;
	}
	knot_dname_to_lower(suffix);
	*weight = number;
	return true;
}

bool aname_probe_is_host(const char *text)
{
	size_t len = strlen(text), label = 0;
	if (len < 1 || len > 253) {
		return false;
	}
	for (size_t i = 0; i < len; i++) {
		char c = text[i];
		bool dot = c == '.';
		bool good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		            (c >= '0' && c <= '9') || c == '-' || c == '_';
		if (dot ? label == 0 : !good || label == 63) {
			return false;
		}
		label = dot ? 0 : label + 1;
	}
	return true;
}

bool aname_probe_is_path(const char *text)
{
	size_t len = strlen(text);
	if (text[0] != '/' || len >= ANAME_PROBE_TEXT_MAX) {
		return false;
	}
	for (size_t i = 0; i < len; i++) {
		if (text[i] <= ' ' || text[i] > '~' || text[i] == '#') {
			return false;
		}
	}
	return true;
}

/*! Reads a status of three digits. */
static bool read_status(const char *text, uint16_t *status)
{
	unsigned number = 0;
	for (unsigned i = 0; i < 3; i++) {
		if (text[i] < '0' || text[i] > '9') {
			return false;
		}
		number = 10 * number + text[i] - '0';
	}
	*status = number;
	return number >= 100 && number <= 599;
}

bool aname_probe_status_read(const char *text, aname_probe_status_t *status)
{
	if (!read_status(text, &status->low)) {
		return false;
	}
	status->high = status->low;
	bool range = text[3] == '-';
	if (range && !read_status(text + 4, &status->high)) {
		return false;
	}
	return text[range ? 7 : 3] == '\0' && status->low <= status->high;
}

static int compare_nets(const void *one, const void *other)
{
	const aname_net_t *a = one, *b = other;
	int order = (int)a->len - (int)b->len;
	order = order != 0 ? order : memcmp(a->low, b->low, sizeof(a->low));
	return order != 0 ? order : memcmp(a->high, b->high, sizeof(a->high));
}

void aname_nets_add(aname_nets_t *nets, const aname_net_t *net)
{
	static const uint8_t prefixes[][12] = {
		{ [10] = 0xff, [11] = 0xff },
		{ 0x00, 0x64, 0xff, 0x9b },
	};
	nets->at[nets->count++] = *net;
	for (size_t i = 0; net->len == 4 && i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
		aname_net_t *at = &nets->at[nets->count++];
		*at = (aname_net_t){ .len = 16 };
		memcpy(at->low, prefixes[i], sizeof(prefixes[i]));
		memcpy(at->high, prefixes[i], sizeof(prefixes[i]));
		memcpy(at->low + sizeof(prefixes[i]), net->low, net->len);
		memcpy(at->high + sizeof(prefixes[i]), net->high, net->len);
	}
}

/*! Leaves out what others cover. */
static void merge_nets(aname_nets_t *nets)
{
	size_t kept = 1;
	for (size_t i = 1; i < nets->count; i++) {
		aname_net_t *last = &nets->at[kept - 1];
		const aname_net_t *next = &nets->at[i];
		if (next->len != last->len || memcmp(next->low, last->high, next->len) > 0) {
			nets->at[kept++] = *next;
		} else if (memcmp(next->high, last->high, next->len) > 0) {
			memcpy(last->high, next->high, next->len);
		}
	}
	nets->count = kept;
}

void aname_nets_settle(aname_nets_t *nets)
{
	if (nets->count > 0) {
		qsort(nets->at, nets->count, sizeof(*nets->at), compare_nets);
		merge_nets(nets);
	}
	nets->ipv4 = 0;
	while (nets->ipv4 < nets->count && nets->at[nets->ipv4].len == 4) {
		nets->ipv4++;
	}
	/* Only whoever configures this server chooses networks. */
	nets->id = aname_fnv(ANAME_FNV_BASIS, nets->at, nets->count * sizeof(*nets->at));
}

/*! The first IPv4 network that does not end before an address. */
static size_t search_ipv4(const aname_nets_t *nets, uint32_t address)
{
	size_t from = 0, left = nets->ipv4;
	while (left > 0) {
		size_t half = left / 2;
		bool before = knot_wire_read_u32(nets->at[from + half].high) < address;
		from = before ? from + half + 1 : from;
		left = before ? left - half - 1 : half;
	}
	return from;
}

static size_t search_ipv6(const aname_nets_t *nets, const uint8_t *address)
{
	size_t from = nets->ipv4, to = nets->count;
	while (from < to) {
		size_t middle = from + (to - from) / 2;
		if (memcmp(nets->at[middle].high, address, 16) < 0) {
			from = middle + 1;
		} else {
			to = middle;
		}
	}
	return from;
}

const aname_net_t *aname_nets_next(const aname_nets_t *nets, const uint8_t *address, uint16_t len)
{
	size_t i = len == 4 ? search_ipv4(nets, knot_wire_read_u32(address))
	                    : search_ipv6(nets, address);
	return i < (len == 4 ? nets->ipv4 : nets->count) ? &nets->at[i] : NULL;
}
