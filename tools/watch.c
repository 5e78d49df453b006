/*!
 * \brief The command watch: prints what happens, as it happens.
 *
 * The module tells events over the status socket (module/protocol.h). Of a zone those are asked for
 * that are about its targets; its records are looked at now and then, since they may change.
 */

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <libknot/libknot.h>

#include "ask.h"
#include "live.h"
#include "print.h"
#include "records.h"
#include "socket.h"
#include "tool.h"

/*! How often the zone's records are looked at, and knotd is tried again. */
#define RECORDS_MS 5000
#define AGAIN_MS   1000

typedef struct {
	const kaname_args_t *args;
	knot_dname_txt_storage_t zone; /*!< Empty: all. */
	char request[ANAME_STATUS_REQUEST_MAX];
	int fd;
	bool connected;    /*!< That was printed. */
	bool silent;       /*!< It was not, since nothing has come in time. */
	int64_t answer_ms; /*!< Until then something has to have come; 0: no matter when. */
	bool missing;      /*!< That the zone is not there any more was told. */
	int64_t records_ms;
	size_t len;
	char text[65536]; /*!< What has come of the next lines. */
} watch_t;

/* What is printed. */

static void print_time(int64_t time_ms)
{
	char text[40] = "";
	time_t seconds = (time_t)(time_ms / 1000);
	struct tm tm;
	if (gmtime_r(&seconds, &tm) != NULL) {
		(void)strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
	}
	(void)printf("{\"time\": \"%s.%03dZ\"", text, (int)(time_ms % 1000));
}

static int64_t now_ms(void)
{
	struct timespec now;
	(void)clock_gettime(CLOCK_REALTIME, &now);
	return 1000 * (int64_t)now.tv_sec + now.tv_nsec / 1000000;
}

/*! What the fields of an event are called, in order; what an event does not have is left out. */
static const kaname_json_field_t fields[] = {
	{ ANAME_KEY_NAME, "target", KANAME_AS_TEXT },
	{ ANAME_KEY_FAMILY, "family", KANAME_AS_TEXT },
	{ ANAME_KEY_ADDRESS, "address", KANAME_AS_TEXT },
	{ ANAME_KEY_RESOLVER, "resolver", KANAME_AS_LIST },
	{ ANAME_KEY_FROM, "from", KANAME_AS_LIST },
	{ ANAME_KEY_TO, "to", KANAME_AS_LIST },
	{ ANAME_KEY_ADDRESSES, "addresses", KANAME_AS_LIST },
	{ ANAME_KEY_FROM_MORE, "from_more", KANAME_AS_NUMBER },
	{ ANAME_KEY_MORE, "more", KANAME_AS_NUMBER },
	{ ANAME_KEY_STATE, "state", KANAME_AS_TEXT },
	{ ANAME_KEY_PROBE, "probe", KANAME_AS_TEXT },
	{ ANAME_KEY_PORT, "port", KANAME_AS_NUMBER },
	{ ANAME_KEY_OTHERS, "other_targets", KANAME_AS_NUMBER },
	{ ANAME_KEY_DENIAL, "denial", KANAME_AS_TEXT },
	{ ANAME_KEY_SECONDS, "seconds", KANAME_AS_NUMBER },
	{ ANAME_KEY_LIMIT, "limit", KANAME_AS_TEXT },
	{ ANAME_KEY_COUNT, "count", KANAME_AS_NUMBER },
	{ ANAME_KEY_KEY, "key", KANAME_AS_TEXT },
	{ ANAME_KEY_DIRECTORY, "directory", KANAME_AS_TEXT },
	{ ANAME_KEY_WHY, "why", KANAME_AS_TEXT },
};

static void print_member(const char *name, const char *value)
{
	(void)printf(", \"%s\": ", name);
	kaname_print_text(value, strlen(value));
}

static void end_line(void)
{
	(void)fputs("}\n", stdout);
	(void)fflush(stdout);
}

static void print_event(const watch_t *watch, const kaname_line_t *line)
{
	const char *time_text = kaname_field_or(line, ANAME_KEY_TIME, "0");
	print_time(strtoll(time_text, NULL, 10));
	print_member("event", kaname_field_or(line, ANAME_KEY_EVENT, "?"));
	if (watch->zone[0] != '\0' && kaname_live_field(line, ANAME_KEY_NAME) != NULL) {
		print_member("zone", watch->zone);
	}
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		if (kaname_live_field(line, fields[i].key) != NULL) {
			(void)fputs(", ", stdout);
			kaname_print_members(line, &fields[i], 1);
		}
	}
	end_line();
}

static void print_connected(watch_t *watch, const kaname_line_t *line)
{
	static const kaname_json_field_t server[] = { { ANAME_KEY_PID, "pid", KANAME_AS_NUMBER } };
	print_time(now_ms());
	print_member("event", "connected");
	(void)fputs(", ", stdout);
	kaname_print_members(line, server, 1);
	print_member("version", kaname_field_or(line, ANAME_KEY_VERSION, "not known"));
	if (watch->zone[0] != '\0') {
		print_member("zone", watch->zone);
	}
	end_line();
	watch->connected = true;
}

