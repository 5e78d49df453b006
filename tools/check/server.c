#include "check/check.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <libknot/libknot.h>

#include "socket.h"
#include "text.h"

/* The server and the zone. */

static kaname_exit_t check_server(kaname_check_t *check)
{
	kaname_exit_t ret = kaname_control_version(&check->control, check->version);
	if (ret == KANAME_OK) {
		kaname_good("knotd answers to control commands (%s)", check->version);
	}
	return ret;
}

static void count_unit(void *ctx, knot_ctl_data_t *data)
{
	(*(unsigned *)ctx)++;
}

/*! Does the apex have records of this type? */
static kaname_exit_t has_type(kaname_check_t *check, const char *type, bool *has)
{
	unsigned count = 0;
	knot_ctl_data_t ask = {
		[KNOT_CTL_IDX_CMD] = "zone-read",
		[KNOT_CTL_IDX_ZONE] = check->zone,
		[KNOT_CTL_IDX_OWNER] = "@",
		[KNOT_CTL_IDX_TYPE] = type,
	};
	kaname_exit_t ret = kaname_control_ask(&check->control, &ask, count_unit, &count);
	*has = count > 0;
	return ret;
}

static kaname_exit_t check_zone(kaname_check_t *check)
{
	bool soa;
	kaname_exit_t ret = has_type(check, "SOA", &soa);
	if (ret == KANAME_NO && kaname_control_refused(&check->control, KNOT_ENOZONE)) {
		kaname_bad(check, "add it to the configuration, then 'knotc reload'",
		           "the server has no zone %s", check->zone);
	} else if (ret == KANAME_NO || (ret == KANAME_OK && !soa)) {
		kaname_bad(check,
		           "the server's log says why; 'knotc zone-check' looks at the file, "
		           "where 'kaname zone' writes ANAME records so that knotd reads them",
		           "the zone is configured, but not loaded (%s)",
		           ret == KANAME_NO ? check->control.error : "it has no SOA");
		ret = KANAME_NO;
	} else if (ret == KANAME_OK) {
		kaname_good("the zone is loaded");
	}
	return ret;
}

/* The configuration. */

/*! Is a value of the list a reference to this module? */
static bool is_module(const char *value, const char *module)
{
	size_t len = strlen(module);
	return strncmp(value, module, len) == 0 && (value[len] == '\0' || value[len] == '/');
}

/*! Where a module stands in the list, from 1 on; 0 if it does not. */
static size_t position_of(const kaname_check_t *check, const char *module)
{
	for (size_t i = 0; i < check->modules.count; i++) {
		if (is_module(check->modules.at[i], module)) {
			return i + 1;
		}
	}
	return 0;
}

/*! Is the module at work for the zone? What is not loaded has no counters. */
static kaname_exit_t check_loaded(kaname_check_t *check, bool listed)
{
	unsigned counters = 0;
	knot_ctl_data_t ask = {
		[KNOT_CTL_IDX_CMD] = "zone-stats",
		[KNOT_CTL_IDX_FLAGS] = "F",
		[KNOT_CTL_IDX_ZONE] = check->zone,
		[KNOT_CTL_IDX_SECTION] = "mod-aname",
	};
	kaname_exit_t ret = kaname_control_ask(&check->control, &ask, count_unit, &counters);
	if (ret == KANAME_IO) {
		return ret;
	}
	check->is_loaded = counters > 0;
	if (check->is_loaded) {
		kaname_good("mod-aname is loaded for the zone");
	} else if (listed) {
		kaname_bad(check, "the server's log says why; after an installation restart knotd",
		           "mod-aname is in the zone's list of modules, but not loaded");
	} else {
		kaname_bad(check,
		           "add 'module: mod-aname' to the zone or its template, then 'knotc "
		           "conf-check' and 'knotc reload'",
		           "mod-aname is not in the zone's list of modules");
	}
	return KANAME_OK;
}

