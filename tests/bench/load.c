/*
 * Load for a server, from one thread: one question again and again.
 *
 *     load ADDRESS PORT udp|tcp|tcp1 NAME TYPE DO RECORDS SOCKETS WINDOW RATE SECONDS SPIN
 *
 * tcp sends many queries over each connection without waiting, tcp1 one over each, and then makes
 * another. RECORDS is how many the answer has to have.
 *
 * With RATE 0 each of the SOCKETS always has its part of WINDOW queries under way, which is as much
 * as the server can take. Otherwise queries are due at RATE a second, whatever the server does. If
 * WINDOW of them are under way the next ones wait here: after a pause of this program or of the
 * server they would overflow the server's buffer. A latency is counted from when its query was due,
 * so that no pause is hidden. SPIN 1 does not sleep while nothing is to be done, but lets others
 * have the processor.
 *
 * Prints one line of JSON. An answer counts that is NOERROR, whole, and has the records; any other
 * reply is "bad", and what has no reply after half a second is "lost".
 *
 * dnsperf is not used for this: it takes more processor time for a query than knotd does, so that a
 * thread of it never keeps a worker busy, and before 2.12 it tells no percentiles.
 */

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
	BATCH = 32,
	SOCKETS_MAX = 256,
	IDS = 65536,
	HEADER = 12,
	QUERY_MAX = 512,
	/* Replies are small here; what does not fit is bad. */
	REPLY_MAX = 4096,
	STREAM_MAX = 65536,
};

#define SECOND     1000000000ULL
#define LOST_AFTER (SECOND / 2)

/*! \brief One socket, none with -1, and what is under way at it. */
typedef struct {
	int fd;
	/* Identifiers are given in order: the last one, and one that is not newer than any under
	 * way. */
	uint16_t last_id;
	uint16_t oldest_id;
	unsigned under_way;
	/* So many of the last ones are not sent yet. */
	unsigned to_send;
	/* When each query was planned or due, by its identifier; 0 is none. */
	uint64_t *since;
	/* What came of a TCP stream and is no whole message yet. */
	uint8_t *stream;
	size_t stream_len;
} channel_t;

typedef struct {
	struct sockaddr_in server;
	bool tcp;
	/* One query over each connection. */
	bool single;
	bool spin;
	unsigned records;
	unsigned sockets;
	unsigned window;
	uint64_t rate;
	uint64_t duration;

	uint8_t query[QUERY_MAX];
	size_t query_len;
	channel_t channels[SOCKETS_MAX];
	struct pollfd polled[SOCKETS_MAX];

	uint64_t start;
	bool ending;
	/* Queries up to now, and in all. */
	uint64_t planned;
	uint64_t wanted;
	uint64_t last_heard;
	uint64_t bad;
	uint64_t lost;
	uint32_t *latencies;
	size_t answered;
	size_t room;
} load_t;

static void fail(const char *what)
{
	fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void *allocate(size_t size)
{
	void *memory = calloc(1, size);
	if (memory == NULL) {
		fail("memory");
	}
	return memory;
}

static uint64_t now_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * SECOND + (uint64_t)now.tv_nsec;
}

/* The query. */

static size_t put_name(uint8_t *to, const char *name)
{
	size_t len = 0;
	while (*name != '\0') {
		size_t label = strcspn(name, ".");
		if (label == 0 || label > 63 || len + label > 254) {
			errno = EINVAL;
			fail("name");
		}
		to[len++] = (uint8_t)label;
		memcpy(to + len, name, label);
		len += label;
		name += label + (name[label] == '.');
	}
	to[len++] = 0;
	return len;
}

static void make_query(load_t *load, const char *name, uint16_t rrtype, bool with_do)
{
	/* Root, OPT, 1232 octets, DO, no options. */
	static const uint8_t opt[] = { 0, 0, 41, 0x04, 0xd0, 0, 0, 0x80, 0, 0, 0 };
	uint8_t *wire = load->query;

	wire[5] = 1;
	size_t len = HEADER + put_name(wire + HEADER, name);
	wire[len++] = (uint8_t)(rrtype >> 8);
	wire[len++] = (uint8_t)rrtype;
	wire[len++] = 0;
	wire[len++] = 1;
	if (with_do) {
		wire[11] = 1;
		memcpy(wire + len, opt, sizeof(opt));
		len += sizeof(opt);
	}
	load->query_len = len;
}