static void print_disconnected(watch_t *watch)
{
	print_time(now_ms());
	print_member("event", "disconnected");
	end_line();
	watch->connected = false;
}

/* What is asked. */

/*! Writes the request for the targets of the zone's records; false if that is too long. */
static bool write_request(const kaname_records_t *records, char request[ANAME_STATUS_REQUEST_MAX])
{
	int len = snprintf(request, ANAME_STATUS_REQUEST_MAX, ANAME_STATUS_WATCH);
	unsigned names = 0;
	for (size_t i = 0; i < records->count && names < ANAME_STATUS_NAMES; i++) {
		knot_dname_txt_storage_t name;
		if (records->at[i].good && len < ANAME_STATUS_REQUEST_MAX &&
		    knot_dname_to_str(name, records->at[i].target, sizeof(name)) != NULL) {
			len += snprintf(request + len, ANAME_STATUS_REQUEST_MAX - len, " %s", name);
			names++;
		}
	}
	if (names == 0 && len < ANAME_STATUS_REQUEST_MAX) {
		/* Without any name it would be all; this is none's target. */
		len += snprintf(request + len, ANAME_STATUS_REQUEST_MAX - len, " .");
	}
	if (len >= ANAME_STATUS_REQUEST_MAX - 1) {
		return false;
	}
	(void)snprintf(request + len, ANAME_STATUS_REQUEST_MAX - len, "\n");
	return true;
}

/*! Reads the zone's records the first time. */
static kaname_exit_t read_zone(watch_t *watch)
{
	kaname_records_t records = { 0 };
	kaname_control_t control;
	if (!kaname_zone_name(watch->zone, watch->args->arguments[0])) {
		return KANAME_NO;
	}
	kaname_exit_t ret = kaname_control_open(&control, watch->args);
	if (ret != KANAME_OK) {
		return ret;
	}
	ret = kaname_records_read(&control, "zone-read", watch->zone, KANAME_APEX, &records);
	kaname_control_close(&control);
	if (ret == KANAME_OK && !write_request(&records, watch->request)) {
		kaname_error("%s: the names of its targets are too long for one request",
		             watch->zone);
		(void)fprintf(stderr, "next: 'kaname watch' without a zone tells of all\n");
		ret = KANAME_NO;
	}
	kaname_records_free(&records);
	watch->records_ms = kaname_now_ms() + RECORDS_MS;
	return ret;
}

/*! Is the zone loaded? Tells it once if not, since it is asked for over and over. */
static bool is_zone_there(watch_t *watch, kaname_control_t *control)
{
	knot_ctl_data_t ask = { [KNOT_CTL_IDX_CMD] = "zone-read",
		                [KNOT_CTL_IDX_ZONE] = watch->zone,
		                [KNOT_CTL_IDX_OWNER] = "@",
		                [KNOT_CTL_IDX_TYPE] = "SOA" };
	kaname_exit_t ret = kaname_control_ask(control, &ask, NULL, NULL);
	if (ret == KANAME_NO && !watch->missing) {
		kaname_error("%s: its targets of before are watched until it is there again",
		             watch->zone);
		kaname_control_error(control, watch->zone);
	}
	watch->missing = ret == KANAME_NO;
	return ret == KANAME_OK;
}

/*! Looks whether the zone has other targets by now; if they cannot be read, later. */
static void follow_zone(watch_t *watch)
{
	kaname_records_t records = { 0 };
	kaname_control_t control;
	char request[ANAME_STATUS_REQUEST_MAX];
	watch->records_ms = kaname_now_ms() + RECORDS_MS;
	if (kaname_control_try(&control, watch->args) != KNOT_EOK) {
		return;
	}
	kaname_exit_t ret = KANAME_NO;
	if (is_zone_there(watch, &control)) {
		ret = kaname_records_read(&control, "zone-read", watch->zone, KANAME_APEX,
		                          &records);
	}
	kaname_control_close(&control);
	if (ret == KANAME_OK && write_request(&records, request) &&
	    strcmp(request, watch->request) != 0 && kaname_socket_send(watch->fd, request)) {
		memcpy(watch->request, request, sizeof(request));
	}
	kaname_records_free(&records);
}

/* What comes. */

