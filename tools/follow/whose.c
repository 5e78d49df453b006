#include "follow/whose.h"

#include <arpa/inet.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ask.h"

#define LOCAL     "local "
#define ELSEWHERE "at "

/* Addresses. */

/*! An address and its port in one form: one of IPv4 that is written as one of IPv6 is that of IPv4. */
typedef struct {
	uint8_t at[16];
	in_port_t port;
	uint32_t scope;
	int family;
} place_t;

static place_t place_of(const struct sockaddr_storage *server)
{
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)server;
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)server;
	place_t place = { .family = server->ss_family };
	if (server->ss_family == AF_INET) {
		memcpy(place.at, &v4->sin_addr, sizeof(v4->sin_addr));
		place.port = ntohs(v4->sin_port);
	} else if (IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr)) {
		memcpy(place.at, &v6->sin6_addr.s6_addr[12], sizeof(v4->sin_addr));
		place.port = ntohs(v6->sin6_port);
		place.family = AF_INET;
	} else {
		memcpy(place.at, &v6->sin6_addr, sizeof(v6->sin6_addr));
		place.port = ntohs(v6->sin6_port);
		place.scope = v6->sin6_scope_id;
	}
	return place;
}

static bool is_same(const place_t *one, const place_t *other)
{
	return one->family == other->family && one->port == other->port &&
	       one->scope == other->scope && memcmp(one->at, other->at, sizeof(one->at)) == 0;
}

/* What is noted. */

/*! The path of a socket without what leads elsewhere, as far as that can be told. */
static void write_path(const char *socket, char *text, size_t size)
{
	char path[PATH_MAX];
	(void)snprintf(text, size, LOCAL "%.*s", KANAME_WHOSE_MAX - 20,
	               realpath(socket, path) != NULL ? path : socket);
}

void kaname_whose_write(const kaname_whose_t *whose, char text[KANAME_WHOSE_MAX])
{
	if (whose->socket != NULL) {
		write_path(whose->socket, text, KANAME_WHOSE_MAX);
		return;
	}
	const place_t place = place_of(whose->server);
	char address[INET6_ADDRSTRLEN] = "", scope[16] = "";
	(void)inet_ntop(place.family, place.at, address, sizeof(address));
	if (place.scope != 0) {
		(void)snprintf(scope, sizeof(scope), "%%%u", place.scope);
	}
	(void)snprintf(text, KANAME_WHOSE_MAX, ELSEWHERE "%s%s@%u", address, scope, place.port);
}

/*! Is it where the local knotd listens? */
static bool is_local(const kaname_whose_t *whose, const struct sockaddr_storage *noted)
{
	const place_t former = place_of(noted);
	for (size_t i = 0; i < whose->listen->count; i++) {
		struct sockaddr_storage address;
		if (kaname_address_read(whose->listen->at[i], &address)) {
			const place_t now = place_of(&address);
			if (is_same(&now, &former)) {
				return true;
			}
		}
	}
	return false;
}

bool kaname_whose_is(const kaname_whose_t *whose, const char *noted)
{
	char own[KANAME_WHOSE_MAX];
	struct sockaddr_storage server;
	kaname_whose_write(whose, own);
	if (strcmp(noted, own) == 0) {
		return true;
	}
	if (strncmp(noted, ELSEWHERE, strlen(ELSEWHERE)) != 0 ||
	    !kaname_address_read(noted + strlen(ELSEWHERE), &server)) {
		return false;
	}
	if (whose->socket != NULL) {
		return is_local(whose, &server);
	}
	const place_t place = place_of(&server), now = place_of(whose->server);
	return is_same(&place, &now);
}

const char *kaname_whose_tell(const char *noted, char text[KANAME_WHOSE_MAX])
{
	bool local = strncmp(noted, LOCAL, strlen(LOCAL)) == 0;
	bool elsewhere = strncmp(noted, ELSEWHERE, strlen(ELSEWHERE)) == 0;
	(void)snprintf(text, KANAME_WHOSE_MAX, "the %s%.*s", local ? "knotd of " : "primary ",
	               KANAME_WHOSE_MAX - 20,
	               noted + (local       ? strlen(LOCAL)
	                        : elsewhere ? strlen(ELSEWHERE)
	                                    : 0));
	return text;
}
