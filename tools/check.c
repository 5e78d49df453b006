/*!
 * \brief The command check: everything one asks when a zone does not answer as it should.
 *
 * From the outside in: the server, the zone, the configuration, the record, what a client gets,
 * and what the module knows. A line each: `ok`, `note`, or `BAD` with what to do next.
 */

#include <arpa/inet.h>
#include <netdb.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libknot/libknot.h>

#include "ask.h"
#include "config.h"
#include "live.h"
#include "nets.h"
#include "records.h"
#include "text.h"
#include "tool.h"

/*! A reply takes no longer: more than `wait` may be. */
#define REPLY_MS        6000
/*! While a lookup takes longer than a client may wait, it is asked again. */
#define EDE_NOT_READY   14
#define EDE_BLOCKED     15
#define REPEATS         20
#define REPEAT_MS       300
/*! Addresses printed; the others are counted. */
#define ADDRESSES_SHOWN 8
#define TEXT_MAX        2000

typedef struct {
	const kaname_args_t *args;
	kaname_control_t control;
	knot_dname_txt_storage_t zone;
	kaname_records_t records;
	kaname_values_t modules; /*!< The zone's list, in order. */
	kaname_values_t listen;  /*!< The server's addresses. */
	kaname_values_t deny;    /*!< Option `deny-address`. */
	kaname_values_t delay;   /*!< Option `negative-delay`. */
	bool is_loaded, is_signed;
	bool is_asked;              /*!< As a client asks. */
	kaname_answer_t clients[2]; /*!< What a client then got over TCP: A, AAAA. */
	unsigned bad;
	unsigned bad_before; /*!< Of these, what was found before a client's question. */
} check_t;

/* The report. */

__attribute__((format(printf, 2, 0))) static void report(const char *verdict, const char *format,
                                                         va_list args)
{
	(void)printf("%-6s", verdict);
	(void)vprintf(format, args);
	(void)putchar('\n');
}

__attribute__((format(printf, 1, 2))) static void good(const char *format, ...)
{
	va_list args;
	va_start(args, format);
	report("ok", format, args);
	va_end(args);
}

__attribute__((format(printf, 1, 2))) static void note(const char *format, ...)
{
	va_list args;
	va_start(args, format);
	report("note", format, args);
	va_end(args);
}

/*! What is wrong, and what to do next. */
__attribute__((format(printf, 3, 4))) static void bad(check_t *check, const char *next,
                                                      const char *format, ...)
{
	va_list args;
	va_start(args, format);
	report("BAD", format, args);
	va_end(args);
	(void)printf("%-6snext: %s\n", "", next);
	check->bad++;
}

/* The server and the zone. */

static void take_version(void *ctx, knot_ctl_data_t *data)
{
	const char *text = (*data)[KNOT_CTL_IDX_DATA];
	if (text != NULL) {
		(void)snprintf(ctx, 100, "%s", text);
	}
}

static kaname_exit_t check_server(check_t *check)
{
	char version[100] = "";
	knot_ctl_data_t ask = { [KNOT_CTL_IDX_CMD] = "status", [KNOT_CTL_IDX_TYPE] = "version" };
	kaname_exit_t ret = kaname_control_ask(&check->control, &ask, take_version, version);
	if (ret != KANAME_IO) {
		good("knotd answers to control commands (%s)", version[0] != '\0' ? version : "?");
	}
	return ret == KANAME_IO ? ret : KANAME_OK;
}

static void count_unit(void *ctx, knot_ctl_data_t *data)
{
	(*(unsigned *)ctx)++;
}

/*! Does the apex have records of this type? */
static kaname_exit_t has_type(check_t *check, const char *type, bool *has)
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

