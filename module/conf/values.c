#include "conf/values.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "conf/items.h"

int aname_conf_refuse(knotd_conf_check_args_t *args, int ret, const char *format, ...)
{
	static _Thread_local char error[2 * sizeof(knot_dname_txt_storage_t)];
	va_list list;
	va_start(list, format);
	(void)vsnprintf(error, sizeof(error), format, list);
	va_end(list);
	args->err_str = error;
	return ret;
}

/*! An option's name without its length. */
static const char *name_of(const yp_name_t *option)
{
	return (const char *)option + 1;
}

/* Paths. */

/*! Is it a word for yes or no, and not the name of a file? */
static bool is_word(const char *path)
{
	static const char *const words[] = { "no",   "none", "false",    "disable", "disabled",
		                             "null", "on",   "yes",      "true",    "enable",
		                             "0",    "1",    "disallow", "enabled" };
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcasecmp(path, words[i]) == 0) {
			return true;
		}
	}
	return false;
}

/*! Does its last part name a directory? */
static bool is_directory(const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *last = slash != NULL ? slash + 1 : path;
	return *last == '\0' || strcmp(last, ".") == 0 || strcmp(last, "..") == 0;
}

int aname_conf_check_path(knotd_conf_check_args_t *args, const yp_name_t *option, size_t most)
{
	knotd_conf_t conf = knotd_conf_check_item(args, option);
	const char *path = conf.count > 0 ? conf.single.string : NULL, *name = name_of(option);
	if (path == NULL) {
		return KNOT_EOK;
	}
	if (path[0] == '\0' || strlen(path) > most) {
		return aname_conf_refuse(args, KNOT_EINVAL,
		                         "option '%s' must be 'off' or a path of 1 to %zu octets",
		                         name, most);
	}
	if (is_word(path)) {
		return aname_conf_refuse(args, KNOT_EINVAL,
		                         "option '%s' must be 'off' or a path, and not %s; a file "
		                         "of that name is ./%s",
		                         name, path, path);
	}
	if (strchr(path, '\'') != NULL) {
		return aname_conf_refuse(args, KNOT_EINVAL,
		                         "option '%s' must be 'off' or a path without apostrophes; "
		                         "Knot's quotes are \"double\"",
		                         name);
	}
	if (strstr(path, "://") != NULL || strncasecmp(path, "unix:", 5) == 0) {
		return aname_conf_refuse(
		        args, KNOT_EINVAL,
		        "option '%s' must be 'off' or a path alone, without scheme", name);
	}
	if (strpbrk(path, "\t\r\n") != NULL) {
		return aname_conf_refuse(
		        args, KNOT_EINVAL,
		        "option '%s' must be 'off' or a path without tabs and line "
		        "breaks",
		        name);
	}
	if (is_directory(path)) {
		return aname_conf_refuse(
		        args, KNOT_EINVAL,
		        "option '%s' must be 'off' or the path of a file, and not of "
		        "a directory: put the file's name behind the last '/'",
		        name);
	}
	return KNOT_EOK;
}

/* Domain names. */

/*! The last label. */
static const knot_dname_t *last_label(const knot_dname_t *name)
{
	while (name[0] != 0 && name[name[0] + 1] != 0) {
		name += name[0] + 1;
	}
	return name;
}

static bool is_number(const knot_dname_t *label)
{
	for (unsigned i = 1; i <= label[0]; i++) {
		if (!isdigit(label[i])) {
			return false;
		}
	}
	return label[0] > 0;
}

/*! What is wrong with a name that no target can be under; NULL if one can. */
static const char *wrong_with(const knot_dname_t *suffix)
{
	if (suffix[0] == 1 && suffix[1] == '*') {
		return "it holds for all names below it: leave out the '*.'";
	}
	for (const knot_dname_t *label = suffix; label[0] != 0; label += label[0] + 1) {
		for (unsigned i = 1; i <= label[0]; i++) {
			if (label[i] >= 0x80) {
				return "write its A-labels (xn--...), as 'kaname rdata' tells them";
			}
			if (strchr("/:@'\"", label[i]) != NULL) {
				return "a name stands alone, without scheme, port, path and "
				       "apostrophes";
			}
		}
	}
	return is_number(last_label(suffix)) ? "targets are names, and 'deny-address' is for "
	                                       "addresses"
	                                     : NULL;
}

int aname_conf_check_suffix(knotd_conf_check_args_t *args, const yp_name_t *option,
                            const knot_dname_t *suffix)
{
	knot_dname_txt_storage_t text;
	const char *wrong = wrong_with(suffix);
	if (wrong == NULL || knot_dname_to_str(text, suffix, sizeof(text)) == NULL) {
		return KNOT_EOK;
	}
	return aname_conf_refuse(args, KNOT_EINVAL,
	                         "option '%s' must be domain names that targets are under, and not "
	                         "%.300s: %s",
	                         name_of(option), text, wrong);
}

