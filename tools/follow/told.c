#include "follow/told.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libknot/libknot.h>

#include "follow/told_text.h"
#include "protocol.h"
#include "socket.h"

/*! Questions on their way at once: as many as keep both sides busy, and few to ask again. */
#define QUESTIONS_MAX 256
/*! How long to wait before it is tried again: at first, and at most. A connection that has stood as long
 *  as that begins anew with the first. */
#define AGAIN_MS      200
#define AGAIN_MAX_MS  5000
/*! A longer line is skipped: the longest answer has two families of KANAME_SET_MAX addresses. */
#define LINE_MAX_IN   65536

#define NEXT_VERSION "kaname and the module must be of one version: restart knotd after an upgrade"
#define NEXT_ENDED   "was knotd stopped or restarted, or the module unloaded? 'systemctl status knot'"

/*! How far a connection is. */
typedef enum {
	WAITING = 0, /*!< There is none; the timer runs to the next. */
	CONNECTING,  /*!< Nothing has come yet. */
	GREETED,     /*!< The format has. */
	UP,          /*!< And the line of the server. */
	CLOSING,     /*!< It has ended, and its handle is being closed. */
} state_t;

/*! Text that is to be sent. */
typedef struct {
	char *at;
	size_t len, size;
} text_t;

struct kaname_told {
	const kaname_args_t *args;
	kaname_told_calls_t calls;
	uv_pipe_t pipe;
	uv_connect_t connect;
	uv_write_t write;
	uv_timer_t timer;   /*!< To the next attempt; else for silence. */
	uv_prepare_t flush; /*!< Sends what was asked since the loop ran last, in one piece. */
	unsigned handles;   /*!< That are not closed yet. */
	bool ending;
	state_t state;
	uint64_t up_ms;    /*!< Since when it is, by uv_now(). */
	uint64_t again_ms; /*!< How long to wait before the next attempt. */
	char why[256];     /*!< Told last, and still so. */

	uint64_t tokens[QUESTIONS_MAX]; /*!< Of the questions on their way; a ring. */
	unsigned first, count;
	bool silent;    /*!< Nothing has come for half of the time there is. */
	bool no_memory; /*!< For a question. */
	bool writing;   /*!< `sent` is. */
	text_t asked, sent;

	bool skipping; /*!< The rest of a line that is too long. */
	size_t in_len;
	char in[LINE_MAX_IN];
	kaname_told_set_t set; /*!< Told now. */
};

static bool is_connected(const kaname_told_t *told)
{
	return !told->ending &&
	       (told->state == CONNECTING || told->state == GREETED || told->state == UP);
}

/* The end of a connection. */

static void on_again(uv_timer_t *timer);

static void free_when_closed(kaname_told_t *told)
{
	if (--told->handles == 0) {
		free(told->asked.at);
		free(told->sent.at);
		free(told);
	}
}

static void on_handle_closed(uv_handle_t *handle)
{
	free_when_closed(handle->data);
}

static void on_pipe_closed(uv_handle_t *handle)
{
	kaname_told_t *told = handle->data;
	if (!told->ending) {
		told->state = WAITING;
		(void)uv_timer_start(&told->timer, on_again, told->again_ms, 0);
		told->again_ms =
		        2 * told->again_ms < AGAIN_MAX_MS ? 2 * told->again_ms : AGAIN_MAX_MS;
	}
	free_when_closed(told);
}

/*! Ends the connection, tells that, and tries again later. */
static void drop(kaname_told_t *told, const char *why, const char *next)
{
	if (!is_connected(told)) {
		return;
	}
	if (told->state == UP && uv_now(told->pipe.loop) - told->up_ms >= AGAIN_MAX_MS) {
		told->again_ms = AGAIN_MS;
	}
	told->state = CLOSING;
	told->count = 0;
	(void)uv_timer_stop(&told->timer);
	(void)uv_prepare_stop(&told->flush);
	uv_close((uv_handle_t *)&told->pipe, on_pipe_closed);
	if (strncmp(told->why, why, sizeof(told->why) - 1) != 0) {
		(void)snprintf(told->why, sizeof(told->why), "%s", why);
		told->calls.down(told->calls.ctx, told->why, next);
	}
}

static void drop_errno(kaname_told_t *told, int status)
{
	/* As many as may wait to be accepted do so already. */
	int error = status == UV_EAGAIN ? ETIMEDOUT : -status;
	drop(told, strerror(error), kaname_socket_next(error));
}

/* Silence. */

/*!
 * Half of the time there is has passed. Data may be there all the same: this process may have been held
 * up, and timers come first. So what counts is the second time, between which was a look at it.
 */
static void on_silence(uv_timer_t *timer)
{
	kaname_told_t *told = timer->data;
	if (told->silent) {
		drop_errno(told, UV_ETIMEDOUT);
	}
	told->silent = true;
}