static kaname_exit_t check_zone(check_t *check)
{
	bool soa;
	kaname_exit_t ret = has_type(check, "SOA", &soa);
	if (ret == KANAME_NO && kaname_control_refused(&check->control, KNOT_ENOZONE)) {
		bad(check, "add it to the configuration, then 'knotc reload'",
		    "the server has no zone %s", check->zone);
	} else if (ret == KANAME_NO || (ret == KANAME_OK && !soa)) {
		bad(check, "the server's log says why; 'knotc zone-check' looks at the file",
		    "the zone is configured, but not loaded (%s)",
		    ret == KANAME_NO ? check->control.error : "it has no SOA");
		ret = KANAME_NO;
	} else if (ret == KANAME_OK) {
		good("the zone is loaded");
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
static size_t place_of(const check_t *check, const char *module)
{
	for (size_t i = 0; i < check->modules.count; i++) {
		if (is_module(check->modules.at[i], module)) {
			return i + 1;
		}
	}
	return 0;
}

/*! Is the module at work for the zone? What is not loaded has no counters. */
static kaname_exit_t check_loaded(check_t *check, bool listed)
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
		good("mod-aname is loaded for the zone");
	} else if (listed) {
		bad(check, "the server's log says why; after an installation restart knotd",
		    "mod-aname is in the zone's list of modules, but not loaded");
	} else {
		bad(check,
		    "add 'module: mod-aname' to the zone or its template, then 'knotc "
		    "conf-check' and 'knotc reload'",
		    "mod-aname is not in the zone's list of modules");
	}
	return KANAME_OK;
}

static void check_order(check_t *check)
{
	size_t own = place_of(check, "mod-aname"), onlinesign = place_of(check, "mod-onlinesign");
	if (place_of(check, "mod-alias") != 0) {
		bad(check, "take one of the two out of the list",
		    "mod-alias is in the zone's list, too, and takes the same records");
	}
	if (own == 0 || onlinesign == 0) {
		return;
	}
	if (onlinesign < own) {
		bad(check, "put mod-onlinesign last in the list, then 'knotc reload'",
		    "mod-onlinesign stands before mod-aname and does not sign the addresses");
	} else {
		good("mod-onlinesign stands behind mod-aname and signs the addresses");
		check->is_signed = true;
	}
}

static kaname_exit_t check_modules(check_t *check)
{
	kaname_exit_t ret =
	        kaname_config_zone(&check->control, check->zone, "module", &check->modules);
	if (ret == KANAME_IO) {
		return ret;
	}
	if (ret == KANAME_NO) {
		note("the zone comes from a catalog: its list of modules was not looked at");
	}
	ret = check_loaded(check, place_of(check, "mod-aname") != 0);
	check_order(check);
	return ret;
}

static kaname_exit_t check_signing(check_t *check)
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
		note("the zone is signed%s", by_knot ? " by this server" : "");
	} else if (!check->is_signed) {
		note("the zone is not signed");
	}
	return KANAME_OK;
}

/* The record. */

/*! Reads an option of the zone's section; no values if it is not set there. */
static kaname_exit_t read_option(check_t *check, const char *option, kaname_values_t *values)
{
	values->count = 0;
	size_t place = place_of(check, "mod-aname");
	const char *id = place > 0 ? strchr(check->modules.at[place - 1], '/') : NULL;
	return id != NULL ? kaname_config_read(&check->control, "mod-aname", id + 1, option, values)
	                  : KANAME_OK;
}

static bool takes_type(const kaname_values_t *types, const char *type)
{
	const struct kaname_type *it = kaname_types;
	it += strcmp(type, it->generic) != 0;
	for (size_t i = 0; i < types->count; i++) {
		if (strcasecmp(types->at[i], it->generic) == 0 ||
		    strcasecmp(types->at[i], it->word) == 0) {
			return true;
		}
	}
	return types->count == 0;
}

static void check_record(check_t *check, const kaname_record_t *record,
                         const kaname_values_t *types)
{
	knot_dname_storage_t zone;
	knot_dname_txt_storage_t target;
	if (!record->good || knot_dname_to_str(target, record->target, sizeof(target)) == NULL) {
		bad(check, "'kaname set' replaces it",
		    "the RDATA of a %s record is no domain name: %s", record->type, record->data);
	} else if (!takes_type(types, record->type)) {
		bad(check, "'kaname set' declares it anew, or add the type to 'rrtype'",
		    "the option 'rrtype' does not take %s, the type of the record of %s",
		    record->type, target);
	} else if (record->target[0] == 0) {
		bad(check, "'kaname set' with the name of a target", "the target is the root");
	} else if (kaname_name_read(zone, check->zone) != NULL &&
	           knot_dname_is_case_equal(zone, record->target)) {
		bad(check, "'kaname set' with another target", "the target is the zone itself");
	} else {
		good("the record is well-formed: %s, TTL %u", target, record->ttl);
	}
}

