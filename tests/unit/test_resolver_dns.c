/* As in what is tested. */
#define CARES_NO_DEPRECATED

#include "support/test.h"

#include <arpa/inet.h>
#include <ares.h>
#include <netinet/in.h>
#include <unistd.h>

#include <libknot/descriptor.h>
#include <libknot/errcode.h>
#include <libknot/packet/wire.h>

#include "service/resolver.h"
#include "support/alloc.h"
#include "support/clock.h"
#include "support/make.h"

#define A    KNOT_RRTYPE_A
#define AAAA KNOT_RRTYPE_AAAA
#define TTL  300

/*! Far more than anything here takes, on any machine. */
#define PATIENCE_MS 60000
/*! Longer than the first pause of a server that did not answer, shorter than the second. */
#define PAUSE_MS    2500
/*! Longer than any pause. */
#define PAUSES_MS   40000

/* Servers: UDP and TCP on one port of loopback, on the loop of the test itself. */

typedef enum {
	ANSWER = 0,
	SILENCE,
	SILENCE_AAAA, /*!< To these only. */
	SERVFAIL,
	REFUSED,
	NODATA,
	TRUNCATE,       /*!< Over UDP; answers over TCP. */
	TRUNCATE_EVER,  /*!< Over TCP, too. */
	NO_EDNS,        /*!< FORMERR if there is an OPT record. */
	AUTHENTIC,      /*!< Answers with AD. */
	GARBAGE,        /*!< Instead of an answer. */
	WRONG_ID,       /*!< Answers with another identifier first. */
	WRONG_QUESTION, /*!< Answers another question first. */
	ELSEWHERE,      /*!< Answers from another port first. */
	HANG_UP,        /*!< Like TRUNCATE, but over TCP it closes. */
	MUTE,           /*!< Like TRUNCATE; connections made meanwhile are never answered. */
	COOKIE,         /*!< Answers with a DNS cookie, if there is one in the query. */
	SUBNETS,        /*!< Answers for the client's subnet, if there is one in the query. */
	REFERRAL,       /*!< NS in Authority, and nothing else. */
	LAME,           /*!< Nothing, and neither RA nor AA. */
	ALIASES,        /*!< An alias alone; an address at the last of them. */
	ALIAS,          /*!< An alias alone for the first name, and a REFERRAL for the others. */
} behaviour_t;

typedef struct {
	uv_udp_t udp;
	uv_tcp_t tcp;
	uint16_t port;
	behaviour_t behaviour;
	unsigned addresses; /*!< In an answer. */
	unsigned aliases;   /*!< Of ALIASES, each with a TTL that is one less. */
	unsigned authentic; /*!< Of the first so many aliases AD is set. */
	in_addr_t from;     /*!< Who asked last. */
	unsigned udp_asked, tcp_asked, with_edns, with_ad;
	unsigned seen; /*!< Queries whose port and identifier are noted. */
	uint16_t ports[1024], ids[1024];
} server_t;

typedef struct {
	uv_tcp_t tcp;
	server_t *server;
	bool mute;
	size_t len;
	uint8_t data[600];
} connection_t;

static uv_loop_t loop;
static server_t servers[3];
static uv_udp_t elsewhere;
static aname_resolver_t *resolver;
static uint8_t reply[UINT16_MAX + 2];

static void put_u16(uint8_t **at, uint16_t value)
{
	knot_wire_write_u16(*at, value);
	*at += 2;
}

static void put_addresses(uint8_t **at, uint16_t type, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		uint16_t len = type == A ? 4 : 16;
		put_u16(at, 0xc00c);
		put_u16(at, type);
		put_u16(at, KNOT_CLASS_IN);
		put_u16(at, 0);
		put_u16(at, TTL);
		put_u16(at, len);
		make_address(*at, len, i);
		*at += len;
	}
}

/*! "www" is the first name, "a01" the next, and so on. */
static unsigned nth_of(const uint8_t *name)
{
	return name[1] == 'w' ? 0 : 10 * (name[2] - '0') + name[3] - '0';
}

static void put_alias(uint8_t **at, unsigned nth)
{
	char text[32];
	(void)snprintf(text, sizeof(text), "A%02u.Example.", nth + 1);
	name_t target = make_name(text);
	put_u16(at, 0xc00c);
	put_u16(at, KNOT_RRTYPE_CNAME);
	put_u16(at, KNOT_CLASS_IN);
	put_u16(at, 0);
	put_u16(at, TTL - nth);
	put_u16(at, target.len);
	memcpy(*at, target.at, target.len);
	*at += target.len;
}

static void put_ns(uint8_t **at)
{
	put_u16(at, 0xc00c);
	put_u16(at, KNOT_RRTYPE_NS);
	put_u16(at, KNOT_CLASS_IN);
	put_u16(at, 0);
	put_u16(at, TTL);
	put_u16(at, 1);
	*(*at)++ = 0;
}

/*! Writes what a server says that does not recurse. */
static void put_unfinished(const server_t *server, uint8_t *wire, uint8_t **at, uint16_t type)
{
	unsigned nth = nth_of(wire + 12);
	if (server->behaviour == ALIASES && nth == server->aliases) {
		put_addresses(at, type, server->addresses);
		knot_wire_set_ancount(wire, server->addresses);
	} else if (server->behaviour == ALIASES || (server->behaviour == ALIAS && nth == 0)) {
		put_alias(at, nth);
		knot_wire_set_ancount(wire, 1);
	} else {
		put_ns(at);
		knot_wire_set_nscount(wire, 1);
	}
	if (nth < server->authentic) {
		knot_wire_set_ad(wire);
	}
}

/*! Puts an OPT record with the client's cookie and one of the server, if there is the former in the
 *  query's OPT, which begins at `opt`. The option is c-ares's own, and the only one. */
static void put_cookie(const uint8_t *opt, uint8_t *wire, uint8_t **at)
{
	enum { CODE = 10, CLIENT = 8, SERVER = 8 };
	if (knot_wire_get_arcount(wire) != 0 || knot_wire_read_u16(opt + 9) < 4 + CLIENT ||
	    knot_wire_read_u16(opt + 11) != CODE) {
		return;
	}
	*(*at)++ = 0;
	put_u16(at, KNOT_RRTYPE_OPT);
	put_u16(at, 1232);
	put_u16(at, 0);
	put_u16(at, 0);
	put_u16(at, 4 + CLIENT + SERVER);
	put_u16(at, CODE);
	put_u16(at, CLIENT + SERVER);
	memcpy(*at, opt + 15, CLIENT);
	memset(*at + CLIENT, 0x5a, SERVER);
	*at += CLIENT + SERVER;
	knot_wire_set_arcount(wire, 1);
}

