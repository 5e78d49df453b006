/* W3: the ring of events for each who watches. */

#include "support/test.h"

#include <stdio.h>

#include "log/tell.h"
#include "log/watch.h"
#include "support/alloc.h"
#include "support/make.h"

/*! One who watches, and what it got. */
typedef struct {
	aname_watcher_t watcher;
	const char *wanted; /*!< A target's name; NULL: all. */
	unsigned called;
	char text[4 * ANAME_WATCH_RING];
	size_t len;
} viewer_t;

static bool wants(const void *ctx, const knot_dname_t *target)
{
	const viewer_t *viewer = ctx;
	const name_t name = make_name(viewer->wanted);
	return knot_dname_is_equal(name.at, target);
}

static void ready(void *ctx)
{
	viewer_t *viewer = ctx;
	viewer->called++;
}

static void view(aname_watch_t *watch, viewer_t *viewer, const char *wanted)
{
	memset(viewer, 0, sizeof(*viewer));
	viewer->wanted = wanted;
	viewer->watcher.wants = wanted != NULL ? wants : NULL;
	viewer->watcher.ready = ready;
	viewer->watcher.ctx = viewer;
	aname_watch_add(watch, &viewer->watcher);
}

/*! Takes all there is, in pieces of this size; returns how many lines. */
static unsigned take(viewer_t *viewer, size_t size)
{
	unsigned lines = 0;
	char piece[ANAME_WATCH_LINE_MAX + 8192];
	assert_true(size <= sizeof(piece) && size >= ANAME_WATCH_LINE_MAX);
	viewer->len = 0;
	for (size_t len; (len = aname_watcher_take(&viewer->watcher, piece, size)) > 0;) {
		assert_true(len <= size && piece[len - 1] == '\n');
		assert_true(viewer->len + len < sizeof(viewer->text));
		memcpy(viewer->text + viewer->len, piece, len);
		viewer->len += len;
	}
	viewer->text[viewer->len] = '\0';
	for (size_t i = 0; i < viewer->len; i++) {
		lines += viewer->text[i] == '\n';
	}
	return lines;
}

/*! Tells an event with a number and so many octets beside; false if nobody wants it. */
static bool tell(aname_watch_t *watch, const char *target, unsigned number, size_t octets,
                 aname_watch_whom_t whom)
{
	static aname_watch_line_t line;
	static char filling[ANAME_WATCH_LINE_MAX];
	name_t name = make_name(target != NULL ? target : ".");
	if (!aname_watch_begin(&line, watch, "test", target != NULL ? name.at : NULL, whom)) {
		return false;
	}
	memset(filling, 'x', octets);
	filling[octets] = '\0';
	aname_watch_field(&line, "n", "%u", number);
	aname_watch_field(&line, "filling", "%s", filling);
	aname_watch_end(&line);
	return true;
}

static void nobody(void **state)
{
	aname_watch_t watch = { NULL };
	assert_false(aname_watch_any(&watch));
	assert_false(tell(&watch, "a.example.", 0, 1, ANAME_WATCH_ALL));
	aname_tell_limit(&watch, "queue", 1);
	aname_tell_doubt(&watch, true);
}

static void who_wants_what(void **state)
{
	static viewer_t all, named;
	aname_watch_t watch = { NULL };
	view(&watch, &all, NULL);
	view(&watch, &named, "a.example.");
	assert_true(aname_watch_any(&watch));
	assert_true(tell(&watch, "a.example.", 1, 1, ANAME_WATCH_ALL));
	assert_true(tell(&watch, "b.example.", 2, 1, ANAME_WATCH_ALL));
	assert_true(tell(&watch, NULL, 3, 1, ANAME_WATCH_ALL));
	assert_true(tell(&watch, "a.example.", 4, 1, ANAME_WATCH_NAMED));
	assert_false(tell(&watch, "b.example.", 5, 1, ANAME_WATCH_NAMED));
	assert_int_equal(all.called, 3);
	assert_int_equal(named.called, 3);
	assert_int_equal(take(&all, ANAME_WATCH_LINE_MAX), 3);
	assert_non_null(strstr(all.text, "\tname=b.example.\tn=2\t"));
	assert_null(strstr(all.text, "\tn=4\t"));
	assert_int_equal(take(&named, ANAME_WATCH_LINE_MAX), 3);
	assert_non_null(strstr(named.text, "\tname=a.example.\tn=1\t"));
	assert_null(strstr(named.text, "\tname=b.example."));
	assert_non_null(strstr(named.text, "\tn=3\t"));
	assert_non_null(strstr(named.text, "\tn=4\t"));
	aname_watch_remove(&watch, &all.watcher);
	assert_true(tell(&watch, "a.example.", 6, 1, ANAME_WATCH_ALL));
	assert_int_equal(take(&all, ANAME_WATCH_LINE_MAX), 0);
	aname_watch_remove(&watch, &named.watcher);
	aname_watch_remove(&watch, &named.watcher);
	assert_false(aname_watch_any(&watch));
}