static kaname_exit_t check_records(check_t *check)
{
	kaname_values_t types;
	kaname_exit_t ret = read_option(check, "rrtype", &types);
	if (ret == KANAME_IO) {
		return ret;
	}
	ret = kaname_records_read(&check->control, "zone-read", check->zone, &check->records);
	if (ret != KANAME_OK) {
		return ret;
	}
	if (check->records.count == 0) {
		char next[TEXT_MAX];
		(void)snprintf(next, sizeof(next), "'kaname set %s TARGET' declares one",
		               check->zone);
		bad(check, next, "the apex has no ANAME or ALIAS record");
		return KANAME_NO;
	}
	for (size_t i = 0; i < check->records.count; i++) {
		check_record(check, &check->records.at[i], &types);
	}
	return KANAME_OK;
}

/* What a client gets. */

/*! Reads ADDRESS[@PORT]; an address of all becomes that of the loopback. */
static bool read_address(const char *text, struct sockaddr_storage *server)
{
	char address[KANAME_VALUE_MAX];
	(void)snprintf(address, sizeof(address), "%s", text);
	char *port = strchr(address, '@');
	if (port != NULL) {
		*port++ = '\0';
	}
	if (strcmp(address, "0.0.0.0") == 0) {
		(void)snprintf(address, sizeof(address), "127.0.0.1");
	} else if (strcmp(address, "::") == 0) {
		(void)snprintf(address, sizeof(address), "::1");
	}
	const struct addrinfo hints = { .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
		                        .ai_socktype = SOCK_DGRAM };
	struct addrinfo *info;
	if (getaddrinfo(address, port != NULL ? port : "53", &hints, &info) != 0) {
		return false;
	}
	memcpy(server, info->ai_addr, info->ai_addrlen);
	freeaddrinfo(info);
	return true;
}

/*! Writes the addresses of an answer, or what there is in place of them. */
static void list_addresses(const kaname_answer_t *answer, char text[TEXT_MAX])
{
	size_t used = 0;
	text[0] = '\0';
	for (unsigned i = 0; i < answer->count && i < ADDRESSES_SHOWN; i++) {
		used += snprintf(text + used, TEXT_MAX - used, " %s", answer->addresses[i]);
	}
	if (answer->count > ADDRESSES_SHOWN) {
		(void)snprintf(text + used, TEXT_MAX - used, " and %u more",
		               answer->count - ADDRESSES_SHOWN);
	}
}

static const char *rcode_text(uint8_t rcode)
{
	const knot_lookup_t *found = knot_lookup_by_id(knot_rcode_names, rcode);
	return found != NULL ? found->name : "an unknown code";
}

/*! Where the reason for a bad answer is found. */
static const char *reason_at(const check_t *check, int ede)
{
	if (ede == EDE_BLOCKED) {
		return "the log names the option: 'allow-target', 'deny-target' or 'deny-address'";
	}
	return check->bad_before > 0 ? "what is BAD above comes first" : "see the target below";
}

/*! Judges an answer. Returns whether it has addresses. */
static bool judge(check_t *check, const kaname_question_t *question, const kaname_answer_t *answer,
                  const char *what)
{
	char list[TEXT_MAX], ede[100] = "";
	list_addresses(answer, list);
	const char *text = kaname_ede_text(answer->ede);
	if (text != NULL) {
		(void)snprintf(ede, sizeof(ede), " (%s)", text);
	}
	if (answer->failure != NULL) {
		bad(check, "does knotd listen there, and does a firewall let it?", "%s: %s", what,
		    answer->failure);
	} else if (answer->rcode != KNOT_RCODE_NOERROR) {
		bad(check, reason_at(check, answer->ede), "%s: %s%s", what,
		    rcode_text(answer->rcode), ede);
	} else if (answer->truncated) {
		note("%s: truncated%s, the client comes back over TCP", what, ede);
	} else if (answer->count == 0) {
		note("%s: no address of this family", what);
	} else if (answer->ede >= 0) {
		bad(check, reason_at(check, answer->ede), "%s:%s, TTL %u%s", what, list,
		    answer->ttl, ede);
	} else if (check->is_signed && question->dnssec && !answer->is_signed) {
		bad(check, "see 'Signed zones' in the operator's guide",
		    "%s:%s, TTL %u, not signed", what, list, answer->ttl);
	} else {
		good("%s:%s, TTL %u%s", what, list, answer->ttl,
		     answer->is_signed ? ", signed" : "");
	}
	return answer->count > 0;
}

