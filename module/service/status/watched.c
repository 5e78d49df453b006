#include "service/status/watched.h"

#include <stdlib.h>
#include <string.h>

#include "protocol.h"
#include "service/status/text.h"

typedef struct aname_watched {
	aname_watcher_t watcher;
	aname_status_request_t request; /*!< What it watches. */
	size_t len;                     /*!< Octets of the next line. */
	char line[ANAME_STATUS_REQUEST_MAX];
} watched_t;

static bool wants(const void *ctx, const knot_dname_t *target)
{
	const aname_client_t *client = ctx;
	const aname_status_request_t *request = &client->watched->request;
	for (size_t i = 0; i < request->names_count; i++) {
		if (knot_dname_is_equal(request->names[i], target)) {
			return true;
		}
	}
	return false;
}

static void let_go(aname_client_t *client)
{
	aname_watch_remove(&client->clients->shared->watch, &client->watched->watcher);
	client->clients->watchers--;
	free(client->watched);
	client->watched = NULL;
}

/*! Sends what there is, or waits for something. */
static void more(aname_client_t *client)
{
	watched_t *watched = client->watched;
	client->len = aname_watcher_take(&watched->watcher, client->buffer, sizeof(client->buffer));
	client->sending = client->len > 0;
	if (client->sending) {
		aname_client_send(client);
	}
	/* It takes its time. */
	(void)uv_timer_stop(&client->timer);
}

static void ready(void *ctx)
{
	aname_client_t *client = ctx;
	if (!client->sending) {
		more(client);
	}
}

/* What it says later. */

/*! Watches something else from now on; whoever cannot say what is dropped. */
static bool take_line(aname_client_t *client, size_t len)
{
	watched_t *watched = client->watched;
	static aname_status_request_t request; /* Large. */
	if (aname_status_request_read(&request, watched->line, len) != NULL ||
	    request.kind != ANAME_REQUEST_WATCH) {
		return false;
	}
	watched->request = request;
	watched->watcher.wants = request.names_count > 0 ? wants : NULL;
	return true;
}

static void on_room(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
	aname_client_t *client = handle->data;
	watched_t *watched = client->watched;
	*buffer = uv_buf_init(watched->line + watched->len, sizeof(watched->line) - watched->len);
}

static void on_read(uv_stream_t *stream, ssize_t count, const uv_buf_t *buffer)
{
	aname_client_t *client = stream->data;
	watched_t *watched = client->watched;
	bool good = count >= 0;
	watched->len += good ? count : 0;
	for (char *end; good && (end = memchr(watched->line, '\n', watched->len)) != NULL;) {
		size_t len = end - watched->line + 1;
		good = take_line(client, len - 1);
		watched->len -= len;
		memmove(watched->line, watched->line + len, watched->len);
	}
	if (!good || watched->len == sizeof(watched->line)) {
		aname_client_drop(client);
	}
}

/* Who watches. */

static bool watches(const aname_client_t *client)
{
	return client->watched != NULL;
}

void aname_client_watch(aname_client_t *client)
{
	aname_status_clients_t *clients = client->clients;
	bool place =
	        aname_client_find_place(client, watches, &clients->watchers, ANAME_STATUS_WATCHERS);
	watched_t *watched = place ? calloc(1, sizeof(*watched)) : NULL;
	if (watched == NULL) {
		aname_client_reply(client, ANAME_STATUS_REFUSED, ANAME_WHY_WATCHED);
		return;
	}
	clients->watchers++;
	client->watched = watched;
	client->let_go = let_go;
	client->more = more;
	watched->request = client->request;
	watched->watcher.wants = client->request.names_count > 0 ? wants : NULL;
	watched->watcher.ready = ready;
	watched->watcher.ctx = client;
	client->sending = true;
	aname_watch_add(&clients->shared->watch, &watched->watcher);
	client->len = aname_status_write_server(client->buffer, clients->shared, &clients->backend);
	aname_client_send(client);
	(void)uv_timer_stop(&client->timer);
	/* That is how it is noticed that it goes. */
	if (client->watched != NULL &&
	    uv_read_start((uv_stream_t *)&client->pipe, on_room, on_read) != 0) {
		aname_client_drop(client);
	}
}
