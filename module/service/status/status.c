#include "service/status/status.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <libknot/descriptor.h>

#include "table/clock.h"
#include "table/policy.h"

/*! What a client is sent in one go, about; its buffer has room for one entry more. */
#define PAGE_SIZE   8192
/*! Slots of the table looked at in one go. */
#define PAGE_SLOTS  512
/*! A client that makes no progress for so long is dropped. */
#define PATIENCE_MS 10000
/*! Longest line of a client. */
#define REQUEST_MAX 8192u
/*! Connections that the kernel may hold for us. */
#define BACKLOG     16
/*! As knotd's control socket has it: who may write may connect. */
#define MODE        (S_IWUSR | S_IWGRP)
#define FORMAT      "aname\t1\n"

typedef struct client {
	uv_pipe_t pipe;
	uv_timer_t timer;
	uv_write_t write;
	aname_status_t *status;
	struct client *next;
	unsigned handles; /*!< Not closed yet. */
	bool answering;
	bool done; /*!< The last line is in the buffer. */
	aname_place_t place;
	size_t names_count; /*!< Zero: all targets. */
	size_t len;         /*!< Octets in `buffer`, of the request and later of the page. */
	knot_dname_storage_t names[ANAME_STATUS_NAMES];
	char buffer[PAGE_SIZE + ANAME_STATUS_ENTRY_MAX];
} client_t;

struct aname_status {
	aname_shared_t *shared;
	uv_loop_t *loop;
	uv_pipe_t *listener; /*!< NULL: nowhere. Freed when closed. */
	char path[ANAME_STATUS_PATH_MAX];
	dev_t device; /*!< Of the socket's file, to remove no other. */
	ino_t inode;
	client_t *clients;
	unsigned clients_count;
};

static void on_log(void *ctx, int priority, const char *message)
{
	aname_status_t *status = ctx;
	aname_logbook_write(status->shared->logbook, priority, message, aname_clock_ms());
}

static void tell(aname_status_t *status, const char *path, const char *why_not)
{
	const aname_log_t log = { on_log, status };
	aname_log(&log, LOG_WARNING, "status socket '%s' is not available (%s)", path, why_not);
}

/* What an entry is. */

__attribute__((format(printf, 3, 4))) static void add(char *at, size_t *len, const char *format,
                                                      ...)
{
	va_list args;
	va_start(args, format);
	int used = vsnprintf(at + *len, ANAME_STATUS_ENTRY_MAX - *len, format, args);
	va_end(args);
	if (used > 0) {
		*len += used;
	}
	if (*len >= ANAME_STATUS_ENTRY_MAX) {
		*len = ANAME_STATUS_ENTRY_MAX - 1;
	}
}

static const char *state_of(const aname_judgement_t *judgement)
{
	switch (judgement->worth) {
	case ANAME_FRESH: return "fresh";
	case ANAME_NODATA: return "nodata";
	case ANAME_LATE:
	case ANAME_LATE_NODATA: return "late";
	case ANAME_STALE:
	case ANAME_STALE_NODATA: return "stale";
	case ANAME_FAILED: return "failing";
	default: return "cold";
	}
}

static void write_addresses(char *at, size_t *len, const aname_snapshot_t *known)
{
	knot_rdataset_t set = aname_snapshot_rdataset(known);
	knot_rdata_t *rdata = set.rdata;
	add(at, len, "\taddresses=");
	for (unsigned i = 0; i < set.count; i++, rdata = knot_rdataset_next(rdata)) {
		char address[INET6_ADDRSTRLEN];
		(void)inet_ntop(rdata->len == 4 ? AF_INET : AF_INET6, rdata->data, address,
		                sizeof(address));
		add(at, len, "%s%s", i > 0 ? "," : "", address);
	}
}

static void write_subnet(char *at, size_t *len, const aname_subnet_t *subnet)
{
	char address[INET6_ADDRSTRLEN];
	(void)inet_ntop(subnet->family == ANAME_SUBNET_IPV4 ? AF_INET : AF_INET6, subnet->address,
	                address, sizeof(address));
	add(at, len, "\tsubnet=%s/%u", address, subnet->len);
}

static void write_via(char *at, size_t *len, const aname_source_t *source)
{
	char address[INET6_ADDRSTRLEN];
	bool ipv4 = aname_source_has_via(source, false);
	if (ipv4) {
		(void)inet_ntop(AF_INET, source->via_ipv4, address, sizeof(address));
		add(at, len, "\tvia=%s", address);
	}
	if (aname_source_has_via(source, true)) {
		(void)inet_ntop(AF_INET6, source->via_ipv6, address, sizeof(address));
		add(at, len, "%s%s", ipv4 ? "," : "\tvia=", address);
	}
}

