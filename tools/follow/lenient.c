#include "follow/lenient.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <libknot/libknot.h>

/* The protocol, as all releases from 3.2 on have it: a code for the kind of a unit, and before each of
 * its items one for the item, and its length in two octets. */
#define CODE_DATA  1
#define CODE_EXTRA 2
#define CODE_BLOCK 3
#define CODE_ITEM  16
#define LENGTH     2
#define ITEM_MAX   UINT16_MAX
/*! What stands before a text: nothing below is in one. */
#define TEXT_LEAST 0x20

/*! Octets that are read ahead: more than an item has. */
#define AHEAD_MAX (4 * ITEM_MAX)

typedef struct {
	int fd, timeout_ms;
	size_t at, used;
	uint8_t ahead[AHEAD_MAX];
	knot_ctl_data_t data; /*!< Into the texts. */
	size_t texts_used;
	char texts[KNOT_CTL_IDX__COUNT * (size_t)(ITEM_MAX + 1)];
	bool has_unit;
} reader_t;

/*! Connects; false if that fails. */
static bool open_socket(reader_t *reader, const kaname_args_t *args)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	const char *path = args->socket != NULL ? args->socket : KANAME_CONTROL_SOCKET;
	int timeout_s = args->timeout >= 0 ? args->timeout : KANAME_TIMEOUT_S;
	reader->timeout_ms = timeout_s > 0 ? 1000 * timeout_s : -1;
	if (strlen(path) >= sizeof(address.sun_path)) {
		return false;
	}
	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	reader->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	return reader->fd >= 0 &&
	       connect(reader->fd, (const struct sockaddr *)&address, sizeof(address)) == 0;
}

static bool send_command(const reader_t *reader, knot_ctl_data_t *ask)
{
	uint8_t wire[4096];
	size_t used = 0;
	wire[used++] = CODE_DATA;
	for (unsigned i = 0; i < KNOT_CTL_IDX__COUNT; i++) {
		size_t len = (*ask)[i] != NULL ? strlen((*ask)[i]) : 0;
		if ((*ask)[i] == NULL) {
			continue;
		}
		if (used + 1 + LENGTH + len + 1 > sizeof(wire)) {
			return false;
		}
		wire[used++] = CODE_ITEM + i;
		knot_wire_write_u16(wire + used, len);
		memcpy(wire + used + LENGTH, (*ask)[i], len);
		used += LENGTH + len;
	}
	wire[used++] = CODE_BLOCK;
	return send(reader->fd, wire, used, MSG_NOSIGNAL) == (ssize_t)used;
}

/*! Has so many octets there to be looked at. False if they do not come. */
static bool need(reader_t *reader, size_t count)
{
	struct pollfd what = { .fd = reader->fd, .events = POLLIN };
	if (reader->used - reader->at >= count) {
		return true;
	}
	memmove(reader->ahead, reader->ahead + reader->at, reader->used - reader->at);
	reader->used -= reader->at;
	reader->at = 0;
	while (reader->used < count) {
		if (poll(&what, 1, reader->timeout_ms) <= 0) {
			return false;
		}
		ssize_t got = recv(reader->fd, reader->ahead + reader->used,
		                   sizeof(reader->ahead) - reader->used, 0);
		if (got <= 0) {
			return false;
		}
		reader->used += got;
	}
	return true;
}

/*! Is there no item behind its code, but the next unit? Its first item's code and length stand where
 *  else a text would. A record whose text is too long is followed by another unit in any case: that
 *  which says that something failed. */
static bool is_left_out(const uint8_t *at)
{
	return (at[0] == CODE_DATA || at[0] == CODE_EXTRA) && at[LENGTH] < TEXT_LEAST;
}

/*! Reads an item behind its code. */
static bool read_item(reader_t *reader, unsigned item)
{
	if (!need(reader, LENGTH + 1)) {
		return false;
	}
	if (item == KNOT_CTL_IDX_DATA && is_left_out(reader->ahead + reader->at)) {
		return true;
	}
	size_t len = knot_wire_read_u16(reader->ahead + reader->at);
	reader->at += LENGTH;
	if (!need(reader, len) || reader->texts_used + len + 1 > sizeof(reader->texts)) {
		return false;
	}
	char *text = reader->texts + reader->texts_used;
	memcpy(text, reader->ahead + reader->at, len);
	text[len] = '\0';
	reader->data[item] = text;
	reader->texts_used += len + 1;
	reader->at += len;
	return true;
}

/*! Hands the unit on that has been read. Items before the first one belong to it, as libknot has it. */
static void end_unit(reader_t *reader, kaname_unit_f unit, void *ctx)
{
	if (reader->has_unit) {
		if (reader->data[KNOT_CTL_IDX_ERROR] == NULL) {
			unit(ctx, &reader->data);
		}
		memset(reader->data, 0, sizeof(reader->data));
		reader->texts_used = 0;
	}
	reader->has_unit = true;
}

static bool read_units(reader_t *reader, kaname_unit_f unit, void *ctx)
{
	while (need(reader, 1)) {
		uint8_t code = reader->ahead[reader->at++];
		if (code == CODE_DATA || code == CODE_EXTRA) {
			end_unit(reader, unit, ctx);
		} else if (code < CODE_ITEM) {
			end_unit(reader, unit, ctx);
			return code == CODE_BLOCK;
		} else if (code >= CODE_ITEM + KNOT_CTL_IDX__COUNT ||
		           !read_item(reader, code - CODE_ITEM)) {
			return false;
		}
	}
	return false;
}

kaname_exit_t kaname_lenient_ask(const kaname_args_t *args, knot_ctl_data_t *ask,
                                 kaname_unit_f unit, void *ctx)
{
	reader_t *reader = calloc(1, sizeof(*reader));
	if (reader == NULL) {
		return KANAME_IO;
	}
	reader->fd = -1;
	bool done = open_socket(reader, args) && send_command(reader, ask) &&
	            read_units(reader, unit, ctx);
	if (reader->fd >= 0) {
		(void)close(reader->fd);
	}
	free(reader);
	return done ? KANAME_OK : KANAME_IO;
}
