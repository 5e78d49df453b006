/*!
 * Any octets, in any pieces, from clients of the status socket, which read when they like, or not, while
 * the service goes on. Whatever they say, each gets whole lines, and nothing after the end; who follows
 * owners gets one answer for each question, in their order, and none that was not asked; and nobody has
 * more than a page wait for him.
 *
 * Files: module/service/status/client.c module/service/status/conversation.c
 * Files: module/service/status/followed.c module/service/status/question.c
 * Files: module/service/status/request.c module/service/status/shown.c
 * Files: module/service/status/watched.c module/service/status/refreshed.c
 */

#include "fuzz.h"

#include <errno.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "protocol.h"
#include "scene.h"
#include "service/status/client.h"

#define TARGETS     4
#define PEERS       3
#define SAID_MAX    200000
/*! Whoever takes nothing for so long may be dropped. */
#define PATIENCE_MS 9000

/*! A client, as it sees itself. */
typedef struct {
	int fd; /*!< -1: there is none. */
	/* What it says, and how much of that was written. */
	char said[SAID_MAX];
	size_t len, written;
	uint64_t token; /*!< The next one. */
	/* What it heard. */
	char line[2 * ANAME_LINE_MAX];
	size_t line_len, lines, answered;
	bool ended, gone;
} peer_t;

static target_t targets[TARGETS];
static peer_t peers[PEERS];
static aname_status_clients_t clients;
static aname_self_t self;
static aname_zone_t zone;
static int64_t begun_ms;

/* What it has asked. */

/*! The n-th question of what was written, by a plain reading of it: 1: it has a token; 2: so it has,
 *  or it is too long, which depends on the pieces that it came in; 0: there is none; -1: it is an error,
 *  and the last one. */
static int read_question(const peer_t *peer, size_t number, uint64_t *token)
{
	const char *at = memchr(peer->said, '\n', peer->written), *end = NULL;
	const char *all = peer->said + peer->written;
	for (size_t i = 0; at != NULL && i <= number; i++) {
		const char *line = at + 1;
		end = line < all ? memchr(line, '\n', all - line) : NULL;
		if (end == NULL) {
			return all - line >= ANAME_FOLLOW_LINE_MAX ? -1 : 0;
		}
		if (i == number) {
			break;
		}
		at = end;
	}
	if (at == NULL || end == NULL) {
		return 0;
	}
	static char copy[SAID_MAX + 1];
	const size_t len = end - at - 1;
	require(end > at && len < sizeof(copy));
	memcpy(copy, at + 1, len);
	copy[len] = '\0';
	size_t from = strspn(copy, " \r");
	if (strlen(copy) != len || strncmp(copy + from, ANAME_STATUS_ASK, 3) != 0) {
		return -1;
	}
	from += 3;
	size_t gap = strspn(copy + from, " \r"), digits = strspn(copy + from + gap, "0123456789");
	char after = copy[from + gap + digits];
	errno = 0;
	*token = strtoull(copy + from + gap, NULL, 10);
	bool good = gap > 0 && digits > 0 && errno == 0 && strchr(" \r", after) != NULL;
	return !good ? -1 : len >= ANAME_FOLLOW_LINE_MAX ? 2 : 1;
}

/*! Does it follow, by its first line? */
static bool follows(const peer_t *peer)
{
	const char *end = memchr(peer->said, '\n', peer->written);
	size_t len = end != NULL ? (size_t)(end - peer->said) : 0;
	while (len > 0 && peer->said[len - 1] == '\r') {
		len--;
	}
	return len == strlen(ANAME_STATUS_FOLLOW) &&
	       memcmp(peer->said, ANAME_STATUS_FOLLOW, len) == 0;
}

/* What it is told. */

