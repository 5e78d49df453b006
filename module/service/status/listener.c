#include "service/status/listener.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "service/status/client.h"

/*! Connections that the kernel may hold for us. */
#define BACKLOG 16
/*! As knotd's control socket has it: who may write may connect. */
#define MODE    (S_IWUSR | S_IWGRP)

struct aname_status {
	uv_pipe_t *listener; /*!< NULL: nowhere. Freed when closed. */
	char path[ANAME_STATUS_PATH_MAX];
	dev_t device; /*!< Of the socket's file, to remove no other. */
	ino_t inode;
	aname_status_clients_t clients;
};

static void log_unavailable(aname_status_t *status, const char *path, const char *why_not)
{
	const aname_log_t log = aname_logbook_log(status->clients.shared->logbook);
	aname_log(&log, LOG_WARNING, "status socket '%s' is not available (%s)", path, why_not);
}

static void on_listener_closed(uv_handle_t *handle)
{
	free(handle);
}

static void stop_listening(aname_status_t *status)
{
	aname_status_drop(&status->clients);
	if (status->listener == NULL) {
		return;
	}
	uv_close((uv_handle_t *)status->listener, on_listener_closed);
	status->listener = NULL;
	struct stat st;
	if (lstat(status->path, &st) == 0 && st.st_dev == status->device &&
	    st.st_ino == status->inode) {
		(void)unlink(status->path);
	}
}

static void on_connection(uv_stream_t *listener, int ret)
{
	aname_status_t *status = listener->data;
	if (ret != 0) {
		return;
	}
	if (!aname_status_accept(&status->clients, listener)) {
		/* A connection that is not accepted would be in the way of all others. */
		log_unavailable(status, status->path, "out of memory");
		stop_listening(status);
	}
}

/*! Does somebody listen there? Anything but a clear no is taken for yes. */
static bool in_use(const struct sockaddr_un *address)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bool refused = fd >= 0 && connect(fd, (const struct sockaddr *)address, sizeof(*address)) &&
	               errno == ECONNREFUSED;
	if (fd >= 0) {
		(void)close(fd);
	}
	return !refused;
}

/*! Removes what another process left at the path; returns NULL, or why the path cannot be had. */
static const char *clear_path(const struct sockaddr_un *address)
{
	struct stat st;
	if (lstat(address->sun_path, &st) != 0) {
		return errno == ENOENT ? NULL : strerror(errno);
	}
	if (!S_ISSOCK(st.st_mode)) {
		return "there is something else";
	}
	if (in_use(address)) {
		return "another process uses it";
	}
	return unlink(address->sun_path) == 0 ? NULL : strerror(errno);
}

/*! Binds a socket; -1 with the reason if that cannot be. */
static int bind_socket(const struct sockaddr_un *address, const char **why_not)
{
	*why_not = clear_path(address);
	if (*why_not != NULL) {
		return -1;
	}
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	/* The file gets its mode from the socket at once, less the umask, and then the rest. */
	if (fd < 0 || fchmod(fd, MODE) != 0 ||
	    bind(fd, (const struct sockaddr *)address, sizeof(*address)) != 0 ||
	    chmod(address->sun_path, MODE) != 0) {
		*why_not = strerror(errno);
		if (fd >= 0) {
			(void)close(fd);
		}
		return -1;
	}
	return fd;
}

/*! Makes the listener of a bound socket, and takes that over. */
static const char *serve(aname_status_t *status, int fd)
{
	uv_pipe_t *listener = malloc(sizeof(*listener));
	if (listener == NULL) {
		(void)close(fd);
		return "out of memory";
	}
	(void)uv_pipe_init(status->clients.loop, listener, 0);
	listener->data = status;
	int ret = uv_pipe_open(listener, fd);
	if (ret != 0) {
		(void)close(fd);
	} else {
		ret = uv_listen((uv_stream_t *)listener, BACKLOG, on_connection);
	}
	if (ret != 0) {
		uv_close((uv_handle_t *)listener, on_listener_closed);
		return uv_strerror(ret);
	}
	status->listener = listener;
	return NULL;
}

void aname_status_listen(aname_status_t *status, const char *path)
{
	if (status->listener != NULL && strcmp(path, status->path) == 0) {
		return;
	}
	stop_listening(status);
	if (path[0] == '\0') {
		return;
	}
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	if (strlen(path) >= sizeof(address.sun_path)) {
		log_unavailable(status, path, "the path is too long");
		return;
	}
	memcpy(address.sun_path, path, strlen(path));
	const char *why_not;
	int fd = bind_socket(&address, &why_not);
	if (fd >= 0) {
		struct stat st = { 0 };
		(void)lstat(path, &st);
		status->device = st.st_dev;
		status->inode = st.st_ino;
		memcpy(status->path, address.sun_path, sizeof(status->path));
		why_not = serve(status, fd);
	}
	if (why_not != NULL) {
		log_unavailable(status, path, why_not);
	}
}

aname_status_t *aname_status_new(aname_shared_t *shared, const aname_status_backend_t *backend,
                                 uv_loop_t *loop)
{
	aname_status_t *status = calloc(1, sizeof(*status));
	if (status != NULL) {
		status->clients.shared = shared;
		status->clients.backend = *backend;
		status->clients.loop = loop;
	}
	return status;
}

void aname_status_free(aname_status_t *status)
{
	free(status);
}
