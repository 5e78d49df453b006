#include "service/probe/tcp.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

struct aname_tcp {
	uv_tcp_t socket;
	uv_connect_t request;
	aname_ended_f ended;
	void *ctx;
};

static void on_connected(uv_connect_t *request, int ret)
{
	if (ret == UV_ECANCELED) {
		return; /* It was stopped. */
	}
	const aname_tcp_t *tcp = request->data;
	tcp->ended(tcp->ctx,
	           ret == 0 ? (aname_end_t){ ANAME_OUTCOME_UP, NULL } : aname_end_of_answer(-ret));
}

static void on_closed(uv_handle_t *socket)
{
	free(socket->data);
}

static struct sockaddr_storage peer_of(const aname_subject_t *subject)
{
	struct sockaddr_storage peer = { 0 };
	if (subject->len == 4) {
		struct sockaddr_in *ipv4 = (struct sockaddr_in *)&peer;
		ipv4->sin_family = AF_INET;
		ipv4->sin_port = htons(subject->probe->port);
		memcpy(&ipv4->sin_addr, subject->address, 4);
	} else {
		struct sockaddr_in6 *ipv6 = (struct sockaddr_in6 *)&peer;
		ipv6->sin6_family = AF_INET6;
		ipv6->sin6_port = htons(subject->probe->port);
		memcpy(&ipv6->sin6_addr, subject->address, 16);
	}
	return peer;
}

aname_tcp_t *aname_tcp_start(uv_loop_t *loop, const aname_subject_t *subject, aname_ended_f ended,
                             void *ctx, aname_end_t *end)
{
	aname_tcp_t *tcp = calloc(1, sizeof(*tcp));
	if (tcp == NULL) {
		*end = (aname_end_t){ ANAME_OUTCOME_NONE, "out of memory" };
		return NULL;
	}
	(void)uv_tcp_init(loop, &tcp->socket); /* Makes no socket yet. */
	tcp->socket.data = tcp->request.data = tcp;
	tcp->ended = ended;
	tcp->ctx = ctx;
	struct sockaddr_storage peer = peer_of(subject);
	int ret = uv_tcp_connect(&tcp->request, &tcp->socket, (const struct sockaddr *)&peer,
	                         on_connected);
	if (ret != 0) {
		*end = aname_end_of_error(-ret);
		aname_tcp_stop(tcp);
		return NULL;
	}
	return tcp;
}

void aname_tcp_stop(aname_tcp_t *tcp)
{
	/* With a reset: whoever closes first has the connection in TIME_WAIT for a minute, and so
	 * there would be ten thousand and more. */
	if (uv_tcp_close_reset(&tcp->socket, on_closed) != 0) {
		uv_close((uv_handle_t *)&tcp->socket, on_closed);
	}
}
