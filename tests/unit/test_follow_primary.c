#include "support/test.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <libknot/libknot.h>

#include "follow/primary.h"
#include "support/alloc.h"
#include "support/make.h"

/* The kernel, which takes no more than this at once. */

int __real_uv_try_write(uv_stream_t *stream, const uv_buf_t *buffers, unsigned count);
int __wrap_uv_try_write(uv_stream_t *stream, const uv_buf_t *buffers, unsigned count);

static size_t taken_at_once = SIZE_MAX;

int __wrap_uv_try_write(uv_stream_t *stream, const uv_buf_t *buffers, unsigned count)
{
	assert_int_equal(count, 1);
	if (taken_at_once == 0) {
		return UV_EAGAIN;
	}
	uv_buf_t some = buffers[0];
	some.len = some.len < taken_at_once ? some.len : taken_at_once;
	return __real_uv_try_write(stream, &some, 1);
}

/* A primary that does what it is told to, on the same loop. */

typedef enum {
	ANSWER,
	ANSWER_AND_CLOSE,
	ANSWER_TWICE,
	ANSWER_BY_OCTETS,
	OTHERWISE, /*!< NXRRSET. */
	WRONG_ID,
	WRONG_SECRET,
	GARBAGE,
	SILENT,
	HALF,
	HALF_AND_CLOSE,
	CLOSE,
	RESET,
} act_t;

#define PEERS_MAX 64
#define WIRE_MAX  (2 + KANAME_UPDATE_MAX)

typedef struct {
	uv_tcp_t tcp;
	size_t got;
	uint8_t wire[WIRE_MAX];
} peer_t;

static uv_loop_t loop;
static uv_tcp_t listener;
static bool listening;
static struct sockaddr_storage server;
static peer_t peers[PEERS_MAX];
static unsigned accepted, ended, asked;
static const act_t *script; /*!< What is done at each message; the last one stays. */
static unsigned script_count;
static knot_tsig_key_t key, other_key;

static void on_peer_closed(uv_handle_t *handle)
{
	ended++;
}

static void close_peer(peer_t *peer)
{
	if (!uv_is_closing((uv_handle_t *)&peer->tcp)) {
		uv_close((uv_handle_t *)&peer->tcp, on_peer_closed);
	}
}

static void reset_peer(peer_t *peer)
{
	assert_int_equal(uv_tcp_close_reset(&peer->tcp, on_peer_closed), 0);
}

static void say(peer_t *peer, const uint8_t *octets, size_t len)
{
	uv_buf_t buffer = uv_buf_init((char *)octets, len);
	assert_int_equal(__real_uv_try_write((uv_stream_t *)&peer->tcp, &buffer, 1), len);
}

/*! The reply to the peer's message, with its length before it; returns all its octets. */
static size_t make_reply(const peer_t *peer, act_t act, uint8_t reply[512])
{
	static uint8_t query[WIRE_MAX];
	size_t query_len = peer->got - 2;
	memcpy(query, peer->wire + 2, query_len);
	knot_pkt_t *pkt = knot_pkt_new(query, query_len, NULL);
	assert_int_equal(knot_pkt_parse(pkt, 0), KNOT_EOK);
	assert_int_equal(knot_tsig_server_check(pkt->tsig_rr, query, pkt->size, &key), KNOT_EOK);
	size_t len = KNOT_WIRE_HEADER_SIZE;
	memcpy(reply + 2, query, len);
	memset(reply + 2 + 4, 0, 8);
	knot_wire_set_qr(reply + 2);
	knot_wire_set_rcode(reply + 2, act == OTHERWISE ? KNOT_RCODE_NXRRSET : KNOT_RCODE_NOERROR);
	if (act == WRONG_ID) {
		reply[2] ^= 1;
	}
	uint8_t digest[KANAME_UPDATE_DIGEST_MAX];
	size_t digest_len = sizeof(digest);
	int ret = knot_tsig_sign(reply + 2, &len, 500, knot_tsig_rdata_mac(pkt->tsig_rr),
	                         knot_tsig_rdata_mac_length(pkt->tsig_rr), digest, &digest_len,
	                         act == WRONG_SECRET ? &other_key : &key, 0, 0);
	assert_int_equal(ret, KNOT_EOK);
	knot_pkt_free(pkt);
	knot_wire_write_u16(reply, len);
	return 2 + len;
}

