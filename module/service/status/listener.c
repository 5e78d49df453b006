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

/*! What cannot be accepted for want of something is tried again after so long. */
#define PAUSE_MS 1000

struct aname_status {
	uv_poll_t *poll;   /*!< Of the socket; NULL: nowhere. Freed when closed. */
	uv_timer_t *timer; /*!< Ends a pause. Likewise. */
	int fd;            /*!< The socket. */
	bool pause_said;   /*!< The log has told why. */
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

static void on_handle_closed(uv_handle_t *handle)
{
	free(handle);
}

static void stop_listening(aname_status_t *status)
{
	aname_status_drop(&status->clients);
	if (status->poll == NULL) {
		return;
	}
	uv_close((uv_handle_t *)status->poll, on_handle_closed);
	uv_close((uv_handle_t *)status->timer, on_handle_closed);
	status->poll = NULL;
	status->timer = NULL;
	(void)close(status->fd);
	struct stat st;
	if (lstat(status->path, &st) == 0 && st.st_dev == status->device &&
	    st.st_ino == status->inode) {
		(void)unlink(status->path);
	}
}

static void on_connection(uv_poll_t *poll, int ret, int events);

static void on_pause_over(uv_timer_t *timer)
{
	aname_status_t *status = timer->data;
	if (uv_poll_start(status->poll, UV_READABLE, on_connection) != 0) {
		(void)uv_timer_start(timer, on_pause_over, PAUSE_MS, 0);
	}
}

/*! Who waits would be reported over and over: nobody is accepted for a moment. */
static void pause_listening(aname_status_t *status, const char *why)
{
	if (!status->pause_said) {
		log_unavailable(status, status->path, why);
	}
	status->pause_said = true;
	(void)uv_poll_stop(status->poll);
	(void)uv_timer_start(status->timer, on_pause_over, PAUSE_MS, 0);
}

/*! One at a time, so that who connects over and over holds up nothing else. */
static void on_connection(uv_poll_t *poll, int ret, int events)
{
	aname_status_t *status = poll->data;
	if (ret != 0) {
		pause_listening(status, uv_strerror(ret));
		return;
	}
	if (!aname_status_place(&status->clients)) {
		return;
	}
	int fd = accept4(status->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd >= 0) {
		status->pause_said = false;
		aname_status_serve(&status->clients, fd);
	} else if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED) {
		pause_listening(status, strerror(errno));
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

/*! Listens at a bound socket, and takes that over. */
static const char *serve(aname_status_t *status, int fd)
{
	uv_poll_t *poll = malloc(sizeof(*poll));
	uv_timer_t *timer = malloc(sizeof(*timer));
	if (poll == NULL || timer == NULL || listen(fd, BACKLOG) != 0 ||
	    uv_poll_init(status->clients.loop, poll, fd) != 0) {
		const char *why_not = strerror(errno);
		free(poll);
		free(timer);
		(void)close(fd);
		return why_not;
	}
	(void)uv_timer_init(status->clients.loop, timer);
	poll->data = timer->data = status;
	status->poll = poll;
	status->timer = timer;
	status->fd = fd;
	/* As when a pause is over. */
	on_pause_over(timer);
	return NULL;
}

void aname_status_listen(aname_status_t *status, const char *path)
{
	if (status->poll != NULL && strcmp(path, status->path) == 0) {
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