/*! Puts an OPT record, with the client's subnet if there is one in the query's OPT, at `opt`. */
static void put_subnet(const uint8_t *opt, uint8_t *wire, uint8_t **at)
{
	enum { CODE = 8 };
	const uint8_t *option = opt + 11, *end = option + knot_wire_read_u16(opt + 9);
	while (option < end && knot_wire_read_u16(option) != CODE) {
		option += 4 + knot_wire_read_u16(option + 2);
	}
	uint16_t len = option < end ? 4 + knot_wire_read_u16(option + 2) : 0;
	*(*at)++ = 0;
	put_u16(at, KNOT_RRTYPE_OPT);
	put_u16(at, 1232);
	put_u16(at, 0);
	put_u16(at, 0);
	put_u16(at, len);
	if (len > 0) {
		memcpy(*at, option, len);
		/* For a network as large as the one that was asked for. */
		(*at)[7] = (*at)[6];
	}
	*at += len;
	knot_wire_set_arcount(wire, 1);
}

/*! Writes the reply behind the two octets of a length; returns its own length. */
static size_t make_reply(const server_t *server, const uint8_t *query, bool tcp)
{
	uint8_t *wire = reply + 2, *at = wire + 12;
	size_t question = knot_dname_size(query + 12) + 4;
	uint16_t type = knot_wire_read_u16(query + 12 + question - 4);
	bool edns = knot_wire_get_arcount(query) > 0;
	memcpy(wire, query, 12 + question);
	knot_wire_write_u16(wire + 2, 0x8180);
	knot_wire_set_arcount(wire, 0);
	at += question;

	bool truncated = (server->behaviour == TRUNCATE || server->behaviour == HANG_UP ||
	                  server->behaviour == MUTE) &&
	                 !tcp;
	if (truncated || server->behaviour == TRUNCATE_EVER) {
		knot_wire_set_tc(wire);
	} else if (server->behaviour == SERVFAIL) {
		knot_wire_set_rcode(wire, KNOT_RCODE_SERVFAIL);
	} else if (server->behaviour == REFUSED) {
		knot_wire_set_rcode(wire, KNOT_RCODE_REFUSED);
	} else if (server->behaviour == NO_EDNS && edns) {
		knot_wire_set_rcode(wire, KNOT_RCODE_FORMERR);
	} else if (server->behaviour == GARBAGE) {
		memset(at, 0xff, 20);
		at += 20;
		knot_wire_set_ancount(wire, 1);
	} else if (server->behaviour == LAME) {
		knot_wire_clear_ra(wire);
	} else if (server->behaviour >= REFERRAL) {
		put_unfinished(server, wire, &at, type);
	} else if (server->behaviour != NODATA) {
		put_addresses(&at, type, server->addresses);
		knot_wire_set_ancount(wire, server->addresses);
	}
	if (server->behaviour == AUTHENTIC) {
		knot_wire_set_ad(wire);
	} else if (server->behaviour == COOKIE) {
		put_cookie(query + 12 + question, wire, &at);
	} else if (server->behaviour == SUBNETS && edns) {
		put_subnet(query + 12 + question, wire, &at);
	}
	return at - wire;
}

static void note(server_t *server, const uint8_t *query, const struct sockaddr *from)
{
	server->with_edns += knot_wire_get_arcount(query) > 0;
	server->with_ad += knot_wire_get_ad(query) != 0;
	assert_true(knot_wire_get_rd(query));
	if (from != NULL) {
		server->from = ((const struct sockaddr_in *)from)->sin_addr.s_addr;
	}
	if (server->seen < COUNT_OF(server->ports) && from != NULL) {
		server->ports[server->seen] = ((const struct sockaddr_in *)from)->sin_port;
		server->ids[server->seen] = knot_wire_get_id(query);
		server->seen++;
	}
}

static void send_udp(uv_udp_t *udp, const struct sockaddr *to, size_t len)
{
	uv_buf_t buf = uv_buf_init((char *)reply + 2, len);
	(void)uv_udp_try_send(udp, &buf, 1, to);
}

/*! Sends what is not to be believed: addresses that the answer does not have. */
static void send_lies(server_t *server, const uint8_t *query, const struct sockaddr *to)
{
	unsigned addresses = server->addresses;
	server->addresses = 7;
	size_t len = make_reply(server, query, false);
	server->addresses = addresses;
	if (server->behaviour == WRONG_ID) {
		reply[2] ^= 0x55;
		send_udp(&server->udp, to, len);
	} else if (server->behaviour == WRONG_QUESTION) {
		reply[2 + 12 + 1] ^= 1;
		send_udp(&server->udp, to, len);
	} else if (server->behaviour == ELSEWHERE) {
		send_udp(&elsewhere, to, len);
	}
}

static void on_alloc(uv_handle_t *handle, size_t size, uv_buf_t *buf)
{
	static char datagram[UINT16_MAX];
	*buf = uv_buf_init(datagram, sizeof(datagram));
}

static void on_query(uv_udp_t *udp, ssize_t len, const uv_buf_t *buf, const struct sockaddr *from,
                     unsigned flags)
{
	server_t *server = udp->data;
	const uint8_t *query = (const uint8_t *)buf->base;
	if (len <= 12 || from == NULL) {
		return;
	}
	server->udp_asked++;
	note(server, query, from);
	uint16_t type = knot_wire_read_u16(query + 12 + knot_dname_size(query + 12));
	if (server->behaviour == SILENCE || (server->behaviour == SILENCE_AAAA && type == AAAA)) {
		return;
	}
	send_lies(server, query, from);
	send_udp(udp, from, make_reply(server, query, false));
}

static void on_connection_closed(uv_handle_t *handle)
{
	free(handle->data);
}

static void hang_up(connection_t *connection)
{
	if (!uv_is_closing((uv_handle_t *)&connection->tcp)) {
		uv_close((uv_handle_t *)&connection->tcp, on_connection_closed);
	}
}

static void on_written(uv_write_t *write, int status)
{
	free(write->data);
	free(write);
}

static void send_tcp(connection_t *connection, size_t len)
{
	knot_wire_write_u16(reply, len);
	uint8_t *copy = malloc(len + 2);
	uv_write_t *write = malloc(sizeof(*write));
	assert_non_null(copy);
	assert_non_null(write);
	memcpy(copy, reply, len + 2);
	write->data = copy;
	uv_buf_t buf = uv_buf_init((char *)copy, len + 2);
	assert_int_equal(uv_write(write, (uv_stream_t *)&connection->tcp, &buf, 1, on_written), 0);
}

static void on_data(uv_stream_t *stream, ssize_t len, const uv_buf_t *buf)
{
	connection_t *connection = stream->data;
	if (len < 0 || connection->len + len > sizeof(connection->data)) {
		hang_up(connection);
		return;
	}
	memcpy(connection->data + connection->len, buf->base, len);
	connection->len += len;
	while (connection->len >= 2 &&
	       connection->len >= 2u + knot_wire_read_u16(connection->data)) {
		size_t size = 2u + knot_wire_read_u16(connection->data);
		server_t *server = connection->server;
		server->tcp_asked++;
		note(server, connection->data + 2, NULL);
		if (server->behaviour == HANG_UP) {
			hang_up(connection);
			return;
		}
		if (server->behaviour != SILENCE && !connection->mute) {
			send_tcp(connection, make_reply(server, connection->data + 2, true));
		}
		connection->len -= size;
		memmove(connection->data, connection->data + size, connection->len);
	}
}

