#include "ask_many.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include <libknot/libknot.h>

/*! Octets of a message's length over TCP. */
#define LENGTH    2
#define REPLY_MAX (LENGTH + UINT16_MAX)

enum { DONE = 0, UDP, CONNECTING, TCP };

static void end(kaname_asking_t *asking, const char *failure, int error)
{
	if (asking->fd >= 0) {
		(void)close(asking->fd);
	}
	free(asking->reply);
	asking->reply = NULL;
	asking->fd = -1;
	asking->state = DONE;
	asking->error = error;
	if (failure != NULL) {
		asking->answer = (kaname_answer_t){ .failure = failure, .ede = -1 };
	}
}

static void fail(kaname_asking_t *asking, int error)
{
	end(asking, error == ETIMEDOUT ? "no reply in time" : strerror(error), error);
}

/*! Opens a socket that does not wait; false, and ended, if that fails. */
static bool open_socket(kaname_asking_t *asking, int kind)
{
	const struct sockaddr_storage *server = &asking->question.server;
	socklen_t len = server->ss_family == AF_INET ? sizeof(struct sockaddr_in)
	                                             : sizeof(struct sockaddr_in6);
	if (asking->fd >= 0) {
		(void)close(asking->fd);
	}
	asking->fd = socket(server->ss_family, kind | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (asking->fd < 0 || (connect(asking->fd, (const struct sockaddr *)server, len) != 0 &&
	                       errno != EINPROGRESS)) {
		fail(asking, errno);
		return false;
	}
	return true;
}

static void begin(kaname_asking_t *asking)
{
	uint16_t id;
	asking->fd = -1;
	asking->reply = NULL;
	asking->answer = (kaname_answer_t){ .ede = -1 };
	asking->error = 0;
	asking->state = DONE;
	if (getrandom(&id, sizeof(id), 0) != (ssize_t)sizeof(id)) {
		end(asking, "no random number", 0);
		return;
	}
	int len = kaname_query_write(&asking->question, id, asking->query + LENGTH);
	if (len < 0) {
		end(asking, knot_strerror(len), 0);
		return;
	}
	asking->query_len = len;
	knot_wire_write_u16(asking->query, len);
	asking->state = UDP;
	if (open_socket(asking, SOCK_DGRAM) &&
	    send(asking->fd, asking->query + LENGTH, len, 0) != len) {
		fail(asking, errno);
	}
}

static void begin_tcp(kaname_asking_t *asking)
{
	asking->state = CONNECTING;
	asking->got = 0;
	asking->reply = malloc(REPLY_MAX);
	if (asking->reply == NULL) {
		end(asking, "out of memory", ENOMEM);
		return;
	}
	(void)open_socket(asking, SOCK_STREAM);
}

static void read_udp(kaname_asking_t *asking)
{
	uint8_t wire[KANAME_UDP_REPLY_MAX];
	ssize_t got = recv(asking->fd, wire, sizeof(wire), 0);
	if (got < 0) {
		if (errno != EAGAIN && errno != EINTR) {
			fail(asking, errno);
		}
	} else if (kaname_reply_read(&asking->question, asking->query + LENGTH, wire, got,
	                             &asking->answer)) {
		if (asking->answer.truncated) {
			asking->answer = (kaname_answer_t){ .ede = -1 };
			begin_tcp(asking);
		} else {
			end(asking, NULL, 0);
		}
	}
}

static void send_tcp(kaname_asking_t *asking)
{
	ssize_t len = LENGTH + (ssize_t)asking->query_len;
	asking->state = TCP;
	/* It fits into what the socket takes at once. */
	if (send(asking->fd, asking->query, len, MSG_NOSIGNAL) != len) {
		fail(asking, errno);
	}
}

static void read_tcp(kaname_asking_t *asking)
{
	ssize_t got = recv(asking->fd, asking->reply + asking->got, REPLY_MAX - asking->got, 0);
	if (got <= 0) {
		if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
			fail(asking, got == 0 ? ECONNRESET : errno);
		}
		return;
	}
	asking->got += got;
	if (asking->got < LENGTH || asking->got - LENGTH < knot_wire_read_u16(asking->reply)) {
		return;
	}
	bool its =
	        kaname_reply_read(&asking->question, asking->query + LENGTH, asking->reply + LENGTH,
	                          knot_wire_read_u16(asking->reply), &asking->answer);
	end(asking, its ? NULL : "a reply to another query", 0);
}

static void go_on(kaname_asking_t *asking)
{
	switch (asking->state) {
	case UDP: read_udp(asking); break;
	case CONNECTING: send_tcp(asking); break;
	case TCP: read_tcp(asking); break;
	default: break;
	}
}

/*! Waits for what happens next, and sees to it. False if there is nothing to wait for any more. */
static bool step(kaname_asking_t *at, size_t count, struct pollfd *fds, int64_t until_ms)
{
	bool any = false;
	for (size_t i = 0; i < count; i++) {
		/* One that is negative is left out. */
		fds[i] = (struct pollfd){ .fd = at[i].state != DONE ? at[i].fd : -1,
			                  .events = at[i].state == CONNECTING ? POLLOUT : POLLIN };
		any |= fds[i].fd >= 0;
	}
	int64_t left_ms = until_ms - kaname_now_ms();
	if (!any || left_ms <= 0) {
		return false;
	}
	if (poll(fds, count, (int)left_ms) > 0) {
		for (size_t i = 0; i < count; i++) {
			if (fds[i].revents != 0) {
				go_on(&at[i]);
			}
		}
	}
	return true;
}

void kaname_ask_many(kaname_asking_t *at, size_t count, int timeout_ms)
{
	int64_t now_ms = kaname_now_ms();
	struct pollfd *fds = calloc(count, sizeof(*fds));
	for (size_t i = 0; i < count; i++) {
		begin(&at[i]);
	}
	while (fds != NULL && step(at, count, fds, now_ms + timeout_ms / 2)) {
	}
	for (size_t i = 0; i < count; i++) {
		if (at[i].state == UDP) {
			begin_tcp(&at[i]);
		}
	}
	while (fds != NULL && step(at, count, fds, now_ms + timeout_ms)) {
	}
	for (size_t i = 0; i < count; i++) {
		if (at[i].state != DONE) {
			fail(&at[i], ETIMEDOUT);
		}
	}
	free(fds);
}