/*! The numbers of the lines, in order; what is lost makes up for the rest. */
static unsigned check_order(const viewer_t *viewer, unsigned from)
{
	unsigned next = from;
	for (const char *line = viewer->text; *line != '\0'; line = strchr(line, '\n') + 1) {
		const char *end = strchr(line, '\n'), *number = strstr(line, "\tn="),
		           *lost = strstr(line, "\tcount=");
		if (strncmp(line, "event\tevent=lost\t", 17) == 0) {
			assert_true(lost != NULL && lost < end);
			next += strtoul(lost + 7, NULL, 10);
		} else {
			assert_true(number != NULL && number < end);
			assert_int_equal(strtoul(number + 3, NULL, 10), next);
			next++;
		}
	}
	return next;
}

/*! What does not fit is told where it would have been. */
static void lost(void **state)
{
	static viewer_t slow, fast;
	aname_watch_t watch = { NULL };
	view(&watch, &slow, NULL);
	view(&watch, &fast, NULL);
	unsigned told = 0, taken = 0, fast_taken = 0;
	for (unsigned round = 0; round < 50; round++) {
		/* More than fits, of all lengths, so that lines lie across the ring's end. */
		for (unsigned i = 0; i < 40 + 7 * round; i++) {
			assert_true(
			        tell(&watch, NULL, told, 1 + (37 * told) % 3000, ANAME_WATCH_ALL));
			told++;
			(void)take(&fast, ANAME_WATCH_LINE_MAX);
			fast_taken = check_order(&fast, fast_taken);
		}
		(void)take(&slow, ANAME_WATCH_LINE_MAX + round * 100);
		taken = check_order(&slow, taken);
		/* What was lost last is told though nothing comes after it. */
		assert_int_equal(taken, told);
		assert_int_equal(fast_taken, told);
		assert_null(strstr(fast.text, "event=lost"));
		if (round > 10) {
			assert_non_null(strstr(slow.text, "event=lost"));
		}
	}
	aname_watch_remove(&watch, &slow.watcher);
	/* Nobody else's room counts. */
	assert_true(tell(&watch, NULL, told, 1, ANAME_WATCH_ALL));
	aname_watch_remove(&watch, &fast.watcher);
}

static void what_no_value_can_have(void **state)
{
	static viewer_t all;
	static aname_watch_line_t line;
	aname_watch_t watch = { NULL };
	view(&watch, &all, NULL);
	assert_true(aname_watch_begin(&line, &watch, "test", NULL, ANAME_WATCH_ALL));
	aname_watch_field(&line, "path", "%s", "/a\tb\nc\x1b");
	for (unsigned i = 0; i < 100; i++) {
		aname_watch_field(&line, "long", "%0300u", i);
	}
	aname_watch_end(&line);
	assert_int_equal(take(&all, ANAME_WATCH_LINE_MAX), 1);
	assert_non_null(strstr(all.text, "\tpath=/a?b?c?\t"));
	assert_true(all.len <= ANAME_WATCH_LINE_MAX);
	aname_watch_remove(&watch, &all.watcher);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PROVES("while nobody watches nothing is told", nobody),
		PROVES("W3: who watches some targets is told of these, and of the whole server",
		       who_wants_what),
		PROVES("W3: what a slow reader loses is counted where it would have been, and no "
		       "other one's",
		       lost),
		PROVES("a value holds no tab and no line end, and a line has an end",
		       what_no_value_can_have),
	};
	return RUN_TESTS("watch", tests);
}
