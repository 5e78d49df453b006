#include "support/test.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "service/probe/probes.h"
#include "support/alloc.h"
#include "support/clock.h"
#include "support/make.h"
#include "support/peer.h"
#include "support/process.h"
#include "table/clock.h"

/*! Far more than anything here takes, on any machine. */
#define PATIENCE_MS 60000
/*! How long a probe may take that is to succeed, and one that is not. */
#define LONG_MS     30000
#define SHORT_MS    200

static uv_loop_t loop;
static uv_timer_t ticker;
static aname_probes_t *probes;
static unsigned changes;

/* The loop. */

static void on_changed(void *ctx, aname_probed_t *probed, int64_t now_ms)
{
	assert_ptr_equal(ctx, &changes);
	assert_int_equal(probed->verdict.since_ms, now_ms);
	changes++;
}

static void on_tick(uv_timer_t *timer)
{
}

static int begin(void **state)
{
	changes = 0;
	assert_int_equal(uv_loop_init(&loop), 0);
	probes = aname_probes_new(&loop, on_changed, &changes);
	assert_non_null(probes);
	aname_probes_resume(probes);
	uv_timer_init(&loop, &ticker);
	uv_timer_start(&ticker, on_tick, 1, 1);
	return 0;
}

static void finish(void)
{
	aname_probes_free(probes);
	uv_close((uv_handle_t *)&ticker, NULL);
	assert_int_equal(uv_run(&loop, UV_RUN_DEFAULT), 0);
	assert_int_equal(uv_loop_close(&loop), 0);
}

static int end(void **state)
{
	finish();
	clock_stop_at(-1);
	return 0;
}

static int64_t real_ms(void)
{
	return (int64_t)(uv_hrtime() / 1000000);
}

/*! Runs the loop until this is so. */
#define UNTIL(condition)                                       \
	do {                                                   \
		int64_t patience_ms = real_ms() + PATIENCE_MS; \
		while (!(condition)) {                         \
			CHECK(real_ms() < patience_ms);        \
			uv_run(&loop, UV_RUN_ONCE);            \
		}                                              \
	} while (0)

/* Peers. */

/*! A port of all addresses of loopback, or of one, on which nobody listens so far. */
static int bind_peer(const char *address, uint16_t *port)
{
	bool ipv6 = strchr(address, ':') != NULL;
	struct sockaddr_in6 ipv6_at = { .sin6_family = AF_INET6, .sin6_port = htons(*port) };
	struct sockaddr_in ipv4_at = { .sin_family = AF_INET, .sin_port = htons(*port) };
	struct sockaddr *at = ipv6 ? (struct sockaddr *)&ipv6_at : (struct sockaddr *)&ipv4_at;
	socklen_t len = ipv6 ? sizeof(ipv6_at) : sizeof(ipv4_at);
	int on = 1;
	assert_int_equal(inet_pton(at->sa_family, address,
	                           ipv6 ? (void *)&ipv6_at.sin6_addr : &ipv4_at.sin_addr),
	                 1);
	int fd = socket(at->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	assert_true(fd >= 0);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)), 0);
	assert_int_equal(bind(fd, at, len), 0);
	assert_int_equal(getsockname(fd, at, &len), 0);
	*port = ntohs(ipv6 ? ipv6_at.sin6_port : ipv4_at.sin_port);
	return fd;
}

/*! A peer that takes connections, since the kernel does, and says nothing. */
static int listen_peer(const char *address, uint16_t *port)
{
	int fd = bind_peer(address, port);
	assert_int_equal(listen(fd, 4096), 0);
	return fd;
}

static bool connects(int fd, uint16_t port)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
		                  .sin_port = htons(port),
		                  .sin_addr = { htonl(INADDR_LOOPBACK) } };
	(void)connect(fd, (struct sockaddr *)&at, sizeof(at));
	struct pollfd writable = { .fd = fd, .events = POLLOUT };
	return poll(&writable, 1, SHORT_MS) == 1;
}

/*! A peer that does not answer: so many wait to be accepted that the kernel drops others. */
typedef struct {
	int fd, waiting[16];
	unsigned count;
	uint16_t port;
} hole_t;

static void hole_open(hole_t *hole)
{
	*hole = (hole_t){ 0 };
	hole->fd = bind_peer("127.0.0.1", &hole->port);
	assert_int_equal(listen(hole->fd, 0), 0);
	bool full = false;
	while (!full) {
		assert_in_range(hole->count, 0, 15);
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		assert_true(fd >= 0);
		hole->waiting[hole->count++] = fd;
		full = !connects(fd, hole->port);
	}
}