/*! Asks; and again for a while if the answer is that the target is being looked up. */
static void ask_patiently(const kaname_question_t *question, kaname_answer_t *answer)
{
	kaname_ask(question, answer);
	for (int i = 0; i < REPEATS && answer->ede == EDE_NOT_READY; i++) {
		(void)poll(NULL, 0, REPEAT_MS);
		kaname_ask(question, answer);
	}
}

/*! Asks for both families, over TCP first: there a name that is not known yet is waited for. */
static void ask_all(check_t *check, const char *address, const struct sockaddr_storage *server)
{
	knot_dname_storage_t zone;
	static kaname_answer_t udp;
	bool any = false;
	kaname_question_t question = { .name = kaname_name_read(zone, check->zone),
		                       .server = *server,
		                       .dnssec = check->is_signed,
		                       .timeout_ms = REPLY_MS };
	check->bad_before = check->bad;
	for (int tcp = 1; tcp >= 0; tcp--) {
		for (int family = 0; family < 2; family++) {
			char what[KANAME_VALUE_MAX + 40];
			kaname_answer_t *answer = tcp ? &check->clients[family] : &udp;
			question.tcp = tcp;
			question.type = family == 0 ? KNOT_RRTYPE_A : KNOT_RRTYPE_AAAA;
			(void)snprintf(what, sizeof(what), "a client gets over %s from %s, %s",
			               tcp ? "TCP" : "UDP", address, family == 0 ? "A" : "AAAA");
			ask_patiently(&question, answer);
			any |= judge(check, &question, answer, what);
		}
	}
	check->is_asked = true;
	if (!any) {
		bad(check,
		    check->bad > 0 ? "what is BAD above comes first"
		                   : "is the target's name right? It is below; 'kaname set' with "
		                     "another one mends it",
		    "no client gets an address");
	}
}

/*! What explains answers. */
static kaname_exit_t read_options(check_t *check)
{
	kaname_exit_t ret = read_option(check, "deny-address", &check->deny);
	return ret == KANAME_OK ? read_option(check, "negative-delay", &check->delay) : ret;
}

static kaname_exit_t read_listen(check_t *check)
{
	return kaname_config_read(&check->control, "server", NULL, "listen", &check->listen);
}

static void check_clients(check_t *check)
{
	/* One is enough. */
	for (size_t i = 0; i < check->listen.count; i++) {
		struct sockaddr_storage server = { 0 };
		if (read_address(check->listen.at[i], &server)) {
			ask_all(check, check->listen.at[i], &server);
			return;
		}
	}
	note("no address in server.listen that could be asked");
}

/* What the module knows. */

static const char *const families[] = { "A", "AAAA" };

static const char *of(const kaname_line_t *line, const char *key)
{
	const char *value = kaname_live_field(line, key);
	return value != NULL ? value : "";
}

/*! The option that has kdig ask from where the module asks; "" if there is none. */
static void source_option(const kaname_line_t *line, const char *server, char *option, size_t size)
{
	bool ipv6 = strchr(server, ':') != NULL;
	option[0] = '\0';
	for (const char *at = of(line, "via"); *at != '\0'; at += at[0] == ',') {
		size_t len = strcspn(at, ",");
		if ((memchr(at, ':', len) != NULL) == ipv6) {
			(void)snprintf(option, size, "-b %.*s ", (int)len, at);
		}
		at += len;
	}
}

/*! A target that had addresses, and has none of either family any more. */
static void tell_gone(check_t *check, const kaname_line_t *line, const char *what)
{
	char next[TEXT_MAX];
	if (check->delay.count > 0 && strtol(check->delay.at[0], NULL, 10) > 0) {
		(void)snprintf(next, sizeof(next),
		               "ask whoever runs it, or 'kaname set' with another one; its last "
		               "addresses stay in use for as long as 'negative-delay: %s' says",
		               check->delay.at[0]);
	} else {
		(void)snprintf(next, sizeof(next),
		               "ask whoever runs it, or 'kaname set' with another one; with "
		               "'negative-delay' its last addresses stay in use for a while");
	}
	bad(check, next, "%s: is gone for %s s (%s), and had addresses before; asked: %s", what,
	    of(line, "gone"),
	    strcmp(of(line, "denial"), "NXDOMAIN") == 0 ? "NXDOMAIN"
	                                                : "no address of either family",
	    of(line, "resolver"));
}

