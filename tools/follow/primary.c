#include "follow/primary.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libknot/errcode.h>
#include <libknot/wire.h>

#include "tool.h"

/*! A connection that nobody uses is closed after this time: sooner than servers close it by
 *  themselves (PowerDNS after 5 s, Knot 10 s, BIND 30 s), so that hardly any update meets one that
 *  ends. */
#define IDLE_MS 2000

/*! Octets of the length that stands before a message over TCP. */
#define PREFIX 2

/*! Room for a reply at first. What they have is the zone's name and a signature. */
#define REPLY_SIZE 1024

#define NEXT_REACH "see that the primary runs and takes TCP there, or name it by --primary"
#define NEXT_SLOW                                                                       \
	"see the primary's log; a transaction that is open there holds up its updates " \
	"(knotc zone-commit, zone-abort)"

typedef struct slot slot_t;

typedef struct {
	uv_tcp_t tcp;
	uv_connect_t request;
	slot_t *slot; /*!< NULL: it is being closed, and is freed then. */
	bool used;    /*!< A reply came over it. */
	size_t got;   /*!< Octets of the reply, and of its length. */
	size_t size;
	uint8_t *reply;
} connection_t;

/*! What did not go out at once. */
typedef struct {
	uv_write_t request;
	uint8_t rest[];
} unsent_t;

/*! An update on its way, and a connection that stays for the next one. */
struct slot {
	kaname_primary_t *primary;
	uv_timer_t timer;         /*!< Of the update, else of the connection that nobody uses. */
	connection_t *connection; /*!< NULL: there is none. */
	bool busy;
	void *token;
	uint16_t id;
	size_t len; /*!< Of the message, with its length before it. */
	uint8_t *wire;
	size_t digest_len;
	uint8_t digest[KANAME_UPDATE_DIGEST_MAX];
	bool begun; /*!< The primary may have it. */
	bool again; /*!< It was sent for the second time. */
};

struct kaname_primary {
	uv_loop_t *loop;
	struct sockaddr_storage server;
	char name[INET6_ADDRSTRLEN + sizeof("@65535")];
	const knot_tsig_key_t *key;
	int timeout_ms;
	kaname_primary_done_f done;
	void *ctx;
	unsigned open; /*!< Timers that are not closed yet. */
	uint8_t wire[PREFIX + KANAME_UPDATE_MAX];
	unsigned count;
	slot_t slots[];
};

/* The end of an update. */

static void on_closed(uv_handle_t *handle)
{
	connection_t *connection = handle->data;
	free(connection->reply);
	free(connection);
}

/*! Closes a slot's connection, if it has one. Nothing that is heard from it counts any more. */
static void drop(slot_t *slot)
{
	connection_t *connection = slot->connection;
	if (connection != NULL) {
		slot->connection = NULL;
		connection->slot = NULL;
		uv_close((uv_handle_t *)&connection->tcp, on_closed);
	}
}

static void on_timer(uv_timer_t *timer);

/*! Makes the slot free for the next update; what its connection is left for. */
static void release(slot_t *slot)
{
	free(slot->wire);
	slot->wire = NULL;
	slot->busy = false;
	(void)uv_timer_stop(&slot->timer);
	if (slot->connection != NULL) {
		(void)uv_timer_start(&slot->timer, on_timer, IDLE_MS, 0);
	}
}

static void finish(slot_t *slot, const kaname_updated_t *updated)
{
	kaname_primary_t *primary = slot->primary;
	void *token = slot->token;
	release(slot);
	primary->done(primary->ctx, token, updated);
}

/*! Ends it without a reply. The primary has not done it if it cannot have got it. */
static void fail(slot_t *slot, const char *why, const char *next)
{
	drop(slot);
	kaname_updated_t updated = {
		.outcome = slot->begun ? KANAME_UPDATE_UNKNOWN : KANAME_UPDATE_FAILED,
		.why = updated.text,
		.next = next,
	};
	(void)snprintf(updated.text, sizeof(updated.text), "%s: %s", slot->primary->name, why);
	finish(slot, &updated);
}

static void on_timer(uv_timer_t *timer)
{
	slot_t *slot = timer->data;
	if (!slot->busy) {
		drop(slot);
	} else if (slot->begun) {
		fail(slot, "no reply in time", NEXT_SLOW);
	} else {
		fail(slot, "no connection in time", NEXT_REACH);
	}
}

/* Sending. */

static void on_connected(uv_connect_t *request, int ret);

