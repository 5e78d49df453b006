#include "service/status/refreshed.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "protocol.h"
#include "service/status/line.h"
#include "service/status/text.h"
#include "table/clock.h"

/*! How often it is looked whether lookups have ended. */
#define LOOK_MS 20

/*! Where the answer to a request is. */
typedef struct aname_refreshed {
	aname_urgent_t urgent;
	bool begun;     /*!< It is said how it was before. */
	bool over;      /*!< All lookups have ended, or the time is up. */
	size_t name;    /*!< The next name that is looked at for whether nothing is known. */
	size_t next;    /*!< The next line. */
	int64_t end_ms; /*!< When the time is up. */
} refreshed_t;

static void let_go(aname_client_t *client)
{
	client->clients->waiting--;
	free(client->refreshed);
	client->refreshed = NULL;
}

/*! Adds a key to the line that was just written from there on. */
static void add_mark(aname_client_t *client, size_t from, const char *mark)
{
	size_t len = client->len - from;
	if (len > 0 && len + strlen(mark) < ANAME_LINE_MAX) {
		len--; /* The line's end. */
		aname_line_add(client->buffer + from, &len, "%s", mark);
		aname_line_end(client->buffer + from, &len);
		client->len = from + len;
	}
}

/*! Writes how one of them stands. */
static void write_one(aname_client_t *client, size_t number, const char *mark)
{
	const aname_status_backend_t *backend = &client->clients->backend;
	const aname_shared_t *shared = client->clients->shared;
	aname_entry_t *entry =
	        backend->urgent_entry(backend->ctx, &client->refreshed->urgent, number);
	size_t from = client->len;
	if (entry == NULL) {
		return;
	}
	client->len += aname_status_write(client->buffer + from, shared, entry, backend->forces,
	                                  aname_clock_ms());
	if (mark != NULL) {
		add_mark(client, from, mark);
	}
}

/*! Writes that nothing is known by a name, if so. */
static void write_unknown(aname_client_t *client, size_t name)
{
	const aname_urgent_t *urgent = &client->refreshed->urgent;
	bool known = false;
	for (size_t i = 0; i < urgent->count && !known; i++) {
		known = urgent->at[i].name == name;
	}
	knot_dname_txt_storage_t text;
	size_t len = 0;
	if (!known && knot_dname_to_str(text, urgent->names[name], sizeof(text)) != NULL) {
		char *at = client->buffer + client->len;
		aname_line_add(at, &len, ANAME_STATUS_UNKNOWN ANAME_FIELD(NAME) "%s", text);
		aname_line_end(at, &len);
		client->len += len;
	}
}

static void write_end(aname_client_t *client)
{
	const aname_urgent_t *urgent = &client->refreshed->urgent;
	char *at = client->buffer + client->len;
	size_t len = 0;
	aname_line_add(at, &len, ANAME_STATUS_DONE ANAME_FIELD(SUBNETS) "%zu", urgent->subnets);
	if (urgent->left_out > 0) {
		aname_line_add(at, &len, ANAME_FIELD(LEFT_OUT) "%zu", urgent->left_out);
	}
	aname_line_end(at, &len);
	aname_line_add(at, &len, ANAME_STATUS_END "\n");
	client->len += len;
	client->done = true;
}

/*! Goes on with how it was, or how it is. */
static void fill(aname_client_t *client)
{
	refreshed_t *refreshed = client->refreshed;
	aname_urgent_t *urgent = &refreshed->urgent;
	while (client->len < ANAME_CLIENT_PAGE && refreshed->name < urgent->names_count) {
		write_unknown(client, refreshed->name++);
	}
	while (client->len < ANAME_CLIENT_PAGE && refreshed->next < urgent->count) {
		size_t number = refreshed->next++;
		const char *mark = ANAME_FIELD(BEFORE) "yes";
		if (refreshed->begun) {
			mark = urgent->at[number].done ? NULL : ANAME_FIELD(PENDING) "yes";
		}
		write_one(client, number, mark);
	}
}

static void on_time_to_look(uv_timer_t *timer);

/*! Have all lookups ended, or is the time up? If not it is looked again soon. */
static bool is_over(aname_client_t *client)
{
	const aname_status_backend_t *backend = &client->clients->backend;
	refreshed_t *refreshed = client->refreshed;
	size_t left = backend->urge(backend->ctx, &refreshed->urgent);
	bool over = left == 0 || aname_clock_ms() >= refreshed->end_ms;
	if (!over) {
		uv_update_time(client->clients->loop);
		(void)uv_timer_start(&client->timer, on_time_to_look, LOOK_MS, 0);
	}
	return over;
}

/*! How it was goes out first, while nothing is looked up yet; then how it is. */
static void more(aname_client_t *client)
{
	refreshed_t *refreshed = client->refreshed;
	if (refreshed->begun && !refreshed->over) {
		refreshed->over = is_over(client);
		refreshed->next = 0;
		if (!refreshed->over) {
			return;
		}
	}
	fill(client);
	if (refreshed->next == refreshed->urgent.count && refreshed->over) {
		write_end(client);
	}
	refreshed->begun |= refreshed->next == refreshed->urgent.count;
	aname_client_send(client);
}

/*! Has it gone, so that nobody would read the answer? Who has only said all it has to say is there. */
static bool has_gone(const aname_client_t *client)
{
	uv_os_fd_t fd = -1;
	(void)uv_fileno((const uv_handle_t *)&client->pipe, &fd);
	struct pollfd hung_up = { .fd = fd };
	return poll(&hung_up, 1, 0) > 0 && (hung_up.revents & (POLLHUP | POLLERR)) != 0;
}

static void on_time_to_look(uv_timer_t *timer)
{
	aname_client_t *client = timer->data;
	if (has_gone(client)) {
		aname_client_drop(client);
	} else {
		more(client);
	}
}

void aname_client_refresh(aname_client_t *client)
{
	aname_status_clients_t *clients = client->clients;
	const aname_status_request_t *request = &client->request;
	if (!aname_client_may_change(client)) {
		aname_client_reply(client, ANAME_STATUS_REFUSED,
		                   "only root, and the user that knotd runs as, may have targets "
		                   "looked up");
		return;
	}
	client->refreshed = clients->waiting < ANAME_STATUS_WAITING
	                            ? calloc(1, sizeof(*client->refreshed))
	                            : NULL;
	if (client->refreshed == NULL) {
		aname_client_reply(client, ANAME_STATUS_REFUSED, ANAME_WHY_BUSY);
		return;
	}
	clients->waiting++;
	client->let_go = let_go;
	client->more = more;
	client->refreshed->end_ms = aname_clock_ms() + 1000 * (int64_t)request->seconds;
	client->refreshed->urgent.names = request->names;
	client->refreshed->urgent.names_count = request->names_count;
	clients->backend.find_urgent(clients->backend.ctx, &client->refreshed->urgent);
	client->len = aname_status_write_server(client->buffer, clients->shared, &clients->backend);
	aname_client_send(client);
}
