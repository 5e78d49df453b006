#include "service/status/conversation.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "protocol.h"
#include "service/status/text.h"
#include "table/clock.h"

/*! A client that makes no progress for so long is dropped. */
#define PATIENCE_MS 10000
/*! Whoever stays and has taken nothing for so long gives its place to one more. */
#define STALLED_MS  10000

static void on_client_closed(uv_handle_t *handle)
{
	aname_client_t *client = handle->data;
	if (--client->handles == 0) {
		aname_status_addresses_end(&client->addresses);
		free(client);
	}
}

void aname_client_drop(aname_client_t *client)
{
	aname_status_clients_t *clients = client->clients;
	if (client->sync.number != 0) {
		aname_state_unsync(clients->backend.state, &client->sync);
	}
	if (client->let_go != NULL) {
		client->let_go(client);
		client->let_go = NULL;
	}
	for (aname_client_t **at = &clients->first; *at != NULL; at = &(*at)->next) {
		if (*at == client) {
			*at = client->next;
			clients->count--;
			break;
		}
	}
	if (!uv_is_closing((uv_handle_t *)&client->pipe)) {
		uv_close((uv_handle_t *)&client->pipe, on_client_closed);
		uv_close((uv_handle_t *)&client->timer, on_client_closed);
	}
}

static void on_impatience(uv_timer_t *timer)
{
	aname_client_t *client = timer->data;
	if (client->sync.number != 0) {
		aname_state_unsync(client->clients->backend.state, &client->sync);
		aname_client_reply(client, ANAME_STATUS_OK, "the disk does not answer yet");
	} else {
		aname_client_drop(client);
	}
}

void aname_client_be_patient(aname_client_t *client)
{
	uv_update_time(client->clients->loop);
	client->progress_ms = aname_clock_ms();
	(void)uv_timer_start(&client->timer, on_impatience, PATIENCE_MS, 0);
}

static void on_written(uv_write_t *write, int status);

/*! The next page follows when libuv reports that this one is written, which it does a few times in an
 *  iteration of the loop at most. */
void aname_client_send(aname_client_t *client)
{
	uv_buf_t buffer = uv_buf_init(client->buffer, client->len);
	aname_client_be_patient(client);
	if (uv_write(&client->write, (uv_stream_t *)&client->pipe, &buffer, 1, on_written) != 0) {
		aname_client_drop(client);
	}
}

static void on_written(uv_write_t *write, int status)
{
	aname_client_t *client = write->data;
	if (uv_is_closing((uv_handle_t *)&client->pipe)) {
		return;
	}
	if (status != 0 || client->done) {
		aname_client_drop(client);
		return;
	}
	client->len = 0;
	client->more(client);
}

void aname_client_reply(aname_client_t *client, const char *word, const char *why)
{
	client->len = aname_status_write_reply(client->buffer, word, why);
	client->done = true;
	aname_client_send(client);
}

bool aname_client_may_change(const aname_client_t *client)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);
	uv_os_fd_t fd;
	return uv_fileno((const uv_handle_t *)&client->pipe, &fd) == 0 &&
	       getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 &&
	       (peer.uid == 0 || peer.uid == geteuid());
}

static aname_client_t *find_yielding(const aname_client_t *newcomer, aname_client_stays_f stays)
{
	bool may = aname_client_may_change(newcomer);
	aname_client_t *other = NULL;
	for (aname_client_t *client = newcomer->clients->first; client != NULL;
	     client = client->next) {
		if (!stays(client)) {
			continue;
		}
		if (client->sending && aname_clock_ms() - client->progress_ms >= STALLED_MS) {
			return client;
		}
		if (may && !aname_client_may_change(client)) {
			other = client;
		}
	}
	return other;
}

bool aname_client_find_place(const aname_client_t *newcomer, aname_client_stays_f stays,
                             const unsigned *taken, unsigned most)
{
	if (*taken == most) {
		aname_client_t *yielding = find_yielding(newcomer, stays);
		if (yielding != NULL) {
			aname_client_drop(yielding);
		}
	}
	return *taken < most;
}