/*!
 * \brief Acknowledges at once.
 *
 * A server that gathers small replies waits for that with the last ones; up to then it comes with
 * the next query.
 */
static void acknowledge(const channel_t *channel)
{
	int one = 1;
	setsockopt(channel->fd, IPPROTO_TCP, TCP_QUICKACK, &one, sizeof(one));
}

/* Replies. */

static void count_latency(load_t *load, uint64_t latency)
{
	if (load->answered == load->room) {
		load->room = load->room * 2 + 65536;
		load->latencies = realloc(load->latencies, load->room * sizeof(uint32_t));
		if (load->latencies == NULL) {
			fail("memory");
		}
	}
	load->latencies[load->answered++] = latency < UINT32_MAX ? (uint32_t)latency : UINT32_MAX;
}

static void take_reply(load_t *load, channel_t *channel, const uint8_t *wire, size_t len,
                       uint64_t now)
{
	if (len < HEADER) {
		load->bad++;
		return;
	}
	uint16_t id = (uint16_t)(wire[0] << 8 | wire[1]);
	uint64_t since = channel->since[id];
	if (since == 0) {
		return;
	}
	channel->since[id] = 0;
	channel->under_way--;
	load->last_heard = now;
	bool truncated = wire[2] & 0x02;
	bool failed = wire[3] & 0x0f;
	unsigned records = (unsigned)(wire[6] << 8 | wire[7]);
	if (truncated || failed || records != load->records) {
		load->bad++;
		return;
	}
	count_latency(load, now - since);
}

static void receive_udp(load_t *load, channel_t *channel)
{
	static uint8_t buffers[BATCH][REPLY_MAX];
	static struct iovec parts[BATCH];
	static struct mmsghdr messages[BATCH];

	for (int i = 0; i < BATCH; i++) {
		parts[i] = (struct iovec){ buffers[i], REPLY_MAX };
		messages[i].msg_hdr = (struct msghdr){ .msg_iov = &parts[i], .msg_iovlen = 1 };
	}
	int count = recvmmsg(channel->fd, messages, BATCH, MSG_DONTWAIT, NULL);
	uint64_t now = now_ns();
	for (int i = 0; i < count; i++) {
		take_reply(load, channel, buffers[i], messages[i].msg_len, now);
	}
}

static void receive_tcp(load_t *load, channel_t *channel)
{
	ssize_t len = recv(channel->fd, channel->stream + channel->stream_len,
	                   STREAM_MAX - channel->stream_len, MSG_DONTWAIT);
	if (len == 0 || (len < 0 && errno != EAGAIN && errno != EINTR)) {
		fail("connection");
	}
	if (len < 0) {
		return;
	}
	uint64_t now = now_ns();
	size_t end = channel->stream_len + (size_t)len;
	size_t at = 0;
	while (end - at >= 2) {
		const uint8_t *head = channel->stream + at;
		size_t message = (size_t)(head[0] << 8 | head[1]);
		if (end - at < 2 + message) {
			break;
		}
		take_reply(load, channel, head + 2, message, now);
		at += 2 + message;
	}
	memmove(channel->stream, channel->stream + at, end - at);
	channel->stream_len = end - at;
	if (load->single && at > 0) {
		close(channel->fd);
		channel->fd = -1;
	} else if (load->ending) {
		acknowledge(channel);
	}
}

/* Sockets. */

