#include "check/advice.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "print.h"

/* What is up to this host. */

const char *kaname_check_host_advice(const char *why)
{
	static const char no_way[] =
	        "this host has no way there; without IPv6 that is as it is to be for AAAA, else "
	        "look at 'ip route get'";
	static const char no_files[] = "raise 'LimitNOFILE' of knotd's unit";
	static const char no_memory[] = "this host is short of memory";
	static const char no_port[] = "widen 'net.ipv4.ip_local_port_range', or raise "
	                              "'probe-interval'";
	static const char forbidden[] = "a firewall of this host, or 'IPAddressDeny' of knotd's "
	                                "unit, forbids it";
	static const struct {
		const char *why, *advice;
	} advices[] = {
		{ "network unreachable", no_way },
		{ "this host's network is down", no_way },
		{ "this host has no address for it", no_way },
		{ "this host has not this family", no_way },
		{ "this host has no way to it", no_way },
		{ "this host has no port left", no_port },
		{ "this host forbids it", forbidden },
		{ "too many open files", no_files },
		{ "out of memory", no_memory },
		{ "no CA store can be read",
		  "install the CA certificates (ca-certificates), readable for knotd's user, or "
		  "'probe-verify: off'" },
		{ "the name cannot be in a URL", "'probe-host' names one that can" },
	};
	for (size_t i = 0; i < sizeof(advices) / sizeof(advices[0]); i++) {
		if (strcmp(advices[i].why, why) == 0) {
			return advices[i].advice;
		}
	}
	return NULL;
}

/* What is up to the address, or to what is asked of it. */

/*! What kind of thing a probe has found. */
typedef enum {
	CONNECTION = 0, /*!< None, or it was broken. */
	CERTIFICATE,
	PROTOCOL, /*!< Something else speaks there. */
	STATUS,
	TIME, /*!< There is a connection, and nothing comes in time. */
} cause_t;

static cause_t cause_of(const char *why)
{
	static const struct {
		const char *why;
		cause_t cause;
	} causes[] = {
		{ "status ", STATUS },
		{ "bad certificate", CERTIFICATE },
		{ "TLS handshake failed", PROTOCOL },
		{ "the answer is not HTTP", PROTOCOL },
		{ "closed without an answer", PROTOCOL },
		{ "too much before a status", PROTOCOL },
		{ "no usable answer", PROTOCOL },
		{ "no handshake in time", TIME },
		{ "no status in time", TIME },
	};
	for (size_t i = 0; i < sizeof(causes) / sizeof(causes[0]); i++) {
		if (strncmp(causes[i].why, why, strlen(causes[i].why)) == 0) {
			return causes[i].cause;
		}
	}
	return CONNECTION;
}

/*! The command that asks as the probe does; of one by TLS alone it is the handshake that counts. */
static void write_command(const kaname_line_t *target, const kaname_line_t *address, bool verify,
                          char *text, size_t size)
{
	char host[300], port[sizeof(":65535")] = "";
	const char *at = kaname_field_or(address, ANAME_KEY_ADDRESS, "");
	bool https = strcmp(kaname_field_or(address, ANAME_KEY_PROBE, ""), "http") != 0,
	     ipv6 = strchr(at, ':') != NULL;
	long number = strtol(kaname_field_or(address, ANAME_KEY_PORT, "0"), NULL, 10) & 0xffff;
	(void)snprintf(host, sizeof(host), "%s",
	               kaname_field_or(address, ANAME_KEY_HOST,
	                               kaname_field_or(target, ANAME_KEY_NAME, "")));
	size_t len = strlen(host);
	if (len > 1 && host[len - 1] == '.') {
		host[len - 1] = '\0';
	}
	if (number != (https ? 443 : 80)) {
		(void)snprintf(port, sizeof(port), ":%ld", number);
	}
	(void)snprintf(text, size, "curl -v%s --resolve %s:%ld:%s%s%s http%s://%s%s%s",
	               https && !verify ? "k" : "", host, number, ipv6 ? "[" : "", at,
	               ipv6 ? "]" : "", https ? "s" : "", host, port,
	               kaname_field_or(address, ANAME_KEY_PATH, "/"));
}

void kaname_check_down_advice(const kaname_line_t *target, const kaname_line_t *address, char *text,
                              size_t size)
{
	char command[1000];
	const char *why = kaname_field_or(address, ANAME_KEY_WHY, ""),
	           *port = kaname_field_or(address, ANAME_KEY_PORT, "");
	const char *host = kaname_check_host_advice(why);
	cause_t cause = cause_of(why);
	write_command(target, address, cause == CERTIFICATE, command, sizeof(command));
	if (host != NULL) {
		(void)snprintf(text, size, "the last probe could not be made: %s", host);
	} else if (cause == STATUS) {
		(void)snprintf(text, size,
		               "'%s' shows the answer; 'probe-path' and 'probe-host' are what is "
		               "asked for, 'probe-status' what is good",
		               command);
	} else if (cause == CERTIFICATE) {
		(void)snprintf(text, size,
		               "'%s' says what is wrong with it; 'probe-host' is the name that it "
		               "has to have, 'probe-verify: off' takes any",
		               command);
	} else if (cause == PROTOCOL) {
		(void)snprintf(
		        text, size,
		        "'%s' shows what speaks there; 'probe' and 'probe-port' say what is to",
		        command);
	} else if (cause == TIME) {
		(void)snprintf(text, size, "how long does '%s' take? 'probe-timeout' is the limit",
		               command);
	} else {
		(void)snprintf(text, size,
		               "does it answer from here, on port %s? 'probe-port' may be wrong, "
		               "or a firewall be in the way",
		               port);
	}
}
