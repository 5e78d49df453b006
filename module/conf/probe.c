#include "conf/probe.h"

#include <string.h>

#include "conf/items.h"

const knot_lookup_t aname_conf_probe_kinds[] = {
	{ ANAME_PROBE_OFF, "off" },   { ANAME_PROBE_TCP, "tcp" },     { ANAME_PROBE_TLS, "tls" },
	{ ANAME_PROBE_HTTP, "http" }, { ANAME_PROBE_HTTPS, "https" }, { 0, NULL },
};

/* Checks. */

#define WITHOUT_LIBCURL                                                                          \
	"is not available, the module was built without libcurl; build it with libcurl, or set " \
	"'probe: tcp'"

static int check_kind(knotd_conf_check_args_t *args)
{
	static const char *const errors[] = {
		[ANAME_PROBE_TLS] = "option 'probe: tls' " WITHOUT_LIBCURL,
		[ANAME_PROBE_HTTP] = "option 'probe: http' " WITHOUT_LIBCURL,
		[ANAME_PROBE_HTTPS] = "option 'probe: https' " WITHOUT_LIBCURL,
	};
	unsigned kind = knotd_conf_check_item(args, OPT_PROBE).single.option;
	if (kind >= ANAME_PROBE_TLS && !ANAME_HTTP) {
		args->err_str = errors[kind];
		return KNOT_ENOTSUP;
	}
	return KNOT_EOK;
}

/*! The port has no default of its own: that depends on the kind. */
static int check_numbers(knotd_conf_check_args_t *args)
{
	int64_t port = knotd_conf_check_item(args, OPT_PROBE_PORT).single.integer;
	if (port != YP_NIL && (port < 1 || port > UINT16_MAX)) {
		args->err_str = "option 'probe-port' must be from 1 to 65535";
		return KNOT_ERANGE;
	}
	if (knotd_conf_check_item(args, OPT_PROBE_TIMEOUT).single.integer >
	    knotd_conf_check_item(args, OPT_PROBE_INTERVAL).single.integer * 1000) {
		args->err_str = "option 'probe-timeout' (100 to 30000 milliseconds, 2000 if it is "
		                "not set) must not be greater than 'probe-interval' (1 to 3600 "
		                "seconds, 10 if it is not set)";
		return KNOT_ERANGE;
	}
	return KNOT_EOK;
}

static int check_texts(knotd_conf_check_args_t *args)
{
	knotd_conf_t host = knotd_conf_check_item(args, OPT_PROBE_HOST);
	const char *name = host.count > 0 ? host.single.string : NULL;
	if (name != NULL &&
	    (!aname_probe_is_host(name) || strspn(name, "0123456789.") == strlen(name))) {
		args->err_str = "option 'probe-host' must be a host name alone, without scheme "
		                "and port and no address, of 1 to 253 letters, digits, hyphens, "
		                "underscores and dots";
		return KNOT_EINVAL;
	}
	knotd_conf_t path = knotd_conf_check_item(args, OPT_PROBE_PATH);
	if (path.count > 0 && !aname_probe_is_path(path.single.string)) {
		args->err_str = "option 'probe-path' must begin with a slash, and be 1 to 255 "
		                "printable characters without spaces and '#'";
		return KNOT_EINVAL;
	}
	return KNOT_EOK;
}

static int check_statuses(knotd_conf_check_args_t *args)
{
	knotd_conf_t conf = knotd_conf_check_item(args, OPT_PROBE_STATUS);
	bool good = conf.count <= ANAME_PROBE_STATUSES_MAX;
	for (size_t i = 0; i < conf.count && good; i++) {
		aname_probe_status_t status;
		good = aname_probe_status_read(conf.multi[i].string, &status);
	}
	knotd_conf_free(&conf);
	if (!good) {
		args->err_str = "option 'probe-status' must be 1 to 8 statuses, or ranges of them "
		                "such as 200-399, from 100 to 599";
		return KNOT_EINVAL;
	}
	return KNOT_EOK;
}

int aname_conf_check_probe(knotd_conf_check_args_t *args)
{
	int (*const checks[])(knotd_conf_check_args_t *) = {
		check_kind,
		check_numbers,
		check_texts,
		check_statuses,
	};
	int ret = KNOT_EOK;
	for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]) && ret == KNOT_EOK; i++) {
		ret = checks[i](args);
	}
	return ret;
}

/* Reading. */

static void read_host(knotd_mod_t *mod, aname_probe_t *probe)
{
	knotd_conf_t conf = knotd_conf_mod(mod, OPT_PROBE_HOST);
	const char *host = conf.count > 0 ? conf.single.string : "";
	size_t len = strnlen(host, sizeof(probe->host) - 1);
	if (len > 0 && host[len - 1] == '.') {
		len--;
	}
	for (size_t i = 0; i < len; i++) {
		bool upper = host[i] >= 'A' && host[i] <= 'Z';
		probe->host[i] = upper ? host[i] - 'A' + 'a' : host[i];
	}
}

static void read_http(knotd_mod_t *mod, aname_probe_t *probe)
{
	knotd_conf_t path = knotd_conf_mod(mod, OPT_PROBE_PATH);
	const char *text = path.count > 0 ? path.single.string : "/";
	memcpy(probe->path, text, strnlen(text, sizeof(probe->path) - 1));

	knotd_conf_t statuses = knotd_conf_mod(mod, OPT_PROBE_STATUS);
	for (size_t i = 0; i < statuses.count && i < ANAME_PROBE_STATUSES_MAX; i++) {
		probe->statuses_count += aname_probe_status_read(
		        statuses.multi[i].string, &probe->statuses[probe->statuses_count]);
	}
	knotd_conf_free(&statuses);
	if (probe->statuses_count == 0) {
		probe->statuses[probe->statuses_count++] =
		        (aname_probe_status_t){ .low = 200, .high = 399 };
	}
}

void aname_conf_read_probe(knotd_mod_t *mod, aname_probe_t *probe)
{
	probe->kind = knotd_conf_mod(mod, OPT_PROBE).single.option;
	if (probe->kind == ANAME_PROBE_OFF) {
		return;
	}
	probe->interval_ms *= 1000;
	int64_t port = knotd_conf_mod(mod, OPT_PROBE_PORT).single.integer;
	bool http = probe->kind == ANAME_PROBE_HTTP, https = probe->kind == ANAME_PROBE_HTTPS;
	bool tls = https || probe->kind == ANAME_PROBE_TLS;
	probe->port = port != YP_NIL ? port : http ? 80 : 443;
	if (tls) {
		probe->verify = knotd_conf_mod(mod, OPT_PROBE_VERIFY).single.boolean;
	}
	if (tls || http) {
		read_host(mod, probe);
	}
	if (http || https) {
		read_http(mod, probe);
	}
}