static void on_connection(uv_stream_t *listener, int status)
{
	connection_t *connection = calloc(1, sizeof(*connection));
	assert_int_equal(status, 0);
	assert_non_null(connection);
	connection->server = listener->data;
	connection->mute = connection->server->behaviour == MUTE;
	connection->tcp.data = connection;
	assert_int_equal(uv_tcp_init(&loop, &connection->tcp), 0);
	assert_int_equal(uv_accept(listener, (uv_stream_t *)&connection->tcp), 0);
	assert_int_equal(uv_read_start((uv_stream_t *)&connection->tcp, on_alloc, on_data), 0);
}

/*! The servers' address: of loopback, and of this process alone. At the ports that it closes nobody else
 *  is heard then, nor is it kept from opening them again. */
static struct in_addr at_address(void)
{
	uint32_t pid = (uint32_t)getpid();
	return (struct in_addr){ htonl((UINT32_C(127) << 24) | ((1 + (pid >> 14) % 254) << 16) |
		                       (((pid >> 7) & 127) << 8) | (1 + (pid & 127))) };
}

static struct sockaddr_in at_port(uint16_t port)
{
	return (struct sockaddr_in){ .sin_family = AF_INET,
		                     .sin_port = htons(port),
		                     .sin_addr = at_address() };
}

static uint16_t bind_udp(uv_udp_t *udp)
{
	struct sockaddr_in address = at_port(0);
	int len = sizeof(address);
	assert_int_equal(uv_udp_init(&loop, udp), 0);
	assert_int_equal(uv_udp_bind(udp, (struct sockaddr *)&address, 0), 0);
	assert_int_equal(uv_udp_getsockname(udp, (struct sockaddr *)&address, &len), 0);
	return ntohs(address.sin_port);
}

/*! Finds a port that is free for both; false if this one is not. */
static bool try_listen(server_t *server)
{
	server->port = bind_udp(&server->udp);
	struct sockaddr_in address = at_port(server->port);
	assert_int_equal(uv_tcp_init(&loop, &server->tcp), 0);
	if (uv_tcp_bind(&server->tcp, (struct sockaddr *)&address, 0) == 0 &&
	    uv_listen((uv_stream_t *)&server->tcp, 16, on_connection) == 0) {
		return true;
	}
	uv_close((uv_handle_t *)&server->udp, NULL);
	uv_close((uv_handle_t *)&server->tcp, NULL);
	/* Not until nothing is left to do: the servers before this one listen already. */
	(void)uv_run(&loop, UV_RUN_NOWAIT);
	return false;
}

static void start_server(server_t *server)
{
	memset(server, 0, sizeof(*server));
	while (!try_listen(server)) {
	}
	server->addresses = 1;
	server->udp.data = server;
	server->tcp.data = server;
	int size = 1 << 20;
	(void)uv_recv_buffer_size((uv_handle_t *)&server->udp, &size);
	assert_int_equal(uv_udp_recv_start(&server->udp, on_alloc, on_query), 0);
}

/* What is reported. */

typedef struct {
	unsigned times, succeeded;
	void *ctx;
	aname_result_t result;
	uint8_t addresses[1024 * 16];
	char detail[100];
	unsigned more; /*!< Lookups to be started from within the call. */
} heard_t;

static heard_t heard;
/*! Whose answer is wanted; NULL: everybody's. */
static const aname_subnet_t *client;

static void start(const char *text, uint16_t type, void *ctx, aname_lookup_t **lookup)
{
	name_t name = make_name(text);
	aname_lookup_t *unused = NULL;
	unsigned times = heard.times;
	lookup = lookup != NULL ? lookup : &unused;
	const aname_question_t question = { .name = name.at, .type = type, .client = client };
	assert_int_equal(resolver->api->start(resolver, &question, ctx, lookup), KNOT_EOK);
	assert_non_null(*lookup);
	assert_int_equal(heard.times, times);
}

static void on_done(void *owner, void *ctx, const aname_result_t *result)
{
	assert_ptr_equal(owner, &loop);
	heard.times++;
	heard.succeeded += result->failure == ANAME_FAILURE_NONE;
	heard.ctx = ctx;
	heard.result = *result;
	assert_int_equal(result->known == ANAME_KNOWN_NOTHING,
	                 result->failure != ANAME_FAILURE_NONE);
	size_t size = (size_t)result->count * result->address_len;
	assert_true(size <= sizeof(heard.addresses));
	if (size > 0) {
		memcpy(heard.addresses, result->addresses, size);
	}
	(void)snprintf(heard.detail, sizeof(heard.detail), "%s",
	               result->detail != NULL ? result->detail : "");
	if (heard.more > 0) {
		heard.more--;
		start("more.example.", A, NULL, NULL);
	}
}

static void wait_for(unsigned times)
{
	uv_update_time(&loop);
	uint64_t end_ms = uv_now(&loop) + PATIENCE_MS;
	while (heard.times < times) {
		(void)uv_run(&loop, UV_RUN_ONCE);
		assert_true(uv_now(&loop) < end_ms);
	}
	assert_int_equal(heard.times, times);
}

/*! Looks a name up and waits for the end. */
static void look_up(uint16_t type)
{
	unsigned before = heard.times;
	start("www.example.", type, &heard, NULL);
	wait_for(before + 1);
	assert_ptr_equal(heard.ctx, &heard);
}

static void assert_answer(unsigned count)
{
	assert_int_equal(heard.result.failure, ANAME_FAILURE_NONE);
	assert_int_equal(heard.result.known, ANAME_KNOWN_ADDRESSES);
	assert_int_equal(heard.result.count, count);
	assert_int_equal(heard.result.ttl, TTL);
	for (unsigned i = 0; i < count; i++) {
		uint8_t address[16];
		uint16_t len = heard.result.address_len;
		make_address(address, len, i);
		assert_memory_equal(heard.addresses + (size_t)i * len, address, len);
	}
}

static void assert_failure(aname_failure_t failure)
{
	assert_int_equal(heard.result.failure, failure);
	assert_int_equal(heard.result.count, 0);
	assert_true(strlen(heard.detail) > 0);
}

/* What the tests share. */

/*! What counts for lookups; each test begins with this. The time is more than a busy machine keeps one
 *  from running; where silence has to end there is less. */
static const aname_schedule_t usual = { .timeout_ms = 5000, .retries = 1, .max_aliases = 16 };
#define SILENCE_ENDS_MS 200
static aname_schedule_t schedule;

static aname_source_t make_servers(unsigned count)
{
	aname_source_t source = { .servers_count = count };
	for (unsigned i = 0; i < count; i++) {
		source.servers[i] = (aname_server_t){ .len = 4, .port = servers[i].port };
		const struct in_addr address = at_address();
		memcpy(source.servers[i].address, &address, sizeof(address));
	}
	return source;
}