static void hole_close(hole_t *hole)
{
	for (unsigned i = 0; i < hole->count; i++) {
		close(hole->waiting[i]);
	}
	close(hole->fd);
}

/* Definitions and addresses. */

static aname_definition_t define(aname_probe_kind_t kind, uint16_t port, uint32_t timeout_ms)
{
	static uint32_t last_id;
	return (aname_definition_t){ .id = ++last_id,
		                     .probe = { .kind = kind,
		                                .port = port,
		                                .interval_ms = 50,
		                                .timeout_ms = timeout_ms,
		                                .fall = 3,
		                                .rise = 2,
		                                .statuses_count = 1,
		                                .statuses = { { 200, 399 } },
		                                .path = "/" } };
}

static aname_probed_t *hold_as(const aname_definition_t *definition, const char *text,
                               const char *target)
{
	uint8_t address[16];
	bool ipv6 = strchr(text, ':') != NULL;
	assert_int_equal(inet_pton(ipv6 ? AF_INET6 : AF_INET, text, address), 1);
	name_t name = make_name(target);
	return aname_probes_hold(probes, definition, address, ipv6 ? 16 : 4, name.at,
	                         ANAME_HEALTH_UNKNOWN, aname_clock_ms());
}

static aname_probed_t *hold(const aname_definition_t *definition, const char *text)
{
	return hold_as(definition, text, "www.cdn.example.");
}

static void unhold(aname_probed_t *probed)
{
	aname_probes_unhold(probes, probed, aname_clock_ms());
}

static aname_health_t health(const aname_probed_t *probed)
{
	return probed->verdict.health;
}

/* TCP. */

static void accepts(void **state)
{
	static const char *const addresses[] = { "127.0.0.1", "127.9.8.7", "::1" };
	for (size_t i = 0; i < COUNT_OF(addresses); i++) {
		uint16_t port = 0;
		int fd = listen_peer(i < 2 ? "0.0.0.0" : "::1", &port);
		aname_definition_t tcp = define(ANAME_PROBE_TCP, port, LONG_MS);
		aname_probed_t *probed = hold(&tcp, addresses[i]);
		assert_non_null(probed);
		assert_int_equal(health(probed), ANAME_HEALTH_UNKNOWN);
		UNTIL(probed->verdict.health != ANAME_HEALTH_UNKNOWN);
		assert_int_equal(health(probed), ANAME_HEALTH_UP);
		assert_int_equal(probed->started, 1);
		assert_null(probed->why);
		UNTIL(probed->started > 3);
		assert_int_equal(probed->failed, 0);
		assert_int_equal(changes, i + 1);
		unhold(probed);
		assert_true(aname_probes_forget(probes, &tcp));
		close(fd);
	}
}

static void refuses(void **state)
{
	uint16_t port = 0;
	int fd = bind_peer("127.0.0.1", &port);
	aname_definition_t tcp = define(ANAME_PROBE_TCP, port, LONG_MS);
	aname_probed_t *probed = hold(&tcp, "127.0.0.1");
	UNTIL(changes > 0);
	assert_int_equal(health(probed), ANAME_HEALTH_DOWN);
	assert_int_equal(probed->failed, 3);
	assert_string_equal(probed->why, "connection refused");
	aname_probes_numbers_t numbers = aname_probes_numbers(probes);
	assert_int_equal(numbers.down, 1);
	assert_int_equal(numbers.failed, 3);

	/* And back. */
	uint64_t failed = probed->failed;
	assert_int_equal(listen(fd, 100), 0);
	UNTIL(changes > 1);
	assert_int_equal(health(probed), ANAME_HEALTH_UP);
	assert_in_range(probed->started, failed + 2, UINT32_MAX);
	assert_int_equal(aname_probes_numbers(probes).up, 1);
	close(fd);
}

static void silent(void **state)
{
	hole_t hole;
	hole_open(&hole);
	aname_definition_t tcp = define(ANAME_PROBE_TCP, hole.port, SHORT_MS);
	const aname_probed_t *probed = hold(&tcp, "127.0.0.1");
	int64_t before_ms = real_ms();
	UNTIL(changes > 0);
	assert_int_equal(health(probed), ANAME_HEALTH_DOWN);
	assert_string_equal(probed->why, "no connection in time");
	assert_true(real_ms() - before_ms >= 3 * SHORT_MS - 3);
	hole_close(&hole);
}

