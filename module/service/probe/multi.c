#include "service/probe/multi.h"

#include <stdlib.h>

/*! A socket of libcurl's that the loop watches. */
typedef struct watch {
	uv_poll_t poll;
	aname_multi_t *multi;
	curl_socket_t fd;
	struct watch *next, **at;
} watch_t;

struct aname_multi {
	CURLM *curl;
	uv_timer_t timer;
	watch_t *watches;
	aname_multi_ended_f ended;
};

/* What the loop calls. */

/*! Has libcurl act, and tells of transfers that have ended. */
static void act(aname_multi_t *multi, curl_socket_t fd, int events)
{
	int running;
	(void)curl_multi_socket_action(multi->curl, fd, events, &running);

	int left;
	const CURLMsg *message;
	while ((message = curl_multi_info_read(multi->curl, &left)) != NULL) {
		if (message->msg == CURLMSG_DONE) {
			multi->ended(message->easy_handle, message->data.result);
		}
	}
}

static void on_timer(uv_timer_t *timer)
{
	act(timer->data, CURL_SOCKET_TIMEOUT, 0);
}

static void on_ready(uv_poll_t *poll, int ret, int events)
{
	const watch_t *watch = poll->data;
	int what = ret != 0 ? CURL_CSELECT_ERR : 0;
	what |= (events & UV_READABLE) != 0 ? CURL_CSELECT_IN : 0;
	what |= (events & UV_WRITABLE) != 0 ? CURL_CSELECT_OUT : 0;
	act(watch->multi, watch->fd, what);
}

/* What libcurl calls, from within our calls. */

static void on_unwatched(uv_handle_t *poll)
{
	free(poll->data);
}

static void unwatch(watch_t *watch)
{
	*watch->at = watch->next;
	if (watch->next != NULL) {
		watch->next->at = watch->at;
	}
	uv_close((uv_handle_t *)&watch->poll, on_unwatched);
}

/*! Makes a watch; NULL if that cannot be. */
static watch_t *watch_new(aname_multi_t *multi, curl_socket_t fd)
{
	watch_t *watch = calloc(1, sizeof(*watch));
	if (watch == NULL || uv_poll_init_socket(multi->timer.loop, &watch->poll, fd) != 0) {
		free(watch);
		return NULL;
	}
	watch->poll.data = watch;
	watch->multi = multi;
	watch->fd = fd;
	watch->next = multi->watches;
	watch->at = &multi->watches;
	if (watch->next != NULL) {
		watch->next->at = &watch->next;
	}
	multi->watches = watch;
	return watch;
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *ctx, void *assigned)
{
	aname_multi_t *multi = ctx;
	watch_t *watch = assigned;
	if (what == CURL_POLL_REMOVE) {
		if (watch != NULL) {
			unwatch(watch);
		}
		return 0;
	}
	if (watch == NULL) {
		watch = watch_new(multi, fd);
		if (watch == NULL) {
			return 0; /* It ends by time. */
		}
		(void)curl_multi_assign(multi->curl, fd, watch);
	}
	int events = (what & CURL_POLL_IN) != 0 ? UV_READABLE : 0;
	events |= (what & CURL_POLL_OUT) != 0 ? UV_WRITABLE : 0;
	(void)uv_poll_start(&watch->poll, events, on_ready);
	return 0;
}

static int on_wait(CURLM *curl, long wait_ms, void *ctx)
{
	aname_multi_t *multi = ctx;
	if (wait_ms < 0) {
		return uv_timer_stop(&multi->timer);
	}
	/* Our clock goes by whole milliseconds, and who is woken too soon is not woken again. */
	uv_update_time(multi->timer.loop);
	return uv_timer_start(&multi->timer, on_timer, wait_ms > 0 ? wait_ms + 1 : 0, 0);
}

/* The interface. */

bool aname_multi_add(aname_multi_t *multi, CURL *easy)
{
	return curl_multi_add_handle(multi->curl, easy) == CURLM_OK;
}

void aname_multi_remove(aname_multi_t *multi, CURL *easy)
{
	(void)curl_multi_remove_handle(multi->curl, easy);
}

static void on_timer_closed(uv_handle_t *timer)
{
	free(timer->data);
}

aname_multi_t *aname_multi_new(uv_loop_t *loop, aname_multi_ended_f ended)
{
	aname_multi_t *multi = calloc(1, sizeof(*multi));
	if (multi == NULL) {
		return NULL;
	}
	multi->curl = curl_multi_init();
	if (multi->curl == NULL) {
		free(multi);
		return NULL;
	}
	(void)uv_timer_init(loop, &multi->timer); /* Never fails. */
	multi->timer.data = multi;
	multi->ended = ended;
	(void)curl_multi_setopt(multi->curl, CURLMOPT_SOCKETFUNCTION, on_socket);
	(void)curl_multi_setopt(multi->curl, CURLMOPT_SOCKETDATA, multi);
	(void)curl_multi_setopt(multi->curl, CURLMOPT_TIMERFUNCTION, on_wait);
	(void)curl_multi_setopt(multi->curl, CURLMOPT_TIMERDATA, multi);
	return multi;
}

void aname_multi_free(aname_multi_t *multi)
{
	/* What it would still want watched, such as connections that are being shut down, it
	 * closes itself now. */
	(void)curl_multi_setopt(multi->curl, CURLMOPT_SOCKETFUNCTION, NULL);
	(void)curl_multi_setopt(multi->curl, CURLMOPT_TIMERFUNCTION, NULL);
	while (multi->watches != NULL) {
		unwatch(multi->watches);
	}
	(void)curl_multi_cleanup(multi->curl);
	uv_close((uv_handle_t *)&multi->timer, on_timer_closed);
}