static void use(const aname_source_t *source)
{
	resolver = aname_resolver_dns_new(&loop, source, &schedule, on_done, &loop);
	assert_non_null(resolver);
	assert_true(resolver->api->capacity(resolver) >= 300);
}

static void use_servers(unsigned count)
{
	const aname_source_t source = make_servers(count);
	use(&source);
}

static long live_before;

static int set_up(void **state)
{
	live_before = alloc_live();
	schedule = usual;
	clock_stop_at(1000000);
	memset(&heard, 0, sizeof(heard));
	resolver = NULL;
	assert_int_equal(uv_loop_init(&loop), 0);
	for (size_t i = 0; i < COUNT_OF(servers); i++) {
		start_server(&servers[i]);
	}
	(void)bind_udp(&elsewhere);
	return 0;
}

static void close_handle(uv_handle_t *handle, void *arg)
{
	if (!uv_is_closing(handle)) {
		/* A connection is its own data; a server's handles have the server. */
		bool connection = handle->type == UV_TCP && handle->data == handle;
		uv_close(handle, connection ? on_connection_closed : NULL);
	}
}

static int tear_down(void **state)
{
	if (resolver != NULL) {
		resolver->api->free(resolver);
		/* Its own handles close by themselves. */
		(void)uv_run(&loop, UV_RUN_NOWAIT);
	}
	uv_walk(&loop, close_handle, NULL);
	assert_int_equal(uv_run(&loop, UV_RUN_DEFAULT), 0);
	assert_int_equal(uv_loop_close(&loop), 0);
	assert_int_equal(alloc_live(), live_before);
	return 0;
}

/* One server. */

typedef struct {
	const char *proves;
	behaviour_t behaviour;
	unsigned addresses;
	aname_known_t known;
	aname_failure_t failure;
	unsigned udp, tcp; /*!< How often it is asked. */
} row_t;

#define GIVES(n) n, ANAME_KNOWN_ADDRESSES, ANAME_FAILURE_NONE
#define FAILS    1, ANAME_KNOWN_NOTHING

static const row_t rows[] = {
	{ "N1: an answer", ANSWER, GIVES(1), 1, 0 },
	{ "N1: 30 addresses, more than 512 octets, without TCP", ANSWER, GIVES(30), 1, 0 },
	{ "N1: 30 addresses by TCP", TRUNCATE, GIVES(30), 1, 1 },
	{ "N1: 1,000 addresses by TCP", TRUNCATE, GIVES(1000), 1, 1 },
	{ "A7: NODATA", NODATA, 1, ANAME_KNOWN_NODATA, ANAME_FAILURE_NONE, 1, 0 },
	{ "N1: another identifier is ignored", WRONG_ID, GIVES(1), 1, 0 },
	{ "N1: another question is ignored", WRONG_QUESTION, GIVES(1), 1, 0 },
	{ "N1: another server is ignored", ELSEWHERE, GIVES(1), 1, 0 },
	{ "N1: without EDNS where it is not understood", NO_EDNS, GIVES(1), 2, 0 },
	{ "N1: AD does no harm", AUTHENTIC, GIVES(1), 1, 0 },
	{ "F1: silence, in two rounds", SILENCE, FAILS, ANAME_FAILURE_TIMEOUT, 2, 0 },
	{ "F1: SERVFAIL, in two rounds", SERVFAIL, FAILS, ANAME_FAILURE_SERVER, 2, 0 },
	{ "F1: REFUSED, in two rounds", REFUSED, FAILS, ANAME_FAILURE_SERVER, 2, 0 },
	{ "F1: garbage, in two rounds", GARBAGE, FAILS, ANAME_FAILURE_SERVER, 2, 0 },
	{ "N1: a referral, in two rounds", REFERRAL, FAILS, ANAME_FAILURE_SERVER, 2, 0 },
	{ "N1: a server that does not recurse, in two rounds", LAME, FAILS, ANAME_FAILURE_SERVER, 2,
	  0 },
	{ "F1: truncated over TCP, too", TRUNCATE_EVER, FAILS, ANAME_FAILURE_SERVER, 2, 2 },
};

static void check_row(void **state)
{
	const row_t *row = *state;
	const uint16_t types[] = { A, AAAA };
	for (size_t i = 0; i < COUNT_OF(types); i++) {
		(void)set_up(NULL);
		if (row->failure == ANAME_FAILURE_TIMEOUT) {
			schedule.timeout_ms = SILENCE_ENDS_MS;
		}
		use_servers(1);
		servers[0].behaviour = row->behaviour;
		servers[0].addresses = row->addresses;
		look_up(types[i]);
		if (row->known == ANAME_KNOWN_ADDRESSES) {
			assert_answer(row->addresses);
			assert_int_equal(heard.result.address_len, types[i] == A ? 4 : 16);
		} else if (row->known == ANAME_KNOWN_NODATA) {
			assert_int_equal(heard.result.known, ANAME_KNOWN_NODATA);
			assert_int_equal(heard.result.bare, 1);
		} else {
			assert_failure(row->failure);
		}
		assert_int_equal(servers[0].udp_asked, row->udp);
		assert_int_equal(servers[0].tcp_asked, row->tcp);
		(void)tear_down(NULL);
	}
}

static void tcp_is_closed(void **state)
{
	use_servers(2);
	servers[0].behaviour = HANG_UP;
	look_up(A);
	assert_answer(1);
	assert_int_equal(servers[0].udp_asked, 1);
	assert_int_equal(servers[1].udp_asked, 1);
}

/*! Lets some of the (real) time of a try pass. */
static void let_pass(uint64_t ms)
{
	uv_update_time(&loop);
	uint64_t end_ms = uv_now(&loop) + ms;
	while (uv_now(&loop) < end_ms) {
		(void)uv_run(&loop, UV_RUN_ONCE);
	}
}

static void tcp_goes_mute(void **state)
{
	/* A connection that is dead without a word, and never idle. */
	aname_source_t source = make_servers(1);
	schedule.retries = 0;
	schedule.timeout_ms = 2000;
	use(&source);
	servers[0].behaviour = MUTE;
	start("one.example.", A, NULL, NULL);
	let_pass(1000);
	start("two.example.", A, NULL, NULL);
	wait_for(1);
	assert_failure(ANAME_FAILURE_TIMEOUT);
	servers[0].behaviour = TRUNCATE;
	int version = 0;
	(void)ares_version(&version);
	if (version >= ((1 << 16) | (32 << 8))) {
		start("three.example.", A, NULL, NULL);
		wait_for(2);
		assert_answer(1);
		wait_for(3);
		assert_failure(ANAME_FAILURE_TIMEOUT);
	} else {
		/* That of Debian 12 lets go of it when nothing is under way. */
		wait_for(2);
		look_up(A);
		assert_answer(1);
	}
}