static void write_resolver(char *at, size_t *len, const aname_source_t *source)
{
	add(at, len, "\tresolver=%s", source->servers_count == 0 ? "system" : "");
	for (unsigned i = 0; i < source->servers_count; i++) {
		const aname_server_t *server = &source->servers[i];
		char address[INET6_ADDRSTRLEN];
		(void)inet_ntop(server->len == 4 ? AF_INET : AF_INET6, server->address, address,
		                sizeof(address));
		add(at, len, "%s%s@%u", i > 0 ? "," : "", address, server->port);
	}
	write_via(at, len, source);
}

/*! Smallest TTL of a record that asked lately, as the service's plan has it. */
static uint32_t wanted_ttl(aname_entry_t *entry)
{
	uint32_t want = atomic_load_explicit(&entry->want, memory_order_relaxed);
	want = want < entry->plan.want_before ? want : entry->plan.want_before;
	return want < INT32_MAX ? want : INT32_MAX;
}

static void write_known(char *at, size_t *len, aname_entry_t *entry, int64_t now_ms)
{
	const aname_snapshot_t *known = aname_entry_snapshot(entry);
	const aname_schedule_t *schedule = &entry->profile->schedule;
	aname_judgement_t judgement =
	        aname_policy_judge(known, atomic_load(&entry->cold), schedule,
	                           aname_policy_left(known, schedule, wanted_ttl(entry), now_ms),
	                           atomic_load(&entry->next_ms), now_ms);
	add(at, len, "\tstate=%s", state_of(&judgement));
	if (known == NULL) {
		return;
	}
	if (known->known != ANAME_KNOWN_NOTHING) {
		add(at, len, "\tttl=%" PRIu32 "\tage=%" PRId64, judgement.ttl,
		    (now_ms - known->learned_ms) / 1000);
		write_addresses(at, len, known);
	}
	const aname_failing_t *failing = aname_snapshot_failing(known);
	if (failing != NULL) {
		add(at, len, "\tfailing=%" PRId64 "\twhy=%s", (now_ms - failing->since_ms) / 1000,
		    failing->why);
	}
}

/*! What is known of the other family of a target by everybody; NULL if nothing. */
static const aname_snapshot_t *other_of(const aname_table_t *table, const aname_entry_t *entry)
{
	const knot_dname_t *name = aname_entry_name(entry);
	const aname_key_t key = {
		.profile = entry->profile,
		.name = name,
		.type = entry->type == KNOT_RRTYPE_A ? KNOT_RRTYPE_AAAA : KNOT_RRTYPE_A,
		.name_len = knot_dname_size(name),
	};
	aname_entry_t *other = aname_table_find(table, &key, aname_table_hash(table, &key));
	other = other != NULL ? other : aname_table_find_kin(table, &key);
	return other != NULL ? aname_entry_snapshot(other) : NULL;
}

/*! That a target is gone which had addresses; as queries see it. */
static void write_gone(char *at, size_t *len, const aname_table_t *table, aname_entry_t *entry,
                       int64_t now_ms)
{
	const aname_snapshot_t *known = aname_entry_snapshot(entry);
	const aname_lost_t *lost = known != NULL ? aname_snapshot_lost(known) : NULL;
	if (lost != NULL && aname_policy_gone_surely(known, other_of(table, entry))) {
		add(at, len, "\tgone=%" PRId64 "\tdenial=%s", (now_ms - lost->since_ms) / 1000,
		    lost->nxdomain ? "NXDOMAIN" : "NODATA");
	}
}

size_t aname_status_write(char *at, const aname_table_t *table, aname_entry_t *entry,
                          int64_t now_ms)
{
	size_t len = 0;
	knot_dname_txt_storage_t name = "";
	(void)knot_dname_to_str(name, aname_entry_name(entry), sizeof(name));
	add(at, &len, "target\tname=%s\tfamily=%s", name,
	    entry->type == KNOT_RRTYPE_A ? "A" : "AAAA");
	if (entry->tailored) {
		write_subnet(at, &len, &entry->member->network);
	}
	write_known(at, &len, entry, now_ms);
	write_gone(at, &len, table, entry, now_ms);

	int64_t next_ms = atomic_load(&entry->next_ms);
	if (next_ms != ANAME_NEXT_NEVER) {
		add(at, &len, "\tnext=%" PRId64,
		    next_ms > now_ms ? (next_ms - now_ms + 999) / 1000 : 0);
	}
	int64_t asked_s = atomic_load_explicit(&entry->asked_s, memory_order_relaxed);
	add(at, &len,
	    "\tasked=%" PRId64 "\tstarted=%" PRIu32 "\tsucceeded=%" PRIu32 "\tfailed=%" PRIu32
	    "\tlag=%" PRIu32,
	    now_ms / 1000 > asked_s ? now_ms / 1000 - asked_s : 0, atomic_load(&entry->started),
	    atomic_load(&entry->succeeded), atomic_load(&entry->failed),
	    atomic_load(&entry->lag_ms));
	write_resolver(at, &len, &entry->profile->source);
	add(at, &len, "\n");
	at[len - 1] = '\n';
	return len;
}