/* Errors of this host. */

/*! Probes an address again and again, and ends well if nothing comes of that. */
static void probe_in_vain(const aname_definition_t *definition, const char *why)
{
	const aname_probed_t *probed = hold(definition, "127.0.0.1");
	CHECK(probed != NULL);
	UNTIL(probed->started > 5 && probed->probed_ms > 0);
	CHECK(health(probed) == ANAME_HEALTH_UNKNOWN);
	CHECK(probed->failed == 0 && changes == 0);
	CHECK(probed->why != NULL && strcmp(probed->why, why) == 0);
}

static void life_without_sockets(const void *arg)
{
	begin(NULL);
	aname_definition_t definition = define(*(const aname_probe_kind_t *)arg, 9, LONG_MS);
	uv_run(&loop, UV_RUN_NOWAIT);
	struct rlimit none;
	CHECK(getrlimit(RLIMIT_NOFILE, &none) == 0);
	none.rlim_cur = 0;
	CHECK(setrlimit(RLIMIT_NOFILE, &none) == 0);
	probe_in_vain(&definition, "too many open files");
}

static void no_sockets(void **state)
{
	const aname_probe_kind_t tcp = ANAME_PROBE_TCP;
	live(life_without_sockets, &tcp);
}

static void life_without_network(const void *arg)
{
	if (unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0) {
		_exit(0); /* It is not allowed to: nothing can be tested. */
	}
	begin(NULL);
	aname_definition_t definition = define(*(const aname_probe_kind_t *)arg, 9, LONG_MS);
	probe_in_vain(&definition, "network unreachable");
}

static void no_network(void **state)
{
	const aname_probe_kind_t tcp = ANAME_PROBE_TCP;
	live(life_without_network, &tcp);
}

/* Holders. */

static void shared(void **state)
{
	uint16_t port = 0;
	int fd = listen_peer("0.0.0.0", &port);
	aname_definition_t tcp = define(ANAME_PROBE_TCP, port, LONG_MS);
	aname_definition_t other = define(ANAME_PROBE_TCP, port, LONG_MS);
	aname_probed_t *one = hold_as(&tcp, "127.0.0.1", "a.example.");
	aname_probed_t *two = hold_as(&tcp, "127.0.0.1", "b.example.");
	assert_ptr_equal(one, two);
	assert_int_equal(one->holders, 2);
	assert_ptr_not_equal(hold(&other, "127.0.0.1"), one);
	assert_ptr_not_equal(hold(&tcp, "127.0.0.2"), one);
	assert_int_equal(aname_probes_numbers(probes).unknown, 3);
	UNTIL(aname_probes_numbers(probes).up == 3);
	assert_int_equal(changes, 3);

	unhold(one);
	uint64_t started = two->started;
	UNTIL(two->started > started);
	assert_false(aname_probes_forget(probes, &tcp));
	unhold(two);
	assert_int_equal(aname_probes_numbers(probes).up, 2);
	close(fd);
}

static void names_count(void **state)
{
	/* Over TLS and HTTP the name is sent, if there is no other host to send. */
	aname_definition_t https = define(ANAME_PROBE_HTTPS, 9, LONG_MS);
	aname_definition_t hosted = define(ANAME_PROBE_HTTPS, 9, LONG_MS);
	memcpy(hosted.probe.host, "cdn.example", sizeof("cdn.example"));
	aname_probes_pause(probes);
	assert_ptr_not_equal(hold_as(&https, "127.0.0.1", "a.example."),
	                     hold_as(&https, "127.0.0.1", "b.example."));
	assert_ptr_equal(hold_as(&hosted, "127.0.0.1", "a.example."),
	                 hold_as(&hosted, "127.0.0.1", "b.example."));
	assert_int_equal(aname_probes_numbers(probes).unknown, 3);
}

static void limited(void **state)
{
	uint16_t port = 0;
	int fd = listen_peer("0.0.0.0", &port);
	aname_definition_t tcp = define(ANAME_PROBE_TCP, port, LONG_MS);
	aname_probes_limit(probes, 2);
	aname_probed_t *one = hold(&tcp, "127.0.0.1"), *two = hold(&tcp, "127.0.0.2");
	assert_non_null(one);
	assert_non_null(two);
	assert_null(hold(&tcp, "127.0.0.3"));
	assert_ptr_equal(hold(&tcp, "127.0.0.2"), two);
	assert_int_equal(aname_probes_numbers(probes).refused, 1);
	unhold(one);
	assert_non_null(hold(&tcp, "127.0.0.3"));
	assert_null(hold(&tcp, "127.0.0.1"));
	assert_int_equal(aname_probes_numbers(probes).refused, 2);
	assert_int_equal(aname_probes_numbers(probes).unknown, 2);
	close(fd);
}