static void check_target(check_t *check, const kaname_line_t *line)
{
	const char *state = of(line, "state"), *failing = kaname_live_field(line, "failing");
	const char *addresses = of(line, "addresses"), *resolver = of(line, "resolver");
	char what[TEXT_MAX], next[TEXT_MAX];
	(void)snprintf(what, sizeof(what), "target %s %s", of(line, "name"), of(line, "family"));
	if (strcmp(resolver, "system") == 0) {
		(void)snprintf(next, sizeof(next), "'getent ahosts %s' asks the same resolver",
		               of(line, "name"));
	} else {
		char source[INET6_ADDRSTRLEN + sizeof("-b ")];
		source_option(line, resolver, source, sizeof(source));
		(void)snprintf(next, sizeof(next), "'kdig %s@%.*s %s %s' asks the same resolver",
		               source, (int)strcspn(resolver, "@"), resolver, of(line, "name"),
		               of(line, "family"));
	}
	if (failing == NULL && kaname_live_field(line, "gone") != NULL) {
		tell_gone(check, line, what);
	} else if (failing != NULL) {
		bad(check, next,
		    "%s: cannot be resolved for %s s (%s), asked: %s; %s%s, next lookup in %s s",
		    what, failing, of(line, "why"), resolver,
		    addresses[0] != '\0' ? "held: " : "nothing is held", addresses,
		    of(line, "next"));
	} else if (addresses[0] != '\0') {
		good("%s: resolvable, asked: %s %s s ago; %s, TTL left %s s, held: %s", what,
		     resolver, of(line, "age"), state, of(line, "ttl"), addresses);
	} else if (strcmp(state, "nodata") == 0 || strcmp(state, "late") == 0 ||
	           strcmp(state, "stale") == 0) {
		note("%s: resolvable, asked: %s %s s ago; it has no address of this family, TTL "
		     "left %s s",
		     what, resolver, of(line, "age"), of(line, "ttl"));
	} else {
		note("%s: not looked up yet", what);
	}
}

/*! Is it being looked up for the first time? */
static bool is_pending(const kaname_line_t *line)
{
	return strcmp(of(line, "state"), "cold") == 0 && kaname_live_field(line, "next") != NULL;
}

/*! Asks the module; and again for a while if targets are being looked up. */
static kaname_exit_t read_live(check_t *check, kaname_live_t *live)
{
	kaname_exit_t ret = kaname_live_read(check->args, &check->records, live);
	for (int i = 0; i < REPEATS && ret == KANAME_OK; i++) {
		size_t settled = 0;
		while (settled < live->count && !is_pending(&live->targets[settled])) {
			settled++;
		}
		if (settled == live->count) {
			break;
		}
		kaname_live_free(live);
		(void)poll(NULL, 0, REPEAT_MS);
		ret = kaname_live_read(check->args, &check->records, live);
	}
	return ret;
}

/*! What clients get of the addresses that are held, of one family. */
typedef struct {
	bool any;     /*!< There are some. */
	bool allowed; /*!< `deny-address` leaves some of them. */
	bool served;  /*!< Some are in the answer. */
} held_t;

static bool is_denied(const check_t *check, const char *address)
{
	for (size_t i = 0; i < check->deny.count; i++) {
		if (kaname_net_holds(check->deny.at[i], address)) {
			return true;
		}
	}
	return false;
}

static bool is_served(const kaname_answer_t *answer, const char *address)
{
	for (unsigned i = 0; i < answer->count && i < KANAME_ADDRESSES_MAX; i++) {
		if (strcmp(answer->addresses[i], address) == 0) {
			return true;
		}
	}
	return false;
}

/*! Takes the addresses of a target, with commas between them. */
static void take_held(const check_t *check, const char *addresses, const kaname_answer_t *answer,
                      held_t *held)
{
	for (const char *at = addresses; *at != '\0'; at += strspn(at, ",")) {
		char address[INET6_ADDRSTRLEN];
		size_t len = strcspn(at, ",");
		(void)snprintf(address, sizeof(address), "%.*s", (int)len, at);
		held->any = true;
		held->allowed |= !is_denied(check, address);
		held->served |= is_served(answer, address);
		at += len;
	}
}

static held_t read_held(const check_t *check, const kaname_live_t *live, int family)
{
	held_t held = { 0 };
	for (size_t i = 0; i < live->count; i++) {
		const kaname_line_t *line = &live->targets[i];
		if (strcmp(of(line, "family"), families[family]) == 0 &&
		    kaname_live_field(line, "subnet") == NULL &&
		    kaname_live_field(line, "failing") == NULL) {
			take_held(check, of(line, "addresses"), &check->clients[family], &held);
		}
	}
	return held;
}

