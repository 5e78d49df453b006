/*!
 * \brief A client of tools/follow/told.h, driven by lines; see told_client.py.
 *
 *     ask TOKEN ZONE OWNER TTL NAME ...   asks
 *     many FROM COUNT [ZONE TARGET]       asks so many questions, as there is room: at each connection those
 *                                         that are not answered yet; tells when all are. Without a zone
 *                                         the answer has the token as its address
 *     close-on EVENT                      closes from within the next event of that kind
 *     (the end of its input)              closes
 */

#include <arpa/inet.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libknot/libknot.h>

#include "follow/told.h"
#include "tool.h"

#define NAMES_MAX 64

typedef struct {
	kaname_told_t *told;
	uv_pipe_t input;
	size_t len;
	char line[65536];
	char close_on[16];
	bool closed;
	/* Of the many. */
	uint64_t from, count, next, answered;
	bool *has_answer;
	knot_dname_storage_t zone, target; /*!< Empty: of no matter. */
	unsigned on_way, most;
	unsigned long again; /*!< Answered more than once. */
	uint64_t begin_ms;
} client_t;

void kaname_error(const char *format, ...)
{
	va_list args;
	va_start(args, format);
	(void)vfprintf(stderr, format, args);
	va_end(args);
}

static void close_all(client_t *client)
{
	if (!client->closed) {
		client->closed = true;
		kaname_told_close(client->told);
		uv_close((uv_handle_t *)&client->input, NULL);
	}
}

/*! Ends the line of an event. */
static void end_event(client_t *client, const char *event)
{
	(void)fputc('\n', stdout);
	(void)fflush(stdout);
	if (client->closed) {
		(void)printf("FAULT: %s after it was closed\n", event);
	}
	if (strcmp(client->close_on, event) == 0) {
		close_all(client);
	}
}

/* The many. */

static void ask_more(client_t *client)
{
	const knot_dname_t *target = client->target;
	while (client->next < client->count && kaname_told_room(client->told) > 0) {
		uint64_t n = client->next++;
		if (client->has_answer[n]) {
			continue;
		}
		if (!kaname_told_ask(client->told, client->from + n, client->zone, client->zone,
		                     300, &target, 1)) {
			(void)printf("FAULT: there was room\n");
		}
		client->on_way++;
		client->most = client->on_way > client->most ? client->on_way : client->most;
	}
}

static bool is_one_of_many(const client_t *client, uint64_t token)
{
	return token >= client->from && token - client->from < client->count;
}

static void count_answer(client_t *client, uint64_t token, const kaname_told_set_t *set)
{
	uint64_t n = token - client->from;
	client->again += client->has_answer[n];
	client->answered += !client->has_answer[n];
	client->has_answer[n] = true;
	client->on_way--;
	uint32_t address = htonl((uint32_t)token);
	bool is_its = client->zone[0] != '\0' ||
	              memcmp(set->family[KANAME_A].at, &address, sizeof(address)) == 0;
	if (set->family[KANAME_A].count != 1 || !is_its) {
		(void)printf("FAULT: another answer to %" PRIu64 "\n", token);
	}
	ask_more(client);
	if (client->answered == client->count) {
		(void)printf("many\tcount=%" PRIu64 "\tagain=%lu\tmost=%u\tms=%" PRIu64 "\n",
		             client->count, client->again, client->most,
		             uv_now(uv_default_loop()) - client->begin_ms);
		(void)fflush(stdout);
		client->answered++;
	}
}

static void begin_many(client_t *client, char *line)
{
	free(client->has_answer);
	char *rest;
	client->from = strtoull(line + strlen("many "), &rest, 10);
	client->count = strtoull(rest, &rest, 10);
	char *target = *rest == ' ' ? strchr(++rest, ' ') : NULL;
	if (target != NULL) {
		*target++ = '\0';
		(void)knot_dname_from_str(client->zone, rest, sizeof(client->zone));
		(void)knot_dname_from_str(client->target, target, sizeof(client->target));
	}
	client->has_answer = calloc(client->count, sizeof(*client->has_answer));
	client->next = client->answered = 0;
	uv_update_time(uv_default_loop());
	client->begin_ms = uv_now(uv_default_loop());
	ask_more(client);
}

/* Events. */

static void on_up(void *ctx)
{
	client_t *client = ctx;
	(void)printf("up\troom=%u", kaname_told_room(client->told));
	client->next = client->on_way = 0;
	end_event(client, "up");
	ask_more(client);
}

static void on_down(void *ctx, const char *why, const char *next)
{
	client_t *client = ctx;
	(void)printf("down\twhy=%s\tnext=%s\troom=%u", why, next, kaname_told_room(client->told));
	end_event(client, "down");
}