static void hear_line(peer_t *peer)
{
	char *line = peer->line;
	static const char set[] = ANAME_STATUS_SET "\t" ANAME_KEY_TOKEN "=";
	require(!peer->ended);
	for (size_t i = 0; i < peer->line_len; i++) {
		require((uint8_t)line[i] >= 0x20 || line[i] == '\t');
	}
	line[peer->line_len] = '\0';
	require(peer->line_len > 0 && peer->line_len < ANAME_LINE_MAX);
	require(peer->lines++ > 0 || strcmp(line, ANAME_STATUS_FORMAT) == 0);
	peer->ended = strcmp(line, ANAME_STATUS_END) == 0 || strcmp(line, ANAME_STATUS_AGAIN) == 0;
	uint64_t token;
	if (strncmp(line, set, sizeof(set) - 1) == 0) {
		require(follows(peer) && read_question(peer, peer->answered, &token) >= 1);
		require(strtoull(line + sizeof(set) - 1, NULL, 10) == token);
		peer->answered++;
	} else if (follows(peer) && strncmp(line, ANAME_STATUS_ERROR "\t", 6) == 0) {
		int read = read_question(peer, peer->answered, &token);
		require(read == -1 || read == 2);
	}
}

/*! It reads so many octets, if there are any. */
static void hear(peer_t *peer, size_t most)
{
	static char octets[65536];
	while (peer->fd >= 0 && !peer->gone && most > 0) {
		ssize_t got = recv(peer->fd, octets, most < sizeof(octets) ? most : sizeof(octets),
		                   MSG_DONTWAIT);
		if (got < 0 && errno == EAGAIN) {
			break;
		}
		peer->gone = got <= 0;
		for (ssize_t i = 0; i < got; i++) {
			if (octets[i] == '\n') {
				hear_line(peer);
				peer->line_len = 0;
			} else {
				peer->line[peer->line_len++] = octets[i];
				require(peer->line_len < ANAME_LINE_MAX);
			}
		}
		most -= got > 0 ? got : 0;
	}
}

/* What has to hold. */

static void go_on(void)
{
	for (unsigned i = 0; i < 8; i++) {
		(void)uv_run(&scene.loop, UV_RUN_NOWAIT);
		loop_settle();
	}
	unsigned count = 0;
	for (const aname_client_t *client = clients.first; client != NULL; client = client->next) {
		require(client->len <= sizeof(client->buffer));
		require(uv_stream_get_write_queue_size((const uv_stream_t *)&client->pipe) <=
		        sizeof(client->buffer));
		count++;
	}
	require(count == clients.count);
}

void on_start(const lookup_t *lookup)
{
}

void before_end(lookup_t *lookup)
{
}

void after_end(const lookup_t *lookup)
{
}

/* Steps. */

static void leave(peer_t *peer)
{
	if (peer->fd >= 0) {
		(void)close(peer->fd);
		peer->fd = -1;
		go_on();
	}
}

static void come(peer_t *peer)
{
	static const int least = 1;
	int pair[2];
	leave(peer);
	require(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
	/* Little fits in, so that who does not read is soon waited for. */
	(void)setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &least, sizeof(least));
	peer->fd = pair[1];
	peer->len = peer->written = peer->line_len = peer->lines = peer->answered = 0;
	peer->ended = peer->gone = false;
	peer->token = 7;
	require(aname_status_place(&clients));
	aname_status_serve(&clients, pair[0]);
}

static void say(peer_t *peer, const char *octets, size_t len)
{
	if (peer->fd >= 0 && peer->len + len <= SAID_MAX) {
		memcpy(peer->said + peer->len, octets, len);
		peer->len += len;
	}
}

static void ask(peer_t *peer, unsigned target, unsigned many)
{
	char line[256];
	for (unsigned i = 0; i < many; i++) {
		int len = snprintf(line, sizeof(line),
		                   "ask %llu zone.example. zone.example. 60 t%u.s%u.example.\n",
		                   (unsigned long long)peer->token++, target % 2, target % 2);
		say(peer, line, len);
	}
}

/*! Some of what it has to say goes out. */
static void speak(peer_t *peer, size_t most)
{
	size_t left = peer->len - peer->written;
	most = most < left ? most : left;
	if (peer->fd >= 0 && most > 0) {
		ssize_t sent = send(peer->fd, peer->said + peer->written, most,
		                    MSG_DONTWAIT | MSG_NOSIGNAL);
		peer->written += sent > 0 ? sent : 0;
	}
}

static void say_request(peer_t *peer, uint8_t code)
{
	static const char *const requests[] = {
		"follow\n",
		"status\n",
		"watch\n",
		"status owner=zone.example. t0.s0.example.\n",
		"refresh 3 t0.s0.example.\n",
		"force t0.s0.example. down 60\n",
		"force 10.0.0.1 up\n",
		"force t0.s0.example. auto\n",
	};
	const char *request = requests[code % 8];
	say(peer, request, strlen(request));
}