static void await_answer(kaname_told_t *told)
{
	int timeout_s = told->args->timeout >= 0 ? told->args->timeout : KANAME_TIMEOUT_S;
	told->silent = false;
	if (timeout_s > 0 && !uv_is_active((uv_handle_t *)&told->timer)) {
		uint64_t half_ms = 500 * (uint64_t)timeout_s;
		(void)uv_timer_start(&told->timer, on_silence, half_ms, half_ms);
	}
}

/* What is sent. */

static void flush(kaname_told_t *told);

/*! Makes room; NULL if out of memory. */
static char *reserve(text_t *text, size_t len)
{
	if (text->size - text->len < len) {
		size_t size = 2 * text->size + len;
		char *larger = realloc(text->at, size);
		if (larger == NULL) {
			return NULL;
		}
		text->at = larger;
		text->size = size;
	}
	return text->at + text->len;
}

static void on_written(uv_write_t *write, int status)
{
	kaname_told_t *told = write->data;
	told->writing = false;
	if (status == 0) {
		flush(told);
	} else if (status != UV_EPIPE && status != UV_ECONNRESET) {
		drop_errno(told, status);
	} /* Else what there is to read, if anything, shows why it hung up. */
}

/*! Sends what is to be sent, unless something is being sent: then when that has been. */
static void flush(kaname_told_t *told)
{
	if (!is_connected(told) || told->writing || told->asked.len == 0) {
		return;
	}
	text_t empty = told->sent;
	told->sent = told->asked;
	told->asked = empty;
	told->asked.len = 0;
	uv_buf_t buffer = uv_buf_init(told->sent.at, (unsigned)told->sent.len);
	int ret = uv_write(&told->write, (uv_stream_t *)&told->pipe, &buffer, 1, on_written);
	told->writing = ret == 0;
	if (ret != 0) {
		drop_errno(told, ret);
	}
}

static void on_flush(uv_prepare_t *prepare)
{
	kaname_told_t *told = prepare->data;
	(void)uv_prepare_stop(prepare);
	if (told->no_memory) {
		drop_errno(told, UV_ENOMEM);
	}
	flush(told);
}

bool kaname_told_ask(kaname_told_t *told, uint64_t token, const knot_dname_t *zone,
                     const knot_dname_t *owner, uint32_t ttl, const knot_dname_t *const *targets,
                     size_t count)
{
	if (kaname_told_room(told) == 0) {
		return false;
	}
	(void)uv_prepare_start(&told->flush, on_flush);
	char *at = reserve(&told->asked, ANAME_FOLLOW_LINE_MAX);
	if (at == NULL) {
		told->no_memory = true;
		return false;
	}
	told->asked.len += kaname_told_question_write(at, token, zone, owner, ttl, targets, count);
	told->tokens[(told->first + told->count++) % QUESTIONS_MAX] = token;
	await_answer(told);
	return true;
}

unsigned kaname_told_room(const kaname_told_t *told)
{
	return !told->ending && told->state == UP && !told->no_memory ? QUESTIONS_MAX - told->count
	                                                              : 0;
}

/* What comes. */

/*! An answer: to the question that has waited longest. */
static void take_set(kaname_told_t *told, const kaname_line_t *line)
{
	uint64_t token = told->tokens[told->first];
	if (told->count == 0 || !kaname_told_answer_is_to(line, token)) {
		drop(told, "it answered something else than what was asked", NEXT_VERSION);
		return;
	}
	told->first = (told->first + 1) % QUESTIONS_MAX;
	told->count--;
	kaname_told_answer_read(line, &told->set);
	told->calls.set(told->calls.ctx, token, &told->set);
}

static void take_changed(kaname_told_t *told, const kaname_line_t *line)
{
	knot_dname_storage_t name;
	const char *text = kaname_live_field(line, ANAME_KEY_NAME);
	if (text != NULL && knot_dname_from_str(name, text, sizeof(name)) != NULL) {
		knot_dname_to_lower(name);
		told->calls.changed(told->calls.ctx, name);
	}
}

static void take_refusal(kaname_told_t *told, const char *word, const kaname_line_t *line)
{
	const char *why = kaname_live_field(line, ANAME_KEY_WHY);
	const char *next = NEXT_VERSION;
	if (strcmp(word, ANAME_STATUS_REFUSED) == 0) {
		next = "end one of those that follow: does 'kaname follow' run more than once?";
	} else if (told->state != UP) {
		next = "the module that runs is older than this kaname: restart knotd after an "
		       "upgrade";
	}
	drop(told, why != NULL && why[0] != '\0' ? why : "it does not say why", next);
}