static void act_on(peer_t *peer)
{
	act_t act = script[asked < script_count ? asked : script_count - 1];
	asked++;
	uint8_t reply[512];
	size_t len = make_reply(peer, act, reply);
	peer->got = 0;
	switch (act) {
	case SILENT: return;
	case CLOSE: close_peer(peer); return;
	case RESET: reset_peer(peer); return;
	case GARBAGE:
		memset(reply + 2, 0xff, len - 2);
		say(peer, reply, len);
		return;
	case HALF: say(peer, reply, len / 2); return;
	case HALF_AND_CLOSE:
		say(peer, reply, len / 2);
		close_peer(peer);
		return;
	case ANSWER_BY_OCTETS:
		for (size_t i = 0; i < len; i++) {
			say(peer, reply + i, 1);
		}
		return;
	default: say(peer, reply, len); break;
	}
	if (act == ANSWER_TWICE) {
		say(peer, reply, len);
	} else if (act == ANSWER_AND_CLOSE) {
		close_peer(peer);
	}
}

static void on_room(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
	peer_t *peer = handle->data;
	*buffer = uv_buf_init((char *)peer->wire + peer->got, sizeof(peer->wire) - peer->got);
}

static void on_read(uv_stream_t *stream, ssize_t count, const uv_buf_t *buffer)
{
	peer_t *peer = stream->data;
	if (count < 0) {
		close_peer(peer);
		return;
	}
	peer->got += count;
	if (peer->got >= 2 && peer->got == 2 + (size_t)knot_wire_read_u16(peer->wire)) {
		act_on(peer);
	}
}

static void on_connection(uv_stream_t *stream, int status)
{
	assert_int_equal(status, 0);
	assert_true(accepted < PEERS_MAX);
	peer_t *peer = &peers[accepted++];
	memset(peer, 0, sizeof(*peer));
	(void)uv_tcp_init(&loop, &peer->tcp);
	peer->tcp.data = peer;
	assert_int_equal(uv_accept(stream, (uv_stream_t *)&peer->tcp), 0);
	assert_int_equal(uv_read_start((uv_stream_t *)&peer->tcp, on_room, on_read), 0);
}

/* Updates. */

/*! What became of the updates, by their tokens, which are numbers. */
static kaname_updated_t updated[PEERS_MAX];
static unsigned done[PEERS_MAX], done_count;
static kaname_primary_t *primary;
static unsigned more; /*!< So many more are sent as others end. */

static kaname_sets_t sets;
static kaname_update_t update;
static name_t zone;

static int send_one(uintptr_t number)
{
	return kaname_primary_send(primary, &update, (void *)number);
}

static void on_done(void *ctx, void *token, const kaname_updated_t *what)
{
	uintptr_t number = (uintptr_t)token;
	assert_ptr_equal(ctx, &sets);
	assert_true(number < PEERS_MAX);
	done[number]++;
	done_count++;
	updated[number] = *what;
	if (what->why == what->text) {
		updated[number].why = updated[number].text;
	}
	if (more > 0) {
		more--;
		assert_int_equal(send_one(number + 1), KNOT_EOK);
	}
}

static void listen_anywhere(void)
{
	assert_int_equal(uv_tcp_init(&loop, &listener), 0);
	struct sockaddr_in any;
	(void)uv_ip4_addr("127.0.0.1", 0, &any);
	assert_int_equal(uv_tcp_bind(&listener, (const struct sockaddr *)&any, 0), 0);
	assert_int_equal(uv_listen((uv_stream_t *)&listener, 64, on_connection), 0);
	int len = sizeof(server);
	(void)uv_tcp_getsockname(&listener, (struct sockaddr *)&server, &len);
	listening = true;
}

static void stop_listening(void)
{
	if (listening) {
		uv_close((uv_handle_t *)&listener, NULL);
		listening = false;
	}
}