/*! Makes a connection; 0 or what libuv says. */
static int begin_connection(slot_t *slot)
{
	connection_t *connection = calloc(1, sizeof(*connection));
	if (connection == NULL) {
		return UV_ENOMEM;
	}
	connection->reply = malloc(REPLY_SIZE);
	connection->size = REPLY_SIZE;
	connection->tcp.data = connection->request.data = connection;
	int ret = connection->reply == NULL ? UV_ENOMEM
	                                    : uv_tcp_init(slot->primary->loop, &connection->tcp);
	if (ret != 0) {
		free(connection->reply);
		free(connection);
		return ret;
	}
	connection->slot = slot;
	slot->connection = connection;
	ret = uv_tcp_connect(&connection->request, &connection->tcp,
	                     (const struct sockaddr *)&slot->primary->server, on_connected);
	if (ret != 0) {
		drop(slot);
	}
	return ret;
}

static void on_written(uv_write_t *request, int ret)
{
	/* If it failed, so does reading. */
	free(request->data);
}

/*! Has libuv send what the kernel did not take at once. */
static int write_rest(slot_t *slot, size_t sent)
{
	size_t len = slot->len - sent;
	unsent_t *unsent = malloc(sizeof(*unsent) + len);
	if (unsent == NULL) {
		return UV_ENOMEM;
	}
	memcpy(unsent->rest, slot->wire + sent, len);
	unsent->request.data = unsent;
	uv_buf_t buffer = uv_buf_init((char *)unsent->rest, len);
	int ret = uv_write(&unsent->request, (uv_stream_t *)&slot->connection->tcp, &buffer, 1,
	                   on_written);
	if (ret != 0) {
		free(unsent);
	}
	return ret;
}

static int write_message(slot_t *slot)
{
	connection_t *connection = slot->connection;
	connection->got = 0;
	uv_buf_t buffer = uv_buf_init((char *)slot->wire, slot->len);
	int ret = uv_try_write((uv_stream_t *)&connection->tcp, &buffer, 1);
	if (ret < 0 && ret != UV_EAGAIN) {
		return ret;
	}
	slot->begun = true;
	size_t sent = ret > 0 ? ret : 0;
	return sent < slot->len ? write_rest(slot, sent) : 0;
}

/*! The connection has ended before the reply came. If it was one of before, then its end and the
 *  update may have crossed, and it is sent once more. */
static void lost(slot_t *slot, const char *why)
{
	connection_t *connection = slot->connection;
	if (!connection->used || connection->got > 0 || slot->again) {
		fail(slot, why, NEXT_REACH);
		return;
	}
	drop(slot);
	slot->again = slot->begun;
	int ret = begin_connection(slot);
	if (ret != 0) {
		fail(slot, uv_strerror(ret),
		     ret == UV_EMFILE || ret == UV_ENFILE ? KANAME_NEXT_FILES : NEXT_REACH);
	}
}

/* Receiving. */

static void on_room(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
	connection_t *connection = handle->data;
	*buffer = uv_buf_init((char *)connection->reply + connection->got,
	                      connection->size - connection->got);
}

static void take_reply(slot_t *slot, size_t len)
{
	connection_t *connection = slot->connection;
	kaname_updated_t updated;
	bool good =
	        kaname_update_read(connection->reply + PREFIX, len - PREFIX, slot->id,
	                           slot->primary->key, slot->digest, slot->digest_len, &updated);
	if (!good) {
		fail(slot, "what came is no reply to the update", NEXT_SLOW);
		return;
	}
	if (slot->again && updated.outcome == KANAME_UPDATE_OTHERWISE) {
		updated.outcome = KANAME_UPDATE_UNKNOWN;
		updated.why = "it was sent twice, and may have been done the first time";
	}
	updated.is_unsigned |= slot->again; /* Of the first time it says nothing. */
	connection->used = true;
	if (connection->got > len || updated.outcome == KANAME_UPDATE_UNKNOWN) {
		drop(slot);
	}
	finish(slot, &updated);
}

/*! Looks at what came; makes room if the reply needs more. */
static void receive(slot_t *slot)
{
	connection_t *connection = slot->connection;
	if (connection->got < PREFIX) {
		return;
	}
	size_t len = PREFIX + knot_wire_read_u16(connection->reply);
	if (connection->got >= len) {
		take_reply(slot, len);
	} else if (len > connection->size) {
		uint8_t *larger = realloc(connection->reply, len);
		if (larger == NULL) {
			fail(slot, uv_strerror(UV_ENOMEM), NULL);
			return;
		}
		connection->reply = larger;
		connection->size = len;
	}
}

static void on_read(uv_stream_t *stream, ssize_t count, const uv_buf_t *buffer)
{
	connection_t *connection = stream->data;
	slot_t *slot = connection->slot;
	if (slot == NULL || count == 0) {
		return;
	}
	if (!slot->busy) {
		/* The server closes it, or says what nobody asked for. */
		drop(slot);
	} else if (count == UV_EOF) {
		lost(slot, "the primary closed the connection without a reply");
	} else if (count < 0) {
		lost(slot, uv_strerror(count));
	} else {
		connection->got += count;
		receive(slot);
	}
}

