#include "service/status/listener.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "service/status/client.h"
#include "table/clock.h"

_Static_assert(sizeof(((struct sockaddr_un *)NULL)->sun_path) == ANAME_STATUS_PATH_MAX,
               "a path fits");

/*! Connections that the kernel may hold for us. */
#define BACKLOG       16
/*! As knotd's control socket has it: who may write may connect. */
#define MODE          (S_IWUSR | S_IWGRP)
/*! How often it is looked whether the socket is where it should be. */
#define TEND_MS       10000
/*! What cannot be accepted for want of something is tried again after so long. */
#define PAUSE_MS      1000
/*! And is told at most this often. */
#define TELL_AGAIN_MS 60000

struct aname_status {
	char path[ANAME_STATUS_PATH_MAX]; /*!< Where it is to be; empty: nowhere. */
	uv_timer_t *timer;                /*!< Tends it; NULL: nowhere. Freed when closed. */
	uv_poll_t *poll;                  /*!< Of the socket; NULL: there is none. Likewise. */
	int fd;                           /*!< The socket. */
	dev_t device;                     /*!< Of the socket's file, to remove no other. */
	ino_t inode;
	char told[80];      /*!< What the log says of why there is none; empty: nothing. */
	int64_t paused_ms;  /*!< When the log has told last that nobody is accepted. */
	bool paused_before; /*!< It has. */
	aname_self_t self;
	aname_status_clients_t clients;
};

static void log_unavailable(aname_status_t *status, const char *path, const char *why_not)
{
	const aname_log_t log = aname_logbook_log(status->clients.shared->logbook);
	aname_log(&log, LOG_WARNING, "status socket '%s' is not available (%s)", path, why_not);
}

static void log_available(aname_status_t *status)
{
	const aname_log_t log = aname_logbook_log(status->clients.shared->logbook);
	aname_log(&log, LOG_NOTICE, "status socket '%s' is available again", status->path);
}

static void on_handle_closed(uv_handle_t *handle)
{
	free(handle);
}

/* The socket, and its file. */

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

/*! Is the socket's file still the one that this process made? */
static bool is_there(const aname_status_t *status)
{
	struct stat st;
	return lstat(status->path, &st) == 0 && st.st_dev == status->device &&
	       st.st_ino == status->inode;
}

static void close_socket(aname_status_t *status)
{
	uv_close((uv_handle_t *)status->poll, on_handle_closed);
	status->poll = NULL;
	(void)close(status->fd);
	if (is_there(status)) {
		(void)unlink(status->path);
	}
}

static void tend_after(aname_status_t *status, uint64_t after_ms);

/*! Who waits would be reported over and over: nobody is accepted for a moment. */
static void pause_listening(aname_status_t *status, const char *why)
{
	int64_t now_ms = aname_clock_ms();
	if (!status->paused_before || now_ms - status->paused_ms >= TELL_AGAIN_MS) {
		log_unavailable(status, status->path, why);
		status->paused_before = true;
		status->paused_ms = now_ms;
	}
	(void)uv_poll_stop(status->poll);
	tend_after(status, PAUSE_MS);
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
		aname_status_serve(&status->clients, fd);
	} else if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED) {
		pause_listening(status, strerror(errno));
	}
}

/*! Listens at a bound socket, and takes that over; returns NULL, or why it cannot. */
static const char *serve(aname_status_t *status, int fd)
{
	uv_poll_t *poll = malloc(sizeof(*poll));
	if (poll == NULL || listen(fd, BACKLOG) != 0 ||
	    uv_poll_init(status->clients.loop, poll, fd) != 0) {
		const char *why_not = strerror(errno);
		free(poll);
		(void)close(fd);
		return why_not;
	}
	struct stat st = { 0 };
	(void)lstat(status->path, &st);
	status->device = st.st_dev;
	status->inode = st.st_ino;
	poll->data = status;
	status->poll = poll;
	status->fd = fd;
	return NULL;
}

/*! Makes the socket; the log says why it cannot be, and when it is after all. */
static void open_socket(aname_status_t *status)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	memcpy(address.sun_path, status->path, sizeof(address.sun_path));
	const char *why_not;
	int fd = bind_socket(&address, &why_not);
	if (fd >= 0) {
		why_not = serve(status, fd);
	}
	if (why_not == NULL && status->told[0] != '\0') {
		log_available(status);
		status->told[0] = '\0';
	} else if (why_not != NULL && strcmp(why_not, status->told) != 0) {
		log_unavailable(status, status->path, why_not);
		(void)snprintf(status->told, sizeof(status->told), "%s", why_not);
	}
}

/*! Has the socket where it is to be, and listens there. */
static void tend(aname_status_t *status)
{
	if (status->poll != NULL && !is_there(status)) {
		(void)snprintf(status->told, sizeof(status->told), "its file is gone");
		log_unavailable(status, status->path, status->told);
		close_socket(status);
	}
	if (status->poll == NULL) {
		open_socket(status);
	}
	bool good = status->poll == NULL ||
	            uv_poll_start(status->poll, UV_READABLE, on_connection) == 0;
	tend_after(status, good ? TEND_MS : PAUSE_MS);
}

static void on_time_to_tend(uv_timer_t *timer)
{
	tend(timer->data);
}

static void tend_after(aname_status_t *status, uint64_t after_ms)
{
	(void)uv_timer_start(status->timer, on_time_to_tend, after_ms, 0);
}

/* Where it is to be. */

static void stop_listening(aname_status_t *status)
{
	aname_status_drop(&status->clients);
	if (status->timer == NULL) {
		return;
	}
	uv_close((uv_handle_t *)status->timer, on_handle_closed);
	status->timer = NULL;
	if (status->poll != NULL) {
		close_socket(status);
	}
	status->path[0] = '\0';
	status->told[0] = '\0';
	status->paused_before = false;
}

void aname_status_listen(aname_status_t *status, const char *path)
{
	if (strcmp(path, status->path) == 0) {
		return;
	}
	stop_listening(status);
	if (path[0] == '\0') {
		return;
	}
	if (strlen(path) >= sizeof(status->path)) {
		log_unavailable(status, path, "the path is too long");
		return;
	}
	status->timer = malloc(sizeof(*status->timer));
	if (status->timer == NULL) {
		log_unavailable(status, path, "out of memory");
		return;
	}
	(void)uv_timer_init(status->clients.loop, status->timer);
	status->timer->data = status;
	memset(status->path, 0, sizeof(status->path));
	memcpy(status->path, path, strlen(path));
	tend(status);
}

aname_status_t *aname_status_new(aname_shared_t *shared, const aname_status_backend_t *backend,
                                 uv_loop_t *loop)
{
	aname_status_t *status = calloc(1, sizeof(*status));
	if (status != NULL) {
		status->clients.shared = shared;
		status->clients.backend = *backend;
		aname_self_find(&status->self);
		status->clients.backend.self = &status->self;
		status->clients.loop = loop;
	}
	return status;
}

void aname_status_free(aname_status_t *status)
{
	free(status);
}