static void cookies_go_away(void **state)
{
	/* As where another server answers at the same address. Newer c-ares sends cookies, and
	 * drops what comes without one after it has seen one. */
	use_servers(1);
	servers[0].behaviour = COOKIE;
	for (unsigned i = 0; i < 3; i++) {
		look_up(A);
		assert_answer(1);
	}
	servers[0].behaviour = ANSWER;
	for (unsigned i = 0; i < 3; i++) {
		look_up(A);
		assert_answer(1);
	}
}

static void closed_port(void **state)
{
	aname_source_t source = make_servers(1);
	uv_close((uv_handle_t *)&servers[0].udp, NULL);
	uv_close((uv_handle_t *)&servers[0].tcp, NULL);
	(void)uv_run(&loop, UV_RUN_NOWAIT);
	use(&source);
	look_up(A);
	assert_failure(ANAME_FAILURE_NETWORK);
}

static void closed_port_first(void **state)
{
	aname_source_t source = make_servers(2);
	uv_close((uv_handle_t *)&servers[0].udp, NULL);
	uv_close((uv_handle_t *)&servers[0].tcp, NULL);
	(void)uv_run(&loop, UV_RUN_NOWAIT);
	use(&source);
	for (unsigned i = 0; i < 20; i++) {
		look_up(A);
		assert_answer(1);
	}
	assert_int_equal(servers[1].udp_asked, 20);
}

static void start_two(uv_async_t *async)
{
	start("two.example.", A, NULL, NULL);
}

static void closed_port_opens(void **state)
{
	/* The error of the first query is there when the loop wakes up, and the second one takes it
	 * away before the loop comes to the socket. */
	static uv_async_t async;
	schedule.retries = 0;
	schedule.timeout_ms = 1000;
	aname_source_t source = make_servers(1);
	uv_close((uv_handle_t *)&servers[0].udp, NULL);
	assert_int_equal(uv_async_init(&loop, &async, start_two), 0);
	(void)uv_run(&loop, UV_RUN_NOWAIT);
	use(&source);
	assert_int_equal(uv_async_send(&async), 0);
	start("one.example.", A, NULL, NULL);
	while (heard.times == 0) {
		(void)uv_run(&loop, UV_RUN_ONCE);
	}
	assert_failure(ANAME_FAILURE_NETWORK);

	/* The first one is still waited for, so the socket stays. Newer releases of c-ares learn of the
	 * closed port within the call, and both have ended. */
	unsigned ended = heard.times;
	assert_in_range(ended, 1, 2);
	struct sockaddr_in address = at_port(servers[0].port);
	assert_int_equal(uv_udp_init(&loop, &servers[0].udp), 0);
	assert_int_equal(uv_udp_bind(&servers[0].udp, (struct sockaddr *)&address, 0), 0);
	servers[0].udp.data = &servers[0];
	assert_int_equal(uv_udp_recv_start(&servers[0].udp, on_alloc, on_query), 0);
	start("three.example.", A, NULL, NULL);
	wait_for(ended + 1);
	assert_answer(1);
	if (ended == 1) {
		wait_for(3);
		assert_failure(ANAME_FAILURE_TIMEOUT);
	}
}

static void each_try_counts(void **state)
{
	for (unsigned retries = 0; retries < 4; retries++) {
		aname_source_t source = make_servers(2);
		schedule.retries = retries;
		use(&source);
		servers[0].behaviour = SERVFAIL;
		servers[1].behaviour = REFUSED;
		servers[0].udp_asked = servers[1].udp_asked = 0;
		look_up(A);
		assert_failure(ANAME_FAILURE_SERVER);
		assert_int_equal(servers[0].udp_asked, 1 + retries);
		assert_int_equal(servers[1].udp_asked, 1 + retries);
		resolver->api->free(resolver);
		resolver = NULL;
	}
}

static void edns_not_understood(void **state)
{
	use_servers(1);
	servers[0].behaviour = NO_EDNS;
	for (unsigned i = 0; i < 5; i++) {
		look_up(A);
		assert_answer(1);
	}
	assert_true(servers[0].with_edns >= 1);
	assert_int_equal(servers[0].udp_asked - servers[0].with_edns, 5);
	assert_int_equal(servers[0].tcp_asked, 0);

	/* It may learn. (From 1.34 on c-ares itself asks anew, each time.) */
	if (servers[0].with_edns == 5) {
		return;
	}
	servers[0].behaviour = ANSWER;
	servers[0].with_edns = 0;
	look_up(A);
	assert_int_equal(servers[0].with_edns, 0);
	clock_skip(60000);
	look_up(A);
	assert_int_equal(servers[0].with_edns, 1);
}

/*! A server that takes subnets is replaced by one that does not even know EDNS. */
static void subnets_no_longer(void **state)
{
	static aname_subnet_t subnet;
	subnet = make_subnet("198.51.100.0", 24);
	use_servers(1);
	client = &subnet;
	servers[0].behaviour = SUBNETS;
	look_up(A);
	assert_answer(1);
	assert_int_equal(heard.result.scope, 24);

	/* It may be for a moment only. */
	servers[0].behaviour = NO_EDNS;
	look_up(A);
	assert_int_equal(heard.result.failure, ANAME_FAILURE_SERVER);
	assert_string_equal(heard.detail, "the resolver does not take the subnet");
	clock_skip(599000);
	look_up(A);
	assert_int_equal(heard.result.failure, ANAME_FAILURE_SERVER);

	/* It lasts: there is another server. */
	clock_skip(1000);
	look_up(A);
	assert_answer(1);
	assert_int_equal(heard.result.scope, 0);

	/* And another one, which does. */
	servers[0].behaviour = SUBNETS;
	clock_skip(60000);
	look_up(A);
	assert_answer(1);
	assert_int_equal(heard.result.scope, 24);
	client = NULL;
}

/* Several servers. */

static void in_order(void **state)
{
	use_servers(3);
	for (unsigned i = 0; i < 50; i++) {
		look_up(i % 2 ? A : AAAA);
		assert_answer(1);
	}
	assert_int_equal(servers[0].udp_asked, 50);
	assert_int_equal(servers[1].udp_asked + servers[2].udp_asked, 0);
}

static void error_of_the_first(void **state)
{
	const behaviour_t errors[] = { SERVFAIL, REFUSED, TRUNCATE_EVER, GARBAGE, REFERRAL, LAME };
	use_servers(2);
	for (unsigned i = 0; i < COUNT_OF(errors); i++) {
		servers[0].behaviour = errors[i];
		look_up(A);
		assert_answer(1);
		/* It did answer: it goes on being asked first. */
		assert_int_equal(servers[0].udp_asked, i + 1);
		assert_int_equal(servers[1].udp_asked, i + 1);
	}
}

static void errors_of_all(void **state)
{
	schedule.timeout_ms = SILENCE_ENDS_MS;
	use_servers(3);
	servers[0].behaviour = SILENCE;
	servers[1].behaviour = SERVFAIL;
	servers[2].behaviour = SILENCE;
	look_up(A);
	/* The reply of one explains more than the silence of the others. */
	assert_failure(ANAME_FAILURE_SERVER);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(servers[i].udp_asked, 2);
	}
}