static int setup(void **state)
{
	accepted = ended = asked = done_count = more = 0;
	memset(done, 0, sizeof(done));
	assert_int_equal(uv_loop_init(&loop), 0);
	listen_anywhere();
	assert_int_equal(knot_tsig_key_init(&key, "hmac-sha256", "k", "c2VjcmV0"), KNOT_EOK);
	assert_int_equal(knot_tsig_key_init(&other_key, "hmac-sha256", "k", "b3RoZXI="), KNOT_EOK);
	zone = make_name("e.");
	kaname_set_t *set = NULL;
	assert_true(kaname_set_take(&sets, KANAME_A, (const uint8_t *)"\300\0\2\1", 1, &set));
	update = (kaname_update_t){ .zone = zone.at, .owner = zone.at, .swap = { { .to = set } } };
	primary = NULL;
	return 0;
}

static int setup_some(void **state)
{
	*state = &zone;
	return setup(NULL);
}

static void start(const act_t *acts, unsigned count, int timeout_ms, unsigned most)
{
	script = acts;
	script_count = count;
	primary = kaname_primary_new(&loop, &server, &key, timeout_ms, most, on_done, &sets);
	assert_non_null(primary);
}

static int teardown(void **state)
{
	static const act_t silent[] = { SILENT };
	script = silent;
	script_count = 1;
	kaname_primary_close(primary);
	stop_listening();
	for (unsigned i = 0; i < accepted; i++) {
		close_peer(&peers[i]);
	}
	(void)uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&loop), 0);
	assert_int_equal(ended, accepted);
	kaname_set_release(&sets, (kaname_set_t *)update.swap[KANAME_A].to);
	kaname_sets_deinit(&sets);
	knot_tsig_key_deinit(&key);
	knot_tsig_key_deinit(&other_key);
	assert_int_equal(alloc_live(), 0);
	return 0;
}

/*! Runs the loop until so many have ended. */
static void run_until(unsigned count)
{
	while (done_count < count) {
		assert_true(uv_run(&loop, UV_RUN_ONCE) || done_count == count);
	}
	assert_int_equal(done_count, count);
}

/*! And then until the server knows of the end of so many connections. */
static void run_until_ended(unsigned count)
{
	while (ended < count) {
		assert_true(uv_run(&loop, UV_RUN_ONCE) || ended == count);
	}
}

static void expect(unsigned number, kaname_outcome_t outcome, const char *why)
{
	assert_int_equal(done[number], 1);
	if (updated[number].outcome != outcome || strstr(updated[number].why, why) == NULL) {
		fail_msg("expected outcome %d, '%s'; got %d, '%s'", outcome, why,
		         updated[number].outcome, updated[number].why);
	}
}

/* What is proven. */

typedef struct {
	const char *proves;
	act_t act;
	kaname_outcome_t outcome;
	const char *why;
	bool kept; /*!< The next update goes over the same connection. */
} ending_t;

static const ending_t endings[] = {
	{ "a reply", ANSWER, KANAME_UPDATE_DONE, "done", true },
	{ "a reply that comes octet by octet", ANSWER_BY_OCTETS, KANAME_UPDATE_DONE, "done", true },
	{ "NXRRSET", OTHERWISE, KANAME_UPDATE_OTHERWISE, "NXRRSET", true },
	{ "a reply, and one that nobody asked for", ANSWER_TWICE, KANAME_UPDATE_DONE, "done",
	  false },
	{ "a reply, and the connection is closed at once", ANSWER_AND_CLOSE, KANAME_UPDATE_DONE,
	  "done", false },
	{ "another ID", WRONG_ID, KANAME_UPDATE_UNKNOWN, "no reply to the update", false },
	{ "garbage", GARBAGE, KANAME_UPDATE_UNKNOWN, "no reply to the update", false },
	{ "another secret", WRONG_SECRET, KANAME_UPDATE_UNKNOWN, "signature is wrong", false },
	{ "silence", SILENT, KANAME_UPDATE_UNKNOWN, "no reply in time", false },
	{ "half a reply, and silence", HALF, KANAME_UPDATE_UNKNOWN, "no reply in time", false },
	{ "half a reply, and the end", HALF_AND_CLOSE, KANAME_UPDATE_UNKNOWN,
	  "closed the connection without a reply", false },
	{ "the end", CLOSE, KANAME_UPDATE_UNKNOWN, "closed the connection without a reply", false },
	{ "a reset", RESET, KANAME_UPDATE_UNKNOWN, "connection reset", false },
};

