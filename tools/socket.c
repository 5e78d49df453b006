#include "socket.h"

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

#include "ask.h"
#include "protocol.h"
#include "tame.h"

/*! A socket that serves others is asked again after this. */
#define BUSY_MS 100

void kaname_socket_path(const kaname_args_t *args, char *path, size_t size)
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
static int connect_to(const char *path, int timeout_s)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	if (strlen(path) >= sizeof(address.sun_path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(address.sun_path, path, strlen(path));
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	/* It counts for connecting, too: as many as may wait to be accepted may do so already. */
	struct timeval timeout = { .tv_sec = timeout_s };
	if (fd >= 0 && (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout)) != 0 ||
	                connect(fd, (const struct sockaddr *)&address, sizeof(address)) != 0)) {
		int error = errno == EAGAIN ? ETIMEDOUT : errno;
		(void)close(fd);
		errno = error;
		return -1;
	}
	return fd;
}

static bool send_all(int fd, const char *text)
{
	size_t left = strlen(text);
	while (left > 0) {
		ssize_t sent = send(fd, text, left, MSG_NOSIGNAL);
		if (sent < 0) {
			errno = errno == EAGAIN ? ETIMEDOUT : errno;
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
static char *exchange(const kaname_args_t *args, const char *path, const char *request)
{
	int timeout_s = args->timeout >= 0 ? args->timeout : KANAME_TIMEOUT_S;
	int fd = connect_to(path, timeout_s);
	if (fd < 0) {
		return NULL;
	}
	char *text = NULL;
	if (send_all(fd, request)) {
		text = receive_all(fd, timeout_s);
	}
	int error = errno;
	(void)close(fd);
	errno = error;
	return text;
}

bool kaname_socket_ends_with(const char *text, const char *line)
{
	size_t len = strlen(text), line_len = strlen(line);
	return len >= line_len && strcmp(text + len - line_len, line) == 0;
}

static kaname_exit_t fail(const char *path, const char *why, const char *next)
{
	kaname_error("failed to ask the status socket '%s' (%s)", path, why);
	(void)fprintf(stderr, "next: %s\n", next);
	return KANAME_IO;
}

const char *kaname_socket_next(int error)
{
	switch (error) {
	case EACCES: return "be root, or in the group of the socket";
	case ETIMEDOUT:
		return "knotd does not answer: is it stopped, or the machine very busy? -t SECONDS "
		       "waits longer";
	case EMFILE:
	case ENFILE: return KANAME_NEXT_FILES;
	default:
		return "is knotd running, mod-aname in use there, and 'status-socket' not off? If "
		       "the socket is elsewhere, name it with -S";
	}
}

/*! Why what came cannot be used, and what to do then; NULL if it can. */
static const char *find_fault(const char *text, const char **next)
{
	if (text[0] == '\0') {
		*next = "ask again; or was knotd stopped meanwhile? 'systemctl status knot'";
		return "it is busy with other clients";
	}
	*next = "ask again; kaname and the module must be of one version";
	if (strncmp(text, ANAME_STATUS_FORMAT "\n", strlen(ANAME_STATUS_FORMAT "\n")) != 0) {
		return "it speaks otherwise than this version of kaname";
	}
	if (!kaname_socket_ends_with(text, "\n" ANAME_STATUS_END "\n") &&
	    !kaname_socket_ends_with(text, "\n" ANAME_STATUS_AGAIN "\n")) {
		*next = "was knotd stopped or restarted meanwhile? 'systemctl status knot'; then "
		        "ask again";
		return "it did not say all";
	}
	return NULL;
}

bool kaname_socket_is_there(const kaname_args_t *args)
{
	char path[PATH_MAX];
	kaname_socket_path(args, path, sizeof(path));
	return access(path, F_OK) == 0;
}

kaname_exit_t kaname_socket_fail(const kaname_args_t *args, const char *why)
{
	char path[PATH_MAX];
	kaname_socket_path(args, path, sizeof(path));
	return fail(path, why, "ask again; kaname and the module must be of one version");
}

kaname_exit_t kaname_socket_fail_silent(const kaname_args_t *args)
{
	char path[PATH_MAX];
	kaname_socket_path(args, path, sizeof(path));
	return fail(path, strerror(ETIMEDOUT), kaname_socket_next(ETIMEDOUT));
}

bool kaname_socket_send(int fd, const char *request)
{
	return send_all(fd, request);
}

int kaname_socket_open(const kaname_args_t *args, const char *request, bool quiet)
{
	char path[PATH_MAX];
	kaname_socket_path(args, path, sizeof(path));
	int fd = connect_to(path, args->timeout >= 0 ? args->timeout : KANAME_TIMEOUT_S);
	if (fd >= 0 && !send_all(fd, request)) {
		int error = errno;
		(void)close(fd);
		fd = -1;
		errno = error;
	}
	if (fd < 0 && !quiet) {
		(void)fail(path, strerror(errno), kaname_socket_next(errno));
	}
	return fd;
}

kaname_exit_t kaname_socket_ask(const kaname_args_t *args, const char *request, char **text)
{
	char path[PATH_MAX];
	kaname_socket_path(args, path, sizeof(path));
	*text = exchange(args, path, request);
	while (*text != NULL && (*text)[0] == '\0' && kaname_now_ms() < args->busy_ms) {
		free(*text);
		(void)poll(NULL, 0, BUSY_MS);
		*text = exchange(args, path, request);
	}
	if (*text == NULL) {
		return fail(path, strerror(errno), kaname_socket_next(errno));
	}
	kaname_tame_lines(*text);
	const char *next, *fault = find_fault(*text, &next);
	if (fault != NULL) {
		free(*text);
		return fail(path, fault, next);
	}
	return KANAME_OK;
}