static void dead_first(void **state)
{
	schedule.timeout_ms = SILENCE_ENDS_MS;
	use_servers(2);
	servers[0].behaviour = SILENCE;
	for (unsigned i = 0; i < 20; i++) {
		look_up(A);
		assert_answer(1);
	}
	assert_int_equal(servers[0].udp_asked, 1);
	assert_int_equal(servers[1].udp_asked, 20);

	/* After its pause one lookup tries it; the others that begin then do not. */
	clock_skip(PAUSE_MS);
	unsigned before = heard.times;
	for (unsigned i = 0; i < 20; i++) {
		start("www.example.", A, NULL, NULL);
	}
	wait_for(before + 20);
	assert_int_equal(heard.succeeded, heard.times);
	assert_int_equal(servers[0].udp_asked, 2);

	/* The next pause is longer. */
	clock_skip(PAUSE_MS);
	look_up(A);
	assert_int_equal(servers[0].udp_asked, 2);
	clock_skip(PAUSE_MS);
	look_up(A);
	assert_answer(1);
	assert_int_equal(servers[0].udp_asked, 3);
}

static void dead_target(void **state)
{
	/* The first server is dead; the second is silent about one target, and answers others. */
	aname_source_t source = make_servers(2);
	schedule.timeout_ms = SILENCE_ENDS_MS;
	schedule.retries = 0;
	use(&source);
	servers[0].behaviour = SILENCE;
	servers[1].behaviour = SILENCE_AAAA;
	look_up(A);
	start("dead.example.", AAAA, NULL, NULL);
	clock_skip(10);
	look_up(A);
	wait_for(3);
	assert_failure(ANAME_FAILURE_TIMEOUT);

	/* It is not taken for dead, or the dead one would be asked first again. */
	unsigned before = servers[0].udp_asked;
	look_up(A);
	assert_answer(1);
	assert_int_equal(servers[0].udp_asked, before);

	/* If it is, because nobody else asked it meanwhile, it still answered last. */
	start("dead.example.", AAAA, NULL, NULL);
	wait_for(5);
	assert_failure(ANAME_FAILURE_TIMEOUT);
	before = servers[0].udp_asked;
	look_up(A);
	assert_answer(1);
	assert_int_equal(servers[0].udp_asked, before);
}

static void dead_comes_back(void **state)
{
	schedule.timeout_ms = SILENCE_ENDS_MS;
	use_servers(2);
	servers[0].behaviour = SILENCE;
	look_up(A);
	servers[0].behaviour = ANSWER;
	look_up(A);
	assert_int_equal(servers[0].udp_asked, 1);

	clock_skip(PAUSE_MS);
	unsigned other = servers[1].udp_asked;
	for (unsigned i = 0; i < 10; i++) {
		look_up(A);
		assert_answer(1);
	}
	assert_int_equal(servers[0].udp_asked, 11);
	assert_int_equal(servers[1].udp_asked, other);
}

static void pauses_are_bounded(void **state)
{
	schedule.timeout_ms = SILENCE_ENDS_MS;
	use_servers(2);
	servers[0].behaviour = SILENCE;
	for (unsigned i = 0; i < 8; i++) {
		look_up(A);
		assert_answer(1);
		assert_int_equal(servers[0].udp_asked, i + 1);
		clock_skip(PAUSES_MS);
	}
}

static void all_dead(void **state)
{
	/* With nobody better to ask, those that are down are asked all the same. */
	schedule.timeout_ms = SILENCE_ENDS_MS;
	use_servers(2);
	servers[0].behaviour = servers[1].behaviour = SILENCE;
	look_up(A);
	assert_failure(ANAME_FAILURE_TIMEOUT);
	servers[0].behaviour = servers[1].behaviour = ANSWER;
	look_up(A);
	assert_answer(1);
}

/* DNSSEC. */

static void secure_and_authentic(void **state)
{
	aname_source_t source = make_servers(1);
	source.secure = 1;
	use(&source);
	servers[0].behaviour = AUTHENTIC;
	look_up(A);
	assert_answer(1);
	assert_int_equal(servers[0].with_ad, 1);
}

static void secure_and_not(void **state)
{
	const behaviour_t kinds[] = { ANSWER, NODATA, TRUNCATE };
	aname_source_t source = make_servers(1);
	source.secure = 1;
	use(&source);
	for (unsigned i = 0; i < COUNT_OF(kinds); i++) {
		servers[0].behaviour = kinds[i];
		look_up(A);
		assert_failure(ANAME_FAILURE_INSECURE);
		assert_int_equal(servers[0].udp_asked, i + 1);
	}
}

static void secure_at_every_step(void **state)
{
	enum { ALIASES_ = 3 };
	aname_source_t source = make_servers(1);
	source.secure = 1;
	use(&source);
	servers[0].behaviour = ALIASES;
	servers[0].aliases = ALIASES_;
	for (unsigned i = 0; i <= ALIASES_ + 1; i++) {
		servers[0].authentic = i;
		servers[0].udp_asked = 0;
		look_up(A);
		if (i > ALIASES_) {
			assert_int_equal(heard.result.count, 1);
			continue;
		}
		assert_failure(ANAME_FAILURE_INSECURE);
		assert_int_equal(servers[0].udp_asked, i + 1);
	}
}

/* Aliases whose targets a server does not look up. */

static void one_alias_at_a_time(void **state)
{
	use_servers(1);
	servers[0].behaviour = ALIASES;
	for (unsigned aliases = 1; aliases <= 16; aliases++) {
		servers[0].aliases = aliases;
		servers[0].udp_asked = 0;
		look_up(aliases % 2 ? A : AAAA);
		assert_int_equal(heard.result.failure, ANAME_FAILURE_NONE);
		assert_int_equal(heard.result.count, 1);
		assert_int_equal(heard.result.ttl, TTL - (aliases - 1));
		assert_int_equal(servers[0].udp_asked, aliases + 1);
	}

	/* One more, in each of two rounds. */
	servers[0].aliases = 17;
	servers[0].udp_asked = 0;
	look_up(A);
	assert_failure(ANAME_FAILURE_SERVER);
	assert_non_null(strstr(heard.detail, "chain"));
	assert_int_equal(servers[0].udp_asked, 16 + 2);
}

static void fewer_aliases(void **state)
{
	aname_source_t source = make_servers(1);
	schedule.max_aliases = 2;
	use(&source);
	servers[0].behaviour = ALIASES;
	servers[0].aliases = 2;
	look_up(A);
	assert_int_equal(heard.result.count, 1);
	servers[0].aliases = 3;
	look_up(A);
	assert_failure(ANAME_FAILURE_SERVER);
}

static void alias_of_the_first(void **state)
{
	/* The first knows the alias and nothing of its target, the second looks everything up. */
	use_servers(2);
	servers[0].behaviour = ALIAS;
	for (unsigned i = 1; i <= 5; i++) {
		look_up(A);
		assert_answer(1);
		assert_int_equal(servers[0].udp_asked, 2 * i);
		assert_int_equal(servers[1].udp_asked, i);
	}
}