/* What a client gets. */

static void on_client_closed(uv_handle_t *handle)
{
	client_t *client = handle->data;
	if (--client->handles == 0) {
		free(client);
	}
}

static void drop(client_t *client)
{
	aname_status_t *status = client->status;
	for (client_t **at = &status->clients; *at != NULL; at = &(*at)->next) {
		if (*at == client) {
			*at = client->next;
			status->clients_count--;
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
	uv_update_time(client->status->loop);
	(void)uv_timer_start(&client->timer, on_impatience, PATIENCE_MS, 0);
}

static bool wanted(const client_t *client, const aname_entry_t *entry)
{
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
	const aname_table_t *table = client->status->shared->table;
	int64_t now_ms = aname_clock_ms();
	unsigned slots = 0;
	while (client->len < PAGE_SIZE && slots++ < PAGE_SLOTS && !client->done) {
		aname_entry_t *entry = aname_table_step(table, &client->place);
		if (entry != NULL && wanted(client, entry)) {
			client->len += aname_status_write(client->buffer + client->len, table,
			                                  entry, now_ms);
		}
		client->done = client->place.end || client->place.rebuilt;
	}
	if (client->done) {
		const char *last = client->place.rebuilt ? "again\n" : "end\n";
		memcpy(client->buffer + client->len, last, strlen(last));
		client->len += strlen(last);
	}
}

static void on_written(uv_write_t *write, int status);

/*!
 * Sends what is in the buffer, even if that is nothing. The next page comes when libuv says that
 * it is written, and libuv says so a few times in a turn of the loop at most.
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
	const aname_shared_t *shared = client->status->shared;
	const aname_totals_t *totals = &shared->totals;
	client->len =
	        snprintf(client->buffer, sizeof(client->buffer),
	                 FORMAT "server\tpid=%ld\ttargets=%zu\taddresses=%zu\tstarted=%" PRIu64
	                        "\tsucceeded=%" PRIu64 "\tfailed=%" PRIu64 "\tlag=%" PRIu32 "\n",
	                 (long)getpid(), aname_table_targets(shared->table),
	                 aname_table_addresses(shared->table), atomic_load(&totals->started),
	                 atomic_load(&totals->succeeded), atomic_load(&totals->failed),
	                 atomic_load(&totals->lag_ms));
	client->place = aname_table_begin(shared->table);
	send_page(client);
}

/*! Reads the request's line; false if it is none. */
static bool read_request(client_t *client, char *line)
{
	char *left = NULL;
	const char *word = strtok_r(line, " \r", &left);
	if (word == NULL || strcmp(word, "status") != 0) {
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
	*buffer = uv_buf_init(client->buffer + client->len, REQUEST_MAX - client->len);
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
		if (client->len == REQUEST_MAX) {
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
static client_t *client_new(aname_status_t *status)
{
	client_t *client = malloc(sizeof(*client));
	if (client == NULL) {
		return NULL;
	}
	memset(client, 0, offsetof(client_t, names));
	client->status = status;
	client->handles = 2;
	/* Neither of them can fail on Linux. */
	(void)uv_pipe_init(status->loop, &client->pipe, 0);
	(void)uv_timer_init(status->loop, &client->timer);
	client->pipe.data = client->timer.data = client->write.data = client;
	client->next = status->clients;
	status->clients = client;
	status->clients_count++;
	return client;
}

/* Where it listens. */

static void on_listener_closed(uv_handle_t *handle)
{
	free(handle);
}

static void stop_listening(aname_status_t *status)
{
	while (status->clients != NULL) {
		drop(status->clients);
	}
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
	client_t *client = client_new(status);
	if (client == NULL) {
		/* A connection that is not accepted would be in the way of all others. */
		tell(status, status->path, "out of memory");
		stop_listening(status);
		return;
	}
	if (uv_accept(listener, (uv_stream_t *)&client->pipe) != 0 ||
	    status->clients_count > ANAME_STATUS_CLIENTS ||
	    uv_read_start((uv_stream_t *)&client->pipe, on_room, on_read) != 0) {
		drop(client);
		return;
	}
	be_patient(client);
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
	(void)uv_pipe_init(status->loop, listener, 0);
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
		tell(status, path, "the path is too long");
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
		tell(status, path, why_not);
	}
}

aname_status_t *aname_status_new(aname_shared_t *shared, uv_loop_t *loop)
{
	aname_status_t *status = calloc(1, sizeof(*status));
	if (status != NULL) {
		status->shared = shared;
		status->loop = loop;
	}
	return status;
}

void aname_status_free(aname_status_t *status)
{
	free(status);
}
