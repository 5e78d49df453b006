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
#include "followed.h"
#include "live.h"
#include "print.h"
#include "socket.h"
#include "tool.h"
#include "wanted.h"

/*! How often the zone's records are looked at, and knotd is tried again. */
#define RECORDS_MS 5000
#define AGAIN_MS   1000
/*! Room for the RDATA of a SOA record as text. */
#define SERIAL_MAX 4096

typedef struct {
	const kaname_args_t *args;
	knot_dname_txt_storage_t zone; /*!< Empty: all. */
	kaname_wants_t wants;          /*!< The zone's targets. */
	bool all; /*!< They are more than a request takes: all is asked for, and the rest left out. */
	char request[ANAME_STATUS_REQUEST_MAX];
	char serial[SERIAL_MAX]; /*!< The zone's SOA record when they were read. */
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
	const char *name = kaname_live_field(line, ANAME_KEY_NAME);
	if (watch->all && name != NULL && kaname_wants_find(&watch->wants, name) == NULL) {
		return; /* It is of another zone. */
	}
	const char *time_text = kaname_field_or(line, ANAME_KEY_TIME, "0");
	print_time(strtoll(time_text, NULL, 10));
	print_member("event", kaname_field_or(line, ANAME_KEY_EVENT, "?"));
	if (watch->zone[0] != '\0' && name != NULL) {
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

/*! Writes the request for the zone's targets. */
static void write_request(watch_t *watch)
{
	const char *const any = ANAME_STATUS_WATCH, *const none = ANAME_STATUS_WATCH " .";
	/* Without any name it would be all; the other one is none's target. */
	(void)snprintf(watch->request, sizeof(watch->request), "%s",
	               watch->wants.count > 0 ? any : none);
	watch->all = kaname_wants_write(&watch->wants, 0, watch->request) < watch->wants.count;
	if (watch->all) {
		(void)snprintf(watch->request, sizeof(watch->request), "%s\n", any);
	}
}

/*! Reads the zone's records; what is watched stays as it is if they cannot be read. */
static kaname_exit_t read_records(watch_t *watch, kaname_control_t *control)
{
	kaname_records_t records = { 0 };
	kaname_wants_t wants = { 0 };
	kaname_exit_t ret = kaname_followed_read(control, watch->zone, &records);
	if (ret == KANAME_OK) {
		ret = kaname_wants_add_records(&wants, &records);
	}
	kaname_records_free(&records);
	if (ret == KANAME_OK) {
		kaname_wants_sort(&wants);
		kaname_wants_free(&watch->wants);
		watch->wants = wants;
		write_request(watch);
	} else {
		kaname_wants_free(&wants);
	}
	return ret;
}

static void take_serial(void *ctx, knot_ctl_data_t *data)
{
	const char *rdata = (*data)[KNOT_CTL_IDX_DATA];
	(void)snprintf(ctx, SERIAL_MAX, "%s", rdata != NULL ? rdata : "");
}

/*! Reads the zone's SOA record; another one tells that the zone is. */
static kaname_exit_t read_serial(const watch_t *watch, kaname_control_t *control,
                                 char serial[SERIAL_MAX])
{
	serial[0] = '\0';
	knot_ctl_data_t ask = { [KNOT_CTL_IDX_CMD] = "zone-read",
		                [KNOT_CTL_IDX_ZONE] = watch->zone,
		                [KNOT_CTL_IDX_OWNER] = "@",
		                [KNOT_CTL_IDX_TYPE] = "SOA" };
	return kaname_control_ask(control, &ask, take_serial, serial);
}

/*! Reads the zone's records the first time. */
static kaname_exit_t read_zone(watch_t *watch)
{
	kaname_control_t control;
	if (!kaname_zone_name(watch->zone, watch->args->arguments[0])) {
		return KANAME_NO;
	}
	kaname_exit_t ret = kaname_control_open(&control, watch->args);
	if (ret != KANAME_OK) {
		return ret;
	}
	ret = read_serial(watch, &control, watch->serial);
	if (ret == KANAME_NO) {
		kaname_control_error(&control, watch->zone);
	}
	if (ret == KANAME_OK) {
		ret = read_records(watch, &control);
	}
	kaname_control_close(&control);
	watch->records_ms = kaname_now_ms() + RECORDS_MS;
	return ret;
}

/*! May the zone have changed? Tells it once if it is not loaded, since it is asked for over and over. */
static bool has_changed(watch_t *watch, kaname_control_t *control)
{
	char serial[SERIAL_MAX];
	kaname_exit_t ret = read_serial(watch, control, serial);
	if (ret == KANAME_NO && !watch->missing) {
		kaname_error("%s: its targets of before are watched until it is there again",
		             watch->zone);
		kaname_control_error(control, watch->zone);
	}
	watch->missing = ret == KANAME_NO;
	/* To read many records takes a while; a file may be loaded anew with the same serial. */
	bool many = watch->wants.count > ANAME_STATUS_NAMES;
	if (ret != KANAME_OK || (many && strcmp(serial, watch->serial) == 0)) {
		return false;
	}
	memcpy(watch->serial, serial, sizeof(serial));
	return true;
}

/*! Looks whether the zone has other targets by now; if they cannot be read, later. */
static void follow_zone(watch_t *watch)
{
	kaname_control_t control;
	char before[ANAME_STATUS_REQUEST_MAX];
	memcpy(before, watch->request, sizeof(before));
	watch->records_ms = kaname_now_ms() + RECORDS_MS;
	if (kaname_control_try(&control, watch->args) != KNOT_EOK) {
		return;
	}
	if (has_changed(watch, &control) && read_records(watch, &control) != KANAME_OK) {
		watch->serial[0] = '\0'; /* Once more. */
	}
	kaname_control_close(&control);
	if (strcmp(before, watch->request) != 0 && !kaname_socket_send(watch->fd, watch->request)) {
		memcpy(watch->request, before, sizeof(before));
		watch->serial[0] = '\0';
	}
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
