#include "check/host.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nets.h"

/*! What the system's resolver reads. */
#define RESOLV_CONF "/etc/resolv.conf"

/* Addresses of this host. */

/*! An address of the configuration, taken apart. */
typedef struct {
	char address[INET6_ADDRSTRLEN]; /*!< As inet_ntop() writes it; empty: it is none. */
	unsigned long port;
} place_t;

/*! Reads ADDRESS or ADDRESS@PORT; what is none, a Unix socket for one, has no address. */
static place_t read_place(const char *text)
{
	place_t place = { .port = 53 };
	char copy[INET6_ADDRSTRLEN] = "";
	uint8_t octets[16];
	size_t len = strcspn(text, "@");
	if (len < sizeof(copy)) {
		memcpy(copy, text, len);
		int family = strchr(copy, ':') != NULL ? AF_INET6 : AF_INET;
		if (inet_pton(family, copy, octets) == 1) {
			(void)inet_ntop(family, octets, place.address, sizeof(place.address));
		}
	}
	if (text[len] == '@') {
		place.port = strtoul(text + len + 1, NULL, 10);
	}
	return place;
}

static bool is_all(const char *address)
{
	return strcmp(address, "0.0.0.0") == 0 || strcmp(address, "::") == 0;
}

static bool is_ipv6(const char *address)
{
	return strchr(address, ':') != NULL;
}

/*! The text of an interface's address; false if it has none of IP. */
static bool interface_text(const struct ifaddrs *interface, char text[INET6_ADDRSTRLEN])
{
	const struct sockaddr *address = interface->ifa_addr;
	if (address == NULL || (address->sa_family != AF_INET && address->sa_family != AF_INET6)) {
		return false;
	}
	const void *octets =
	        address->sa_family == AF_INET
	                ? (const void *)&((const struct sockaddr_in *)address)->sin_addr
	                : (const void *)&((const struct sockaddr_in6 *)address)->sin6_addr;
	return inet_ntop(address->sa_family, octets, text, INET6_ADDRSTRLEN) != NULL;
}

/*! Does any address of this host, of this family, pass? */
static bool any_interface(bool ipv6, bool (*pass)(const char *address, const void *ctx),
                          const void *ctx)
{
	struct ifaddrs *interfaces = NULL;
	bool found = false;
	if (getifaddrs(&interfaces) != 0) {
		return false;
	}
	for (const struct ifaddrs *at = interfaces; at != NULL && !found; at = at->ifa_next) {
		char text[INET6_ADDRSTRLEN];
		found = interface_text(at, text) && is_ipv6(text) == ipv6 && pass(text, ctx);
	}
	freeifaddrs(interfaces);
	return found;
}

static bool is_same(const char *address, const void *other)
{
	return strcmp(address, other) == 0;
}

/*! Is it an address of this host? All of 127.0.0.0/8 are. */
static bool is_local(const char *address)
{
	return kaname_net_holds("127.0.0.0/8", address) || is_all(address) ||
	       any_interface(is_ipv6(address), is_same, address);
}

kaname_host_t kaname_host_compare(const kaname_values_t *listen, const char *server)
{
	const place_t asked = read_place(server);
	kaname_host_t host = KANAME_HOST_OTHER;
	for (size_t i = 0; i < listen->count && asked.address[0] != '\0'; i++) {
		const place_t own = read_place(listen->at[i]);
		if (own.address[0] == '\0' || own.port != asked.port) {
			continue;
		}
		if (strcmp(own.address, asked.address) == 0) {
			return KANAME_HOST_SELF;
		}
		if ((is_all(own.address) && is_ipv6(own.address) == is_ipv6(asked.address) &&
		     is_local(asked.address)) ||
		    is_all(asked.address)) {
			host = KANAME_HOST_MAYBE;
		}
	}
	return host;
}

void kaname_host_resolv_conf(kaname_values_t *servers)
{
	char line[1024], address[256];
	servers->count = 0;
	FILE *file = fopen(RESOLV_CONF, "re");
	while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
		if (servers->count < KANAME_VALUES_MAX &&
		    sscanf(line, "nameserver %255s", address) == 1) {
			(void)snprintf(servers->at[servers->count++], KANAME_VALUE_MAX, "%s",
			               address);
		}
	}
	if (file != NULL) {
		(void)fclose(file);
	}
	if (servers->count == 0) {
		/* As resolv.conf(5) says. */
		(void)snprintf(servers->at[servers->count++], KANAME_VALUE_MAX, "127.0.0.1");
	}
}

/* Of what use addresses are. */

typedef struct {
	const char *net, *why;
	bool within; /*!< It is of use to clients in the same network. */
} range_t;

static const range_t ranges[] = {
	{ "64:ff9b::/96",
	  "which a resolver with DNS64 has made up, for its own network only: 'deny-address: "
	  "64:ff9b::/96' keeps it out, a resolver without DNS64 is better",
	  false },
	{ "0.0.0.0/8", "which is none: filters answer like that", false },
	{ "::", "which is none: filters answer like that", false },
	{ "127.0.0.0/8", "of the loopback: each client asks itself; filters answer like that",
	  false },
	{ "::1", "of the loopback: each client asks itself; filters answer like that", false },
	{ "169.254.0.0/16", "which is link-local: it is reached on one link only", false },
	{ "fe80::/10", "which is link-local: it is reached on one link only", false },
	{ "10.0.0.0/8", NULL, true },
	{ "172.16.0.0/12", NULL, true },
	{ "192.168.0.0/16", NULL, true },
	{ "100.64.0.0/10", NULL, true },
	{ "fc00::/7", NULL, true },
};

static const range_t *range_of(const char *address)
{
	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
		if (kaname_net_holds(ranges[i].net, address)) {
			return &ranges[i];
		}
	}
	return NULL;
}

const char *kaname_host_odd(const char *address, bool is_public)
{
	const range_t *range = range_of(address);
	if (range != NULL && range->within) {
		return is_public ? "which is private, while this server listens on a public "
		                   "address: does its resolver see another view of the name?"
		                 : NULL;
	}
	return range != NULL ? range->why : NULL;
}

static bool is_reached(const char *address, const void *ctx)
{
	return range_of(address) == NULL;
}

bool kaname_host_is_public(const kaname_values_t *listen)
{
	for (size_t i = 0; i < listen->count; i++) {
		const place_t own = read_place(listen->at[i]);
		bool all = is_all(own.address);
		if (own.address[0] != '\0' &&
		    (all ? any_interface(is_ipv6(own.address), is_reached, NULL)
		         : range_of(own.address) == NULL)) {
			return true;
		}
	}
	return false;
}
