#include "support/test.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "service/probe/attempt.h"
#include "support/make.h"
#include "support/peer.h"
#include "support/process.h"

/*! Far more than anything here takes, on any machine. */
#define PATIENCE_MS 60000
/*! How long an attempt may take that is to end by itself, and one that is not. */
#define LONG_MS     30000
#define SHORT_MS    300

static uv_loop_t loop;
static uv_timer_t ticker;
static aname_attempts_t attempts;
static unsigned sockets;

/* The loop, and what is left of it. */

typedef struct {
	bool inside; /*!< A function of ours is under way. */
	unsigned done;
	aname_end_t end;
} result_t;

static void on_done(void *ctx, aname_end_t end)
{
	result_t *result = ctx;
	CHECK(!result->inside);
	CHECK((end.why == NULL) == (end.outcome == ANAME_OUTCOME_UP));
	result->done++;
	result->end = end;
}

static void on_tick(uv_timer_t *timer)
{
}

/*! Open sockets of the network. */
static unsigned count_sockets(void)
{
	unsigned count = 0;
	for (int fd = 0; fd < 1024; fd++) {
		struct sockaddr_storage at;
		socklen_t len = sizeof(at);
		count += getsockname(fd, (struct sockaddr *)&at, &len) == 0 &&
		         at.ss_family != AF_UNIX;
	}
	return count;
}

/*! Those that what knotd executes would have, too. */
static unsigned count_inherited(void)
{
	unsigned count = 0;
	for (int fd = 0; fd < 1024; fd++) {
		struct sockaddr_storage at;
		socklen_t len = sizeof(at);
		count += getsockname(fd, (struct sockaddr *)&at, &len) == 0 &&
		         at.ss_family != AF_UNIX && (fcntl(fd, F_GETFD) & FD_CLOEXEC) == 0;
	}
	return count;
}

static void begin(void)
{
	sockets = count_sockets();
	CHECK(uv_loop_init(&loop) == 0);
	aname_attempts_init(&attempts, &loop);
	(void)uv_timer_init(&loop, &ticker);
	(void)uv_timer_start(&ticker, on_tick, 1, 1);
}

static void finish(void)
{
	aname_attempts_deinit(&attempts);
	uv_close((uv_handle_t *)&ticker, NULL);
	CHECK(uv_run(&loop, UV_RUN_DEFAULT) == 0);
	CHECK(uv_loop_close(&loop) == 0);
	CHECK(count_sockets() == sockets);
}

/*! Runs the loop until this is so. */
#define UNTIL(condition)                                                           \
	do {                                                                       \
		uint64_t until_ns = uv_hrtime() + PATIENCE_MS * UINT64_C(1000000); \
		while (!(condition)) {                                             \
			CHECK(uv_hrtime() < until_ns);                             \
			uv_run(&loop, UV_RUN_ONCE);                                \
		}                                                                  \
	} while (0)

static aname_attempt_t *start(const aname_probe_t *probe, bool ipv6, result_t *result)
{
	static const uint8_t ipv4_address[4] = { 127, 0, 0, 1 }, ipv6_address[16] = { [15] = 1 };
	name_t name = make_name("www.cdn.example.");
	const aname_subject_t subject = { .probe = probe,
		                          .address = ipv6 ? ipv6_address : ipv4_address,
		                          .len = ipv6 ? 16 : 4,
		                          .name = name.at };
	result->inside = true;
	aname_attempt_t *attempt = aname_attempt_start(&attempts, &subject, on_done, result);
	result->inside = false;
	return attempt;
}

/* Peers that behave well or badly. */

#define OK      "HTTP/1.1 200 OK\r\n"
#define NUMBERS "0123456789012345678901234567890123456789012345678901234567890123"

#define TCP   ANAME_PROBE_TCP
#define TLS   ANAME_PROBE_TLS
#define HTTP  ANAME_PROBE_HTTP
#define HTTPS ANAME_PROBE_HTTPS

typedef struct {
	const char *proves;
	aname_probe_kind_t kind;
	peer_t peer;
	const char *why; /*!< NULL: it is up. */
	aname_probe_status_t status;
	uint32_t timeout_ms;
	bool verify, ipv6;
} peer_row_t;

