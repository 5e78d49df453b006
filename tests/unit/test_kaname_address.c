#include "support/test.h"

#include <arpa/inet.h>

#include "ask.h"

typedef struct {
	const char *proves;
	const char *text;
	const char *address; /*!< NULL: it is refused. */
	uint16_t port;
} row_t;

static const row_t rows[] = {
	{ "an address alone", "192.0.2.1", "192.0.2.1", 53 },
	{ "with a port", "192.0.2.1@5300", "192.0.2.1", 5300 },
	{ "IPv6 with the last port", "2001:db8::1@65535", "2001:db8::1", 65535 },
	{ "all addresses", "0.0.0.0@53", "127.0.0.1", 53 },
	{ "all IPv6 addresses", "::", "::1", 53 },
	{ "a port that is too large", "192.0.2.1@65536", NULL, 0 },
	{ "one of which few bits would be left", "192.0.2.1@99999", NULL, 0 },
	{ "a long one", "192.0.2.1@000000000000000000053", NULL, 0 },
	{ "port 0", "192.0.2.1@0", NULL, 0 },
	{ "no port", "192.0.2.1@", NULL, 0 },
	{ "a sign", "192.0.2.1@+53", NULL, 0 },
	{ "a space", "192.0.2.1@ 53", NULL, 0 },
	{ "a service", "192.0.2.1@domain", NULL, 0 },
	{ "two ports", "192.0.2.1@53@53", NULL, 0 },
	{ "a name", "localhost", NULL, 0 },
	{ "a path", "/run/knot/knot.sock", NULL, 0 },
	{ "nothing", "", NULL, 0 },
};

static void check_row(void **state)
{
	const row_t *row = *state;
	struct sockaddr_storage server = { 0 };
	assert_int_equal(kaname_address_read(row->text, &server), row->address != NULL);
	if (row->address == NULL) {
		return;
	}
	char text[INET6_ADDRSTRLEN];
	bool is_v6 = server.ss_family == AF_INET6;
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&server;
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)&server;
	const void *raw = is_v6 ? (const void *)&v6->sin6_addr : &v4->sin_addr;
	assert_non_null(inet_ntop(server.ss_family, raw, text, sizeof(text)));
	assert_string_equal(text, row->address);
	assert_int_equal(ntohs(is_v6 ? v6->sin6_port : v4->sin_port), row->port);
}

int main(void)
{
	return RUN_ROWS("addresses", rows, check_row);
}