static void check_order(kaname_check_t *check)
{
	unsigned times = 0;
	for (size_t i = 0; i < check->modules.count; i++) {
		times += is_module(check->modules.at[i], "mod-aname");
	}
	if (times > 1) {
		kaname_bad(check, "leave one, with one section",
		           "mod-aname stands %u times in the zone's list of modules, and only the "
		           "first counts",
		           times);
	}
	size_t aname = position_of(check, "mod-aname"),
	       onlinesign = position_of(check, "mod-onlinesign");
	if (position_of(check, "mod-alias") != 0) {
		kaname_bad(check, "take one of the two out of the list",
		           "mod-alias is in the zone's list, too, and takes the same records");
	}
	if (aname == 0 || onlinesign == 0) {
		return;
	}
	if (onlinesign < aname) {
		kaname_bad(
		        check, "put mod-onlinesign last in the list, then 'knotc reload'",
		        "mod-onlinesign stands before mod-aname and does not sign the addresses");
	} else {
		kaname_good("mod-onlinesign stands behind mod-aname and signs the addresses");
		check->is_signed = true;
	}
}

static kaname_exit_t check_modules(kaname_check_t *check)
{
	kaname_exit_t ret =
	        kaname_config_zone(&check->control, check->zone, "module", &check->modules);
	if (ret == KANAME_IO) {
		return ret;
	}
	if (ret == KANAME_NO) {
		kaname_note("the zone comes from a catalog: its list of modules was not looked at");
	}
	ret = check_loaded(check, position_of(check, "mod-aname") != 0);
	check_order(check);
	return ret;
}

/*! A signed zone may be left alone, as the operator wants it. */
static kaname_exit_t check_left_alone(kaname_check_t *check)
{
	kaname_values_t dnssec;
	kaname_exit_t ret = kaname_check_option(check, "dnssec", &dnssec);
	if (ret == KANAME_OK && dnssec.count > 0 && strcmp(dnssec.at[0], "off") == 0) {
		kaname_note("'dnssec: off': clients get what stands in the zone, whoever writes it "
		            "there");
	}
	return ret;
}

static kaname_exit_t check_signing(kaname_check_t *check)
{
	bool keys;
	kaname_exit_t ret = has_type(check, "DNSKEY", &keys);
	if (ret == KANAME_IO) {
		return ret;
	}
	kaname_values_t signing;
	ret = kaname_config_zone(&check->control, check->zone, "dnssec-signing", &signing);
	bool by_knot = ret == KANAME_OK && signing.count > 0 && strcmp(signing.at[0], "on") == 0;
	if (ret == KANAME_IO) {
		return ret;
	}
	if (keys || by_knot) {
		check->is_signed = true;
		kaname_note("the zone is signed%s", by_knot ? " by this server" : "");
		ret = check_left_alone(check);
	} else if (!check->is_signed) {
		kaname_note("the zone is not signed");
	}
	return ret == KANAME_IO ? ret : KANAME_OK;
}

/* The record. */

kaname_exit_t kaname_check_option(kaname_check_t *check, const char *option,
                                  kaname_values_t *values)
{
	values->count = 0;
	size_t position = position_of(check, "mod-aname");
	const char *id = position > 0 ? strchr(check->modules.at[position - 1], '/') : NULL;
	return id != NULL ? kaname_config_read(&check->control, "mod-aname", id + 1, option, values)
	                  : KANAME_OK;
}

bool kaname_check_takes(const kaname_values_t *types, const char *type)
{
	const aname_rrtype_t *it = aname_rrtypes;
	it += strcmp(type, it->generic) != 0;
	for (size_t i = 0; i < types->count; i++) {
		if (strcasecmp(types->at[i], it->generic) == 0 ||
		    strcasecmp(types->at[i], it->word) == 0) {
			return true;
		}
	}
	return types->count == 0;
}

static void check_record(kaname_check_t *check, const kaname_record_t *record,
                         const kaname_values_t *types)
{
	knot_dname_storage_t zone;
	knot_dname_txt_storage_t target;
	if (!record->good || knot_dname_to_str(target, record->target, sizeof(target)) == NULL) {
		kaname_bad(check, "'kaname set' replaces it",
		           "the RDATA of a %s record is no domain name: %s", record->type,
		           record->data);
	} else if (!kaname_check_takes(types, record->type)) {
		kaname_bad(check, "'kaname set' declares it anew, or add the type to 'rrtype'",
		           "the option 'rrtype' does not take %s, the type of the record of %s",
		           record->type, target);
	} else if (record->target[0] == 0) {
		kaname_bad(check, "'kaname set' with the name of a target",
		           "the target is the root");
	} else if (kaname_name_read(zone, check->zone) != NULL &&
	           knot_dname_is_case_equal(zone, record->target)) {
		kaname_bad(check, "'kaname set' with another target",
		           "the target is the zone itself");
	} else {
		kaname_good("the record is well-formed: %s, TTL %u", target, record->ttl);
	}
}