static const peer_row_t rows[] = {
	{ "H1: TCP is up where a connection is taken", TCP, .peer = { .manner = PEER_WAIT } },
	{ "H1: TCP over IPv6", TCP, .peer = { .manner = PEER_WAIT }, .ipv6 = true },
#if ANAME_HTTP
	{ "H1: HTTP is up with a good status", HTTP, .peer = { .says = OK "\r\n" } },
	{ "H1: HTTP over IPv6", HTTP, .peer = { .says = OK "\r\n" }, .ipv6 = true },
	{ "H1: the least status is 200", HTTP, .peer = { .says = "HTTP/1.1 200\r\n\r\n" } },
	{ "H1: the largest status is 399", HTTP, .peer = { .says = "HTTP/1.0 399 x\r\n\r\n" } },
	{ "H1: a status beyond them is down", HTTP, .peer = { .says = "HTTP/1.1 404 no\r\n\r\n" },
	  .why = "status 4xx" },
	{ "H1: a status is good that was chosen", HTTP,
	  .peer = { .says = "HTTP/1.1 503 no\r\n\r\n" }, .status = { 503, 503 } },
	{ "H1: a status is bad that was not", HTTP, .peer = { .says = OK "\r\n" },
	  .why = "status 2xx", .status = { 201, 599 } },
	{ "H1: a status below is bad, too", HTTP, .peer = { .says = "HTTP/1.1 302 x\r\n\r\n" },
	  .why = "status 3xx", .status = { 200, 299 } },
	{ "H1: an interim answer is waited out", HTTP,
	  .peer = { .says = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 x\r\nA: b\r\n\r\n" OK } },
	{ "H1: only an interim answer is none", HTTP,
	  .peer = { .manner = PEER_WAIT, .says = "HTTP/1.1 100 Continue\r\n\r\n" },
	  .why = "no status in time", .timeout_ms = SHORT_MS },
	{ "H9: a redirect to itself is not followed", HTTP,
	  .peer = { .says = "HTTP/1.1 301 x\r\nLocation: /\r\nContent-Length: 0\r\n\r\n" } },
	{ "H9: nothing is waited for behind the status", HTTP,
	  .peer = { .manner = PEER_WAIT, .says = OK } },
	{ "H9: of 10 MB of headers the first line is enough", HTTP,
	  .peer = { .manner = PEER_FLOOD, .says = OK, .filler = "A: " NUMBERS "\r\n" } },
	{ "H9: of 10 MB of a body, too", HTTP,
	  .peer = { .manner = PEER_FLOOD, .says = OK "\r\n", .filler = NUMBERS } },
	{ "H9: 10 MB before a status are not read", HTTP,
	  .peer = { .manner = PEER_FLOOD,
	            .says = "",
	            .filler = "HTTP/1.1 102 x\r\nA: " NUMBERS "\r\n\r\n" },
	  .why = "too much before a status" },
	{ "H9: a line of 10 MB is not read", HTTP,
	  .peer = { .manner = PEER_FLOOD, .says = "HTTP/1.1 ", .filler = NUMBERS },
	  .why = "too much before a status" },
	{ "H1: what is not HTTP is down", HTTP, .peer = { .says = "SSH-2.0-OpenSSH_9.2\r\n" },
	  .why = "the answer is not HTTP" },
	{ "H9: 10 MB of it, too", HTTP,
	  .peer = { .manner = PEER_FLOOD, .says = "", .filler = NUMBERS },
	  .why = "the answer is not HTTP" },
	{ "H1: who says nothing and closes is down", HTTP, .peer = { .manner = PEER_ANSWER },
	  .why = "closed without an answer" },
	{ "H1: who says nothing is down", HTTP, .peer = { .manner = PEER_WAIT },
	  .why = "no status in time", .timeout_ms = SHORT_MS },
	{ "H1: so is who talks too slowly", HTTP,
	  .peer = { .manner = PEER_DRIP, .says = OK OK OK OK OK OK }, .why = "no status in time",
	  .timeout_ms = SHORT_MS },
	{ "H1: who talks slowly, but in time, is up", HTTP,
	  .peer = { .manner = PEER_DRIP, .says = OK } },
	{ "H1: TLS is up after a handshake", TLS, .peer = { .manner = PEER_WAIT, .tls = true } },
	{ "H1: TLS is down where there is none", TLS,
	  .peer = { .manner = PEER_GREET, .says = OK "\r\n" }, .why = "TLS handshake failed" },
	{ "H1: so it is where the handshake stops in the middle", TLS,
	  .peer = { .manner = PEER_HALF_HELLO }, .why = "no handshake in time",
	  .timeout_ms = SHORT_MS },
	{ "H1: HTTPS is up with a good status", HTTPS, .peer = { .says = OK "\r\n", .tls = true } },
	{ "H1: HTTPS over IPv6", HTTPS, .peer = { .says = OK "\r\n", .tls = true }, .ipv6 = true },
	{ "H1: HTTPS is down with a bad one", HTTPS,
	  .peer = { .says = "HTTP/1.1 500 x\r\n\r\n", .tls = true }, .why = "status 5xx" },
	{ "H1: HTTPS is down where the handshake stops", HTTPS,
	  .peer = { .manner = PEER_HALF_HELLO }, .why = "no status in time",
	  .timeout_ms = SHORT_MS },
	{ "H1: any certificate will do", HTTPS,
	  .peer = { .manner = PEER_FLOOD, .says = OK, .filler = NUMBERS, .tls = true } },
	{ "H1: a bad certificate is down if it is verified", HTTPS,
	  .peer = { .says = OK "\r\n", .tls = true }, .why = "bad certificate", .verify = true },
	{ "H1: that of TLS alone, too", TLS, .peer = { .manner = PEER_WAIT, .tls = true },
	  .why = "bad certificate", .verify = true },
#endif
};

static aname_probe_t probe_of(const peer_row_t *row, uint16_t port)
{
	aname_probe_t probe = { .kind = row->kind,
		                .port = port,
		                .verify = row->verify,
		                .timeout_ms = row->timeout_ms != 0 ? row->timeout_ms : LONG_MS,
		                .statuses_count = 1,
		                .statuses = { row->status },
		                .path = "/health?full=1" };
	if (row->status.low == 0) {
		probe.statuses[0] = (aname_probe_status_t){ 200, 399 };
	}
	return probe;
}

static void check_row(void **state)
{
	const peer_row_t *row = *state;
	begin();
	peer_t peer = row->peer;
	peer.says = peer.says != NULL ? peer.says : "";
	peer_start(&peer);
	const aname_probe_t probe = probe_of(row, peer.port);
	result_t result = { 0 };
	uint64_t before_ns = uv_hrtime();
	assert_non_null(start(&probe, row->ipv6, &result));
	UNTIL(result.done > 0);
	if (row->timeout_ms != 0) {
		assert_true(uv_hrtime() - before_ns >= (row->timeout_ms - 3) * UINT64_C(1000000));
	}
	if (row->why == NULL) {
		assert_int_equal(result.end.outcome, ANAME_OUTCOME_UP);
	} else {
		assert_int_equal(result.end.outcome, ANAME_OUTCOME_DOWN);
		assert_string_equal(result.end.why, row->why);
	}
	aname_attempts_deinit(&attempts);
	uv_run(&loop, UV_RUN_NOWAIT);
	peer_stop(&peer);
	assert_int_equal(result.done, 1);
	/* Whoever has gone when it is their turn is not seen. */
	assert_in_range(peer.accepted, row->kind != TCP, 1);
	assert_in_range(peer.flooded, 0, PEER_FLOOD_MAX - 1);
	finish();
}

/* What is sent. */

#if ANAME_HTTP
static void sent(aname_probe_kind_t kind, const char *host, const char *expected_host)
{
	begin();
	peer_t peer = { .says = OK "\r\n", .tls = kind != HTTP };
	peer_start(&peer);
	const peer_row_t row = { .kind = kind };
	aname_probe_t probe = probe_of(&row, peer.port);
	memcpy(probe.host, host, strlen(host) + 1);
	result_t result = { 0 };
	assert_non_null(start(&probe, false, &result));
	UNTIL(result.done > 0);
	assert_int_equal(result.end.outcome, ANAME_OUTCOME_UP);
	peer_stop(&peer);
	char expected[256];
	(void)snprintf(expected, sizeof(expected),
	               "GET /health?full=1 HTTP/1.1\r\nHost: %s:%u\r\nUser-Agent: mod-aname\r\n"
	               "Accept: */*\r\nConnection: close\r\n\r\n",
	               expected_host, peer.port);
	assert_string_equal(peer.request, expected);
	assert_string_equal(peer.sni, kind == HTTP ? "" : expected_host);
	finish();
}

static void sends_name(void **state)
{
	sent(HTTP, "", "www.cdn.example");
	sent(HTTPS, "", "www.cdn.example");
}

static void sends_host(void **state)
{
	sent(HTTP, "shop.example", "shop.example");
	sent(HTTPS, "shop.example", "shop.example");
}
#endif

/* Ends of other kinds. */

/*! Those that are built in. */
static const aname_probe_kind_t kinds[] = {
	TCP,
#if ANAME_HTTP
	TLS,
	HTTP,
	HTTPS,
#endif
};

static void refused(void **state)
{
	begin();
	peer_t peer = { 0 };
	peer_start(&peer);
	peer_stop(&peer); /* Its port is free again. */
	for (size_t i = 0; i < COUNT_OF(kinds); i++) {
		const peer_row_t row = { .kind = kinds[i] };
		const aname_probe_t probe = probe_of(&row, peer.port);
		result_t result = { 0 };
		assert_non_null(start(&probe, false, &result));
		UNTIL(result.done > 0);
		assert_int_equal(result.end.outcome, ANAME_OUTCOME_DOWN);
		assert_string_equal(result.end.why, "connection refused");
	}
	finish();
}

static void cancelled(void **state)
{
	/* At once, or when the peer has taken the connection, and the others go on. */
	for (size_t i = 0; i < 2 * COUNT_OF(kinds); i++) {
		begin();
		unsigned inherited = count_inherited();
		const peer_row_t row = { .kind = kinds[i / 2] };
		peer_t peer = { .manner = row.kind == HTTP ? PEER_WAIT : PEER_HALF_HELLO,
			        .says = "" };
		peer_start(&peer);
		aname_probe_t probe = probe_of(&row, peer.port);
		result_t result = { 0 };
		aname_attempt_t *attempt = start(&probe, false, &result);
		assert_non_null(attempt);
		if (row.kind != TCP && i % 2 == 0) {
			UNTIL(peer.accepted == 1);
		}
		assert_int_equal(result.done, 0);
		assert_int_equal(count_inherited(), inherited);
		aname_attempt_cancel(attempt);
		result_t other = { 0 };
		probe.timeout_ms = SHORT_MS;
		assert_non_null(start(&probe, false, &other));
		UNTIL(other.done > 0);
		assert_int_equal(result.done, 0);
		aname_attempts_deinit(&attempts);
		uv_run(&loop, UV_RUN_NOWAIT);
		peer_stop(&peer);
		finish();
	}
}

static void many_at_once(void **state)
{
	enum { MANY = 100 };
	begin();
	peer_t peer = { .says = OK "\r\n" };
	peer_start(&peer);
	static result_t results[MANY];
	memset(results, 0, sizeof(results));
	const peer_row_t row = { .kind = ANAME_HTTP ? HTTP : TCP };
	const aname_probe_t probe = probe_of(&row, peer.port);
	for (size_t i = 0; i < MANY; i++) {
		assert_non_null(start(&probe, i % 2 != 0, &results[i]));
	}
	for (size_t i = 0; i < MANY; i++) {
		UNTIL(results[i].done > 0);
		assert_int_equal(results[i].end.outcome, ANAME_OUTCOME_UP);
	}
	aname_attempts_deinit(&attempts);
	uv_run(&loop, UV_RUN_NOWAIT);
	peer_stop(&peer);
	finish();
}

/* Errors of this host. */

static void try_in_vain(const char *why)
{
	for (size_t i = 0; i < COUNT_OF(kinds); i++) {
		const peer_row_t row = { .kind = kinds[i] };
		const aname_probe_t probe = probe_of(&row, 9);
		result_t result = { 0 };
		CHECK(start(&probe, false, &result) != NULL);
		UNTIL(result.done > 0);
		CHECK(result.end.outcome == ANAME_OUTCOME_NONE);
		CHECK(strcmp(result.end.why, why) == 0);
	}
}

static void life_without_sockets(const void *arg)
{
	begin();
	/* What libcurl has for all of its transfers it has by then. */
	const peer_row_t row = { .kind = ANAME_HTTP ? HTTP : TCP };
	const aname_probe_t probe = probe_of(&row, 9);
	result_t result = { 0 };
	CHECK(start(&probe, false, &result) != NULL);
	UNTIL(result.done > 0);
	struct rlimit none;
	CHECK(getrlimit(RLIMIT_NOFILE, &none) == 0);
	none.rlim_cur = 0;
	CHECK(setrlimit(RLIMIT_NOFILE, &none) == 0);
	try_in_vain("too many open files");
}

static void no_sockets(void **state)
{
	live(life_without_sockets, NULL);
}

static void life_without_network(const void *arg)
{
	if (unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0) {
		_exit(0); /* It is not allowed to: nothing can be tested. */
	}
	begin();
	try_in_vain("network unreachable");
}

static void no_network(void **state)
{
	live(life_without_network, NULL);
}

int main(void)
{
	/* Nothing listens there (H9). */
	static const char *const proxies[] = { "http_proxy", "https_proxy", "all_proxy",
		                               "HTTPS_PROXY", "ALL_PROXY" };
	for (size_t i = 0; i < COUNT_OF(proxies); i++) {
		(void)setenv(proxies[i], "http://127.0.0.1:9", 1);
	}
	const struct CMUnitTest tests[] = {
#if ANAME_HTTP
		PROVES("H1: the target's name is sent as Host and SNI", sends_name),
		PROVES("H1: the host of the definition goes before it", sends_host),
#endif
		PROVES("H1: who refuses is down", refused),
		PROVES("many at once", many_at_once),
		PROVES("what is cancelled is not told of", cancelled),
		PROVES("H5: without sockets nothing is said of the peer", no_sockets),
		PROVES("H5: without a network nothing is said of the peer", no_network),
	};
	int failed = RUN_ROWS("peers", rows, check_row);
	failed += RUN_TESTS("attempts", tests);
	return failed;
}