static void alias_of_the_only_one(void **state)
{
	use_servers(1);
	servers[0].behaviour = ALIAS;
	look_up(A);
	assert_failure(ANAME_FAILURE_SERVER);
	assert_non_null(strstr(heard.detail, "recurse"));
	/* The alias once, its target in two rounds. */
	assert_int_equal(servers[0].udp_asked, 3);
}

static void alias_cancelled(void **state)
{
	use_servers(1);
	servers[0].behaviour = ALIASES;
	servers[0].aliases = 5;
	aname_lookup_t *lookup;
	start("www.example.", A, NULL, &lookup);
	resolver->api->cancel(lookup);
	wait_for(1);
	assert_failure(ANAME_FAILURE_TIMEOUT);
	assert_int_equal(servers[0].udp_asked, 1);
}

/* From where. */

static void from_a_chosen_address(void **state)
{
	aname_source_t source = make_servers(1);
	source.via_ipv4[0] = 127;
	source.via_ipv4[3] = 77;
	use(&source);
	servers[0].behaviour = TRUNCATE;
	look_up(A);
	assert_answer(1);
	assert_int_equal(ntohl(servers[0].from), 0x7f00004d);
	assert_int_equal(servers[0].tcp_asked, 1);
}

static void from_an_address_of_nobody(void **state)
{
	aname_source_t source = make_servers(2);
	source.via_ipv4[0] = 192;
	source.via_ipv4[2] = 2;
	use(&source);
	for (unsigned i = 0; i < 3; i++) {
		look_up(A);
		assert_failure(ANAME_FAILURE_NETWORK);
		assert_non_null(strstr(heard.detail, "'via'"));
	}
	assert_int_equal(servers[0].udp_asked + servers[1].udp_asked, 0);
}

/* Many at once, and ends. */

static unsigned differing(const uint16_t *values, unsigned count)
{
	unsigned sum = 0;
	for (unsigned i = 0; i < count; i++) {
		unsigned k = 0;
		while (values[k] != values[i]) {
			k++;
		}
		sum += k == i;
	}
	return sum;
}

static void many_at_once(void **state)
{
	enum { MANY = 300 };
	static int ctx[MANY];
	use_servers(1);
	for (unsigned i = 0; i < MANY; i++) {
		char text[32];
		(void)snprintf(text, sizeof(text), "n%u.example.", i);
		start(text, i % 2 ? A : AAAA, &ctx[i], NULL);
	}
	wait_for(MANY);
	assert_int_equal(heard.succeeded, MANY);
	assert_true(servers[0].seen >= MANY);
	/* Spread over sockets, and identifiers that do not count up. */
	assert_true(differing(servers[0].ports, servers[0].seen) >= 3);
	assert_true(differing(servers[0].ids, servers[0].seen) >= MANY - 30);
	unsigned successors = 0;
	for (unsigned i = 1; i < servers[0].seen; i++) {
		successors += servers[0].ids[i] == (uint16_t)(servers[0].ids[i - 1] + 1);
	}
	assert_true(successors < 10);
}

static void ports_change(void **state)
{
	enum { MANY = 1000 };
	use_servers(1);
	for (unsigned i = 0; i < MANY; i++) {
		look_up(A);
	}
	assert_int_equal(heard.succeeded, MANY);
	assert_true(differing(servers[0].ports, servers[0].seen) >= 2);
}

static void used_up_is_let_go(void **state)
{
	/* One at a time, so that nothing is under way between any two of them. */
	enum { MANY = 24 * 512 };
	use_servers(1);
	long most = 0;
	look_up(A);
	const long begin = alloc_live();
	for (unsigned i = 0; i < MANY; i++) {
		look_up(A);
		long live = alloc_live() - begin;
		most = live > most ? live : most;
	}
	assert_int_equal(heard.succeeded, MANY + 1);
	/* The one in use, and those since the last tick. */
	if (most > 12) {
		fail_msg("expected used-up links to be let go, %ld blocks are held", most);
	}
}

static void started_from_within(void **state)
{
	use_servers(2);
	servers[0].behaviour = SERVFAIL;
	heard.more = 700;
	start("www.example.", A, NULL, NULL);
	wait_for(701);
	assert_int_equal(heard.succeeded, 701);
}

static void failed_and_started_from_within(void **state)
{
	use_servers(1);
	servers[0].behaviour = SERVFAIL;
	heard.more = 50;
	start("www.example.", A, NULL, NULL);
	wait_for(51);
	assert_int_equal(heard.succeeded, 0);
}

/* c-ares may call back from within ares_send(), as newer ones do when a port is closed. */

typedef struct {
	const char *proves;
	int status;
	aname_failure_t failure;
} at_once_row_t;

static const at_once_row_t at_once_rows[] = {
	{ "refused at once: fails, without recursion", ARES_ECONNREFUSED, ANAME_FAILURE_NETWORK },
	{ "timed out at once: fails", ARES_ETIMEOUT, ANAME_FAILURE_TIMEOUT },
	{ "a bad reply at once: fails", ARES_EBADRESP, ANAME_FAILURE_SERVER },
	{ "out of memory at once: fails", ARES_ENOMEM, ANAME_FAILURE_NETWORK },
	{ "given up at once: fails", ARES_EDESTRUCTION, ANAME_FAILURE_TIMEOUT },
	{ "answered at once: an answer", ARES_SUCCESS, ANAME_FAILURE_NONE },
};

/*! What ares_send() is to call back with at once; NULL: it does what it does. */
static const at_once_row_t *at_once;
static unsigned sending, sent_at_once;

void __real_ares_send(ares_channel channel, const unsigned char *query, int len,
                      ares_callback callback, void *arg);
void __wrap_ares_send(ares_channel channel, const unsigned char *query, int len,
                      ares_callback callback, void *arg);

void __wrap_ares_send(ares_channel channel, const unsigned char *query, int len,
                      ares_callback callback, void *arg)
{
	/* Nothing is started, nor goes on, from within the callback. */
	assert_int_equal(sending, 0);
	sending++;
	unsigned times = heard.times;
	if (at_once == NULL) {
		__real_ares_send(channel, query, len, callback, arg);
	} else if (at_once->status == ARES_SUCCESS) {
		size_t size = make_reply(&servers[0], query, false);
		callback(arg, ARES_SUCCESS, 0, reply + 2, size);
	} else {
		callback(arg, at_once->status, 0, NULL, 0);
	}
	sent_at_once += at_once != NULL;
	assert_int_equal(heard.times, times);
	sending--;
}