/*! Policy has left none of a family; that is as it is to be while the other one has some. */
static void tell_denied(check_t *check, const char *family, bool other)
{
	if (other) {
		note("all addresses that are held, %s, are in networks of 'deny-address': a client "
		     "gets none of them",
		     family);
		return;
	}
	bad(check, "are these addresses right? If so, 'deny-address' is to let them",
	    "all addresses that are held, %s, are in networks of 'deny-address'", family);
}

/*! Does a client who gets an answer get what is held for it, and not what is in the zone? */
static void check_served(check_t *check, const held_t held[2], int family)
{
	const kaname_answer_t *answer = &check->clients[family];
	if (!check->is_asked || answer->failure != NULL || answer->rcode != KNOT_RCODE_NOERROR ||
	    answer->ede >= 0 || !held[family].any || held[family].served) {
		return;
	}
	if (!held[family].allowed) {
		tell_denied(check, families[family], held[1 - family].allowed);
		return;
	}
	const char *next = "does another module in the zone's list answer for the apex?";
	if (check->is_signed) {
		next = "the log says why, if not 'dnssec: off'; see 'Signed zones' in the "
		       "operator's guide";
	} else if (check->modules.count == 0 || check->deny.count == KANAME_VALUES_MAX) {
		/* Not all that the section says was read. */
		next = "does 'deny-address' take them, or does another module in the template's "
		       "list answer for the apex?";
	}
	bad(check, next, "a client gets none of the addresses that are held, %s", families[family]);
}

static void check_live(check_t *check)
{
	kaname_live_t live;
	if (read_live(check, &live) != KANAME_OK) {
		bad(check, "see above; without it the log is what there is",
		    "what the module knows could not be asked");
		return;
	}
	unsigned subnets = 0, failing = 0;
	for (size_t i = 0; i < live.count; i++) {
		const kaname_line_t *line = &live.targets[i];
		if (kaname_live_field(line, "subnet") == NULL) {
			check_target(check, line);
		} else {
			subnets++;
			failing += kaname_live_field(line, "failing") != NULL;
		}
	}
	if (subnets > 0) {
		note("%u answers for client subnets are held, %u of them failing; 'kaname status' "
		     "shows them",
		     subnets, failing);
	}
	if (live.count == 0) {
		note("the module knows nothing of the target: it was not asked for it");
	}
	const held_t held[2] = { read_held(check, &live, 0), read_held(check, &live, 1) };
	check_served(check, held, 0);
	check_served(check, held, 1);
	kaname_live_free(&live);
}

/* The whole. */

/*! What is asked by control; the rest is not worth asking if one of them stops. */
static kaname_exit_t by_control(check_t *check)
{
	kaname_exit_t (*const steps[])(check_t *) = {
		check_server,  check_zone,   check_modules, check_signing,
		check_records, read_options, read_listen,
	};
	kaname_exit_t ret = KANAME_OK;
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]) && ret == KANAME_OK; i++) {
		ret = steps[i](check);
	}
	return ret;
}

kaname_exit_t kaname_check(const kaname_args_t *args)
{
	static check_t check;
	check.args = args;
	if (!kaname_zone_name(check.zone, args->arguments[0])) {
		return KANAME_NO;
	}
	kaname_exit_t ret = kaname_control_open(&check.control, args);
	if (ret != KANAME_OK) {
		return ret;
	}
	ret = by_control(&check);
	/* Others may want it while clients wait. */
	kaname_control_close(&check.control);
	if (ret == KANAME_OK) {
		check_clients(&check);
	}
	if (ret == KANAME_OK && check.is_loaded) {
		check_live(&check);
	}
	kaname_records_free(&check.records);
	if (ret == KANAME_IO || (ret == KANAME_NO && check.bad == 0)) {
		/* It is told, and nothing can be said of the rest. */
		return ret;
	}
	if (check.bad == 0) {
		(void)printf("%s is as it should be\n", check.zone);
	} else {
		(void)printf("%s: %u thing%s to look at\n", check.zone, check.bad,
		             check.bad == 1 ? "" : "s");
	}
	return check.bad == 0 ? KANAME_OK : KANAME_NO;
}