static void on_connected(uv_connect_t *request, int ret)
{
	connection_t *connection = request->data;
	slot_t *slot = connection->slot;
	if (slot == NULL) {
		return;
	}
	(void)uv_tcp_nodelay(&connection->tcp, 1);
	if (ret == 0) {
		ret = uv_read_start((uv_stream_t *)&connection->tcp, on_room, on_read);
	}
	if (ret == 0) {
		ret = write_message(slot);
	}
	if (ret != 0) {
		fail(slot, uv_strerror(ret), NEXT_REACH);
	}
}

/* The interface. */

static void name_server(kaname_primary_t *primary)
{
	char address[INET6_ADDRSTRLEN] = "?";
	const struct sockaddr *server = (const struct sockaddr *)&primary->server;
	(void)uv_ip_name(server, address, sizeof(address));
	in_port_t port = server->sa_family == AF_INET6
	                         ? ((const struct sockaddr_in6 *)server)->sin6_port
	                         : ((const struct sockaddr_in *)server)->sin_port;
	(void)snprintf(primary->name, sizeof(primary->name), "%s@%u", address, ntohs(port));
}

kaname_primary_t *kaname_primary_new(uv_loop_t *loop, const struct sockaddr_storage *server,
                                     const knot_tsig_key_t *key, int timeout_ms, unsigned most,
                                     kaname_primary_done_f done, void *ctx)
{
	if (most > KANAME_PRIMARY_MOST) {
		most = KANAME_PRIMARY_MOST;
	}
	kaname_primary_t *primary = calloc(1, sizeof(*primary) + most * sizeof(slot_t));
	if (primary == NULL) {
		return NULL;
	}
	primary->loop = loop;
	primary->server = *server;
	primary->key = key;
	primary->timeout_ms = timeout_ms;
	primary->done = done;
	primary->ctx = ctx;
	primary->count = primary->open = most;
	name_server(primary);
	for (unsigned i = 0; i < most; i++) {
		slot_t *slot = &primary->slots[i];
		slot->primary = primary;
		(void)uv_timer_init(loop, &slot->timer);
		slot->timer.data = slot;
	}
	return primary;
}

unsigned kaname_primary_room(const kaname_primary_t *primary)
{
	unsigned room = 0;
	for (unsigned i = 0; i < primary->count; i++) {
		room += !primary->slots[i].busy;
	}
	return room;
}

/*! A slot that is free, with a connection if there is such a one; NULL if all are busy. */
static slot_t *choose_slot(kaname_primary_t *primary)
{
	slot_t *chosen = NULL;
	for (unsigned i = 0; i < primary->count; i++) {
		slot_t *slot = &primary->slots[i];
		if (!slot->busy && (chosen == NULL || chosen->connection == NULL)) {
			chosen = slot;
		}
	}
	return chosen;
}

/*! Writes the message, and keeps it as long as it may have to be sent. */
static int prepare(slot_t *slot, const kaname_update_t *update)
{
	kaname_primary_t *primary = slot->primary;
	int ret = uv_random(NULL, NULL, &slot->id, sizeof(slot->id), 0, NULL);
	if (ret != 0) {
		return knot_map_errno_code(-ret);
	}
	int len = kaname_update_write(update, slot->id, primary->key, primary->wire + PREFIX,
	                              slot->digest, &slot->digest_len);
	if (len < 0) {
		return len;
	}
	knot_wire_write_u16(primary->wire, len);
	slot->len = PREFIX + len;
	slot->wire = malloc(slot->len);
	if (slot->wire == NULL) {
		return KNOT_ENOMEM;
	}
	memcpy(slot->wire, primary->wire, slot->len);
	return KNOT_EOK;
}

int kaname_primary_send(kaname_primary_t *primary, const kaname_update_t *update, void *token)
{
	slot_t *slot = choose_slot(primary);
	if (slot == NULL) {
		return KNOT_EBUSY;
	}
	int ret = prepare(slot, update);
	if (ret != KNOT_EOK) {
		return ret;
	}
	slot->busy = true;
	slot->token = token;
	slot->begun = slot->again = false;
	if (slot->connection != NULL && write_message(slot) != 0) {
		drop(slot);
	}
	ret = slot->connection == NULL ? begin_connection(slot) : 0;
	if (ret != 0) {
		release(slot);
		return knot_map_errno_code(-ret);
	}
	(void)uv_timer_start(&slot->timer, on_timer, primary->timeout_ms, 0);
	return KNOT_EOK;
}

static void on_timer_closed(uv_handle_t *handle)
{
	const slot_t *slot = handle->data;
	kaname_primary_t *primary = slot->primary;
	if (--primary->open == 0) {
		free(primary);
	}
}

void kaname_primary_close(kaname_primary_t *primary)
{
	for (unsigned i = 0; primary != NULL && i < primary->count; i++) {
		slot_t *slot = &primary->slots[i];
		drop(slot);
		free(slot->wire);
		slot->wire = NULL;
		uv_close((uv_handle_t *)&slot->timer, on_timer_closed);
	}
}
