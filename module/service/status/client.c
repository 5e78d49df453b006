#include "service/status/client.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <libknot/errcode.h>

#include "protocol.h"
#include "service/status/addresses.h"
#include "service/status/line.h"
#include "service/status/request.h"
#include "service/status/text.h"
#include "table/clock.h"

/*! What a client is sent in one go, about; its buffer has room for one line more. */
#define PAGE_SIZE   8192
/*! Slots of the table, and addresses, looked at in one go. */
#define PAGE_STEPS  512
/*! A client that makes no progress for so long is dropped. */
#define PATIENCE_MS 10000
/*! And one that takes nothing of what it asked for has lost its place to the next after this. */
#define STALLED_MS  1000

typedef aname_status_client_t client_t;

struct aname_status_client {
	uv_pipe_t pipe;
	uv_timer_t timer;
	uv_write_t write;
	aname_status_clients_t *clients;
	client_t *next;
	unsigned handles;        /*!< Not closed yet. */
	bool asked;              /*!< Its request is read. */
	bool done;               /*!< The last line is in the buffer. */
	int64_t progress_ms;     /*!< When it came, or took a page last. */
	aname_state_sync_t sync; /*!< It waits until what it has changed is on disk. */
	size_t force;            /*!< Which one of what is forced is next. */
	/*! Whom the zone asks that it asks for, to compare only; NULL: no matter. */
	const aname_upstream_t *upstream;
	aname_cursor_t cursor;
	size_t len; /*!< Octets in `buffer`, of the request and later of the page. */
	aname_status_addresses_t addresses; /*!< Of the last entry, still to be written. */
	aname_status_request_t request;
	char buffer[PAGE_SIZE + ANAME_LINE_MAX];
};

static void on_client_closed(uv_handle_t *handle)
{
	client_t *client = handle->data;
	if (--client->handles == 0) {
		aname_status_addresses_end(&client->addresses);
		free(client);
	}
}

static void drop(client_t *client)
{
	aname_status_clients_t *clients = client->clients;
	if (client->sync.number != 0) {
		aname_state_unsync(clients->backend.state, &client->sync);
	}
	for (client_t **at = &clients->first; *at != NULL; at = &(*at)->next) {
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

static void reply(client_t *client, const char *word, const char *why);

static void on_impatience(uv_timer_t *timer)
{
	client_t *client = timer->data;
	if (client->sync.number != 0) {
		aname_state_unsync(client->clients->backend.state, &client->sync);
		reply(client, ANAME_STATUS_OK, "the disk does not answer yet");
	} else {
		drop(client);
	}
}

static void be_patient(client_t *client)
{
	uv_update_time(client->clients->loop);
	client->progress_ms = aname_clock_ms();
	(void)uv_timer_start(&client->timer, on_impatience, PATIENCE_MS, 0);
}

/* What is known. */

static bool is_named(const client_t *client, const knot_dname_t *name)
{
	const aname_status_request_t *request = &client->request;
	for (size_t i = 0; i < request->names_count; i++) {
		if (knot_dname_is_equal(request->names[i], name)) {
			return true;
		}
	}
	return false;
}

/*! Is it asked for? What is kept from a resolver that no section names any more is of no use. */
static bool wanted(const client_t *client, const aname_entry_t *entry)
{
	return entry->upstream->held &&
	       (client->upstream == NULL || client->upstream == entry->upstream) &&
	       (client->request.names_count == 0 || is_named(client, aname_entry_name(entry)));
}

/*! Writes what is forced; false if there is no more of it. */
static bool fill_force(client_t *client, int64_t now_ms)
{
	const aname_force_t *force =
	        aname_forces_step(client->clients->backend.forces, &client->force);
	if (force != NULL && (client->request.names_count == 0 ||
	                      (force->subject.len == 0 && is_named(client, force->subject.name)))) {
		client->len +=
		        aname_status_write_forced(client->buffer + client->len, force, now_ms);
	}
	return force != NULL;
}

static void fill_entry(client_t *client, int64_t now_ms)
{
	const aname_status_backend_t *backend = &client->clients->backend;
	const aname_shared_t *shared = client->clients->shared;
	aname_entry_t *entry = aname_table_step(shared->table, &client->cursor);
	if (entry != NULL && wanted(client, entry)) {
		client->len += aname_status_write(client->buffer + client->len, shared, entry,
		                                  backend->forces, now_ms);
		aname_status_addresses_begin(&client->addresses, backend, entry);
	}
}

/*! Fills the buffer with the next page. */
static void fill(client_t *client)
{
	int64_t now_ms = aname_clock_ms();
	for (unsigned i = 0; i < PAGE_STEPS && client->len < PAGE_SIZE && !client->done; i++) {
		if (client->addresses.snapshot != NULL) {
			client->len += aname_status_addresses_write(
			        &client->addresses, &client->clients->backend,
			        client->buffer + client->len, now_ms);
		} else if (!fill_force(client, now_ms)) {
			client->done = client->cursor.end || client->cursor.rebuilt;
			if (!client->done) {
				fill_entry(client, now_ms);
			}
		}
	}
	if (client->done) {
		const char *last =
		        client->cursor.rebuilt ? ANAME_STATUS_AGAIN "\n" : ANAME_STATUS_END "\n";
		memcpy(client->buffer + client->len, last, strlen(last));
		client->len += strlen(last);
	}
}

static void on_written(uv_write_t *write, int status);

/*!
 * Sends what is in the buffer, even if that is nothing. The next page follows when libuv reports
 * that this one is written, which it does a few times in an iteration of the loop at most.
 */
static void send_page(client_t *client)
{
	uv_buf_t buffer = uv_buf_init(client->buffer, client->len);
	be_patient(client);
	if (uv_write(&client->write, (uv_stream_t *)&client->pipe, &buffer, 1, on_written) != 0) {
		drop(client);
	}
}

static void on_written(uv_write_t *write, int status)
{
	client_t *client = write->data;
	if (uv_is_closing((uv_handle_t *)&client->pipe)) {
		return;
	}
	if (status != 0 || client->done) {
		drop(client);
		return;
	}
	client->len = 0;
	fill(client);
	send_page(client);
}

/*! Sends an answer of one line, the last page. */
static void reply(client_t *client, const char *word, const char *why)
{
	client->len = aname_status_write_reply(client->buffer, word, why);
	client->done = true;
	send_page(client);
}

/*! Writes what there is to say of the zone that is asked for, and notes whom it asks. */
static void show_zone(client_t *client)
{
	const aname_shared_t *shared = client->clients->shared;
	const knot_dname_t *zone = client->request.owner;
	uint64_t hash = aname_owners_hash(shared->owners, zone, knot_dname_size(zone));
	aname_zone_view_t view;
	if (aname_zones_show(shared->zones, hash, &view)) {
		client->upstream = view.upstream;
		client->len += aname_status_write_zone(client->buffer + client->len, zone, &view);
	}
	client->len += aname_status_write_owner(client->buffer + client->len, shared->owners, zone);
}

static void show(client_t *client)
{
	const aname_status_clients_t *clients = client->clients;
	client->len = aname_status_write_server(client->buffer, clients->shared, &clients->backend);
	if (client->request.has_owner) {
		show_zone(client);
	}
	client->cursor = aname_table_begin(clients->shared->table);
	send_page(client);
}

/* What is changed. */

/*! Is it root, or whoever runs this server, that has connected? */
static bool may_change(const client_t *client)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);
	uv_os_fd_t fd;
	return uv_fileno((const uv_handle_t *)&client->pipe, &fd) == 0 &&
	       getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 &&
	       (peer.uid == 0 || peer.uid == geteuid());
}