static void change_target(uint8_t code)
{
	target_t *target = &targets[code % TARGETS];
	target->first = code / 8;
	target->behaviour = code / TARGETS % BEHAVIOURS;
	target->ttl = 1;
}

static void step(input_t *input)
{
	uint8_t octet = take_octet(input), code = take_octet(input);
	peer_t *peer = &peers[octet / 16 % PEERS];
	char octets[256];
	switch (octet % 16) {
	case 0: come(peer); break;
	case 1: say_request(peer, code); break;
	case 2:
	case 3: ask(peer, code, 1 + code / 8); break;
	case 4:
		take_octets(input, (uint8_t *)octets, code % 32);
		say(peer, octets, code % 32);
		break;
	case 5:
		memset(octets, code, sizeof(octets));
		for (unsigned i = 0; i < 160; i++) {
			say(peer, octets, sizeof(octets));
		}
		break;
	case 6: speak(peer, code); break;
	case 7:
	case 8: speak(peer, SAID_MAX); break;
	case 9: hear(peer, code); break;
	case 10: hear(peer, SIZE_MAX); break;
	case 11: leave(peer); break;
	case 12: change_target(code); break;
	case 13:
		if (scene.sections[0].options != NULL) {
			scene_push(0, &targets[0], NULL, scene_interest(0, 60, 1));
			aname_refresh_wake(scene.refresh);
		}
		break;
	case 14: (void)shutdown(peer->fd >= 0 ? peer->fd : -1, SHUT_WR); break;
	default: loop_run(loop_now() + 40 * (int64_t)code); break;
	}
	go_on();
}

/* The whole. */

/*! Who follows and reads has all its answers, if it was never left to wait. */
static void hear_all(peer_t *peer)
{
	uint64_t token;
	for (unsigned i = 0; i < 2000 && peer->fd >= 0 && !peer->gone; i++) {
		size_t before = peer->answered, written = peer->written;
		speak(peer, SAID_MAX);
		go_on();
		hear(peer, SIZE_MAX);
		if (peer->answered == before && peer->written == written && i % 64 > 8) {
			break;
		}
	}
	if (peer->fd >= 0 && !peer->gone && follows(peer) && peer->written > 0 &&
	    loop_now() - begun_ms < PATIENCE_MS) {
		require(read_question(peer, peer->answered, &token) != 1);
	}
}

static void begin(uint8_t seed)
{
	static const aname_limits_t limits = { 4, 100, 100, 1000, 100, 100, 100 };
	for (unsigned i = 0; i < TARGETS; i++) {
		targets[i] = (target_t){ .type = i / 2 ? KNOT_RRTYPE_AAAA : KNOT_RRTYPE_A,
			                 .name = make_name_nth(i % 2),
			                 .ttl = 60,
			                 .latency_ms = 5,
			                 .count = 2 };
	}
	scene_begin(&limits, seed, targets, TARGETS);
	scene.sections[0].schedule = make_schedule;
	scene_hold(0);
	aname_refresh_resume(scene.refresh);
	static const knot_dname_t name[] = "\x04zone\x07"
	                                   "example";
	zone = (aname_zone_t){ .named = { .upstream = scene.sections[0].named },
		               .options = scene.sections[0].options->id };
	aname_zones_add(scene.shared->zones, &zone,
	                aname_owners_hash(scene.shared->owners, name, sizeof(name)));
	clients = (aname_status_clients_t){
		.shared = scene.shared,
		.backend = aname_status_backend_of(scene.refresh, NULL),
		.loop = &scene.loop,
	};
	clients.backend.self = &self;
	begun_ms = loop_now();
	(void)signal(SIGPIPE, SIG_IGN); /* As knotd does. */
	for (unsigned i = 0; i < PEERS; i++) {
		peers[i].fd = -1;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	input_t input = { data, size };
	begin(take_octet(&input));
	while (input.left > 0) {
		step(&input);
	}
	for (unsigned i = 0; i < PEERS; i++) {
		hear_all(&peers[i]);
		leave(&peers[i]);
	}
	aname_status_drop(&clients);
	go_on();
	require(clients.count == 0);
	aname_zones_drop(scene.shared->zones, &zone);
	aname_refresh_pause(scene.refresh);
	scene_end();
	return 0;
}
