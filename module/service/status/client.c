#include "service/status/client.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <libknot/errcode.h>

#include "protocol.h"
#include "service/status/followed.h"
#include "service/status/refreshed.h"
#include "service/status/shown.h"
#include "service/status/watched.h"
#include "table/clock.h"

/*! A client that takes nothing of what it asked for has lost its place to the next after this. */
#define STALLED_MS 1000

typedef aname_client_t client_t;

/* What is changed. */

/*! What was changed is on disk, or will not be. */
static void on_synced(void *ctx, const char *why)
{
	aname_client_reply(ctx, ANAME_STATUS_OK, why);
}

_Static_assert(ANAME_FORCES_MAX == 1000, "as the message below says");

static void force(client_t *client)
{
	const aname_status_backend_t *backend = &client->clients->backend;
	const aname_status_request_t *request = &client->request;
	if (!aname_client_may_change(client)) {
		aname_client_reply(
		        client, ANAME_STATUS_REFUSED,
		        "only root, and the user that knotd runs as, may force anything");
		return;
	}
	int64_t until_ms = request->seconds > 0
	                           ? aname_clock_ms() + 1000 * (int64_t)request->seconds
	                           : ANAME_FORCED_EVER;
	switch (backend->force(backend->ctx, &request->subject, request->state, until_ms)) {
	case KNOT_EOK:
		if (backend->state != NULL) {
			aname_state_sync(backend->state, &client->sync, on_synced, client);
		} else {
			aname_client_reply(client, ANAME_STATUS_OK, NULL);
		}
		break;
	case KNOT_ENOENT:
		aname_client_reply(client, ANAME_STATUS_REFUSED, "it is not forced");
		break;
	case KNOT_ELIMIT:
		aname_client_reply(
		        client, ANAME_STATUS_REFUSED,
		        "1000 targets and addresses are forced already, take one of them back");
		break;
	default:
		aname_client_reply(client, ANAME_STATUS_REFUSED, "the server is out of memory");
		break;
	}
}

/* Requests. */

static void answer(client_t *client, size_t len)
{
	const char *why = aname_status_request_read(&client->request, client->buffer, len);
	if (why != NULL) {
		aname_client_reply(client, ANAME_STATUS_ERROR, why);
	} else if (client->request.kind == ANAME_REQUEST_FORCE) {
		force(client);
	} else if (client->request.kind == ANAME_REQUEST_WATCH) {
		aname_client_watch(client);
	} else if (client->request.kind == ANAME_REQUEST_FOLLOW) {
		aname_client_follow(client);
	} else if (client->request.kind == ANAME_REQUEST_REFRESH) {
		aname_client_refresh(client);
	} else {
		aname_client_show(client);
	}
}

static void on_room(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
	client_t *client = handle->data;
	*buffer = uv_buf_init(client->buffer + client->len, ANAME_STATUS_REQUEST_MAX - client->len);
}

static void on_read(uv_stream_t *stream, ssize_t count, const uv_buf_t *buffer)
{
	client_t *client = stream->data;
	if (count < 0) {
		aname_client_drop(client);
		return;
	}
	client->len += count;
	char *end = memchr(client->buffer, '\n', client->len);
	if (end == NULL) {
		if (client->len == ANAME_STATUS_REQUEST_MAX) {
			aname_client_drop(client);
		}
		return;
	}
	(void)uv_read_stop(stream);
	client->asked = true;
	client->said = end - client->buffer + 1;
	answer(client, end - client->buffer);
}

/* Places. */

/*! Has it said something that is not read yet? */
static bool has_spoken(const client_t *client)
{
	uv_os_fd_t fd = -1;
	(void)uv_fileno((const uv_handle_t *)&client->pipe, &fd);
	struct pollfd readable = { .fd = fd, .events = POLLIN };
	return !client->asked && poll(&readable, 1, 0) > 0;
}

/*! Is it itself what it waits for, and has it one of the places that are given away? */
static bool is_silent(const client_t *client, int64_t now_ms)
{
	if (client->asked) {
		return client->sync.number == 0 && client->let_go == NULL &&
		       now_ms - client->progress_ms >= STALLED_MS;
	}
	return !has_spoken(client);
}

/*! Does a client lose its place before another one? Those who may change something keep theirs
 *  longest, so that nobody else can keep them out. */
static bool yields_before(const client_t *client, const client_t *other)
{
	bool may = aname_client_may_change(client), other_may = aname_client_may_change(other);
	return may != other_may ? other_may : client->progress_ms <= other->progress_ms;
}

/*! The client that loses its place to the next; NULL if none does. */
static client_t *find_silent(const aname_status_clients_t *clients)
{
	int64_t now_ms = aname_clock_ms();
	client_t *found = NULL;
	for (client_t *client = clients->first; client != NULL; client = client->next) {
		if (is_silent(client, now_ms) && (found == NULL || yields_before(client, found))) {
			found = client;
		}
	}
	return found;
}

static bool has_place(const aname_status_clients_t *clients)
{
	return clients->count - clients->waiting - clients->watchers - clients->followers <
	       ANAME_STATUS_CLIENTS;
}

bool aname_status_place(aname_status_clients_t *clients)
{
	if (has_place(clients)) {
		return true;
	}
	client_t *silent = find_silent(clients);
	if (silent != NULL) {
		aname_client_drop(silent);
		return true;
	}
	for (const client_t *client = clients->first; client != NULL; client = client->next) {
		if (has_spoken(client)) {
			return false;
		}
	}
	return true;
}

/*! Makes a client of a connection; NULL if out of memory. */
static client_t *client_new(aname_status_clients_t *clients)
{
	client_t *client = malloc(sizeof(*client));
	if (client == NULL) {
		return NULL;
	}
	memset(client, 0, offsetof(client_t, request));
	client->clients = clients;
	client->handles = 2;
	/* Neither of them can fail on Linux. */
	(void)uv_pipe_init(clients->loop, &client->pipe, 0);
	(void)uv_timer_init(clients->loop, &client->timer);
	client->pipe.data = client->timer.data = client->write.data = client;
	client->next = clients->first;
	clients->first = client;
	clients->count++;
	return client;
}

void aname_status_serve(aname_status_clients_t *clients, int fd)
{
	client_t *client = has_place(clients) ? client_new(clients) : NULL;
	if (client == NULL) {
		(void)close(fd);
		return;
	}
	if (uv_pipe_open(&client->pipe, fd) != 0) {
		(void)close(fd);
		aname_client_drop(client);
		return;
	}
	if (uv_read_start((uv_stream_t *)&client->pipe, on_room, on_read) != 0) {
		aname_client_drop(client);
		return;
	}
	aname_client_be_patient(client);
}

void aname_status_drop(aname_status_clients_t *clients)
{
	while (clients->first != NULL) {
		aname_client_drop(clients->first);
	}
}