static void check_ending(void **state)
{
	const ending_t *row = *state;
	(void)setup(NULL);
	const act_t acts[] = { row->act, ANSWER };
	bool waits = row->act == SILENT || row->act == HALF;
	start(acts, COUNT_OF(acts), waits ? 50 : 5000, 1);
	more = 1; /* The next one is sent from within the call that tells the end of the first. */
	assert_int_equal(send_one(0), KNOT_EOK);
	assert_int_equal(done_count, 0);
	run_until(1);
	expect(0, row->outcome, row->why);
	assert_int_equal(kaname_primary_room(primary), 0);
	run_until(2);
	expect(1, KANAME_UPDATE_DONE, "done");
	assert_int_equal(kaname_primary_room(primary), 1);
	/* One that was sent over the connection before while that ended is sent once more. */
	assert_int_equal(accepted, row->kept ? 1 : 2);
	(void)teardown(NULL);
}

static void refused(void **state)
{
	/* Bound, so that nobody else is there, and nobody listens. */
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in nobody;
	(void)uv_ip4_addr("127.0.0.1", 0, &nobody);
	socklen_t len = sizeof(nobody);
	assert_int_equal(bind(fd, (const struct sockaddr *)&nobody, len), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&nobody, &len), 0);
	memcpy(&server, &nobody, sizeof(nobody));
	start((act_t[]){ ANSWER }, 1, 5000, 1);
	assert_int_equal(send_one(0), KNOT_EOK);
	assert_int_equal(done_count, 0);
	run_until(1);
	expect(0, KANAME_UPDATE_FAILED, "connection refused");
	assert_non_null(updated[0].next);
	char where[32];
	(void)snprintf(where, sizeof(where), "127.0.0.1@%u: ", ntohs(nobody.sin_port));
	assert_non_null(strstr(updated[0].why, where));
	(void)close(fd);
}

/*! A server whose queue of connections is full is like one that is not there. */
static void black_hole(void **state)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), others[4];
	struct sockaddr_in full;
	(void)uv_ip4_addr("127.0.0.1", 0, &full);
	socklen_t len = sizeof(full);
	assert_int_equal(bind(fd, (const struct sockaddr *)&full, len), 0);
	assert_int_equal(listen(fd, 0), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&full, &len), 0);
	for (size_t i = 0; i < COUNT_OF(others); i++) {
		others[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		(void)connect(others[i], (const struct sockaddr *)&full, len);
	}
	memcpy(&server, &full, sizeof(full));
	start((act_t[]){ ANSWER }, 1, 50, 1);
	assert_int_equal(send_one(0), KNOT_EOK);
	run_until(1);
	expect(0, KANAME_UPDATE_FAILED, "no connection in time");
	for (size_t i = 0; i < COUNT_OF(others); i++) {
		(void)close(others[i]);
	}
	(void)close(fd);
}

static void many(void **state)
{
	start((act_t[]){ ANSWER }, 1, 5000, 4);
	assert_int_equal(kaname_primary_room(primary), 4);
	for (uintptr_t i = 0; i < 4; i++) {
		assert_int_equal(send_one(10 * i), KNOT_EOK);
	}
	assert_int_equal(kaname_primary_room(primary), 0);
	assert_int_equal(send_one(50), KNOT_EBUSY);
	more = 20;
	run_until(24);
	assert_int_equal(accepted, 4);
	assert_int_equal(kaname_primary_room(primary), 4);
	assert_int_equal(done[50], 0);
}