static const aname_probed_t *find(const aname_definition_t *definition, const char *text)
{
	uint8_t address[4];
	assert_int_equal(inet_pton(AF_INET, text, address), 1);
	name_t name = make_name("www.cdn.example.");
	return aname_probes_find(probes, definition, address, 4, name.at);
}

static void kept(void **state)
{
	uint16_t port = 0;
	int fd = listen_peer("0.0.0.0", &port);
	aname_definition_t tcp = define(ANAME_PROBE_TCP, port, LONG_MS);
	clock_stop_at(5000);
	assert_null(find(&tcp, "127.0.0.1"));
	aname_probed_t *probed = hold(&tcp, "127.0.0.1");
	UNTIL(health(probed) == ANAME_HEALTH_UP);
	unhold(probed);
	assert_int_equal(aname_probes_numbers(probes).up, 0);

	clock_skip(ANAME_PROBES_KEEP_MS - 1);
	unhold(hold(&tcp, "127.0.0.2")); /* Has it look. */
	uv_run(&loop, UV_RUN_NOWAIT);
	assert_ptr_equal(find(&tcp, "127.0.0.1"), probed);
	assert_int_equal(health(probed), ANAME_HEALTH_UP);
	assert_ptr_equal(hold(&tcp, "127.0.0.1"), probed);
	assert_int_equal(aname_probes_numbers(probes).up, 1);
	unhold(probed);

	clock_skip(ANAME_PROBES_KEEP_MS);
	unhold(hold(&tcp, "127.0.0.2"));
	UNTIL(find(&tcp, "127.0.0.1") == NULL);
	assert_null(find(&tcp, "127.0.0.1"));
	assert_non_null(find(&tcp, "127.0.0.2"));
	close(fd);
}

static void kept_within_limits(void **state)
{
	/* Sets that rotate leave no more behind than may be probed. */
	aname_definition_t tcp = define(ANAME_PROBE_TCP, 9, LONG_MS);
	aname_probes_limit(probes, 2);
	static const char *const addresses[] = { "127.0.0.1", "127.0.0.2", "127.0.0.3" };
	for (size_t i = 0; i < COUNT_OF(addresses); i++) {
		unhold(hold(&tcp, addresses[i]));
	}
	assert_null(find(&tcp, addresses[0]));
	assert_non_null(find(&tcp, addresses[1]));
	assert_non_null(find(&tcp, addresses[2]));
	assert_true(aname_probes_forget(probes, &tcp));
	assert_null(find(&tcp, addresses[2]));
}

/* Stopping. */

static void paused(void **state)
{
	hole_t hole;
	hole_open(&hole);
	uint16_t port = 0;
	int fd = listen_peer("127.0.0.2", &port);
	aname_definition_t dead = define(ANAME_PROBE_TCP, hole.port, LONG_MS);
	aname_definition_t alive = define(ANAME_PROBE_TCP, port, LONG_MS);
	const aname_probed_t *silent_one = hold(&dead, "127.0.0.1");
	const aname_probed_t *up = hold(&alive, "127.0.0.2");
	UNTIL(up->verdict.health == ANAME_HEALTH_UP && silent_one->started == 1);

	aname_probes_pause(probes);
	uint64_t started = up->started;
	int64_t until_ms = real_ms() + SHORT_MS;
	UNTIL(real_ms() >= until_ms);
	assert_int_equal(up->started, started);
	assert_int_equal(silent_one->started, 1);
	assert_int_equal(silent_one->failed, 0);
	assert_int_equal(health(up), ANAME_HEALTH_UP);

	aname_probes_resume(probes);
	UNTIL(up->started > started && silent_one->started == 2);
	hole_close(&hole);
	close(fd);
}

static void freed_under_way(void **state)
{
	hole_t hole;
	hole_open(&hole);
	aname_definition_t tcp = define(ANAME_PROBE_TCP, hole.port, LONG_MS);
	const aname_probed_t *probed = hold(&tcp, "127.0.0.1");
	UNTIL(probed->started == 1);
	finish(); /* Waits until the loop is empty. */
	hole_close(&hole);
	begin(NULL);
}