static void open_socket(const load_t *load, channel_t *channel)
{
	int one = 1;
	int size = 4 << 20;

	channel->fd = socket(AF_INET, load->tcp ? SOCK_STREAM : SOCK_DGRAM, 0);
	if (channel->fd < 0 || connect(channel->fd, (const struct sockaddr *)&load->server,
	                               sizeof(load->server)) != 0) {
		fail("connect");
	}
	if (load->tcp) {
		setsockopt(channel->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	}
	if (!load->single) {
		setsockopt(channel->fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	}
}

static void init_channel(const load_t *load, channel_t *channel)
{
	channel->since = allocate(IDS * sizeof(uint64_t));
	channel->stream = allocate(STREAM_MAX);
	channel->oldest_id = 1;
	open_socket(load, channel);
}

/* Queries. */

static void plan_query(channel_t *channel, uint64_t when)
{
	channel->last_id++;
	channel->since[channel->last_id] = when;
	channel->under_way++;
	channel->to_send++;
}

/*! \brief When the n-th query is due. */
static uint64_t due_ns(const load_t *load, uint64_t n)
{
	return load->start + n * SECOND / load->rate;
}

/*! \brief The next socket in turn that has room, or none. */
static channel_t *with_room(load_t *load)
{
	for (unsigned i = 0; i < load->sockets; i++) {
		channel_t *channel = &load->channels[(load->planned + i) % load->sockets];
		if (channel->under_way < load->window / load->sockets) {
			return channel;
		}
	}
	return NULL;
}

static void plan(load_t *load, uint64_t now)
{
	channel_t *channel = with_room(load);
	while (channel != NULL && load->planned < load->wanted) {
		uint64_t due = load->rate == 0 ? now : due_ns(load, load->planned);
		if (due > now) {
			return;
		}
		plan_query(channel, due);
		load->planned++;
		channel = with_room(load);
	}
}

static void forget_lost(load_t *load, channel_t *channel, uint64_t now)
{
	while (channel->under_way > 0) {
		uint64_t *since = &channel->since[channel->oldest_id];
		if (*since != 0 && now - *since < LOST_AFTER) {
			return;
		}
		if (*since != 0) {
			*since = 0;
			channel->under_way--;
			load->lost++;
		}
		channel->oldest_id++;
	}
	channel->oldest_id = (uint16_t)(channel->last_id + 1);
}

static void send_udp(load_t *load, channel_t *channel, uint16_t first_id, unsigned count)
{
	static uint8_t ids[BATCH][2];
	static struct iovec parts[BATCH][2];
	static struct mmsghdr messages[BATCH];

	for (unsigned i = 0; i < count; i++) {
		uint16_t id = (uint16_t)(first_id + i);
		ids[i][0] = (uint8_t)(id >> 8);
		ids[i][1] = (uint8_t)id;
		parts[i][0] = (struct iovec){ ids[i], 2 };
		parts[i][1] = (struct iovec){ load->query + 2, load->query_len - 2 };
		messages[i].msg_hdr = (struct msghdr){ .msg_iov = parts[i], .msg_iovlen = 2 };
	}
	/* What the kernel does not take is lost, and counted so later. */
	(void)sendmmsg(channel->fd, messages, count, 0);
}

static void send_tcp(load_t *load, channel_t *channel, uint16_t first_id, unsigned count)
{
	static uint8_t wire[BATCH * (QUERY_MAX + 2)];
	size_t len = 0;

	for (unsigned i = 0; i < count; i++) {
		uint16_t id = (uint16_t)(first_id + i);
		wire[len++] = (uint8_t)(load->query_len >> 8);
		wire[len++] = (uint8_t)load->query_len;
		memcpy(wire + len, load->query, load->query_len);
		wire[len] = (uint8_t)(id >> 8);
		wire[len + 1] = (uint8_t)id;
		len += load->query_len;
	}
	if (send(channel->fd, wire, len, MSG_NOSIGNAL) != (ssize_t)len) {
		fail("send");
	}
}

static void send_planned(load_t *load, channel_t *channel)
{
	unsigned most = load->single ? 1 : BATCH;
	while (channel->to_send > 0 && !(load->single && channel->under_way > channel->to_send)) {
		unsigned count = channel->to_send < most ? channel->to_send : most;
		if (channel->fd < 0) {
			open_socket(load, channel);
		}
		uint16_t first_id = (uint16_t)(channel->last_id - channel->to_send + 1);
		(load->tcp ? send_tcp : send_udp)(load, channel, first_id, count);
		channel->to_send -= count;
	}
}

/* The whole. */

/*! \brief How long there is nothing to do but to receive. */
static uint64_t idle_ns(const load_t *load, uint64_t now)
{
	if (load->spin) {
		return 0;
	}
	uint64_t due = load->rate == 0 ? now : due_ns(load, load->planned);
	return due > now ? due - now : SECOND / 100;
}

static unsigned receive(load_t *load, uint64_t idle)
{
	struct timespec wait = { (time_t)(idle / SECOND), (long)(idle % SECOND) };
	unsigned under_way = 0;

	for (unsigned i = 0; i < load->sockets; i++) {
		load->polled[i] = (struct pollfd){ .fd = load->channels[i].fd, .events = POLLIN };
	}
	int ready = ppoll(load->polled, load->sockets, &wait, NULL);
	if (ready == 0 && load->spin) {
		sched_yield();
	}
	uint64_t now = now_ns();
	for (unsigned i = 0; i < load->sockets; i++) {
		channel_t *channel = &load->channels[i];
		if (load->polled[i].revents != 0) {
			(load->tcp ? receive_tcp : receive_udp)(load, channel);
		}
		forget_lost(load, channel, now);
		under_way += channel->under_way;
	}
	return under_way;
}

static void run(load_t *load)
{
	uint64_t now = load->start = load->last_heard = now_ns();
	uint64_t end = now + load->duration;
	unsigned under_way = 0;

	load->wanted = load->rate == 0 ? UINT64_MAX : load->duration * load->rate / SECOND;
	while (now < end || under_way > 0) {
		/* With a rate those that are late are still sent, for a while. */
		if (now < end || (load->rate > 0 && now < end + LOST_AFTER)) {
			plan(load, now);
		}
		bool first_of_end = now >= end && !load->ending;
		load->ending = now >= end;
		for (unsigned i = 0; i < load->sockets; i++) {
			send_planned(load, &load->channels[i]);
			if (first_of_end) {
				acknowledge(&load->channels[i]);
			}
		}
		under_way = receive(load, idle_ns(load, now));
		now = now_ns();
	}
	if (load->rate > 0) {
		load->lost += load->wanted - load->planned;
	}
}

static int compare(const void *left, const void *right)
{
	uint32_t a = *(const uint32_t *)left;
	uint32_t b = *(const uint32_t *)right;
	return (a > b) - (a < b);
}

static double quantile_us(const load_t *load, double share)
{
	if (load->answered == 0) {
		return 0;
	}
	return load->latencies[(size_t)(share * (double)(load->answered - 1))] / 1000.0;
}

static void report(const load_t *load)
{
	qsort(load->latencies, load->answered, sizeof(uint32_t), compare);
	printf("{\"answered\": %zu, \"bad\": %llu, \"lost\": %llu, \"seconds\": %.6f, "
	       "\"p50\": %.1f, \"p99\": %.1f, \"p99.9\": %.1f, \"max\": %.1f}\n",
	       load->answered, (unsigned long long)load->bad, (unsigned long long)load->lost,
	       (double)(load->last_heard - load->start) / (double)SECOND, quantile_us(load, 0.5),
	       quantile_us(load, 0.99), quantile_us(load, 0.999), quantile_us(load, 1));
}

int main(int argc, char **argv)
{
	static load_t load = { .server.sin_family = AF_INET };

	if (argc != 13 || inet_pton(AF_INET, argv[1], &load.server.sin_addr) != 1) {
		fprintf(stderr, "usage: load ADDRESS PORT udp|tcp|tcp1 NAME TYPE DO RECORDS "
		                "SOCKETS WINDOW RATE SECONDS SPIN\n");
		return 2;
	}
	load.server.sin_port = htons((uint16_t)atoi(argv[2]));
	load.tcp = strncmp(argv[3], "tcp", 3) == 0;
	load.single = strcmp(argv[3], "tcp1") == 0;
	make_query(&load, argv[4], (uint16_t)atoi(argv[5]), atoi(argv[6]) != 0);
	load.records = (unsigned)atoi(argv[7]);
	load.sockets = (unsigned)atoi(argv[8]);
	load.window = (unsigned)atoi(argv[9]);
	load.rate = strtoull(argv[10], NULL, 10);
	load.duration = (uint64_t)(atof(argv[11]) * (double)SECOND);
	load.spin = atoi(argv[12]) != 0;
	if (load.sockets == 0 || load.sockets > SOCKETS_MAX || load.window < load.sockets) {
		fprintf(stderr, "load: 1 to %d sockets, and a window of at least one for each\n",
		        SOCKETS_MAX);
		return 2;
	}
	/* Timers are late by 50 microseconds otherwise. */
	prctl(PR_SET_TIMERSLACK, 1UL);
	for (unsigned i = 0; i < load.sockets; i++) {
		init_channel(&load, &load.channels[i]);
	}
	run(&load);
	report(&load);
	return 0;
}