/*! One that is free and has a connection is taken before one without. */
static void connection_reused(void **state)
{
	start((act_t[]){ ANSWER }, 1, 5000, 8);
	more = 9;
	assert_int_equal(send_one(0), KNOT_EOK);
	run_until(10);
	assert_int_equal(accepted, 1);
}

/*! The server closes the connection when it has got the next update. */
static void crossed(void **state)
{
	start((act_t[]){ ANSWER, CLOSE, ANSWER }, 3, 5000, 1);
	more = 1;
	assert_int_equal(send_one(0), KNOT_EOK);
	run_until(2);
	expect(1, KANAME_UPDATE_DONE, "done");
	assert_int_equal(asked, 3);
	assert_int_equal(accepted, 2);
}

static void crossed_and_reset(void **state)
{
	start((act_t[]){ ANSWER, RESET, ANSWER }, 3, 5000, 1);
	more = 1;
	assert_int_equal(send_one(0), KNOT_EOK);
	run_until(2);
	expect(1, KANAME_UPDATE_DONE, "done");
	assert_int_equal(asked, 3);
}

/*! The one sent first was done, so the second finds something else: that is no foreign hand. */
static void crossed_and_done(void **state)
{
	start((act_t[]){ ANSWER, CLOSE, OTHERWISE }, 3, 5000, 1);
	more = 1;
	assert_int_equal(send_one(0), KNOT_EOK);
	run_until(2);
	expect(1, KANAME_UPDATE_UNKNOWN, "sent twice");
}

static void crossed_twice(void **state)
{
	start((act_t[]){ ANSWER, CLOSE, CLOSE, ANSWER }, 4, 5000, 1);
	more = 1;
	assert_int_equal(send_one(0), KNOT_EOK);
	run_until(2);
	expect(1, KANAME_UPDATE_UNKNOWN, "without a reply");
	assert_int_equal(asked, 3);
}

/*! It has ended, and is not there for the next one. */
static void restarted(void **state)
{
	start((act_t[]){ ANSWER_AND_CLOSE, ANSWER }, 2, 5000, 1);
	assert_int_equal(send_one(0), KNOT_EOK);
	run_until(1);
	run_until_ended(1);
	stop_listening();
	(void)uv_run(&loop, UV_RUN_NOWAIT);
	assert_int_equal(send_one(1), KNOT_EOK);
	run_until(2);
	expect(1, KANAME_UPDATE_FAILED, "connection refused");
}

static void idle(void **state)
{
	start((act_t[]){ ANSWER }, 1, 5000, 1);
	assert_int_equal(send_one(0), KNOT_EOK);
	run_until(1);
	uint64_t before = uv_now(&loop);
	run_until_ended(1);
	assert_in_range(uv_now(&loop) - before, 1000, 5000);
	assert_int_equal(kaname_primary_room(primary), 1);
}

static void closed_midway(void **state)
{
	start((act_t[]){ SILENT }, 1, 5000, 3);
	assert_int_equal(send_one(0), KNOT_EOK);
	while (asked < 1) {
		assert_true(uv_run(&loop, UV_RUN_ONCE));
	}
	/* One waits for its reply, one is being connected. */
	assert_int_equal(send_one(1), KNOT_EOK);
	kaname_primary_close(primary);
	primary = NULL;
	run_until_ended(accepted);
	assert_int_equal(done_count, 0);
}

static void close_it(void *ctx, void *token, const kaname_updated_t *what)
{
	done_count++;
	kaname_primary_close(*(kaname_primary_t **)ctx);
}

static void closed_from_within(void **state)
{
	script = (act_t[]){ ANSWER };
	script_count = 1;
	kaname_primary_t *one = kaname_primary_new(&loop, &server, &key, 5000, 2, close_it, &one);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(kaname_primary_send(one, &update, NULL), KNOT_EOK);
	}
	run_until(1);
	run_until_ended(accepted);
	assert_int_equal(done_count, 1);
}