static void let_go_under_way(void **state)
{
	hole_t hole;
	hole_open(&hole);
	aname_definition_t tcp = define(ANAME_PROBE_TCP, hole.port, LONG_MS);
	aname_probed_t *probed = hold(&tcp, "127.0.0.1");
	UNTIL(probed->started == 1);
	unhold(probed);
	assert_true(aname_probes_forget(probes, &tcp));
	assert_null(find(&tcp, "127.0.0.1"));
	hole_close(&hole);
}

/*! Lets go of what has changed, and takes hold of it again or of another one. */
static void on_changed_let_go(void *ctx, aname_probed_t *probed, int64_t now_ms)
{
	const aname_definition_t *definition = probed->definition;
	aname_probes_unhold(probes, probed, now_ms);
	if (++changes < 10) {
		assert_true(aname_probes_forget(probes, definition));
		assert_non_null(hold(definition, "127.0.0.1"));
	}
}

static void let_go_by_changes(void **state)
{
	uint16_t port = 0;
	int fd = listen_peer("127.0.0.1", &port);
	aname_definition_t tcp = define(ANAME_PROBE_TCP, port, LONG_MS);
	finish();
	begin(NULL);
	aname_probes_free(probes);
	probes = aname_probes_new(&loop, on_changed_let_go, NULL);
	assert_non_null(probes);
	assert_non_null(hold(&tcp, "127.0.0.1"));
	aname_probes_resume(probes);
	UNTIL(changes == 10);
	assert_int_equal(aname_probes_numbers(probes).up, 0);
	close(fd);
}

/* Many. */

static void count_up(const aname_probed_t *probed, void *ctx)
{
	*(unsigned *)ctx += probed->verdict.health == ANAME_HEALTH_UP;
}

/*! Makes room for further connections. */
static bool accept_all(int listener)
{
	int fd;
	while ((fd = accept(listener, NULL, NULL)) >= 0) {
		close(fd);
	}
	return true;
}

static void many(void **state)
{
	enum { MANY = 2000 };
	uint16_t port = 0;
	int fd = listen_peer("0.0.0.0", &port);
	aname_definition_t tcp = define(ANAME_PROBE_TCP, port, LONG_MS);
	tcp.probe.interval_ms = LONG_MS;
	name_t name = make_name("www.cdn.example.");
	for (unsigned i = 0; i < MANY; i++) {
		const uint8_t address[4] = { 127, 1, i / 250, i % 250 + 1 };
		assert_non_null(aname_probes_hold(probes, &tcp, address, 4, name.at,
		                                  ANAME_HEALTH_UNKNOWN, aname_clock_ms()));
	}
	UNTIL(accept_all(fd) && aname_probes_numbers(probes).up == MANY);
	unsigned up = 0;
	aname_probes_foreach(probes, count_up, &up);
	assert_int_equal(up, MANY);
	assert_int_equal(aname_probes_numbers(probes).late, 0);

	/* So many twice a second are more than may be started, and that is counted. */
	aname_definition_t often = tcp;
	often.probe.interval_ms = 500;
	for (unsigned i = 0; i < MANY; i++) {
		const uint8_t address[4] = { 127, 1, i / 250, i % 250 + 1 };
		assert_non_null(aname_probes_hold(probes, &often, address, 4, name.at,
		                                  ANAME_HEALTH_UNKNOWN, aname_clock_ms()));
	}
	UNTIL(accept_all(fd) && aname_probes_numbers(probes).late > 0);
	close(fd);
}

#if ANAME_HTTP
static void again_and_again(void **state)
{
	/* Each probe is started where another one has ended. */
	static const aname_probe_kind_t kinds[] = { ANAME_PROBE_HTTP, ANAME_PROBE_HTTPS,
		                                    ANAME_PROBE_TLS };
	for (size_t i = 0; i < COUNT_OF(kinds); i++) {
		peer_t peer = { .says = "HTTP/1.1 200 OK\r\n", .tls = i > 0 };
		peer_start(&peer);
		aname_definition_t definition = define(kinds[i], peer.port, LONG_MS);
		definition.probe.interval_ms = 0;
		aname_probed_t *one = hold(&definition, "127.0.0.1");
		aname_probed_t *two = hold(&definition, "127.0.0.2");
		UNTIL(one->started > 20 && two->started > 20);
		assert_int_equal(health(one), ANAME_HEALTH_UP);
		assert_int_equal(one->failed + two->failed, 0);
		unhold(one);
		unhold(two);
		assert_true(aname_probes_forget(probes, &definition));
		peer_stop(&peer);
	}
}
#endif

