#include "log/watch.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/*! Room for the line that tells how many events were left out. */
#define LOST_MAX 100

void aname_watch_add(aname_watch_t *watch, aname_watcher_t *watcher)
{
	watcher->next = watch->first;
	watch->first = watcher;
}

void aname_watch_remove(aname_watch_t *watch, aname_watcher_t *watcher)
{
	for (aname_watcher_t **at = &watch->first; *at != NULL; at = &(*at)->next) {
		if (*at == watcher) {
			*at = watcher->next;
			return;
		}
	}
}

/* The ring. */

static size_t room(const aname_watcher_t *watcher)
{
	return sizeof(watcher->ring) - watcher->len;
}

static void put(aname_watcher_t *watcher, const char *text, size_t len)
{
	size_t end = (watcher->first + watcher->len) % sizeof(watcher->ring);
	size_t piece = sizeof(watcher->ring) - end;
	piece = piece < len ? piece : len;
	memcpy(watcher->ring + end, text, piece);
	memcpy(watcher->ring, text + piece, len - piece);
	watcher->len += len;
}

/*! Octets of the first line, its end included; there is one. */
static size_t first_line(const aname_watcher_t *watcher)
{
	size_t len = 0;
	while (watcher->ring[(watcher->first + len) % sizeof(watcher->ring)] != '\n') {
		len++;
	}
	return len + 1;
}

static int64_t clock_ms(void)
{
	struct timespec now;
	(void)clock_gettime(CLOCK_REALTIME, &now);
	return 1000 * (int64_t)now.tv_sec + now.tv_nsec / 1000000;
}

/*! Writes that events were left out, if some were. */
static void put_lost(aname_watcher_t *watcher)
{
	if (watcher->lost > 0) {
		char text[LOST_MAX];
		int len = snprintf(text, sizeof(text),
		                   ANAME_STATUS_EVENT "\t" ANAME_KEY_EVENT "=" ANAME_EVENT_LOST
		                                      "\t" ANAME_KEY_TIME "=%" PRId64
		                                      "\t" ANAME_KEY_COUNT "=%" PRIu64 "\n",
		                   clock_ms(), watcher->lost);
		put(watcher, text, len);
		watcher->lost = 0;
	}
}

size_t aname_watcher_take(aname_watcher_t *watcher, char *to, size_t size)
{
	size_t len = 0;
	if (watcher->len == 0) {
		put_lost(watcher);
	}
	while (watcher->len > 0) {
		size_t line = first_line(watcher);
		if (line > size - len) {
			break;
		}
		size_t piece = sizeof(watcher->ring) - watcher->first;
		piece = piece < line ? piece : line;
		memcpy(to + len, watcher->ring + watcher->first, piece);
		memcpy(to + len + piece, watcher->ring, line - piece);
		watcher->first = (watcher->first + line) % sizeof(watcher->ring);
		watcher->len -= line;
		len += line;
	}
	return len;
}

/* Telling. */

static bool wants(const aname_watcher_t *watcher, const knot_dname_t *target,
                  aname_watch_whom_t whom)
{
	if (watcher->wants == NULL || target == NULL) {
		return whom == ANAME_WATCH_ALL;
	}
	return watcher->wants(watcher->ctx, target);
}

bool aname_watch_begin(aname_watch_line_t *line, aname_watch_t *watch, const char *event,
                       const knot_dname_t *target, aname_watch_whom_t whom)
{
	bool any = false;
	for (aname_watcher_t *watcher = watch->first; watcher != NULL; watcher = watcher->next) {
		bool wanted = wants(watcher, target, whom);
		watcher->takes = wanted && room(watcher) >= ANAME_WATCH_LINE_MAX + LOST_MAX;
		watcher->lost += wanted && !watcher->takes;
		any |= watcher->takes;
	}
	if (!any) {
		return false;
	}
	line->watch = watch;
	line->len =
	        snprintf(line->text, sizeof(line->text),
	                 ANAME_STATUS_EVENT "\t" ANAME_KEY_EVENT "=%s\t" ANAME_KEY_TIME "=%" PRId64,
	                 event, clock_ms());
	knot_dname_txt_storage_t name;
	if (target != NULL && knot_dname_to_str(name, target, sizeof(name)) != NULL) {
		aname_watch_field(line, ANAME_KEY_NAME, "%s", name);
	}
	return true;
}

void aname_watch_field(aname_watch_line_t *line, const char *key, const char *format, ...)
{
	char value[ANAME_WATCH_LINE_MAX / 2];
	va_list args;
	va_start(args, format);
	(void)vsnprintf(value, sizeof(value), format, args);
	va_end(args);
	for (char *at = value; *at != '\0'; at++) {
		*at = (unsigned char)*at < ' ' ? '?' : *at;
	}
	size_t left = sizeof(line->text) - line->len - 1; /* The line's end. */
	int len = snprintf(line->text + line->len, left, "\t%s=%s", key, value);
	line->len += len < (int)left ? len : 0;
}

void aname_watch_end(aname_watch_line_t *line)
{
	line->text[line->len++] = '\n';
	for (aname_watcher_t *next, *watcher = line->watch->first; watcher != NULL;
	     watcher = next) {
		next = watcher->next;
		if (watcher->takes) {
			put_lost(watcher);
			put(watcher, line->text, line->len);
			watcher->ready(watcher->ctx);
		}
	}
}