int aname_conf_check_suffixes(knotd_conf_check_args_t *args, const yp_name_t *option)
{
	knotd_conf_t conf = knotd_conf_check_item(args, option);
	int ret = KNOT_EOK;
	for (size_t i = 0; i < conf.count && ret == KNOT_EOK; i++) {
		ret = aname_conf_check_suffix(args, option, conf.multi[i].dname);
	}
	knotd_conf_free(&conf);
	return ret;
}

/* Addresses. */

static const void *raw_of(const struct sockaddr_storage *ss, size_t *len)
{
	bool ipv6 = ss->ss_family == AF_INET6;
	*len = ipv6 ? 16 : 4;
	return ipv6 ? (const void *)&((const struct sockaddr_in6 *)ss)->sin6_addr
	            : &((const struct sockaddr_in *)ss)->sin_addr;
}

/*! Is it an address of no single host: the unspecified one, multicast or broadcast? */
static bool is_nobody(const struct sockaddr_storage *ss)
{
	static const uint8_t zero[16], broadcast[4] = { 255, 255, 255, 255 };
	size_t len;
	const uint8_t *raw = raw_of(ss, &len);
	bool multicast = len == 4 ? raw[0] >> 4 == 0xe : raw[0] == 0xff;
	return multicast || memcmp(raw, zero, len) == 0 ||
	       (len == 4 && memcmp(raw, broadcast, len) == 0);
}

uint16_t aname_conf_port(const struct sockaddr_storage *ss)
{
	uint16_t port = ss->ss_family == AF_INET ? ((const struct sockaddr_in *)ss)->sin_port
	                                         : ((const struct sockaddr_in6 *)ss)->sin6_port;
	return ntohs(port);
}

static bool is_same(const struct sockaddr_storage *one, const struct sockaddr_storage *other)
{
	size_t len, other_len;
	const void *raw = raw_of(one, &len), *other_raw = raw_of(other, &other_len);
	return len == other_len && memcmp(raw, other_raw, len) == 0 &&
	       aname_conf_port(one) == aname_conf_port(other);
}

static const char *text_of(const struct sockaddr_storage *ss, char text[INET6_ADDRSTRLEN])
{
	size_t len;
	const void *raw = raw_of(ss, &len);
	return inet_ntop(ss->ss_family, raw, text, INET6_ADDRSTRLEN) != NULL ? text : "?";
}

static int check_servers(knotd_conf_check_args_t *args, const knotd_conf_t *servers)
{
	char text[INET6_ADDRSTRLEN];
	for (size_t i = 0; i < servers->count; i++) {
		const struct sockaddr_storage *ss = &servers->multi[i].addr;
		if (is_nobody(ss)) {
			return aname_conf_refuse(
			        args, KNOT_EINVAL,
			        "option 'resolver' must be addresses of recursors, "
			        "and not %s, which is that of no host",
			        text_of(ss, text));
		}
		for (size_t k = 0; k < i; k++) {
			if (is_same(ss, &servers->multi[k].addr)) {
				return aname_conf_refuse(args, KNOT_EINVAL,
				                         "option 'resolver' names %s@%u twice",
				                         text_of(ss, text), aname_conf_port(ss));
			}
		}
	}
	return KNOT_EOK;
}

int aname_conf_check_peers(knotd_conf_check_args_t *args, const knotd_conf_t *servers,
                           const knotd_conf_t *via)
{
	char text[INET6_ADDRSTRLEN];
	int ret = check_servers(args, servers);
	for (size_t i = 0; i < via->count && ret == KNOT_EOK; i++) {
		const struct sockaddr_storage *ss = &via->multi[i].addr;
		if (is_nobody(ss)) {
			ret = aname_conf_refuse(
			        args, KNOT_EINVAL,
			        "option 'via' must be addresses of this host, and not "
			        "%s; without it the system chooses",
			        text_of(ss, text));
		}
	}
	return ret;
}

int aname_conf_check_ranges(knotd_conf_check_args_t *args)
{
	char low[INET6_ADDRSTRLEN], high[INET6_ADDRSTRLEN];
	knotd_conf_t conf = knotd_conf_check_item(args, OPT_DENY_ADDRESS);
	int ret = KNOT_EOK;
	for (size_t i = 0; i < conf.count && ret == KNOT_EOK; i++) {
		const knotd_conf_val_t *range = &conf.multi[i];
		size_t len, len_max;
		if (range->addr_max.ss_family == AF_UNSPEC) {
			continue;
		}
		const void *from = raw_of(&range->addr, &len),
		           *to = raw_of(&range->addr_max, &len_max);
		if (len != len_max || memcmp(from, to, len) > 0) {
			ret = aname_conf_refuse(
			        args, KNOT_EINVAL,
			        "option 'deny-address' must be networks, addresses or "
			        "ranges that end behind their start, and not %s-%s",
			        text_of(&range->addr, low), text_of(&range->addr_max, high));
		}
	}
	knotd_conf_free(&conf);
	return ret;
}
