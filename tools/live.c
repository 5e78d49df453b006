#include "live.h"

#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <libknot/libknot.h>

/*! How often it is asked anew when the table was rebuilt meanwhile. */
#define ATTEMPTS  10
#define TIMEOUT_S 60

void kaname_live_path(const kaname_args_t *args, char *path, size_t size)
{
	if (args->status_socket != NULL) {
		(void)snprintf(path, size, "%s", args->status_socket);
		return;
	}
	char control[PATH_MAX];
	(void)snprintf(control, sizeof(control), "%s",
	               args->socket != NULL ? args->socket : KANAME_CONTROL_SOCKET);
	(void)snprintf(path, size, "%s/" ANAME_STATUS_SOCKET, dirname(control));
}

/*! Connects; -1 with errno if that fails. */
static int connect_to(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	if (strlen(path) >= sizeof(address.sun_path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(address.sun_path, path, strlen(path));
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof(address)) != 0) {
		int error = errno;
		(void)close(fd);
		errno = error;
		return -1;
	}
	return fd;
}

/*! The request's line; NULL if out of memory. */
static char *make_request(const kaname_records_t *records)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);
	if (out == NULL) {
		return NULL;
	}
	(void)fputs(ANAME_STATUS_REQUEST, out);
	size_t names = 0;
	for (size_t i = 0; records != NULL && i < records->count && names < ANAME_STATUS_NAMES;
	     i++) {
		knot_dname_txt_storage_t name;
		if (records->at[i].good &&
		    knot_dname_to_str(name, records->at[i].target, sizeof(name)) != NULL) {
			(void)fprintf(out, " %s", name);
			names++;
		}
	}
	(void)fputc('\n', out);
	if (fclose(out) != 0) {
		free(text);
		return NULL;
	}
	return text;
}

static bool send_all(int fd, const char *text)
{
	size_t left = strlen(text);
	while (left > 0) {
		ssize_t sent = send(fd, text, left, MSG_NOSIGNAL);
		if (sent < 0) {
			/* What there is to read, if anything, shows why it hung up. */
			return errno == EPIPE || errno == ECONNRESET;
		}
		text += sent;
		left -= sent;
	}
	return true;
}

/*! Reads to the end of the stream; NULL with errno if that fails. */
static char *receive_all(int fd, int timeout_s)
{
	char *text = NULL;
	size_t len = 0, size = 0;
	for (;;) {
		if (size - len < 4096) {
			size = size > 0 ? 2 * size : 65536;
			char *larger = realloc(text, size);
			if (larger == NULL) {
				break;
			}
			text = larger;
		}
		struct pollfd readable = { .fd = fd, .events = POLLIN };
		int ready = poll(&readable, 1, timeout_s > 0 ? 1000 * timeout_s : -1);
		if (ready <= 0) {
			errno = ready == 0 ? ETIMEDOUT : errno;
			break;
		}
		ssize_t got = read(fd, text + len, size - len - 1);
		/* It is reset if it was closed before the request was read. */
		if (got < 0 && errno != ECONNRESET) {
			break;
		}
		if (got <= 0) {
			text[len] = '\0';
			return text;
		}
		len += got;
	}
	free(text);
	return NULL;
}

/*! Asks once; NULL with errno if that fails. */
static char *ask(const kaname_args_t *args, const char *path, const char *request)
{
	int fd = connect_to(path);
	if (fd < 0) {
		return NULL;
	}
	char *text = NULL;
	if (send_all(fd, request)) {
		text = receive_all(fd, args->timeout >= 0 ? args->timeout : TIMEOUT_S);
	}
	int error = errno;
	(void)close(fd);
	errno = error;
	return text;
}

/*! Is the last line of the text this one? */
static bool ends_with(const char *text, const char *line)
{
	size_t len = strlen(text), line_len = strlen(line);
	return len >= line_len && strcmp(text + len - line_len, line) == 0;
}

const char *kaname_live_field(const kaname_line_t *line, const char *key)
{
	size_t len = strlen(key);
	for (const char *field = line->at; field < line->end; field += strlen(field) + 1) {
		if (strncmp(field, key, len) == 0 && field[len] == '=') {
			return field + len + 1;
		}
	}
	return NULL;
}

