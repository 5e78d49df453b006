#include "service/status/client.h"

#include <stdlib.h>
#include <string.h>

#include "protocol.h"
#include "service/status/text.h"
#include "table/clock.h"

/*! What a client is sent in one go, about; its buffer has room for one entry more. */
#define PAGE_SIZE   8192
/*! Slots of the table looked at in one go. */
#define PAGE_SLOTS  512
/*! A client that makes no progress for so long is dropped. */
#define PATIENCE_MS 10000

typedef aname_status_client_t client_t;

struct aname_status_client {
	uv_pipe_t pipe;
	uv_timer_t timer;
	uv_write_t write;
	aname_status_clients_t *clients;
	client_t *next;
	unsigned handles; /*!< Not closed yet. */
	bool answering;
	bool done; /*!< The last line is in the buffer. */
	aname_cursor_t cursor;
	size_t names_count; /*!< Zero: all targets. */
	size_t len;         /*!< Octets in `buffer`, of the request and later of the page. */
	knot_dname_storage_t names[ANAME_STATUS_NAMES];
	char buffer[PAGE_SIZE + ANAME_STATUS_ENTRY_MAX];
};

static void on_client_closed(uv_handle_t *handle)
{
	client_t *client = handle->data;
	if (--client->handles == 0) {
		free(client);
	}
}

static void drop(client_t *client)
{
	aname_status_clients_t *clients = client->clients;
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

static void on_impatience(uv_timer_t *timer)
{
	drop(timer->data);
}

static void be_patient(client_t *client)
{
	uv_update_time(client->clients->loop);
	(void)uv_timer_start(&client->timer, on_impatience, PATIENCE_MS, 0);
}

/*! Is it asked for? What is kept from a resolver that no section names any more is of no use. */
static bool wanted(const client_t *client, const aname_entry_t *entry)
{
	if (entry->upstream->unheld_ms != 0) {
		return false;
	}
	for (size_t i = 0; i < client->names_count; i++) {
		if (knot_dname_is_equal(client->names[i], aname_entry_name(entry))) {
			return true;
		}
	}
	return client->names_count == 0;
}

/*! Fills the buffer with the next page. */
static void fill(client_t *client)
{
	const aname_table_t *table = client->clients->shared->table;
	int64_t now_ms = aname_clock_ms();
	unsigned slots = 0;
	while (client->len < PAGE_SIZE && slots++ < PAGE_SLOTS && !client->done) {
		aname_entry_t *entry = aname_table_step(table, &client->cursor);
		if (entry != NULL && wanted(client, entry)) {
			client->len += aname_status_write(client->buffer + client->len, table,
			                                  entry, now_ms);
		}
		client->done = client->cursor.end || client->cursor.rebuilt;
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

static void begin_answer(client_t *client)
{
	const aname_shared_t *shared = client->clients->shared;
	client->len = aname_status_write_server(client->buffer, shared);
	client->cursor = aname_table_begin(shared->table);
	send_page(client);
}

/*! Reads the request's line; false if it is none. */
static bool read_request(client_t *client, char *line)
{
	char *left = NULL;
	const char *word = strtok_r(line, " \r", &left);
	if (word == NULL || strcmp(word, ANAME_STATUS_REQUEST) != 0) {
		return false;
	}
	for (word = strtok_r(NULL, " \r", &left); word != NULL;
	     word = strtok_r(NULL, " \r", &left)) {
		if (client->names_count == ANAME_STATUS_NAMES ||
		    knot_dname_from_str(client->names[client->names_count], word,
		                        sizeof(client->names[0])) == NULL) {
			return false;
		}
		knot_dname_to_lower(client->names[client->names_count++]);
	}
	return true;
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
	*end = '\0';
	(void)uv_read_stop(stream);
	if (read_request(client, client->buffer)) {
		begin_answer(client);
	} else {
		drop(client);
	}
}

/*! Makes a client that has not been accepted yet; NULL if out of memory. */
static client_t *client_new(aname_status_clients_t *clients)
{
	client_t *client = malloc(sizeof(*client));
	if (client == NULL) {
		return NULL;
	}
	memset(client, 0, offsetof(client_t, names));
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

bool aname_status_accept(aname_status_clients_t *clients, uv_stream_t *listener)
{
	client_t *client = client_new(clients);
	if (client == NULL) {
		return false;
	}
	if (uv_accept(listener, (uv_stream_t *)&client->pipe) != 0 ||
	    clients->count > ANAME_STATUS_CLIENTS ||
	    uv_read_start((uv_stream_t *)&client->pipe, on_room, on_read) != 0) {
		drop(client);
		return true;
	}
	be_patient(client);
	return true;
}

void aname_status_drop(aname_status_clients_t *clients)
{
	while (clients->first != NULL) {
		drop(clients->first);
	}
}