/*! Takes a line, in whose place a zero is at `end`. */
static void take_line(kaname_told_t *told, char *word, char *end)
{
	if (told->state == CONNECTING) {
		if (strcmp(word, ANAME_STATUS_FORMAT) != 0) {
			drop(told, "it speaks otherwise than this version of kaname", NEXT_VERSION);
			return;
		}
		told->state = GREETED;
		return;
	}
	for (char *at = word; (at = memchr(at, '\t', end - at)) != NULL;) {
		*at++ = '\0';
	}
	const kaname_line_t line = { .at = word, .end = end };
	if (strcmp(word, ANAME_STATUS_REFUSED) == 0 || strcmp(word, ANAME_STATUS_ERROR) == 0) {
		take_refusal(told, word, &line);
	} else if (told->state == GREETED && strcmp(word, ANAME_STATUS_SERVER) == 0) {
		told->state = UP;
		told->up_ms = uv_now(told->pipe.loop);
		told->why[0] = '\0';
		told->calls.up(told->calls.ctx);
	} else if (told->state == UP && strcmp(word, ANAME_STATUS_SET) == 0) {
		take_set(told, &line);
	} else if (told->state == UP && strcmp(word, ANAME_STATUS_CHANGED) == 0) {
		take_changed(told, &line);
	} else if (told->state == UP && strcmp(word, ANAME_STATUS_LOST) == 0) {
		told->calls.lost(told->calls.ctx);
	}
}

/*! Takes the lines that are whole. */
static void take_lines(kaname_told_t *told)
{
	char *at = told->in, *const behind = told->in + told->in_len;
	for (char *end; is_connected(told) && (end = memchr(at, '\n', behind - at)) != NULL;
	     at = end + 1) {
		*end = '\0';
		if (!told->skipping) {
			take_line(told, at, end);
		}
		told->skipping = false;
	}
	told->in_len = behind - at;
	memmove(told->in, at, told->in_len);
	if (told->in_len == sizeof(told->in)) {
		static const char answer[] = ANAME_STATUS_SET "\t";
		if (!told->skipping && memcmp(told->in, answer, strlen(answer)) == 0) {
			drop(told, "its answer is too long", NEXT_VERSION);
		}
		told->in_len = 0;
		told->skipping = true;
	}
}

static void on_room_wanted(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
	kaname_told_t *told = handle->data;
	*buffer = uv_buf_init(told->in + told->in_len, sizeof(told->in) - told->in_len);
}

static void on_read(uv_stream_t *stream, ssize_t got, const uv_buf_t *buffer)
{
	kaname_told_t *told = stream->data;
	if (got == UV_EOF || got == UV_ECONNRESET) {
		drop(told,
		     told->state == CONNECTING ? "it is busy with other clients"
		                               : "the server has ended the connection",
		     NEXT_ENDED);
	} else if (got < 0) {
		drop_errno(told, (int)got);
	} else {
		told->silent = false;
		told->in_len += got;
		take_lines(told);
		if (is_connected(told) && told->state == UP && told->count == 0) {
			(void)uv_timer_stop(&told->timer);
		}
	}
}

/* The beginning of a connection. */

static void on_connected(uv_connect_t *connect, int status)
{
	static const char request[] = ANAME_STATUS_FOLLOW "\n";
	kaname_told_t *told = connect->data;
	if (!is_connected(told)) {
		return;
	}
	status = status == 0 ? uv_read_start((uv_stream_t *)&told->pipe, on_room_wanted, on_read)
	                     : status;
	char *at = status == 0 ? reserve(&told->asked, sizeof(request)) : NULL;
	if (at == NULL) {
		drop_errno(told, status != 0 ? status : UV_ENOMEM);
		return;
	}
	memcpy(at, request, strlen(request));
	told->asked.len += strlen(request);
	flush(told);
}

static void on_again(uv_timer_t *timer)
{
	kaname_told_t *told = timer->data;
	char path[PATH_MAX];
	kaname_socket_path(told->args, path, sizeof(path));
	told->state = CONNECTING;
	told->in_len = told->asked.len = 0;
	told->first = told->count = 0;
	told->skipping = told->no_memory = false;
	(void)uv_pipe_init(timer->loop, &told->pipe, 0);
	told->handles++;
	await_answer(told);
	if (strlen(path) >= ANAME_STATUS_PATH_MAX) {
		drop_errno(told, UV_ENAMETOOLONG);
		return;
	}
	uv_pipe_connect(&told->connect, &told->pipe, path, on_connected);
}

kaname_told_t *kaname_told_new(uv_loop_t *loop, const kaname_args_t *args,
                               const kaname_told_calls_t *calls)
{
	kaname_told_t *told = calloc(1, sizeof(*told));
	if (told == NULL) {
		return NULL;
	}
	told->args = args;
	told->calls = *calls;
	told->again_ms = AGAIN_MS;
	(void)uv_timer_init(loop, &told->timer);
	(void)uv_prepare_init(loop, &told->flush);
	told->handles = 2;
	told->pipe.data = told->timer.data = told->flush.data = told;
	told->connect.data = told->write.data = told;
	(void)uv_timer_start(&told->timer, on_again, 0, 0);
	return told;
}

void kaname_told_close(kaname_told_t *told)
{
	if (told == NULL || told->ending) {
		return;
	}
	if (is_connected(told)) {
		uv_close((uv_handle_t *)&told->pipe, on_pipe_closed);
	}
	told->ending = true;
	uv_close((uv_handle_t *)&told->timer, on_handle_closed);
	uv_close((uv_handle_t *)&told->flush, on_handle_closed);
}