static int compare(const void *one, const void *other)
{
	static const char *const keys[] = { ANAME_KEY_NAME, ANAME_KEY_FAMILY, ANAME_KEY_RESOLVER,
		                            ANAME_KEY_VIA, ANAME_KEY_SUBNET };
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		const char *a = kaname_live_field(one, keys[i]);
		const char *b = kaname_live_field(other, keys[i]);
		int order = strcmp(a != NULL ? a : "", b != NULL ? b : "");
		if (order != 0) {
			return order;
		}
	}
	return 0;
}

/*! Cuts a line into fields that end in zeros. */
static void cut(char *line, char *end)
{
	*end = '\0';
	for (char *at = strchr(line, '\t'); at != NULL; at = strchr(at + 1, '\t')) {
		*at = '\0';
	}
}

static size_t count_lines(const char *text)
{
	size_t count = 0;
	for (const char *at = strchr(text, '\n'); at != NULL; at = strchr(at + 1, '\n')) {
		count++;
	}
	return count;
}

/*! Takes the text apart; false if out of memory. */
static bool parse(kaname_live_t *live)
{
	live->targets = calloc(count_lines(live->text) + 1, sizeof(*live->targets));
	if (live->targets == NULL) {
		return false;
	}
	char *line = live->text;
	for (char *end = strchr(line, '\n'); end != NULL; end = strchr(line, '\n')) {
		cut(line, end);
		if (strcmp(line, ANAME_STATUS_TARGET) == 0) {
			live->targets[live->count++] = (kaname_line_t){ line, end };
		} else if (strcmp(line, ANAME_STATUS_SERVER) == 0) {
			live->server = (kaname_line_t){ line, end };
		}
		line = end + 1;
	}
	return true;
}

void kaname_live_free(kaname_live_t *live)
{
	free(live->text);
	free(live->targets);
}

static kaname_exit_t fail(const char *path, const char *why, const char *next)
{
	kaname_error("failed to ask the status socket '%s' (%s)", path, why);
	(void)fprintf(stderr, "next: %s\n", next);
	return KANAME_IO;
}

/*! Tells that there was no way to ask. */
static kaname_exit_t fail_with(const char *path, int error)
{
	return fail(path, strerror(error),
	            error == EACCES
	                    ? "be root, or in the group of the socket"
	                    : "is knotd running, mod-aname in use there, and 'status-socket' "
	                      "not off? If the socket is elsewhere, name it with -S");
}

kaname_exit_t kaname_live_read(const kaname_args_t *args, const kaname_records_t *records,
                               kaname_live_t *live)
{
	*live = (kaname_live_t){ 0 };
	char path[PATH_MAX];
	kaname_live_path(args, path, sizeof(path));
	char *request = make_request(records);
	if (request == NULL) {
		return fail_with(path, ENOMEM);
	}
	for (int i = 0;
	     i < ATTEMPTS && (i == 0 || ends_with(live->text, "\n" ANAME_STATUS_AGAIN "\n")); i++) {
		free(live->text);
		live->text = ask(args, path, request);
		if (live->text == NULL) {
			break;
		}
	}
	int error = errno;
	free(request);
	if (live->text == NULL) {
		return fail_with(path, error);
	}
	const char *why = NULL;
	if (live->text[0] == '\0') {
		why = "it is busy with other clients";
	} else if (strncmp(live->text, ANAME_STATUS_FORMAT, strlen(ANAME_STATUS_FORMAT)) != 0) {
		why = "it speaks otherwise than this version of kaname";
	} else if (!ends_with(live->text, "\n" ANAME_STATUS_END "\n")) {
		why = "it did not say all";
	} else if (!parse(live)) {
		why = strerror(ENOMEM);
	}
	if (why != NULL) {
		kaname_live_free(live);
		return fail(path, why, "ask again; kaname and the module must be of one version");
	}
	if (live->count > 1) {
		qsort(live->targets, live->count, sizeof(*live->targets), compare);
	}
	return KANAME_OK;
}