static kaname_exit_t check_records(kaname_check_t *check)
{
	kaname_values_t types;
	kaname_exit_t ret = kaname_check_option(check, "rrtype", &types);
	if (ret == KANAME_IO) {
		return ret;
	}
	ret = kaname_records_read(&check->control, "zone-read", check->zone, KANAME_APEX,
	                          &check->records);
	if (ret != KANAME_OK) {
		return ret;
	}
	if (check->records.count == 0 && check->others.count > 0) {
		kaname_note("the apex has no ANAME or ALIAS record, and other owners have");
		return KANAME_OK;
	}
	if (check->records.count == 0) {
		char next[KANAME_CHECK_TEXT_MAX];
		(void)snprintf(next, sizeof(next), "'kaname set %s TARGET' declares one",
		               check->zone);
		kaname_bad(check, next, "the apex has no ANAME or ALIAS record");
		return KANAME_NO;
	}
	for (size_t i = 0; i < check->records.count; i++) {
		check_record(check, &check->records.at[i], &types);
	}
	if (check->records.count > ANAME_POOL_MAX) {
		kaname_bad(check, "'kaname unset' removes one",
		           "the apex has %zu records, of which only %d are used",
		           check->records.count, ANAME_POOL_MAX);
	}
	return KANAME_OK;
}

/*! Says so where the option `https` does nothing. */
static kaname_exit_t check_https(kaname_check_t *check)
{
	kaname_values_t option;
	bool own = false;
	kaname_exit_t ret = kaname_check_option(check, "https", &option);
	if (ret == KANAME_IO || check->records.count == 0 || option.count == 0 ||
	    strcmp(option.at[0], "alias") != 0) {
		return ret == KANAME_IO ? ret : KANAME_OK;
	}
	ret = has_type(check, "HTTPS", &own);
	if (own) {
		kaname_note(
		        "'https: alias' does nothing at the apex, the zone has HTTPS records of "
		        "its own there");
	} else if (check->records.count > 1) {
		kaname_note("'https: alias' does nothing at the apex, for several ANAME records "
		            "there is no HTTPS record");
	}
	return ret == KANAME_IO ? ret : KANAME_OK;
}

/* The whole. */

/*! What explains answers. */
static kaname_exit_t read_options(kaname_check_t *check)
{
	const struct {
		const char *option;
		kaname_values_t *values;
	} options[] = {
		{ "deny-address", &check->deny },
		{ "negative-delay", &check->delay },
		{ "prefer", &check->prefer },
		{ "weight", &check->weight },
		{ "answer-targets", &check->answer_targets },
		{ "allow-target", &check->allow },
		{ "deny-target", &check->deny_target },
		{ "all-down", &check->all_down },
		{ "resolver", &check->resolver },
		{ "status-socket", &check->status_socket },
	};
	kaname_exit_t ret = KANAME_OK;
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]) && ret == KANAME_OK; i++) {
		ret = kaname_check_option(check, options[i].option, options[i].values);
	}
	/* Another section may have one. */
	check->is_mute = check->status_socket.count > 0 &&
	                 strcmp(check->status_socket.at[0], ANAME_STATUS_OFF) == 0 &&
	                 check->args->status_socket == NULL && !kaname_socket_is_there(check->args);
	return ret;
}

static kaname_exit_t read_listen(kaname_check_t *check)
{
	return kaname_config_read(&check->control, "server", NULL, "listen", &check->listen);
}

kaname_exit_t kaname_check_server(kaname_check_t *check)
{
	kaname_exit_t (*const steps[])(kaname_check_t *) = {
		check_server,  check_zone,         check_modules,
		check_signing, kaname_check_below, kaname_check_others_read,
		check_records, check_https,        read_options,
		read_listen,
	};
	kaname_exit_t ret = KANAME_OK;
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]) && ret == KANAME_OK; i++) {
		ret = steps[i](check);
	}
	return ret;
}