static void in_doubt(void **state)
{
	uint16_t port = 0;
	int fd = listen_peer("0.0.0.0", &port);
	aname_definition_t tcp = define(ANAME_PROBE_TCP, port, LONG_MS);
	assert_non_null(hold_as(&tcp, "127.0.0.1", "a.example."));
	assert_non_null(hold_as(&tcp, "127.0.0.2", "b.example."));
	assert_non_null(hold_as(&tcp, "127.0.0.3", "b.example."));
	UNTIL(aname_probes_numbers(probes).up == 3);
	close(fd);
	UNTIL(aname_probes_numbers(probes).down == 3);
	assert_false(aname_probes_numbers(probes).in_doubt);

	fd = listen_peer("0.0.0.0", &port);
	assert_non_null(hold_as(&tcp, "127.0.0.4", "c.example."));
	UNTIL(aname_probes_numbers(probes).up == 4);
	close(fd);
	UNTIL(aname_probes_numbers(probes).in_doubt);
	UNTIL(aname_probes_numbers(probes).down == 4);
	assert_true(aname_probes_numbers(probes).in_doubt);
	fd = listen_peer("0.0.0.0", &port);
	UNTIL(!aname_probes_numbers(probes).in_doubt);
	close(fd);
}

/* Memory. */

static bool attempt_all(void *ctx)
{
	const aname_definition_t *tcp = ctx;
	uv_loop_t own;
	if (uv_loop_init(&own) != 0) {
		return false;
	}
	aname_probes_t *made = aname_probes_new(&own, on_changed, &changes);
	bool ok = made != NULL;
	if (ok) {
		name_t name = make_name("www.cdn.example.");
		const uint8_t address[4] = { 127, 0, 0, 1 };
		ok = aname_probes_hold(made, tcp, address, 4, name.at, ANAME_HEALTH_UNKNOWN,
		                       aname_clock_ms()) != NULL;
		assert_int_equal(aname_probes_numbers(made).unknown, ok);
		aname_probes_free(made);
	}
	uv_run(&own, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&own), 0);
	return ok;
}

static void without_memory(void **state)
{
	aname_definition_t tcp = define(ANAME_PROBE_TCP, 9, LONG_MS);
	assert_in_range(alloc_fail_each(attempt_all, &tcp), 4, 100);
}

#define ON_LOOP(sentence, function)                                               \
	{                                                                         \
		.name = (sentence), .test_func = (function), .setup_func = begin, \
		.teardown_func = end,                                             \
	}

int main(void)
{
	const struct CMUnitTest tcp[] = {
		ON_LOOP("H1: who accepts is up, over IPv4 and IPv6", accepts),
		ON_LOOP("H2: who refuses is down after three failures, and comes back", refuses),
		ON_LOOP("H2: who does not answer is down", silent),
		PROVES("H5: without sockets nothing is known", no_sockets),
		PROVES("H5: without a network nothing is known", no_network),
	};
	const struct CMUnitTest holders[] = {
		ON_LOOP("H1: an address is probed once for each definition", shared),
		ON_LOOP("H1: once for each name where the name is sent", names_count),
		ON_LOOP("H1: no more than max-probes are probed", limited),
		ON_LOOP("H2: a verdict is kept for ten minutes", kept),
		ON_LOOP("H2: no more verdicts are kept than addresses are probed",
		        kept_within_limits),
		ON_LOOP("H1: two thousand addresses", many),
#if ANAME_HTTP
		ON_LOOP("H1: HTTP and TLS, again and again", again_and_again),
#endif
		ON_LOOP("H5: three targets that were up, and nothing succeeds", in_doubt),
		PROVES("without memory nothing is held, and nothing lost", without_memory),
	};
	const struct CMUnitTest stopping[] = {
		ON_LOOP("a pause ends what runs, and verdicts stay", paused),
		ON_LOOP("freed while probes are under way", freed_under_way),
		ON_LOOP("let go while a probe is under way", let_go_under_way),
		ON_LOOP("let go while a change is told", let_go_by_changes),
	};
	int failed = RUN_TESTS("TCP", tcp);
	failed += RUN_TESTS("holders", holders);
	failed += RUN_TESTS("stopping", stopping);
	return failed;
}