/*! What was changed is on disk, or will not be. */
static void on_synced(void *ctx, const char *why)
{
	reply(ctx, ANAME_STATUS_OK, why);
}

_Static_assert(ANAME_FORCES_MAX == 1000, "as the message below says");

static void force(client_t *client)
{
	const aname_status_backend_t *backend = &client->clients->backend;
	const aname_status_request_t *request = &client->request;
	if (!may_change(client)) {
		reply(client, ANAME_STATUS_REFUSED,
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
			reply(client, ANAME_STATUS_OK, NULL);
		}
		break;
	case KNOT_ENOENT: reply(client, ANAME_STATUS_REFUSED, "it is not forced"); break;
	case KNOT_ELIMIT:
		reply(client, ANAME_STATUS_REFUSED,
		      "1000 targets and addresses are forced already, take one of them back");
		break;
	default: reply(client, ANAME_STATUS_REFUSED, "the server is out of memory"); break;
	}
}

/* Requests. */

static void answer(client_t *client, size_t len)
{
	const char *why = aname_status_request_read(&client->request, client->buffer, len);
	if (why != NULL) {
		reply(client, ANAME_STATUS_ERROR, why);
	} else if (client->request.kind == ANAME_REQUEST_FORCE) {
		force(client);
	} else {
		show(client);
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
		drop(client);
		return;
	}
	client->len += count;
	char *end = memchr(client->buffer, '\n', client->len);
	if (end == NULL) {
		if (client->len == ANAME_STATUS_REQUEST_MAX) {
			drop(client);
		}
		return;
	}
	(void)uv_read_stop(stream);
	client->asked = true;
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

/*! Is it itself what it waits for? */
static bool is_silent(const client_t *client, int64_t now_ms)
{
	if (client->asked) {
		return client->sync.number == 0 && now_ms - client->progress_ms >= STALLED_MS;
	}
	return !has_spoken(client);
}

/*! Does a client lose its place before another one? Those who may change something keep theirs
 *  longest, so that nobody else can keep them out. */
static bool yields_before(const client_t *client, const client_t *other)
{
	bool may = may_change(client), other_may = may_change(other);
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

bool aname_status_place(aname_status_clients_t *clients)
{
	if (clients->count < ANAME_STATUS_CLIENTS) {
		return true;
	}
	client_t *silent = find_silent(clients);
	if (silent != NULL) {
		drop(silent);
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
	client_t *client = clients->count < ANAME_STATUS_CLIENTS ? client_new(clients) : NULL;
	if (client == NULL) {
		(void)close(fd);
		return;
	}
	if (uv_pipe_open(&client->pipe, fd) != 0) {
		(void)close(fd);
		drop(client);
		return;
	}
	if (uv_read_start((uv_stream_t *)&client->pipe, on_room, on_read) != 0) {
		drop(client);
		return;
	}
	be_patient(client);
}

void aname_status_drop(aname_status_clients_t *clients)
{
	while (clients->first != NULL) {
		drop(clients->first);
	}
}