static void check_at_once(void **state)
{
	enum { MANY = 300 };
	static int ctx[MANY];
	(void)set_up(NULL);
	use_servers(2);
	at_once = *state;
	sent_at_once = 0;
	heard.more = MANY;
	for (unsigned i = 0; i < MANY; i++) {
		start("www.example.", i % 2 ? A : AAAA, &ctx[i], NULL);
	}
	assert_int_equal(heard.times, 0);
	wait_for(2 * MANY);
	bool good = at_once->failure == ANAME_FAILURE_NONE;
	assert_int_equal(heard.succeeded, good ? 2 * MANY : 0);
	assert_int_equal(heard.result.failure, at_once->failure);
	/* Two servers, two rounds; what was given up is not tried again. */
	bool once = good || at_once->status == ARES_EDESTRUCTION;
	assert_int_equal(sent_at_once, 2 * MANY * (once ? 1 : 4));

	/* What was cancelled meanwhile has no other try. */
	sent_at_once = 0;
	aname_lookup_t *lookup;
	start("www.example.", A, NULL, &lookup);
	resolver->api->cancel(lookup);
	wait_for(2 * MANY + 1);
	assert_int_equal(sent_at_once, 1);
	at_once = NULL;
	(void)tear_down(NULL);
}

static void cancelled(void **state)
{
	aname_source_t source = make_servers(2);
	schedule.retries = 10;
	use(&source);
	servers[0].behaviour = servers[1].behaviour = SILENCE;
	aname_lookup_t *lookups[10];
	for (unsigned i = 0; i < COUNT_OF(lookups); i++) {
		start("www.example.", A, NULL, &lookups[i]);
	}
	for (unsigned i = 0; i < COUNT_OF(lookups); i++) {
		resolver->api->cancel(lookups[i]);
	}
	assert_int_equal(heard.times, 0);
	wait_for(COUNT_OF(lookups));
	assert_int_equal(heard.succeeded, 0);
	/* No try after the one under way. */
	assert_int_equal(servers[0].udp_asked + servers[1].udp_asked, COUNT_OF(lookups));
}

static void never_used(void **state)
{
	use_servers(3);
	resolver->api->free(resolver);
	resolver = NULL;
}

static void loop_ends(void **state)
{
	/* With no lookup under way nothing of the resolver keeps the loop busy. */
	use_servers(1);
	servers[0].behaviour = TRUNCATE;
	look_up(A);
	resolver->api->free(resolver);
	resolver = NULL;
}

/* Failing allocations: each start is refused, or reported once. */

static void no_memory(void **state)
{
	const aname_source_t source = make_servers(1);
	for (unsigned n = 1, failed = 1; failed > 0; n++) {
		failed = 0;
		long before = alloc_live();
		alloc_fail_at(n);
		resolver = aname_resolver_dns_new(&loop, &source, &schedule, on_done, &loop);
		if (resolver == NULL) {
			assert_true(alloc_failed());
			assert_int_equal(alloc_live(), before);
			failed = 1;
			continue;
		}
		name_t name = make_name("www.example.");
		aname_lookup_t *lookup = NULL;
		unsigned times = heard.times;
		const aname_question_t question = { .name = name.at, .type = A };
		int ret = resolver->api->start(resolver, &question, NULL, &lookup);
		assert_int_equal(heard.times, times);
		if (ret == KNOT_EOK) {
			wait_for(times + 1);
		}
		failed = alloc_failed();
		assert_true(failed || heard.result.failure == ANAME_FAILURE_NONE);
		assert_true(ret == KNOT_EOK || failed);
		resolver->api->free(resolver);
		resolver = NULL;
		(void)uv_run(&loop, UV_RUN_NOWAIT);
		(void)uv_run(&loop, UV_RUN_NOWAIT);
		assert_int_equal(alloc_live(), before);
	}
}

#define WITH_SERVERS(sentence, function)                                           \
	{                                                                          \
		.name = (sentence), .test_func = (function), .setup_func = set_up, \
		.teardown_func = tear_down                                         \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_SERVERS("N2: a TCP connection that closes: the next server", tcp_is_closed),
		WITH_SERVERS("N2: a TCP connection that goes mute is not kept", tcp_goes_mute),
		WITH_SERVERS("N2: a server that no longer sends cookies", cookies_go_away),
		WITH_SERVERS("F1: a closed port is a failure on the way", closed_port),
		WITH_SERVERS("N2: a closed port first costs no lookup", closed_port_first),
		WITH_SERVERS("N2: a closed port that opens is heard, whoever met the error",
		             closed_port_opens),
		WITH_SERVERS("N2: 1 + retries rounds through all servers", each_try_counts),
		WITH_SERVERS("N1: a server that does not understand EDNS is asked without",
		             edns_not_understood),
		WITH_SERVERS("N4: that a server takes subnets counts for ten minutes after it has",
		             subnets_no_longer),
		WITH_SERVERS("N2: the first that answers is asked alone", in_order),
		WITH_SERVERS("N2: an error of the first: the second is asked", error_of_the_first),
		WITH_SERVERS("N2: an error explains more than silence", errors_of_all),
		WITH_SERVERS("N2: a dead first one is asked once in each pause", dead_first),
		WITH_SERVERS("N2: a dead target does not make its server a dead one", dead_target),
		WITH_SERVERS("N2: a dead one that answers again is the first again",
		             dead_comes_back),
		WITH_SERVERS("N2: the pauses of a dead one are bounded", pauses_are_bounded),
		WITH_SERVERS("N2: all dead: all are asked", all_dead),
		WITH_SERVERS("N3: secure: AD is asked for, and counts", secure_and_authentic),
		WITH_SERVERS("N3: secure: without AD it is a failure, at once", secure_and_not),
		WITH_SERVERS("N3: secure: so has every step of a chain to be",
		             secure_at_every_step),
		WITH_SERVERS("N1: a chain of 16, an alias in each reply", one_alias_at_a_time),
		WITH_SERVERS("L1: as many aliases as the option says", fewer_aliases),
		WITH_SERVERS("N1: the first knows the alias, the second its target",
		             alias_of_the_first),
		WITH_SERVERS("N1: an alias whose target nobody looks up", alias_of_the_only_one),
		WITH_SERVERS("an alias is not followed any more once cancelled", alias_cancelled),
		WITH_SERVERS("N1: servers are asked from a chosen address", from_a_chosen_address),
		WITH_SERVERS("N1: a chosen address that this host does not have",
		             from_an_address_of_nobody),
		WITH_SERVERS("N1: 300 at once, over several sockets", many_at_once),
		WITH_SERVERS("N1: source ports change", ports_change),
		WITH_SERVERS("sockets that are used up are let go while lookups go on",
		             used_up_is_let_go),
		WITH_SERVERS("700 lookups, each started by the end of another",
		             started_from_within),
		WITH_SERVERS("50 failures, each starting another lookup",
		             failed_and_started_from_within),
		WITH_SERVERS("what is cancelled ends with its try", cancelled),
		WITH_SERVERS("a resolver that was never used is freed", never_used),
		WITH_SERVERS("a resolver that was used is freed", loop_ends),
		WITH_SERVERS("out of memory: refused or reported once, nothing leaked", no_memory),
	};
	return RUN_ROWS("resolver by DNS: one server", rows, check_row) +
	       RUN_ROWS("resolver by DNS: called back at once", at_once_rows, check_at_once) +
	       RUN_TESTS("resolver by DNS: the rest", tests);
}