static void print_family(const kaname_told_set_t *set, kaname_family_t family)
{
	static const char *const words[] = { "failed", "pending", "nodata", "nxdomain", "set" };
	(void)printf("\t%s=%s", family == KANAME_A ? "a" : "aaaa",
	             words[set->family[family].worth]);
	for (size_t i = 0; i < set->family[family].count; i++) {
		char text[INET6_ADDRSTRLEN];
		(void)inet_ntop(family == KANAME_A ? AF_INET : AF_INET6,
		                set->family[family].at + i * kaname_family_len(family), text,
		                sizeof(text));
		(void)printf(",%s", text);
	}
	(void)printf("\t%s-why=%s", family == KANAME_A ? "a" : "aaaa", set->family[family].why);
}

static void on_set(void *ctx, uint64_t token, const kaname_told_set_t *set)
{
	client_t *client = ctx;
	if (is_one_of_many(client, token)) {
		count_answer(client, token, set);
		return;
	}
	(void)printf("set\ttoken=%" PRIu64 "\tunknown=%d\tttl=%u\tnext=%u", token, set->unknown,
	             set->ttl, set->next_s);
	print_family(set, KANAME_A);
	print_family(set, KANAME_AAAA);
	end_event(client, "set");
}

static void on_changed(void *ctx, const knot_dname_t *name)
{
	knot_dname_txt_storage_t text;
	(void)knot_dname_to_str(text, name, sizeof(text));
	(void)printf("changed\tname=%s", text);
	end_event(ctx, "changed");
}

static void on_lost(void *ctx)
{
	(void)printf("lost");
	end_event(ctx, "lost");
}

/* What it is to do. */

static void ask(client_t *client, char *line)
{
	static knot_dname_storage_t names[NAMES_MAX];
	const knot_dname_t *targets[NAMES_MAX];
	size_t count = 0;
	char *rest;
	uint64_t token = strtoull(line + strlen("ask "), &rest, 10);
	uint32_t ttl = 0;
	rest++;
	for (unsigned i = 0; rest != NULL; i++) {
		const char *word = strsep(&rest, " ");
		if (i == 2) {
			ttl = (uint32_t)strtoul(word, NULL, 10);
		} else if (knot_dname_from_str(names[count], word, sizeof(names[count])) != NULL) {
			targets[count] = names[count];
			count++;
		}
	}
	if (!kaname_told_ask(client->told, token, names[0], names[1], ttl, targets + 2,
	                     count - 2)) {
		(void)printf("no room\n");
	}
	(void)fflush(stdout);
}

static void obey(client_t *client, char *line)
{
	if (strncmp(line, "ask ", 4) == 0) {
		ask(client, line);
	} else if (strncmp(line, "many ", 5) == 0) {
		begin_many(client, line);
	} else if (sscanf(line, "close-on %15s", client->close_on) != 1) {
		(void)printf("FAULT: %s\n", line);
	}
}

static void on_room_wanted(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
	client_t *client = handle->data;
	*buffer = uv_buf_init(client->line + client->len, sizeof(client->line) - client->len - 1);
}

static void on_input(uv_stream_t *stream, ssize_t got, const uv_buf_t *buffer)
{
	client_t *client = stream->data;
	if (got < 0) {
		close_all(client);
		return;
	}
	client->len += got;
	client->line[client->len] = '\0';
	char *at = client->line;
	for (char *end; (end = strchr(at, '\n')) != NULL; at = end + 1) {
		*end = '\0';
		obey(client, at);
	}
	client->len -= at - client->line;
	memmove(client->line, at, client->len);
}

int main(int argc, char **argv)
{
	static client_t client;
	const kaname_args_t args = { .status_socket = argv[1],
		                     .timeout = argc > 2 ? (int)strtol(argv[2], NULL, 10) : -1 };
	const kaname_told_calls_t calls = { &client, on_up, on_down, on_set, on_changed, on_lost };
	uv_loop_t *loop = uv_default_loop();
	(void)signal(SIGPIPE, SIG_IGN);
	client.told = kaname_told_new(loop, &args, &calls);
	client.input.data = &client;
	if (client.told == NULL || uv_pipe_init(loop, &client.input, 0) != 0 ||
	    uv_pipe_open(&client.input, 0) != 0 ||
	    uv_read_start((uv_stream_t *)&client.input, on_room_wanted, on_input) != 0) {
		return 2;
	}
	(void)uv_run(loop, UV_RUN_DEFAULT);
	(void)printf("end\n");
	free(client.has_answer);
	return uv_loop_close(loop) == 0 ? 0 : 3;
}