/*! Takes one line, without its end; KANAME_OK to go on. */
static kaname_exit_t take(watch_t *watch, char *line)
{
	char *end = line + strlen(line);
	for (char *at = strchr(line, '\t'); at != NULL; at = strchr(at + 1, '\t')) {
		*at = '\0';
	}
	const kaname_line_t cut = { .at = line, .end = end };
	if (strcmp(line, ANAME_STATUS_EVENT) == 0) {
		print_event(watch, &cut);
	} else if (strcmp(line, ANAME_STATUS_SERVER) == 0) {
		print_connected(watch, &cut);
	} else if (strcmp(line, ANAME_STATUS_REFUSED) == 0 ||
	           strcmp(line, ANAME_STATUS_ERROR) == 0) {
		bool old = strcmp(line, ANAME_STATUS_ERROR) == 0;
		kaname_error("the server refused to be watched: %s",
		             kaname_field_or(&cut, ANAME_KEY_WHY, "it does not say why"));
		(void)fprintf(stderr, "next: %s\n",
		              old ? "the module that runs is older than this kaname: restart knotd "
		                    "after an upgrade"
		                  : "end one of those that watch");
		return KANAME_NO;
	}
	return KANAME_OK;
}

/*! Takes what can be read; KANAME_IO, not reported, at the end. */
static kaname_exit_t receive(watch_t *watch)
{
	ssize_t got =
	        read(watch->fd, watch->text + watch->len, sizeof(watch->text) - watch->len - 1);
	if (got < 0 && errno == EINTR) {
		return KANAME_OK;
	}
	if (got <= 0) {
		return KANAME_IO;
	}
	watch->len += got;
	watch->text[watch->len] = '\0';
	char *line = watch->text;
	kaname_exit_t ret = KANAME_OK;
	for (char *end = strchr(line, '\n'); end != NULL && ret == KANAME_OK;
	     end = strchr(line, '\n')) {
		*end = '\0';
		ret = take(watch, line);
		line = end + 1;
	}
	watch->len -= line - watch->text;
	memmove(watch->text, line, watch->len);
	if (watch->len == sizeof(watch->text) - 1) {
		watch->len = 0; /* No line is as long as that. */
	}
	return ret;
}

/*! How long to wait for what comes, in milliseconds: to a first word, then to the next look at the
 *  zone's records; -1: for ever. */
static int find_wait(const watch_t *watch)
{
	int64_t until_ms = 0;
	if (!watch->connected) {
		until_ms = watch->answer_ms;
	} else if (watch->zone[0] != '\0') {
		until_ms = watch->records_ms;
	}
	int64_t wait_ms = until_ms - kaname_now_ms();
	return until_ms == 0 ? -1 : wait_ms > 0 ? (int)wait_ms : 0;
}

/*! Prints until the connection ends; KANAME_IO, not reported, then. */
static kaname_exit_t follow(watch_t *watch)
{
	kaname_exit_t ret = KANAME_OK;
	while (ret == KANAME_OK) {
		struct pollfd readable = { .fd = watch->fd, .events = POLLIN };
		int ready = poll(&readable, 1, find_wait(watch));
		if (ready > 0) {
			ret = receive(watch);
		} else if (ready == 0 && watch->connected) {
			follow_zone(watch);
		} else if (ready == 0) {
			watch->silent = true;
			ret = KANAME_IO;
		} else if (errno != EINTR) {
			ret = KANAME_IO;
		}
		if (ferror(stdout)) {
			ret = KANAME_USAGE; /* kaname_finish() tells. */
		}
	}
	return ret;
}

/*! Connects, and with --reconnect again and again. */
static kaname_exit_t watch_once(watch_t *watch, bool first)
{
	int timeout_s = watch->args->timeout >= 0 ? watch->args->timeout : KANAME_TIMEOUT_S;
	watch->len = 0;
	watch->silent = false;
	watch->answer_ms = timeout_s > 0 ? kaname_now_ms() + 1000 * (int64_t)timeout_s : 0;
	watch->fd = kaname_socket_open(watch->args, watch->request, !first);
	if (watch->fd < 0) {
		return KANAME_IO;
	}
	kaname_exit_t ret = follow(watch);
	(void)close(watch->fd);
	if (watch->silent && first) {
		return kaname_socket_fail_silent(watch->args);
	}
	if (ret == KANAME_IO && first && !watch->connected) {
		return kaname_socket_fail(watch->args, "it is busy with other clients");
	}
	return ret;
}

kaname_exit_t kaname_watch(const kaname_args_t *args)
{
	static watch_t watch;
	watch.args = args;
	(void)snprintf(watch.request, sizeof(watch.request), ANAME_STATUS_WATCH "\n");
	kaname_exit_t ret = args->count > 0 ? read_zone(&watch) : KANAME_OK;
	if (ret != KANAME_OK) {
		return ret;
	}
	bool first = true;
	while ((ret = watch_once(&watch, first)) == KANAME_IO && args->reconnect &&
	       (watch.connected || !first)) {
		if (watch.connected) {
			print_disconnected(&watch);
		}
		first = false;
		(void)poll(NULL, 0, AGAIN_MS);
	}
	if (ret == KANAME_IO && watch.connected) {
		kaname_error("the server has ended the connection");
		(void)fprintf(stderr, "next: was knotd stopped or restarted, or the module "
		                      "unloaded? --reconnect goes on when it is back\n");
	}
	return ret == KANAME_USAGE ? KANAME_IO : ret;
}