/*! Sets as large as they can be, of which the kernel takes some at once, or nothing. */
static void large(void **state)
{
	kaname_set_t *from[KANAME_FAMILIES], *to[KANAME_FAMILIES];
	static uint8_t at[2 * KANAME_SET_MAX][16];
	for (size_t i = 0; i < COUNT_OF(at); i++) {
		memset(at[i], 1 + i / KANAME_SET_MAX, sizeof(at[i]));
		at[i][0] = i;
	}
	for (kaname_family_t family = 0; family < KANAME_FAMILIES; family++) {
		static uint8_t packed[2 * KANAME_SET_MAX * 16];
		size_t len = kaname_family_len(family);
		for (size_t i = 0; i < COUNT_OF(at); i++) {
			memcpy(packed + i * len, at[i], len);
		}
		assert_true(kaname_set_take(&sets, family, packed, KANAME_SET_MAX, &from[family]));
		assert_true(kaname_set_take(&sets, family, packed + KANAME_SET_MAX * len,
		                            KANAME_SET_MAX, &to[family]));
	}
	kaname_update_t largest = {
		.zone = zone.at,
		.owner = zone.at,
		.swap = { { from[0], to[0], true }, { from[1], to[1], true } },
	};
	start((act_t[]){ ANSWER }, 1, 5000, 8);
	for (uintptr_t i = 0; i < 8; i++) {
		assert_int_equal(kaname_primary_send(primary, &largest, (void *)i), KNOT_EOK);
	}
	taken_at_once = *state != NULL ? 1000 : 0;
	run_until(8);
	taken_at_once = SIZE_MAX;
	for (unsigned i = 0; i < 8; i++) {
		expect(i, KANAME_UPDATE_DONE, "done");
	}
	for (kaname_family_t family = 0; family < KANAME_FAMILIES; family++) {
		kaname_set_release(&sets, from[family]);
		kaname_set_release(&sets, to[family]);
	}
}

/*! Is it done, although an allocation may fail? Cleans up. */
static bool try_one(void *ctx)
{
	done_count = done[0] = 0;
	taken_at_once = 1; /* So that there is a rest to write. */
	primary = kaname_primary_new(&loop, &server, &key, 5000, 1, on_done, &sets);
	bool good = primary != NULL && send_one(0) == KNOT_EOK;
	if (good) {
		run_until(1);
		good = updated[0].outcome == KANAME_UPDATE_DONE;
	}
	kaname_primary_close(primary);
	primary = NULL;
	run_until_ended(accepted);
	(void)uv_run(&loop, UV_RUN_NOWAIT);
	return good;
}

static void without_memory(void **state)
{
	script = (act_t[]){ ANSWER };
	script_count = 1;
	assert_in_range(alloc_fail_each(try_one, NULL), 5, 20);
	taken_at_once = SIZE_MAX;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{ "nobody listens: nothing was sent", refused, setup, teardown, NULL },
		{ "no connection in time: nothing was sent", black_hole, setup, teardown, NULL },
		{ "as many at once as there is room for", many, setup, teardown, NULL },
		{ "one after the other goes over one connection", connection_reused, setup,
		  teardown, NULL },
		{ "a connection that ends as it is used again costs nothing", crossed, setup,
		  teardown, NULL },
		{ "nor does one that is reset", crossed_and_reset, setup, teardown, NULL },
		{ "what was sent twice and finds something else may have been done",
		  crossed_and_done, setup, teardown, NULL },
		{ "nothing is sent three times", crossed_twice, setup, teardown, NULL },
		{ "the primary ends while nothing is on its way", restarted, setup, teardown,
		  NULL },
		{ "a connection that nobody uses is closed", idle, setup, teardown, NULL },
		{ "closed while updates are on their way", closed_midway, setup, teardown, NULL },
		{ "closed by what is told of an end", closed_from_within, setup, teardown, NULL },
		{ "the largest sets, of which the kernel takes nothing at once", large, setup,
		  teardown, NULL },
		{ "the largest sets, of which the kernel takes some at once", large, setup_some,
		  teardown, NULL },
		{ "out of memory", without_memory, setup, teardown, NULL },
	};
	int failed = RUN_ROWS("how an update ends", endings, check_ending);
	return failed + RUN_TESTS("primary", tests);
}
